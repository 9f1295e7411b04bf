# SPDX-License-Identifier: GPL-2.0-or-later
"""Two servers with one database: what the one is told, a page of the other shows at once."""

from __future__ import annotations

import asyncio
from pathlib import Path

import postgresql
from server_site import TOKENS, Served, event, report
from starlette.testclient import TestClient

from ksgen.server.news import News
from ksgen.server.watching import Watch
from ksgen.server.writing import Threads


def test_other_server_tells_it_too(tmp_path: Path) -> None:
    with postgresql.server() as database:
        (tmp_path / "one").mkdir()
        (tmp_path / "two").mkdir()
        one, two = (Served(tmp_path / name, database=database.url) for name in ("one", "two"))
        news, told = News(), []
        threads = Threads(two.store.writers)
        watch = Watch(two.site, two.store, threads, news, two.clock, lambda: 0)
        news.tell = told.append  # type: ignore[method-assign]

        def look() -> list[str]:
            told.clear()
            asyncio.run(watch.look_at_others())
            return sorted(told)

        with TestClient(one.application) as client:
            look()
            assert look() == []
            one.clock.now = two.clock.now = one.clock.now.replace(minute=5)
            headers = {"Authorization": f"Bearer {TOKENS['node01']}"}
            assert client.post("/report", headers=headers, json=report(event(1, "preparing"))).status_code == 200
            assert look() == ["node01"]
            assert look() == []
        threads.close()
