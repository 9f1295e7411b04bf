# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows a rollout while it runs: a table on a terminal, and a line for each change where it is piped."""

from __future__ import annotations

import time
from collections.abc import Sequence

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ksgen.cli.edges import talk
from ksgen.rollout import Course

_COLOURS = {"up": "green", "failed": "red", "left": "yellow", "waiting": "dim"}


class Followed:
    """The hosts of a rollout, as they are now. `via` is how machines are switched on."""

    def __init__(self, via: str) -> None:
        self._console = Console()
        self._via = via
        self._shown: dict[str, tuple[str, str]] = {}
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None

    def __enter__(self) -> Followed:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, courses: Sequence[Course]) -> None:
        """Show them."""
        for one in courses:
            if self._via == "hand" and one.phase == "booting" and self._shown.get(one.host, ("",))[0] != "booting":
                talk(f"switch on {one.host}, and let it boot from the network")
        if self._live:
            self._live.update(_table(courses), refresh=True)
        for one in courses:
            state = one.phase, _state(one)
            if not self._live and self._shown.get(one.host) != state:
                click.echo(f"{one.host}  {state[1]}" + (f"  {one.message}" if one.message else ""))
            self._shown[one.host] = state


def _state(one: Course) -> str:
    # It boots when it has asked for something.
    state = {"installing": one.state, "booting": "armed"}.get(one.phase, one.phase)
    return f"{state}, {one.doubt}" if one.doubt and not one.is_over else state


def _table(courses: Sequence[Course]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("host", "state", "for", "what"):
        table.add_column(title)
    now = time.monotonic()
    for one in courses:
        colour = "yellow" if one.doubt else _COLOURS.get(one.phase, "cyan")
        lasts = f"{now - one.moved:.0f} s" if one.moved and not one.is_over else ""
        table.add_row(Text(one.host), Text(_state(one), colour), lasts, Text(one.message))
    return table
