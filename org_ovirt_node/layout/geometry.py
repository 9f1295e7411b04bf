# SPDX-License-Identifier: GPL-2.0-or-later
"""What Anaconda's planner (blivet) and LVM make of a request: pure arithmetic on sizes in bytes.

Facts about others, no policy of ours; tests/data/anaconda holds what the real planners answered.
"""

from collections.abc import Iterable

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB

# LVM's default physical extent; every logical volume is a whole number of them (lvmcreate, "--physicalextentsize").
EXTENT = 4 * MIB

# parted aligns partitions to 1 MiB, so the primary GPT costs the first one.
ALIGNMENT = MIB
# The backup GPT at the end: 32 sectors of entries and one header (UEFI specification 2.10, 5.3).
_BACKUP_GPT = 33 * 512
# Both tables and the protective MBR.
_GPT = 67 * 512

# Where data starts on a physical volume; on an md array blivet allows for twice as much (blivet, devices/lvm.py).
_PE_START = MIB

# mdadm keeps 128 MiB free for a reshape and less on a small member, down to 1 MiB (mdadm, super1.c).
_MD_HEADROOM = 128 * MIB
_MD_HEADROOM_MIN = MIB

# What blivet plans for the header of LUKS (blivet, formats/luks.py).
LUKS_HEADER = 2 * MIB

# The /boot of Anaconda's automatic partitioning (pyanaconda, modules/storage/platform.py).
AUTOMATIC_BOOT_SIZE = {"el9": 1 * GIB, "el10": 2 * GIB}

# What Anaconda recommends from 64 GiB of memory on.
_SWAP_FOR_MUCH_MEMORY = {"el9": 4 * GIB, "el10": 32 * GIB}

# What mkfs takes from a volume before statvfs(2) sees it: the smallest log of XFS, measured with xfsprogs 6.1 ...
_XFS_LOG = 64 * MIB
# ... and 3.5 % of inode tables and journal of ext4, measured at 1000 MiB with e2fsprogs 1.47.
_EXT4_OVERHEAD_PERMILLE = 35


def align_down(size: int, unit: int = EXTENT) -> int:
    return size // unit * unit


def align_up(size: int, unit: int = EXTENT) -> int:
    return -(-size // unit) * unit


def partition_space(disk: int) -> int:
    """What all partitions of a GPT disk can hold together."""
    return align_down(disk - _BACKUP_GPT, ALIGNMENT) - ALIGNMENT


def disk_for(partitions: int) -> int:
    """The smallest disk, in whole MiB, for partitions of this total size."""
    return align_up(partitions + ALIGNMENT + _BACKUP_GPT, ALIGNMENT)


def mirror(member: int) -> int:
    """The size of an md RAID 1 of members of this size, as blivet plans it."""
    headroom = _MD_HEADROOM
    while headroom * KIB > member and headroom > _MD_HEADROOM_MIN:
        headroom //= 2
    return member - headroom


def member_for(array: int) -> int:
    """The smallest member, in whole MiB, of an md RAID 1 of this size."""
    member = align_up(array, ALIGNMENT)
    while mirror(member) < array:
        member += ALIGNMENT
    return member


def group(physical_volumes: Iterable[int], on_array: bool = False) -> int:
    """The size of a volume group on physical volumes of these sizes."""
    start = 2 * _PE_START if on_array else _PE_START
    return sum(max(0, align_down(size - start)) for size in physical_volumes)


def physical_volume_for(size: int, on_array: bool = False) -> int:
    """The smallest physical volume for a group of this size."""
    return align_up(size) + (2 * _PE_START if on_array else _PE_START)


def recommended_swap(memory: int, disks: Iterable[int], release: str) -> int:
    """The swap volume that Anaconda makes for `--recommended` (pyanaconda, core/storage.py).

    It is never more than a tenth of the disks; without disks, none are known.
    """
    memory += 16
    if memory < 2 * GIB:
        swap = 2 * memory
    elif memory < 8 * GIB:
        swap = memory
    elif memory < 64 * GIB:
        swap = memory // 2
    else:
        swap = _SWAP_FOR_MUCH_MEMORY[release]
    tenths = [(disk - _GPT) // 10 for disk in disks]
    return align_up(min(swap, sum(tenths)) if tenths else swap)


def most_recommended_swap(disks: Iterable[int], release: str) -> int:
    """The largest swap volume that `--recommended` makes on these disks: that of just below 64 GiB of memory."""
    return recommended_swap(64 * GIB - ALIGNMENT, disks, release)


def filesystem_space(device: int, filesystem: str) -> int:
    """The bytes that statvfs(2) reports for a new file system on a device of this size."""
    if filesystem == "xfs":
        return device - _XFS_LOG
    return device - device * _EXT4_OVERHEAD_PERMILLE // 1000
