# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of facts to machines: their disks as the resolver will find them, and their NICs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ksgen.problems import Mark, Problem
from org_ovirt_node.facts.collecting import may_be_searched
from org_ovirt_node.facts.record import (
    LARGEST,
    PRODUCT,
    RUNNING,
    SERIAL,
    STATE,
    VENDOR,
    FactsError,
    Record,
    of_json,
    parsed,
)
from org_ovirt_node.facts.replay import NicReplay, Replay
from org_ovirt_node.facts.sighting import Sighting, is_sighting
from org_ovirt_node.facts.sighting import of_json as sighting_of
from org_ovirt_node.programs import disks, nics
from org_ovirt_node.programs.disks import Candidate, Facts

_CURE = "collect the facts again with the script of `ksgen facts`"
# What an answer that no program has printed can raise while it is read.
_UNREADABLE = (FactsError, LookupError, TypeError, ValueError, AttributeError, RuntimeError)


@dataclasses.dataclass(frozen=True, eq=False)
class Machine:
    """A machine of which the facts are known.

    `now`: its disks when the facts were collected. `idle`: as the resolver will find them, with nothing mounted, and
    with what is in file systems. `unseen`: paths of devices of which that could not be seen. `nics`: MAC address, name.
    `sighting`: what else is known of one that was discovered.
    """

    file: str
    record: Record
    now: Facts
    idle: Facts
    unseen: tuple[str, ...]
    nics: Mapping[str, str]
    sighting: Sighting | None = None

    @property
    def is_running(self) -> bool:
        return self.record.kind == RUNNING

    @property
    def label(self) -> str:
        """Vendor, model and serial number, as far as the firmware has them; made for a message."""
        vendor, product, serial = (self.record.files.get(path, "").strip() for path in (VENDOR, PRODUCT, SERIAL))
        name = " ".join(filter(None, (vendor, product)))
        return ", ".join(filter(None, (name, serial and f"serial number {serial}"))) or "unknown model"

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        return disks.candidates(self.idle)

    def has_link(self, nic: str) -> bool:
        return self.record.files.get(f"{nics.NET}/{nic}/{STATE}", "").strip() == "up"

    def unseen_on(self, candidate: Candidate) -> tuple[str, ...]:
        """The names of those devices on a disk."""
        stack = self.idle.stack(candidate.names)
        return tuple(device.shown for device in stack if device.path in self.unseen)

    def to_json(self) -> dict[str, object]:
        """The machine as `ksgen match --json` prints it, without a host."""
        return {
            "file": self.file,
            "kind": self.record.kind,
            "collected": self.record.collected,
            "hostname": self.record.hostname,
            "machine": self.label,
            "host": None,
        }


def read_machines(paths: Iterable[str]) -> tuple[tuple[Machine, ...], list[Problem]]:
    """The machines of files; of a directory, each file in it that is not hidden."""
    machines, problems = [], []
    for found in (found for path in paths for found in _found(path)):
        if isinstance(found, Problem):
            problems.append(found)
        else:
            machines.append(found)
    return tuple(machines), problems


def _found(path: str) -> Iterator[Machine | Problem]:
    if not Path(path).is_dir():
        yield read_machine(path)
        return
    try:
        names = sorted(each.name for each in Path(path).iterdir() if each.is_file() and not each.name.startswith("."))
    except OSError as error:
        yield _unreadable(path, error)
        return
    if not names:
        yield Problem("facts-file", "the directory has no file of facts", Mark(path, 1), hint=_CURE)
    yield from (read_machine(str(Path(path) / name)) for name in names)


def read_machine(file: str) -> Machine | Problem:
    text = _text(file)
    if isinstance(text, Problem):
        return text
    try:
        data = parsed(_printed(text))
    except FactsError as error:
        return Problem("facts-file", _one_line(str(error)), Mark(file, 1), hint=_CURE)
    return machine_from(file, data)


def machine_from(file: str, data: object) -> Machine | Problem:
    """The machine of facts, or of a sighting, as JSON. `file`: where it was read."""
    try:
        sighting = sighting_of(data) if is_sighting(data) else None
        record = sighting.facts if sighting else of_json(data)
    except FactsError as error:
        return Problem("facts-file", _one_line(str(error)), Mark(file, 1), hint=_CURE)
    try:
        return dataclasses.replace(machine_of(file, record), sighting=sighting)
    except _UNREADABLE as error:
        why = str(error) if isinstance(error, FactsError) else f"{type(error).__name__}: {error}"
        return Problem(
            "facts-answer", f"the answers of the machine cannot be read: {_one_line(why)}", Mark(file, 1), hint=_CURE
        )


def machine_of(file: str, record: Record) -> Machine:
    """Ask a recorded machine everything that can be asked for any inventory."""
    now = disks.gather(Replay(record))
    target = Replay(record, is_idle=True)
    idle = disks.gather(target)
    searched = [each for each in disks.candidates(idle) if may_be_searched(idle, each)]
    idle = disks.look_inside(target, idle, searched)
    return Machine(file, record, now, idle, tuple(target.unseen), nics.gather(NicReplay(record)))


def _unreadable(file: str, error: OSError) -> Problem:
    if isinstance(error, FileNotFoundError):
        return Problem("no-such-file", "file not found", Mark(file, 1))
    return Problem("cannot-read", f"cannot be read: {(error.strerror or str(error)).lower()}", Mark(file, 1))


def _text(file: str) -> str | Problem:
    try:
        with open(file, "rb") as opened:
            data = opened.read(LARGEST + 1)
        text = data.decode()
    except UnicodeDecodeError:
        return Problem("not-utf-8", "not UTF-8", Mark(file, 1), hint=_CURE)
    except OSError as error:
        return _unreadable(file, error)
    if len(data) > LARGEST:
        return Problem("facts-file", f"more than {LARGEST // 2**20} MiB", Mark(file, 1), hint=_CURE)
    return text


def _printed(text: str) -> str:
    """The output of the script, also where the file is Ansible's result of running it."""
    try:
        result = json.loads(text)
    except (ValueError, RecursionError):
        return text
    printed = result.get("stdout") if isinstance(result, dict) and "format" not in result else None
    return printed if isinstance(printed, str) else text


def _one_line(text: str) -> str:
    return printable(" ".join(text.split()))


def nominal_size(size: int) -> str:
    """A size in bytes as it is printed on disks, which node_disk takes with some tolerance."""
    return f"{size / 1e9:.0f} GB" if size >= 1e10 else f"{size / 1e6:.0f} MB"


def printable(text: str) -> str:
    """A text of a machine, for a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)
