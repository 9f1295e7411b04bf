# SPDX-License-Identifier: GPL-2.0-or-later
"""How far an installation is, from what the server and the console say, and when it is over. No clock is read here."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from ksgen.reports import MEANINGS
from org_ovirt_node.programs import report

# What the programs of %pre and %post say on every terminal when they stop an installation.
_STOPS = re.compile(r"^ovirt-node: .*(?:the installation stops here|no NIC has the address).*$", re.MULTILINE)
_SAID = re.compile(r"(?:^ovirt-node:.*\n?)+", re.MULTILINE)
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_OF_KERNEL = re.compile(r"\[ *[0-9]+\.[0-9]{6}\]")
_LAST_LINES = 5
_NO_NETWORK = "so the installer has no network"
_NO_STEPS = ("armed", "failed", "expired", "cancelled")
_WIDTH = 200  # characters of a line of the console


@dataclasses.dataclass(frozen=True)
class Step:
    """Something that was rehearsed: whether it is as it has to be, and what was found."""

    name: str
    is_good: bool
    text: str
    seconds: float | None = None

    def to_json(self) -> dict[str, object]:
        """As --json prints it."""
        seconds = {} if self.seconds is None else {"seconds": round(self.seconds)}
        return {"step": self.name, "ok": self.is_good, "found": self.text, **seconds}


@dataclasses.dataclass(frozen=True)
class Limits:
    """How long each of the two boots may take, and how long an installer may be without its kickstart."""

    seconds: int
    boot_seconds: int


@dataclasses.dataclass(frozen=True)
class Seen:
    """What is known of an installation. `states` are those that it has been in, `state` the last of them."""

    states: tuple[str, ...]
    message: str
    console: str
    has_ended: bool

    @classmethod
    def of(cls, host: Mapping[str, Any], console: str, has_ended: bool) -> Seen:
        """From what the API says of a host, and the console as it was written."""
        attempts = host.get("attempts") or [{}]
        states = tuple(str(one["after"]) for one in attempts[0].get("transitions", ()))
        return cls(states, str(host.get("message") or ""), _ESCAPES.sub("", console), has_ended)

    @property
    def state(self) -> str:
        return self.states[-1] if self.states else "armed"

    @property
    def has_failed(self) -> bool:
        return self.state == "failed"

    @property
    def steps(self) -> tuple[Step, ...]:
        """The states that went well, as steps."""
        good = [state for state in self.states if state not in _NO_STEPS]
        return tuple(Step(state, True, MEANINGS.get(state, "")) for state in good)  # type: ignore[call-overload]

    @property
    def last_good(self) -> str:
        """The step that an installation is in, or was in when it failed."""
        return next((state for state in reversed(self.states) if state != "failed"), "booting")


def installed(seen: Seen) -> bool:
    """Whether the installer has said that it has done everything."""
    return "installed" in seen.states and seen.state != "failed"


def stopped(seen: Seen, seconds: float, limits: Limits) -> Step | None:
    """The step with which an installation ends, None while it goes on."""
    if installed(seen) and seen.has_ended:
        return Step("restart", True, "the installer has restarted the machine")
    if seen.has_failed:
        # A message of one line says that the installer has ended, and not why.
        why = "" if "\n" in seen.message else _raised(seen.console)
        return Step(seen.last_good, False, _joined(f"{seen.message}\n{why}") or said(seen.console))
    if _STOPS.search(seen.console):
        return Step(seen.last_good, False, said(seen.console))
    if seen.has_ended:
        why = "" if seen.states else f"no kickstart fetched, {_NO_NETWORK}; "
        return Step(seen.last_good, False, f"{why}the machine ended; the console's last lines: {_last(seen.console)}")
    if not seen.states and seconds > limits.boot_seconds:
        text = f"no kickstart fetched in {limits.boot_seconds // 60} minutes, {_NO_NETWORK}; the console's last lines"
        return Step("booting", False, f"{text}: {_last(seen.console)}")
    if seconds > limits.seconds:
        minutes = limits.seconds // 60
        return Step(
            seen.last_good, False, f"not over after {minutes} minutes; the console's last lines: {_last(seen.console)}"
        )
    return None


def said(console: str) -> str:
    """The last thing that a program of the installation has said on the console, once, without its prefix."""
    blocks = [block for block in _SAID.findall(console) if _STOPS.search(block)]
    if not blocks:
        return f"the console's last lines: {_last(console)}"
    return _joined(blocks[-1])


def _raised(console: str) -> str:
    """The line of the last uncaught exception on the console, empty if there is none: Anaconda's logs may lack it."""
    _, traceback, after = console.rpartition(report.TRACEBACK)
    lines = after.splitlines() if traceback else []
    return next((line for line in lines if report.EXCEPTION_LINE.match(line)), "")


def _joined(text: str) -> str:
    """Lines of a program of the installation as one, each once, without their prefix."""
    lines = [line.removeprefix("ovirt-node: ").strip() for line in text.splitlines()]
    return "; ".join(dict.fromkeys(filter(None, lines)))


def _last(console: str) -> str:
    lines = [line.strip()[:_WIDTH] for line in console.splitlines() if line.strip()]
    # What the kernel says is seldom the reason.
    lines = [line for line in lines if not _OF_KERNEL.match(line)] or lines
    return " | ".join(lines[-_LAST_LINES:])
