# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine boots from, and the arguments of its kernel: faults that are found, and near misses that are none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ksgen.grammar import ksfile
from ksgen.lint import Linter

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))

from check_examples import PLAIN, SMALL

LINTERS = {release: Linter(release) for release in ("el9", "el10")}
DRIVE = "/dev/disk/by-id/wwn-0x5000000000000001"


def found(text: str, code: str, release: str = "el9") -> list[str]:
    """The severities of the findings of a code."""
    problems = LINTERS[release].lint(ksfile.include("x.ks", text, str))
    return [problem.severity for problem in problems if problem.code == code]


def plain(good: str, bad: str, base: str = PLAIN) -> str:
    assert good in base
    return base.replace(good, bad, 1)


PARTITIONS = [
    pytest.param(plain("reqpart\n", ""), "el9", ["warning"], id="none"),
    pytest.param(plain("reqpart\n", "part biosboot --size=1\n"), "el9", [], id="biosboot"),
    pytest.param(plain("reqpart\n", "part None --fstype='BIOS Boot' --size=1\n"), "el9", [], id="biosboot-by-name"),
    pytest.param(plain("reqpart\n", "part /boot/efi --fstype=efi --size=600\n"), "el9", [], id="esp"),
    pytest.param(plain("reqpart\n", "part /efi --fstype=efi --size=600\n"), "el9", ["warning"], id="esp-elsewhere"),
    pytest.param(plain("reqpart\n", "part /boot/efi --onpart=sda1 --noformat\n"), "el9", [], id="esp-of-before"),
    pytest.param(plain("reqpart\n", "part None --fstype='PPC PReP Boot' --size=8\n"), "el9", [], id="prep"),
    pytest.param(plain("reqpart\n", "").replace("--initlabel", "--initlabel --disklabel=msdos"), "el9", [], id="msdos"),
    pytest.param(plain("reqpart\n", "reqpart --add-boot\n"), "el9", [], id="reqpart-with-boot"),
    pytest.param(plain("reqpart\n", "").replace("--timeout=5", "--disabled"), "el9", [], id="no-boot-loader"),
    pytest.param(plain("reqpart\n", "", SMALL), "el9", ["warning"], id="node-el9-may-be-bios"),
    pytest.param(plain("reqpart\n", "", SMALL), "el10", ["error"], id="node-el10"),
    pytest.param("part /boot --size=1024\n", "el9", [], id="a-piece"),
    pytest.param(plain("reqpart\n", "%include /tmp/parts\n") + "%pre\necho >/tmp/parts\n%end\n", "el9", [],
                 id="more-is-included"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "release", "expected"), PARTITIONS)
def test_partition_of_the_firmware(text: str, release: str, expected: list[str]) -> None:
    assert found(text, "boot-partition-missing", release) == expected


BOOT = "part /boot --fstype=xfs --size=1024\n"
MIRROR = (
    "part raid.1 --size=1024\npart raid.2 --size=1024\nraid /boot --device=boot --level={} --fstype=xfs raid.1 raid.2\n"
)
UNREADABLE = [
    *(pytest.param(plain("--fstype=xfs --size=1024", f"--fstype={name} --size=1024"), 0, id=name)
      for name in ("xfs", "ext4", "ext3", "ext2")),
    *(pytest.param(plain("--fstype=xfs --size=1024", f"--fstype={name} --size=1024"), 1, id=name)
      for name in ("vfat", "efi", "f2fs", "swap")),
    pytest.param(plain(BOOT, ""), 1, id="in-a-volume-group"),
    pytest.param(plain(BOOT, "").replace("reqpart", "reqpart --add-boot"), 0, id="by-reqpart"),
    pytest.param(plain(BOOT, "logvol /boot --vgname=system --name=boot --size=1024\n"), 1, id="volume"),
    pytest.param(plain(BOOT, "part /boot --size=1024 --encrypted --passphrase=Secret.123\n"), 1, id="encrypted"),
    pytest.param(plain(BOOT, "part /boot --onpart=sda2 --noformat\n"), 0, id="there-already"),
    pytest.param(plain(BOOT, MIRROR.format(1)), 0, id="mirror"),
    pytest.param(plain(BOOT, MIRROR.format(5)), 0, id="raid5"),
    pytest.param(plain(BOOT, "").replace("--timeout=5", "--disabled"), 0, id="no-boot-loader"),
    pytest.param(plain("/boot --fstype=xfs --size=2048", "/boot --fstype=vfat --size=2048", SMALL), 1, id="node"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "count"), UNREADABLE)
def test_boot_that_grub_cannot_read(text: str, count: int) -> None:
    assert len(found(text, "boot-unreadable")) == count


ESP = (
    "part raid.1 --size=600\npart raid.2 --size=600\nraid /boot/efi --device=efi --level={} --fstype={} raid.1 raid.2\n"
)
ESPS = [
    pytest.param(ESP.format(1, "efi"), [], id="mirror"),
    pytest.param(ESP.format("RAID1", "'EFI System Partition'"), [], id="mirror-by-name"),
    pytest.param(ESP.format(0, "efi"), ["error"], id="stripes"),
    pytest.param(ESP.format(1, "vfat"), ["error"], id="vfat"),
    pytest.param("part /boot/efi --fstype=vfat --size=600\n", [], id="of-a-partition-the-type-is-ignored"),
    pytest.param("logvol /boot/efi --vgname=system --name=efi --size=600\n", ["error"], id="volume"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), ESPS)
def test_esp_that_uefi_cannot_read(lines: str, expected: list[str]) -> None:
    assert found(plain("reqpart\n", lines), "boot-efi") == expected


LOADERS = [
    pytest.param(PLAIN, "--location=none", ["warning"], id="none"),
    pytest.param(PLAIN, "--disabled", [], id="disabled-on-purpose"),
    pytest.param(PLAIN, "--location=mbr", [], id="mbr"),
    pytest.param(SMALL, "--location=none", ["error"], id="node-none"),
    pytest.param(SMALL, "--disabled", ["error"], id="node-disabled"),
    pytest.param(PLAIN.replace("@core", "@core\ndracut-live"), "--location=none", [], id="live-medium"),
    pytest.param(PLAIN.replace("@core", "@core\n-kernel"), "--location=none", [], id="container"),
]


@pytest.mark.parametrize(("base", "option", "expected"), LOADERS)
def test_boot_loader(base: str, option: str, expected: list[str]) -> None:
    assert found(plain("--timeout=5", option, base), "boot-loader-none") == expected


DRIVES = [
    *(pytest.param(drive, ["warning"], id=drive) for drive in
      (DRIVE, "disk/by-id/scsi-36001405aaaa", "disk/by-id/scsi-1IBM_IPR-0_5EDF", "/dev/disk/by-id/wwn-0x6001*")),
    *(pytest.param(drive, [], id=drive) for drive in
      ("disk/by-id/ata-Disk_1", "/dev/disk/by-id/dm-uuid-mpath-36001", "/dev/disk/by-path/pci-0000:00:1f.2-ata-1",
       "/dev/disk/by-id/scsi-0QEMU_QEMU_HARDDISK_1", "/dev/disk/by-id/nvme-eui.0011")),
]  # fmt: skip


@pytest.mark.parametrize(("drive", "expected"), DRIVES)
def test_link_of_two_paths(drive: str, expected: list[str]) -> None:
    assert found(plain("--timeout=5", f"--boot-drive={drive}"), "boot-drive-link") == expected


def test_link_of_two_paths_where_one_of_several_disks_has_to_be_named() -> None:
    text = plain(f"--only-use={DRIVE}", f"--only-use={DRIVE},/dev/disk/by-id/wwn-0x5000000000000002")
    assert found(plain("--timeout=5", f"--boot-drive={DRIVE}", text), "boot-drive-link") == []


PASSWORDS = [
    pytest.param("--iscrypted --password=grub.pbkdf2.sha512.10000.AA.BB", [], id="grub"),
    pytest.param("--iscrypted --password=$6$salt$AAAA", ["error"], id="crypt"),
    pytest.param("--iscrypted --password=Secret.123", ["error"], id="plain"),
    pytest.param("--password=Secret.123", [], id="not-said-to-be-one"),
]


@pytest.mark.parametrize(("options", "expected"), PASSWORDS)
def test_password_of_the_boot_loader(options: str, expected: list[str]) -> None:
    assert found(plain("--timeout=5", options), "boot-password") == expected


RESERVES = [
    *(pytest.param(reserve, 0, id=reserve) for reserve in
      ("256M", "256m@16M", "1G,high", "72M,low", "0", "1G-4G:192M,4G-64G:256M,64G-:512M", "2G-:256M@16M", "no",
       "512M-2G:64M,2G-:128M", "0x10000000")),
    *(pytest.param(reserve, 1, id=reserve) for reserve in
      ("auto", "256", "256MB", "16M", "4G-2G:256M", "1G-4G", "1G-4G:,4G-:256M", "1G:256M", "lots", "1G-4G:8M")),
]  # fmt: skip


@pytest.mark.parametrize(("reserve", "count"), RESERVES)
def test_reserve_for_crash_dumps(reserve: str, count: int) -> None:
    text = plain("--timeout=5", f'--append="rhgb crashkernel={reserve} quiet"')
    assert len(found(text, "crashkernel")) == count


@pytest.mark.parametrize(("line", "count"), [
    ('grubby --update-kernel=ALL --args="crashkernel=auto"', 1),
    ('grubby --update-kernel=ALL --args="crashkernel=$RESERVE"', 0),
    ("grubby --remove-args=crashkernel=auto --update-kernel=ALL", 0), ("echo crashkernel=auto", 0),
])  # fmt: skip
def test_reserve_that_a_script_sets(line: str, count: int) -> None:
    assert len(found(plain("%post --erroronfail\n", f"%post --erroronfail\n{line}\n"), "crashkernel")) == count


def test_reserve_of_an_older_release() -> None:
    assert found("#version=RHEL8\nbootloader --append=crashkernel=auto\n", "crashkernel") == []


FIPS = [
    pytest.param("--append=fips=1", "", 1, id="late"),
    pytest.param('--append="fips=1 boot=UUID=1"', "", 0, id="with-its-boot"),
    pytest.param("--append=fips=0", "", 0, id="off"),
    pytest.param("--append=fips=1", "fips-mode-setup --enable\n", 0, id="set-up"),
]


@pytest.mark.parametrize(("option", "script", "count"), FIPS)
def test_fips_of_the_installed_kernel_alone(option: str, script: str, count: int) -> None:
    text = plain("--timeout=5", option).replace("%post --erroronfail\n", f"%post --erroronfail\n{script}")
    assert len(found(text, "fips-late")) == count


SELINUX = [
    pytest.param("selinux --disabled", ["error"], id="disabled"),
    pytest.param("selinux --permissive", [], id="permissive"),
    pytest.param("selinux --enforcing", [], id="enforcing"),
    pytest.param("bootloader --append=selinux=0", ["error"], id="argument"),
]


@pytest.mark.parametrize(("line", "expected"), SELINUX)
def test_selinux_of_a_node(line: str, expected: list[str]) -> None:
    assert found(plain("bootloader --timeout=5", line, SMALL), "selinux-off") == expected
    assert found(plain("bootloader --timeout=5", line), "selinux-off") == []


@pytest.mark.parametrize(("append", "codes"), [
    ("intel_iommu=on iommu=pt", []), ("intel_iommu=on,iommu=pt", ["kernel-arg"]), ("console=ttyS0,115200n8", []),
    ("console=ttyS0,115200n8,quiet", ["kernel-arg"]), ("inst.text", ["kernel-arg-installer"]), ("net.ifnames=0", []),
])  # fmt: skip
def test_arguments_of_the_installed_kernel(append: str, codes: list[str]) -> None:
    text = plain("--timeout=5", f'--append="{append}"')
    assert [code for code in ("kernel-arg", "kernel-arg-installer") if found(text, code)] == codes
