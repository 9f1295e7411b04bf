# SPDX-License-Identifier: GPL-2.0-or-later
"""What completion and hover give back, and the line that the cursor is in."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from typing import Literal

Role = Literal["command", "section", "option", "value", "variable"]


@dataclasses.dataclass(frozen=True)
class Offer:
    """A word that may stand where the cursor is. `text` takes the place of what is typed; None: the word itself."""

    word: str
    role: Role
    help: str = ""
    text: str | None = None


@dataclasses.dataclass(frozen=True)
class Cursor:
    """A place in a document: `line` and `column` count from 0, in characters."""

    lines: Sequence[str]
    line: int
    column: int

    @property
    def text(self) -> str:
        """The line, without its end; empty below the last one."""
        return self.lines[self.line].rstrip("\r\n") if 0 <= self.line < len(self.lines) else ""

    @property
    def before(self) -> str:
        return self.text[: self.column]

    def typed(self, pattern: str) -> str:
        """What matches right before the cursor."""
        match = re.search(f"(?:{pattern})$", self.before)
        return match.group() if match else ""

    def word(self, pattern: str) -> str:
        """What matches around the cursor."""
        found = (m for m in re.finditer(pattern, self.text) if m.start() <= self.column <= m.end())
        return next((m.group() for m in found if m.group()), "")
