# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ksgen bmc` does with a machine: from the log-in to the state that is read in the end."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

from ksgen.bmc import booting, eventlog, inserting
from ksgen.bmc.access import Access, BmcError, Clock, Pace, deadline
from ksgen.bmc.connection import connected
from ksgen.bmc.eventlog import Log
from ksgen.bmc.machine import Machine, Override, Power, machine

Verb = Literal["status", "log", "on", "off", "cycle", "pxe", "media"]
VERBS: tuple[Verb, ...] = get_args(Verb)
# Those that cut the power of a machine that is on.
CUTTING: frozenset[Verb] = frozenset({"off", "cycle", "pxe", "media"})
# Those that wait for the installer.
_BOOTING: frozenset[Verb] = frozenset({"pxe", "media"})
# For a controller to take back what was set, after a failure or Ctrl-C.
CLEANING_S = 60
Tell = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Task:
    """A host, its controller, and for a boot of the installer: the firmware that it is to have, what tells that the
    installer runs (None where nothing does), and the URL of its medium."""

    host: str
    access: Access
    firmware: str | None = None
    is_installing: Callable[[], bool] | None = None
    medium_url: str | None = None


@dataclasses.dataclass(frozen=True)
class Order:
    """What is done with each machine, and how long it may take, in seconds: with the controller, and until the
    installer runs. `entries` is how many of a log are read."""

    verb: Verb
    is_graceful: bool = False
    timeout_s: float = 300
    boot_s: float = 900
    entries: int = eventlog.NEWEST
    pace: Pace = dataclasses.field(default_factory=Pace)

    @property
    def limit_s(self) -> float:
        """What a machine can take altogether."""
        waiting = self.boot_s if self.verb in _BOOTING else 0
        return self.conversation_s + waiting + CLEANING_S

    @property
    def conversation_s(self) -> float:
        return self.timeout_s + (self.pace.graceful_s if self.is_graceful else 0)


@dataclasses.dataclass(frozen=True)
class Result:
    """What has come of it: the state of the machine, as far as it could be read, its log if that was asked for, and
    why something was not done."""

    host: str
    power: Power = "unknown"
    override: Override | None = None
    model: str = ""
    serial: str = ""
    log: Log | None = None
    error: BmcError | None = None
    seconds: float = 0.0

    def to_json(self) -> dict[str, object]:
        """As `ksgen bmc --json` prints it."""
        error = self.error
        return {
            "host": self.host,
            "power": self.power,
            "boot": dataclasses.asdict(self.override) if self.override else None,
            "model": self.model,
            "serial": self.serial,
            **({"log": self.log.to_json()} if self.log else {}),
            "error": {"kind": error.kind, "message": error.message, "hint": error.hint} if error else None,
            "seconds": round(self.seconds, 1),
        }


def perform(task: Task, order: Order, stop: threading.Event, tell: Tell) -> Result:
    """Do it. What goes wrong with the controller is in the result; what was set for one boot is taken back."""
    began = time.monotonic()
    clock = Clock(order.conversation_s, stop)
    result = Result(task.host)
    try:
        with connected(task.access, clock, order.pace) as connection:
            found = machine(connection)
            log = None
            try:
                log = _ACTS[order.verb](found, task, order, tell)
                found.refresh()
            finally:
                result = dataclasses.replace(_state(task.host, found), log=log)
    except BmcError as error:
        result = dataclasses.replace(result, error=error)
    return dataclasses.replace(result, seconds=time.monotonic() - began)


def _state(host: str, found: Machine) -> Result:
    return Result(host, found.power, found.override, found.model, found.serial)


# --- the verbs -------------------------------------------------------------------------------------------------------


def _status(_found: Machine, _task: Task, _order: Order, _tell: Tell) -> None:
    pass


def _log(found: Machine, _task: Task, order: Order, _tell: Tell) -> Log:
    return eventlog.newest(found, order.entries)


def _on(found: Machine, _task: Task, _order: Order, tell: Tell) -> None:
    tell("switched on" if found.switch_on() else "is on already")


def _off(found: Machine, _task: Task, order: Order, tell: Tell) -> None:
    tell("switched off" if found.switch_off(order.is_graceful) else "is off already")


def _cycle(found: Machine, task: Task, order: Order, tell: Tell) -> None:
    _off(found, task, order, tell)
    _on(found, task, order, tell)


def _pxe(found: Machine, task: Task, order: Order, tell: Tell) -> None:
    found.switch_off(order.is_graceful)
    with _undone(found, booting.reset):
        tell(_said(booting.set_once(found, booting.NETWORK, task.firmware)))
        _boot(found, task, order, tell)


def _media(found: Machine, task: Task, order: Order, tell: Tell) -> None:
    assert task.medium_url is not None, "the medium is served before any machine boots it"
    url = task.medium_url
    found.switch_off(order.is_graceful)
    slots: list[Any] = []
    with _undone(found, lambda one: _eject_all(one, slots)):
        # Before the boot is set: some controllers offer the CD only then.
        slots.append(inserting.insert(found, url))
        found.refresh()
        with _undone(found, booting.reset):
            tell(_said(booting.set_once(found, booting.MEDIUM, task.firmware)))
            _boot(found, task, order, tell)
    tell("the medium is ejected")


def _eject_all(found: Machine, slots: list[Any]) -> None:
    for slot in slots:
        inserting.eject(found, slot)


_ACTS: dict[Verb, Callable[[Machine, Task, Order, Tell], Log | None]] = {
    "status": _status, "log": _log, "on": _on, "off": _off, "cycle": _cycle, "pxe": _pxe, "media": _media,
}  # fmt: skip


def _said(override: Override) -> str:
    return f"the next boot is from {override.target}"


def _boot(found: Machine, task: Task, order: Order, tell: Tell) -> None:
    """Switch on, and wait until the installer runs. Raises BmcError."""
    found.switch_on()
    found.connection.clock = found.connection.clock.extended(order.boot_s + CLEANING_S)
    if task.is_installing is None:
        tell("switched on")
        # What was set for one boot is taken back when it has been used, if the controller says so.
        found.until(lambda: not found.override.is_set, order.boot_s)
        return
    tell("switched on; waiting for the installer")
    is_over = deadline(order.boot_s)
    while not task.is_installing():
        if is_over():
            message = f"the installer has not fetched its kickstart within {order.boot_s:g} s"
            hint = "see the machine's console; allow more with --boot-timeout where it starts more slowly"
            raise BmcError("timeout", message, hint)
        found.wait(order.pace.poll_s)
    tell("the installer runs")


@contextlib.contextmanager
def _undone(found: Machine, undo: Callable[[Machine], object]) -> Iterator[None]:
    """Take something back at the end, however it ends: it has a time of its own, which no stop shortens.

    Raises what has failed first; of a failure to take it back, in its message.
    """
    try:
        yield
    except BmcError as error:
        try:
            _undo(found, undo)
        except BmcError as other:
            raise BmcError(error.kind, f"{error.message}; {other.message}", error.hint or other.hint) from None
        raise
    _undo(found, undo)


def _undo(found: Machine, undo: Callable[[Machine], object]) -> None:
    before = found.connection.clock
    found.connection.clock = Clock(CLEANING_S)
    try:
        undo(found)
    finally:
        found.connection.clock = before
