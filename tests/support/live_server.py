# SPDX-License-Identifier: GPL-2.0-or-later
"""An application of `ksgen serve` on a port of the loopback, for commands that ask it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette

_PATIENCE_S = 30


@contextlib.contextmanager
def live(application: Starlette) -> Iterator[str]:
    """Serve until the end of the block. Yields the URL."""
    config = uvicorn.Config(application, host="127.0.0.1", port=0, log_level="error", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + _PATIENCE_S
    while not server.started and time.monotonic() < end:
        time.sleep(0.02)
    try:
        (listening,) = server.servers
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_PATIENCE_S)
