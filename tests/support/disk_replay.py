# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine recorded by tests/support/record_disks.py, as the resolver sees it, and the resolver run on it."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from typing import Any

from disk_machines import RECORDED

from org_ovirt_node.facts.record import Record, read
from org_ovirt_node.programs import disks

# What record_disks.py writes beside the facts: what the resolver then did and said.
_DONE = ("shown", "unchanged")


@functools.cache
def recording(name: str) -> dict[str, Any]:
    return dict(json.loads((RECORDED / f"{name}.json").read_text()))


@functools.cache
def facts_text(name: str) -> str:
    """The facts of the recorded machine, as a file."""
    return json.dumps({key: value for key, value in recording(name).items() if key not in _DONE}, indent=1)


def record(name: str) -> Record:
    return read(facts_text(name))


class Replay(disks.Target):
    """The recorded machine; what is done to it is written down, and the commands named in `failing` fail."""

    def __init__(self, name: str, failing: str = "", addon: bool = True, **links: str) -> None:
        """`links` says where udev leads a link against its rule: system0="/dev/sdb"."""
        found = recording(name)
        self.answers = {tuple(argv): (status, text, told) for argv, status, text, told in found["commands"]}
        self.insides = {device: disks.Look(tuple(look[0]), *look[1:]) for device, look in found["insides"].items()}
        self.failing = failing
        self.links = {f"/dev/disk/by-node/{name}": path for name, path in links.items()}
        self.has_addon = addon
        self.done: list[tuple[str, ...]] = []
        self.files: dict[str, str] = {"/sys/class/tty/console/active": "tty0 ttyS0\n"}
        self.heard: list[tuple[str, str]] = []
        self.paused: list[float] = []
        self.deaf: frozenset[str] = frozenset()

    def run(self, *argv: str) -> Any:
        if argv[:2] == disks.UDEV:
            argv = disks.UDEV_ALL  # what was recorded of it is about block devices
        if argv in self.answers:
            return disks.Output(*self.answers[argv])
        self.done.append(argv)
        return disks.Output(5, "", f"  {argv[0]}: it is in use\n") if argv[0] == self.failing else disks.Output(0, "")

    def directories(self, device: str, fstype: str, others: Sequence[str] = ()) -> disks.Look:
        return self.insides[device]

    def read(self, path: str) -> str:
        return self.files.get(path, "")

    def write(self, path: str, text: str) -> None:
        self.files[path] = text

    def remove(self, path: str) -> None:
        del self.files[path]

    def resolve(self, link: str) -> str:
        """The links that udev makes by the rules that were written; a map is /dev/dm-0."""
        if link == disks.ADDON:
            return link if self.has_addon else ""
        if link.startswith("/dev/disk/by-node/"):
            made = re.findall(rf'/(\w+)", SYMLINK\+="{link[5:]}"\n', self.files.get(disks.RULES, ""))
            maps = re.findall(rf'DM_UUID}}=="[^"]+", SYMLINK\+="{link[5:]}"\n', self.files.get(disks.RULES, ""))
            leads_to = [*(f"/dev/{name}" for name in made), *("/dev/dm-0" for _ in maps)]
            return self.links.get(link, leads_to[0] if leads_to else "")
        return "/dev/dm-0" if link.startswith("/dev/disk/by-id/dm-uuid-") else link

    def say(self, terminal: str, text: str) -> bool:
        self.heard.append((terminal, text))
        return terminal not in self.deaf

    def pause(self, seconds: float) -> None:
        self.paused.append(seconds)


def run(target: Replay, wanted: dict[str, Any], *arguments: str) -> int:
    target.files["/tmp/wanted.json"] = json.dumps(wanted)
    return int(disks.main(["/tmp/wanted.json", *arguments], target))
