# SPDX-License-Identifier: GPL-2.0-or-later
"""The command: arguments -> the steps -> exit code. Only ksgen.cli prints or exits."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from ksgen import addon
from ksgen.cli import (
    arm_command,
    init_command,
    iso_command,
    lint_command,
    lsp_command,
    preflight_command,
    render_command,
    show_commands,
)
from ksgen.cli.edges import INTERRUPTED, PROBLEMS, SETTINGS, efi_dir_given, talk
from ksgen.kickstart import version
from ksgen.variables import file_schema, nearest, variables_schema


class _RenderByDefault(click.Group):
    """`ksgen hosts.yaml` is `ksgen render hosts.yaml`. Ctrl-C ends with 130, as shells have it: 1 is for problems."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            talk("interrupted")
            ctx.exit(INTERRUPTED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None:
            cure = nearest(args[0], self.list_commands(ctx)) if args[0].isalpha() else ""
            if cure and not Path(args[0]).exists():
                raise click.UsageError(f"{args[0]!r} is neither a command nor a file; {cure}")
            args = ["render", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"--help", "-h", "--version"}
        if args and args[0].startswith("-") and args[0] != "-" and args[0] not in own:
            args = ["render", *args]
        return super().parse_args(ctx, args)


_EPILOG = """\b
Examples:
  ksgen init site                     write a commented starter site
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


for command in (
    *(render_command.render, render_command.arm, arm_command.disarm, arm_command.armed),
    *(show_commands.plan, show_commands.explain, show_commands.graph),
    lint_command.lint_files,
    init_command.init,
    lsp_command.language_server,
    preflight_command.preflight_images,
    iso_command.write_iso,
):
    main.add_command(command)
