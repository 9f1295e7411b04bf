# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen init`: what a new site begins with."""

from __future__ import annotations

from pathlib import Path

import click

from ksgen.cli.arguments import SETTINGS

# Where a file of the package is written.
_SITE = {
    "starter/hosts.yaml": "hosts.yaml",
    "starter/all.yml": "group_vars/all.yml",
    "starter/rack_a.yml": "group_vars/rack_a.yml",
    "starter/gitignore": ".gitignore",
    "starter/ci-example.yml": "ci-example.yml",
    "starter/README.md": "README.md",
}
_MINIMAL = {"starter.yaml": "hosts.yaml"}


@click.command(context_settings=SETTINGS)
@click.option("--minimal", is_flag=True, help="Write a single inventory file.")
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
def init(directory: Path, minimal: bool) -> None:
    """Write a commented starter site to DIR: an inventory with a rack and group_vars, .gitignore, an example for CI."""
    files = {directory / target: source for source, target in (_MINIMAL if minimal else _SITE).items()}
    for target in files:
        if target.exists():
            raise click.UsageError(f"{target} already exists")
    from importlib import resources  # not at the top: it takes a third of the time of `ksgen --help`

    package = resources.files("ksgen")
    for target, source in files.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(package.joinpath(source).read_text(encoding="utf-8"), encoding="utf-8")
    hosts = directory / "hosts.yaml"
    written = hosts if minimal else directory
    click.echo(f"{written} written; fill in what is marked with <<, then: ksgen {hosts}", err=True)
