# SPDX-License-Identifier: GPL-2.0-or-later
"""What the server answers to machines and to people."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import json
import time
from pathlib import Path

import pytest
from server_site import NOON, TOKENS, Served, bearer, event, report
from starlette.testclient import TestClient


def test_report_is_seen_by_people(client: TestClient, served: Served) -> None:
    answer = client.post("/report", headers=bearer(TOKENS["node01"]), json=report(event(1, "copying", step="rsync")))
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "state": "copying"})
    hosts = client.get("/api/hosts", headers=bearer(served.token)).json()
    states = {one["host"]: (one["state"], one.get("step", "")) for one in hosts["hosts"]}
    assert states == {"node01": ("copying", "rsync"), "node02": ("armed", ""), "node03": ("idle", "")}
    assert hosts["counts"] == {"copying": 1, "armed": 1, "idle": 1}


def test_machine_that_says_nothing_more_is_silent(client: TestClient, served: Served) -> None:
    client.post("/report", headers=bearer(TOKENS["node01"]), json=report(event(1, "copying")))
    served.clock.now = NOON + datetime.timedelta(minutes=4)
    host = client.get("/api/hosts/node01", headers=bearer(served.token)).json()
    assert (host["state"], host["doubt"], host["needs"]) == ("copying", "silent", 2)
    client.post("/report", headers=bearer(TOKENS["node01"]), json=report(event(2, "copying")))
    assert client.get("/api/hosts/node01", headers=bearer(served.token)).json()["doubt"] == ""


def test_host_tells_its_story(client: TestClient, served: Served) -> None:
    facts = {"disks": [{"name": "sda", "serial": "S3EVNX0K001"}]}
    client.post("/report", headers=bearer(TOKENS["node01"]), json=report(event(1, "preparing", facts=facts)))
    failed = event(2, "failed", step="disks", message="error: no disk\ncure: name it")
    client.post("/report", headers=bearer(TOKENS["node01"]), json=report(failed))
    host = client.get("/api/hosts/node01", headers=bearer(served.token)).json()
    assert (host["state"], host["message"], host["needs"]) == ("failed", "error: no disk\ncure: name it", 3)
    (attempt,) = host["attempts"]
    assert [(one["before"], one["after"]) for one in attempt["transitions"]] == [
        ("armed", "preparing"),
        ("preparing", "failed"),
    ]
    assert attempt["events"][0]["facts"] == facts


def test_fetch_is_followed(client: TestClient, served: Served) -> None:
    token = next(path.name for path in (served.tree / "armed").iterdir() if path.name.startswith("node02"))
    (served.run / "spent" / token).write_text("")
    for _ in range(200):
        state = served.store.newest()["node02"].standing.state
        if state != "armed":
            break
        time.sleep(0.02)
    assert state == "booting"


def test_kickstart_that_has_changed_since_is_said(client: TestClient, served: Served) -> None:
    def is_changed() -> bool:
        found: bool = client.get("/api/hosts/node01", headers=bearer(served.token)).json()["is_changed"]
        return found

    assert not is_changed()
    (served.tree / "ks" / "node01.ks").write_text("# another\n")
    assert is_changed()


def test_logs(client: TestClient, served: Served) -> None:
    text = b"\x1b[31mred\x1b[0m\nrootpw --plaintext hunter2\n<script>alert(1)</script>\n"
    headers = {**bearer(TOKENS["node01"]), "Content-Encoding": "gzip", "X-Log-Cut": "1"}
    answer = client.put("/report/logs/anaconda.log", headers=headers, content=gzip.compress(text))
    assert answer.status_code == 204
    attempt = served.store.newest()["node01"].id
    kept = client.get(f"/api/attempts/{attempt}/logs/anaconda.log", headers=bearer(served.token))
    assert kept.headers["content-type"].startswith("text/plain")
    assert kept.headers["x-content-type-options"] == "nosniff"
    assert kept.text == "red\nrootpw --plaintext (secret)\n<script>alert(1)</script>\n"
    assert [log.is_cut for log in served.store.logs(attempt)] == [True]


@pytest.mark.parametrize(
    ("token", "body", "headers", "status"),
    [
        pytest.param("", b"{}", {}, 401, id="no token"),
        pytest.param("f" * 64, None, {}, 403, id="unknown token"),
        pytest.param(TOKENS["node01"], b"{", {}, 422, id="no JSON"),
        pytest.param(TOKENS["node01"], b'{"version": 2, "boot": "a"}', {}, 422, id="another version"),
        pytest.param(TOKENS["node01"], b" " * 200_000, {}, 413, id="too large"),
        pytest.param(
            TOKENS["node01"], gzip.compress(b" " * 10_000_000), {"Content-Encoding": "gzip"}, 413, id="a bomb"
        ),
        pytest.param(TOKENS["node01"], b"plain", {"Content-Encoding": "gzip"}, 400, id="no gzip"),
        pytest.param(TOKENS["node01"], gzip.compress(b"{}")[:-9], {"Content-Encoding": "gzip"}, 400, id="cut off"),
        pytest.param(TOKENS["node01"], b"[" * 100_000, {}, 422, id="deep"),
        pytest.param(TOKENS["node01"], b"{}", {"Host": "evil.example.com"}, 400, id="another name"),
    ],
)
def test_report_is_refused(
    client: TestClient, token: str, body: bytes | None, headers: dict[str, str], status: int
) -> None:
    content = json.dumps(report(event(1, "copying"))).encode() if body is None else body
    sent = {**(bearer(token) if token else {}), **headers}
    assert client.post("/report", headers=sent, content=content).status_code == status


def test_machine_cannot_look_and_people_cannot_report(client: TestClient, served: Served) -> None:
    for path in ("/api/hosts", "/api/hosts/node01", "/api/attempts/1/logs/a", "/api/changes", "/metrics"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers=bearer(TOKENS["node01"])).status_code == 401
    assert client.post("/report", headers=bearer(served.token), json=report()).status_code == 403


def test_wild_machine_is_slowed_down_alone(client: TestClient) -> None:
    def status(host: str) -> int:
        return client.post("/report", headers=bearer(TOKENS[host]), json=report()).status_code

    answers = [status("node01") for _ in range(80)]
    assert answers[:50] == [200] * 50
    assert answers[-1] == 429
    assert status("node02") == 200


def test_metrics(client: TestClient, served: Served) -> None:
    client.post("/report", headers=bearer(TOKENS["node01"]), json=report(event(1, "copying")))
    text = client.get("/metrics", headers=bearer(served.token)).text
    assert 'ksgen_hosts{state="copying"} 1.0' in text
    assert 'ksgen_transitions_total{after="copying",before="armed"} 1.0' in text


def test_token_is_kept_as_a_hash(client: TestClient, served: Served, tmp_path: Path) -> None:
    assert served.token not in (tmp_path / "logins.json").read_text()
    client.post("/report", headers=bearer(TOKENS["node01"]), json=report(event(1, "copying")))
    database = b"".join(path.read_bytes() for path in tmp_path.glob("reports.db*"))
    assert hashlib.sha256(TOKENS["node01"].encode()).hexdigest().encode() in database
    assert TOKENS["node01"].encode() not in database


def test_every_answer_has_the_headers(client: TestClient) -> None:
    for answer in (client.get("/api/hosts"), client.get("/nowhere"), client.post("/report")):
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
