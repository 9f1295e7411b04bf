# SPDX-License-Identifier: GPL-2.0-or-later
"""The gate on what real Anaconda planned of good and bad kickstarts, recorded by tests/support/record_gate.py."""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Optional

import pytest
from bench import BENCH, NO_BENCH
from counts import count
from gate_cases import CASES, RECORDED, RELEASES, Case, Due, Inventory, Use, from_json
from record_gate import ask, kickstart, without_words

from org_ovirt_node import gate
from org_ovirt_node import section as section_text
from org_ovirt_node.gate import Group, Tree
from org_ovirt_node.layout import ERROR, GIB, MIB, Device, Finding, align_up, has_errors, storage_commands
from org_ovirt_node.section import Section

REFUSED = [case for case in CASES if case.expected is None]
PLANNED = [case for case in CASES if case.expected is not None]
# The node layout, made for a person or for a kickstart without storage commands.
MADE = [case for case in PLANNED if isinstance(case.kickstart, (Use, Due))]
NOT_MADE = {
    "use-not-confirmed": "Error: disk sda is not empty: ext4. Cure: confirm that it is erased, ",
    "use-foreign": "Error: sda belongs to ZFS: ",
    "use-no-disk": "Error: no disk is selected. Cure: ",
    "use-too-large": "Error: 128 GiB of disk are too small for this layout: ",
    "due-not-cleared": "Error: disk sda is not empty: ext4; the kickstart does not clear it. Cure: add clearpart ",
    "use-protected": "Error: Anaconda does not accept the layout: ",
}
# ksgen, which writes some of the kickstarts, is not for the installer's Python.
HAS_KSGEN = importlib.util.find_spec("pydantic") is not None
OF_THIS_PYTHON = [case for case in CASES if HAS_KSGEN or not isinstance(case.kickstart, Inventory)]
# Planned again while the tests run where Anaconda's code is at hand: one of each way.
ASKED_AGAIN = (
    "explicit",
    "use-minimal",
    "use-mirror-bios",
    "due-kept",
    "noatime",
    "boot-on-lvm-with-loader",
    "mirror",
    "everything-wrong",
)


@functools.cache
def recorded(release: str) -> dict[str, Any]:
    return dict(json.loads((RECORDED / f"{release}.json").read_text()))


def both_releases(cases: Iterable[Case]) -> pytest.MarkDecorator:
    each = [pytest.param(release, case, id=f"{release}-{case.name}") for release in RELEASES for case in cases]
    return pytest.mark.parametrize(("release", "case"), each)


def section_of(case: Case) -> Section:
    words, *lines = case.section.splitlines() or [""]
    parsed = section_text.parse(words.split(), lines)
    assert not parsed.problems
    return parsed.section


def found(tree: Tree, section: Section) -> list[tuple[str, str]]:
    return sorted((finding.code, finding.subject) for finding in gate.findings(tree, section))


# --- recorded plans --------------------------------------------------------------------------------------------------


@both_releases(PLANNED)
def test_gate_finds_exactly_this(release: str, case: Case) -> None:
    answer = recorded(release)[case.name]
    assert answer["complaints"] == []
    tree = from_json(answer["tree"])
    assert found(tree, section_of(case)) == sorted(case.expected_in(release))


@both_releases(PLANNED)
def test_task_tells_each_finding_and_stops_at_errors(release: str, case: Case) -> None:
    """As it ran in Anaconda: the first line of progress says what is done; one class alone gives the dialog."""
    answer = recorded(release)[case.name]
    findings = gate.findings(from_json(answer["tree"]), section_of(case))
    error = "StorageInstallationError" if has_errors(findings) and section_of(case).findings == "stop" else None
    assert answer["gate"] == {"lines": 1 + len(findings), "error": error}


@both_releases(REFUSED)
def test_anaconda_refuses_it_itself(release: str, case: Case) -> None:
    answer = recorded(release)[case.name]
    assert answer["complaints"]
    assert found(from_json(answer["tree"]), section_of(case)) == sorted(case.refused)


@both_releases(PLANNED)
def test_thin_volumes_are_mounted_with_discard(release: str, case: Case) -> None:
    answer = recorded(release)[case.name]
    before = {device.mount_point: device for device in from_json(answer["tree"]).devices if device.mount_point}
    for mount_point, options in answer["options"].items():
        device = before[mount_point]
        given = device.options or ""
        if device.kind == "lvmthinlv" and given != "nodiscard":
            assert options.split(",")[-1] == "discard"
            assert options.split(",")[: len(given.split(","))] == (given or "defaults").split(",")
        else:
            assert options == given


@both_releases(OF_THIS_PYTHON)
def test_record_is_of_these_commands(release: str, case: Case) -> None:
    assert recorded(release)[case.name]["commands"] == kickstart(case, release), "record it again: record_gate.py"


@both_releases(MADE)
def test_proposal_is_what_using_the_node_layout_makes(release: str, case: Case) -> None:
    """To the byte, and on the same disks, with what D-Bus does not tell: mount options, and what stays free."""
    tree = from_json(recorded(release)[case.name]["tree"])
    plan = gate.proposal(tree, section_of(case))
    assert plan is not None
    assert shape(gate.devices(tree)) == shape(plan.devices)


@both_releases(MADE)
def test_node_layout_changes_no_setting_of_storage(release: str, case: Case) -> None:
    """Neither the selection of disks nor what is to be cleared, boot loader with password and arguments, snapshots."""
    assert recorded(release)[case.name]["changed"] == {}


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", NOT_MADE)
def test_layout_that_cannot_be_made_changes_nothing(release: str, name: str) -> None:
    """Not even what a person goes on with in Anaconda's own spoke, which takes the last partitioning there is."""
    answer = recorded(release)[name]
    (complaint,) = answer["complaints"]
    assert complaint.startswith(NOT_MADE[name])
    assert answer["changed"] == {}
    assert answer["tree"]["partitioning"] == ""
    assert answer["last"] != "CUSTOM" or name != "use-protected"


def shape(devices: Iterable[Device]) -> list[tuple[Any, ...]]:
    """The devices without their names, as Anaconda numbers partitions: each with the kinds of what it is made of."""
    kinds = {device.name: device.kind for device in devices}
    return sorted(
        (
            (
                *(d.kind, d.size and (align_up(d.size) if d.kind.startswith("lvm") else d.size)),
                *(d.mount_point, d.filesystem, d.options if d.kind == "lvmthinlv" else None),
                *(d.metadata_size, d.reserve),
                tuple(parent if kinds[parent] == "disk" else kinds[parent] for parent in d.parents if parent in kinds),
            )
            for d in devices
            if d.kind != "disk"
        ),
        key=str,
    )


# --- what needs no Anaconda ------------------------------------------------------------------------------------------


def node(**changes: Any) -> Tree:
    """The plan of the good kickstart."""
    tree = from_json(recorded("el9")["explicit"]["tree"])
    return Tree(**{**tree.__dict__, **changes})


def test_no_plan_is_no_node() -> None:
    assert found(Tree(), Section()) == [("partitioning-missing", "layout")]
    assert gate.proposal(Tree(), Section()) is None


def test_request_is_the_sections_in_this_machine() -> None:
    section = Section(layout="minimal", images=3, filesystem="ext4", root_size=7 * GIB, volumes=(("/data", GIB),))
    kickstarts = gate.request(Tree(method="INTERACTIVE", is_efi=True, release="el10", memory=5 * GIB), section)
    assert kickstarts == dataclasses.replace(section.request(), firmware="uefi", release="el10", memory=5 * GIB)


def test_tree_without_more_is_el9_with_bios() -> None:
    wished = gate.request(Tree(), Section())
    assert (wished.firmware, wished.release, wished.memory) == ("bios", "el9", None)


def test_proposal_calls_the_disks_by_their_names() -> None:
    disks = (Device("nvme0n1", "disk", 100 * GIB), Device("sdb", "disk", 60 * GIB))
    plan = gate.proposal(Tree(disks=disks, is_efi=True), Section())
    assert plan is not None
    assert [(d.name, d.size) for d in plan.of_kind("disk")] == [("nvme0n1", 100 * GIB), ("sdb", 60 * GIB)]
    assert {parent for d in plan.of_kind("partition") for parent in d.parents} == {"nvme0n1", "sdb"}
    assert plan.request.disks == (100 * GIB, 60 * GIB)
    assert (plan.request.swap_size, plan.request.firmware) == (4 * GIB, "uefi")
    assert all(d.parents == ("pool00",) for d in plan.of_kind("lvmthinlv"))


@pytest.mark.parametrize(
    ("kind", "mount_point", "options", "expected"),
    [
        pytest.param("lvmthinlv", "/a", "noatime", "noatime,discard", id="thin"),
        pytest.param("lvmthinlv", "/a", None, "defaults,discard", id="without-options"),
        pytest.param("lvmthinlv", None, "noatime", "noatime", id="not-mounted"),
        pytest.param("lvmlv", "/a", "noatime", "noatime", id="plain"),
        pytest.param("partition", "/boot", None, None, id="partition"),
    ],
)
def test_options_of_thin_volumes_alone(
    kind: str, mount_point: Optional[str], options: Optional[str], expected: Optional[str]
) -> None:
    (device,) = gate.devices(Tree(devices=(Device("a", kind, GIB, mount_point, options=options),)))
    assert device.options == expected


@pytest.mark.parametrize(
    ("disks", "used", "expected"),
    [
        pytest.param(None, ("sda", "sdb"), None, id="any-number"),
        pytest.param(2, ("sda", "sdb"), None, id="as-many"),
        pytest.param(3, ("sda", "sdb"), None, id="fewer"),
        pytest.param(1, ("sda", "sdb"), {"found": 2, "disks": "sda, sdb", "wanted": 1}, id="more"),
    ],
)
def test_disks(disks: Optional[int], used: tuple[str, ...], expected: Optional[dict[str, object]]) -> None:
    findings = gate.findings(node(used=used), Section(disks=disks))
    assert [(f.code, f.severity, f.subject, dict(f.values)) for f in findings] == (
        [("disks-more", ERROR, "disk", expected)] if expected else []
    )


def test_reserve_is_not_judged_without_the_group_or_the_root() -> None:
    tree = unknown_metadata(GIB)
    for left_out in ("onn", "onn-root"):
        devices = tuple(device for device in tree.devices if device.name != left_out)
        codes = [code for code, _ in found(dataclasses.replace(tree, devices=devices), Section())]
        assert codes == ([] if left_out == "onn" else ["root-missing"])


def reserve_of(kept: int) -> list[tuple[str, dict[str, object]]]:
    """What is said of the reserve, with its numbers."""
    return [(f.code, dict(f.values)) for f in gate.findings(unknown_metadata(kept), Section())]


def test_reserve_is_told_in_numbers_without_the_metadata() -> None:
    assert reserve_of(GIB) == [("reserve-too-small", {"found_size": 0, "needed_size": GIB})]
    assert reserve_of(2 * GIB + 5) == [("reserve-too-small", {"found_size": 5, "needed_size": GIB})]
    assert reserve_of(10 * GIB) == [("reserve-small", {"found_size": 8 * GIB, "wanted_size": 20 * GIB})]


TAGS = ("imgbased:vg",)


@pytest.mark.parametrize(
    ("groups", "removed", "created", "expected"),
    [
        pytest.param([Group("onn", TAGS, ("/dev/sda3",))], ["sda3", "onn"], ["onn"], None, id="made-anew"),
        pytest.param([Group("onn", TAGS, ("/dev/sda3",))], [], [], "tag-own", id="kept"),
        pytest.param([Group("onn", (), ("/dev/sda3",))], [], [], None, id="kept-without-tag"),
        pytest.param([Group("old", TAGS, ("/dev/md127",))], ["old"], ["onn"], None, id="removed-by-name"),
        pytest.param([Group("old", TAGS, ("/dev/mapper/mpatha",))], ["mpatha"], ["onn"], None, id="removed-by-disk"),
        pytest.param(
            [Group("old", TAGS, ("/dev/sda3", "/dev/sdb"))], ["sda3"], ["onn"], "tag-other", id="half-removed"
        ),
        pytest.param(
            [Group("onn", TAGS, ("/dev/sda3",)), Group("onn", TAGS, ("/dev/sdb3",))],
            ["sda3", "onn"],
            ["onn"],
            "tag-other",
            id="namesake-on-a-disk-left-out",
        ),
        pytest.param([Group("a", TAGS), Group("b", TAGS), Group("c")], [], ["onn"], "tags-other", id="two"),
    ],
)
def test_tags(groups: list[Group], removed: list[str], created: list[str], expected: Optional[str]) -> None:
    tree = node(groups=tuple(groups), removed=tuple(removed), created=tuple(created))
    assert found(tree, Section()) == ([(expected, "volume_group")] if expected else [])


def test_tags_are_told_with_groups_and_disks() -> None:
    a, b = Group("a", TAGS, ("/dev/sdb", "/dev/sdc")), Group("b", (*TAGS, "x"), ("/dev/sdd",))
    tag = {"tag": "imgbased:vg"}
    told = {
        "tags-other": (
            node(groups=(a, b), created=("onn",)),
            {"groups": "a b", "volumes": "/dev/sdb, /dev/sdc, /dev/sdd"},
        ),
        "tag-other": (node(groups=(a,), created=("onn",)), {"groups": "a", "volumes": "/dev/sdb, /dev/sdc"}),
        "tag-own": (node(groups=(Group("onn", TAGS),), created=()), {"group": "onn"}),
    }
    for code, (tree, values) in told.items():
        (finding,) = gate.findings(tree, Section())
        assert (finding.code, finding.subject, dict(finding.values)) == (code, "volume_group", {**values, **tag})
        assert finding.severity == ("warning" if code == "tag-other" else ERROR)


def test_tag_of_a_group_counts_where_the_node_has_none_yet() -> None:
    """Without a root volume no group is the node's own."""
    tree = node(groups=(Group("onn", TAGS, ("/dev/sda3",)),))
    tree = dataclasses.replace(tree, devices=tuple(d for d in tree.devices if d.mount_point != "/"))
    assert ("tag-other", "volume_group") in found(tree, Section())


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ("", "defaults,discard"),
        ("defaults", "defaults,discard"),
        ("defaults,noatime", "defaults,noatime,discard"),
        ("discard,defaults", "discard,defaults"),
        ("nodiscard", "nodiscard"),
        ("noatime,nodiscard", "noatime,nodiscard"),
        (",noatime,", "noatime,discard"),
    ],
)
def test_discard_joins_what_the_user_gave(given: str, options: str) -> None:
    assert gate.with_discard(given) == options


def unknown_metadata(kept: int) -> Tree:
    """A volume group of 100 GiB whose pool leaves `kept` for its metadata, the spare and the reserve together."""
    tree = node()
    devices = [
        Device(**{**d.__dict__, "metadata_size": None, "size": 96 * GIB - kept})
        if d.kind == "lvmthinpool"
        else Device(**{**d.__dict__, "size": 100 * GIB})
        if d.kind == "lvmvg"
        else d
        for d in tree.devices
    ]
    return node(devices=tuple(devices), method="MANUAL")


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        pytest.param(3 * GIB - MIB, "reserve-too-small", id="not-enough-however-it-is-shared"),
        pytest.param(3 * GIB, "reserve-small", id="just-enough"),
        pytest.param(20 * GIB * 94 // 100 - MIB, "reserve-small", id="below-the-wish-even-without-metadata"),
        pytest.param(20 * GIB * 94 // 100 + MIB, None, id="perhaps-the-wish"),
    ],
)
def test_reserve_where_metadata_is_not_known(kept: int, expected: Optional[str]) -> None:
    assert found(unknown_metadata(kept), Section()) == ([(expected, "volume_group")] if expected else [])


def two_pools(**unknown: None) -> Tree:
    """A group of 100 GiB with two pools, and another one; the size of some is not known."""
    devices = (
        Device("onn", "lvmvg", 100 * GIB, parents=("sda3",)),
        Device("onn-pool00", "lvmthinpool", 60 * GIB, parents=("onn",), metadata_size=72 * MIB),
        Device("onn-swap", "lvmlv", 4 * GIB, filesystem="swap", parents=("onn",)),
        Device("onn-root", "lvmthinlv", 10 * GIB, "/", "xfs", pool="onn-pool00", parents=("onn-pool00",)),
        Device("onn-vms", "lvmthinpool", 4 * GIB - 2 * MIB, parents=("onn",), metadata_size=96 * MIB),
        Device("other", "lvmvg", 50 * GIB, parents=("sdb",)),
        Device("other-data", "lvmlv", 20 * GIB, parents=("other",)),
    )
    devices = tuple(dataclasses.replace(d, size=None) if d.name in unknown else d for d in devices)
    return Tree(partitioning="/1", method="CUSTOM", devices=devices)


def known(tree: Tree) -> dict[str, Optional[int]]:
    """What the gate adds to the devices: metadata of pools, what stays free in groups."""
    devices = [device for device in gate.devices(tree) if device.kind in ("lvmthinpool", "lvmvg")]
    return {d.name: d.metadata_size if d.kind == "lvmthinpool" else d.reserve for d in devices}


FREE = 32 * GIB - 72 * MIB - 2 * 96 * MIB  # the spare is as large as the larger metadata


@pytest.mark.parametrize(
    ("unknown", "free", "free_in_other"),
    [
        pytest.param("", FREE, 30 * GIB, id="all-known"),
        pytest.param("onn", None, 30 * GIB, id="group"),
        pytest.param("onn-pool00", None, 30 * GIB, id="pool"),
        pytest.param("onn-swap", None, 30 * GIB, id="volume-beside-the-pool"),
        pytest.param("onn-root", FREE, 30 * GIB, id="volume-in-the-pool"),
        pytest.param("other-data", FREE, None, id="volume-of-another-group"),
    ],
)
def test_free_space_where_a_size_is_not_known(unknown: str, free: Optional[int], free_in_other: Optional[int]) -> None:
    found = known(two_pools(**{unknown: None}))
    assert found == {"onn": free, "onn-pool00": 72 * MIB, "onn-vms": 96 * MIB, "other": free_in_other}


def test_metadata_that_nobody_tells_is_not_known() -> None:
    tree = two_pools()
    devices = (
        dataclasses.replace(d, metadata_size=None if d.name == "onn-pool00" else d.metadata_size) for d in tree.devices
    )
    assert known(dataclasses.replace(tree, devices=tuple(devices))) == {
        "onn": None,
        "onn-pool00": None,
        "onn-vms": 96 * MIB,
        "other": 30 * GIB,
    }


@pytest.mark.parametrize("unknown", ["onn", "onn-pool00", "onn-swap"])
def test_reserve_is_not_judged_where_a_size_is_not_known(unknown: str) -> None:
    tree = unknown_metadata(GIB)
    assert found(tree, Section()) == [("reserve-too-small", "volume_group")]
    devices = tuple(dataclasses.replace(d, size=None) if d.name == unknown else d for d in tree.devices)
    assert unknown in [device.name for device in devices]
    assert found(dataclasses.replace(tree, devices=devices), Section()) == []


def test_groups_are_read_from_vgs() -> None:
    rows = [
        {"vg_uuid": "1", "vg_name": "onn", "vg_tags": "imgbased:vg,x", "pv_name": "/dev/sda3"},
        {"vg_uuid": "2", "vg_name": "onn", "vg_tags": "", "pv_name": "/dev/sdb"},
        {"vg_uuid": "1", "vg_name": "onn", "vg_tags": "imgbased:vg,x", "pv_name": "/dev/sdc"},
    ]
    assert gate.groups_from(json.dumps({"report": [{"vg": rows}]})) == (
        Group("onn", ("imgbased:vg", "x"), ("/dev/sda3", "/dev/sdc")),
        Group("onn", (), ("/dev/sdb",)),
    )
    assert gate.groups_from('{"report": []}') == ()


# --- words -----------------------------------------------------------------------------------------------------------


def test_refusal_names_everything_errors_first() -> None:
    case = next(case for case in CASES if case.name == "everything-wrong")
    tree = from_json(recorded("el9")["everything-wrong"]["tree"])
    expected = Path(__file__).parents[1] / "data" / "gate" / "everything-wrong.txt"
    assert gate.refusal(gate.findings(tree, section_of(case))) + "\n" == expected.read_text()


def test_errors_are_told_first() -> None:
    lines = gate.text([Finding("swap-thin", "warning", "swap"), Finding("root-missing", ERROR, "/")]).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["Error", "Warning"]


@pytest.mark.parametrize(
    ("finding", "line"),
    [
        pytest.param(
            Finding("root-missing", ERROR, "/"),
            "Error: /: no root volume. Cure: add / as a thin volume.",
            id="named-before",
        ),
        pytest.param(
            Finding("volume-option", "warning", "/var", (("mount_point", "/var"),)),
            "Warning: /var is mounted without discard, so the pool never gets freed blocks back. "
            "Cure: mount it with defaults,discard.",
            id="named-in-the-message",
        ),
        pytest.param(
            Finding("volume-filesystem", ERROR, "/var", (("mount_point", "/var"), ("found", "btrfs"))),
            "Error: /var has btrfs; imgbase supports xfs and ext4.",
            id="no-cure",
        ),
        pytest.param(
            Finding("swap-thin", "warning", "swap"),
            "Warning: swap is a thin volume; it fails when the pool is full. Cure: make it a plain logical volume.",
            id="no-mount-point",
        ),
    ],
)
def test_line(finding: Finding, line: str) -> None:
    assert gate.line(finding) == line


def test_warnings_alone_refuse_nothing() -> None:
    assert gate.refusal([Finding("swap-thin", "warning", "swap")]) == ""
    assert gate.refusal([]) == ""


def test_words_are_translated_before_they_are_filled_in() -> None:
    asked = []

    def translate(text: str) -> str:
        asked.append(text)
        return text

    gate.refusal(iter([Finding("root-missing", ERROR, "/"), Finding("swap-thin", "warning", "swap")]), translate)
    assert sorted(asked) == [
        "Cure: {hint}.",
        "Cure: {hint}.",
        "Error: {message}.",
        "This storage layout is not that of an oVirt Node. Nothing has been written to the disks.",
        "Warning: {message}.",
        "add / as a thin volume",
        "make it a plain logical volume",
        "no root volume",
        "swap is a thin volume; it fails when the pool is full",
    ]


# --- Anaconda itself -------------------------------------------------------------------------------------------------


@pytest.mark.anaconda
@pytest.mark.parametrize("release", RELEASES)
def test_anaconda_still_plans_the_same(release: str) -> None:
    if BENCH is None:
        pytest.skip(NO_BENCH)
    asked = ASKED_AGAIN[: count(4, len(ASKED_AGAIN))]
    cases = {case.name: case for case in CASES if case.name in asked}
    answers = ask(BENCH, RELEASES[release], cases.values())
    assert set(answers) == set(asked)
    for name, answer in answers.items():
        assert comparable(without_words(answer)) == comparable(recorded(release)[name]), name
        findings = gate.findings(from_json(answer["tree"]), section_of(cases[name]))
        refusal = gate.refusal(findings)
        assert answer["gate"]["progress"][1:] == [gate.line(finding) for finding in findings]
        assert (answer["gate"]["error"] or {}).get("text", "") == refusal


@pytest.mark.anaconda
@pytest.mark.parametrize("release", RELEASES)
def test_written_kickstart_makes_the_same_node(release: str) -> None:
    """Anaconda's own, in which the hook has put our storage commands in the place of Anaconda's."""
    if BENCH is None:
        pytest.skip(NO_BENCH)
    # They need ksgen, which these tests do without on the installer's Pythons.
    import anaconda_cases
    import record_anaconda

    cases = {case.name: case for case in CASES if case.name in ("use-mirror", "use-ext4-more", "due")}
    for name, answer in ask(BENCH, RELEASES[release], cases.values()).items():
        tree = from_json(answer["tree"])
        plan = gate.proposal(tree, section_of(cases[name]))
        assert plan is not None
        words = ("part", "raid", "volgroup", "logvol", "reqpart")
        kept = [line for line in answer["kickstart"].splitlines() if line.split(" ")[0] not in words]
        text = "\n".join((*kept, storage_commands(plan, [disk.name for disk in tree.disks]).text))
        machine = anaconda_cases.Case(name, "128 GiB", disks=2)
        again = record_anaconda.ask(BENCH, release, machine, text, uefi=True)
        assert again["complaints"] == []
        made = [(d.kind, d.size, d.filesystem or None, d.mount_point) for d in tree.devices if d.kind != "disk"]
        assert sorted(map(str, made)) == sorted(
            str((kind, size, filesystem or None, mount_point or None))
            for kind, _, size, filesystem, mount_point, _ in again["devices"]
        )


@pytest.mark.anaconda
def test_works_in_main() -> None:
    """Where devices go by other names than their own."""
    if BENCH is None:
        pytest.skip(NO_BENCH)
    cases = {
        case.name: case
        for case in CASES
        if case.name in ("explicit", "use-mirror", "due-kept", "due-mirror", "tmp-missing")
    }
    for name, answer in ask(BENCH, "main", cases.values()).items():
        assert answer["complaints"] == []
        tree = from_json(answer["tree"])
        assert found(tree, section_of(cases[name])) == sorted(cases[name].expected_in("el10"))
        plan = gate.proposal(tree, section_of(cases[name]))
        if cases[name] in MADE:
            assert plan is not None
            assert shape(gate.devices(tree)) == shape(plan.devices)
            assert answer["changed"] == {}
        assert answer["options"]["/var"] == "defaults,discard"


def comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """Without what depends on the run, the machine's memory among it, and what other tests are about."""
    tree = {**answer["tree"], "partitioning": bool(answer["tree"]["partitioning"]), "memory": None}
    return {**{key: answer[key] for key in answer if key not in ("commands", "last", "changed")}, "tree": tree}
