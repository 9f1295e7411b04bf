# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong between the interfaces of a host: one rule for each code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from ksgen.problems import Finding
from ksgen.variables import addressing, bonding, doubtful, joining, pinning
from ksgen.variables.links import Links, Located
from ksgen.variables.network import Interface

MTU_DEFAULT = 1500  # Ethernet
# What a member of a bond or bridge leaves to it.
_OF_ITS_OWN = ("ipv4", "ipv6", "dns", "search", "routes", "mtu")
# No NIC has such a name, so it means an interface that has to be created.
_MADE = re.compile(r"(bond|team|br|bridge|virbr|vlan)[0-9]+|.*\.[0-9]+")

Rule: TypeAlias = Callable[[Links], Iterator[Located]]


def topology_findings(interfaces: Sequence[Interface]) -> Iterator[Located]:
    """What is wrong between the parts of an interface, and between interfaces."""
    links = Links(tuple(interfaces))
    yield from _apply((*addressing.RULES, *bonding.RULES, *doubtful.RULES, *joining.RULES, *pinning.RULES), links)
    structural = tuple(_apply(_STRUCTURAL, links))
    yield from structural
    if not structural:
        yield from addressing.without_address(links)


def _apply(rules: Sequence[Rule], links: Links) -> Iterator[Located]:
    for rule in rules:
        yield from rule(links)


# --- how interfaces are built on each other --------------------------------------------------------------------------


def _interface_twice(links: Links) -> Iterator[Located]:
    seen: set[str] = set()
    for index, interface in enumerate(links.interfaces):
        if interface.device in seen:
            key = "name" if interface.name else "mac" if interface.mac else "vlan"
            yield (index, key), Finding("interface-twice", f"{interface.device} is listed twice")
        seen.add(interface.device)


def _interface_missing(links: Links) -> Iterator[Located]:
    for place, _, lower in links.lower:
        if lower not in links.by_device and _MADE.fullmatch(lower):
            message = f"{lower} is not one of the interfaces of the host"
            yield place, Finding("interface-missing", message, hint=_missing_cure(lower, links))


def _missing_cure(name: str, links: Links) -> str:
    """A sibling is meant where there is one, bond0 for bond1."""
    kind = name.rstrip("0123456789")
    siblings = [interface.device for interface in links.interfaces if interface.device.rstrip("0123456789") == kind]
    return f"add it, or write {siblings[0]}" if kind and len(siblings) == 1 else "add it"


def _member_of_itself(links: Links) -> Iterator[Located]:
    for place, interface, lower in links.lower:
        if lower == interface.device and not interface.vlan:
            yield place, Finding("member-of-itself", f"{lower} is a member of itself")


def _interface_loop(links: Links) -> Iterator[Located]:
    """A bond or bridge that names itself as its member is found by another rule."""
    for index, interface in enumerate(links.interfaces):
        if links.is_on_itself(interface) and (interface.vlan or interface.device not in interface.lower):
            yield (index,), Finding("interface-loop", f"{interface.device} is its own parent")


def _vlan_twice(links: Links) -> Iterator[Located]:
    tags: dict[tuple[str, int], str] = {}
    for index, interface, vlan in links.vlans:
        other = tags.setdefault((vlan.parent, vlan.id), interface.device)
        if other != interface.device:
            message = f"VLAN {vlan.id} on {vlan.parent} is also {other}"
            yield (index, "vlan", "id"), Finding("vlan-twice", message)


def _mtu_above_parent(links: Links) -> Iterator[Located]:
    for index, interface, vlan in links.vlans:
        parent = links.by_device.get(vlan.parent)
        if interface.mtu and parent and interface.mtu > (parent.mtu or MTU_DEFAULT):
            of_parent = f"{parent.mtu or MTU_DEFAULT} of its parent interface {parent.device}"
            hint = f"give {parent.device} as much"
            yield (
                (index, "mtu"),
                Finding("mtu-above-parent", f"{interface.mtu} is above the {of_parent}", hint=hint),
            )


# --- members of bonds and bridges ------------------------------------------------------------------------------------


def _member_twice(links: Links) -> Iterator[Located]:
    owners: dict[str, str] = {}
    for place, owner, member in links.members:
        if member in owners:
            yield place, Finding("member-twice", f"{member} is already a member of {owners[member]}")
        owners.setdefault(member, owner.device)


def _member_kind(links: Links) -> Iterator[Located]:
    """What cannot be a member (pyanaconda, nm_client.py: _add_existing_virtual_device_to_bridge())."""
    for place, owner, member in links.members:
        below = links.by_device.get(member)
        if below and owner.bond and below.kind:
            yield place, Finding("member-kind", f"{member} is not a NIC; the members of a bond must be NICs")
        elif below and owner.bridge and below is not owner and below.kind in ("vlan", "bridge"):
            message = f"{member} is a {below.kind}; the ports of a bridge must be NICs or bonds"
            yield place, Finding("member-kind", message)


def _member_with_address(links: Links) -> Iterator[Located]:
    for index, interface in enumerate(links.interfaces):
        owner = links.owners.get(interface.device)
        key = next((key for key in _OF_ITS_OWN if getattr(interface, key) not in (None, "none", [])), None)
        if owner is None or key is None:
            continue
        what, cure = ("an MTU of its own", "it") if key == "mtu" else ("addresses", "them")
        message = f"{interface.device} is a member of {owner} and cannot have {what}"
        # A bond is made before it goes into a bridge, and keeps its MTU.
        if key != "mtu" or not interface.bond:
            yield (index, key), Finding("member-with-address", message, hint=f"put {cure} on {owner}")


def _vlan_on_member(links: Links) -> Iterator[Located]:
    for index, _, vlan in links.vlans:
        owner = links.owners.get(vlan.parent)
        if owner:
            message = f"{vlan.parent} is a member of {owner}"
            yield (index, "vlan", "parent"), Finding("vlan-on-member", message, hint=f"put it on {owner}")


_STRUCTURAL: tuple[Rule, ...] = (
    _interface_twice,
    _interface_missing,
    _member_of_itself,
    _interface_loop,
    _vlan_twice,
    _mtu_above_parent,
    _member_twice,
    _member_kind,
    _member_with_address,
    _vlan_on_member,
)
