# SPDX-License-Identifier: GPL-2.0-or-later
"""The checksum for the boot entry "Test this media": what implantisomd5(1) writes and checkisomd5(1) reads.

Without it that entry, EL's default, halts the machine (dracut's dmsquash-live, rd.live.check).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from typing import BinaryIO

from ksgen.media import SECTOR

_PRIMARY_AT = 16 * SECTOR
_SIZE_AT = _PRIMARY_AT + 84  # ECMA-119 8.4.8, the big-endian half
_APPLICATION_AT, _APPLICATION_LENGTH = _PRIMARY_AT + 883, 512  # ECMA-119 8.4.32, for application use
_SKIPPED = 15  # sectors at the end, which often cannot be read from burnt discs
_FRAGMENTS = 20  # intermediate sums, so that a bad medium is detected early
_DIGITS = 3  # of each of them
_PIECE = 16 * SECTOR  # checkisomd5 reads this much at a time, and computes the intermediate sums in between


def implant(file: BinaryIO, progress: Callable[[int, int], None]) -> None:
    """Write the checksum into an ISO that is open for reading and writing; `progress` gets bytes done, bytes in all."""
    file.seek(_SIZE_AT)
    (sectors,) = struct.unpack(">I", file.read(4))
    _write(file, b"")
    total = (sectors - _SKIPPED) * SECTOR
    whole = hashlib.md5(usedforsecurity=False)
    fragments: list[str] = []
    size, done = total // (_FRAGMENTS + 1), 0
    file.seek(0)
    while done < total:
        whole.update(file.read(min(_PIECE, total - done)))
        if done // size > len(fragments):
            fragments.append("".join(f"{byte:x}"[0] for byte in whole.copy().digest()[:_DIGITS]))
        done = min(done + _PIECE, total)
        progress(done, total)
    fields = (
        f"ISO MD5SUM = {whole.hexdigest()}",
        f"SKIPSECTORS = {_SKIPPED}",
        "RHLISOSTATUS=0",
        f"FRAGMENT SUMS = {''.join(fragments)}",
        f"FRAGMENT COUNT = {_FRAGMENTS}",
        "THIS IS NOT THE SAME AS RUNNING MD5SUM ON THIS ISO!!",
    )
    _write(file, ";".join(fields).encode())


def _write(file: BinaryIO, text: bytes) -> None:
    file.seek(_APPLICATION_AT)
    file.write(text.ljust(_APPLICATION_LENGTH))
    file.flush()
