# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks of any kickstart, written by ksgen or by hand."""

from ksgen.lint.linter import (
    CHECKS,
    RELEASES,
    Linter,
    check,
    check_written,
    disabled_in,
    grammar_of,
    lint,
    without_echoes,
)
from ksgen.lint.storage import devices

__all__ = [
    "CHECKS",
    "RELEASES",
    "Linter",
    "check",
    "check_written",
    "devices",
    "disabled_in",
    "grammar_of",
    "lint",
    "without_echoes",
]
