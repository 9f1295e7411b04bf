# SPDX-License-Identifier: GPL-2.0-or-later
"""What the servers read: dnsmasq.conf and nginx.conf. They do not depend on who is armed."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from ksgen.host import Host
from ksgen.netboot import bootargs, nginx
from ksgen.netboot.addresses import boot_address, site_prefixes
from ksgen.netboot.boottemplates import BootTemplates, Words
from ksgen.netboot.discovery import DISCOVERY_KICKSTART, DISCOVERY_NAME
from ksgen.netboot.shares import Share, shares
from ksgen.netboot.webserver import REPORTS_ADDRESS, Server
from ksgen.problems import Mark, Problem
from ksgen.reports import LOG_LARGEST, REPORT_LARGEST
from ksgen.variables import DhcpRange
from org_ovirt_node.facts.sighting import LARGEST

HTTPS_PORT = 443
# Characters that dnsmasq or nginx does not read literally without quotes.
_ODD_IN_PATH = re.compile(r"[^A-Za-z0-9_./@+=-]")


def server_files(
    hosts: Sequence[Host], server: Server, templates: BootTemplates
) -> tuple[dict[str, str], list[Problem]]:
    """dnsmasq.conf and nginx.conf, and the problems with them. They do not depend on who is armed.

    Hosts without boot files (boot_files) are left out.
    """
    bootable = [host for host in hosts if not any(bootargs.word_problems(host))]
    shared, share_problems = shares(bootable, server)
    problems = [*_path_problems(server), *_server_problems(bootable, server), *share_problems]
    if any(problem.severity == "error" for problem in problems) or not bootable:
        return {}, problems
    return {
        "dnsmasq.conf": _dnsmasq(bootable, server, templates),
        "nginx.conf": _nginx(bootable, server, shared, templates),
    }, problems


def _path_problems(server: Server) -> Iterator[Problem]:
    paths = [("-o", server.tree), ("--run", server.run)]
    paths += [(f"--tree {release}", path) for release, path in server.installers.items()]
    paths += [("--images", server.images)] if server.images else []
    if server.certificate:
        paths += [("--certificate", server.certificate.certificate), ("--key", server.certificate.key)]
    for option, path in paths:
        text = str(path)
        odd = _ODD_IN_PATH.search(text)
        if odd or not path.is_absolute():
            what = f"{odd.group()!r} cannot be used in a path" if odd else "a relative path cannot be used"
            message = f"{option}: {what} in dnsmasq.conf and nginx.conf"
            hint = "use an absolute path of ASCII letters, digits and / . _ - @ + ="
            place = text if text.isprintable() else ascii(text)
            yield Problem("boot-path", message, Mark(place, 1), hint=hint)


def _server_problems(hosts: Sequence[Host], server: Server) -> Iterator[Problem]:
    kinds = {_dhcp_kind(host): host for host in hosts}
    if {"proxy", "range"} <= kinds.keys():
        message = f"a DHCP range, and proxy for {kinds['proxy'].name}: one dnsmasq cannot do both"
        yield kinds["range"].problem(("node_dhcp",), "dhcp-mixed", message, "use one of them for all hosts")
    if server.certificate is None:
        for host in hosts:
            if urlsplit(host.settings.server_url).scheme == "https":
                message = "nginx.conf has no certificate, so nginx serves HTTP only"
                cure = "add --certificate FILE and --key FILE, or use a TLS reverse proxy"
                yield host.problem(("node_server_url",), "boot-https", message, cure, severity="warning")


def _dhcp_kind(host: Host) -> str:
    return "range" if isinstance(host.settings.dhcp, DhcpRange) else host.settings.dhcp


def _dnsmasq(hosts: Sequence[Host], server: Server, templates: BootTemplates) -> str:
    answered = [host for host in hosts if _dhcp_kind(host) != "none"]
    ranges = {(r.interface, r.first, r.last): r for h in hosts if isinstance(r := h.settings.dhcp, DhcpRange)}
    address = boot_address((answered or hosts)[0].settings)
    return templates.render(
        "dnsmasq.conf.j2",
        tree=server.tree,
        run=server.run,
        ranges=[ranges[key] for key in sorted(ranges)],
        is_proxy=any(_dhcp_kind(host) == "proxy" for host in answered),
        macs=sorted(mac for host in answered for mac in _dhcp_macs(host)),
        ipxe_url=f"http://{address.server}{address.path}/boot.ipxe",
    )


def _dhcp_macs(host: Host) -> set[str]:
    """The MAC addresses that a host may send DHCP requests from: its boot NIC's, and others in its network."""
    devices = (device for each in host.settings.network for device in (each.mac or each.device, *each.lower))
    return {host.settings.mac, *(device for device in devices if ":" in device)}


@dataclasses.dataclass(frozen=True)
class _Prefix:
    """A path under which out/ is served, and the same escaped for a regular expression."""

    url: str
    pattern: Words


def _https_ports(hosts: Sequence[Host]) -> tuple[list[int], list[int]]:
    """The HTTPS ports of nginx, for IPv4 and for IPv6: those of node_server_url, otherwise the default port."""
    urls = [parts for host in hosts if (parts := urlsplit(host.settings.server_url)).scheme == "https"]
    ports = {url.port or HTTPS_PORT for url in urls} or {HTTPS_PORT}
    return sorted(ports), sorted({url.port or HTTPS_PORT for url in urls if ":" in (url.hostname or "")})


def _nginx(hosts: Sequence[Host], server: Server, shared: Sequence[Share], templates: BootTemplates) -> str:
    addresses = {boot_address(host.settings) for host in hosts}
    tls_ports, tls_ports6 = _https_ports(hosts)
    return templates.render(
        "nginx.conf.j2",
        tree=server.tree,
        run=server.run,
        user=Words(nginx.quoted(server.user)),
        group=Words(nginx.quoted(server.group)),
        tls=server.certificate,
        tls_ports=tls_ports,
        tls_ports6=tls_ports6,
        digits=[(digit, digit + 1) for digit in range(9)],
        ports=sorted({address.port for address in addresses}),
        # The kernel may be without IPv6, so nginx listens there only where a host needs it.
        ports6=sorted({address.port for address in addresses if address.server.startswith("[")}),
        prefixes=[_Prefix(path, Words(re.escape(path))) for path in site_prefixes(hosts)],
        reports=f"http://{REPORTS_ADDRESS}",
        report_largest=REPORT_LARGEST,
        log_largest=LOG_LARGEST,
        discovery=DISCOVERY_KICKSTART,
        discovery_pattern=Words(re.escape(DISCOVERY_KICKSTART)),
        discovery_name=DISCOVERY_NAME,
        sighting_largest=LARGEST,
        shares=shared,
        is_root_shared=any(share.is_tree and not share.path for share in shared),
    )
