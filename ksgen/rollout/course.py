# SPDX-License-Identifier: GPL-2.0-or-later
"""How far each host of a rollout is, and what is to be done next. Nothing is done here, and no clock is read."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from ksgen.reports import ENDED, headline

# waiting: nothing has been done. armed: has its permission, and is to be switched on. booting: is on, and has not asked
# for anything yet. installing: follows its reports. The last three are ends: up, failed, and left to another command.
Phase = Literal["waiting", "armed", "booting", "installing", "up", "failed", "left"]
_ENDS: frozenset[Phase] = frozenset({"up", "failed", "left"})
_ACTIVE: frozenset[Phase] = frozenset({"armed", "booting", "installing"})


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the server says of a host: its newest attempt. `given` is the begin of its arming."""

    state: str
    doubt: str = ""
    given: datetime.datetime | None = None
    message: str = ""
    step: str = ""
    is_degraded: bool = False


@dataclasses.dataclass(frozen=True)
class Course:
    """A host of a rollout.

    `given` is the begin of the arming that the rollout made. `began` and `moved` are seconds of a monotonic clock: when
    it was armed, and when it last came into another state; `state` and `doubt` are the server's. `is_unexplained`: it
    was given up because nothing was heard of it, so what its controller says is worth asking.
    """

    host: str
    phase: Phase = "waiting"
    message: str = ""
    given: datetime.datetime | None = None
    state: str = ""
    doubt: str = ""
    began: float = 0.0
    moved: float = 0.0
    is_unexplained: bool = False

    @property
    def is_over(self) -> bool:
        return self.phase in _ENDS

    @property
    def is_active(self) -> bool:
        return self.phase in _ACTIVE

    def to(self, phase: Phase, now: float, message: str = "") -> Course:
        """In another phase."""
        return dataclasses.replace(self, phase=phase, message=message, moved=now)

    def given_up(self, now: float, message: str) -> Course:
        """Failed, as nothing was heard of it."""
        return dataclasses.replace(self.to("failed", now, message), is_unexplained=True)

    def explained(self, words: str) -> Course:
        """With what its controller says, which changes nothing else."""
        message = f"{self.message}; {words}" if words else self.message
        return dataclasses.replace(self, message=message, is_unexplained=False)


@dataclasses.dataclass(frozen=True)
class Limits:
    """How many hosts are installed at once, after how many failures none is begun (None: go on), for how long a machine
    may take to ask for its kernel, and for how long a host may be silent or late, in seconds."""

    at_once: int = 8
    failures: int | None = None
    boot_s: float = 900.0
    doubt_s: float = 1800.0


def follow(course: Course, seen: Seen | None, now: float, limits: Limits) -> Course:
    """Where a host is after a look at the server. `seen` is None where the server did not answer."""
    if seen is None or not course.is_active:
        return course
    if course.given is not None and seen.given is not None and seen.given > course.given:
        return course.to("left", now, "armed again by another command; it is followed there")
    if seen.given != course.given:
        # The server has not seen the new arming yet.
        return course
    moved = now if (seen.state, seen.doubt) != (course.state, course.doubt) else course.moved
    course = dataclasses.replace(course, state=seen.state, doubt=seen.doubt, moved=moved)
    if seen.state in ENDED:
        return _ended(course, seen, now)
    waited = now - course.moved
    if seen.state == "armed":
        if course.phase == "booting" and waited > limits.boot_s:
            why = f"has not asked for its boot file and kernel within {limits.boot_s:.0f} s"
            return course.given_up(now, f"{why}; look at its console, its boot order and the DHCP server")
        return course
    if seen.doubt and waited > limits.doubt_s:
        return course.given_up(now, f"{seen.doubt} in state {seen.state} for {waited:.0f} s; look at its console")
    return dataclasses.replace(course, phase="installing", message=seen.step)


def _ended(course: Course, seen: Seen, now: float) -> Course:
    if seen.state == "up":
        return course.to("up", now, seen.message if seen.is_degraded else "")
    if seen.state == "failed":
        return course.to("failed", now, headline(seen.message) or "the installation has failed")
    reasons = {"cancelled": "disarmed by another command", "expired": "its arming has ended before it booted"}
    return course.to("left" if seen.state == "cancelled" else "failed", now, reasons[seen.state])


def next_hosts(courses: Iterable[Course], limits: Limits) -> list[str]:
    """The hosts that begin now, in their order."""
    courses = list(courses)
    if is_stopped_by_failures(courses, limits):
        return []
    free = limits.at_once - sum(one.is_active for one in courses)
    return [one.host for one in courses if one.phase == "waiting"][: max(0, free)]


def is_stopped_by_failures(courses: Iterable[Course], limits: Limits) -> bool:
    """Whether so many have failed that no more are begun."""
    failed = sum(one.phase == "failed" for one in courses)
    return limits.failures is not None and failed > limits.failures


def is_over(courses: Sequence[Course], limits: Limits, is_stopping: bool) -> bool:
    """Whether nothing more is to be done: everything is at its end, or nothing more is begun and none is on its way."""
    if any(one.is_active for one in courses):
        return False
    return is_stopping or is_stopped_by_failures(courses, limits) or all(one.is_over for one in courses)


def resumed(host: str, phase: str, given: datetime.datetime | None, now: float) -> Course:
    """Where a host is for a run that takes it up again, from what an earlier one has noted.

    One that had failed, or was left to another command, begins anew: that it is named again is what permits it.
    """
    if given is None or phase not in _ACTIVE:
        return Course(host)
    # Whether an armed machine had been switched on is not known; one that has been asks again at most.
    return Course(host, "armed" if phase == "armed" else "booting", given=given, began=now, moved=now)


def to_disarm(courses: Iterable[Course]) -> list[str]:
    """The hosts to disarm when a rollout is interrupted: those that have their permission, and have not used it."""
    return [one.host for one in courses if one.phase in ("armed", "booting") and one.state in ("", "armed")]


def failed_armed(courses: Iterable[Course]) -> list[str]:
    """The hosts that failed before they used their permission: a person who looks may switch them on hours later."""
    return [one.host for one in courses if one.phase == "failed" and one.given and one.state in ("", "armed")]


def to_ask(courses: Iterable[Course]) -> list[str]:
    """The hosts that were given up because they were silent: their controllers may know more."""
    return [one.host for one in courses if one.phase == "failed" and one.is_unexplained]


def summary(courses: Sequence[Course]) -> Mapping[str, int]:
    """How many hosts are in each phase, in the order of the phases."""
    return {
        phase: count
        for phase in ("up", "failed", "left", "installing", "booting", "armed", "waiting")
        if (count := sum(one.phase == phase for one in courses))
    }
