# SPDX-License-Identifier: GPL-2.0-or-later
"""The command: arguments -> the steps -> exit code. The only place that prints or exits."""

from __future__ import annotations

import fnmatch
import json
import os
import sys
from collections.abc import Iterable, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.text import Text

from ksgen import explanation, inventory, manifest, output, picture
from ksgen import schema as schemas
from ksgen.expressions import Expressions
from ksgen.host import read_hosts
from ksgen.inventory import Inventory
from ksgen.kickstart import version
from ksgen.problems import Mark, Problem, Report, to_text
from ksgen.rendering import Rendered, render_all
from ksgen.vault import Opener, password_files

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


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@_HOSTS
@click.option("-o", "--output", "directory", default="out", show_default=True, type=click.Path(path_type=Path))
@click.option("--templates", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Parts of your own.")
@click.option("--limit", metavar="PATTERN", help="Hosts, groups or globs, with commas: write only these.")
@click.option("--dry-run", is_flag=True, help="Write nothing; exit 1 if something would change.")
@click.option("--diff", "show_diff", is_flag=True, help="Show what changes in the files.")
@_PASSWORDS
@_JSON
def render(
    hosts: Sequence[str],
    directory: Path,
    templates: Path | None,
    limit: str | None,
    dry_run: bool,
    show_diff: bool,
    passwords: tuple[str, ...],
    as_json: bool,
) -> None:
    """Check the inventory and write one kickstart per host. Nothing is written when there is an error."""
    site, report = _read(hosts, passwords)
    known, found = read_hosts(site)
    report.extend(found)
    chosen = _chosen(site, limit)

    files: dict[str, str | bytes] = {}
    owners = {}
    for rendered in _with_progress(render_all(known, templates), len(known)):
        report.extend(rendered.problems)
        if rendered.text is not None and rendered.name in chosen:
            path = f"ks/{rendered.name}.ks"
            files[path], owners[path] = rendered.text, rendered.name

    if report.errors_of(chosen):
        _print_problems(report.problems, site, as_json)
        _talk(f"{_count(report.errors_of(chosen))}; nothing was written")
        sys.exit(PROBLEMS)
    sources = {name: manifest.sha256(text.encode("utf-8", "surrogateescape")) for name, text in site.sources.items()}
    wanted = output.Site(files, owners, sources, version(), chosen if limit is not None else None)
    try:
        outcome = output.changes(directory, wanted)
        if not dry_run:
            outcome = output.publish(outcome)
    except OSError as error:
        _print_problems(report.problems, site, as_json)
        _talk(f"{error.filename or directory}: {error.strerror}; nothing was written")
        sys.exit(PROBLEMS)
    report.extend(_as_problem(finding) for finding in outcome.findings)
    _print_problems(report.problems, site, as_json)
    if outcome.errors:
        _talk(f"{_count(outcome.errors)}; nothing was written")
        sys.exit(PROBLEMS)
    if show_diff and not as_json:
        for change in outcome.changes:  # what was before is still there to be read
            click.echo("\n".join(output.diff(change)))
    _talk(_summary(outcome, directory, "would be " if dry_run else ""))
    sys.exit(PROBLEMS if dry_run and outcome.changes else DONE)


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
        _print_problems([p for p in problems if p.host is None], site, as_json=False)
    else:
        console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
        for one in wanted:
            console.print(picture.plan_picture(one))
        _print_problems(problems, site, as_json=False)
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
    _print_problems([p for p in report.problems if p.host in (host, None)], site, as_json=False)
    sys.exit(PROBLEMS if report.errors_of([host]) else DONE)


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@_HOSTS
def graph(hosts: Sequence[str]) -> None:
    """Draw the groups and hosts of an inventory."""
    site, report = _read(hosts)
    Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False).print(picture.group_tree(site))
    _print_problems(report.problems, site, as_json=False)
    sys.exit(PROBLEMS if report.has_errors else DONE)


@main.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--variables", is_flag=True, help="Of a mapping of variables: for files in group_vars and host_vars.")
def schema(variables: bool) -> None:
    """Print the JSON Schema of the inventory, for editors."""
    click.echo(json.dumps(schemas.variables_schema() if variables else schemas.file_schema(), indent=1))


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


def _print_problems(problems: Sequence[Problem], site: Inventory, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"problems": [problem.to_json() for problem in problems]}, indent=1))
        return
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for line in to_text(problems, site.sources if console.is_terminal else {}):
        text = Text(line)
        text.highlight_words([": error:"], "red")
        text.highlight_words([": warning:"], "yellow")
        console.print(text)


def _count(problems: Sequence[Any]) -> str:
    return f"{len(problems)} error{'' if len(problems) == 1 else 's'}"


def _talk(message: str) -> None:
    click.echo(message, err=True)
