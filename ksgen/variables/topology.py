# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong between the parts of an interface, and between the interfaces of a host."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from ksgen.problems import Finding
from ksgen.variables.network import Interface, carries_other, own_ipv4, own_ipv6, static_addresses
from ksgen.variables.values import reserved_in

MTU6_MIN = 1280  # RFC 8200
MTU_DEFAULT = 1500  # Ethernet
# What a member of a bond or bridge leaves to it.
_OF_ITS_OWN = ("ipv4", "ipv6", "dns", "search", "mtu")


# What is wrong, and where inside `node_network`.
Located: TypeAlias = tuple[tuple[str | int, ...], Finding]


def topology_findings(interfaces: Sequence[Interface]) -> Iterator[Located]:
    """What is wrong between the parts of an interface, and between interfaces."""
    ports = {member for interface in interfaces if not interface.vlan for member in interface.lower}
    for index, interface in enumerate(interfaces):
        carries = carries_other(interface, interfaces)
        of_dns = () if interface.device in ports else _dns_findings(interface, carries)
        found = (*_gateway_findings(interface), *of_dns)
        yield from (((index, *where), finding) for where, finding in found)
        if interface.ipv6 and interface.ipv6 != "none" and interface.mtu is not None and interface.mtu < MTU6_MIN:
            message = f"{interface.mtu} is below the {MTU6_MIN} that IPv6 needs"
            yield (index, "mtu"), Finding("mtu-small", message)
    structural = (*_structure_findings(interfaces), *_member_findings(interfaces))
    yield from structural
    if interfaces and not structural and all(_is_bare(interface, interfaces) for interface in interfaces):
        message = "no interface has an address"
        yield (), Finding("network-without-address", message, hint="the installer needs one to download the image")
    yield from _address_twice(interfaces)
    yield from _gateway_twice(interfaces)


def _is_bare(interface: Interface, interfaces: Sequence[Interface]) -> bool:
    carries = carries_other(interface, interfaces)
    return own_ipv4(interface, carries) == own_ipv6(interface, carries) == "none"


def _gateway_findings(interface: Interface) -> Iterator[Located]:
    for version, own, gateway in ((4, interface.ipv4, interface.gateway4), (6, interface.ipv6, interface.gateway6)):
        if gateway is None:
            continue
        where = (f"gateway{version}",)
        if own is None or "/" not in own:
            found = f"ipv{version} is {own}" if own else f"ipv{version} is not given"
            yield where, Finding("gateway-without-address", f"a gateway needs a static address; {found}")
            continue
        network = ipaddress.ip_interface(own).network
        address = ipaddress.ip_address(gateway)
        reserved = reserved_in(own, gateway)
        # A router of IPv6 is on the link by its link-local address (RFC 4861).
        if address not in network and not (version == 6 and address.is_link_local):
            yield where, Finding("gateway-outside", f"{gateway} is outside {network}, the network of this interface")
        elif str(ipaddress.ip_interface(own).ip) == gateway:
            yield where, Finding("gateway-self", f"{gateway} is the address of this interface")
        elif address in network and reserved:
            yield where, Finding("gateway-reserved", f"{gateway} is {reserved}")


def _dns_findings(interface: Interface, carries: bool) -> Iterator[Located]:
    """NetworkManager refuses a connection with servers for a family that it does not have."""
    off = [v for v, own in ((4, own_ipv4(interface, carries)), (6, own_ipv6(interface, carries))) if own == "none"]
    for key, found in (("dns", interface.dns), ("search", interface.search)):
        if found and len(off) == 2:
            what = "name servers" if key == "dns" else "search domains"
            yield (key,), Finding("dns-without-address", f"{what} on an interface without an address")
    for position, server in enumerate(interface.dns):
        if off == [ipaddress.ip_address(server).version]:
            yield ("dns", position), Finding("dns-family", f"{server} is a server for IPv{off[0]}, which is off here")
        if server in interface.dns[:position]:
            yield ("dns", position), Finding("dns-twice", f"{server} is listed twice")


def _gateway_twice(interfaces: Sequence[Interface]) -> Iterator[Located]:
    for key in ("gateway4", "gateway6"):
        first = ""
        for index, interface in enumerate(interfaces):
            if not getattr(interface, key) or not interface.default_route:
                continue
            if first:
                message = f"the default route already uses {first}"
                yield (index, key), Finding("gateway-twice", message, hint="add default_route: false to one of the two")
            first = first or interface.device


# No NIC has such a name, so it means an interface that has to be created.
_MADE = re.compile(r"(bond|team|br|bridge|virbr|vlan)[0-9]+|.*\.[0-9]+")


def _structure_findings(interfaces: Sequence[Interface]) -> Iterator[Located]:
    by_device = {interface.device: interface for interface in interfaces}
    seen: set[str] = set()
    tags: dict[tuple[str, int], str] = {}
    for index, interface in enumerate(interfaces):
        if interface.device in seen:
            named: tuple[str | int, ...] = (index, "name" if interface.name else "mac" if interface.mac else "vlan")
            yield named, Finding("interface-twice", f"{interface.device} is listed twice")
        seen.add(interface.device)
        for where, lower in interface.lower_places:
            if lower not in by_device and _MADE.fullmatch(lower):
                yield (
                    (index, *where),
                    Finding("interface-missing", f"{lower} is not one of the interfaces of the host", hint="add it"),
                )
            if lower == interface.device and not interface.vlan:
                yield (index, *where), Finding("member-of-itself", f"{lower} is a member of itself")
        if _stands_on(interface, by_device) and (interface.vlan or interface.device not in interface.lower):
            yield (index,), Finding("interface-loop", f"{interface.device} is its own parent")
        if not interface.vlan:
            continue
        tag = (interface.vlan.parent, interface.vlan.id)
        if tags.get(tag, interface.device) != interface.device:
            yield (index, "vlan", "id"), Finding("vlan-twice", f"VLAN {tag[1]} on {tag[0]} is also {tags[tag]}")
        tags.setdefault(tag, interface.device)
        parent = by_device.get(interface.vlan.parent)
        if interface.mtu and parent and interface.mtu > (parent.mtu or MTU_DEFAULT):
            message = (
                f"{interface.mtu} is above the {parent.mtu or MTU_DEFAULT} of its parent interface {parent.device}"
            )
            yield (index, "mtu"), Finding("mtu-above-parent", message, hint=f"give {parent.device} as much")


def _member_findings(interfaces: Sequence[Interface]) -> Iterator[Located]:
    by_device = {interface.device: interface for interface in interfaces}
    ports: dict[str, str] = {}
    for index, interface in enumerate(interfaces):
        for where, member in () if interface.vlan else interface.lower_places:
            below = by_device.get(member)
            if member in ports:
                yield (index, *where), Finding("member-twice", f"{member} is already a member of {ports[member]}")
            if below and interface.bond and below.kind:
                yield (
                    (index, *where),
                    Finding("member-kind", f"{member} is not a NIC; the members of a bond must be NICs"),
                )
            elif below and interface.bridge and below is not interface and below.kind in ("vlan", "bridge"):
                # pyanaconda, nm_client.py: _add_existing_virtual_device_to_bridge()
                message = f"{member} is a {below.kind}; the ports of a bridge must be NICs or bonds"
                yield (index, *where), Finding("member-kind", message)
            ports.setdefault(member, interface.device)

    for index, interface in enumerate(interfaces):
        owner = ports.get(interface.device)
        key = next((key for key in _OF_ITS_OWN if getattr(interface, key) not in (None, "none", [])), None)
        # A bond is made before it goes into a bridge, and keeps its MTU.
        if owner and key == "mtu" and not interface.bond:
            message = f"{interface.device} is a member of {owner} and cannot have an MTU of its own"
            yield (index, key), Finding("member-with-address", message, hint=f"put it on {owner}")
        elif owner and key not in (None, "mtu"):
            message = f"{interface.device} is a member of {owner} and cannot have addresses"
            yield (index, str(key)), Finding("member-with-address", message, hint=f"put them on {owner}")
        if interface.vlan and interface.vlan.parent in ports:
            parent, owner = interface.vlan.parent, ports[interface.vlan.parent]
            message = f"{parent} is a member of {owner}"
            yield (index, "vlan", "parent"), Finding("vlan-on-member", message, hint=f"put it on {owner}")


def _stands_on(interface: Interface, by_device: Mapping[str, Interface]) -> bool:
    """Whether an interface is built on itself, directly or indirectly."""
    seen: set[str] = set()
    todo = list(interface.lower)
    while todo:
        name = todo.pop()
        if name == interface.device:
            return True
        if name not in seen and name in by_device:
            seen.add(name)
            todo += by_device[name].lower
    return False


def _address_twice(interfaces: Sequence[Interface]) -> Iterator[Located]:
    seen: dict[str, str] = {}
    for place, address in static_addresses(interfaces):
        if address in seen:
            yield place, Finding("address-twice", f"{address} is also on {seen[address]}")
        seen.setdefault(address, interfaces[place[0]].device)
