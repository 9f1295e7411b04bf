# SPDX-License-Identifier: GPL-2.0-or-later
"""What the resolvers would say of a host on a machine: their own judgement, on facts in place of the machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ksgen.host import Host
from ksgen.kickstart import network_commands, wanted_disks
from ksgen.match.machine import Machine, printable
from ksgen.problems import Finding, Problem
from ksgen.variables import has_mac_members
from org_ovirt_node.facts.record import INSTALLER
from org_ovirt_node.facts.replay import Replay
from org_ovirt_node.programs import disks, nics
from org_ovirt_node.programs.disks import Candidate, Decision, Facts, Refusal, Wanted

# What is active on a running system, and is not in an installer: devices that other programs have started, and maps of
# multipathd.
_ACTIVE = frozenset({"stack-unknown", "multipath-map"})


@dataclasses.dataclass(frozen=True)
class Standing:
    """A disk of the machine: which disk of the host it would be (`system0`), what is on it, what speaks against it.

    `allowed`: what node_erase allows to be erased.
    """

    candidate: Candidate
    contents: str
    roles: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    allowed: tuple[Refusal, ...]
    unseen: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the resolvers decide for a host on a machine. `refusals` and `missing` stop the installation.

    `active`: what is active on a running system, and would stop it if it were so in the installer. `missing`: MAC
    addresses that node_network names and no NIC has.
    """

    host: Host
    machine: Machine
    reason: str
    wanted: Wanted
    facts: Facts
    decision: Decision
    active: tuple[Refusal, ...]
    missing: tuple[str, ...]

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        return tuple(each for each in self.decision.refusals if each not in self.active)

    @property
    def has_mac(self) -> bool:
        """Whether the machine has the boot NIC of the host."""
        return self.host.settings.mac in self.machine.nics

    @property
    def stops(self) -> bool:
        return bool(self.refusals or self.missing or not self.has_mac)

    @property
    def said(self) -> tuple[str, ...]:
        """The words of disks.py, then those of nics.py if it would stop, a line each."""
        of_disks = "\n".join(f"ovirt-node: {line}" for line in self.given)
        if self.refusals:
            of_disks = disks.describe(self.refusals, disks.looked_at(self.facts, self.wanted))
        of_nics = nics.describe(list(self.missing), self.machine.nics)
        return (*of_disks.splitlines(), *of_nics.splitlines())

    @property
    def given(self) -> tuple[str, ...]:
        """Which disk would have which name, and what is on it."""
        if not self.active:
            return tuple(disks.given(self.facts, self.decision))
        chosen = enumerate(self.decision.chosen)
        return tuple(f"{disks.LINK}{n} is {each}: {disks.contents(self.facts, each)}" for n, each in chosen)

    def standings(self) -> Iterator[Standing]:
        """Every disk of the machine; of those that are not requested, what would be said if they were."""
        for candidate in self.machine.candidates:
            roles = tuple(self._roles(candidate))
            found = disks.obstacles(self.machine.idle, [candidate], self.wanted)
            # What is on several disks may be on requested ones alone.
            is_whole = not any(each.code == "reaches-out" for each in self.decision.refusals)
            found = tuple(each for each in found if not (roles and is_whole and each.code == "reaches-out"))
            found = tuple(each for each in found if not (self.machine.is_running and each.code in _ACTIVE))
            allowed = tuple(each for each in found if each.word in self.wanted.erase)
            yield Standing(
                candidate,
                disks.contents(self.machine.now, candidate),
                roles,
                tuple(each for each in found if each not in allowed),
                allowed,
                self.machine.unseen_on(candidate),
            )

    def _roles(self, candidate: Candidate) -> Iterator[str]:
        for number, wanted in enumerate(self.wanted.disks):
            if not disks.different(candidate, wanted) and disks.has_size(candidate, wanted):
                yield f"system{number}"

    def nic_roles(self, mac: str, name: str) -> tuple[str, ...]:
        """What a NIC is for the host: the boot NIC, and what it is in node_network."""
        roles = ["boot NIC"] if mac == self.host.settings.mac else []
        for interface in self.host.settings.network:
            if not interface.kind and interface.device in (mac, name):
                roles.append("in node_network")
            if {mac, name} & set(interface.lower):
                roles.append(f"in {interface.device}")
        return tuple(roles)


def judge(host: Host, machine: Machine, reason: str) -> Verdict:
    """What %pre of the host's kickstart would decide on the machine."""
    wanted = wanted_disks(host.settings)
    if machine.record.kind == INSTALLER:
        facts, decision = disks.judge(Replay(machine.record), wanted)
        active: tuple[Refusal, ...] = ()
    else:
        facts, decision, active = _judge_running(machine, wanted)
    return Verdict(host, machine, reason, wanted, facts, decision, active, _missing(host, machine))


def _judge_running(machine: Machine, wanted: Wanted) -> tuple[Facts, Decision, tuple[Refusal, ...]]:
    """disks.judge, but for what will not be active in the installer."""
    target = Replay(machine.record, is_idle=True)
    facts = disks.gather(target)
    decision = disks.decide(facts, wanted)
    if all(each.code in _ACTIVE for each in decision.refusals):
        facts = disks.look_inside(target, facts, decision.chosen)
        decision = disks.decide(facts, wanted)
    return facts, decision, tuple(each for each in decision.refusals if each.code in _ACTIVE)


def _missing(host: Host, machine: Machine) -> tuple[str, ...]:
    if not has_mac_members(host.settings.network):
        return ()
    return tuple(nics.decide(network_commands(host.settings), machine.nics)[1])


def problems(verdict: Verdict) -> Iterator[Problem]:
    """Why the installation would stop, at the variables that cause it."""
    host, file = verdict.host, verdict.machine.file
    for each in verdict.refusals:
        consent = f"; to erase it anyway: node_erase: [{each.word}]" if each.word else ""
        message = f"{file}: {each.code}: {each.found}; needed: {each.needed}"
        yield host.at(("node_disk",), Finding("match-disk", printable(message), hint=printable(each.cure + consent)))
    have = ", ".join(f"{name} {mac}" for mac, name in verdict.machine.nics.items()) or "no NIC"
    if verdict.missing:
        message = f"{file}: no NIC has the address {', '.join(verdict.missing)}; this machine has {have}"
        yield host.at(("node_network",), Finding("match-nic", printable(message), hint="correct node_network"))
    if not verdict.has_mac:
        message = f"{file}: no NIC has the address {host.settings.mac}; this machine has {have}"
        hint = "correct node_mac, by which the machine is recognized when it boots"
        yield host.at(("node_mac",), Finding("match-nic", printable(message), hint=hint))
    names = set(verdict.machine.nics.values())
    for place, name in _names(host):
        if name not in names:
            message = f"{file}: no NIC has the name {name}; this machine has {have}"
            hint = "names may differ between an installed system and the installer; MAC addresses do not"
            yield host.at(place, Finding("match-nic-name", printable(message), "warning", hint))


def _names(host: Host) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The names of NICs in node_network, with their places; not of what it makes itself."""
    made = {interface.device for interface in host.settings.network if interface.kind}
    for number, interface in enumerate(host.settings.network):
        if interface.name and not interface.kind:
            yield ("node_network", number, "name"), interface.name
        for place, member in interface.lower_places:
            described = {each.name for each in host.settings.network}
            if ":" not in member and member not in made | described:
                yield ("node_network", number, *place), member
