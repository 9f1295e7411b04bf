# SPDX-License-Identifier: GPL-2.0-or-later
"""Screenshots as small PNG files: at most 256 colours, and the words of what is shown in a chunk of text.

Standard library only, as it also runs in Anaconda's environment. PNG: W3C's specification, third edition.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Of the 256 colours, these are the most frequent as they are; the others are those of six levels for each part.
_EXACT = 40
_CUBE = [(red, green, blue) for red in range(0, 256, 51) for green in range(0, 256, 51) for blue in range(0, 256, 51)]


def encode(width: int, height: int, pixels: bytes, row_size: int) -> bytes:
    """`pixels` are red, green and blue, three bytes each, with rows of `row_size` bytes."""
    rows = [pixels[row_size * y : row_size * y + 3 * width] for y in range(height)]
    colours = Counter(row[x : x + 3] for row in rows for x in range(0, 3 * width, 3))
    exact = [colour for colour, _ in colours.most_common(_EXACT)]
    palette = [*map(tuple, exact), *[(0, 0, 0)] * (_EXACT - len(exact)), *_CUBE]
    index = {colour: exact.index(colour) if colour in exact else _nearest(colour) for colour in colours}
    lines = b"".join(b"\0" + bytes(index[row[x : x + 3]] for x in range(0, 3 * width, 3)) for row in rows)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"PLTE", b"".join(map(bytes, palette))),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    )
    return _SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _nearest(colour: bytes) -> int:
    red, green, blue = (round(part / 51) for part in colour)
    return _EXACT + 36 * red + 6 * green + blue


def with_text(png: bytes, text: str) -> bytes:
    """The picture with a text in it."""
    data = b"Description\0\0\0\0\0" + text.encode()
    end = png.rindex(_chunk(b"IEND", b""))
    return png[:end] + _chunk(b"iTXt", data) + png[end:]


def text_of(png: bytes) -> str:
    """The text that with_text() has put in."""
    (data,) = (data for kind, data in _chunks(png) if kind == b"iTXt")
    return data.partition(b"\0\0\0\0\0")[2].decode()


def size_of(png: bytes) -> tuple[int, int]:
    width, height = struct.unpack_from(">II", png, 16)
    return width, height


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(_SIGNATURE)
    while at < len(png):
        (size,) = struct.unpack_from(">I", png, at)
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += 12 + size
