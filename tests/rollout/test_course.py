# SPDX-License-Identifier: GPL-2.0-or-later
"""What a look at the server makes of a host of a rollout, and which host begins next."""

from __future__ import annotations

import dataclasses
import datetime

import pytest

from ksgen.rollout import Course, Limits, Seen, is_stopped_by_failures, resumed, summary
from ksgen.rollout.course import Phase, failed_armed, follow, is_over, next_hosts, to_ask, to_disarm

GIVEN = datetime.datetime(2026, 5, 4, 12, tzinfo=datetime.timezone.utc)
LATER = GIVEN + datetime.timedelta(minutes=1)
LIMITS = Limits(at_once=2, failures=1, boot_s=900, doubt_s=1800)
BOOTING = Course("node01", "booting", given=GIVEN, state="armed", moved=100.0)
INSTALLING = dataclasses.replace(BOOTING, phase="installing", state="copying")
NOT_BOOTED = (
    "has not asked for its boot file and kernel within 900 s; look at its console, its boot order and the DHCP server"
)


@pytest.mark.parametrize(
    ("course", "seen", "now", "phase", "message"),
    [
        pytest.param(BOOTING, None, 99999, "booting", "", id="the server is away"),
        pytest.param(BOOTING, Seen("up", given=None), 200, "booting", "", id="the new arming is not known yet"),
        pytest.param(BOOTING, Seen("armed", given=GIVEN), 1000, "booting", "", id="may boot for a while"),
        pytest.param(BOOTING, Seen("armed", given=GIVEN), 1001, "failed", NOT_BOOTED, id="does not boot"),
        pytest.param(BOOTING, Seen("booting", given=GIVEN), 1001, "installing", "", id="boots at last"),
        pytest.param(
            BOOTING, Seen("cancelled", given=GIVEN), 200, "left", "disarmed by another command", id="disarmed"
        ),
        pytest.param(
            BOOTING, Seen("expired", given=GIVEN), 200, "failed", "its arming has ended before it booted", id="expired"
        ),
        pytest.param(
            INSTALLING, Seen("armed", given=LATER), 200, "left", "armed again by another command; it is followed there",
            id="armed by hand",
        ),
        pytest.param(
            INSTALLING, Seen("copying", given=GIVEN, step="rsync"), 200, "installing", "rsync", id="shows its step"
        ),
        pytest.param(
            INSTALLING, Seen("failed", given=GIVEN, message="no disk\nlook"), 200, "failed", "no disk", id="has failed"
        ),
        pytest.param(INSTALLING, Seen("up", given=GIVEN), 200, "up", "", id="is up"),
        pytest.param(
            INSTALLING, Seen("up", given=GIVEN, message="failed units: x.service", is_degraded=True), 200, "up",
            "failed units: x.service", id="is up, and complains",
        ),
        pytest.param(Course("node01"), Seen("up", given=LATER), 200, "waiting", "", id="has not begun"),
    ],
)  # fmt: skip
def test_follows(course: Course, seen: Seen | None, now: float, phase: Phase, message: str) -> None:
    after = follow(course, seen, now, LIMITS)
    assert (after.phase, after.message) == (phase, message)
    assert after.is_unexplained == (message == NOT_BOOTED)


def test_silence_is_a_failure_after_a_while_and_not_before() -> None:
    silent = Seen("copying", "silent", GIVEN)
    course = follow(INSTALLING, silent, 200, LIMITS)
    assert (course.phase, course.doubt, course.moved) == ("installing", "silent", 200)
    assert follow(course, silent, 2000, LIMITS).phase == "installing"
    assert follow(course, Seen("copying", "", GIVEN), 2001, LIMITS).phase == "installing"
    given_up = follow(course, silent, 2001, LIMITS)
    assert to_ask([given_up, course]) == ["node01"]
    assert to_ask([given_up.explained("the controller says that it is on")]) == []
    assert (given_up.phase, given_up.message) == (
        "failed", "silent in state copying for 1801 s; look at its console",
    )  # fmt: skip


def courses(**phases: Phase) -> list[Course]:
    return [Course(host, phase, given=GIVEN, state="armed") for host, phase in phases.items()]


def test_as_many_begin_as_are_free() -> None:
    some = courses(a="up", b="installing", c="waiting", d="waiting", e="waiting")
    assert next_hosts(some, LIMITS) == ["c"]
    assert next_hosts(some, dataclasses.replace(LIMITS, at_once=9)) == ["c", "d", "e"]
    assert next_hosts(courses(a="booting", b="armed", c="waiting"), LIMITS) == []


def test_failures_stop_the_next_ones() -> None:
    assert next_hosts(courses(a="failed", b="waiting"), LIMITS) == ["b"]
    too_many = courses(a="failed", b="failed", c="installing", d="waiting")
    assert is_stopped_by_failures(too_many, LIMITS)
    assert next_hosts(too_many, LIMITS) == []
    assert not is_over(too_many, LIMITS, is_stopping=False)
    assert is_over(courses(a="failed", b="failed", d="waiting"), LIMITS, is_stopping=False)
    assert next_hosts(too_many, dataclasses.replace(LIMITS, failures=None)) == ["d"]


def test_an_interrupt_disarms_what_has_not_begun() -> None:
    some = [*courses(a="armed", b="booting", c="waiting", d="up"), INSTALLING]
    assert to_disarm(some) == ["a", "b"]
    assert failed_armed(courses(a="failed", b="up")) == ["a"]
    assert failed_armed([dataclasses.replace(INSTALLING, phase="failed")]) == []


@pytest.mark.parametrize(
    ("phase", "given", "expected"),
    [
        ("waiting", None, "waiting"),
        ("armed", GIVEN, "armed"),
        ("booting", GIVEN, "booting"),
        ("installing", GIVEN, "booting"),
        ("failed", GIVEN, "waiting"),
        ("up", GIVEN, "waiting"),
    ],
)
def test_goes_on_where_an_earlier_run_was(phase: str, given: datetime.datetime | None, expected: Phase) -> None:
    assert resumed("node01", phase, given, 5.0).phase == expected


def test_summary_has_what_there_is() -> None:
    assert summary(courses(a="up", b="failed", c="up")) == {"up": 2, "failed": 1}
