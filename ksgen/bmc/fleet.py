# SPDX-License-Identifier: GPL-2.0-or-later
"""Many machines at once, each in a thread of its own: sushy is synchronous."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ksgen.bmc.access import BmcError, deadline

_GRACE_S = 30  # for a thread to notice that its time is over
_LOOK_S = 0.2  # the main thread alone hears a signal, so it must not wait for long
T = TypeVar("T")
R = TypeVar("R")


def at_once(
    tasks: Sequence[T],
    act: Callable[[T], R],
    given_up: Callable[[T, BmcError], R],
    workers: int,
    limit_s: float,
    stop: threading.Event,
) -> Iterator[R]:
    """The results as they come. A task that takes much longer than its limit is given up, and its thread left behind.

    A controller that sends an answer byte by byte occupies its thread until it ends; the thread then asks for nothing
    more. On an exception in the caller (Ctrl-C) all are stopped, and get the time to take back what they have set.
    """
    waiting = list(enumerate(tasks))[::-1]
    done: queue.SimpleQueue[tuple[int, R | BaseException]] = queue.SimpleQueue()
    running: dict[int, tuple[T, Callable[[], bool]]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                number, task = waiting.pop()
                running[number] = task, deadline(limit_s + _GRACE_S)
                threading.Thread(target=_work, args=(number, task, act, done), daemon=True).start()
            yield from _finished(done, running, given_up, limit_s)
    finally:
        if running:
            stop.set()
            is_over = deadline(limit_s if limit_s < _GRACE_S else 2 * _GRACE_S)
            while running and not is_over():
                for _ in _finished(done, running, given_up, limit_s):
                    pass


def _work(number: int, task: T, act: Callable[[T], R], done: queue.SimpleQueue[tuple[int, R | BaseException]]) -> None:
    try:
        done.put((number, act(task)))
    except BaseException as error:  # a bug of ours is shown where the results are read
        done.put((number, error))


def _finished(
    done: queue.SimpleQueue[tuple[int, R | BaseException]],
    running: dict[int, tuple[T, Callable[[], bool]]],
    given_up: Callable[[T, BmcError], R],
    limit_s: float,
) -> Iterator[R]:
    """What has ended within a moment, and what is given up."""
    try:
        number, result = done.get(timeout=_LOOK_S)
    except queue.Empty:
        pass
    else:
        if number in running:
            del running[number]
            if isinstance(result, BaseException):
                raise result
            yield result
    for number, (task, is_over) in list(running.items()):
        if is_over():
            del running[number]
            yield given_up(task, BmcError("timeout", f"no end of an answer after {limit_s:g} s"))
