# SPDX-License-Identifier: GPL-2.0-or-later
"""What the devices of a layout say together: which pool is the node's, and what its volume group keeps free."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Optional

from org_ovirt_node.layout.geometry import align_up
from org_ovirt_node.layout.policy import METADATA_SIZE, Device

# Kinds that are never directly in a volume group, though what they are made of may have the name of one.
_ELSEWHERE = ("partition", "mdarray", "lvmvg", "lvmthinlv")


def all_known(sizes: Iterable[Optional[int]]) -> Optional[list[int]]:
    """The sizes; None where any of them is not known, and so no sum of them."""
    listed = list(sizes)
    numbers = [size for size in listed if size is not None]
    return numbers if len(numbers) == len(listed) else None


def node_pool(devices: Sequence[Device]) -> Optional[Device]:
    """The thin pool of the root volume; a layout may have others, which are not the node's."""
    root = next((device for device in devices if device.mount_point == "/"), None)
    return next((d for d in devices if d.kind == "lvmthinpool" and root and d.name == root.pool), None)


def group_of(pool: Device, devices: Iterable[Device]) -> Optional[Device]:
    """The volume group that contains a pool."""
    return next((device for device in devices if device.kind == "lvmvg" and device.name in pool.parents), None)


def volumes_of(group: Device, devices: Iterable[Device]) -> list[Device]:
    """The plain volumes and the pools of a volume group."""
    return [device for device in devices if group.name in device.parents and device.kind not in _ELSEWHERE]


def free_space(group: Device, devices: Iterable[Device]) -> Optional[int]:
    """What stays free in a volume group; None where a size in it is not known."""
    volumes = volumes_of(group, devices)
    sizes = all_known(volume.size for volume in volumes)
    metadata = all_known(volume.metadata_size for volume in volumes if volume.kind == "lvmthinpool")
    if group.size is None or sizes is None or metadata is None:
        return None
    # LVM keeps one spare, as large as the largest metadata.
    return group.size - sum(map(align_up, sizes)) - sum(metadata) - max(metadata, default=0)


@dataclass(frozen=True)
class Room:
    """What a volume group keeps free: `free` bytes now, `left` when the metadata of its pool has grown."""

    group_size: int
    free: int
    left: int


def room_beside(pool: Device, devices: Sequence[Device]) -> Optional[Room]:
    """The room in the volume group of a pool; None where a size in it is not known."""
    group = group_of(pool, devices)
    free = free_space(group, devices) if group else None
    if group is None or group.size is None or free is None or pool.metadata_size is None:
        return None
    # imgbased lets the metadata grow to this size, and its spare with it, out of what is free.
    return Room(group.size, free, free - 2 * max(0, METADATA_SIZE - pool.metadata_size))
