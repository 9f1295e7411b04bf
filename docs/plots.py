# SPDX-License-Identifier: GPL-2.0-or-later
"""Draws the plots of performance.md from performance.json, as SVG.

docs/plots.py            write them
docs/plots.py --check    say which are out of date, and exit 1 if any is
"""

from __future__ import annotations

import html
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import performance

PICTURES = Path(__file__).resolve().parent / "pictures"
_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 90, 24, 40, 56
_COLOURS = ("#1f5fa8", "#b3531c", "#3b7d3b")
_BAR_HEIGHT = 22
_BARS_LEFT = 190
# Smaller ones are one bar.
_SMALLEST_SHARE = 0.02


class Line(NamedTuple):
    """A line of a plot, with its points."""

    name: str
    points: Sequence[tuple[float, float]]


def time() -> str:
    curve = performance.record()["curve"]
    lines = (
        Line("ksgen", [(point["hosts"], point["elapsed"]) for point in curve]),
        Line("the limit", [(point["hosts"], point["limit"]) for point in curve]),
    )
    return _plot("Time of a full run", "hosts", "seconds", lines)


def memory() -> str:
    curve = performance.record()["curve"]
    return _plot(
        "Memory of a full run", "hosts", "MB", [Line("ksgen", [(p["hosts"], p["memory"] / 1e6) for p in curve])]
    )


def shares() -> str:
    found = performance.record()["shares"]
    bars = [(name, share) for name, share in found.items() if share >= _SMALLEST_SHARE]
    rest = sum(share for share in found.values() if share < _SMALLEST_SHARE)
    return _bars("Processor time of a full run", [*bars, ("all others", rest)])


PLOTS: dict[str, Callable[[], str]] = {"time.svg": time, "memory.svg": memory, "shares.svg": shares}


def _plot(title: str, across: str, up: str, lines: Sequence[Line]) -> str:
    """Both axes are logarithmic, with a mark at each power of ten."""
    xs, ys = zip(*(point for line in lines for point in line.points), strict=True)
    x, y = _scale(xs, _LEFT, _WIDTH - _RIGHT), _scale(ys, _HEIGHT - _BOTTOM, _TOP)
    parts = [_text(_WIDTH / 2, 22, title, "middle", size=16)]
    for value in _tens(xs):
        parts.append(_stroke([(x(value), _TOP), (x(value), _HEIGHT - _BOTTOM)], "#ddd"))
        parts.append(_text(x(value), _HEIGHT - _BOTTOM + 18, f"{value:,}", "middle"))
    for value in _tens(ys):
        parts.append(_stroke([(_LEFT, y(value)), (_WIDTH - _RIGHT, y(value))], "#ddd"))
        parts.append(_text(_LEFT - 8, y(value) + 4, f"{value:,}", "end"))
    parts.append(_text(_WIDTH / 2, _HEIGHT - 14, across, "middle"))
    parts.append(_text(_LEFT - 8, _TOP - 14, up, "end"))
    for number, (line, colour) in enumerate(zip(lines, _COLOURS, strict=False)):
        places = [(x(a), y(b)) for a, b in line.points]
        parts.append(_stroke(places, colour, width=2))
        parts += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="3.5" fill="{colour}"/>' for a, b in places]
        # Values of the first line are above it, those of the second below.
        side = -9 if number == 0 else 18
        for n, ((a, b), (_, value)) in enumerate(zip(places, line.points, strict=True)):
            anchor = {0: "start", len(places) - 1: "end"}.get(n, "middle")
            parts.append(_text(a + (6 if n == 0 else 0), b + side, _value(value), anchor, colour))
        parts.append(_text(_LEFT + 12, _TOP + 20 + 20 * number, line.name, "start", colour, size=14))
    return _svg(_HEIGHT, parts)


def _bars(title: str, bars: Sequence[tuple[str, float]]) -> str:
    height = _TOP + len(bars) * _BAR_HEIGHT + 16
    longest = max(share for _, share in bars)
    parts = [_text(_WIDTH / 2, 22, title, "middle", size=16)]
    for number, (name, share) in enumerate(bars):
        top = _TOP + number * _BAR_HEIGHT
        width = (_WIDTH - _RIGHT - 50 - _BARS_LEFT) * share / longest
        parts.append(_text(_BARS_LEFT - 8, top + 15, name, "end"))
        place = f'x="{_BARS_LEFT}" y="{top + 2}" width="{width:.1f}" height="{_BAR_HEIGHT - 5}"'
        parts.append(f'<rect {place} fill="{_COLOURS[0]}"/>')
        parts.append(_text(_BARS_LEFT + width + 6, top + 15, f"{share:.0%}", "start"))
    return _svg(height, parts)


def _scale(values: Iterable[float], begin: float, end: float) -> Callable[[float], float]:
    """From a value to a place on a logarithmic axis that begins and ends with a power of ten."""
    tens = _tens(values)
    first, last = math.log10(tens[0]), math.log10(tens[-1])
    return lambda value: begin + (math.log10(value) - first) / (last - first) * (end - begin)


def _tens(values: Iterable[float]) -> list[float]:
    """The powers of ten from the one below all values to the one above."""
    logs = [math.log10(value) for value in values]
    low, high = math.floor(min(logs)), math.ceil(max(logs))
    powers = range(low, max(high, low + 1) + 1)
    return [10**power if power >= 0 else float(f"1e{power}") for power in powers]


def _value(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _stroke(places: Sequence[tuple[float, float]], colour: str, width: int = 1) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#333", size: int = 12) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}"'
    return f"<text {place}>{html.escape(text)}</text>"


def _svg(height: int, parts: Sequence[str]) -> str:
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="#fff"/>', *parts, "</svg>", ""])


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        outdated = [name for name, draw in PLOTS.items() if draw() != (PICTURES / name).read_text()]
        sys.exit(f"{', '.join(outdated)}: out of date: run docs/plots.py" if outdated else None)
    for name, draw in PLOTS.items():
        (PICTURES / name).write_text(draw())
