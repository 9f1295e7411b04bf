# SPDX-License-Identifier: GPL-2.0-or-later
"""What Anaconda's planner and LVM make of a wish, at its boundaries; test_anaconda.py has whole layouts."""

from __future__ import annotations

import pytest

from org_ovirt_node.layout import GIB, MIB, TIB, geometry
from org_ovirt_node.layout.geometry import KIB

GPT_COPY = 16896  # the backup GPT: 33 sectors
GPT_BOTH = 34304  # with the primary and the protective MBR: 67 sectors


def test_units() -> None:
    assert (KIB, MIB, GIB, TIB) == (1024, 1_048_576, 1_073_741_824, 1_099_511_627_776)


@pytest.mark.parametrize(
    ("size", "down", "up"),
    [
        pytest.param(0, 0, 0, id="nothing"),
        pytest.param(1, 0, 4 * MIB, id="a-byte"),
        pytest.param(4 * MIB - 1, 0, 4 * MIB, id="a-byte-less-than-an-extent"),
        pytest.param(4 * MIB, 4 * MIB, 4 * MIB, id="an-extent"),
        pytest.param(4 * MIB + 1, 4 * MIB, 8 * MIB, id="a-byte-more"),
    ],
)
def test_extents(size: int, down: int, up: int) -> None:
    assert (geometry.align_down(size), geometry.align_up(size)) == (down, up)


@pytest.mark.parametrize(
    ("disk", "space"),
    [
        pytest.param(10 * MIB + GPT_COPY, 9 * MIB, id="just-enough"),
        pytest.param(10 * MIB + GPT_COPY - 1, 8 * MIB, id="a-byte-too-few"),
        pytest.param(11 * MIB, 9 * MIB, id="whole"),
    ],
)
def test_partition_space(disk: int, space: int) -> None:
    assert geometry.partition_space(disk) == space


@pytest.mark.parametrize(
    ("partitions", "disk"),
    [
        pytest.param(9 * MIB, 11 * MIB, id="whole"),
        pytest.param(9 * MIB - GPT_COPY, 10 * MIB, id="just-enough"),
        pytest.param(9 * MIB - GPT_COPY + 1, 11 * MIB, id="a-byte-too-many"),
    ],
)
def test_disk_for_partitions(partitions: int, disk: int) -> None:
    assert geometry.disk_for(partitions) == disk


@pytest.mark.parametrize(
    ("member", "headroom"),
    [
        pytest.param(2 * TIB, 128 * MIB, id="large"),
        pytest.param(128 * GIB, 128 * MIB, id="just-large"),
        pytest.param(128 * GIB - 1, 64 * MIB, id="half"),
        pytest.param(64 * GIB, 64 * MIB, id="just-half"),
        pytest.param(2 * GIB, 2 * MIB, id="boot"),
        pytest.param(2 * GIB - 1, 1 * MIB, id="small"),
        pytest.param(512 * MIB, 1 * MIB, id="never-less"),
    ],
)
def test_mirror(member: int, headroom: int) -> None:
    assert geometry.mirror(member) == member - headroom


@pytest.mark.parametrize(
    ("array", "member"),
    [
        pytest.param(10 * GIB, 10 * GIB + 8 * MIB, id="whole"),
        pytest.param(10 * GIB - 1, 10 * GIB + 8 * MIB, id="rounded-up"),
        pytest.param(10 * GIB + 1, 10 * GIB + 9 * MIB, id="a-byte-more"),
        pytest.param(128 * GIB - 65 * MIB, 128 * GIB - 1 * MIB, id="below-a-step"),
        pytest.param(128 * GIB - 64 * MIB, 128 * GIB + 64 * MIB, id="above-a-step"),
    ],
)
def test_member_for_a_mirror(array: int, member: int) -> None:
    assert geometry.member_for(array) == member


@pytest.mark.parametrize(
    ("sizes", "on_array", "size"),
    [
        pytest.param([], False, 0, id="none"),
        pytest.param([5 * MIB], False, 4 * MIB, id="an-extent"),
        pytest.param([5 * MIB - 1], False, 0, id="less-than-an-extent"),
        pytest.param([MIB - 1, 9 * MIB], False, 8 * MIB, id="too-small-takes-nothing-away"),
        pytest.param([5 * MIB, 9 * MIB + 1], False, 12 * MIB, id="two"),
        pytest.param([6 * MIB], True, 4 * MIB, id="on-an-array"),
        pytest.param([6 * MIB - 1], True, 0, id="on-an-array-less-than-an-extent"),
    ],
)
def test_group(sizes: list[int], on_array: bool, size: int) -> None:
    assert geometry.group(sizes, on_array=on_array) == size


def test_group_is_not_on_an_array_unless_told() -> None:
    assert geometry.group([5 * MIB]) == 4 * MIB
    assert geometry.physical_volume_for(4 * MIB) == 5 * MIB


@pytest.mark.parametrize(
    ("size", "on_array", "volume"),
    [
        pytest.param(4 * MIB, False, 5 * MIB, id="an-extent"),
        pytest.param(4 * MIB + 1, False, 9 * MIB, id="rounded-up"),
        pytest.param(4 * MIB, True, 6 * MIB, id="on-an-array"),
    ],
)
def test_physical_volume_for_a_group(size: int, on_array: bool, volume: int) -> None:
    assert geometry.physical_volume_for(size, on_array=on_array) == volume


# Anaconda adds 16 bytes to the memory before it compares.
@pytest.mark.parametrize(
    ("memory", "el9", "el10"),
    [
        pytest.param(1 * GIB - 16, 2 * GIB, 2 * GIB, id="twice"),
        pytest.param(2 * GIB - 17, 4 * GIB, 4 * GIB, id="twice-at-most"),
        pytest.param(2 * GIB - 16, 2 * GIB, 2 * GIB, id="as-much"),
        pytest.param(2 * GIB - 15, 2 * GIB + 4 * MIB, 2 * GIB + 4 * MIB, id="as-much-rounded-up"),
        pytest.param(8 * GIB - 17, 8 * GIB, 8 * GIB, id="as-much-at-most"),
        pytest.param(8 * GIB - 16, 4 * GIB, 4 * GIB, id="half"),
        pytest.param(64 * GIB - 17, 32 * GIB, 32 * GIB, id="half-at-most"),
        pytest.param(64 * GIB - 16, 4 * GIB, 32 * GIB, id="much"),
    ],
)
def test_recommended_swap(memory: int, el9: int, el10: int) -> None:
    for disks in ([], [TIB]):
        assert geometry.recommended_swap(memory, disks, "el9") == el9
        assert geometry.recommended_swap(memory, disks, "el10") == el10


@pytest.mark.parametrize(
    ("disks", "swap"),
    [
        pytest.param([4000 * MIB + GPT_BOTH], 400 * MIB, id="a-tenth"),
        pytest.param([4000 * MIB + GPT_BOTH + 9], 400 * MIB, id="rounded-down-to-bytes"),
        pytest.param([4000 * MIB + GPT_BOTH + 10], 404 * MIB, id="rounded-up-to-extents"),
        pytest.param([4000 * MIB + GPT_BOTH, 8000 * MIB + GPT_BOTH], 1200 * MIB, id="of-all-disks"),
        pytest.param([1000 * GIB], 2 * GIB, id="enough"),
    ],
)
def test_recommended_swap_is_at_most_a_tenth_of_the_disks(disks: list[int], swap: int) -> None:
    assert geometry.recommended_swap(2 * GIB - 16, disks, "el9") == swap


@pytest.mark.parametrize("release", ["el9", "el10"])
def test_most_swap_is_that_of_just_below_64_gib_of_memory(release: str) -> None:
    assert geometry.most_recommended_swap([], release) == 32 * GIB
    assert geometry.most_recommended_swap([4000 * MIB + GPT_BOTH], release) == 400 * MIB


# The data that chunks of 64 KiB can address; from there on chunks are larger.
ADDRESSES = 17_455_015_526_400


@pytest.mark.parametrize(
    ("device", "filesystem", "space"),
    [
        pytest.param(1000 * MIB, "xfs", 936 * MIB, id="xfs"),
        pytest.param(1000 * MIB, "ext4", 965 * MIB, id="ext4"),
        pytest.param(2000, "ext4", 1930, id="ext4-to-the-byte"),
    ],
)
def test_space_of_a_file_system(device: int, filesystem: str, space: int) -> None:
    assert geometry.filesystem_space(device, filesystem) == space


def test_sizes_of_anaconda() -> None:
    assert geometry.AUTOMATIC_BOOT_SIZE == {"el9": 1 * GIB, "el10": 2 * GIB}
    assert (geometry.EXTENT, geometry.ALIGNMENT) == (4 * MIB, 1 * MIB)
