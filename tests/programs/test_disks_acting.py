# SPDX-License-Identifier: GPL-2.0-or-later
"""How the resolver takes down what is active, wipes, starts again after a failure, and what it says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from disk_facts import array, device, facts, group, told, wanted
from disk_machines import MACHINES
from disk_replay import Replay, run

from org_ovirt_node.programs import disks

SDA, SDB = device("sda"), device("sdb")
ONN = group("onn", "sda", uuid="j9sf5X-4VXp-44i9-JcNv-ngis-cK2m-bdCFm9")
OF_ONN = "LVM-j9sf5X4VXp44i9JcNvngiscK2mbdCFm9"
VGCHANGE = "vgchange --devicesfile '' -an --select vg_uuid=j9sf5X-4VXp-44i9-JcNv-ngis-cK2m-bdCFm9"


def commands(steps: Any) -> list[str]:
    return [" ".join(word or "''" for word in step) for step in steps]


def takedown(*devices: disks.Device, names: tuple[str, ...] = ("sda",), **more: Any) -> list[str]:
    decision = disks.decide(facts(*devices, **more), wanted(*names, reinstall=True))
    assert decision.refusals == ()
    return commands(decision.takedown)


LAYERS = [
    pytest.param(device("sda1", "part", "sda"), [], id="partition"),
    pytest.param(
        device("dm-0", "lvm", "sda", mapper_name="onn-root", mapper_uuid=OF_ONN + "volume"), [VGCHANGE], id="volume"
    ),
    pytest.param(
        device("dm-0", "lvm", "sda", mapper_name="old-root", mapper_uuid="LVM-ofAnotherGroup"),
        ["dmsetup remove --retry old-root"],
        id="volume-of-a-group-that-lvm-does-not-show",
    ),
    pytest.param(device("dm-0", "crypt", "sda", mapper_name="secret"), ["cryptsetup close secret"], id="crypt"),
    pytest.param(device("dm-0", "dm", "sda", mapper_name="snap"), ["dmsetup remove --retry snap"], id="dm"),
    pytest.param(device("dm-0", "dm", "sda"), [], id="dm-without-a-name"),
    pytest.param(device("md127", "raid0", "sda"), ["mdadm --stop /dev/md127"], id="raid0"),
    pytest.param(device("md127", "raid10", "sda"), ["mdadm --stop /dev/md127"], id="raid10"),
    pytest.param(device("md127", "linear", "sda"), ["mdadm --stop /dev/md127"], id="linear"),
    pytest.param(device("md127", "md", "sda"), ["mdadm --stop /dev/md127"], id="array-that-does-not-run"),
]


@pytest.mark.parametrize(("layer", "steps"), LAYERS)
def test_layer_is_taken_down(layer: disks.Device, steps: list[str]) -> None:
    assert takedown(SDA, layer, SDB, groups=(ONN,)) == steps
    assert takedown(SDA, layer, SDB, groups=(ONN,), names=("sdb",)) == []


def test_what_lies_on_top_is_taken_down_first() -> None:
    tower = (
        SDA,
        device("sda1", "part", "sda", mounts=("[SWAP]",)),
        device("md127", "raid1", "sda1"),
        device("dm-0", "crypt", "md127", mapper_name="secret"),
        device("dm-1", "lvm", "dm-0", mapper_name="onn-a", mapper_uuid=OF_ONN + "a", mounts=("[SWAP]",)),
        device("dm-2", "lvm", "dm-0", mapper_name="onn-b", mapper_uuid=OF_ONN + "b"),
        device("dm-3", "dm", "dm-2", mapper_name="snap"),
    )
    assert takedown(*tower, groups=(group("onn", "dm-0", uuid=ONN.uuid),), arrays=(array("raid1", "sda1"),)) == [
        "swapoff /dev/sda1",
        "swapoff /dev/dm-1",
        "dmsetup remove --retry snap",
        VGCHANGE,
        "cryptsetup close secret",
        "mdadm --stop /dev/md127",
    ]


def test_group_on_the_volume_of_another_group() -> None:
    """Each group's volumes go down together, after all that lies on any of them."""
    inner = group("inner", "dm-0", uuid="in-ner")
    stack = (
        SDA,
        device("dm-0", "lvm", "sda", mapper_name="onn-pv", mapper_uuid=OF_ONN + "pv"),
        device("dm-1", "lvm", "sda", mapper_name="onn-other", mapper_uuid=OF_ONN + "other"),
        device("dm-2", "lvm", "dm-0", mapper_name="inner-root", mapper_uuid="LVM-innerroot"),
    )
    expected = ["vgchange --devicesfile '' -an --select vg_uuid=in-ner", VGCHANGE]
    assert takedown(*stack, groups=(ONN, inner)) == expected


def test_partitions_between_layers_are_no_step() -> None:
    """Nothing is to be done for them, and what lies on them still goes before what they lie on."""
    stack = (
        SDA,
        device("md127", "raid1", "sda"),
        device("md127p1", "part", "md127"),
        device("dm-0", "lvm", "md127p1", mapper_name="onn-a", mapper_uuid=OF_ONN + "a"),
    )
    found = {"groups": (group("onn", "md127p1", uuid=ONN.uuid),), "arrays": (array("raid1", "sda"),)}
    assert takedown(*stack, **found) == [VGCHANGE, "mdadm --stop /dev/md127"]


def test_array_of_two_wanted_disks_is_stopped_once() -> None:
    md = device("md127", "raid1", "sda", "sdb")
    found = {"arrays": (array("raid1", "sda", "sdb"),)}
    assert takedown(SDA, SDB, md, names=("sda", "sdb"), **found) == ["mdadm --stop /dev/md127"]


WIPE = "wipefs --all --types LVM2_member,linux_raid_member"


@pytest.mark.parametrize(
    ("devices", "wiped"),
    [
        pytest.param((device("sda", signatures=("xfs", "gpt")),), [], id="other-contents"),
        pytest.param((device("sda", signatures=("xfs", "LVM2_member")),), [f"{WIPE} /dev/sda"], id="lvm"),
        pytest.param((device("sda", signatures=("linux_raid_member",)),), [f"{WIPE} /dev/sda"], id="raid"),
        pytest.param(
            (SDA, device("sda1", "part", "sda", signatures=("LVM2_member",))), [f"{WIPE} /dev/sda1"], id="partition"
        ),
        # It goes with what it lies on.
        pytest.param((SDA, device("md127", "raid1", "sda", signatures=("LVM2_member",))), [], id="in-an-array"),
        pytest.param((SDA, device("dm-0", "crypt", "sda", signatures=("LVM2_member",))), [], id="in-luks"),
    ],
)
def test_only_what_is_put_together_by_itself_is_wiped(devices: Any, wiped: list[str]) -> None:
    shown = tuple(each.name for each in devices)
    decision = disks.decide(facts(*devices, SDB, physical_volumes=shown), wanted("sda"))
    assert (decision.refusals, commands(decision.wipes)) == ((), wiped)


# --- when a step fails -----------------------------------------------------------------------------------------------

WANTED = {(machine.name, case): asked for machine in MACHINES for case, asked in machine.wanted.items()}


class Recovering(Replay):
    """A machine on which vgchange fails a number of times."""

    def __init__(self, failures: int) -> None:
        super().__init__("old-system")
        self.failures = failures

    def run(self, *argv: str) -> Any:
        output = super().run(*argv)
        if argv[0] != "vgchange" or not self.failures:
            return output
        self.failures -= 1
        return disks.Output(5, "told on stdout\n", "")


@pytest.mark.parametrize(("failures", "status"), [(0, 0), (1, 0), (2, 0), (3, 1)])
def test_what_is_started_anew_is_taken_down_again(
    failures: int, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    target = Recovering(failures)
    assert run(target, WANTED["old-system", "first"], "1", "1") == status
    tried = min(failures + 1, 3)
    assert [argv[0] for argv in target.done if argv[0] in ("swapoff", "vgchange")] == ["swapoff", "vgchange"] * tried
    assert target.paused == [5] * (tried - 1) + [1] * status
    assert (disks.RULES in target.files) is not bool(status)
    said = capsys.readouterr().out
    if status:
        assert "exited with 5: told on stdout; needed: exit status 0\n" in said
        assert "nothing has been written to any disk" in said


@pytest.mark.parametrize(
    ("codes", "written"),
    [
        pytest.param(["takedown-failed"], False, id="before"),
        pytest.param(["wipe-failed"], True, id="wiping"),
        pytest.param(["multipath-failed"], True, id="multipath"),
        pytest.param(["link-missing"], True, id="link"),
        pytest.param(["takedown-failed", "link-missing"], True, id="one-of-two"),
        pytest.param([], False, id="nothing"),
    ],
)
def test_what_has_been_written_to_is_told(codes: list[str], written: bool) -> None:
    refusals = [disks.Refusal(code, "found", "needed", "cure") for code in codes]
    first = disks.describe(refusals).splitlines()[0]
    what = "only the requested disks have been written to" if written else "nothing has been written to any disk"
    assert first == f"ovirt-node: the installation stops here; {what}."


def test_link_and_disk_that_are_both_gone_are_refused() -> None:
    class Gone(Replay):
        def resolve(self, link: str) -> str:
            return ""

    target = Gone("old-system")
    link = disks.Link("/dev/disk/by-node/system0", 'ENV{ID_SERIAL}=="1"', "/dev/disk/by-id/wwn-1")
    assert told(disks.act(target, disks.Decision(links=(link,)))) == [
        "link-missing: /dev/disk/by-node/system0 leads to nothing"
    ]
    assert disks.RULES not in target.files


def test_contents_of_a_disk_in_words() -> None:
    parts = [
        device("sda1", "part", "sda", signatures=("PMBR", "gpt", "xfs", "LVM2_member"), mounts=("/a", "/b")),
        device("sda2", "part", "sda", signatures=("xfs", "linux_raid_member")),
        device("sdb1", "part", "sdb", signatures=("ext4",)),
    ]
    found = facts(
        SDA, SDB, *parts, groups=(group("on-a", "sda1"), group("on-b", "sdb1")), arrays=(array("raid1", "sda2"),)
    )
    one, other = disks.candidates(found)
    assert disks.contents(found, one) == "gpt, xfs, mounted at /a, mounted at /b, array data, volume group on-a"
    assert disks.contents(found, other) == "ext4, volume group on-b"
    empty = facts(SDA)
    assert disks.contents(empty, disks.candidates(empty)[0]) == "nothing"
    assert disks.table(facts()) == "  no disk at all"


def test_command_that_does_not_end_stops_the_installation(capsys: pytest.CaptureFixture[str]) -> None:
    class Late(Replay):
        def run(self, *argv: str) -> Any:
            late = disks.Output(disks.NO_ANSWER, "", "gave no answer within 300 seconds")
            return late if argv[0] == "vgchange" else super().run(*argv)

    target = Late("old-system")
    assert run(target, WANTED["old-system", "first"], "1", "1") == 1
    assert disks.RULES not in target.files
    assert re.search(
        r"takedown-failed: vgchange .* gave no answer within 300 seconds; needed: exit", capsys.readouterr().out
    )


def test_multipath_may_be_late(capsys: pytest.CaptureFixture[str]) -> None:
    """multipathd may have made the map meanwhile: then the program fails, and the link is right."""
    target = Replay("multipath", failing="multipath")
    assert run(target, WANTED["multipath", "asked-for"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ovirt-node: mpathconf --enable --find_multipaths y --user_friendly_names y --with_multipathd y",
        "ovirt-node: multipath -a /dev/sda",
        "   multipath: it is in use",
        "",
        "ovirt-node: multipath /dev/sda",
        "   multipath: it is in use",
        "",
        "ovirt-node: /dev/disk/by-node/system0 is sda+sdb: nothing",
    ]


def test_map_that_is_not_made_leaves_no_link() -> None:
    target = Replay("multipath", system0="")
    assert run(target, WANTED["multipath", "asked-for"], "1", "1") == 1
    assert disks.RULES not in target.files
    assert (
        "ovirt-node: error: link-missing: /dev/disk/by-node/system0 leads to nothing; "
        "needed: /dev/disk/by-id/dm-uuid-mpath-35000c500a1b2c301\n"
    ) in target.heard[0][1]


# --- telling ---------------------------------------------------------------------------------------------------------


def test_table_of_disks() -> None:
    found = facts(
        device("sda", signatures=("gpt", "PMBR")),
        device("sda1", "part", "sda", signatures=("ext4", "LVM2_member"), mounts=("/mnt", "/srv")),
        device("sdb", serials=(), wwn="", model="", signatures=("linux_raid_member",), size=1_260_000_000),
        device("sdc", signatures=("xfs", "xfs")),
        device("sr0", "rom"),
        groups=(group("data", "sda1"), group("more", "sda1")),
        arrays=(array("raid1", "sdb"),),
    )
    assert disks.table(found).splitlines() == [
        "  DISK  SIZE     MODEL        SERIAL       WWN                 ON IT",
        "  sda   68.7 GB  ST480FP0021  S3EVNX0K001  0x5000c500a1b2c301  gpt, ext4, mounted at /mnt, mounted at /srv, "
        "volume group data, volume group more",
        "  sdb   1.3 GB   -            -            -                   array data",
        "  sdc   68.7 GB  ST480FP0021  S3EVNX0K003  0x5000c500a1b2c303  xfs",
    ]


def test_table_without_disks() -> None:
    assert disks.table(facts(device("sr0", "rom"))) == "  no disk at all"


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        pytest.param(["in-use"], "nothing has been written to any disk", id="before"),
        pytest.param(["takedown-failed"], "nothing has been written to any disk", id="taken-down"),
        pytest.param(["wipe-failed"], "only the requested disks have been written to", id="wiping"),
        pytest.param(["multipath-failed"], "only the requested disks have been written to", id="multipath"),
        pytest.param(["link-missing"], "only the requested disks have been written to", id="link"),
        pytest.param(["in-use", "link-missing"], "only the requested disks have been written to", id="both"),
    ],
)
def test_what_has_been_written_to_is_said(codes: list[str], said: str) -> None:
    refusals = [disks.Refusal(code, "found", "needed", "cure") for code in codes]
    assert disks.describe(refusals, ["wanted:", "  x"]).splitlines() == [
        f"ovirt-node: the installation stops here; {said}.",
        "ovirt-node: wanted:",
        "ovirt-node:   x",
        *(
            line
            for c in codes
            for line in (f"ovirt-node: error: {c}: found; needed: needed", "ovirt-node:   cure: cure")
        ),
        "ovirt-node: Correct the inventory, run ksgen, and boot again.",
    ]


@pytest.mark.parametrize(
    ("text", "last"),
    [("", "no output"), ("\n \n", "no output"), ("one\n", "one"), ("one\n  two  \n\n", "two")],
)
def test_last_line(text: str, last: str) -> None:
    assert disks.last_line(text) == last
