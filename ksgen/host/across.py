# SPDX-License-Identifier: GPL-2.0-or-later
"""What two hosts cannot both have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ksgen.host.places import Location, locate, problem_at
from ksgen.inventory import HostEntry
from ksgen.problems import Finding, Problem
from ksgen.variables import Identity, static_addresses


def across(identities: Iterable[tuple[HostEntry, Identity]]) -> Iterator[Problem]:
    """What two hosts cannot both have."""
    seen: dict[tuple[str, str], tuple[HostEntry, Location]] = {}
    for entry, identity in identities:
        for kind, value, location in _unique_values(entry, identity):
            other = seen.setdefault((kind, value.lower()), (entry, location))
            if other[0] is not entry:
                place = locate(*other)
                value = f"this {kind}" if place.is_hidden else value
                message = f"{value} is also the {kind} of {other[0].name}, {place.mark.file}:{place.mark.line}"
                code = kind.replace(" ", "-").lower() + "-of-two-hosts"
                yield problem_at(entry, location, Finding(code, message, hint="each host needs its own"))


def _unique_values(entry: HostEntry, identity: Identity) -> Iterator[tuple[str, str, Location]]:
    yield "host name", identity.hostname or entry.name, ("node_hostname",)
    if identity.bmc and identity.bmc.is_of_one_machine:
        yield "BMC", identity.bmc.address, ("node_bmc", "address")
    if identity.mac:
        yield "MAC address", identity.mac, ("node_mac",)
    if identity.iscsi_initiator:
        yield "iSCSI name", identity.iscsi_initiator, ("node_iscsi_initiator",)
    if identity.serial:
        yield "serial number", identity.serial, ("node_serial",)
    for index, interface in enumerate(identity.network):
        if interface is None:
            continue
        if interface.mac and interface.mac != identity.mac:
            yield "MAC address", interface.mac, ("node_network", index, "mac")
        for where, lower in interface.lower_places:
            if ":" in lower and lower != identity.mac:
                yield "MAC address", lower, ("node_network", index, *where)
    for place, address in static_addresses(identity.network):
        yield "address", address, ("node_network", *place)
    for index, disk in enumerate(identity.disk):
        for key, value in disk.identities if disk else ():
            yield "disk", value, ("node_disk", index, key)
