# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a squashfs 4.0. The format: Documentation/filesystems/squashfs.rst of Linux, and squashfs_fs.h."""

from __future__ import annotations

import functools
import itertools
import lzma
import shutil
import stat
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator

from ksgen.media.filesystem import LIST_MAX, FileSystem, Inode, Source, Unreadable, exactly

MAGIC = b"hsqs"
_SUPERBLOCK = struct.Struct("<4s4I6H8Q")
_VERSION = (4, 0)
_METADATA = 8192  # bytes of a metadata block, uncompressed
_BLOCK_MAX = 1 << 20  # bytes; squashfs_fs.h, SQUASHFS_FILE_MAX_SIZE
_NO_FRAGMENT = 0xFFFFFFFF
_STORED_METADATA, _STORED_DATA = 1 << 15, 1 << 24  # set in the length of an uncompressed block
_FRAGMENT = struct.Struct("<QII")
_INODE = struct.Struct("<4H2I")
# Inode types; those of the long form are seven higher. Others are devices, pipes and sockets.
_DIRECTORY, _FILE, _LINK, _LONG = 1, 2, 3, 7
_BLOCKS_KEPT = 64


def _zlib(data: bytes, most: int) -> bytes:
    return zlib.decompressobj().decompress(data, most)


def _xz(data: bytes, most: int) -> bytes:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ).decompress(data, most)


def _zstd(data: bytes, most: int) -> bytes:
    program = shutil.which("zstd")
    if program is None:
        raise Unreadable("is compressed with zstd, and the program zstd is not installed (package zstd)")
    done = subprocess.run([program, "-dcq"], input=data, capture_output=True, check=False)
    if done.returncode:
        raise Unreadable("is corrupt: zstd cannot decompress it")
    return done.stdout[:most]


# By the number in the superblock; the others are lzma (2), lzo (3) and lz4 (5).
_UNPACK: dict[int, Callable[[bytes, int], bytes]] = {1: _zlib, 4: _xz, 6: _zstd}
_NAMES = {2: "lzma", 3: "lzo", 5: "lz4"}


class Squashfs(FileSystem):
    """A squashfs. Raises Unreadable if it is not one."""

    block_size: int

    def __init__(self, source: Source) -> None:
        head = source.read(0, _SUPERBLOCK.size)
        if len(head) < _SUPERBLOCK.size or head[:4] != MAGIC:
            raise Unreadable("is not a squashfs image")
        _, _, _, self.block_size, _, compressor, _, _, _, major, minor, *places = _SUPERBLOCK.unpack(head)
        self._root, self.length, _, _, self._inodes, self._directories, self._fragments, _ = places
        self._source = source
        if (major, minor) != _VERSION:
            raise Unreadable(f"is a squashfs {major}.{minor}, not 4.0")
        if compressor not in _UNPACK:
            raise Unreadable(f"is compressed with {_NAMES.get(compressor, compressor)}, which is not supported")
        if self.length > source.size:
            raise Unreadable(f"is truncated: {source.size} of {self.length} bytes")
        if not 0 < self.block_size <= _BLOCK_MAX:
            raise Unreadable("is corrupt: invalid block size")
        self._unpack = _UNPACK[compressor]
        self._metadata_at = functools.lru_cache(_BLOCKS_KEPT)(self._metadata_block)
        self._listed = functools.lru_cache(_BLOCKS_KEPT)(self._listing)

    def unpacked(self, data: bytes, most: int) -> bytes:
        try:
            return self._unpack(data, most)
        except (zlib.error, lzma.LZMAError) as error:
            raise Unreadable("is corrupt: a block cannot be decompressed") from error

    def root(self) -> Inode:
        return self._inode(self._root)

    def child(self, directory: Inode, name: str) -> Inode | None:
        place = self._listed(directory).get(name)
        return None if place is None else self._inode(place)

    def children(self, directory: Inode) -> tuple[str, ...]:
        return tuple(self._listed(directory))

    def target(self, link: Inode) -> str:
        return link.detail.decode("utf-8", "surrogateescape")

    def content(self, file: Inode) -> Source:
        return _File(self, file)

    # Metadata: a stream of compressed blocks, addressed by the position of a block and an offset into its content.

    def _metadata_block(self, place: int) -> tuple[bytes, int]:
        """The uncompressed block, and the position of the next one."""
        (head,) = struct.unpack("<H", exactly(self._source, place, 2))
        length = head & (_STORED_METADATA - 1)
        data = exactly(self._source, place + 2, length)
        return (data if head & _STORED_METADATA else self.unpacked(data, _METADATA)), place + 2 + length

    def _metadata(self, place: int, offset: int, length: int) -> bytes:
        if length > LIST_MAX:
            raise Unreadable("is corrupt: a list is too long")
        found = bytearray()
        while len(found) < offset + length:
            data, place = self._metadata_at(place)
            if not data:
                raise Unreadable("is corrupt: an empty block")
            found += data
        return bytes(found[offset : offset + length])

    def _inode(self, reference: int) -> Inode:
        place, offset = self._inodes + (reference >> 16), reference & 0xFFFF
        kind, mode, *_ = _INODE.unpack(self._metadata(place, offset, _INODE.size))
        offset += _INODE.size

        def fields(form: str) -> tuple[int, ...]:
            return struct.unpack(form, self._metadata(place, offset, struct.calcsize(form)))

        # `detail` has what the reader of that type needs: first block, offset, fragment, and where the lengths are.
        if kind == _DIRECTORY:
            first, _, size, within, _ = fields("<IIHHI")
            return Inode(stat.S_IFDIR | mode, max(size - 3, 0), first, struct.pack("<I", within))
        if kind == _DIRECTORY + _LONG:
            _, size, first, _, _, within, _ = fields("<IIIIHHI")
            return Inode(stat.S_IFDIR | mode, max(size - 3, 0), first, struct.pack("<I", within))
        if kind in (_LINK, _LINK + _LONG):
            _, size = fields("<II")
            return Inode(stat.S_IFLNK | mode, size, 0, self._metadata(place, offset + 8, min(size, _METADATA)))
        if kind == _FILE:
            first, fragment, within, size = fields("<4I")
            rest = offset + struct.calcsize("<4I")
        elif kind == _FILE + _LONG:
            first, size, _, _, fragment, within, _ = fields("<3Q4I")
            rest = offset + struct.calcsize("<3Q4I")
        else:
            return Inode(mode, 0, 0)
        return Inode(stat.S_IFREG | mode, size, first, struct.pack("<IIQI", fragment, within, place, rest))

    def _listing(self, directory: Inode) -> dict[str, int]:
        """The names in a directory and the references of their inodes."""
        (within,) = struct.unpack("<I", directory.detail)
        data = self._metadata(self._directories + directory.place, within, directory.size)
        found = {}
        at = 0
        try:
            while at < len(data):
                count, block, _ = struct.unpack_from("<3I", data, at)
                at += 12
                for _ in range(count + 1):
                    offset, _, _, length = struct.unpack_from("<HhHH", data, at)
                    name = data[at + 8 : at + 9 + length]
                    found[name.decode("utf-8", "surrogateescape")] = block << 16 | offset
                    at += 9 + length
        except struct.error as error:
            raise Unreadable("is corrupt: a directory is truncated") from error
        return found

    def lengths(self, file: Inode) -> tuple[int, ...]:
        """The compressed lengths of the blocks of a file."""
        fragment, _, place, offset = struct.unpack("<IIQI", file.detail)
        whole, rest = divmod(file.size, self.block_size)
        count = whole + (1 if rest and fragment == _NO_FRAGMENT else 0)
        return struct.unpack(f"<{count}I", self._metadata(place, offset, 4 * count))

    def block(self, place: int, head: int, size: int) -> bytes:
        """A block of data of this uncompressed size."""
        length = head & (_STORED_DATA - 1)
        if not length:
            return bytes(size)
        data = exactly(self._source, place, length)
        found = data if head & _STORED_DATA else self.unpacked(data, self.block_size)
        if len(found) < size:
            raise Unreadable("is corrupt: a block is too short")
        return found

    def fragment(self, file: Inode, size: int) -> bytes:
        """The end of a file that is shorter than a block."""
        number, within, _, _ = struct.unpack("<IIQI", file.detail)
        index, offset = divmod(number * _FRAGMENT.size, _METADATA)
        (place,) = struct.unpack("<Q", exactly(self._source, self._fragments + 8 * index, 8))
        start, head, _ = _FRAGMENT.unpack(self._metadata(place, offset, _FRAGMENT.size))
        return self.block(start, head, within + size)[within : within + size]


class _File:
    """The content of a file."""

    def __init__(self, owner: Squashfs, inode: Inode) -> None:
        self._owner, self._inode = owner, inode
        self._heads = owner.lengths(inode)
        # Where each block begins: they are contiguous.
        packed = (head & (_STORED_DATA - 1) for head in self._heads)
        self._places = tuple(itertools.accumulate(packed, initial=inode.place))
        self._kept = functools.lru_cache(_BLOCKS_KEPT)(self._block)

    @property
    def size(self) -> int:
        return self._inode.size

    def read(self, offset: int, length: int) -> bytes:
        return b"".join(self._pieces(offset, min(offset + length, self.size)))

    def _pieces(self, offset: int, end: int) -> Iterator[bytes]:
        unit = self._owner.block_size
        while offset < end:
            index, within = divmod(offset, unit)
            piece = self._kept(index)[within : within + end - offset]
            yield piece
            offset += len(piece)

    def _block(self, index: int) -> bytes:
        size = min(self._owner.block_size, self.size - index * self._owner.block_size)
        if index < len(self._heads):
            return self._owner.block(self._places[index], self._heads[index], size)[:size]
        return self._owner.fragment(self._inode, size)
