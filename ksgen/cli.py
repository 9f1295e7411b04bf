# SPDX-License-Identifier: GPL-2.0-or-later
"""The command: arguments -> the steps -> exit code. The only place that prints or exits."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import fnmatch
import grp
import json
import os
import pwd
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from ksgen import arming, boot, boottree, explanation, image, inventory, manifest, netboot, output, picture
from ksgen import lint as linting
from ksgen import schema as schemas
from ksgen.arming import Arming
from ksgen.cli_iso import command as iso
from ksgen.cli_preflight import command as preflight
from ksgen.codes import ALL
from ksgen.expressions import Expressions
from ksgen.grammar import VERSIONS
from ksgen.host import Host, read_hosts
from ksgen.inventory import Inventory
from ksgen.kickstart import version
from ksgen.problems import Mark, Problem, Report, to_text
from ksgen.rendering import Rendered, render_all
from ksgen.values import nearest
from ksgen.vault import Opener, password_files
from org_ovirt_node.configuration import is_efi_dir

# 0 done; 1 the input has problems, or a dry run found a difference; 2 wrong usage, which is click's own.
DONE, PROBLEMS = 0, 1
_PROGRESS_FROM = 50  # hosts; fewer are done before a bar could be read
_PIPE_WIDTH = 120  # columns, where no terminal says how many there are

_HOSTS = click.argument("hosts", nargs=-1, required=True, metavar="HOSTS", type=click.Path(allow_dash=True))
_PASSWORDS = click.option(
    "--vault-password-file",
    "passwords",
    multiple=True,
    metavar="FILE",
    help="The password of vaulted values, or a program that prints it.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print problems as JSON on standard output.")


class _RenderByDefault(click.Group):
    """`ksgen hosts.yaml` is `ksgen render hosts.yaml`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None:
            args = ["render", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"--help", "-h", "--version"}
        if args and args[0].startswith("-") and args[0] != "-" and args[0] not in own:
            args = ["render", *args]
        return super().parse_args(ctx, args)


_EPILOG = """\b
Examples:
  ksgen init site                     a commented inventory to begin with
  ksgen site/hosts.yaml               check everything, write out/ks/<host>.ks
  ksgen site/hosts.yaml --diff --dry-run
  ksgen site/hosts.yaml --limit rack_a
  ksgen plan site/hosts.yaml node01.example.com
  ksgen explain site/hosts.yaml node01.example.com node_disk
  ksgen arm site/hosts.yaml node01.example.com --until 2h
  ksgen lint old/*.ks --release el10      what is wrong with kickstarts you have
\b
Shell completion:
  eval "$(_KSGEN_COMPLETE=bash_source ksgen)"     also zsh_source, fish_source
"""


@click.group(cls=_RenderByDefault, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version(), prog_name="ksgen")
def main() -> None:
    """Turn a site's inventory into checked kickstarts for oVirt Nodes.

    HOSTS is an Ansible inventory in YAML whose `node_` variables describe each host. `ksgen HOSTS` is short for
    `ksgen render HOSTS`.
    """


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
        _PASSWORDS,
        _JSON,
    )):  # fmt: skip
        command = option(command)
    return command


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@_HOSTS
@click.option("--limit", metavar="PATTERN", help="Hosts, groups or globs, with commas: write only these.")
@click.option("--dry-run", is_flag=True, help="Write nothing; exit 1 if something would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Show what changes in the files.")
@_publishing
def render(**options: Any) -> None:
    """Check the inventory and publish a kickstart and boot files for each host. Nothing is written on an error."""
    _publish(_Options(**options), lambda armings, _: armings)


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("hosts", metavar="HOSTS", type=click.Path(allow_dash=True))
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


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("hosts", metavar="HOSTS", type=click.Path(allow_dash=True))
@click.argument("names", metavar="HOST...", nargs=-1, required=True)
@_publishing
def disarm(hosts: str, names: tuple[str, ...], **options: Any) -> None:
    """Let each HOST boot its disk again."""
    _publish(
        _Options(hosts=[hosts], limit=",".join(names), **options),
        lambda armings, chosen: arming.disarm(armings, [host.name for host in chosen]),
    )


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("hosts", metavar="HOSTS", type=click.Path(allow_dash=True))
@_publishing
def armed(hosts: str, **options: Any) -> None:
    """Show who may be installed, until when, and what has become of it."""
    given = _Options(hosts=[hosts], **options)
    site, report = _read(given.hosts, given.passwords)
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
    _print_problems([p for p in report.problems if p.severity == "error"], site.sources, as_json=False)
    sys.exit(PROBLEMS if report.has_errors else DONE)


_Change = Callable[[tuple[Arming, ...], Sequence[Host]], tuple[Arming, ...]]


def _publish(options: _Options, change: _Change, is_arming: bool = False) -> None:
    """Check everything, publish what was chosen, and exit."""
    site, report = _read(options.hosts, options.passwords)
    known, found = read_hosts(site)
    report.extend(found)
    chosen = _chosen(site, options.limit)
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
        _print_problems(report.problems, site.sources, options.as_json)
        _talk(f"{_count(report.errors_of(chosen))}; nothing was written")
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
        _print_problems(report.problems, site.sources, options.as_json)
        _talk(f"{error.filename or options.directory}: {error.strerror}; nothing was written")
        sys.exit(PROBLEMS)
    report.extend(_as_problem(finding) for finding in outcome.findings)
    _print_problems(report.problems, site.sources, options.as_json)
    if outcome.errors:
        _talk(f"{_count(outcome.errors)}; nothing was written")
        sys.exit(PROBLEMS)
    if options.show_diff and not options.as_json:
        for changed in outcome.changes:  # what was before is still there to be read
            click.echo("\n".join(output.diff(changed)))
    _talk(_summary(outcome, options.directory, "would be " if options.dry_run else ""))
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


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("hosts", metavar="HOSTS", type=click.Path(allow_dash=True))
@click.argument("host", required=False, shell_complete=lambda ctx, _, word: _host_names(ctx.params.get("hosts"), word))
@_PASSWORDS
@_JSON
def plan(hosts: str, host: str | None, passwords: tuple[str, ...], as_json: bool) -> None:
    """Show the storage layout of HOST, or of all hosts: every device, what stays free, how many images it holds."""
    site, report = _read([hosts], passwords)
    known, found = read_hosts(site)
    report.extend(found)
    chosen = _chosen(site, host)
    wanted = [h for h in known if h.name in chosen]
    problems = [p for p in report.problems if p.host in chosen or p.host is None]
    if as_json:
        by_name = {h.name: h for h in wanted}
        plans = {
            entry.name: picture.plan_json(by_name.get(entry.name), [p for p in problems if p.host == entry.name])
            for entry in site.hosts
            if entry.name in chosen
        }
        click.echo(json.dumps(plans, indent=1))
        _print_problems([p for p in problems if p.host is None], site.sources, as_json=False)
    else:
        console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
        for one in wanted:
            console.print(picture.plan_picture(one))
        _print_problems(problems, site.sources, as_json=False)
    sys.exit(PROBLEMS if any(p.severity == "error" for p in problems) else DONE)


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("hosts", metavar="HOSTS", type=click.Path(allow_dash=True))
@click.argument("host", shell_complete=lambda ctx, _, word: _host_names(ctx.params.get("hosts"), word))
@click.argument("variable", required=False)
@_PASSWORDS
@_JSON
def explain(hosts: str, host: str, variable: str | None, passwords: tuple[str, ...], as_json: bool) -> None:
    """Show where each value of HOST comes from, what it overrode, and why."""
    site, report = _read([hosts], passwords)
    entry = next((entry for entry in site.hosts if entry.name == host), None)
    if entry is None:
        raise click.UsageError(f"no host is called {host!r}")
    if variable is not None and variable not in entry.variables:
        raise click.UsageError(f"{host} has no variable {variable!r}")
    rendered = Expressions(site).rendered(entry)
    report.extend(rendered.problems)
    values = {name: v.node for name, v in rendered.entry.variables.items()}
    found = [e for e in explanation.explain(entry, site, values) if variable in (None, e.name)]
    if as_json:
        click.echo(json.dumps({e.name: e.to_json() for e in found}, indent=1))
    else:
        for one in found:
            click.echo("\n".join(picture.explanation_text(one)))
    _print_problems([p for p in report.problems if p.host in (host, None)], site.sources, as_json=False)
    sys.exit(PROBLEMS if report.errors_of([host]) else DONE)


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@_HOSTS
def graph(hosts: Sequence[str]) -> None:
    """Draw the groups and hosts of an inventory."""
    site, report = _read(hosts)
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False).print(picture.group_tree(site))
    _print_problems(report.problems, site.sources, as_json=False)
    sys.exit(PROBLEMS if report.has_errors else DONE)


@main.command("lint", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True, path_type=Path))
@click.option("--release", type=click.Choice(linting.RELEASES), help="What they are for; else as `#version=` says.")
@click.option("--disable", multiple=True, metavar="CODE", help="Leave a check out; docs/checks.md has the codes.")
@_JSON
def lint_files(files: Sequence[Path], release: str | None, disable: Sequence[str], as_json: bool) -> None:
    """Check kickstarts, whoever wrote them: grammar, storage, network, scripts, and a node's layout.

    The FILE `-` is standard input; what it includes is looked for in the present directory.
    """
    codes = [code for given in disable for code in given.split(",") if code]
    for code in codes:
        if code not in ALL:
            cure = nearest(code, ALL)
            raise click.UsageError(f"no check has the code {code!r}" + (f"; {cure}" if cure else ""))
    report, sources = linting.lint(files, release, codes, sys.stdin.buffer)
    _print_problems(report.problems, sources, as_json)
    sys.exit(PROBLEMS if report.has_errors else DONE)


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--variables", is_flag=True, help="Of a mapping of variables: for files in group_vars and host_vars.")
def schema(variables: bool) -> None:
    """Print the JSON Schema of the inventory, for editors."""
    click.echo(json.dumps(schemas.variables_schema() if variables else schemas.file_schema(), indent=1))


def _efi_dir(_: click.Context, __: click.Parameter, given: str | None) -> str | None:
    if given is not None and not is_efi_dir(given):
        raise click.BadParameter(f"{given!r} is not the name of a directory below EFI/, such as almalinux")
    return given


@main.command("image", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("file", metavar="[FILE]", default=image.NAME, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--efi-dir", callback=_efi_dir, metavar="DIR", help="Below EFI/ in the node image; else Anaconda's own.")
@click.option("--interactive", is_flag=True, help="With interactive-defaults.ks, for the product.img of an ISO.")
def addon_image(file: Path, efi_dir: str | None, interactive: bool) -> None:
    """Write the add-on as an image for inst.updates=, or as a tree's updates.img or product.img, into FILE."""
    try:
        image.write(file, image.image(efi_dir, interactive))
    except OSError as error:
        _talk(f"{file}: {error.strerror}; nothing was written")
        sys.exit(PROBLEMS)
    _talk(f"{file} written")


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
def init(directory: Path) -> None:
    """Write a commented inventory to begin with into DIR."""
    target = directory / "hosts.yaml"
    if target.exists():
        raise click.UsageError(f"{target} is there already")
    directory.mkdir(parents=True, exist_ok=True)
    target.write_text(resources.files("ksgen").joinpath("starter.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    _talk(f"{target} written; fill it in, then: ksgen {target}")


# --- the steps' edges ------------------------------------------------------------------------------------------------


def _read(paths: Sequence[str], passwords: Sequence[str] = ()) -> tuple[Inventory, Report]:
    report = Report()
    opener = Opener(password_files(passwords, os.environ))
    site, found = inventory.read(list(paths), stdin=sys.stdin, opener=opener)
    report.extend(found)
    return site, report


def _chosen(site: Inventory, limit: str | None) -> frozenset[str]:
    """The names of the hosts that a pattern means. Raises a usage error when it means none."""
    names = [entry.name for entry in site.hosts]
    if limit is None:
        return frozenset(names)
    chosen: set[str] = set()
    for pattern in filter(None, limit.split(",")):
        found = {
            entry.name
            for entry in site.hosts
            if fnmatch.fnmatchcase(entry.name, pattern) or any(fnmatch.fnmatchcase(g, pattern) for g in entry.groups)
        }
        if pattern == "all":
            found = set(names)
        if not found:
            raise click.UsageError(f"no host and no group is called {pattern!r}")
        chosen |= found
    return frozenset(chosen)


def _host_names(hosts: str | None, word: str) -> list[str]:
    site, _ = inventory.read([hosts]) if hosts else (None, None)
    return [entry.name for entry in site.hosts if entry.name.startswith(word)] if site else []


def _with_progress(rendered: Iterable[Rendered], count: int) -> Iterable[Rendered]:
    """The kickstarts as they come, with a bar when a person looks and there are many."""
    console = Console(stderr=True)
    if not console.is_terminal or count < _PROGRESS_FROM:
        yield from rendered
        return
    with Progress(console=console, transient=True) as progress:
        yield from progress.track(rendered, total=count, description="hosts")


def _print_problems(problems: Sequence[Problem], sources: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"problems": [problem.to_json() for problem in problems]}, indent=1))
        return
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for line in to_text(problems, sources if console.is_terminal else {}):
        text = Text(line)
        text.highlight_words([": error:"], "red")
        text.highlight_words([": warning:"], "yellow")
        console.print(text)


def _count(problems: Sequence[Any]) -> str:
    return f"{len(problems)} error{'' if len(problems) == 1 else 's'}"


def _talk(message: str) -> None:
    click.echo(message, err=True)


main.add_command(preflight(_read, _chosen, _print_problems, (_PASSWORDS, _JSON)))
main.add_command(iso(_print_problems, _efi_dir))
