# SPDX-License-Identifier: GPL-2.0-or-later
"""The routes of programs: hosts, attempts and changes as JSON, text and events, and the metrics."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ksgen.server.metrics import Metrics
from ksgen.server.parts import RETRY_S, Parts, refused, unknown


class Api:
    """What `ksgen status` and Prometheus ask."""

    def __init__(self, parts: Parts, metrics: Metrics) -> None:
        self._parts, self._metrics = parts, metrics
        self._store, self._site, self._threads = parts.store, parts.site, parts.threads

    def routes(self) -> list[Route]:
        """For the application."""
        return [
            Route("/api/hosts", self.hosts),
            Route("/api/hosts/{host}", self.host),
            Route("/api/attempts/{attempt:int}/logs/{name}", self.log),
            Route("/api/attempts/{attempt:int}/kickstart", self.kickstart),
            Route("/api/changes", self.changes),
            Route("/metrics", self.metrics),
        ]

    async def hosts(self, request: Request) -> Response:
        """All hosts, each with its newest attempt."""
        if await self._parts.login(request) is None:
            return unknown()
        shown = {"hosts": await self._parts.hosts(), "counts": await self._parts.counts()}
        return JSONResponse({**shown, "damage": self._site.damage})

    async def host(self, request: Request) -> Response:
        """A host with all its attempts."""
        if await self._parts.login(request) is None:
            return unknown()
        member = self._site.members.get(request.path_params["host"])
        return refused(404, "no such host") if member is None else JSONResponse(await self._parts.host(member))

    async def log(self, request: Request) -> Response:
        """A log, as text: no browser takes it for anything else."""
        if await self._parts.login(request) is None:
            return unknown()
        number, name = request.path_params["attempt"], request.path_params["name"]
        content = await self._threads.read(self._store.log, number, name)
        if content is None:
            return refused(404, "no such log")
        return PlainTextResponse(content)

    async def kickstart(self, request: Request) -> Response:
        """The kickstart that an attempt was armed with, as text, without secrets."""
        if await self._parts.login(request) is None:
            return unknown()
        attempt = await self._threads.read(self._store.attempt, request.path_params["attempt"])
        content = None if attempt is None else await self._parts.kickstart(attempt)
        return refused(404, "no such kickstart") if content is None else PlainTextResponse(content)

    async def changes(self, request: Request) -> Response:
        """The names of hosts that change, as they change (server-sent events)."""
        if await self._parts.login(request) is None:
            return unknown()
        if self._parts.news.is_full:
            return refused(503, "too many open pages", {"Retry-After": RETRY_S})
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._parts.news.stream(), media_type="text/event-stream", headers=headers)

    async def metrics(self, request: Request) -> Response:
        """For Prometheus."""
        if await self._parts.login(request) is None:
            return unknown()
        content, kind = self._metrics.page(await self._parts.counts())
        return Response(content, media_type=kind)
