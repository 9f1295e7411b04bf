# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be wrong, and where it is."""

from ksgen.problems.codes import ALL, CODES
from ksgen.problems.folding import folded, to_text
from ksgen.problems.report import Finding, Mark, Problem, Report, Severity

__all__ = ["ALL", "CODES", "Finding", "Mark", "Problem", "Report", "Severity", "folded", "to_text"]
