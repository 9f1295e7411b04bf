# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a controller is the one of its host: what it knows of the machine, against the inventory."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ksgen.bmc.access import Access, BmcError, Clock, Pace
from ksgen.bmc.connection import connected
from ksgen.bmc.machine import Inventory, Power, inventory, machine, plain_identity
from ksgen.host import Host
from ksgen.problems import Problem

_LISTED = 6  # interfaces or disks that a message names


@dataclasses.dataclass(frozen=True)
class Look:
    """What a controller says of its machine, or why it was not asked."""

    host: str
    server: str
    inventory: Inventory | None = None
    firmware: str | None = None
    power: Power = "unknown"
    error: BmcError | None = None

    def to_json(self) -> dict[str, object]:
        """As `ksgen preflight --bmc --json` prints it."""
        known = self.inventory
        return {
            "host": self.host,
            "server": self.server,
            "model": known.model if known else None,
            "serial": known.serial if known else None,
            "power": self.power,
            "firmware": self.firmware,
            "macs": sorted(known.macs) if known else [],
            "disks": sorted(known.disks) if known else [],
        }


def look(host: str, access: Access, timeout_s: float, pace: Pace, stop: threading.Event) -> Look:
    """Ask a controller. Nothing is changed."""
    try:
        with connected(access, Clock(timeout_s, stop), pace) as connection:
            found = machine(connection)
            return Look(host, access.server, inventory(found), found.firmware, found.power)
    except BmcError as error:
        return Look(host, access.server, error=error)


def problems(hosts: Sequence[Host], looks: Mapping[str, Look]) -> Iterator[Problem]:
    """At the lines of the inventory; of each host that has been asked for."""
    owners = {mac: host.name for host in hosts for mac in _macs(host)}
    for host in hosts:
        found = looks.get(host.name)
        if found is None:
            continue
        if found.error is not None:
            location = ("node_bmc", _PLACES.get(found.error.kind, "address"))
            yield host.problem(location, "bmc-refused", found.error.message, found.error.hint)
        elif found.inventory is not None:
            yield from _of_machine(host, found.inventory, owners)
            yield from _of_firmware(host, found)


_PLACES = {"login": "user", "no-system": "system"}


def _of_machine(host: Host, known: Inventory, owners: Mapping[str, str]) -> Iterator[Problem]:
    own = _macs(host)
    others = sorted({owners[mac] for mac in known.macs if mac in owners} - {host.name})
    has = _listed(known.macs)
    if others:
        message = f"the machine has an interface of {others[0]}: {_listed(known.macs - set(own))}"
        hint = "correct node_bmc.address of both hosts"
        yield host.problem(("node_bmc", "address"), "bmc-other-machine", message, hint)
    elif known.macs and own and known.macs.isdisjoint(own):
        message = f"the machine has none of this host's interfaces; its controller knows {has}"
        hint = "correct node_bmc.address, or node_mac"
        yield host.problem(("node_bmc", "address"), "bmc-other-machine", message, hint)
    elif known.macs and host.settings.mac not in known.macs:
        # Add-in NICs are missing in many controllers.
        message = f"the controller does not know {host.settings.mac}; it knows {has}"
        yield host.problem(("node_mac",), "bmc-mac", message, "is it the boot interface?", severity="warning")
    for index, disk in enumerate(host.disks):
        for name, value in (("serial", disk.serial), ("wwn", disk.wwn)):
            if value and known.disks and plain_identity(value) not in known.disks:
                # Disks at HBAs, and those of RAID volumes, are missing in many controllers.
                has = _listed(known.disks)
                message = f"the controller does not know a disk with the {name} {value}; it knows {has}"
                location = ("node_disk", index, name)
                yield host.problem(location, "bmc-disk", message, "was it replaced?", severity="warning")


def _of_firmware(host: Host, found: Look) -> Iterator[Problem]:
    wanted = host.settings.firmware
    if wanted and found.firmware and wanted != found.firmware:
        message = f"the machine boots with {found.firmware}, the plan is for {wanted}"
        hint = "change the boot mode of the machine, or node_firmware"
        yield host.problem(("node_firmware",), "bmc-firmware", message, hint)


def _macs(host: Host) -> list[str]:
    """All that the inventory says of the host's interfaces."""
    found = [host.settings.mac]
    for interface in host.settings.network:
        found += [interface.mac] if interface.mac else []
        found += [lower for lower in interface.lower if ":" in lower]
    return [mac.lower() for mac in found]


def _listed(names: Iterable[str]) -> str:
    shown = sorted(name if name.isprintable() else ascii(name) for name in names)
    return ", ".join(shown[:_LISTED]) + (", …" if len(shown) > _LISTED else "")
