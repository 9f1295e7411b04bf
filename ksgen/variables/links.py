# SPDX-License-Identifier: GPL-2.0-or-later
"""The interfaces of a host as its rules look at them: which is built on which."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from ksgen.problems import Finding
from ksgen.variables.network import Interface, Vlan

# What is wrong, and where inside `node_network`.
Place: TypeAlias = tuple[str | int, ...]
Located: TypeAlias = tuple[Place, Finding]


@dataclasses.dataclass(frozen=True)
class Links:
    """The interfaces of a host, by name and by what they are built on."""

    interfaces: tuple[Interface, ...]

    @functools.cached_property
    def by_device(self) -> Mapping[str, Interface]:
        return {interface.device: interface for interface in self.interfaces}

    @property
    def lower(self) -> Iterator[tuple[Place, Interface, str]]:
        """(place, interface, the name of one that it is built on)."""
        for index, interface in enumerate(self.interfaces):
            for where, name in interface.lower_places:
                yield (index, *where), interface, name

    @property
    def pins(self) -> Iterator[tuple[int, str, str]]:
        """(place, name, MAC address) of each NIC that is given a name."""
        return ((index, *interface.pin) for index, interface in enumerate(self.interfaces) if interface.pin)

    @property
    def vlans(self) -> Iterator[tuple[int, Interface, Vlan]]:
        for index, interface in enumerate(self.interfaces):
            if interface.vlan:
                yield index, interface, interface.vlan

    @property
    def members(self) -> Iterator[tuple[Place, Interface, str]]:
        """(place, bond or bridge, the name of a member)."""
        return ((place, owner, name) for place, owner, name in self.lower if not owner.vlan)

    @functools.cached_property
    def owners(self) -> Mapping[str, str]:
        """The bond or bridge of each member, the first where there are two."""
        owners: dict[str, str] = {}
        for _, owner, member in self.members:
            owners.setdefault(member, owner.device)
        return owners

    def is_on_itself(self, interface: Interface) -> bool:
        """Whether an interface is built on itself, directly or indirectly."""
        seen: set[str] = set()
        todo = list(interface.lower)
        while todo:
            name = todo.pop()
            if name == interface.device:
                return True
            if name not in seen and name in self.by_device:
                seen.add(name)
                todo += self.by_device[name].lower
        return False
