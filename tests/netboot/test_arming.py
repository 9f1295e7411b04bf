# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may be installed: times, the stored state, and what ends an arming."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inventories import RANDOM, draw, one_host

from ksgen.host import Host
from ksgen.netboot import arming

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
        pytest.param("9999999d", "'9999999d' is not a time", id="seven-digits"),
        pytest.param(
            "0001-01-01T00:00:00+14:00", "'0001-01-01T00:00:00+14:00' is not a time", id="before-the-first-year"
        ),
        pytest.param(
            "0h", "2026-05-04T12:30:15Z is not in the future; the current time is 2026-05-04T12:30:15Z", id="now"
        ),
        pytest.param(
            "2026-05-04T12:00Z",
            "2026-05-04T12:00:00Z is not in the future; the current time is 2026-05-04T12:30:15Z",
            id="past",
        ),
        pytest.param("32d", "2026-06-05T12:30:15Z is more than 31 days away", id="too-long"),
        pytest.param("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z is more than 31 days away", id="for-ever"),
    ],
)
def test_no_until(text: str, message: str) -> None:
    found = arming.parse_until(text, NOW)
    assert isinstance(found, arming.UntilError)
    hints = {
        "time": "write 90m, 6h, 2d, or 2026-05-04T18:00",
        "away": "write 31d at most",
        "2026-05-04T12:30:15Z": "write 90m, 6h or 2d",
    }
    assert (found.message, found.hint) == (message, hints[message.rpartition(" ")[2]])


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    found = arming.parse_until(text, NOW)
    assert isinstance(found, arming.UntilError) or NOW < found + SECOND <= NOW + arming.LONGEST_DURATION + SECOND


REPORT = "0123456789abcdef" * 4
ENTRY = {"mac": "52:54:00:aa:00:01", "given": "2026-05-04T12:30:15Z", "until": "2026-05-04T13:30:15Z"}


def test_the_state_comes_back(host: Host) -> None:
    armed = arming.arm((), [host], UNTIL, NOW, draw)
    stored = json.dumps(arming.dump(armed))
    entry = {**ENTRY, "secret": RANDOM, "report": REPORT}
    assert json.loads(stored) == {"version": 4, "armed": {"node01.example.com": entry}}
    assert arming.load(json.loads(stored)) == armed
    assert arming.load(None) == ()


def test_the_state_of_an_older_ksgen(host: Host) -> None:
    (one,) = arming.load({"version": 1, "armed": {host.name: ENTRY}})
    assert one == arming.Arming(host.name, ENTRY["mac"], UNTIL - HOUR, UNTIL)
    assert one.token == "node01.example.com.1777897815.1777901415"
    assert arming.load(arming.dump([one])) == (one,)


def test_an_arming_without_a_token_for_reports(host: Host) -> None:
    (one,) = arming.load({"version": 2, "armed": {host.name: {**ENTRY, "secret": RANDOM}}})
    assert one.report == ""
    assert arming.load(arming.dump([one])) == (one,)


def test_a_reinstallation_comes_back(host: Host) -> None:
    (one,) = arming.arm((), [host], UNTIL, NOW, draw, is_reinstallation=True)
    assert one.is_reinstallation
    assert arming.load(json.loads(json.dumps(arming.dump([one])))) == (one,)
    (older,) = arming.load({"version": 3, "armed": {host.name: {**ENTRY, "secret": RANDOM, "report": REPORT}}})
    assert not older.is_reinstallation


def test_times_of_any_offset_are_the_same() -> None:
    entry = {**ENTRY, "given": "2026-05-04T14:30:15.5+02:00", "until": "2026-05-04T15:30:15.5+02:00"}
    (one,) = arming.load({"version": 2, "armed": {"a": entry}})
    assert (one.given, one.until) == (UNTIL - HOUR, UNTIL)
    assert {one.given.tzinfo, one.until.tzinfo} == {timezone.utc}


@pytest.mark.parametrize(
    ("state", "message"),
    [
        pytest.param({}, "is not an arming state file of ksgen", id="empty"),
        pytest.param([], "is not an arming state file of ksgen", id="no-mapping"),
        pytest.param("armed", "is not an arming state file of ksgen", id="text"),
        pytest.param({"version": 2, "armed": []}, "is not an arming state file of ksgen", id="list"),
        pytest.param({"version": 2, "armed": None}, "is not an arming state file of ksgen", id="null"),
        pytest.param(
            {"version": 5, "armed": {}},
            "is an arming state of version 5; this ksgen supports up to 4",
            id="of-the-future",
        ),
        pytest.param({"armed": {}}, "is an arming state of version None; this ksgen supports up to 4", id="no-version"),
    ],
)
def test_a_strange_state_is_refused(state: object, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the whole text is compared
        arming.load(state)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("host", "entry"),
    [
        pytest.param("a", 1, id="number"),
        pytest.param("a", None, id="null"),
        pytest.param("a", [], id="list"),
        pytest.param("a", "given", id="text"),
        *(
            pytest.param("a", {key: value for key, value in ENTRY.items() if key != missing}, id=f"no-{missing}")
            for missing in ENTRY
        ),
        pytest.param("a", {**ENTRY, "until": "2026-05-04T12:30:15"}, id="end-without-offset"),
        pytest.param("a", {**ENTRY, "given": "2026-05-04T12:30:15"}, id="begin-without-offset"),
        pytest.param("a", {**ENTRY, "until": "soon"}, id="no-time"),
        pytest.param("a", {**ENTRY, "until": 5}, id="number-for-a-time"),
        pytest.param("a", {**ENTRY, "until": "0001-01-01T00:00:00+14:00"}, id="before-all-times"),
        pytest.param("a", {**ENTRY, "given": "2001-09-09T01:46:39Z"}, id="begin-of-nine-digits"),
        pytest.param("a", {**ENTRY, "until": "2001-09-09T01:46:39Z"}, id="end-of-nine-digits"),
        pytest.param("a", {**ENTRY, "until": "2286-11-20T17:46:40Z"}, id="end-of-eleven-digits"),
        pytest.param("a", {**ENTRY, "mac": 5}, id="card"),
        pytest.param("a", {**ENTRY, "secret": 5}, id="random-part-a-number"),
        pytest.param("a", {**ENTRY, "secret": None}, id="random-part-null"),
        pytest.param("a", {**ENTRY, "secret": RANDOM[1:]}, id="random-part-short"),
        pytest.param("a", {**ENTRY, "secret": RANDOM, "report": RANDOM}, id="report-token-short"),
        pytest.param("a", {**ENTRY, "reinstall": "yes"}, id="reinstall-a-text"),
        pytest.param("a", {**ENTRY, "secret": RANDOM.upper()}, id="random-part-in-capitals"),
        pytest.param("a", {**ENTRY, "secret": f"{RANDOM}/"}, id="random-part-with-a-path"),
        pytest.param("", ENTRY, id="no-name"),
        pytest.param("../../etc/passwd", ENTRY, id="path"),
        pytest.param("a b", ENTRY, id="blank"),
    ],
)
def test_a_damaged_entry_is_named(host: str, entry: object) -> None:
    good = {"b": ENTRY}
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the whole text is compared
        arming.load({"version": 2, "armed": {**good, host: entry}})
    assert str(caught.value) == f"the entry of {host!r} is corrupt"


def test_arming_again_replaces(host: Host) -> None:
    first = arming.arm((), [host], UNTIL, NOW, draw)
    second = arming.arm(first, [host], UNTIL, NOW + SECOND, draw)
    assert [one.given for one in second] == [UNTIL - HOUR + SECOND]
    assert second[0].token != first[0].token
    assert arming.disarm(second, {"node01.example.com"}) == ()
    assert arming.disarm(second, {"another"}) == second


def test_a_token_names_host_and_seconds_and_cannot_be_guessed(host: Host) -> None:
    (one,) = arming.arm((), [host], UNTIL, NOW, draw)
    assert one.token == f"node01.example.com.1777897815.1777901415.{RANDOM}"
    assert datetime.fromtimestamp(1777901415, timezone.utc) == UNTIL
    assert len(RANDOM) == 2 * arming.RANDOM_BYTES
    assert 8 * arming.RANDOM_BYTES >= 128
    assert (one.report, 8 * arming.REPORT_BYTES) == (REPORT, 256)
    assert one.report not in one.token
    assert REPORT not in repr(one)
    assert RANDOM not in repr(one)


def test_each_host_has_a_random_part_of_its_own(host: Host) -> None:
    parts = iter(("a" * 32, "", "b" * 32, ""))
    other = dataclasses.replace(host, name="node02.example.com")
    assert [one.random for one in arming.arm((), [host, other], UNTIL, NOW, lambda _: next(parts))] == [
        "a" * 32,
        "b" * 32,
    ]


def test_arming_and_disarming_leave_the_others_alone(host: Host) -> None:
    other = dataclasses.replace(host, name="node00.example.com")
    first = arming.arm((), [host], UNTIL + SECOND / 2, NOW, draw)
    assert [one.until for one in first] == [UNTIL]
    both = arming.arm(first, [other], UNTIL, NOW, draw)
    assert [one.host for one in both] == ["node00.example.com", "node01.example.com"]
    assert both[1] == first[0]
    assert list(arming.dump(reversed(both))["armed"]) == [one.host for one in both]  # type: ignore[call-overload]
    assert arming.load({"version": 2, "armed": dict(reversed(arming.dump(both)["armed"].items()))}) == both  # type: ignore[attr-defined]
    assert arming.disarm(reversed(both), {"another"}) == both
    assert arming.disarm(both, {other.name}) == first
    assert arming.arm(reversed(both), [], UNTIL, NOW, draw) == both
    assert set(arming.active(both, [host, other], NOW)) == {host.name, other.name}
    assert set(arming.active(both, [other], NOW)) == {other.name}


def test_a_token_is_read_again(host: Host) -> None:
    (one,) = arming.arm((), [host], UNTIL, NOW, draw)
    assert arming.read_token(one.token) == dataclasses.replace(one, mac="", report="")
    old = dataclasses.replace(one, random="")
    assert arming.read_token(old.token) == dataclasses.replace(old, mac="", report="")
    first = arming.read_token("a.1000000000.1000000000")
    assert first is not None
    assert first.given == first.until == datetime(2001, 9, 9, 1, 46, 40, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a.1777897815", "a.177789781.1777901415", "a.1777897815.177790141", "a.1777897815.17779014155",
        "a.0777897815.1777901415", "a.1777897815.0777901415", "a.b/c.1777897815.1777901415",
        f"a.1777897815.1777901415.{RANDOM}0", f"a.1777897815.1777901415.{RANDOM[1:]}", "é.1777897815.1777901415",
        "-a.1777897815.1777901415", "a.1777897815.1777901415\n", f"a.1777897815.1777901415.{RANDOM.upper()}",
    ],
)  # fmt: skip
def test_another_text_is_no_token(text: str) -> None:
    assert arming.read_token(text) is None


def test_what_ends_an_arming(host: Host, tmp_path: Path) -> None:
    armings = arming.arm((), [host], UNTIL, NOW, draw)
    (one,) = armings
    published, spent = {one.token}, {one.token}
    another_card = one_host(tmp_path, node_mac='"52:54:00:aa:00:99"')
    assert arming.status(one, UNTIL - SECOND, (), published) == "armed"
    assert arming.status(one, UNTIL, (), published) == "expired"
    assert arming.status(one, UNTIL - SECOND, spent, published) == "used"
    assert arming.status(one, UNTIL, spent, ()) == "used"
    assert arming.status(one, UNTIL - SECOND, (), ()) == "withdrawn"
    assert arming.status(one, UNTIL, (), ()) == "expired"
    assert arming.active(armings, [host], UNTIL - SECOND) == {host.name: one}
    assert arming.active(armings, [host], UNTIL) == {}
    assert arming.active(armings, [], UNTIL - SECOND) == {}
    assert arming.active(armings, [another_card], UNTIL - SECOND) == {}
    assert arming.active(armings, [host], UNTIL - SECOND, spent) == {}


def test_what_the_inventory_does_not_have_any_more(host: Host, tmp_path: Path) -> None:
    armings = arming.arm((), [host], UNTIL, NOW, draw)
    another_card = one_host(tmp_path, node_mac='"52:54:00:aa:00:99"')
    assert arming.void(armings, {host.name: host}) == {}
    assert arming.void(armings, {}) == {host.name: "it is no longer in the inventory"}
    reason = "its node_mac is now 52:54:00:aa:00:99; it was 52:54:00:aa:00:01 when armed"
    assert arming.void(armings, {host.name: another_card}) == {host.name: reason}
