# SPDX-License-Identifier: GPL-2.0-or-later
"""`network` and `iscsi`: what the grammar takes for any text and NetworkManager does not."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator

from pydantic_core import PydanticCustomError

from ksgen.grammar import Check, Command, Found, Kickstart, value
from ksgen.variables import MTU_MAX, MTU_MIN, VLAN_MAX, host_name, nearest, parse_mac

# The kernel's Documentation/networking/bonding.rst; a mode can be given by its number.
_BOND_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")
_NM_CLIENT = "pyanaconda, modules/network/nm_client.py"
_UNREACHABLE = "it must be in the subnet of the interface"
PORT_MAX = 65535  # RFC 793
_MTU_LIMIT = 65535  # RFC 791: the length of a packet has 16 bits


def _options(ks: Kickstart, *names: str) -> Iterator[tuple[Command, str, str]]:
    """Every given option of these pykickstart names, with its command."""
    for command in ks.all("network"):
        for name in names:
            given = value(command, name)
            if given:
                yield command, name, str(given)


def _is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def _interface(text: str) -> ipaddress.IPv6Interface | None:
    try:
        return ipaddress.IPv6Interface(text)
    except ValueError:
        return None


def address(ks: Kickstart) -> Iterator[Found]:
    for command, name, text in _options(ks, "ip", "ipv6"):
        if name == "ip" and text not in ("dhcp", "bootp", "ibft", "query") and not _is_address(text, 4):
            yield Found(command.line, f"{text!r} is not an IPv4 address", "write --ip=10.0.1.11")
        if name == "ipv6" and text not in ("auto", "dhcp", "ignore") and _interface(text) is None:
            yield Found(command.line, f"{text!r} is not an IPv6 address", "write --ipv6=2001:db8::11/64, auto or dhcp")


def _prefix(netmask: str) -> int | None:
    """The prefix length of a netmask; Anaconda reads no other way of writing it."""
    if not _is_address(netmask, 4):
        return None
    bits = int(ipaddress.IPv4Address(netmask))
    inverted = bits ^ 0xFFFFFFFF
    return None if inverted & (inverted + 1) or not bits else 32 - inverted.bit_length()


def netmask(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in _options(ks, "netmask"):
        if _prefix(text) is None:
            yield Found(command.line, f"{text!r} is not a netmask", "write --netmask=255.255.255.0")


def static(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("network"):
        if value(command, "bootProto") != "static" or value(command, "noipv4"):
            continue
        missing = [f"--{name}" for name in ("ip", "netmask") if not value(command, name)]
        if missing and value(command, "ipv6") and len(missing) == 2:
            hint = "add --noipv4 to disable IPv4"
            yield Found(command.line, "--bootproto=static and no --ip", hint, "warning")
        elif missing:
            yield Found(command.line, f"--bootproto=static and no {' and no '.join(missing)}", f"add {missing[0]}=")


def gateway(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in _options(ks, "gateway"):
        # pykickstart has one option for both families, and one for IPv6 alone.
        if not _is_address(text, 4) and not _is_address(text, 6):
            yield Found(command.line, f"gateway {text!r} is not an address", "write --gateway=10.0.1.1")
    for command, _, text in _options(ks, "ipv6gateway"):
        if not _is_address(text.partition("%")[0], 6):
            yield Found(command.line, f"gateway {text!r} is not an IPv6 address", "write --ipv6gateway=2001:db8::1")


def gateway_outside(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in _options(ks, "gateway"):
        own, prefix = str(value(command, "ip")), _prefix(str(value(command, "netmask")))
        if prefix is None or not _is_address(own, 4) or not _is_address(text, 4):
            continue
        network = ipaddress.ip_interface(f"{own}/{prefix}").network
        if ipaddress.ip_address(text) not in network:
            yield Found(command.line, f"gateway {text} is outside {network}", _UNREACHABLE)
    for command, _, text in _options(ks, "ipv6gateway"):
        interface = _interface(str(value(command, "ipv6")))
        if interface is None or "/" not in str(value(command, "ipv6")) or not _is_address(text, 6):
            continue
        router = ipaddress.IPv6Address(text)
        if not router.is_link_local and router not in interface.network:
            yield Found(command.line, f"gateway {text} is outside {interface.network}", _UNREACHABLE)


def nameserver(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in _options(ks, "nameserver"):
        for server in filter(None, re.split(r"[,\s]+", text)):
            # A URI is DNS over TLS (pykickstart of EL10).
            if "://" not in server and not _is_address(server, 4) and not _is_address(server, 6):
                yield Found(command.line, f"name server {server!r} is not an address", "write --nameserver=10.0.0.53")


def mtu(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in _options(ks, "mtu"):
        if not re.fullmatch(r"[0-9]{1,6}", text) or not MTU_MIN <= int(text) <= _MTU_LIMIT:
            yield Found(command.line, f"MTU {text!r}; it is a number from {MTU_MIN} to {MTU_MAX}", "1500, or 9000")
        elif int(text) > MTU_MAX:
            yield Found(command.line, f"MTU {text}; few switches pass more than {MTU_MAX}", "", "warning")


def vlan(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in _options(ks, "vlanid"):
        if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= VLAN_MAX:
            yield Found(command.line, f"VLAN id {text!r}; it is a number from 1 to {VLAN_MAX}", "")


def bond_mode(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in _options(ks, "bondopts"):
        for option in text.split(";" if ";" in text else ","):
            name, _, mode = option.partition("=")
            if name == "mode" and mode not in _BOND_MODES and not re.fullmatch("[0-6]", mode):
                message = f"no bond mode {mode!r}; Anaconda ignores it and creates a balance-rr bond"
                yield Found(command.line, message, nearest(mode, _BOND_MODES) or f"one of: {', '.join(_BOND_MODES)}")


def hostname(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in _options(ks, "hostname"):
        said = _refusal(host_name, text.rstrip("."))
        if said:
            yield Found(command.line, said, "letters, digits and '-', in labels between dots")


def _refusal(read: Callable[[object], object], text: str) -> str:
    """Why a value of the inventory would not be taken, or nothing."""
    try:
        read(text)
    except PydanticCustomError as error:
        return str(error)
    return ""


def member_mac(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in _options(ks, "bondslaves", "bridgeslaves"):
        members = [member for member in text.split(",") if not _refusal(parse_mac, member)]
        if members:
            message = f"member {members[0]} is named by its MAC address, which Anaconda does not resolve here"
            yield Found(command.line, message, "use the interface name of the installer: eno1")


def address_twice(ks: Kickstart) -> Iterator[Found]:
    seen: set[tuple[str, str]] = set()
    for command, _, text in _options(ks, "ip", "ipv6"):
        if text in ("auto", "dhcp", "ignore", "bootp", "ibft", "query"):
            continue
        device = str(value(command, "device"))
        if any(text == other and device != name for other, name in seen):
            yield Found(command.line, f"{text} is the address of another interface too", "")
        seen.add((text, device))


def iscsi_port(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("iscsi"):
        text = str(value(command, "port", ""))
        if text and (not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= PORT_MAX):
            yield Found(command.line, f"port {text!r}; it is a number from 1 to {PORT_MAX}", "iSCSI has 3260")


CHECKS = (
    Check("network-address", "error", address, _NM_CLIENT),
    Check("network-netmask", "error", netmask, f"{_NM_CLIENT}: netmask2prefix"),
    Check("network-static", "error", static, _NM_CLIENT),
    Check("network-gateway", "error", gateway, _NM_CLIENT),
    Check("network-gateway-outside", "warning", gateway_outside, "RFC 1122, 3.3.1.1"),
    Check("network-name-server", "error", nameserver, _NM_CLIENT),
    Check("network-mtu", "error", mtu, "RFC 791; ip-link(8)"),
    Check("network-vlan", "error", vlan, "IEEE 802.1Q"),
    Check("network-bond-mode", "error", bond_mode, f"{_NM_CLIENT}; the kernel's bonding.rst"),
    Check("network-host-name", "warning", hostname, "RFC 1123, 2.1; hostname(7)"),
    Check("network-member-mac", "warning", member_mac, _NM_CLIENT),
    Check("network-address-twice", "warning", address_twice, "RFC 5227"),
    Check("iscsi-port", "error", iscsi_port, "RFC 793"),
)
