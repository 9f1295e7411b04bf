# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads an ext4 file system, such as livemedia-creator creates for a live image. The format: Linux, fs/ext4/ext4.h."""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator

from ksgen.media.filesystem import LIST_MAX, FileSystem, Inode, Source, Unreadable, exactly

_SUPERBLOCK_AT, _SUPERBLOCK_LENGTH = 1024, 1024
_MAGIC_AT, _MAGIC = 56, b"\x53\xef"
_ROOT = 2
# Features that change the on-disk layout: s_feature_incompat.
_META_BG, _64_BIT = 0x10, 0x80
_HAS_EXTENTS, _HAS_INLINE_DATA = 0x80000, 0x10000000  # i_flags
_EXTENT_MAGIC = 0xF30A
_DEPTH_MAX = 5  # of the tree of extents
_UNWRITTEN = (
    0x8000  # a larger length marks an unwritten extent, whose length is that much smaller and which reads as zeros
)
_FAST_LINK = 60  # bytes; a shorter target is stored in the inode
_INODES_KEPT = 256


class Ext4(FileSystem):
    """An ext4 file system. Raises Unreadable if it is not one, or has unsupported features."""

    def __init__(self, source: Source) -> None:
        head = source.read(_SUPERBLOCK_AT, _SUPERBLOCK_LENGTH)
        if len(head) < _SUPERBLOCK_LENGTH or head[_MAGIC_AT : _MAGIC_AT + 2] != _MAGIC:
            raise Unreadable("is not an ext4 file system")
        (first, log_size) = struct.unpack_from("<II", head, 20)
        (self._per_group,) = struct.unpack_from("<I", head, 40)
        (self._inode_size,) = struct.unpack_from("<H", head, 88)
        (features,) = struct.unpack_from("<I", head, 96)
        self._block_size = 1024 << log_size
        self._descriptor_size = max(struct.unpack_from("<H", head, 254)[0], 32) if features & _64_BIT else 32
        self._descriptors = (first + 1) * self._block_size
        self._source = source
        if features & _META_BG or log_size > 6 or not self._per_group or self._inode_size < 128:
            raise Unreadable("is an ext4 file system with unsupported features")
        self._kept = functools.lru_cache(_INODES_KEPT)(self._read_inode)
        self._listed = functools.lru_cache(_INODES_KEPT)(self._listing)

    def root(self) -> Inode:
        return self._kept(_ROOT)

    def child(self, directory: Inode, name: str) -> Inode | None:
        number = self._listed(directory).get(name)
        return None if number is None else self._kept(number)

    def children(self, directory: Inode) -> tuple[str, ...]:
        return tuple(self._listed(directory))

    def target(self, link: Inode) -> str:
        data = link.detail if link.size < _FAST_LINK else self.content(link).read(0, link.size)
        return data[: link.size].decode("utf-8", "surrogateescape")

    def content(self, file: Inode) -> Source:
        if not file.place & _HAS_EXTENTS or file.place & _HAS_INLINE_DATA:
            raise Unreadable("is an ext4 file system with files that do not use extents, which is not supported")
        return _File(self._source, self._block_size, file.size, tuple(self._extents(file.detail)))

    def _read_inode(self, number: int) -> Inode:
        group, index = divmod(number - 1, self._per_group)
        descriptor = exactly(self._source, self._descriptors + group * self._descriptor_size, self._descriptor_size)
        (table,) = struct.unpack_from("<I", descriptor, 8)
        if self._descriptor_size >= 64:
            table |= struct.unpack_from("<I", descriptor, 40)[0] << 32
        data = exactly(self._source, table * self._block_size + index * self._inode_size, 128)
        (mode,) = struct.unpack_from("<H", data, 0)
        low, flags, high = (struct.unpack_from("<I", data, at)[0] for at in (4, 32, 108))
        return Inode(mode, high << 32 | low, flags, data[40:100])

    def _extents(self, node: bytes, depth: int | None = None) -> Iterator[tuple[int, int, int | None]]:
        """First block in the file, how many, and the first on the disk, None for zeros."""
        magic, count, _, levels = struct.unpack_from("<4H", node)
        if magic != _EXTENT_MAGIC or levels > _DEPTH_MAX or depth not in (None, levels) or 12 * (count + 1) > len(node):
            raise Unreadable("is corrupt: a file's extents cannot be read")
        for at in range(12, 12 * (count + 1), 12):
            if levels:
                _, low, high = struct.unpack_from("<IIH", node, at)
                place = (high << 32 | low) * self._block_size
                yield from self._extents(exactly(self._source, place, self._block_size), levels - 1)
            else:
                block, length, high, low = struct.unpack_from("<IHHI", node, at)
                is_written = length <= _UNWRITTEN
                yield block, length - (0 if is_written else _UNWRITTEN), (high << 32 | low) if is_written else None

    def _listing(self, directory: Inode) -> dict[str, int]:
        """The names in a directory and the numbers of their inodes. Blocks of its index look like unused entries."""
        if directory.size > LIST_MAX:
            raise Unreadable("is corrupt: a directory cannot be read")
        data = self.content(directory).read(0, directory.size)
        found = {}
        at = 0
        while at + 8 <= len(data):
            number, length, name_length = struct.unpack_from("<IHB", data, at)
            if length < 8:
                raise Unreadable("is corrupt: a directory cannot be read")
            if number:
                name = data[at + 8 : at + 8 + name_length].decode("utf-8", "surrogateescape")
                found[name] = number
            at += length
        return {name: number for name, number in found.items() if name not in (".", "..")}


class _File:
    """The content of a file."""

    def __init__(
        self, source: Source, block_size: int, size: int, extents: tuple[tuple[int, int, int | None], ...]
    ) -> None:
        self._source, self._unit, self._size, self._extents = source, block_size, size, extents

    @property
    def size(self) -> int:
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self._size)
        found = bytearray(max(end - offset, 0))  # what no extent has reads as zeros
        for first, count, place in self._extents:
            start, stop = max(first * self._unit, offset), min((first + count) * self._unit, end)
            if start < stop and place is not None:
                at = place * self._unit + start - first * self._unit
                found[start - offset : stop - offset] = exactly(self._source, at, stop - start)
        return bytes(found)
