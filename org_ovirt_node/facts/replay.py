# SPDX-License-Identifier: GPL-2.0-or-later
"""A recorded machine: it answers programs/disks.py and programs/nics.py as it did when its facts were collected."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import Any

from org_ovirt_node.facts.record import INSTALLER, RUNNING, FactsError, Record
from org_ovirt_node.programs import disks, nics
from org_ovirt_node.programs.disks import Look, Output

_TABLES = {"pvs": "pv", "lvs": "lv"}
_NOT_INSTALLED = 127  # as disks.Target has it for a command that is not found


class Replay(disks.Target):
    """A machine that answers as it did; nothing can be done to it.

    With `is_idle` a running system answers as it will in an installer: what was mounted is not. FactsError: the facts
    have no answer.
    """

    def __init__(self, record: Record, is_idle: bool = False) -> None:
        super().__init__()
        self.record = record
        self.answers = dict(record.commands)
        self.is_idle = is_idle and record.kind == RUNNING
        self.unseen: list[str] = []  # devices that the program would search, and which could not be searched

    def run(self, *argv: str) -> Output:
        # Facts may have all devices where some are asked for.
        if argv not in self.answers and argv[: len(disks.UDEV)] == disks.UDEV:
            argv = next((each for each in self.answers if each[: len(disks.UDEV)] == disks.UDEV), argv)
        if argv not in self.answers:
            raise FactsError(f"no answer to the command: {' '.join(argv)}")
        output = self.answers[argv]
        if argv == disks.LSBLK and self.is_idle:
            return dataclasses.replace(output, text=unmounted(output.text))
        if argv[0] in _TABLES and output.status == _NOT_INSTALLED and not self._has_lvm():
            return Output(0, json.dumps({"report": [{_TABLES[argv[0]]: []}]}))
        return output

    def _has_lvm(self) -> bool:
        """Whether a disk has a physical volume, by udev or wipefs; then it is not enough that LVM is not installed."""
        return self.record.kind == INSTALLER or any("LVM2_member" in each.text for _, each in self.record.commands)

    def read(self, path: str) -> str:
        return self.record.files.get(path, "")

    def directories(self, device: str, _fstype: str, _others: Sequence[str] = ()) -> Look:
        look = self.record.insides.get(device)
        if look is None and self.record.kind == INSTALLER:
            raise FactsError(f"no record of what is inside {device}")
        if look is None:
            self.unseen.append(device)
        return look or Look()

    def write(self, path: str, _text: str) -> None:
        raise TypeError(f"{path} cannot be written: this machine is a record")

    def remove(self, path: str) -> None:
        raise TypeError(f"{path} cannot be removed: this machine is a record")

    def say(self, terminal: str, _text: str) -> bool:
        raise TypeError(f"{terminal} cannot be written to: this machine is a record")


def unmounted(text: str) -> str:
    """lsblk's answer without mounts and swap."""
    try:
        tree = json.loads(text)
    except ValueError:
        return text
    for node in _nodes(tree):
        node["mountpoints"] = []
    return json.dumps(tree)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in JSON that has mount points."""
    if isinstance(value, dict):
        if "mountpoints" in value:
            yield value
        for each in value.values():
            yield from _nodes(each)
    elif isinstance(value, list):
        for each in value:
            yield from _nodes(each)


class NicReplay(nics.Target):
    """The NICs of a machine as they were."""

    def __init__(self, record: Record) -> None:
        self.record = record

    def names(self, directory: str) -> list[str]:
        if directory not in self.record.directories:
            raise FactsError(f"no list of {directory}")
        return list(self.record.directories[directory])

    def has(self, path: str) -> bool:
        return path in self.record.files

    def read(self, path: str) -> str:
        if path not in self.record.files:
            raise FactsError(f"no record of {path}")
        return self.record.files[path]
