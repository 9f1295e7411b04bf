# SPDX-License-Identifier: GPL-2.0-or-later
"""The entry of an inventory for a machine that no host describes: a disk and a NIC, the others as comments."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from ksgen.match.machine import Machine, nominal_size, printable
from ksgen.variables import Disk, host_name
from org_ovirt_node.programs import disks
from org_ovirt_node.programs.disks import Candidate, Refusal, Wanted, WantedDisk

_NAME = "NAME.example.com"
_GROUP = "onn"  # node_vg's default
_MAC = re.compile(r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}")


def proposed_entry(machine: Machine) -> str:
    """YAML to be pasted below `hosts:`. What has to be decided by a person is marked with <<."""
    name = _name(machine.record.hostname)
    mark = "   # << the name of the host" if name == _NAME else ""
    lines = [f"# {machine.file}: {_origin(machine)}", f"{name}:{mark}", *(f"  {line}" for line in _variables(machine))]
    return "".join(f"{printable(line)}\n" for line in lines)


@dataclasses.dataclass(frozen=True)
class Inherited:
    """What a host gets from its groups: whether they have node_network, so that its own is a comment, and whether
    node_raid asks for a mirrored pair of disks."""

    has_network: bool = False
    is_mirrored: bool = False


_NOTHING = Inherited()


def entry_lines(machine: Machine, name: str, inherited: Inherited = _NOTHING) -> tuple[str, ...]:
    """The lines of a host of this name: its name with a colon, and its variables."""
    lines = _variables(machine, inherited)
    return (f"# {printable(_origin(machine))}", f"{name}:", *(f"  {printable(line)}" for line in lines))


def _origin(machine: Machine) -> str:
    if machine.sighting:
        return f"{machine.label}; discovered {machine.record.collected}"
    return (
        f"{machine.label}; facts of {'a running system' if machine.is_running else 'an installer'}, "
        f"{machine.record.collected}"
    )


def _variables(machine: Machine, inherited: Inherited = _NOTHING) -> Iterator[str]:
    yield from _macs(machine, inherited.has_network)
    yield from _disks(machine, 2 if inherited.is_mirrored else 1)
    yield from _beside(machine)


def _name(hostname: str) -> str:
    """What the machine calls itself, if that is a full name and not one that every machine of a release has."""
    try:
        name = str(host_name(hostname.lower()))
    except ValueError:
        return _NAME
    return name if "." in name and not name.startswith("localhost") else _NAME


def _macs(machine: Machine, has_network: bool) -> Iterator[str]:
    """The NIC that the machine has booted from, then those with a link first."""
    booted_from = machine.sighting.booted_from if machine.sighting else ""
    found = sorted(
        (item for item in machine.nics.items() if _MAC.fullmatch(item[0])),
        key=lambda item: (item[0] != booted_from, not machine.has_link(item[1]), item[1]),
    )
    for number, (mac, name) in enumerate(found):
        yield f'{"# " if number else ""}node_mac: "{mac}"   # {name}, {_link(machine, mac, name)}'
    if not found:
        yield "# node_mac: this machine has no NIC"
    for number, (mac, name) in enumerate(found):
        yield from () if number else [f"{'# ' if has_network else ''}node_network:"]
        yield f'{"# " if number or has_network else ""}  - {{mac: "{mac}", ipv4: dhcp}}   # {name}'


def _link(machine: Machine, mac: str, name: str) -> str:
    """What is known of a NIC's cable."""
    words = ["link up" if machine.has_link(name) else "no link"]
    if machine.sighting:
        words += ["booted from it"] if mac == machine.sighting.booted_from else []
        neighbour = machine.sighting.neighbour(name)
        words += [f"neighbour {neighbour}"] if neighbour else []
    return ", ".join(words)


def _beside(machine: Machine) -> Iterator[str]:
    """What else a discovered machine has told, for a person to decide."""
    if machine.sighting and machine.sighting.firmware in ("uefi", "bios"):
        yield f"# node_firmware: {machine.sighting.firmware}"
    if machine.sighting and machine.sighting.bmc:
        yield f"# node_bmc: {{address: {json.dumps(machine.sighting.bmc)}, user: …, password: …}}"


def _disks(machine: Machine, count: int) -> Iterator[str]:
    """As many disks as are wanted, of those that may be erased, empty ones first; the others as comments."""
    found = [(each, _keys(machine, each), _refusals(machine, each)) for each in machine.candidates]
    fit = [each for each, keys, refusals in found if keys and not refusals]
    chosen = _chosen(sorted(fit, key=lambda each: disks.contents(machine.idle, each) != "nothing"), count)
    if not chosen:
        yield f"# node_disk: {'no disk' if count == 1 else 'no two disks'} of this machine can be installed to"
    elif count > 1:
        yield "node_disk:"
    for candidate, keys, refusals in sorted(found, key=lambda each: each[0] not in chosen):
        is_chosen = candidate in chosen
        on_it = f"on it: {disks.contents(machine.now, candidate)}"
        why = f"refused: {', '.join(dict.fromkeys(each.code for each in refusals))}; " if refusals else ""
        shown = f"{{{keys}}}" if keys else "(nothing identifies it)"
        model = candidate.paths[0].model or "unknown model"
        begin = ("  - " if count > 1 else "node_disk: ") if is_chosen else "# node_disk: "
        yield f"{begin}{shown}   # {candidate}, {model}; {why}{on_it}"
    if any(map(_is_multipath, chosen)):
        yield "node_multipath: true"


def _chosen(fit: Sequence[Candidate], count: int) -> Sequence[Candidate]:
    """The first ones, of one size if there are so many of it: a mirror is as large as its smaller half."""
    for first in fit:
        alike = [each for each in fit if each.paths[0].size == first.paths[0].size]
        if len(alike) >= count:
            return alike[:count]
    return fit[:count] if len(fit) >= count else ()


def _is_multipath(candidate: Candidate) -> bool:
    return candidate.map is not None or len(candidate.paths) > 1


def _refusals(machine: Machine, candidate: Candidate) -> Sequence[Refusal]:
    wanted = Wanted((), _GROUP, multipath=_is_multipath(candidate))
    return disks.obstacles(machine.idle, [candidate], wanted)


def _keys(machine: Machine, candidate: Candidate) -> str:
    """What identifies a disk on this machine, the WWN if it has one, and its nominal size; empty if nothing does.

    A machine may have said anything. What Disk refuses is not written: so is `{{`, which Ansible would evaluate.
    """
    first = candidate.paths[0]
    places = [link for link in first.links if "/by-path/" in link]
    found = [
        ("wwn", first.wwn),
        *(("serial", each) for each in first.serials[:1]),
        *(("path", each) for each in places),
    ]
    size = nominal_size(first.size)
    for key, value in found:
        try:
            disk = Disk.model_validate({key: value, "size": size})
        except ValidationError:
            continue
        wanted = WantedDisk(disk.wwn, disk.serial, disk.path)
        if [each for each in machine.candidates if not disks.different(each, wanted)] == [candidate]:
            return f"{key}: {json.dumps(value)}, size: {size}"
    return ""
