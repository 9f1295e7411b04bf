# SPDX-License-Identifier: GPL-2.0-or-later
"""The command: arguments -> the steps -> exit code. Only ksgen.cli prints or exits."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

import click
from rich.console import Console

from ksgen import addon
from ksgen.cli import arm_command, iso_command, lint_command, lsp_command, picture, preflight_command, render_command
from ksgen.cli.edges import (
    DONE,
    HOSTS,
    JSON,
    ONE_HOSTS,
    PASSWORDS,
    PIPE_WIDTH,
    PROBLEMS,
    SETTINGS,
    efi_dir_given,
    host_names,
    limited,
    read,
    show_problems,
    talk,
)
from ksgen.expressions import Expressions
from ksgen.host import explain_host, read_hosts
from ksgen.kickstart import shown_plan, version
from ksgen.variables import file_schema, variables_schema


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
  ksgen init site                     write a commented starter inventory
  ksgen site/hosts.yaml               check everything, write out/ks/<host>.ks
  ksgen site/hosts.yaml --diff --dry-run
  ksgen site/hosts.yaml --limit rack_a
  ksgen plan site/hosts.yaml node01.example.com
  ksgen explain site/hosts.yaml node01.example.com node_disk
  ksgen arm site/hosts.yaml node01.example.com --until 2h
  ksgen disarm site/hosts.yaml all
  ksgen lint old/*.ks --release el10      check existing kickstarts
\b
Shell completion:
  eval "$(_KSGEN_COMPLETE=bash_source ksgen)"     also zsh_source, fish_source
"""


@click.group(cls=_RenderByDefault, epilog=_EPILOG, context_settings=SETTINGS)
@click.version_option(version(), prog_name="ksgen")
def main() -> None:
    """Turn a site's inventory into checked kickstarts for oVirt Nodes.

    HOSTS is an Ansible inventory in YAML whose `node_` variables describe each host. `ksgen HOSTS` is short for
    `ksgen render HOSTS`.
    """


@main.command(context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("host", required=False, shell_complete=lambda ctx, _, word: host_names(ctx.params.get("hosts"), word))
@PASSWORDS
@JSON
def plan(hosts: str, host: str | None, passwords: tuple[str, ...], as_json: bool) -> None:
    """Show the storage layout of HOST, or of all hosts: devices, free space, how many images fit."""
    site, report = read([hosts], passwords)
    known, found = read_hosts(site)
    report.extend(found)
    chosen = limited(site, host)
    wanted = [h for h in known if h.name in chosen]
    problems = [p for p in report.problems if p.host in chosen or p.host is None]
    if as_json:
        by_name = {h.name: shown_plan(h) for h in wanted}
        plans = {
            entry.name: picture.plan_json(by_name.get(entry.name), [p for p in problems if p.host == entry.name])
            for entry in site.hosts
            if entry.name in chosen
        }
        click.echo(json.dumps(plans, indent=1))
        show_problems([p for p in problems if p.host is None], site.sources, as_json=False)
    else:
        console = Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
        for one in wanted:
            console.print(picture.plan_picture(one, shown_plan(one)))
        show_problems(problems, site.sources, as_json=False)
    sys.exit(PROBLEMS if any(p.severity == "error" for p in problems) else DONE)


@main.command(context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("host", shell_complete=lambda ctx, _, word: host_names(ctx.params.get("hosts"), word))
@click.argument("variable", required=False)
@PASSWORDS
@JSON
def explain(hosts: str, host: str, variable: str | None, passwords: tuple[str, ...], as_json: bool) -> None:
    """Show where each value of HOST comes from, what it overrode, and why."""
    site, report = read([hosts], passwords)
    entry = next((entry for entry in site.hosts if entry.name == host), None)
    if entry is None:
        raise click.UsageError(f"no host named {host!r}")
    if variable is not None and variable not in entry.variables:
        raise click.UsageError(f"{host} has no variable {variable!r}")
    rendered = Expressions(site).rendered(entry)
    report.extend(rendered.problems)
    values = {name: v.node for name, v in rendered.entry.variables.items()}
    found = [e for e in explain_host(entry, site, values) if variable in (None, e.name)]
    if as_json:
        click.echo(json.dumps({e.name: e.to_json() for e in found}, indent=1))
    else:
        for one in found:
            click.echo("\n".join(picture.explanation_text(one)))
    show_problems([p for p in report.problems if p.host in (host, None)], site.sources, as_json=False)
    sys.exit(PROBLEMS if report.errors_of([host]) else DONE)


@main.command(context_settings=SETTINGS)
@HOSTS
def graph(hosts: Sequence[str]) -> None:
    """Show the groups and hosts of an inventory as a tree."""
    site, report = read(hosts)
    Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False).print(picture.group_tree(site))
    show_problems(report.problems, site.sources, as_json=False)
    sys.exit(PROBLEMS if report.has_errors else DONE)


@main.command(context_settings=SETTINGS)
@click.option(
    "--variables", is_flag=True, help="Schema of a mapping of variables, for files in group_vars and host_vars."
)
def schema(variables: bool) -> None:
    """Print the JSON Schema of the inventory, for editors."""
    click.echo(json.dumps(variables_schema() if variables else file_schema(), indent=1))


@main.command("image", context_settings=SETTINGS)
@click.argument("file", metavar="[FILE]", default=addon.NAME, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--efi-dir",
    callback=efi_dir_given,
    metavar="DIR",
    help="Directory below EFI/ in the node image; default: Anaconda's.",
)
@click.option("--interactive", is_flag=True, help="Include interactive-defaults.ks, for the product.img of an ISO.")
def addon_image(file: Path, efi_dir: str | None, interactive: bool) -> None:
    """Write the add-on to FILE as an image for inst.updates=, or as an install tree's updates.img or product.img."""
    try:
        addon.write(file, addon.image(efi_dir, interactive))
    except OSError as error:
        talk(f"{file}: {error.strerror}; nothing was written")
        sys.exit(PROBLEMS)
    talk(f"{file} written")


@main.command(context_settings=SETTINGS)
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
def init(directory: Path) -> None:
    """Write a commented starter inventory to DIR."""
    target = directory / "hosts.yaml"
    if target.exists():
        raise click.UsageError(f"{target} already exists")
    directory.mkdir(parents=True, exist_ok=True)
    target.write_text(resources.files("ksgen").joinpath("starter.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    talk(f"{target} written; fill it in, then: ksgen {target}")


for command in (
    *(render_command.render, render_command.arm, arm_command.disarm, arm_command.armed),
    lint_command.lint_files,
    lsp_command.language_server,
    preflight_command.preflight_images,
    iso_command.write_iso,
):
    main.add_command(command)
