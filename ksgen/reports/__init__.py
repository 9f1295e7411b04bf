# SPDX-License-Identifier: GPL-2.0-or-later
"""What machines report of their installation, and the states that follow from it."""

from ksgen.reports.states import (
    ENDED,
    MEANINGS,
    Standing,
    State,
    doubt,
    ended,
    fetched,
    follow,
    hear,
)
from ksgen.reports.wire import (
    LOG_LARGEST,
    LOGS_MOST,
    REPORT_LARGEST,
    Event,
    Report,
    clean,
    cut,
    headline,
    is_log_name,
    read_report,
)

__all__ = [
    "ENDED",
    "LOGS_MOST",
    "LOG_LARGEST",
    "MEANINGS",
    "REPORT_LARGEST",
    "Event",
    "Report",
    "Standing",
    "State",
    "clean",
    "cut",
    "doubt",
    "ended",
    "fetched",
    "follow",
    "headline",
    "hear",
    "is_log_name",
    "read_report",
]
