# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines that were discovered: the last that each has told of itself. A machine is known by its MAC addresses."""

from __future__ import annotations

import datetime
import gzip
import json
from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, func, insert, select

from ksgen.store.tables import discovered

# A site discovers racks. The permission can be read in boot files, so a client may send any number of machines.
MACHINES_MOST = 2000
# NICs of a machine.
MACS_MOST = 256


class Discovered(NamedTuple):
    """A machine: the NIC that it booted from or its first one, all of its NICs, what to call it, and when it was seen.

    `address` is where it told from; `words` are what people see of it in a line.
    """

    mac: str
    macs: tuple[str, ...]
    words: str
    address: str
    first: datetime.datetime
    last: datetime.datetime


class Machines:
    """The discovered machines in the database. Each method is one transaction. Raises SQLAlchemyError."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def keep(self, macs: Sequence[str], words: str, address: str, content: bytes, now: datetime.datetime) -> bool:
        """Keep what a machine has told, in the place of what it told before. The first of `macs` is its name.

        False where there is no room for one more.
        """
        with self._engine.begin() as connection:
            same = [one for one in _read(connection) if set(one.macs) & set(macs)]
            if not same and (connection.scalar(select(func.count()).select_from(discovered)) or 0) >= MACHINES_MOST:
                return False
            connection.execute(delete(discovered).where(discovered.c.mac.in_([macs[0], *(one.mac for one in same)])))
            connection.execute(insert(discovered), {
                "mac": macs[0],
                "macs": json.dumps(list(macs[:MACS_MOST])),
                "words": words,
                "address": address,
                "first": min((one.first for one in same), default=now),
                "last": now,
                "content": gzip.compress(content, 5, mtime=0),
            })  # fmt: skip
        return True

    def all(self) -> list[Discovered]:
        """All of them, the one that was seen last at the end."""
        with self._engine.connect() as connection:
            return _read(connection)

    def content(self, mac: str) -> bytes | None:
        """What a machine has told, by one of its MAC addresses."""
        with self._engine.connect() as connection:
            name = next((one.mac for one in _read(connection) if mac in one.macs), None)
            packed: bytes | None = connection.scalar(select(discovered.c.content).where(discovered.c.mac == name))
        return None if packed is None else gzip.decompress(packed)


def _read(connection: Connection) -> list[Discovered]:
    columns = (discovered.c.mac, discovered.c.macs, discovered.c.words, discovered.c.address, discovered.c.first)
    query = select(*columns, discovered.c.last).order_by(discovered.c.last, discovered.c.mac)
    return [Discovered(mac, tuple(json.loads(macs)), *others) for mac, macs, *others in connection.execute(query)]
