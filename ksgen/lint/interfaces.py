# SPDX-License-Identifier: GPL-2.0-or-later
"""The interfaces that the `network` commands of a kickstart make, judged by the rules of node_network.

A value that is not what it should be is left out here: the checks of single values report it.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from ksgen.grammar import Check, Command, Found, Kickstart, Numbered, value
from ksgen.lint.addresses import NM_CLIENT, WORDS4, interface4, interface6, is_address, is_ip
from ksgen.problems import Severity
from ksgen.variables import MTU6_MIN, VLAN_MAX, Bond, Bridge, Interface, Vlan, topology_findings

_BONDING = "NetworkManager, nm-setting-bond.c; the kernel's bonding.rst"


def is_host_name_only(command: Command) -> bool:
    """Whether a command has only the name of the host (pyanaconda, modules/network/kickstart.py)."""
    args = command.args
    return (len(args) == 1 and args[0].startswith("--hostname")) or (len(args) == 2 and "--hostname" in args)


def interfaces(ks: Kickstart) -> list[tuple[Interface, int]]:
    """Every interface that a command makes, with its line."""
    found: list[tuple[Interface, int]] = []
    bonds: set[str] = set()
    for command in ks.all("network"):
        if is_host_name_only(command):
            continue
        made = list(_made(command))
        # Several VLANs can name their bond, each with its members.
        found += [(one, command.line) for one in made if not (one.bond and one.device in bonds and len(made) > 1)]
        bonds.update(one.device for one in made if one.bond)
    return found


def _made(command: Command) -> Iterator[Interface]:
    device = str(value(command, "device") or "link")
    tag = str(value(command, "vlanid") or "")
    bond = _bond(command)
    if not tag:
        yield _interface(command, device, bond=bond, bridge=_bridge(command))
        return
    if bond:
        yield Interface.model_construct(name=device, bond=bond, ipv4="none", ipv6="none")
    if tag.isascii() and tag.isdigit() and 1 <= int(tag[:9]) <= VLAN_MAX:
        vlan = Vlan.model_construct(id=int(tag), parent=device)
        yield _interface(command, str(value(command, "interfacename") or f"{device}.{tag}"), vlan=vlan)


def members(command: Command) -> tuple[str, ...]:
    """The members of the bond, team or bridge that a command makes."""
    teams = tuple(str(name) for name, _ in value(command, "teamslaves") or ())
    names = ",".join(str(value(command, name) or "") for name in ("bondslaves", "bridgeslaves"))
    return (*teams, *(name.strip() for name in names.split(",") if name.strip()))


# The kernel's Documentation/networking/bonding.rst; a mode can be given by its number.
BOND_MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")


def pairs(text: str) -> Mapping[str, str]:
    """The options of --bondopts or --bridgeopts as Anaconda splits them."""
    found = (option.partition("=") for option in text.split(";" if ";" in text else ",") if option.strip())
    return {name.strip(): setting.strip() for name, _, setting in found}


def bond_mode_of(text: str) -> str:
    """The mode of --bondopts; Anaconda leaves out one that there is not, and the kernel then takes the first."""
    mode = pairs(text).get("mode", "")
    if re.fullmatch("[0-6]", mode):
        return BOND_MODES[int(mode)]
    return mode if mode in BOND_MODES else BOND_MODES[0]


def _bond(command: Command) -> Bond | None:
    if not value(command, "bondslaves") and not value(command, "teamslaves"):
        return None
    text = str(value(command, "bondopts") or "")
    # A team has no mode: it counts as a bond that suits everything.
    mode = bond_mode_of(text) if value(command, "bondslaves") else "active-backup"
    given = {name: setting for name, setting in pairs(text).items() if name != "mode"}
    return Bond.model_construct(members=list(members(command)), mode=mode, options=given)


def _bridge(command: Command) -> Bridge | None:
    is_made = value(command, "bridgeslaves")
    return Bridge.model_construct(members=list(members(command)), options={}) if is_made else None


def _interface(
    command: Command, name: str, bond: Bond | None = None, vlan: Vlan | None = None, bridge: Bridge | None = None
) -> Interface:
    if value(command, "onboot") is False and not value(command, "activate"):
        # It stays down: a NIC may well be listed so beside its bond.
        return Interface.model_construct(name=name, bond=bond, vlan=vlan, bridge=bridge, ipv4="none", ipv6="none")
    ipv4, ipv6 = _ipv4(command), _ipv6(command)
    return Interface.model_construct(
        name=name,
        bond=bond,
        vlan=vlan,
        bridge=bridge,
        ipv4=ipv4,
        gateway4=_gateway4(command),
        ipv6=ipv6,
        gateway6=_gateway6(command, ipv6),
        dns=_servers(command),
        search=[],
        mtu=_mtu(command, ipv6),
        default_route=not value(command, "nodefroute") and ("/" in ipv4 or "/" in ipv6),
    )


def _ipv4(command: Command) -> str:
    if value(command, "noipv4"):
        return "none"
    own = interface4(command) if value(command, "bootProto") == "static" else None
    return str(own) if own else "dhcp"


def _ipv6(command: Command) -> str:
    if value(command, "noipv6"):
        return "none"
    text = str(value(command, "ipv6") or "auto")
    own = interface6(text)
    return str(own) if own else "dhcp" if text == "dhcp" else "auto"


def _gateway4(command: Command) -> str | None:
    """Not where the address is wrong or not used, which is reported itself."""
    text = str(value(command, "gateway") or "")
    has_address = bool(value(command, "ip")) and value(command, "ip") not in WORDS4
    is_known = interface4(command) is not None and value(command, "bootProto") == "static"
    if not is_address(text, 4) or (has_address and not is_known) or value(command, "noipv4"):
        return None
    if value(command, "bootProto") == "static" and not is_known:
        return None
    return text


def _gateway6(command: Command, own: str) -> str | None:
    text = str(value(command, "ipv6gateway") or "")
    is_given = value(command, "ipv6") not in (None, "", "auto", "dhcp", "ignore")
    if not is_address(text, 6) or (is_given and "/" not in own):
        return None
    return str(ipaddress.IPv6Address(text))


def _servers(command: Command) -> list[str]:
    servers = [server.strip() for server in str(value(command, "nameserver") or "").split(",")]
    return [str(ipaddress.ip_address(s)) for s in servers if is_ip(s)]


def _mtu(command: Command, ipv6: str) -> int | None:
    """An MTU; one too small for IPv6 only where IPv6 is asked for."""
    text = str(value(command, "mtu") or "")
    mtu = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None
    is_asked = bool(value(command, "ipv6")) and ipv6 != "none"
    return mtu if mtu is None or mtu >= MTU6_MIN or is_asked else None


# --- checks ----------------------------------------------------------------------------------------------------------


class _Rule(NamedTuple):
    """A rule of the topology in a kickstart: its code here, how grave it is, its hint and source.

    Without a severity the rule decides; without a hint, that of the rule is given.

    `needs_all`: only where every `network` command has been read and used. `follows_from`: the rule that says enough.
    """

    code: str
    severity: Severity | None
    hint: str
    source: str
    needs_all: bool = False
    follows_from: str = ""


_RULES = {
    "gateway-outside": _Rule(
        "network-gateway-outside", "warning", "it must be in the subnet of the interface", "RFC 1122, 3.3.1.1"
    ),
    "gateway-self": _Rule("gateway-self", "error", "write the address of the router", "RFC 1122, 3.3.1.1"),
    "gateway-reserved": _Rule("gateway-reserved", "error", "write the address of the router", "RFC 1122, 3.2.1.3"),
    "gateway-without-address": _Rule(
        "gateway-without-address", "warning", "add --bootproto=static with --ip and --netmask, or remove it", NM_CLIENT
    ),
    "gateway-twice": _Rule("gateway-twice", "warning", "add --nodefroute to one of the two", "nm-settings(5)"),
    "address-twice": _Rule("network-address-twice", "warning", "", "RFC 5227"),
    "dns-without-address": _Rule("dns-without-address", "error", "remove --nameserver", "nm-settings(5)"),
    "dns-family": _Rule("dns-family", "error", "remove it, or --noipv4 or --noipv6", "nm-settings(5)"),
    "dns-twice": _Rule("dns-twice", "warning", "remove one of the two", "resolv.conf(5)"),
    "mtu-small": _Rule("mtu-small", "warning", "--mtu=1280 or more", "RFC 8200, 5"),
    "mtu-above-parent": _Rule("mtu-above-parent", "warning", "", "ip-link(8)"),
    "interface-missing": _Rule(
        "interface-missing",
        "warning",
        "add the network command that creates it",
        NM_CLIENT,
        needs_all=True,
        follows_from="interface-misspelt",
    ),
    "interface-misspelt": _Rule("interface-misspelt", "warning", "", NM_CLIENT, needs_all=True),
    "interface-option": _Rule("interface-option", "warning", "", _BONDING),
    "bond-options": _Rule("bond-options", None, "correct --bondopts", _BONDING),
    "bond-option-mode": _Rule("bond-option-mode", None, "", _BONDING),
    "bond-primary": _Rule("bond-primary", "error", "write one of --bondslaves", _BONDING),
    "bridge-over-bond": _Rule(
        "bridge-over-bond",
        "warning",
        "use mode active-backup, balance-xor or 802.3ad",
        "Red Hat Virtualization, Technical Reference: Bonding Modes",
    ),
    "vlan-on-vlan": _Rule("vlan-on-vlan", "warning", "name the NIC as --device", "IEEE 802.1ad"),
    "vlan-name": _Rule("vlan-name", "warning", "use one of the two numbers in both options", "ip-link(8)"),
    "subnet-twice": _Rule("subnet-twice", "warning", "", "ip-sysctl.rst, arp_filter"),
    "interface-loop": _Rule("interface-loop", "error", "", NM_CLIENT),
    "member-of-itself": _Rule("member-of-itself", "error", "name NICs as members", NM_CLIENT),
    "member-twice": _Rule("member-twice", "error", "remove it from one of the two", NM_CLIENT),
    "member-kind": _Rule("member-kind", "error", "", NM_CLIENT, follows_from="member-of-itself"),
    "member-with-address": _Rule("member-with-address", "warning", "", NM_CLIENT, follows_from="member-of-itself"),
    "vlan-twice": _Rule("vlan-twice", "warning", "remove one of the two", "IEEE 802.1Q"),
    "vlan-on-member": _Rule("vlan-on-member", "warning", "", NM_CLIENT),
    "network-without-address": _Rule(
        "network-without-address", "warning", "the installed system cannot be reached", NM_CLIENT, needs_all=True
    ),
}


def _topology(name: str, rule: _Rule) -> Callable[[Kickstart], Iterator[Found]]:
    def decide(ks: Kickstart) -> Iterator[Found]:
        is_whole = ks.is_installation and "network" not in ks.rejected
        if rule.needs_all and not (is_whole and all(value(c, "onboot") is not False for c in ks.all("network"))):
            return
        found = _findings(ks)
        echoes = {line for line, finding in found if finding.code == rule.follows_from}
        for line, finding in found:
            if finding.code == name and line not in echoes:
                severity = rule.severity or finding.severity
                yield Found(line, finding.message, rule.hint or finding.hint or "", severity)

    return decide


@functools.lru_cache(maxsize=1)
def _findings(ks: Kickstart) -> tuple[Numbered, ...]:
    """What is wrong with the interfaces of a kickstart, by line. Each rule picks its own, so the last is kept."""
    made = interfaces(ks)
    found = topology_findings([one for one, _ in made])
    return tuple((made[int(place[0]) if place else 0][1], finding) for place, finding in found)


CHECKS = tuple(
    Check(rule.code, rule.severity or "error", _topology(name, rule), rule.source) for name, rule in _RULES.items()
)
