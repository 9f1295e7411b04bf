# SPDX-License-Identifier: GPL-2.0-or-later
"""Serves virtual media to controllers, over http as all of them can, at URLs that cannot be guessed.

Some controllers accept only names that end in `.iso`, and most ask for parts of a file (RFC 9110, 14.2).
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from ksgen.variables import HTTPS_PORT

_RANDOM_BYTES = 16
_SHUTDOWN_S = 2


class MediaServer:
    """A web server in a thread of its own, while the context lasts."""

    def __init__(self, address: str, port: int) -> None:
        """Bind an IP address and a port, 0 for any that is free. Raises OSError."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = socket.create_server((address, port), family=family)
        self.port: int = self._socket.getsockname()[1]
        self._files: dict[str, Path] = {}
        application = Starlette(routes=[Route("/{place}/{name}", self._answer, methods=["GET", "HEAD"])])
        config = uvicorn.Config(
            application,
            access_log=False,
            log_level="error",
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            timeout_graceful_shutdown=_SHUTDOWN_S,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(2 * _SHUTDOWN_S)
        self._socket.close()

    @contextlib.contextmanager
    def offered(self, name: str, file: Path) -> Iterator[str]:
        """Serve a file as `NAME.iso`; gives the path of its URL."""
        path = f"/{secrets.token_hex(_RANDOM_BYTES)}/{name}.iso"
        self._files[path] = file
        try:
            yield path
        finally:
            del self._files[path]

    async def _answer(self, request: Request) -> Response:
        file = self._files.get(request.url.path)
        if file is None:
            return PlainTextResponse("not found\n", 404)
        return FileResponse(file, media_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def own_address(controller: str) -> str:
    """The address of this machine from which it reaches a controller. Raises OSError."""
    family, kind, protocol, _, target = socket.getaddrinfo(controller, HTTPS_PORT, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as probe:  # nothing is sent
        probe.connect(target)
        address: str = probe.getsockname()[0]
        return address
