# SPDX-License-Identifier: GPL-2.0-or-later
"""Which hosts may be installed, and until when. Clock, randomness and state are arguments; nothing is read here."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal

from ksgen.host import Host

# Foreman's token_duration: 360 minutes. Long enough to walk through a rack, short enough to be over on the next day.
DEFAULT_DURATION = datetime.timedelta(hours=6)
# A longer arming would be forgotten before it ends.
LONGEST_DURATION = datetime.timedelta(days=31)

STATE_VERSION = 4  # 1 had no random part, 2 no token for reports, 3 no reinstallation
RANDOM_BYTES = 16  # 128 bits, which no client can guess
REPORT_BYTES = 32
_RANDOM = re.compile(rf"[0-9a-f]{{{2 * RANDOM_BYTES}}}")
_TOKEN = re.compile(rf"([\w:][\w.:-]*)\.([0-9]{{10}})\.([0-9]{{10}})(?:\.({_RANDOM.pattern}))?", re.ASCII)
_REPORT = re.compile(rf"(?:[0-9a-f]{{{2 * REPORT_BYTES}}})?")
# From here on a time has ten digits, which nginx compares.
_FIRST_SECOND = 10**9
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"([0-9]{1,6})([mhd])")

Status = Literal["armed", "used", "expired", "withdrawn"]


@dataclasses.dataclass(frozen=True, order=True)
class Arming:
    """The permission to install one host once, from the boot NIC that it had when it was armed.

    `random` is the unguessable part, in hexadecimal digits; a permission of state version 1 has none. `report` is the
    token that the machine shows with its reports, in hexadecimal digits; one of version 2 has none. The permission can
    be read in boot files by every client on the network; this token is given out once, as the kickstart. With
    `is_reinstallation` the kickstart is one for which a node on the disk is no reason to stop.
    """

    host: str
    mac: str
    given: datetime.datetime
    until: datetime.datetime
    random: str = dataclasses.field(default="", repr=False)
    report: str = dataclasses.field(default="", repr=False)
    is_reinstallation: bool = False

    @property
    def token(self) -> str:
        """What names this permission to the web server: the host, the seconds of its begin and end, the random part."""
        times = f"{int(self.given.timestamp())}.{int(self.until.timestamp())}"
        return f"{self.host}.{times}" + (f".{self.random}" if self.random else "")


def read_token(token: str) -> Arming | None:
    """The permission that a token names, without the MAC address and the token for reports, which are not in it. None
    for other text."""
    match = _TOKEN.fullmatch(token)
    if match is None or int(match[2]) < _FIRST_SECOND or int(match[3]) < _FIRST_SECOND:
        return None
    given, until = (datetime.datetime.fromtimestamp(int(match[n]), datetime.timezone.utc) for n in (2, 3))
    return Arming(match[1], "", given, until, match[4] or "")


@dataclasses.dataclass(frozen=True)
class UntilError:
    """Why a time cannot be the end of an arming."""

    message: str
    hint: str


def parse_until(text: str | None, now: datetime.datetime) -> datetime.datetime | UntilError:
    """`2h`, `90m`, `1d`, or an ISO time; without an offset it is local time. None: the default duration."""
    if text is None:
        return _whole_second(now + DEFAULT_DURATION)
    match = _DURATION.fullmatch(text.strip())
    try:
        if match:
            until = now + datetime.timedelta(**{_UNITS[match[2]]: int(match[1])})
        else:
            until = datetime.datetime.fromisoformat(text.strip()).astimezone(datetime.timezone.utc)
    except (ValueError, OverflowError):
        return UntilError(f"{text!r} is not a time", "write 90m, 6h, 2d, or 2026-05-04T18:00")
    if until <= now:
        return UntilError(
            f"{_shown(until)} is not in the future; the current time is {_shown(now)}", "write 90m, 6h or 2d"
        )
    if until - now > LONGEST_DURATION:
        longest = f"{LONGEST_DURATION.days}d"
        return UntilError(f"{_shown(until)} is more than {LONGEST_DURATION.days} days away", f"write {longest} at most")
    return _whole_second(until)


def _whole_second(moment: datetime.datetime) -> datetime.datetime:
    return moment.astimezone(datetime.timezone.utc).replace(microsecond=0)


def _shown(moment: datetime.datetime) -> str:
    return _whole_second(moment).isoformat().replace("+00:00", "Z")


def load(state: object) -> tuple[Arming, ...]:
    """The armings of a stored state (JSON), None where there is none yet. Raises ValueError for an invalid state."""
    if state is None:
        return ()
    if not isinstance(state, Mapping) or not isinstance(entries := state.get("armed"), Mapping):
        raise ValueError("is not an arming state file of ksgen")
    version = state.get("version")
    if version not in range(1, STATE_VERSION + 1):
        raise ValueError(f"is an arming state of version {version!r}; this ksgen supports up to {STATE_VERSION}")
    return tuple(sorted(_load_one(host, entry) for host, entry in entries.items()))


def _load_one(host: str, entry: Any) -> Arming:
    one = _stored(host, entry)
    # A valid entry agrees with its token, and adds what is not in it.
    if one is None or read_token(one.token) != dataclasses.replace(one, mac="", report="", is_reinstallation=False):
        raise ValueError(f"the entry of {host!r} is corrupt")
    return one


def _stored(host: str, entry: Any) -> Arming | None:
    try:
        given, until = (datetime.datetime.fromisoformat(entry[key]) for key in ("given", "until"))
        if given.tzinfo is None or until.tzinfo is None or not isinstance(entry["mac"], str):
            return None
        random, report = entry.get("secret", ""), entry.get("report", "")
        is_reinstallation = entry.get("reinstall", False)
        if not _REPORT.fullmatch(report) or not isinstance(is_reinstallation, bool):
            return None
        return Arming(host, entry["mac"], _whole_second(given), _whole_second(until), random, report, is_reinstallation)
    except (TypeError, KeyError, ValueError, OverflowError):
        return None


def dump(armings: Iterable[Arming]) -> dict[str, object]:
    """The state as it is stored (JSON)."""
    entries = {
        one.host: {
            "mac": one.mac,
            "given": _shown(one.given),
            "until": _shown(one.until),
            "secret": one.random,
            **({"report": one.report} if one.report else {}),
            **({"reinstall": True} if one.is_reinstallation else {}),
        }
        for one in sorted(armings)
    }
    return {"version": STATE_VERSION, "armed": entries}


def arm(
    armings: Iterable[Arming],
    hosts: Iterable[Host],
    until: datetime.datetime,
    now: datetime.datetime,
    draw: Callable[[int], str],
    is_reinstallation: bool = False,
) -> tuple[Arming, ...]:
    """Arm these hosts from now until `until`; earlier armings of them are replaced.

    `draw` returns so many random bytes in hexadecimal digits, new ones at each call.
    """
    begin, end = _whole_second(now), _whole_second(until)
    new = {
        host.name: Arming(
            host.name, host.settings.mac, begin, end, draw(RANDOM_BYTES), draw(REPORT_BYTES), is_reinstallation
        )
        for host in hosts
    }
    kept = (arming for arming in armings if arming.host not in new)
    return tuple(sorted((*kept, *new.values())))


def disarm(armings: Iterable[Arming], names: Collection[str]) -> tuple[Arming, ...]:
    """Disarm these hosts."""
    return tuple(sorted(arming for arming in armings if arming.host not in names))


def void(armings: Iterable[Arming], hosts: Mapping[str, Host]) -> dict[str, str]:
    """The hosts whose arming no longer matches the inventory, with the reason."""
    reasons = {}
    for one in armings:
        host = hosts.get(one.host)
        if host is None:
            reasons[one.host] = "it is no longer in the inventory"
        elif host.settings.mac != one.mac:
            reasons[one.host] = f"its node_mac is now {host.settings.mac}; it was {one.mac} when armed"
    return reasons


def status(arming: Arming, now: datetime.datetime, spent: Collection[str], published: Collection[str]) -> Status:
    """The status of an arming.

    `spent` are the tokens with which a kickstart has been fetched, `published` those that the web server accepts.
    """
    if arming.token in spent:
        return "used"
    if now >= arming.until:
        return "expired"
    return "armed" if arming.token in published else "withdrawn"


def active(
    armings: Iterable[Arming], hosts: Iterable[Host], now: datetime.datetime, spent: Collection[str] = frozenset()
) -> dict[str, Arming]:
    """The hosts that may be installed now, by name. Every other machine boots its disk."""
    by_name = {host.name: host for host in hosts}
    armings = tuple(armings)
    over = void(armings, by_name)
    return {
        one.host: one for one in armings if one.host not in over and status(one, now, spent, (one.token,)) == "armed"
    }
