# SPDX-License-Identifier: GPL-2.0-or-later
"""Which disks are wiped and used: more of them than were meant, or others."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator

from pykickstart.constants import CLEARPART_TYPE_ALL, CLEARPART_TYPE_LINUX, CLEARPART_TYPE_LIST

from ksgen.grammar import Check, Command, Found, Kickstart, value
from ksgen.lint.facts import CUSTOM_PARTITIONING, is_reused
from ksgen.problems import Severity
from ksgen.variables import nearest

_CLEARPART = "pyanaconda, modules/storage/disk_initialization/configuration.py"
# Names that the kernel gives as it finds the disks, and those of partitions on them.
_KERNEL_NAME = re.compile(r"(?:/dev/)?((?:sd|vd|hd|xvd)[a-z]+|nvme[0-9]+n[0-9]+)")
_KERNEL_PARTITION = re.compile(r"(?:/dev/)?((?:sd|vd|hd|xvd)[a-z]+(?=\d)|nvme[0-9]+n[0-9]+(?=p\d))p?\d+")
# Links of which a disk has one of each kind.
_LINK = re.compile(r"(?:/dev/)?disk/(by-node/[\w.-]+|by-id/(?:wwn|nvme-eui)[\w.-]+)")


def clearpart_all(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("clearpart"):
        kind = value(command, "type")
        if kind not in (CLEARPART_TYPE_ALL, CLEARPART_TYPE_LINUX) or value(command, "drives") or ks.only_use:
            continue
        if not ks.is_whole and "ignoredisk" in ks.text:
            continue
        what = "--all" if kind == CLEARPART_TYPE_ALL else "--linux"
        message = f"clearpart {what} on every disk that the installer sees, including the LUNs of a SAN"
        severity: Severity | None = "error" if ks.installs_node and ks.is_whole else None
        yield Found(command.line, message, "name the disk: --drives=, and ignoredisk --only-use=", severity)


def zerombr(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("zerombr"):
        if not ks.only_use and ks.is_whole:
            message = "zerombr on every disk that the installer sees and cannot read, including the LUNs of a SAN"
            yield Found(command.line, message, "add: ignoredisk --only-use=")


def clearpart_both(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("clearpart"):
        given = {a.partition("=")[0] for a in command.args} & {"--all", "--linux", "--none", "--list"}
        if len(given) > 1:
            message = f"{' and '.join(sorted(given))}; pykickstart silently uses the last of them"
            yield Found(command.line, message, "remove one of them")


# blivet, formats/disklabel.py: get_platform_label_types; on s390x dasd too.
_LABELS = ("gpt", "msdos", "dasd")


def label(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("clearpart"):
        given = str(value(command, "disklabel") or "")
        if given and given not in _LABELS:
            hint = nearest(given, _LABELS) or "--disklabel=gpt"
            yield Found(command.line, f"unknown partition table {given!r}", hint)


# --- disks that are left out -----------------------------------------------------------------------------------------


def outside(ks: Kickstart) -> Iterator[Found]:
    """Disks in use that the installer was told to leave alone. A link and a name of one disk cannot be compared."""
    ignored = {
        comparable(str(disk)) for command in ks.all("ignoredisk") for disk in value(command, "ignoredisk", ())
    } - {None}
    for command in ks.all("part", "partition", "clearpart", "bootloader"):
        for disk in _disks_of(command):
            if comparable(disk) in ignored:
                message = f"{command.name} uses {disk}, which ignoredisk --drives leaves out"
                yield Found(command.line, message, "name the same disks in both")
            elif _is_outside(disk, ks.only_use):
                known = ", ".join(ks.only_use)
                message = f"{command.name} uses {disk}, but ignoredisk --only-use has only {known}"
                yield Found(command.line, message, "name the same disks in both")


def _disks_of(command: Command) -> Iterator[str]:
    """The disks that a command uses, whole or by a partition."""
    named = [value(command, "disk"), value(command, "bootDrive"), *value(command, "drives", ())]
    yield from (str(disk) for disk in named if disk and disk != "partition")
    found = _KERNEL_PARTITION.fullmatch(str(value(command, "onPart") or ""))
    if found:
        yield found.group(1)


def comparable(disk: str) -> str | None:
    """A name that no other name of its kind shares a disk with; None where that cannot be said."""
    kernel, link = _KERNEL_NAME.fullmatch(disk), _LINK.fullmatch(disk)
    return kernel.group(1) if kernel else link.group(1) if link else None


def _is_outside(disk: str, only_use: tuple[str, ...]) -> bool:
    name = comparable(disk)
    kind = _kind(name)
    if not only_use or name is None:
        return False
    for allowed in only_use:
        if any(c in allowed for c in "*?[|&"):
            plain = allowed.removeprefix("/dev/")
            if _KERNEL_NAME.fullmatch(disk) is None or any(c in allowed for c in "/|&") or fnmatch.fnmatch(name, plain):
                return False
        elif _kind(comparable(allowed)) != kind or comparable(allowed) == name:
            return False
    return True


def _kind(name: str | None) -> str:
    """What names have in common of which a disk has one each."""
    if name is None:
        return ""
    return name.partition("-")[0] if "/" in name else "kernel"


# --- what is cleared -------------------------------------------------------------------------------------------------


def reused_cleared(ks: Kickstart) -> Iterator[Found]:
    """Devices that are to be used again, on disks that are emptied first."""
    clearing = ks.all("clearpart")
    if not clearing or not ks.storage_is_known:
        return
    last = clearing[-1]
    for command in ks.all("part", "partition", "raid", "volgroup", "logvol"):
        is_named = command.name not in ("part", "partition") or value(command, "onPart")
        if is_named and is_reused(command) and _is_cleared(str(value(command, "onPart") or ""), last, ks.only_use):
            what = value(command, "onPart") or value(command, "device") or _volume(command)
            message = f"{what} is to be used again, but line {last.line} clears its disk: it does not exist any more"
            yield Found(command.line, message, "name what may go: clearpart --list=, or make the device anew")


def _volume(command: Command) -> str:
    name = value(command, "name")
    return f"{value(command, 'vgname')}/{name}" if name else str(value(command, "vgname"))


def _is_cleared(partition: str, clearpart: Command, only_use: tuple[str, ...]) -> bool:
    """Whether a partition, or a device on partitions that are not named, is gone after clearpart."""
    kind, drives = value(clearpart, "type"), tuple(map(str, value(clearpart, "drives", ())))
    if kind == CLEARPART_TYPE_LIST:
        cleared = {str(device).removeprefix("/dev/") for device in value(clearpart, "devices", ())}
        return bool(partition) and partition.removeprefix("/dev/") in cleared
    if kind != CLEARPART_TYPE_ALL:
        return False
    found = _KERNEL_PARTITION.fullmatch(partition)
    if not drives or set(drives) >= {*only_use} != set():
        return True
    return found is not None and found.group(1) in {comparable(drive) for drive in drives}


# --- names -----------------------------------------------------------------------------------------------------------


def by_kernel_name(ks: Kickstart) -> Iterator[Found]:
    """On a node each command that names a disk so; else the first of the file."""
    named = sorted(((c.line, name) for c in ks.commands for name in _kernel_names(c)), key=lambda row: row[0])
    first: dict[int, str] = {}
    for line, name in named:
        first.setdefault(line, name)
    severity: Severity | None = None if ks.installs_node else "note"
    for line, name in list(first.items()) if ks.installs_node else list(first.items())[:1]:
        message = f"{name} is not a stable device name: it depends on the order in which the kernel finds disks"
        yield Found(line, message, "name it by its link below /dev/disk/by-id", severity)


def _kernel_names(command: Command) -> Iterator[str]:
    if command.name not in ("ignoredisk", "clearpart", "part", "partition", "bootloader", "mount", "raid", "volgroup"):
        return
    lists = ("onlyuse", "ignoredisk", "drives", "devices", "driveorder", "members", "physvols")
    names = [value(command, name) for name in ("disk", "onPart", "bootDrive")]
    names += [name for attribute in lists for name in _list(command, attribute)]
    if command.name == "mount":
        names.append(value(command, "device"))
    for name in names:
        if _KERNEL_NAME.fullmatch(str(name or "")) or _KERNEL_PARTITION.fullmatch(str(name or "")):
            yield str(name)


def _list(command: Command, attribute: str) -> list[str]:
    found = value(command, attribute)
    return [str(name) for name in found] if isinstance(found, (list, tuple)) else []


# --- disks that come by the network ----------------------------------------------------------------------------------

# Links of LUNs: SCSI identifiers of type 3, NAA 6 of storage arrays, paths over iSCSI and FC, multipath maps.
_LUN = re.compile(r"(?:^|/)(?:scsi-3|wwn-0x6|ip-[\w.:]+-iscsi|[\w.:-]*-(?:fc|iscsi)-|mpath|dm-uuid-mpath)")


def before_network(ks: Kickstart) -> Iterator[Found]:
    """Older releases look a disk up as they read its line, and `iscsi` logs in as it is read."""
    logins = ks.all("iscsi", "fcoe", "zfcp")
    if not logins:
        return
    first = min(logins, key=lambda command: command.line)
    for command in ks.all("ignoredisk", "clearpart"):
        names = [*_list(command, "onlyuse"), *_list(command, "ignoredisk"), *_list(command, "drives")]
        found = next((name for name in names if _LUN.search(name)), None)
        if found and command.line < first.line:
            message = f"{found} is named before line {first.line} attaches it; older installers do not find it"
            yield Found(command.line, message, f"put {first.name} before {command.name}")
            return


CHECKS = (
    Check("clearpart-all-disks", "warning", clearpart_all, _CLEARPART),
    Check("zerombr-all-disks", "warning", zerombr, "pyanaconda, modules/storage/disk_initialization/initialization.py"),
    Check("clearpart-both", "warning", clearpart_both, "pykickstart, commands/clearpart.py"),
    Check("clearpart-label", "error", label, "pyanaconda, modules/storage/kickstart.py: ClearPart"),
    Check("disk-ignored", "error", outside, "pyanaconda, custom_partitioning.py: Disk given in part command"),
    Check("disk-cleared", "error", reused_cleared, CUSTOM_PARTITIONING),
    Check("disk-by-kernel-name", "warning", by_kernel_name, "udev(7)"),
    Check("disk-before-network", "warning", before_network, "pyanaconda, modules/storage/kickstart.py: ClearPart"),
)
