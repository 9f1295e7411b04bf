# SPDX-License-Identifier: GPL-2.0-or-later
"""What storage commands say of their devices, as Anaconda takes it."""

from __future__ import annotations

from collections.abc import Iterator

from ksgen.grammar import Command, Kickstart, value

CUSTOM_PARTITIONING = "pyanaconda, modules/storage/partitioning/custom/custom_partitioning.py"
# blivet, formats/*.py: the formats that register themselves and can be made or used.
SUPPORTED = frozenset({
    "appleboot", "biosboot", "btrfs", "efi", "exfat", "ext2", "ext3", "ext4", "f2fs", "gfs2", "hfs", "hfs+", "iso9660",
    "jfs", "luks", "lvmpv", "macefi", "mdmember", "none", "ntfs", "prepboot", "reiserfs", "stratis", "swap", "tmpfs",
    "udf", "vfat", "xfs",
})  # fmt: skip
# get_device_format_class() finds a format by its name on the screen and by udev's word too.
_OTHER_NAMES = {
    "Apple Bootstrap": "appleboot", "BIOS Boot": "biosboot", "DM Integrity": "integrity", "DM_integrity": "integrity",
    "EFI System Partition": "efi", "LUKS": "luks", "LVM2_member": "lvmpv", "Linux HFS+ ESP": "macefi",
    "PPC PReP Boot": "prepboot", "Stratis block device": "stratis", "crypto_LUKS": "luks", "hfsplus": "hfs+",
    "linux_raid_member": "mdmember", "partition table": "disklabel", "physical volume (LVM)": "lvmpv",
    "software RAID": "mdmember",
}  # fmt: skip
# For these mount points Anaconda does not look at --fstype.
_OF_PARTITIONS = {
    "/boot/efi": "efi", "appleboot": "appleboot", "biosboot": "biosboot", "prepboot": "prepboot", "swap": "swap",
}  # fmt: skip
_OF_MEMBERS = {"btrfs.": "btrfs", "pv.": "lvmpv", "raid.": "mdmember"}


def filesystem(command: Command) -> str:
    """The format that a command makes, by blivet's name; empty for Anaconda's default."""
    target = str(value(command, "mountpoint", ""))
    is_partition = command.name in ("part", "partition")
    for prefix, name in _OF_MEMBERS.items():
        if target.startswith(prefix) and (is_partition or prefix != "raid."):
            return name
    if is_partition and target in _OF_PARTITIONS:
        return _OF_PARTITIONS[target]
    if target == "swap":
        return "swap"
    given = str(value(command, "fstype") or "")
    return _OTHER_NAMES.get(given, given)


def mounts(ks: Kickstart) -> Iterator[tuple[str, Command]]:
    """Each mount point, or what is used in place of one, with the command that makes it."""
    for command in ks.all("part", "partition", "raid", "logvol", "btrfs"):
        yield str(value(command, "mountpoint", "")), command
    for command in ks.all("mount"):
        yield str(value(command, "mount_point", "")), command


def mounted_at(ks: Kickstart, *targets: str) -> Command | None:
    """The command that makes the first of these mount points that is made."""
    found = dict(mounts(ks))
    return next((found[target] for target in targets if target in found), None)


def is_reused(command: Command) -> bool:
    """Whether a command uses a device that already exists."""
    return bool(value(command, "preexist") or value(command, "onPart") or not value(command, "format", True))


def made(ks: Kickstart, prefix: str) -> dict[str, Command]:
    """The members of a kind (`pv.`, `raid.`) that partitions, arrays and volumes make."""
    commands = ks.all("part", "partition", "raid", "logvol")
    named = {str(value(command, "mountpoint", "")): command for command in commands}
    return {name: command for name, command in named.items() if name.startswith(prefix)}
