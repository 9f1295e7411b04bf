# SPDX-License-Identifier: GPL-2.0-or-later
"""Who installs which host: one run of `ksgen install` at a time has a host, so that two operators cannot both erase it.

A run that is stopped leaves its hosts; one that was killed stops renewing them. Both can be taken up again by the same
login. What another login has, or a run that still renews, is taken over only where that is asked for.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ksgen.store.tables import leases

# A run renews its leases every few seconds; a server or a network that is away for a moment ends none.
STALE_AFTER = datetime.timedelta(minutes=2)


class Lease(NamedTuple):
    """A host that a run has: how far it is there, and the begin of the arming that it made (None: not armed yet)."""

    host: str
    who: str
    run: str
    taken: datetime.datetime
    renewed: datetime.datetime | None
    phase: str
    message: str
    given: datetime.datetime | None

    def is_free_for(self, who: str, run: str, now: datetime.datetime) -> bool:
        """Whether a run of this login may have it without taking it over."""
        if self.run == run:
            return True
        return self.who == who and (self.renewed is None or now - self.renewed > STALE_AFTER)


class Progress(NamedTuple):
    """How far a run is with a host."""

    phase: str
    message: str
    given: datetime.datetime | None


class Leases:
    """The leases in the database. Each method is one transaction. Raises SQLAlchemyError where it cannot be reached."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> dict[str, Lease]:
        """By host."""
        with self._engine.connect() as connection:
            return _read(connection)

    def take(
        self, hosts: Collection[str], who: str, run: str, now: datetime.datetime, is_forced: bool
    ) -> tuple[dict[str, Lease], list[Lease]]:
        """Take these hosts, all or none: what a run had reached before stays in its lease, so that the next goes on.

        Returns the leases as they are now, and those of others that are in the way; `is_forced` takes these too.
        """
        try:
            with self._engine.begin() as connection:
                known = _read(connection)
                in_the_way = [
                    known[host]
                    for host in sorted(hosts)
                    if host in known and not (is_forced or known[host].is_free_for(who, run, now))
                ]
                if in_the_way:
                    return {}, in_the_way
                for host in sorted(hosts):
                    if host in known:
                        values = {"who": who, "run": run, "renewed": now}
                        connection.execute(update(leases).where(leases.c.host == host), values)
                    else:
                        new = Lease(host, who, run, now, now, "waiting", "", None)
                        connection.execute(insert(leases), new._asdict())
                taken = _read(connection)
        except IntegrityError:
            # Another server has given one of them out between our look and now.
            return self.take(hosts, who, run, now, is_forced)
        return {host: taken[host] for host in sorted(hosts)}, []

    def renew(self, run: str, progress: Mapping[str, Progress], now: datetime.datetime) -> list[str]:
        """Note how far a run is with its hosts. Returns those that it has no more."""
        lost = []
        with self._engine.begin() as connection:
            for host, one in sorted(progress.items()):
                where = (leases.c.host == host) & (leases.c.run == run)
                done = connection.execute(update(leases).where(where), {**one._asdict(), "renewed": now})
                lost += [] if done.rowcount else [host]
        return lost

    def end(self, run: str, done: Collection[str], left: Collection[str]) -> None:
        """Give back the hosts that are done, and leave those that install themselves: the same login may go on."""
        with self._engine.begin() as connection:
            connection.execute(delete(leases).where((leases.c.run == run) & leases.c.host.in_(list(done))))
            where = (leases.c.run == run) & leases.c.host.in_(list(left))
            connection.execute(update(leases).where(where), {"renewed": None})


def _read(connection: Connection) -> dict[str, Lease]:
    return {row.host: Lease(*row) for row in connection.execute(select(leases))}
