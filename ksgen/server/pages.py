# SPDX-License-Identifier: GPL-2.0-or-later
"""The routes of the board: its pages, and the form that asks for a token."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from ksgen.server import board, limits, texts
from ksgen.server.parts import RETRY_S, Parts, address, refused, unknown
from ksgen.server.sessions import COOKIE
from ksgen.server.site import Member, fingerprint
from ksgen.store import Attempt

_FILES = {"board.css": "text/css", "board.js": "text/javascript"}
# What a form may send: a token, and the words around it.
_FORM_LARGEST = 1000


class Pages:
    """What a person looks at."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._store, self._site, self._threads = parts.store, parts.site, parts.threads
        # Of one address: 20 attempts at once, then one every 3 s.
        self._tries = limits.Rates(burst=20, per_second=1 / 3)

    def routes(self) -> list[Route]:
        """For the application."""
        base = board.BASE
        return [
            Route("/", self.to_board),
            Route(f"{base}/", self.board),
            Route(f"{base}/rows", self.rows),
            Route(f"{base}/hosts/{{host}}", self.host),
            Route(f"{base}/attempts/{{attempt:int}}/logs", self.logs),
            Route(f"{base}/attempts/{{attempt:int}}/kickstart", self.kickstart),
            Route(f"{base}/login", self.log_in, methods=["GET", "POST"]),
            Route(f"{base}/logout", self.log_out, methods=["POST"]),
            *(Route(f"{base}/{name}", _file(name, kind)) for name, kind in _FILES.items()),
        ]

    async def to_board(self, _: Request) -> Response:
        """The first page is the board."""
        return RedirectResponse(f"{board.BASE}/", 303)

    async def board(self, request: Request) -> Response:
        """All hosts, as a page that keeps itself up to date."""
        if await self._parts.login(request) is None:
            return RedirectResponse(f"{board.BASE}/login", 303)
        hosts, counts = await self._parts.hosts(), await self._parts.counts()
        strangers = await self._parts.strangers()
        return HTMLResponse(await self._threads.read(board.board, hosts, counts, self._site.damage, strangers))

    async def rows(self, request: Request) -> Response:
        """Some rows of the board, for a page that is open."""
        if await self._parts.login(request) is None:
            return unknown()
        changed = await self._parts.hosts(set(request.query_params.getlist("host")))
        return HTMLResponse(await self._threads.read(board.rows, changed, await self._parts.counts()))

    async def host(self, request: Request) -> Response:
        """A host with its attempts, as a page."""
        if await self._parts.login(request) is None:
            return RedirectResponse(f"{board.BASE}/login", 303)
        member = self._site.members.get(request.path_params["host"])
        if member is None:
            return refused(404, "no such host")
        others = await self._threads.read(self._durations, member)
        return HTMLResponse(await self._threads.read(board.host, await self._parts.host(member), member.layout, others))

    async def logs(self, request: Request) -> Response:
        """The logs of an attempt, or the lines of them that have some words."""
        attempt = await self._attempt(request)
        if isinstance(attempt, Response):
            return attempt
        chosen, words = (request.query_params.get(name, "") for name in ("log", "words"))
        history, found = await self._parts.history(attempt), []
        for log in history["logs"]:
            if chosen in ("", log["name"]):
                content = await self._threads.read(self._store.log, attempt.id, log["name"])
                lines = await self._threads.read(texts.found, content or b"", words)
                found += [(log["name"], lines)] if lines else []
        return HTMLResponse(await self._threads.read(board.logs, history, found, chosen, words))

    async def kickstart(self, request: Request) -> Response:
        """The kickstart that an attempt was armed with, and what differs in the one of now."""
        attempt = await self._attempt(request)
        if isinstance(attempt, Response):
            return attempt
        kept = await self._parts.kickstart(attempt)
        if kept is None:
            return refused(404, "no such kickstart")
        now = await self._threads.read(self._site.kickstart, attempt.host)
        is_changed = now is not None and fingerprint(now) != attempt.kickstart
        shown = {**await self._parts.history(attempt), "is_changed": is_changed}
        return HTMLResponse(await self._threads.read(_kickstart_page, shown, kept, now if is_changed else None))

    async def _attempt(self, request: Request) -> Attempt | Response:
        if await self._parts.login(request) is None:
            return RedirectResponse(f"{board.BASE}/login", 303)
        attempt = await self._threads.read(self._store.attempt, request.path_params["attempt"])
        return refused(404, "no such attempt") if attempt is None else attempt

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
            return refused(403, "this form is on another site")
        if not self._tries.is_allowed(address(request), time.monotonic()):
            return refused(429, "too many tries", {"Retry-After": RETRY_S})
        try:
            form = parse_qs((await limits.body(request, _FORM_LARGEST)).decode("ascii", "replace"))
        except (limits.TooLarge, limits.Damaged, ValueError):
            return refused(400, "the form is damaged")
        login = (await self._threads.read(self._parts.logins)).of(form.get("token", [""])[0].strip())
        if login is None:
            return HTMLResponse(board.login(is_refused=True), 401)
        answer = RedirectResponse(f"{board.BASE}/", 303)
        answer.set_cookie(
            COOKIE, self._parts.sessions.begin(login.name, time.monotonic()), httponly=True, samesite="strict",
            secure=request.url.scheme == "https",
        )  # fmt: skip
        await self._threads.write(self._store.record, login.name, "logged in", "", self._parts.clock())
        return answer

    async def log_out(self, request: Request) -> Response:
        """End the session of this browser."""
        if not _is_from_here(request):
            return refused(403, "this form is on another site")
        self._parts.sessions.end(request.cookies.get(COOKIE))
        answer = RedirectResponse(f"{board.BASE}/login", 303)
        answer.delete_cookie(COOKIE)
        return answer


def _kickstart_page(shown: dict[str, Any], kept: bytes, now: bytes | None) -> str:
    difference = [] if now is None else texts.changes(kept, texts.without_secrets(now))
    return board.kickstart(shown, kept.decode("utf-8", "replace"), difference)


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
