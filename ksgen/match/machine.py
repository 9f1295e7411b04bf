# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of facts to machines: their disks as the resolver will find them, and their NICs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ksgen.problems import Mark, Problem
from org_ovirt_node.facts.collecting import may_be_searched
from org_ovirt_node.facts.record import LARGEST, PRODUCT, RUNNING, SERIAL, STATE, VENDOR, FactsError, Record, read
from org_ovirt_node.facts.replay import NicReplay, Replay
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
    """

    file: str
    record: Record
    now: Facts
    idle: Facts
    unseen: tuple[str, ...]
    nics: Mapping[str, str]

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


def read_machines(paths: Iterable[str]) -> tuple[tuple[Machine, ...], list[Problem]]:
    """The machines of files; of a directory, each file in it that is not hidden."""
    machines, problems = [], []
    for file in (file for path in paths for file in _files(path)):
        found = read_machine(file)
        if isinstance(found, Problem):
            problems.append(found)
        else:
            machines.append(found)
    return tuple(machines), problems


def read_machine(file: str) -> Machine | Problem:
    text = _text(file)
    if isinstance(text, Problem):
        return text
    try:
        record = read(_printed(text))
    except FactsError as error:
        return Problem("facts-file", _one_line(str(error)), Mark(file, 1), hint=_CURE)
    try:
        return machine_of(file, record)
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


def _files(path: str) -> Iterator[str]:
    if not Path(path).is_dir():
        yield path
        return
    names = sorted(each.name for each in Path(path).iterdir() if each.is_file() and not each.name.startswith("."))
    yield from (str(Path(path) / name) for name in names)


def _text(file: str) -> str | Problem:
    try:
        with open(file, "rb") as opened:
            data = opened.read(LARGEST + 1)
        text = data.decode()
    except UnicodeDecodeError:
        return Problem("not-utf-8", "not UTF-8", Mark(file, 1), hint=_CURE)
    except FileNotFoundError:
        return Problem("no-such-file", "file not found", Mark(file, 1))
    except OSError as error:
        return Problem("cannot-read", f"cannot be read: {(error.strerror or str(error)).lower()}", Mark(file, 1))
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


def printable(text: str) -> str:
    """A text of a machine, for a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)
