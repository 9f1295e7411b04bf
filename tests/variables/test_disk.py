# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks by identity: what is refused, with every word of it, and the link of what is accepted."""

from __future__ import annotations

from pathlib import Path

import pytest
from inventories import one_host
from told import hosts_text, text_of, told
from trapfile import Entry, parameters

GB = 10**9


@pytest.mark.parametrize("trap", parameters("disk-traps.txt"))
def test_a_trap(trap: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(tmp_path)
    trap.agrees("\n".join(told(text_of(trap))), request)


@pytest.mark.parametrize(
    ("written", "link"),
    [
        pytest.param('{wwn: "0x5000C500A1B2C3D4"}', "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4", id="wwn"),
        pytest.param('{wwn: "naa.5000c500a1b2c3d4"}', "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4", id="wwn-naa"),
        pytest.param('{wwn: "wwn-0x5000c500a1b2c3d4"}', "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4", id="wwn-as-a-link"),
        pytest.param(
            '{wwn: "0x600508b1001c9d0f0000000000000012"}',
            "/dev/disk/by-id/wwn-0x600508b1001c9d0f0000000000000012",
            id="wwn-of-32-digits",
        ),
        pytest.param('{wwn: "0xaaaaaaaaaaaaaaaa"}', "/dev/disk/by-id/wwn-0xaaaaaaaaaaaaaaaa", id="wwn-of-one-digit"),
        pytest.param("{wwn: eui.0025385791b02841}", "/dev/disk/by-id/nvme-eui.0025385791b02841", id="eui"),
        pytest.param(
            "{wwn: nvme-eui.36344630528029750025384500000001}",
            "/dev/disk/by-id/nvme-eui.36344630528029750025384500000001",
            id="eui-of-32-digits",
        ),
        pytest.param(
            "{wwn: uuid.0D7C1AFE-6E1B-4F0C-9D37-0B7D6AA9EF11}",
            "/dev/disk/by-id/nvme-uuid.0d7c1afe-6e1b-4f0c-9d37-0b7d6aa9ef11",
            id="uuid",
        ),
        pytest.param(
            "{wwn: nvme.8086-50484d42-494e54454c-00000001}",
            "/dev/disk/by-id/nvme-nvme.8086-50484d42-494e54454c-00000001",
            id="nvme",
        ),
        pytest.param("{serial: S3EVNX0K123456}", "/dev/disk/by-id/*[-_]S3EVNX0K123456", id="serial"),
        pytest.param('{serial: "0123456789"}', "/dev/disk/by-id/*[-_]0123456789", id="serial-of-digits"),
        pytest.param("{path: pci-0000:00:1f.2-ata-1}", "/dev/disk/by-path/pci-0000:00:1f.2-ata-1", id="path"),
        pytest.param("{path: /dev/disk/by-path/ccw-0.0.0100}", "/dev/disk/by-path/ccw-0.0.0100", id="path-as-a-link"),
        pytest.param(
            "{path: /dev/disk/by-id/dm-uuid-mpath-3600508b1001c9d0f}",
            "/dev/disk/by-id/dm-uuid-mpath-3600508b1001c9d0f",
            id="multipath",
        ),
        pytest.param(
            "{path: pci-0000:00:1f.2-ata-1, serial: abcd, wwn: \"0x5000c500a1b2c3d4\", model: 'ST 4000'}",
            "/dev/disk/by-id/wwn-0x5000c500a1b2c3d4",
            id="wwn-comes-first",
        ),
        pytest.param("[{serial: abcd}]", "/dev/disk/by-id/*[-_]abcd", id="list-of-one"),
    ],
)
def test_disk_is_found_by_a_stable_link(written: str, link: str, tmp_path: Path) -> None:
    (disk,) = one_host(tmp_path, node_disk=written).disks
    assert disk.link == link


@pytest.mark.parametrize(
    ("written", "smallest"),
    [
        pytest.param("480 GB", 480 * GB * 97 // 100, id="nominal"),
        pytest.param("{min: 470 GB}", 470 * GB, id="least"),
        pytest.param("{max: 4 TB}", None, id="most-alone"),
        pytest.param("{min: 400 GB, max: 400 GB}", 400 * GB, id="exact"),
        pytest.param("null", None, id="none"),
    ],
)
def test_disk_counts_with_its_smallest_size(written: str, smallest: int | None, tmp_path: Path) -> None:
    (disk,) = one_host(tmp_path, node_disk=f"{{serial: abcd, size: {written}}}").disks
    assert disk.smallest_size == smallest


def test_links_by_place_may_be_alike_on_two_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    place = "node_disk: {path: pci-0000:00:1f.2-ata-1}\n"
    assert told(hosts_text(f"[node01]\n{place}[node02]\n{place}")) == ()
