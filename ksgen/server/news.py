# SPDX-License-Identifier: GPL-2.0-or-later
"""Tells open pages which hosts have changed, at most once a second (server-sent events)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

# Proxies close connections that are silent for a minute.
_COMMENT_S = 15.0
_PAUSE_S = 1.0
LISTENERS_MOST = 200
# In the place of a host: a machine has been discovered. No host can have this name.
DISCOVERED = "(discovered)"


class News:
    """Hosts that have changed, for everybody who listens. `moves` counts those that came into another state."""

    def __init__(self) -> None:
        self._listeners: dict[asyncio.Event, set[str]] = {}
        self._is_over = False
        self.moves = 0

    @property
    def is_full(self) -> bool:
        return len(self._listeners) >= LISTENERS_MOST

    def tell(self, host: str, is_moved: bool = True) -> None:
        """A host has changed; or only its progress or its logs, in the same state."""
        self.moves += is_moved
        for ready, hosts in self._listeners.items():
            hosts.add(host)
            ready.set()

    def close(self) -> None:
        """End all streams: the server stops."""
        self._is_over = True
        for ready in self._listeners:
            ready.set()

    async def stream(self, pause: float = _PAUSE_S, comment: float = _COMMENT_S) -> AsyncIterator[str]:
        """Events for a page: `changed`, with the names of the hosts as JSON."""
        ready: asyncio.Event = asyncio.Event()
        hosts: set[str] = set()
        self._listeners[ready] = hosts
        try:
            # The page asks again if the connection breaks.
            yield "retry: 3000\n\n"
            while not self._is_over:
                try:
                    await asyncio.wait_for(ready.wait(), comment)
                except asyncio.TimeoutError:
                    yield ": still here\n\n"
                    continue
                ready.clear()
                if hosts:
                    changed = sorted(hosts)
                    hosts.clear()
                    yield f"event: changed\ndata: {json.dumps(changed)}\n\n"
                    # What changes meanwhile is told together.
                    await asyncio.sleep(pause)
        finally:
            del self._listeners[ready]
