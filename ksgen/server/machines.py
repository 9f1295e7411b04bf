# SPDX-License-Identifier: GPL-2.0-or-later
"""The routes of machines: a report, and a log. Each shows the token of its arming, and can only report on its host."""

from __future__ import annotations

import asyncio
import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ksgen.reports import LOG_LARGEST, REPORT_LARGEST, is_log_name, read_report
from ksgen.server import limits, texts
from ksgen.server.access import bearer, digest_of
from ksgen.server.metrics import Metrics
from ksgen.server.parts import RETRY_S, Parts, address, refused


class Machines:
    """What machines send."""

    def __init__(self, parts: Parts, metrics: Metrics) -> None:
        self._parts, self._metrics, self._rates = parts, metrics, limits.Rates()
        self._store, self._threads, self._clock = parts.store, parts.threads, parts.clock

    def routes(self) -> list[Route]:
        """For the application."""
        return [
            Route("/report", self.report, methods=["POST"]),
            Route("/report/logs/{name}", self.log, methods=["PUT"]),
        ]

    def _machine(self, request: Request) -> str | Response:
        """The SHA-256 of the token that a machine shows, or why its request is refused."""
        token = bearer(request.headers.get("authorization"))
        if token is None:
            return refused(401, "this needs the token of an arming", {"WWW-Authenticate": "Bearer"})
        digest = digest_of(token)
        if not self._rates.is_allowed(digest, time.monotonic()):
            return refused(429, "too many reports", {"Retry-After": RETRY_S})
        return digest

    async def report(self, request: Request) -> Response:
        """A report of a machine: 200 with how many of its events are new, once they are on the disk."""
        digest = self._machine(request)
        if isinstance(digest, Response):
            return digest
        data = await _body(request, REPORT_LARGEST)
        if isinstance(data, Response):
            return data
        report = read_report(data)
        if isinstance(report, str):
            return refused(422, report)
        accepted = await self._threads.write(self._store.accept, digest, report, address(request), self._clock())
        if accepted is None:
            # A token that was replaced by a newer arming, or one that never was: nothing of it will be accepted later.
            return refused(403, "no arming has this token")
        self._metrics.count_report(accepted.events)
        state = accepted.attempt.standing.state
        self._parts.news.tell(accepted.attempt.host, is_moved=state != accepted.before)
        if state != accepted.before:
            self._metrics.count_transition(accepted.before, state)
            if self._parts.settings.notify and state in ("up", "failed"):
                notify = self._parts.settings.notify
                asyncio.get_running_loop().run_in_executor(
                    None, notify, accepted.attempt.host, state, accepted.attempt.standing.message
                )
        return JSONResponse({"accepted": accepted.events, "state": state})

    async def log(self, request: Request) -> Response:
        """A log of a machine; `X-Log-Cut: 1` says that its front is missing."""
        digest, name = self._machine(request), request.path_params["name"]
        if isinstance(digest, Response):
            return digest
        if not is_log_name(name):
            return refused(422, "not a name of a log")
        attempt = await self._threads.read(self._store.may_send_log, digest, name)
        if attempt is None:
            return refused(403, "no arming has this token, or it has sent all the logs that it may")
        data = await _body(request, LOG_LARGEST)
        if isinstance(data, Response):
            return data
        is_cut = request.headers.get("x-log-cut") == "1"
        text = await self._threads.work(texts.without_secrets, data)
        await self._threads.write(self._store.keep_log, attempt.id, name, text, is_cut, self._clock())
        self._parts.news.tell(attempt.host, is_moved=False)
        return Response(status_code=204)


async def _body(request: Request, limit: int) -> bytes | Response:
    """The body of a machine's request, or why it is refused."""
    try:
        return await limits.body(request, limit)
    except limits.TooLarge:
        return refused(413, f"the limit is {limit} bytes")
    except limits.Damaged:
        return refused(400, "the body is damaged")
