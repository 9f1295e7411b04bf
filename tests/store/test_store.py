# SPDX-License-Identifier: GPL-2.0-or-later
"""What the database keeps of armings, reports and logs: SQLite and PostgreSQL."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import postgresql
import pytest
from sqlalchemy import Engine

from ksgen.reports import Report, State, read_report
from ksgen.store import Permission, Store, open_database
from ksgen.store.tables import metadata

NOON = datetime.datetime(2026, 5, 4, 12, tzinfo=datetime.timezone.utc)
HOUR, MINUTE, SECOND = (datetime.timedelta(**{unit: 1}) for unit in ("hours", "minutes", "seconds"))
TOKEN = hashlib.sha256(b"a token").hexdigest()
BOOT = "5f0c8a3e-1111-2222-3333-444455556666"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgresql.server() as made:
        yield made.url


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    where = str(tmp_path / "reports.db") if request.param == "sqlite" else request.getfixturevalue("server")
    engine = open_database(where, NOON)
    yield Store(engine)
    with engine.begin() as connection:
        metadata.drop_all(connection)
        connection.exec_driver_sql("DROP TABLE alembic_version")
    engine.dispose()


def permission(host: str = "node01", given: datetime.datetime = NOON, token: str | None = TOKEN) -> Permission:
    return Permission(host, "52:54:00:00:00:01", given, given + 6 * HOUR, token)


def report(*events: tuple[int, State], heartbeat: State | None = None) -> Report:
    beat = {"uptime": 99.0, "state": heartbeat, "step": "rsync", "done": 5, "total": 10} if heartbeat else None
    listed = [{"seq": seq, "uptime": float(seq), "state": state, "step": f"step {seq}"} for seq, state in events]
    read = read_report(json.dumps({"version": 1, "boot": BOOT, "events": listed, "heartbeat": beat}).encode())
    assert isinstance(read, Report), read
    return read


def test_an_arming_is_an_attempt_once(store: Store) -> None:
    first = store.follow_armings([permission()], {"node01"}, NOON)
    assert [(one.host, one.standing.state) for one in first] == [("node01", "armed")]
    assert store.follow_armings([permission()], {"node01"}, NOON + MINUTE) == []
    assert store.newest()["node01"].given == NOON


def test_report_moves_its_own_attempt(store: Store) -> None:
    store.follow_armings([permission(), permission("node02", token=None)], {"node01", "node02"}, NOON)
    done = store.accept(TOKEN, report((1, "preparing"), (2, "partitioning")), "10.0.0.9", NOON + MINUTE)
    assert done is not None
    assert (done.attempt.host, done.events, done.before) == ("node01", 2, "armed")
    assert done.attempt.standing.state == "partitioning"
    assert store.newest() == {"node01": done.attempt, "node02": store.newest()["node02"]}
    assert store.newest()["node02"].standing.state == "armed"
    assert [(one.before, one.after) for one in store.transitions([done.attempt.id])[done.attempt.id]] == [
        ("armed", "preparing"),
        ("preparing", "partitioning"),
    ]


def test_unknown_token_is_refused(store: Store) -> None:
    store.follow_armings([permission(token=None)], {"node01"}, NOON)
    assert store.accept(TOKEN, report((1, "preparing")), "", NOON) is None


def test_event_that_comes_again_is_kept_once(store: Store) -> None:
    store.follow_armings([permission()], {"node01"}, NOON)
    for count in (2, 0):
        done = store.accept(TOKEN, report((1, "preparing"), (2, "copying")), "", NOON)
        assert done is not None
        assert done.events == count
    assert [one.seq for one in store.happenings(done.attempt.id)] == [1, 2]


def test_heartbeat_is_not_kept_but_heard(store: Store) -> None:
    store.follow_armings([permission()], {"node01"}, NOON)
    store.accept(TOKEN, report((1, "copying")), "", NOON)
    done = store.accept(TOKEN, report(heartbeat="copying"), "", NOON + MINUTE)
    assert done is not None
    standing = done.attempt.standing
    assert (standing.heard, standing.progressed, standing.since) == (NOON + MINUTE, NOON + MINUTE, NOON)
    assert (standing.done, standing.total) == (5, 10)
    assert len(store.happenings(done.attempt.id)) == 1


def test_fetch_and_end_of_an_arming(store: Store) -> None:
    given = {"node01": NOON, "node02": NOON + SECOND, "node03": NOON}
    store.follow_armings([permission(host, at, None) for host, at in given.items()], given.keys(), NOON)
    fetched = store.follow_fetches([("node01", NOON), ("node02", NOON)], NOON + MINUTE)
    assert [(one.host, one.standing.state) for one in fetched] == [("node01", "booting")]
    cancelled = store.follow_armings([], {"node02"}, NOON + MINUTE)
    assert [(one.host, one.standing.state) for one in cancelled] == [("node03", "cancelled")]
    expired = store.follow_armings([], {"node02"}, NOON + 7 * HOUR)
    assert [(one.host, one.standing.state) for one in expired] == [("node02", "expired")]


def test_newer_arming_ends_the_older(store: Store) -> None:
    store.follow_armings([permission()], {"node01"}, NOON)
    later = permission(given=NOON + HOUR, token=None)
    changed = store.follow_armings([later], {"node01"}, NOON + HOUR)
    assert sorted(one.standing.state for one in changed) == ["armed", "cancelled"]
    assert store.newest()["node01"].given == NOON + HOUR
    assert [one.given for one in store.attempts_of("node01")] == [NOON + HOUR, NOON]


def test_logs(store: Store) -> None:
    store.follow_armings([permission()], {"node01"}, NOON)
    attempt = store.may_send_log(TOKEN, "anaconda.log")
    assert attempt is not None
    store.keep_log(attempt.id, "anaconda.log", b"first\n", False, NOON)
    store.keep_log(attempt.id, "anaconda.log", b"line\n" * 100_000, False, NOON)
    (kept,) = store.logs(attempt.id)
    assert (kept.name, kept.is_cut) == ("anaconda.log", True)
    content = store.log(attempt.id, "anaconda.log")
    assert content is not None
    assert content.startswith(b"line\n")
    assert kept.size == len(content) <= 256 * 1024
    for number in range(23):
        store.keep_log(attempt.id, f"{number}.log", b"", False, NOON)
    assert store.may_send_log(TOKEN, "one-more.log") is None
    assert store.may_send_log(TOKEN, "anaconda.log") is not None


def test_prune_keeps_the_newest_of_each_host(store: Store) -> None:
    for days in (0, 1, 2):
        store.follow_armings([permission(given=NOON + days * 24 * HOUR, token=None)], {"node01"}, NOON)
    assert store.prune(NOON + 30 * HOUR, 0) == 2
    assert [one.given for one in store.attempts_of("node01")] == [NOON + 48 * HOUR]


def test_prune_removes_the_oldest_logs_above_their_size(store: Store) -> None:
    store.follow_armings([permission()], {"node01"}, NOON)
    (attempt,) = store.attempts_of("node01")
    for number in range(3):
        store.keep_log(attempt.id, f"{number}.log", b"text\n", False, NOON + number * MINUTE)
    one = 26
    store.prune(NOON, 2 * one)
    assert [log.name for log in store.logs(attempt.id)] == ["1.log", "2.log"]


def test_wild_reporter_is_bounded(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ksgen.store.attempts.EVENTS_MOST", 3)
    store.follow_armings([permission()], {"node01"}, NOON)
    done = store.accept(TOKEN, report(*((seq, "copying") for seq in range(1, 6))), "", NOON)
    assert done is not None
    assert done.events == 3


def test_engine_is_private(tmp_path: Path) -> None:
    engine: Engine = open_database(str(tmp_path / "reports.db"), NOON)
    engine.dispose()
    assert (tmp_path / "reports.db").stat().st_mode & 0o777 == 0o600
