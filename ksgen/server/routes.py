# SPDX-License-Identifier: GPL-2.0-or-later
"""The routes of `ksgen serve`: reports of machines, the API, and the stream of changes.

A request of a machine shows the token of its arming, and can do nothing but report on that host. One of a person or
program shows a token of its own, in the Authorization header or, from the board, in a cookie that only it sends.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime
import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import (
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route

from ksgen.redaction import redacted
from ksgen.reports import LOG_LARGEST, REPORT_LARGEST, clean, is_log_name, read_report
from ksgen.server import board, limits, view
from ksgen.server.access import Login, Logins, bearer, digest_of
from ksgen.server.headers import SecurityHeaders
from ksgen.server.metrics import Metrics
from ksgen.server.news import News
from ksgen.server.sessions import COOKIE, Sessions
from ksgen.server.site import Member, Site
from ksgen.server.watching import Watch
from ksgen.server.writing import Threads
from ksgen.store import Store

_LOG = logging.getLogger(__name__)
# A machine tries again in any case; this is for those who read headers.
_RETRY_S = "10"
_FILES = {"board.css": "text/css", "board.js": "text/javascript"}
# What a form may send: a token, and the words around it.
_FORM_LARGEST = 1000

Clock = Callable[[], datetime.datetime]


def _utc() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How it serves.

    `hosts` are the names by which people may call it (the Host header; `*.example.com` too). `keep` is for how long
    attempts are kept, `logs_most` how many bytes of packed logs. `notify` is called for hosts that are up or failed.
    """

    hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    keep: datetime.timedelta = datetime.timedelta(days=90)
    logs_most: int = 2 * 2**30
    notify: Callable[[str, str, str], None] | None = None


def application(
    site: Site, store: Store, logins: Callable[[], Logins], settings: Settings, clock: Clock = _utc
) -> Starlette:
    """The ASGI application. `logins` reads who may look, at each request."""
    served = _Served(site, store, logins, settings, clock)
    return Starlette(
        routes=[
            Route("/report", served.report, methods=["POST"]),
            Route("/report/logs/{name}", served.log, methods=["PUT"]),
            Route("/api/hosts", served.hosts),
            Route("/api/hosts/{host}", served.host),
            Route("/api/attempts/{attempt:int}/logs/{name}", served.kept_log),
            Route("/api/changes", served.changes),
            Route("/metrics", served.metrics),
            Route("/", served.to_board),
            Route(f"{board.BASE}/", served.board),
            Route(f"{board.BASE}/rows", served.rows),
            Route(f"{board.BASE}/hosts/{{host}}", served.board_host),
            Route(f"{board.BASE}/login", served.log_in, methods=["GET", "POST"]),
            Route(f"{board.BASE}/logout", served.log_out, methods=["POST"]),
            *(Route(f"{board.BASE}/{name}", _file(name, kind)) for name, kind in _FILES.items()),
        ],
        middleware=[
            Middleware(TrustedHostMiddleware, allowed_hosts=list(settings.hosts), www_redirect=False),
            Middleware(SecurityHeaders),
        ],
        exception_handlers={SQLAlchemyError: _database_is_away},
        lifespan=served.lifespan,
    )


async def _database_is_away(_: Request, error: Exception) -> Response:
    _LOG.error("the database: %s", " ".join(str(error).split()))
    return PlainTextResponse("the database is not reachable; try again", 503, {"Retry-After": _RETRY_S})


def _refused(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    return PlainTextResponse(f"{text}\n", status, headers)


class _Served:
    def __init__(
        self, site: Site, store: Store, logins: Callable[[], Logins], settings: Settings, clock: Clock
    ) -> None:
        self._site, self._store, self._logins, self._settings, self._clock = site, store, logins, settings, clock
        self._threads = Threads(store.writers)
        self._news, self._rates, self._metrics = News(), limits.Rates(), Metrics()
        self._sessions = Sessions()
        # Of one address: 20 attempts at once, then one every 3 s.
        self._tries = limits.Rates(burst=20, per_second=1 / 3)

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Follow the tree while the server runs."""
        watch = Watch(self._site, self._store, self._threads, self._news, self._clock, self._prune)
        # The first report may be of an arming that was made while no server ran.
        with contextlib.suppress(SQLAlchemyError, OSError):
            await watch.once()
        following = asyncio.create_task(watch.forever())
        try:
            yield
        finally:
            self._news.close()
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following
            await asyncio.to_thread(self._threads.close)

    def _prune(self) -> int:
        return self._store.prune(self._clock() - self._settings.keep, self._settings.logs_most)

    # --- machines ---

    def _machine(self, request: Request) -> str | Response:
        """The SHA-256 of the token that a machine shows, or why its request is refused."""
        token = bearer(request.headers.get("authorization"))
        if token is None:
            return _refused(401, "this needs the token of an arming", {"WWW-Authenticate": "Bearer"})
        digest = digest_of(token)
        if not self._rates.is_allowed(digest, time.monotonic()):
            return _refused(429, "too many reports", {"Retry-After": _RETRY_S})
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
            return _refused(422, report)
        accepted = await self._threads.write(self._store.accept, digest, report, _address(request), self._clock())
        if accepted is None:
            # A token that was replaced by a newer arming, or one that never was: nothing of it will be accepted later.
            return _refused(403, "no arming has this token")
        self._metrics.count_report(accepted.events)
        self._news.tell(accepted.attempt.host)
        state = accepted.attempt.standing.state
        if state != accepted.before:
            self._metrics.count_transition(accepted.before, state)
            if self._settings.notify and state in ("up", "failed"):
                notify = self._settings.notify
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
            return _refused(422, "not a name of a log")
        attempt = await self._threads.read(self._store.may_send_log, digest, name)
        if attempt is None:
            return _refused(403, "no arming has this token, or it has sent all the logs that it may")
        data = await _body(request, LOG_LARGEST)
        if isinstance(data, Response):
            return data
        is_cut = request.headers.get("x-log-cut") == "1"
        text = await self._threads.read(_without_secrets, data)
        await self._threads.write(self._store.keep_log, attempt.id, name, text, is_cut, self._clock())
        self._news.tell(attempt.host)
        return Response(status_code=204)

    # --- people and programs ---

    async def _login(self, request: Request) -> Login | None:
        """Who asks: by a token in the header, or by the session of a browser."""
        logins = await self._threads.read(self._logins)
        token = bearer(request.headers.get("authorization"))
        if token is not None:
            return logins.of(token)
        name = self._sessions.name_of(request.cookies.get(COOKIE), time.monotonic())
        # A login that was removed ends its sessions.
        return next((login for login in logins.by_hash.values() if login.name == name), None)

    async def _all(self) -> list[dict[str, Any]]:
        newest, now = await self._threads.read(self._store.newest), self._clock()
        return [view.host(member, newest.get(name), now) for name, member in sorted(self._site.members.items())]

    async def hosts(self, request: Request) -> Response:
        """All hosts, each with its newest attempt."""
        if await self._login(request) is None:
            return _unknown()
        hosts = await self._all()
        return JSONResponse({"hosts": hosts, "counts": view.counts(hosts), "damage": self._site.damage})

    async def host(self, request: Request) -> Response:
        """A host with all its attempts."""
        if await self._login(request) is None:
            return _unknown()
        member = self._site.members.get(request.path_params["host"])
        return _refused(404, "no such host") if member is None else JSONResponse(await self._one(member))

    async def _one(self, member: Member) -> dict[str, Any]:
        attempts = await self._threads.read(self._store.attempts_of, member.host)
        kickstart = await self._threads.read(self._site.kickstart, member.host)
        shown = view.host(member, attempts[0] if attempts else None, self._clock(), kickstart)
        told = await self._threads.read(self._store.transitions, [one.id for one in attempts])
        shown["attempts"] = [
            view.history(
                one,
                await self._threads.read(self._store.happenings, one.id),
                told[one.id],
                await self._threads.read(self._store.logs, one.id),
            )
            for one in attempts
        ]
        return shown

    async def kept_log(self, request: Request) -> Response:
        """A log, as text: no browser takes it for anything else."""
        if await self._login(request) is None:
            return _unknown()
        number, name = request.path_params["attempt"], request.path_params["name"]
        content = await self._threads.read(self._store.log, number, name)
        if content is None:
            return _refused(404, "no such log")
        return PlainTextResponse(content)

    async def changes(self, request: Request) -> Response:
        """The names of hosts that change, as they change (server-sent events)."""
        if await self._login(request) is None:
            return _unknown()
        if self._news.is_full:
            return _refused(503, "too many open pages", {"Retry-After": _RETRY_S})
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._news.stream(), media_type="text/event-stream", headers=headers)

    # --- the board ---

    async def to_board(self, _: Request) -> Response:
        """The first page is the board."""
        return RedirectResponse(f"{board.BASE}/", 303)

    async def board(self, request: Request) -> Response:
        """All hosts, as a page that keeps itself up to date."""
        if await self._login(request) is None:
            return RedirectResponse(f"{board.BASE}/login", 303)
        hosts = await self._all()
        return HTMLResponse(await self._threads.read(board.board, hosts, self._site.damage))

    async def rows(self, request: Request) -> Response:
        """Some rows of the board, for a page that is open."""
        if await self._login(request) is None:
            return _unknown()
        hosts, wanted = await self._all(), set(request.query_params.getlist("host"))
        changed = [one for one in hosts if one["host"] in wanted]
        return HTMLResponse(await self._threads.read(board.rows, changed, view.counts(hosts)))

    async def board_host(self, request: Request) -> Response:
        """A host with its attempts, as a page."""
        if await self._login(request) is None:
            return RedirectResponse(f"{board.BASE}/login", 303)
        member = self._site.members.get(request.path_params["host"])
        if member is None:
            return _refused(404, "no such host")
        others = await self._threads.read(self._durations, member)
        return HTMLResponse(await self._threads.read(board.host, await self._one(member), others))

    def _durations(self, member: Member) -> dict[str, list[float]]:
        """How many seconds the newest attempts of the other hosts of its group spent in each state."""
        group = set(member.groups[-1:])
        others = [one.host for one in self._site.members.values() if group & set(one.groups) and one != member]
        newest = self._store.newest(others)
        found: dict[str, list[float]] = {}
        for moves in self._store.transitions([one.id for one in newest.values()]).values():
            for move, following in itertools.pairwise(moves):
                found.setdefault(move.after, []).append((following.at - move.at).total_seconds())
        return found

    async def log_in(self, request: Request) -> Response:
        """The form of the token, and what it sends."""
        if request.method == "GET":
            return HTMLResponse(board.login(is_refused=False))
        if not _is_from_here(request):
            return _refused(403, "this form is on another site")
        if not self._tries.is_allowed(_address(request), time.monotonic()):
            return _refused(429, "too many tries", {"Retry-After": _RETRY_S})
        try:
            form = parse_qs((await limits.body(request, _FORM_LARGEST)).decode("ascii", "replace"))
        except (limits.TooLarge, limits.Damaged, ValueError):
            return _refused(400, "the form is damaged")
        login = (await self._threads.read(self._logins)).of(form.get("token", [""])[0].strip())
        if login is None:
            return HTMLResponse(board.login(is_refused=True), 401)
        answer = RedirectResponse(f"{board.BASE}/", 303)
        answer.set_cookie(
            COOKIE, self._sessions.begin(login.name, time.monotonic()), httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        await self._threads.write(self._store.record, login.name, "logged in", "", self._clock())
        return answer

    async def log_out(self, request: Request) -> Response:
        """End the session of this browser."""
        if not _is_from_here(request):
            return _refused(403, "this form is on another site")
        self._sessions.end(request.cookies.get(COOKIE))
        answer = RedirectResponse(f"{board.BASE}/login", 303)
        answer.delete_cookie(COOKIE)
        return answer

    async def metrics(self, request: Request) -> Response:
        """For Prometheus."""
        if await self._login(request) is None:
            return _unknown()
        content, kind = self._metrics.page(view.counts(await self._all()))
        return Response(content, media_type=kind)


def _is_from_here(request: Request) -> bool:
    """Whether a form that was sent is one of ours: browsers name the site of each form (Fetch, `Sec-Fetch-Site`; the
    `Origin` of older ones)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def _file(name: str, kind: str) -> Callable[[Request], Response]:
    content = (board.PAGES / name).read_bytes()

    def answer(_: Request) -> Response:
        return Response(content, media_type=kind, headers={"Cache-Control": "max-age=300"})

    return answer


def _without_secrets(log: bytes) -> bytes:
    """A log as it is kept. The machine has left out what it knew to be secret; scripts may print more."""
    return "\n".join(redacted(clean(log.decode("utf-8", "replace")).split("\n"))).encode()


async def _body(request: Request, limit: int) -> bytes | Response:
    """The body of a machine's request, or why it is refused."""
    try:
        return await limits.body(request, limit)
    except limits.TooLarge:
        return _refused(413, f"the limit is {limit} bytes")
    except limits.Damaged:
        return _refused(400, "the body is damaged")


def _unknown() -> Response:
    return _refused(401, "this needs a login: `ksgen login`", {"WWW-Authenticate": "Bearer"})


def _address(request: Request) -> str:
    """Where a machine reported from: a hint for people, never used to decide."""
    forwarded = request.headers.get("x-real-ip", "")
    return (forwarded or (request.client.host if request.client else ""))[:64]
