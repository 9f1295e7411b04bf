# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen bmc`."""

from __future__ import annotations

from pathlib import Path

import click

from ksgen.cli.arguments import ONE_HOSTS, PASSWORDS, SETTINGS, json_option
from ksgen.cli.completion import complete_hosts

# As bmc.VERBS and bmc.Order, which this module does not import: tests/cli/test_bmc_command.py compares them.
VERBS = ("status", "log", "on", "off", "cycle", "pxe", "media")
TIMEOUT_S, BOOT_S = 300.0, 900.0
ENTRIES = 20
AT_ONCE = 16  # machines; as many fetch kernel and initrd at the same time
MEDIA_LISTEN = "0.0.0.0:8441"


@click.command("bmc", context_settings=SETTINGS)
@ONE_HOSTS
@click.argument("names", metavar="HOST...", nargs=-1, required=True, shell_complete=complete_hosts)
@click.argument("verb", metavar="|".join(VERBS), type=click.Choice(VERBS))
@click.option("--graceful", is_flag=True, help="Ask the system to shut down, instead of cutting the power.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation before the power is cut.")
@click.option(
    "--at-once", metavar="N", type=click.IntRange(1, 256), default=AT_ONCE, show_default=True,
    help="So many machines at a time.",
)  # fmt: skip
@click.option(
    "--timeout", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True), default=TIMEOUT_S, show_default=True,
    help="Timeout of each controller.",
)  # fmt: skip
@click.option(
    "--boot-timeout", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True), default=BOOT_S,
    show_default=True, help="Timeout until the installer fetches its kickstart.",
)  # fmt: skip
@click.option(
    "--entries", metavar="N", type=click.IntRange(1, 1000), default=ENTRIES, show_default=True,
    help="So many entries of `log`.",
)  # fmt: skip
@click.option(
    "-o", "--output", "directory", default="out", show_default=True, type=click.Path(path_type=Path),
    help="Directory of the published tree.",
)  # fmt: skip
@click.option(
    "--listen", default=MEDIA_LISTEN, show_default=True, metavar="ADDRESS:PORT",
    help="Where `media` serves the media to the controllers.",
)  # fmt: skip
@click.option(
    "--media-url", metavar="URL", help="URL by which controllers reach --listen; default: this machine's address."
)
@PASSWORDS
@json_option("Print the results as JSON.")
def bmc(
    hosts: str, names: tuple[str, ...], verb: str, graceful: bool, yes: bool, at_once: int, timeout: float,
    boot_timeout: float, entries: int, directory: Path, listen: str, media_url: str | None, passwords: tuple[str, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Switch each HOST by its controller (node_bmc), or boot its installer; exit 1 if one fails.

    HOST is a host, a group or a glob ('node0*'), or `all`.

    \b
    status  show the power state and from where the machine boots next
    log     show the newest entries of the System Event Log
    on      switch on
    off     cut the power
    cycle   cut the power, and switch on
    pxe     boot from the network once
    media   boot from a virtual medium once, without DHCP and TFTP
    """
    from ksgen.cli import bmc_run

    bmc_run.run(bmc_run.Options(
        hosts, names, verb, graceful, yes, at_once, timeout, boot_timeout, entries, directory, listen, media_url,
        passwords, as_json,
    ))  # fmt: skip
