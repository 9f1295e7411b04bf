# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run publishes beside the kickstarts: who boots what, the servers' files, and who is armed."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Collection, Iterable, Sequence

from ksgen import addon
from ksgen.host import Host
from ksgen.netboot import arming
from ksgen.netboot.arming import Arming
from ksgen.netboot.bootargs import addon_image
from ksgen.netboot.bootfiles import File, boot_files
from ksgen.netboot.boottemplates import BootTemplates
from ksgen.netboot.discovery import Running
from ksgen.netboot.serverfiles import server_files
from ksgen.netboot.state import STATE_FILE, spent, state_text
from ksgen.netboot.webserver import Server
from ksgen.problems import Problem
from ksgen.templates import TEMPLATE_ERRORS, template_problem


@dataclasses.dataclass(frozen=True)
class Files:
    """Files below out/ and their problems."""

    files: tuple[File, ...]
    problems: tuple[Problem, ...]


def site_files(
    hosts: Sequence[Host],
    armings: Iterable[Arming],
    server: Server,
    templates: BootTemplates,
    now: datetime.datetime,
    limit: Collection[str] | None = None,
    discovery: Running | None = None,
) -> Files:
    """The boot files of all machines, or of those with the names of `limit`, those of the servers, the state of arming,
    and what belongs to a running discovery. Raises OSError."""
    armings = tuple(armings)
    active = arming.active(armings, hosts, now, spent(server.run))
    try:
        chosen = [host for host in hosts if limit is None or host.name in limit]
        boot, problems = boot_files(chosen, active, templates)
        conf, more = server_files(hosts, server, templates)
        if discovery:
            looking = discovery.files(templates, {host.settings.mac for host in hosts})
            replaced = {file.path for file in looking}
            boot = [*(file for file in boot if file.path not in replaced), *looking]
    except TEMPLATE_ERRORS as error:
        return Files((), (template_problem(error),))
    of_site: dict[str, str | bytes] = {**conf, **addon_images(hosts), STATE_FILE: state_text(armings)}
    return Files((*boot, *(File(path, text) for path, text in of_site.items())), (*problems, *more))


def addon_images(hosts: Iterable[Host]) -> dict[str, bytes]:
    """The add-on's images that the boot files of these hosts name, by their path below out/."""
    loaded = (host.settings for host in hosts if host.settings.addon is True)
    directories = {addon_image(settings): settings.efi_dir for settings in loaded}
    return {path: addon.image(efi_dir) for path, efi_dir in directories.items()}
