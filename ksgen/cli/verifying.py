# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ksgen verify` does: it compares the inventory with what each machine has reported last."""

from __future__ import annotations

import dataclasses
import datetime
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ksgen import match
from ksgen.cli import confirmation
from ksgen.cli.asking import Away, Refused, Server, stop_unanswered
from ksgen.cli.edges import DONE, PROBLEMS, counted, names_text, show_problems, stop, talk
from ksgen.cli.selection import limited, read
from ksgen.host import read_hosts
from ksgen.problems import Problem


@dataclasses.dataclass(frozen=True)
class Question:
    """The arguments of `verify`."""

    hosts: str
    names: tuple[str, ...]
    server: str
    token: Path
    ca: Path | None
    passwords: tuple[str, ...]
    as_json: bool


@dataclasses.dataclass(frozen=True)
class _Said:
    """What a machine has reported, and when, by the server's clock."""

    facts: Mapping[str, Any]
    at: datetime.datetime


def verify(question: Question) -> None:
    """Print the differences, and exit."""
    site, report = read([question.hosts], question.passwords)
    hosts, found = read_hosts(site)
    report.extend(found)
    chosen = limited(site, ",".join(question.names) if question.names else None)
    problems = [*report.errors_of(chosen)]
    server = Server(question.server, question.token, question.ca)
    said = {host.name: _said(server, host.name) for host in hosts if host.name in chosen}
    times, differing = {}, 0
    for host in hosts:
        last = said.get(host.name)
        if last is not None:
            differences = list(match.differences(host, match.reported(last.facts)))
            differing += bool(differences)
            problems += differences
            times[host.name] = last.at
    _show(question, problems, site.sources, times, [name for name, last in said.items() if last is None], differing)
    sys.exit(PROBLEMS if problems else DONE)


def _show(
    question: Question,
    problems: list[Problem],
    sources: Mapping[str, str],
    times: Mapping[str, datetime.datetime],
    silent: list[str],
    differing: int,
) -> None:
    hosts = {name: {"reported": at.isoformat()} for name, at in times.items()} | {
        name: {"reported": None} for name in silent
    }
    show_problems(sorted(problems, key=lambda one: one.mark), sources, question.as_json, {"hosts": hosts})
    if question.as_json:
        return
    if silent:
        talk(f"{names_text(silent)} {'has' if len(silent) == 1 else 'have'} not reported to this server")
    oldest = f"; the oldest report is of {confirmation.time_text(min(times.values()))}" if times else ""
    talk(f"{counted(len(times), 'host')} compared, {differing} with differences{oldest}")


def _said(server: Server, host: str) -> _Said | None:
    """The facts of the newest attempt that has any; None if the server has none of the host."""
    try:
        attempts = server.ask(f"/api/hosts/{host}")["attempts"]
        for attempt in attempts:
            facts: dict[str, Any] = {}
            at = ""
            for event in attempt["events"]:
                if event["facts"] and "interfaces" in event["facts"]:
                    facts, at = event["facts"], event["received"]
            if facts:
                return _Said(facts, datetime.datetime.fromisoformat(at))
    except Refused as error:
        if error.status == 404:  # the server has another inventory
            return None
        stop(str(error))
    except Away as error:
        stop_unanswered(error)
    except (KeyError, TypeError, ValueError):
        server.stop_unreadable()
    return None
