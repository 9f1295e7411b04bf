# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that publish from the inventory: `render` and `arm`."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import grp
import io
import os
import pwd
import secrets
import stat
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress

from ksgen import netboot, publish
from ksgen.cli import confirmation
from ksgen.cli.edges import (
    DONE,
    HOSTS,
    JSON,
    ONE_HOSTS,
    PASSWORDS,
    PROBLEMS,
    SETTINGS,
    count,
    counted,
    files_text,
    limited,
    names_text,
    read,
    show_problems,
    stop,
    talk,
)
from ksgen.grammar import VERSIONS
from ksgen.host import Host, read_hosts
from ksgen.inventory import Inventory
from ksgen.kickstart import Place, Rendered, boot_places, own_programs, render_all, version
from ksgen.netboot import NONE, Arming, Given, Remembered
from ksgen.problems import Report

_PROGRESS_FROM = 50  # hosts; with fewer a progress bar is not worthwhile
# How often a run starts over because another run has published in the meantime.
_ATTEMPTS = 5


@dataclasses.dataclass(frozen=True)
class _Order:
    """The arguments of `arm`."""

    until: datetime.datetime
    now: datetime.datetime
    is_confirmed: bool


@dataclasses.dataclass(frozen=True)
class _Options:
    """The options of a command that publishes."""

    hosts: Sequence[str]
    directory: Path
    templates: Given
    trees: Mapping[str, Given]
    images: Given
    run: Path | None
    certificate: Given
    key: Path | None
    passwords: tuple[str, ...]
    as_json: bool
    limit: str | None = None
    dry_run: bool = False
    only_check: bool = False
    show_diff: bool = False
    order: _Order | None = None

    def remembered(self, before: Remembered) -> Remembered:
        inventories = [Path(path) for path in self.hosts if path != "-"]
        return netboot.combined(
            before, inventories, self.templates, self.trees, self.images, self.run, self.certificate, self.key
        )


@dataclasses.dataclass(frozen=True)
class _Plan:
    """What a run would do, decided from the input and from what was published when it started."""

    site: Inventory
    report: Report
    chosen: frozenset[str]
    hosts: tuple[Host, ...]
    disarmed: Mapping[str, str]
    publication: publish.Publication
    copies: tuple[netboot.Copy, ...]

    @property
    def is_needed(self) -> bool:
        return self.publication.is_needed or bool(self.copies)


def _directory(_: click.Context, __: click.Parameter, given: str | None) -> Given:
    if given is None:
        return None
    if given == NONE:
        return NONE
    if not Path(given).is_dir():
        raise click.BadParameter(f"{given!r} is neither a directory nor {NONE!r}")
    return Path(given)


def _trees(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, Given]:
    found: dict[str, Given] = {}
    for text in given:
        release, equals, path = text.partition("=")
        if not equals or release not in VERSIONS or not (path == NONE or Path(path).is_dir()):
            raise click.BadParameter(
                f"{text!r} is not RELEASE=DIR, with {' or '.join(VERSIONS)} and an existing directory"
            )
        found[release] = Path(path) if path != NONE else NONE
    return found


def _file(_: click.Context, parameter: click.Parameter, given: str | None) -> Given:
    """A file that nginx reads. It need not be readable here: a private key often is readable by root only."""
    if given is None or (given == NONE and parameter.name == "certificate"):
        return given
    try:
        mode = Path(given).stat().st_mode
    except PermissionError:
        return Path(given)
    except OSError as error:
        raise click.BadParameter(f"{given}: {error.strerror}") from error
    if stat.S_ISDIR(mode):
        raise click.BadParameter(f"{given} is a directory")
    return Path(given)


def _publishing(command: Callable[..., None]) -> Callable[..., None]:
    """The options that render and arm share."""
    path = click.Path(path_type=Path)
    for option in reversed((
        click.option("-o", "--output", "directory", default="out", show_default=True, type=path,
                     help="Directory to publish into."),
        click.option("--templates", callback=_directory, metavar="DIR",
                     help="Directory of templates that override the built-in ones; remembered, `none` resets."),
        click.option("--tree", "trees", multiple=True, callback=_trees, metavar="EL=DIR",
                     help="Install tree of a release; remembered, `EL=none` resets."),
        click.option("--images", callback=_directory, metavar="DIR",
                     help="Directory of node images that nginx serves; remembered, `none` resets."),
        click.option("--run", type=path, help="Directory for logs and leases; remembered; default: beside the output."),
        click.option("--certificate", callback=_file, metavar="FILE",
                     help="TLS certificate for nginx; remembered, `none` resets it and the key."),
        click.option("--key", callback=_file, metavar="FILE", help="Private key of the certificate; remembered."),
        click.option("--dry-run", is_flag=True, help="Write nothing; exit 1 if something would change."),
        PASSWORDS,
        JSON,
    )):  # fmt: skip
        command = option(command)
    return command


@click.command(context_settings=SETTINGS)
@HOSTS
@click.option("--limit", metavar="PATTERN", help="Comma-separated hosts, groups or globs: write only these.")
@click.option("--diff", "show_diff", is_flag=True, help="Show the changes as a unified diff.")
@_publishing
@click.option("--check", "only_check", is_flag=True, help="Like --dry-run, but exit 1 only on errors.")
def render(dry_run: bool, only_check: bool, **options: Any) -> None:
    """Check the inventory and publish a kickstart and boot files for each host; with errors nothing is written."""
    _publish(_Options(dry_run=dry_run or only_check, only_check=only_check, **options))


@click.command(context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("names", metavar="HOST...", nargs=-1, required=True)
@click.option("-i", "--inventory", "more", multiple=True, metavar="HOSTS", help="Additional inventory of the site.")
@click.option("--until", metavar="TIME", help="90m, 6h, 2d or 2026-05-04T18:00; default: 6h.")
@click.option(
    "--yes",
    is_flag=True,
    help=f"Do not ask for confirmation, which more than {confirmation.ARMED_UNASKED} hosts require.",
)
@_publishing
def arm(
    hosts: str, names: tuple[str, ...], more: tuple[str, ...], until: str | None, yes: bool, **options: Any
) -> None:
    """Arm each HOST: until TIME it can boot the installer once, which erases its disks. All others boot their disk.

    HOST is a host, a group or a glob ('node0*'), or `all`. The hosts and their disks are listed; arming more than a few
    requires confirmation.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    end = netboot.parse_until(until, now)
    if isinstance(end, netboot.UntilError):
        raise click.UsageError(f"{end.message}; {end.hint}")
    _publish(_Options(hosts=[hosts, *more], limit=",".join(names), order=_Order(end, now, yes), **options))


def _publish(options: _Options) -> None:
    """Check everything, publish what was chosen, and exit.

    The result is published only if no other run has published since this one started, so that no change is lost;
    otherwise the run starts over.
    """
    stdin = sys.stdin.read() if "-" in options.hosts else ""
    asked: list[str] = []
    for _ in range(_ATTEMPTS):
        try:
            began = publish.present(options.directory)
            plan = _planned(options, io.StringIO(stdin))
        except OSError as error:
            stop(f"{error.filename or options.directory}: {error.strerror}; nothing was written")
        if options.order:
            asked = _confirmed(options, options.order, plan, asked)
        if options.dry_run or _carried_out(options, plan, began):
            _tell(options, plan)
    stop(f"other ksgen runs have published {_ATTEMPTS} times in the meantime; nothing was written")


def _planned(options: _Options, stdin: io.StringIO) -> _Plan:
    """Read, render and decide; exits if there are errors. Raises OSError."""
    site, report = read(options.hosts, options.passwords, stdin)
    known, found = read_hosts(site)
    report.extend(found)
    chosen = limited(site, options.limit)
    limit = chosen if options.limit is not None else None
    hosts = tuple(host for host in known if host.name in chosen)
    memory = _memory(options)
    report.extend(own_programs(memory.templates))
    server = netboot.server(options.directory, *_web_server(), memory)

    files: dict[str, str | bytes] = {netboot.REMEMBERED_FILE: netboot.remembered_text(memory)}
    owners = {}
    secret_places: dict[str, tuple[Place, ...]] = {}
    for rendered in _with_progress(render_all(known, memory.templates), len(known)):
        report.extend(rendered.problems)
        if rendered.text is not None and rendered.name in chosen:
            path = f"ks/{rendered.name}.ks"
            files[path], owners[path] = rendered.text, rendered.name
            secret_places[path] = rendered.secrets
    now = datetime.datetime.now(datetime.timezone.utc)
    armings, disarmed = _armings(options, known, chosen, server.run, now)
    machines = netboot.site_files(known, armings, server, netboot.BootTemplates(memory.templates), now)
    report.extend(machines.problems)
    named = {release: path for release, path in memory.trees.items() if release in options.trees}
    copies, found = netboot.copies(known, memory.trees if options.limit is None else named, is_named=bool(named))
    report.extend(found)
    if options.order:
        report.extend(netboot.missing_kernels(hosts, options.directory, named))
    by_name = {host.name: host for host in hosts}
    for path, text, owner in machines.files:
        if publish.is_written(path, text, owner, limit, (netboot.STATE_FILE,)):
            files[path] = text
            owners.update({path: owner} if owner else {})
            if isinstance(text, str) and owner in by_name:
                secret_places[path] = boot_places(by_name[owner], text)

    if errors := report.errors_of(chosen):
        show_problems(report.problems, site.sources, options.as_json)
        stop(f"{count(errors)}; nothing was written")
    sources = {name: publish.sha256(text.encode("utf-8", "surrogateescape")) for name, text in site.sources.items()}
    group = netboot.readers(options.directory, server.group)
    tree = publish.Site(files, owners, sources, version(), limit, group, secret_places)
    wanted = publish.changes(options.directory, tree)
    report.extend(wanted.problems)
    if wanted.errors:
        show_problems(report.problems, site.sources, options.as_json)
        stop(f"{count(wanted.errors)}; nothing was written")
    new = tuple(netboot.changed(copies, options.directory))
    return _Plan(site, report, chosen, hosts, disarmed, wanted, new)


def _memory(options: _Options) -> Remembered:
    """The options that the tree is published with: those given, otherwise those remembered. Changes are printed.

    Raises a usage error, and OSError.
    """
    tree = options.directory.absolute()
    try:
        before = netboot.read_remembered(tree)
    except ValueError as error:
        raise click.UsageError(f"{options.directory / netboot.REMEMBERED_FILE}: {error}") from error
    now = options.remembered(before)
    if not now.is_complete:
        raise click.UsageError(f"--certificate and --key are required together; --certificate {NONE} resets both")
    if now.templates and not now.templates.is_dir():
        raise click.UsageError(
            f"{options.directory} was published with templates from {now.templates}, which is not a directory; "
            f"specify --templates DIR, or --templates {NONE} for the built-in ones"
        )
    if options.limit is not None and before.inventories:
        if "-" not in options.hosts and set(now.inventories) != set(before.inventories):
            raise click.UsageError(
                f"{options.directory} was published from {', '.join(map(str, before.inventories))}, but this run reads "
                f"{', '.join(map(str, now.inventories))}; specify the same, or publish the whole site first"
            )
        now = dataclasses.replace(now, inventories=before.inventories)
    for text in netboot.differences(before, now):
        talk(f"note: {text}")
    return now


def _armings(
    options: _Options, known: Sequence[Host], chosen: frozenset[str], run: Path, now: datetime.datetime
) -> tuple[tuple[Arming, ...], dict[str, str]]:
    """The armings after this run, and the hosts disarmed by it, with reasons. Raises a usage error, and OSError."""
    try:
        before = netboot.stored(options.directory)
    except ValueError as error:
        cure = f"`ksgen disarm {options.hosts[0]} all` disarms every host and rewrites the file"
        raise click.UsageError(f"{options.directory / netboot.STATE_FILE} {error}; {cure}") from error
    concerned = [one for one in before if options.limit is None or one.host in chosen]
    spent, tokens = netboot.spent(run), netboot.tokens(options.directory)
    over = {
        # Withdrawn by hand; no run may publish it again.
        **{
            one.host: f"its file in {options.directory / 'armed'} was removed"
            for one in concerned
            if netboot.status(one, now, spent, tokens) == "withdrawn"
        },
        **netboot.void(concerned, {host.name: host for host in known}),
    }
    after = netboot.disarm(before, over)
    if options.order is None:
        return after, over
    hosts = [host for host in known if host.name in chosen]
    draw = lambda: secrets.token_hex(netboot.RANDOM_BYTES)  # noqa: E731  the one place where randomness comes in
    return netboot.arm(after, hosts, options.order.until, options.order.now, draw), {}


def _confirmed(options: _Options, order: _Order, plan: _Plan, asked: list[str]) -> list[str]:
    """List what would be erased and ask, unless already asked; exits if refused. Returns the lines shown."""
    lines = list(confirmation.lines(plan.hosts, confirmation.time_text(order.until)))
    if lines == asked:
        return asked
    for line in lines:
        talk(line)
    if options.dry_run or order.is_confirmed or len(plan.hosts) <= confirmation.ARMED_UNASKED:
        return lines
    question = f"Arm {len(plan.hosts)} hosts?"
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} Standard input is not a terminal: add --yes")
    if not click.confirm(question, err=True):
        stop("nothing was written")
    return lines


def _carried_out(options: _Options, plan: _Plan, began: publish.Generation) -> bool:
    """Publish; False where another run has published since this one started. Exits on an OSError."""
    if not plan.is_needed and not publish.has_leftovers(options.directory):
        return True
    placed: list[str] = []
    try:
        with publish.locked(options.directory):
            if publish.present(options.directory) != began:
                return False
            with netboot.staged(plan.copies, options.directory) as staging:
                placed = staging.placed
                publish.carry_out(plan.publication, staging.put)
    except OSError as error:
        show_problems(plan.report.problems, plan.site.sources, options.as_json)
        written = f"{counted(len(placed), 'boot file')} replaced and nothing else" if placed else "nothing"
        stop(f"{error.filename or options.directory}: {error.strerror}; {written} was written")
    return True


def _tell(options: _Options, plan: _Plan) -> None:
    """Print what was done, and exit."""
    changes = plan.publication.changes
    removed = sum(change.new is None for change in changes)
    updated = len(changes) - removed + len(plan.copies)
    until = options.order.until.isoformat() if options.order else None
    more = {
        "armed": {host.name: until for host in plan.hosts} if options.order else {},
        "disarmed": dict(plan.disarmed),
        "files": {"updated": updated, "removed": removed},
    }
    show_problems(plan.report.problems, plan.site.sources, options.as_json, more)
    if options.show_diff and not options.as_json:
        for changed in changes:  # the previous generation can still be read
            click.echo("\n".join(publish.diff(changed)))
    would = "would be " if options.dry_run else ""
    for host, reason in plan.disarmed.items():
        talk(f"{host} {would}disarmed: {reason}")
    if options.order:
        end = confirmation.time_text(options.order.until)
        what = f"{names_text([host.name for host in plan.hosts])} {would}armed until {end}"
    else:
        what = f"{counted(len(plan.hosts), 'host')} checked"
    talk(f"{what}; {files_text(updated, removed, options.directory, would)}")
    would_change = options.dry_run and bool(changes or plan.copies)
    sys.exit(PROBLEMS if would_change and not options.only_check else DONE)


def _web_server() -> tuple[str, str]:
    """User and group of nginx: those of EL or Debian, otherwise the current user's."""
    for name in ("nginx", "www-data"):
        with contextlib.suppress(KeyError):
            return name, grp.getgrgid(pwd.getpwnam(name).pw_gid).gr_name
    return pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name


def _with_progress(rendered: Iterable[Rendered], count: int) -> Iterable[Rendered]:
    """Pass the kickstarts through, with a progress bar on a terminal if there are many."""
    console = Console(stderr=True)
    if not console.is_terminal or count < _PROGRESS_FROM:
        yield from rendered
        return
    with Progress(console=console, transient=True) as progress:
        yield from progress.track(rendered, total=count, description="hosts")
