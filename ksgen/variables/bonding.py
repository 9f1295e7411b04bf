# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong with the options of a bond: what NetworkManager refuses is an error, what has no effect a warning.

NetworkManager: src/libnm-core-impl/nm-setting-bond.c, verify() and _bond_option_unsupp_mode. Kernel:
Documentation/networking/bonding.rst. Red Hat Virtualization, Technical Reference, "Bonding Modes": modes 0, 5 and 6 are
for networks without virtual machines.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import TypeAlias

from ksgen.problems import Finding
from ksgen.variables.links import Links, Located
from ksgen.variables.network import Bond
from ksgen.variables.values import nearest, shown

_LARGEST = 2**31 - 1
_DIGITS = 10  # it has as many
# The numbers that NetworkManager accepts, and the words that it accepts as well.
_NUMBERS: dict[str, tuple[int, int]] = {
    "ad_actor_sys_prio": (1, 65535), "ad_user_port_key": (0, 1023), "all_slaves_active": (0, 1),
    "arp_interval": (0, _LARGEST), "downdelay": (0, _LARGEST), "lp_interval": (1, _LARGEST), "miimon": (0, _LARGEST),
    "min_links": (0, _LARGEST), "num_grat_arp": (0, 255), "num_unsol_na": (0, 255), "packets_per_slave": (0, 65535),
    "peer_notif_delay": (0, _LARGEST), "resend_igmp": (0, 255), "tlb_dynamic_lb": (0, 1), "updelay": (0, _LARGEST),
    "use_carrier": (0, 1),
}  # fmt: skip
_WORDS: dict[str, tuple[str, ...]] = {
    "ad_select": ("stable", "bandwidth", "count"),
    "arp_all_targets": ("any", "all"),
    "arp_validate": ("none", "active", "backup", "all", "filter", "filter_active", "filter_backup"),
    "fail_over_mac": ("none", "active", "follow"),
    "lacp_rate": ("slow", "fast"),
    "primary_reselect": ("always", "better", "failure"),
    "xmit_hash_policy": ("layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4", "vlan+srcmac"),
}
ARP_TARGETS_MAX = 16  # bonding.rst, arp_ip_target

_PREFERRING = frozenset({"active-backup", "balance-tlb", "balance-alb"})
_LACP = frozenset({"802.3ad"})
_BALANCING = frozenset({"balance-tlb", "balance-alb"})
_ARP = frozenset({"balance-rr", "active-backup", "balance-xor", "broadcast"})
# The modes that have an option; all modes have the others.
_MODES: dict[str, frozenset[str]] = {
    "active_slave": _PREFERRING, "primary": _PREFERRING, "primary_reselect": _PREFERRING,
    "ad_actor_sys_prio": _LACP, "ad_actor_system": _LACP, "ad_select": _LACP, "ad_user_port_key": _LACP,
    "lacp_active": _LACP, "lacp_rate": _LACP, "min_links": _LACP,
    "arp_interval": _ARP, "arp_ip_target": _ARP, "arp_validate": _ARP,
    "lp_interval": _BALANCING, "tlb_dynamic_lb": _BALANCING,
    "packets_per_slave": frozenset({"balance-rr"}),
    "xmit_hash_policy": frozenset({"balance-xor", "802.3ad", "balance-tlb", "balance-alb"}),
}  # fmt: skip
# A virtual machine behind a bridge has one MAC address; these modes send or receive over several members.
_NOT_UNDER_BRIDGE = {"balance-rr": 0, "balance-tlb": 5, "balance-alb": 6}

# What is wrong with the options of one bond: the option, and the finding.
_OfOption: TypeAlias = tuple[str, Finding]


def _refused(option: str, message: str, hint: str = "") -> _OfOption:
    return option, Finding("bond-options", message, hint=hint)


def _ignored(option: str, message: str, hint: str = "") -> _OfOption:
    return option, Finding("bond-options", message, "warning", hint)


def _number(bond: Bond, option: str, default: int = 0) -> int:
    """The value of an option, 0 for one that is no number, which another rule refuses."""
    value = bond.options.get(option, str(default))
    return int(value) if _is_number(value) else 0


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) <= _DIGITS


def _watches_by_arp(bond: Bond) -> bool:
    return _number(bond, "arp_interval") > 0


# --- one option ------------------------------------------------------------------------------------------------------


def _option_value(bond: Bond) -> Iterator[_OfOption]:
    """Anaconda leaves out an option with a value that NetworkManager does not know (nm_client.py)."""
    for option, value in bond.options.items():
        low, high = _NUMBERS.get(option) or (0, len(_WORDS.get(option, ())) - 1)
        is_number = _is_number(value) and low <= int(value) <= high
        if option in _WORDS and value not in _WORDS[option] and not is_number:
            hint = nearest(value, _WORDS[option]) or f"one of: {', '.join(_WORDS[option])}"
            yield option, Finding("interface-option", f"{shown(value)} is not a value of {option}", hint=hint)
        elif option in _NUMBERS and not is_number:
            hint = f"a number from {low} to {high}" if high < _LARGEST else f"a number, at least {low}"
            yield option, Finding("interface-option", f"{shown(value)} is not a value of {option}", hint=hint)


def _arp_targets(bond: Bond) -> Iterator[_OfOption]:
    targets = bond.options["arp_ip_target"].split(",") if "arp_ip_target" in bond.options else []
    for target in targets:
        if not _is_ipv4(target):
            message = f"{shown(target)} is not an IPv4 address"
            yield "arp_ip_target", Finding("interface-option", message, hint="addresses, separated by commas")
    if len(targets) > ARP_TARGETS_MAX:
        yield _refused("arp_ip_target", f"{len(targets)} ARP targets exceed the kernel's limit of {ARP_TARGETS_MAX}")


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True


def _option_of_another_mode(bond: Bond) -> Iterator[_OfOption]:
    """NetworkManager refuses three of them, and leaves out or writes in vain the others."""
    for option, value in bond.options.items():
        modes = _MODES.get(option, {bond.mode})
        if bond.mode in modes or value == "0":
            continue
        is_refused = (
            option == "primary"
            or (option == "arp_interval" and bond.mode in _BALANCING)
            or (option == "lacp_rate" and value != "slow")
        )
        effect = "NetworkManager refuses the bond" if is_refused else "it has no effect"
        message = f"{option} is not an option of mode {bond.mode}: {effect}"
        hint = f"remove it; the modes that have it: {', '.join(sorted(modes))}"
        yield option, Finding("bond-option-mode", message, "error" if is_refused else "warning", hint)


# --- options together ------------------------------------------------------------------------------------------------


def _arp_needs(bond: Bond) -> Iterator[_OfOption]:
    """`ns_ip6_target` has targets as well, in newer versions."""
    has_targets = "arp_ip_target" in bond.options or "ns_ip6_target" in bond.options
    if bond.mode not in _ARP:
        return
    if _watches_by_arp(bond) and not has_targets:
        yield _refused("arp_interval", "arp_interval needs arp_ip_target", "add the addresses that are asked by ARP")
    if not _watches_by_arp(bond) and "arp_ip_target" in bond.options:
        yield _refused("arp_ip_target", "arp_ip_target needs arp_interval", "add arp_interval: 1000 (milliseconds)")


def _arp_beside_miimon(bond: Bond) -> Iterator[_OfOption]:
    if _watches_by_arp(bond) and _number(bond, "miimon") > 0 and bond.mode in _ARP:
        message = "arp_interval has no effect beside miimon: links are watched in one of the two ways"
        yield _ignored("miimon", message, "remove miimon, or the options that begin with arp_")


def _delays_need_miimon(bond: Bond) -> Iterator[_OfOption]:
    is_off = bond.options.get("miimon") == "0"
    for option in ("updelay", "downdelay", "peer_notif_delay"):
        if is_off and _number(bond, option) > 0:
            yield _refused(option, f"{option} needs miimon, which is 0 here", "remove it, or miimon: 0")


def _notification_delay(bond: Bond) -> Iterator[_OfOption]:
    interval, delay = _number(bond, "miimon", default=100), _number(bond, "peer_notif_delay")
    if interval and delay % interval and not _watches_by_arp(bond):
        yield _refused("peer_notif_delay", f"{delay} is not a multiple of miimon, which is {interval}")


def _notifications_differ(bond: Bond) -> Iterator[_OfOption]:
    """To the kernel both are one option."""
    if "num_grat_arp" in bond.options and "num_unsol_na" in bond.options:
        numbers = _number(bond, "num_grat_arp"), _number(bond, "num_unsol_na")
        if numbers[0] != numbers[1]:
            message = f"num_unsol_na is {numbers[1]} and num_grat_arp is {numbers[0]}; they must be equal"
            yield _refused("num_unsol_na", message, "remove one of the two")


def _primary(bond: Bond) -> Iterator[_OfOption]:
    """The kernel takes a name; a member that is given by its MAC address can have any."""
    primary = bond.options.get("primary")
    if primary is None or bond.mode not in _PREFERRING or primary in bond.members:
        if primary is not None and ":" in primary:
            message = f"primary must be the name of a NIC; {primary} is a MAC address"
            yield "primary", Finding("bond-primary", message, hint="list the members by name, and write the name here")
        return
    if not any(":" in member for member in bond.members):
        hint = f"write one of its members: {', '.join(bond.members)}"
        yield "primary", Finding("bond-primary", f"{shown(primary)} is not a member of the bond", hint=hint)


_OF_OPTIONS: tuple[Callable[[Bond], Iterator[_OfOption]], ...] = (
    _option_value,
    _arp_targets,
    _option_of_another_mode,
    _arp_needs,
    _arp_beside_miimon,
    _delays_need_miimon,
    _notification_delay,
    _notifications_differ,
    _primary,
)


def _options(links: Links) -> Iterator[Located]:
    for index, interface in enumerate(links.interfaces):
        for rule in _OF_OPTIONS:
            for option, finding in rule(interface.bond) if interface.bond else ():
                yield (index, "bond", "options", option), finding


def _bridge_over_bond(links: Links) -> Iterator[Located]:
    for place, owner, member in links.members:
        below = links.by_device.get(member)
        mode = below.bond.mode if below and below.bond else ""
        if owner.bridge and mode in _NOT_UNDER_BRIDGE:
            message = f"{member} has mode {mode}, which does not work below a bridge: virtual machines lose packets"
            hint = "set mode: to active-backup, balance-xor or 802.3ad"
            yield place, Finding("bridge-over-bond", message, "warning", hint)


RULES = (_options, _bridge_over_bond)
