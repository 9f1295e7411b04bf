# SPDX-License-Identifier: GPL-2.0-or-later
"""Logs of controllers: which one is read, its newest entries whatever order and pages it has, and what is shown."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from conftest import Start
from redfish_server import MANAGER, PASSWORD, SYSTEM, Controller, EventLog, Fault, error
from test_redfish import done, failed, here

from ksgen.bmc.eventlog import Log, direction, preferred

SEL = f"{MANAGER}/LogServices/Sel"
BEGIN = datetime.datetime(2026, 5, 4, 12, tzinfo=datetime.timezone.utc)


def entries(count: int, **more: Any) -> list[dict[str, Any]]:
    """Oldest first, a minute each; the message is their number."""
    return [
        {"Created": (BEGIN + datetime.timedelta(minutes=number)).isoformat(), "Message": str(number), **more}
        for number in range(count)
    ]


def read(controller: Controller, number: int = 3) -> Log:
    result = done(controller, "log", order={"entries": number})
    assert result.error is None
    assert result.log is not None
    return result.log


def messages(log: Log) -> list[str]:
    return [entry.message for entry in log.entries]


def asked(controller: Controller) -> int:
    """How many pages and entries were sent."""
    return sum("/Entries" in request for request in controller.requests)


def test_what_is_read(start: Start) -> None:
    told = {"Created": "2026-05-04T07:00:00-05:00", "Severity": "Critical", "Message": "The power supply 1 has failed."}
    controller = start(power="On", logs={SEL: EventLog([told])})
    result = done(controller, "log")
    assert result.to_json()["log"] == {
        "name": "Sel",
        "entries": [
            {"time": "2026-05-04T12:00:00Z", "severity": "Critical", "message": "The power supply 1 has failed."}
        ],
    }
    assert (result.power, result.model) == ("on", "Example One")
    assert not [request for request in controller.requests if request.startswith(("PATCH", "POST /redfish/v1/Sys"))]


def test_an_empty_log(start: Start) -> None:
    assert read(start(logs={SEL: EventLog()})) == Log("Sel", ())


ORDERS = [
    pytest.param(False, {}, 1, id="oldest-first"),
    pytest.param(True, {}, 1, id="newest-first"),
    pytest.param(False, {"page": 4}, 3, id="oldest-first-in-pages"),
    # Enough are in the first page.
    pytest.param(True, {"page": 4}, 1, id="newest-first-in-pages"),
    pytest.param(True, {"page": 2}, 2, id="newest-first-in-two-pages"),
    pytest.param(False, {"page": 4, "following": "@odata.nextLink"}, 3, id="link-of-odata"),
    # The first and the last say the order; one of the three that are shown is among them.
    pytest.param(False, {"is_linked": True}, 1 + 4, id="links-oldest-first"),
    pytest.param(True, {"is_linked": True}, 1 + 4, id="links-newest-first"),
    pytest.param(True, {"is_linked": True, "page": 4}, 1 + 4, id="links-newest-first-in-pages"),
]


@pytest.mark.parametrize(("is_falling", "behaviour", "requests"), ORDERS)
def test_the_newest_oldest_first(is_falling: bool, behaviour: dict[str, Any], requests: int, start: Start) -> None:
    given = entries(10)[:: -1 if is_falling else 1]
    controller = start(logs={SEL: EventLog(given, **behaviour)})
    assert messages(read(controller)) == ["7", "8", "9"]
    assert asked(controller) == requests


def test_the_end_of_a_long_log(start: Start) -> None:
    """Without the hundred pages before it, where the controller can skip them."""
    controller = start(logs={SEL: EventLog(entries(1000), page=10)}, has_skip=True)
    assert messages(read(controller, 15)) == [str(number) for number in range(985, 1000)]
    assert asked(controller) == 3


SKIPS = [
    pytest.param({"ignores_skip": True}, [], id="ignored"),
    pytest.param({}, [Fault(r"skip=27$", 501, error("not implemented"))], id="refused"),
    pytest.param({}, [Fault(r"skip=27$", 200, {"Members": []})], id="nothing"),
]


@pytest.mark.parametrize(("behaviour", "faults"), SKIPS)
def test_a_skip_that_does_not_help(behaviour: dict[str, Any], faults: list[Fault], start: Start) -> None:
    log = EventLog(entries(30), page=0 if behaviour else 10, **behaviour)
    assert messages(read(start(logs={SEL: log}, has_skip=True, faults=faults))) == ["27", "28", "29"]


def test_a_log_without_an_end(start: Start) -> None:
    controller = start(logs={SEL: EventLog(entries(10), page=4, ignores_skip=True)})
    assert failed(done(controller, "log")) == (
        "wrong", here(controller, "BMC has a log of more than 256 pages, or one without an end"),
        "clear the log at the controller",
    )  # fmt: skip
    assert asked(controller) == 2


SERVICES = [
    pytest.param(["Lclog", "FaultList", "Sel"], "Sel", id="dell"),
    pytest.param(["SL", "IML"], "IML", id="hpe"),
    pytest.param(["Dump", "PostCodes", "EventLog"], "EventLog", id="openbmc"),
    pytest.param(["AuditLog", "PlatformLog"], "PlatformLog", id="lenovo"),
    pytest.param(["Operations", "Security"], "Operations", id="none-of-the-hardware"),
]


@pytest.mark.parametrize(("names", "expected"), SERVICES)
def test_which_log(names: list[str], expected: str, start: Start) -> None:
    logs = {
        f"{SYSTEM}/LogServices/{name}": EventLog([{"Message": name}], name=f"The log {name}", kind="Event")
        for name in names
    }
    log = read(start(logs=logs))
    assert (log.name, messages(log)) == (expected, [expected])


def test_a_log_of_the_manager_and_one_of_the_system(start: Start) -> None:
    logs = {f"{SYSTEM}/LogServices/Journal": EventLog(kind=None), SEL: EventLog()}
    assert read(start(logs=logs)).name == "Sel"
    of_system = {f"{SYSTEM}/LogServices/Log1": EventLog(), f"{MANAGER}/LogServices/Audit": EventLog(kind="OEM")}
    assert read(start(logs=of_system)).name == "Log1"


def test_a_service_by_its_type_or_name() -> None:
    assert preferred([{"Id": "1"}, {"Id": "2", "LogEntryType": "SEL"}])["Id"] == "2"
    assert preferred([{"Id": "1", "LogEntryType": "SEL"}, {"Id": "2", "Name": "System Event Log"}])["Id"] == "2"


NOTHING = ("unsupported", "BMC has no log service in its Redfish")
LOG_FAULTS = [
    pytest.param([], {}, NOTHING, id="none"),
    pytest.param([Fault("LogServices$", 404, error("gone"))], {SEL: EventLog()}, NOTHING, id="not-there"),
    pytest.param([Fault("LogServices$", 200, {"Members": 7})], {SEL: EventLog()}, NOTHING, id="no-list"),
    pytest.param([Fault("Sel$", 200, {"Id": "Sel"})], {SEL: EventLog()}, NOTHING, id="no-entries"),
    pytest.param([Fault("LogServices$", 503, error("starting"))], {SEL: EventLog()},
                 ("busy", "BMC is busy (HTTP status 503): starting"), id="busy"),
    pytest.param([Fault("Entries$", 400, error("no licence"))], {SEL: EventLog()},
                 ("refused", "BMC refuses (HTTP status 400): no licence"), id="refused"),
    pytest.param([Fault("Entries$", 200, [])], {SEL: EventLog()},
                 ("wrong", f"BMC answers something that is not Redfish: no object at {SEL}/Entries"), id="list"),
    pytest.param([Fault("Entries$", 200, b"[" * 100_000)], {SEL: EventLog()},
                 ("wrong", "BMC answers something that is not Redfish: maximum recursion depth exceeded while decoding "
                  "a JSON array from a unicode string"), id="deep"),
    pytest.param([Fault("Entries$", 200, b" " * (16 * 1024 * 1024 + 1))], {SEL: EventLog()},
                 ("wrong", "BMC sends an answer of more than 16 MiB"), id="long"),
    pytest.param([Fault("Entries$", 200, {"Members": [], "Members@odata.nextLink": "https://evil.example.com/a"})],
                 {SEL: EventLog()}, ("wrong", "BMC refers to another server, evil.example.com"), id="leads-elsewhere"),
]  # fmt: skip


@pytest.mark.parametrize(("faults", "logs", "expected"), LOG_FAULTS)
def test_no_log(faults: list[Fault], logs: dict[str, EventLog], expected: tuple[str, str], start: Start) -> None:
    controller = start(faults=faults, logs=logs)
    result = done(controller, "log")
    assert failed(result)[:2] == (expected[0], here(controller, expected[1]))
    assert result.log is None


HOSTILE = [
    pytest.param({"Message": "a\x1b[2Jb\x00\n\u202ec"}, ("", "", "a?[2Jb? ?c"), id="control-characters"),
    pytest.param({"Message": "x" * 10_000}, ("", "", "x" * 199 + "…"), id="long"),
    pytest.param({"Message": f"login with {PASSWORD}"}, ("", "", "login with (secret)"), id="password"),
    pytest.param({"Severity": "\x07" * 500, "Message": 7}, ("", "?" * 199 + "…", "7"), id="severity"),
    pytest.param({"MessageId": "PSU0001"}, ("", "", "PSU0001"), id="without-a-message"),
    pytest.param({"Message": None, "Severity": None, "Created": None}, ("", "", ""), id="nothing"),
    pytest.param({"Created": "0000-00-00T00:00:00Z"}, ("", "", ""), id="no-time"),
    pytest.param({"Created": "0001-01-01T00:00:00+14:00"}, ("", "", ""), id="before-all-times"),
    pytest.param({"Created": ["2026"]}, ("", "", ""), id="a-list-for-a-time"),
    pytest.param({"Created": "2026-05-04T12:00:00.5"}, ("2026-05-04T12:00:00", "", ""), id="without-a-zone"),
]


@pytest.mark.parametrize(("entry", "expected"), HOSTILE)
def test_what_is_shown(entry: dict[str, Any], expected: tuple[str, str, str], start: Start) -> None:
    (found,) = read(start(logs={SEL: EventLog([entry])})).entries
    assert (found.shown_time, found.severity, found.message) == expected


def test_members_that_are_none(start: Start) -> None:
    page = {"Members": [None, 7, [], {"@odata.id": 7}, {"Message": "the only one"}]}
    controller = start(logs={SEL: EventLog()}, faults=[Fault("Entries$", 200, page)])
    assert messages(read(controller)) == ["the only one"]


DIRECTIONS = [
    pytest.param([1, 2, 3], 1, id="rising"),
    pytest.param([3, 2, 1], -1, id="falling"),
    pytest.param([5, 0, 6, 7], 1, id="with-a-clock-that-was-not-set"),
    pytest.param([2, 2], 0, id="equal"),
    pytest.param([None, 1, None], 0, id="one-time"),
    pytest.param([None, 1, None, 2], 1, id="without-some"),
    pytest.param([], 0, id="empty"),
]


@pytest.mark.parametrize(("minutes", "expected"), DIRECTIONS)
def test_direction(minutes: list[int | None], expected: int) -> None:
    times = [None if one is None else BEGIN + datetime.timedelta(minutes=one) for one in minutes]
    assert direction(times) == expected
    mixed = [time.replace(tzinfo=None) if time and index % 2 else time for index, time in enumerate(times)]
    assert direction(mixed) == expected
