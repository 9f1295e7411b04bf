# SPDX-License-Identifier: GPL-2.0-or-later
"""What lies on a disk and is not ours to wipe: by partition type, name, tag, and by what reaches onto other disks."""

from __future__ import annotations

from typing import Any

import pytest
from disk_facts import array, device, facts, group, refused, wanted

from org_ovirt_node.programs import disks

SDA, SDB = device("sda"), device("sdb")

# --- partition types -------------------------------------------------------------------------------------------------

# Ceph's src/ceph-volume/ceph_volume/util/constants.py and its former ceph-disk; gptfdisk's parttypes.cc.
PARTITIONS = [
    pytest.param("4fbd7e29-9d25-41b8-afd0-062c0ceff05d", "Ceph", id="osd"),
    pytest.param("4fbd7e29-9d25-41b8-afd0-35865ceff05d", "Ceph", id="osd-luks"),
    pytest.param("4fbd7e29-9d25-41b8-afd0-5ec00ceff05d", "Ceph", id="osd-dmcrypt"),
    pytest.param("4fbd7e29-8ae0-4982-bf9d-5a8d867af560", "Ceph", id="osd-multipath"),
    pytest.param("45b0969e-9b03-4f30-b4c6-b4b80ceff106", "Ceph", id="journal"),
    pytest.param("45b0969e-9b03-4f30-b4c6-35865ceff106", "Ceph", id="journal-luks"),
    pytest.param("45b0969e-9b03-4f30-b4c6-5ec00ceff106", "Ceph", id="journal-dmcrypt"),
    pytest.param("45b0969e-8ae0-4982-bf9d-5a8d867af560", "Ceph", id="journal-multipath"),
    pytest.param("cafecafe-9b03-4f30-b4c6-b4b80ceff106", "Ceph", id="block"),
    pytest.param("cafecafe-9b03-4f30-b4c6-35865ceff106", "Ceph", id="block-luks"),
    pytest.param("cafecafe-9b03-4f30-b4c6-5ec00ceff106", "Ceph", id="block-dmcrypt"),
    pytest.param("cafecafe-8ae0-4982-bf9d-5a8d867af560", "Ceph", id="block-multipath"),
    pytest.param("30cd0809-c2b2-499c-8879-2d6b78529876", "Ceph", id="block-db"),
    pytest.param("30cd0809-c2b2-499c-8879-2d6b785292be", "Ceph", id="block-db-dmcrypt"),
    pytest.param("93b0052d-02d9-4d8a-a43b-33a3ee4dfbc3", "Ceph", id="block-db-dmcrypt-plain"),
    pytest.param("166418da-c469-4022-adf4-b30afd37f176", "Ceph", id="block-db-luks"),
    pytest.param("ec6d6385-e346-45dc-be91-da2a7c8b3261", "Ceph", id="block-db-multipath"),
    pytest.param("5ce17fce-4087-4169-b7ff-056cc58473f9", "Ceph", id="block-wal"),
    pytest.param("5ce17fce-4087-4169-b7ff-056cc58472be", "Ceph", id="block-wal-dmcrypt"),
    pytest.param("306e8683-4fe2-4330-b7c0-00a917c16966", "Ceph", id="block-wal-dmcrypt-plain"),
    pytest.param("86a32090-3647-40b9-bbbd-38d8c573aa86", "Ceph", id="block-wal-luks"),
    pytest.param("01b41e1b-002a-453c-9f17-88793989ff8f", "Ceph", id="block-wal-multipath"),
    pytest.param("fb3aabf9-d25f-47cc-bf5e-721d1816496b", "Ceph", id="lockbox"),
    pytest.param("7f4a666a-16f3-47a2-8445-152ef4d03f6c", "Ceph", id="lockbox-multipath"),
    pytest.param("89c57f98-2fe5-4dc0-89c1-f3ad0ceff2be", "Ceph", id="to-be"),
    pytest.param("89c57f98-2fe5-4dc0-89c1-5ec00ceff2be", "Ceph", id="to-be-dmcrypt"),
    pytest.param("6a898cc3-1dd2-11b2-99a6-080020736631", "ZFS", id="zfs"),
    pytest.param("516e7cba-6ecf-11d6-8ff8-00022d09712b", "ZFS", id="zfs-of-freebsd"),
    pytest.param("aa31e02a-400f-11db-9590-000c2911d1b8", "VMware VMFS", id="vmfs"),
    pytest.param("0xfb", "VMware VMFS", id="vmfs-in-an-mbr"),
    pytest.param("381cfccc-7288-11e0-92ee-000c2911d0b2", "VMware vSAN", id="vsan"),
    pytest.param("77719a0c-a4a0-11e3-a47e-000c29745a24", "VMware Virsto", id="virsto"),
    pytest.param("37affc90-ef7d-4e96-91c3-2d7ae055b174", "IBM GPFS", id="gpfs"),
    pytest.param("e75caf8f-f680-4cee-afa3-b001e56efc2d", "Windows Storage Spaces", id="storage-spaces"),
]


@pytest.mark.parametrize(("partition_type", "owner"), PARTITIONS)
def test_partition_of_somebody_else(partition_type: str, owner: str) -> None:
    part = device("sda1", "part", "sda", partition_type=partition_type)
    assert refused(facts(SDA, part)) == [f"foreign: sda belongs to {owner}: partition type {partition_type} of sda1"]
    assert refused(facts(SDA, part, SDB), "sdb") == []


@pytest.mark.parametrize(
    "partition_type",
    [
        pytest.param("0fc63daf-8483-4772-8e79-3d69d8477de4", id="linux"),
        pytest.param("e6d6d379-f507-44c2-a23c-238f2a3df928", id="lvm"),
        pytest.param("a19d880f-05fc-4d3b-a006-743f0f84911e", id="raid"),
        pytest.param("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", id="windows"),
        pytest.param("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", id="esp"),
        pytest.param("6a945a3b-1dd2-11b2-99a6-080020736631", id="solaris-reserved"),
        pytest.param("0x83", id="linux-in-an-mbr"),
        pytest.param("", id="none"),
    ],
)
def test_partition_of_an_ordinary_disk(partition_type: str) -> None:
    assert refused(facts(SDA, device("sda1", "part", "sda", partition_type=partition_type))) == []


# --- volume groups ---------------------------------------------------------------------------------------------------

DOMAIN = "2f6dbb18-3f4c-4b73-9a5d-0f2b8a1c9d3e"
IS_DOMAIN = "storage-domain: the volume group {} on sda is a storage domain of oVirt: {}"
GROUPS = [
    # vdsm's blockSD.py: STORAGE_DOMAIN_TAG, STORAGE_UNREADY_DOMAIN_TAG, and METADATA tags.
    pytest.param(
        {"name": "data", "tags": ("x", "RHAT_storage_domain")},
        [IS_DOMAIN.format("data", "tagged RHAT_storage_domain")],
        id="domain",
    ),
    pytest.param(
        {"name": "data", "tags": ("RHAT_storage_domain_UNREADY",)},
        [IS_DOMAIN.format("data", "tagged RHAT_storage_domain_UNREADY")],
        id="domain-in-creation",
    ),
    pytest.param(
        {"name": DOMAIN, "tags": ("MDT_CLASS=Data", "other", "MDT_TYPE=FCP")},
        [IS_DOMAIN.format(DOMAIN, "tagged MDT_CLASS=Data and 1 more")],
        id="domain-by-its-metadata",
    ),
    pytest.param({"name": DOMAIN}, [IS_DOMAIN.format(DOMAIN, "named by a UUID")], id="domain-by-its-name"),
    pytest.param({"name": DOMAIN.upper()}, [], id="not-a-uuid-of-vdsm"),
    pytest.param({"name": f"{DOMAIN}0"}, [], id="longer-than-a-uuid"),
    pytest.param({"name": f"x{DOMAIN}"}, [], id="ends-in-a-uuid"),
    pytest.param({"name": "data", "tags": ("my_RHAT_storage_domain", "XMDT_")}, [], id="other-tags"),
    pytest.param(
        {"name": "ceph-3d7e0b4f"}, ["foreign: sda belongs to Ceph: volume group ceph-3d7e0b4f"], id="ceph-group"
    ),
    pytest.param(
        {"name": "gluster_vg_sdb"}, ["foreign: sda belongs to Gluster: volume group gluster_vg_sdb"], id="gluster-group"
    ),
    pytest.param(
        {"name": "gluster-vg"}, ["foreign: sda belongs to Gluster: volume group gluster-vg"], id="gluster-group-dash"
    ),
    pytest.param(
        {"name": "data", "volumes": (("root", ()), ("[gluster_thinpool_tmeta]", ()), ("gluster-lv", ()))},
        [
            "foreign: sda belongs to Gluster: volume data/gluster_thinpool_tmeta, volume data/gluster-lv",
            "not-known: what is in volume group data on sda is not known: logical volumes of it are not active (root)",
        ],
        id="gluster-volumes",
    ),
    pytest.param(
        {"name": "data", "volumes": (("ceph-osd", ()), ("osd-block", ("x", "ceph.osd_id=3", "ceph.type=block")))},
        ["foreign: sda belongs to Ceph: volume data/ceph-osd, volume data/osd-block tagged ceph.*"],
        id="ceph-volumes",
    ),
    pytest.param(
        {"name": "myceph-", "tags": ("ceph.",), "volumes": (("[my-gluster_]", ("xceph.",)), ("[cephfs]", ()))},
        [],
        id="names-and-tags-of-others",
    ),
    pytest.param(
        {"name": "onn", "tags": ("imgbased:vg",), "volumes": (("root", ()),)},
        ["node-layers: sda carries a node: volume group onn"],
        id="node-of-which-only-the-group-is-tagged",
    ),
    pytest.param(
        {"name": "onn", "volumes": (("root", ()), ("node-4.5.6-1", ("x", "imgbased:layer")))},
        ["node-layers: sda carries a node: volume group onn, onn/node-4.5.6-1"],
        id="node-of-which-only-a-volume-is-tagged",
    ),
    pytest.param({"name": "onn", "tags": ("x:imgbased:vg",), "volumes": (("[root]", ("imgbase",)),)}, [], id="no-node"),
]


@pytest.mark.parametrize(("values", "refusals"), GROUPS)
def test_volume_group(values: dict[str, Any], refusals: list[str]) -> None:
    found = group(members=("sda1",), **values)
    part = device("sda1", "part", "sda")
    assert refused(facts(SDA, part, SDB, groups=(found,))) == refusals
    assert refused(facts(SDA, part, SDB, groups=(found,)), "sdb") == []


@pytest.mark.parametrize("tags", [("imgbased:vg",), ()])
def test_node_may_be_installed_anew(tags: tuple[str, ...]) -> None:
    found = group("onn", "sda", tags=tags, volumes=(("root", ("imgbased:init",)),))
    assert refused(facts(SDA, groups=(found,)), reinstall=True) == []


def test_domain_beside_a_node_is_found() -> None:
    """node_reinstall is a permission for the node alone."""
    found = (group("onn", "sda1", tags=("imgbased:vg",)), group(DOMAIN, "sda2"))
    parts = (device("sda1", "part", "sda"), device("sda2", "part", "sda"))
    domain = IS_DOMAIN.format(DOMAIN, "named by a UUID")
    assert refused(facts(SDA, *parts, groups=found), reinstall=True) == [domain]
    assert refused(facts(SDA, *parts, groups=found)) == ["node-layers: sda carries a node: volume group onn", domain]


def test_each_disk_has_its_own_refusals() -> None:
    found = (group("gluster_vg", "sda"), group("ceph-1", "sdb"))
    assert refused(facts(SDA, SDB, groups=found), "sda", "sdb") == [
        "foreign: sda belongs to Gluster: volume group gluster_vg",
        "foreign: sdb belongs to Ceph: volume group ceph-1",
    ]


def test_what_is_inside_counts_for_its_own_disk() -> None:
    inside = disks.Inside("sdb", "a/.glusterfs")
    assert refused(facts(SDA, SDB, insides=(inside,)), "sda", "sdb") == [
        "foreign: sdb belongs to Gluster: a/.glusterfs in sdb"
    ]


@pytest.mark.parametrize("mount", ["/gluster_bricks/data", "/gluster", "/rhgs/brick1"])
def test_brick_by_its_mount_point(mount: str) -> None:
    assert refused(facts(device("sda", mounts=(mount,)))) == [
        f"in-use: sda on sda is mounted at {mount}",
        f"foreign: sda belongs to Gluster: sda is mounted at {mount}",
    ]


# --- what reaches onto other disks -----------------------------------------------------------------------------------

REACHES = "reaches-out: the {} data on {} is also on {}"
LEVELS = ["raid0", "raid1", "raid4", "raid5", "raid6", "raid10", "linear"]


@pytest.mark.parametrize("level", LEVELS)
def test_array_that_is_complete_on_the_wanted_disks(level: str) -> None:
    running = device("md127", level, "sda", "sdb")
    found = facts(SDA, SDB, device("sdc"), running, arrays=(array(level, "sda", "sdb"),))
    assert refused(found, "sda", "sdb") == []
    assert refused(found, "sda", "sdb", "sdc") == []
    assert refused(found, "sdc") == []


@pytest.mark.parametrize("level", LEVELS)
def test_array_that_also_lies_on_another_disk(level: str) -> None:
    running = device("md127", level, "sda", "sdb", "sdc")
    found = facts(SDA, SDB, device("sdc"), running, arrays=(array(level, "sda", "sdb", "sdc"),))
    assert refused(found, "sda") == [REACHES.format("array", "sda", "sdb, sdc")]
    assert refused(found, "sdc", "sda") == [REACHES.format("array", "sdc, sda", "sdb")]


@pytest.mark.parametrize("level", LEVELS)
def test_array_of_which_members_are_lost(level: str) -> None:
    """Half of a mirror is whole by itself; of all others somebody may have the rest."""
    for missing, others in ((1, "1 more that is not here"), (2, "2 more that are not here")):
        running = device("md127", level, "sda", "sdb")
        found = facts(SDA, SDB, running, arrays=(array(level, "sda", "sdb", missing=missing),))
        expected = [] if level == "raid1" else [REACHES.format("array", "sda, sdb", others)]
        assert refused(found, "sda", "sdb") == expected


NOT_RUNNING = "not-known: what is in array data on {} is not known: it is an array that is not running"


@pytest.mark.parametrize("level", LEVELS)
def test_array_that_does_not_run_cannot_be_looked_into(level: str) -> None:
    """There may be a volume group in it, and what belongs to another machine."""
    found = facts(SDA, SDB, device("sda1", "part", "sda"), arrays=(array(level, "sda1", "sdb"),))
    assert refused(found, "sda", "sdb") == [NOT_RUNNING.format(disk) for disk in ("sda", "sdb")]
    assert refused(found, "sda", "sdb", erase=("inactive-arrays",)) == []
    lost = facts(SDA, arrays=(array(level, "sda", missing=1),))
    elsewhere = REACHES.format("array", "sda", "1 more that is not here")
    assert refused(lost, "sda") == [NOT_RUNNING.format("sda") if level == "raid1" else elsewhere]


def test_array_on_partitions() -> None:
    parts = (device("sda2", "part", "sda"), device("sdb2", "part", "sdb"))
    running = device("md127", "raid1", "sda2", "sdb2")
    found = facts(SDA, SDB, *parts, running, arrays=(array("raid1", "sda2", "sdb2"),))
    assert refused(found, "sda") == [REACHES.format("array", "sda", "sdb")]
    assert refused(found, "sda", "sdb") == []


def test_array_on_two_paths_of_a_lun() -> None:
    paths = (SDA, device("sdb", wwn=SDA.wwn, wwid=SDA.wwid))
    found = facts(*paths, device("md127", "raid0", "sda"), arrays=(array("raid0", "sda", "sdb"),))
    assert refused(found, multipath=True) == []


@pytest.mark.parametrize(
    ("members", "missing", "names", "refusals"),
    [
        pytest.param(("sda", "sdb"), 0, ("sda", "sdb"), [], id="whole"),
        pytest.param(("sda", "sdb"), 0, ("sda",), [REACHES.format("volume group", "sda", "sdb")], id="part"),
        pytest.param(
            ("sda",), 2, ("sda",), [REACHES.format("volume group", "sda", "2 more that are not here")], id="lost"
        ),
        pytest.param(
            ("sda", "sdb"),
            1,
            ("sda",),
            [REACHES.format("volume group", "sda", "sdb, 1 more that is not here")],
            id="both",
        ),
        pytest.param(("sdb",), 1, ("sda",), [], id="of-another-disk"),
        pytest.param((), 1, ("sda",), [], id="nowhere"),
    ],
)
def test_group_that_reaches_out(members: Any, missing: int, names: Any, refusals: list[str]) -> None:
    found = facts(SDA, SDB, groups=(group("data", *members, missing=missing),))
    assert refused(found, *names) == refusals


def test_file_system_of_several_disks() -> None:
    first, second = (device(name, filesystem_uuid="data", signatures=("btrfs",)) for name in ("sda", "sdb"))
    found = facts(first, second, device("sdc", filesystem_uuid="other"), device("sdd"))
    assert refused(found, "sda") == [REACHES.format("btrfs file system", "sda", "sdb")]
    assert refused(found, "sda", "sdb") == []
    assert refused(found, "sdc", "sdd") == []


# --- a copy of a physical volume -------------------------------------------------------------------------------------

LABEL = ("LVM2_member",)
HIDDEN = (
    "hidden-volume: {} on {} is labelled as a physical volume, but LVM does not show it; it may be a copy of another"
)
LUN = {"wwn": SDA.wwn, "wwid": SDA.wwid}
PHYSICAL = [
    pytest.param((device("sda", signatures=LABEL),), ("sda",), [], id="shown"),
    pytest.param((device("sda", signatures=LABEL),), ("sdb",), [HIDDEN.format("sda", "sda")], id="copy-of-a-disk"),
    pytest.param(
        (SDA, device("sda1", "part", "sda"), device("sda2", "part", "sda", signatures=("xfs", *LABEL))),
        ("sda1",),
        [HIDDEN.format("sda2", "sda")],
        id="copy-of-a-partition",
    ),
    pytest.param(
        (device("sda", signatures=("dos", *LABEL)), device("sda1", "part", "sda")),
        (),
        [],
        id="remnant-below-partitions",
    ),
    pytest.param(
        (device("sda", signatures=LABEL), device("dm-0", "crypt", "sda", signatures=LABEL)),
        ("dm-0",),
        [],
        id="what-lies-on-it-is-shown",
    ),
    # Formats 0.90 and 1.0 stand at the end of their members, and the array's content at the beginning.
    pytest.param((device("sda", signatures=("linux_raid_member", *LABEL)),), (), [], id="member-of-an-array"),
]


@pytest.mark.parametrize(("devices", "shown", "refusals"), PHYSICAL)
def test_physical_volume_that_lvm_does_not_show(devices: Any, shown: Any, refusals: list[str]) -> None:
    assert refused(facts(*devices, SDB, physical_volumes=shown)) == refusals
    assert refused(facts(*devices, SDB, physical_volumes=shown), "sdb") == []


@pytest.mark.parametrize(("shown", "is_hidden"), [("sda1", False), ("sdb1", False), ("sdc", True)])
def test_of_the_paths_of_a_lun_lvm_shows_one(shown: str, is_hidden: bool) -> None:
    paths = (SDA, device("sdb", **LUN))
    parts = (device("sda1", "part", "sda", signatures=LABEL), device("sdb1", "part", "sdb", signatures=LABEL))
    hidden = [HIDDEN.format(name, "sda+sdb") for name in ("sda1", "sdb1")] if is_hidden else []
    assert refused(facts(*paths, *parts, device("sdc"), physical_volumes=(shown,)), multipath=True) == hidden


# --- a group's name --------------------------------------------------------------------------------------------------

TAKEN = "group-name-taken: another volume group onn is on {}"


@pytest.mark.parametrize(
    ("groups", "names", "refusals"),
    [
        pytest.param((group("onn", "sdb"),), ("sda",), [TAKEN.format("sdb")], id="elsewhere"),
        pytest.param((group("onn", "sdc", "sdb"),), ("sda",), [TAKEN.format("sdb, sdc")], id="elsewhere-on-two"),
        pytest.param((group("onn", "sda"),), ("sda",), [], id="on-the-wanted-disk"),
        pytest.param((group("onn", "sda", "sdb"),), ("sda", "sdb"), [], id="on-the-wanted-disks"),
        pytest.param(
            (group("onn", "sda", "sdb"),),
            ("sda",),
            ["reaches-out: the volume group onn on sda is also on sdb"],
            id="in-part",
        ),
        pytest.param((group("onn", "sda"), group("onn", "sdb")), ("sda",), [TAKEN.format("sdb")], id="two-of-one-name"),
        pytest.param((group("onn2", "sdb"), group("on", "sdb")), ("sda",), [], id="another-name"),
        pytest.param((group("onn"),), ("sda",), [], id="on-no-disk"),
    ],
)
def test_group_of_the_name_that_the_kickstart_gives(groups: Any, names: Any, refusals: list[str]) -> None:
    found = facts(SDA, SDB, device("sdc"), groups=groups)
    assert refused(found, *names, group="onn") == refusals


def test_cure_of_a_name_that_is_taken() -> None:
    (found,) = disks.decide(facts(SDA, SDB, groups=(group("onn", "sdb"),)), wanted("sda", group="onn")).refusals
    assert found.needed == "one of that name"
    assert found.cure.endswith("rename the group: vgrename uuid-of-onn OTHER")
