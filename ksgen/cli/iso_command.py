# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen iso`."""

from __future__ import annotations

from pathlib import Path

import click

from ksgen.cli.arguments import SETTINGS, efi_dir_given

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("iso", context_settings=SETTINGS)
@click.option("--boot-iso", "boot", required=True, metavar="FILE", type=_FILE, help="Boot ISO of the installer.")
@click.option("--image", required=True, metavar="FILE", type=_FILE, help="The node image (.squashfs.img).")
@click.option(
    "-o", "--output", metavar="FILE", help="Output file; default: the image's name and version.",
    type=click.Path(path_type=Path),
)  # fmt: skip
@click.option("--kickstart", metavar="FILE", type=_FILE, help="Kickstart for an unattended installation.")
@click.option(
    "--efi-dir", callback=efi_dir_given, metavar="DIR", help="Directory below EFI/ in the image, if it has several."
)
@click.option(
    "--append",
    default="",
    metavar="ARGUMENTS",
    help="Additional kernel arguments for each boot entry, such as 'console=ttyS0'.",
)
def write_iso(
    boot: Path, image: Path, output: Path | None, kickstart: Path | None, efi_dir: str | None, append: str
) -> None:
    """Write an ISO that installs a node: a boot ISO with the add-on and the node image on it.

    The installation is interactive; with --kickstart it is unattended and erases disks as the kickstart specifies.
    """
    from ksgen.cli import iso_run

    iso_run.write_iso(boot, image, output, kickstart, efi_dir, append)
