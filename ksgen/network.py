# SPDX-License-Identifier: GPL-2.0-or-later
"""The network of a host: interfaces, what is wrong with them, and the options of `network` that make them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from ksgen.values import (
    Address,
    Address4,
    Address6,
    HostName,
    Interface4,
    Interface6,
    InterfaceName,
    Mac,
    Member,
    refuse,
)

MTU_MIN = 576  # RFC 791 asks every IPv4 host for as much; IPv6 for 1280 (RFC 8200)
MTU6_MIN = 1280
MTU_MAX = 9216  # what switches call jumbo
VLAN_MAX = 4094  # IEEE 802.1Q: 0 and 4095 are reserved

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)


def _option_value(value: object) -> str:
    """The value of a bond or bridge option; YAML may have read a number or a truth value."""
    if isinstance(value, bool):
        return "1" if value else "0"
    text = str(value)
    if isinstance(value, (int, str)) and text and all(c.isalnum() or c in "_.:+-" for c in text):
        return text
    refuse("interface-option", f"{value!r} is not the value of an option", "one word without blanks and commas")


Options = dict[InterfaceName, Annotated[str, BeforeValidator(_option_value)]]


class Bond(BaseModel):
    """Several cards as one (bonding of the kernel)."""

    model_config = _STRICT

    members: list[Member] = Field(min_length=1)
    mode: Literal[
        "balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"
    ] = "active-backup"
    options: Options = Field(default_factory=dict)


class Vlan(BaseModel):
    """A tagged network on another interface."""

    model_config = _STRICT

    id: int = Field(ge=1, le=VLAN_MAX)
    parent: Member


class Bridge(BaseModel):
    """A software switch."""

    model_config = _STRICT

    members: list[Member] = Field(min_length=1)
    options: Options = Field(default_factory=dict)


class Interface(BaseModel):
    """One interface: a card (by name or MAC), or a bond, VLAN or bridge on others."""

    model_config = _STRICT

    name: InterfaceName | None = None
    mac: Mac | None = None
    bond: Bond | None = None
    vlan: Vlan | None = None
    bridge: Bridge | None = None
    ipv4: Interface4 | None = None
    gateway4: Address4 | None = None
    ipv6: Interface6 | None = None
    gateway6: Address6 | None = None
    dns: list[Address] = Field(default_factory=list)
    search: list[HostName] = Field(default_factory=list)
    mtu: int | None = Field(default=None, ge=MTU_MIN, le=MTU_MAX)
    default_route: bool = True

    @model_validator(mode="after")
    def _is_one_thing(self) -> Interface:
        kinds = [kind for kind in ("bond", "vlan", "bridge") if getattr(self, kind)]
        if len(kinds) > 1:
            refuse("interface-kind", f"is {' and '.join(kinds)} at once", "write one entry for each")
        if not self.device:
            refuse("interface-unnamed", "has neither a name nor a MAC address", "add name: or mac:")
        if kinds and not self.name and not self.vlan:
            refuse("interface-unnamed", f"a {kinds[0]} needs a name", "add name:")
        if kinds and self.mac:
            refuse("interface-kind", f"mac: is for a card, and this is a {kinds[0]}", "leave mac: out")
        if self.name and self.mac:
            refuse("interface-kind", "names one card twice", "leave out name:, or mac:")
        return self

    @property
    def device(self) -> str:
        """What others call it: its name, else its MAC address."""
        if self.vlan and not self.name:
            return f"{self.vlan.parent}.{self.vlan.id}"
        return self.name or self.mac or ""

    @property
    def lower(self) -> tuple[str, ...]:
        """The interfaces it stands on."""
        if self.vlan:
            return (self.vlan.parent,)
        return tuple((self.bond or self.bridge).members) if self.bond or self.bridge else ()  # type: ignore[union-attr]

    @property
    def macs(self) -> tuple[str, ...]:
        """The MAC addresses that it names."""
        return tuple(device for device in (self.mac, *self.lower) if device and ":" in device)


class Complaint(NamedTuple):
    """What is wrong at a place inside `node_network`."""

    location: tuple[str | int, ...]
    code: str
    message: str
    hint: str = ""


def complaints(interfaces: Sequence[Interface]) -> Iterator[Complaint]:
    """What is wrong between the parts of an interface, and between interfaces."""
    for index, interface in enumerate(interfaces):
        yield from (c._replace(location=(index, *c.location)) for c in _address_complaints(interface))
    yield from _structure_complaints(interfaces)
    yield from _address_twice(interfaces)


def _address_complaints(interface: Interface) -> Iterator[Complaint]:
    for version, own, gateway in ((4, interface.ipv4, interface.gateway4), (6, interface.ipv6, interface.gateway6)):
        if gateway is None:
            continue
        where = (f"gateway{version}",)
        if own is None or "/" not in own:
            found = f"ipv{version} is {own}" if own else f"ipv{version} is not given"
            yield Complaint(where, "gateway-without-address", f"a gateway needs a static address; {found}")
            continue
        network = ipaddress.ip_interface(own).network
        address = ipaddress.ip_address(gateway)
        if address not in network and not address.is_link_local:
            yield Complaint(where, "gateway-outside", f"{gateway} is outside {network}, the network of this interface")
        elif str(ipaddress.ip_interface(own).ip) == gateway:
            yield Complaint(where, "gateway-self", f"{gateway} is the address of this interface")
    if interface.ipv6 and interface.ipv6 != "none" and interface.mtu is not None and interface.mtu < MTU6_MIN:
        message = f"{interface.mtu} is below the {MTU6_MIN} that IPv6 needs"
        yield Complaint(("mtu",), "mtu-small", message)
    if interface.dns and interface.ipv4 == "none" and interface.ipv6 == "none":
        yield Complaint(("dns",), "dns-without-address", "name servers on an interface without an address")
    if len(set(interface.dns)) < len(interface.dns):
        yield Complaint(("dns",), "dns-twice", "names one server twice")


def _structure_complaints(interfaces: Sequence[Interface]) -> Iterator[Complaint]:
    by_device: dict[str, int] = {}
    ports: dict[str, str] = {}
    tags: dict[tuple[str, int], str] = {}
    virtual = {i.device for i in interfaces if i.bond or i.vlan or i.bridge}
    for index, interface in enumerate(interfaces):
        if interface.device in by_device:
            named: tuple[str | int, ...] = (index, "name" if interface.name else "mac" if interface.mac else "vlan")
            yield Complaint(named, "interface-twice", f"{interface.device} is here twice")
        by_device.setdefault(interface.device, index)
        if interface.vlan:
            tag = (interface.vlan.parent, interface.vlan.id)
            if tag in tags:
                yield Complaint((index, "vlan", "id"), "vlan-twice", f"VLAN {tag[1]} on {tag[0]} is also {tags[tag]}")
            tags.setdefault(tag, interface.device)
            continue
        kind = "bond" if interface.bond else "bridge"
        for position, member in enumerate(interface.lower):
            where = (index, kind, "members", position)
            if member in ports:
                yield Complaint(where, "member-twice", f"{member} is already a member of {ports[member]}")
            if member == interface.device:
                yield Complaint(where, "member-of-itself", f"{member} is a member of itself")
            elif interface.bond and member in virtual:
                yield Complaint(where, "member-kind", f"{member} is no card; a bond is made of cards")
            ports.setdefault(member, interface.device)

    for index, interface in enumerate(interfaces):
        if interface.device in ports and (interface.ipv4 or interface.ipv6 or interface.dns):
            key = next(key for key in ("ipv4", "ipv6", "dns") if getattr(interface, key))
            message = f"{interface.device} is a member of {ports[interface.device]} and cannot have addresses"
            yield Complaint((index, key), "member-with-address", message, f"put them on {ports[interface.device]}")
        if interface.vlan and interface.vlan.parent in ports:
            parent, owner = interface.vlan.parent, ports[interface.vlan.parent]
            message = f"{parent} is a member of {owner}"
            yield Complaint((index, "vlan", "parent"), "vlan-on-member", message, f"put it on {owner}")
        if _stands_on(interface, interfaces, interface.device):
            yield Complaint((index,), "interface-loop", f"{interface.device} stands on itself")


def _stands_on(interface: Interface, interfaces: Sequence[Interface], device: str) -> bool:
    by_device = {i.device: i for i in interfaces}
    seen, todo = set(), list(interface.lower)
    while todo:
        name = todo.pop()
        if name == device and interface.device not in interface.lower:
            return True
        if name not in seen and name in by_device:
            seen.add(name)
            todo += by_device[name].lower
    return False


def _address_twice(interfaces: Sequence[Interface]) -> Iterator[Complaint]:
    seen: dict[str, str] = {}
    for index, interface in enumerate(interfaces):
        for key in ("ipv4", "ipv6"):
            own = getattr(interface, key)
            if own and "/" in own:
                address = own.partition("/")[0]
                if address in seen:
                    yield Complaint((index, key), "address-twice", f"{address} is also on {seen[address]}")
                seen.setdefault(address, interface.device)


def static_addresses(interfaces: Sequence[Interface]) -> Iterator[tuple[tuple[int, str], str]]:
    """(place, address) of every static address."""
    for index, interface in enumerate(interfaces):
        for key in ("ipv4", "ipv6"):
            own = getattr(interface, key)
            if own and "/" in own:
                yield (index, key), own.partition("/")[0]


def has_mac_members(interfaces: Sequence[Interface]) -> bool:
    """Whether a bond or bridge names members by MAC address, which Anaconda cannot resolve (nm_client.py)."""
    return any(":" in member for i in interfaces if not i.vlan for member in i.lower)


def network_options(interfaces: Sequence[Interface], boot_mac: str) -> tuple[tuple[str, ...], ...]:
    """The options of one `network` command for each interface, lower ones first.

    A member that is named by its MAC address stays as it is: a %pre puts the name in its place.
    """
    if not interfaces:
        return ((f"--device={boot_mac}", "--bootproto=dhcp", "--onboot=yes", "--activate"),)
    members = {member for i in interfaces if not i.vlan for member in i.lower}
    joined = {bond.device: vlan for bond, vlan in _bonds_with_vlan(interfaces)}
    commands = []
    for interface in _lower_first(interfaces):
        if interface.device in members or interface in joined.values():
            continue
        vlan = joined.get(interface.device)
        commands.append(_joined_options(interface, vlan) if vlan else _options(interface, interfaces))
    return tuple(commands)


def _bonds_with_vlan(interfaces: Sequence[Interface]) -> Iterator[tuple[Interface, Interface]]:
    """Each bond that is only there for its VLANs, with the first of them.

    One command makes both. With one each, Anaconda warns that the device has been defined already, which a boot with
    inst.ksstrict makes fatal; but an MTU of the bond's own needs its own command.
    """
    for bond in interfaces:
        vlans = [i for i in interfaces if i.vlan and i.vlan.parent == bond.device]
        says_more = bond.ipv4 or bond.ipv6 or bond.dns or bond.mtu or (vlans and vlans[0].mtu)
        if bond.bond and vlans and not says_more:
            yield bond, vlans[0]


def _joined_options(bond: Interface, vlan: Interface) -> tuple[str, ...]:
    """A bond and a VLAN on it (pyanaconda, nm_client.py: "vlan over bond")."""
    of_vlan = [option for option in _options(vlan, ()) if not option.startswith("--device=")]
    return (*_kind_options(bond), *of_vlan)


def _lower_first(interfaces: Sequence[Interface]) -> list[Interface]:
    ordered: list[Interface] = []
    waiting = list(interfaces)
    while waiting:
        devices = {i.device for i in waiting}
        ready = [i for i in waiting if not devices & set(i.lower)]
        ordered += ready
        waiting = [i for i in waiting if i not in ready]
    return ordered


def _options(interface: Interface, interfaces: Sequence[Interface]) -> tuple[str, ...]:
    carries = any(interface.device in other.lower for other in interfaces)
    options = [*_kind_options(interface), *_ipv4_options(interface, carries), *_ipv6_options(interface, carries)]
    if interface.dns:
        options.append(f"--nameserver={','.join(interface.dns)}")
    if interface.search:
        options.append(f"--ipv4-dns-search={','.join(interface.search)}")
    if interface.mtu is not None:
        options.append(f"--mtu={interface.mtu}")
    if not interface.default_route:
        options.append("--nodefroute")
    return (*options, "--onboot=yes", "--activate")


def _kind_options(interface: Interface) -> list[str]:
    if interface.vlan:
        return [
            f"--device={interface.vlan.parent}",
            f"--vlanid={interface.vlan.id}",
            f"--interfacename={interface.device}",
        ]
    options = [f"--device={interface.device}"]
    if interface.bond:
        wanted = {"mode": interface.bond.mode, "miimon": "100", **interface.bond.options}
        options.append(f"--bondslaves={','.join(interface.bond.members)}")
        options.append("--bondopts=" + ",".join(f"{key}={value}" for key, value in wanted.items()))
    elif interface.bridge:
        options.append(f"--bridgeslaves={','.join(interface.bridge.members)}")
        if interface.bridge.options:
            wanted = interface.bridge.options
            options.append("--bridgeopts=" + ",".join(f"{key}={value}" for key, value in wanted.items()))
    return options


def _ipv4_options(interface: Interface, carries: bool) -> list[str]:
    """DHCP is for an interface that nothing is said of and that carries no other."""
    own = interface.ipv4 or ("none" if carries or interface.ipv6 else "dhcp")
    if own == "none":
        return ["--noipv4"]
    if own == "dhcp":
        return ["--bootproto=dhcp"]
    address = ipaddress.ip_interface(own)
    options = ["--bootproto=static", f"--ip={address.ip}", f"--netmask={address.netmask}"]
    return [*options, f"--gateway={interface.gateway4}"] if interface.gateway4 else options


def _ipv6_options(interface: Interface, carries: bool) -> list[str]:
    own = interface.ipv6 or ("none" if carries else "auto")
    if own == "none":
        return ["--noipv6"]
    options = [f"--ipv6={own}"]
    return [*options, f"--ipv6gateway={interface.gateway6}"] if interface.gateway6 else options
