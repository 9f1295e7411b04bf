# SPDX-License-Identifier: GPL-2.0-or-later
"""A small ISO that boots one kernel, for the virtual media of a controller: everything else is fetched over http.

UEFI boots from a FAT image on it (El Torito, platform 0xEF; UEFI 2.10, 13.3.2.1), BIOS with ISOLINUX.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

from ksgen import media
from ksgen.iso.isowriter import NotWritten, Progress, last_line, run, workplace
from ksgen.problems import Finding

# GRUB finds the medium by its label. ECMA-119, 8.4.7: capitals, digits and the underscore.
LABEL = "KSGEN_BOOT"
_EFI_IMAGE, _ISOLINUX = "efi.img", "isolinux/isolinux.bin"
_SECTOR = 512  # bytes, of a FAT image
_ROOM = 1 << 20  # bytes of a FAT image besides its files: tables and directories
_PUBLIC = 0o644  # the controller fetches it without authentication, as it would fetch boot files

Content = Path | bytes


@dataclasses.dataclass(frozen=True)
class BootMedium:
    """What is on the ISO, by path without a slash in front: `files` on the ISO itself, `efi` in the image of UEFI.

    Without `efi` it is not for UEFI; for BIOS it is if it has ISOLINUX.
    """

    files: Mapping[str, Content]
    efi: Mapping[str, Content]

    @property
    def has_bios(self) -> bool:
        return _ISOLINUX in self.files

    @property
    def size(self) -> int:
        """Approximately, in bytes."""
        return sum(map(_size, (*self.files.values(), *self.efi.values()))) + _ROOM


def write_medium(medium: BootMedium, output: Path, progress: Progress) -> None:
    """Write it, completely or not at all. Raises NotWritten, and OSError."""
    with workplace(output) as work:
        made = work / "iso"
        sources = dict(_sources(medium.files, work, "file"))
        if medium.efi:
            sources[_EFI_IMAGE] = work / _EFI_IMAGE
            _write_fat(sources[_EFI_IMAGE], dict(_sources(medium.efi, work, "efi")))
        run(["xorriso", *_arguments(medium, sources, made)], work / "log", made, medium.size, progress)
        os.chmod(made, _PUBLIC)
        os.replace(made, output)


def _size(content: Content) -> int:
    return content.stat().st_size if isinstance(content, Path) else len(content)


def _sources(files: Mapping[str, Content], work: Path, prefix: str) -> list[tuple[str, Path]]:
    """Where each file is read from: texts are written down first."""
    found = []
    for number, (path, content) in enumerate(files.items()):
        source = content if isinstance(content, Path) else work / f"{prefix}{number}"
        if isinstance(content, bytes):
            source.write_bytes(content)
        found.append((path, source))
    return found


def _write_fat(image: Path, files: Mapping[str, Path]) -> None:
    size = sum(source.stat().st_size for source in files.values()) + _ROOM
    tracks = ["-h", "64", "-s", "32"]  # a geometry of disks, as there is none for this size of floppies
    _mtools("mformat", "-C", "-i", str(image), *tracks, "-T", str(-(-size // _SECTOR)), "::")
    directories = {str(parent) for path in files for parent in Path(path).parents} - {"."}
    for directory in sorted(directories):
        _mtools("mmd", "-i", str(image), f"::{directory}")
    for path, source in files.items():
        _mtools("mcopy", "-i", str(image), str(source), f"::{path}")


def _mtools(*command: str) -> None:
    done = media.mtools(*command)
    if done.returncode:
        message = f"{command[0]} exited with {done.returncode}: {last_line(done.stderr)}"
        raise NotWritten(Finding("iso-efi-image", message))


def _arguments(medium: BootMedium, sources: Mapping[str, Path], made: Path) -> list[str]:
    """The arguments of xorriso (its man page: -boot_image)."""
    arguments = ["-no_rc", "-abort_on", "FAILURE", "-outdev", f"stdio:{made}", "-volid", LABEL, "-joliet", "on"]
    for path, source in sources.items():
        arguments += ["-map", str(source), f"/{path}", "-chmod", "0444", f"/{path}", "--"]
    arguments += ["-chown_r", "0", "/", "--", "-chgrp_r", "0", "/", "--"]
    if medium.has_bios:
        arguments += [
            "-boot_image",
            "isolinux",
            f"bin_path=/{_ISOLINUX}",
            "-boot_image",
            "isolinux",
            "boot_info_table=on",
        ]
        arguments += ["-boot_image", "any", "next"] if medium.efi else []
    if medium.efi:
        arguments += ["-boot_image", "any", f"efi_path=/{_EFI_IMAGE}"]
    return [*arguments, "-commit", "-end"]
