# SPDX-License-Identifier: GPL-2.0-or-later
"""How much a machine may send: bodies are read up to their limit, and requests counted for each token."""

from __future__ import annotations

import gzip
import zlib
from collections import OrderedDict

from starlette.requests import ClientDisconnect, Request

# A reporter sends every 30 s, more often where much happens, and repeats what was not answered.
BURST, PER_SECOND = 60.0, 2.0
# Machines that are remembered; more than any site installs at once.
_REMEMBERED = 20_000


class TooLarge(Exception):
    """A body is larger than its limit, packed or unpacked."""


class Damaged(Exception):
    """A body is not what its header says, or ended before its end."""


class Rates:
    """A bucket of requests for each key, which fills again with time (token bucket)."""

    def __init__(self, burst: float = BURST, per_second: float = PER_SECOND) -> None:
        self._burst, self._per_second = burst, per_second
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def is_allowed(self, key: str, now: float) -> bool:
        """Whether one more request of this key is allowed at this time (seconds of a monotonic clock)."""
        left, at = self._buckets.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        is_allowed = left >= 1
        self._buckets[key] = (left - is_allowed, now)
        while len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return is_allowed


async def body(request: Request, limit: int) -> bytes:
    """The body of a request, unpacked if it says `Content-Encoding: gzip`. Raises TooLarge and Damaged.

    It ends at the limit, so that neither a large body nor a gzip of zeros fills the memory.
    """
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > limit:
                raise TooLarge
            parts.append(part)
    except ClientDisconnect as error:
        raise Damaged from error
    data = b"".join(parts)
    encoding = request.headers.get("content-encoding", "identity")
    if encoding == "identity":
        return data
    if encoding != "gzip":
        raise Damaged
    return _unpacked(data, limit)


def _unpacked(data: bytes, limit: int) -> bytes:
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        text = unpacking.decompress(data, limit + 1)
    except (zlib.error, gzip.BadGzipFile) as error:
        raise Damaged from error
    if len(text) > limit:
        raise TooLarge
    if not unpacking.eof:
        raise Damaged
    return text
