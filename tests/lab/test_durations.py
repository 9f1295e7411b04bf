# SPDX-License-Identifier: GPL-2.0-or-later
"""How long %pre takes to find the disks, beside what lsblk and udevadm take to list them."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest

from lab.kickstart_job import PREPARE, node_disk, pre_files, rendered
from lab.machine import run
from lab.processes import below, executions, longest, told
from lab.root import Kernel
from lab.test_disks import fill, shared_storage

pytestmark = pytest.mark.lab

RUN = """
trace bare bash -c 'for n in 1 2 3; do lsblk; udevadm settle; done'
trace pre bash ./pre
"""


def test_disks_are_found_as_fast_as_they_are_listed(
    vm_root: Path, kernel: Kernel, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    """Six disks, of which five hold a storage domain, Ceph, ZFS, Gluster and a stick's file system."""
    lot = shared_storage(tmp_path)
    machine = lot.machine(kernel, vm_root)
    assert len(machine.disks) == 6
    fill(lot, machine)
    kickstart = rendered(tmp_path, node_disk=node_disk(lot.disks[0]), node_firmware="bios")
    result = run(machine, {"run": PREPARE + RUN, **pre_files(kickstart)}, timeout=120)
    assert result.status == 0, result.console
    listed = below(executions(result.text("bare.trace")), longest(executions(result.text("bare.trace")), "bash"))
    figure(told("three times lsblk and udevadm settle", sum(each.seconds for each in listed), listed))
    found = executions(result.text("pre.trace"))
    resolver = longest(found, "python3")
    figure(told("disk resolver", resolver.seconds, below(found, resolver)))
