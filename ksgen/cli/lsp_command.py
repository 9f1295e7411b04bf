# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen lsp`: the language server, if what it needs is installed."""

from __future__ import annotations

import click

from ksgen.cli.arguments import SETTINGS
from ksgen.targets import KINDS, RELEASES, Kind


@click.command("lsp", context_settings=SETTINGS)
@click.option("--release", type=click.Choice(RELEASES), help="Target release; default: from `#version=`.")
@click.option("--kind", type=click.Choice(KINDS), default="any", help="What is installed; as of ksgen lint.")
def language_server(release: str | None, kind: Kind) -> None:
    """Run the language server for an editor, on standard input and output; docs/editors.md.

    It reports what ksgen and ksgen lint report, and completes and explains commands, options and variables.
    """
    from ksgen.cli.edges import stop
    from ksgen.version import version

    try:
        from ksgen.lsp import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        stop("the language server requires pygls: pip install 'ovirt-node-installer[lsp]'")
    serve(version(), release, kind)
