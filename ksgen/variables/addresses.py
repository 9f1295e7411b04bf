# SPDX-License-Identifier: GPL-2.0-or-later
"""What machines and their interfaces are called by: MAC addresses, interface and host names, IP addresses."""

from __future__ import annotations

import functools
import ipaddress
import re
from typing import Annotated

from pydantic import BeforeValidator

from ksgen.variables.values import a_text, refuse, shown

_MAC = re.compile(r"[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}")


def parse_mac(value: object) -> str:
    """A MAC address in the kernel's form, `52:54:00:aa:00:01`."""
    text = a_text(value, '"52:54:00:aa:00:01"').lower()
    if not _MAC.fullmatch(text):
        refuse("mac", f"{shown(value)} is not a MAC address", 'write six pairs of hex digits: "52:54:00:aa:00:01"')
    text = text.replace("-", ":")
    if text == "00:00:00:00:00:00":
        refuse("mac", f"{shown(value)} is not the address of a NIC")
    if int(text[:2], 16) & 1:
        refuse("mac", f"{shown(value)} is a multicast address, not that of a NIC")
    return text


Mac = Annotated[str, BeforeValidator(parse_mac)]

INTERFACE_LONGEST = 15  # characters; IFNAMSIZ of the kernel with its NUL is 16
_INTERFACE = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{INTERFACE_LONGEST - 1}}}")


# Names with a meaning of their own: to the kernel, to Anaconda (pyanaconda, nm_client.py,
# get_device_name_from_network_data), to dracut (dracut.cmdline(7), ip=ibft).
_NOT_A_NIC = {
    "lo": "the loopback interface",
    "all": "a name of the kernel's for all interfaces",
    "default": "a name of the kernel's for new interfaces",
    "bootif": "Anaconda's word for the boot NIC",
    "link": "Anaconda's word for the first NIC with a link",
    "ibft": "dracut's word for the iSCSI settings of the firmware",
}


def parse_interface_name(value: object) -> str:
    text = a_text(value, "eno1")
    if text in _NOT_A_NIC:
        cure = "write the name of a NIC as `ip link` prints it, such as eno1"
        refuse("interface-name", f"{shown(value)} is {_NOT_A_NIC[text]}, not a NIC", cure)
    if not _INTERFACE.fullmatch(text):
        refuse(
            "interface-name",
            f"{shown(value)} is not the name of an interface",
            "at most 15 letters, digits, '_', '.', '-'",
        )
    return text


InterfaceName = Annotated[str, BeforeValidator(parse_interface_name)]


def parse_member(value: object) -> str:
    """A NIC by name or by MAC address."""
    text = a_text(value, '"52:54:00:aa:00:01"')
    return parse_mac(text) if ":" in text or _MAC.fullmatch(text.lower()) else parse_interface_name(text)


Member = Annotated[str, BeforeValidator(parse_member)]

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")


def domain_name(value: object) -> str:
    """A name in the DNS, as RFC 1123 has those of hosts."""
    text = a_text(value, "node01.example.com")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in text.split(".")):
        refuse("host-name", f"{shown(value)} is not a host name", "letters, digits and '-', in labels between dots")
    if text.replace(".", "").isdigit():
        refuse("host-name", f"{shown(value)} is a number, not a host name", "write a name in letters")
    return text


HOST_NAME_LONGEST = 64  # characters; gethostname(2), HOST_NAME_MAX: a longer one is cut off silently


def host_name(value: object) -> str:
    """The name of a host that its kernel can keep."""
    text = domain_name(value)
    if len(text) > HOST_NAME_LONGEST:
        refuse("host-name", f"{shown(text)} has {len(text)} characters; the limit of the kernel is {HOST_NAME_LONGEST}")
    return text


DomainName = Annotated[str, BeforeValidator(domain_name)]
HostName = Annotated[str, BeforeValidator(host_name)]


def is_address(text: str) -> bool:
    """Whether a text is an IP address, and no name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def parse_address(value: object, version: int) -> str:
    text = a_text(value, '"10.0.0.1"' if version == 4 else '"2001:db8::1"')
    return _address_of(text, version)


# Hosts share gateways and name servers.
@functools.lru_cache(maxsize=4096)
def _address_of(text: str, version: int) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        refuse("address", f"{shown(text)} is not an IPv{version} address")
    if address.version != version:
        refuse("address", f"{shown(text)} is an IPv{address.version} address; IPv{version} is required here")
    if "%" in text:
        refuse("address", f"{shown(text)} contains a zone", "leave out what follows the '%'")
    is_mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    if address.is_multicast or address.is_unspecified or is_mapped or text == "255.255.255.255":
        refuse("address", f"{shown(text)} is not an address that a host can have")
    return str(address)


Address4 = Annotated[str, BeforeValidator(lambda value: parse_address(value, 4))]
Address6 = Annotated[str, BeforeValidator(lambda value: parse_address(value, 6))]


def any_address(value: object) -> str:
    return parse_address(value, 6 if isinstance(value, str) and ":" in value else 4)


Address = Annotated[str, BeforeValidator(any_address)]


def interface_address(value: object, version: int, words: tuple[str, ...]) -> str:
    """One of the words, or an address with its prefix, which a host can have in its subnet."""
    choice = ", ".join(words) + (", or 10.0.1.11/24" if version == 4 else ", or 2001:db8::11/64")
    if not isinstance(value, str):
        refuse("wrong-type", f"{shown(value)} is not a string", f"write {choice}")
    text = value
    if text in words:
        return text
    if "/" not in text:
        refuse("address", f"{shown(value)} has no prefix length", f"write {choice}")
    address, _, prefix = text.partition("/")
    parse_address(address, version)
    if not re.fullmatch(r"[1-9][0-9]{0,2}", prefix) or int(prefix) > (32 if version == 4 else 128):
        refuse("address", f"{shown(prefix)} is not a prefix length", f"write {choice}")
    interface = ipaddress.ip_interface(text)
    reserved = _reserved_address(interface.network, interface.ip)
    if reserved:
        refuse("address", f"{shown(value)} is {reserved}")
    if interface.is_loopback:
        refuse("address", f"{shown(value)} is not an address that a host can have")
    return str(interface)


def destination(value: object) -> str:
    """The network of a static route."""
    text = a_text(value, '"10.20.0.0/16"')
    if text == "default" or text.endswith("/0"):
        refuse("route", "the default route is not a static route", "write gateway4: or gateway6: for the interface")
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        wanted = ipaddress.ip_network(text, strict=False)
    except ValueError:
        refuse("route", f"{shown(value)} is not a network", "such as 10.20.0.0/16, or 10.20.0.5/32 for a single host")
    refuse(
        "route",
        f"{shown(value)} is an address in a network",
        f"write {wanted}, or {text.partition('/')[0]}/{wanted.max_prefixlen} for a single host",
    )


def _reserved_address(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network, address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> str:
    """What an address of a network means that no host can have, in words, or nothing."""
    if network.prefixlen >= network.max_prefixlen - 1:  # RFC 3021, RFC 6164
        return ""
    if address == network.network_address:
        return "the address of the network itself"
    return (
        "the broadcast address of its network" if address == network.broadcast_address and network.version == 4 else ""
    )


def reserved_in(interface: str, address: str) -> str:
    """What an address means in the network of an interface (`10.0.1.11/24`) that no host can have, or nothing."""
    return _reserved_address(ipaddress.ip_interface(interface).network, ipaddress.ip_address(address))


Interface4 = Annotated[str, BeforeValidator(lambda value: interface_address(value, 4, ("dhcp", "none")))]
Interface6 = Annotated[str, BeforeValidator(lambda value: interface_address(value, 6, ("auto", "dhcp", "none")))]
