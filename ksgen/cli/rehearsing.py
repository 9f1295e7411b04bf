# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ksgen rehearse` does: it chooses hosts and what they are rehearsed with, and rehearses them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import click

from ksgen import rehearsal
from ksgen.cli.edges import counted, names_text, show_problems, talk
from ksgen.cli.rehearsal_media import chosen, complaints, read_images, read_installers
from ksgen.cli.rehearsal_run import Options, Run, has_errors, refuse
from ksgen.cli.selection import limited, read
from ksgen.cli.stopping import stoppable
from ksgen.host import Host, read_hosts
from ksgen.rehearsal import Alike, Source

__all__ = ["Options", "rehearse"]


def rehearse(options: Options) -> None:
    """Rehearse, and exit: 0 if every step of every host is as it has to be."""
    if "-" in options.inventories:
        raise click.UsageError("a rehearsal reads the inventory several times: name a file")
    site, report = read(options.inventories, options.passwords)
    known, found = read_hosts(site)
    report.extend(found)
    chosen_names = limited(site, ",".join(options.names) or None)
    if not options.names and not options.shapes:
        raise click.UsageError("name a HOST to rehearse, or add --shapes for one of each shape")
    hosts = [host for host in known if host.name in chosen_names]
    if options.keep and options.as_json:
        raise click.UsageError("--keep and --json exclude each other")
    if options.shapes and (plain := [host.name for host in hosts if not host.settings.is_node]):
        talk(f"note: {names_text(plain)}: plain hosts are not rehearsed")
        hosts = [host for host in hosts if host.settings.is_node]
    groups = rehearsal.alike(hosts) if options.shapes else tuple(Alike((host,)) for host in hosts)
    if options.shapes and not options.given.has_installer:
        _list(groups, options.as_json)
        return
    errors = report.errors_of(chosen_names)
    if errors:
        refuse(errors, site.sources, options.as_json)
    if not groups:
        raise click.UsageError("none of these hosts is a node")
    installers = _installers(options, [group.first for group in groups], site.sources)
    with stoppable():
        Run(options, dict(site.sources), installers).all(groups)


def _installers(options: Options, hosts: Sequence[Host], sources: Mapping[str, str]) -> Mapping[str, Source]:
    """The installer of each release; wrong usage if one is missing."""
    named, problems = read_installers(options.given)
    if has_errors(problems):
        if (options.image is None) != (options.images is None):
            problems += read_images(options.given, hosts)[1]
        refuse(problems, sources, options.as_json)
    installers, twice = chosen(named)
    wrong = [*twice, *complaints(options.given, hosts, installers)]
    if wrong:
        raise click.UsageError("\n".join(wrong))
    show_problems([] if options.as_json else problems, sources, as_json=False)
    return installers


def _list(groups: Sequence[Alike], as_json: bool) -> None:
    if as_json:
        shapes = [{"rehearsed": one.first.name, "hosts": list(one.names)} for one in groups]
        show_problems((), {}, as_json=True, more={"shapes": shapes})
        return
    for one in groups:
        others = one.names[1:]
        click.echo(one.first.name + (f" for {counted(len(others), 'other')}: {', '.join(others)}" if others else ""))
