# SPDX-License-Identifier: GPL-2.0-or-later
"""The layout policy: sizes, rules, and every sentence it says."""

from dataclasses import replace

import pytest

from org_ovirt_node import layout
from org_ovirt_node.layout import (
    GIB,
    MIB,
    TIB,
    Device,
    Finding,
    Request,
    check,
    describe,
    findings,
    plan,
    policy,
    size_text,
)
from org_ovirt_node.layout.geometry import EXTENT

# GiB of disk, firmware, mirrored -> GiB of volume group and pool; measured on Anaconda with --reserved-percent=20,
# which may leave an extent more to the reserve than we do.
MEASURED = [
    pytest.param((128,), "bios", False, 125.9961, 94.7969, id="128-bios"),
    pytest.param((128,), "uefi", False, 125.4102, 94.3281, id="128-uefi"),
    pytest.param((200, 200), "bios", False, 397.9922, 312.3906, id="joined-bios"),
    pytest.param((200, 200), "uefi", False, 397.4062, 311.9219, id="joined-uefi"),
    pytest.param((200, 200), None, True, 197.2812, 151.8242, id="mirrored"),
]


@pytest.mark.parametrize(("disks", "firmware", "mirrored", "group", "pool"), MEASURED)
def test_sizes(disks, firmware, mirrored, group, pool):
    found = plan(Request(disks=tuple(disk * GIB for disk in disks), firmware=firmware, mirrored=mirrored))
    assert round(found.one("lvmvg").size / GIB, 4) == group
    assert abs(found.one("lvmthinpool").size - pool * GIB) < EXTENT + MIB


def test_reserve_is_a_fifth_at_most_100_gib_and_gives_way():
    def reserve(size):
        return plan(Request(disks=(size,))).one("lvmvg").reserve

    group = plan(Request(disks=(200 * GIB,))).one("lvmvg").size
    assert reserve(200 * GIB) == group // 5 // EXTENT * EXTENT
    assert reserve(16 * TIB) == 100 * GIB
    assert GIB < reserve(60 * GIB) < plan(Request(disks=(60 * GIB,))).one("lvmvg").size // 5
    smallest = plan(Request(disks=(60 * GIB,))).smallest_disk
    assert GIB <= reserve(smallest) < GIB + EXTENT


def test_smallest_disk_fits_and_one_mib_less_does_not():
    for request in (
        Request(disks=(GIB,)),
        Request(disks=(GIB,), firmware="bios", layout="minimal"),
        Request(disks=(GIB, GIB), mirrored=True),
    ):
        smallest = plan(request).smallest_disk
        count = len(request.disks)
        assert not layout.has_errors(plan(replace(request, disks=(smallest,) * count)).findings)
        assert layout.has_errors(plan(replace(request, disks=(smallest - MIB,) * count)).findings)


@pytest.mark.parametrize("group", ["disk1", "efi", "boot", "pv.01", "raid.11", "root", "pool00"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_group_may_be_called_like_another_device(group, mirrored):
    disks = (60 * GIB, 60 * GIB)[: 1 + mirrored]
    expected = plan(Request(disks=disks, mirrored=mirrored))
    found = plan(Request(disks=disks, mirrored=mirrored, volume_group=group))
    assert found.findings == expected.findings
    assert found.capacity == expected.capacity


@pytest.mark.parametrize(
    ("image", "is_local", "root"),
    [
        pytest.param(None, False, 10 * GIB, id="no-image"),
        pytest.param(2 * GIB, False, 10 * GIB, id="4-times-2-is-below-the-default"),
        pytest.param(3 * GIB, False, 12 * GIB, id="4-times-from-a-server"),
        pytest.param(3 * GIB, True, 10 * GIB, id="3-times-of-a-file"),
        pytest.param(3 * GIB + 1, False, 13 * GIB, id="rounded-up"),
    ],
)
def test_root_follows_the_image(image, is_local, root):
    assert policy.root_size(Request(image_size=image, image_is_local=is_local)) == root


def test_unknown_disk_says_what_grows_and_what_it_needs():
    found = plan(Request())
    assert [d.name for d in found.devices if d.grows] == ["pv.01", "onn", "pool00"]
    assert [d.name for d in found.devices if d.size is None] == ["disk1", "pv.01", "onn", "pool00"]
    assert found.capacity.images is None
    assert size_text(found.smallest_disk, round_up=True) == "68.84 GiB"
    assert found.findings == ()


def test_capacity_counts_the_installed_root_the_images_and_the_new_one():
    found = plan(Request(disks=(128 * GIB,), firmware="bios"))
    used = 5 * GIB * 115 // 100
    assert found.capacity.image_used == used
    pool, others = found.one("lvmthinpool").size, 37 * GIB
    images = found.capacity.images
    assert images == 4
    assert others + (images + 2) * used <= pool * 80 // 100 < others + (images + 3) * used
    assert layout.capacity(found.devices, Request(image_size=4 * GIB)).image_used == 10 * GIB  # never above root


# --- check() on layouts that others made -----------------------------------------------------------------------------

GOOD = plan(Request(disks=(250 * GIB,), firmware="uefi")).devices


def changed(name, **values):
    """The good layout with one device changed."""
    assert any(device.name == name for device in GOOD)
    return tuple(replace(device, **values) if device.name == name else device for device in GOOD)


def without(name):
    return tuple(device for device in GOOD if device.name != name)


def with_volume(mount_point, **values):
    values = {"kind": "lvmthinlv", "size": GIB, "filesystem": "xfs", "options": "defaults,discard", **values}
    name = policy.volume_name(mount_point)
    return (*GOOD, Device(name, mount_point=mount_point, pool="pool00", parents=("pool00",), **values))


def test_good_layout_has_no_findings():
    assert check(GOOD, Request()) == ()


# devices, request, the whole text of what is said
HOST_REQUEST = Request(layout="host", disks=(250 * GIB,), volume_group="el")
HOST_PLAN = plan(HOST_REQUEST)


def of_host(name, **changes):
    return tuple(replace(device, **changes) if device.name == name else device for device in HOST_PLAN.devices)


WRONG_LAYOUTS = [
    pytest.param(
        without("boot"), Request(),
        "error /boot: no separate /boot | make /boot a partition or an md RAID 1 of 2 GiB",
        id="boot-missing",
    ),
    pytest.param(
        changed("boot", kind="lvmlv"), Request(),
        "error /boot: /boot is a plain logical volume; the boot loader cannot read thin volumes | "
        "make /boot a partition or an md RAID 1 of 2 GiB",
        id="boot-kind",
    ),
    pytest.param(
        changed("boot", size=1000 * MIB), Request(),
        "error /boot: /boot holds 981,467,136 bytes as xfs; imgbase needs 1,000,000,000 | give it 2 GiB",
        id="boot-too-small",
    ),
    pytest.param(
        changed("boot", size=1024 * MIB), Request(),
        "warning /boot: /boot has 1 GiB; 2 GiB hold the kernels of two updates | give it 2 GiB",
        id="boot-small",
    ),
    pytest.param(
        changed("boot", size=11 * GIB), Request(),
        "warning /boot: /boot has 11 GiB; the kernels of 99 images need less than 10 GiB | give it 10 GiB or less",
        id="boot-large",
    ),
    pytest.param(
        changed("boot", size=1000 * MIB, filesystem="ext4"), Request(),
        "warning /boot: /boot has 1000 MiB; 2 GiB hold the kernels of two updates | give it 2 GiB",
        id="boot-ext4-of-1000-MiB-passes-imgbase",
    ),
    pytest.param(
        without("root"), Request(), "error /: no root volume | add / as a thin volume", id="root-missing"
    ),
    pytest.param(
        changed("root", kind="lvmlv"), Request(),
        "error /: / is a plain logical volume; it must be a thin volume | put it into the node's thin pool",
        id="root-not-thin",
    ),
    pytest.param(
        changed("root", size=5 * GIB), Request(),
        "error /: 5 GiB is below the 6 GiB minimum of the root volume | "
        "give it 6 GiB or more; each later image inherits the size",
        id="root-small",
    ),
    pytest.param(
        GOOD, Request(image_size=3 * GIB),
        "error /: 10 GiB is below 4 times the image, 12 GiB, which Anaconda requires | "
        "give it 12 GiB or more, or let the default follow the image",
        id="root-below-image",
    ),
    pytest.param(
        changed("root", size=60 * GIB), Request(),
        "warning /: 60 GiB is above 50 GiB, and each image inherits it | store data in /var or on a separate volume",
        id="root-large",
    ),
    pytest.param(
        changed("root", filesystem="btrfs"), Request(),
        "error /: / has btrfs; imgbase supports xfs and ext4 | ",
        id="volume-filesystem",
    ),
    pytest.param(
        without("var_log"), Request(),
        "error /var/log: /var/log is not a separate volume; layout standard requires one of 8 GiB | "
        "add it as a thin volume of at least 8 GiB",
        id="volume-missing",
    ),
    pytest.param(
        changed("var", kind="partition"), Request(),
        "error /var: /var is a partition; it must be a thin volume | put it into the node's thin pool",
        id="volume-not-thin",
    ),
    pytest.param(
        changed("var", pool="other"), Request(),
        "error /var: /var is in pool other; it must be in the pool of the root volume, pool00 | ",
        id="volume-other-pool",
    ),
    pytest.param(
        changed("var", size=5 * GIB - 1), Request(),
        "error /var: 4.99 GiB is below the 5 GiB minimum | give it 5 GiB or more",
        id="volume-small",
    ),
    pytest.param(
        with_volume("/data", size=4 * MIB), Request(),
        "error /data: 4 MiB is below the 300 MiB of the smallest XFS | give it 300 MiB or more",
        id="volume-tiny",
    ),
    pytest.param(
        GOOD, Request(volumes=(("/data", 20 * GIB),)),
        "error /data: /data is not a separate volume; one of 20 GiB is requested | "
        "add it as a thin volume of at least 20 GiB, or do not request it",
        id="volume-wish-missing",
    ),
    pytest.param(
        with_volume("/data", size=19 * GIB), Request(volumes=(("/data", 20 * GIB),)),
        "error /data: /data has 19 GiB; 20 GiB are requested | give it 20 GiB, or request less",
        id="volume-below-wish",
    ),
    pytest.param(
        changed("var", size=6 * GIB), Request(volumes=(("/var", 7 * GIB),)),
        "error /var: /var has 6 GiB; 7 GiB are requested | give it 7 GiB, or request less",
        id="policys-volume-below-wish",
    ),
    pytest.param(
        changed("var", size=4 * GIB), Request(volumes=(("/var", 7 * GIB),)),
        "error /var: 4 GiB is below the 5 GiB minimum | give it 5 GiB or more",
        id="policys-volume-below-both",
    ),
    pytest.param(
        GOOD, Request(root_size=12 * GIB),
        "error /: / has 10 GiB; 12 GiB are requested | give it 12 GiB, or request less",
        id="root-below-wish",
    ),
    pytest.param(
        with_volume("/data", kind="lvmlv"), Request(volumes=(("/data", GIB),)),
        "error /data: /data is a plain logical volume; it must be a thin volume | put it into the node's thin pool",
        id="wished-volume-not-thin",
    ),
    pytest.param(
        tuple(replace(d, pool="other") if d.name == "data" else d for d in with_volume("/data")),
        Request(volumes=(("/data", GIB),)),
        "error /data: /data is in pool other; it must be in the pool of the root volume, pool00 | ",
        id="wished-volume-in-another-pool",
    ),
    pytest.param(
        with_volume("/data", size=200 * MIB), Request(volumes=(("/data", 200 * MIB),)),
        "error /data: 200 MiB is below the 300 MiB of the smallest XFS | give it 300 MiB or more",
        id="wished-volume-tiny",
    ),
    pytest.param(
        with_volume("/usr"), Request(),
        "error /usr: /usr is part of the image and cannot be a volume | remove it",
        id="volume-place",
    ),
    pytest.param(
        changed("var", options="defaults"), Request(),
        "warning /var: /var is mounted without discard, so the pool never gets freed blocks back | "
        "mount it with defaults,discard",
        id="volume-option",
    ),
    pytest.param(
        changed("swap", kind="lvmthinlv"), Request(),
        "warning swap: swap is a thin volume; it fails when the pool is full | make it a plain logical volume",
        id="swap-thin",
    ),
    pytest.param(
        changed("pool00", metadata_size=128 * MIB), Request(),
        "warning pool: the pool has 128 MiB of metadata; imgbase expects 1 GiB | --metadatasize=1024",
        id="metadata-small",
    ),
    pytest.param(
        changed("pool00", size=GOOD[4].size - 6 * GIB - 900 * MIB), Request(),
        "error volume_group: 900 MiB of the volume group stay free; the pool needs 1 GiB to grow | "
        "make the pool smaller, or set --reserved-space",
        id="reserve-too-small",
    ),
    pytest.param(
        changed("pool00", size=GOOD[4].size - 6 * GIB - 10 * GIB), Request(),
        "warning volume_group: 10 GiB of the volume group stay free; 49.49 GiB are recommended | "
        "the disk is small for this layout: a larger one, or smaller volumes",
        id="reserve-small",
    ),
    pytest.param(
        changed("pool00", size=60 * GIB), Request(),
        "warning images: the pool of 60 GiB cannot hold a second image: this node cannot be updated | "
        "67.82 GiB of pool hold one update; a larger disk, or smaller volumes",
        id="cannot-update",
    ),
    pytest.param(
        GOOD, Request(images=30),
        "warning images: the pool of 191.92 GiB has room for 18 of the 30 requested images | "
        "276.25 GiB of pool hold them; a larger disk, smaller volumes, or fewer images",
        id="images-below-wish",
    ),
    pytest.param(
        of_host("root", size=5 * GIB), HOST_REQUEST,
        "error /: 5 GiB is below the 6 GiB minimum of the root volume | give it 6 GiB or more",
        id="host-root-small",
    ),
    pytest.param(
        of_host("root", size=7 * GIB), replace(HOST_REQUEST, root_size=8 * GIB),
        "error /: / has 7 GiB; 8 GiB are requested | give it 8 GiB, or request less",
        id="host-root-below-wish",
    ),
    pytest.param(
        tuple(device for device in HOST_PLAN.devices if device.name != "var_crash"), HOST_REQUEST,
        "warning /var/crash: /var/crash is not a separate volume; the oVirt documentation recommends one of 10 GiB | "
        "add it as a logical volume of 10 GiB, or leave as much to the volume that holds it",
        id="host-volume-missing",
    ),
    pytest.param(
        of_host("var", size=10 * GIB), HOST_REQUEST,
        "warning /var: 10 GiB is below the 15 GiB that the oVirt documentation recommends | give it 15 GiB or more",
        id="host-volume-small",
    ),
    pytest.param(
        of_host("boot", size=GIB - MIB), HOST_REQUEST,
        "error /boot: 1023 MiB is below the 1 GiB minimum | give it 1 GiB or more",
        id="host-boot-small",
    ),
    pytest.param(
        HOST_PLAN.devices, replace(HOST_REQUEST, volumes=(("/data", 20 * GIB),)),
        "error /data: /data is not a separate volume; one of 20 GiB is requested | "
        "add it as a thin volume of at least 20 GiB, or do not request it",
        id="host-volume-wish-missing",
    ),
]  # fmt: skip


def told(found):
    words = describe(found)
    return f"{found.severity} {found.subject}: {words.message} | {words.hint}"


@pytest.mark.parametrize(("devices", "request_", "text"), WRONG_LAYOUTS)
def test_check_says(devices, request_, text):
    assert text in [told(found) for found in check(devices, request_)]


WELL = [
    pytest.param(with_volume("/data", size=20 * GIB), Request(volumes=(("/data", 20 * GIB),)), id="wish-met"),
    pytest.param(changed("var", size=9 * GIB), Request(volumes=(("/var", 7 * GIB),)), id="more-than-wished"),
    pytest.param(with_volume("/data", kind="lvmlv", options=None), Request(), id="of-ones-own-and-not-asked-for"),
]


@pytest.mark.parametrize(("devices", "request_"), WELL)
def test_check_says_nothing(devices, request_):
    assert check(devices, request_) == ()


def test_over_provisioned_pool_is_an_error():
    found = check(changed("pool00", size=46 * GIB), Request())
    assert (
        "error pool: the thin volumes add up to 47 GiB; the pool has 46 GiB | "
        "make volumes smaller or the pool larger; Anaconda does not check this" in [told(f) for f in found]
    )


def test_mirrored_boot_of_2_gib_is_large_enough():
    devices = plan(Request(disks=(250 * GIB, 250 * GIB), mirrored=True)).devices
    assert check(devices, Request()) == ()


@pytest.mark.parametrize(
    ("request_", "sizes"),
    [
        pytest.param(Request(), [2 * GIB], id="default"),
        pytest.param(Request(boot_size=4 * GIB), [4 * GIB], id="larger"),
        pytest.param(Request(boot_size=2 * GIB + 1), [2 * GIB + MIB], id="whole-mebibytes"),
        pytest.param(
            Request(disks=(250 * GIB, 250 * GIB), mirrored=True, boot_size=4 * GIB), [4 * GIB - 4 * MIB], id="mirror"
        ),
    ],
)
def test_boot_has_the_size_that_is_requested(request_, sizes):
    found = plan(request_)
    assert [device.size for device in found.devices if device.mount_point == "/boot"] == sizes
    assert [finding.code for finding in found.findings if finding.subject == "/boot"] == []


@pytest.mark.parametrize(
    ("size", "code"),
    [
        pytest.param(500 * MIB, "boot-too-small", id="too-small"),
        pytest.param(1500 * MIB, "boot-small", id="small"),
        pytest.param(11 * GIB, "boot-large", id="large"),
    ],
)
def test_boot_of_a_request_has_its_bounds(size, code):
    assert [finding.code for finding in plan(Request(boot_size=size)).findings] == [code]


def test_unknown_sizes_are_not_judged():
    devices = tuple(replace(d, size=None) for d in GOOD)
    assert check(devices, Request()) == ()


@pytest.mark.parametrize("name", [device.name for device in GOOD])
def test_size_that_is_not_known_is_not_judged(name):
    """A pool so small that much would be said of it, but for the one size."""
    devices = tuple(replace(d, size=None) if d.name == name else d for d in changed("pool00", size=60 * GIB))
    said = [found.code for found in check(devices, Request())]
    in_the_pool = [device.name for device in GOOD if device.pool and device.mount_point != "/"]
    assert said == ([] if name in ("pool00", *in_the_pool) else ["cannot-update"])


@pytest.mark.parametrize("name", ["sda1", "onn", "pool00", "swap"])
def test_reserve_is_not_judged_where_a_size_in_the_group_is_not_known(name):
    small = changed("pool00", size=GOOD[4].size - 6 * GIB - 900 * MIB)
    devices = tuple(replace(d, size=None) if d.name == name else d for d in small)
    assert [f.code for f in check(devices, Request())] == (["reserve-too-small"] if name == "sda1" else [])


# A pool for virtual machines, which holds no images and takes its part of the volume group.
SECOND_POOL = (
    Device("vms", "lvmthinpool", 40 * GIB, parents=("onn",), metadata_size=GIB),
    Device("vm", "lvmthinlv", 39 * GIB, "/vm", "xfs", "defaults,discard", pool="vms", parents=("vms",)),
)


@pytest.mark.parametrize(
    "devices", [pytest.param((*GOOD, *SECOND_POOL), id="after"), pytest.param((*SECOND_POOL, *GOOD), id="before")]
)
def test_second_pool_is_not_the_nodes(devices):
    assert layout.capacity(devices, Request()) == layout.capacity(GOOD, Request())
    assert [told(found) for found in check(devices, Request(images=30))] == [
        "warning volume_group: 8.48 GiB of the volume group stay free; 49.49 GiB are recommended | "
        "the disk is small for this layout: a larger one, or smaller volumes",
        "warning images: the pool of 191.92 GiB has room for 18 of the 30 requested images | "
        "276.25 GiB of pool hold them; a larger disk, smaller volumes, or fewer images",
    ]


@pytest.mark.parametrize(
    ("name", "images"),
    [
        pytest.param("pool00", None, id="pool"),
        pytest.param("var", None, id="volume-in-it"),
        pytest.param("root", 18, id="root"),
        pytest.param("swap", 18, id="beside-it"),
        pytest.param("vm", 18, id="in-another-pool"),
    ],
)
def test_capacity_where_a_size_is_not_known(name, images):
    devices = tuple(replace(d, size=None) if d.name == name else d for d in (*GOOD, *SECOND_POOL))
    assert layout.capacity(devices, Request()).images == images


# --- plan() on requests that cannot be had ---------------------------------------------------------------------------

IMPOSSIBLE = [
    pytest.param(
        Request(layout="big"), "error layout: unknown layout 'big' | one of: standard and minimal", id="layout"
    ),
    pytest.param(
        Request(filesystem="btrfs"),
        "error filesystem: file system 'btrfs' is not supported | imgbase supports xfs and ext4",
        id="filesystem",
    ),
    pytest.param(
        Request(firmware="coreboot"),
        "error firmware: unknown firmware 'coreboot' | write uefi or bios, or leave it open",
        id="firmware",
    ),
    pytest.param(
        Request(mirrored=True), "error disk: a mirror needs two disks; 1 named | name two disks", id="mirror-of-one"
    ),
    pytest.param(
        Request(volume_group="-onn"),
        "error volume_group: '-onn' is not a valid LVM name | "
        "letters, digits, '_', '.', '+' and '-', not first a '-', at most 55 characters",
        id="group-name",
    ),
    pytest.param(
        Request(pool="snapshot1"),
        "error pool: 'snapshot1' is reserved by LVM | choose another name",
        id="pool-name-reserved",
    ),
    pytest.param(
        Request(pool="var_log"),
        "error pool: the pool has the name of volume /var/log | choose another name",
        id="pool-name-taken",
    ),
    pytest.param(
        Request(volumes=(("var", GIB),)),
        "error var: 'var' is not the mount point of a volume | "
        "write an absolute path without spaces, '..' or a slash at the end",
        id="mount-point",
    ),
    pytest.param(
        Request(volumes=(("/var_log", GIB),)),
        "error /var_log: /var_log and /var/log would both be named var_log | rename one of them",
        id="volume-name-twice",
    ),
    pytest.param(
        Request(volumes=((f"/{'a' * 56}", GIB),)),
        f"error /{'a' * 56}: '{'a' * 56}' is not a valid LVM name | "
        "letters, digits, '_', '.', '+' and '-', not first a '-', at most 55 characters",
        id="volume-name-too-long",
    ),
    pytest.param(
        Request(volumes=(("/-data", GIB),)),
        "error /-data: '-data' is not a valid LVM name | "
        "letters, digits, '_', '.', '+' and '-', not first a '-', at most 55 characters",
        id="volume-name-characters",
    ),
    pytest.param(
        Request(volumes=(("/srv/pvmove", GIB), ("/snapshots", GIB))),
        "error /snapshots: 'snapshots' is reserved by LVM | choose another name",
        id="volume-name-reserved",
    ),
    pytest.param(
        Request(volume_group="a" * 56),
        f"error volume_group: '{'a' * 56}' is not a valid LVM name | "
        "letters, digits, '_', '.', '+' and '-', not first a '-', at most 55 characters",
        id="group-name-too-long",
    ),
    pytest.param(
        Request(volumes=(("/etc/vdsm", GIB),)),
        "error /etc/vdsm: /etc/vdsm is part of the image and cannot be a volume | remove it",
        id="part-of-the-image",
    ),
    pytest.param(
        Request(volumes=(("/boot", GIB),)),
        "error /boot: /boot is a partition of 2 GiB, not a volume | "
        "remove it; storage commands make /boot a partition (part /boot)",
        id="boot-among-volumes",
    ),
    pytest.param(
        Request(disks=(58 * GIB,), boot_size=6 * GIB),
        "error disk: 58 GiB of disk are too small for this layout: 60.59 GiB are needed = root 10 GiB + "
        "volumes 37 GiB + swap 4 GiB + pool metadata and its spare 2 GiB + reserve 1 GiB + "
        "boot partitions and tables 6.59 GiB | swap_size: 1 GiB saves 3 GiB; root_size: 6 GiB saves 4 GiB; "
        "boot_size: 2 GiB saves 4 GiB; layout: minimal saves 29 GiB; a disk of 60.59 GiB",
        id="a-large-boot",
    ),
    pytest.param(
        Request(disks=(48 * GIB,)),
        "error disk: 48 GiB of disk are too small for this layout: 56.59 GiB are needed = root 10 GiB + "
        "volumes 37 GiB + swap 4 GiB + pool metadata and its spare 2 GiB + reserve 1 GiB + "
        "boot partitions and tables 2.59 GiB | layout: minimal saves 29 GiB; a disk of 56.59 GiB",
        id="only-minimal-helps",
    ),
    pytest.param(
        Request(disks=(55 * GIB,), firmware="bios"),
        "error disk: 55 GiB of disk are too small for this layout: 56.01 GiB are needed = root 10 GiB + "
        "volumes 37 GiB + swap 4 GiB + pool metadata and its spare 2 GiB + reserve 1 GiB + "
        "boot partitions and tables 2.01 GiB | swap_size: 1 GiB saves 3 GiB; root_size: 6 GiB saves 4 GiB; "
        "layout: minimal saves 29 GiB; a disk of 56.01 GiB",
        id="cheapest-first",
    ),
    pytest.param(
        Request(disks=(50 * GIB,), layout="minimal", volumes=(("/var", 38 * GIB),)),
        "error disk: 50 GiB of disk are too small for this layout: 57.59 GiB are needed = root 10 GiB + "
        "volumes 38 GiB + swap 4 GiB + pool metadata and its spare 2 GiB + reserve 1 GiB + "
        "boot partitions and tables 2.59 GiB | volumes./var: 8 GiB saves 30 GiB; a disk of 57.59 GiB",
        id="a-large-volume",
    ),
    pytest.param(
        Request(disks=(22 * GIB,), layout="minimal"),
        "error disk: 22 GiB of disk are too small for this layout: 27.59 GiB are needed = root 10 GiB + "
        "volumes 8 GiB + swap 4 GiB + pool metadata and its spare 2 GiB + reserve 1 GiB + "
        "boot partitions and tables 2.59 GiB | root_size: 6 GiB saves 4 GiB; swap_size: 1 GiB saves 3 GiB; "
        "a disk of 27.59 GiB",
        id="two-changes-together",
    ),
    pytest.param(
        Request(disks=(50 * GIB, 50 * GIB), mirrored=True, swap_size=0),
        "error disk: 50 GiB of disk are too small for this layout: 52.63 GiB are needed = root 10 GiB + "
        "volumes 37 GiB + pool metadata and its spare 2 GiB + reserve 1 GiB + boot partitions and tables 2.63 GiB | "
        "root_size: 6 GiB saves 4 GiB; layout: minimal saves 29 GiB; a disk of 52.63 GiB",
        id="mirror",
    ),
    pytest.param(
        Request(disks=(20 * GIB, 20 * GIB), swap_size=0),
        "error disk: 40 GiB of disk are too small for this layout: 52.6 GiB are needed = root 10 GiB + "
        "volumes 37 GiB + pool metadata and its spare 2 GiB + reserve 1 GiB + boot partitions and tables 2.6 GiB | "
        "layout: minimal saves 29 GiB; a disk of 52.6 GiB",
        id="joined",
    ),
]


@pytest.mark.parametrize(("request_", "text"), IMPOSSIBLE)
def test_plan_refuses(request_, text):
    assert [told(found) for found in plan(request_).findings if found.severity == findings.ERROR] == [text]


# What no layout shows, but the machine, or a person at its screen.
OF_THE_GATE = {"partitioning-missing", "disks-more", "tag-own", "tag-other", "tags-other"}
OF_THE_SCREEN = {
    "disk-unselected",
    "disk-refused",
    "disk-not-empty",
    "disk-not-cleared",
    "encryption-chosen",
    "storage-refused",
    "storage-remark",
}


def test_every_sentence_is_in_these_tables():
    shown = {param.values[2].partition(": ")[0] for param in WRONG_LAYOUTS}
    assert shown
    cases = [p.values for p in WRONG_LAYOUTS]
    codes = {f.code for devices, request, _ in cases for f in check(devices, request)}
    codes |= {f.code for p in IMPOSSIBLE for f in plan(p.values[0]).findings} | {"over-provisioned"}
    assert codes == set(findings._WORDS) - OF_THE_GATE - OF_THE_SCREEN


def test_words_are_translated_before_values_are_put_in():
    found = Finding("root-small", findings.ERROR, "/", (("found_size", GIB), ("needed_size", 6 * GIB)))
    german = {"{found_size} is below the {needed_size} minimum of the root volume": "{found_size} statt {needed_size}"}
    assert describe(found, translate=lambda text: german.get(text, text)).message == "1 GiB statt 6 GiB"


@pytest.mark.parametrize(
    ("size", "down", "up"),
    [
        pytest.param(GIB, "1 GiB", "1 GiB", id="whole"),
        pytest.param(GIB - 1, "1023.99 MiB", "1024 MiB", id="just-below"),
        pytest.param(1536 * GIB, "1.5 TiB", "1.5 TiB", id="fraction"),
        pytest.param(0, "0 MiB", "0 MiB", id="nothing"),
        pytest.param(GIB + 1, "1 GiB", "1.01 GiB", id="too-little-never-looks-enough"),
    ],
)
def test_size_text(size, down, up):
    assert (size_text(size), size_text(size, round_up=True)) == (down, up)
