# SPDX-License-Identifier: GPL-2.0-or-later
"""Storage commands of a kickstart: from a plan, and back from what pykickstart has read to devices."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from org_ovirt_node import geometry, policy
from org_ovirt_node.layout import MIB, Device, Plan

# What a growing thing has before it grows; Anaconda wants a size.
_SEED_MIB = 1


@dataclasses.dataclass(frozen=True)
class Part:
    """A `part` command."""

    target: str
    filesystem: str | None
    mib: int
    grows: bool
    disk: str


@dataclasses.dataclass(frozen=True)
class Array:
    """A `raid` command."""

    target: str
    device: str
    filesystem: str
    members: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Volume:
    """A `logvol` command for a thin volume, or for swap."""

    target: str
    name: str
    filesystem: str
    options: str | None
    mib: int | None


@dataclasses.dataclass(frozen=True)
class Commands:
    """What the storage part of a kickstart prints. `reserve_mib` is None where the disk is not known."""

    is_mirrored: bool
    parts: tuple[Part, ...]
    arrays: tuple[Array, ...]
    members: tuple[str, ...]
    group: str
    reserve_mib: int | None
    reserve_percent: int
    pool: str
    pool_mib: int
    metadata_mib: int
    swap: Volume | None
    volumes: tuple[Volume, ...]


def commands(plan: Plan, disks: Sequence[str]) -> Commands:
    """The commands that make a plan on disks of these links."""
    links = dict(zip((disk.name for disk in plan.of_kind("disk")), disks, strict=True))
    group, pool = plan.one("lvmvg"), plan.one("lvmthinpool")
    arrays = plan.of_kind("mdarray")
    swaps = [_volume(device, plan.swap_range is not None) for device in plan.of_kind("lvmlv")]
    return Commands(
        is_mirrored=plan.request.mirrored,
        parts=tuple(_part(device, links) for device in plan.of_kind("partition") if _is_ours(device, plan)),
        arrays=tuple(_array(device) for device in arrays),
        members=tuple(_physical_volume_name(name) for name in group.parents),
        group=group.name,
        reserve_mib=None if group.reserve is None else group.reserve // MIB,
        reserve_percent=plan.reserve_percent,
        pool=pool.name,
        # Anaconda raises a smaller pool to the sum of its volumes without a look at the room there is; asked for
        # the sum in the first place, it refuses.
        pool_mib=plan.pool_floor // MIB,
        metadata_mib=(pool.metadata_size or 0) // MIB,
        swap=swaps[0] if swaps else None,
        volumes=tuple(_volume(device) for device in plan.of_kind("lvmthinlv")),
    )


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


# --- back from commands to devices -----------------------------------------------------------------------------------


def devices(handler: Any, sizes: Mapping[str, int | None], firmware: str | None) -> tuple[Device, ...]:
    """The devices that the commands of a kickstart make, on disks of these sizes (link: bytes, None for not known).

    `handler` is pykickstart's after reading. What grows gets its size where that can be said: a single growing
    partition on a disk that is known, a single growing pool in a group that is known; else None.
    """
    partitions = _read_partitions(handler, sizes, firmware)
    arrays = _read_arrays(handler, partitions)
    groups = [_read_group(data, (*partitions, *arrays)) for data in handler.volgroup.vgList]
    volumes = [_read_volume(data) for data in handler.logvol.lvList]
    filled = [_fill(volume, groups, volumes) for volume in volumes]
    return (*partitions, *arrays, *groups, *filled)


def _read_partitions(handler: Any, sizes: Mapping[str, int | None], firmware: str | None) -> list[Device]:
    only = next(iter(sizes)) if len(sizes) == 1 else None
    found = [_read_partition(data, data.disk or only) for data in handler.partition.partitions]
    if handler.reqpart.reqpart and sizes:
        size = policy.BIOSBOOT_SIZE if firmware == "bios" else policy.ESP_SIZE
        found.append(Device("reqpart", "partition", size, parents=(handler.bootloader.bootDrive or next(iter(sizes)),)))
    return [_grown(partition, found, sizes) for partition in found]


def _read_partition(data: Any, disk: str | None) -> Device:
    is_mounted = str(data.mountpoint).startswith("/")
    return Device(
        data.mountpoint,
        "partition",
        None if data.grow else (data.size or 0) * MIB,
        mount_point=data.mountpoint if is_mounted else None,
        filesystem=data.fstype or None,
        grows=bool(data.grow),
        parents=(disk,) if disk else (),
    )


def _grown(partition: Device, all_partitions: Sequence[Device], sizes: Mapping[str, int | None]) -> Device:
    if not partition.grows:
        return partition
    beside = [p for p in all_partitions if p is not partition and p.parents == partition.parents]
    disk = sizes.get(partition.parents[0]) if partition.parents else None
    if disk is None or any(p.size is None for p in beside):
        return partition
    room = geometry.partition_space(disk) - sum(p.size or 0 for p in beside)
    return dataclasses.replace(partition, size=max(0, room))


def _read_arrays(handler: Any, partitions: Sequence[Device]) -> list[Device]:
    by_name = {partition.name: partition for partition in partitions}
    arrays = []
    for data in handler.raid.raidList:
        members = [by_name[name] for name in data.members if name in by_name]
        known = [member.size for member in members if member.size is not None]
        is_known = str(data.level) in ("1", "RAID1") and known and len(known) == len(data.members)
        arrays.append(
            Device(
                data.mountpoint,
                "mdarray",
                geometry.mirror(min(known)) if is_known else None,
                mount_point=data.mountpoint if data.mountpoint.startswith("/") else None,
                filesystem=data.fstype or None,
                parents=tuple(data.members),
            )
        )
    return arrays


def _read_group(data: Any, below: Sequence[Device]) -> Device:
    members = [device for device in below if device.name in data.physvols]
    known = [member.size for member in members if member.size is not None]
    size = None
    if known and len(known) == len(data.physvols):
        size = geometry.group(known, on_array=any(member.kind == "mdarray" for member in members))
    reserve = None
    if data.reserved_space:
        reserve = data.reserved_space * MIB
    elif data.reserved_percent and size is not None:
        reserve = size * data.reserved_percent // 100
    return Device(data.vgname, "lvmvg", size, parents=tuple(data.physvols), reserve=reserve or 0)


def _read_volume(data: Any) -> Device:
    kind = "lvmthinpool" if data.thin_pool else "lvmthinlv" if data.thin_volume else "lvmlv"
    is_open = data.grow or data.recommended or data.percent
    return Device(
        data.name,
        kind,
        None if is_open else geometry.align_up((data.size or 0) * MIB),
        mount_point=data.mountpoint if data.mountpoint.startswith("/") else None,
        filesystem="swap" if data.mountpoint == "swap" else data.fstype or None,
        options=data.fsopts or "defaults" if kind == "lvmthinlv" else None,
        pool=data.pool_name or None,
        grows=bool(data.grow),
        parents=(data.pool_name if kind == "lvmthinlv" else data.vgname,),
        metadata_size=data.metadata_size * MIB if kind == "lvmthinpool" and data.metadata_size else None,
    )


def _fill(volume: Device, groups: Sequence[Device], volumes: Sequence[Device]) -> Device:
    """A pool that is alone in growing takes what its group has left."""
    group = next((g for g in groups if volume.kind == "lvmthinpool" and g.name in volume.parents), None)
    if not volume.grows or group is None or group.size is None or volume.metadata_size is None:
        return volume
    beside = [v for v in volumes if v is not volume and group.name in v.parents]
    if any(v.size is None for v in beside):
        return volume
    room = group.size - (group.reserve or 0) - 2 * volume.metadata_size - sum(v.size or 0 for v in beside)
    return dataclasses.replace(volume, size=max(0, room))
