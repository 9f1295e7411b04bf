# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen iso`."""

from __future__ import annotations

from pathlib import Path

import click

from ksgen.cli.arguments import PASSWORDS, SETTINGS, efi_dir_given
from ksgen.cli.completion import complete_hosts

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
    "--site", metavar="HOSTS", type=click.Path(allow_dash=True),
    help="Inventory: the ISO has the kickstart of each host, and the machine finds its own.",
)  # fmt: skip
@click.option(
    "--limit", metavar="PATTERN", help="With --site: comma-separated hosts, groups or globs.",
    shell_complete=complete_hosts,
)  # fmt: skip
@click.option("--ask", "asks", is_flag=True, help="With --site: a person has to confirm each installation.")
@click.option("--with-hashes", is_flag=True, help="With --site: password hashes may be on the ISO.")
@PASSWORDS
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
    boot: Path, image: Path, output: Path | None, kickstart: Path | None, site: str | None, limit: str | None,
    asks: bool, with_hashes: bool, passwords: tuple[str, ...], efi_dir: str | None, append: str,
) -> None:  # fmt: skip
    """Write an ISO that installs a node: a boot ISO with the add-on and the node image on it.

    The installation is interactive. With --kickstart or --site it is unattended and erases disks as the kickstart
    specifies; with --site it stops on a machine that is no host of the inventory, or more than one.
    """
    from ksgen.cli import iso_run, iso_site

    if site is None:
        named = {"--limit": limit, "--ask": asks, "--with-hashes": with_hashes, "--vault-password-file": passwords}
        if idle := next((name for name, value in named.items() if value), None):
            raise click.UsageError(f"{idle} requires --site")
    elif kickstart is not None:
        raise click.UsageError("--kickstart and --site exclude each other")
    order = iso_site.SiteOrder(site, limit, passwords, with_hashes, asks) if site is not None else None
    iso_run.write_iso(boot, image, output, kickstart, order, efi_dir, append)
