# SPDX-License-Identifier: GPL-2.0-or-later
"""The ISO of `ksgen iso` boots, as a disc and a stick, with either firmware, and has everything where Anaconda looks.

A small boot ISO stands in for EL's: its initramfs does what dracut's anaconda module does before Anaconda starts, finds
the medium by the label on the command line, unpacks product.img, fetches the kickstart, and tells what it found.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import node_images
import pytest
import small_iso
from command import CliRunner
from small_iso import KICKSTART, LABEL, Small

from ksgen.cli import main
from lab.machine import Disk, Machine, run
from lab.medium import FIND_MEDIUM
from lab.root import Kernel, initramfs
from lab.root import run as run_program

pytestmark = pytest.mark.lab

_MODULES = ["virtio_pci", "ata_piix", "ahci", "sr_mod", "sd_mod", "xhci-pci", "usb-storage", "isofs", "nls_utf8"]
_END = "iso: the end"
_INIT = f"""\
{FIND_MEDIUM}repo=/run/install/repo
mkdir -p $repo /updates && mount -t iso9660 -o ro "$device" $repo
echo "iso: cmdline $(cat /proc/cmdline)"
echo "iso: device $device"
[ -e $repo/images/install.img ] && echo "iso: stage2 is there"
(cd /updates && zcat $repo/images/product.img | cpio -idm)
defaults=/updates/usr/share/anaconda/interactive-defaults.ks
[ -e /updates/usr/share/anaconda/addons/org_ovirt_node/layout/planning.py ] && echo "iso: the add-on is there"
[ -z "$ks" ] || cp $repo$ks /run/install/ks.cfg
for file in /run/install/ks.cfg $defaults; do
    [ -e $file ] || continue
    echo "iso: kickstart $file"
    url=$(sed -n 's|^liveimg.*--url=file://\\([^ ]*\\).*|\\1|p' $file)
    echo "iso: image $(sha256sum "$url")"
done
grep -A1 squashfs $repo/ovirt-node.json | grep sha256
echo "{_END}"
poweroff -f
"""


class Isos:
    """The boot ISOs, and what `ksgen iso` makes of them, each once."""

    def __init__(self, place: Path, kernel: Kernel) -> None:
        self._place, self._kernel = place, kernel
        initrd = initramfs(kernel.modules, kernel.version, place / "initrd.img", _INIT, _MODULES)
        self._initrd = initrd.read_bytes()
        self.image = node_images.nested(place / "node.squashfs.img", None, "-comp", "xz")
        (place / "node.ks").write_text(KICKSTART)

    def node(self, style: str, *options: str) -> Path:
        """The ISO of a node on a boot ISO of that style."""
        boot, made = self._place / f"{style}.iso", self._place / f"{style}-{len(options)}-node.iso"
        if not boot.exists():
            vmlinuz = self._kernel.vmlinuz.read_bytes()
            small = Small(style=style, kernel=vmlinuz, initrd=self._initrd, more="console=ttyS0 panic=-1 ")
            small_iso.make(boot, small)
        if not made.exists():
            arguments = ["iso", "--boot-iso", str(boot), "--image", str(self.image), "-o", str(made), *options]
            done = CliRunner().invoke(main, arguments)
            assert done.exit_code == 0, done.output
        return made

    @property
    def kickstart(self) -> tuple[str, str]:
        return "--kickstart", str(self._place / "node.ks")


@pytest.fixture(scope="module")
def isos(tmp_path_factory: pytest.TempPathFactory, kernel: Kernel) -> Isos:
    return Isos(tmp_path_factory.mktemp("iso"), kernel)


def _boot(iso: Path, firmware: str, medium: str) -> list[str]:
    """What the initramfs told."""
    if medium == "disc":
        machine = Machine(firmware=firmware, boot="cdrom", cdrom=iso)
    else:
        more = ("bootindex=1",)
        machine = Machine(firmware=firmware, disks=(Disk(iso, bus="usb", is_read_only=True, more=more),))
    result = run(machine, timeout=60, until=_END)
    assert result.has_ended, result.console
    return [line.partition("iso: ")[2] for line in result.console.splitlines() if "iso: " in line]


@pytest.mark.parametrize("medium", ["disc", "stick"])
@pytest.mark.parametrize("firmware", ["bios", "uefi"])
@pytest.mark.parametrize("style", ["nine", "ten"])
def test_asks_at_the_screen(isos: Isos, style: str, firmware: str, medium: str) -> None:
    told = _boot(isos.node(style), firmware, medium)
    words = told[0].split()
    assert words[0] == "cmdline"
    assert f"inst.stage2=hd:LABEL={LABEL}" in words
    assert "rd.live.check" in words  # EL's default entry, which the implanted checksum answers
    assert not [word for word in words if word.startswith("inst.ks")]
    assert told[1].startswith("device /dev/sr" if medium == "disc" else "device /dev/sd")
    assert told[2:5] == [
        "stage2 is there",
        "the add-on is there",
        "kickstart /updates/usr/share/anaconda/interactive-defaults.ks",
    ]
    assert told[5].split()[1] == hashlib.sha256(isos.image.read_bytes()).hexdigest()


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
@pytest.mark.parametrize("style", ["nine", "ten"])
def test_installs_by_its_kickstart(isos: Isos, style: str, firmware: str) -> None:
    told = _boot(isos.node(style, *isos.kickstart), firmware, "disc")
    assert f"inst.ks=hd:LABEL={LABEL}:/ovirt-node.ks" in told[0].split()
    assert told[2:5] == ["stage2 is there", "the add-on is there", "kickstart /run/install/ks.cfg"]
    assert told[5].split()[1] == hashlib.sha256(isos.image.read_bytes()).hexdigest()


def test_media_check_of_the_installer_is_content(isos: Isos) -> None:
    for style in ("nine", "ten"):
        run_program("checkisomd5", isos.node(style))


def test_manifest_names_what_is_there(isos: Isos, tmp_path: Path) -> None:
    made = isos.node("nine", *isos.kickstart)
    node_images.run("xorriso", "-no_rc", "-osirrox", "on", "-indev", str(made), "-extract", "/", str(tmp_path / "all"))
    files = json.loads((tmp_path / "all/ovirt-node.json").read_text())["files"]
    sums = {name: hashlib.sha256((tmp_path / "all" / name).read_bytes()).hexdigest() for name in files}
    assert sums == {name: entry["sha256"] for name, entry in files.items()}
