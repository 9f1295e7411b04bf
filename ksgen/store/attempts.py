# SPDX-License-Identifier: GPL-2.0-or-later
"""What is kept of attempts, and how it changes. Each method is one transaction; the clock is an argument.

`ksgen.reports` decides what follows from a report; here it is only read, decided there and written.
"""

from __future__ import annotations

import dataclasses
import datetime
import gzip
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from sqlalchemy import Connection, Engine, Row, Select, bindparam, delete, func, insert, select, update

from ksgen.reports import LOGS_MOST, Event, Report, Standing, State, cut, ended, fetched, follow, hear
from ksgen.store.discovered import Machines
from ksgen.store.leases import Leases
from ksgen.store.tables import actions, attempts, discovered, events, kickstarts, logs, transitions

Cause = Literal["arming", "web server", "report"]
# Of one attempt: a reporter sends some fifty, and one that has gone wild no more than this.
EVENTS_MOST = 2000

_STANDING = tuple(field.name for field in dataclasses.fields(Standing))


class Permission(NamedTuple):
    """An arming, as the published tree has it: the host, its times, and the SHA-256 of its report token."""

    host: str
    mac: str
    given: datetime.datetime
    until: datetime.datetime
    token: str | None
    kickstart: str | None = None


@dataclasses.dataclass(frozen=True)
class Attempt:
    """One arming of one host, and where it is."""

    id: int
    host: str
    mac: str
    given: datetime.datetime
    until: datetime.datetime
    kickstart: str | None
    address: str
    standing: Standing


class Accepted(NamedTuple):
    """A report that was taken: of which host, up to which event, and whether the attempt's state is another one now."""

    attempt: Attempt
    events: int
    before: State


class Happening(NamedTuple):
    """An event of an attempt, as it is kept."""

    seq: int
    received: datetime.datetime
    uptime: float
    state: State
    step: str
    message: str
    done: int | None
    total: int | None
    facts: Mapping[str, Any] | None


class Transition(NamedTuple):
    """An attempt came from one state into another."""

    at: datetime.datetime
    before: State
    after: State
    cause: Cause


class Log(NamedTuple):
    """A log that a machine has sent: its name, its size in bytes, and whether its front is missing."""

    name: str
    received: datetime.datetime
    size: int
    is_cut: bool


class Store:
    """Reads and writes the database. Raises SQLAlchemyError where it cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def leases(self) -> Leases:
        """Who installs which host."""
        return Leases(self._engine)

    @property
    def machines(self) -> Machines:
        """The machines that were discovered."""
        return Machines(self._engine)

    @property
    def writers(self) -> int:
        """How many threads may write at once: SQLite has one writer, and the others would only wait for it."""
        return 1 if self._engine.dialect.name == "sqlite" else 4

    # --- what the published tree and the web server say ---

    def follow_armings(
        self, permissions: Iterable[Permission], armed: Collection[str], now: datetime.datetime
    ) -> list[Attempt]:
        """Make an attempt of each arming that is new, and end those whose permission is no more. Returns the changed.

        `armed` are the hosts whose permission the web server still accepts, or has accepted.
        """
        wanted = {(one.host, one.given): one for one in permissions}
        with self._engine.begin() as connection:
            known = {(one.host, one.given): one for one in _attempts(connection, attempts.c.state == "armed")}
            added = _add(connection, [one for key, one in wanted.items() if key not in known])
            newest = _newest(connection)
            over = []
            for attempt in (*known.values(), *added):
                is_over = attempt.until <= now
                if not is_over and attempt.host in armed and attempt.given == newest[attempt.host]:
                    continue
                over.append((attempt, ended(attempt.standing, "expired" if is_over else "cancelled", now)))
            return [*added, *_move(connection, over, "arming", now)]

    def follow_fetches(self, fetches: Iterable[tuple[str, datetime.datetime]], now: datetime.datetime) -> list[Attempt]:
        """Note that the web server has given out a kernel or kickstart, by host and begin of the arming."""
        keys = set(fetches)
        with self._engine.begin() as connection:
            waiting = _attempts(connection, attempts.c.state.in_(("armed", "expired"))) if keys else []
            moved = [(one, fetched(one.standing, now)) for one in waiting if (one.host, one.given) in keys]
            return _move(connection, moved, "web server", now)

    def keep_kickstart(self, sha256: str, content: bytes) -> None:
        """Keep the text of a kickstart by the hash of its file, if it is not kept yet."""
        with self._engine.begin() as connection:
            if connection.scalar(select(kickstarts.c.sha256).where(kickstarts.c.sha256 == sha256)) is None:
                values = {"sha256": sha256, "content": gzip.compress(content, 5, mtime=0)}
                connection.execute(insert(kickstarts), values)

    # --- what the machines say ---

    def accept(self, token: str, report: Report, address: str, now: datetime.datetime) -> Accepted | None:
        """Keep a report. `token` is the SHA-256 of what the machine has shown; None where no attempt has it.

        An event that came before is not kept again. What is returned is on the disk.
        """
        with self._engine.begin() as connection:
            attempt = _by_token(connection, token)
            if attempt is None:
                return None
            kept = _kept(connection, attempt.id)
            new = [each for each in report.events if each.seq not in kept][: max(0, EVENTS_MOST - len(kept))]
            standing = attempt.standing
            for each in sorted(new, key=lambda event: event.seq):
                after = follow(standing, each, report.boot, now)
                if after.state != standing.state:
                    row = _note_row(attempt.id, standing.state, after.state, "report", now)
                    connection.execute(insert(transitions), row)
                standing = after
            if report.heartbeat is not None:
                standing = hear(standing, report.heartbeat, report.boot, now)
            standing = dataclasses.replace(standing, heard=now)
            if new:
                connection.execute(insert(events), [_event_row(attempt.id, each, report.boot, now) for each in new])
            after_all = dataclasses.replace(attempt, standing=standing, address=address)
            _write(connection, after_all)
        return Accepted(after_all, len(new), attempt.standing.state)

    def may_send_log(self, token: str, name: str) -> Attempt | None:
        """The attempt of a token, if it has room for a log of that name."""
        with self._engine.connect() as connection:
            attempt = _by_token(connection, token)
            if attempt is None:
                return None
            names = set(connection.scalars(select(logs.c.name).where(logs.c.attempt == attempt.id)))
        return attempt if name in names or len(names) < LOGS_MOST else None

    def keep_log(self, attempt: int, name: str, content: bytes, is_cut: bool, now: datetime.datetime) -> None:
        """Keep a log of an attempt; one of the same name is replaced."""
        end, more = cut(content)
        values = {
            "attempt": attempt,
            "name": name,
            "received": now,
            "size": len(end),
            "is_cut": is_cut or more,
            "content": gzip.compress(end, 5, mtime=0),
        }
        with self._engine.begin() as connection:
            connection.execute(delete(logs).where((logs.c.attempt == attempt) & (logs.c.name == name)))
            connection.execute(insert(logs), values)

    # --- what people ask ---

    def newest(self, hosts: Collection[str] | None = None) -> dict[str, Attempt]:
        """The newest attempt of each host, or of these."""
        last = select(func.max(attempts.c.given)).where(attempts.c.host == _other.c.host).scalar_subquery()
        query = select(_other).where(_other.c.given == last)
        if hosts is not None:
            query = query.where(_other.c.host.in_(list(hosts)))
        with self._engine.connect() as connection:
            return {row.host: _attempt(row) for row in connection.execute(query.order_by(_other.c.host))}

    def standings(self) -> dict[str, Standing]:
        """Where the newest attempt of each host is, without words: for counts."""
        names = ("state", "since", "progressed", "heard", "is_degraded")
        last = select(func.max(attempts.c.given)).where(attempts.c.host == _other.c.host).scalar_subquery()
        query = select(_other.c.host, *(_other.c[name] for name in names)).where(_other.c.given == last)
        with self._engine.connect() as connection:
            return {host: Standing(**dict(zip(names, own, strict=True))) for host, *own in connection.execute(query)}

    @property
    def is_shared(self) -> bool:
        """Whether other servers may write it: an SQLite file has one."""
        return self._engine.dialect.name != "sqlite"

    def moved_since(self, moment: datetime.datetime) -> dict[str, tuple[datetime.datetime, datetime.datetime | None]]:
        """The hosts that came into a state or were heard at this time or later, with both times."""
        where = (attempts.c.since >= moment) | (attempts.c.heard >= moment)
        with self._engine.connect() as connection:
            rows = connection.execute(select(attempts.c.host, attempts.c.since, attempts.c.heard).where(where))
            return {row.host: (row.since, row.heard) for row in rows}

    def attempt(self, number: int) -> Attempt | None:
        """One attempt."""
        with self._engine.connect() as connection:
            return next(iter(_attempts(connection, attempts.c.id == number)), None)

    def attempts_of(self, host: str) -> list[Attempt]:
        """All attempts of a host, the newest first."""
        with self._engine.connect() as connection:
            return _attempts(connection, attempts.c.host == host)[::-1]

    def happenings(self, attempt: int) -> list[Happening]:
        """The events of an attempt, in their order."""
        query = select(events).where(events.c.attempt == attempt).order_by(events.c.seq)
        with self._engine.connect() as connection:
            return [_happening(row) for row in connection.execute(query)]

    def transitions(self, attempts_: Collection[int]) -> dict[int, list[Transition]]:
        """The transitions of attempts, in their order."""
        query = select(transitions).where(transitions.c.attempt.in_(list(attempts_))).order_by(transitions.c.id)
        found: dict[int, list[Transition]] = {attempt: [] for attempt in attempts_}
        with self._engine.connect() as connection:
            for row in connection.execute(query):
                found[row.attempt].append(Transition(row.at, row.before, row.after, row.cause))
        return found

    def logs(self, attempt: int) -> list[Log]:
        """The logs of an attempt, without their content."""
        columns = (logs.c.name, logs.c.received, logs.c.size, logs.c.is_cut)
        query = select(*columns).where(logs.c.attempt == attempt).order_by(logs.c.name)
        with self._engine.connect() as connection:
            return [Log(*row) for row in connection.execute(query)]

    def log(self, attempt: int, name: str) -> bytes | None:
        """The content of a log."""
        return self._unpacked(select(logs.c.content).where((logs.c.attempt == attempt) & (logs.c.name == name)))

    def kickstart(self, sha256: str) -> bytes | None:
        """The text of a kickstart."""
        return self._unpacked(select(kickstarts.c.content).where(kickstarts.c.sha256 == sha256))

    def _unpacked(self, query: Select[bytes]) -> bytes | None:
        with self._engine.connect() as connection:
            content: bytes | None = connection.scalar(query)
        return None if content is None else gzip.decompress(content)

    # --- who did what, and for how long it is kept ---

    def record(self, who: str, what: str, host: str, now: datetime.datetime) -> None:
        """Note what a person did."""
        with self._engine.begin() as connection:
            connection.execute(insert(actions), {"at": now, "who": who, "what": what, "host": host})

    def prune(self, before: datetime.datetime, logs_most: int) -> int:
        """Remove the attempts that began before a time, but for the newest of each host, with all that is theirs alone,
        and then the oldest logs until they have `logs_most` bytes together, packed; and the machines that were
        discovered before. Returns how many attempts are gone."""
        newest = select(func.max(attempts.c.id)).group_by(attempts.c.host)
        with self._engine.begin() as connection:
            old = (attempts.c.given < before) & attempts.c.id.not_in(newest)
            gone = list(connection.scalars(select(attempts.c.id).where(old)))
            for table in (events, transitions, logs):
                connection.execute(delete(table).where(table.c.attempt.in_(gone)))
            connection.execute(delete(attempts).where(attempts.c.id.in_(gone)))
            used = select(attempts.c.kickstart).where(attempts.c.kickstart.is_not(None))
            connection.execute(delete(kickstarts).where(kickstarts.c.sha256.not_in(used)))
            sizes = select(logs.c.id, func.length(logs.c.content)).order_by(logs.c.received.desc(), logs.c.id.desc())
            kept, surplus = 0, []
            for number, size in connection.execute(sizes):
                kept += size
                if kept > logs_most:
                    surplus.append(number)
            connection.execute(delete(logs).where(logs.c.id.in_(surplus)))
            connection.execute(delete(discovered).where(discovered.c.last < before))
        return len(gone)


_other = attempts.alias("other")


def _attempts(connection: Connection, where: Any) -> list[Attempt]:
    query = select(attempts).where(where).order_by(attempts.c.given, attempts.c.id)
    return [_attempt(row) for row in connection.execute(query)]


def _attempt(row: Row[Any]) -> Attempt:
    standing = Standing(**{name: getattr(row, name) for name in _STANDING})
    return Attempt(row.id, row.host, row.mac, row.given, row.until, row.kickstart, row.address, standing)


def _by_token(connection: Connection, token: str) -> Attempt | None:
    """Locked until the transaction ends, where the database can: two reports of one host follow each other."""
    row = connection.execute(select(attempts).where(attempts.c.token == token).with_for_update()).first()
    return None if row is None else _attempt(row)


def _newest(connection: Connection) -> dict[str, datetime.datetime]:
    """When the newest attempt of each host was given."""
    query = select(attempts.c.host, func.max(attempts.c.given).label("given")).group_by(attempts.c.host)
    return {row.host: row.given for row in connection.execute(query)}


def _add(connection: Connection, permissions: Sequence[Permission]) -> list[Attempt]:
    """Make attempts of those of which there is none yet."""
    if not permissions:
        return []
    recent = attempts.c.given >= min(one.given for one in permissions)
    there = {
        (row.host, row.given) for row in connection.execute(select(attempts.c.host, attempts.c.given).where(recent))
    }
    new = [one for one in permissions if (one.host, one.given) not in there]
    if not new:
        return []
    rows = [{**one._asdict(), **_standing_row(Standing.armed(one.given)), "address": ""} for one in new]
    connection.execute(insert(attempts), rows)
    keys = {(one.host, one.given) for one in new}
    return [one for one in _attempts(connection, recent) if (one.host, one.given) in keys]


def _move(
    connection: Connection, moved: Sequence[tuple[Attempt, Standing]], cause: Cause, now: datetime.datetime
) -> list[Attempt]:
    """Bring attempts into other states. Returns them as they are then."""
    if not moved:
        return []
    notes = [_note_row(one.id, one.standing.state, standing.state, cause, now) for one, standing in moved]
    connection.execute(insert(transitions), notes)
    query = update(attempts).where(attempts.c.id == bindparam("number"))
    connection.execute(query, [{"number": one.id, **_standing_row(standing)} for one, standing in moved])
    return [dataclasses.replace(one, standing=standing) for one, standing in moved]


def _write(connection: Connection, attempt: Attempt) -> None:
    values = {**_standing_row(attempt.standing), "address": attempt.address}
    connection.execute(update(attempts).where(attempts.c.id == attempt.id), values)


def _note_row(attempt: int, before: State, after: State, cause: Cause, now: datetime.datetime) -> dict[str, Any]:
    return {"attempt": attempt, "at": now, "before": before, "after": after, "cause": cause}


def _kept(connection: Connection, attempt: int) -> set[int]:
    return set(connection.scalars(select(events.c.seq).where(events.c.attempt == attempt)))


def _standing_row(standing: Standing) -> dict[str, Any]:
    return {name: getattr(standing, name) for name in _STANDING}


def _event_row(attempt: int, event: Event, boot: str, now: datetime.datetime) -> dict[str, Any]:
    facts = None if event.facts is None else json.dumps(event.facts, separators=(",", ":"))
    row: dict[str, Any] = event.model_dump(exclude={"facts"})
    return {**row, "attempt": attempt, "received": now, "boot": boot, "facts": facts}


def _happening(row: Row[Any]) -> Happening:
    facts = None if row.facts is None else json.loads(row.facts)
    return Happening(row.seq, row.received, row.uptime, row.state, row.step, row.message, row.done, row.total, facts)
