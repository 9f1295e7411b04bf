# SPDX-License-Identifier: GPL-2.0-or-later
"""The serial console of a machine that runs, as a person has it: what is shown is read, and answers are typed."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

# Cursor, colours and the like, of firmware, boot loader and shell; a sequence that has only begun is kept back.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78cM])")
_BEGUN = re.compile(r"\x1b(?:\[[0-9;?]*|[()])?\Z")


class Console:
    """What the machine shows is read once: each `wait_for` goes on behind what the last one found.

    `send` gets the bytes that are typed; `patience` multiplies every limit, which is seconds on a quiet machine.
    """

    def __init__(self, send: Callable[[bytes], None], patience: float) -> None:
        self._send = send
        self._patience = patience
        self._changed = threading.Condition()
        self._rest = ""
        self._text = ""
        self._read = 0
        self._is_over = False

    def add(self, data: bytes) -> None:
        """The machine shows more; called by another thread."""
        with self._changed:
            text = _SEQUENCE.sub("", self._rest + data.decode(errors="replace"))
            begun = _BEGUN.search(text)
            self._rest = begun.group() if begun else ""
            self._text += text.removesuffix(self._rest).replace("\r", "") if self._rest else text.replace("\r", "")
            self._changed.notify_all()

    def end(self) -> None:
        """The machine shows nothing more."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def wait_for(self, pattern: str, seconds: float) -> re.Match[str]:
        """What is shown next that matches; the string of the match begins where the last one ended.

        Raises AssertionError, with the whole console, when the time or the machine is over first.
        """
        wanted = re.compile(pattern)
        end = time.monotonic() + seconds * self._patience
        with self._changed:
            while True:
                found = wanted.search(self._text[self._read :])
                if found:
                    self._read += found.end()
                    return found
                left = end - time.monotonic()
                if self._is_over or left <= 0:
                    why = "the machine has ended" if self._is_over else f"{seconds * self._patience:.0f} s are over"
                    raise AssertionError(f"{why}, and nothing shown matches {pattern!r}; the console:\n{self._text}")
                self._changed.wait(left)

    def type(self, text: str) -> None:
        """Type it, and Enter."""
        self._send(text.encode() + b"\r")
