# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks and where the system comes from: faults that are found, and near misses that are none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ksgen.grammar import ksfile
from ksgen.lint import Linter

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))

from check_examples import PLAIN, SMALL

LINTER = Linter("el9")
DISK = "/dev/disk/by-id/wwn-0x5000000000000001"
OTHER = "/dev/disk/by-id/wwn-0x5000000000000002"


def lines(text: str, code: str) -> list[int]:
    return [p.mark.line for p in LINTER.lint(ksfile.include("x.ks", text, str)) if p.code == code]


IGNORED = [
    pytest.param("ignoredisk --only-use=sda\npart / --ondisk=sdb --size=900\n", [2], id="names"),
    pytest.param("ignoredisk --only-use=sda,sdb\npart / --ondisk=sdb --size=900\n", [], id="one-of-two"),
    pytest.param("ignoredisk --only-use=sda\npart / --ondisk=/dev/sda --size=900\n", [], id="dev"),
    pytest.param("ignoredisk --only-use=sd*\npart / --ondisk=sdb --size=900\n", [], id="pattern"),
    pytest.param("ignoredisk --only-use=sd*\npart / --ondisk=vda --size=900\n", [2], id="another-pattern"),
    pytest.param("ignoredisk --only-use=sda|sdb\npart / --ondisk=sdb --size=900\n", [], id="patterns"),
    pytest.param("ignoredisk --drives=sdb\npart /boot --ondisk=sdb --size=900\n", [2], id="left-out"),
    pytest.param("ignoredisk --drives=sdb\npart /boot --ondisk=sda --size=900\n", [], id="not-left-out"),
    pytest.param("ignoredisk --drives=sdb\nbootloader --boot-drive=sdb\n", [2], id="boot-drive-left-out"),
    pytest.param("ignoredisk --drives=sdb\nclearpart --all --drives=sda,sdb\n", [2], id="cleared-left-out"),
    pytest.param("ignoredisk --drives=sdb\npart /boot --onpart=sdb1\n", [2], id="partition-left-out"),
    pytest.param("ignoredisk --drives=nvme0n1\npart /boot --onpart=nvme0n1p1\n", [2], id="nvme-partition-left-out"),
    pytest.param(f"ignoredisk --only-use={DISK}\npart / --ondisk={OTHER} --size=900\n", [2], id="links"),
    pytest.param(f"ignoredisk --only-use={DISK}\npart / --ondisk=sda --size=900\n", [], id="link-and-name"),
    pytest.param(f"ignoredisk --only-use={DISK}\npart / --ondisk=/dev/disk/by-id/ata-A --size=900\n", [],
                 id="links-of-two-kinds"),
    pytest.param("ignoredisk --only-use=/dev/disk/by-id/ata-A\npart / --ondisk=/dev/disk/by-id/ata-B --size=900\n", [],
                 id="links-of-which-a-disk-has-several"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), IGNORED)
def test_disks_that_are_left_out(text: str, expected: list[int]) -> None:
    assert lines(text, "disk-ignored") == expected


ALL = "clearpart --all\n"
REUSED = [
    pytest.param(f"{ALL}part /home --onpart=sda3\n", [2], id="partition"),
    pytest.param(f"{ALL}part /home --onpart=sda3 --noformat\n", [2], id="partition-kept"),
    pytest.param(f"{ALL}volgroup vg --useexisting\n", [2], id="group"),
    pytest.param(f"{ALL}logvol /home --vgname=vg --name=home --useexisting\n", [2], id="volume"),
    pytest.param(f"{ALL}raid /home --device=home --useexisting\n", [2], id="array"),
    pytest.param("clearpart --none\npart /home --onpart=sda3\n", [], id="none"),
    pytest.param("clearpart --linux\npart /boot/efi --onpart=sda1\n", [], id="linux-leaves-the-esp"),
    pytest.param("clearpart --list=sda2\npart /home --onpart=sda3\n", [], id="another-of-a-list"),
    pytest.param("clearpart --list=sda2,sda3\npart /home --onpart=/dev/sda3\n", [2], id="of-the-list"),
    pytest.param("clearpart --all --drives=sda\npart /home --onpart=sda3\n", [2], id="its-disk"),
    pytest.param("clearpart --all --drives=sda\npart /home --onpart=sdb3\n", [], id="another-disk"),
    pytest.param("clearpart --all --drives=sda\nvolgroup vg --useexisting\n", [], id="group-may-be-on-another"),
    pytest.param("ignoredisk --only-use=sda\nclearpart --all --drives=sda\nvolgroup vg --useexisting\n", [3],
                 id="group-on-the-only-disk"),
    pytest.param("part /home --onpart=sda3\n", [], id="nothing-cleared"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), REUSED)
def test_what_is_used_again_of_a_disk_that_is_cleared(text: str, expected: list[int]) -> None:
    assert lines(text, "disk-cleared") == expected


NAMES = [
    pytest.param("ignoredisk --only-use=vda\nclearpart --all --drives=vda\n", [1], id="once-for-a-file"),
    pytest.param("part / --ondisk=nvme0n1 --size=900\n", [1], id="part"),
    pytest.param("part /boot --onpart=sda1\n", [1], id="partition"),
    pytest.param("text\nbootloader --boot-drive=sda\n", [2], id="boot-drive"),
    pytest.param("clearpart --list=sda1,sda2\n", [1], id="list"),
    pytest.param("ignoredisk --drives=/dev/sdb\n", [1], id="ignored"),
    pytest.param("volgroup vg sda2\n", [1], id="group"),
    pytest.param("mount /dev/sda1 /boot\n", [1], id="mount"),
    pytest.param(f"ignoredisk --only-use={DISK}\nclearpart --drives=disk/by-path/pci-1 --all\n", [], id="links"),
    pytest.param("volgroup vg pv.01\nraid / --device=md0 --level=1 raid.1 raid.2\n", [], id="members"),
    pytest.param("part / --ondisk=mapper/mpatha --size=900\n", [], id="multipath"),
]


@pytest.mark.parametrize(("text", "expected"), NAMES)
def test_names_of_the_kernel(text: str, expected: list[int]) -> None:
    assert lines(text, "disk-by-kernel-name") == expected


def test_names_of_the_kernel_on_a_node() -> None:
    text = SMALL.replace(DISK, "sda").replace("part /boot", "part /boot --ondisk=sda")
    assert len(lines(text, "disk-by-kernel-name")) == 3


ISCSI = "iscsiname iqn.2024-01.com.example:init\niscsi --ipaddr=10.0.0.9 --target=iqn.2024-01.com.example:t0\n"
NETWORK = [
    *(pytest.param(f"ignoredisk --only-use={name}\n{ISCSI}", [1], id=name) for name in
      ("/dev/disk/by-id/scsi-36001405aaaa", "disk/by-id/wwn-0x6001405aaaa", "disk/by-id/dm-uuid-mpath-36001405aaaa",
       "/dev/disk/by-path/ip-10.0.0.9:3260-iscsi-iqn.2024-01.com.example:t0-lun-0")),
    *(pytest.param(f"ignoredisk --only-use={name}\n{ISCSI}", [], id=name) for name in
      ("sda", DISK, "disk/by-id/ata-A", "/dev/disk/by-path/pci-0000:00:1f.2-ata-1")),
    pytest.param(f"{ISCSI}ignoredisk --only-use=/dev/disk/by-id/scsi-36001405aaaa\n", [], id="after"),
    pytest.param("ignoredisk --only-use=/dev/disk/by-id/scsi-36001405aaaa\n", [], id="no-iscsi"),
    pytest.param("clearpart --all --drives=disk/by-id/scsi-3600a\nfcoe --nic=eno1\n", [1], id="fcoe"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NETWORK)
def test_disks_before_the_network_brings_them(text: str, expected: list[int]) -> None:
    assert lines(text, "disk-before-network") == expected


# --- sources ---------------------------------------------------------------------------------------------------------

URL = "url --url=http://pxe.example.com/el9/\n"
SOURCES = [
    pytest.param(PLAIN.replace(URL, ""), 1, id="none"),
    *(pytest.param(PLAIN.replace(URL, line + "\n"), 0, id=line.split()[0]) for line in
      ("cdrom", "harddrive --partition=sdb1 --dir=/", "nfs --server=nfs --dir=/el9",
       "repo --name=a --baseurl=http://a.example.com/", "# boot the DVD with it", "%include /tmp/source.ks",
       "# inst.repo= is on the command line")),
    pytest.param(SMALL.replace("liveimg ", "#liveimg "), 1, id="node-without-image"),
    pytest.param("part / --size=900\n", 0, id="a-piece"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "count"), SOURCES)
def test_source(text: str, count: int) -> None:
    assert len(lines(text, "source-missing")) == count


IMAGES = [
    pytest.param("http://a/ovirt-node-ng-1.squashfs.img", True, False, id="node"),
    pytest.param("http://a/ovirt_node-4.5.squashfs.img", True, False, id="node-underscore"),
    pytest.param("http://a/redhat-virtualization-host-4.4.10-20220421.0.el8_5.squashfs.img", True, False, id="rhvh"),
    pytest.param("http://a/RHVH-4.4.squashfs.img", True, False, id="rhvh-short"),
    pytest.param("http://a/rhev-hypervisor7-ng-3.6.liveimg.squashfs", True, False, id="rhev-hypervisor"),
    pytest.param("http://a/host.squashfs.img", False, True, id="may-be-one"),
    pytest.param("http://a/LiveOS/squashfs.img", False, False, id="live-medium"),
    pytest.param("http://a/fedora-server.squashfs", False, False, id="fedora"),
    pytest.param("http://a/root.tar.xz", False, False, id="archive"),
]


@pytest.mark.parametrize(("url", "is_node", "may_be"), IMAGES)
def test_names_of_images(url: str, is_node: bool, may_be: bool) -> None:
    text = PLAIN.replace(URL, f"liveimg --url={url} --checksum={'0' * 64}\n")
    assert bool(lines(text, "imgbase-missing")) == is_node
    assert bool(lines(text, "image-may-be-node")) == may_be


@pytest.mark.parametrize(("url", "count"), [
    ("http://a/i.img", 1), ("https://a/i.img", 1), ("ftp://a/i.img", 1), ("file:///run/install/repo/i.img", 0),
    ("file:///mnt/i.img", 0),
])  # fmt: skip
def test_checksum_of_an_image(url: str, count: int) -> None:
    assert len(lines(f"liveimg --url={url}\n", "image-unchecked")) == count
    assert lines(f"liveimg --url={url} --checksum={'0' * 64}\n", "image-unchecked") == []
    assert lines(f"# node01: written by ksgen 1; change the inventory\nliveimg --url={url}\n", "image-unchecked") == []
