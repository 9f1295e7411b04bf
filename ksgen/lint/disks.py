# SPDX-License-Identifier: GPL-2.0-or-later
"""Which disks are wiped and used: more of them than were meant, or others."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pykickstart.constants import CLEARPART_TYPE_ALL, CLEARPART_TYPE_LINUX

from ksgen.grammar import Check, Found, Kickstart, value
from ksgen.problems import Severity

_CLEARPART = "pyanaconda, modules/storage/disk_initialization/configuration.py"
# Names that the kernel gives as it finds the disks.
_KERNEL_NAME = re.compile(r"(?:/dev/)?((?:sd|vd|hd|xvd)[a-z]+|nvme[0-9]+n[0-9]+)")


def clearpart_all(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("clearpart"):
        kind = value(command, "type")
        if kind not in (CLEARPART_TYPE_ALL, CLEARPART_TYPE_LINUX) or value(command, "drives") or ks.only_use:
            continue
        if not ks.is_whole and "ignoredisk" in ks.text:
            continue
        what = "--all" if kind == CLEARPART_TYPE_ALL else "--linux"
        message = f"clearpart {what} on every disk that the installer sees, including LUNs of storage domains"
        severity: Severity | None = "error" if ks.installs_node and ks.is_whole else None
        yield Found(command.line, message, "name the disk: --drives=, and ignoredisk --only-use=", severity)


def zerombr(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("zerombr"):
        if not ks.only_use and ks.is_whole:
            message = "zerombr on every disk that the installer sees and cannot read, including foreign LUNs"
            yield Found(command.line, message, "add: ignoredisk --only-use=")


def clearpart_both(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("clearpart"):
        given = {a.partition("=")[0] for a in command.args} & {"--all", "--linux", "--none", "--list"}
        if len(given) > 1:
            message = f"{' and '.join(sorted(given))}; pykickstart silently uses the last of them"
            yield Found(command.line, message, "remove one of them")


def outside(ks: Kickstart) -> Iterator[Found]:
    """Disks in use that the installer was told to leave alone; links and names of one disk cannot be compared."""
    allowed = {_kernel_name(disk) for disk in ks.only_use}
    if not allowed or None in allowed:
        return
    for command in ks.all("part", "partition", "clearpart", "bootloader"):
        named = [value(command, "disk"), value(command, "bootDrive"), *value(command, "drives", ())]
        for disk in filter(None, named):
            name = _kernel_name(str(disk))
            if name and name not in allowed:
                known = ", ".join(ks.only_use)
                message = f"{command.name} uses {disk}, but ignoredisk --only-use has only {known}"
                yield Found(command.line, message, "name the same disks in both")


def _kernel_name(disk: str) -> str | None:
    match = _KERNEL_NAME.fullmatch(disk)
    return match.group(1) if match else None


def by_kernel_name(ks: Kickstart) -> Iterator[Found]:
    if not ks.installs_node:
        return
    for command in ks.all("ignoredisk", "clearpart"):
        for disk in (*value(command, "onlyuse", ()), *value(command, "drives", ())):
            if _kernel_name(str(disk)):
                message = f"{disk} is not a stable device name"
                yield Found(command.line, message, "name it by its link below /dev/disk/by-id")
                break


CHECKS = (
    Check("clearpart-all-disks", "warning", clearpart_all, _CLEARPART),
    Check("zerombr-all-disks", "warning", zerombr, "pyanaconda, modules/storage/disk_initialization/initialization.py"),
    Check("clearpart-both", "warning", clearpart_both, "pykickstart, commands/clearpart.py"),
    Check("disk-ignored", "error", outside, "pyanaconda, custom_partitioning.py: Disk given in part command"),
    Check("disk-by-kernel-name", "warning", by_kernel_name, "udev(7)"),
)
