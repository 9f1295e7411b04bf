# SPDX-License-Identifier: GPL-2.0-or-later
"""What the devices of a layout say together: which pool is the node's, and what its volume group keeps free."""

from collections.abc import Iterable, Sequence
from typing import Optional

from org_ovirt_node.layout.geometry import align_up
from org_ovirt_node.layout.policy import Device

# Kinds that are never directly in a volume group, though what they are made of may have the name of one.
_ELSEWHERE = ("partition", "mdarray", "lvmvg", "lvmthinlv")


def known(sizes: Iterable[Optional[int]]) -> Optional[list[int]]:
    """The sizes; None where any of them is not known, and so no sum of them."""
    found: list[int] = []
    for size in sizes:
        if size is None:
            return None
        found.append(size)
    return found


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
    sizes = known(volume.size for volume in volumes)
    metadata = known(volume.metadata_size for volume in volumes if volume.kind == "lvmthinpool")
    if group.size is None or sizes is None or metadata is None:
        return None
    # LVM keeps one spare, as large as the largest metadata.
    return group.size - sum(map(align_up, sizes)) - sum(metadata) - max(metadata, default=0)
