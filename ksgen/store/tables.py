# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of the database, as the newest migration leaves them (tests/store compares both).

Only what SQLite and PostgreSQL both have is used. Times are the server's, in microseconds since 1970 (UTC).
"""

from __future__ import annotations

import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_MICROSECOND = datetime.timedelta(microseconds=1)


class Time(TypeDecorator[datetime.datetime]):
    """A time with its zone. SQLite has no type for it, and PostgreSQL's depends on the session's zone."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime.datetime | None, _: Dialect) -> Any:
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, _: Dialect) -> datetime.datetime | None:
        return None if value is None else _EPOCH + int(value) * _MICROSECOND


metadata = MetaData()

# SQLite numbers the rows of an INTEGER PRIMARY KEY only.
_Number = BigInteger().with_variant(Integer, "sqlite")

attempts = Table(
    "attempts",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("host", String(255), nullable=False),
    Column("mac", String(17), nullable=False),
    Column("given", Time, nullable=False),
    Column("until", Time, nullable=False),
    # SHA-256 of the token of its reports, in hexadecimal digits. Without one nothing is reported.
    Column("token", String(64), unique=True),
    # SHA-256 of the kickstart that it was armed with.
    Column("kickstart", String(64)),
    Column("state", String(16), nullable=False),
    Column("since", Time, nullable=False),
    Column("progressed", Time, nullable=False),
    Column("heard", Time),
    Column("boot", String(64), nullable=False),
    Column("step", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("done", BigInteger),
    Column("total", BigInteger),
    Column("restarts", Integer, nullable=False),
    Column("is_degraded", Boolean, nullable=False),
    Column("address", String(64), nullable=False),
    UniqueConstraint("host", "given", name="attempts_host_given"),
)

events = Table(
    "events",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("attempt", _Number, ForeignKey("attempts.id", ondelete="CASCADE"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("received", Time, nullable=False),
    Column("uptime", Float, nullable=False),
    Column("boot", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("step", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("done", BigInteger),
    Column("total", BigInteger),
    Column("facts", Text),  # JSON
    UniqueConstraint("attempt", "seq", name="events_attempt_seq"),
)

transitions = Table(
    "transitions",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("attempt", _Number, ForeignKey("attempts.id", ondelete="CASCADE"), nullable=False),
    Column("at", Time, nullable=False),
    Column("before", String(16), nullable=False),
    Column("after", String(16), nullable=False),
    Column("cause", String(16), nullable=False),
    Index("transitions_attempt", "attempt"),
)

logs = Table(
    "logs",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("attempt", _Number, ForeignKey("attempts.id", ondelete="CASCADE"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("received", Time, nullable=False),
    Column("size", Integer, nullable=False),  # bytes, unpacked
    Column("is_cut", Boolean, nullable=False),
    Column("content", LargeBinary, nullable=False),  # gzip
    UniqueConstraint("attempt", "name", name="logs_attempt_name"),
)

# As it was armed with, without its secrets; the hash is that of the whole file.
kickstarts = Table(
    "kickstarts",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("content", LargeBinary, nullable=False),  # gzip
)

actions = Table(
    "actions",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("at", Time, nullable=False),
    Column("who", String(100), nullable=False),
    Column("what", String(100), nullable=False),
    Column("host", String(255), nullable=False),
)

# Who installs a host with `ksgen install`. `run` names one run of the command; `given` is the begin of its arming.
leases = Table(
    "leases",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("who", String(100), nullable=False),
    Column("run", String(64), nullable=False),
    Column("taken", Time, nullable=False),
    # Without it the command was stopped, and has left the machine to itself.
    Column("renewed", Time),
    Column("phase", String(16), nullable=False),
    Column("message", Text, nullable=False),
    Column("given", Time),
)

# Machines that `ksgen discover` has found: the last that each has told.
discovered = Table(
    "discovered",
    metadata,
    Column("mac", String(17), primary_key=True),
    Column("macs", Text, nullable=False),  # JSON: of all NICs
    Column("words", Text, nullable=False),
    Column("address", String(64), nullable=False),
    Column("first", Time, nullable=False),
    Column("last", Time, nullable=False),
    Column("content", LargeBinary, nullable=False),  # gzip
)
