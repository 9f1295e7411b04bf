# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ksgen discover` does: it publishes a discovery, follows it, and ends it; and what `ksgen discovered` prints."""

from __future__ import annotations

import dataclasses
import datetime
import secrets
import signal
import sys
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ksgen import match, netboot, publish
from ksgen.cli import confirmation, looking, machines, planning
from ksgen.cli.asking import Away, Refused, Server
from ksgen.cli.edges import DONE, count, counted, show_problems, stop, talk
from ksgen.cli.planning import Options
from ksgen.cli.selection import read
from ksgen.host import read_hosts
from ksgen.netboot import Discovery
from ksgen.problems import Report
from org_ovirt_node.facts.discovery import Order
from org_ovirt_node.facts.sighting import to_json

_LOOK_S = 2.0
# Clocks of server and operator may differ.
_CLOCKS_DIFFER = datetime.timedelta(minutes=5)


@dataclasses.dataclass(frozen=True)
class Period:
    """The arguments of `discover` beside those of publication."""

    duration: str
    then: str
    group: str
    source: machines.Source
    is_followed: bool


def options(hosts: str, directory: Path, given: Mapping[str, Any]) -> Options:
    """The options of publication. No host is chosen: no file of a host changes."""
    return Options(hosts=[hosts], directory=directory, as_json=False, limit="", **given)


def discover(options: Options, period: Period) -> None:
    """Publish a discovery; follow it until its end, unless it is to be left alone. Exits."""
    now = datetime.datetime.now(datetime.timezone.utc)
    until = netboot.parse_until(period.duration, now)
    if isinstance(until, netboot.UntilError):
        raise click.UsageError(f"{until.message}; {until.hint}")
    server = period.source.asked if period.is_followed else None
    if server is not None:
        machines.listed(server)  # before anything is published
    discovery = _publish(options, period, now.replace(microsecond=0), until)
    directory = options.directory
    talk(f"machines of no host are discovered until {confirmation.time_text(until)}; nothing is written to their disks")
    if server is None:
        talk(f"`ksgen discover {options.hosts[0]} -o {directory} --end` ends it before")
        sys.exit(DONE)
    _follow(server, directory, discovery, planning.memory_of(options)[0].templates)


def _publish(options: Options, period: Period, given: datetime.datetime, until: datetime.datetime) -> Discovery:
    """Write the files of a new discovery, in place of one that is there. Exits if that is not possible."""
    look = looking.look(options, period.group)
    errors = [problem for problem in look.problems if problem.severity == "error"]
    show_problems(look.problems, look.site.sources, as_json=False)
    if errors:
        stop(f"{count(errors)}; nothing was written")
    discovery = netboot.discovery_of(look.base, given, until, secrets.token_hex(16), secrets.token_hex(32))
    discovery = dataclasses.replace(discovery, disks=tuple(sorted(look.macs - look.boot_macs)))
    kickstart = match.discovery_kickstart(_order(look, discovery, period.then))
    try:
        with publish.locked(options.directory):
            _end(options.directory, look.memory.templates)
            files = looking.files(options, look, netboot.Running(discovery, kickstart))
            publication = publish.changes(options.directory, files.site)
            problems = [*files.problems, *publication.problems]
            show_problems(problems, look.site.sources, as_json=False)
            if errors := [problem for problem in problems if problem.severity == "error"]:
                stop(f"{count(errors)}; no machine is discovered")
            with netboot.staged(files.copies, options.directory) as staging:
                publish.carry_out(publication, staging.put)
    except OSError as error:
        stop(f"{error.filename or options.directory}: {error.strerror}; nothing was written")
    return discovery


def _order(look: looking.Look, discovery: Discovery, then: str) -> Order:
    settings = look.base.settings
    base = settings.server_url.rstrip("/")
    # That of reports, with the same certificate; the two routes are beside each other.
    url = f"{(settings.report_url or f'{base}/report').rstrip('/').rpartition('/')[0]}/discovered"
    web = f"http://{discovery.server}{discovery.path}"
    return Order(url, discovery.report, web, then, settings.report_pin or "", tuple(sorted(look.macs)))


# --- until its end ---------------------------------------------------------------------------------------------------


def _follow(server: Server, directory: Path, discovery: Discovery, templates: Path | None) -> None:
    """Tell of each machine, and have it boot its disk from now on, until the time is over or Ctrl-C. Exits."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    talk("Ctrl-C ends it; waiting for machines")
    seen: dict[str, str] = {}
    try:
        while not stopped.wait(_LOOK_S) and datetime.datetime.now(datetime.timezone.utc) < discovery.until:
            found = [one for one in _news(server) if _is_of(one, discovery)]
            for one in found:
                if seen.get(one["mac"]) != one["last"]:
                    click.echo(f"{one['mac']}  {match.printable(one['words'])}")
                    seen[one["mac"]] = one["last"]
            if not _remember(directory, discovery, {mac for one in found for mac in one["macs"]}, templates):
                stop("the discovery was ended by another command")
        with publish.locked(directory):
            _end(directory, templates)
    except OSError as error:
        stop(f"{error.filename or directory}: {error.strerror}")
    talk(f"the discovery has ended; {counted(len(seen), 'machine')} found; see `ksgen discovered`")
    sys.exit(DONE)


def _news(server: Server) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = server.ask("/api/discovered")["machines"]
        return found
    except (Away, Refused, KeyError, TypeError) as error:
        talk(f"warning: {error}")
        return []


def _is_of(one: Mapping[str, Any], discovery: Discovery) -> bool:
    return datetime.datetime.fromisoformat(one["last"]) >= discovery.given - _CLOCKS_DIFFER


def _remember(directory: Path, discovery: Discovery, macs: Collection[str], own: Path | None) -> bool:
    """Machines that have told boot their disk: write their boot files. False if the discovery is not there any more."""
    try:
        now = netboot.running_discovery(directory, datetime.datetime.now(datetime.timezone.utc))
    except ValueError:
        return False
    if now is None or now.discovery.token != discovery.token:
        return False
    if set(macs) <= set(now.discovery.disks):
        return True
    templates = netboot.BootTemplates(own)
    with publish.locked(directory):
        now = netboot.running_discovery(directory, datetime.datetime.now(datetime.timezone.utc))
        if now is None or now.discovery.token != discovery.token:
            return False
        more = dataclasses.replace(now.discovery, disks=tuple(sorted({*now.discovery.disks, *macs})))
        taken = [mac for mac in more.disks if mac not in now.discovery.disks and _has_files(directory, mac)]
        files = netboot.Running(more, now.kickstart).files(templates, taken)
        publish.carry_out(publish.amended(directory, {path: str(text) for path, text, _ in files}, frozenset()))
    return True


def _has_files(directory: Path, mac: str) -> bool:
    return any((directory / path).exists() for path in netboot.disk_paths(mac))


def end(directory: Path) -> None:
    """End the discovery of a tree, and exit. The inventory is not read."""
    if not (directory / netboot.REMEMBERED_FILE).exists():
        raise click.UsageError(f"nothing is published in {directory}; specify the directory with -o")
    try:
        with publish.locked(directory):
            memory = netboot.read_remembered(directory.absolute())
            has_ended = _end(directory, memory.templates)
    except ValueError as error:
        stop(f"{directory / netboot.REMEMBERED_FILE} {error}")
    except OSError as error:
        stop(f"{error.filename or directory}: {error.strerror}; nothing was written")
    talk("the discovery has ended" if has_ended else f"no discovery is running in {directory}")
    sys.exit(DONE)


def _end(directory: Path, own: Path | None) -> bool:
    """Have all machines boot their disk again, if a discovery is in the tree. The lock is held. Raises OSError."""
    try:
        discovery = netboot.stored_discovery(directory)
    except ValueError:
        discovery = None
    texts, removed = netboot.discovery_ended(directory, discovery, netboot.BootTemplates(own))
    if not removed:
        return False
    publication = publish.amended(directory, texts, removed)
    if publication.errors:
        show_problems(publication.problems, {}, as_json=False)
        stop(f"{count(publication.errors)}; nothing was written")
    publish.carry_out(publication)
    return True


# --- what was found --------------------------------------------------------------------------------------------------


def discovered(hosts: str, source: machines.Source, as_yaml: bool, passwords: Sequence[str], as_json: bool) -> None:
    """Print the machines that no host describes, and exit."""
    site, report = read([hosts], passwords)
    known, found = read_hosts(site)
    report.extend(found)
    seen, problems = machines.read(source)
    strangers = [machine for machine in seen if not match.hosts_of(known, machine)]
    if as_json:
        show_problems(problems, {}, as_json=True, more={"machines": [_json(machine) for machine in strangers]})
    elif as_yaml:
        click.echo("\n".join(map(match.proposed_entry, strangers)), nl=False)
    else:
        for line in _lines(strangers):
            click.echo(match.printable(line))
    if not as_json:
        _warn(report, hosts)
        show_problems(problems, {}, as_json=False)
        others = len(seen) - len(strangers)
        talk(f"{counted(len(strangers), 'machine')} of no host; {others} described by the inventory")
    sys.exit(DONE)


def _warn(report: Report, hosts: str) -> None:
    """Hosts with errors are not known: their machines may be listed."""
    if any(one.severity == "error" and one.host is not None for one in report.problems):
        talk(f"{hosts}: warning: the inventory has errors; machines of hosts with errors are listed as well")


def _lines(strangers: Sequence[match.Machine]) -> Iterator[str]:
    for machine in strangers:
        mac = _first_mac(machine)
        yield f"{mac}  {machine.label}"
        for line in match.entry_lines(machine, "")[2:]:
            if not line.strip().startswith("node_network") and "- {mac:" not in line:
                yield f"  {line.strip()}"


def _first_mac(machine: match.Machine) -> str:
    booted = machine.sighting.booted_from if machine.sighting else ""
    return booted if booted in machine.nics else next(iter(machine.nics), "no NIC")


def _json(machine: match.Machine) -> dict[str, Any]:
    found = {**machine.to_json(), "mac": _first_mac(machine), "proposal": match.proposed_entry(machine)}
    if machine.sighting:
        told = to_json(machine.sighting)
        found |= {key: told[key] for key in told.keys() - {"facts", "format", "version"}}
    return found
