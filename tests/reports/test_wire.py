# SPDX-License-Identifier: GPL-2.0-or-later
"""Reports as they come from machines, of which any may be compromised."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksgen.reports import LOG_LARGEST, REPORT_LARGEST, Report, clean, cut, headline, is_log_name, read_report
from org_ovirt_node.programs import report as program

BASE: dict[str, Any] = {"version": 1, "boot": "5f0c8a3e-1111-2222-3333-444455556666", "events": []}
EVENT: dict[str, Any] = {"seq": 1, "uptime": 1.5, "state": "copying"}


def read(**changes: Any) -> Report | str:
    return read_report(json.dumps({**BASE, **changes}).encode())


def test_what_the_reporter_writes_is_read() -> None:
    event = {"seq": 1, "uptime": program.uptime(), **program.event_of("failed", "a step", "why", {"memory": 1})}
    report = read(events=[event], boot=program.boot_id(), version=program.VERSION)
    assert isinstance(report, Report)
    assert (report.events[0].step, report.events[0].message, report.events[0].facts) == ("a step", "why", {"memory": 1})


def test_limits_of_the_reporter_are_those_of_the_server() -> None:
    from ksgen.reports import wire

    assert program.LOG_LARGEST == LOG_LARGEST
    assert program.BATCH <= wire.EVENTS_MOST
    assert program.MESSAGE_LONGEST <= wire.MESSAGE_LONGEST
    assert program.STEP_LONGEST <= wire.STEP_LONGEST
    assert is_log_name("a" * program.LOG_NAME_LONGEST)
    assert {*program.STATES, program.FAILED} == set(wire.Reported.__args__)  # type: ignore[attr-defined]


def test_facts_of_this_machine_are_accepted() -> None:
    event = {"seq": 1, "uptime": 1.0, **program.event_of("preparing", "", "", program.machine_facts())}
    assert isinstance(read(events=[event]), Report)


def test_newer_reporter_may_say_more() -> None:
    assert isinstance(read(events=[{**EVENT, "colour": "red"}], more=[1]), Report)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version: Input should be 1"),
        ({"boot": "../../etc"}, "boot: String should match pattern"),
        ({"events": [{**EVENT, "seq": 0}]}, "events.0.seq: Input should be greater than or equal to 1"),
        ({"events": [{**EVENT, "seq": "1"}]}, "events.0.seq: Input should be a valid integer"),
        ({"events": [{**EVENT, "seq": True}]}, "events.0.seq: Input should be a valid integer"),
        ({"events": [{**EVENT, "state": "armed"}]}, "events.0.state: Input should be 'preparing'"),
        ({"events": [{**EVENT, "uptime": -1.0}]}, "events.0.uptime: Input should be greater than or equal to 0"),
        ({"events": [{**EVENT, "done": 2**60}]}, "events.0.done: Input should be less than or equal to"),
        ({"events": [{**EVENT, "step": ["x"]}]}, "events.0.step: Input should be a valid string"),
        ({"events": [EVENT] * 65}, "events: Tuple should have at most 64 items"),
        ({"events": [{**EVENT, "facts": {"a": [[[[[[[1]]]]]]]}}]}, "events.0.facts: Value error, more than 6 levels"),
    ],
)
def test_report_is_refused(changes: dict[str, Any], message: str) -> None:
    answer = read(**changes)
    assert isinstance(answer, str)
    assert answer.startswith(message)


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"{", b"[" * 200_000, b" " * (REPORT_LARGEST + 1)])
def test_other_data_is_refused(data: bytes) -> None:
    assert isinstance(read_report(data), str)


@given(st.binary(max_size=300))
def test_no_data_breaks_it(data: bytes) -> None:
    read_report(data)


@given(st.text(max_size=200))
def test_text_is_harmless(text: str) -> None:
    report = read(events=[{**EVENT, "step": text, "message": text, "facts": {text: text}}])
    assert isinstance(report, Report)
    (event,) = report.events
    assert event.facts is not None
    for shown in (event.step, event.message, *event.facts, *event.facts.values()):
        assert clean(shown) == shown
        assert not {"\x1b", "\x00", "\x7f", "\u202e"} & set(shown)
    assert "\n" not in event.step


def test_escape_sequences_are_removed() -> None:
    assert clean("\x1b[31mred\x1b[0m\r\nnext\x1b]0;title\x07\u202eback") == "red\nnext0;title\ufffd\ufffdback"


def test_log_is_cut_at_the_begin_of_a_line() -> None:
    assert cut(b"short\n") == (b"short\n", False)
    end, is_cut = cut(b"0123456789\n" * 100_000)
    assert is_cut
    assert end.startswith(b"0123456789\n")
    assert len(end) <= LOG_LARGEST


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "a b", "-x", "a" * 101, "ä", "a\n"])
def test_no_name_of_a_log(name: str) -> None:
    assert not is_log_name(name)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        pytest.param("", "", id="empty"),
        pytest.param("the installer has ended\nno space", "the installer has ended", id="without-an-error"),
        pytest.param("error: no disk\ncure: name it", "error: no disk", id="at-its-begin"),
        pytest.param(
            "ovirt-node: the installation stops here; nothing has been written to any disk.\novirt-node: wanted:\n"
            "ovirt-node: error: no-disk: no disk has serial 1\novirt-node: error: second\n",
            "error: no-disk: no disk has serial 1",
            id="of-a-program",
        ),
        pytest.param("it says error: nothing\nand ends", "it says error: nothing", id="within-a-line"),
    ],
)
def test_headline(message: str, line: str) -> None:
    assert headline(message) == line
