# SPDX-License-Identifier: GPL-2.0-or-later
"""What moves an attempt from one state to another, and what does not."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksgen.reports import ENDED, MEANINGS, Event, Standing, State, doubt, ended, fetched, follow, hear
from ksgen.reports.states import PATIENCE, RUNNING
from ksgen.reports.wire import Heartbeat, Reported

NOON = datetime.datetime(2026, 5, 4, 12, tzinfo=datetime.timezone.utc)
MINUTE = datetime.timedelta(minutes=1)
FIRST, SECOND = "boot-1", "boot-2"
WHOLE: tuple[Reported, ...] = (
    "preparing", "partitioning", "copying", "configuring", "layering", "installed", "up",
)  # fmt: skip


def event(state: Reported, seq: int = 1, message: str = "", done: int | None = None) -> Event:
    return Event(seq=seq, uptime=1.0, state=state, message=message, done=done)


def told(states: Sequence[Reported], boot: str = FIRST, standing: Standing | None = None) -> Standing:
    now = standing or Standing.armed(NOON)
    for number, state in enumerate(states, 1):
        now = follow(now, event(state, number), boot, NOON + number * MINUTE)
    return now


def test_every_state_has_a_meaning_and_an_end_or_patience() -> None:
    assert MEANINGS.keys() == PATIENCE.keys()
    assert not ENDED & RUNNING
    assert all(PATIENCE[state] for state in RUNNING)


def test_whole_installation() -> None:
    standing = told(WHOLE)
    assert (standing.state, standing.since, standing.restarts) == ("up", NOON + 7 * MINUTE, 0)


@given(st.permutations(WHOLE))
def test_order_of_arrival_does_not_matter(states: list[Reported]) -> None:
    assert told(states).state == "up"


@given(st.lists(st.sampled_from((*WHOLE, "failed")), max_size=12))
def test_nothing_goes_back_within_a_boot(states: list[Reported]) -> None:
    order = [*PATIENCE]
    standing = Standing.armed(NOON)
    for number, state in enumerate(states, 1):
        after = follow(standing, event(state, number), FIRST, NOON)
        if "failed" not in (standing.state, after.state):
            assert order.index(after.state) >= order.index(standing.state)
        standing = after
    if "up" in states:
        assert standing.state == "up"


def test_failure_stays_until_the_system_says_otherwise() -> None:
    failed = told(("copying", "failed"))
    assert failed.state == "failed"
    assert told(("configuring", "layering"), standing=failed).state == "failed"
    assert told(("installed",), standing=failed).state == "installed"
    assert told(("up",), standing=failed).state == "up"


def test_installer_that_begins_again_is_counted() -> None:
    standing = told(("preparing",), SECOND, told(("preparing", "copying")))
    assert (standing.state, standing.restarts, standing.boot) == ("preparing", 1, SECOND)
    assert told(("preparing",), SECOND, told(("preparing", "failed"))).restarts == 1
    # A late event of the boot before changes nothing.
    assert told(("preparing",), SECOND, told(("installed",))).state == "installed"


def test_up_with_a_complaint() -> None:
    standing = follow(told(("installed",)), event("up", message="nodectl check: vdsmd"), SECOND, NOON)
    assert (standing.state, standing.is_degraded, standing.message) == ("up", True, "nodectl check: vdsmd")


def test_heartbeat_does_not_change_the_state() -> None:
    standing = told(("copying",))
    later = NOON + 30 * MINUTE
    beat = Heartbeat(uptime=1.0, state="copying", step="rsync", done=7, total=10)
    heard = hear(standing, beat, FIRST, later)
    assert (heard.state, heard.heard, heard.progressed, heard.done) == ("copying", later, later, 7)
    same = hear(heard, beat, FIRST, later + MINUTE)
    assert (same.heard, same.progressed) == (later + MINUTE, later)
    other = hear(standing, beat.model_copy(update={"state": "layering"}), FIRST, later)
    assert (other.state, other.done) == ("copying", None)


@pytest.mark.parametrize(("state", "minutes"), [(state, patience) for state, patience in PATIENCE.items()])
def test_late(state: State, minutes: datetime.timedelta | None) -> None:
    standing = Standing(state, NOON, NOON, heard=None)
    assert doubt(standing, NOON + (minutes or MINUTE)) == ""
    assert doubt(standing, NOON + (minutes or 10**6 * MINUTE) + MINUTE) == ("late" if minutes else "")


def test_silent_while_the_installer_runs() -> None:
    standing = told(("copying",))
    assert doubt(standing, NOON + 4 * MINUTE) == ""
    assert doubt(standing, NOON + 4.1 * MINUTE) == "silent"
    assert doubt(told(("installed",)), NOON + 20 * MINUTE) == ""


def test_fetch_and_end_of_the_arming() -> None:
    armed = Standing.armed(NOON)
    assert fetched(armed, NOON + MINUTE).state == "booting"
    assert fetched(ended(armed, "expired", NOON), NOON + MINUTE).state == "booting"
    assert fetched(told(("copying",)), NOON).state == "copying"
    assert ended(armed, "cancelled", NOON + MINUTE).state == "cancelled"
    assert ended(told(("copying",)), "expired", NOON).state == "copying"
    # It had its kickstart before it was disarmed.
    assert told(("preparing",), standing=ended(armed, "cancelled", NOON)).state == "preparing"


def test_document_has_the_states_and_when_they_are_late() -> None:
    text = (Path(__file__).parents[2] / "docs" / "deployment.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (?:(\d+) min[^|]*)?\|$", text, re.MULTILINE)
    minutes = {state: f"{patience // MINUTE}" if patience else "" for state, patience in PATIENCE.items()}
    assert dict(rows) == minutes
