# SPDX-License-Identifier: GPL-2.0-or-later
"""Host ranges: `node[01:64].example.com`, `[a:c]-[1:9:2]` -> names, as Ansible expands them, or why not.

Ansible's rules: both ends belong to the range; a leading zero of the beginning asks for padding; the first range of a
product turns slowest; a missing beginning is 0. Where it yields no host or an odd one in silence, this is a fault.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re

# Ten times the largest site that ksgen is measured with.
MAX_NAMES = 100_000
_MAX_DIGITS = 18

_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_NUMBERS = re.compile(r"([0-9]*):([0-9]+)(?::([0-9]+))?")
_LETTERS = re.compile(r"([a-zA-Z]):([a-zA-Z])(?::([0-9]+))?")


@dataclasses.dataclass(frozen=True)
class Fault:
    """Why a pattern cannot be expanded; `start` and `length` say where in the pattern."""

    code: str
    message: str
    start: int
    length: int
    hint: str | None = None


def _letters(begin: str, end: str, step: int) -> list[str] | tuple[str, str, str | None]:
    if begin.islower() != end.islower():
        return (
            "bad-range",
            f"the range runs from {begin!r} to {end!r}, which mixes upper and lower case",
            "use letters of one case",
        )
    if begin > end:
        return "empty-range", f"the range is empty: {begin!r} comes after {end!r}", f"write [{end}:{begin}]"
    return [chr(code) for code in range(ord(begin), ord(end) + 1, step)]


def _numbers(begin: str, end: str, step: int) -> list[str] | tuple[str, str, str | None]:
    if len(begin) > _MAX_DIGITS or len(end) > _MAX_DIGITS:
        return "range-too-large", f"a number of {max(len(begin), len(end))} digits", None
    begin = begin or "0"
    width = len(begin) if begin.startswith("0") and len(begin) > 1 else 0
    if width and len(end) != width:
        return (
            "bad-range",
            f"{begin!r} has {width} digits and {end!r} has {len(end)}",
            f"write both with {max(width, len(end))} digits",
        )
    if not width and len(end) > 1 and end.startswith("0"):
        return "bad-range", f"{end!r} is padded and {begin!r} is not", f"write [{begin.zfill(len(end))}:{end}]"
    if int(begin) > int(end):
        return "empty-range", f"the range is empty: {begin} is larger than {end}", f"write [{end}:{begin}]"
    if (int(end) - int(begin)) // step >= MAX_NAMES:
        return (
            "range-too-large",
            f"the range names {(int(end) - int(begin)) // step + 1:,} hosts; the limit is {MAX_NAMES:,}",
            None,
        )
    return [str(number).zfill(width) for number in range(int(begin), int(end) + 1, step)]


def _values(inner: str) -> list[str] | tuple[str, str, str | None]:
    """What one pair of brackets expands to, or (code, message, hint)."""
    for pattern, expanded in ((_NUMBERS, _numbers), (_LETTERS, _letters)):
        found = pattern.fullmatch(inner)
        if found:
            begin, end, step = found.groups(default="1")
            if len(step) > _MAX_DIGITS or int(step) == 0:
                return (
                    "bad-range",
                    f"the step is {step if len(step) <= _MAX_DIGITS else 'too large'}",
                    "use a step of 1 or more",
                )
            return expanded(begin, end, int(step))
    return "bad-range", f"{inner!r} is not a valid range", "write [01:12], [1:12:2] or [a:f]"


def sample(pattern: str) -> str:
    """A name of the kind that the pattern stands for."""
    return _BRACKETS.sub("0", pattern)


def expand(pattern: str) -> tuple[str, ...] | Fault:
    """All names of a pattern, in Ansible's order; a name without brackets is returned as it is."""
    if "[" not in pattern and "]" not in pattern:
        return (pattern,)
    parts: list[list[str]] = []
    at = 0
    for found in _BRACKETS.finditer(pattern):
        values = _values(found[1])
        if isinstance(values, tuple):
            return Fault(values[0], values[1], found.start(), found.end() - found.start(), values[2])
        parts += [[pattern[at : found.start()]], values]
        at = found.end()
    rest = _BRACKETS.sub(lambda found: " " * len(found[0]), pattern)
    for bracket in "[]":
        if bracket in rest:
            return Fault("bad-range", f"a {bracket!r} without its partner", rest.index(bracket), 1, "write [01:12]")
    count = math.prod(map(len, parts))
    if count > MAX_NAMES:
        return Fault("range-too-large", f"the ranges name {count:,} hosts; the limit is {MAX_NAMES:,}", 0, len(pattern))
    parts.append([pattern[at:]])
    return tuple(map("".join, itertools.product(*parts)))
