# SPDX-License-Identifier: GPL-2.0-or-later
"""Anaconda's automatic partitioning with our configuration: what it can be asked for, how it fills a volume group."""

from collections.abc import Iterator
from typing import NamedTuple

from org_ovirt_node.layout.findings import ERROR, Finding
from org_ovirt_node.layout.geometry import AUTOMATIC_BOOT_SIZE, EXTENT, align_up, pool_metadata
from org_ovirt_node.layout.policy import (
    POOL,
    RESERVE_MAX,
    RESERVE_MIN,
    RESERVE_PERCENT,
    SWAP_SIZE,
    VOLUME_GROUP,
    Request,
    automatic_sizes,
    volume_sizes,
)


def excluded_mount_points(request: Request) -> tuple[str, ...]:
    """What a request leaves out of the volumes of automatic partitioning, in Anaconda's words."""
    excluded = sorted(set(automatic_sizes()) - set(volume_sizes(request)))
    return (*excluded, "swap") if request.swap_size == 0 else tuple(excluded)


def check_wishes(request: Request) -> Iterator[Finding]:
    """What automatic partitioning cannot give."""
    made = automatic_sizes()
    wishes = dict(request.volumes)
    if request.root_size is not None:
        wishes["/"] = request.root_size
    if request.boot_size is not None:
        made["/boot"], wishes["/boot"] = AUTOMATIC_BOOT_SIZE[request.release], request.boot_size
    for mount_point, size in sorted(wishes.items()):
        if mount_point not in made:
            yield Finding("automatic-volume", ERROR, mount_point, (("mount_point", mount_point),))
        elif size != made[mount_point]:
            values = (("mount_point", mount_point), ("found_size", size), ("made_size", made[mount_point]))
            yield Finding("automatic-size", ERROR, mount_point, values)
    if request.swap_size not in (None, 0, SWAP_SIZE):
        yield Finding("automatic-swap", ERROR, "swap", (("found_size", request.swap_size),))
    if request.mirrored:
        yield Finding("automatic-mirror", ERROR, "disk")
    for subject, name, default in (
        ("volume_group", request.volume_group, VOLUME_GROUP),
        ("pool", request.pool, POOL),
    ):
        if name != default:
            yield Finding("automatic-name", ERROR, subject, (("found", name),))


class Kept(NamedTuple):
    """What automatic partitioning takes from a volume group before the pool gets the rest."""

    metadata: int
    reserve: int


def kept(group: int, swap: int) -> Kept:
    """The metadata of the pool and what stays free, of a volume group and its swap volume."""
    reserve = align_up(min(max(group * RESERVE_PERCENT // 100, RESERVE_MIN), RESERVE_MAX))
    metadata = pool_metadata(max(0, group - swap - reserve))
    # blivet subtracts the spare twice: autoset_md_size() does, and then grow_lvm(), which called it.
    return Kept(metadata, reserve + metadata)


def smallest_group(volumes: int, swap: int) -> int:
    """The smallest volume group whose pool holds these volumes.

    In a slightly smaller one Anaconda does not notice that the metadata takes the pool below its volumes.
    """
    too_small, enough = 0, align_up(2 * (volumes + swap) + RESERVE_MAX)
    while enough - too_small > EXTENT:
        group = align_up((too_small + enough) // 2)
        metadata, reserve = kept(group, swap)
        if group - swap - 2 * metadata - reserve >= volumes:
            enough = group
        else:
            too_small = group
    return enough
