# SPDX-License-Identifier: GPL-2.0-or-later
"""The hosts of `ksgen iso --site`: their kickstarts, as they install from the ISO itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ksgen import iso
from ksgen.cli.selection import limited, read
from ksgen.host import Host, is_skipped, read_hosts
from ksgen.inventory import HostEntry, Inventory, Variable
from ksgen.iso import SiteHost
from ksgen.kickstart import render_all
from ksgen.problems import Problem
from ksgen.syntax import Node

# What an installation from the ISO does without: its server tells a token for reports to armed hosts only.
_NO_REPORTS = {"node_report_url": False}


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
    own = {
        "node_image_url": iso.image_url(),
        "node_image_sha256": image_sha256,
        "node_image_size": f"{image_size} B",
        "node_addon": "tree",
        **_NO_REPORTS,
    }
    known, found = read_hosts(_with(site, own))
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


def _with(site: Inventory, own: dict[str, object]) -> Inventory:
    """The inventory with values of ours for every node, whatever it says."""
    return dataclasses.replace(site, hosts=tuple(_entry_with(entry, own) for entry in site.hosts))


def _entry_with(entry: HostEntry, own: dict[str, object]) -> HostEntry:
    # A skipped host would become one that lacks everything; a plain host has no image, and is refused later.
    kind = entry.variables.get("node_kind")
    if is_skipped(entry) or (kind is not None and kind.node.value != "node"):
        return entry
    variables = {name: _variable(name, value, entry) for name, value in own.items()}
    return dataclasses.replace(entry, variables={**entry.variables, **variables})


def _variable(name: str, value: object, entry: HostEntry) -> Variable:
    written = entry.variables.get(name)
    mark = written.node.mark if written else entry.mark
    node = Node(value, mark, literal=True)  # type: ignore[arg-type]  # a string or a truth value
    if written:
        return dataclasses.replace(written, node=node, is_dynamic=False)
    origin = next(iter(entry.variables.values())).origin
    return Variable(name, node, mark, origin, is_shared=False)


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
    # The serial number of the machine (node_serial), where the inventory has one.
    serial = getattr(settings, "serial", None) or ""
    return SiteHost(host.name, tuple(dict.fromkeys(macs)), serial, text, secret_places)


def _is_mac(device: str) -> bool:
    return ":" in device
