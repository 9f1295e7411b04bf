# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that write what ksgen has with it: `schema` and `image`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from ksgen.cli.arguments import SETTINGS, efi_dir_given


@click.command(context_settings=SETTINGS)
@click.option(
    "--variables", is_flag=True, help="Schema of a mapping of variables, for files in group_vars and host_vars."
)
def schema(variables: bool) -> None:
    """Print the JSON Schema of the inventory, for editors."""
    from ksgen.variables import file_schema, variables_schema

    click.echo(json.dumps(variables_schema() if variables else file_schema(), indent=1))


@click.command("image", context_settings=SETTINGS)
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--efi-dir",
    callback=efi_dir_given,
    metavar="DIR",
    help="Directory below EFI/ in the node image; default: Anaconda's.",
)
@click.option("--interactive", is_flag=True, help="Include interactive-defaults.ks, for the product.img of an ISO.")
def addon_image(file: Path | None, efi_dir: str | None, interactive: bool) -> None:
    """Write the add-on to FILE as an image for inst.updates=, or as an install tree's updates.img or product.img."""
    from ksgen import addon
    from ksgen.cli.edges import PROBLEMS, talk

    file = file or Path(addon.NAME)
    try:
        addon.write(file, addon.image(efi_dir, interactive))
    except OSError as error:
        talk(f"{file}: {error.strerror}; nothing was written")
        sys.exit(PROBLEMS)
    talk(f"{file} written")
