# SPDX-License-Identifier: GPL-2.0-or-later
"""Which disk is the wanted one: its identity key by key, its size, and the paths of one LUN."""

from __future__ import annotations

from typing import Any

import pytest
from disk_facts import GIB, device, facts, refused, told, wanted

from org_ovirt_node.programs import disks
from org_ovirt_node.programs.disks import WantedDisk

BY_PATH = "/dev/disk/by-path/pci-0000:00:03.0-scsi-0:0:1:0"
MAP_LINK = "/dev/disk/by-id/dm-uuid-mpath-35000c500a1b2c301"


def choose(found: disks.Facts, *disks_: WantedDisk) -> Any:
    return disks.decide(found, disks.Wanted(disks_, group="onn"))


# --- keys ------------------------------------------------------------------------------------------------------------

IDENTITIES = [
    pytest.param(WantedDisk(wwn="0x5000c500a1b2c301"), {}, id="wwn"),
    pytest.param(WantedDisk(wwn="0x5000C500A1B2C301"), {}, id="wwn-in-capitals"),
    pytest.param(WantedDisk(serial="S3EVNX0K001"), {}, id="serial"),
    pytest.param(WantedDisk(serial="35000c500a1b2c301"), {}, id="another-serial"),
    pytest.param(WantedDisk(path=BY_PATH), {}, id="path"),
    pytest.param(WantedDisk(path=MAP_LINK), {}, id="link-of-the-map-to-be"),
    pytest.param(WantedDisk(model="QEMU HARDDISK"), {"model": "QEMU HARDDISK"}, id="model"),
    pytest.param(WantedDisk(model="QEMU_HARDDISK"), {"model": "QEMU HARDDISK"}, id="model-as-udev-writes-it"),
    pytest.param(WantedDisk(model="QEMU HARDDISK"), {"model": "QEMU_HARDDISK"}, id="model-as-inventories-write-it"),
    pytest.param(WantedDisk(model="QEMU  HARDDISK "), {"model": "QEMU HARDDISK"}, id="model-with-more-blanks"),
    pytest.param(WantedDisk(smallest=40 * GIB), {"size": 40 * GIB}, id="size-at-least"),
    pytest.param(WantedDisk(largest=40 * GIB), {"size": 40 * GIB}, id="size-at-most"),
    pytest.param(WantedDisk(smallest=40 * GIB, largest=40 * GIB), {"size": 40 * GIB}, id="size-exactly"),
    pytest.param(
        WantedDisk("0x5000c500a1b2c301", "S3EVNX0K001", BY_PATH, "ST480FP0021", 64 * GIB, 64 * GIB), {}, id="all"
    ),
]
OTHER = device("sdb", size=80 * GIB, model="INTEL SSDSC2BB48")


@pytest.mark.parametrize(("identity", "values"), IDENTITIES)
def test_disk_is_found_by_each_key_alone(identity: WantedDisk, values: dict[str, Any]) -> None:
    found = facts(OTHER, device("sda", **values)) if identity.largest else facts(device("sda", **values))
    decision = choose(found, identity)
    assert told(decision.refusals) == []
    assert [str(candidate) for candidate in decision.chosen] == ["sda"]


NO_DISK = "no-disk: no disk has "
WRONG = [
    pytest.param(WantedDisk(wwn="0x1"), {}, NO_DISK + "wwn 0x1", id="wwn"),
    pytest.param(WantedDisk(serial="S3EVNX0K00"), {}, NO_DISK + "serial S3EVNX0K00", id="serial"),
    pytest.param(WantedDisk(serial="s3evnx0k001"), {}, NO_DISK + "serial s3evnx0k001", id="serial-in-small-letters"),
    pytest.param(WantedDisk(path="/dev/sda"), {}, NO_DISK + "path /dev/sda", id="kernel-name"),
    pytest.param(WantedDisk(model="ST480"), {}, NO_DISK + "model ST480", id="model"),
    pytest.param(
        WantedDisk(wwn="0x5000c500a1b2c301", serial="X"),
        {},
        NO_DISK + "wwn 0x5000c500a1b2c301, serial X; sda has that wwn, but serial S3EVNX0K001",
        id="serial-of-another",
    ),
    pytest.param(
        WantedDisk(wwn="0x5000c500a1b2c301", serial="X"),
        {"serials": ()},
        NO_DISK + "wwn 0x5000c500a1b2c301, serial X; sda has that wwn, but serial (none)",
        id="disk-without-a-serial",
    ),
    pytest.param(
        WantedDisk(wwn="0x1", serial="S3EVNX0K001"),
        {"wwn": ""},
        NO_DISK + "wwn 0x1, serial S3EVNX0K001; sda has that serial, but wwn (none)",
        id="disk-without-a-wwn",
    ),
    pytest.param(
        WantedDisk(serial="S3EVNX0K001", path="/dev/disk/by-path/x", model="M"),
        {"links": ("/dev/disk/by-id/scsi-1", BY_PATH)},
        NO_DISK + "serial S3EVNX0K001, path /dev/disk/by-path/x, model M; "
        f"sda has that serial, but path {BY_PATH}, model ST480FP0021",
        id="disk-in-another-place",
    ),
    pytest.param(
        WantedDisk(serial="S3EVNX0K001", path="/dev/disk/by-path/x", model="M"),
        {"links": (), "model": ""},
        NO_DISK + "serial S3EVNX0K001, path /dev/disk/by-path/x, model M; "
        "sda has that serial, but path (none), model (none)",
        id="disk-without-place-and-model",
    ),
    pytest.param(
        WantedDisk(wwn="0x1", model="ST480FP0021"), {}, NO_DISK + "wwn 0x1, model ST480FP0021", id="model-is-no-hint"
    ),
    pytest.param(
        WantedDisk(serial="S3EVNX0K001", smallest=65 * GIB),
        {},
        "disk-size: sda has 68719476736 bytes",
        id="size",
    ),
    pytest.param(
        WantedDisk(smallest=70 * GIB), {}, "disk-size: sda has 68719476736 bytes", id="the-only-disk-is-too-small"
    ),
]


@pytest.mark.parametrize(("identity", "values", "refusal"), WRONG)
def test_disk_that_differs_in_one_key_is_refused(identity: WantedDisk, values: dict[str, Any], refusal: str) -> None:
    decision = choose(facts(device("sda", **values)), identity)
    assert told(decision.refusals) == [refusal]
    assert decision.chosen == decision.links == ()


@pytest.mark.parametrize(
    ("smallest", "largest", "is_chosen", "needed"),
    [
        pytest.param(None, None, True, "", id="any"),
        pytest.param(64 * GIB, None, True, "", id="at-least"),
        pytest.param(64 * GIB + 1, None, False, "at least 68719476737 bytes", id="one-byte-too-small"),
        pytest.param(None, 64 * GIB, True, "", id="at-most"),
        pytest.param(None, 64 * GIB - 1, False, "0 to 68719476735 bytes", id="one-byte-too-large"),
        pytest.param(1, 2, False, "1 to 2 bytes", id="range"),
        pytest.param(2, 2, False, "2 bytes", id="exactly"),
    ],
)
def test_size(smallest: Any, largest: Any, is_chosen: bool, needed: str) -> None:
    asked = WantedDisk(wwn="0x5000c500a1b2c301", smallest=smallest, largest=largest)
    decision = choose(facts(device("sda")), asked)
    assert bool(decision.links) is is_chosen
    assert [each.needed for each in decision.refusals] == ([] if is_chosen else [needed])


def test_size_tells_equal_disks_apart() -> None:
    same = {"wwn": "0x1", "serials": ("A",)}
    small, large = device("sda", **same, wwid="1"), device("sdb", **same, wwid="2", size=80 * GIB)
    assert choose(facts(small, large), WantedDisk(wwn="0x1", smallest=70 * GIB)).chosen[0].names == ("sdb",)
    assert told(choose(facts(small, large), WantedDisk(wwn="0x1", smallest=99 * GIB)).refusals) == [
        f"no-disk: no disk has wwn 0x1, at least {99 * GIB} bytes; sda has that wwn, but {64 * GIB} bytes; "
        f"sdb has that wwn, but {80 * GIB} bytes"
    ]
    assert told(choose(facts(small, large), WantedDisk(wwn="0x1")).refusals) == ["several-disks: sda, sdb have wwn 0x1"]


def test_one_disk_cannot_be_two() -> None:
    found = facts(device("sda"), device("sdb"))
    first, again, other = WantedDisk(wwn=device("sda").wwn), WantedDisk(serial="S3EVNX0K001"), WantedDisk(wwn="0x9")
    assert told(choose(found, first, first, again).refusals) == [
        "one-disk-twice: sda is system0 and system1",
        "one-disk-twice: sda is system0 and system2",
    ]
    assert told(choose(found, other, first, again).refusals) == [
        "no-disk: no disk has wwn 0x9",
        "one-disk-twice: sda is system1 and system2",
    ]


def test_links_are_in_the_order_of_the_inventory() -> None:
    found = facts(device("sda"), device("sdb"))
    links = disks.decide(found, wanted("sdb", "sda")).links
    assert [(link.name, link.node) for link in links] == [
        ("/dev/disk/by-node/system0", "/dev/sdb"),
        ("/dev/disk/by-node/system1", "/dev/sda"),
    ]
    assert links[0].match == f'ENV{{DEVTYPE}}=="disk", DEVPATH=="{device("sdb").sysfs}"'


# --- what a disk is --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["zram0", "ram1", "nbd0", "fd0", "loop0", "sr0", "md0", "dm-0"])
def test_not_a_disk(name: str) -> None:
    assert disks.candidates(facts(device(name, wwn="", wwid=""), device("sda")))[0].names == ("sda",)


@pytest.mark.parametrize("name", ["sda", "vda", "nvme0n1", "dasda", "xvda", "mmcblk0", "pmem0", "sdfd", "srx"])
def test_disk(name: str) -> None:
    assert [str(each) for each in disks.candidates(facts(device(name, wwn="", wwid="")))] == [name]


def test_partition_and_layer_are_not_disks() -> None:
    found = facts(device("sda"), device("sda1", "part", "sda"), device("bcache0", "disk", "sda"), device("x", "raid1"))
    assert [str(each) for each in disks.candidates(found)] == ["sda"]


# --- paths of one LUN ------------------------------------------------------------------------------------------------

PATHS = (device("sda"), device("sdb", wwn=device("sda").wwn, wwid=device("sda").wwid))
MAP = device("dm-0", "mpath", "sda", "sdb", mapper_name="mpatha", mapper_uuid="mpath-35000c500a1b2c301")


def test_paths_of_one_lun_are_one_candidate() -> None:
    (found,) = disks.candidates(facts(*PATHS))
    assert (found.names, found.map) == (("sda", "sdb"), None)


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"wwn": "0x9"}, id="another-wwn"),
        pytest.param({"wwid": "9"}, id="another-wwid"),
        pytest.param({"size": 1}, id="another-size"),
        pytest.param({"wwn": "", "wwid": ""}, id="no-identity"),
    ],
)
def test_disks_that_differ_are_two(values: dict[str, Any]) -> None:
    found = facts(PATHS[0], disks.dataclasses.replace(PATHS[1], **values))
    assert [each.names for each in disks.candidates(found)] == [("sda",), ("sdb",)]


@pytest.mark.parametrize("values", [{"wwn": ""}, {"wwid": ""}, {"transport": "usb"}])
def test_disks_without_an_identity_are_never_paths(values: dict[str, Any]) -> None:
    """Cheap USB bridges all give the same."""
    found = facts(*(disks.dataclasses.replace(path, **values) for path in PATHS))
    assert [each.names for each in disks.candidates(found)] == [("sda",), ("sdb",)]


@pytest.mark.parametrize("values", [{}, {"wwn": "", "wwid": ""}, {"size": 1}])
def test_paths_of_a_map_are_one_candidate(values: dict[str, Any]) -> None:
    """multipath knows it better than the identities do."""
    second = disks.dataclasses.replace(PATHS[1], **values)
    (found,) = disks.candidates(facts(PATHS[0], second, MAP))
    assert (found.names, found.map) == (("sda", "sdb"), MAP)


@pytest.mark.parametrize("first", [0, 1, 2])
def test_path_that_multipath_has_not_taken_is_of_the_same_lun(first: int) -> None:
    """It came later, or it has failed."""
    paths = (*PATHS, device("sdc", wwn=PATHS[0].wwn, wwid=PATHS[0].wwid))
    (found,) = disks.candidates(facts(*paths[first:], *paths[:first], MAP))
    assert (sorted(found.names), found.map) == (["sda", "sdb", "sdc"], MAP)
    assert refused(facts(*paths[first:], *paths[:first], MAP), multipath=True) == []


def test_lun_is_found_by_a_link_of_its_map_alone() -> None:
    link = "/dev/disk/by-id/dm-name-mpatha"
    found = facts(*PATHS, disks.dataclasses.replace(MAP, links=(link,)))
    asked = disks.Wanted((WantedDisk(path=link),), group="onn", multipath=True)
    assert disks.decide(found, asked).chosen[0].names == ("sda", "sdb")


MULTIPATH = {"multipath": True}


def test_map_is_started_for_a_lun_that_has_none() -> None:
    found = disks.decide(facts(*PATHS), wanted("sda", **MULTIPATH))
    assert found.multipath == (
        ("mpathconf", "--enable", "--find_multipaths", "y", "--user_friendly_names", "y", "--with_multipathd", "y"),
        ("multipath", "-a", "/dev/sda"),
        ("multipath", "/dev/sda"),
    )
    assert found.links == (
        disks.Link(
            "/dev/disk/by-node/system0",
            'ENV{DM_UUID}=="mpath-35000c500a1b2c301"',
            "/dev/disk/by-id/dm-uuid-mpath-35000c500a1b2c301",
        ),
    )


def test_map_of_an_earlier_start_is_kept() -> None:
    """The second attempt, or an installer that starts multipath by itself."""
    map_ = disks.dataclasses.replace(MAP, mapper_uuid="mpath-of-its-own", signatures=("LVM2_member",))
    paths = (disks.dataclasses.replace(path, signatures=("LVM2_member",)) for path in PATHS)
    part = device("dm-1", "part", "dm-0", signatures=("LVM2_member",))
    found = disks.decide(facts(*paths, map_, part, physical_volumes=("dm-0", "dm-1")), wanted("sda", **MULTIPATH))
    assert (found.refusals, found.takedown, found.multipath) == ((), (), ())
    wipe = ("wipefs", "--all", "--types", "LVM2_member,linux_raid_member")
    assert found.wipes == ((*wipe, "/dev/dm-0"), (*wipe, "/dev/dm-1"))
    assert found.links == (
        disks.Link(
            "/dev/disk/by-node/system0",
            'ENV{DM_UUID}=="mpath-of-its-own"',
            "/dev/disk/by-id/dm-uuid-mpath-of-its-own",
        ),
    )


def test_only_luns_without_a_map_are_started() -> None:
    found = facts(*PATHS, MAP, device("sdc"), device("sdd"))
    assert disks.decide(found, wanted("sda", "sdc", "sdd", **MULTIPATH)).multipath[1:] == (
        ("multipath", "-a", "/dev/sdc"),
        ("multipath", "/dev/sdc"),
        ("multipath", "-a", "/dev/sdd"),
        ("multipath", "/dev/sdd"),
    )


def test_lun_without_a_map_is_wiped_by_one_path_that_can_be_read() -> None:
    first, second = (disks.dataclasses.replace(path, signatures=("LVM2_member",)) for path in PATHS)
    on_standby = disks.dataclasses.replace(first, trouble="standby")
    for paths, wiped in (((first, second), "/dev/sda"), ((on_standby, second), "/dev/sdb")):
        found = disks.decide(facts(*paths, physical_volumes=("sda",)), wanted("sda", **MULTIPATH))
        assert [step[-1] for step in found.wipes] == [wiped]


@pytest.mark.parametrize(
    ("found", "refusals"),
    [
        pytest.param(
            facts(disks.dataclasses.replace(PATHS[0], wwid="")),
            ["no-wwid: sda has no WWID, so multipath ignores it"],
            id="no-wwid",
        ),
        pytest.param(facts(*(disks.dataclasses.replace(path, wwid="") for path in PATHS), MAP), [], id="map-is-there"),
        pytest.param(
            facts(*(disks.dataclasses.replace(path, trouble="down") for path in PATHS)),
            [f"unreadable: {name} on sda+sdb cannot be read: down" for name in ("sda", "sdb")],
            id="no-path-can-be-read",
        ),
        pytest.param(
            facts(PATHS[0], disks.dataclasses.replace(PATHS[1], trouble="down")), [], id="one-path-can-be-read"
        ),
        pytest.param(
            facts(*PATHS, device("dm-0", "mpath", "sda", "sdb", trouble="down")),
            ["unreadable: dm-0 on sda+sdb cannot be read: down"],
            id="map-cannot-be-read",
        ),
    ],
)
def test_multipath_refusals(found: disks.Facts, refusals: list[str]) -> None:
    assert refused(found, **MULTIPATH) == refusals


@pytest.mark.parametrize(
    ("disk", "keep", "is_refused"),
    [
        pytest.param({"wwid": "35000c500a1b2c301"}, "35000c500a1b2c301", True, id="wwid"),
        pytest.param({"wwn": "0x5000c500a1b2c301"}, "35000c500a1b2c301", True, id="wwn"),
        pytest.param({"wwn": "eui.0025388b34b9b5df"}, "eui.0025388b34b9b5df", True, id="nvme"),
        pytest.param({"serials": ("WDC_WD-1", "WD-1")}, "WDC_WD-1", True, id="serial"),
        pytest.param({"wwn": "0x5000c500a1b2c302"}, "35000c500a1b2c301", False, id="another"),
        pytest.param({"wwn": ""}, "3", False, id="none"),
    ],
)
def test_disk_that_is_kept_is_refused(disk: dict[str, Any], keep: str, is_refused: bool) -> None:
    plain = disks.dataclasses.replace(device("sda"), wwid="", wwn="", serials=())
    found = facts(disks.dataclasses.replace(plain, **disk))
    asked = disks.Wanted((WantedDisk(smallest=1),), group="onn", keep=(keep,))
    told = [f"{one.code}: {one.found}" for one in disks.decide(found, asked).refusals]
    assert told == (["kept: sda is a local disk that is kept"] if is_refused else [])


def test_paths_without_multipath_are_refused() -> None:
    assert refused(facts(*PATHS)) == ["several-paths: sda+sdb are paths of one LUN"]
    assert refused(facts(*PATHS, MAP)) == ["several-paths: sda+sdb are paths of one LUN"]

    only = device("dm-0", "mpath", "sda", mapper_name="mpatha")
    assert refused(facts(PATHS[0], only)) == ["multipath-map: sda is used by the multipath map mpatha"]


# --- the disk itself -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "refusals"),
    [
        pytest.param({"is_removable": True}, ["removable: sda is removable"], id="removable"),
        pytest.param({"transport": "usb"}, ["removable: sda is removable (USB)"], id="usb"),
        pytest.param({"is_removable": True, "transport": "usb"}, ["removable: sda is removable (USB)"], id="stick"),
        pytest.param({"is_read_only": True}, ["read-only: sda is read-only"], id="read-only"),
        pytest.param({"mounts": ("/mnt",)}, ["in-use: sda on sda is mounted at /mnt"], id="mounted"),
        pytest.param({"mounts": ("/mnt", "/srv")}, ["in-use: sda on sda is mounted at /mnt, /srv"], id="mounted-twice"),
        pytest.param({"mounts": ("[SWAP]",)}, [], id="swap"),
        pytest.param(
            {"mounts": ("/run/install/repo", "/run/install/sources/x")},
            [
                "installation-medium: sda is an installation medium "
                "(mounted at /run/install/repo, mounted at /run/install/sources/x)"
            ],
            id="medium",
        ),
        pytest.param(
            {"mounts": ("/run/install/repo", "/mnt")},
            [
                "installation-medium: sda is an installation medium (mounted at /run/install/repo)",
                "in-use: sda on sda is mounted at /mnt",
            ],
            id="medium-and-mounted",
        ),
        pytest.param(
            {"signatures": ("iso9660", "gpt")},
            ["installation-medium: sda is an installation medium (iso9660)"],
            id="iso",
        ),
        pytest.param(
            {"signatures": ("isw_raid_member", "ddf_raid_member", "isw_raid_member")},
            ["firmware-raid: sda is a member of a firmware RAID (isw_raid_member, ddf_raid_member)"],
            id="firmware-raid",
        ),
        pytest.param({"signatures": ("linux_raid_member",)}, [], id="own-raid"),
    ],
)
def test_refusal_of_the_disk(values: dict[str, Any], refusals: list[str]) -> None:
    assert refused(facts(device("sda", **values), device("sdb"))) == refusals
    assert refused(facts(device("sda", **values), device("sdb")), "sdb") == []


@pytest.mark.parametrize("kind", ["part", "lvm", "crypt", "mpath", "raid0", "raid1", "raid10", "linear", "md", "dm"])
def test_layer_that_can_be_taken_down(kind: str) -> None:
    assert refused(facts(device("sda"), device("x", kind, "sda", mapper_name="x")), multipath=kind == "mpath") == []


@pytest.mark.parametrize("kind", ["bcache", "dmraid", "container", "raidx", "parts", "dm-crypt", "loop", "disk"])
def test_layer_that_cannot(kind: str) -> None:
    assert refused(facts(device("sda"), device("x", kind, "sda"))) == [
        f"stack-unknown: x on sda is a {kind}, which cannot be taken down here"
    ]
