# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/rack-cache.conf and two servers with docs/mirror.conf, on ports of the loopback, in a directory of their own."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from boot_servers import GROUP, USER, program

DOCS = Path(__file__).resolve().parents[2] / "docs"
_PATIENCE = 20  # seconds
_LOG = "log_format asked '$request_method $uri $http_range $status';"


class Answer(NamedTuple):
    status: int
    body: bytes
    cache: str | None  # X-Cache-Status


class Rack:
    """A cache and its mirrors."""

    def __init__(self, directory: Path, validity: str) -> None:
        directory.chmod(0o755)
        self.directory = directory
        self.roots = (directory / "one", directory / "two")
        for root in self.roots:
            root.mkdir()
        self.port, *self._mirrors = _free_ports(3)
        self._configurations = [self._cache(validity), *map(self._mirror, range(2))]
        self._processes: list[subprocess.Popen[bytes]] = []

    def put(self, path: str, content: bytes, modified: float = 1_700_000_000) -> None:
        """A file on both mirrors."""
        for root in self.roots:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(content)
            os.utime(root / path, (modified, modified))

    def get(self, path: str, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return Answer(response.status, response.read(), response.getheader("X-Cache-Status"))

    def get_whole(self, path: str) -> bytes | None:
        """The file; None if the connection ended before it did."""
        try:
            return self.get(path).body
        except (OSError, http.client.HTTPException):
            return None

    def get_at_once(self, paths: Sequence[str]) -> list[Answer]:
        """Each of these by a client of its own, all at the same time."""
        answers: dict[int, Answer] = {}
        barrier = threading.Barrier(len(paths))

        def client(number: int) -> None:
            barrier.wait()
            answers[number] = self.get(paths[number])

        threads = [threading.Thread(target=client, args=(number,)) for number in range(len(paths))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return [answers[number] for number in range(len(paths))]

    def asked(self) -> list[str]:
        """What the mirrors were asked for so far; a request is logged after its last byte."""
        time.sleep(0.2)
        logs = [self.directory / f"mirror{number}.log" for number in range(2)]
        return [line for log in logs if log.exists() for line in log.read_text().splitlines()]

    def stop_mirror(self, number: int) -> None:
        _stop(self._processes[1 + number])

    @contextlib.contextmanager
    def running(self) -> Iterator[Rack]:
        try:
            for path in self._configurations:
                self._processes.append(subprocess.Popen([program("nginx"), "-c", path, "-g", "daemon off;"]))
            self._wait()
            yield self
        finally:
            for process in self._processes:
                _stop(process)

    def _wait(self) -> None:
        until = time.monotonic() + _PATIENCE
        for port in (self.port, *self._mirrors):
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
                    break
                assert time.monotonic() < until, "nginx does not answer"
                time.sleep(0.05)

    def _cache(self, validity: str) -> Path:
        cache = self.directory / "cache"
        return self._adapted(
            "rack-cache.conf",
            "cache",
            {
                r"listen 80;": f"listen 127.0.0.1:{self.port};",
                r"mirror1\.example\.com:80": f"127.0.0.1:{self._mirrors[0]}",
                r"mirror2\.example\.com:80": f"127.0.0.1:{self._mirrors[1]}",
                r"/var/cache/nginx/nodes": str(cache),
                # The size of parts and the time that they are valid, so that a test takes seconds.
                r"slice 8m;": "slice 1k;",
                r"206 1m;": f"206 {validity};",
            },
        )

    def _mirror(self, number: int) -> Path:
        return self._adapted(
            "mirror.conf",
            f"mirror{number}",
            {
                r"listen 80;": f"listen 127.0.0.1:{self._mirrors[number]};",
                r"/srv/nodes": str(self.roots[number]),
                r"access_log .*": f"{_LOG}\n    access_log {self.directory}/mirror{number}.log asked;",
            },
        )

    def _adapted(self, document: str, name: str, changes: Mapping[str, str]) -> Path:
        """A configuration of docs/ with the ports and directories of this test."""
        text = (DOCS / document).read_text()
        paths = {
            r"user www-data;": f"user {USER} {GROUP};",
            r"/run/nginx-[a-z-]+\.pid": f"{self.directory}/{name}.pid",
            r"/var/log/nginx/[a-z-]*error\.log": f"{self.directory}/{name}-error.log",
            r"/var/log/nginx/rack-cache\.log": f"{self.directory}/{name}.log",
        }
        for pattern, replacement in {**changes, **paths}.items():
            if re.search(pattern, text):
                text = re.sub(pattern, replacement, text)
            else:
                assert pattern in paths, f"{document} has no {pattern!r}"
        path = self.directory / f"{name}.conf"
        path.write_text(text)
        return path


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=_PATIENCE)
