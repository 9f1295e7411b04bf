# SPDX-License-Identifier: GPL-2.0-or-later
"""A file system inside a file, read without mounting it: squashfs.py and ext4.py have the formats, this the paths.

Nothing is unpacked: data is read in place, so that a file system within a file system costs no more than the files that
are read.
"""

from __future__ import annotations

import abc
import dataclasses
import os
import stat
from typing import BinaryIO, Protocol

_LINKS = 40  # Linux, MAXSYMLINKS in include/linux/namei.h
_TEXT_MAX = 1 << 20  # bytes; text files are a line or a small configuration file

# bytes of a directory, or of the list of a file's blocks: enough for a million files, or for a terabyte. A
# corrupt one may claim any size.
LIST_MAX = 1 << 26


class Unreadable(Exception):
    """The content does not follow its format; the message is for the user."""


class Source(Protocol):
    """Bytes with random access. A read past the end returns fewer bytes."""

    @property
    def size(self) -> int: ...

    def read(self, offset: int, length: int) -> bytes: ...


class FileSource:
    """An open file as a source."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, os.SEEK_END)

    @property
    def size(self) -> int:
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        return os.pread(self._file.fileno(), length, offset)


def exactly(source: Source, offset: int, length: int) -> bytes:
    """Exactly this many bytes. Raises Unreadable if the file ends before."""
    found = source.read(offset, length)
    if len(found) != length:
        raise Unreadable("is truncated")
    return found


@dataclasses.dataclass(frozen=True)
class Inode:
    """A file, directory or link; `place` and `detail` are the format's own."""

    mode: int
    size: int
    place: int
    detail: bytes = b""

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.mode)


class FileSystem(abc.ABC):
    """Paths begin with a slash; links are followed within the file system. Every method may raise Unreadable."""

    @abc.abstractmethod
    def root(self) -> Inode: ...

    @abc.abstractmethod
    def child(self, directory: Inode, name: str) -> Inode | None: ...

    @abc.abstractmethod
    def children(self, directory: Inode) -> tuple[str, ...]: ...

    @abc.abstractmethod
    def target(self, link: Inode) -> str: ...

    @abc.abstractmethod
    def content(self, file: Inode) -> Source: ...

    def find(self, path: str) -> Inode | None:
        """The inode at a path, None if not found."""
        trail = [self.root()]
        todo = path.split("/")[::-1]
        links = 0
        while todo:
            name = todo.pop()
            if name in ("", "."):
                continue
            if name == "..":
                trail = trail[:-1] or trail
                continue
            found = self.child(trail[-1], name) if trail[-1].is_directory else None
            if found is None:
                return None
            if found.is_link:
                links += 1
                if links > _LINKS:
                    return None
                target = self.target(found)
                todo += target.split("/")[::-1]
                trail = trail[:1] if target.startswith("/") else trail
            else:
                trail.append(found)
        return trail[-1]

    def names(self, path: str) -> tuple[str, ...]:
        """The names in a directory, sorted; empty if it does not exist."""
        found = self.find(path)
        return tuple(sorted(self.children(found))) if found is not None and found.is_directory else ()

    def text(self, path: str) -> str | None:
        """A small file as text, None if not found."""
        found = self.find(path)
        if found is None or not found.is_file:
            return None
        return self.content(found).read(0, min(found.size, _TEXT_MAX)).decode("utf-8", "replace")
