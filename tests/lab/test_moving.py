# SPDX-License-Identifier: GPL-2.0-or-later
"""A node becomes a plain host, and a plain host a node: the same entry of the inventory, with another node_kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.kickstart_job import Rendered, job, node_disk, rendered
from lab.machine import GIB, Disk, Machine, digest, run
from lab.root import Kernel
from lab.test_storage import assert_made, assert_mounted

pytestmark = pytest.mark.lab

SIZE = 80 * GIB

# What imgbase leaves on the volumes of a node (docs/disks.md): its tags.
LAYERS = """
vgchange -q --addtag imgbased:vg onn
lvcreate -q -n node-4.5.7-0.1 --snapshot onn/root
lvchange -q --addtag imgbased:base onn/node-4.5.7-0.1
"""
TAKEN_DOWN = "umount -R /mnt/sysroot; vgchange -q -an; sync\n"


def test_there_and_back(vm_root: Path, kernel: Kernel, tmp_path: Path) -> None:
    disk = Disk(tmp_path / "disk.raw", SIZE, bus="scsi", serial="S3EVNX0K001", wwn="0x5000c500a1b2c301")
    machine = Machine(kernel=kernel, root=vm_root, disks=(disk,), firmware="uefi")

    def kickstart(**variables: str) -> Rendered:
        return rendered(tmp_path, node_disk=node_disk(disk), node_firmware="uefi", **variables)

    def install(wanted: Rendered, then: str = "") -> None:
        result = run(machine, job(wanted, then + TAKEN_DOWN), timeout=200)
        assert result.status == 0, result.console
        assert_made(wanted, result)
        assert_mounted(wanted, result)

    install(kickstart(), LAYERS)
    before = digest(disk.file)

    # It is said again and again, for a quarter of an hour.
    cure = "cure: set node_reinstall: true to reinstall it, including all images"
    refused = run(machine, job(kickstart(node_kind="host")), timeout=200, until=cure, more_seconds=5)
    assert refused.has_ended, refused.console
    assert "error: node-layers: sda carries a node: volume group onn, onn/node-4.5.7-0.1" in refused.console
    assert digest(disk.file) == before

    install(kickstart(node_kind="host", node_reinstall="true"))
    install(kickstart())
