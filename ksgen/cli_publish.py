# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that publish, and those that say who may be installed: `render`, `arm`, `disarm`, `armed`."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import grp
import json
import os
import pwd
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from ksgen import arming, boot, boottree, manifest, netboot, output
from ksgen.arming import Arming
from ksgen.cli_edges import (
    DONE,
    HOSTS,
    JSON,
    ONE_HOSTS,
    PASSWORDS,
    PROBLEMS,
    SETTINGS,
    count,
    limited,
    read,
    show_problems,
    talk,
)
from ksgen.grammar import VERSIONS
from ksgen.host import Host, read_hosts
from ksgen.kickstart import version
from ksgen.problems import Mark, Problem
from ksgen.rendering import Rendered, render_all

_PROGRESS_FROM = 50  # hosts; fewer are done before a bar could be read


@dataclasses.dataclass(frozen=True)
class _Options:
    """What a command that publishes was asked for."""

    hosts: Sequence[str]
    directory: Path
    templates: Path | None
    trees: Mapping[str, Path]
    images: Path | None
    run: Path | None
    passwords: tuple[str, ...]
    as_json: bool
    limit: str | None = None
    dry_run: bool = False
    show_diff: bool = False

    def server(self) -> netboot.Server:
        """The machine that serves the tree. Raises a usage error when the tree does not say what was named before."""
        user, group = _web_server()
        try:
            return boot.server(self.directory, user, group, self.trees, self.images, self.run)
        except (OSError, ValueError) as error:
            raise click.UsageError(f"{self.directory / boot.SERVER_FILE}: {error}") from error


def _trees(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, Path]:
    found = {}
    for text in given:
        release, equals, path = text.partition("=")
        if not equals or release not in VERSIONS or not Path(path).is_dir():
            raise click.BadParameter(f"{text!r} is not RELEASE=DIR with {' or '.join(VERSIONS)} and a directory")
        found[release] = Path(path).absolute()
    return found


def _publishing(command: Callable[..., None]) -> Callable[..., None]:
    """The options that render, arm and disarm share."""
    directory = click.Path(path_type=Path)
    existing = click.Path(exists=True, file_okay=False, path_type=Path)
    for option in reversed((
        click.option("-o", "--output", "directory", default="out", show_default=True, type=directory),
        click.option("--templates", type=existing, help="Parts of your own."),
        click.option("--tree", "trees", multiple=True, callback=_trees, metavar="EL=DIR",
                     help="Installer tree, from now on."),
        click.option("--images", type=existing, help="Node images for nginx, from now on."),
        click.option("--run", type=directory, help="Logs and leases, from now on; else beside the output."),
        PASSWORDS,
        JSON,
    )):  # fmt: skip
        command = option(command)
    return command


@click.command(context_settings=SETTINGS)
@HOSTS
@click.option("--limit", metavar="PATTERN", help="Hosts, groups or globs, with commas: write only these.")
@click.option("--dry-run", is_flag=True, help="Write nothing; exit 1 if something would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Show what changes in the files.")
@_publishing
def render(**options: Any) -> None:
    """Check the inventory and publish a kickstart and boot files for each host. Nothing is written on an error."""
    _publish(_Options(**options), lambda armings, _: armings)


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("names", metavar="HOST...", nargs=-1, required=True)
@click.option("--until", metavar="TIME", help="90m, 6h, 2d or 2026-05-04T18:00; six hours if left out.")
@_publishing
def arm(hosts: str, names: tuple[str, ...], until: str | None, **options: Any) -> None:
    """Let each HOST boot the installer, once, until TIME. Every other machine boots its disk."""
    now = _now()
    end = arming.parse_until(until, now)
    if isinstance(end, arming.UntilError):
        raise click.UsageError(f"{end.message}; {end.hint}")
    _publish(
        _Options(hosts=[hosts], limit=",".join(names), **options),
        lambda armings, chosen: arming.arm(armings, chosen, end, now),
        is_arming=True,
    )


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("names", metavar="HOST...", nargs=-1, required=True)
@_publishing
def disarm(hosts: str, names: tuple[str, ...], **options: Any) -> None:
    """Let each HOST boot its disk again."""
    _publish(
        _Options(hosts=[hosts], limit=",".join(names), **options),
        lambda armings, chosen: arming.disarm(armings, [host.name for host in chosen]),
    )


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@_publishing
def armed(hosts: str, **options: Any) -> None:
    """Show who may be installed, until when, and what has become of it."""
    given = _Options(hosts=[hosts], **options)
    site, report = read(given.hosts, given.passwords)
    known, problems = read_hosts(site)
    report.extend(problems)
    by_name = {host.name: host for host in known}
    spent = boot.spent(given.server().run)
    found = [(one, arming.status(one, by_name, _now(), spent)) for one in _stored_armings(given.directory)]
    if given.as_json:
        states = {one.host: {"until": one.until.isoformat(), "status": status} for one, status in found}
        click.echo(json.dumps(states, indent=1))
    else:
        for one, status in found:
            click.echo(f"{one.host}  until {one.until.isoformat()}  {status}")
    # A host with an error is not known, as if it had left.
    show_problems([p for p in report.problems if p.severity == "error"], site.sources, as_json=False)
    sys.exit(PROBLEMS if report.has_errors else DONE)


_Change = Callable[[tuple[Arming, ...], Sequence[Host]], tuple[Arming, ...]]


def _publish(options: _Options, change: _Change, is_arming: bool = False) -> None:
    """Check everything, publish what was chosen, and exit."""
    site, report = read(options.hosts, options.passwords)
    known, found = read_hosts(site)
    report.extend(found)
    chosen = limited(site, options.limit)
    chosen_hosts = [host for host in known if host.name in chosen]

    files: dict[str, str | bytes] = {}
    owners = {}
    for rendered in _with_progress(render_all(known, options.templates), len(known)):
        report.extend(rendered.problems)
        if rendered.text is not None and rendered.name in chosen:
            path = f"ks/{rendered.name}.ks"
            files[path], owners[path] = rendered.text, rendered.name
    armings = change(_stored_armings(options.directory), chosen_hosts)
    server = options.server()
    machines = boot.files(known, armings, server, netboot.BootTemplates(options.templates), _now())
    report.extend(machines.problems)
    trees = server.installers if options.limit is None else options.trees
    copies, found = boot.copies(known, trees, is_named=bool(options.trees))
    report.extend(found)
    if is_arming:
        report.extend(boot.missing_kernels(chosen_hosts, options.directory, options.trees))
    for path, text in machines.texts.items():
        owner = machines.owners.get(path)
        # What is the site's own is said by a run for the whole site; who is armed, and what they all load, by each.
        is_for_any_run = path == boot.STATE_FILE or isinstance(text, bytes)
        if owner in chosen or (owner is None and (options.limit is None or is_for_any_run)):
            files[path] = text
            owners.update({path: owner} if owner else {})

    if report.errors_of(chosen):
        show_problems(report.problems, site.sources, options.as_json)
        talk(f"{count(report.errors_of(chosen))}; nothing was written")
        sys.exit(PROBLEMS)
    sources = {name: manifest.sha256(text.encode("utf-8", "surrogateescape")) for name, text in site.sources.items()}
    limit = chosen if options.limit is not None else None
    group = boot.readers(options.directory, server.group)
    wanted = output.Site(files, owners, sources, version(), limit, group)
    try:
        outcome = output.changes(options.directory, wanted)
        if not options.dry_run:
            outcome = output.publish(outcome)
            if not outcome.errors:
                boottree.put_in_place(copies, options.directory)
    except OSError as error:
        show_problems(report.problems, site.sources, options.as_json)
        talk(f"{error.filename or options.directory}: {error.strerror}; nothing was written")
        sys.exit(PROBLEMS)
    report.extend(_as_problem(finding) for finding in outcome.findings)
    show_problems(report.problems, site.sources, options.as_json)
    if outcome.errors:
        talk(f"{count(outcome.errors)}; nothing was written")
        sys.exit(PROBLEMS)
    if options.show_diff and not options.as_json:
        for changed in outcome.changes:  # what was before is still there to be read
            click.echo("\n".join(output.diff(changed)))
    talk(_summary(outcome, options.directory, "would be " if options.dry_run else ""))
    sys.exit(PROBLEMS if options.dry_run and outcome.changes else DONE)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _stored_armings(directory: Path) -> tuple[Arming, ...]:
    try:
        return boot.stored(directory)
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{directory / boot.STATE_FILE}: {error}") from error


def _web_server() -> tuple[str, str]:
    """Who runs nginx: EL's user, Debian's, or whoever asks."""
    for name in ("nginx", "www-data"):
        with contextlib.suppress(KeyError):
            return name, grp.getgrgid(pwd.getpwnam(name).pw_gid).gr_name
    return pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name


def _summary(outcome: output.Publication, directory: Path, would: str) -> str:
    removed = sum(change.new is None for change in outcome.changes)
    text = f"{len(outcome.changes) - removed} of {len(outcome.site.files)} files {would}written"
    if removed:
        text += f", {removed} {would}removed"
    return text + (f" to {directory}" if outcome.changes else "")


def _as_problem(finding: output.Finding) -> Problem:
    return Problem(finding.code, finding.message, Mark(str(finding.path), 1), finding.severity, hint=finding.hint)


def _with_progress(rendered: Iterable[Rendered], count: int) -> Iterable[Rendered]:
    """The kickstarts as they come, with a bar when a person looks and there are many."""
    console = Console(stderr=True)
    if not console.is_terminal or count < _PROGRESS_FROM:
        yield from rendered
        return
    with Progress(console=console, transient=True) as progress:
        yield from progress.track(rendered, total=count, description="hosts")
