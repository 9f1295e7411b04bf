# SPDX-License-Identifier: GPL-2.0-or-later
"""Logs and kickstarts as people may see them: without secrets and control characters; and search in them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ksgen.redaction import redacted
from ksgen.reports import clean

# Lines of a page; a person who sees more of them searches for something else.
LINES_MOST = 2000


class Line(NamedTuple):
    """A line of a text, by its number from 1; `is_found` says that it has what was searched for."""

    number: int
    text: str
    is_found: bool


def without_secrets(content: bytes) -> bytes:
    """A text as it is kept. A machine has left out of a log what it knew to be secret; scripts may print more."""
    return "\n".join(redacted(clean(content.decode("utf-8", "replace")).split("\n"))).encode()


def found(content: bytes, words: str, around: int = 2) -> list[Line]:
    """The lines that have all the words, in upper or lower case, with those around them; all lines without words."""
    lines = content.decode("utf-8", "replace").rstrip("\n").split("\n")
    wanted = words.lower().split()
    if not wanted:
        return [Line(number, line, is_found=False) for number, line in enumerate(lines, 1)]
    hits = {number for number, line in enumerate(lines, 1) if all(word in line.lower() for word in wanted)}
    shown = {near for hit in hits for near in range(hit - around, hit + around + 1) if 0 < near <= len(lines)}
    return [Line(number, lines[number - 1], number in hits) for number in sorted(shown)]


def changes(before: bytes, after: bytes) -> list[str]:
    """The difference of two texts, as `diff -u` shows it."""
    old, new = (text.decode("utf-8", "replace").splitlines() for text in (before, after))
    return list(difflib.unified_diff(old, new, "as armed", "now", lineterm=""))


def shortened(lines: Sequence[Line]) -> tuple[Sequence[Line], int]:
    """As many lines as a page shows, the last ones, and how many are missing: the end of a log says most."""
    return lines[-LINES_MOST:], max(0, len(lines) - LINES_MOST)


def count(lines: Iterable[Line]) -> int:
    """How many lines have what was searched for."""
    return sum(line.is_found for line in lines)
