# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether the machine can boot what is installed: partitions of the firmware, /boot, the boot loader."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ksgen.grammar import Check, Command, Found, Kickstart, value
from ksgen.lint.facts import SUPPORTED, filesystem, is_reused, mounted_at, mounts
from ksgen.lint.groups import level
from ksgen.problems import Severity

_PLATFORM = "pyanaconda, modules/storage/platform.py"
_GRUB = "pyanaconda, modules/storage/bootloader/grub2.py"
# GRUB2.stage2_format_types
_BOOT_FORMATS = ("xfs", "ext4", "ext3", "ext2")
_FIRMWARE_FORMATS = frozenset(("appleboot", "biosboot", "macefi", "prepboot"))


def has_loader(ks: Kickstart) -> bool:
    """Whether a boot loader is installed; without one Anaconda does not look at what it would need."""
    return not any(value(c, "disabled") or value(c, "location") == "none" for c in ks.all("bootloader"))


def _has_own_partitions(ks: Kickstart) -> bool:
    """Whether all partitions of an installation are in the file."""
    is_elsewhere = ks.all("autopart", "mount", "zfcp")
    return ks.is_installation and ks.storage_is_known and not is_elsewhere and "btrfs" not in ks.rejected


def firmware_partition(ks: Kickstart) -> Iterator[Found]:
    """EL9 writes an MBR to a disk without UEFI, EL10 a GPT; UEFI needs its partition either way."""
    commands = ks.all("part", "partition", "raid")
    if not commands or not _has_own_partitions(ks) or ks.all("reqpart") or not has_loader(ks):
        return
    if any(filesystem(c) in _FIRMWARE_FORMATS or is_reused(c) for c in commands) or mounted_at(ks, "/boot/efi"):
        return
    labels = {value(command, "disklabel") for command in ks.all("clearpart")}
    if labels & {"msdos", "mbr"}:
        return
    is_gpt = "gpt" in labels or ks.release == "el10"
    message = "no EFI system partition and no biosboot: " + (
        "neither UEFI nor BIOS can boot" if is_gpt else "a machine with UEFI cannot boot, nor one with BIOS and a GPT"
    )
    severity: Severity | None = "error" if ks.installs_node and is_gpt else None
    yield Found(commands[0].line, message, "add: reqpart", severity)


def boot_unreadable(ks: Kickstart) -> Iterator[Found]:
    """/boot, or / where there is none. That a node's /boot is no volume is a rule of its layout."""
    is_made_elsewhere = any(value(command, "addBoot") for command in ks.all("reqpart"))
    boot = mounted_at(ks, "/boot") or (None if is_made_elsewhere else mounted_at(ks, "/"))
    if boot is None or not _has_own_partitions(ks) or not has_loader(ks):
        return
    what = _unreadable(boot, ks.installs_node)
    if what:
        hint = "add: part /boot --fstype=xfs --size=2048"
        yield Found(boot.line, f"{value(boot, 'mountpoint')} is {what}, which GRUB cannot read", hint)


def _unreadable(boot: Command, is_node: bool) -> str:
    """What is wrong with the device of /boot."""
    if boot.name == "logvol":
        return "" if is_node else "a logical volume"
    if value(boot, "encrypted"):
        return "encrypted"
    name = filesystem(boot)
    is_formatted = bool(value(boot, "format", True))
    is_unreadable = is_formatted and name in SUPPORTED - {"btrfs", *_BOOT_FORMATS}
    return f"a file system of type {name}" if is_unreadable else ""


def firmware_place(ks: Kickstart) -> Iterator[Found]:
    """The firmware reads the EFI system partition by itself: it is a partition, or a mirror that looks like one."""
    for target, command in mounts(ks):
        if target != "/boot/efi" or command.name not in ("logvol", "raid") or is_reused(command):
            continue
        if command.name == "logvol":
            message = "/boot/efi is a logical volume, which UEFI cannot read"
        elif level(command) != "1":
            message = f"/boot/efi is an array of level {level(command)}; UEFI reads a RAID 1 only"
        elif filesystem(command) != "efi":
            message = "/boot/efi on an array has to be of type efi"
        else:
            continue
        yield Found(command.line, message, "make it a partition, or a RAID 1 with --fstype=efi")


# Live media and images of containers boot otherwise, or not at all.
_NO_MACHINE = re.compile(
    r"\b(?:anaconda-live|dracut-live|livesys|livemedia|isomd5sum|containers?|docker|podman)\b|^-kernel\b|--nocore\b",
    re.MULTILINE | re.IGNORECASE,
)
_OWN_LOADER = re.compile(r"\b(?:grub2-install|extlinux|bootctl|zipl|dracut-live)\b")


def loader_none(ks: Kickstart) -> Iterator[Found]:
    is_meant = not ks.installs_node and (_NO_MACHINE.search(ks.text) or _OWN_LOADER.search(ks.text))
    for command in () if is_meant else ks.all("bootloader"):
        is_disabled = value(command, "disabled")
        if value(command, "location") == "none" or (is_disabled and ks.installs_node):
            severity: Severity | None = "error" if ks.installs_node else None
            message = "no boot loader is installed: the machine does not boot by itself"
            yield Found(command.line, message, "remove " + _option(command, is_disabled), severity)


def _option(command: Command, is_disabled: bool) -> str:
    return "--disabled" if is_disabled and value(command, "location") != "none" else "--location=none"


# Names of what both paths of a LUN have: SCSI's page 83 as udev writes it, and the WWN.
_OF_TWO_PATHS = re.compile(r"(?:^|/)(?:wwn-|scsi-(?!0QEMU|0ATA|1ATA|SATA))")


def boot_drive(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("bootloader"):
        drive = str(value(command, "bootDrive") or "")
        if len(ks.only_use) <= 1 and _OF_TWO_PATHS.search(drive):
            message = "--boot-drive by a link that two paths of a LUN share: it matches two disks, and Anaconda stops"
            only = "leave --boot-drive out; there is one disk"
            hint = only if ks.only_use else "name it by its link dm-uuid-mpath-…, or leave --boot-drive out"
            yield Found(command.line, message, hint)


def boot_password(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("bootloader"):
        given = str(value(command, "password") or "")
        if given and value(command, "isCrypted") and not given.startswith("grub.pbkdf2."):
            message = "--iscrypted without a hash of GRUB: the password never matches"
            yield Found(command.line, message, "write what grub2-mkpasswd-pbkdf2 prints: grub.pbkdf2.sha512.…")


CHECKS = (
    Check("boot-partition-missing", "warning", firmware_partition, _PLATFORM),
    Check("boot-unreadable", "error", boot_unreadable, _GRUB),
    Check("boot-efi", "error", firmware_place, _PLATFORM),
    Check("boot-loader-none", "warning", loader_none, "pykickstart, commands/bootloader.py"),
    Check("boot-drive-link", "warning", boot_drive, "observed with Anaconda of EL9 and EL10"),
    Check("boot-password", "error", boot_password, "grub2-mkpasswd-pbkdf2(1)"),
)
