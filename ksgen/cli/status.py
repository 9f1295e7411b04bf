# SPDX-License-Identifier: GPL-2.0-or-later
"""What `status` does: it asks `ksgen serve`, as any other program may."""

from __future__ import annotations

import dataclasses
import datetime
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ksgen.cli.asking import Away, Refused, Server, stop_unanswered
from ksgen.cli.edges import DONE, PROBLEMS, counted, stop, talk
from ksgen.cli.selection import matching, read, unknown_host
from ksgen.reports import headline

_PAUSE_S = 2.0
# A server that starts again is away for a moment; those who wait do not give up at once.
_AWAY_S = 120.0
_COLOURS = {"up": "green", "failed": "red", "armed": "cyan", "booting": "cyan", "idle": "dim", "expired": "dim"}


@dataclasses.dataclass(frozen=True)
class Question:
    """The arguments of `status`."""

    hosts: str
    names: tuple[str, ...]
    server: str
    token: Path
    ca: Path | None
    watch: bool
    wait: bool
    passwords: tuple[str, ...]
    as_json: bool


def show(question: Question) -> None:
    """Print the state of the hosts, and exit."""
    chosen = _chosen(question)
    if question.watch or question.wait:
        hosts = _follow(question, chosen)
    else:
        hosts = _ask_or_stop(question, chosen)
        _print(question, hosts)
    sys.exit(PROBLEMS if any(_is_bad(one) for one in hosts) else DONE)


def _chosen(question: Question) -> frozenset[str]:
    """The hosts that are asked for. Raises a usage error for a word that means none."""
    site, _ = read([question.hosts], question.passwords)
    groups = {entry.name: entry.groups for entry in site.hosts}
    chosen: set[str] = set()
    for word in question.names or ("all",):
        found = matching(word, groups)
        if not found:
            raise click.UsageError(unknown_host("host or group", word, [*groups, *site.groups]))
        chosen |= found
    return frozenset(chosen)


def _is_bad(host: Mapping[str, Any]) -> bool:
    state: str = host["state"]
    return state == "failed" or bool(host["doubt"] == "silent")


def _is_over(host: Mapping[str, Any]) -> bool:
    return host["state"] in ("idle", "up", "failed", "expired", "cancelled")


# --- asking ----------------------------------------------------------------------------------------------------------


def _ask(question: Question) -> list[dict[str, Any]]:
    """What the server says of all hosts. Raises Away."""
    server = Server(question.server, question.token, question.ca)
    try:
        found: list[dict[str, Any]] = server.ask("/api/hosts")["hosts"]
        return found
    except (Refused, KeyError, TypeError) as error:
        raise Away(f"{question.server}: {error}") from error


def _ask_or_stop(question: Question, chosen: frozenset[str]) -> list[dict[str, Any]]:
    try:
        return [one for one in _ask(question) if one["host"] in chosen]
    except Away as error:
        stop_unanswered(error)


def _follow(question: Question, chosen: frozenset[str]) -> list[dict[str, Any]]:
    """Show the hosts again and again; with --wait until nothing more is to come."""
    console = Console()
    is_live = console.is_terminal and not question.as_json
    shown: dict[str, str] = {}
    hosts = _ask_or_stop(question, chosen)
    answered = time.monotonic()
    with Live(_table(hosts), console=console, auto_refresh=False) if is_live else _Quiet() as live:
        while True:
            if isinstance(live, Live):
                live.update(_table(hosts), refresh=True)
            else:
                _print_changed(question, hosts, shown)
            if question.wait and all(map(_is_over, hosts)):
                return hosts
            time.sleep(_PAUSE_S)
            try:
                hosts = [one for one in _ask(question) if one["host"] in chosen]
                answered = time.monotonic()
            except Away as error:
                if time.monotonic() - answered > _AWAY_S:
                    stop(f"{error}, for {_AWAY_S:.0f} s now")


class _Quiet:
    def __enter__(self) -> _Quiet:
        return self

    def __exit__(self, *_: object) -> None:
        pass


# --- showing ---------------------------------------------------------------------------------------------------------


def _print(question: Question, hosts: Sequence[Mapping[str, Any]]) -> None:
    if question.as_json:
        click.echo(json.dumps({"hosts": hosts}, indent=1))
    elif (console := Console()).is_terminal:
        console.print(_table(hosts))
    else:
        for one in hosts:
            click.echo(_line(one))
    bad = [one for one in hosts if _is_bad(one)]
    if bad and not question.as_json:
        talk(f"{counted(len(bad), 'host')} failed or silent")


def _print_changed(question: Question, hosts: Sequence[Mapping[str, Any]], shown: dict[str, str]) -> None:
    """A line for each host that has come into another state."""
    for one in hosts:
        mark = f"{one['state']} {one['doubt']}"
        if shown.get(one["host"]) != mark:
            shown[one["host"]] = mark
            click.echo(json.dumps(one) if question.as_json else _line(one))


def _line(one: Mapping[str, Any]) -> str:
    message = f"  {headline(one['message'])}" if one.get("message") else ""
    return f"{one['host']}  {_state(one)}  {_step(one)}".rstrip() + message


def _state(one: Mapping[str, Any]) -> str:
    state = one["state"] + (", something complains" if one.get("is_degraded") else "")
    return f"{state}, {one['doubt']}" if one["doubt"] else state


def _step(one: Mapping[str, Any]) -> str:
    if waiting := _waiting(one):
        return waiting
    done, total = one.get("done"), one.get("total")
    share = f"{100 * done // total} % " if done is not None and total else ""
    return f"{share}{one.get('step', '')}".strip()


def _waiting(one: Mapping[str, Any]) -> str:
    """Whose rollout a host is in that has not begun; empty for the others."""
    install = one.get("install")
    return (
        f"waits for its turn in `ksgen install` of {install['who']}"
        if install and install["phase"] == "waiting"
        else ""
    )


def _table(hosts: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("host", "state", "for", "step"):
        table.add_column(title)
    now = datetime.datetime.now(datetime.timezone.utc)
    for one in sorted(hosts, key=lambda host: (-host["needs"], host["host"])):
        colour = "yellow" if one["doubt"] else _COLOURS.get(one["state"], "")
        since = one.get("since")
        lasts = _duration(now - datetime.datetime.fromisoformat(since)) if since else ""
        step = _waiting(one) or (headline(one["message"]) if one.get("message") else _step(one))
        table.add_row(Text(one["host"]), Text(_state(one), colour), lasts, Text(step))
    return table


def _duration(lasts: datetime.timedelta) -> str:
    minutes, seconds = divmod(max(0, int(lasts.total_seconds())), 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d"
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
