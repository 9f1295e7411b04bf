# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen lint`: kickstart files -> their problems, for a person or for a machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ksgen.cli.arguments import JSON, SETTINGS
from ksgen.targets import KINDS, RELEASES, Kind

_FORMATS = ("text", "json", "sarif", "github")


def _codes(_: click.Context, __: click.Parameter, given: Sequence[str]) -> tuple[str, ...]:
    if not given:
        return ()
    from ksgen.problems import ALL
    from ksgen.variables import nearest

    codes = tuple(code for one in given for code in one.split(",") if code)
    for code in codes:
        if code not in ALL:
            cure = nearest(code, ALL)
            raise click.BadParameter(f"unknown check code {code!r}" + (f"; {cure}" if cure else ""))
    return codes


@click.command("lint", context_settings=SETTINGS)
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(allow_dash=True, path_type=Path))
@click.option("--release", type=click.Choice(RELEASES), help="Target release; default: from `#version=`.")
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="any",
    help="What is installed: a node, a plain EL host of oVirt, another machine. Default, any: by each file's contents.",
)
@click.option("--errors", "only_errors", is_flag=True, help="Report errors only, no warnings and no notes.")
@click.option(
    "--disable",
    "codes",
    multiple=True,
    metavar="CODE",
    callback=_codes,
    help="Skip a check; docs/checks.md has the codes.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="text",
    help="Format of the problems: sarif is SARIF 2.1.0, github are commands of GitHub Actions. Default: text.",
)
@JSON
def lint_files(
    files: Sequence[Path],
    release: str | None,
    kind: Kind,
    only_errors: bool,
    codes: Sequence[str],
    form: str,
    as_json: bool,
) -> None:
    """Check kickstarts, generated or hand-written: syntax, storage, network, scripts, and what oVirt requires.

    The FILE `-` is standard input; its %include files are looked up in the current directory.
    """
    from ksgen.cli import linting

    linting.lint_files(files, release, kind, codes, only_errors, form, as_json)
