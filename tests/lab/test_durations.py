# SPDX-License-Identifier: GPL-2.0-or-later
"""How long %pre takes to find the disks, beside what lsblk and udevadm take to list them."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest

from lab.kickstart_job import PREPARE, node_disk, pre_files, rendered
from lab.machine import Result, run
from lab.processes import Execution, below, executions, longest, lvm_calls, told
from lab.root import Kernel
from lab.test_disks import fill, shared_storage

pytestmark = pytest.mark.lab

TIMES = 3
RUN = f"""
for number in {" ".join(map(str, range(TIMES)))}; do
    trace bare$number bash -c 'for n in 1 2 3; do lsblk; udevadm settle; done'
    trace pre$number bash ./pre
done
"""


def test_finding_the_disks_beside_listing_them(
    vm_root: Path, kernel: Kernel, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    """Six disks, of which five hold a storage domain, Ceph, ZFS, Gluster and a stick's file system."""
    lot = shared_storage(tmp_path)
    machine = lot.machine(kernel, vm_root)
    assert len(machine.disks) == 6
    fill(lot, machine)
    kickstart = rendered(tmp_path, node_disk=node_disk(lot.disks[0]), node_firmware="bios")
    result = run(machine, {"run": PREPARE + RUN, **pre_files(kickstart)}, timeout=200)
    assert result.status == 0, result.console
    # The shortest: what else this machine does makes the others longer.
    bare = min((listing(result, number) for number in range(TIMES)), key=lambda found: found[0])
    found = min((resolving(result, number) for number in range(TIMES)), key=lambda found: found[0])
    assert lvm_calls(found[1]) == ("pvs", "lvs")
    figure(told("three times lsblk and udevadm settle", *bare))
    figure(told("disk resolver", *found))


def listing(result: Result, number: int) -> tuple[float, tuple[Execution, ...]]:
    found = executions(result.text(f"bare{number}.trace"))
    programs = below(found, longest(found, "bash"))
    return sum(each.seconds for each in programs), programs


def resolving(result: Result, number: int) -> tuple[float, tuple[Execution, ...]]:
    found = executions(result.text(f"pre{number}.trace"))
    resolver = longest(found, "python3")
    return resolver.seconds, below(found, resolver)
