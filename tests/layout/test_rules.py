# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of every layout at their boundaries; test_layout.py has the sentence of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from test_layout import GOOD, changed, with_volume

from org_ovirt_node import layout
from org_ovirt_node.layout import GIB, MIB, TIB, Device, Request, check, free_space, group_of, node_pool, rules
from org_ovirt_node.layout.geometry import EXTENT


def refused(**wishes: Any) -> list[tuple[str, str]]:
    return [(found.code, found.subject) for found in rules.check_request(Request(**wishes))]


def found(devices: tuple[Device, ...], **wishes: Any) -> list[str]:
    return [finding.code for finding in check(devices, Request(**wishes))]


# --- names and places ------------------------------------------------------------------------------------------------

IMAGE_PLACES = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr")


@pytest.mark.parametrize("place", IMAGE_PLACES)
def test_parts_of_the_image_are_no_volumes(place: str) -> None:
    code = "volume-boot" if place == "/boot" else "volume-place"
    assert refused(volumes=((place, GIB),)) == [(code, place)]
    assert refused(volumes=((f"{place}/x", GIB),)) == [("volume-place", f"{place}/x")]
    assert refused(volumes=((f"{place}x", GIB),)) == []
    assert refused(volumes=((f"/srv{place}", GIB),)) == []


RESERVED = (
    ". .. snapshot snapshot1 pvmove pvmove0 a_cdata a_cmeta a_corig a_iorig a_mimage_0 a_mlog a_pmspare a_rimage_1"
)
RESERVED += " a_rmeta_1 a_tdata a_tmeta a_vorigin a_vdata _tdata"


@pytest.mark.parametrize("name", RESERVED.split())
def test_names_that_lvm_reserves(name: str) -> None:
    assert refused(pool=name) == [("name-reserved", "pool")]
    assert refused(volume_group=name) == [("name-reserved", "volume_group")]


@pytest.mark.parametrize(
    "name", ["...", "asnapshot", "snap", "apvmove", "tdata", "cdata_", "a-b", "A+b_c.d9", "a" * 55]
)
def test_names_that_lvm_takes(name: str) -> None:
    assert refused(pool=name, volume_group=name) == []


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "ä", "a\n", "a" * 56])
def test_names_that_lvm_does_not_take(name: str) -> None:
    assert refused(pool=name, volume_group=name) == [("name-characters", "volume_group"), ("name-characters", "pool")]


@pytest.mark.parametrize(
    ("mount_point", "code"),
    [
        pytest.param("/" + "a" * 55, None, id="longest"),
        pytest.param("/" + "a" * 56, "name-characters", id="too-long"),
        pytest.param("/a/" + "b" * 53, None, id="longest-of-two-parts"),
        pytest.param("/a/-b", None, id="dash-inside"),
        pytest.param("/-b", "name-characters", id="dash-first"),
        pytest.param("/a_tdata", "name-reserved", id="reserved"),
        pytest.param("/a/tdata", "name-reserved", id="reserved-of-two-parts"),
        pytest.param("/root", "volume-name-twice", id="root"),
        pytest.param("/swap", "volume-name-twice", id="swap"),
        pytest.param("/var_log", "volume-name-twice", id="policys"),
        pytest.param("data", "volume-mount-point", id="relative"),
        pytest.param("/data/", "volume-mount-point", id="slash-at-the-end"),
        pytest.param("/a//b", "volume-mount-point", id="two-slashes"),
        pytest.param("/a/../b", "volume-mount-point", id="parent"),
        pytest.param("/a/./b", "volume-mount-point", id="same"),
        pytest.param("/a/..b", None, id="dots-in-a-name"),
        pytest.param("/a b", "volume-mount-point", id="blank"),
    ],
)
def test_mount_points(mount_point: str, code: str) -> None:
    assert refused(volumes=((mount_point, GIB),)) == ([(code, mount_point)] if code else [])


@pytest.mark.parametrize("firmware", [None, "uefi", "bios"])
@pytest.mark.parametrize("filesystem", ["xfs", "ext4"])
@pytest.mark.parametrize("name", ["standard", "minimal"])
def test_words_that_are_known(name: str, filesystem: str, firmware: str) -> None:
    assert refused(layout=name, filesystem=filesystem, firmware=firmware) == []


def test_a_pool_may_not_be_named_like_a_volume() -> None:
    for name in ("root", "swap", "var_log", "data"):
        assert refused(pool=name, volumes=(("/data", GIB),)) == [("pool-name-taken", "pool")]


def test_a_mirror_is_of_two_disks() -> None:
    assert refused(mirrored=True, disks=(GIB, GIB)) == []
    assert refused(mirrored=True, disks=(GIB, GIB, GIB)) == [("disks-for-mirror", "disk")]


@pytest.mark.parametrize(
    ("volume", "other", "name"),
    [("/root", "/", "root"), ("/swap", "swap", "swap"), ("/var_log", "/var/log", "var_log")],
)
def test_volumes_of_one_name(volume: str, other: str, name: str) -> None:
    (finding,) = rules.check_request(Request(volumes=((volume, GIB),)))
    assert dict(finding.values) == {"mount_point": volume, "other": other, "name": name}


def test_root_is_a_volume_of_its_own_name() -> None:
    assert refused(volumes=(("/", 10 * GIB),)) == []


def test_everything_that_is_refused_is_told_in_order() -> None:
    wishes = {"layout": "big", "volumes": (("/usr", GIB), ("/etc", GIB)), "mirrored": True}
    assert refused(**wishes, disks=(GIB,), swap_size=None) == [
        ("layout-unknown", "layout"),
        ("disks-for-mirror", "disk"),
        ("volume-place", "/etc"),
        ("volume-place", "/usr"),
    ]
    assert refused(mirrored=True, disks=(GIB, GIB)) == []


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("disk", "a whole disk"),
        ("partition", "a partition"),
        ("mdarray", "an md array"),
        ("lvmlv", "a plain logical volume"),
        ("btrfs subvolume", "a btrfs subvolume"),
        ("stratis filesystem", "stratis filesystem"),
    ],
)
def test_kinds_of_devices_in_words(kind: str, words: str) -> None:
    (finding,) = check(changed("var", kind=kind), Request())
    assert (finding.code, dict(finding.values)) == ("volume-not-thin", {"mount_point": "/var", "kind": words})
    (finding,) = check(changed("root", kind=kind), Request())
    assert (finding.code, dict(finding.values)) == ("volume-not-thin", {"mount_point": "/", "kind": words})


def test_boot_on_a_thin_volume() -> None:
    (finding,) = check(changed("boot", kind="lvmthinlv", options="discard"), Request())
    assert (finding.code, dict(finding.values)) == ("boot-kind", {"kind": "a thin volume", "wanted_size": 2 * GIB})


def test_swap_alone_may_be_no_thin_volume() -> None:
    assert found(changed("swap", kind="lvmthinlv")) == ["swap-thin"]
    assert found(changed("swap", kind="partition")) == []


# --- sizes -----------------------------------------------------------------------------------------------------------

LARGE = {"image_size": 15 * GIB}


@pytest.mark.parametrize(
    ("name", "values", "wishes", "codes"),
    [
        pytest.param("boot", {"size": 2 * GIB}, {}, [], id="boot"),
        pytest.param("boot", {"size": 2 * GIB - 1}, {}, ["boot-small"], id="boot-small"),
        pytest.param("boot", {"size": 10 * GIB}, {}, [], id="boot-most"),
        pytest.param("boot", {"size": 10 * GIB + 1}, {}, ["boot-large"], id="boot-large"),
        pytest.param("boot", {"size": 10**9 + 64 * MIB}, {}, ["boot-small"], id="boot-just-enough"),
        pytest.param("boot", {"size": 10**9 + 64 * MIB - 1}, {}, ["boot-too-small"], id="boot-too-small"),
        pytest.param("boot", {"size": 2 * GIB - 2 * MIB}, {}, ["boot-small"], id="boot-like-an-array"),
        pytest.param("boot", {"size": 2 * GIB - 2 * MIB, "kind": "mdarray"}, {}, [], id="array"),
        pytest.param("boot", {"size": 2 * GIB - 2 * MIB - 1, "kind": "mdarray"}, {}, ["boot-small"], id="small-array"),
        pytest.param("boot", {"size": None, "kind": "lvmthinlv", "options": "discard"}, {}, ["boot-kind"], id="kind"),
        pytest.param("boot", {"filesystem": None, "size": 10**9 + 64 * MIB - 1}, {}, ["boot-too-small"], id="as-xfs"),
        pytest.param("root", {"size": 6 * GIB}, {}, [], id="root-least"),
        pytest.param("root", {"size": 6 * GIB - 1}, {}, ["root-small"], id="root-small"),
        pytest.param("root", {"size": 50 * GIB}, {}, [], id="root-most"),
        pytest.param("root", {"size": 50 * GIB + 1}, {}, ["root-large"], id="root-large"),
        pytest.param("root", {"size": 60 * GIB}, LARGE, ["cannot-update"], id="root-large-for-the-image"),
        pytest.param("root", {"size": 60 * GIB + 1}, LARGE, ["root-large", "cannot-update"], id="larger"),
        pytest.param("root", {"size": 12 * GIB}, {"image_size": 3 * GIB}, [], id="root-for-the-image"),
        pytest.param("root", {"size": 12 * GIB - 1}, {"image_size": 3 * GIB}, ["root-below-image"], id="below-it"),
        pytest.param("root", {}, {"root_size": 10 * GIB}, [], id="root-as-wished"),
        pytest.param("root", {}, {"root_size": 10 * GIB + 1}, ["volume-below-wish"], id="root-below-the-wish"),
        pytest.param("var", {"size": 5 * GIB}, {"volumes": (("/var", 5 * GIB),)}, [], id="volume-as-wished"),
        pytest.param("var", {"size": 5 * GIB - 1}, {}, ["volume-small"], id="volume-small"),
        pytest.param("var", {"filesystem": "ext4"}, {}, [], id="ext4"),
        pytest.param("var", {"filesystem": None}, {}, [], id="file-system-not-known"),
        pytest.param("var", {"options": None}, {}, [], id="options-not-known"),
        pytest.param("var", {"options": "noatime,discard"}, {}, [], id="discard"),
        pytest.param("var", {"options": "nodiscard"}, {}, ["volume-option"], id="nodiscard"),
        pytest.param("var", {"pool": "other"}, {}, ["volume-other-pool"], id="other-pool"),
        pytest.param("pool00", {"metadata_size": GIB - 1}, {}, ["metadata-small"], id="metadata"),
        pytest.param("pool00", {"metadata_size": None}, {}, [], id="metadata-not-known"),
        pytest.param("swap", {"filesystem": "xfs", "kind": "lvmlv"}, {}, [], id="a-volume-like-swap"),
    ],
)  # fmt: skip
def test_boundaries(name: str, values: dict[str, Any], wishes: dict[str, Any], codes: list[str]) -> None:
    assert found(changed(name, **values), **wishes) == codes


@pytest.mark.parametrize(
    ("values", "wishes", "codes"),
    [
        pytest.param({"size": 300 * MIB}, {}, [], id="least"),
        pytest.param({"size": 300 * MIB - 1}, {}, ["volume-tiny"], id="tiny"),
        pytest.param({"size": MIB, "kind": "partition"}, {}, [], id="not-ours"),
        pytest.param({"size": 20 * GIB}, {"volumes": (("/data", 20 * GIB),)}, [], id="as-wished"),
        pytest.param({"size": 20 * GIB - 1}, {"volumes": (("/data", 20 * GIB),)}, ["volume-below-wish"], id="below"),
        pytest.param({"size": None}, {"volumes": (("/data", 20 * GIB),)}, [], id="not-known"),
    ],
)
def test_boundaries_of_another_volume(values: dict[str, Any], wishes: dict[str, Any], codes: list[str]) -> None:
    assert found(with_volume("/data", **values), **wishes) == codes


def test_place_of_a_volume_in_another_pool_that_nobody_asked_for() -> None:
    devices = tuple(replace(d, pool="other") if d.name == "data" else d for d in with_volume("/data"))
    assert found(devices) == []
    assert found(devices, volumes=(("/data", GIB),)) == ["volume-other-pool"]


VOLUMES = 47 * GIB  # of the good layout, root among them


@pytest.mark.parametrize(
    ("size", "codes"),
    [
        pytest.param(VOLUMES, ["cannot-update"], id="just-enough"),
        pytest.param(VOLUMES - 1, ["over-provisioned", "cannot-update"], id="a-byte-too-few"),
    ],
)
def test_pool_holds_its_volumes(size: int, codes: list[str]) -> None:
    assert found(changed("pool00", size=size)) == codes


def with_free(free: int, **pool: Any) -> tuple[Device, ...]:
    """A group of which this much stays free, beside metadata of 1 GiB, or of what the pool says."""
    (group,) = [device for device in GOOD if device.kind == "lvmvg"]
    metadata = pool.get("metadata_size", GIB)
    size = 200 * GIB + 4 * GIB + 2 * metadata + free
    devices = changed("pool00", size=200 * GIB, **pool)
    return tuple(replace(d, size=size) if d.name == group.name else d for d in devices)


def test_recommended_reserve() -> None:
    assert rules.recommended_reserve(100 * GIB) == 20 * GIB
    assert rules.recommended_reserve(100 * GIB + 19 * MIB) == 20 * GIB
    assert rules.recommended_reserve(100 * GIB + 20 * MIB) == 20 * GIB + EXTENT
    assert rules.recommended_reserve(500 * GIB + 5 * EXTENT) == 100 * GIB
    assert rules.recommended_reserve(16 * TIB) == 100 * GIB


def test_reserve_is_small_below_94_of_a_hundred_of_the_wish() -> None:
    assert not rules.is_reserve_small(94 * GIB, 1000 * GIB)
    assert rules.is_reserve_small(94 * GIB - 1, 1000 * GIB)


@pytest.mark.parametrize(
    ("free", "pool", "codes"),
    [
        pytest.param(GIB, {}, ["reserve-small"], id="least"),
        pytest.param(GIB - EXTENT, {}, ["reserve-too-small"], id="too-small"),
        pytest.param(GIB, {"metadata_size": 512 * MIB}, ["metadata-small", "reserve-too-small"], id="metadata-grows"),
        pytest.param(2 * GIB, {"metadata_size": 512 * MIB}, ["metadata-small", "reserve-small"], id="has-room"),
        pytest.param(GIB, {"metadata_size": 2 * GIB}, ["reserve-small"], id="metadata-does-not-shrink"),
        pytest.param(60 * GIB, {}, [], id="enough"),
        pytest.param(0, {"metadata_size": None}, [], id="metadata-not-known"),
    ],
)
def test_reserve(free: int, pool: dict[str, Any], codes: list[str]) -> None:
    devices = with_free(free, **pool) if pool.get("metadata_size", 1) else changed("pool00", **pool)
    assert found(devices) == codes


def test_reserve_that_is_found_is_never_negative() -> None:
    (finding,) = check(with_free(-2 * GIB), Request())
    assert dict(finding.values) == {"found_size": 0, "needed_size": GIB}


# --- images ----------------------------------------------------------------------------------------------------------

USED = 5 * GIB * 115 // 100  # of a root volume, by one image


@pytest.mark.parametrize(
    ("images", "wished", "codes"),
    [
        pytest.param(0, 1, ["cannot-update"], id="none"),
        pytest.param(1, 1, [], id="as-wished"),
        pytest.param(1, 2, ["images-below-wish"], id="below-the-wish"),
        pytest.param(2, 1, [], id="more"),
    ],
)
def test_images(images: int, wished: int, codes: list[str]) -> None:
    """The pool is as large as it has to be for as many: N + 2 used roots beside 37 GiB, filled to 80 %."""
    size = -(-(37 * GIB + (images + 2) * USED) * 100 // 80)
    devices = changed("pool00", size=size)
    assert layout.capacity(devices, Request()).images == images
    assert layout.capacity(changed("pool00", size=size - 2), Request()).images == max(0, images - 1)
    assert found(devices, images=wished) == codes


@pytest.mark.parametrize(
    ("root", "image", "used"),
    [
        pytest.param(10 * GIB, None, USED, id="not-known"),
        pytest.param(10 * GIB, GIB, USED, id="small"),
        pytest.param(10 * GIB, 2 * GIB, 6 * GIB * 115 // 100, id="three-times-the-image"),
        pytest.param(6 * GIB, 2 * GIB, 6 * GIB, id="never-above-root"),
        pytest.param(None, 4 * GIB, 12 * GIB * 115 // 100, id="root-not-known"),
    ],
)
def test_what_an_image_uses(root: int, image: int, used: int) -> None:
    held = layout.capacity(changed("root", size=root), Request(image_size=image))
    assert held.image_used == used


def test_pools_that_would_do() -> None:
    """Whole extents, for the wish and for one update; the pool's size is told."""
    held = layout.capacity(GOOD, Request(images=3))
    assert held.pool_for_wish == -(-(37 * GIB + 5 * USED) * 5 // 4 // EXTENT) * EXTENT
    assert held.pool_for_update == -(-(37 * GIB + 3 * USED) * 5 // 4 // EXTENT) * EXTENT
    odd = layout.capacity(GOOD, Request(image_size=2 * GIB + MIB))
    assert (odd.pool_for_wish % EXTENT, odd.pool_for_update % EXTENT) == (0, 0)
    assert held.pool_size == next(d.size for d in GOOD if d.kind == "lvmthinpool")
    nothing = layout.capacity((), Request())
    assert (nothing.images, nothing.image_used, nothing.pool_size) == (None, USED, None)


@pytest.mark.parametrize("filesystem", [None, "xfs", "ext4"])
def test_boot_too_small_is_told_with_its_file_system(filesystem: str) -> None:
    (finding,) = check(changed("boot", size=10**9, filesystem=filesystem), Request())
    space = "965,000,000" if filesystem == "ext4" else "932,891,136"
    assert dict(finding.values) == {
        "found_bytes": space,
        "filesystem": filesystem or "xfs",
        "needed_bytes": "1,000,000,000",
        "wanted_size": 2 * GIB,
    }


@pytest.mark.parametrize(("image", "is_local", "factor"), [(3 * GIB, False, 4), (4 * GIB, True, 3)])
def test_root_below_the_image_is_told_with_the_factor(image: int, is_local: bool, factor: int) -> None:
    (finding,) = check(GOOD, Request(image_size=image, image_is_local=is_local))
    assert dict(finding.values) == {"found_size": 10 * GIB, "needed_size": 12 * GIB, "factor": factor}


def test_pool_and_group_are_told_from_others_of_their_name() -> None:
    group, pool = Device("efi", "lvmvg", GIB), Device("boot", "lvmthinpool", GIB, parents=("efi",))
    devices = (
        Device("efi", "partition", GIB, "/boot/efi"),
        Device("boot", "partition", GIB, "/boot"),
        Device("other", "lvmvg", GIB),
        Device("pool00", "lvmthinpool", GIB, parents=("other",)),
        group,
        pool,
        Device("root", "lvmthinlv", GIB, "/", pool="boot", parents=("boot",)),
    )
    assert node_pool(devices) is pool
    assert group_of(pool, devices) is group
    assert node_pool(devices[:-1]) is None


def test_findings_of_volumes_are_in_the_order_of_their_names() -> None:
    places = [f"/srv/{name}" for name in "hcaegbfd"]
    subjects = [finding.subject for finding in check(GOOD, Request(volumes=tuple((place, GIB) for place in places)))]
    assert subjects == sorted(places)


def test_tiny_root_is_told_once() -> None:
    """In the words for the root, which has a smallest size of its own."""
    assert found(changed("root", size=EXTENT)) == ["root-small"]


def test_plain_volumes_and_partitions_may_have_any_file_system() -> None:
    for kind in ("lvmlv", "partition"):
        assert found(with_volume("/data", kind=kind, filesystem="vfat", options="defaults")) == []
    assert found(with_volume("/data", filesystem="vfat", options="defaults")) == ["volume-filesystem", "volume-option"]


def test_pool_of_a_root_that_is_in_none_is_not_asked_for() -> None:
    devices = changed("root", kind="lvmlv", pool=None, parents=("onn",))
    assert found(devices, volumes=(("/var", 5 * GIB),)) == ["volume-not-thin"]


POOL = next(device for device in GOOD if device.kind == "lvmthinpool")
THIN = sum(device.size for device in GOOD if device.kind == "lvmthinlv")


def with_pool(devices: tuple[Device, ...], **values: Any) -> tuple[Device, ...]:
    return tuple(replace(device, **values) if device.kind == "lvmthinpool" else device for device in devices)


@pytest.mark.parametrize("less", [0, 1])
def test_volume_of_an_unknown_size_does_not_fill_the_pool(less: int) -> None:
    devices = with_pool(with_volume("/data", size=None), size=THIN - less)
    assert ("over-provisioned" in found(devices)) is bool(less)


def test_volumes_of_another_pool_do_not_fill_the_nodes() -> None:
    data = Device("data", "lvmthinlv", GIB, "/data", "xfs", "discard", pool="other", parents=("other",))
    other = Device("other", "lvmthinpool", 2 * GIB, parents=("onn",), metadata_size=4 * MIB)
    devices = (*with_pool(GOOD, size=THIN), other, data)
    assert "over-provisioned" not in found(devices)


def test_pool_in_a_group_that_is_not_told() -> None:
    devices = tuple(device for device in GOOD if device.kind != "lvmvg")
    assert found(devices) == []


def free_is(free: int, metadata: int) -> tuple[Device, ...]:
    """The good layout with so many bytes free in its group."""
    devices = with_pool(GOOD, metadata_size=metadata)
    group = next(device for device in devices if device.kind == "lvmvg")
    excess = (free_space(group, devices) or 0) - free
    return tuple(replace(d, size=(d.size or 0) - excess) if d is group else d for d in devices)


@pytest.mark.parametrize(
    ("metadata", "needed"),
    [
        pytest.param(GIB, GIB, id="metadata-of-the-wanted-size"),
        pytest.param(GIB - 4 * MIB, GIB + 8 * MIB, id="metadata-and-its-spare-grow"),
        pytest.param(2 * GIB, GIB, id="metadata-is-larger"),
    ],
)
def test_reserve_is_what_is_left_when_metadata_has_grown(metadata: int, needed: int) -> None:
    assert "reserve-too-small" not in found(free_is(needed, metadata))
    assert "reserve-too-small" in found(free_is(needed - 1, metadata))
