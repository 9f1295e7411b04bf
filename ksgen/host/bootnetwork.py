# SPDX-License-Identifier: GPL-2.0-or-later
"""Network arguments of the installer (dracut.cmdline(7)) that contradict the network of the host."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping

from ksgen.host.host import Host
from ksgen.problems import Problem
from ksgen.variables import Interface, Links, argument_name, is_address, pins, static_addresses

# Arguments that create an interface; their values begin with its name.
_KINDS = {"bond": "bond", "bridge": "bridge", "vlan": "vlan", "team": ""}
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}")
_METHODS = frozenset({
    "none", "off", "dhcp", "on", "any", "dhcp6", "auto6", "either6", "link6", "link-local", "single-dhcp", "ibft",
})  # fmt: skip
_CURE = "remove it; if the installer needs another network than the installed system, set node_boot_network: arguments"


def boot_network_problems(host: Host) -> Iterator[Problem]:
    """Arguments that say something else than node_network or node_boot_network."""
    settings = host.settings
    given = [(n, *argument.partition("=")[::2]) for n, argument in enumerate(settings.installer_args)]
    yield from _name_problems(host)
    ours = [(index, name, value) for index, name, value in given if name == "ip" or name in _KINDS]
    if settings.boot_network == "arguments":
        if not ours:
            message = "node_installer_args has no network arguments (ip=, bond=, bridge=, vlan=)"
            hint = "add ip=... to node_installer_args"
            yield host.problem(("node_boot_network",), "boot-arguments", message, hint)
        return
    by_device = Links(tuple(settings.network)).by_device
    for index, name, value in ours:
        if settings.boot_network == "dhcp":
            found = "" if name == "ip" and value in _METHODS else "node_boot_network is dhcp"
        elif name == "ip":
            found = _ip_contradiction(value, host)
        else:
            found = _kind_contradiction(value.partition(":")[0], _KINDS[name], by_device) if by_device else ""
        if found:
            message = f"{argument_name(settings.installer_args[index])} contradicts the inventory: {found}"
            yield host.problem(("node_installer_args", index), "boot-arguments", message, _CURE, "warning")


def _name_problems(host: Host) -> Iterator[Problem]:
    """`ifname=` beside names in node_network: ours are not written then."""
    for index, argument in enumerate(host.settings.installer_args):
        if argument.startswith("ifname=") and pins(host.settings.network):
            message = "ifname= replaces the names that node_network gives to NICs"
            hint = "remove it; ksgen writes ifname= for each entry of node_network with name: and mac:"
            yield host.problem(("node_installer_args", index), "boot-arguments", message, hint)


def _ip_contradiction(value: str, host: Host) -> str:
    """`eno1:dhcp`, or `address:peer:gateway:netmask:name:interface:method`; an IPv6 address is in brackets."""
    fields = re.findall(r"(?:^|:)(\[[^\]]*\]|[^:]*)", value)
    device = fields[0] if len(fields) in (2, 3, 4) else fields[5] if len(fields) > 5 else ""
    address = fields[0].strip("[]") if len(fields) > 4 else ""
    interfaces = host.settings.network
    if not interfaces:
        return "node_network is not set, so the host uses DHCP" if address else ""
    own = [one for _, one in static_addresses(interfaces)]
    if is_address(address) and str(ipaddress.ip_address(address)) not in own:
        return f"no interface of node_network has the address {address}"
    return "" if not device or _is_described(device, host) else f"node_network has no interface {device}"


def _is_described(device: str, host: Host) -> bool:
    """Where NICs are given by their MAC addresses, their names are not known, and the reverse."""
    links = Links(tuple(host.settings.network))
    known = {*links.by_device, *(name for _, _, name in links.lower)}
    is_mac = _MAC.fullmatch(device) is not None
    nics = {name for name in known if name not in links.by_device or not links.by_device[name].kind}
    others = [name for name in nics if (":" in name) != is_mac]
    wanted = device.lower().replace("-", ":") if is_mac else device
    return wanted in known or bool(others)


def _kind_contradiction(device: str, kind: str, by_device: Mapping[str, Interface]) -> str:
    interface = by_device.get(device)
    if interface is None or not kind:
        return f"node_network has no interface {device}"
    return "" if interface.kind == kind else f"{device} is not a {kind} in node_network"
