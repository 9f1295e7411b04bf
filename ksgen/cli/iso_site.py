# SPDX-License-Identifier: GPL-2.0-or-later
"""The hosts of `ksgen iso --site`: their kickstarts, as they install from the ISO itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ksgen import iso
from ksgen.cli.selection import limited, read
from ksgen.host import Host, overridden, read_hosts
from ksgen.iso import SiteHost
from ksgen.kickstart import render_all
from ksgen.problems import Problem


@dataclasses.dataclass(frozen=True)
class SiteOrder:
    """The options of a site: the inventory, which of its hosts, and what is allowed to be on the medium."""

    inventory: str
    limit: str | None = None
    passwords: tuple[str, ...] = ()
    with_hashes: bool = False
    asks: bool = False


@dataclasses.dataclass(frozen=True)
class SiteContent:
    """The chosen hosts, what is wrong with them, and the text of each file of the inventory."""

    hosts: tuple[SiteHost, ...]
    problems: tuple[Problem, ...]
    sources: dict[str, str]


def site_content(order: SiteOrder, release: str | None, image_sha256: str, image_size: int) -> SiteContent:
    """Render the hosts for an image on the ISO; `release` that of its installer. Raises a usage error, OSError."""
    site, report = read([order.inventory], order.passwords)
    chosen = limited(site, order.limit)
    own: dict[str, str | bool] = {
        "node_image_url": iso.image_url(),
        "node_image_sha256": image_sha256,
        "node_image_size": f"{image_size} B",
        "node_addon": "tree",
        # Its server gives the token of reports to armed hosts only.
        "node_report_url": False,
    }
    known, found = read_hosts(overridden(site, own))
    report.extend(found)
    hosts = [host for host in known if host.name in chosen]
    for host in hosts:
        report.extend(_unfit(host, release))
    contents = []
    by_name = {host.name: host for host in hosts}
    if not report.errors_of(chosen):
        for rendered in render_all(hosts):
            report.extend(rendered.problems)
            if rendered.text is not None:
                contents.append(_site_host(by_name[rendered.name], rendered.text, rendered.secrets))
    for content in contents:
        host = by_name[content.name]
        report.extend(host.at((), finding) for finding in iso.exposed(content, order.with_hashes))
    problems = tuple(problem for problem in report.problems if problem.host is None or problem.host in chosen)
    return SiteContent(tuple(contents), problems, dict(site.sources))


def _unfit(host: Host, release: str | None) -> Sequence[Problem]:
    if not host.settings.is_node:
        message = "is a plain host, whose packages are not on the ISO"
        return [host.problem(("node_kind",), "iso-site-host", message, "leave it out with --limit")]
    if release and host.settings.release != release:
        message = f"is of {host.settings.release}; the installer of the boot ISO is {release}"
        return [host.problem(("node_release",), "iso-site-host", message, "write an ISO for each release: --limit")]
    return []


def _site_host(host: Host, text: str, secret_places: tuple[tuple[int, int, int], ...]) -> SiteHost:
    settings = host.settings
    macs = [settings.mac, *(interface.mac for interface in settings.network if interface.mac)]
    macs += [lower for interface in settings.network for lower in interface.lower if _is_mac(lower)]
    return SiteHost(host.name, tuple(dict.fromkeys(macs)), settings.serial or "", text, secret_places)


def _is_mac(device: str) -> bool:
    return ":" in device
