# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen serve` on a port and on a Unix socket, behind which a proxy says who has logged in."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from inventories import inventory_text

PATIENCE_S = 60
ASKED = {"Host": "localhost", "X-Remote-User": "ann@example.com"}


class Local(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, int]]:
    place = tmp_path_factory.mktemp("serve")
    (place / "hosts.yaml").write_text(inventory_text("node01"))
    (place / "out").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "ksgen", "serve", "hosts.yaml", "--listen", f"unix:{place}/serve.sock"]
    command += ["--listen", f"127.0.0.1:{port}", "--user-header", "X-Remote-User"]
    server = subprocess.Popen(command, cwd=place, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + PATIENCE_S
    while status(http.client.HTTPConnection("127.0.0.1", port), "/board/login") != 200:
        assert time.monotonic() < end
        assert server.poll() is None, server.stderr and server.stderr.read()
        time.sleep(0.2)
    yield place / "serve.sock", port
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=PATIENCE_S)


def status(connection: http.client.HTTPConnection, path: str, headers: dict[str, str] = ASKED) -> int:
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def test_proxy_is_believed_on_the_socket_alone(served: tuple[Path, int]) -> None:
    path, port = served
    assert status(Local(path), "/api/hosts") == 200
    assert status(Local(path), "/metrics") == 200
    assert status(http.client.HTTPConnection("127.0.0.1", port), "/api/hosts") == 401


@pytest.mark.parametrize("name", ["", "a b", "x" * 65, "-", "<script>"])
def test_what_is_no_name_is_nobody(served: tuple[Path, int], name: str) -> None:
    assert status(Local(served[0]), "/api/hosts", {"Host": "localhost", "X-Remote-User": name}) == 401


def test_site_is_called_by_its_name(served: tuple[Path, int]) -> None:
    """The name of node_server_url, by which nginx is called."""
    assert status(Local(served[0]), "/api/hosts", {**ASKED, "Host": "pxe.example.com"}) == 200
    assert status(Local(served[0]), "/api/hosts", {**ASKED, "Host": "rebinding.example.org"}) == 400
