# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a boot ISO: an installer that firmware boots, as lorax creates it."""

from __future__ import annotations

import dataclasses
import os
import re
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

from ksgen.media import stage2
from ksgen.media.filesystem import FileSource, FileSystem, Source, Unreadable, exactly
from ksgen.media.iso9660 import BIOS, SECTOR, UEFI, BootImage, Iso9660
from ksgen.media.stage2 import Stage2
from ksgen.media.treeinfo import STAGE2, STAGE2_LAST
from ksgen.problems import Finding

PRODUCT, UPDATES = "/images/product.img", "/images/updates.img"
_KERNEL = ("/images/pxeboot/vmlinuz", "/images/pxeboot/initrd.img")
# Boot loader configurations: isolinux and GRUB of EL9 and EL10 for BIOS, and the fallback of the UEFI boot loader.
_CONFIGS = (
    "/isolinux/isolinux.cfg",
    "/isolinux/grub.conf",
    "/boot/grub2/grub.cfg",
    "/boot/grub/grub.cfg",
    "/EFI/BOOT/grub.cfg",
    "/EFI/BOOT/BOOT.conf",
)
# The same, inside the EFI boot image.
_EFI_CONFIGS = ("/EFI/BOOT/grub.cfg", "/EFI/BOOT/BOOT.conf")
ARCHES = {"BOOTX64.EFI": "x86_64", "BOOTAA64.EFI": "aarch64"}
_EFI_PLACES = ("/images", "/isolinux", "/boot", "/EFI/BOOT")
_DISK_SECTOR = 512  # bytes, the unit of partition tables
_PARTITIONS = 128  # of a table; UEFI's minimum
_STAGE2 = re.compile(r"\binst\.stage2=(hd:(?:CD)?LABEL=([^\s:]+))")
_ESCAPED = re.compile(r"\\{1,2}x([0-9A-Fa-f]{2})")  # as udev writes a character of a label
_WHAT = "an installer's boot ISO, such as AlmaLinux-9-latest-x86_64-boot.iso"


@dataclasses.dataclass(frozen=True)
class Config:
    """A boot loader configuration; `path` is on the ISO, or in the EFI boot image."""

    path: str
    text: str
    is_in_efi_image: bool = False


@dataclasses.dataclass(frozen=True)
class EfiImage:
    """The file system that UEFI boots from: a file of the ISO, or a partition after its files.

    `partition` is its number in the partition table, and its type in xorriso's notation.
    """

    offset: int
    size: int
    path: str | None
    partition: tuple[int, str] | None


@dataclasses.dataclass(frozen=True)
class BootIso:
    """The contents of a boot ISO.

    `product` and `updates` are existing images, `arches` the architectures of its UEFI boot loaders. `stage2` is None
    if there is no installer, or if it cannot be read.
    """

    path: Path
    size: int
    label: str
    has_joliet: bool
    boot_images: tuple[BootImage, ...]
    efi_image: EfiImage | None
    configs: tuple[Config, ...]
    product: bytes | None
    updates: bytes | None
    arches: frozenset[str]
    has_installer: bool
    stage2: Stage2 | None


def read_boot_iso(path: Path) -> tuple[BootIso | None, tuple[Finding, ...]]:
    """The boot ISO in a file, and its problems; None if it cannot be read. Raises OSError."""
    with open(path, "rb") as file:
        source = FileSource(file)
        try:
            iso = Iso9660(source)
            return _look(path, source, iso), ()
        except Unreadable as error:
            return None, (Finding("iso-unreadable", str(error), hint=f"use {_WHAT}"),)


def check_boot_iso(boot: BootIso) -> Iterator[Finding]:
    """Why an ISO cannot boot an installer."""
    platforms = {image.platform for image in boot.boot_images}
    if not platforms & {BIOS, UEFI}:
        yield Finding("iso-not-bootable", "has no boot image for BIOS or UEFI", hint=f"use {_WHAT}")
    elif missing := [name for name, platform in (("BIOS", BIOS), ("UEFI", UEFI)) if platform not in platforms]:
        yield Finding("iso-firmware", f"does not boot on machines with {missing[0]}", "warning")
    if not boot.has_installer:
        message = f"has no installer: no {STAGE2}, no {STAGE2_LAST}, or no kernel for it"
        yield Finding("iso-no-installer", message, hint=f"use {_WHAT}")
    elif boot.stage2 is None:
        message = "its stage 2 cannot be read, so it is unknown whether it matches the image"
        yield Finding("iso-installer-unread", message, "warning")
    named = {label for config in boot.configs for label in labels(config.text)}
    if not named:
        message = "has no boot entry with inst.stage2=hd:LABEL=, which locates stage 2 and the add-on"
        yield Finding("iso-no-entry", message, hint=f"use {_WHAT}")
    for label in sorted(named - {boot.label}):
        message = (
            f"its boot entries name the volume label {label!r}, but it has the label {boot.label!r}: they do not boot"
        )
        yield Finding("iso-label", message, hint="use the ISO as its distribution publishes it")


def labels(text: str) -> tuple[str, ...]:
    """The volume labels that the entries of a boot loader configuration name for stage 2."""
    return tuple(_ESCAPED.sub(lambda code: chr(int(code[1], 16)), found[2]) for found in _STAGE2.finditer(text))


def medium(line: str) -> str | None:
    """The device of stage 2 in a boot entry's line (`hd:LABEL=…`)."""
    found = _STAGE2.search(line)
    return found[1] if found else None


def mtools(*command: str) -> subprocess.CompletedProcess[str]:
    """Run one of the mtools, without user settings."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "MTOOLS_SKIP_CHECK": "1", "MTOOLSRC": os.devnull}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def _look(path: Path, source: Source, iso: Iso9660) -> BootIso:
    efi = next((image for image in iso.boot_images if image.platform == UEFI), None)
    efi_image = _efi_image(source, iso, efi) if efi else None
    configs = [Config(name, text) for name in _CONFIGS if (text := iso.text(name)) is not None]
    if efi_image is not None:
        configs += _efi_configs(path, efi_image)
    found = next((file for name in (STAGE2, STAGE2_LAST) if (file := iso.find(name)) is not None), None)
    return BootIso(
        path=path,
        size=source.size,
        label=iso.label,
        has_joliet=iso.has_joliet,
        boot_images=iso.boot_images,
        efi_image=efi_image,
        configs=tuple(configs),
        product=_bytes(iso, PRODUCT),
        updates=_bytes(iso, UPDATES),
        arches=frozenset(ARCHES[name] for file in iso.names("/EFI/BOOT") if (name := file.upper()) in ARCHES),
        has_installer=found is not None and all(iso.find(name) for name in _KERNEL),
        stage2=_stage2(iso.content(found)) if found else None,
    )


def _stage2(source: Source) -> Stage2 | None:
    try:
        return stage2.read(source)
    except Unreadable:
        return None


def _bytes(root: FileSystem, path: str) -> bytes | None:
    found = root.find(path)
    return root.content(found).read(0, found.size) if found is not None and found.is_file else None


def _efi_configs(path: Path, efi_image: EfiImage) -> Iterator[Config]:
    for name in _EFI_CONFIGS:
        done = mtools("mtype", "-i", f"{path}@@{efi_image.offset}", f"::{name}")
        if done.returncode == 0:
            yield Config(name, done.stdout, is_in_efi_image=True)


def _efi_image(source: Source, iso: Iso9660, boot_image: BootImage) -> EfiImage:
    offset = boot_image.sector * SECTOR
    for directory in _EFI_PLACES:
        for name in iso.names(directory):
            path = f"{directory}/{name}"
            found = iso.find(path)
            if found is not None and found.is_file and found.place == boot_image.sector:
                return EfiImage(offset, found.size, path, None)
    return EfiImage(offset, _fat_size(source.read(offset, _DISK_SECTOR)), None, _partition(source, offset))


def _fat_size(head: bytes) -> int:
    """Bytes of a FAT file system, by its BIOS parameter block."""
    if len(head) < _DISK_SECTOR or head[510:512] != b"\x55\xaa":
        raise Unreadable("has no FAT file system in its EFI boot image")
    (unit,) = struct.unpack_from("<H", head, 11)
    return int(unit * (struct.unpack_from("<H", head, 19)[0] or struct.unpack_from("<I", head, 32)[0]))


def _partition(source: Source, offset: int) -> tuple[int, str] | None:
    """The number and type of the partition that begins at this offset."""
    found = (
        (number, kind) for number, kind, sector in (_gpt(source) or _mbr(source)) if sector * _DISK_SECTOR == offset
    )
    return next(found, None)


def _gpt(source: Source) -> list[tuple[int, str, int]]:
    """Number, type and first sector of the partitions (UEFI specification, 5.3); empty without a GPT."""
    head = exactly(source, _DISK_SECTOR, _DISK_SECTOR)
    if head[:8] != b"EFI PART":
        return []
    table, count, length = struct.unpack_from("<Q2I", head, 72)
    entries = [source.read(table * _DISK_SECTOR + n * length, 128) for n in range(min(count, _PARTITIONS))]
    return [
        (n, entry[:16].hex(), struct.unpack_from("<Q", entry, 32)[0])
        for n, entry in enumerate(entries, 1)
        if len(entry) == 128
    ]


def _mbr(source: Source) -> list[tuple[int, str, int]]:
    """The same for an MBR partition table."""
    entries = [exactly(source, 446 + 16 * n, 16) for n in range(4)]
    return [(n, hex(entry[4]), struct.unpack_from("<I", entry, 8)[0]) for n, entry in enumerate(entries, 1)]
