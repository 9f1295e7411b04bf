# SPDX-License-Identifier: GPL-2.0-or-later
"""From the reporter through nginx and `ksgen serve` to `ksgen status`, each as it runs on a site."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import boot_servers
import pytest
from inventories import inventory_text

CHECKOUT = Path(__file__).parents[2]
HOST = "node01.example.com"


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that nginx's workers can enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="ksgen-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def ksgen(place: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "ksgen", *arguments]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, env=environment(), check=False)
    assert done.returncode == 0, done.stderr


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (CHECKOUT, CHECKOUT / "tests/support")))}


def test_reports_reach_the_one_who_asks(place: Path) -> None:
    text = inventory_text(HOST, node_server_url="http://127.0.0.1/nodes/", node_addon="false")
    (place / "hosts.yaml").write_text(text)
    for name in (".treeinfo", "images/install.img", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"):
        (place / "el9" / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "el9" / name).write_bytes(b"MZ" + bytes(510))
    (place / "run").mkdir()
    ksgen(place, "hosts.yaml", "-o", "out", "--tree", "el9=el9")
    ksgen(place, "arm", "hosts.yaml", HOST, "-o", "out")
    ksgen(place, "login", "ops", "--state", "state", "-o", "token")
    command = [
        *boot_servers.namespace(),
        sys.executable,
        str(CHECKOUT / "tests/support/report_chain.py"),
        str(place),
        HOST,
    ]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [one["state"] for one in said] == ["booting", "preparing", "copying", "failed"]
    assert said[2]["step"] == "Payload installation"
    assert said[3]["message"] == "error: no space\ncure: more space"
    assert said[3]["address"] == "127.0.0.1"
