# SPDX-License-Identifier: GPL-2.0-or-later
"""The boot files of a site: PXELINUX, GRUB and iPXE for each host by its MAC address, and the two servers' files.

A boot file is static, and ksgen may not run again when an arming ends. So an armed host's boot file requests the
kernel with the arming's token, and boots the disk if that is refused; nginx.conf checks the time, `armed/` in the
published tree, and whether the kickstart has been fetched already.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import jinja2

from ksgen.host import Host
from ksgen.media import KERNEL
from ksgen.netboot import bootargs, nginx
from ksgen.netboot.arming import Arming
from ksgen.problems import Mark, Problem
from ksgen.templates import GateError, environment
from ksgen.variables import PLAIN_MARKS, DhcpRange, Settings, is_plain

HTTP_PORT = 80
HTTPS_PORT = 443
# Characters that dnsmasq or nginx does not read literally without quotes.
_ODD_IN_PATH = re.compile(r"[^A-Za-z0-9_./@+=-]")
# Boot loaders on disks of the EL family, and UEFI's fallback, where GRUB has to search itself.
LOCAL_LOADERS = (
    *(f"/EFI/{vendor}/shimx64.efi" for vendor in ("almalinux", "centos", "redhat", "rocky")),
    "/EFI/BOOT/BOOTX64.EFI",
)


@dataclasses.dataclass(frozen=True)
class Certificate:
    """The TLS certificate of nginx."""

    certificate: Path
    key: Path


@dataclasses.dataclass(frozen=True)
class Server:
    """The machine that serves the tree: all paths are absolute.

    `tree` is out/, `run` belongs to the servers (process ids, logs, leases, spent/), `user` and `group` are those of
    nginx's workers. `installers` has each release's install tree and `images` the directory with the node images;
    they are served under node_tree_url and node_image_url where these name this machine.
    """

    tree: Path
    run: Path
    user: str
    group: str
    certificate: Certificate | None = None
    installers: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    images: Path | None = None


class _Words(str):
    """Text with spaces that ksgen itself composed from values that have passed the gate."""


def _gate(value: object) -> str:
    """Every value in a boot file passes through here: a word that all of them read alike; others are refused."""
    if isinstance(value, (_Words, jinja2.Undefined)):
        return str(value)
    text = str(value) if isinstance(value, (int, Path)) else value
    if not isinstance(text, str) or (text and not is_plain(text)):
        raise GateError(f"{value!r} cannot be written to a boot file")
    return text


class BootTemplates:
    """The templates below netboot/: those in the site's directory override the built-in ones."""

    def __init__(self, own: Path | None = None) -> None:
        self._environment = environment(own, _gate)

    def render(self, name: str, **values: object) -> str:
        return self._environment.get_template(f"netboot/{name}").render(values)


# --- what each machine boots -----------------------------------------------------------------------------------------


class File(NamedTuple):
    """A file below out/, and the host that it belongs to; None for one of the whole site."""

    path: str
    text: str | bytes
    owner: str | None = None


def boot_files(
    hosts: Sequence[Host], armed: Mapping[str, Arming], templates: BootTemplates
) -> tuple[list[File], list[Problem]]:
    """The boot files of hosts of which some are armed (arming.active), and of all others."""
    files = [File(path, text) for path, text in _for_unknown(templates)]
    found = []
    for host in hosts:
        problems = list(bootargs.problems(host))
        found += problems
        if not any(problem.severity == "error" for problem in problems):
            files += [File(path, text, host.name) for path, text in _of_host(host, armed.get(host.name), templates)]
    return files, found


def _for_unknown(templates: BootTemplates) -> Iterator[tuple[str, str]]:
    yield "pxelinux.cfg/default", templates.render("pxelinux.j2", note=_Words("A machine of no host."), arming=None)
    yield "grub/grub.cfg", templates.render("grub.j2")
    yield "grub/local.cfg", templates.render("grub-local.j2", loaders=LOCAL_LOADERS)
    yield "grub.cfg", templates.render("grub-root.j2")
    yield "boot.ipxe", templates.render("ipxe.j2")


def _of_host(host: Host, arming: Arming | None, templates: BootTemplates) -> Iterator[tuple[str, str]]:
    mac = bootargs.dashed(host.settings.mac)
    values: dict[str, object] = {"arming": arming, "note": _disk_note(host.name)}
    kernel = initrd = ""
    if arming:
        until = arming.until.strftime("%Y-%m-%dT%H:%M:%SZ")
        values["note"] = _Words(f"{host.name} is installed once, until {until}.")
        values["arguments"] = bootargs.kernel_arguments(host, arming.token)
        kernel, initrd = (f"boot/{host.settings.release}/{name}?armed={arming.token}" for name in KERNEL_FILES)
        yield f"armed/{arming.token}", f"{host.name} may be installed once, until {until}.\n"
    address = _boot_address(host.settings)
    for path, template, base in (
        (f"pxelinux.cfg/01-{mac}", "pxelinux.j2", f"http://{address.server}{address.path}"),
        (f"grub/grub.cfg-01-{mac}", "grub-host.j2", f"(http,{address.server}){address.path}"),
        (f"ipxe/{mac}.ipxe", "ipxe-host.j2", f"http://{address.server}{address.path}"),
    ):
        yield path, templates.render(template, kernel=f"{base}/{kernel}", initrd=f"{base}/{initrd}", **values)


KERNEL_FILES = tuple(name for name, _ in KERNEL)
# Where a host's boot files are, the beginning of their names, and what they are made of.
HOST_FILES = (("pxelinux.cfg/01-", "pxelinux.j2"), ("grub/grub.cfg-01-", "grub-host.j2"), ("ipxe/", "ipxe-host.j2"))


def _disk_note(host: str) -> _Words:
    return _Words(f"{host} boots its disk: it is not armed.")


def disk_file(path: str, host: str, templates: BootTemplates) -> str:
    """A host's boot file that boots its disk; it needs the host's name alone. Raises what a template can raise."""
    name = next(name for begin, name in HOST_FILES if path.startswith(begin))
    return templates.render(name, arming=None, note=_disk_note(host), kernel="", initrd="")


@dataclasses.dataclass(frozen=True)
class _Address:
    """Where boot loaders find out/: over HTTP, as PXELINUX and GRUB do not support HTTPS."""

    server: str
    port: int
    path: str


def _boot_address(settings: Settings) -> _Address:
    parts = urlsplit(settings.server_url)
    is_http = parts.scheme == "http"
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = parts.port if is_http and parts.port else HTTP_PORT
    # A path that nginx cannot serve is one of bootargs.problems.
    path = nginx.served_path(parts.path) or ""
    return _Address(name if port == HTTP_PORT else f"{name}:{port}", port, path)


# --- what the servers read -------------------------------------------------------------------------------------------


def server_files(
    hosts: Sequence[Host], server: Server, templates: BootTemplates
) -> tuple[dict[str, str], list[Problem]]:
    """dnsmasq.conf and nginx.conf, and the problems with them. They do not depend on who is armed.

    Hosts without boot files (boot_files) are left out.
    """
    bootable = [host for host in hosts if not any(bootargs.word_problems(host))]
    shares, share_problems = _shares(bootable, server)
    problems = [*_path_problems(server), *_server_problems(bootable, server), *share_problems]
    if any(problem.severity == "error" for problem in problems) or not bootable:
        return {}, problems
    return {
        "dnsmasq.conf": _dnsmasq(bootable, server, templates),
        "nginx.conf": _nginx(bootable, server, shares, templates),
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
    address = _boot_address((answered or hosts)[0].settings)
    return templates.render(
        "dnsmasq.conf.j2",
        tree=server.tree,
        run=server.run,
        ranges=[ranges[key] for key in sorted(ranges)],
        is_proxy=any(_dhcp_kind(host) == "proxy" for host in answered),
        macs=sorted(mac for host in answered for mac in _cards(host)),
        ipxe_url=f"http://{address.server}{address.path}/boot.ipxe",
    )


def _cards(host: Host) -> set[str]:
    """The MAC addresses that a host may send DHCP requests from: its boot NIC's, and others in its network."""
    devices = (device for each in host.settings.network for device in (each.device, *each.lower))
    return {host.settings.mac, *(device for device in devices if ":" in device)}


@dataclasses.dataclass(frozen=True)
class _Prefix:
    """A path under which out/ is served, and the same escaped for a regular expression."""

    url: str
    pattern: _Words


@dataclasses.dataclass(frozen=True)
class _Share:
    """An install tree or an image that is served beside out/. The path is as nginx.served_path has it."""

    variable: str
    path: str
    place: Path

    @property
    def is_tree(self) -> bool:
        return self.variable == "node_tree_url"

    @property
    def location(self) -> _Words:
        """nginx's location: of a tree all paths below, of an image its own path."""
        return _Words(nginx.quoted(f"{self.path}/") if self.is_tree else f"= {nginx.quoted(self.path)}")

    @property
    def alias(self) -> _Words:
        return _Words(nginx.quoted(f"{self.place}/" if self.is_tree else str(self.place)))


def _https_ports(hosts: Sequence[Host]) -> tuple[list[int], list[int]]:
    """The HTTPS ports of nginx, for IPv4 and for IPv6: those of node_server_url, otherwise the default port."""
    urls = [parts for host in hosts if (parts := urlsplit(host.settings.server_url)).scheme == "https"]
    ports = {url.port or HTTPS_PORT for url in urls} or {HTTPS_PORT}
    return sorted(ports), sorted({url.port or HTTPS_PORT for url in urls if ":" in (url.hostname or "")})


def _nginx(hosts: Sequence[Host], server: Server, shares: Sequence[_Share], templates: BootTemplates) -> str:
    addresses = {_boot_address(host.settings) for host in hosts}
    tls_ports, tls_ports6 = _https_ports(hosts)
    return templates.render(
        "nginx.conf.j2",
        tree=server.tree,
        run=server.run,
        user=_Words(nginx.quoted(server.user)),
        group=_Words(nginx.quoted(server.group)),
        tls=server.certificate,
        tls_ports=tls_ports,
        tls_ports6=tls_ports6,
        digits=[(digit, digit + 1) for digit in range(9)],
        ports=sorted({address.port for address in addresses}),
        # The kernel may be without IPv6, so nginx listens there only where a host needs it.
        ports6=sorted({address.port for address in addresses if address.server.startswith("[")}),
        prefixes=[_Prefix(path, _Words(re.escape(path))) for path in _prefixes(hosts)],
        shares=shares,
        is_root_shared=any(share.is_tree and not share.path for share in shares),
    )


def _prefixes(hosts: Iterable[Host]) -> list[str]:
    """The paths under which out/ is served."""
    return sorted({_boot_address(host.settings).path for host in hosts})


def _shares(hosts: Sequence[Host], server: Server) -> tuple[tuple[_Share, ...], list[Problem]]:
    """The install trees and images whose URLs name this machine, unless out/ has them, and which of them nginx cannot
    serve."""
    prefixes = _prefixes(hosts)
    found: dict[str, _Share] = {}
    problems: list[Problem] = []
    for host in hosts:
        for variable, path, directory in _named_here(host, server):
            if path is None:
                message = (
                    "nginx cannot serve this path: it is not valid percent-encoded UTF-8, or has control characters"
                )
                problems.append(host.problem((variable,), "boot-word", message, PLAIN_MARKS))
                continue
            above, _, name = path.rpartition("/")
            share = _Share(variable, path, directory if variable == "node_tree_url" else directory / name)
            if not share.is_tree and above in [f"{prefix}/images" for prefix in prefixes]:
                continue
            if not share.is_tree and nginx.has_variable(name):
                message = "nginx cannot serve a file with '$' in its name"
                problems.append(host.problem((variable,), "boot-word", message, "rename the file"))
            elif _is_own(share, prefixes):
                message = "nginx already serves files of out/ at this path"
                problems.append(host.problem((variable,), "boot-url-taken", message, "use another path, like /el9/"))
            elif (other := found.setdefault(share.location, share)) != share:
                message = f"nginx already serves {other.place} at this path, and cannot serve {share.place} as well"
                cure = "give each release its own path"
                problems.append(host.problem((variable,), "boot-url-taken", message, cure))
    return tuple(found[location] for location in sorted(found)), problems


def _named_here(host: Host, server: Server) -> Iterator[tuple[str, str | None, Path]]:
    """Which of a host's variables name a directory of this machine, and by which path."""
    here = urlsplit(host.settings.server_url).hostname
    for variable, url, directory in (
        ("node_tree_url", host.settings.tree_url, server.installers.get(host.settings.release)),
        ("node_image_url", host.settings.image_url, server.images),
    ):
        parts = urlsplit(url)
        if directory and parts.scheme in ("http", "https") and parts.hostname == here:
            yield variable, nginx.served_path(parts.path), directory


def _is_own(share: _Share, prefixes: Sequence[str]) -> bool:
    """Whether a share would take what out/ serves at the same path, or the other way round."""
    if not share.is_tree:
        return any(share.path == f"{prefix}/boot.ipxe" for prefix in prefixes)
    kept = tuple(f"{prefix}/{name}/" for prefix in prefixes for name in ("boot", "ipxe", "ks"))
    return f"{share.path}/".startswith(kept) or any(share.path in (prefix, f"{prefix}/images") for prefix in prefixes)
