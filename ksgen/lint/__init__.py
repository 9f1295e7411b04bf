# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of any kickstart, written by ksgen or by hand."""

from ksgen.lint.catalogue import described
from ksgen.lint.checking import CHECKS, check, grammar_of
from ksgen.lint.echoes import without_echoes
from ksgen.lint.linter import Judged, Linter, lint
from ksgen.lint.storage import devices
from ksgen.lint.switches import disabled_in
from ksgen.lint.targets import release_of
from ksgen.lint.written import check_written

__all__ = [
    "CHECKS",
    "Judged",
    "Linter",
    "check",
    "check_written",
    "described",
    "devices",
    "disabled_in",
    "grammar_of",
    "lint",
    "release_of",
    "without_echoes",
]
