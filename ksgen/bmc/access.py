# SPDX-License-Identifier: GPL-2.0-or-later
"""Who logs in where: what a connection to a controller needs, and how long it may take."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from typing import Literal

from ksgen.redaction import SECRET
from ksgen.variables import HTTPS_PORT, Bmc

# Why something was not done. `busy` may pass by itself; the others need somebody who looks.
Kind = Literal[
    "unreachable", "timeout", "certificate", "login", "no-system", "unsupported", "busy", "refused", "wrong",
    "stopped",
]  # fmt: skip
_SHOWN_LONGEST = 200  # characters of what a controller says


class BmcError(Exception):
    """What a controller did not do, and what to do about it. Never with a password."""

    def __init__(self, kind: Kind, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message
        self.hint = hint


@dataclasses.dataclass(frozen=True)
class Access:
    """A controller, and the login that is used there. `certificate` is a PEM text, `fingerprint` 64 hex digits."""

    address: str
    port: int
    system: str | None
    user: str
    password: str = dataclasses.field(repr=False)
    certificate: str | None = None
    fingerprint: str | None = None
    is_verified: bool = True

    @classmethod
    def of(cls, bmc: Bmc, password: str) -> Access:
        """With what the inventory says, and the password that it keeps in a vault."""
        return cls(
            bmc.address, bmc.port, bmc.system, bmc.user, password, bmc.certificate, bmc.fingerprint, bmc.verify
        )  # fmt: skip

    @property
    def server(self) -> str:
        """As it is shown, and in its URL: `bmc.example.com`, `[2001:db8::1]:8443`."""
        name = f"[{self.address}]" if ":" in self.address else self.address
        return name if self.port == HTTPS_PORT else f"{name}:{self.port}"

    @property
    def url(self) -> str:
        return f"https://{self.server}"

    def cleaned(self, text: str) -> str:
        """What a controller says, as it may be shown: one line of bounded length without the password."""
        line = " ".join(text.replace(self.password, SECRET).split())
        shown = "".join(c if c.isprintable() else "?" for c in line)
        return shown if len(shown) <= _SHOWN_LONGEST else shown[: _SHOWN_LONGEST - 1] + "…"


@dataclasses.dataclass(frozen=True)
class Pace:
    """How often to look and how long to wait, in seconds. Ironic has the same limits of power (conf/conductor.py)."""

    connect_s: float = 10
    request_s: float = 60  # sushy's own; BMCs that collect an inventory take most of it
    poll_s: float = 2
    power_s: float = 60
    graceful_s: float = 600
    insert_s: float = 60
    retries: int = 5  # of what a busy controller or one in POST refuses
    retry_s: float = 2  # doubled each time: 62 s together


class Clock:
    """A time that must not be exceeded: nothing is asked of a controller after it, or after a stop."""

    def __init__(self, limit_s: float, stop: threading.Event | None = None) -> None:
        self._limit_s = limit_s
        self._stop = stop or threading.Event()
        self._end = time.monotonic() + limit_s

    def left_s(self) -> float:
        """Seconds that are left. Raises BmcError if none are."""
        if self._stop.is_set():
            raise BmcError("stopped", "stopped before it was done")
        left = self._end - time.monotonic()
        if left <= 0:
            raise BmcError("timeout", f"not done within {self._limit_s:g} s", "allow more with --timeout")
        return left

    def sleep(self, seconds: float) -> None:
        """Raises BmcError at the end of the time, and at once where it is stopped."""
        self._stop.wait(min(seconds, self.left_s()))
        self.left_s()

    def extended(self, limit_s: float) -> Clock:
        """With a time that begins now; a stop ends it as well."""
        return Clock(limit_s, self._stop)


def deadline(limit_s: float) -> Callable[[], bool]:
    """Whether so many seconds, from now on, are over."""
    end = time.monotonic() + limit_s
    return lambda: time.monotonic() >= end
