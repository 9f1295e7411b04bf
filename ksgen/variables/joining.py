# SPDX-License-Identifier: GPL-2.0-or-later
"""Interfaces that the installer makes, and that the engine or the deployment of hosted engine refuses later.

Engine: BusinessEntitiesDefinitions.java, BOND_NAME_PATTERN. Hosted engine: ovirt.ovirt, roles/hosted_engine_setup,
pre_checks/001_validate_network_interfaces.yml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ksgen.problems import Finding
from ksgen.variables.links import Links, Located

_ENGINE_BOND = re.compile(r"bond\w+", re.ASCII)
_HOSTED_ENGINE_BOND = re.compile(r"bond[0-9]+")
_MODES = ("active-backup", "balance-xor", "broadcast", "802.3ad")


def _bond_name(links: Links) -> Iterator[Located]:
    for index, interface in enumerate(links.interfaces):
        name = interface.name or ""
        if not interface.bond or _HOSTED_ENGINE_BOND.fullmatch(name):
            continue
        who = "hosted engine cannot be deployed on" if _ENGINE_BOND.fullmatch(name) else "the engine refuses"
        message = f"{who} a bond named {name}"
        yield (index, "name"), Finding("bond-name", message, "warning", "name it bond and a number: bond0")


def _bond_mode(links: Links) -> Iterator[Located]:
    for index, interface in enumerate(links.interfaces):
        if interface.bond and interface.bond.mode not in _MODES:
            message = f"a bond of mode {interface.bond.mode} cannot carry networks of virtual machines in oVirt"
            hint = f"set mode: to one of {', '.join(_MODES)}"
            yield (index, "bond", "mode"), Finding("bond-mode", message, "warning", hint)


def _vlan_not_by_parent(links: Links) -> Iterator[Located]:
    """The management network is that of the default route. A NIC that is given by its MAC address has any name."""
    for index, interface, vlan in links.vlans:
        wanted = f"{vlan.parent}.{vlan.id}"
        has_gateway = (interface.gateway4 or interface.gateway6) and interface.default_route
        if has_gateway and interface.name not in (None, wanted) and ":" not in vlan.parent:
            message = (
                f"hosted engine cannot be deployed on VLAN {vlan.id} of {vlan.parent} under the name {interface.name}"
            )
            yield (index, "name"), Finding("vlan-not-by-parent", message, "warning", f"name it {wanted}")


RULES = (_bond_name, _bond_mode, _vlan_not_by_parent)
