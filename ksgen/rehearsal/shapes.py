# SPDX-License-Identifier: GPL-2.0-or-later
"""Which hosts are alike: one rehearsal is for all that differ in their identity alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from ksgen.host import Host


@dataclasses.dataclass(frozen=True)
class Alike:
    """Hosts of one shape, in their order in the inventory: the first is rehearsed, for all."""

    hosts: tuple[Host, ...]

    @property
    def first(self) -> Host:
        return self.hosts[0]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(host.name for host in self.hosts)


def alike(hosts: Iterable[Host]) -> tuple[Alike, ...]:
    """The shapes of these hosts. One whose identity is part of what it shares with others is alone (host/shapes.py)."""
    found: dict[object, list[Host]] = {}
    for host in hosts:
        key = host.shape.key if host.shape else host.name.encode()
        found.setdefault(key, []).append(host)
    return tuple(Alike(tuple(those)) for those in found.values())
