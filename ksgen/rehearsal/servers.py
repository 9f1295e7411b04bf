# SPDX-License-Identifier: GPL-2.0-or-later
"""The servers of a published site while machines install from it: nginx and `ksgen serve`."""

from __future__ import annotations

import dataclasses
import http.client
import json
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ksgen.netboot import REPORTS_ADDRESS
from ksgen.rehearsal.programs import required

_PATIENCE_S = 60  # for an answer
_START_S = 300  # they start within seconds, if this machine has nothing else to do
# Of `ksgen serve`, where the published nginx.conf passes reports to.
_PORT = int(REPORTS_ADDRESS.rpartition(":")[2])


class NotServed(Exception):
    """A server did not start, or ended; the text says which, and what it said."""


@dataclasses.dataclass(frozen=True)
class Served:
    """A directory with out/, state/, token and run/, and the inventories that it was published from.

    `listen` is a Unix socket of `ksgen serve`, for those outside of the network that its port is in.
    """

    directory: Path
    inventories: tuple[Path, ...]
    listen: Path | None = None
    configuration: Path | None = None

    @property
    def nginx(self) -> list[str]:
        """The command of nginx, by default with the published configuration."""
        configuration = self.configuration or self.directory / "out/nginx.conf"
        return [required("nginx"), "-c", str(configuration), "-g", "daemon off;"]

    @property
    def reports(self) -> list[str]:
        """The command of `ksgen serve`."""
        addresses = [REPORTS_ADDRESS, *([f"unix:{self.listen}"] if self.listen else [])]
        return [
            sys.executable, "-m", "ksgen", "serve", *map(str, self.inventories), "-o", str(self.directory / "out"),
            "--state", str(self.directory / "state"), *(word for one in addresses for word in ("--listen", one)),
        ]  # fmt: skip

    def ask(self, path: str) -> str:
        """What the API answers. Raises OSError, ValueError for another status than 200."""
        token = (self.directory / "token").read_text().strip()
        return get(path, {"Authorization": f"Bearer {token}"}, _PORT, self.listen)

    def host(self, name: str) -> dict[str, Any]:
        """The host with its newest attempts."""
        found: dict[str, Any] = json.loads(self.ask(f"/api/hosts/{name}"))
        return found

    def log(self, attempt: object, name: str) -> str:
        """A log that a machine has sent."""
        return self.ask(f"/api/attempts/{attempt}/logs/{name}")

    def wait(self, is_alive: Callable[[], bool], said: Callable[[], str] = str) -> None:
        """Until the API answers. `said`: what the servers have said. Raises NotServed."""
        end = time.monotonic() + _START_S
        while True:
            try:
                self.ask("/api/hosts")
                return
            except (OSError, ValueError) as error:
                if time.monotonic() > end or not is_alive():
                    raise NotServed(f"ksgen serve and nginx do not answer: {said() or error}") from error
                time.sleep(0.5)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_PATIENCE_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(_PATIENCE_S)
        self.sock.connect(str(self._path))


def get(path: str, headers: dict[str, str], port: int = 80, listen: Path | None = None) -> str:
    """The body at a path of this machine, or behind a Unix socket. Raises OSError, ValueError."""
    connection = (
        _UnixConnection(listen) if listen else http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE_S)
    )
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise ValueError(f"{path}: HTTP status {answer.status}")
        return answer.read().decode()
    except http.client.HTTPException as error:
        raise ValueError(f"{path}: {type(error).__name__}") from error
    finally:
        connection.close()
