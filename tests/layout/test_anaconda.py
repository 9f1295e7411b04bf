# SPDX-License-Identifier: GPL-2.0-or-later
"""The plan against real Anaconda: what its planner answered, recorded by tests/support/record_anaconda.py."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from anaconda_cases import CASES, RECORDED, REFUSED, RELEASES, Case, storage_commands
from bench import BENCH, NO_BENCH
from record_anaconda import record

from org_ovirt_node import layout
from org_ovirt_node.layout import ERROR, MIB, Device, Request, align_up
from org_ovirt_node.layout.geometry import EXTENT

# Asked again while the tests run where Anaconda's code is at hand: one of each kind.
ASKED_AGAIN = ("tightest-uefi", "mirror-open", "joined-3x100", "swap-recommended-tenth", "refused-uefi-one-MiB-short")


@functools.cache
def recorded(release: str) -> dict[str, Any]:
    return json.loads((RECORDED / f"{release}.json").read_text())


def both_releases(cases: Iterable[Case]) -> pytest.MarkDecorator:
    each = [pytest.param(release, case, id=f"{release}-{case.name}") for release in RELEASES for case in cases]
    return pytest.mark.parametrize(("release", "case"), each)


def planned(case: Case, release: str, directory: Path) -> layout.Plan:
    request = case.host(release, directory).request
    is_open = request.swap_size is None
    return layout.plan(dataclasses.replace(request, memory=case.memory_mib * MIB) if is_open else request)


def rows(devices: Iterable[Device]) -> list[tuple[Any, ...]]:
    """Devices as Anaconda's are recorded: sizes in extents where LVM rounds, file system, mount point, options."""
    found = []
    for d in devices:
        if d.kind == "disk":
            continue
        name = d.name if d.kind.startswith("lvm") else ""
        found.append((d.kind, name, size_of(d.kind, d.size), d.filesystem, d.mount_point, d.options))
    return sorted(found, key=str)


def size_of(kind: str, size: int | None) -> int | None:
    return align_up(size, EXTENT) if size is not None and kind.startswith("lvm") else size


def anaconda_rows(answer: dict[str, Any]) -> list[tuple[Any, ...]]:
    found = []
    for kind, name, size, filesystem, mount_point, options in answer["devices"]:
        own_name = name if kind.startswith("lvm") else ""
        # Partitions and arrays are mounted with what Anaconda thinks best; thin volumes with what we ask for.
        own_options = options if kind == "lvmthinlv" else None
        found.append((kind, own_name, size_of(kind, size), filesystem, mount_point, own_options))
    return sorted(found, key=str)


@both_releases((*CASES, *REFUSED))
def test_record_is_of_these_commands(release: str, case: Case, tmp_path: Path) -> None:
    commands = storage_commands(case.kickstart(release, tmp_path))
    assert recorded(release)[case.name]["commands"] == commands, "ask Anaconda again: tests/support/record_anaconda.py"


@both_releases(CASES)
def test_plan_is_what_anaconda_makes(release: str, case: Case, tmp_path: Path) -> None:
    answer = recorded(release)[case.name]["answer"]
    assert answer["complaints"] == []
    plan = planned(case, release, tmp_path)
    assert not layout.has_errors(plan.findings)
    assert rows(plan.devices) == anaconda_rows(answer)


@both_releases(case for case in CASES if not any("node_firmware" in line for line in case.more))
def test_open_firmware_is_planned_for_the_smaller_pool(release: str, case: Case, tmp_path: Path) -> None:
    answer = recorded(release)[case.name]["bios_answer"]
    assert answer["complaints"] == []
    (pool,) = (size for kind, _, size, *_ in answer["devices"] if kind == "lvmthinpool")
    assert pool >= (planned(case, release, tmp_path).one("lvmthinpool").size or 0)


@both_releases(case for case in CASES if "node_swap_size: recommended" in case.more)
def test_unknown_memory_is_planned_for_the_most_swap(release: str, case: Case, tmp_path: Path) -> None:
    plan = layout.plan(case.host(release, tmp_path).request)
    devices = recorded(release)[case.name]["answer"]["devices"]
    swap = next(size for kind, name, size, *_ in devices if name == "swap")
    pool = next(size for kind, _, size, *_ in devices if kind == "lvmthinpool")
    assert plan.swap_range is not None
    assert plan.swap_range[0] <= align_up(swap) <= plan.swap_range[1]
    assert (plan.one("lvmthinpool").size or 0) <= pool


@both_releases(REFUSED)
def test_plan_refuses_what_does_not_fit(release: str, case: Case, tmp_path: Path) -> None:
    plan = planned(case, release, tmp_path)
    assert [f.code for f in plan.findings if f.severity == ERROR] == ["does-not-fit"]
    devices = recorded(release)[case.name]["usual_answer"]["devices"]
    if devices:  # Anaconda takes it: then its pool or its reserve is too small, which check() sees on its devices
        found = layout.check([_device(row) for row in devices], plan.request)
        assert {f.code for f in found if f.severity == ERROR} & {"over-provisioned", "reserve-too-small"}


@pytest.mark.parametrize("release", RELEASES)
def test_anaconda_over_provisions_and_our_commands_prevent_it(release: str) -> None:
    answers = [recorded(release)[case.name] for case in REFUSED]
    over_provisioned = [a for a in answers if _is_over_provisioned(a["usual_answer"]["devices"])]
    assert len(over_provisioned) >= 6
    assert all(a["usual_answer"]["complaints"] == [] for a in over_provisioned)
    assert not any(_is_over_provisioned(a["answer"]["devices"]) for a in answers)


def _is_over_provisioned(devices: list[Any]) -> bool:
    volumes = sum(row[2] for row in devices if row[0] == "lvmthinlv")
    return any(row[2] < volumes for row in devices if row[0] == "lvmthinpool")


def _device(row: list[Any]) -> Device:
    kind, name, size, filesystem, mount_point, options = row
    pool = {"lvmthinlv": Request().pool}.get(kind)
    parent = {"lvmthinlv": Request().pool, "lvmthinpool": Request().volume_group, "lvmlv": Request().volume_group}
    parents = (parent[kind],) if kind in parent else ()
    metadata = layout.GIB if kind == "lvmthinpool" else None
    return Device(name, kind, align_up(size), mount_point, filesystem, options, pool, False, parents, metadata)


@pytest.mark.anaconda
@both_releases(case for case in (*CASES, *REFUSED) if case.name in ASKED_AGAIN)
def test_anaconda_still_answers_the_same(release: str, case: Case) -> None:
    if BENCH is None:
        pytest.skip(NO_BENCH)
    assert record(BENCH, release, case, case in REFUSED) == recorded(release)[case.name]
