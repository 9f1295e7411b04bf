# SPDX-License-Identifier: GPL-2.0-or-later
"""The routes of discovery: a machine that tells what it is, and people who ask which machines have been discovered.

All machines show the token of the discovery. It is in a kickstart that every machine on the network may fetch, so that
what comes with it is a claim: it is bounded, shown as text, and decides nothing.
"""

from __future__ import annotations

import json
import time

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ksgen.reports import clean
from ksgen.server import limits, view
from ksgen.server.access import bearer, digest_of
from ksgen.server.news import DISCOVERED
from ksgen.server.parts import RETRY_S, Parts, address, refused, unknown
from org_ovirt_node.facts.record import PRODUCT, SERIAL, VENDOR, FactsError
from org_ovirt_node.facts.sighting import LARGEST, Sighting, addresses, read

# Of all machines of a discovery together: a rack is switched on at once, and each tells once.
_BURST, _PER_SECOND = 200.0, 5.0
_WORDS_LONGEST = 300


class Discoveries:
    """What discovered machines tell, and what is known of them."""

    def __init__(self, parts: Parts) -> None:
        self._parts, self._threads, self._machines = parts, parts.threads, parts.store.machines
        self._rates = limits.Rates(_BURST, _PER_SECOND)

    def routes(self) -> list[Route]:
        """For the application."""
        return [
            Route("/discovered", self.tell, methods=["POST"]),
            Route("/api/discovered", self.all),
            Route("/api/discovered/{mac}", self.one),
        ]

    async def tell(self, request: Request) -> Response:
        """A machine tells what it is: 204 once that is on the disk."""
        token = bearer(request.headers.get("authorization"))
        if token is None:
            return refused(401, "this needs the token of a discovery", {"WWW-Authenticate": "Bearer"})
        now = self._parts.clock()
        if not await self._threads.read(self._parts.site.is_discovery, digest_of(token), now):
            return refused(403, "no discovery has this token, or its time is over")
        if not self._rates.is_allowed("", time.monotonic()):
            return refused(429, "too many machines at once", {"Retry-After": RETRY_S})
        try:
            data = await limits.body(request, LARGEST)
        except limits.TooLarge:
            return refused(413, f"the limit is {LARGEST} bytes")
        except limits.Damaged:
            return refused(400, "the body is damaged")
        try:
            sighting = await self._threads.work(_read, data)
        except FactsError as error:
            return refused(422, clean(str(error))[:_WORDS_LONGEST])
        macs = addresses(sighting)
        if not macs:
            return refused(422, "the machine has no NIC")
        kept = await self._threads.write(self._machines.keep, macs, _words(sighting), address(request), data, now)
        if not kept:
            return refused(507, "as many machines as are kept have been discovered")
        self._parts.news.tell(DISCOVERED, is_moved=False)
        return Response(status_code=204)

    async def all(self, request: Request) -> Response:
        """All machines that have been discovered, each in a line."""
        if await self._parts.login(request) is None:
            return unknown()
        found = await self._threads.read(self._machines.all)
        return JSONResponse({"machines": list(map(view.discovered, found))})

    async def one(self, request: Request) -> Response:
        """All that one of them has told."""
        if await self._parts.login(request) is None:
            return unknown()
        content = await self._threads.read(self._machines.content, request.path_params["mac"])
        return refused(404, "no such machine") if content is None else JSONResponse(json.loads(content))


def _read(data: bytes) -> Sighting:
    try:
        return read(data.decode())
    except UnicodeDecodeError:
        raise FactsError("not UTF-8") from None


def _words(sighting: Sighting) -> str:
    """What a person calls a machine: vendor, model, serial number, and where it is plugged in."""
    files = sighting.facts.files
    vendor, product, serial = (files.get(path, "").strip() for path in (VENDOR, PRODUCT, SERIAL))
    plugged = dict.fromkeys(f"{one.nic} at {one}" for one in sighting.neighbours)
    parts = (f"{vendor} {product}".strip() or "unknown model", serial and f"serial number {serial}", *plugged)
    return " ".join(clean(", ".join(filter(None, parts))).split())[:_WORDS_LONGEST]
