# SPDX-License-Identifier: GPL-2.0-or-later
"""`make lab-real`, without the two files that only some have: with a small ISO, and with Anaconda's from the bench.

tests/data/lab/node.says is what the node of test_anaconda said, with UEFI and the real imgbased and nodectl.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import node_images
import pytest
import small_iso
from small_iso import Small

from ksgen.host import Host
from lab import anaconda_iso, real, root
from lab.look import WRITTEN, judge, mapped, parts
from lab.node import imgbase_source, imgbase_tar
from lab.root import NVR, Kernel, initramfs
from org_ovirt_node.programs.imgbase import NVR_FILE

IS_REAL = imgbase_source() is not None
SAID = Path(__file__).resolve().parents[1] / "data" / "lab" / "node.says"
_ESP_START, _ESP_SIZE = 2**20, 64 * 2**20  # bytes
_GRUB = """\
linux /vmlinuz console=ttyS0 quiet no_timer_check
initrd /initrd.img
boot
"""
# Says what a node says, as the script of ksgen.rehearsal.look does.
_NODE_INIT = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
stty -F /dev/ttyS1 raw -echo
cat /said >/dev/ttyS1
sleep 1
poweroff -f
"""
# Stands in for Anaconda: says that %post has begun, and leaves a disk that starts.
_INSTALLER_INIT = f"""\
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t devtmpfs dev /dev
while read -r module; do insmod "$module"; done </modules/order
grep -q 'inst.ks=hd:LABEL={small_iso.LABEL}:/ovirt-node.ks.* console=ttyS0 inst.text' /proc/cmdline || poweroff -f
mkdir /iso
for second in $(seq 60); do mount -t iso9660 -o ro /dev/sr0 /iso && break; sleep 1; done
stty -F /dev/ttyS1 raw -echo
sed -n "s/^echo '\\(%post has begun\\)'.*/\\1/p" /iso/ovirt-node.ks >/dev/ttyS1
zcat /disk.gz >/dev/vda
sync
reboot -f
"""


def disk_of_a_node(
    kernel: Kernel, files: Mapping[str, Path], path: Path, init: str = _NODE_INIT, first: Sequence[str] = ()
) -> Path:
    """A disk that UEFI starts, with files in its root directory, and modules for its init."""

    def add(top: Path) -> None:
        for name, file in files.items():
            shutil.copy(file, top / name)

    with tempfile.TemporaryDirectory() as work:
        place = Path(work)
        shutil.copy(kernel.vmlinuz, place / "vmlinuz")
        initramfs(kernel.modules, kernel.version, place / "initrd.img", init, list(first), add)
        (place / "grub.cfg").write_text(_GRUB)
        loader = place / "BOOTX64.EFI"
        node_images.run(
            "grub-mkimage", "-O", "x86_64-efi", "-p", "/", "-c", str(place / "grub.cfg"), "-o", str(loader),
            "normal", "linux", "part_gpt", "fat", "boot",
        )  # fmt: skip
        with path.open("wb") as file:
            file.truncate(_ESP_START + _ESP_SIZE + 2**20)
        table = f"label: gpt\nstart={_ESP_START // 512}, size={_ESP_SIZE // 512}, type=uefi\n"
        subprocess.run([root.program("sfdisk"), "--quiet", path], input=table, text=True, check=True)
        esp = f"{path}@@{_ESP_START}"
        node_images.run("mformat", "-i", esp, "-F", "-T", str(_ESP_SIZE // 512), "-h", "16", "-s", "63", "::")
        node_images.run("mmd", "-i", esp, "::/EFI", "::/EFI/BOOT")
        node_images.run("mcopy", "-i", esp, str(loader), "::/EFI/BOOT/BOOTX64.EFI")
        for name in ("vmlinuz", "initrd.img"):
            node_images.run("mcopy", "-i", esp, str(place / name), f"::/{name}")
    return path


def small_boot_iso(kernel: Kernel, said: Path, directory: Path) -> Path:
    """Its installer leaves the disk of a node that says this."""
    disk = disk_of_a_node(kernel, {"said": said}, directory / "disk.raw")

    def add(top: Path) -> None:
        with (top / "disk.gz").open("wb") as file:
            subprocess.run(["gzip", "-1", "-c", disk], stdout=file, check=True)

    first = ["virtio_pci", "virtio_blk", "ahci", "sr_mod", "isofs", "nls_utf8"]
    initrd = initramfs(kernel.modules, kernel.version, directory / "initrd.img", _INSTALLER_INIT, first, add)
    small = Small(default="linux", more="panic=-1 ", kernel=kernel.vmlinuz.read_bytes(), initrd=initrd.read_bytes())
    return small_iso.make(directory / "boot.iso", small)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Only its name matters."""
    place = tmp_path_factory.mktemp("image") / "node.squashfs.img"
    return node_images.nested(place, {NVR_FILE: NVR}, "-comp", "gzip")


def test_without_the_two_files_it_says_what_they_are(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert real.main(["--boot-iso", "", "--image", ""]) == 2
    said = capfd.readouterr().err
    assert said.startswith("lab-real installs a real node: make lab-real BOOT_ISO=boot.iso IMAGE=node.squashfs.img\n")
    boot = tmp_path / "boot.iso"
    boot.touch()
    assert real.main(["--boot-iso", str(boot), "--image", "nowhere.img"]) == 2
    assert capfd.readouterr().err.startswith(f"IMAGE: {Path('nowhere.img').absolute()} is no file\nlab-real installs")


def test_what_is_no_boot_iso_is_refused_before_a_machine_starts(
    tmp_path: Path, image: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "boot.iso").write_bytes(bytes(2**20))
    assert real.main(["--boot-iso", str(tmp_path / "boot.iso"), "--image", str(image)]) == 1
    said = capfd.readouterr()
    assert "boot.iso:1:1: error:" in said.err
    assert "the installation" not in said.out


def changed(said: str, old: str, new: str) -> str:
    assert old in said
    return said.replace(old, new)


LAYER = f"{NVR}+1"
WRONG = [
    (f"You are on {LAYER}", "You are on nothing", f"the system that runs: You are on nothing, not You are on {LAYER}"),
    (f" +- {LAYER}", "", f"the layers: {NVR}, not {NVR} +- {LAYER}"),
    (f"img.bootid={LAYER}", "", "the kernel's arguments: "),
    (f'"source": "/dev/onn/{LAYER}"', '"source": "/dev/mapper/onn-root"', "on /: xfs of /dev/mapper/onn-root with "),
    (f"{WRITTEN}\n" * 4, f"{WRITTEN}\n" * 3, "what %post wrote is in the layer and on /var: 3, not 4"),
    ("Status: \x1b[32mOK", "Status: \x1b[31mFAILED", "imgbase check: Status: FAILED"),
    ('"discard_is_used": {"status": "ok"}', '"discard_is_used": {"status": "bad"}', "nodectl check: "),
    ("== boot\n507904 ", "== boot\n79 ", "bytes of /boot's file system: "),
]


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return real.kickstart("el9", "uefi", real.system_disk(tmp_path)).host


@pytest.mark.parametrize("source", [f"/dev/onn/{LAYER}", mapped("onn", LAYER)])
def test_a_good_node_is_good(host: Host, source: str) -> None:
    said = changed(SAID.read_text(), f'"source": "/dev/onn/{LAYER}"', f'"source": "{source}"')
    seen = list(judge(parts(said), host, NVR))
    assert [one for one in seen if not one.is_good] == []
    assert len(seen) > 25


@pytest.mark.parametrize(("old", "new", "wanted"), WRONG, ids=[wanted.partition(":")[0] for _, _, wanted in WRONG])
def test_what_is_wrong_is_seen(host: Host, old: str, new: str, wanted: str) -> None:
    seen = judge(parts(changed(SAID.read_text(), old, new)), host, NVR)
    wrong = [str(one) for one in seen if not one.is_good]
    assert len(wrong) == 1
    assert wrong[0].startswith(f"WRONG {wanted}")


def test_a_node_that_says_nothing_is_wrong_in_everything(host: Host) -> None:
    assert not [one for one in judge({}, host, NVR) if one.is_good]


@pytest.mark.lab
def test_small_iso(kernel: Kernel, image: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    boot = small_boot_iso(kernel, SAID, tmp_path)
    assert real.main(["--boot-iso", str(boot), "--image", str(image), "--minutes", "9"]) == 0
    said = capfd.readouterr().out
    assert f"ok    the system that runs: You are on {LAYER}\n" in said
    assert "WRONG" not in said


@pytest.mark.lab
def test_small_iso_of_an_installer_that_fails(
    kernel: Kernel, image: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """It powers off where the arguments are not those that it waits for."""
    boot = small_boot_iso(kernel, SAID, tmp_path)
    options = ["--boot-iso", str(boot), "--image", str(image), "--minutes", "9", "--append", "inst.cmdline"]
    assert real.main(options) == 1
    assert "the installation did not come to its %post; its console ends with" in capfd.readouterr().err


@pytest.mark.lab
@pytest.mark.anaconda
@pytest.mark.skipif(not anaconda_iso.ROOT.exists(), reason=anaconda_iso.NO_ROOT)
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
def test_anaconda(firmware: str, kernel: Kernel, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A whole installation by EL9's Anaconda, the add-on from the ISO; LAB_KEEP=DIR keeps what the node said."""
    boot = anaconda_iso.make(tmp_path / "boot.iso", kernel)
    image = root.live_image(imgbase_tar(), NVR, "gzip", "-Xcompression-level", "1")
    keep = Path(os.environ.get("LAB_KEEP") or tmp_path / "kept")
    options = ["--boot-iso", str(boot), "--image", str(image), "--firmware", firmware, "--keep", str(keep)]
    status = real.main(options)
    said = capfd.readouterr()
    wrong = [line for line in said.out.splitlines() if line.startswith("WRONG")]
    # The stand-in for imgbase has no checks.
    assert wrong == [] if IS_REAL else all("imgbase check" in line for line in wrong), said.out
    assert status == bool(wrong), said.err
