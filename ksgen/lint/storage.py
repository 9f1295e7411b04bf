# SPDX-License-Identifier: GPL-2.0-or-later
"""Storage commands of a kickstart, as pykickstart has read them, to devices."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from pykickstart.version import stringToVersion

from ksgen.targets import VERSIONS
from org_ovirt_node import layout
from org_ovirt_node.layout import MIB, Device


def devices(handler: Any, sizes: Mapping[str, int | None], firmware: str | None) -> tuple[Device, ...]:
    """The devices that the commands of a kickstart make, on disks of these sizes (link: bytes, None for not known).

    `handler` is pykickstart's after reading. What grows gets its size where that can be said: a single growing
    partition on a disk that is known, a single growing pool in a group that is known; else None. What is used again has
    no size here: it is on the disk.
    """
    partitions = _read_partitions(handler, sizes, firmware)
    encrypted = [data for data in (*handler.partition.partitions, *handler.logvol.lvList) if data.encrypted]
    arrays = _read_arrays(handler, partitions)
    groups = [_read_group(data, (*partitions, *arrays)) for data in handler.volgroup.vgList]
    volumes = [_read_volume(data) for data in handler.logvol.lvList]
    filled = [_enlarge(_fill(volume, groups, volumes), volumes) for volume in volumes]
    made = (*partitions, *arrays, *groups, *filled)
    return tuple(part for device in made for part in _opened(device, encrypted))


def _read_partitions(handler: Any, sizes: Mapping[str, int | None], firmware: str | None) -> list[Device]:
    only = next(iter(sizes)) if len(sizes) == 1 else None
    found = [_read_partition(data, data.disk or only) for data in handler.partition.partitions]
    if handler.reqpart.reqpart and sizes:
        size = layout.BIOSBOOT_SIZE if firmware == "bios" else layout.ESP_SIZE
        found.append(Device("reqpart", "partition", size, parents=(handler.bootloader.bootDrive or next(iter(sizes)),)))
    if handler.reqpart.reqpart and handler.reqpart.addBoot:
        found.append(_added_boot(handler))
    return [_grown(partition, found, sizes) for partition in found]


def _opened(device: Device, encrypted: Sequence[Any]) -> tuple[Device, ...]:
    """A device, and what is mounted of it where that is encrypted."""
    if device.mount_point is None or all(data.mountpoint != device.mount_point for data in encrypted):
        return (device,)
    size = None if device.size is None else device.size - layout.LUKS_HEADER
    name, kind = f"luks-{device.name}", "luks/dm-crypt"
    inner = dataclasses.replace(
        device, name=name, kind=kind, size=size, pool=None, options=None, grows=False, parents=(device.name,)
    )
    return dataclasses.replace(device, mount_point=None, filesystem="luks", options=None), inner


def _added_boot(handler: Any) -> Device:
    """What `reqpart --add-boot` makes (pyanaconda, custom_partitioning.py: _execute_reqpart)."""
    release = next(name for name, version in VERSIONS.items() if stringToVersion(version) == handler.version)
    return Device("boot", "partition", layout.AUTOMATIC_BOOT_SIZE[release], mount_point="/boot")


def _is_reused(data: Any) -> bool:
    """Whether a command takes a device that is there, whose size is not known here."""
    return bool(getattr(data, "preexist", False) or getattr(data, "onPart", "") or not data.format)


def _is_sized_later(data: Any) -> bool:
    """Whether the installer chooses the size: of swap by the memory, of a volume by its group."""
    return bool(data.grow or data.recommended or data.hibernation or getattr(data, "percent", 0) or data.size is None)


def _read_partition(data: Any, disk: str | None) -> Device:
    is_mounted = str(data.mountpoint).startswith("/")
    return Device(
        data.mountpoint,
        "partition",
        None if _is_sized_later(data) or _is_reused(data) else data.size * MIB,
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
    room = layout.partition_space(disk) - sum(p.size or 0 for p in beside)
    return dataclasses.replace(partition, size=max(0, room))


def _read_arrays(handler: Any, partitions: Sequence[Device]) -> list[Device]:
    by_name = {partition.name: partition for partition in partitions}
    arrays = []
    for data in handler.raid.raidList:
        members = [by_name[name] for name in data.members if name in by_name]
        known = [member.size for member in members if member.size is not None]
        is_known = (
            not _is_reused(data) and str(data.level) in ("1", "RAID1") and known and len(known) == len(data.members)
        )
        arrays.append(
            Device(
                data.mountpoint,
                "mdarray",
                layout.mirror(min(known)) if is_known else None,
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
    if known and not _is_reused(data) and len(known) == len(data.physvols):
        size = layout.group(known, on_array=any(member.kind == "mdarray" for member in members))
    reserve = None
    if data.reserved_space:
        reserve = data.reserved_space * MIB
    elif data.reserved_percent and size is not None:
        reserve = size * data.reserved_percent // 100
    return Device(data.vgname, "lvmvg", size, parents=tuple(data.physvols), reserve=reserve or 0)


def _read_volume(data: Any) -> Device:
    kind = "lvmthinpool" if data.thin_pool else "lvmthinlv" if data.thin_volume else "lvmlv"
    is_open = _is_sized_later(data) or _is_reused(data)
    return Device(
        data.name,
        kind,
        None if is_open else layout.align_up(data.size * MIB),
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


def _enlarge(pool: Device, volumes: Sequence[Device]) -> Device:
    """A pool of fixed size takes in all of its volumes: blivet silently makes it larger."""
    if pool.kind != "lvmthinpool" or pool.grows or pool.size is None:
        return pool
    thin = sum(volume.size or 0 for volume in volumes if volume.pool == pool.name)
    return dataclasses.replace(pool, size=max(pool.size, thin))
