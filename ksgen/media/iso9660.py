# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads an ISO 9660 file system with Rock Ridge, and its boot catalog: ECMA-119, IEEE P1281, P1282, El Torito 1.0."""

from __future__ import annotations

import dataclasses
import functools
import stat
import struct
from collections.abc import Iterator

from ksgen.media.filesystem import LIST_MAX, FileSystem, Inode, Source, Unreadable, exactly

SECTOR = 2048
_DESCRIPTORS = 16  # the sector of the first
_BOOT, _PRIMARY, _SUPPLEMENTARY, _LAST = 0, 1, 2, 255
_JOLIET = (b"%/@", b"%/C", b"%/E")
_EL_TORITO = b"EL TORITO SPECIFICATION"
_CATALOG_ENTRIES = 64  # a sector of 32 bytes each
_BOOTABLE, _MORE_HEADERS, _LAST_HEADER = 0x88, 0x90, 0x91
BIOS, UEFI = 0x00, 0xEF  # platforms
_IS_DIRECTORY, _IS_CONTINUED = 0x02, 0x80
_CONTINUATIONS = 16  # continuation areas for the attributes of one file


@dataclasses.dataclass(frozen=True)
class BootImage:
    """The boot image for a platform's firmware; `sector` is where it begins."""

    platform: int
    sector: int


@dataclasses.dataclass(frozen=True)
class _Record:
    """An entry of a directory."""

    name: bytes
    inode: Inode
    is_continued: bool


class Iso9660(FileSystem):
    """An ISO 9660. `size` is the size in its header, in bytes. Raises Unreadable if it is not valid."""

    def __init__(self, source: Source) -> None:
        self._source = source
        descriptors = tuple(self._volume_descriptors())
        primary = next((d for d in descriptors if d[0] == _PRIMARY), None)
        if primary is None:
            raise Unreadable("is not an ISO 9660 image")
        self.label = primary[40:72].decode("ascii", "replace").rstrip()
        (sectors,) = struct.unpack_from("<I", primary, 80)
        self.size = sectors * SECTOR
        if self.size > source.size:
            raise Unreadable(f"is truncated: {source.size} of {self.size} bytes")
        self.has_joliet = any(d[0] == _SUPPLEMENTARY and d[88:91] in _JOLIET for d in descriptors)
        self.boot_images = tuple(
            image for d in descriptors if d[0] == _BOOT and d[7:30] == _EL_TORITO for image in self._catalog(d)
        )
        self._root = self._record(primary[156:190], b"").inode
        self._skip = self._attribute_offset()
        self._listed = functools.lru_cache(256)(self._listing)

    def root(self) -> Inode:
        return self._root

    def child(self, directory: Inode, name: str) -> Inode | None:
        return self._listed(directory).get(name)

    def children(self, directory: Inode) -> tuple[str, ...]:
        return tuple(self._listed(directory))

    def target(self, link: Inode) -> str:
        return link.detail.decode("utf-8", "surrogateescape")

    def content(self, file: Inode) -> Source:
        return Extent(self._source, file.place * SECTOR, file.size)

    def _volume_descriptors(self) -> Iterator[bytes]:
        for sector in range(_DESCRIPTORS, _DESCRIPTORS + 32):
            data = self._source.read(sector * SECTOR, SECTOR)
            if len(data) < SECTOR or data[1:6] != b"CD001" or data[0] == _LAST:
                return
            yield data

    def _catalog(self, descriptor: bytes) -> Iterator[BootImage]:
        (sector,) = struct.unpack_from("<I", descriptor, 71)
        data = exactly(self._source, sector * SECTOR, SECTOR)
        platform = data[1]
        for at in range(32, 32 * _CATALOG_ENTRIES, 32):
            kind = data[at]
            if kind in (_MORE_HEADERS, _LAST_HEADER):
                platform = data[at + 1]
            elif kind == _BOOTABLE:
                yield BootImage(platform, struct.unpack_from("<I", data, at + 8)[0])

    def _attribute_offset(self) -> int:
        """How many bytes precede the attributes of each file: from SP in the first entry of the root."""
        first = exactly(self._source, self._root.place * SECTOR, SECTOR)
        attributes = _system_use(first[: first[0]])
        if attributes[:2] != b"SP":
            raise Unreadable("has no Rock Ridge extensions, so its long file names are lost")
        return attributes[6]

    def _listing(self, directory: Inode) -> dict[str, Inode]:
        found: dict[str, Inode] = {}
        open_file: Inode | None = None
        for record in self._records(directory):
            if open_file is not None:  # a file of 4 GiB or more has several extents, one after the other
                inode = dataclasses.replace(open_file, size=open_file.size + record.inode.size)
            else:
                inode = record.inode
            open_file = inode if record.is_continued else None
            found[record.name.decode("utf-8", "surrogateescape")] = inode
        return found

    def _records(self, directory: Inode) -> Iterator[_Record]:
        if directory.size > LIST_MAX:
            raise Unreadable("is corrupt: a directory cannot be read")
        data = exactly(self._source, directory.place * SECTOR, directory.size)
        at = 0
        while at < len(data):
            length = data[at]
            if not length:  # entries do not cross sectors
                at = (at // SECTOR + 1) * SECTOR
                continue
            entry = data[at : at + length]
            if length < 34 or len(entry) < length:
                raise Unreadable("is corrupt: a directory cannot be read")
            if entry[32] != 1 or entry[33] > 1:  # the directory itself, and the one above
                yield self._record(entry, _system_use(entry)[self._skip :])
            at += length

    def _record(self, entry: bytes, attributes: bytes) -> _Record:
        place, size = struct.unpack_from("<I", entry, 2)[0], struct.unpack_from("<I", entry, 10)[0]
        flags, plain = entry[25], entry[33 : 33 + entry[32]]
        mode = stat.S_IFDIR if flags & _IS_DIRECTORY else stat.S_IFREG
        name, link = b"", b""
        for kind, value in self._attributes(attributes):
            if kind == b"NM":
                name += value[1:]
            elif kind == b"PX":
                mode = struct.unpack_from("<I", value)[0]
            elif kind == b"SL":
                link = _joined(link, value[1:])
        inode = Inode(mode, len(link) if stat.S_ISLNK(mode) else size, place, link)
        return _Record(name or plain.partition(b";")[0], inode, bool(flags & _IS_CONTINUED))

    def _attributes(self, area: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Kind and value of each, including continuation areas."""
        for _ in range(_CONTINUATIONS):
            at, following = 0, b""
            while at + 4 <= len(area) and area[at + 2] >= 4:
                kind, value = area[at : at + 2], area[at + 4 : at + area[at + 2]]
                at += area[at + 2]
                if kind == b"ST":
                    break
                if kind == b"CE":
                    sector, offset, length = struct.unpack("<I4xI4xI4x", value)
                    following = exactly(self._source, sector * SECTOR + offset, length)
                else:
                    yield kind, value
            if not following:
                return
            area = following


class Extent:
    """Some bytes of a source, as a source."""

    def __init__(self, source: Source, offset: int, size: int) -> None:
        self._source, self._offset, self._size = source, offset, size

    @property
    def size(self) -> int:
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        return self._source.read(self._offset + offset, max(min(length, self._size - offset), 0))


def _system_use(entry: bytes) -> bytes:
    """The system use area after the name in a directory entry; names are padded to an even offset."""
    end = 33 + entry[32]
    return entry[end + end % 2 :]


def _joined(link: bytes, components: bytes) -> bytes:
    """The target of a link with further components."""
    at = 0
    while at + 2 <= len(components):
        flags, length = components[at], components[at + 1]
        word = components[at + 2 : at + 2 + length]
        text = {2: b".", 4: b"..", 8: b"/"}.get(flags & 0x0E, word)
        link += text if not link or link.endswith(b"/") else b"/" + text
        at += 2 + length
    return link
