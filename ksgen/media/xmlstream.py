# SPDX-License-Identifier: GPL-2.0-or-later
"""XML from a server, compressed or not, read while it is received, with limits on everything that it may claim.

A hostile file can neither use up memory nor have other files read: entities are not accepted, external ones are never
loaded, and the size between two tags, the depth and the unpacked size are limited.
"""

from __future__ import annotations

import bz2
import importlib
import lzma
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol
from xml.parsers import expat

from ksgen.media.filesystem import Unreadable

_PIECE = 1 << 18  # bytes unpacked and parsed at a time
_UNPACKED_MAX = 2 << 30  # bytes; the largest primary.xml, that of all of Fedora, has less than 300 MB
_SILENCE_MAX = 4 << 20  # bytes between two tags; the longest change logs are a tenth of this
_DEPTH_MAX = 64  # elements within each other; repository metadata has 6
_TEXT_MAX = 4096  # characters of a text that is kept
_MEMORY_MAX = 1 << 28  # bytes, of the dictionary of xz; its largest preset has 64 MiB
_MAGIC_SIZE = 6  # bytes that tell the formats apart

Handler = Callable[[str, Mapping[str, str]], object]


class CannotUnpack(Unreadable):
    """This Python, and the programs here, cannot unpack the file; the message is for the user."""


class XmlReader:
    """Hands each element of an XML document on, without its namespace: `start` at its beginning, `end` with its text.

    The text is that of `texts` alone. Raises Unreadable if the document is not one of this `root`.
    """

    def __init__(
        self, root: str, start: Handler, end: Callable[[str, str], object], texts: frozenset[str] = frozenset()
    ) -> None:
        self._root, self._start, self._end, self._texts = root, start, end, texts
        self._depth, self._fed, self._last_tag = 0, 0, 0
        self._text: list[str] | None = None
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._finish
        self._parser.CharacterDataHandler = self._characters
        self._parser.EntityDeclHandler = self._entity

    def feed(self, data: bytes) -> None:
        self._fed += len(data)
        try:
            self._parser.Parse(data, False)
        except (expat.ExpatError, ValueError) as error:
            raise Unreadable(f"is not valid XML ({error})") from error
        if self._fed - self._last_tag > _SILENCE_MAX:
            raise Unreadable(f"has more than {_SILENCE_MAX >> 20} MiB between two tags")

    def close(self) -> None:
        try:
            self._parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise Unreadable("is empty" if not self._fed else f"is truncated ({error})") from error

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(" ")[2]
        self._last_tag = self._parser.CurrentByteIndex
        if self._depth == 0 and name != self._root:
            raise Unreadable(_other_root(name, self._root))
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise Unreadable(f"has more than {_DEPTH_MAX} elements within each other")
        self._text = [] if name in self._texts else None
        self._start(name, attributes)

    def _finish(self, name: str) -> None:
        self._last_tag = self._parser.CurrentByteIndex
        self._depth -= 1
        text, self._text = self._text, None
        self._end(name.rpartition(" ")[2], "".join(text or ())[:_TEXT_MAX].strip())

    def _characters(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)

    def _entity(self, *_: object) -> None:
        raise Unreadable("declares entities, which repository metadata does not have")


def _other_root(name: str, wanted: str) -> str:
    if name.lower() == "html":
        return "is an HTML page"
    shown = name[:40] if name.isprintable() else "something else"
    return f"is XML of {shown}, not {wanted}"


class _Decoder(Protocol):
    """As lzma.LZMADecompressor, bz2.BZ2Decompressor and compression.zstd.ZstdDecompressor are."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's decompressor with the methods of the others."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


_DECODERS: Mapping[bytes, Callable[[], _Decoder]] = {
    b"\x1f\x8b": _Gzip,
    b"\xfd7zXZ\x00": lambda: lzma.LZMADecompressor(memlimit=_MEMORY_MAX),
    b"BZh": bz2.BZ2Decompressor,
}
_ZSTD = b"\x28\xb5\x2f\xfd"


def _zstd_of_python() -> Callable[[], _Decoder] | None:
    """Python 3.14 has zstd (PEP 784)."""
    try:
        module: Any = importlib.import_module("compression.zstd")
    except ImportError:
        return None
    decoder: Callable[[], _Decoder] = module.ZstdDecompressor
    return decoder


class Unpacked:
    """Unpacks gzip, xz, bzip2 and zstd, recognized by their first bytes, and hands the content on piece by piece.

    Raises Unreadable if the data is corrupt, truncated or unpacks to too much, and CannotUnpack.
    """

    def __init__(self, sink: Callable[[bytes], object]) -> None:
        self._sink, self._size = sink, 0
        self._begun: bytes | None = b""  # None as soon as the format is known
        self._new: Callable[[], _Decoder] | None = None
        self._decoder: _Decoder | None = None
        self._file: Any = None  # what the program zstd unpacks at the end

    def feed(self, data: bytes) -> None:
        if self._begun is not None:
            data, self._begun = self._begun + data, None
            if len(data) < _MAGIC_SIZE:
                self._begun = data
                return
            self._choose(data)
        self._take(data)

    def close(self) -> None:
        if self._begun:
            self._hand_on(self._begun)
        if self._file is not None:
            self._unpack_file()
        elif self._decoder is not None and not self._decoder.eof:
            raise Unreadable("is truncated")

    def _choose(self, data: bytes) -> None:
        self._new = next((new for magic, new in _DECODERS.items() if data.startswith(magic)), None)
        if data.startswith(_ZSTD):
            self._new = _zstd_of_python()
            if self._new is None:
                if shutil.which("zstd") is None:
                    raise CannotUnpack("not checked: it is compressed with zstd")
                self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._decoder = self._new() if self._new else None

    def _take(self, data: bytes) -> None:
        if self._file is not None:
            self._file.write(data)
        elif self._decoder is None:
            self._hand_on(data)
        else:
            for piece in self._pieces(data):
                self._hand_on(piece)

    def _pieces(self, data: bytes) -> Iterator[bytes]:
        while self._decoder is not None and self._new is not None:
            if self._decoder.eof:  # a file can have several parts, and zeros at its end
                data = data.lstrip(b"\0")
                if not data:
                    return
                self._decoder = self._new()
            try:
                piece = self._decoder.decompress(data, _PIECE)
            except Exception as error:  # each module has its own kind
                raise Unreadable("is corrupt: it cannot be unpacked") from error
            yield piece
            data = self._decoder.unused_data if self._decoder.eof else b""
            if not piece and not data:
                return

    def _unpack_file(self) -> None:
        with self._file as packed:
            packed.seek(0)
            command = ("zstd", "--decompress", "--quiet", "--stdout")
            with subprocess.Popen(command, stdin=packed, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as running:
                try:
                    while running.stdout is not None and (piece := running.stdout.read(_PIECE)):
                        self._hand_on(piece)
                except BaseException:
                    running.kill()
                    raise
        if running.returncode:
            raise Unreadable("is corrupt or truncated: zstd cannot unpack it")

    def _hand_on(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > _UNPACKED_MAX:
            raise Unreadable(f"unpacks to more than {_UNPACKED_MAX >> 20} MiB")
        if piece:
            self._sink(piece)
