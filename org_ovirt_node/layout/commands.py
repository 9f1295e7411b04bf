# SPDX-License-Identifier: GPL-2.0-or-later
"""The storage commands of a kickstart that make a plan: `part`, `raid`, `volgroup` and `logvol`, as values and words.

The templates of ksgen and the add-on's service print the words: one layout, however it comes about.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Optional

from org_ovirt_node.layout.geometry import MIB
from org_ovirt_node.layout.planning import Plan
from org_ovirt_node.layout.policy import Device

# What a growing thing has before it grows; Anaconda wants a size.
_SEED_MIB = 1


@dataclass(frozen=True)
class Part:
    """A `part` command."""

    target: str
    filesystem: Optional[str]
    mib: int
    grows: bool
    disk: str


@dataclass(frozen=True)
class Array:
    """A `raid` command."""

    target: str
    device: str
    filesystem: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Volume:
    """A `logvol` command for a volume, or for swap."""

    target: str
    name: str
    filesystem: str
    options: Optional[str]
    mib: Optional[int]


@dataclass(frozen=True)
class Commands:
    """What the storage part of a kickstart prints. `reserve_mib` is None where the disk is not known.

    Without a `pool` the volumes are plain ones, and nothing is reserved: what they leave is free.
    """

    disks: tuple[str, ...]
    is_mirrored: bool
    parts: tuple[Part, ...]
    arrays: tuple[Array, ...]
    members: tuple[str, ...]
    group: str
    reserve_mib: Optional[int]
    reserve_percent: int
    pool: Optional[str]
    pool_mib: int
    metadata_mib: int
    swap: Optional[Volume]
    volumes: tuple[Volume, ...]

    @property
    def selection_words(self) -> tuple[tuple[str, ...], ...]:
        """The command that leaves all other disks alone, as its words."""
        return (("ignoredisk", f"--only-use={','.join(self.disks)}"),)

    @property
    def clearing_words(self) -> tuple[tuple[str, ...], ...]:
        """The commands that erase the disks, each as its words."""
        drives = f"--drives={','.join(self.disks)}"
        return (("zerombr",), ("clearpart", "--all", "--initlabel", "--disklabel=gpt", drives))

    @property
    def partition_words(self) -> tuple[tuple[str, ...], ...]:
        """The commands below the volume group, each as its words."""
        return tuple(_partition_words(self))

    @property
    def volume_words(self) -> tuple[tuple[str, ...], ...]:
        """The commands for the volume group and what is in it, each as its words."""
        return tuple(_volume_words(self))

    @property
    def text(self) -> str:
        """All of them, as in a kickstart."""
        return "".join(f"{shlex.join(words)}\n" for words in (*self.partition_words, *self.volume_words))


def storage_commands(plan: Plan, disks: Sequence[str]) -> Commands:
    """The commands that make a plan on disks of these links, of which there are as many as disks in the plan."""
    names = [disk.name for disk in plan.of_kind("disk")]
    assert len(names) == len(disks)
    links = dict(zip(names, disks))
    group, pool = plan.one("lvmvg"), next(iter(plan.of_kind("lvmthinpool")), None)
    arrays = plan.of_kind("mdarray")
    volumes = (*plan.of_kind("lvmlv"), *plan.of_kind("lvmthinlv"))
    swaps = [_volume(device, plan.swap_range is not None) for device in volumes if device.filesystem == "swap"]
    return Commands(
        disks=tuple(disks),
        is_mirrored=plan.request.mirrored,
        parts=tuple(_part(device, links) for device in plan.of_kind("partition") if _is_ours(device, plan)),
        arrays=tuple(_array(device) for device in arrays),
        members=tuple(_physical_volume_name(name) for name in group.parents),
        group=group.name,
        reserve_mib=None if group.reserve is None else group.reserve // MIB,
        reserve_percent=plan.reserve_percent,
        pool=pool.name if pool else None,
        # Anaconda raises a smaller pool to the sum of its volumes without a look at the room there is; asked for
        # the sum in the first place, it refuses.
        pool_mib=plan.pool_floor // MIB,
        metadata_mib=(pool.metadata_size or 0) // MIB if pool else 0,
        swap=swaps[0] if swaps else None,
        volumes=tuple(_volume(device) for device in volumes if device.filesystem != "swap"),
    )


def _partition_words(commands: Commands) -> Iterator[tuple[str, ...]]:
    if not commands.is_mirrored:
        yield ("reqpart",)
    for part in commands.parts:
        filesystem = (f"--fstype={part.filesystem}",) if part.filesystem else ()
        grow = ("--grow",) if part.grows else ()
        yield ("part", part.target, *filesystem, f"--size={part.mib}", *grow, f"--ondisk={part.disk}")
    for array in commands.arrays:
        options = (f"--device={array.device}", f"--fstype={array.filesystem}", "--level=RAID1")
        yield ("raid", array.target, *options, *array.members)


def _volume_words(commands: Commands) -> Iterator[tuple[str, ...]]:
    is_known = commands.reserve_mib is not None
    reserve = (
        f"--reserved-space={commands.reserve_mib}" if is_known else f"--reserved-percent={commands.reserve_percent}"
    )
    group = f"--vgname={commands.group}"
    yield ("volgroup", commands.group, *commands.members, *((reserve,) if commands.pool else ()))
    if commands.pool:
        pool = ("--thinpool", f"--size={commands.pool_mib}", "--grow", f"--metadatasize={commands.metadata_mib}")
        yield ("logvol", "none", group, f"--name={commands.pool}", *pool)
    if commands.swap:
        size = "--recommended" if commands.swap.mib is None else f"--size={commands.swap.mib}"
        yield ("logvol", "swap", group, f"--name={commands.swap.name}", "--fstype=swap", size)
    for volume in commands.volumes:
        thin = ("--thin", f"--poolname={commands.pool}") if commands.pool else ()
        options = (f"--fsoptions={volume.options}",) if volume.options else ()
        made = (f"--name={volume.name}", *thin, f"--fstype={volume.filesystem}", *options, f"--size={volume.mib}")
        yield ("logvol", volume.target, group, *made)


def _is_ours(device: Device, plan: Plan) -> bool:
    """On a single disk Anaconda's reqpart makes what the firmware needs."""
    return plan.request.mirrored or device.filesystem not in ("biosboot", "efi")


def _physical_volume_name(name: str) -> str:
    return "pv.01" if name == "pv01" else name


def _part(device: Device, links: Mapping[str, str]) -> Part:
    filesystem = device.filesystem if device.filesystem not in ("mdmember", "lvmpv") else None
    target = device.mount_point or device.name
    if device.filesystem == "biosboot":
        # Two `part biosboot` draw a warning; any name that is no mount point does for the second.
        target = "biosboot" if device.name == "biosboot1" else "None"
    mib = _SEED_MIB if device.grows else (device.size or 0) // MIB
    return Part(target, filesystem, mib, device.grows, links[device.parents[0]])


def _array(device: Device) -> Array:
    target = device.mount_point or _physical_volume_name(device.name)
    return Array(target, device.name, device.filesystem or "", device.parents)


def _volume(device: Device, is_recommended: bool = False) -> Volume:
    mib = None if is_recommended else (device.size or 0) // MIB
    return Volume(device.mount_point or device.name, device.name, device.filesystem or "", device.options, mib)
