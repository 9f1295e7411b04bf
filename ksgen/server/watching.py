# SPDX-License-Identifier: GPL-2.0-or-later
"""Follows the published tree while the server runs: new armings, what was fetched, and what came to its end."""

from __future__ import annotations

import asyncio
import datetime
import logging
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from ksgen.server import texts
from ksgen.server.news import News
from ksgen.server.site import Site, fingerprint
from ksgen.server.writing import Threads
from ksgen.store import Attempt, Store

_LOG = logging.getLogger(__name__)
PAUSE_S = 1.0
_PRUNE_S = 3600.0
_KICKSTARTS = 10  # in a second
_CLOCKS_DIFFER = datetime.timedelta(seconds=10)


class Watch:
    """Brings the database to what the tree says, once a second.

    `prune` removes what is too old, once an hour.
    """

    def __init__(
        self,
        site: Site,
        store: Store,
        threads: Threads,
        news: News,
        clock: Callable[[], datetime.datetime],
        prune: Callable[[], int],
    ) -> None:
        self._site, self._store, self._threads, self._news = site, store, threads, news
        self._clock, self._prune = clock, prune
        self._seen: object = None
        self._told = ""
        self._unkept: dict[str, None] = {}
        self._moved: dict[str, tuple[datetime.datetime, datetime.datetime | None]] = {}

    async def once(self) -> None:
        """Look once."""
        if await self._threads.read(self._site.refresh) and self._site.damage:
            _LOG.warning("the inventory is wrong, its last correct state is shown: %s", self._site.damage)
        tree = await self._threads.read(self._site.tree)
        if tree.damage:
            if tree.damage != self._told:
                _LOG.warning("the published tree cannot be read: %s", tree.damage)
            self._told = tree.damage
            return
        self._told = ""
        now = self._clock()
        # An arming may end although nothing changes in the tree.
        due = any(one.until <= now for one in tree.permissions)
        if tree == self._seen and not due:
            return
        self._unkept |= {one.host: None for one in tree.permissions}
        changed: list[Attempt] = await self._threads.write(
            self._store.follow_armings, tree.permissions, tree.armed, now
        )
        changed += await self._threads.write(self._store.follow_fetches, tree.fetched, now)
        self._seen = tree
        for attempt in changed:
            self._news.tell(attempt.host)

    async def look_at_others(self) -> None:
        """Tell what other servers have been told, where they share a database. Their clocks may differ a little."""
        if not self._store.is_shared:
            return
        moved = await self._threads.read(self._store.moved_since, self._clock() - _CLOCKS_DIFFER)
        for host, times in moved.items():
            if self._moved.get(host) != times:
                self._news.tell(host)
        self._moved = moved

    async def keep_kickstarts(self) -> None:
        """Keep some of what hosts are armed with: the files may have changed when they are asked for.

        A few at a time: to find the secrets takes a hundredth of a second for each, while machines want an answer.
        """
        for host in list(self._unkept)[:_KICKSTARTS]:
            del self._unkept[host]
            kickstart = await self._threads.read(self._site.kickstart, host)
            if kickstart is not None and not await self._threads.read(self._store.kickstart, fingerprint(kickstart)):
                text = await self._threads.work(texts.without_secrets, kickstart)
                await self._threads.write(self._store.keep_kickstart, fingerprint(kickstart), text)

    async def forever(self) -> None:
        """Look until cancelled. A database that is away is tried again."""
        next_prune = 0.0
        while True:
            loop = asyncio.get_running_loop()
            try:
                await self.once()
                await self.look_at_others()
                await self.keep_kickstarts()
                if loop.time() >= next_prune:
                    await self._threads.write(self._prune)
                    next_prune = loop.time() + _PRUNE_S
            except (SQLAlchemyError, OSError) as error:
                _LOG.error("the database: %s", " ".join(str(error).split()))
            await asyncio.sleep(PAUSE_S)
