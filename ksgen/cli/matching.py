# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ksgen match` does: it reads inventory and facts, and prints the verdicts."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import click

from ksgen import match
from ksgen.cli.edges import DONE, PROBLEMS, show_problems, talk
from ksgen.cli.selection import limited, read
from ksgen.host import read_hosts
from ksgen.match import Machine, Standing, Verdict
from org_ovirt_node.programs.disks import Refusal


def match_machines(hosts: str, words: Sequence[str], propose: bool, passwords: Sequence[str], as_json: bool) -> None:
    """Print what the resolvers would decide, and exit."""
    patterns, files = divided(words)
    if not files:
        raise click.UsageError("no file of facts is given; ksgen facts prints the script that collects them")
    site, report = read([hosts], passwords)
    known, found = read_hosts(site)
    report.extend(found)
    chosen = limited(site, ",".join(patterns) if patterns else None)
    wanted = [host for host in known if host.name in chosen]
    machines, found = match.read_machines(files)
    report.extend(found)
    matched = match.match(wanted, machines, bool(patterns))
    report.extend(matched.problems)
    for verdict in matched.verdicts:
        report.extend(match.problems(verdict))
    if not propose:
        report.extend(match.unknown(machine, wanted) for machine in matched.strangers)
    problems = [problem for problem in report.problems if problem.host is None or problem.host in chosen]
    if as_json:
        shown = {"machines": [*map(_verdict_json, matched.verdicts), *map(_machine_json, matched.strangers)]}
        show_problems(problems, site.sources, as_json=True, more=shown)
    else:
        if propose:
            click.echo("\n".join(map(match.proposal, matched.strangers)), nl=False)
        for number, verdict in enumerate(() if propose else matched.verdicts):
            click.echo("\n".join([*([""] if number else []), *verdict_lines(verdict)]))
        if propose and not matched.strangers:
            talk("nothing to propose: no machine is without a host")
        show_problems(problems, site.sources, as_json=False)
    sys.exit(PROBLEMS if any(problem.severity == "error" for problem in problems) else DONE)


def divided(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The patterns of hosts, and the files: what exists, and what is written as a file."""
    files = [word for word in words if "/" in word or word.endswith(".json") or Path(word).exists()]
    return [word for word in words if word not in files], files


def verdict_lines(verdict: Verdict) -> Iterator[str]:
    """The host and its machine; a table of the disks and one of the NICs; what the resolver would say."""
    machine = verdict.machine
    state = "stops" if verdict.stops else "would install"
    yield match.printable(f"{verdict.host.name}: {state}; the machine of {machine.file}, {verdict.reason}")
    yield match.printable(f"  {machine.label}; {_kind(machine)}")
    yield from _table(
        ("DISK", "SIZE", "MODEL", "SERIAL", "WWN", "ON IT", "VERDICT"), map(_disk_row, verdict.standings())
    )
    nics = ((name, mac, ", ".join(verdict.nic_roles(mac, name)) or "-") for mac, name in machine.nics.items())
    yield from _table(("NIC", "MAC", "USED AS"), nics)
    if not verdict.stops:
        yield from (match.printable(f"  {line}") for line in verdict.said)


def _kind(machine: Machine) -> str:
    if not machine.is_running:
        return f"facts of an installer, {machine.record.collected}"
    return f"facts of a running system, {machine.record.collected}: mounts and active devices are as of then"


def _disk_row(standing: Standing) -> tuple[str, ...]:
    first = standing.candidate.paths[0]
    serial = first.serials[0] if first.serials else "-"
    verdict = ", ".join(standing.roles) or "not requested"
    codes = ", ".join(dict.fromkeys(each.code for each in standing.refusals))
    words = ", ".join(dict.fromkeys(each.word for each in standing.allowed))
    if codes:
        verdict += f"; {'' if standing.roles else 'would be '}refused: {codes}"
    elif standing.roles:
        verdict += f"; erased, by node_erase: {words}" if words else "; erased"
    if standing.unseen:
        verdict += f"; not searched: {', '.join(standing.unseen)}"
    return (
        str(standing.candidate),
        f"{first.size / 1e9:.1f} GB",
        first.model or "-",
        serial,
        first.wwn or "-",
        standing.contents,
        verdict,
    )


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    lines = [heads, *(tuple(map(match.printable, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        yield "  " + "  ".join(map(str.ljust, line, widths)).rstrip()


# --- JSON ------------------------------------------------------------------------------------------------------------


def _machine_json(machine: Machine) -> dict[str, object]:
    record = machine.record
    return {
        "file": machine.file,
        "kind": record.kind,
        "collected": record.collected,
        "hostname": record.hostname,
        "machine": machine.label,
        "host": None,
    }


def _verdict_json(verdict: Verdict) -> dict[str, object]:
    return {
        **_machine_json(verdict.machine),
        "host": verdict.host.name,
        "reason": verdict.reason,
        "stops": verdict.stops,
        "said": list(verdict.said),
        "active": [_refusal_json(each) for each in verdict.active],
        "disks": [_standing_json(standing) for standing in verdict.standings()],
        "nics": [
            {"name": name, "mac": mac, "used_as": list(verdict.nic_roles(mac, name))}
            for mac, name in verdict.machine.nics.items()
        ],
    }


def _standing_json(standing: Standing) -> dict[str, object]:
    first = standing.candidate.paths[0]
    return {
        "names": list(standing.candidate.names),
        "size": first.size,
        "model": first.model or None,
        "serial": first.serials[0] if first.serials else None,
        "wwn": first.wwn or None,
        "contents": standing.contents,
        "disks": list(standing.roles),
        "refusals": [_refusal_json(each) for each in standing.refusals],
        "allowed": [_refusal_json(each) for each in standing.allowed],
        "not_searched": list(standing.unseen),
    }


def _refusal_json(refusal: Refusal) -> dict[str, object]:
    return {
        "code": refusal.code,
        "found": refusal.found,
        "needed": refusal.needed,
        "cure": refusal.cure,
        "node_erase": refusal.word or None,
    }
