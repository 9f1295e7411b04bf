# SPDX-License-Identifier: GPL-2.0-or-later
"""What each code means and where its rule is from: for documents and for machines that read the findings."""

from __future__ import annotations

from typing import NamedTuple

from ksgen.lint import commands
from ksgen.lint.checking import CHECKS
from ksgen.problems import CODES


class Described(NamedTuple):
    """A code: what it means, and the source of its rule where it has one of its own."""

    code: str
    meaning: str
    source: str | None = None


_SOURCES = {code: source for code, _, source in commands.GRAMMAR} | {check.code: check.source for check in CHECKS}


_MEANINGS = {code: meaning for meanings in CODES.values() for code, meaning in meanings.items()}


def described(code: str) -> Described:
    return Described(code, _MEANINGS[code], _SOURCES.get(code))
