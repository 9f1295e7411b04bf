# SPDX-License-Identifier: GPL-2.0-or-later
"""Which host of an inventory a machine is: by the MAC addresses of its NICs, else by the identities of its disks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from ksgen.host import Host
from ksgen.match.machine import Machine
from ksgen.match.verdict import Verdict, judge
from ksgen.problems import Mark, Problem
from ksgen.variables import Disk
from org_ovirt_node.programs import disks
from org_ovirt_node.programs.disks import WantedDisk


@dataclasses.dataclass(frozen=True)
class Matched:
    """The verdicts of the machines that are hosts, the other machines, and what is ambiguous or missing."""

    verdicts: tuple[Verdict, ...]
    strangers: tuple[Machine, ...]
    problems: tuple[Problem, ...]


def match(hosts: Sequence[Host], machines: Sequence[Machine], are_named: bool) -> Matched:
    """Find the host of each machine, and judge. `are_named`: the user named the hosts, and expects each of them."""
    if are_named and len(hosts) == len(machines) == 1:
        host, machine = hosts[0], machines[0]
        reason = next(_reasons(host, machine), ("", "named on the command line"))[1]
        return Matched((judge(host, machine, reason),), (), ())
    verdicts: dict[str, Verdict] = {}
    strangers, problems = [], []
    for machine in machines:
        found = hosts_of(hosts, machine)
        if not found:
            strangers.append(machine)
        elif len(found) > 1:
            names = "; ".join(f"{host.name} {reason}" for host, reason in found)
            message = f"the machine is several hosts: {names}"
            problems.append(_problem(machine, message, "correct the inventory, or name one host before the file"))
        else:
            host, reason = found[0]
            if host.name in verdicts:
                first = verdicts[host.name].machine.file
                message = f"the machine is {host.name} {reason}, and so is that of {first}"
                problems.append(_problem(machine, message, "remove one of the files, or correct the inventory"))
            else:
                verdicts[host.name] = judge(host, machine, reason)
    for host in hosts if are_named else ():
        if host.name not in verdicts:
            message = f"no facts are those of {host.name}: no machine has its MAC addresses or its disks"
            problems.append(
                Problem("match-host", message, host.entry.mark, host=host.name, hint="add the file with its facts")
            )
    return Matched(tuple(verdicts.values()), tuple(strangers), tuple(problems))


def _problem(machine: Machine, message: str, hint: str) -> Problem:
    return Problem("match-host", message, Mark(machine.file, 1), hint=hint)


def unknown(machine: Machine) -> Problem:
    """A machine that no host describes."""
    message = f"no host of the inventory describes this machine: {machine.label}"
    return _problem(machine, message, "ksgen match --propose prints what describes it")


def hosts_of(hosts: Sequence[Host], machine: Machine) -> list[tuple[Host, str]]:
    """The hosts that a machine can be, with reasons. Where one has its MAC address, that of a disk does not count."""
    found = [(host, rank, reason) for host in hosts for rank, reason in list(_reasons(host, machine))[:1]]
    best = min((rank for _, rank, _ in found), default="")
    return [(host, reason) for host, rank, reason in found if rank == best]


def _reasons(host: Host, machine: Machine) -> Iterator[tuple[str, str]]:
    """(rank, why) a machine is the host, the surest first."""
    macs = [host.settings.mac, *_macs(host)]
    for position, mac in enumerate(macs):
        if mac in machine.nics:
            yield ("2" if position else "1"), f"by the MAC address {mac} of {machine.nics[mac]}"
    for disk in host.disks:
        for wanted in _identities(disk):
            for candidate in machine.candidates:
                if not disks.different(candidate, wanted):
                    yield "3", f"by the {wanted} of {candidate}"


def _identities(disk: Disk) -> Iterator[WantedDisk]:
    """What no other disk has; a place in the machine is not one of them."""
    if disk.wwn:
        yield WantedDisk(wwn=disk.wwn)
    if disk.serial:
        yield WantedDisk(serial=disk.serial)
    if disk.path and disk.path.startswith("/dev/disk/by-id/"):
        yield WantedDisk(path=disk.path)


def described_macs(host: Host) -> frozenset[str]:
    """The MAC addresses that describe a host."""
    return frozenset((host.settings.mac, *_macs(host)))


def _macs(host: Host) -> Iterator[str]:
    for interface in host.settings.network:
        yield from (each for each in (interface.mac, *interface.lower) if each and ":" in each)
