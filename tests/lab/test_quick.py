# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of the lab that runs in `make test`."""

from __future__ import annotations

from pathlib import Path

from lab.machine import GIB, Disk, Machine, allocated, run
from lab.root import Kernel


def test_job_goes_in_and_its_files_come_out(vm_root: Path, kernel: Kernel, tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk.raw", 64 * GIB, serial="lab-1")
    machine = Machine(kernel=kernel, root=vm_root, disks=(disk,))
    job = {"run": "lsblk -bdno NAME,SERIAL,SIZE /dev/vda | tee $OUT/lsblk; cat word >$OUT/word; exit 3", "word": "yes"}
    result = run(machine, job, timeout=40)
    assert result.text("lsblk").split() == ["vda", "lab-1", str(64 * GIB)]
    assert (result.text("word"), result.status, result.has_ended) == ("yes", 3, True)
    assert allocated(disk.file) == 0
