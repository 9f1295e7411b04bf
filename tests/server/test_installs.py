# SPDX-License-Identifier: GPL-2.0-or-later
"""Who installs which host: leases, asked for over the API."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
from server_site import Served, bearer
from starlette.testclient import TestClient

from ksgen.server import add_login

ONE, TWO = "1" * 32, "2" * 32
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture
def others(served: Served, tmp_path: Path) -> dict[str, str]:
    """The tokens of another operator, and of one who may only look."""
    for name, role in (("second", "operate"), ("reader", "read")):
        add_login(served.logins, name, role, tmp_path / name)  # type: ignore[arg-type]
    return {name: (tmp_path / name).read_text().strip() for name in ("second", "reader")}


def take(client: TestClient, token: str, run: str, *hosts: str, take_over: bool = False) -> Any:
    wanted = {"run": run, "hosts": list(hosts), "take_over": take_over}
    return client.post("/api/installs", headers=bearer(token), json=wanted)


def renew(client: TestClient, token: str, run: str, host: str, phase: str) -> list[str]:
    told = {"run": run, "hosts": {host: {"phase": phase, "given": "2026-05-04T12:00:00+00:00"}}}
    lost: list[str] = client.put("/api/installs", headers=bearer(token), json=told).json()["lost"]
    return lost


def test_two_operators_cannot_have_one_host(client: TestClient, served: Served, others: dict[str, str]) -> None:
    assert take(client, served.token, ONE, "node01", "node02").status_code == 200
    refused = take(client, others["second"], TWO, "node02", "node03")
    assert refused.status_code == 409
    assert [(one["host"], one["who"]) for one in refused.json()["held"]] == [("node02", "ops")]
    # All or none.
    assert {one["host"] for one in shown(client, served)} == {"node01", "node02"}
    assert take(client, others["second"], TWO, "node02", take_over=True).status_code == 200
    assert renew(client, served.token, ONE, "node02", "booting") == ["node02"]
    assert renew(client, served.token, ONE, "node01", "booting") == []


def shown(client: TestClient, served: Served) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/installs", headers=bearer(served.token)).json()["installs"]
    return found


def test_the_same_login_goes_on_after_a_stop(client: TestClient, served: Served, others: dict[str, str]) -> None:
    take(client, served.token, ONE, "node01", "node02")
    renew(client, served.token, ONE, "node01", "installing")
    # It may still run in another terminal.
    assert take(client, served.token, TWO, "node01").status_code == 409
    ending = {"run": ONE, "done": ["node02"], "left": ["node01"]}
    assert client.post("/api/installs/end", headers=bearer(served.token), json=ending).status_code == 204
    assert take(client, others["second"], TWO, "node01").status_code == 409
    again = take(client, served.token, TWO, "node01").json()["installs"]
    assert [(one["phase"], one["given"]) for one in again] == [("installing", "2026-05-04T12:00:00+00:00")]


def test_a_killed_run_is_stale_after_a_while(client: TestClient, served: Served) -> None:
    take(client, served.token, ONE, "node01")
    served.clock.now += 2 * MINUTE
    assert take(client, served.token, TWO, "node01").status_code == 409
    served.clock.now += datetime.timedelta(seconds=1)
    assert take(client, served.token, TWO, "node01").status_code == 200


@pytest.mark.parametrize(
    ("login", "status", "words"),
    [
        ("reader", 403, "the login reader may only look; make one with `ksgen login --role operate`"),
        (None, 401, "this needs a login: `ksgen login`"),
    ],
)
def test_who_may_not(
    login: str | None, status: int, words: str, client: TestClient, served: Served, others: dict[str, str]
) -> None:
    headers = bearer(others[login]) if login else {}
    # A browser that is logged in: its cookie is not enough to install.
    client.post("/board/login", data={"token": served.token})
    wanted = {"run": ONE, "hosts": ["node01"]}
    answer = client.post("/api/installs", headers=headers, json=wanted)
    assert (answer.status_code, answer.text.strip()) == (status, words)
    assert shown(client, served) == []


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"run": ONE, "hosts": ["unknown"]}, 404),
        ({"run": "short", "hosts": ["node01"]}, 422),
        ({"run": ONE, "hosts": ["node01"], "more": 1}, 422),
        ([], 422),
    ],
)
def test_what_is_no_request_of_ours(data: object, status: int, client: TestClient, served: Served) -> None:
    assert client.post("/api/installs", headers=bearer(served.token), json=data).status_code == status


def test_others_see_who_waits_for_its_turn(client: TestClient, served: Served) -> None:
    take(client, served.token, ONE, "node03")
    hosts = {one["host"]: one for one in client.get("/api/hosts", headers=bearer(served.token)).json()["hosts"]}
    assert hosts["node03"]["install"] == {"who": "ops", "phase": "waiting"}
    assert hosts["node01"]["install"] is None
    client.post("/board/login", data={"token": served.token})
    assert "waits for its turn in `ksgen install` of ops" in client.get("/board/").text
    renew(client, served.token, ONE, "node03", "armed")
    assert "waits for its turn" not in client.get("/board/").text
