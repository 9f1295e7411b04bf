# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen verify`: it asks a server for what machines have reported, and compares it with the inventory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import CliRunner
from inventories import inventory_text
from live_server import live
from server_site import TOKENS, Served, bearer, event, report
from starlette.testclient import TestClient

from ksgen.cli import main

DISK = {"name": "sda", "size": 137438953472, "wwn": "0x5000000000000001", "serial": "S1", "model": "ST128"}
FACTS: dict[str, Any] = {"interfaces": [{"name": "eno1", "mac": "52:54:00:aa:00:01"}], "disks": [DISK]}


@pytest.fixture
def url(client: TestClient, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KSGEN_TOKEN", str(tmp_path / "token"))
    (tmp_path / "hosts.yaml").write_text(inventory_text("node01") + "    node03: {node_kind: none}\n")
    with live(served.application) as url:
        yield url


def tell(client: TestClient, *events: dict[str, object]) -> None:
    done = client.post("/report", json=report(*events), headers=bearer(TOKENS["node01"]))
    assert done.status_code == 200, done.text


def run(url: str, *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(main, ["verify", "hosts.yaml", *words, "--server", url])
    return done.exit_code, done.stdout, done.stderr


def test_machine_is_as_the_inventory_says(url: str, client: TestClient) -> None:
    """The facts of the installed system come later, and say nothing of NICs."""
    tell(client, event(1, "preparing", facts=FACTS), event(2, "up", facts={"release": "oVirt Node 4.5"}))
    status, out, err = run(url)
    assert (status, out) == (0, "")
    assert err.startswith("1 host compared, 0 with differences; the oldest report is of 2026-05-04 ")


def test_disk_was_replaced(url: str, client: TestClient) -> None:
    tell(client, event(1, "preparing", facts={**FACTS, "disks": [{**DISK, "wwn": "0x5000000000000009"}]}))
    status, out, err = run(url, "node01")
    assert (status, out) == (1, "")
    assert err.splitlines()[:2] == [
        "hosts.yaml:10:24: error: node01: node_disk.wwn: no disk has the wwn 0x5000000000000001; the machine has sda "
        "0x5000000000000009 ST128 137 GB",
        '  hint: write wwn: "0x5000000000000009" (sda)',
    ]
    assert "1 host compared, 1 with differences" in err
    answer = json.loads(run(url, "--json")[1])
    assert [each["code"] for each in answer["problems"]] == ["verify-disk"]
    assert answer["hosts"] == {"node01": {"reported": "2026-05-04T12:00:00+00:00"}}


def test_host_that_has_not_reported(url: str) -> None:
    assert run(url) == (
        0,
        "",
        "node01 has not reported to this server\n0 hosts compared, 0 with differences\n",
    )
    assert json.loads(run(url, "--json")[1])["hosts"] == {"node01": {"reported": None}}


def test_errors_of_the_inventory_are_told(url: str, tmp_path: Path) -> None:
    (tmp_path / "hosts.yaml").write_text(inventory_text("node01", node_release="el7"))
    status, _, err = run(url)
    assert status == 1
    assert "hosts.yaml:4:21: error: node01: node_release: " in err


def test_server_is_away(url: str) -> None:
    status, _, err = run("http://127.0.0.1:9")
    assert status == 1
    assert err.endswith("is `ksgen serve` running there?\n")
