# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks that a kickstart switches off in its comments."""

from __future__ import annotations

import dataclasses
import re

from ksgen.problems import ALL, Finding

_DISABLE = re.compile(r"#\s*ksgen:\s*disable(-next)?\s*=\s*([\w,\s-]*)")


@dataclasses.dataclass(frozen=True)
class Disabled:
    """The codes that are switched off: everywhere, and in single lines."""

    everywhere: frozenset[str] = frozenset()
    lines: frozenset[tuple[int, str]] = frozenset()
    unknown: tuple[tuple[int, str], ...] = ()

    def covers(self, line: int, finding: Finding) -> bool:
        return finding.code in self.everywhere or (line, finding.code) in self.lines


def disabled_in(text: str) -> Disabled:
    """`# ksgen: disable=CODE,…` on a line of its own is for the whole file, after a command for that line;
    `# ksgen: disable-next=CODE,…` is for the line below."""
    if "ksgen:" not in text:
        return Disabled()
    everywhere: set[str] = set()
    lines: set[tuple[int, str]] = set()
    unknown: list[tuple[int, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _DISABLE.search(line)
        if match is None:
            continue
        codes = [code for code in re.split(r"[,\s]+", match.group(2)) if code]
        unknown += [(number, code) for code in codes if code not in ALL]
        if match.group(1):
            lines.update((number + 1, code) for code in codes)
        elif line[: match.start()].strip():
            lines.update((number, code) for code in codes)
        else:
            everywhere.update(codes)
    return Disabled(frozenset(everywhere), frozenset(lines), tuple(unknown))
