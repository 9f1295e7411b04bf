# SPDX-License-Identifier: GPL-2.0-or-later
"""Installing many hosts, some at once: how far each is, and what is done next."""

from ksgen.rollout.course import Course, Limits, Seen, follow, is_stopped_by_failures, next_hosts, resumed, summary
from ksgen.rollout.engine import Doors, Failed, Rollout

__all__ = [
    "Course",
    "Doors",
    "Failed",
    "Limits",
    "Rollout",
    "Seen",
    "follow",
    "is_stopped_by_failures",
    "next_hosts",
    "resumed",
    "summary",
]
