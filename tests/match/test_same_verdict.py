# SPDX-License-Identifier: GPL-2.0-or-later
"""The verdict at the desk is the one of the resolver in %pre, words included.

The resolver runs as in the installer, on recorded machines and on generated ones; `ksgen match` has the facts that were
collected from them.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import json
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from disk_generated import Case, cases
from disk_machines import MACHINES
from disk_replay import Replay, facts_text
from hypothesis import HealthCheck, given, settings
from inventories import one_host

from ksgen.host import Host
from ksgen.kickstart import wanted_disks
from ksgen.match import Machine, Verdict, read_machines
from ksgen.match.verdict import judge
from ksgen.variables import Disk, SizeRange
from org_ovirt_node.facts.collecting import collect
from org_ovirt_node.facts.record import INSTALLER, written
from org_ovirt_node.programs import disks, nics

MAC = "52:54:00:aa:00:01"
EXAMPLES = 500
CASES = [
    pytest.param(machine.name, case, id=f"{machine.name}-{case}") for machine in MACHINES for case in machine.wanted
]
WANTED = {machine.name: machine.wanted for machine in MACHINES}


@functools.cache
def base() -> Host:
    with tempfile.TemporaryDirectory() as directory:
        return one_host(Path(directory))


def host_of(**variables: Any) -> Host:
    """A host that wants these disks."""
    asked = [
        Disk.model_validate({key: value for key, value in disk.items() if value}) for disk in variables.pop("disk")
    ]
    update = {"addon": False, "mac": MAC, "network": [], "disk": asked, **variables}
    return dataclasses.replace(base(), settings=base().settings.model_copy(update=update))


def host_of_recording(wanted: dict[str, Any]) -> Host:
    asked = []
    for disk in wanted["disks"]:
        keys = {key: value for key, value in disk.items() if key not in ("smallest", "largest")}
        asked.append({**keys, "size": SizeRange.model_construct(min=disk["smallest"], max=disk["largest"])})
    keys = {"vg": "group", "reinstall": "reinstall", "multipath": "multipath", "erase": "erase", "local_disks": "keep"}
    return host_of(disk=asked, **{variable: wanted[key] for variable, key in keys.items()})


class OneNic(nics.Target):
    def names(self, directory: str) -> list[str]:
        return ["eno1"]

    def has(self, path: str) -> bool:
        return path == f"{nics.NET}/eno1/device"

    def read(self, path: str) -> str:
        return f"{MAC}\n"


def read_one(path: Path, text: str) -> Machine:
    path.write_text(text)
    machines, problems = read_machines([str(path)])
    assert problems == []
    return machines[0]


def in_pre(target: Any, wanted: disks.Wanted) -> tuple[int, list[str]]:
    """What disks.py ends with and says. Of an installation that goes on: what is allowed, and which disk is which."""
    target.files["/tmp/wanted.json"] = disks.written(wanted)
    out = StringIO()
    with redirect_stdout(out):
        status = disks.main(["/tmp/wanted.json", "1", "1"], target)
    lines = out.getvalue().splitlines()
    return status, [line for line in lines if status or line.startswith("ovirt-node: /dev/disk/by-node/")]


def at_the_desk(verdict: Verdict) -> tuple[int, list[str]]:
    return int(verdict.stops), list(verdict.said)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_recorded_machine(name: str, case: str, tmp_path: Path) -> None:
    host = host_of_recording(WANTED[name][case])
    assert vars(wanted_disks(host.settings)) == vars(disks.read(json.dumps(WANTED[name][case])))
    data = json.loads(facts_text(name))
    data["directories"] = {nics.NET: ["eno1"]}
    data["files"] = {f"{nics.NET}/eno1/device": "", f"{nics.NET}/eno1/address": MAC}
    machine = read_one(tmp_path / "facts.json", json.dumps(data))
    assert at_the_desk(judge(host, machine, "")) == in_pre(Replay(name), wanted_disks(host.settings))


SEEN: collections.Counter[str] = collections.Counter()


@pytest.fixture(scope="module")
def seen() -> collections.Counter[str]:
    """How often each refusal was met; the machines are worth nothing if they are all alike."""
    SEEN.clear()
    return SEEN


@given(cases())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_generated_machine(
    seen: collections.Counter[str], tmp_path_factory: pytest.TempPathFactory, case: Case
) -> None:
    host = host_of(**{key: (list(value) if isinstance(value, list) else value) for key, value in case.wanted.items()})
    wanted = wanted_disks(host.settings)
    record = collect(case.machine(), OneNic(), INSTALLER, "node01", 0)
    machine = read_one(tmp_path_factory.getbasetemp() / "generated.json", written(record))
    verdict = judge(host, machine, "")
    seen["installed"] += not verdict.stops
    seen["examples"] += 1
    seen.update({each.code for each in (*verdict.refusals, *verdict.decision.allowed)})
    assert at_the_desk(verdict) == in_pre(case.machine(), wanted)


def test_generated_machines_are_of_every_kind(seen: collections.Counter[str]) -> None:
    """Runs after the test above."""
    assert seen["examples"] >= 200
    assert seen["installed"] >= 20
    codes = {
        *("cannot-look", "unreadable", "no-disk", "several-disks", "one-disk-twice", "disk-size", "kept", "removable"),
        *("read-only", "installation-medium", "in-use", "several-paths", "multipath-map", "storage-domain", "foreign"),
        *("not-known", "firmware-raid", "reaches-out", "hidden-volume", "group-name-taken", "node-layers"),
    }
    assert codes - set(seen) == set()
