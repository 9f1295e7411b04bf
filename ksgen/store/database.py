# SPDX-License-Identifier: GPL-2.0-or-later
"""Opens the database: creates it, migrates an older one after a backup, and refuses a newer one."""

from __future__ import annotations

import contextlib
import datetime
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

# How long one waits for another connection: a checkpoint of SQLite, a backup.
BUSY_S = 10
# The key of the PostgreSQL advisory lock that is held during a migration: an arbitrary number.
_MIGRATION_LOCK = 0x6B7367656E
_MIGRATIONS = Path(__file__).parent / "migrations"


class DatabaseError(Exception):
    """Why a database cannot be used, and what to do about it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def open_database(where: str, now: datetime.datetime) -> Engine:
    """The database at a path (SQLite) or URL (`postgresql://user@host/name`), with the newest schema.

    An older SQLite database is copied beside itself first. Raises DatabaseError.
    """
    url = _url(where)
    try:
        engine = create_engine(url, **_options(url))
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise DatabaseError(
            f"{url.render_as_string()}: {error}", "write a path, or postgresql://USER@HOST/NAME"
        ) from error
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _set_up_sqlite)
        _make_private(url)
    try:
        with _migrating(engine) as connection:
            _migrate(connection, url, now)
    except SQLAlchemyError as error:
        engine.dispose()
        raise DatabaseError(f"{url.render_as_string()}: {_reason(error)}", _cure(url)) from error
    except BaseException:
        engine.dispose()
        raise
    return engine


def _url(where: str) -> URL:
    if "://" not in where:
        return URL.create("sqlite", database=os.path.abspath(where))
    try:
        url = make_url(where)
    except (ArgumentError, ValueError) as error:  # a port that is no number is the latter
        raise DatabaseError("the database is not a URL", "write a path, or postgresql://USER@HOST/NAME") from error
    # psycopg 3; the name alone means the older one to SQLAlchemy
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _options(url: URL) -> dict[str, Any]:
    # A connection that the server has closed in the meantime is replaced.
    return {} if url.get_backend_name() == "sqlite" else {"pool_pre_ping": True, "pool_size": 8}


def _make_private(url: URL) -> None:
    """Only who serves may read it. Its journals get the same mode from SQLite."""
    with contextlib.suppress(OSError):  # connecting says why
        os.close(os.open(str(url.database), os.O_CREAT | os.O_WRONLY, 0o600))


def _set_up_sqlite(connection: sqlite3.Connection, _: object) -> None:
    """FULL: what was acknowledged survives a power cut. WAL: those who read do not wait for those who write."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={BUSY_S * 1000}"):
        connection.execute(f"PRAGMA {pragma}")


@contextlib.contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """One server at a time: the second finds the schema of the first."""
    with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            # Python's sqlite3 begins no transaction before statements that change the schema.
            connection.connection.cursor().execute("BEGIN IMMEDIATE")
        else:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        yield connection


def _migrate(connection: Connection, url: URL, now: datetime.datetime) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    newest = scripts.get_current_head()
    current = MigrationContext.configure(connection).get_current_revision()
    if current == newest:
        return
    if current is not None:
        if current not in {script.revision for script in scripts.walk_revisions()}:
            raise DatabaseError(
                f"{url.render_as_string()} has the schema {current}; this ksgen has {newest} at most",
                "use the newer ksgen that has made it, or the backup that lies beside it",
            )
        _back_up(url, current, now)
    command.upgrade(config, "head")


def _back_up(url: URL, revision: str, now: datetime.datetime) -> None:
    """A copy of an SQLite database beside it. PostgreSQL's own tools back up better than we could."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return
    copy = f"{url.database}.{revision}-{now:%Y%m%dT%H%M%S}"
    # From a second connection: the first is inside of the transaction that migrates.
    with (
        contextlib.closing(sqlite3.connect(url.database)) as source,
        contextlib.closing(sqlite3.connect(copy)) as target,
    ):
        os.chmod(copy, 0o600)
        source.backup(target)


def _reason(error: SQLAlchemyError) -> str:
    return " ".join(str(getattr(error, "orig", None) or error).split())


def _cure(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return "its directory must exist, and be writable for the user that serves"
    return "the server must run and accept this user; a new database is made by `createdb`"
