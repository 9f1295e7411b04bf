# SPDX-License-Identifier: GPL-2.0-or-later
"""How the database is opened: made, migrated, or refused with what to do."""

from __future__ import annotations

import datetime
import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from ksgen.store import DatabaseError, Store, database, open_database
from ksgen.store.tables import metadata

RECORDED = Path(__file__).parents[1] / "data" / "databases"
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
    assert "has the schema 9999; this ksgen has 0003 at most" in caught.value.message
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


def load(file: Path, path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.executescript(file.read_text())
    connection.close()


@pytest.mark.parametrize("file", sorted(RECORDED.glob("*.sql")), ids=lambda file: file.stem)
def test_database_of_each_schema_is_read(file: Path, tmp_path: Path) -> None:
    """tests/support/record_database.py has what was put in."""
    path = tmp_path / "reports.db"
    load(file, path)
    store = Store(open_database(str(path), NOON))
    assert {host: one.standing.state for host, one in store.newest().items()} == {"node01": "up", "node02": "armed"}
    failed, armed = sorted(store.attempts_of("node02"), key=lambda one: one.given)
    assert (failed.standing.message, armed.standing.state) == ("error: no disk", "armed")
    assert store.log(failed.id, "anaconda.log") == b"the log\n"
    assert store.kickstart("b" * 64) == b"# the kickstart\n"
    moves = store.transitions([failed.id])[failed.id]
    assert [one.after for one in moves] == ["booting", "preparing", "failed"]


def test_newest_schema_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "reports.db"
    open_database(str(path), NOON).dispose()
    with sqlite3.connect(path) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert (RECORDED / f"{revision}.sql").exists(), "tests/support/record_database.py records it"


def test_older_database_is_copied_and_migrated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a schema that comes after the newest one."""
    migrations = tmp_path / "migrations"
    shutil.copytree(database._MIGRATIONS, migrations)
    (migrations / "versions" / "v9000.py").write_text(
        "from alembic import op\nimport sqlalchemy as sa\n"
        f"revision, down_revision = '9000', '{newest_recorded().stem}'\n"
        "def upgrade() -> None:\n    op.add_column('actions', sa.Column('address', sa.String(64)))\n"
    )
    monkeypatch.setattr(database, "_MIGRATIONS", migrations)
    path = tmp_path / "reports.db"
    load(newest_recorded(), path)
    with open_database(str(path), NOON).connect() as connection:
        assert connection.exec_driver_sql("SELECT who, address FROM actions").fetchone() == ("ops", None)
    (copy,) = tmp_path.glob("reports.db.*-20260504T120000")
    assert copy.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT count(*) FROM attempts").fetchone() == (3,)
    # Interrupted in the middle, it would be as it was: everything is one transaction.
    (migrations / "versions" / "v9001.py").write_text(
        "from alembic import op\nrevision, down_revision = '9001', '9000'\n"
        "def upgrade() -> None:\n    op.drop_table('logs')\n    op.execute('SELECT nonsense')\n"
    )
    with pytest.raises(DatabaseError):
        open_database(str(path), NOON)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM logs").fetchone() == (1,)
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("9000",)


def newest_recorded() -> Path:
    return max(RECORDED.glob("*.sql"))
