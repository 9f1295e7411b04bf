# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages of the board, as HTML. Everything that is shown is escaped; nothing of it comes from elsewhere."""

from __future__ import annotations

import datetime
import functools
import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ksgen.server import texts
from ksgen.server.drawing import drawing
from ksgen.server.made import made
from ksgen.server.texts import Line
from org_ovirt_node.presentation import View

PAGES = Path(__file__).parent / "templates"
BASE, API = "/board", "/api"
# Groups that say nothing about a host's place.
_EVERYBODY = ("all", "ungrouped")


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, auto_reload=False
    )


def prepare() -> None:
    """Compile the templates: the first who looks would wait a fifth of a second for it."""
    environment = _environment()
    for name in environment.list_templates(["html"]):
        environment.get_template(name)


def _render(name: str, **values: object) -> str:
    return _environment().get_template(name).render(base=BASE, api=API, changes=f"{API}/changes", **values)


def login(is_refused: bool) -> str:
    """The form that asks for a token."""
    return _render("login.html", is_refused=is_refused)


def board(
    hosts: Sequence[Mapping[str, Any]],
    counts: Mapping[str, int],
    damage: str,
    strangers: Sequence[Mapping[str, Any]] = (),
) -> str:
    """All hosts by their smallest group; in each, first those that need a person. `strangers`: discovered machines."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in map(_shown, hosts):
        groups.setdefault(_place(one), []).append(one)
    for members in groups.values():
        members.sort(key=lambda one: (-one["needs"], one["host"]))
    return _render("board.html", groups=sorted(groups.items()), counts=counts, damage=damage, strangers=strangers)


def rows(hosts: Iterable[Mapping[str, Any]], counts: Mapping[str, int]) -> str:
    """The rows of some hosts, and the counts of all: what an open page puts in place."""
    return _render("rows.html", hosts=list(map(_shown, hosts)), counts=counts)


def host(one: Mapping[str, Any], layout: View, others: Mapping[str, Sequence[float]]) -> str:
    """A host with its attempts, and the layout that is planned. `others`: seconds that other hosts took for a state."""
    attempts = [
        {
            **attempt,
            "stages": list(_stages(attempt, others)),
            "facts": json.dumps(facts, indent=1, ensure_ascii=False) if facts else "",
            "made": drawing(made(facts)),
        }
        for attempt in one["attempts"]
        for facts in (_facts(attempt),)
    ]
    return _render("host.html", one=_shown(one), planned=drawing(layout), attempts=attempts)


def logs(attempt: Mapping[str, Any], found: Sequence[tuple[str, Sequence[Line]]], chosen: str, words: str) -> str:
    """What was found in the logs of an attempt: the name of each, and its lines. Without a name in `chosen`, in all."""
    shown = [(name, *texts.shortened(lines), texts.count(lines)) for name, lines in found]
    return _render("logs.html", attempt=attempt, found=shown, chosen=chosen, words=words)


def kickstart(attempt: Mapping[str, Any], text: str, difference: Sequence[str]) -> str:
    """The kickstart that an attempt was armed with, and what differs in the one of now."""
    return _render("kickstart.html", attempt=attempt, text=text, difference=difference)


def _shown(one: Mapping[str, Any]) -> dict[str, Any]:
    """A host with all that a row names, and one line of what it does or why it failed."""
    filled = {
        "since": None,
        "heard": None,
        "done": None,
        "total": None,
        "message": "",
        "step": "",
        "is_degraded": False,
    }
    return {"is_changed": False, **filled, **one, "summary": _summary(one)}


def _summary(one: Mapping[str, Any]) -> str:
    """What a host does, or why it failed, in a line; of one that is in a rollout and not begun, whose it is."""
    install = one.get("install")
    if install and install["phase"] == "waiting":
        return f"waits for its turn in `ksgen install` of {install['who']}"
    lines = str(one.get("message") or "").splitlines()
    return lines[0] if lines else str(one.get("step", ""))


def _place(one: Mapping[str, Any]) -> str:
    named = [group for group in one["groups"] if group not in _EVERYBODY]
    return named[-1] if named else "ungrouped"


def _stages(attempt: Mapping[str, Any], others: Mapping[str, Sequence[float]]) -> Iterable[dict[str, Any]]:
    moves = attempt["transitions"]
    for move, following in zip(moves, [*moves[1:], None]):
        took = "" if following is None else duration(seconds_between(move["at"], following["at"]))
        known = others.get(move["after"], ())
        usual = duration(statistics.median(known)) if known else ""
        yield {"state": move["after"], "at": move["at"], "took": took, "others": usual}


def seconds_between(begin: str, end: str) -> float:
    """Seconds between two times of the API."""
    return (datetime.datetime.fromisoformat(end) - datetime.datetime.fromisoformat(begin)).total_seconds()


def duration(seconds: float) -> str:
    """A duration for people, such as `3 min 20 s`."""
    minutes, rest = divmod(round(max(0.0, seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _facts(attempt: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for event in attempt["events"]:
        facts |= event["facts"] or {}
    return facts
