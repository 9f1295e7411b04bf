# SPDX-License-Identifier: GPL-2.0-or-later
"""Many controllers at once: results as they come, and none that stops the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from conftest import Start
from redfish_server import SYSTEM, Fault
from test_redfish import PACE, access

from ksgen.bmc import BmcError, Order, Result, Task, at_once, fleet, perform


def given_up(task: int, error: BmcError) -> str:
    return f"{task}: {error.message}"


def test_no_more_than_so_many() -> None:
    running, most, lock = [0], [0], threading.Lock()

    def act(task: int) -> str:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.02)
        with lock:
            running[0] -= 1
        return str(task)

    assert sorted(at_once(range(10), act, given_up, 3, 10, threading.Event()), key=int) == list(map(str, range(10)))
    assert most[0] == 3


def test_an_answer_without_an_end_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread cannot be ended; another takes its place."""
    monkeypatch.setattr(fleet, "_GRACE_S", 0.2)
    released = threading.Event()

    def act(task: int) -> str:
        if task == 0:
            released.wait(20)
        return str(task)

    began = time.monotonic()
    found = list(at_once([0, 1, 2], act, given_up, 1, 0.1, threading.Event()))
    released.set()
    assert found == ["0: no end of an answer after 0.1 s", "1", "2"]
    assert time.monotonic() - began < 10


def test_a_bug_is_shown() -> None:
    def act(task: int) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(at_once([1], act, given_up, 1, 10, threading.Event()))


def test_ctrl_c_stops_all_and_waits_for_them() -> None:
    stop, cleaned = threading.Event(), []

    def act(task: int) -> str:
        if task == 0:
            return "0"
        stop.wait(20)
        cleaned.append(task)
        return str(task)

    results: Iterator[str] = at_once([0, 1, 2], act, given_up, 3, 30, stop)
    assert next(results) == "0"
    results.close()  # type: ignore[attr-defined]  # as an exception in the caller does
    assert sorted(cleaned) == [1, 2]


def test_a_controller_that_drips(start: Start) -> None:
    """No timeout of a request ends it."""
    slow = start(faults=[Fault(f"GET {SYSTEM}", drips=True)])
    fast = start(power="On")
    stop, order = threading.Event(), Order("status", timeout_s=3, pace=PACE)
    tasks = [Task("slow", access(slow)), Task("fast", access(fast))]

    def act(task: Task) -> Result:
        return perform(task, order, stop, lambda _: None)

    results = at_once(tasks, act, lambda task, error: Result(task.host, error=error), 2, 3, stop)
    first = next(results)
    assert (first.host, first.power) == ("fast", "on")
    results.close()  # type: ignore[attr-defined]
