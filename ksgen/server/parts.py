# SPDX-License-Identifier: GPL-2.0-or-later
"""What all routes share: who asks, what the inventory and the database say, and how a request is refused."""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Callable, Collection
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from ksgen.reports import doubt
from ksgen.server import view
from ksgen.server.access import Login, Logins, bearer, is_login_name
from ksgen.server.news import News
from ksgen.server.sessions import COOKIE, Sessions
from ksgen.server.site import Member, Site
from ksgen.server.writing import Threads
from ksgen.store import Attempt, Store

# A machine tries again in any case; this is for those who read headers.
RETRY_S = "10"
# For as long what was counted is told again. A silence is noticed after minutes.
_COUNTED = datetime.timedelta(seconds=5)

Clock = Callable[[], datetime.datetime]


@dataclasses.dataclass(frozen=True)
class Settings:
    """How it serves.

    `hosts` are the names by which people may call it (the Host header; `*.example.com` too). `keep` is for how long
    attempts are kept, `logs_most` how many bytes of packed logs. `notify` is called for hosts that are up or failed.
    `user_header` is the header in which a proxy names who has logged in with it: believed on a Unix socket only.
    """

    hosts: tuple[str, ...] = ("localhost", "127.0.0.1", "[::1]")
    keep: datetime.timedelta = datetime.timedelta(days=90)
    logs_most: int = 2 * 2**30
    notify: Callable[[str, str, str], None] | None = None
    user_header: str | None = None


def refused(status: int, text: str, headers: dict[str, str] | None = None) -> Response:
    """An answer that says in a line why."""
    return PlainTextResponse(f"{text}\n", status, headers)


def unknown() -> Response:
    """The answer to a request without a login."""
    return refused(401, "this needs a login: `ksgen login`", {"WWW-Authenticate": "Bearer"})


def address(request: Request) -> str:
    """Where a machine reported from: a hint for people, never used to decide."""
    forwarded = request.headers.get("x-real-ip", "")
    return (forwarded or (request.client.host if request.client else ""))[:64]


class Parts:
    """The server's parts, and the questions that several routes ask. `logins` reads who may look, at each request."""

    def __init__(
        self, site: Site, store: Store, logins: Callable[[], Logins], settings: Settings, clock: Clock
    ) -> None:
        self.site, self.store, self.logins, self.settings, self.clock = site, store, logins, settings, clock
        self.threads, self.news, self.sessions = Threads(store.writers), News(), Sessions()
        self._counted: tuple[object, datetime.datetime, dict[str, int]] | None = None

    async def login(self, request: Request) -> Login | None:
        """Who asks: by a token in the header, by the session of a browser, or as the proxy of the site says."""
        logins = await self.threads.read(self.logins)
        token = bearer(request.headers.get("authorization"))
        if token is not None:
            return logins.of(token)
        named = self._named_by_proxy(request)
        name = named or self.sessions.name_of(request.cookies.get(COOKIE), time.monotonic())
        # A login that was removed ends its sessions. Whom the proxy lets in needs none to look.
        known = next((login for login in logins.by_hash.values() if login.name == name), None)
        return known or (Login(named, "read") if named else None)

    def _named_by_proxy(self, request: Request) -> str | None:
        """Who has logged in at the proxy. A Unix socket has a path and no port (ASGI, HTTP connection scope)."""
        server = request.scope.get("server")
        if not self.settings.user_header or server is None or server[1] is not None:
            return None
        name = request.headers.get(self.settings.user_header, "")
        return name if is_login_name(name) else None

    async def hosts(self, names: Collection[str] | None = None) -> list[dict[str, Any]]:
        """All hosts, or these, each with its newest attempt."""
        return await self.threads.read(self._hosts, names)

    def _hosts(self, names: Collection[str] | None) -> list[dict[str, Any]]:
        newest, leases, now = self.store.newest(names), self.store.leases.all(), self.clock()
        shown = (member for name, member in sorted(self.site.members.items()) if names is None or name in names)
        return [view.host(one, newest.get(one.host), now, lease=leases.get(one.host)) for one in shown]

    async def strangers(self) -> list[dict[str, Any]]:
        """The machines that were discovered and that no host of the inventory describes, the newest first."""
        described = {mac for member in self.site.members.values() for mac in member.macs}
        found = await self.threads.read(self.store.machines.all)
        return [view.discovered(one) for one in reversed(found) if not described & set(one.macs)]

    async def counts(self) -> dict[str, int]:
        """How many hosts are in each state. Counted again when one has moved: to count asks for all of them."""
        key, now = (self.news.moves, id(self.site.members)), self.clock()
        if self._counted is None or self._counted[0] != key or not now - _COUNTED < self._counted[1] <= now:
            self._counted = key, now, await self.threads.read(self._count)
        return self._counted[2]

    def _count(self) -> dict[str, int]:
        standings, now = self.store.standings(), self.clock()
        known = (standings.get(host) for host in self.site.members)
        return view.counts((one.state, doubt(one, now)) if one else (view.IDLE, "") for one in known)

    async def host(self, member: Member) -> dict[str, Any]:
        """A host with all its attempts."""
        attempts = await self.threads.read(self.store.attempts_of, member.host)
        kickstart = await self.threads.read(self.site.fingerprint, member.host)
        shown = view.host(member, attempts[0] if attempts else None, self.clock(), kickstart)
        shown["attempts"] = [await self.history(one) for one in attempts]
        return shown

    async def history(self, attempt: Attempt) -> dict[str, Any]:
        """An attempt with its events, transitions and the names of its logs."""
        happenings = await self.threads.read(self.store.happenings, attempt.id)
        told = await self.threads.read(self.store.transitions, [attempt.id])
        return view.history(attempt, happenings, told[attempt.id], await self.threads.read(self.store.logs, attempt.id))

    async def kickstart(self, attempt: Attempt) -> bytes | None:
        """The kickstart that an attempt was armed with, without secrets."""
        return None if attempt.kickstart is None else await self.threads.read(self.store.kickstart, attempt.kickstart)
