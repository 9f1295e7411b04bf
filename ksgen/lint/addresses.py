# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses of `network` commands: what is an address, a netmask, and an address that a host can have."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from ksgen.grammar import Check, Command, Found, Kickstart, value
from ksgen.variables import interface_address, refusal

NM_CLIENT = "pyanaconda, modules/network/nm_client.py"
# What may be in the place of an address.
WORDS4 = ("dhcp", "bootp", "ibft", "query")
WORDS6 = ("auto", "dhcp", "ignore")


def options(ks: Kickstart, *names: str) -> Iterator[tuple[Command, str, str]]:
    """Every given option of these pykickstart names, with its command."""
    for command in ks.all("network"):
        for name in names:
            given = value(command, name)
            if given:
                yield command, name, str(given)


def is_address(text: str, version: int) -> bool:
    try:
        return ipaddress.ip_address(text).version == version
    except ValueError:
        return False


def is_ip(text: str) -> bool:
    return is_address(text, 4) or is_address(text, 6)


def prefix_of(netmask: str) -> int | None:
    """The prefix length of a netmask; Anaconda reads no other way of writing it."""
    if not is_address(netmask, 4):
        return None
    bits = int(ipaddress.IPv4Address(netmask))
    inverted = bits ^ 0xFFFFFFFF
    return None if inverted & (inverted + 1) or not bits else 32 - inverted.bit_length()


def interface4(command: Command) -> ipaddress.IPv4Interface | None:
    """The IPv4 address of a command with its netmask, if both are right."""
    own, prefix = str(value(command, "ip") or ""), prefix_of(str(value(command, "netmask") or ""))
    return ipaddress.IPv4Interface(f"{own}/{prefix}") if is_address(own, 4) and prefix else None


def interface6(text: str) -> ipaddress.IPv6Interface | None:
    """An IPv6 address with its prefix; of one without, Anaconda takes /64."""
    try:
        return ipaddress.IPv6Interface(text if "/" in text else f"{text}/64")
    except ValueError:
        return None


def address(ks: Kickstart) -> Iterator[Found]:
    for command, name, text in options(ks, "ip", "ipv6"):
        if name == "ip" and text not in WORDS4:
            yield from _address4(command, text)
        if name == "ipv6" and text not in WORDS6:
            yield from _address6(command, text)


def _address4(command: Command, text: str) -> Iterator[Found]:
    if not is_address(text, 4):
        hint = "write --ip=10.0.1.11"
        if "/" in text and is_address(text.partition("/")[0], 4):
            hint = "write the prefix length as --netmask=255.255.255.0"
        yield Found(command.line, f"{text!r} is not an IPv4 address", hint)
        return
    refused = refusal(lambda own: interface_address(own, 4, ()), str(interface4(command) or f"{text}/32"))
    if refused:
        yield Found(command.line, refused.message, "write an address that a host can have")


def _address6(command: Command, text: str) -> Iterator[Found]:
    if interface6(text) is None:
        yield Found(command.line, f"{text!r} is not an IPv6 address", "write --ipv6=2001:db8::11/64, auto or dhcp")
        return
    refused = refusal(lambda own: interface_address(own, 6, ()), text if "/" in text else f"{text}/64")
    if refused:
        yield Found(command.line, refused.message, "write an address that a host can have")


def netmask(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in options(ks, "netmask"):
        if prefix_of(text) is None:
            yield Found(command.line, f"{text!r} is not a netmask", f"write --netmask={_as_netmask(text)}")


def _as_netmask(text: str) -> str:
    """What was meant by a prefix length."""
    digits = text.lstrip("/")
    is_prefix = digits.isascii() and digits.isdigit() and 1 <= int(digits[:3]) <= 32
    return str(ipaddress.IPv4Network(f"0.0.0.0/{digits}").netmask) if is_prefix else "255.255.255.0"


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


def ignored(ks: Kickstart) -> Iterator[Found]:
    """Addresses that Anaconda does not look at, because the command asks for DHCP or for no address."""
    for command, name, text in options(ks, "ip", "ipv6"):
        family = name.removeprefix("ip") or "v4"
        if text in (WORDS4 if name == "ip" else WORDS6):
            continue
        if value(command, f"noip{family}"):
            yield Found(command.line, f"--{name} is ignored, as --noip{family} is given", "remove one of the two")
        elif name == "ip" and value(command, "bootProto") != "static":
            message = f"--ip is ignored: --bootproto is {value(command, 'bootProto')}"
            yield Found(command.line, message, "add --bootproto=static")


def gateway(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in options(ks, "gateway"):
        if is_address(text, 6):
            yield Found(command.line, f"gateway {text} is an IPv6 address", f"write --ipv6gateway={text}", "warning")
        elif not is_address(text, 4):
            yield Found(command.line, f"gateway {text!r} is not an address", "write --gateway=10.0.1.1")
    for command, _, text in options(ks, "ipv6gateway"):
        if not is_address(text.partition("%")[0], 6):
            yield Found(command.line, f"gateway {text!r} is not an IPv6 address", "write --ipv6gateway=2001:db8::1")


def nameserver(ks: Kickstart) -> Iterator[Found]:
    """Anaconda splits the list at commas and nothing else."""
    for command, _, text in options(ks, "nameserver"):
        for server in filter(None, map(str.strip, text.split(","))):
            # A URI is DNS over TLS (pykickstart of EL10).
            if "://" not in server and not is_ip(server):
                message = f"name server {server!r} is not an address"
                yield Found(command.line, message, "write --nameserver=10.0.0.53,10.0.0.54")


CHECKS = (
    Check("network-address", "error", address, NM_CLIENT),
    Check("network-address-ignored", "warning", ignored, NM_CLIENT),
    Check("network-netmask", "error", netmask, f"{NM_CLIENT}: netmask2prefix"),
    Check("network-static", "error", static, NM_CLIENT),
    Check("network-gateway", "error", gateway, NM_CLIENT),
    Check("network-name-server", "error", nameserver, NM_CLIENT),
)
