# SPDX-License-Identifier: GPL-2.0-or-later
"""The add-on as an image that the initramfs copies over the installer: inst.updates=, updates.img or product.img.

The image is reproducible. docs/addon.md lists and explains its contents.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import org_ovirt_node
from ksgen.addon import catalogues
from org_ovirt_node import layout

NAME = "ovirt-node-updates.img"
ADDON = Path(str(org_ovirt_node.__file__)).parent
ADDONS_PLACE = "usr/share/anaconda/addons"
# Where gettext looks by itself, in Python as in GTK.
TRANSLATION_PLACE = "usr/share/locale/{language}/LC_MESSAGES/{domain}.mo"
CONFIGURATION_PLACE = "etc/anaconda/conf.d/90-ovirt-node.conf"
# The same name as Anaconda's file, which ours replaces in the image of an ISO.
INTERACTIVE = "interactive-defaults.ks"

_DATA = ADDON / "data"
# Files that are read from outside the package: Anaconda's data/dbus/anaconda-bus.conf, its kickstart.py of EL 9.
_PLACES = (
    ("org.fedoraproject.Anaconda.Addons.*.service", "usr/share/anaconda/dbus/services"),
    ("org.fedoraproject.Anaconda.Addons.*.conf", "usr/share/anaconda/dbus/confs"),
    ("post-scripts/*.ks", "usr/share/anaconda/post-scripts"),
)
# Files that the package needs at run time; bytecode is compiled on demand.
_SUFFIXES = frozenset((".py", ".glade"))

_DIRECTORY, _FILE = 0o040755, 0o100644
_BLOCK = 512  # bytes; the block size of cpio(1)
_TRAILER = "TRAILER!!!"
_GZIP_HEADER = b"\x1f\x8b\x08" + bytes(6) + b"\xff"  # RFC 1952: deflate, no time, no operating system
_LEVEL = 9


@dataclasses.dataclass(frozen=True)
class File:
    """A file of the image; its path has no leading slash."""

    path: str
    content: bytes


@functools.cache
def image(efi_dir: str | None = None, is_interactive: bool = False) -> bytes:
    """The image: a cpio archive (newc), compressed with gzip. Made once: a process may publish more than once.

    `efi_dir` as in configuration(); `is_interactive` is for an ISO with an interactive installation.
    """
    return _gzip(archive(addon_files(efi_dir, is_interactive)))


def addon_files(efi_dir: str | None = None, is_interactive: bool = False) -> tuple[File, ...]:
    """The files of the image, by path."""
    found = [
        *_package(),
        *_translations(),
        *(
            File(f"{place}/{path.name}", path.read_bytes())
            for pattern, place in _PLACES
            for path in _DATA.glob(pattern)
        ),
        File(CONFIGURATION_PLACE, layout.configuration(efi_dir).encode()),
    ]
    if is_interactive:
        found.append(File(f"usr/share/anaconda/{INTERACTIVE}", (_DATA / INTERACTIVE).read_bytes()))
    return tuple(sorted(found, key=lambda file: file.path))


def _package() -> Iterator[File]:
    for path in ADDON.rglob("*"):
        if path.suffix in _SUFFIXES and path.is_file():
            yield File(f"{ADDONS_PLACE}/{path.relative_to(ADDON.parent).as_posix()}", path.read_bytes())


def _translations() -> Iterator[File]:
    for path in ADDON.glob("po/*.po"):
        place = TRANSLATION_PLACE.format(language=path.stem, domain=ADDON.name)
        yield File(place, catalogues.compiled(catalogues.read(path.read_text(encoding="utf-8"))))


def archive(contents: Iterable[File]) -> bytes:
    """The files and the directories that they are in as a cpio archive (newc), owned by root."""
    by_path = {file.path: file.content for file in contents}
    directories = {str(parent) for path in by_path for parent in Path(path).parents} - {"."}
    entries = [
        _entry(path, inode, _FILE if path in by_path else _DIRECTORY, by_path.get(path, b""))
        # sorted, a directory comes before its contents
        for inode, path in enumerate(sorted({*by_path, *directories}), 1)
    ]
    whole = b"".join((*entries, _entry(_TRAILER, 0, 0, b"")))
    return _padded(whole, _BLOCK)


def _entry(path: str, inode: int, mode: int, content: bytes) -> bytes:
    """An entry of the format newc, cpio(5): fields of eight hex digits, name and content padded to four bytes."""
    name = path.encode("ascii") + b"\0"
    links = 2 if mode == _DIRECTORY else 1
    no_device = (0, 0, 0, 0)
    fields = (inode, mode, 0, 0, links, 0, len(content), *no_device, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(head + name, 4) + _padded(content, 4)


def _padded(data: bytes, unit: int) -> bytes:
    return data + bytes(-len(data) % unit)


def _gzip(data: bytes) -> bytes:
    """Reproducible: the header that gzip.compress() writes differs between Python versions."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return _GZIP_HEADER + packer.compress(data) + packer.flush() + struct.pack("<II", zlib.crc32(data), len(data))


def write(path: Path, content: bytes) -> None:
    """Write the file atomically, replacing an existing one. Raises OSError."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), 0o644)  # web servers read it
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
