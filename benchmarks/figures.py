# SPDX-License-Identifier: GPL-2.0-or-later
"""A measured figure, its target, and whether it is met; as a row of a table and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, Literal

Target = tuple[Literal["at least", "at most"], float]


@dataclasses.dataclass(frozen=True)
class Figure:
    """What was measured, on which site."""

    what: str
    value: float
    target: Target | None = None
    unit: str = ""
    site: str = ""
    hosts: int = 0
    addon: bool = True
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """None for a figure without a target."""
        if self.target is None:
            return None
        bound, limit = self.target
        return self.value >= limit if bound == "at least" else self.value <= limit

    def to_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "met": self.is_met}


def row(figure: Figure) -> str:
    """A figure as a line of text."""
    target = f"{figure.target[0]} {_number(figure.target[1])}{figure.unit}" if figure.target else ""
    verdict = {None: "", True: "met", False: "NOT MET"}[figure.is_met]
    value = f"{_number(figure.value)}{figure.unit}"
    return f"  {figure.what:<52} {value:>10}  {target:<15} {verdict:<8} {figure.note}".rstrip()


def table(figures: Iterable[Figure]) -> Iterator[str]:
    """The lines of all figures, with a heading for each site."""
    heading = None
    for figure in figures:
        if heading != (heading := _heading(figure)):
            yield heading
        yield row(figure)


def _heading(figure: Figure) -> str:
    if not figure.site:
        return "command"
    return f"{figure.site}, {figure.hosts:,} hosts, node_addon: {'true' if figure.addon else 'false'}"


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
