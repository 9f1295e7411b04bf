# SPDX-License-Identifier: GPL-2.0-or-later
"""Time zones and languages, as Anaconda knows them."""

from __future__ import annotations

import difflib
import functools
import zoneinfo
from pathlib import Path
from typing import Annotated

import tzdata
from pydantic import BeforeValidator

from ksgen.variables.values import a_text, refuse, shown


@functools.cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


@functools.cache
def _packaged_zones() -> frozenset[str]:
    """Those of them that the package tzdata lists, so that the system's files are not searched for a usual one."""
    try:
        return frozenset(Path(tzdata.__file__).with_name("zones").read_text(encoding="utf-8").split())
    except OSError:  # a distribution's package may have the system's files in the place of its own
        return frozenset()


def time_zone(value: object) -> str:
    text = a_text(value, "Etc/UTC")
    if text not in _packaged_zones() and text not in _time_zones():
        cure = _nearest_zone(text) or "write one that `timedatectl list-timezones` prints, such as Europe/Vienna"
        refuse("time-zone", f"{shown(value)} is not a time zone", cure)
    return text


# Two cities may be near by their letters (Munich, Zurich): a guess needs more in common than other words.
_ZONE_CUTOFF = 0.8
_SHORTEST_CITY = 5


def _nearest_zone(text: str) -> str:
    """The zone whose city was probably meant; a wrong guess is worse than none, and abbreviations (CEST) are no cities.

    The region may be missing or misspelt, as long as the city says which zone it is.
    """
    city = _city(text)
    if len(city) < _SHORTEST_CITY:
        return ""
    zones = {_city(zone): zone for zone in sorted(_time_zones(), key=lambda zone: (zone.count("/") == 1, zone))}
    close = difflib.get_close_matches(city, zones, n=1, cutoff=_ZONE_CUTOFF)
    return f"did you mean {zones[close[0]]!r}?" if close else ""


def _city(zone: str) -> str:
    return zone.rpartition("/")[2].lower().replace(" ", "_")


TimeZone = Annotated[str, BeforeValidator(time_zone)]


@functools.cache
def recorded_locales() -> frozenset[str]:
    """Locales that every supported version of langtable has."""
    text = Path(__file__).with_name("locales.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))


@functools.cache
def _is_locale(text: str) -> bool:
    if text in recorded_locales():
        return True
    import langtable  # half a second of reading XML, which only a locale costs that is wrong or new

    return text in langtable.list_all_locales()


def language(value: object) -> str:
    """A locale as glibc names it, with UTF-8."""
    text = a_text(value, "en_US.UTF-8")
    if text != "en_US.UTF-8" and not _is_locale(text):
        refuse("language", f"{shown(value)} is not a language of Anaconda", "write one like en_US.UTF-8, de_AT.UTF-8")
    return text


Language = Annotated[str, BeforeValidator(language)]
