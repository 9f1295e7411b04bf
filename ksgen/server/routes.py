# SPDX-License-Identifier: GPL-2.0-or-later
"""The application of `ksgen serve`.

A request of a machine shows the token of its arming, and can do nothing but report on that host. One of a person or
program shows a token of its own, in the Authorization header or, from the board, in a cookie that only it sends.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import logging
from collections.abc import AsyncIterator, Callable

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ksgen.server import board
from ksgen.server.access import Logins
from ksgen.server.api import Api
from ksgen.server.discovered import Discoveries
from ksgen.server.headers import SecurityHeaders
from ksgen.server.installs import Installs
from ksgen.server.machines import Machines
from ksgen.server.metrics import Metrics
from ksgen.server.pages import Pages
from ksgen.server.parts import RETRY_S, Clock, Parts, Settings
from ksgen.server.site import Site
from ksgen.server.watching import Watch
from ksgen.store import Store

_LOG = logging.getLogger(__name__)


def _utc() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def application(
    site: Site, store: Store, logins: Callable[[], Logins], settings: Settings, clock: Clock = _utc
) -> Starlette:
    """The ASGI application. `logins` reads who may look, at each request."""
    parts, metrics = Parts(site, store, logins, settings, clock), Metrics()

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        """Follow the tree while the server runs."""
        await parts.threads.read(board.prepare)
        watch = Watch(site, store, parts.threads, parts.news, clock, prune)
        # The first report may be of an arming that was made while no server ran.
        with contextlib.suppress(SQLAlchemyError, OSError):
            await watch.once()
            await watch.keep_kickstarts()
        following = asyncio.create_task(watch.forever())
        try:
            yield
        finally:
            parts.news.close()
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
            await asyncio.to_thread(parts.threads.close)

    def prune() -> int:
        return store.prune(clock() - settings.keep, settings.logs_most)

    return Starlette(
        routes=[
            *Machines(parts, metrics).routes(),
            *Api(parts, metrics).routes(),
            *Installs(parts).routes(),
            *Discoveries(parts).routes(),
            *Pages(parts).routes(),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=list(settings.hosts), www_redirect=False),
            Middleware(SecurityHeaders),
        ],
        exception_handlers={SQLAlchemyError: _database_is_away},
        lifespan=lifespan,
    )


async def _database_is_away(_: Request, error: Exception) -> Response:
    _LOG.error("the database: %s", " ".join(str(error).split()))
    return PlainTextResponse("the database is not reachable; try again", 503, {"Retry-After": RETRY_S})
