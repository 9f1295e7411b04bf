# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that NICs keep: an entry of `node_network` with a name and a MAC address gives the NIC that name.

The installer names the NIC by `ifname=` or in %pre, the installed system by a file of systemd.link(5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ksgen.problems import Finding
from ksgen.variables.addresses import INTERFACE_LONGEST
from ksgen.variables.links import Links, Located

# A VLAN of the engine is an interface NAME.ID (as VDSM creates it), with an ID of up to four digits.
PIN_LONGEST = INTERFACE_LONGEST - len(".4094")
_WORD = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_-]+")
# A name that something else gives: the NIC that has it already, or that gets it first, cannot be renamed to it.
_GIVEN: tuple[tuple[re.Pattern[str], str], ...] = (
    # Documentation/networking of the kernel; dracut.cmdline(7) warns of these in ifname=.
    (re.compile(r"(eth|ib|usb|wlan|wwan|can|hsi)[0-9]+"), "the kernel gives such names to NICs as it finds them"),
    # systemd.net-naming-scheme(7)
    (
        re.compile(r"(en|ib|sl|wl|ww)([abcdinopsuvP]?[0-9].*|x[0-9a-f]{12})"),
        "udev gives such names by the place of a NIC",
    ),
    (re.compile(r"em[0-9]+|p[0-9]+p[0-9]+(_[0-9]+)?"), "biosdevname gives such names by the place of a NIC"),
    # Devices that the kernel, Anaconda, libvirt, Open vSwitch and VDSM create.
    (
        re.compile(
            r"(bond|team|br|bridge|virbr|vlan|vnet|tap|tun|veth|dummy|ifb|nlmon|macvtap|macvlan|ipvlan|vxlan|geneve|wg|ppp"
            r"|sit|gre|gretap|erspan|tunl|ip6tnl|ip6gre|ip_vti|ip6_vti|nbft)[0-9]+|ovirtmgmt|br-int|ovs-system|genev_sys_.*"
        ),
        "a device that is not a NIC has such a name",
    ),
    # vdsm.conf: the defaults of hidden_nics and fake_nics
    (re.compile(r"w.*|usb.*|dummy_.*|veth_.*"), "VDSM hides NICs with such names from the engine"),
)
_FREE = "choose a name of its own, such as storage0, lan-a or san1"


def _pinned_name(links: Links) -> Iterator[Located]:
    for index, name, _ in links.pins:
        place = (index, "name")
        by = next((why for pattern, why in _GIVEN if pattern.fullmatch(name)), None)
        if by is not None:
            hint = f"{_FREE}; or remove mac: if the NIC has this name without being given it"
            yield place, Finding("pin-name", f"{name} cannot be given to a NIC: {by}", hint=hint)
        elif not _WORD.fullmatch(name):
            # With a dot it is a VLAN to VDSM and in sysctl's keys; udev refuses a number (net-naming, ifname_valid()).
            message = f"{name} cannot be given to a NIC: it needs a letter, and no '.'"
            yield place, Finding("pin-name", message, hint=_FREE)
        elif len(name) > PIN_LONGEST:
            message = (
                f"{name} has {len(name)} characters; above {PIN_LONGEST}, the engine cannot create VLANs "
                "with four digits on the NIC"
            )
            yield place, Finding("pin-name-long", message, "warning", "choose a shorter name")


def _pinned_twice(links: Links) -> Iterator[Located]:
    """One NIC in two entries; two entries with one name are found by another rule."""
    pinned = {mac: name for _, name, mac in reversed(tuple(links.pins))}
    seen: set[str] = set()
    for index, interface in enumerate(links.interfaces):
        if interface.mac in seen and interface.mac in pinned:
            yield (index, "mac"), Finding("interface-twice", f"{interface.mac} is listed twice")
        seen |= {interface.mac} if interface.mac else set()


def _pinned_by_address(links: Links) -> Iterator[Located]:
    """What is built on a NIC with a name names it."""
    pinned = {mac: name for _, name, mac in links.pins}
    for place, _, lower in links.lower:
        if lower in pinned:
            message = f"{lower} has the name {pinned[lower]} in this list"
            yield place, Finding("pin-by-mac", message, hint=f"write {pinned[lower]}")


RULES = (_pinned_name, _pinned_twice, _pinned_by_address)
