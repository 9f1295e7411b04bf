# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine has reported of itself (programs/report.py), and where the inventory says something else of its host.

A machine may report anything: what cannot be read is as if it was not said.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ksgen.host import Host
from ksgen.match.machine import nominal_size, printable
from ksgen.problems import Finding, Problem
from ksgen.variables import Disk

Place = tuple[str | int, ...]


@dataclasses.dataclass(frozen=True)
class ReportedNic:
    """A NIC: its name and MAC address."""

    name: str
    mac: str

    def __str__(self) -> str:
        return f"{self.name} {self.mac}"


@dataclasses.dataclass(frozen=True)
class ReportedDisk:
    """A disk: its name, its size in bytes, and what identifies it; empty where it has none."""

    name: str
    size: int
    wwn: str
    serial: str
    model: str

    def __str__(self) -> str:
        identity = self.wwn or self.serial or "without an identity"
        return " ".join(filter(None, (self.name, identity, self.model, nominal_size(self.size))))


@dataclasses.dataclass(frozen=True)
class Reported:
    """What a machine is by its own words; None and empty texts are unknown."""

    nics: tuple[ReportedNic, ...] | None = None
    disks: tuple[ReportedDisk, ...] | None = None
    serial: str = ""
    firmware: str = ""


def reported(facts: Mapping[str, Any]) -> Reported:
    """The facts of a report."""
    board = facts.get("board")
    nics = [ReportedNic(_text(each, "name"), _text(each, "mac").lower()) for each in _objects(facts.get("interfaces"))]
    disks = [
        ReportedDisk(
            _text(each, "name"),
            _size(each.get("size")),
            _text(each, "wwn").lower(),
            _text(each, "serial"),
            _text(each, "model"),
        )
        for each in _objects(facts.get("disks"))
    ]
    return Reported(
        # An empty list may be a program that was not there: lsblk, which did not answer.
        tuple(nics) or None,
        tuple(disks) or None,
        _text(board, "product_serial") if isinstance(board, Mapping) else "",
        _text(facts, "firmware"),
    )


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    yield from (each for each in value if isinstance(each, Mapping)) if isinstance(value, list) else ()


def _text(data: Mapping[str, Any], name: str) -> str:
    value = data.get(name)
    return printable(value).strip() if isinstance(value, str) else ""


def _size(value: object) -> int:
    return int(value) if isinstance(value, int | str) and str(value).isdecimal() else 0


def differences(host: Host, said: Reported) -> Iterator[Problem]:
    """Where the inventory says something else of a host than its machine, with the value to write."""
    if said.nics is not None:
        yield from _nic_differences(host, said.nics)
    if said.disks is not None:
        yield from _disk_differences(host, said.disks)
    for name, wanted, found in (
        ("node_serial", host.settings.serial, said.serial),
        ("node_firmware", host.settings.firmware, said.firmware),
    ):
        if wanted and found and wanted != found:
            yield host.at((name,), Finding("verify-machine", f"the machine has {found!r}", hint=f'write "{found}"'))


def _nic_differences(host: Host, nics: Sequence[ReportedNic]) -> Iterator[Problem]:
    macs = {nic.mac for nic in nics}
    described = dict(_macs(host))
    others = [nic for nic in nics if nic.mac not in described.values()]
    for place, mac in described.items():
        if mac not in macs:
            message = f"no NIC has the address {mac}; the machine has {', '.join(map(str, nics))}"
            values = [f'"{nic.mac}" ({nic.name})' for nic in others]
            yield host.at(place, Finding("verify-nic", message, hint=_cure(values)))


def _macs(host: Host) -> Iterator[tuple[Place, str]]:
    """The MAC addresses of NICs that a host is described by, with their places."""
    yield ("node_mac",), host.settings.mac
    for number, interface in enumerate(host.settings.network):
        if interface.mac:
            yield ("node_network", number, "mac"), interface.mac
        for place, member in interface.lower_places:
            if ":" in member:
                yield ("node_network", number, *place), member


def _disk_differences(host: Host, disks: Sequence[ReportedDisk]) -> Iterator[Problem]:
    described = [disk for disk in disks if any(_is(wanted, disk) for wanted in host.disks)]
    others = [disk for disk in disks if disk not in described]
    for number, wanted in enumerate(host.disks):
        found = next((disk for disk in disks if _is(wanted, disk)), None)
        if found is not None and not _has_size(wanted, found):
            message = f"{found} has another size"
            hint = f"write size: {nominal_size(found.size)}"
            yield host.at(("node_disk", number, "size"), Finding("verify-disk-size", message, hint=hint))
        elif found is None and _identities(wanted):
            key, value = next((own for own in _identities(wanted) if not _has(disks, *own)), _identities(wanted)[0])
            message = f"no disk has the {key} {value}; the machine has {', '.join(map(str, disks))}"
            fit = [disk for disk in others if _has_size(wanted, disk)] or others
            values = [f'{key}: "{getattr(disk, key)}" ({disk.name})' for disk in fit if getattr(disk, key)]
            yield host.at(("node_disk", number, key), Finding("verify-disk", message, hint=_cure(values)))


def _identities(disk: Disk) -> tuple[tuple[str, str], ...]:
    """What can be compared with a report, which does not say where a disk is plugged in."""
    return tuple((key, value) for key, value in (("wwn", disk.wwn), ("serial", disk.serial)) if value)


def _has(disks: Sequence[ReportedDisk], key: str, value: str) -> bool:
    return any(getattr(disk, key).lower() == value.lower() for disk in disks)


def _is(wanted: Disk, disk: ReportedDisk) -> bool:
    own = _identities(wanted)
    return bool(own) and all(_has([disk], key, value) for key, value in own)


def _has_size(wanted: Disk, disk: ReportedDisk) -> bool:
    size = wanted.size
    return size is None or ((size.min or 0) <= disk.size and (size.max is None or disk.size <= size.max))


def _cure(values: Sequence[str]) -> str:
    """Which value to write: the machine's only one that the host does not name, or one of several."""
    if not values:
        return "the machine has no other: remove it, or look at the machine"
    return f"write {'' if len(values) == 1 else 'one of '}{', '.join(values)}"
