# SPDX-License-Identifier: GPL-2.0-or-later
"""Installing many hosts, some at once: how far each is, and what is done next."""

from ksgen.rollout.course import Course, Limits, Seen, is_stopped_by_failures, resumed, summary
from ksgen.rollout.engine import Failed, Rollout

__all__ = ["Course", "Failed", "Limits", "Rollout", "Seen", "is_stopped_by_failures", "resumed", "summary"]
