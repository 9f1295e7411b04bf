# SPDX-License-Identifier: GPL-2.0-or-later
"""The command: arguments -> the steps -> exit code. Only ksgen.cli prints or exits."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import click

from ksgen.cli import (
    bmc_command,
    discovery_commands,
    file_commands,
    init_command,
    install_command,
    iso_command,
    lint_command,
    lsp_command,
    match_command,
    preflight_command,
    publish_commands,
    rehearse_command,
    serve_commands,
    show_commands,
)
from ksgen.cli.arguments import SETTINGS
from ksgen.version import DISTRIBUTION

# New objects after which Python looks for cycles among them. What a command imports stays, and so does an inventory of
# thousands of hosts, which is millions of objects and has none.
_COLLECT_FROM = 100_000
_INTERRUPTED = 130  # 128 and SIGINT


class _RenderByDefault(click.Group):
    """`ksgen hosts.yaml` is `ksgen render hosts.yaml`. Ctrl-C ends with 130, as shells have it: 1 is for problems."""

    def invoke(self, ctx: click.Context) -> Any:
        gc.set_threshold(_COLLECT_FROM)
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            click.echo("interrupted", err=True)
            ctx.exit(_INTERRUPTED)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if self.get_command(ctx, args[0]) is None:
            cure = _nearest(args[0], self.list_commands(ctx)) if args[0].isalpha() else ""
            if cure and not Path(args[0]).exists():
                raise click.UsageError(f"{args[0]!r} is neither a command nor a file; {cure}")
            args = ["render", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"--help", "-h", "--version"}
        if args and args[0].startswith("-") and args[0] != "-" and args[0] not in own:
            args = ["render", *args]
        return super().parse_args(ctx, args)


def _nearest(word: str, commands: list[str]) -> str:
    from ksgen.variables import nearest

    return nearest(word, commands)


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
@click.version_option(package_name=DISTRIBUTION, prog_name="ksgen")
def main() -> None:
    """Turn a site's inventory into checked kickstarts for oVirt Nodes.

    HOSTS is an Ansible inventory in YAML whose `node_` variables describe each host. `ksgen HOSTS` is short for
    `ksgen render HOSTS`.
    """


for command in (
    *(publish_commands.render, publish_commands.arm, publish_commands.disarm, publish_commands.armed),
    *(show_commands.plan, show_commands.explain, show_commands.graph),
    *(serve_commands.serve, serve_commands.status, serve_commands.login),
    *(file_commands.schema, file_commands.addon_image),
    *(install_command.install, install_command.reinstall),
    lint_command.lint_files,
    init_command.init,
    lsp_command.language_server,
    *(match_command.print_facts_script, match_command.match_machines),
    *(discovery_commands.discover, discovery_commands.discovered),
    *(discovery_commands.adopt, discovery_commands.verify),
    preflight_command.preflight_images,
    iso_command.write_iso,
    rehearse_command.rehearse,
    bmc_command.bmc,
):
    main.add_command(command)
