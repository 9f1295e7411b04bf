# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine was told to be kept is kept, whatever happens to the server, and counted once."""

from __future__ import annotations

import contextlib
import datetime
import http.client
import json
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import postgresql
import pytest
from counts import count
from server_site import NOON, TOKENS, Served, bearer, event, report
from sqlalchemy import event as listening
from starlette.testclient import TestClient

from ksgen.store import database

KILLS = count(4, 100)
PATIENCE_S = 60
HOST = "node01"


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Served:
    """Who waits for a locked database gives up soon."""
    monkeypatch.setattr(database, "BUSY_S", 0.1)
    return Served(tmp_path)


@pytest.fixture
def client(served: Served) -> Iterator[TestClient]:
    with TestClient(served.application, raise_server_exceptions=False) as client:
        yield client


def tell(client: TestClient, seq: int) -> int:
    sent = report(event(seq, "preparing", step=f"step {seq}"))
    return client.post("/report", headers=bearer(TOKENS[HOST]), json=sent).status_code


def kept(served: Served) -> list[int]:
    return [one.seq for one in served.store.happenings(served.store.newest()[HOST].id)]


def test_locked_database_is_tried_again_later(client: TestClient, served: Served, tmp_path: Path) -> None:
    assert tell(client, 1) == 200
    with contextlib.closing(sqlite3.connect(tmp_path / "reports.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = client.post("/report", headers=bearer(TOKENS[HOST]), json=report(event(2, "copying")))
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        # Who only looks is answered.
        assert client.get("/api/hosts", headers=bearer(served.token)).status_code == 200
        other.execute("ROLLBACK")
    assert tell(client, 2) == 200
    assert kept(served) == [1, 2]


def test_full_disk_is_tried_again_later(client: TestClient, served: Served) -> None:
    assert tell(client, 1) == 200
    limits = [1]

    @listening.listens_for(served.store._engine, "begin")
    def limit(connection: object) -> None:
        for most in limits:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {most}")  # type: ignore[attr-defined]

    large = {f"fact {number}": "x" * 1000 for number in range(60)}
    sent = report(event(2, "copying", facts=large))
    assert client.post("/report", headers=bearer(TOKENS[HOST]), json=sent).status_code == 503
    assert kept(served) == [1]
    limits[:] = [2**30]
    assert client.post("/report", headers=bearer(TOKENS[HOST]), json=sent).status_code == 200
    assert kept(served) == [1, 2]


def test_clock_that_is_set_back_loses_nothing(client: TestClient, served: Served) -> None:
    assert tell(client, 1) == 200
    served.clock.now -= datetime.timedelta(days=400)
    assert tell(client, 2) == 200
    assert tell(client, 2) == 200
    assert kept(served) == [1, 2]
    shown = client.get(f"/api/hosts/{HOST}", headers=bearer(served.token)).json()
    assert (shown["state"], shown["step"], shown["doubt"]) == ("preparing", "step 2", "")
    served.clock.now = NOON
    assert tell(client, 3) == 200
    assert kept(served) == [1, 2, 3]


def test_database_that_is_away_is_tried_again_later(tmp_path: Path) -> None:
    with postgresql.server() as database_server:
        served = Served(tmp_path, database=database_server.url)
        with TestClient(served.application, raise_server_exceptions=False) as client:
            assert tell(client, 1) == 200
            database_server.stop()
            assert tell(client, 2) == 503
            database_server.start()
            assert tell(client, 2) == 200
            assert kept(served) == [1, 2]


class Machine(threading.Thread):
    """Reports again and again, as a reporter does: what was not answered is sent once more."""

    def __init__(self, port: int, host: str) -> None:
        super().__init__()
        self._port, self._host = port, host
        self.acknowledged: list[int] = []
        self.has_ended = False

    def run(self) -> None:
        seq = 1
        while not self.has_ended:
            if self._send(seq):
                self.acknowledged.append(seq)
                seq += 1
            else:
                time.sleep(0.05)

    def _send(self, seq: int) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        body = json.dumps(report(event(seq, "preparing", step=str(seq))))
        try:
            connection.request("POST", "/report", body, bearer(TOKENS[self._host]))
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def test_killed_server_has_kept_what_it_acknowledged(tmp_path: Path) -> None:
    served = Served(tmp_path)
    (tmp_path / "hosts.yaml").write_text("{}")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "ksgen", "serve", "hosts.yaml", "-o", "out", "--state", str(tmp_path)]
    command += ["--listen", f"127.0.0.1:{port}"]
    machines = [Machine(port, host) for host in TOKENS]
    for machine in machines:
        machine.start()
    chance, before = random.Random(5), 0
    try:
        for _ in range(KILLS):
            with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL) as server:
                end = time.monotonic() + PATIENCE_S
                # At least one report of this life.
                while sum(len(one.acknowledged) for one in machines) <= before:
                    assert time.monotonic() < end
                    assert server.poll() is None
                    time.sleep(0.01)
                time.sleep(chance.uniform(0, 0.3))
                server.send_signal(signal.SIGKILL)
            before = sum(len(one.acknowledged) for one in machines)
    finally:
        for machine in machines:
            machine.has_ended = True
        for machine in machines:
            machine.join()
    newest = served.store.newest()
    for machine in machines:
        attempt = newest[machine._host]
        numbers = [one.seq for one in served.store.happenings(attempt.id)]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) - len(machine.acknowledged) in (0, 1)  # the last one may have been kept without an answer
        assert attempt.standing.step == str(numbers[-1])
        assert [one.after for one in served.store.transitions([attempt.id])[attempt.id]] == ["expired", "preparing"]
