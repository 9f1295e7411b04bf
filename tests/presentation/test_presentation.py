# SPDX-License-Identifier: GPL-2.0-or-later
"""What the spokes show of a layout, without a screen."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from org_ovirt_node.layout import ERROR, GIB, MIB, WARNING, Device, Request, plan
from org_ovirt_node.presentation import (
    Bar,
    Problem,
    Row,
    Segment,
    View,
    bar_text,
    bars,
    capacity_text,
    count_text,
    erase_text,
    erased_text,
    kind_text,
    layout_volumes,
    problem_lines,
    problem_text,
    rows,
    status_text,
    table_lines,
    widths,
    wish_text,
    worst_first,
)

HEADINGS = ("Device", "Size", "Mount point", "Type")


def same(text: str) -> str:
    return text


def shouted(text: str) -> str:
    """A language of which one sees at once what is not translated."""
    return text.upper().replace("{IMAGES}", "{images}").replace("{WANTED}", "{wanted}")


# As Anaconda's device tree has it, in the order in which it lists them: by no order.
TREE = (
    Device("onn-var", "lvmthinlv", 8 * GIB, "/var", "xfs", pool="onn-pool00", parents=("onn-pool00",)),
    Device("sda", "disk", 100 * GIB, filesystem="disklabel"),
    Device("onn", "lvmvg", 98 * GIB, parents=("sda3",)),
    Device("onn-swap", "lvmlv", 4 * GIB, filesystem="swap", parents=("onn",)),
    Device("onn-root", "lvmthinlv", 10 * GIB, "/", "xfs", pool="onn-pool00", parents=("onn-pool00",)),
    Device("sda1", "partition", 1 * MIB, filesystem="biosboot", parents=("sda",)),
    Device("sda2", "partition", 2 * GIB, "/boot", "xfs", parents=("sda",)),
    Device("sda3", "partition", 98 * GIB - 2 * MIB, filesystem="lvmpv", parents=("sda",)),
    Device("onn-pool00", "lvmthinpool", 72 * GIB, parents=("onn",)),
)
APPLIED = View(TREE, images=4, reserve=20 * GIB)


def names(view: View) -> list[str]:
    return ["  " * row.depth + row.name for row in rows(view, same)]


# --- the table -------------------------------------------------------------------------------------------------------


def test_rows_stand_below_what_they_are_made_of() -> None:
    assert names(APPLIED) == [
        "sda",
        "  sda1",
        "  sda2",
        "  sda3",
        "onn",
        "  onn-pool00",
        "    onn-root",
        "    onn-var",
        "  onn-swap",
    ]


def test_row() -> None:
    assert rows(APPLIED, same)[6] == Row(2, "onn-root", "thin volume", "10 GiB", "/", "xfs", "")


@pytest.mark.parametrize(
    ("mirrored", "disks", "known"),
    [
        pytest.param(False, (250 * GIB,), True, id="one-disk"),
        pytest.param(False, (250 * GIB, 250 * GIB), True, id="joined"),
        pytest.param(True, (250 * GIB, 250 * GIB), True, id="mirror"),
        pytest.param(False, (None,), False, id="unknown-disk"),
    ],
)
def test_every_planned_device_is_shown_once(mirrored: bool, disks: tuple[int, ...], known: bool) -> None:
    planned = plan(Request(disks=disks, mirrored=mirrored))
    view = View(planned.devices, reserve=planned.devices[-1].reserve)
    assert sorted(row.name for row in rows(view, same)) == sorted(device.name for device in planned.devices)
    assert bool(bars(view, same)) is known


@pytest.mark.parametrize(
    ("device", "line"),
    [
        pytest.param(Device("luks-1", "luks/dm-crypt", 5 * GIB), "luks-1 luks/dm-crypt 5 GiB", id="unknown-kind"),
        pytest.param(
            Device("sdb9", "partition", None, "/data", "ext4", parents=("sdb",)), "sdb9 partition ", id="disk-not-shown"
        ),
        pytest.param(Device("x-lv", "lvmthinlv", GIB, "/x", pool="gone"), "x-lv thin volume 1 GiB", id="pool-gone"),
        pytest.param(Device("x-lv", "lvmlv", GIB, "/x", parents=("gone",)), "x-lv volume 1 GiB", id="group-gone"),
    ],
)
def test_what_has_no_place_is_shown_all_the_same(device: Device, line: str) -> None:
    shown = rows(View((*TREE, device)), same)
    assert len(shown) == len(TREE) + 1
    assert line in [f"{row.name} {row.kind} {row.size}" for row in shown]


@pytest.mark.parametrize(
    ("subject", "marked"),
    [
        pytest.param("/", ["onn-root"], id="root"),
        pytest.param("/boot", ["sda2"], id="boot"),
        pytest.param("pool", ["onn-pool00"], id="pool"),
        pytest.param("volume_group", ["onn"], id="group"),
        pytest.param("disk", ["sda"], id="disk"),
        pytest.param("swap", ["onn-swap"], id="swap"),
        pytest.param("/var/log", [], id="missing-volume"),
        pytest.param("images", [], id="capacity"),
    ],
)
def test_mark_stands_where_the_problem_is(subject: str, marked: list[str]) -> None:
    shown = rows(View(TREE, (Problem(WARNING, subject, "bad"),)), same)
    assert [row.name for row in shown if row.severity == WARNING] == marked


def test_mark_is_that_of_the_worst() -> None:
    problems = (Problem(WARNING, "/", "so so"), Problem(ERROR, "/", "bad"), Problem(WARNING, "/", "well"))
    assert rows(View(TREE, problems), same)[6].severity == ERROR


def test_kinds_are_translated_and_unknown_ones_stay() -> None:
    assert kind_text("lvmvg", shouted) == "VOLUME GROUP"
    assert kind_text("btrfs subvolume", shouted) == "btrfs subvolume"


def test_table_of_text_mode() -> None:
    view = View(TREE, (Problem(ERROR, "/var", "too small"),))
    assert table_lines(rows(view, same), HEADINGS, 80) == (
        "  Device             Size  Mount point  Type",
        "  sda             100 GiB               disk",
        "    sda1            1 MiB               partition, biosboot",
        "    sda2            2 GiB  /boot        partition, xfs",
        "    sda3        97.99 GiB               partition, lvmpv",
        "  onn              98 GiB               volume group",
        "    onn-pool00     72 GiB               thin pool",
        "      onn-root     10 GiB  /            thin volume, xfs",
        "!     onn-var       8 GiB  /var         thin volume, xfs",
        "    onn-swap        4 GiB               volume, swap",
    )


def test_table_is_cut_at_the_edge() -> None:
    shown = [row._replace(mount_point="/a" * 60) for row in rows(APPLIED, same)]
    assert max(map(len, table_lines(shown, HEADINGS, 80))) == 80


# --- the picture -----------------------------------------------------------------------------------------------------


def test_bars() -> None:
    assert bars(APPLIED, same) == (
        Bar(
            "sda",
            100 * GIB,
            (
                Segment("biosboot", 1 * MIB, "boot"),
                Segment("/boot", 2 * GIB, "boot"),
                Segment("volume group", 98 * GIB - 2 * MIB, "group"),
            ),
            "group",
        ),
        Bar(
            "onn",
            98 * GIB,
            (
                Segment("thin pool", 72 * GIB, "pool"),
                Segment("swap", 4 * GIB, "swap"),
                Segment("metadata", 2 * GIB, "metadata"),
                Segment("free", 20 * GIB, "free"),
            ),
            "pool",
        ),
        Bar(
            "onn-pool00",
            72 * GIB,
            (
                Segment("/", 10 * GIB, "root"),
                Segment("/var", 8 * GIB, "volume"),
                Segment("for images", 54 * GIB, "free"),
            ),
            "",
        ),
    )


def test_bar_in_words() -> None:
    assert bar_text(bars(APPLIED, same)[2], same) == "onn-pool00, 72 GiB: / 10 GiB, /var 8 GiB, for images 54 GiB"


def test_disks_are_one_bar() -> None:
    planned = plan(Request(disks=(100 * GIB, 150 * GIB), firmware="bios"))
    bar = bars(View(planned.devices), same)[0]
    assert (bar.title, bar.size) == ("2 disks", 250 * GIB)
    assert [segment.label for segment in bar.segments] == ["biosboot", "/boot", "volume group", "volume group"]


def test_members_of_a_mirror_are_named_by_what_they_carry() -> None:
    bar = bars(View(plan(Request(disks=(100 * GIB, 100 * GIB), mirrored=True)).devices), same)[0]
    labels = [segment.label for segment in bar.segments]
    each = ("biosboot", "/boot/efi", "/boot", "volume group")
    assert labels == [label for label in each for _ in range(2)]


def test_bar_of_a_group_that_is_called_like_a_disk() -> None:
    expected = bars(View(plan(Request(disks=(100 * GIB,))).devices), same)[1]
    found = bars(View(plan(Request(disks=(100 * GIB,), volume_group="disk1")).devices), same)[1]
    assert found == expected._replace(title="disk1")


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param("onn-pool00", id="no-pool"),
        pytest.param("onn", id="no-group"),
    ],
)
def test_no_bars_without_a_pool(lost: str) -> None:
    assert bars(View(tuple(device for device in TREE if device.name != lost)), same) == ()


def test_no_bars_of_what_does_not_fit() -> None:
    planned = plan(Request(disks=(40 * GIB,)))
    assert planned.findings[0].code == "does-not-fit"
    assert bars(View(planned.devices), same) == ()


def test_over_provisioned_pool_has_no_rest() -> None:
    small = tuple(d if d.kind != "lvmthinpool" else Device(d.name, d.kind, 12 * GIB, parents=d.parents) for d in TREE)
    assert [segment.role for segment in bars(View(small), same)[2].segments] == ["root", "volume"]


@given(st.lists(st.integers(0, 2**45), min_size=1, max_size=20), st.integers(0, 3000), st.integers(0, 80))
def test_widths_fill_the_bar(sizes: list[int], width: int, least: int) -> None:
    shares = widths(sizes, width, least)
    assert len(shares) == len(sizes)
    assert sum(shares) == width
    assert min(shares) >= min(least, width // len(sizes))


def test_widths_are_in_proportion() -> None:
    assert widths((1, 1000), 1000, 0) == (0, 1000)
    assert widths((1, 1000), 1000, 40) == (40, 960)
    assert widths((300, 100), 400, 0) == (300, 100)
    assert widths((), 400, 10) == ()


# --- words -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "capacity", "wish"),
    [
        pytest.param(None, "", "Images to hold: 2", id="not-known"),
        pytest.param(
            0,
            "No room for a second image: this node cannot be updated.",
            "Images to hold: 2 (no room for a second one)",
            id="none",
        ),
        pytest.param(
            17,
            "Room for 17 images, and one more while it is installed; 2 are requested.",
            "Images to hold: 2 (room for 17, and one more while it is installed)",
            id="many",
        ),
    ],
)
def test_capacity(images: int | None, capacity: str, wish: str) -> None:
    view = View(TREE, images=images)
    assert capacity_text(view, 2, same) == capacity
    assert wish_text(view, 2, same) == wish


def test_capacity_is_translated_before_it_is_filled_in() -> None:
    assert capacity_text(APPLIED, 2, shouted).startswith("ROOM FOR 4 IMAGES, AND")


BAD = Problem(ERROR, "/var", "1 GiB is below the 5 GiB minimum", "remove it")
SMALL = Problem(WARNING, "/boot", "/boot has 1 GiB; 2 GiB hold the kernels of two updates")


@pytest.mark.parametrize(
    ("view", "is_applied", "status"),
    [
        pytest.param(View(), False, "No storage chosen yet", id="nothing"),
        pytest.param(APPLIED, True, "Fit for a node, room for 4 images", id="good"),
        pytest.param(View(TREE), True, "Fit for a node", id="images-not-known"),
        pytest.param(View(TREE, (SMALL,)), True, SMALL.message, id="warning"),
        pytest.param(View(TREE, (SMALL, BAD)), True, f"{problem_text(BAD)} (and 1 more)", id="error-first"),
    ],
)
def test_status(view: View, is_applied: bool, status: str) -> None:
    assert status_text(view, is_applied, same) == status


@pytest.mark.parametrize(
    ("problems", "text"),
    [
        pytest.param((), "", id="none"),
        pytest.param((BAD, BAD), "Errors: 2.", id="errors"),
        pytest.param((SMALL,), "Warnings: 1.", id="warnings"),
        pytest.param((SMALL, BAD, SMALL), "Errors: 1, warnings: 2.", id="both"),
    ],
)
def test_number_of_problems(problems: tuple[Problem, ...], text: str) -> None:
    assert count_text(View(TREE, problems), same) == text


class Disk(NamedTuple):
    disk: str
    model: str
    size: int
    content: str


def test_what_is_erased_is_told_with_name_model_and_size() -> None:
    disks = (Disk("sda", "ST480FP0021", 480 * GIB, "gpt, volume group onn"), Disk("sdb", "", 64 * GIB, "xfs"))
    assert erase_text(disks, same) == "Erase sda ST480FP0021 480 GiB (gpt, volume group onn), sdb 64 GiB (xfs)"
    assert erased_text((Disk("sdb", "", 64 * GIB, ""),), same) == "Will be erased: sdb 64 GiB (empty)"
    assert erased_text((), same) == ""


def test_layout_that_anaconda_refuses_is_told_on_the_hub() -> None:
    refused = View((Device("sda", "disk", 250 * GIB),), (BAD,))
    assert status_text(refused, False, same) == "/var: 1 GiB is below the 5 GiB minimum"
    assert status_text(View(problems=(BAD,)), False, same) == "No storage chosen yet"


def test_errors_come_first_and_keep_their_order() -> None:
    other = Problem(ERROR, "/", "no root volume")
    assert worst_first((SMALL, BAD, other)) == (BAD, other, SMALL)


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        pytest.param(BAD, "/var: 1 GiB is below the 5 GiB minimum", id="mount-point-not-named"),
        pytest.param(SMALL, SMALL.message, id="mount-point-named"),
        pytest.param(Problem(ERROR, "pool", "too small"), "too small", id="no-mount-point"),
        pytest.param(
            Problem(ERROR, "/var", "/var/log is missing"), "/var: /var/log is missing", id="another-one-named"
        ),
    ],
)
def test_problem_says_what_it_is_about(problem: Problem, text: str) -> None:
    assert problem_text(problem) == text


def test_problem_in_text_mode_is_indented_where_it_is_wrapped() -> None:
    long = Problem(ERROR, "pool", "the pool is " + "far " * 8 + "too small", "a larger disk, or " * 3 + "none")
    assert problem_lines(long, 40, same) == (
        "Error: the pool is far far far far far",
        "    far far far too small",
        "    a larger disk, or a larger disk, or",
        "    a larger disk, or none",
    )


def test_volumes_of_a_layout() -> None:
    assert layout_volumes("minimal") == (("/", "10 GiB"), ("/var", "8 GiB"))
