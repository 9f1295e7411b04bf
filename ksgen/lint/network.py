# SPDX-License-Identifier: GPL-2.0-or-later
"""`network` and `iscsi`: names, tags and options that the grammar takes as any text and NetworkManager does not."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ksgen.grammar import Check, Command, Found, Kickstart, value
from ksgen.lint import addresses, interfaces
from ksgen.lint.addresses import NM_CLIENT, is_ip, options
from ksgen.lint.interfaces import BOND_MODES, bond_mode_of, members, pairs
from ksgen.variables import (
    INTERFACE_LONGEST,
    MTU_MAX,
    MTU_MIN,
    VLAN_MAX,
    Bond,
    Bridge,
    host_name,
    nearest,
    parse_interface_name,
    parse_mac,
    refusal,
    refusals,
)

PORT_MAX = 65535  # RFC 793
_MTU_LIMIT = 65535  # RFC 791: the length of a packet has 16 bits


# --- names -----------------------------------------------------------------------------------------------------------

# pyanaconda, nm_client.py: get_device_name_from_network_data()
_NO_NAMES = ("link", "bootif", "ibft")


def _names(command: Command) -> Iterator[str]:
    """The names of interfaces in a command, as they are given or follow from it."""
    device, tag = str(value(command, "device") or ""), value(command, "vlanid")
    own = str(value(command, "interfacename") or "")
    if device and device not in _NO_NAMES:
        yield device
    if own:
        yield own
    elif tag and ":" not in device and device not in _NO_NAMES and len(device) <= INTERFACE_LONGEST:
        yield f"{device}.{tag}"
    yield from members(command)


def name(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("network"):
        for text in _names(command):
            # What holds a placeholder is not known.
            if _looks_like_mac(text) or re.search(r"[${@#]", text):
                continue
            refused = refusal(parse_interface_name, text)
            said = refused.message if refused else ""
            if len(text) > INTERFACE_LONGEST:
                said = f"{text} has {len(text)} characters; the limit of the kernel is {INTERFACE_LONGEST}"
            if said:
                yield Found(command.line, said, f"at most {INTERFACE_LONGEST} letters, digits, '_', '.', '-'")


_MAC_WITH_HYPHENS = re.compile(r"(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}")


def _looks_like_mac(text: str) -> bool:
    return ":" in text or _MAC_WITH_HYPHENS.fullmatch(text) is not None


def mac(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in options(ks, "device"):
        if not _looks_like_mac(text):
            continue
        refused = refusal(parse_mac, text)
        if refused:
            yield Found(command.line, refused.message, "write six pairs of hex digits: --device=52:54:00:aa:00:01")
        elif "-" in text:
            message = f"{text} is looked for as a name; Anaconda reads a MAC address only with colons"
            yield Found(command.line, message, f"write --device={text.replace('-', ':')}")


def name_without_vlan(ks: Kickstart) -> Iterator[Found]:
    for command, _, _ in options(ks, "interfacename"):
        if not value(command, "vlanid"):
            yield Found(command.line, "--interfacename is ignored without --vlanid", "add --vlanid=, or remove it")


def hostname(ks: Kickstart) -> Iterator[Found]:
    """Anaconda refuses what the DNS refuses; a name that is a number it takes."""
    for command, _, text in options(ks, "hostname"):
        refused = refusal(host_name, text.rstrip("."))
        if refused:
            is_number = text.replace(".", "").isdigit()
            hint = "letters, digits and '-', in labels between dots"
            yield Found(command.line, refused.message, hint, "warning" if is_number else None)


def hostname_twice(ks: Kickstart) -> Iterator[Found]:
    """pykickstart, commands/network.py: the property `hostname` is that of the first command."""
    first = ""
    for command, _, text in options(ks, "hostname"):
        if first and text != first:
            message = f"a second host name, {text}; only the first one, {first}, is used"
            yield Found(command.line, message, "remove one of the two")
        first = first or text


# --- numbers ---------------------------------------------------------------------------------------------------------


def mtu(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in options(ks, "mtu"):
        if not re.fullmatch(r"[0-9]{1,6}", text) or not MTU_MIN <= int(text) <= _MTU_LIMIT:
            yield Found(command.line, f"MTU {text!r}; it is a number from {MTU_MIN} to {MTU_MAX}", "1500, or 9000")
        elif int(text) > MTU_MAX:
            yield Found(command.line, f"MTU {text}; few switches pass more than {MTU_MAX}", "", "warning")


def vlan(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in options(ks, "vlanid"):
        if not re.fullmatch(r"[0-9]{1,5}", text) or not 1 <= int(text) <= VLAN_MAX:
            yield Found(command.line, f"VLAN id {text!r}; it is a number from 1 to {VLAN_MAX}", "")


# --- bonds and bridges -----------------------------------------------------------------------------------------------


def bond_mode(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in options(ks, "bondopts"):
        mode = pairs(text).get("mode")
        if mode is not None and mode not in BOND_MODES and not re.fullmatch("[0-6]", mode):
            message = f"no bond mode {mode!r}; Anaconda ignores it and creates a balance-rr bond"
            yield Found(command.line, message, nearest(mode, BOND_MODES) or f"one of: {', '.join(BOND_MODES)}")


def bond_options(ks: Kickstart) -> Iterator[Found]:
    """By the rules of node_network; Anaconda leaves out an option that NetworkManager refuses."""
    for command, _, text in options(ks, "bondopts"):
        if not value(command, "bondslaves"):
            yield Found(command.line, "--bondopts is ignored without --bondslaves", "add --bondslaves=")
            continue
        given = {key: setting for key, setting in pairs(text).items() if key != "mode"}
        made = {"members": list(members(command)), "mode": bond_mode_of(text), "options": given}
        yield from _refused(command, Bond, made)


def bridge_options(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in options(ks, "bridgeopts"):
        made = {"members": list(members(command)), "options": dict(pairs(text))}
        yield from _refused(command, Bridge, made)


def _refused(command: Command, model: type[Bond | Bridge], made: Mapping[str, object]) -> Iterator[Found]:
    """What the model of the inventory says against the options of a bond or bridge; its members have checks."""
    for refused in refusals(model, made):
        if refused.place[:1] != ("members",):
            yield Found(command.line, refused.message, refused.hint)


def member_mac(ks: Kickstart) -> Iterator[Found]:
    for command, _, text in options(ks, "bondslaves", "bridgeslaves"):
        found = [member for member in text.split(",") if _looks_like_mac(member)]
        if found:
            message = f"member {found[0]} is named by its MAC address, which Anaconda does not resolve here"
            yield Found(command.line, message, "use the interface name of the installer: eno1")


def bridge_before_bond(ks: Kickstart) -> Iterator[Found]:
    """A bond becomes the port of a bridge only where it is there before (_add_existing_virtual_device_to_bridge)."""
    bonds = {
        str(value(command, "device")): command.line for command in ks.all("network") if value(command, "bondslaves")
    }
    for command, _, text in options(ks, "bridgeslaves"):
        for member in members(command) if text else ():
            if bonds.get(member, 0) > command.line:
                message = f"{member} is created below; it cannot become a port of this bridge"
                yield Found(command.line, message, f"move the network command of {member} above this line")


# --- iSCSI -----------------------------------------------------------------------------------------------------------


def iscsi_port(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("iscsi"):
        text = str(value(command, "port", ""))
        if text and (not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= PORT_MAX):
            yield Found(command.line, f"port {text!r}; it is a number from 1 to {PORT_MAX}", "iSCSI has 3260")


def iscsi_address(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("iscsi"):
        text = str(value(command, "ipaddr") or "").strip("[]")
        is_number = re.fullmatch(r"[0-9.]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*", text)
        if is_number and not is_ip(text):
            yield Found(command.line, f"{text!r} is not an IP address", "write --ipaddr=10.0.0.9")


# RFC 3720, 3.2.6.3
_ISCSI_NAME = re.compile(
    r"iqn\.[0-9]{4}-(?:0[1-9]|1[0-2])\.[a-z0-9]\S*"
    r"|eui\.[0-9a-f]{16}|naa\.(?:[0-9a-f]{16}|[0-9a-f]{32})",
    re.IGNORECASE,
)


def iscsi_name(ks: Kickstart) -> Iterator[Found]:
    named = (*((c, "iscsiname") for c in ks.all("iscsiname")), *((c, "target") for c in ks.all("iscsi")))
    for command, key in named:
        text = str(value(command, key) or "")
        if text and not _ISCSI_NAME.fullmatch(text):
            yield Found(command.line, f"{text!r} is not an iSCSI name", "write iqn.2024-01.com.example:name")


CHECKS = (
    *addresses.CHECKS,
    Check("network-interface-name", "error", name, "netdevice(7): IFNAMSIZ"),
    Check("network-mac", "error", mac, f"{NM_CLIENT}: get_device_name_from_network_data"),
    Check("network-vlan-name", "warning", name_without_vlan, "pykickstart, commands/network.py: --interfacename"),
    Check("network-mtu", "error", mtu, "RFC 791; ip-link(8)"),
    Check("network-vlan", "error", vlan, "IEEE 802.1Q"),
    Check("network-bond-mode", "error", bond_mode, f"{NM_CLIENT}; the kernel's bonding.rst"),
    Check("network-bond-option", "warning", bond_options, f"{NM_CLIENT}; the kernel's bonding.rst"),
    Check("network-bridge-option", "warning", bridge_options, f"{NM_CLIENT}; nm-settings(5)"),
    Check("network-bridge-order", "warning", bridge_before_bond, NM_CLIENT),
    Check("network-host-name", "error", hostname, "pyanaconda, network.py: is_valid_hostname; RFC 1123, 2.1"),
    Check("network-host-name-twice", "warning", hostname_twice, "pykickstart, commands/network.py"),
    Check("network-member-mac", "warning", member_mac, NM_CLIENT),
    *interfaces.CHECKS,
    Check("iscsi-port", "error", iscsi_port, "RFC 793"),
    Check("iscsi-address", "error", iscsi_address, "RFC 3720, 3.2.6"),
    Check("iscsi-name", "warning", iscsi_name, "RFC 3720, 3.2.6.3"),
)
