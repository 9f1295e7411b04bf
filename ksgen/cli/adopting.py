# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ksgen adopt` does: a machine becomes a host of the inventory, in the file of its group."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from ksgen import inventory, match
from ksgen.cli import machines
from ksgen.cli.edges import DONE, count, show_problems, stop, talk
from ksgen.cli.selection import read, unknown_host
from ksgen.host import Host, boot_mac, read_hosts
from ksgen.inventory import STDIN, Insertion, Inventory
from ksgen.match import Inherited, Machine
from ksgen.problems import Mark, Problem, Report
from ksgen.redaction import redacted
from ksgen.variables import parse_mac


@dataclasses.dataclass(frozen=True)
class Adoption:
    """The arguments of `adopt`."""

    hosts: str
    mac: str
    name: str
    group: str
    source: machines.Source
    is_confirmed: bool
    passwords: tuple[str, ...]


def adopt(order: Adoption) -> None:
    """Write the host into the inventory, after a question, and exit."""
    try:
        mac = parse_mac(order.mac)
    except ValueError as error:
        raise click.UsageError(f"{order.mac!r} is not a MAC address, such as 52:54:00:aa:00:01") from error
    if not inventory.is_host(order.name):
        raise click.UsageError(f"{order.name!r} is not a valid host name, such as node17.example.com")
    machine = _machine(order, mac)
    site, report = read([order.hosts], order.passwords)
    hosts, found = read_hosts(site)
    report.extend(found)
    _refuse_unreadable(order, report, machine, site)
    if order.group not in site.groups:
        raise click.UsageError(unknown_host("group", order.group, site.groups))
    if in_the_way := list(_in_the_way(order, site, hosts, machine)):
        show_problems(in_the_way, site.sources, as_json=False)
        stop(f"{count(in_the_way)}; nothing was written")
    insertion = _insertion(order, machine)
    after, report = read([order.hosts], order.passwords, instead={insertion.file: insertion.text})
    report.extend(read_hosts(after)[1])
    for line in _difference(insertion):
        click.echo(line)
    if errors := _errors(report, order.name):
        show_problems(report.problems, after.sources, as_json=False)
        stop(f"{count(errors)}; nothing was written")
    _confirm(order, insertion)
    _write(insertion)
    talk(f"{order.name} is in {insertion.file}, line {insertion.line}; see `ksgen plan {order.hosts} {order.name}`")
    sys.exit(DONE)


def _machine(order: Adoption, mac: str) -> Machine:
    """The machine that has a NIC with this address. Exits if none has it, or several."""
    known, problems = machines.read(order.source, mac)
    found = [machine for machine in known if mac in machine.nics]
    if not found:
        show_problems(problems, {}, as_json=False)
        stop(f"no machine whose facts are known has the MAC address {mac}; nothing was written")
    if len(found) > 1:
        stop(f"{mac} is in several files: {', '.join(one.file for one in found)}; nothing was written")
    return found[0]


def _refuse_unreadable(order: Adoption, report: Report, machine: Machine, site: Inventory) -> None:
    """An inventory that lines cannot be put into, as it is made by a program: print what a person may paste."""
    errors = [one for one in report.problems if one.severity == "error" and one.host is None]
    is_made = order.hosts == "-" or STDIN in site.sources
    if not is_made and not any(one.code in ("ini-inventory", "not-yaml", "inventory-plugin") for one in errors):
        return
    show_problems(errors, site.sources, as_json=False)
    for line in match.entry_lines(machine, order.name):
        click.echo(line)
    what = "standard input" if is_made else order.hosts
    stop(f"{what} is not a YAML inventory that can be edited; this is the entry of the host; nothing was written")


def _in_the_way(order: Adoption, site: Inventory, hosts: Sequence[Host], machine: Machine) -> Iterator[Problem]:
    """Why the machine is not adopted under this name."""
    for entry in site.hosts:
        if entry.name == order.name:
            hint = "choose another name, or correct the host"
            message = f"{order.name} is in the inventory already"
            yield Problem("adopt-host", message, entry.mark, host=entry.name, hint=hint)
    described = {name: (mark, reason) for name, mark, reason in _described(site, hosts, machine)}
    for name, (mark, reason) in described.items():
        if name != order.name:
            message = f"the machine is this host already, {reason}"
            yield Problem("adopt-described", message, mark, host=name, hint="correct that host, or remove it")


def _described(site: Inventory, hosts: Sequence[Host], machine: Machine) -> Iterator[tuple[str, Mark, str]]:
    """The hosts that the machine is. One with errors is known by its node_mac at least."""
    entries = {entry.name: entry for entry in site.hosts}
    known = {host.name: reason for host, reason in match.hosts_of(hosts, machine)}
    for entry in site.hosts:
        mac = boot_mac(entry)
        if mac in machine.nics:
            mark = entry.variables["node_mac"].node.mark
            yield entry.name, mark, f"by the MAC address {mac} of {machine.nics[mac]}"
            known.pop(entry.name, None)
    for name, reason in known.items():
        yield name, entries[name].mark, reason


def _inherited(order: Adoption) -> Inherited:
    """What the hosts of the group get from it."""
    bare = inventory.with_host([order.hosts], order.group, (f"{order.name}:", "  node_kind: none"))
    if not isinstance(bare, Insertion):
        return Inherited()
    with_it, _ = read([order.hosts], order.passwords, instead={bare.file: bare.text})
    variables = next((entry.variables for entry in with_it.hosts if entry.name == order.name), {})
    raid = variables.get("node_raid")
    return Inherited("node_network" in variables, raid is not None and raid.node.value is not None)


def _insertion(order: Adoption, machine: Machine) -> Insertion:
    try:
        entry = match.entry_lines(machine, order.name, _inherited(order))
        insertion = inventory.with_host([order.hosts], order.group, entry)
    except OSError as error:
        stop(f"{error.filename or order.hosts}: {error.strerror}; nothing was written")
    if isinstance(insertion, Insertion):
        return insertion
    if insertion.file:
        hint = "paste the entry that is printed, or write the group without braces"
        place = Mark(insertion.file, insertion.line)
        show_problems([Problem("adopt-place", insertion.message, place, hint=hint)], {}, as_json=False)
    for line in entry:
        click.echo(line)
    stop(f"{'1 error' if insertion.file else insertion.message}; nothing was written")


def _errors(report: Report, name: str) -> list[Problem]:
    return [one for one in report.problems if one.severity == "error" and one.host in (None, name)]


def _difference(insertion: Insertion) -> Iterator[str]:
    """The change as a unified diff, without secrets."""
    old = insertion.before.decode("utf-8", "surrogateescape")
    before, after = (redacted(text.splitlines()) for text in (old, insertion.text))
    for line in difflib.unified_diff(before, after, insertion.file, insertion.file, lineterm=""):
        yield match.printable(line)


def _confirm(order: Adoption, insertion: Insertion) -> None:
    if order.is_confirmed:
        return
    question = f"Write this to {insertion.file}?"
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Standard input is not a terminal: add --yes")
    if not click.confirm(question, err=True):
        stop("nothing was written")


def _write(insertion: Insertion) -> None:
    """Replace the file as a whole, with its mode and owner; of a symbolic link, the file that it leads to."""
    path = Path(insertion.file).resolve()
    try:
        if path.read_bytes() != insertion.before:
            stop(f"{insertion.file} has changed in the meantime; nothing was written")
        state = path.stat()
        descriptor, new = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with open(descriptor, "wb") as file:
                file.write(insertion.text.encode("utf-8", "surrogateescape"))
                file.flush()
                os.fsync(file.fileno())
            os.chmod(new, state.st_mode & 0o7777)
            if (state.st_uid, state.st_gid) != (os.geteuid(), os.getegid()):
                with contextlib.suppress(PermissionError):
                    os.chown(new, state.st_uid, state.st_gid)
            os.replace(new, path)
        except BaseException:
            os.unlink(new)
            raise
    except OSError as error:
        stop(f"{error.filename or path}: {error.strerror}; nothing was written")
