# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong with the addresses of a host's interfaces: gateways, name servers, MTUs of IPv6."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ksgen.problems import Finding
from ksgen.variables.addresses import reserved_in
from ksgen.variables.links import Links, Located
from ksgen.variables.network import Interface, Route, carries_other, own_ipv4, own_ipv6, static_addresses

MTU6_MIN = 1280  # RFC 8200
_ROUTER = "write a router that the interface reaches"


def _gateways(links: Links) -> Iterator[tuple[tuple[int, str], str | None, str]]:
    """(place, what the interface has of its family, gateway)."""
    for index, interface in enumerate(links.interfaces):
        for version, own, gateway in (
            (4, interface.ipv4, interface.gateway4),
            (6, interface.ipv6, interface.gateway6),
        ):
            if gateway is not None:
                yield (index, f"gateway{version}"), own, gateway


def _static_gateways(links: Links) -> Iterator[tuple[tuple[int, str], str, str]]:
    return ((place, own, gateway) for place, own, gateway in _gateways(links) if own is not None and "/" in own)


def _gateway_without_address(links: Links) -> Iterator[Located]:
    for place, own, _ in _gateways(links):
        if own is None or "/" not in own:
            family = place[1].replace("gateway", "ipv")
            found = f"{family} is {own}" if own else f"{family} is not given"
            yield place, Finding("gateway-without-address", f"a gateway needs a static address; {found}")


def _gateway_outside(links: Links) -> Iterator[Located]:
    """A router of IPv6 is on the link by its link-local address (RFC 4861)."""
    for place, own, gateway in _static_gateways(links):
        network, address = ipaddress.ip_interface(own).network, ipaddress.ip_address(gateway)
        if address not in network and not (address.version == 6 and address.is_link_local):
            yield place, Finding("gateway-outside", f"{gateway} is outside {network}, the network of this interface")


def _gateway_self(links: Links) -> Iterator[Located]:
    for place, own, gateway in _static_gateways(links):
        if str(ipaddress.ip_interface(own).ip) == gateway:
            yield place, Finding("gateway-self", f"{gateway} is the address of this interface")


def _gateway_reserved(links: Links) -> Iterator[Located]:
    for place, own, gateway in _static_gateways(links):
        reserved = reserved_in(own, gateway)
        if reserved and ipaddress.ip_address(gateway) in ipaddress.ip_interface(own).network:
            yield place, Finding("gateway-reserved", f"{gateway} is {reserved}")


def _gateway_twice(links: Links) -> Iterator[Located]:
    for key in ("gateway4", "gateway6"):
        first = ""
        for index, interface in enumerate(links.interfaces):
            if not getattr(interface, key) or not interface.default_route:
                continue
            if first:
                message = f"the default route already uses {first}"
                yield (index, key), Finding("gateway-twice", message, hint="add default_route: false to one of the two")
            first = first or interface.device


def _own_servers(links: Links) -> Iterator[tuple[int, Interface, list[int]]]:
    """(index, interface, families that it does not have) of each that can have name servers: no member of another.

    NetworkManager refuses a connection with servers for a family that it does not have.
    """
    for index, interface in enumerate(links.interfaces):
        if interface.device not in links.owners:
            carries = carries_other(interface, links.interfaces)
            families = ((4, own_ipv4(interface, carries)), (6, own_ipv6(interface, carries)))
            yield index, interface, [version for version, own in families if own == "none"]


def _dns_without_address(links: Links) -> Iterator[Located]:
    for index, interface, off in _own_servers(links):
        for key, what in (("dns", "name servers"), ("search", "search domains")):
            if getattr(interface, key) and len(off) == 2:
                message = f"{what} on an interface without an address"
                yield (index, key), Finding("dns-without-address", message, hint="move it to one that has an address")


def _dns_family(links: Links) -> Iterator[Located]:
    for index, interface, off in _own_servers(links):
        for position, server in enumerate(interface.dns):
            if off == [ipaddress.ip_address(server).version]:
                message = f"{server} is a server for IPv{off[0]}, which is off here"
                hint = f"set ipv{off[0]}:, or move it to an interface that has IPv{off[0]}"
                yield (index, "dns", position), Finding("dns-family", message, hint=hint)


def _dns_twice(links: Links) -> Iterator[Located]:
    for index, interface, _ in _own_servers(links):
        for position, server in enumerate(interface.dns):
            if server in interface.dns[:position]:
                yield (index, "dns", position), Finding("dns-twice", f"{server} is listed twice", hint="remove it")


def _automatic_dns_only(links: Links) -> Iterator[Located]:
    """Names cannot be resolved where every interface ignores the name servers that it is given."""
    candidates = [(index, interface) for index, interface, off in _own_servers(links) if len(off) < 2]
    if candidates and not any(interface.auto_dns or interface.dns for _, interface in candidates):
        message = "the name servers of DHCP and of routers are ignored, and no interface has others"
        yield (
            (candidates[0][0], "auto_dns"),
            Finding("dns-missing", message, hint="add dns: [ADDRESS] to the interface"),
        )


def _automatic_dns_of_nothing(links: Links) -> Iterator[Located]:
    for index, interface in enumerate(links.interfaces):
        carries = carries_other(interface, links.interfaces)
        is_automatic = own_ipv4(interface, carries) == "dhcp" or own_ipv6(interface, carries) in ("auto", "dhcp")
        if not interface.auto_dns and (not is_automatic or interface.device in links.owners):
            message = f"{interface.device} uses neither DHCP nor router announcements: auto_dns has no effect"
            yield (index, "auto_dns"), Finding("dns-automatic", message, "warning", "remove it")


def _routes(links: Links) -> Iterator[tuple[tuple[str | int, ...], Interface, Route]]:
    for index, interface in enumerate(links.interfaces):
        for position, route in enumerate(interface.routes):
            yield (index, "routes", position), interface, route


def _route_without_address(links: Links) -> Iterator[Located]:
    """NetworkManager refuses a connection with routes of a family that it does not have."""
    for place, interface, route in _routes(links):
        carries = carries_other(interface, links.interfaces)
        own = own_ipv4(interface, carries) if route.version == 4 else own_ipv6(interface, carries)
        if own == "none" and interface.device not in links.owners:
            message = f"a route of IPv{route.version} needs an address of its family on {interface.device}"
            yield place, Finding("route-address", message, hint=f"add ipv{route.version}: to the interface")


def _route_outside(links: Links) -> Iterator[Located]:
    """A router of IPv6 is on the link by its link-local address; with DHCP the network is not known."""
    for place, interface, route in _routes(links):
        own = (interface.ipv4 if route.version == 4 else interface.ipv6) or ""
        router = ipaddress.ip_address(route.via)
        if "/" not in own or (router.version == 6 and router.is_link_local):
            continue
        network = ipaddress.ip_interface(own).network
        if router not in network:
            message = f"{route.via} is outside {network}, the network of this interface"
            yield (*place, "via"), Finding("route-via", message, hint=_ROUTER)
        elif reserved := reserved_in(own, route.via):
            yield (*place, "via"), Finding("route-via", f"{route.via} is {reserved}", hint=_ROUTER)
        elif str(ipaddress.ip_interface(own).ip) == route.via:
            message = f"{route.via} is the address of this interface"
            yield (*place, "via"), Finding("route-via", message, hint=_ROUTER)
        elif str(network) == route.to:
            message = f"{route.to} is the network of this interface, to which it has a route anyway"
            yield (*place, "to"), Finding("route-own-network", message, hint="remove it")


def _route_twice(links: Links) -> Iterator[Located]:
    """Of two routes to one network with one metric, the kernel keeps one."""
    seen: dict[tuple[str, int | None], str] = {}
    for place, interface, route in _routes(links):
        if other := seen.get((route.to, route.metric)):
            message = f"{route.to} has a route already, on {other}"
            yield (*place, "to"), Finding("route-twice", message, hint="give one of the two a metric:, or remove it")
        seen.setdefault((route.to, route.metric), interface.device)


def _mtu_small(links: Links) -> Iterator[Located]:
    for index, interface in enumerate(links.interfaces):
        if interface.ipv6 not in (None, "none") and interface.mtu is not None and interface.mtu < MTU6_MIN:
            message = f"{interface.mtu} is below the {MTU6_MIN} that IPv6 needs"
            yield (index, "mtu"), Finding("mtu-small", message)


def _address_twice(links: Links) -> Iterator[Located]:
    seen: dict[str, str] = {}
    for place, address in static_addresses(links.interfaces):
        if address in seen:
            yield place, Finding("address-twice", f"{address} is also on {seen[address]}")
        seen.setdefault(address, links.interfaces[place[0]].device)


def without_address(links: Links) -> Iterator[Located]:
    """No interface has an address; of interfaces that are built wrongly, this is not known."""
    if links.interfaces and all(_is_bare(interface, links) for interface in links.interfaces):
        message = "no interface has an address"
        yield (), Finding("network-without-address", message, hint="the installer needs one to download the image")


def _is_bare(interface: Interface, links: Links) -> bool:
    carries = carries_other(interface, links.interfaces)
    return own_ipv4(interface, carries) == own_ipv6(interface, carries) == "none"


RULES = (
    _gateway_without_address,
    _gateway_outside,
    _gateway_self,
    _gateway_reserved,
    _gateway_twice,
    _dns_without_address,
    _dns_family,
    _dns_twice,
    _automatic_dns_only,
    _automatic_dns_of_nothing,
    _route_without_address,
    _route_outside,
    _route_twice,
    _mtu_small,
    _address_twice,
)
