# SPDX-License-Identifier: GPL-2.0-or-later
"""How the database is opened: made, migrated, or refused with what to do."""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from ksgen.store import DatabaseError, open_database
from ksgen.store.tables import metadata

NOON = datetime.datetime(2026, 5, 4, 12, tzinfo=datetime.timezone.utc)


def test_tables_are_those_of_the_migrations(tmp_path: Path) -> None:
    engine = open_database(str(tmp_path / "reports.db"), NOON)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_database_of_a_newer_ksgen_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reports.db"
    open_database(str(path), NOON).dispose()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError) as caught:
        open_database(str(path), NOON)
    assert "has the schema 9999; this ksgen has 0001 at most" in caught.value.message
    assert "newer ksgen" in caught.value.hint


def test_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reports.db"
    path.write_text("no database at all, but long enough to be one" * 100)
    with pytest.raises(DatabaseError, match="file is not a database"):
        open_database(str(path), NOON)
    assert path.read_text().startswith("no database")


def test_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError) as caught:
        open_database(str(tmp_path / "missing" / "reports.db"), NOON)
    assert str(tmp_path) in caught.value.message
    assert caught.value.hint == "its directory must exist, and be writable for the user that serves"


@pytest.mark.parametrize("where", ["oracle://host/name", "nonsense://", "postgresql://:bad:port/x"])
def test_other_databases_are_refused(where: str) -> None:
    with pytest.raises(DatabaseError):
        open_database(where, NOON)


def test_password_is_not_in_a_message() -> None:
    with pytest.raises(DatabaseError) as caught:
        open_database("postgresql://ksgen:hunter2@127.0.0.1:1/reports", NOON)
    assert "hunter2" not in caught.value.message
    assert caught.value.hint.startswith("the server must run")


def test_what_was_there_stays(tmp_path: Path) -> None:
    path = str(tmp_path / "reports.db")
    first = open_database(path, NOON)
    with first.begin() as connection:
        connection.exec_driver_sql("INSERT INTO actions (at, who, what, host) VALUES (1, 'ops', 'logged in', '')")
    first.dispose()
    again = open_database(path, NOON)
    with again.connect() as connection:
        assert connection.exec_driver_sql("SELECT who FROM actions").scalar() == "ops"
    # Nothing was to be migrated, so nothing was copied.
    assert [each.name for each in tmp_path.iterdir() if "-2026" in each.name] == []
