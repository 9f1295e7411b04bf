# SPDX-License-Identifier: GPL-2.0-or-later
"""A run that publishes: what it reads (`read_source`), and what it would do (`decide`). Nothing is written here."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import grp
import os
import pwd
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TextIO

import click

from ksgen import netboot, publish
from ksgen.cli.selection import limited, read
from ksgen.host import Host, all_variables, is_skipped, read_hosts
from ksgen.inventory import Inventory
from ksgen.kickstart import Place, Rendered, boot_places, own_programs, render_all
from ksgen.netboot import NONE, Arming, Given, Remembered
from ksgen.problems import Problem, Report
from ksgen.templates import idle_templates
from ksgen.version import version


@dataclasses.dataclass(frozen=True)
class Order:
    """The arguments of `arm`."""

    until: datetime.datetime
    now: datetime.datetime
    is_confirmed: bool
    is_reinstallation: bool = False


@dataclasses.dataclass(frozen=True)
class Options:
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
    check_slowly: bool = False
    order: Order | None = None

    def remembered(self, before: Remembered) -> Remembered:
        inventories = [Path(path) for path in self.hosts if path != "-"]
        return netboot.combined(
            before, inventories, self.templates, self.trees, self.images, self.run, self.certificate, self.key
        )


@dataclasses.dataclass(frozen=True)
class Source:
    """What a run reads: the inventory with its hosts, which of them are chosen, and the options of the tree.

    `limit`: the chosen hosts if the others' files stay as they are, None for a run of the whole site. `notes`: options
    that differ from those of the last run.
    """

    site: Inventory
    known: tuple[Host, ...]
    chosen: frozenset[str]
    limit: frozenset[str] | None
    memory: Remembered
    server: netboot.Server
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]

    @property
    def hosts(self) -> tuple[Host, ...]:
        return tuple(host for host in self.known if host.name in self.chosen)


@dataclasses.dataclass(frozen=True)
class Plan:
    """What a run would do, decided from the input and from what was published when it started.

    `publication` is None where the input has errors. `copied` says of the copies what Change.to_json says of others.
    """

    source: Source
    report: Report
    errors: tuple[Problem, ...]
    disarmed: Mapping[str, str]
    publication: publish.Publication | None = None
    copies: tuple[netboot.Copy, ...] = ()
    copied: tuple[dict[str, object], ...] = ()

    @property
    def hosts(self) -> tuple[Host, ...]:
        return self.source.hosts

    @property
    def changes(self) -> Sequence[publish.Change]:
        return self.publication.changes if self.publication else ()


@dataclasses.dataclass
class _Files:
    """The files to publish, collected: their owners, and where they have secrets."""

    contents: dict[str, publish.Content] = dataclasses.field(default_factory=dict)
    owners: dict[str, str] = dataclasses.field(default_factory=dict)
    secret_places: dict[str, tuple[Place, ...]] = dataclasses.field(default_factory=dict)

    def add(self, path: str, text: publish.Content, owner: str | None, places: tuple[Place, ...] | None) -> None:
        self.contents[path] = text
        if owner:
            self.owners[path] = owner
        if places is not None:
            self.secret_places[path] = places


# Passes the kickstarts of so many hosts through, showing how far it is.
Progress = Callable[[Iterable[Rendered], int], Iterable[Rendered]]


def read_source(options: Options, stdin: TextIO) -> Source:
    """Read the inventory and what the directory remembers. Raises a usage error, and OSError."""
    site, report = read(options.hosts, options.passwords, stdin)
    chosen = limited(site, options.limit)
    known, found = read_hosts(site, options.check_slowly, None if options.limit is None else chosen)
    report.extend(found)
    memory, notes = memory_of(options)
    report.extend(own_programs(memory.templates))
    report.extend(idle_templates(memory.templates))
    return Source(
        site,
        known,
        chosen,
        chosen if options.limit is not None else None,
        memory,
        netboot.server(options.directory, *web_server(), memory),
        notes,
        report.problems,
    )


def decide(options: Options, source: Source, progress: Progress) -> Plan:
    """Render everything, and compare it with what is published. Raises a usage error, and OSError."""
    report = Report()
    lost = list(_no_longer_nodes(options, source))
    report.extend(problem for problem in source.problems if not (lost and problem.code == "host-skipped"))
    report.extend(lost)
    files = _Files({netboot.REMEMBERED_FILE: netboot.remembered_text(source.memory)})
    now = datetime.datetime.now(datetime.timezone.utc)
    armings, disarmed = _armings(options, source, now)
    source = dataclasses.replace(source, known=_with_reinstallations(source, armings, now))
    report.extend(_add_kickstarts(files, source, progress))
    report.extend(_add_boot_files(files, source, armings, now))
    copies, found = _copies(options, source)
    report.extend(found)
    if errors := report.errors_of(source.chosen):
        return Plan(source, report, errors, disarmed)
    publication = publish.changes(options.directory, _tree(options, source, files))
    report.extend(publication.problems)
    new = () if publication.errors else tuple(netboot.changed(copies, options.directory))
    copied = tuple(_copy_json(copy, options.directory) for copy in new)
    return Plan(source, report, tuple(publication.errors), disarmed, publication, new, copied)


def _copy_json(copy: netboot.Copy, directory: Path) -> dict[str, object]:
    what = "changed" if (directory / copy.target).is_file() else "added"
    return {"file": copy.target, "host": None, "change": what}


def _no_longer_nodes(options: Options, source: Source) -> Iterator[Problem]:
    """The hosts whose files this run would remove although nothing says that they are not nodes any more."""
    skipped = [entry for entry in source.site.hosts if entry.name in source.chosen and is_skipped(entry)]
    if not skipped:
        return
    published = netboot.read_published(options.directory)
    armed = {one.host for one in published.permissions}
    for entry in skipped:
        if entry.name in published.hosts:
            state = "is armed" if entry.name in armed else f"was published to {options.directory}"
            message = f"{state}, but has neither node_mac nor node_disk now, and would be skipped"
            hint = "set both again; node_kind: none removes its files"
            yield Problem("host-no-longer-node", message, entry.mark, host=entry.name, hint=hint)


def _add_kickstarts(files: _Files, source: Source, progress: Progress) -> Iterable[Problem]:
    problems: list[Problem] = []
    own = source.memory.templates
    variables = all_variables(source.site, source.hosts) if own else {}
    for rendered in progress(render_all(source.hosts, own, variables), len(source.hosts)):
        problems += rendered.problems
        if rendered.parts is not None:
            files.add(f"ks/{rendered.name}.ks", rendered.parts, rendered.name, rendered.secrets)
    return problems


def _add_boot_files(
    files: _Files, source: Source, armings: tuple[Arming, ...], now: datetime.datetime
) -> Iterable[Problem]:
    templates = netboot.BootTemplates(source.memory.templates)
    discovery = _discovery(source, now)
    machines = netboot.site_files(source.known, armings, source.server, templates, now, source.limit, discovery)
    by_name = {host.name: host for host in source.hosts}
    for path, text, owner in machines.files:
        if publish.is_written(path, text, owner, source.limit, (netboot.STATE_FILE,)):
            host = by_name.get(owner or "")
            files.add(path, text, owner, boot_places(host, text) if host and isinstance(text, str) else None)
    return machines.problems


def _discovery(source: Source, now: datetime.datetime) -> netboot.Running | None:
    """The discovery that is running in the tree: it goes on. Raises a usage error, and OSError."""
    try:
        return netboot.running_discovery(source.server.tree, now)
    except ValueError as error:
        cure = "`ksgen discover HOSTS --end` ends it and removes the file"
        raise click.UsageError(f"{source.server.tree / netboot.DISCOVERY_FILE} {error}; {cure}") from error


def _copies(options: Options, source: Source) -> tuple[Sequence[netboot.Copy], list[Problem]]:
    """The boot loaders and kernels to copy out of the install trees, and what is missing there."""
    trees = source.memory.trees
    named = {release: path for release, path in trees.items() if release in options.trees}
    copies, problems = netboot.copies(source.known, trees if source.limit is None else named, is_named=bool(named))
    missing = netboot.missing_kernels(source.hosts, options.directory, named) if options.order else ()
    return copies, [*problems, *missing]


def _tree(options: Options, source: Source, files: _Files) -> publish.Site:
    texts = source.site.sources.items()
    return publish.Site(
        files.contents,
        files.owners,
        {name: publish.sha256(text.encode("utf-8", "surrogateescape")) for name, text in texts},
        version(),
        source.limit,
        netboot.readers(options.directory, source.server.group),
        files.secret_places,
    )


def memory_of(options: Options) -> tuple[Remembered, tuple[str, ...]]:
    """The options that the tree is published with: those given, otherwise those remembered; and how they differ.

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
    return now, tuple(netboot.differences(before, now))


def _armings(options: Options, source: Source, now: datetime.datetime) -> tuple[tuple[Arming, ...], dict[str, str]]:
    """The armings after this run, and the hosts disarmed by it, with reasons. Raises a usage error, and OSError."""
    try:
        before = netboot.stored(options.directory)
    except ValueError as error:
        cure = f"`ksgen disarm {options.hosts[0]} all` disarms every host and rewrites the file"
        raise click.UsageError(f"{options.directory / netboot.STATE_FILE} {error}; {cure}") from error
    concerned = [one for one in before if source.limit is None or one.host in source.chosen]
    spent, tokens = netboot.spent(source.server.run), netboot.tokens(options.directory)
    over = {
        # Withdrawn by hand; no run may publish it again.
        **{
            one.host: f"its file in {options.directory / 'armed'} was removed"
            for one in concerned
            if netboot.status(one, now, spent, tokens) == "withdrawn"
        },
        **netboot.void(concerned, {host.name: host for host in source.known}),
    }
    after = netboot.disarm(before, over)
    if options.order is None:
        return after, over
    # The one place where randomness comes in.
    order = options.order
    return netboot.arm(after, source.hosts, order.until, order.now, secrets.token_hex, order.is_reinstallation), {}


def _with_reinstallations(source: Source, armings: Iterable[Arming], now: datetime.datetime) -> tuple[Host, ...]:
    """The hosts; those that are armed to be reinstalled as if `node_reinstall` were set, for as long as they are."""
    active = netboot.active(armings, source.known, now, netboot.spent(source.server.run))
    names = {name for name, one in active.items() if one.is_reinstallation}
    return tuple(host.reinstalled() if host.name in names else host for host in source.known)


def web_server() -> tuple[str, str]:
    """User and group of nginx: those of EL or Debian, otherwise the current user's."""
    for name in ("nginx", "www-data"):
        with contextlib.suppress(KeyError):
            return name, grp.getgrgid(pwd.getpwnam(name).pw_gid).gr_name
    return pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
