# SPDX-License-Identifier: GPL-2.0-or-later
"""The facts of a machine, as a file: what programs/disks.py and programs/nics.py ask it, and what it answers.

docs/match.md describes the format.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Mapping
from typing import Any, Optional

from org_ovirt_node.programs.disks import Look, Output

FORMAT = "ovirt-node-facts"
VERSION = 1  # rises whenever a key comes, goes or changes its meaning
# bytes of a file: a path of a LUN takes about 2 KB, and 1,000 LUNs of 8 paths a third of it
LARGEST = 64 * 1024 * 1024

# As %pre finds it; an installed system, on which disks are mounted and in use.
INSTALLER, RUNNING = "installer", "running"

# Beside what the programs read: for the name of a machine in a report, and for a proposal.
DMI = "/sys/class/dmi/id"
VENDOR, PRODUCT, SERIAL = f"{DMI}/sys_vendor", f"{DMI}/product_name", f"{DMI}/product_serial"
STATE = "operstate"  # of a NIC


class FactsError(ValueError):
    """A text that `written` of this version has not made, or facts without an answer."""


@dataclasses.dataclass(frozen=True)
class Record:
    """All that a machine answered. `collected`: UTC, by the machine's clock; `insides` has a device's path as key."""

    kind: str
    collected: str
    hostname: str
    commands: tuple[tuple[tuple[str, ...], Output], ...]
    insides: Mapping[str, Look]
    files: Mapping[str, str]
    directories: Mapping[str, tuple[str, ...]]


def written(record: Record) -> str:
    """The text that `read` reads."""
    return json.dumps(to_json(record), indent=1)


def to_json(record: Record) -> dict[str, Any]:
    """What `of_json` reads."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "kind": record.kind,
        "collected": record.collected,
        "hostname": record.hostname,
        "commands": [[list(argv), each.status, each.text, each.complaints] for argv, each in record.commands],
        "insides": {path: [list(look.places), look.why, look.word] for path, look in record.insides.items()},
        "files": dict(record.files),
        "directories": {path: list(names) for path, names in record.directories.items()},
    }


def read(text: str) -> Record:
    """What `written` has written. FactsError: with what is not understood in it."""
    return of_json(parsed(text))


def parsed(text: str) -> Any:
    """A text as JSON. Raises FactsError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FactsError(f"not JSON: {error}") from error


def of_json(data: Any) -> Record:
    """What `to_json` has made. FactsError: with what is not understood in it."""
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise FactsError(f"not the facts of a machine: 'format' is not {FORMAT!r}")
    if data.get("version") != VERSION:
        raise FactsError(f"version {data.get('version')!r} is not {VERSION}")
    keys = ("format", "version", *(field.name for field in dataclasses.fields(Record)))
    for key in keys:
        if key not in data:
            raise FactsError(f"the key {key!r} is missing")
    for key in data:
        if key not in keys:
            raise FactsError(f"the key {key!r} is unknown")
    if data["kind"] not in (INSTALLER, RUNNING):
        raise FactsError(f"'kind' is {data['kind']!r}, which is neither {INSTALLER!r} nor {RUNNING!r}")
    return Record(
        kind=data["kind"],
        collected=_text(data["collected"], "collected"),
        hostname=_text(data["hostname"], "hostname"),
        commands=tuple(_command(each, f"commands[{n}]") for n, each in enumerate(_list(data["commands"], "commands"))),
        insides={path: _look(each, f"insides[{path!r}]") for path, each in _object(data["insides"], "insides")},
        files={path: _text(each, f"files[{path!r}]") for path, each in _object(data["files"], "files")},
        directories={
            path: _texts(each, f"directories[{path!r}]") for path, each in _object(data["directories"], "directories")
        },
    )


def _list(value: Any, what: str, length: Optional[int] = None) -> list[Any]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise FactsError(f"{what!r} is not a list" + (f" of {length}" if length else ""))
    return value


def _object(value: Any, what: str) -> Collection[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise FactsError(f"{what!r} is not an object")
    return value.items()


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise FactsError(f"{what!r} is not a string")
    return value


def _texts(value: Any, what: str) -> tuple[str, ...]:
    return tuple(_text(each, what) for each in _list(value, what))


def _command(value: Any, what: str) -> tuple[tuple[str, ...], Output]:
    argv, status, text, complaints = _list(value, what, 4)
    if type(status) is not int:  # a bool is an int for isinstance
        raise FactsError(f"the exit status of {what!r} is not a number")
    return _texts(argv, what), Output(status, _text(text, what), _text(complaints, what))


def _look(value: Any, what: str) -> Look:
    places, why, word = _list(value, what, 3)
    return Look(_texts(places, what), _text(why, what), _text(word, what))
