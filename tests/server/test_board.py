# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages of the board, and who gets them."""

from __future__ import annotations

import asyncio
import datetime
import json
import re

import pytest
from server_site import TOKENS, Served, bearer, event, report
from starlette.testclient import TestClient

from ksgen.server import add_login
from ksgen.server.news import News
from ksgen.server.sessions import COOKIE


def log_in(client: TestClient, served: Served) -> None:
    answer = client.post("/board/login", data={"token": served.token})
    assert answer.status_code == 200
    assert "Log out" in answer.text


def test_board_asks_for_a_token(client: TestClient, served: Served) -> None:
    for path in ("/", "/board/", "/board/hosts/node01"):
        answer = client.get(path)
        assert answer.url.path == "/board/login"
        assert 'type="password"' in answer.text
    assert client.get("/board/rows").status_code == 401
    assert client.post("/board/login", data={"token": "wrong"}).status_code == 401
    log_in(client, served)
    assert client.get("/").url.path == "/board/"


def test_cookie_is_for_this_site_alone(client: TestClient, served: Served) -> None:
    answer = client.post("/board/login", data={"token": served.token}, follow_redirects=False)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=strict"} <= set(cookie.split("; "))
    assert served.token not in cookie


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example.com"}, {"Origin": "null"}]
)
@pytest.mark.parametrize("path", ["/board/login", "/board/logout"])
def test_forms_of_other_sites_are_refused(
    path: str, headers: dict[str, str], client: TestClient, served: Served
) -> None:
    assert client.post(path, data={"token": served.token}, headers=headers).status_code == 403


def test_session_ends(client: TestClient, served: Served) -> None:
    log_in(client, served)
    client.post("/board/logout")
    assert client.get("/board/").url.path == "/board/login"


def test_session_ends_with_its_login(client: TestClient, served: Served) -> None:
    log_in(client, served)
    served.logins.unlink()
    add_login(served.logins, "other", "read", served.logins.with_name("token2"))
    assert client.get("/board/").url.path == "/board/login"


def test_tries_are_counted(client: TestClient, served: Served) -> None:
    statuses = [client.post("/board/login", data={"token": "wrong"}).status_code for _ in range(25)]
    assert statuses[0] == 401
    assert statuses[-1] == 429


def test_hosts_that_need_a_person_are_first(client: TestClient, served: Served) -> None:
    failed = event(1, "failed", step="disks", message="error: no disk\ncure: name it")
    client.post("/report", headers=bearer(TOKENS["node02"]), json=report(failed))
    log_in(client, served)
    page = client.get("/board/").text
    assert re.findall(r'<tr id="host-(\w+)"', page) == ["node02", "node01", "node03"]
    assert "error: no disk" in page
    assert '<h2 id="group-1">rack_a</h2>' in page


def test_what_machines_say_is_text(client: TestClient, served: Served) -> None:
    attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    facts = {"board": {"product_name": attack}}
    sent = event(1, "failed", step=attack, message=attack, facts=facts)
    assert client.post("/report", headers=bearer(TOKENS["node01"]), json=report(sent)).status_code == 200
    log_in(client, served)
    for path in ("/board/", "/board/hosts/node01", "/board/rows?host=node01"):
        page = client.get(path).text
        assert "alert(1)" in page
        assert "<script>alert" not in page
        assert "<img" not in page


def test_rows_are_those_that_were_asked_for(client: TestClient, served: Served) -> None:
    log_in(client, served)
    page = client.get("/board/rows", params={"host": ["node01", "unknown"]}).text
    assert re.findall(r'<tr id="host-(\w+)"', page) == ["node01"]
    assert 'id="counts"' in page


def test_counts_follow_a_state_at_once_and_a_silence_soon(client: TestClient, served: Served) -> None:
    log_in(client, served)

    def counts() -> list[str]:
        page = client.get("/board/rows", params={"host": "node01"}).text
        return [f"{count} {state}" for state, count in re.findall(r'state [-\w]+">([-\w]+)</span> (\d+)', page)]

    def tell(seq: int, state: str) -> None:
        client.post("/report", headers=bearer(TOKENS["node01"]), json=report(event(seq, state)))

    assert "1 preparing" not in counts()
    tell(1, "preparing")
    assert "1 preparing" in counts()
    tell(2, "copying")
    assert {"1 copying", "1 preparing"} & set(counts()) == {"1 copying"}
    served.clock.now += datetime.timedelta(minutes=30)
    assert "1 silent" in counts()


def test_page_of_a_host(client: TestClient, served: Served) -> None:
    def tell(host: str, seq: int, state: str, minutes: int) -> None:
        served.clock.now += datetime.timedelta(minutes=minutes)
        client.post("/report", headers=bearer(TOKENS[host]), json=report(event(seq, state)))

    for host, minutes in (("node02", 3), ("node01", 7)):
        tell(host, 1, "preparing", 1)
        tell(host, 2, "copying", minutes)
        tell(host, 3, "configuring", minutes)
    client.put("/report/logs/anaconda.log", headers=bearer(TOKENS["node01"]), content=b"a line\n")
    log_in(client, served)
    page = client.get("/board/hosts/node01").text
    assert re.search(r"copying</span></th><td>.*?</td><td>7 min 0 s</td><td>3 min 0 s</td>", page)
    link = re.search(r'href="(/board/attempts/\d+/logs\?log=anaconda\.log)"', page)
    assert link
    whole = re.search(r'href="(/api/attempts/\d+/logs/anaconda\.log)"', client.get(link[1]).text)
    assert whole
    assert client.get(whole[1]).text == "a line\n"
    assert client.get("/board/hosts/unknown").status_code == 404


def test_files_are_there(client: TestClient) -> None:
    for name, kind in (("board.css", "text/css"), ("board.js", "text/javascript")):
        answer = client.get(f"/board/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)


def test_changes_are_streamed(served: Served) -> None:
    async def listen() -> list[str]:
        news, heard = News(), []
        stream = news.stream(pause=0.01, comment=0.05)
        heard.append(await stream.__anext__())
        news.tell("node02")
        news.tell("node01")
        heard.append(await stream.__anext__())
        heard.append(await stream.__anext__())
        news.close()
        heard += [each async for each in stream]
        return heard

    first, changed, comment, *rest = asyncio.run(listen())
    assert first.startswith("retry:")
    assert changed == f"event: changed\ndata: {json.dumps(['node01', 'node02'])}\n\n"
    assert comment.startswith(":")
    assert rest == []
