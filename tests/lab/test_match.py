# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines whose facts are collected before they are installed: `ksgen match` says then what their %pre says later."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from disk_machines import MACHINES

from ksgen.kickstart import wanted_disks
from ksgen.match import facts_script, read_machines
from ksgen.match.verdict import judge
from lab.kickstart_job import Rendered, job, node_disk, pre_files, rendered
from lab.machine import GIB, Disk, Machine, digest, run
from lab.root import Kernel
from lab.test_disks import ACTIVATED, SYSTEM
from lab.test_storage import assert_made
from org_ovirt_node.facts.record import INSTALLER

pytestmark = pytest.mark.lab

_FILL = {machine.name: machine.fill for machine in MACHINES}
# An installer has this directory; the lab's machine is none.
_COLLECT = """\
modprobe -a xfs ext4; udevadm settle --timeout=60
mkdir -p /run/install; python3 -S collect.py >$OUT/facts.json; status=$?; rmdir /run/install; exit $status
"""


@dataclasses.dataclass(frozen=True)
class Case:
    """What is on the first disk, and on the second, which is not the host's; the code that stops it, if one does."""

    fill: str = ""
    beside: str = ""
    variables: dict[str, str] = dataclasses.field(default_factory=dict)
    stops: str = ""


CASES = {
    "empty": Case(beside=_FILL["storage-domain"]),
    "old-system": Case(fill=SYSTEM, beside=_FILL["gluster-brick"]),
    "node-again": Case(fill=_FILL["node"], variables={"node_reinstall": "true"}),
    "luks": Case(fill=_FILL["luks"], variables={"node_erase": "[luks]"}),
    "storage-domain": Case(fill=_FILL["storage-domain"], stops="storage-domain"),
    "deep-brick": Case(fill=_FILL["gluster-brick"], stops="foreign"),
}


def disks_of(directory: Path) -> tuple[Disk, Disk]:
    first, second = (
        Disk(directory / f"disk{n}.raw", 80 * GIB, "scsi", f"S3EVNX0K00{n}", f"0x5000c500a1b2c30{n}") for n in (1, 2)
    )
    return first, second


def fill(machine: Machine, case: Case) -> None:
    scripts = {f"fill{n}": text for n, text in enumerate((case.fill, case.beside), 1) if text}
    lines = [
        f"bash -exc '. ./{name}' fill $(readlink -f /dev/disk/by-id/wwn-0x5000c500a1b2c30{name[-1]}) || exit\n"
        "udevadm settle; umount /mnt; vgchange -q -an\n"
        for name in scripts
    ]
    result = run(machine, {"run": "".join(["modprobe -a xfs ext4\n", *lines, "exit 0\n"]), **scripts}, timeout=120)
    assert result.status == 0, result.console


def said_in_pre(kickstart: Rendered, machine: Machine) -> tuple[int, list[str]]:
    """What disks.py says in the machine, with the input of the kickstart; it is not installed."""
    script = "python3 -S disks.py wanted.json 1 1 >$OUT/said; echo $? >$OUT/ended"
    wanted = kickstart.pre.partition("<<'END_OF_DISKS'\n")[2].partition("END_OF_DISKS\n")[0]
    # The add-on is in the installer: facts do not have that.
    addon = "mkdir -p /usr/share/anaconda/addons/org_ovirt_node\n"
    prepared = f"modprobe -a xfs ext4; udevadm settle --timeout=60\n{addon}"
    result = run(machine, {"run": prepared + script, "wanted.json": wanted, **pre_files(kickstart)}, timeout=120)
    return int(result.text("ended")), result.text("said").splitlines()


def without_names(lines: Iterable[str]) -> list[str]:
    """Sorted, and without the kernel's names of the disks, which differ from boot to boot (sd(4) probes at once)."""
    return sorted(re.sub(r"\bsd[ab]\b", "sd?", line) for line in lines)


@pytest.mark.parametrize("name", CASES)
def test_verdict_before_is_what_happens(name: str, vm_root: Path, kernel: Kernel, tmp_path: Path) -> None:
    case = CASES[name]
    disks = disks_of(tmp_path)
    machine = Machine(kernel=kernel, root=vm_root, disks=disks)
    fill(machine, case)
    before = [digest(disk.file) for disk in disks]
    collected = run(machine, {"run": _COLLECT, "collect.py": facts_script()}, timeout=120)
    assert collected.status == 0, collected.console
    assert [digest(disk.file) for disk in disks] == before
    (tmp_path / "facts.json").write_text(collected.text("facts.json"))
    (found,), problems = read_machines([str(tmp_path / "facts.json")])
    assert problems == []
    assert found.record.kind == INSTALLER

    variables: dict[str, Any] = {"node_firmware": "bios", "node_pre": ACTIVATED, **case.variables}
    kickstart = rendered(tmp_path, node_disk=node_disk(disks[0]), **variables)
    verdict = judge(kickstart.host, found, "")
    assert verdict.wanted == wanted_disks(kickstart.host.settings)
    assert [each.code for each in verdict.refusals] == ([case.stops] if case.stops else [])
    if case.stops:
        status, said = said_in_pre(kickstart, machine)
        assert (status, without_names(said)) == (1, without_names(verdict.said))
        assert [digest(disk.file) for disk in disks] == before
        return
    result = run(machine, job(kickstart), timeout=200)
    assert result.status == 0, result.console
    assert set(without_names(verdict.said)) <= set(without_names(result.console.splitlines()))
    assert_made(kickstart, result)
    assert digest(disks[1].file) == before[1]
