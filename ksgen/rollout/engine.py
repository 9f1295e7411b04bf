# SPDX-License-Identifier: GPL-2.0-or-later
"""Carries out a rollout: looks, decides (course.py), and acts through doors that the command provides."""

from __future__ import annotations

import dataclasses
import datetime
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from ksgen.rollout.course import Course, Limits, Seen, failed_armed, follow, is_over, next_hosts, to_ask, to_disarm

PAUSE_S = 2.0


class Failed(Exception):
    """Why something could not be done, in words for a person."""


class Doors(Protocol):
    """What a rollout acts through. Each may raise Failed.

    `look` returns None while the server does not answer. `keep` tells it how far all hosts are, and returns those that
    another run has taken over. `arm` returns the begin of the arming of each. `power` switches a machine on so that it
    boots the installer, and returns when it does; None where a person does that. `ask` returns what the controller of a
    machine says of it, in words, within a minute; None where no controller is known.
    """

    @property
    def power(self) -> Callable[[str, threading.Event], None] | None: ...

    @property
    def ask(self) -> Callable[[str, threading.Event], str] | None: ...

    def look(self) -> Mapping[str, Seen] | None: ...

    def keep(self, courses: Collection[Course]) -> Collection[str]: ...

    def arm(self, hosts: Sequence[str]) -> Mapping[str, datetime.datetime]: ...

    def disarm(self, hosts: Sequence[str]) -> None: ...


class Rollout:
    """Hosts on their way, some at once. `show` is called with all of them after each look."""

    def __init__(
        self,
        courses: Sequence[Course],
        limits: Limits,
        doors: Doors,
        show: Callable[[Sequence[Course]], None],
        clock: Callable[[], float] = time.monotonic,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._courses = {one.host: one for one in courses}
        self._limits, self._doors, self._show, self._clock, self._pause_s = limits, doors, show, clock, pause_s
        self._stop = threading.Event()
        self._powers: dict[str, Future[None]] = {}
        self._answers: dict[str, Future[str]] = {}

    @property
    def courses(self) -> tuple[Course, ...]:
        return tuple(self._courses.values())

    def stop(self) -> None:
        """Begin no more hosts, and end as soon as none is between its arming and its first request."""
        self._stop.set()

    def run(self) -> tuple[Course, ...]:
        """Until everything is at its end, or stopped. Returns where each host is."""
        # As many machines may be switched on as have just been given up.
        with ThreadPoolExecutor(max(1, 2 * self._limits.at_once), "power") as threads:
            while True:
                self._follow()
                if not self._stop.is_set():
                    self._begin(threads)
                    self._ask(threads)
                self._keep()
                self._show(self.courses)
                if self._stop.is_set():
                    return self._interrupted()
                if is_over(self.courses, self._limits, is_stopping=False) and not to_ask(self.courses):
                    return self.courses
                self._stop.wait(self._pause_s)

    def _follow(self) -> None:
        seen, now = self._doors.look(), self._clock()
        for host, course in self._courses.items():
            if seen is not None and host in seen:
                self._courses[host] = follow(course, seen[host], now, self._limits)
            self._courses[host] = self._explained(self._powered(self._courses[host]))
        if failed := failed_armed(self.courses):
            self._disarm(failed)

    def _powered(self, course: Course) -> Course:
        """With what has come of switching it on."""
        power = self._powers.get(course.host)
        if power is None or not power.done() or course.is_over:
            return course
        del self._powers[course.host]
        error = power.exception()
        if error is None:
            return course
        if not isinstance(error, Failed):
            raise error
        return course.to("failed", self._clock(), str(error))

    def _explained(self, course: Course) -> Course:
        """With what its controller has said."""
        answer = self._answers.get(course.host)
        if answer is None or not answer.done():
            return course
        del self._answers[course.host]
        error = answer.exception()
        if error is not None and not isinstance(error, Failed):
            raise error
        return course.explained(f"its controller: {error}" if error else answer.result())

    def _ask(self, threads: ThreadPoolExecutor) -> None:
        """Ask the controllers of hosts that were given up, each once, when nothing else speaks to it."""
        for host in to_ask(self.courses):
            power = self._powers.get(host)
            if self._doors.ask is None:
                self._courses[host] = self._courses[host].explained("")
            elif host not in self._answers and (power is None or power.done()):
                self._answers[host] = threads.submit(self._doors.ask, host, self._stop)

    def _begin(self, threads: ThreadPoolExecutor) -> None:
        now = self._clock()
        starting = next_hosts(self.courses, self._limits)
        if starting:
            self._arm(starting, now)
        for course in self.courses:
            if course.phase == "armed":
                if self._doors.power is not None:
                    self._powers[course.host] = threads.submit(self._doors.power, course.host, self._stop)
                self._courses[course.host] = course.to("booting", now)

    def _arm(self, hosts: Sequence[str], now: float) -> None:
        try:
            given = self._doors.arm(hosts)
        except Failed as error:
            for host in hosts:
                self._courses[host] = self._courses[host].to("failed", now, str(error))
            return
        for host, begin in given.items():
            armed = self._courses[host].to("armed", now)
            self._courses[host] = dataclasses.replace(armed, given=begin, began=now)

    def _keep(self) -> None:
        for host in self._doors.keep(self.courses):
            if not self._courses[host].is_over:
                self._courses[host] = self._courses[host].to("left", self._clock(), "taken over by another command")

    def _interrupted(self) -> tuple[Course, ...]:
        """Disarm what has not begun; what installs itself goes on without us."""
        unused = to_disarm(self.courses)
        if unused:
            self._disarm(unused)
        for host in unused:
            self._courses[host] = Course(host, message="disarmed: it had not begun")
        self._doors.keep(self.courses)
        return self.courses

    def _disarm(self, hosts: Sequence[str]) -> None:
        self._doors.disarm(hosts)
        for host in hosts:
            self._courses[host] = dataclasses.replace(self._courses[host], state="cancelled")
