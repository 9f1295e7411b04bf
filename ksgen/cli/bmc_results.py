# SPDX-License-Identifier: GPL-2.0-or-later
"""What `bmc` prints: the state of each machine, or the log of its controller."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ksgen.cli.edges import names_text, talk

if TYPE_CHECKING:
    from ksgen.bmc import Result

_STATE, _LOG = ("host", "power", "next boot", "model"), ("host", "time", "severity", "message")
_POWERS = {"on": "green", "off": "dim"}
_SEVERITIES = {"OK": "green", "Warning": "yellow", "Critical": "red"}


class _Row(NamedTuple):
    """The cells of a line, and which of them has which colour in a table."""

    cells: tuple[str, ...]
    coloured: int
    colour: str


def show(results: Sequence[Result], with_logs: bool, as_json: bool) -> None:
    """Print them: as JSON, as a table on a terminal, otherwise a line each."""
    rows = [row for result in results for row in (_log_rows(result) if with_logs else [_state_row(result)])]
    if as_json:
        click.echo(json.dumps({"hosts": [result.to_json() for result in results]}, indent=1))
    elif (console := Console()).is_terminal:
        console.print(_table(_LOG if with_logs else _STATE, rows))
    else:
        for row in rows:
            click.echo("  ".join(row.cells))
    for result in results:
        if result.log is not None and not result.log.entries:
            talk(f"{result.host}: no entry in the log {result.log.name}")
    if failed := [result.host for result in results if result.error]:
        talk(f"{names_text(failed)} failed, {len(results) - len(failed)} of {len(results)} done")


def _state_row(result: Result) -> _Row:
    boot = str(result.override) if result.override else "-"
    colour = "red" if result.error else _POWERS.get(result.power, "yellow")
    return _Row((result.host, result.power, boot, result.model or "-"), 1, colour)


def _log_rows(result: Result) -> Iterator[_Row]:
    for entry in result.log.entries if result.log else ():
        cells = (result.host, entry.shown_time or "-", entry.severity or "-", entry.message or "-")
        yield _Row(cells, 2, _SEVERITIES.get(entry.severity, ""))


def _table(titles: Sequence[str], rows: Sequence[_Row]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in titles:
        table.add_column(title)
    for row in rows:
        table.add_row(*(Text(cell, row.colour if n == row.coloured else "") for n, cell in enumerate(row.cells)))
    return table
