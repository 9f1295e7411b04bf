# SPDX-License-Identifier: GPL-2.0-or-later
"""How the resolver reads the answers of lsblk, udev, wipefs, LVM and mdadm."""

from __future__ import annotations

from typing import Any

import pytest
from disk_facts import GIB, Answering, facts, node, signatures, told, wanted
from disk_facts import device as device_of

from org_ovirt_node.programs import disks

# lsblk's columns, udev's properties, and what one field of the device then is.
FIELDS = [
    pytest.param({"path": "/dev/mapper/mpatha"}, {}, "path", "/dev/mapper/mpatha", id="path"),
    pytest.param({"type": "mpath"}, {}, "type", "mpath", id="type"),
    pytest.param({"size": 512}, {}, "size", 512, id="size"),
    pytest.param({"size": "512"}, {}, "size", 512, id="size-as-text"),
    pytest.param({"size": None}, {}, "size", 0, id="size-unknown"),
    pytest.param({"mountpoints": [None]}, {}, "mounts", (), id="not-mounted"),
    pytest.param({"mountpoints": [None, "/a", "/b"]}, {}, "mounts", ("/a", "/b"), id="mounted-twice"),
    pytest.param({"ro": True}, {}, "is_read_only", True, id="read-only"),
    pytest.param({}, {}, "is_read_only", False, id="writable"),
    pytest.param({"rm": True}, {}, "is_removable", True, id="removable"),
    pytest.param({}, {}, "is_removable", False, id="fixed"),
    pytest.param({"tran": "nvme"}, {}, "transport", "nvme", id="transport"),
    pytest.param({}, {}, "transport", "", id="transport-unknown"),
    # lsblk sees no transport behind some bridges.
    pytest.param({}, {"DEVPATH": "/devices/pci0/usb2/2-1/block/sda"}, "transport", "usb", id="usb-by-its-place"),
    pytest.param({"tran": "usb"}, {}, "transport", "usb", id="usb-by-lsblk"),
    pytest.param({"model": " ST480FP0021 "}, {}, "model", "ST480FP0021", id="model"),
    pytest.param({}, {"ID_MODEL": "x"}, "model", "", id="no-model"),
    pytest.param(
        {"wwn": "0x5000C500A1B2C301"}, {"ID_WWN_WITH_EXTENSION": "0x1"}, "wwn", "0x5000c500a1b2c301", id="wwn"
    ),
    pytest.param({}, {"ID_WWN_WITH_EXTENSION": "0xAB", "ID_WWN": "0x2"}, "wwn", "0xab", id="wwn-with-extension"),
    pytest.param({}, {"ID_WWN": "0x2"}, "wwn", "0x2", id="wwn-of-udev"),
    pytest.param({}, {}, "wwn", "", id="no-wwn"),
    pytest.param({"serial": " A "}, {}, "serials", ("A",), id="serial-of-lsblk"),
    pytest.param({}, {"ID_SERIAL_SHORT": "B"}, "serials", ("B",), id="serial-short"),
    pytest.param({}, {"ID_SCSI_SERIAL": "C"}, "serials", ("C",), id="serial-scsi"),
    pytest.param({}, {"ID_SERIAL": "D"}, "serials", ("D",), id="serial-long"),
    pytest.param(
        {"serial": "A"},
        {"ID_SERIAL": "D", "ID_SCSI_SERIAL": "C", "ID_SERIAL_SHORT": "A"},
        "serials",
        ("A", "C", "D"),
        id="serials-in-order",
    ),
    pytest.param({}, {}, "serials", (), id="no-serial"),
    pytest.param({}, {"ID_SERIAL": "35000", "ID_WWN": "1", "ID_UID": "2"}, "wwid", "35000", id="wwid-of-scsi"),
    pytest.param(
        {"kname": "nvme0n1"}, {"ID_WWN": "eui.1", "ID_SERIAL": "1", "ID_UID": "2"}, "wwid", "eui.1", id="wwid-of-nvme"
    ),
    pytest.param(
        {"kname": "dasda"}, {"ID_UID": "IBM.7", "ID_SERIAL": "1", "ID_WWN": "2"}, "wwid", "IBM.7", id="wwid-of-dasd"
    ),
    pytest.param({"kname": "vda"}, {"ID_SERIAL": "1", "ID_WWN": "2", "ID_UID": "3"}, "wwid", "", id="no-wwid"),
    pytest.param({}, {"DEVLINKS": "/dev/disk/by-id/a /dev/b"}, "links", ("/dev/disk/by-id/a", "/dev/b"), id="links"),
    pytest.param({}, {"DEVPATH": "/devices/x/block/sda"}, "sysfs", "/devices/x/block/sda", id="sysfs"),
    pytest.param({}, {"DM_NAME": "mpatha", "DM_UUID": "mpath-3"}, "mapper_name", "mpatha", id="mapper-name"),
    pytest.param({}, {"DM_NAME": "mpatha", "DM_UUID": "mpath-3"}, "mapper_uuid", "mpath-3", id="mapper-uuid"),
    pytest.param({"parttype": "4FBD7E29-9D25"}, {}, "partition_type", "4fbd7e29-9d25", id="partition-type"),
    pytest.param({}, {}, "partition_type", "", id="no-partition-type"),
]


@pytest.mark.parametrize(("columns", "properties", "field", "expected"), FIELDS)
def test_field_of_a_device(columns: dict[str, Any], properties: dict[str, str], field: str, expected: object) -> None:
    name = columns.get("kname", "sda")
    (found,) = disks.gather(Answering(node("sda", **columns), udev={name: properties})).devices
    assert (found.name, found.trouble) == (name, "")
    assert getattr(found, field) == expected


def test_udev_is_asked_of_the_disks_alone() -> None:
    target = Answering(node("sda"), node("dm-0", path="/dev/mapper/a"))
    disks.gather(target)
    assert [argv for argv in target.asked if argv[:2] == ("udevadm", "info")] == [
        ("udevadm", "info", "/dev/sda", "/dev/mapper/a")
    ]


def test_udev_is_asked_of_everything_if_it_does_not_find_a_disk() -> None:
    class Gone(Answering):
        def run(self, *argv: str) -> disks.Output:
            output = super().run(*argv)
            is_all = argv[-1] == "--export-db"
            return output if argv[:2] != disks.UDEV or is_all else disks.Output(1, "", 'Unknown device "/dev/sdb"\n')

    found = disks.gather(Gone(node("sda"), node("sdb"), udev={"sda": {"ID_SERIAL": "35000"}}))
    assert [device.wwid for device in found.devices] == ["35000", ""]


def test_device_below_two_parents_is_one() -> None:
    array = node("md127", "raid1")
    first, second = node("sda", children=[array]), node("sdb", children=[array, array])
    found = disks.gather(Answering(first, second, node("sdc", children=[])))
    assert [(each.name, each.parents) for each in found.devices] == [
        ("sda", ()),
        ("md127", ("sda", "sdb")),
        ("sdb", ()),
        ("sdc", ()),
    ]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param("", (), id="no-output"),
        pytest.param(" \n", (), id="blank-output"),
        pytest.param('{"signatures": []}', (), id="no-signature"),
        pytest.param(signatures("gpt"), ("gpt",), id="one"),
        pytest.param(signatures("gpt", "gpt", "PMBR"), ("gpt", "PMBR"), id="backup-at-the-end"),
    ],
)
def test_signatures(answer: str, expected: tuple[str, ...]) -> None:
    target = Answering(node("sda"), wipefs={"/dev/sda": answer})
    (found,) = disks.gather(target).devices
    assert (found.signatures, found.filesystem_uuid, found.trouble) == (expected, "", "")
    assert ("wipefs", "--json", "/dev/sda") in target.asked


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(Answering(), id="nothing"),
        pytest.param(Answering(udev={"sda": {}}), id="lsblk-knows-none"),
    ],
)
def test_machine_of_which_nothing_is_known(target: Answering) -> None:
    assert disks.gather(target).unread == ("udevadm and lsblk found no disk",)


def test_file_system_without_a_uuid() -> None:
    (found,) = disks.gather(Answering(node("sda"), wipefs={"/dev/sda": signatures("btrfs")})).devices
    assert found.filesystem_uuid == ""


def test_uuid_that_counts_is_that_of_btrfs() -> None:
    answers = {"/dev/sda": signatures("btrfs", uuid="7c10e32f"), "/dev/sdb": signatures("xfs", uuid="688217b3")}
    found = disks.gather(Answering(node("sda"), node("sdb"), wipefs=answers))
    assert [each.filesystem_uuid for each in found.devices] == ["7c10e32f", ""]


@pytest.mark.parametrize("kind", ["loop", "rom"])
def test_what_is_no_disk_is_not_read(kind: str) -> None:
    """A drive without a medium cannot be read, and a loop device is a file."""
    target = Answering(node("sda"), node("xx0", kind))
    disks.gather(target)
    assert [argv for argv in target.asked if argv[0] == "wipefs"] == [("wipefs", "--json", "/dev/sda")]


WIPEFS = "wipefs exited with 1: wipefs: error: /dev/sda: probing initialization failed: Input/output error"
LATE = disks.Output(disks.NO_ANSWER, "", "gave no answer within 300 seconds")
UNREADABLE = [
    pytest.param(
        {"wipefs": LATE},
        "unreadable: sda on sda cannot be read: wipefs gave no answer within 300 seconds",
        id="wipefs-does-not-end",
    ),
    pytest.param(
        {"wipefs": signatures("linux_raid_member"), "mdadm": LATE},
        "unreadable: sda on sda cannot be read: mdadm gave no answer within 300 seconds",
        id="mdadm-does-not-end",
    ),
    pytest.param(
        {"wipefs": disks.Output(1, "", WIPEFS.partition("1: ")[2])},
        f"unreadable: sda on sda cannot be read: {WIPEFS}",
        id="wipefs-fails",
    ),
    pytest.param(
        {"wipefs": "{"},
        "unreadable: sda on sda cannot be read: wipefs printed no list 'signatures' in JSON: {",
        id="wipefs-breaks-off",
    ),
    pytest.param(
        {"wipefs": signatures("linux_raid_member"), "mdadm": disks.Output(1, "", "mdadm: No md superblock\n")},
        "unreadable: sda on sda cannot be read: mdadm exited with 1: mdadm: No md superblock",
        id="mdadm-fails",
    ),
    pytest.param(
        {"wipefs": signatures("linux_raid_member"), "mdadm": disks.Output(1, "MD_UUID=1:2:3:4\nMD_LEVEL=raid1\n")},
        "unreadable: sda on sda cannot be read: mdadm exited with 1: no output",
        id="mdadm-fails-and-names-an-array",
    ),
    pytest.param(
        {"wipefs": signatures("linux_raid_member"), "mdadm": "MD_LEVEL=raid1\nMD_DEVICES=2\n"},
        "unreadable: sda on sda cannot be read: mdadm exited with 0: no output",
        id="mdadm-names-no-array",
    ),
]


@pytest.mark.parametrize(("answers", "refusal"), UNREADABLE)
def test_whole_disk_that_cannot_be_read(answers: dict[str, Any], refusal: str) -> None:
    by_path = {program: {"/dev/sda": answer} for program, answer in answers.items()}
    found = disks.gather(Answering(node("sda", wwn=device_of("sda").wwn), node("sdb"), **by_path))
    assert found.unread == ()
    assert [bool(each.trouble) for each in found.devices] == [True, False]
    decision = disks.decide(found, wanted("sda"))
    assert told(decision.refusals) == [refusal]
    assert not decision.links
    assert not decision.takedown


@pytest.mark.parametrize("program", ["lsblk", "pvs", "lvs"])
def test_look_that_does_not_end_is_refused(program: str) -> None:
    """A device that queues what is read from it may be any disk."""

    class Late(Answering):
        def run(self, *argv: str) -> Any:
            return LATE if argv[0] == program else super().run(*argv)

    found = disks.gather(Late(node("sda", wwn=device_of("sda").wwn)))
    assert told(disks.decide(found, wanted("sda")).refusals) == [
        f"cannot-look: {program} gave no answer within 300 seconds"
    ]


def test_disk_that_cannot_be_read_is_no_matter_until_it_is_chosen() -> None:
    found = disks.gather(
        Answering(
            node("sda", wwn=device_of("sda").wwn), node("sdb"), wipefs={"/dev/sdb": disks.Output(1, "", "I/O error")}
        )
    )
    assert disks.decide(found, wanted("sda")).refusals == ()


# --- arrays ----------------------------------------------------------------------------------------------------------


def examined(**said: str) -> str:
    usual = {"MD_LEVEL": "raid5", "MD_DEVICES": "3", "MD_NAME": "host:data", "MD_UUID": "1:2:3:4"}
    return "".join(f"{key}={value}\n" for key, value in {**usual, **said}.items())


def arrays(*answers: str) -> tuple[disks.Array, ...]:
    """What is made of the members sda, sdb and so on."""
    names = [f"sd{chr(ord('a') + number)}" for number in range(len(answers))]
    target = Answering(
        *(node(name) for name in names),
        wipefs={f"/dev/{name}": signatures("linux_raid_member") for name in names},
        mdadm={f"/dev/{name}": answer for name, answer in zip(names, answers)},
    )
    assert disks.EXAMINE == ("mdadm", "--examine", "--export")
    return disks.gather(target).arrays


ARRAYS = [
    pytest.param([{}], disks.Array("data", "1:2:3:4", "raid5", ("sda",), 2), id="one-of-three"),
    pytest.param(
        [{"MD_DEV_UUID": "a"}, {"MD_DEV_UUID": "b"}, {"MD_DEV_UUID": "c"}],
        disks.Array("data", "1:2:3:4", "raid5", ("sda", "sdb", "sdc"), 0),
        id="complete",
    ),
    # Format 0.90 gives its members no names.
    pytest.param([{}, {}], disks.Array("data", "1:2:3:4", "raid5", ("sda", "sdb"), 1), id="members-without-names"),
    pytest.param(
        [{"MD_DEV_UUID": "a"}, {"MD_DEV_UUID": "a"}],
        disks.Array("data", "1:2:3:4", "raid5", ("sda", "sdb"), 2),
        id="two-paths-of-one-member",
    ),
    pytest.param(
        [{"MD_DEVICES": "1", "MD_DEV_UUID": "a"}, {"MD_DEVICES": "1", "MD_DEV_UUID": "b"}],
        disks.Array("data", "1:2:3:4", "raid5", ("sda", "sdb"), 0),
        id="with-a-spare",
    ),
    pytest.param([{"MD_DEVICES": ""}], disks.Array("data", "1:2:3:4", "raid5", ("sda",), 0), id="size-unknown"),
    pytest.param([{"MD_NAME": "data"}], disks.Array("data", "1:2:3:4", "raid5", ("sda",), 2), id="name-without-host"),
    pytest.param([{"MD_NAME": ""}], disks.Array("1:2:3:4", "1:2:3:4", "raid5", ("sda",), 2), id="no-name"),
    pytest.param([{"MD_NAME": "a=b"}], disks.Array("a=b", "1:2:3:4", "raid5", ("sda",), 2), id="name-with-equals"),
    pytest.param([{"MD_LEVEL": "linear"}], disks.Array("data", "1:2:3:4", "linear", ("sda",), 2), id="level"),
]


@pytest.mark.parametrize(("members", "expected"), ARRAYS)
def test_array(members: list[dict[str, str]], expected: disks.Array) -> None:
    assert arrays(*(examined(**said) for said in members)) == (expected,)


def test_arrays_are_told_apart_by_their_uuid() -> None:
    found = arrays(examined(MD_UUID="1:1:1:1"), examined(MD_UUID="2:2:2:2"), examined(MD_UUID="1:1:1:1"))
    assert [(each.uuid, each.members) for each in found] == [("1:1:1:1", ("sda", "sdc")), ("2:2:2:2", ("sdb",))]


# --- volume groups ---------------------------------------------------------------------------------------------------


def row(pv: str, name: str = "data", uuid: str = "u1", tags: str = "", missing: str = "0") -> dict[str, str]:
    return {"pv_name": pv, "vg_name": name, "vg_uuid": uuid, "vg_tags": tags, "vg_missing_pv_count": missing}


def test_groups() -> None:
    target = Answering(
        node("sda"),
        node("sdb"),
        node("sdc"),
        udev={"sdb": {"DEVLINKS": "/dev/disk/by-id/second"}},
        pvs=[
            row("/dev/sda", tags="a,b"),
            row("/dev/sdc", name="", uuid=""),  # a physical volume of no group
            row("/dev/disk/by-id/second", name="other", uuid="u2"),
        ],
        lvs=[
            {"vg_uuid": "u2", "lv_name": "root", "lv_tags": ""},
            {"vg_uuid": "u1", "lv_name": "[pool_tmeta]", "lv_tags": "imgbased:pool,c"},
        ],
    )
    found = disks.gather(target)
    assert found.physical_volumes == ("sda", "sdc", "sdb")
    assert found.groups == (
        disks.Group("data", "u1", ("a", "b"), ("sda",), 0, (("[pool_tmeta]", ("imgbased:pool", "c")),)),
        disks.Group("other", "u2", (), ("sdb",), 0, (("root", ()),)),
    )
    lvm = ("--readonly", "--devicesfile", "", "--reportformat", "json", "-o")
    assert [argv for argv in target.asked if argv[0] in ("pvs", "lvs")] == [
        ("pvs", *lvm, "pv_name,vg_name,vg_uuid,vg_tags,vg_missing_pv_count"),
        ("lvs", "-a", *lvm, "vg_uuid,lv_name,lv_tags"),
    ]


@pytest.mark.parametrize("count", ["", "0"])
def test_group_of_which_nothing_is_missing(count: str) -> None:
    (found,) = disks.gather(Answering(node("sda"), pvs=[row("/dev/sda", missing=count)])).groups
    assert (found.members, found.missing) == (("sda",), 0)


def test_member_that_is_not_here_is_missing() -> None:
    rows = [row("/dev/sda", missing="1"), row("[unknown]", missing="1")]
    (found,) = disks.gather(Answering(node("sda"), pvs=rows)).groups
    assert (found.members, found.missing) == (("sda",), 1)


def test_fact_of_the_tree() -> None:
    """What lies on a disk, and the disks below."""
    found = facts(
        device_of("sda"),
        device_of("sda1", "part", "sda"),
        device_of("md127", "raid1", "sda1", "sdb"),
        device_of("sdb"),
        device_of("dm-0", "lvm", "md127"),
        device_of("sdc", size=GIB),
    )
    assert [each.name for each in found.stack(["sda"])] == ["sda", "sda1", "md127", "dm-0"]
    assert [each.name for each in found.stack(["sdb", "sdc"])] == ["sdb", "sdc", "md127", "dm-0"]
    assert found.roots("dm-0") == {"sda", "sdb"}
    assert found.roots_of(["sda1", "sdc"]) == {"sda", "sdc"}
    assert found.roots_of([]) == frozenset()
    found_device = found.find("/dev/disk/by-path/pci-0000:00:03.0-scsi-0:0:3:0")
    assert found_device is not None
    assert found_device.name == "sdc"
    assert found.find("/dev/sdz") is None
