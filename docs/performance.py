# SPDX-License-Identifier: GPL-2.0-or-later
"""The generated parts of performance.md: measured figures from performance.json, and the demand of many machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

RECORD = Path(__file__).resolve().parent / "performance.json"

# --- measured ---------------------------------------------------------------------------------------------------------


def record() -> dict[str, Any]:
    """What `make plots` has measured."""
    measured: dict[str, Any] = json.loads(RECORD.read_text())
    return measured


def machine() -> str:
    measured = record()
    facts = measured["machine"]
    load = f"the load average before was {facts['load']:.1f}"
    return (
        f"Measured on {facts['processors']} processors ({facts['processor']}) with Python {facts['python']}; {load}. "
        f"All measurements took {measured['minutes']} minutes."
    )


def ratios() -> str:
    """A table for each site: a column for each number of hosts and kind of kickstart."""
    figures = record()["figures"]
    return "\n\n".join(_site(site, [f for f in figures if f["site"] == site]) for site in _unique(figures, "site"))


def _site(site: str, figures: Sequence[dict[str, Any]]) -> str:
    cases = list(dict.fromkeys((figure["hosts"], figure["addon"]) for figure in figures))
    heads = [f"{hosts:,} hosts, `node_addon: {'true' if addon else 'false'}`" for hosts, addon in cases]
    lines = [_row([f"`{site}`", *heads, "target"]), _row(["---"] * (len(cases) + 2))]
    for what in _unique(figures, "what"):
        found = {(figure["hosts"], figure["addon"]): figure for figure in figures if figure["what"] == what}
        target = next(filter(None, map(_target, found.values())), "")
        lines.append(_row([what, *(_cell(found.get(case)) for case in cases), target]))
    return "\n".join(lines)


def _cell(figure: dict[str, Any] | None) -> str:
    if figure is None:
        return ""
    missed = " (missed)" if figure["met"] is False else ""
    return f"{_number(figure['value'])}{figure['unit']}{missed}"


def commands() -> str:
    """The short commands, against the start of Python and a reader of kickstarts."""
    lines = [_row(["processor time", "", "target"]), _row(["---"] * 3)]
    lines += [_row([figure["what"], _cell(figure), _target(figure)]) for figure in record()["commands"]]
    return "\n".join(lines)


def points() -> str:
    """Time and memory against hosts, as a table."""
    lines = [
        _row(["hosts", "seconds", "hosts/s", "of it the limit takes", "memory, MB"]),
        _row(["---"] * 5),
    ]
    for point in record()["curve"]:
        values = (point["elapsed"], point["hosts"] / point["elapsed"], point["limit"] / point["elapsed"])
        lines.append(_row([f"{point['hosts']:,}", *map(_number, values), _number(point["memory"] / 1e6)]))
    many = [_row(["", "hosts", "", "target"]), _row(["---"] * 4)]
    many += [_row([f["what"], f"{f['hosts']:,}", _cell(f), _target(f)]) for f in record()["many"]]
    return "\n".join([*lines, "", *many])


def _target(figure: dict[str, Any]) -> str:
    return f"{figure['target'][0]} {_number(figure['target'][1])}{figure['unit']}" if figure["target"] else ""


def _unique(figures: Iterable[dict[str, Any]], key: str) -> list[str]:
    return list(dict.fromkeys(figure[key] for figure in figures))


# --- on paper ---------------------------------------------------------------------------------------------------------

MACHINES = 1000
# Of a line's rate what arrives of a file: 1448 bytes of a frame that takes 1538 on the wire (Ethernet with its gap, an
# MTU of 1500, IPv4, TCP with timestamps).
_PAYLOAD = 1448 / 1538
_RATES = (1, 10, 25)  # Gbit/s


class Fetched(NamedTuple):
    """A file that each machine fetches, and its size in bytes."""

    what: str
    how: str
    size: float


# Debian's signed shim and GRUB; kernel and initrd of EL9's and EL10's DVD (150 to 170 MB), stage 2 about 0.9 GB.
FETCHED = (
    Fetched("boot loader (shim and GRUB)", "TFTP", 4.9e6),
    Fetched("kernel and initrd", "HTTP, own server", 160e6),
    Fetched("kickstart, add-on", "HTTP, own server", 0.2e6),
    Fetched("stage 2", "HTTP, `node_tree_url`", 0.9e9),
    Fetched("node image", "HTTP, `node_image_url`", 2e9),
)
# What a rack's cache serves.
_CACHED = sum(each.size for each in FETCHED[3:])
_SERVED = sum(each.size for each in FETCHED[:3])
RACKS = 25
_RACK_RATE = 10  # Gbit/s, between a cache and its rack


def demand() -> str:
    """What a thousand machines ask of a single server."""
    rates = [f"at {rate} Gbit/s" for rate in _RATES]
    lines = [_row(["", "from", "a machine", f"{MACHINES:,} machines", *rates]), _row(["---"] * (4 + len(rates)))]
    for what, how, size in (*FETCHED, Fetched("all", "", _CACHED + _SERVED)):
        times = [_duration(seconds(MACHINES * size, rate)) for rate in _RATES]
        lines.append(_row([what, how, _bytes(size), _bytes(MACHINES * size), *times]))
    return "\n".join(lines)


def racks() -> str:
    """The same with a cache in each rack."""
    each = MACHINES // RACKS
    rows = (
        ("own server: boot loaders, kernels, kickstarts", MACHINES * _SERVED, 10),
        (f"mirrors: {RACKS} racks, each file once for each", RACKS * _CACHED, 10),
        (f"each cache: {each} machines", each * _CACHED, _RACK_RATE),
    )
    lines = [_row(["", "sends", "time"]), _row(["---"] * 3)]
    for what, size, rate in rows:
        lines.append(_row([what, _bytes(size), f"{_duration(seconds(size, rate))} at {rate} Gbit/s"]))
    return "\n".join(lines)


def seconds(size: float, rate: float) -> float:
    """How long so many bytes take on a line of so many Gbit/s that nothing else uses."""
    return size * 8 / (rate * 1e9 * _PAYLOAD)


def _duration(given: float) -> str:
    if given < 90:
        return f"{_number(given)} s"
    return f"{_number(given / 60)} min" if given < 90 * 60 else f"{_number(given / 3600)} h"


def _bytes(size: float) -> str:
    for unit, factor in (("TB", 1e12), ("GB", 1e9)):
        if size >= factor:
            return f"{_number(size / factor)} {unit}"
    return f"{_number(size / 1e6)} MB"


def _number(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
