# SPDX-License-Identifier: GPL-2.0-or-later
"""What a host cannot reach with its static addresses: names without a name server, addresses without a gateway.

What DHCP and router advertisements provide is unknown: hosts that use them are not checked.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from ksgen.host.host import Host
from ksgen.problems import Problem
from ksgen.variables import (
    Interface,
    Links,
    Settings,
    boot_nic_findings,
    carries_other,
    is_address,
    nfs_place,
    own_ipv4,
    own_ipv6,
)

_URLS = ("image_url", "tree_url", "server_url")
# A script that says where names or networks are.
_TELLS_MORE = re.compile(r"resolv\.conf|/etc/hosts|nmcli|ip route|ip -[46] route")


class _Network(NamedTuple):
    """The interfaces that can have addresses, with their places, and what is known of each family."""

    interfaces: tuple[tuple[int, Interface], ...]
    dynamic: frozenset[int]
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]
    routed: frozenset[int]

    @property
    def place(self) -> tuple[str, int]:
        """Where a name server or gateway is missing: the interface with a gateway, else the first with an address."""
        static = [(index, i) for index, i in self.interfaces if "/" in f"{i.ipv4}{i.ipv6}"]
        with_gateway = [index for index, i in static if i.gateway4 or i.gateway6]
        return ("node_network", (with_gateway or [index for index, _ in static])[0])


def reach_problems(host: Host) -> Iterator[Problem]:
    """The URLs and name servers that the installer cannot reach."""
    settings = host.settings
    if not _is_known(settings):
        return
    network = _network(settings)
    if not any("/" in f"{i.ipv4}{i.ipv6}" for _, i in network.interfaces):
        return
    yield from _unresolved(host, network)
    yield from _unrouted(host, network)


def _is_known(settings: Settings) -> bool:
    """Whether the inventory says everything of the installer's network."""
    is_own = any(argument.startswith(("ip=", "nameserver=", "rd.route=")) for argument in settings.installer_args)
    scripts = any(_TELLS_MORE.search(script) for script in settings.pre)
    boots_from_another = any(boot_nic_findings(settings.network, settings.mac))
    is_medium = (settings.image_url or "").startswith("file:")
    is_same = settings.boot_network == "same"
    return is_same and not (is_own or scripts or boots_from_another or is_medium)


def _network(settings: Settings) -> _Network:
    links = Links(tuple(settings.network))
    free = [(n, i) for n, i in enumerate(settings.network) if i.device not in links.owners]
    carries = {i.device: carries_other(i, settings.network) for _, i in free}
    dynamic = {4 for _, i in free if own_ipv4(i, carries[i.device]) == "dhcp"}
    dynamic |= {6 for _, i in free if own_ipv6(i, carries[i.device]) in ("auto", "dhcp")}
    own = [address for _, i in free for address in (i.ipv4, i.ipv6) if address and "/" in address]
    routed = {4 for _, i in free if i.gateway4 and i.default_route} | {
        6 for _, i in free if i.gateway6 and i.default_route
    }
    networks = tuple(ipaddress.ip_interface(address).network for address in own)
    return _Network(tuple(free), frozenset(dynamic), networks, frozenset(routed))


def _unresolved(host: Host, network: _Network) -> Iterator[Problem]:
    """IPv6 that is not mentioned may get name servers from routers; a site that relies on them says `ipv6: auto`."""
    asks_network = any(i.auto_dns and _asks(i, host.settings) for _, i in network.interfaces)
    names = [(variable, name) for variable, name in _servers(host.settings) if not is_address(name)]
    if names and not asks_network and not any(i.dns for _, i in network.interfaces):
        variable, name = names[0]
        message = f"cannot resolve {name} of node_{variable}: no interface has a name server"
        hint = "add dns: [ADDRESS] to the interface, or ipv6: auto if routers announce name servers"
        yield host.problem(network.place, "dns-missing", message, hint)


def _asks(interface: Interface, settings: Settings) -> bool:
    """Whether DHCP, or router announcements that are asked for, can name servers."""
    own = own_ipv4(interface, carries_other(interface, settings.network))
    return own == "dhcp" or interface.ipv6 in ("auto", "dhcp")


def _unrouted(host: Host, network: _Network) -> Iterator[Problem]:
    """One problem for each family: one gateway cures all of them."""
    told: set[int] = set()
    servers = [(f"node_{variable}", name) for variable, name in _servers(host.settings) if is_address(name)]
    servers += [("dns", server) for _, i in network.interfaces for server in i.dns]
    for variable, text in servers:
        address = ipaddress.ip_address(text)
        known = [one for one in network.networks if one.version == address.version]
        is_reached = address.version in network.dynamic | network.routed or any(address in one for one in known)
        if is_reached or address.version in told or (variable == "dns" and not known):
            continue
        told.add(address.version)
        gateway = f"gateway{address.version}"
        what = f"name server {text}" if variable == "dns" else f"{text} of {variable}"
        if known:
            why = f"it is outside {known[0]}, and no interface has {gateway} with a default route"
            hint = f"add {gateway}: to the interface"
        else:
            why = f"no interface has an IPv{address.version} address"
            hint = f"add ipv{address.version}: to an interface, and {gateway}: if the server is in another network"
        yield host.problem(network.place, "gateway-missing", f"cannot reach {what}: {why}", hint)


def _servers(settings: Settings) -> Iterator[tuple[str, str]]:
    """(variable, name or address) of each server that the installer needs."""
    for variable in _URLS:
        url = getattr(settings, variable) or ""
        nfs = nfs_place(url)
        name = nfs.server.strip("[]") if nfs else urlsplit(url).hostname
        if name:
            yield variable, name
