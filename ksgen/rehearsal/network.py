# SPDX-License-Identifier: GPL-2.0-or-later
"""The network of a host, decided from its settings: the ports and VLANs of the switch, and what answers where.

Everything that the inventory names by URL or address is one machine here: gateway, name server, web server. It has an
interface in each VLAN, and addresses beyond the gateway on its loopback.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import urlsplit

from ksgen.host import Host
from ksgen.problems import Finding, Problem
from ksgen.rehearsal.machine import Machine
from ksgen.variables import Interface, Settings, carries_other, is_address, own_ipv4, own_ipv6

UNTAGGED = 0
LACP = "802.3ad"
# Modes whose members are one link for the switch too (kernel's bonding.rst); the others need nothing of it.
_STATIC = frozenset({"balance-rr", "balance-xor", "broadcast"})
# Where servers are that the inventory has by name (RFC 5737, RFC 3849), and the network of DHCP.
SERVER4, SERVER6 = "198.51.100.1", "2001:db8:ffff::1"
DHCP_ROUTER, DHCP_PREFIX, DHCP_FIRST, DHCP_LAST = "192.0.2.1", 24, "192.0.2.100", "192.0.2.200"
_DHCP6_ROUTER = "2001:db8:fffe::1"
_DHCP6_PREFIX = 64

Address = ipaddress.IPv4Interface | ipaddress.IPv6Interface


@dataclasses.dataclass(frozen=True)
class Port:
    """A port of the switch, for the NIC with this MAC address. Ports of one `bond` are one link; with LACP if it
    says so."""

    mac: str
    bond: str = ""
    has_lacp: bool = False


@dataclasses.dataclass(frozen=True)
class Segment:
    """A VLAN, 0 for frames without a tag, and the addresses in it with their prefixes. `has_dhcp`: it gives addresses
    to those that ask."""

    vlan: int
    addresses: tuple[str, ...]
    has_dhcp: bool = False

    @property
    def tap(self) -> str:
        """The name of its interface."""
        return f"vlan{self.vlan}"


@dataclasses.dataclass(frozen=True)
class Network:
    """What is around the host. `beyond` are addresses behind its gateway, `names` what name servers answer.

    `expected` are the addresses that the installed system must have: (interface, address with prefix).
    """

    ports: tuple[Port, ...]
    segments: tuple[Segment, ...]
    beyond: tuple[str, ...]
    names: tuple[tuple[str, str], ...]
    expected: tuple[tuple[str, str], ...]
    dynamic: tuple[str, ...]


def network_of(host: Host, machine: Machine) -> tuple[Network, tuple[Problem, ...]]:
    """The network for a host and its machine, and what of its interfaces cannot be had."""
    settings, problems = host.settings, list[Problem]()
    on: dict[int, list[Address]] = {UNTAGGED: []}
    dynamic: dict[int, list[str]] = {}
    expected = []
    for index, one in enumerate(settings.network):
        vlans = _vlans(one, settings.network)
        if len(vlans) > 1:
            message = f"{one.device} has VLANs on VLANs ({', '.join(map(str, vlans))}); the switch here has one tag"
            problems.append(host.at(("node_network", index), Finding("rehearsal-network", message)))
            continue
        vlan = vlans[0] if vlans else UNTAGGED
        owns = (
            own_ipv4(one, carries_other(one, settings.network)),
            own_ipv6(one, carries_other(one, settings.network)),
        )
        if _is_port(one, settings.network):
            continue
        on.setdefault(vlan, [])
        for own in owns:
            if "/" in own:
                on[vlan] += _routers(one, own)
                expected.append((one.device, own))
            elif own == "dhcp":
                dynamic.setdefault(vlan, []).append(one.device)
    if not settings.network:
        dynamic[UNTAGGED] = [settings.mac]
    here = [address for addresses in on.values() for address in addresses]
    servers = _servers(settings, here, is_routed=_is_routed(settings))
    at_hand = {vlan: [*addresses, *_on_link(servers.addresses, addresses)] for vlan, addresses in on.items()}
    asking = next(iter(dynamic), UNTAGGED)
    if len(dynamic) > 1:
        devices = ", ".join(device for those in dynamic.values() for device in those)
        message = f"{devices} ask for addresses in {len(dynamic)} VLANs; the DHCP server here is in one"
        problems.append(host.at(("node_network",), Finding("rehearsal-network", message)))
    segments = tuple(_segment(vlan, at_hand[vlan], vlan == asking) for vlan in sorted(on))
    there = {str(ipaddress.ip_interface(text).ip) for segment in segments for text in segment.addresses}
    made = Network(
        ports=_ports(settings.network, machine),
        segments=segments,
        beyond=tuple(address for address in servers.addresses if address not in there),
        names=servers.names,
        expected=tuple(expected),
        dynamic=tuple(device for devices in dynamic.values() for device in devices),
    )
    return made, tuple(problems)


def _vlans(one: Interface, network: Sequence[Interface]) -> tuple[int, ...]:
    """The tags of its frames on the wire, the outer one first."""
    below = [lower for lower in network if lower.device in one.lower]
    own = (one.vlan.id,) if one.vlan else ()
    return next((tags + own for tags in (_vlans(lower, network) for lower in below) if tags), own)


def _is_port(one: Interface, network: Sequence[Interface]) -> bool:
    return any(one.device in other.lower for other in network if not other.vlan)


def _routers(one: Interface, own: str) -> list[Address]:
    """The machines that a network of the host has: its gateways, the routers of its routes, its name servers."""
    mine = ipaddress.ip_interface(own)
    given = [one.gateway4, one.gateway6, *(route.via for route in one.routes), *one.dns]
    others = (ipaddress.ip_address(text) for text in given if text)
    found = [other for other in others if other.version == mine.version and other in mine.network]
    if not found:
        # A network without a router has another machine nevertheless.
        found = [next(ip for ip in mine.network.hosts() if ip != mine.ip)]
    return [ipaddress.ip_interface(f"{ip}/{mine.network.prefixlen}") for ip in dict.fromkeys(found)]


def _is_routed(settings: Settings) -> bool:
    """Whether the host reaches addresses outside of its own networks."""
    return not settings.network or any(
        one.gateway4 or one.gateway6 or own_ipv4(one, carries_other(one, settings.network)) == "dhcp"
        for one in settings.network
    )


@dataclasses.dataclass(frozen=True)
class _Servers:
    addresses: tuple[str, ...]
    names: tuple[tuple[str, str], ...]


def urls(settings: Settings) -> tuple[str, ...]:
    """Every address that the installation of a host needs, and the site's proxy."""
    repositories = (repository.place for repository in settings.repos)
    proxy = settings.proxy.url if settings.proxy else None
    given = (settings.server_url, settings.tree_url, settings.image_url, settings.report_url or None, proxy)
    return tuple(filter(None, (*given, *repositories)))


def _servers(settings: Settings, here: Sequence[Address], is_routed: bool) -> _Servers:
    hosts = [urlsplit(url).hostname or "" for url in urls(settings)]
    hosts = [*filter(None, hosts), *settings.ntp_servers]
    literal = [name for name in hosts if is_address(name)]
    literal += [server for one in settings.network for server in one.dns]
    named = [name for name in hosts if not is_address(name)]
    has4 = any(address.version == 4 for address in here) or not here
    # Without a router, the server is where the host is.
    server = (SERVER4 if has4 else SERVER6) if is_routed else str(here[0].ip) if here else SERVER4
    addresses = dict.fromkeys([*literal, *([server] if named else [])])
    return _Servers(tuple(addresses), tuple((name, server) for name in dict.fromkeys(named)))


def _on_link(addresses: Iterable[str], here: Sequence[Address]) -> Iterator[Address]:
    """Those that are in the network of one of these."""
    for text in addresses:
        address = ipaddress.ip_address(text)
        known = next((one for one in here if one.version == address.version and address in one.network), None)
        if known is not None:
            yield ipaddress.ip_interface(f"{address}/{known.network.prefixlen}")


def _segment(vlan: int, addresses: Sequence[Address], has_dhcp: bool) -> Segment:
    dhcp = [f"{DHCP_ROUTER}/{DHCP_PREFIX}", f"{_DHCP6_ROUTER}/{_DHCP6_PREFIX}"] if has_dhcp else []
    return Segment(vlan, tuple(dict.fromkeys([*map(str, addresses), *dhcp])), has_dhcp)


def _ports(network: Sequence[Interface], machine: Machine) -> tuple[Port, ...]:
    bonds = {
        machine.mac_of(member): (one.device, one.bond.mode)
        for one in network
        if one.bond
        for member in one.bond.members
    }
    return tuple(
        Port(
            nic.mac,
            bonds[nic.mac][0] if nic.mac in bonds and bonds[nic.mac][1] in {LACP, *_STATIC} else "",
            nic.mac in bonds and bonds[nic.mac][1] == LACP,
        )
        for nic in machine.nics
    )


# --- the configuration of dnsmasq ------------------------------------------------------------------------------------


def dnsmasq_lines(network: Network) -> Iterator[str]:
    """dnsmasq.conf(5): the names, and addresses for those that ask."""
    yield from ("no-resolv", "no-hosts", "log-dhcp", "dhcp-authoritative", "no-ping", "leasefile-ro")
    yield from (f"address=/{name}/{address}" for name, address in network.names)
    if not any(segment.has_dhcp for segment in network.segments):
        return
    for segment in network.segments:
        if segment.has_dhcp:
            tag = f"set:{segment.tap}"
            yield f"dhcp-range={tag},{DHCP_FIRST},{DHCP_LAST},255.255.255.0,1h"
            yield f"dhcp-option=tag:{segment.tap},option:router,{DHCP_ROUTER}"
            yield f"dhcp-option=tag:{segment.tap},option:dns-server,{DHCP_ROUTER}"
            break
    yield from ("enable-ra", f"dhcp-range={_DHCP6_ROUTER},ra-only,{_DHCP6_PREFIX}")
