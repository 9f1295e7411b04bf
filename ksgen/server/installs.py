# SPDX-License-Identifier: GPL-2.0-or-later
"""The routes of `ksgen install`: who installs which host, and how far it is."""

from __future__ import annotations

import datetime
from typing import Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ksgen.server import limits
from ksgen.server.access import Login, bearer
from ksgen.server.parts import Parts, refused, unknown
from ksgen.store import Lease, Progress

# A site of thousands of hosts in one request.
_BODY_LARGEST = 4 * 2**20
_Run = Field(pattern=r"^[0-9a-f]{32}$")


class _Input(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    run: str = _Run


class _Taking(_Input):
    hosts: list[str]
    take_over: bool = False


class _How(BaseModel):
    model_config = ConfigDict(extra="forbid")
    phase: str = Field(max_length=16)
    message: str = Field(default="", max_length=4000)
    given: AwareDatetime | None = None


class _Telling(_Input):
    hosts: dict[str, _How]


class _Ending(_Input):
    done: list[str] = []
    left: list[str] = []


_Model = TypeVar("_Model", bound=_Input)


class Installs:
    """Leases, for logins of the role `operate`. All of it needs a token in the header: no form can send that."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._threads, self._leases = parts, parts.threads, parts.store.leases

    def routes(self) -> list[Route]:
        """For the application."""
        return [
            Route("/api/installs", self.shown, methods=["GET"]),
            Route("/api/installs", self.take, methods=["POST"]),
            Route("/api/installs", self.renew, methods=["PUT"]),
            Route("/api/installs/end", self.end, methods=["POST"]),
        ]

    async def shown(self, request: Request) -> Response:
        """All leases."""
        if await self._parts.login(request) is None:
            return unknown()
        leases = await self._threads.read(self._leases.all)
        return JSONResponse({"installs": list(map(_shown, leases.values()))})

    async def take(self, request: Request) -> Response:
        """Take hosts, all or none: 409 with the leases that are in the way."""
        given = await self._read(request, _Taking)
        if isinstance(given, Response):
            return given
        login, asked = given
        unknown_hosts = sorted(set(asked.hosts) - set(self._parts.site.members))
        if unknown_hosts:
            return refused(404, f"not in the inventory of the server: {', '.join(unknown_hosts)}")
        now = self._parts.clock()
        taken, held = await self._threads.write(
            self._leases.take, set(asked.hosts), login.name, asked.run, now, asked.take_over
        )
        if held:
            return JSONResponse({"held": list(map(_shown, held))}, 409)
        for host in sorted(taken):
            await self._threads.write(self._parts.store.record, login.name, "install", host, now)
        return JSONResponse({"installs": list(map(_shown, taken.values()))})

    async def renew(self, request: Request) -> Response:
        """Say how far hosts are; answered with those that the run has no more."""
        given = await self._read(request, _Telling)
        if isinstance(given, Response):
            return given
        _, told = given
        progress = {host: Progress(one.phase, one.message, one.given) for host, one in told.hosts.items()}
        lost = await self._threads.write(self._leases.renew, told.run, progress, self._parts.clock())
        return JSONResponse({"lost": lost})

    async def end(self, request: Request) -> Response:
        """Give hosts back."""
        given = await self._read(request, _Ending)
        if isinstance(given, Response):
            return given
        _, ending = given
        await self._threads.write(self._leases.end, ending.run, ending.done, ending.left)
        return Response(status_code=204)

    async def _read(self, request: Request, model: type[_Model]) -> tuple[Login, _Model] | Response:
        """Who asks, and for what; or why it is refused."""
        login = await self._parts.login(request) if bearer(request.headers.get("authorization")) else None
        if login is None:
            return unknown()
        if login.role != "operate":
            return refused(403, f"the login {login.name} may only look; make one with `ksgen login --role operate`")
        try:
            return login, model.model_validate_json(await limits.body(request, _BODY_LARGEST))
        except limits.TooLarge:
            return refused(413, f"the limit is {_BODY_LARGEST} bytes")
        except (limits.Damaged, ValidationError):
            return refused(422, "the request is not one of this version of ksgen")


def _shown(lease: Lease) -> dict[str, Any]:
    return {name: _text(value) for name, value in lease._asdict().items() if name != "run"}


def _text(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime.datetime) else value
