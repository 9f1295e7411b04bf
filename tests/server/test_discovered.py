# SPDX-License-Identifier: GPL-2.0-or-later
"""Machines that are discovered tell the server what they are; people ask which there are."""

from __future__ import annotations

import datetime
import gzip
import json
from typing import Any

import pytest
from machine_facts import facts
from server_site import HOUR, NOON, TOKENS, Served, bearer
from starlette.testclient import TestClient

from ksgen.server import discovered as routes
from ksgen.server.limits import Rates
from ksgen.store import discovered as store
from org_ovirt_node.facts.record import read
from org_ovirt_node.facts.sighting import LARGEST, Neighbour, Sighting, to_json

REPORT, RANDOM = "e" * 64, "d" * 32
MAC = "52:54:00:cc:00:01"


def publish(served: Served, until: datetime.datetime = NOON + 2 * HOUR) -> None:
    """A discovery, as `ksgen discover` writes it."""
    data = {"version": 1, "given": NOON.isoformat(), "until": until.isoformat(), "secret": RANDOM, "report": REPORT,
            "release": "el9", "server": "192.0.2.1", "path": "/nodes", "arguments": [], "disks": []}  # fmt: skip
    (served.tree / "discovery.json").write_text(json.dumps(data))
    name = f"_discovery.{int(NOON.timestamp())}.{int(until.timestamp())}.{RANDOM}"
    (served.tree / "armed" / name).write_text("\n")


def body(*macs: str, **changes: Any) -> bytes:
    neighbours = (Neighbour("eno1", "00:1b:21:aa:bb:cc", "Ethernet1/12", "", "sw1"),)
    found = Sighting(read(facts("one-disk", macs or [MAC])), booted_from=(macs or [MAC])[0], neighbours=neighbours)
    return json.dumps({**to_json(found), **changes}).encode()


def tell(client: TestClient, content: bytes, token: str | None = REPORT, **headers: str) -> Any:
    headers |= bearer(token) if token else {}
    return client.post("/discovered", content=content, headers=headers)


def machines(client: TestClient, served: Served) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/api/discovered", headers=bearer(served.token)).json()["machines"]
    return found


def test_machine_is_kept_and_shown(client: TestClient, served: Served) -> None:
    publish(served)
    assert tell(client, gzip.compress(body()), **{"Content-Encoding": "gzip"}).status_code == 204
    assert machines(client, served) == [
        {
            "mac": MAC,
            "macs": [MAC],
            "words": "Dell Inc. PowerEdge R640, serial number ABC1234, eno1 at sw1 Ethernet1/12",
            "address": "testclient",
            "first": "2026-05-04T12:00:00Z",
            "last": "2026-05-04T12:00:00Z",
        }
    ]
    one = client.get(f"/api/discovered/{MAC}", headers=bearer(served.token)).json()
    assert one["neighbours"][0]["system"] == "sw1"
    page = client.get("/board/", headers=bearer(served.token)).text
    assert '<h2 id="discovered">discovered machines</h2>' in page
    assert f'<th scope="row">{MAC}</th>' in page


def test_machine_that_tells_again_is_the_same(client: TestClient, served: Served) -> None:
    """Also after one of its NICs was replaced, and booted from another one."""
    publish(served)
    tell(client, body(MAC, "52:54:00:cc:00:02"))
    served.clock.now += datetime.timedelta(minutes=5)
    tell(client, body("52:54:00:cc:00:03", "52:54:00:cc:00:02"))
    (one,) = machines(client, served)
    assert (one["mac"], one["macs"]) == ("52:54:00:cc:00:03", ["52:54:00:cc:00:03", "52:54:00:cc:00:02"])
    assert (one["first"], one["last"]) == ("2026-05-04T12:00:00Z", "2026-05-04T12:05:00Z")


@pytest.mark.parametrize(
    ("token", "status", "words"),
    [
        pytest.param(None, 401, "this needs the token of a discovery", id="none"),
        pytest.param("f" * 64, 403, "no discovery has this token, or its time is over", id="wrong"),
        pytest.param(TOKENS["node01"], 403, "no discovery has this token, or its time is over", id="of-an-arming"),
    ],
)
def test_token(token: str | None, status: int, words: str, client: TestClient, served: Served) -> None:
    publish(served)
    answer = tell(client, body(), token)
    assert (answer.status_code, answer.text) == (status, f"{words}\n")
    assert machines(client, served) == []


def test_token_is_worth_nothing_afterwards(client: TestClient, served: Served) -> None:
    assert tell(client, body()).status_code == 403
    publish(served)
    served.clock.now = NOON + 2 * HOUR
    assert tell(client, body()).status_code == 403
    served.clock.now = NOON
    assert tell(client, body()).status_code == 204
    for path in (served.tree / "armed").glob("_discovery.*"):
        path.unlink()  # `ksgen disarm`, or by hand
    assert tell(client, body()).status_code == 403
    (served.tree / "discovery.json").write_text("{")
    assert tell(client, body()).status_code == 403


def test_token_of_a_discovery_reports_of_no_host(client: TestClient, served: Served) -> None:
    publish(served)
    assert client.post("/report", json={"version": 1, "boot": "0"}, headers=bearer(REPORT)).status_code == 403


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        pytest.param(b"", 422, "not JSON: Expecting value: line 1 column 1 (char 0)", id="empty"),
        pytest.param(b"\xff", 422, "not UTF-8", id="not-utf-8"),
        pytest.param(b"[" * 100_000, 422, "not JSON: ", id="deep"),
        pytest.param(b"{}", 422, "not what a discovered machine sends: ", id="something-else"),
        pytest.param(b" " * (LARGEST + 1), 413, f"the limit is {LARGEST} bytes", id="large"),
        pytest.param(body(facts=json.loads(facts("one-disk", []))), 422, "the machine has no NIC", id="no-nic"),
    ],
)
def test_body_that_is_refused(content: bytes, status: int, words: str, client: TestClient, served: Served) -> None:
    publish(served)
    answer = tell(client, content)
    assert (answer.status_code, answer.text.startswith(words)) == (status, True), answer.text


def test_packed_zeros_do_not_fill_the_memory(client: TestClient, served: Served) -> None:
    publish(served)
    assert tell(client, gzip.compress(bytes(2**26)), **{"Content-Encoding": "gzip"}).status_code == 413


def test_words_of_a_machine_are_text(client: TestClient, served: Served) -> None:
    """In a page and in a terminal."""
    publish(served)
    content = body().replace(b"PowerEdge R640", b"<script>x</script>\\u001b[31m\\u202e")
    assert tell(client, content).status_code == 204
    (one,) = machines(client, served)
    assert "\x1b" not in one["words"]
    page = client.get("/board/", headers=bearer(served.token)).text
    assert "<script>x" not in page
    assert "&lt;script&gt;x" in page


def test_rate_and_number_are_bounded(client: TestClient, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(served)
    monkeypatch.setattr(store, "MACHINES_MOST", 2)
    macs = [f"52:54:00:cc:01:{number:02x}" for number in range(4)]
    assert [tell(client, body(mac)).status_code for mac in macs[:3]] == [204, 204, 507]
    # One that is known may tell again.
    assert tell(client, body(macs[0])).status_code == 204
    rates = Rates(routes._BURST, routes._PER_SECOND)
    assert sum(rates.is_allowed("", 0.0) for _ in range(1000)) == 200


def test_people_need_a_login(client: TestClient, served: Served) -> None:
    publish(served)
    tell(client, body())
    for path in ("/api/discovered", f"/api/discovered/{MAC}"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers=bearer(REPORT)).status_code == 401
    assert client.get("/api/discovered/52:54:00:cc:00:99", headers=bearer(served.token)).status_code == 404


def test_old_machines_are_forgotten(client: TestClient, served: Served) -> None:
    publish(served)
    tell(client, body())
    served.store.prune(NOON, 2**30)
    assert len(machines(client, served)) == 1
    served.store.prune(NOON + HOUR, 2**30)
    assert machines(client, served) == []
