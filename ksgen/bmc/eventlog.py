# SPDX-License-Identifier: GPL-2.0-or-later
"""The System Event Log of a machine, as its controller has it. sushy has no resource for logs.

A log service is below the system (`Systems/1/LogServices/IML` of HPE, `…/EventLog` of OpenBMC, `…/Log1` of Supermicro)
or below a manager (`Managers/iDRAC.Embedded.1/LogServices/Sel` of Dell). Redfish orders entries in no way: some
controllers have the newest first, others the oldest. Some list links instead of entries.
"""

from __future__ import annotations

import dataclasses
import datetime
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urljoin

from sushy import exceptions as redfish

from ksgen.bmc.access import Access, BmcError
from ksgen.bmc.connection import Connection, explained
from ksgen.bmc.machine import Machine

NEWEST = 20  # entries that are read if no other number is given
_SERVICES = 16  # that are looked at below a system or a manager; the largest controllers have 8
# The largest logs have 4096 entries (MaxNumberOfRecords of Supermicro), the smallest pages 32 (Huawei).
_PAGES = 256
_SEL = frozenset({"sel", "system event log"})
# Names of logs of the hardware that do not call themselves SEL: HPE, OpenBMC, Supermicro, Lenovo.
_HARDWARE = frozenset({"iml", "eventlog", "log1", "standardlog", "platformlog"})


@dataclasses.dataclass(frozen=True)
class Entry:
    """An entry: printable text of bounded length, empty where the controller has none.

    `time` is in UTC, or without a zone where the controller names none.
    """

    time: datetime.datetime | None
    severity: str
    message: str

    @property
    def shown_time(self) -> str:
        """`2026-05-04T12:00:00Z`; without `Z` where the zone is unknown, and empty without a time."""
        return self.time.isoformat(timespec="seconds").replace("+00:00", "Z") if self.time else ""

    def to_json(self) -> dict[str, str | None]:
        return {"time": self.shown_time or None, "severity": self.severity or None, "message": self.message}


@dataclasses.dataclass(frozen=True)
class Log:
    """The newest entries of a log, oldest first."""

    name: str
    entries: tuple[Entry, ...]

    def to_json(self) -> dict[str, object]:
        return {"name": self.name, "entries": [entry.to_json() for entry in self.entries]}


class _Page(NamedTuple):
    """A part of a log: entries, or the paths of entries, and the path of the next part."""

    members: list[Entry | str]
    following: str | None
    total: int


def newest(machine: Machine, number: int) -> Log:
    """The newest entries of the System Event Log, or of the first log where none is it. Raises BmcError."""
    access = machine.access
    services = [service for service in _services(machine) if _path(service.get("Entries"))]
    if not services:
        message = f"{access.server} has no log service in its Redfish"
        raise BmcError("unsupported", message, "it may need a licence, or newer firmware")
    service = preferred(services)
    path = _path(service.get("Entries")) or ""
    found = _collected(machine.connection, path, number)
    entries = [_resolved(machine.connection, one) for one in _last(found, number)]
    return Log(access.cleaned(str(service.get("Id") or service.get("Name") or "")), tuple(entries))


def preferred(services: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Of log services, as Redfish describes them, the System Event Log; the first one where none is it."""

    def rank(service: Mapping[str, Any]) -> int:
        names = {str(service.get(key)).casefold() for key in ("Id", "Name")}
        ways = (bool(names & _SEL), service.get("LogEntryType") == "SEL", bool(names & _HARDWARE))
        return ways.index(True) if True in ways else len(ways)

    return min(services, key=rank)


def direction(times: Sequence[datetime.datetime | None]) -> int:
    """Of entries in their order: 1 where most are newer than the one before, -1 where most are older, 0 if unknown.

    Most, not all: entries that were written before the clock of the controller was set are of 1970.
    """
    known = [time if time.tzinfo else time.replace(tzinfo=datetime.timezone.utc) for time in times if time]
    steps = sum((after > before) - (after < before) for before, after in itertools.pairwise(known))
    return (steps > 0) - (steps < 0)


# --- where the log is ------------------------------------------------------------------------------------------------


def _services(machine: Machine) -> Iterator[Mapping[str, Any]]:
    """What the system and its managers have; what a controller refuses, it does not have."""
    connection = machine.connection
    for owner in (machine.system, *_managers(machine)):
        path = _path(owner.json.get("LogServices"))
        collection = _or_nothing(connection, path) if path else {}
        for member in _members(collection)[:_SERVICES]:
            if link := _path(member):
                yield _or_nothing(connection, link)


def _managers(machine: Machine) -> list[Any]:
    with explained(machine.access):
        try:
            return list(machine.system.managers)
        except (redfish.MissingAttributeError, redfish.ResourceNotFoundError):
            return []


def _or_nothing(connection: Connection, path: str) -> Mapping[str, Any]:
    try:
        return connection.get(path)
    except BmcError as error:
        if error.kind != "refused":
            raise
        return {}


def _path(value: object) -> str | None:
    """Where a link leads."""
    path = value.get("@odata.id") if isinstance(value, dict) else None
    return path if isinstance(path, str) and path else None


def _members(collection: Mapping[str, Any]) -> list[object]:
    members = collection.get("Members")
    return members if isinstance(members, list) else []


# --- its entries -----------------------------------------------------------------------------------------------------


def _collected(connection: Connection, path: str, number: int) -> list[Entry | str]:
    """All entries of a log in its own order, or as many that the newest are certainly among them."""
    page = _page(connection, path)
    found = page.members
    # Of links, the first and the last say in which order they are.
    for index in {0, len(found) - 1} if found else set():
        found[index] = _resolved(connection, found[index])
    if page.following and _direction(found) > 0 and (end := _end(connection, path, page.total, number)):
        return end
    return _followed(connection, path, page, number)


def _followed(connection: Connection, path: str, page: _Page, number: int) -> list[Entry | str]:
    """A page and those that follow it."""
    found, read = page.members, {path}
    while page.following and not (_direction(found) < 0 and len(found) >= number):
        if page.following in read or len(read) == _PAGES:
            message = f"{connection.access.server} has a log of more than {_PAGES} pages, or one without an end"
            raise BmcError("wrong", message, "clear the log at the controller")
        read.add(page.following)
        page = _page(connection, page.following)
        found = [*found, *page.members]
    return found


def _end(connection: Connection, path: str, total: int, number: int) -> list[Entry | str]:
    """The last entries of a long log that has the oldest first, without all before them; empty if it cannot be had."""
    features = connection.root.json.get("ProtocolFeaturesSupported")
    if not isinstance(features, dict) or features.get("TopSkipQuery") is not True or total <= number:
        return []
    last = f"{path}{'&' if '?' in path else '?'}$skip={total - number}"
    try:
        return _followed(connection, last, _page(connection, last), number)
    except BmcError as error:
        if error.kind != "refused":
            raise
        return []


def _page(connection: Connection, path: str) -> _Page:
    data = connection.get(path)
    members = [_path(one) if _is_link(one) else _entry(connection.access, one) for one in _members(data)]
    # The first is that of Redfish (DSP0266, paging); OData has the second.
    link = data.get("Members@odata.nextLink") or data.get("@odata.nextLink")
    total = data.get("Members@odata.count")
    return _Page(
        [one for one in members if one is not None],
        urljoin(path, link) if isinstance(link, str) else None,
        total if isinstance(total, int) else 0,
    )


def _is_link(member: object) -> bool:
    return isinstance(member, dict) and set(member) == {"@odata.id"}


def _resolved(connection: Connection, one: Entry | str) -> Entry:
    if isinstance(one, Entry):
        return one
    return _entry(connection.access, connection.get(one)) or Entry(None, "", "")


def _entry(access: Access, data: object) -> Entry | None:
    if not isinstance(data, dict):
        return None
    text = data.get("Message") or data.get("MessageId") or data.get("Name")
    severity = data.get("Severity")
    return Entry(_time(data.get("Created")), access.cleaned(str(severity or "")), access.cleaned(str(text or "")))


def _time(value: object) -> datetime.datetime | None:
    """None where it is missing, or no time: a clock that was not set may be `0000-00-00T00:00:00Z`."""
    try:
        time = datetime.datetime.fromisoformat(value) if isinstance(value, str) else None
        return time.astimezone(datetime.timezone.utc) if time and time.tzinfo else time
    except (ValueError, OverflowError):
        return None


def _direction(found: Sequence[Entry | str]) -> int:
    return direction([one.time for one in found if isinstance(one, Entry)])


def _last(found: Sequence[Entry | str], number: int) -> Sequence[Entry | str]:
    """The newest ones, oldest first. Where nothing tells the order, the last are taken for the newest, as in IPMI."""
    return (found[::-1] if _direction(found) < 0 else found)[-number:]
