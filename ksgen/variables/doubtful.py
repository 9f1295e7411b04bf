# SPDX-License-Identifier: GPL-2.0-or-later
"""What a network can have and its author probably did not mean: misspelt names, other numbers, double subnets."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Sequence

from ksgen.problems import Finding
from ksgen.variables.links import Links, Located
from ksgen.variables.names import distance
from ksgen.variables.network import Interface

# systemd.net-naming-scheme(7), biosdevname and the kernel: names that NICs have without being described.
_NIC = re.compile(
    r"(?:en|ib|wl)(?:o[0-9]+|s[0-9]+|p[0-9]+s[0-9]+|P[0-9]+p[0-9]+s[0-9]+|x[0-9a-f]{12}|a[0-9a-z]+|d[0-9a-z]+|v[0-9]+)"
    r"[0-9a-z]*|eth[0-9]+|em[0-9]+|p[0-9]+p[0-9]+(?:_[0-9]+)?|ib[0-9]+"
)
_NUMBERS = re.compile(r"[0-9]+")
# Shorter names are near too many others (lan, wan); those that differ in an end are siblings (lan-a, lan-b).
_SHORTEST_WITH_A_SLIP = 5
_VLAN_NUMBER = re.compile(r".*\.([0-9]+)|vlan[._-]?([0-9]+)", re.IGNORECASE)


def _interface_misspelt(links: Links) -> Iterator[Located]:
    for place, interface, lower in links.lower:
        others = [device for device in links.by_device if device != interface.device]
        if lower not in links.by_device and (meant := _meant(lower, others)):
            message = f"{lower} is not one of the interfaces of the host, and nearly {meant}"
            yield place, Finding("interface-misspelt", message, "warning", f"did you mean {meant!r}?")


def _meant(name: str, devices: Sequence[str]) -> str | None:
    """The described interface that a name was probably meant to be. NICs need not be described, nor is lan1 lan0."""
    for device in devices:
        if name.lower() == device.lower():
            return device
    if _NIC.fullmatch(name) or ":" in name:
        return None
    return next((device for device in devices if _is_near(name.lower(), device.lower())), None)


def _is_near(name: str, device: str) -> bool:
    if name.replace("0", "o") == device.replace("0", "o"):
        return True
    numbers = _NUMBERS.findall(name), _NUMBERS.findall(device)
    if _NUMBERS.sub("", name) == _NUMBERS.sub("", device):
        return not all(numbers)
    is_sibling = len(name) == len(device) and (name[1:] == device[1:] or name[:-1] == device[:-1])
    return not is_sibling and min(len(name), len(device)) >= _SHORTEST_WITH_A_SLIP and distance(name, device) == 1


def _vlan_on_vlan(links: Links) -> Iterator[Located]:
    for index, interface, vlan in links.vlans:
        parent = links.by_device.get(vlan.parent)
        if parent and parent.vlan and not links.is_on_itself(parent):
            message = f"{vlan.parent} is a VLAN too: frames of {interface.device} have two tags"
            hint = f"set parent: {parent.vlan.parent}, unless the switch expects two tags (IEEE 802.1ad)"
            yield (index, "vlan", "parent"), Finding("vlan-on-vlan", message, "warning", hint)


def _vlan_name(links: Links) -> Iterator[Located]:
    for index, interface, vlan in links.vlans:
        match = _VLAN_NUMBER.fullmatch(interface.name or "")
        number = int(match.group(1) or match.group(2)) if match else vlan.id
        if number != vlan.id:
            message = f"{interface.name} has the VLAN ID {vlan.id}, and a name that ends in {number}"
            yield (index, "name"), Finding("vlan-name", message, "warning", "correct the one that is wrong")


def _subnet_twice(links: Links) -> Iterator[Located]:
    """Linux sends through one of the two, and answers ARP for both (ip-sysctl.rst, arp_filter)."""
    seen: list[tuple[ipaddress.IPv4Interface | ipaddress.IPv6Interface, Interface]] = []
    for index, interface in enumerate(links.interfaces):
        for key in ("ipv4", "ipv6"):
            own = getattr(interface, key) or ""
            if "/" not in own:
                continue
            address = ipaddress.ip_interface(own)
            for other, owner in seen:
                is_same = other.version == address.version and other.network.overlaps(address.network)
                if is_same and other.ip != address.ip and owner is not interface:
                    message = f"{address} and {other} of {owner.device} are in one subnet; only one of them is used"
                    hint = "use another subnet, or join both in a bond"
                    yield (index, key), Finding("subnet-twice", message, "warning", hint)
                    break
            seen.append((address, interface))


RULES = (_interface_misspelt, _vlan_on_vlan, _vlan_name, _subnet_twice)


def boot_nic_findings(interfaces: Sequence[Interface], mac: str) -> Iterator[Finding]:
    """The boot NIC is not one of the described NICs; where one is given by its name, this is not known."""
    links = Links(tuple(interfaces))
    nics = {interface.mac or interface.device for interface in interfaces if not interface.kind}
    nics |= {name for _, _, name in links.lower if name not in links.by_device}
    if nics and mac not in nics and all(":" in nic for nic in nics):
        message = f"{mac} is not the MAC address of an interface in node_network: the boot NIC is not configured"
        yield Finding("boot-nic-unknown", message, "warning", "write the MAC address of the NIC that boots")
