# SPDX-License-Identifier: GPL-2.0-or-later
"""Automatic partitioning: the plan against what real Anaconda answered, and what it refuses."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from typing import Any

import pytest
from automatic_cases import CASES, CONFIGURATION, RECORDED, REFUSED, RELEASES, Case
from bench import BENCH, NO_BENCH
from record_automatic import ask, options

from org_ovirt_node import layout
from org_ovirt_node.layout import ERROR, GIB, MIB, TIB, Device, Request, align_up, excluded_mount_points, plan
from org_ovirt_node.layout.geometry import EXTENT

# Asked again while the tests run where Anaconda's code is at hand: one of each kind.
ASKED_AGAIN = (
    "tightest-el9-uefi",
    "two-200GiB-bios",
    "memory-60000MiB-tenth",
    "minimal-uefi-32GiB",
    "refused-el10-uefi-one-MiB-short",
)


@functools.cache
def recorded(release: str) -> dict[str, Any]:
    return json.loads((RECORDED / f"automatic-{release}.json").read_text())


# A kickstart's --noswap takes the wish for swap back; a request of the user interfaces does not.
NO_SWAP = {
    "el9": "You have not specified a swap partition. Although not strictly required in all cases, it will "
    "significantly improve performance for most installations.",
    "el10": "A swap partition has not been specified. To significantly improve performance for most installations, it "
    "is recommended to specify a swap partition.",
}


def each_release(cases: tuple[Case, ...]) -> pytest.MarkDecorator:
    each = [pytest.param(r, case, id=f"{r}-{case.name}") for r in RELEASES for case in cases if r in case.releases]
    return pytest.mark.parametrize(("release", "case"), each)


def of_lvm(kind: str, size: int | None) -> int | None:
    """LVM rounds up to extents what blivet gives in bytes."""
    return align_up(size) if size is not None and kind.startswith("lvm") else size


def planned_rows(found: layout.Plan) -> list[tuple[Any, ...]]:
    return sorted(
        (d.kind, _name(d.kind, d.name), of_lvm(d.kind, d.size), d.filesystem or "", d.mount_point or "")
        for d in found.devices
        if d.kind != "disk"
    )


def anaconda_rows(answer: dict[str, Any]) -> list[tuple[Any, ...]]:
    rows = answer["devices"]
    return sorted((kind, _name(kind, name), of_lvm(kind, size), *more) for kind, name, size, *more, _ in rows)


def _name(kind: str, name: str) -> str:
    """Partitions are named by their disks, and the group by the product that the installer says it is."""
    return name if kind.startswith("lvm") and kind != "lvmvg" else ""


@pytest.mark.parametrize("release", RELEASES)
def test_record_is_of_this_configuration(release: str) -> None:
    asked = recorded(release)["configuration"]
    assert asked == options(CONFIGURATION.read_text()), "ask Anaconda again: tests/support/record_automatic.py"
    names = {case.name for case in (*CASES, *REFUSED) if release in case.releases}
    assert set(recorded(release)) == {*names, "configuration"}


@each_release(CASES)
def test_plan_is_what_anaconda_makes(release: str, case: Case) -> None:
    answer = recorded(release)[case.name]
    assert answer["complaints"] == ([NO_SWAP[release]] if case.is_interactive and not case.has_swap else [])
    found = plan(case.request(release))
    assert not layout.has_errors(found.findings)
    assert planned_rows(found) == anaconda_rows(answer)


@each_release(tuple(case for case in CASES if not case.is_interactive))
def test_metadata_is_blivets(release: str, case: Case) -> None:
    (metadata,) = (row[-1] for row in recorded(release)[case.name]["devices"] if row[0] == "lvmthinpool")
    assert plan(case.request(release)).one("lvmthinpool").metadata_size == metadata


@each_release(CASES)
def test_what_anaconda_makes_passes_the_gate(release: str, case: Case) -> None:
    found = layout.check(devices(recorded(release)[case.name]), case.request(release))
    assert [f.code for f in found if f.severity == ERROR] == []


@each_release(REFUSED)
def test_plan_refuses_what_anaconda_refuses_or_over_provisions(release: str, case: Case) -> None:
    answer = recorded(release)[case.name]
    found = plan(case.request(release))
    assert [f.code for f in found.findings if f.severity == ERROR] == ["does-not-fit"]
    if answer["complaints"]:
        assert "not enough free space in volume group" in answer["complaints"][0]
    else:
        codes = [f.code for f in layout.check(devices(answer), case.request(release)) if f.severity == ERROR]
        assert codes == ["over-provisioned"]


@pytest.mark.parametrize("release", RELEASES)
def test_anaconda_over_provisions_some(release: str) -> None:
    answers = [recorded(release)[case.name] for case in REFUSED if release in case.releases]
    assert len([a for a in answers if not a["complaints"]]) >= 3


@each_release(tuple(case for case in CASES if case.name.startswith("tightest-")))
def test_smallest_disk_is_the_smallest(release: str, case: Case) -> None:
    assert plan(case.request(release)).smallest_disk == case.disk_size


def devices(answer: dict[str, Any]) -> list[Device]:
    """Anaconda's devices, as far as its interface tells them: nothing of metadata."""
    parents = {"lvmthinlv": "pool00", "lvmthinpool": "anaconda", "lvmlv": "anaconda"}
    found = []
    for kind, name, size, filesystem, mount_point, _ in answer["devices"]:
        pool = parents[kind] if kind == "lvmthinlv" else None
        above = (parents[kind],) if kind in parents else ()
        device = Device(name, kind, of_lvm(kind, size), mount_point or None, filesystem or None, pool=pool)
        found.append(replace(device, parents=above))
    return found


# --- what can be asked for -------------------------------------------------------------------------------------------


def told(request: Request) -> list[str]:
    errors = [finding for finding in plan(request).findings if finding.severity == ERROR]
    return [f"{f.subject}: {' | '.join(layout.describe(f))}" for f in errors]


@pytest.mark.parametrize(
    ("request_", "texts"),
    [
        pytest.param(
            Request(automatic=True, root_size=12 * GIB),
            [
                "/: automatic partitioning makes / with 10 GiB, not with 12 GiB | "
                "leave the size out, or write storage commands"
            ],
            id="root",
        ),
        pytest.param(
            Request(automatic=True, volumes=(("/data", GIB), ("/var", 20 * GIB))),
            [
                "/data: automatic partitioning does not make /data | remove it, or write storage commands",
                "/var: automatic partitioning makes /var with 8 GiB, not with 20 GiB | "
                "leave the size out, or write storage commands",
            ],
            id="volumes",
        ),
        pytest.param(
            Request(automatic=True, swap_size=16 * GIB),
            [
                "swap: automatic partitioning makes swap by the memory of the machine, not with 16 GiB | "
                "leave the size out, or write storage commands"
            ],
            id="swap",
        ),
        pytest.param(
            Request(automatic=True, disks=(None, None), mirrored=True),
            ["disk: automatic partitioning cannot create a mirror | name one disk, or write storage commands"],
            id="mirror",
        ),
        pytest.param(
            Request(automatic=True, volume_group="HostVG", pool="HostPool"),
            [
                "volume_group: automatic partitioning chooses the name itself, so it cannot be 'HostVG' | "
                "leave the name out, or write storage commands",
                "pool: automatic partitioning chooses the name itself, so it cannot be 'HostPool' | "
                "leave the name out, or write storage commands",
            ],
            id="names",
        ),
        pytest.param(
            Request(automatic=True, image_size=3 * GIB),
            [
                "/: 10 GiB is below 4 times the image, 12 GiB, which Anaconda requires | "
                "give it 12 GiB or more, or let the default follow the image"
            ],
            id="image",
        ),
        pytest.param(
            Request(automatic=True, layout="minimal", root_size=10 * GIB, volumes=(("/var/log", 8 * GIB),)),
            [],
            id="what-is-made-anyway",
        ),
        pytest.param(
            Request(automatic=True, disks=(60 * GIB,), memory=16 * GIB),
            [
                "disk: 60 GiB of disk are too small for this layout: 73.47 GiB are needed = root 10 GiB + "
                "volumes 40 GiB + swap 7.35 GiB + pool metadata and its spare 104 MiB + reserve 14.43 GiB + "
                "boot partitions and tables 1.59 GiB | layout: minimal saves 45.84 GiB; a disk of 73.47 GiB"
            ],
            id="minimal-helps",
        ),
        pytest.param(
            Request(automatic=True, disks=(20 * GIB,), memory=16 * GIB),
            [
                "disk: 20 GiB of disk are too small for this layout: 73.47 GiB are needed = root 10 GiB + "
                "volumes 40 GiB + swap 7.35 GiB + pool metadata and its spare 104 MiB + reserve 14.43 GiB + "
                "boot partitions and tables 1.59 GiB | a disk of 73.47 GiB"
            ],
            id="nothing-helps",
        ),
    ],
)
def test_plan_says_what_cannot_be_had(request_: Request, texts: list[str]) -> None:
    assert told(request_) == texts


@pytest.mark.parametrize(
    ("request_", "excluded"),
    [
        pytest.param(Request(automatic=True), (), id="standard"),
        pytest.param(Request(automatic=True, swap_size=0), ("swap",), id="no-swap"),
        pytest.param(
            Request(automatic=True, layout="minimal"),
            ("/home", "/tmp", "/var/crash", "/var/log", "/var/log/audit", "/var/tmp"),
            id="minimal",
        ),
        pytest.param(
            Request(automatic=True, layout="minimal", volumes=(("/var/log", 8 * GIB), ("/var/tmp", 10 * GIB))),
            ("/home", "/tmp", "/var/crash", "/var/log/audit"),
            id="minimal-and-two-more",
        ),
    ],
)
def test_excluded_mount_points(request_: Request, excluded: tuple[str, ...]) -> None:
    assert excluded_mount_points(request_) == excluded


def test_unknown_memory_is_planned_for_the_most_swap() -> None:
    request = Request(automatic=True, disks=(500 * GIB,))
    found = plan(request)
    assert found.swap_range is not None
    for memory in (4 * GIB, 40 * GIB, 500 * GIB):
        known = plan(replace(request, memory=memory))
        assert found.swap_range[0] <= align_up(known.one("lvmlv").size or 0) <= found.swap_range[1]
        assert (found.one("lvmthinpool").size or 0) <= (known.one("lvmthinpool").size or 0)


@pytest.mark.parametrize(("release", "size"), [("el9", GIB), ("el10", 2 * GIB)])
def test_boot_has_the_size_that_anaconda_gives_it(release: str, size: int) -> None:
    refused = {
        asked: [f.code for f in plan(Request(automatic=True, release=release, boot_size=asked)).findings]
        for asked in (size, size + MIB)
    }
    assert ["automatic-size" in codes for codes in refused.values()] == [False, True]


def test_el9_says_that_its_boot_is_small() -> None:
    requests = {release: Request(automatic=True, disks=(TIB,), release=release) for release in RELEASES}
    warned = {release: [finding.code for finding in plan(request).findings] for release, request in requests.items()}
    assert warned == {"el9": ["boot-small"], "el10": []}


def test_parts_add_up() -> None:
    for size in range(30 * GIB, 300 * GIB, 1001 * MIB):
        for name in ("standard", "minimal"):
            found = plan(Request(automatic=True, layout=name, disks=(size,), memory=8 * GIB))
            if layout.has_errors(found.findings):
                assert size < found.smallest_disk
                continue
            group, pool, swap = found.one("lvmvg"), found.one("lvmthinpool"), found.one("lvmlv")
            assert pool.metadata_size is not None
            assert group.size == (pool.size or 0) + 2 * pool.metadata_size + (swap.size or 0) + (group.reserve or 0)
            assert found.pool_floor <= (pool.size or 0)
            assert (pool.size or 0) % EXTENT == 0


@pytest.mark.anaconda
@each_release(tuple(case for case in (*CASES, *REFUSED) if case.name in ASKED_AGAIN))
def test_anaconda_still_answers_the_same(release: str, case: Case) -> None:
    if BENCH is None:
        pytest.skip(NO_BENCH)
    assert ask(BENCH, release, case) == recorded(release)[case.name]
