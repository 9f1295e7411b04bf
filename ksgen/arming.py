# SPDX-License-Identifier: GPL-2.0-or-later
"""Which hosts may be installed, and until when. The clock and the stored state are arguments; nothing is read here."""

from __future__ import annotations

import dataclasses
import datetime
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from ksgen.host import Host

# Foreman's token_duration: 360 minutes. Long enough to walk through a rack, short enough to be over on the next day.
DEFAULT_DURATION = datetime.timedelta(hours=6)
# Who arms for longer has forgotten it by then.
LONGEST_DURATION = datetime.timedelta(days=31)

STATE_VERSION = 1
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_DURATION = re.compile(r"([0-9]{1,6})([mhd])")

Status = Literal["armed", "used", "expired", "card changed", "left the inventory"]


@dataclasses.dataclass(frozen=True, order=True)
class Arming:
    """The permission to install one host once, over the card that it had when it was given."""

    host: str
    mac: str
    given: datetime.datetime
    until: datetime.datetime

    @property
    def token(self) -> str:
        """What names this permission to the web server: the host, and the seconds at which it begins and ends."""
        return f"{self.host}.{int(self.given.timestamp()):010d}.{int(self.until.timestamp()):010d}"


@dataclasses.dataclass(frozen=True)
class UntilError:
    """Why a time cannot be the end of an arming."""

    message: str
    hint: str


def parse_until(text: str | None, now: datetime.datetime) -> datetime.datetime | UntilError:
    """`2h`, `90m`, `1d`, or an ISO time; without an offset it is local time. None stands for the default."""
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
        return UntilError(f"{_shown(until)} is not in the future; it is {_shown(now)}", "write 90m, 6h or 2d")
    if until - now > LONGEST_DURATION:
        longest = f"{LONGEST_DURATION.days}d"
        return UntilError(f"{_shown(until)} is more than {LONGEST_DURATION.days} days away", f"write {longest} at most")
    return _whole_second(until)


def _whole_second(moment: datetime.datetime) -> datetime.datetime:
    return moment.astimezone(datetime.timezone.utc).replace(microsecond=0)


def _shown(moment: datetime.datetime) -> str:
    return _whole_second(moment).isoformat().replace("+00:00", "Z")


def load(state: Mapping[str, object] | None) -> tuple[Arming, ...]:
    """The armings of a stored state, None where there is none yet. Raises ValueError for what ksgen has not stored."""
    if state is None:
        return ()
    entries = state.get("armed")
    if state.get("version") != STATE_VERSION or not isinstance(entries, Mapping):
        raise ValueError(f"is not an arming state of version {STATE_VERSION}")
    return tuple(sorted(_load_one(str(host), entry) for host, entry in entries.items()))


def _load_one(host: str, entry: object) -> Arming:
    try:
        given, until = (datetime.datetime.fromisoformat(entry[key]) for key in ("given", "until"))  # type: ignore[index]
        mac = str(entry["mac"])  # type: ignore[index]
        if given.tzinfo is None or until.tzinfo is None:
            raise ValueError("no offset")
    except (TypeError, KeyError, ValueError):
        raise ValueError(f"the entry of {host} is not one of an arming state") from None
    return Arming(host, mac, _whole_second(given), _whole_second(until))


def dump(armings: Iterable[Arming]) -> dict[str, object]:
    """The state as it is stored (JSON)."""
    entries = {
        one.host: {"mac": one.mac, "given": _shown(one.given), "until": _shown(one.until)} for one in sorted(armings)
    }
    return {"version": STATE_VERSION, "armed": entries}


def arm(
    armings: Iterable[Arming], hosts: Iterable[Host], until: datetime.datetime, now: datetime.datetime
) -> tuple[Arming, ...]:
    """These hosts may be installed once from now until then, whatever was said of them before."""
    new = {host.name: Arming(host.name, host.settings.mac, _whole_second(now), until) for host in hosts}
    kept = (arming for arming in armings if arming.host not in new)
    return tuple(sorted((*kept, *new.values())))


def disarm(armings: Iterable[Arming], names: Collection[str]) -> tuple[Arming, ...]:
    """These hosts may not be installed any more."""
    return tuple(sorted(arming for arming in armings if arming.host not in names))


def status(
    arming: Arming, hosts: Mapping[str, Host], now: datetime.datetime, spent: Collection[str] = frozenset()
) -> Status:
    """What has become of an arming; `spent` are the tokens with which a kickstart has been fetched."""
    host = hosts.get(arming.host)
    if host is None:
        return "left the inventory"
    if host.settings.mac != arming.mac:
        return "card changed"
    if arming.token in spent:
        return "used"
    return "armed" if now < arming.until else "expired"


def active(
    armings: Iterable[Arming], hosts: Iterable[Host], now: datetime.datetime, spent: Collection[str] = frozenset()
) -> dict[str, Arming]:
    """The hosts that may be installed now, by name. Every other machine boots its disk."""
    by_name = {host.name: host for host in hosts}
    return {one.host: one for one in armings if status(one, by_name, now, spent) == "armed"}
