# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be wrong, and where it is."""

from ksgen.problems.codes import ALL
from ksgen.problems.report import Finding, Mark, Problem, Report, Severity, to_text

__all__ = ["ALL", "Finding", "Mark", "Problem", "Report", "Severity", "to_text"]
