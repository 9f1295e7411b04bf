# SPDX-License-Identifier: GPL-2.0-or-later
"""The network of a host: its interfaces, and the options of `network` that make them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, field_validator, model_validator

from ksgen.variables.addresses import (
    INTERFACE_LONGEST,
    Address,
    Address4,
    Address6,
    DomainName,
    Interface4,
    Interface6,
    InterfaceName,
    Mac,
    Member,
    destination,
)
from ksgen.variables.checking import Speed
from ksgen.variables.values import STRICT, nearest, refuse, shown

MTU_MIN = 576  # RFC 791 asks every IPv4 host for as much
MTU_MAX = 9216  # what switches call jumbo
METRIC_MAX = 2**32 - 1  # the kernel's rtnetlink(7): RTA_PRIORITY
VLAN_MAX = 4094  # IEEE 802.1Q: 0 and 4095 are reserved


# The kernel's Documentation/networking/bonding.rst. Anaconda leaves out one that it does not know without a word.
_BOND_OPTIONS = frozenset({
    "active_slave", "ad_actor_sys_prio", "ad_actor_system", "ad_select", "ad_user_port_key", "all_slaves_active",
    "arp_all_targets", "arp_interval", "arp_ip_target", "arp_missed_max", "arp_validate", "downdelay", "fail_over_mac",
    "lacp_active", "lacp_rate", "lp_interval", "miimon", "min_links", "ns_ip6_target", "num_grat_arp", "num_unsol_na",
    "packets_per_slave", "peer_notif_delay", "primary", "primary_reselect", "resend_igmp", "tlb_dynamic_lb", "updelay",
    "use_carrier", "xmit_hash_policy",
})  # fmt: skip
# pyanaconda, nm_client.py: these two are yes or no, every other one is a number.
_BRIDGE_SWITCHES = frozenset({"stp", "multicast-snooping"})
_BRIDGE_OPTIONS = _BRIDGE_SWITCHES | {"priority", "forward-delay", "hello-time", "max-age", "ageing-time"}
_OPTION_VALUE = re.compile(r"[A-Za-z0-9_.:+,-]{1,200}")


def _option_name(value: object, kind: str, known: frozenset[str]) -> str:
    if value == "mode":
        refuse("interface-option", "the mode is outside the options", "write mode: below bond:")
    if value not in known:
        hint = nearest(value, known) if isinstance(value, str) else ""
        refuse(
            "interface-option",
            f"a {kind} has no option {shown(value)}",
            hint or _listing(kind, known),
        )
    return str(value)


def _listing(kind: str, known: frozenset[str]) -> str:
    many = f"the kernel's documentation of the {kind}ing driver lists them"
    return many if len(known) > 10 else f"one of: {', '.join(sorted(known))}"


def _option_text(value: object) -> str | None:
    """What was written, if it can be an option's value; an endless number cannot."""
    return str(value) if isinstance(value, str) or (isinstance(value, int) and abs(value) < 2**32) else None


def _bond_option(value: object) -> str:
    """The value of an option; YAML may have read a number or a truth value."""
    if isinstance(value, bool):
        return "1" if value else "0"
    text = _option_text(value)
    if text is None or not _OPTION_VALUE.fullmatch(text):
        refuse("interface-option", f"{shown(value)} is not a valid option value", "one word without spaces")
    return text


def _bridge_option(value: object) -> str:
    """`stp: no` is false for YAML, and Anaconda wants the word."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = _option_text(value)
    if text is None or not re.fullmatch(r"[0-9]{1,7}|yes|no", text):
        refuse("interface-option", f"{shown(value)} is not a valid option value", "write a number, yes or no")
    return text


BondOptions = dict[
    Annotated[str, BeforeValidator(lambda value: _option_name(value, "bond", _BOND_OPTIONS))],
    Annotated[str, BeforeValidator(_bond_option)],
]
BridgeOptions = dict[
    Annotated[str, BeforeValidator(lambda value: _option_name(value, "bridge", frozenset(_BRIDGE_OPTIONS)))],
    Annotated[str, BeforeValidator(_bridge_option)],
]


class Bond(BaseModel):
    """Several NICs as one (bonding of the kernel)."""

    model_config = STRICT

    members: list[Member] = Field(min_length=1)
    mode: Literal[
        "balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"
    ] = "active-backup"
    options: BondOptions = Field(default_factory=dict)

    @property
    def all_options(self) -> dict[str, str]:
        """The mode and what watches the links among them: either of miimon and arp_interval (bonding.rst)."""
        watch = {} if "arp_interval" in self.options else {"miimon": "100"}
        return {"mode": self.mode, **watch, **self.options}


class Vlan(BaseModel):
    """A tagged network on another interface."""

    model_config = STRICT

    id: int = Field(ge=1, le=VLAN_MAX)
    parent: Member


class Bridge(BaseModel):
    """A software switch."""

    model_config = STRICT

    members: list[Member] = Field(min_length=1)
    options: BridgeOptions = Field(default_factory=dict)

    @field_validator("options")
    @classmethod
    def _have_values_of_their_kind(cls, value: dict[str, str]) -> dict[str, str]:
        for name, setting in value.items():
            if setting.isdigit() == (name in _BRIDGE_SWITCHES):
                wanted = "yes or no" if name in _BRIDGE_SWITCHES else "a number"
                refuse("interface-option", f"{name} is {shown(setting)}; it must be {wanted}")
        return value


class Route(BaseModel):
    """A static route beside the default route: to a network, through a router that the interface reaches directly."""

    model_config = STRICT

    to: Annotated[str, BeforeValidator(destination)]
    via: Address
    metric: int | None = Field(default=None, ge=0, le=METRIC_MAX)

    @model_validator(mode="after")
    def _is_of_one_family(self) -> Route:
        families = ipaddress.ip_network(self.to).version, ipaddress.ip_address(self.via).version
        if families[0] != families[1]:
            hint = f"write the IPv{families[0]} address of the router"
            refuse("route", f"{self.to} is IPv{families[0]}, and {self.via} is IPv{families[1]}", hint)
        return self

    @property
    def version(self) -> int:
        """4 or 6."""
        return ipaddress.ip_network(self.to).version


class Interface(BaseModel):
    """One interface: a NIC (by name or MAC), or a bond, VLAN or bridge on others.

    A NIC with both has its name from us (`pin`): see pinning.py.
    """

    model_config = STRICT

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
    search: list[DomainName] = Field(default_factory=list)
    auto_dns: bool = True
    mtu: int | None = Field(default=None, ge=MTU_MIN, le=MTU_MAX)
    default_route: bool = True
    speed: Speed | None = None
    routes: list[Route] = Field(default_factory=list)

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
            refuse("interface-kind", f"mac: is only for a NIC, and this is a {kinds[0]}", "remove mac:")
        if self.speed and (self.vlan or self.bridge):
            message = f"speed: is only for a NIC or a bond, and this is a {kinds[0]}"
            refuse("interface-kind", message, "write it at the NIC, or at the bond for each of its members")
        if self.vlan and ":" not in self.device and len(self.device) > INTERFACE_LONGEST:
            found = f"{self.device} has {len(self.device)} characters; the limit of the kernel is {INTERFACE_LONGEST}"
            refuse("interface-unnamed", found, "add a shorter name:")
        return self

    @property
    def kind(self) -> str:
        """`bond`, `vlan`, `bridge`, or nothing for a NIC."""
        return next((kind for kind in ("bond", "vlan", "bridge") if getattr(self, kind)), "")

    @property
    def pin(self) -> tuple[str, str] | None:
        """(name, MAC address) of a NIC that is given this name."""
        return (self.name, self.mac) if self.name and self.mac else None

    @property
    def device(self) -> str:
        """What others call it: its name, else its MAC address."""
        if self.vlan and not self.name:
            return f"{self.vlan.parent}.{self.vlan.id}"
        return self.name or self.mac or ""

    @property
    def lower_places(self) -> tuple[tuple[tuple[str | int, ...], str], ...]:
        """(place in the interface, name) of each interface that it is built on."""
        if self.vlan:
            return ((("vlan", "parent"), self.vlan.parent),)
        members = self.bond.members if self.bond else self.bridge.members if self.bridge else []
        return tuple(((self.kind, "members", position), member) for position, member in enumerate(members))

    @property
    def lower(self) -> tuple[str, ...]:
        """The interfaces that it is built on."""
        return tuple(name for _, name in self.lower_places)


def static_addresses(interfaces: Sequence[Interface | None]) -> Iterator[tuple[tuple[int, str], str]]:
    """(place, address) of every static address."""
    for index, interface in enumerate(interfaces):
        for key in ("ipv4", "ipv6"):
            own = getattr(interface, key, None)
            if own and "/" in own:
                yield (index, key), own.partition("/")[0]


def pins(interfaces: Sequence[Interface]) -> tuple[tuple[str, str], ...]:
    """(name, MAC address) of each NIC that is given a name."""
    return tuple(interface.pin for interface in interfaces if interface.pin)


def has_mac_members(interfaces: Sequence[Interface]) -> bool:
    """Whether a bond or bridge names members by MAC address, which Anaconda cannot resolve (nm_client.py)."""
    return any(":" in member for i in interfaces if not i.vlan for member in i.lower)


def network_options(
    interfaces: Sequence[Interface], boot_mac: str, is_of_installer: bool = True
) -> tuple[tuple[str, ...], ...]:
    """The options of one `network` command for each interface, lower ones first.

    What is not the network of the installer (`is_of_installer`) is written for the installed system and not activated:
    Anaconda activates the first `network` command otherwise (pyanaconda, modules/network/kickstart.py).
    """
    activation = "--activate" if is_of_installer else "--no-activate"
    return tuple((*options, activation) for options in _commands(interfaces, boot_mac))


def _commands(interfaces: Sequence[Interface], boot_mac: str) -> tuple[tuple[str, ...], ...]:
    """The same, without the last option.

    A member that is named by its MAC address stays as it is: a %pre puts the name in its place.
    """
    if not interfaces:
        return ((f"--device={boot_mac}", "--bootproto=dhcp", "--onboot=yes"),)
    ports = {member for i in interfaces if not i.vlan for member in i.lower}
    joined = {bond.device: vlan for bond, vlan in _bonds_with_vlan(interfaces)}
    commands = []
    for interface in _lower_first(interfaces):
        # The command of a bond or bridge makes its cards ports; a bond in a bridge has to be there by its own command.
        if (interface.device in ports and not interface.kind) or interface in joined.values():
            continue
        vlan = joined.get(interface.device)
        carries = carries_other(vlan or interface, interfaces)
        commands.append(_joined_options(interface, vlan, carries) if vlan else _options(interface, carries))
    return tuple(commands)


def _bonds_with_vlan(interfaces: Sequence[Interface]) -> Iterator[tuple[Interface, Interface]]:
    """Each bond that is only there for its VLANs, with the first of them.

    One command makes both. With one each, Anaconda warns that the device has been defined already, which a boot with
    inst.ksstrict makes fatal; but an MTU of the bond's own needs its own command.
    """
    for bond in interfaces:
        vlans = [i for i in interfaces if i.vlan and i.vlan.parent == bond.device]
        says_more = bond.ipv4 or bond.ipv6 or bond.dns or bond.search or bond.mtu or (vlans and vlans[0].mtu)
        if bond.bond and vlans and not says_more:
            yield bond, vlans[0]


def _joined_options(bond: Interface, vlan: Interface, carries: bool) -> tuple[str, ...]:
    """A bond and a VLAN on it (pyanaconda, nm_client.py: "vlan over bond")."""
    of_vlan = [option for option in _options(vlan, carries) if not option.startswith("--device=")]
    return (*_kind_options(bond), *of_vlan)


def _lower_first(interfaces: Sequence[Interface]) -> list[Interface]:
    ordered: list[Interface] = []
    waiting = list(interfaces)
    while waiting:
        devices = {i.device for i in waiting}
        ready = [i for i in waiting if not devices & set(i.lower)]
        if not ready:
            raise ValueError("interfaces that are built on each other in a loop")
        ordered += ready
        waiting = [i for i in waiting if i not in ready]
    return ordered


def carries_other(interface: Interface, interfaces: Sequence[Interface]) -> bool:
    """Whether another interface is built on it."""
    return any(interface.device in other.lower for other in interfaces)


def _options(interface: Interface, carries: bool) -> tuple[str, ...]:
    options = [*_kind_options(interface), *_ipv4_options(interface, carries), *_ipv6_options(interface, carries)]
    if interface.dns:
        options.append(f"--nameserver={','.join(interface.dns)}")
    if interface.search:
        version = 6 if own_ipv4(interface, carries) == "none" else 4
        options.append(f"--ipv{version}-dns-search={','.join(interface.search)}")
    if not interface.auto_dns:
        families = ((4, own_ipv4(interface, carries)), (6, own_ipv6(interface, carries)))
        options += [f"--ipv{version}-ignore-auto-dns" for version, own in families if own in ("dhcp", "auto")]
    if interface.mtu is not None:
        options.append(f"--mtu={interface.mtu}")
    if not interface.default_route:
        options.append("--nodefroute")
    return (*options, "--onboot=yes")


def _kind_options(interface: Interface) -> list[str]:
    if interface.vlan:
        # On a NIC that is given by its MAC address, Anaconda derives the name from that of the NIC.
        named = [f"--interfacename={interface.device}"] if ":" not in interface.device else []
        return [f"--device={interface.vlan.parent}", f"--vlanid={interface.vlan.id}", *named]
    options = [f"--device={interface.device}"]
    if interface.bond:
        wanted = interface.bond.all_options
        separator = ";" if any("," in value for value in wanted.values()) else ","
        options.append(f"--bondslaves={','.join(interface.bond.members)}")
        options.append("--bondopts=" + separator.join(f"{key}={value}" for key, value in wanted.items()))
    elif interface.bridge:
        options.append(f"--bridgeslaves={','.join(interface.bridge.members)}")
        if interface.bridge.options:
            wanted = interface.bridge.options
            options.append("--bridgeopts=" + ",".join(f"{key}={value}" for key, value in wanted.items()))
    return options


def own_ipv4(interface: Interface, carries: bool) -> str:
    """DHCP is for an interface that no address is given and that carries no other."""
    return interface.ipv4 or ("none" if carries or interface.ipv6 not in (None, "none") else "dhcp")


def own_ipv6(interface: Interface, carries: bool) -> str:
    """The same for IPv6, with what routers announce."""
    return interface.ipv6 or ("none" if carries else "auto")


def _ipv4_options(interface: Interface, carries: bool) -> list[str]:
    own = own_ipv4(interface, carries)
    if own == "none":
        return ["--noipv4"]
    if own == "dhcp":
        return ["--bootproto=dhcp"]
    address = ipaddress.ip_interface(own)
    options = ["--bootproto=static", f"--ip={address.ip}", f"--netmask={address.netmask}"]
    return [*options, f"--gateway={interface.gateway4}"] if interface.gateway4 else options


def _ipv6_options(interface: Interface, carries: bool) -> list[str]:
    own = own_ipv6(interface, carries)
    if own == "none":
        return ["--noipv6"]
    options = [f"--ipv6={own}"]
    return [*options, f"--ipv6gateway={interface.gateway6}"] if interface.gateway6 else options
