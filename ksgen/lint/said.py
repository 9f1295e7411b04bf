# SPDX-License-Identifier: GPL-2.0-or-later
"""A row of the table of what pykickstart and argparse say: the words that they use, and what is reported instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from ksgen.lint.history import NAMES, PYKICKSTART
from ksgen.problems import Finding, Severity

# What is made of what the grammar itself says: code, severity, source.
GRAMMAR: tuple[tuple[str, Severity, str], ...] = (
    ("command-removed", "error", PYKICKSTART),
    ("command-deprecated", "warning", PYKICKSTART),
    ("command-too-new", "error", PYKICKSTART),
    ("command-unknown", "error", PYKICKSTART),
    ("option-removed", "error", PYKICKSTART),
    ("option-deprecated", "warning", PYKICKSTART),
    ("option-too-new", "error", PYKICKSTART),
    ("option-unknown", "error", PYKICKSTART),
    ("section-unknown", "error", "pykickstart, parser.py"),
    ("section-without-end", "error", "pykickstart, parser.py"),
    ("quote-not-closed", "error", "pykickstart, parser.py: shlex"),
    ("kickstart-grammar", "error", "pykickstart of the release"),
)


class Said(NamedTuple):
    """What the grammar says of a line: the words that a row has matched, and the line with its command."""

    match: re.Match[str]
    text: str
    name: str
    release: str

    @property
    def word(self) -> str:
        """The command, option, section or value that the grammar names."""
        return self.match.group(1) if self.match.re.groups else self.name

    @property
    def other(self) -> str:
        """What it names besides."""
        return self.match.group(2) if self.match.re.groups > 1 else ""


Explain: TypeAlias = Callable[[Said], Finding]
Row: TypeAlias = tuple[str, Explain]
Cure: TypeAlias = "str | Callable[[Said], str]"


def row(pattern: str, code: str, words: str, cure: Cure = "") -> Row:
    """What matches the pattern is reported with these words, in which the word, the command and the release stand."""

    def explain(said: Said) -> Finding:
        message = words.format(word=said.word, other=said.other, name=said.name, release=NAMES[said.release])
        return Finding(code, message, hint=cure if isinstance(cure, str) else cure(said))

    return pattern, explain
