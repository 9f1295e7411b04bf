# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen preflight`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ksgen.cli.arguments import JSON, ONE_HOSTS, PASSWORDS, SETTINGS
from ksgen.cli.completion import complete_hosts

# seconds; Anaconda itself waits 46 (its constants.py, NETWORK_CONNECTION_TIMEOUT), and forty hosts request at once
TIMEOUT = 20.0


@click.command("preflight", context_settings=SETTINGS)
@ONE_HOSTS
@click.option(
    "--limit", metavar="PATTERN", help="Comma-separated hosts, groups or globs: check only what these use.",
    shell_complete=complete_hosts,
)  # fmt: skip
@click.option("--download", is_flag=True, help="Download whole images to verify their SHA-256; nothing is stored.")
@click.option(
    "--image", "images", multiple=True, metavar="FILE", help="Local copy of an image, with the same file name.",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)  # fmt: skip
@click.option("--bmc", "with_bmc", is_flag=True, help="Ask the controllers of the hosts too (node_bmc).")
@click.option(
    "--ca", metavar="FILE", help="CA certificates to trust in addition to the system's.",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)  # fmt: skip
@click.option(
    "--timeout", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True), default=TIMEOUT,
    show_default=True, help="Timeout of a request.",
)  # fmt: skip
@PASSWORDS
@JSON
def preflight_images(
    hosts: str, limit: str | None, download: bool, images: Sequence[Path], ca: Path | None, timeout: float,
    passwords: Sequence[str], with_bmc: bool, as_json: bool,
) -> None:  # fmt: skip
    """Check the images, install trees and repositories that the inventory names, as the installer will fetch them.

    Each is requested from its server. Only those parts of an image are downloaded that are needed to inspect it, and of
    a repository its metadata. With --bmc the controllers are asked whether they accept the login, and whether
    firmware, interfaces and disks are those of the inventory; nothing is changed there.
    """
    from ksgen.cli import preflight_run

    preflight_run.preflight_images(hosts, limit, download, images, ca, timeout, passwords, with_bmc, as_json)
