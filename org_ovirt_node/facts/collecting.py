# SPDX-License-Identifier: GPL-2.0-or-later
"""Collects the facts of a machine. `ksgen facts` prints this module, record.py and both programs as one script.

The script runs in an installer, on a live medium or on an installed system, with the standard library of Python 3.9.
What it asks a machine is what the programs ask it, with their own code. It writes to no disk.
"""

from __future__ import annotations

import dataclasses
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from typing import Optional

from org_ovirt_node.facts.record import (
    INSTALLER,
    LARGEST,
    PRODUCT,
    RUNNING,
    SERIAL,
    STATE,
    VENDOR,
    Record,
    written,
)
from org_ovirt_node.programs import disks, nics
from org_ovirt_node.programs.disks import Candidate, Device, Look, Output

# Where Anaconda's initramfs (anaconda-dracut), dracut's dmsquash-live and Debian's live-boot have their medium.
LIVE = ("/run/install", "/run/initramfs/live", "/run/live/medium")
FILESYSTEMS = "/proc/filesystems"
MOUNTS = "/proc/self/mountinfo"
SBIN = "/usr/sbin:/sbin"  # a login over SSH may lack them

# Of udev's database: what identifies a block device. Properties of other rules stay on the machine.
_KEPT = re.compile(r"E: (?:DEV|DM_|ID_|SUBSYSTEM=)")


class Recorder(disks.Target):
    """A machine as disks.py sees it; what it answers is kept."""

    def __init__(self, target: disks.Target) -> None:
        super().__init__()
        self.target = target
        self.commands: dict[tuple[str, ...], Output] = {}
        self.insides: dict[str, Look] = {}
        self.files: dict[str, str] = {}

    def run(self, *argv: str) -> Output:
        output = self.target.run(*argv)
        if argv[: len(disks.UDEV)] == disks.UDEV:
            output = dataclasses.replace(output, text=block_devices(output.text))
        self.commands[argv] = output
        return output

    def read(self, path: str) -> str:
        self.files[path] = self.target.read(path)
        return self.files[path]

    def directories(self, device: str, fstype: str, others: Sequence[str] = ()) -> Look:
        self.insides[device] = self.target.directories(device, fstype, others)
        return self.insides[device]


class NicRecorder(nics.Target):
    """A machine as nics.py sees it; what it answers is kept."""

    def __init__(self, target: nics.Target) -> None:
        self.target = target
        self.files: dict[str, str] = {}
        self.directories: dict[str, tuple[str, ...]] = {}

    def names(self, directory: str) -> list[str]:
        names = self.target.names(directory)
        self.directories[directory] = tuple(names)
        return names

    def has(self, path: str) -> bool:
        has = self.target.has(path)
        if has:
            self.files.setdefault(path, "")
        return has

    def read(self, path: str) -> str:
        self.files[path] = self.target.read(path)
        return self.files[path]


def block_devices(text: str) -> str:
    """udev's block devices, with the properties that identify them."""
    blocks = ([line for line in block.splitlines() if _KEPT.match(line)] for block in text.split("\n\n"))
    return "\n\n".join("\n".join(block) for block in blocks if "E: SUBSYSTEM=block" in block)


# A device -> what is inside of its file system, None if not all of it can be seen.
Through = Callable[[Device], Optional[Look]]


def collect(
    target: disks.Target,
    nic_target: nics.Target,
    kind: str,
    hostname: str,
    seconds: float,
    through: Optional[Through] = None,
) -> Record:
    """Ask a machine what both programs ask it.

    `through` looks at what is mounted on a running system, where nothing else is searched. `seconds`: the time, since
    1970.
    """
    recorder, of_nics = Recorder(target), NicRecorder(nic_target)
    facts = disks.gather(recorder)
    if kind == INSTALLER:
        disks.look_inside(recorder, facts, [each for each in disks.candidates(facts) if may_be_searched(facts, each)])
    for device in facts.devices if kind == RUNNING else ():
        look = through(device) if through and has_searchable(device) and device.mounts else None
        if look:
            recorder.insides[device.path] = look
    for path in (VENDOR, PRODUCT, SERIAL, FILESYSTEMS):
        recorder.read(path)
    for name in nics.gather(of_nics).values():
        of_nics.read(f"{nics.NET}/{name}/{STATE}")
    return Record(
        kind=kind,
        collected=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)),
        hostname=hostname,
        commands=tuple(recorder.commands.items()),
        insides=recorder.insides,
        files={**recorder.files, **of_nics.files},
        directories=of_nics.directories,
    )


def has_searchable(device: Device) -> bool:
    """Whether a device has a file system that the program searches."""
    return any(disks.rule_of(each) in (disks.LOOK, disks.LOOK_IF) for each in device.signatures)


def may_be_searched(facts: disks.Facts, candidate: Candidate) -> bool:
    """Whether the program would look inside a disk for any inventory.

    What stops it whatever an inventory says, such as a storage domain, is not mounted here either.
    """
    has_paths = candidate.map is not None or len(candidate.paths) > 1
    wanted = disks.Wanted((), "", reinstall=True, multipath=has_paths, erase=disks.ERASABLE)
    found = disks.obstacles(facts, [candidate], wanted)
    # Other disks may be requested, too.
    return all(each.word in wanted.erase or each.code == "reaches-out" for each in found)


class Mounts:
    """The mounts of a running system. `text`: /proc/self/mountinfo, proc(5); `numbers`: path -> device numbers."""

    def __init__(self, text: str, numbers: Callable[[str], str]) -> None:
        rows = [line.split() for line in text.splitlines()]
        # The last mount at a place is the one that is seen: (device numbers, root of the mount).
        self.at = {_unescaped(row[4]): (row[2], row[3]) for row in rows if len(row) > 4}
        self.numbers = numbers

    def through(self, device: Device) -> Optional[Look]:
        """What is inside of a file system that is mounted from its root, and not hidden by another mount."""
        for top in device.mounts:
            if self.at.get(top) == (self.numbers(device.path), "/"):
                below = top.rstrip("/") + "/"
                others = {place[len(below) :] for place in self.at if place.startswith(below)}
                return disks.search(top, skipped=others)
        return None


def _unescaped(path: str) -> str:
    """proc(5) has blank, tab, newline and backslash in octal."""
    return re.sub(r"\\([0-7]{3})", lambda code: chr(int(code.group(1), 8)), path)


def _numbers(path: str) -> str:
    found = os.stat(path).st_rdev
    return f"{os.major(found)}:{os.minor(found)}"


def kind_of(target: disks.Target) -> str:
    return INSTALLER if any(target.resolve(path) for path in LIVE) else RUNNING


def main() -> int:
    """Print the facts of this machine. Exit status 1: there are none, and why."""
    if os.geteuid():
        print("facts: error: root is required to read disks; run it with sudo", file=sys.stderr)
        return 1
    os.environ["PATH"] = f"{os.environ.get('PATH', '')}:{SBIN}"
    target = disks.Target()
    mounts = Mounts(target.read(MOUNTS), _numbers)
    record = collect(target, nics.Target(), kind_of(target), os.uname().nodename, time.time(), mounts.through)
    text = written(record)
    if len(text) > LARGEST:
        print(f"facts: error: {len(text)} bytes, more than {LARGEST}, the size limit of ksgen match", file=sys.stderr)
        return 1
    print(text)
    return 0
