# SPDX-License-Identifier: GPL-2.0-or-later
"""The entry of an inventory for a machine that no host describes: a disk and a NIC, the others as comments."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pydantic import ValidationError

from ksgen.match.machine import Machine, printable
from ksgen.variables import Disk, host_name
from org_ovirt_node.programs import disks
from org_ovirt_node.programs.disks import Candidate, Refusal, Wanted, WantedDisk

_NAME = "NAME.example.com"
_GROUP = "onn"  # node_vg's default


def proposal(machine: Machine) -> str:
    """YAML to be pasted below `hosts:`. What has to be decided by a person is marked with <<."""
    collected = f"facts of {'a running system' if machine.is_running else 'an installer'}, {machine.record.collected}"
    name = _name(machine.record.hostname)
    mark = "   # << the name of the host" if name == _NAME else ""
    lines = [f"# {machine.file}: {machine.label}; {collected}", f"{name}:{mark}"]
    lines += [f"  {line}" for line in (*_macs(machine), *_disks(machine))]
    return "".join(f"{printable(line)}\n" for line in lines)


def _name(hostname: str) -> str:
    """What the machine calls itself, if that is a full name and not one that every machine of a release has."""
    try:
        name = str(host_name(hostname.lower()))
    except ValueError:
        return _NAME
    return name if "." in name and not name.startswith("localhost") else _NAME


def _macs(machine: Machine) -> Iterator[str]:
    """NICs with a link first."""
    found = sorted(machine.nics.items(), key=lambda item: (not machine.has_link(item[1]), item[1]))
    for number, (mac, name) in enumerate(found):
        link = "link up" if machine.has_link(name) else "no link"
        yield f'{"# " if number else ""}node_mac: "{mac}"   # {name}, {link}'
    if not found:
        yield "# node_mac: this machine has no NIC"
    for number, (mac, name) in enumerate(found):
        yield from () if number else ["node_network:"]
        yield f'{"# " if number else ""}  - {{mac: "{mac}", ipv4: dhcp}}   # {name}'


def _disks(machine: Machine) -> Iterator[str]:
    """The first disk that may be erased, those without contents first; the others as comments."""
    found = [(each, _keys(machine, each), _refusals(machine, each)) for each in machine.candidates]
    fit = [each for each, keys, refusals in found if keys and not refusals]
    chosen = min(fit, key=lambda each: disks.contents(machine.idle, each) != "nothing", default=None)
    if chosen is None:
        yield "# node_disk: no disk of this machine can be installed to"
    for candidate, keys, refusals in sorted(found, key=lambda each: each[0] is not chosen):
        is_chosen = candidate is chosen
        on_it = f"on it: {disks.contents(machine.now, candidate)}"
        why = f"refused: {', '.join(dict.fromkeys(each.code for each in refusals))}; " if refusals else ""
        shown = f"{{{keys}}}" if keys else "(nothing identifies it)"
        model = candidate.paths[0].model or "unknown model"
        yield f"{'' if is_chosen else '# '}node_disk: {shown}   # {candidate}, {model}; {why}{on_it}"
        if is_chosen and _is_multipath(candidate):
            yield "node_multipath: true"


def _is_multipath(candidate: Candidate) -> bool:
    return candidate.map is not None or len(candidate.paths) > 1


def _refusals(machine: Machine, candidate: Candidate) -> Sequence[Refusal]:
    wanted = Wanted((), _GROUP, multipath=_is_multipath(candidate))
    return disks.obstacles(machine.idle, [candidate], wanted)


def _keys(machine: Machine, candidate: Candidate) -> str:
    """What identifies a disk on this machine, the WWN if it has one, and its nominal size; empty if nothing does."""
    first = candidate.paths[0]
    places = [link for link in first.links if "/by-path/" in link]
    found = [
        ("wwn", first.wwn),
        *(("serial", each) for each in first.serials[:1]),
        *(("path", each) for each in places),
    ]
    size = f"{first.size / 1e9:.0f} GB" if first.size >= 1e10 else f"{first.size / 1e6:.0f} MB"
    for key, value in found:
        try:
            disk = Disk.model_validate({key: value, "size": size})
        except ValidationError:
            continue
        wanted = WantedDisk(disk.wwn, disk.serial, disk.path)
        if [each for each in machine.candidates if not disks.different(each, wanted)] == [candidate]:
            return f"{key}: {json.dumps(value)}, size: {size}"
    return ""
