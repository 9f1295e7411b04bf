# SPDX-License-Identifier: GPL-2.0-or-later
"""A command that is ended by a signal cleans up first."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator
from types import FrameType
from typing import NoReturn

_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """On a signal, clean up and exit with 128 + its number; further signals are ignored."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        for each in _STOPPING:
            signal.signal(each, signal.SIG_IGN)
        sys.exit(128 + number)

    before = {number: signal.signal(number, stop) for number in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
