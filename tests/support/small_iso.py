# SPDX-License-Identifier: GPL-2.0-or-later
"""A small boot ISO, laid out as lorax lays out those of EL9 and EL10: boot records, boot entries, second stage.

With a kernel and an initramfs it boots; without it has everything else.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import node_images
from inventories import SSH_KEY

LABEL = "Small-9-4-x86_64-dvd"
# What `ksgen iso` calls the image on the ISO.
IMAGE = "ovirt-node-ng-image.squashfs.img"
# For --kickstart.
KICKSTART = f"""\
liveimg --url=file:///run/install/repo/{IMAGE}
rootpw --lock
sshkey --username=root "{SSH_KEY}"
ignoredisk --only-use=/dev/disk/by-id/wwn-0x5000c500a1b2c3d4
clearpart --all --initlabel --drives=/dev/disk/by-id/wwn-0x5000c500a1b2c3d4
autopart --type=thinp
%addon org_ovirt_node --layout=standard
%end
"""
_ISOLINUX, _SYSLINUX = Path("/usr/lib/ISOLINUX"), Path("/usr/lib/syslinux/modules/bios")
_GRUB = Path("/usr/lib/grub")
_ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
_BASIC_DATA = "EBD0A0A2-B9E5-4433-87C0-68B6B72699C7"
# Entries as lorax writes them, x86/isolinux.cfg and x86/grub2-efi.cfg; the serial port is for those who read along.
_ISOLINUX_CFG = """\
serial 0 115200
default {default}
timeout 10
prompt 0
label linux
  menu label ^Install Small 9
  kernel vmlinuz
  append initrd=initrd.img inst.stage2=hd:LABEL={label} {more}quiet
label check
  menu label Test this ^media & install Small 9
  menu default
  kernel vmlinuz
  append initrd=initrd.img inst.stage2=hd:LABEL={label} rd.live.check {more}quiet
label rescue
  menu label ^Rescue a Small system
  kernel vmlinuz
  append initrd=initrd.img inst.stage2=hd:LABEL={label} inst.rescue {more}quiet
label local
  menu label Boot from ^local drive
  localboot 0xffff
"""
_GRUB_CFG = """\
set default="{number}"
set timeout=1
search --no-floppy --set=root -l '{label}'

menuentry 'Install Small 9' --class fedora --class gnu-linux {{
\tlinux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL={label} {more}quiet
\tinitrd /images/pxeboot/initrd.img
}}
menuentry 'Test this media & install Small 9' --class fedora --class gnu-linux {{
\tlinux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL={label} rd.live.check {more}quiet
\tinitrd /images/pxeboot/initrd.img
}}
submenu 'Troubleshooting -->' {{
\tmenuentry 'Rescue a Small system' --class fedora --class gnu-linux {{
\t\tlinux /images/pxeboot/vmlinuz inst.stage2=hd:LABEL={label} inst.rescue {more}quiet
\t\tinitrd /images/pxeboot/initrd.img
\t}}
}}
"""
_GRUB_MODULES = (
    *("normal", "configfile", "fat", "iso9660", "part_gpt", "part_msdos", "search", "search_label", "linux", "serial"),
    *("terminal", "echo", "test", "gzio"),
)
# The installer's root, as far as somebody looks at it.
STAGE2_FILES = {
    "/etc/os-release": 'ID="almalinux"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\nPRETTY_NAME="AlmaLinux 9.4"\n',
    "/.buildstamp": "[Main]\nProduct=AlmaLinux\nVersion=9.4\n",
    "/etc/anaconda/product.d/almalinux.conf": "[Product]\nproduct_name = AlmaLinux\n\n[Base Product]\n"
    "product_name = Red Hat Enterprise Linux\n\n[Bootloader]\nefi_dir = almalinux\n",
    "/etc/anaconda/product.d/rhel.conf": "[Product]\nproduct_name = Red Hat Enterprise Linux\n\n"
    "[Bootloader]\nefi_dir = redhat\n",
}


@dataclasses.dataclass(frozen=True)
class Small:
    """`style` is nine: isolinux, and the file system for UEFI a file of the ISO; or ten: GRUB, and a partition.

    `entry_label` is what boot entries name, `more` further arguments in each; `default` is the entry that starts, linux
    or check. `files` are put on the ISO besides, None takes one away.
    """

    style: str = "nine"
    label: str = LABEL
    entry_label: str | None = None
    more: str = ""
    default: str = "check"
    kernel: bytes = b"a kernel"
    initrd: bytes = b"an initramfs"
    stage2: Mapping[str, str | None] = dataclasses.field(default_factory=lambda: dict(STAGE2_FILES))
    files: Mapping[str, bytes | Path | None] = dataclasses.field(default_factory=dict)


def make(place: Path, small: Small = Small()) -> Path:
    """Write the ISO into the file `place`."""
    tree = place.with_name(f"{place.name}.boot")
    shutil.rmtree(tree, ignore_errors=True)
    for directory in ("images/pxeboot", "EFI/BOOT"):
        (tree / directory).mkdir(parents=True)
    (tree / "images/pxeboot/vmlinuz").write_bytes(small.kernel)
    (tree / "images/pxeboot/initrd.img").write_bytes(small.initrd)
    (tree / "images/install.img").write_bytes(_stage2(tuple(small.stage2.items())))
    words = {
        "label": re.sub(r"[^A-Za-z0-9_.-]", lambda found: f"\\x{ord(found[0]):02x}", small.entry_label or small.label),
        "more": small.more,
        "default": small.default,
        "number": ("linux", "check").index(small.default),
    }
    (tree / "EFI/BOOT/grub.cfg").write_text(_GRUB_CFG.format(**words))
    (tree / "EFI/BOOT/BOOTX64.EFI").write_bytes(_grub("x86_64-efi", "/EFI/BOOT"))
    esp = place.with_name(f"{place.name}.esp")
    _fat(esp, tree / "EFI")
    options = _nine(tree, esp, words) if small.style == "nine" else _ten(tree, esp, words)
    for name, content in small.files.items():
        (tree / name).unlink(missing_ok=True)
        if content is not None:
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Path):
                shutil.copy(content, tree / name)
            else:
                (tree / name).write_bytes(content)
    node_images.run(
        "xorriso", "-no_rc", "-as", "mkisofs", "-quiet", "-R", "-J", "-V", small.label, "-o", str(place), *options,
        str(tree),
    )  # fmt: skip
    shutil.rmtree(tree)
    return place


@functools.cache
def _stage2(files: tuple[tuple[str, str | None], ...]) -> bytes:
    with tempfile.TemporaryDirectory() as name:
        root = node_images.tree(Path(name, "root"), dict(files), {})
        return node_images.squashfs(Path(name, "image"), root, "-comp", "xz").read_bytes()


def _fat(path: Path, content: Path) -> None:
    """What lorax's mkefiboot makes: a FAT with EFI/ in it, hardly larger than that."""
    size = sum(file.stat().st_size for file in content.rglob("*") if file.is_file())
    with path.open("wb") as file:
        file.truncate(-(-size // 2**20) * 2**20 + 2**20)
    node_images.run("mkfs.vfat", "-n", "ANACONDA", str(path))
    node_images.run("mcopy", "-s", "-i", str(path), str(content), "::/")


@functools.cache
def _grub(platform: str, prefix: str, *modules: str) -> bytes:
    directory = _GRUB / platform.removesuffix("-eltorito")
    assert directory.is_dir(), f"no {directory}; .ci/system-packages has its package"
    with tempfile.TemporaryDirectory() as name:
        image = Path(name, "image")
        node_images.run("grub-mkimage", "-O", platform, "-p", prefix, "-o", str(image), *_GRUB_MODULES, *modules)
        return image.read_bytes()


def _nine(tree: Path, esp: Path, words: Mapping[str, object]) -> tuple[str, ...]:
    (tree / "isolinux").mkdir()
    for source in (_ISOLINUX / "isolinux.bin", _SYSLINUX / "ldlinux.c32"):
        shutil.copy(source, tree / "isolinux")
    for name in ("vmlinuz", "initrd.img"):
        (tree / "isolinux" / name).hardlink_to(tree / "images/pxeboot" / name)
    (tree / "isolinux/isolinux.cfg").write_text(_ISOLINUX_CFG.format(**words))
    shutil.move(esp, tree / "images/efiboot.img")
    return (
        *("-isohybrid-mbr", str(_ISOLINUX / "isohdpfx.bin"), "-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat"),
        *("-no-emul-boot", "-boot-load-size", "4", "-boot-info-table", "-eltorito-alt-boot"),
        *("-e", "images/efiboot.img", "-no-emul-boot", "-isohybrid-gpt-basdat"),
    )


def _ten(tree: Path, esp: Path, words: Mapping[str, object]) -> tuple[str, ...]:
    (tree / "boot/grub2").mkdir(parents=True)
    # It finds its file on the disc, or on the stick, by the label of the volume.
    (tree / "boot/grub2/grub.cfg").write_text("serial --unit=0 --speed=115200\n" + _GRUB_CFG.format(**words))
    (tree / "images/eltorito.img").write_bytes(_grub("i386-pc-eltorito", "/boot/grub2", "biosdisk"))
    return (
        *("--grub2-mbr", str(_GRUB / "i386-pc/boot_hybrid.img"), "-partition_offset", "16", "-appended_part_as_gpt"),
        *("-append_partition", "2", _ESP, str(esp), "-iso_mbr_part_type", _BASIC_DATA),
        *("-c", "boot.cat", "--boot-catalog-hide", "-b", "images/eltorito.img", "-no-emul-boot"),
        *("-boot-load-size", "4", "-boot-info-table", "--grub2-boot-info", "-eltorito-alt-boot"),
        *("-e", "--interval:appended_partition_2:all::", "-no-emul-boot"),
    )
