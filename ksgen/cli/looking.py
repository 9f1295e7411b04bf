# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ksgen discover` publishes: which settings its machines boot with, and which files the tree needs for them."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence

import click

from ksgen import inventory, netboot, publish
from ksgen.cli import planning
from ksgen.cli.edges import count, show_problems, stop
from ksgen.cli.planning import Options
from ksgen.cli.selection import read, unknown_host
from ksgen.host import Host, boot_mac, read_hosts
from ksgen.inventory import Insertion, Inventory
from ksgen.match import described_macs
from ksgen.netboot import Remembered, Running
from ksgen.problems import Finding, Mark, Problem
from ksgen.variables import PREFIX
from ksgen.version import version

# What machines need that are only looked at; everything else of a host is for its installation.
_NEEDED = frozenset(
    PREFIX + name
    for name in ("kind", "release", "image_url", "tree_url", "server_url", "installer_args", "proxy", "dhcp",
                 "report_url", "report_pin", "mac", "disk")
)  # fmt: skip
# A host of the group that is there for the settings alone. No host has this name (RFC 2606), no NIC this address (RFC
# 7042, section 2.1).
_NAME = "discovery.invalid"
_BARE = (f"{_NAME}:", '  node_mac: "02:00:00:00:00:01"', '  node_disk: {serial: "none", size: 1 TB}')
# What an inventory without hosts lacks, and a host without its users.
_OF_INSTALLATIONS = frozenset({"nobody-can-log-in", "no-hosts", "no-nodes", "host-skipped"})
_NGINX = "nginx.conf"


@dataclasses.dataclass(frozen=True)
class Look:
    """The inventory, the host whose settings machines boot with, the options of the tree, and what is wrong.

    `macs`: all MAC addresses that describe a host; `boot_macs`: those that its boot files are for.
    """

    site: Inventory
    known: tuple[Host, ...]
    base: Host
    macs: frozenset[str]
    boot_macs: frozenset[str]
    memory: Remembered
    problems: tuple[Problem, ...]


@dataclasses.dataclass(frozen=True)
class Files:
    """What is published: files and copies, and what is wrong with them."""

    site: publish.Site
    copies: Sequence[netboot.Copy]
    problems: tuple[Problem, ...]


def look(options: Options, group: str) -> Look:
    """Read everything. Raises a usage error, and OSError; exits where the settings are not known."""
    site, report = read(options.hosts, options.passwords)
    if group not in site.groups:
        raise click.UsageError(unknown_host("group", group, site.groups))
    if any(entry.name == netboot.DISCOVERY_NAME for entry in site.hosts):
        raise click.UsageError(f"rename the host {netboot.DISCOVERY_NAME}: the discovery has this name")
    known, _ = read_hosts(site)
    memory, _ = planning.memory_of(options)
    problems = [one for one in report.problems if one.host is None and one.code not in _OF_INSTALLATIONS]
    bare, insertion = _bare(options, site, group)
    found, more = read_hosts(bare)
    more += _doubts(found[0]) if found else []
    (entry,) = bare.hosts
    for one in more:
        if one.code not in _OF_INSTALLATIONS and (one.severity == "error" or one.code.startswith("discovery-")):
            at_host = insertion is not None and one.mark == entry.mark
            problems.append(_at_group(one, site, group) if at_host else _as_written(one, insertion))
    if not found:
        show_problems(problems, site.sources, as_json=False)
        cure = f"set it in the vars of {group!r}, or name another group with --group"
        stop(f"{count(problems)} in what machines boot with; nothing was written; {cure}")
    boot_macs = {mac for entry in site.hosts if (mac := boot_mac(entry))}
    macs = boot_macs.union(*(described_macs(host) for host in known))
    return Look(site, known, found[0], frozenset(macs), frozenset(boot_macs), memory, tuple(dict.fromkeys(problems)))


def _bare(options: Options, site: Inventory, group: str) -> tuple[Inventory, Insertion | None]:
    """An inventory of one host of the group, with what is needed alone, and the text that was read for it."""
    (hosts,) = options.hosts
    place = None if hosts == "-" else inventory.with_host([hosts], group, _BARE)
    insertion = place if isinstance(place, Insertion) else None
    if insertion is not None:
        site, _ = read([hosts], options.passwords, instead={insertion.file: insertion.text})
        found = next((one for one in site.hosts if one.name == _NAME), None)
    else:
        found = next((one for one in site.hosts if group == "all" or group in one.groups), None)
    if found is None:
        raise click.UsageError(f"the group {group!r} has no host, and none can be added to it; name another --group")
    variables = {name: value for name, value in found.variables.items() if name in _NEEDED}
    return dataclasses.replace(site, hosts=(dataclasses.replace(found, variables=variables),)), insertion


def _at_group(problem: Problem, site: Inventory, group: str) -> Problem:
    """A problem of the host that is in no file: what its group lacks."""
    mark = site.groups[group].mark
    return dataclasses.replace(problem, mark=mark, host=None, hint=f"set it in the vars of the group {group!r}")


def _as_written(problem: Problem, insertion: Insertion | None) -> Problem:
    """A problem with the line that its value has in the file, which the host is not in."""
    mark = problem.mark
    if insertion is None or mark.file != insertion.file or mark.line < insertion.line:
        return problem
    lines = insertion.text.count("\n") - insertion.before.count(b"\n")
    return dataclasses.replace(problem, mark=mark._replace(line=mark.line - lines))


def _doubts(base: Host) -> list[Problem]:
    """Why machines may boot nothing, or tell nothing."""
    problems = []
    if base.settings.report_url is False:
        hint = "remove it, or name a group with reports: --group"
        message = "machines that are discovered have to report what they are"
        problems.append(base.at(("node_report_url",), Finding("discovery-reports", message, hint=hint)))
    if base.settings.dhcp != "none":
        message = "dnsmasq.conf answers the machines of the inventory alone: others need another DHCP server"
        hint = "its options 66 and 67 are in docs/deployment.md"
        problems.append(base.at(("node_dhcp",), Finding("discovery-dhcp", message, "warning", hint)))
    return problems


def files(options: Options, found: Look, running: Running) -> Files:
    """The files of a discovery; in an unpublished tree also those that all machines need. Raises OSError."""
    templates = netboot.BootTemplates(found.memory.templates)
    server = netboot.server(options.directory, *planning.web_server(), found.memory)
    contents: dict[str, publish.Content] = {netboot.REMEMBERED_FILE: netboot.remembered_text(found.memory)}
    problems: list[Problem] = []
    nginx = options.directory / _NGINX
    if nginx.exists():
        if "/discovered" not in nginx.read_text(errors="replace"):
            message = "written by an older ksgen, whose nginx serves no discovery"
            hint = f"publish the whole site once, and reload nginx: ksgen {options.hosts[0]} -o {options.directory}"
            problems.append(Problem("discovery-nginx", message, Mark(str(nginx), 1), hint=hint))
    else:
        now = datetime.datetime.now(datetime.timezone.utc)
        of_site = netboot.site_files(
            [found.base, *found.known], (), server, templates, now, limit=(), discovery=running
        )
        problems += of_site.problems
        contents |= {file.path: file.text for file in of_site.files if file.owner is None}
    contents |= {file.path: file.text for file in running.files(templates, found.boot_macs)}
    named = {release for release in options.trees if release in found.memory.trees}
    trees = {release: found.memory.trees[release] for release in named}
    copies, more = netboot.copies([found.base], trees or found.memory.trees, is_named=bool(named))
    copied = {copy.target.split("/")[1] for copy in copies if copy.target.startswith("boot/")}
    problems += [*more, *netboot.missing_kernels([found.base], options.directory, copied)]
    site = publish.Site(
        contents,
        {},
        {name: publish.sha256(text.encode("utf-8", "surrogateescape")) for name, text in found.site.sources.items()},
        version(),
        frozenset(),
        netboot.readers(options.directory, server.group),
    )
    return Files(site, [*netboot.changed(copies, options.directory)], tuple(problems))
