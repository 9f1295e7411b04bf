# SPDX-License-Identifier: GPL-2.0-or-later
"""Merges our files into an existing updates.img or product.img: cpio(5) archives in the newc format."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Iterable, Iterator

from ksgen.addon import updates

_MAGIC, _HEAD = (b"070701", b"070702"), 110  # bytes
_SIZE_AT, _NAME_AT = slice(54, 62), slice(94, 102)  # c_filesize, c_namesize
_TRAILER = b"TRAILER!!!"


class NotMerged(Exception):
    """The archive is in another format, or more than one."""


def merged(theirs: bytes, ours: Iterable[updates.File], replaced: Iterable[str] = ()) -> bytes:
    """An archive of both, compressed with gzip; our files replace theirs. Raises NotMerged.

    Their files below the directories `replaced` are left out.
    """
    files = tuple(ours)
    gone = {file.path for file in files}
    below = tuple(f"{path}/" for path in replaced)
    kept = [
        entry for path, entry in _entries(_unpacked(theirs)) if path not in gone and not f"{path}/".startswith(below)
    ]
    return gzip.compress(b"".join((*kept, updates.archive(files))), mtime=0)


def _unpacked(data: bytes) -> bytes:
    try:
        if data.startswith(b"\x1f\x8b"):
            return gzip.decompress(data)
        if data.startswith(b"\xfd7zXZ\0"):
            return lzma.decompress(data)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise NotMerged from error
    return data


def _entries(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The path of each entry, and its bytes."""
    at = 0
    while True:
        head = data[at : at + _HEAD]
        if len(head) < _HEAD or head[:6] not in _MAGIC:
            raise NotMerged
        try:
            size, name_length = int(head[_SIZE_AT], 16), int(head[_NAME_AT], 16)
        except ValueError as error:
            raise NotMerged from error
        content = at + -(-(_HEAD + name_length) // 4) * 4
        end = content + -(-size // 4) * 4
        name = data[at + _HEAD : at + _HEAD + name_length].rstrip(b"\0")
        if name == _TRAILER:
            if data[end:].strip(b"\0"):
                raise NotMerged
            return
        if end > len(data):
            raise NotMerged
        yield _normal(name), data[at:end]
        at = end


def _normal(name: bytes) -> str:
    text = name.decode("utf-8", "surrogateescape")
    return "/".join(part for part in text.split("/") if part not in ("", "."))
