# SPDX-License-Identifier: GPL-2.0-or-later
"""The states of an attempt to install a host, and what moves it from one to another. No clock is read here.

An attempt is one arming of one host. Only a report, the end of an arming or a person changes its state; silence never
does, since a pulled cable, a slow disk and a stopped installer look alike. That a host is silent or late is derived
from the clock at each request (`Doubt`), and taken back by the next report.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import Literal

from ksgen.reports.wire import Event, Heartbeat, Reported

State = Literal[
    "armed", "booting", "preparing", "partitioning", "copying", "configuring", "layering", "installed", "up",
    "failed", "expired", "cancelled",
]  # fmt: skip
Doubt = Literal["", "silent", "late"]

_MINUTE = datetime.timedelta(minutes=1)
# What each state means, and how long it may take before the host is said to be late (None: as long as it likes).
# An image of 2 GiB over a network of 100 Mbit/s takes three minutes; each new byte of it counts again.
PATIENCE: dict[State, datetime.timedelta | None] = {
    "armed": None,
    "booting": 15 * _MINUTE,
    "preparing": 10 * _MINUTE,
    "partitioning": 15 * _MINUTE,
    "copying": 30 * _MINUTE,
    "configuring": 20 * _MINUTE,
    "layering": 20 * _MINUTE,
    "installed": 40 * _MINUTE,
    "up": None,
    "failed": None,
    "expired": None,
    "cancelled": None,
}
MEANINGS: dict[State, str] = {
    "armed": "may boot the installer once, and has not yet",
    "booting": "has fetched its kernel or kickstart",
    "preparing": "the installer runs, and looks for the disk",
    "partitioning": "the disk is written",
    "copying": "the image or the packages are installed",
    "configuring": "boot loader, users and scripts",
    "layering": "imgbase makes the first layer",
    "installed": "everything is done, and the machine boots its disk",
    "up": "the installed system has reported",
    "failed": "the installation has stopped",
    "expired": "was not installed before the end of its arming",
    "cancelled": "was disarmed",
}
_ORDER: tuple[State, ...] = tuple(PATIENCE)[: tuple(PATIENCE).index("up") + 1]
# In these the installer runs and sends a heartbeat.
RUNNING: frozenset[State] = frozenset(_ORDER[2:7])
# Nothing is expected of the host any more.
ENDED: frozenset[State] = frozenset({"up", "failed", "expired", "cancelled"})
# A heartbeat is due every 30 s; several may get lost.
SILENT_AFTER = 3 * _MINUTE


@dataclasses.dataclass(frozen=True)
class Standing:
    """Where an attempt is.

    `since` is when it came into its state, `progressed` when it last did something new there, and `heard` when the
    machine last said anything; all by the server's clock. `boot` is the machine's boot that it reported from, and
    `restarts` counts how often the installer began again. `is_degraded`: it is up, and something of it complains.
    """

    state: State
    since: datetime.datetime
    progressed: datetime.datetime
    heard: datetime.datetime | None = None
    boot: str = ""
    step: str = ""
    message: str = ""
    done: int | None = None
    total: int | None = None
    restarts: int = 0
    is_degraded: bool = False

    @classmethod
    def armed(cls, at: datetime.datetime) -> Standing:
        """That of a host which was armed at this time."""
        return cls("armed", at, at)


def follow(standing: Standing, event: Event, boot: str, now: datetime.datetime) -> Standing:
    """Where the attempt is after an event.

    Events may come late and out of order: a lower state never takes the place of a higher one. The exception is the
    beginning of another boot of the installer, which was reset in the middle.
    """
    heard = dataclasses.replace(standing, heard=now)
    if _begins_again(standing, event.state, boot):
        again = standing.restarts + (standing.state in RUNNING or standing.state == "failed")
        return _enter(heard, event, boot, now, again)
    if not _is_later(standing.state, event.state):
        return heard
    return _enter(heard, event, boot, now, standing.restarts)


def _begins_again(standing: Standing, state: Reported, boot: str) -> bool:
    return state == "preparing" and bool(standing.boot) and boot != standing.boot and standing.state in _RESTARTABLE


# What is installed or up has its last word from the disk: an installer that says it begins is another story.
_RESTARTABLE: frozenset[State] = RUNNING | {"failed"}


def _is_later(state: State, reported: Reported) -> bool:
    if reported == "failed":
        return state not in ("up", "failed")
    if state in _ORDER:
        return _ORDER.index(reported) >= _ORDER.index(state)
    # Of a failure only the installed system takes something back; a machine that was said to be disarmed or too late
    # installs nevertheless if it had its kickstart before.
    return reported in ("installed", "up") if state == "failed" else True


def _enter(standing: Standing, event: Event, boot: str, now: datetime.datetime, restarts: int) -> Standing:
    is_new = standing.state != event.state or boot != standing.boot
    return dataclasses.replace(
        standing,
        state=event.state,
        since=now if is_new else standing.since,
        progressed=now,
        boot=boot,
        step=event.step,
        message=event.message,
        done=event.done,
        total=event.total,
        restarts=restarts,
        is_degraded=event.state == "up" and bool(event.message),
    )


def hear(standing: Standing, heartbeat: Heartbeat, boot: str, now: datetime.datetime) -> Standing:
    """Where the attempt is after a heartbeat: as before, but heard, and perhaps further within its state."""
    heard = dataclasses.replace(standing, heard=now)
    if heartbeat.state != standing.state or boot != standing.boot:
        return heard
    is_further = (heartbeat.step, heartbeat.done) != (standing.step, standing.done)
    return dataclasses.replace(
        heard,
        step=heartbeat.step or standing.step,
        done=heartbeat.done,
        total=heartbeat.total,
        progressed=now if is_further else standing.progressed,
    )


def fetched(standing: Standing, at: datetime.datetime) -> Standing:
    """Where the attempt is after the web server has given out its kernel or kickstart."""
    if standing.state not in ("armed", "expired"):
        return standing
    return dataclasses.replace(standing, state="booting", since=at, progressed=at, step="", message="")


def ended(standing: Standing, state: Literal["expired", "cancelled"], at: datetime.datetime) -> Standing:
    """Where the attempt is after its permission has ended: nowhere else if the machine has begun."""
    if standing.state != "armed":
        return standing
    return dataclasses.replace(standing, state=state, since=at, progressed=at)


def doubt(standing: Standing, now: datetime.datetime) -> Doubt:
    """Whether there is reason to look at the machine, although it has not said that it failed."""
    if standing.state in RUNNING and standing.heard is not None and now - standing.heard > SILENT_AFTER:
        return "silent"
    patience = PATIENCE[standing.state]
    return "late" if patience is not None and now - standing.progressed > patience else ""
