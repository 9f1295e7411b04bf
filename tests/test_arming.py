# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may be installed: times, the stored state, and what ends an arming."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inventories import one_host

from ksgen import arming
from ksgen.host import Host

NOW = datetime(2026, 5, 4, 12, 30, 15, 999, tzinfo=timezone.utc)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
UNTIL = NOW.replace(microsecond=0) + HOUR


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return one_host(tmp_path)


@pytest.mark.parametrize(
    ("text", "until"),
    [
        pytest.param(None, "2026-05-04T18:30:15+00:00", id="default-is-six-hours"),
        pytest.param("2h", "2026-05-04T14:30:15+00:00", id="hours"),
        pytest.param("90m", "2026-05-04T14:00:15+00:00", id="minutes"),
        pytest.param("31d", "2026-06-04T12:30:15+00:00", id="longest"),
        pytest.param("2026-05-04T18:00:00Z", "2026-05-04T18:00:00+00:00", id="utc"),
        pytest.param("2026-05-04T18:00+02:00", "2026-05-04T16:00:00+00:00", id="offset"),
    ],
)
def test_until(text: str | None, until: str) -> None:
    found = arming.parse_until(text, NOW)
    assert isinstance(found, datetime)
    assert found.isoformat() == until


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("soon", "'soon' is not a time", id="word"),
        pytest.param("2", "'2' is not a time", id="no-unit"),
        pytest.param("-2h", "'-2h' is not a time", id="negative"),
        pytest.param("999999d", "4764-03-30T12:30:15Z is more than 31 days away", id="far"),
        pytest.param("9999999d", "'9999999d' is not a time", id="overflow"),
        pytest.param("0h", "2026-05-04T12:30:15Z is not in the future; it is 2026-05-04T12:30:15Z", id="now"),
        pytest.param(
            "2026-05-04T12:00Z", "2026-05-04T12:00:00Z is not in the future; it is 2026-05-04T12:30:15Z", id="past"
        ),
        pytest.param("32d", "2026-06-05T12:30:15Z is more than 31 days away", id="too-long"),
        pytest.param("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z is more than 31 days away", id="for-ever"),
    ],
)
def test_no_until(text: str, message: str) -> None:
    found = arming.parse_until(text, NOW)
    assert isinstance(found, arming.UntilError)
    assert found.message == message
    assert found.hint


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    found = arming.parse_until(text, NOW)
    assert isinstance(found, arming.UntilError) or NOW < found + SECOND <= NOW + arming.LONGEST_DURATION + SECOND


def test_the_state_comes_back(host: Host) -> None:
    armed = arming.arm((), [host], UNTIL, NOW)
    stored = json.dumps(arming.dump(armed))
    entry = {"mac": "52:54:00:aa:00:01", "given": "2026-05-04T12:30:15Z", "until": "2026-05-04T13:30:15Z"}
    assert json.loads(stored) == {"version": 1, "armed": {"node01.example.com": entry}}
    assert arming.load(json.loads(stored)) == armed
    assert arming.load(None) == ()


@pytest.mark.parametrize(
    ("state", "message"),
    [
        pytest.param({}, "is not an arming state of version 1", id="empty"),
        pytest.param({"version": 2, "armed": {}}, "is not an arming state of version 1", id="of-the-future"),
        pytest.param({"version": 1, "armed": []}, "is not an arming state of version 1", id="list"),
        pytest.param({"version": 1, "armed": {"a": 1}}, "the entry of a is not one of an arming state", id="number"),
        pytest.param(
            {
                "version": 1,
                "armed": {"a": {"mac": "", "given": "2026-05-04T12:30:15Z", "until": "2026-05-04T12:30:15"}},
            },
            "the entry of a is not one of an arming state",
            id="time-without-offset",
        ),
    ],
)
def test_a_strange_state_is_refused(state: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the whole text is compared
        arming.load(state)
    assert str(caught.value) == message


def test_arming_again_replaces(host: Host) -> None:
    first = arming.arm((), [host], UNTIL, NOW)
    second = arming.arm(first, [host], UNTIL, NOW + SECOND)
    assert [one.given for one in second] == [UNTIL - HOUR + SECOND]
    assert second[0].token != first[0].token
    assert arming.disarm(second, {"node01.example.com"}) == ()
    assert arming.disarm(second, {"another"}) == second


def test_a_token_names_host_and_seconds(host: Host) -> None:
    (one,) = arming.arm((), [host], UNTIL, NOW)
    assert one.token == "node01.example.com.1777897815.1777901415"
    assert datetime.fromtimestamp(1777901415, timezone.utc) == UNTIL


def test_what_ends_an_arming(host: Host, tmp_path: Path) -> None:
    armings = arming.arm((), [host], UNTIL, NOW)
    known = {host.name: host}
    (one,) = armings
    another_card = {host.name: one_host(tmp_path, node_mac='"52:54:00:aa:00:99"')}
    assert arming.status(one, known, UNTIL - SECOND) == "armed"
    assert arming.status(one, known, UNTIL) == "expired"
    assert arming.status(one, {}, UNTIL - SECOND) == "left the inventory"
    assert arming.status(one, another_card, UNTIL - SECOND) == "card changed"
    assert arming.status(one, known, UNTIL - SECOND, {one.token}) == "used"
    assert arming.active(armings, [host], UNTIL - SECOND) == {host.name: one}
    assert arming.active(armings, [host], UNTIL) == {}
    assert arming.active(armings, another_card.values(), UNTIL - SECOND) == {}
    assert arming.active(armings, [host], UNTIL - SECOND, {one.token}) == {}
