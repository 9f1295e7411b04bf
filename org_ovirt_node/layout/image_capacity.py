# SPDX-License-Identifier: GPL-2.0-or-later
"""How many images a node's pool holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from org_ovirt_node.layout.devices import all_known, node_pool
from org_ovirt_node.layout.geometry import align_up
from org_ovirt_node.layout.policy import (
    IMAGE_UNPACKED_FACTOR,
    IMAGE_USED,
    LAYER_GROWTH_PERCENT,
    POOL_FILL_PERCENT,
    Device,
    Request,
)


@dataclass(frozen=True)
class Capacity:
    """How many images the pool holds while one more is being installed.

    None where its size is not all_known, or that of a volume in it. `pool_size` is bytes.
    """

    images: Optional[int]
    image_used: int
    pool_for_wish: int
    pool_for_update: int
    pool_size: Optional[int] = None


def capacity(devices: Sequence[Device], request: Request) -> Capacity:
    """How many images the pool holds at the peak of an update.

    imgbased keeps the installed root, the images and, before it collects garbage, the new one: N images are N + 2 used
    roots. The other volumes count as full, and the pool may be filled to POOL_FILL_PERCENT.
    """
    root = next((d for d in devices if d.mount_point == "/"), None)
    pool = node_pool(devices)
    beside = [d for d in devices if pool and d.pool == pool.name and d.mount_point != "/"]
    others = sum(d.size or 0 for d in beside)
    used = max(IMAGE_USED, IMAGE_UNPACKED_FACTOR * (request.image_size or 0))
    used = used * (100 + LAYER_GROWTH_PERCENT) // 100
    if root and root.size:
        used = min(used, root.size)

    def pool_for(images: int) -> int:
        return align_up(-(-(others + (images + 2) * used) * 100 // POOL_FILL_PERCENT))

    images = None
    if pool is not None and pool.size is not None and all_known(d.size for d in beside) is not None:
        images = max(0, (pool.size * POOL_FILL_PERCENT // 100 - others) // used - 2)
    return Capacity(images, used, pool_for(request.images), pool_for(1), pool.size if pool else None)
