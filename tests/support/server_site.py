# SPDX-License-Identifier: GPL-2.0-or-later
"""A server in front of a published tree, and what machines send to it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ksgen.server import Member, Settings, Site, add_login, application, read_logins
from ksgen.store import Store, open_database
from org_ovirt_node.layout import Request, plan
from org_ovirt_node.presentation import View

NOON = datetime.datetime(2026, 5, 4, 12, tzinfo=datetime.timezone.utc)
GIB = 1024**3
HOUR = datetime.timedelta(hours=1)
BOOT = "5f0c8a3e-1111-2222-3333-444455556666"
TOKENS = {"node01": "1" * 64, "node02": "2" * 64}


class Clock:
    def __init__(self, now: datetime.datetime) -> None:
        self.now = now

    def __call__(self) -> datetime.datetime:
        return self.now


class Served:
    """A server in front of a published tree with armed hosts, by their tokens; `idle` are others of the inventory.

    `tree` is out/ and `run` what nginx writes.
    """

    def __init__(
        self,
        directory: Path,
        tokens: Mapping[str, str] = TOKENS,
        idle: Sequence[str] = ("node03",),
        now: datetime.datetime = NOON,
        group_of: Callable[[str], str] = lambda host: "rack_a",
        database: str = "",
    ) -> None:
        self.tree, self.run, self.clock = directory / "out", directory / "run", Clock(now)
        for place in (self.tree / "armed", self.tree / "ks", self.run / "spent", self.run / "booted"):
            place.mkdir(parents=True)
        begin, end = int(now.timestamp()), int((now + 6 * HOUR).timestamp())
        armed = {}
        for host, token in tokens.items():
            (self.tree / "ks" / f"{host}.ks").write_text(f"# {host}\n")
            (self.tree / "armed" / f"{host}.{begin}.{end}.{'a' * 32}").write_text(f"{token}\n")
            times = {"given": now.isoformat(), "until": (now + 6 * HOUR).isoformat()}
            armed[host] = {"mac": "52:54:00:00:00:01", **times, "secret": "a" * 32, "report": token}
        (self.tree / "arming.json").write_text(json.dumps({"version": 3, "armed": armed}))
        layout = View(plan(Request("standard", disks=(300 * GIB,))).devices)
        members = [Member(host, ("all", group_of(host)), "node", layout) for host in (*tokens, *idle)]
        self.site = Site(self.tree, self.run, lambda: (members, ""))
        self.store = Store(open_database(database or str(directory / "reports.db"), now))
        self.logins = directory / "logins.json"
        add_login(self.logins, "ops", "operate", directory / "token")
        self.token = (directory / "token").read_text().strip()
        settings = Settings(hosts=("testserver", "127.0.0.1"))
        self.application = application(self.site, self.store, lambda: read_logins(self.logins), settings, self.clock)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def event(seq: int, state: str, **more: object) -> dict[str, object]:
    return {"seq": seq, "uptime": 12.5, "state": state, **more}


def report(*events: dict[str, object]) -> dict[str, object]:
    return {"version": 1, "boot": BOOT, "events": list(events)}
