# SPDX-License-Identifier: GPL-2.0-or-later
"""URLs, servers and paths of the commands that fetch something. A value that may hold a password is not repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from ksgen.grammar import Check, Command, Found, Kickstart, value
from ksgen.lint.addresses import is_ip
from ksgen.lint.interfaces import is_host_name_only
from ksgen.variables import any_address, domain_name, nearest, refusal, shown

_SCHEMES = ("http", "https", "ftp", "file")
# pyanaconda, core/payload.py: parse_nfs_url() and parse_hdd_url(); the repositories of dnf can be there too.
_OF_REPOSITORIES = (*_SCHEMES, "nfs", "hd", "media")


class _Option(NamedTuple):
    """An option of a command that is a URL: its name in pykickstart's data and for people, and the schemes."""

    name: str
    option: str
    schemes: tuple[str, ...] = _SCHEMES


_URLS = {
    "url": (_Option("url", "--url", (*_SCHEMES, "nfs")), _Option("mirrorlist", "--mirrorlist"),
            _Option("metalink", "--metalink")),
    "repo": (_Option("baseurl", "--baseurl", _OF_REPOSITORIES), _Option("mirrorlist", "--mirrorlist"),
             _Option("metalink", "--metalink")),
    "ostreesetup": (_Option("url", "--url"),),
    "rhsm": (_Option("rhsm_baseurl", "--rhsm-baseurl"),),
    "driverdisk": (_Option("source", "--source", (*_SCHEMES, "nfs", "hd")),),
    "updates": (_Option("url", "URL", (*_SCHEMES, "nfs", "hd")),),
}  # fmt: skip
# What is filled in later: variables of dnf, of a shell, of a template.
_UNKNOWN = re.compile(r"[${}%<>@#]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(/*)")


def url(ks: Kickstart) -> Iterator[Found]:
    for name, options in _URLS.items():
        for command in ks.all(name):
            for option in options:
                text = str(value(command, option.name) or "")
                said = _wrong_url(text, option) if text else None
                if said:
                    yield Found(command.line, *said)
    for command in ks.all("liveimg"):
        # Its scheme has a check of its own.
        text = str(value(command, "url") or "")
        parts = split(text)
        said = _wrong_server(text, parts) if parts and "://" in text else None
        if said:
            yield Found(command.line, *said)


def name_server(ks: Kickstart) -> Iterator[Found]:
    """Only where every interface has a fixed address: DHCP and router advertisements bring name servers."""
    made = [command for command in ks.all("network") if not is_host_name_only(command)]
    is_used = any(value(command, "activate") for command in made)
    if not (ks.is_whole and is_used) or "network" in ks.rejected or any(_may_have_server(command) for command in made):
        return
    named = (_name_in(command) for command in ks.all("liveimg", "url", "repo"))
    host = next(filter(None, named), "")
    if host:
        message = f"cannot resolve {host}: every interface has a fixed address, and none has a name server"
        yield Found(made[0].line, message, "add --nameserver=ADDRESS")


def _may_have_server(command: Command) -> bool:
    is_fixed = value(command, "bootProto") == "static" and bool(value(command, "ip"))
    return bool(value(command, "nameserver")) or not is_fixed or value(command, "ipv6") in ("auto", "dhcp")


def _name_in(command: Command) -> str:
    """The host of the first URL of a command, if it is a name."""
    texts = (str(value(command, key) or "") for key in ("url", "baseurl", "mirrorlist", "metalink"))
    parts = next((split(text) for text in texts if text), None)
    host = str(parts.hostname or "") if parts and not _UNKNOWN.search(parts.netloc) else ""
    return "" if is_ip(host) else host


def _wrong_url(text: str, option: _Option) -> tuple[str, str] | None:
    """What is wrong with a URL, and what to write."""
    scheme = _SCHEME.match(text)
    if text[:1] in "${<@#%" or (scheme and scheme.group(1).lower() in ("nfs", "hd", "cdrom", "media")):
        return None
    hint = f"write {option.option}=http://… or another of {', '.join(option.schemes)}".replace("URL=", "")
    if scheme is None or "//" not in scheme.group(2):
        is_known = scheme is not None and scheme.group(1).lower() in option.schemes
        if is_known and scheme and (scheme.group(1).lower() == "file" and scheme.group(2)):
            return None
        return f"{shown(text)} is not a URL: it has no {'//' if is_known else 'scheme'}", hint
    if scheme.group(1).lower() not in option.schemes:
        cure = nearest(scheme.group(1).lower(), option.schemes) or hint
        return f"{option.option} does not support the scheme {scheme.group(1)!r}", cure
    parts = split(text)
    return _wrong_server(text, parts) if parts else (f"{shown(text)} is not a URL", hint)


def split(text: str) -> SplitResult | None:
    try:
        return urlsplit(text)
    except ValueError:
        return None


def _wrong_server(text: str, parts: SplitResult) -> tuple[str, str] | None:
    if re.search(r"\s", text):
        return f"{shown(text)} contains a blank", "write %20 for it"
    if _UNKNOWN.search(parts.netloc.rpartition("@")[2]):
        return None
    if parts.scheme.lower() == "file":
        return (f"{shown(text)} has no path", "write file:/// and the path") if parts.netloc else None
    try:
        port, host = parts.port, parts.hostname
    except ValueError:
        return f"the port of {shown(text)} is not a number from 1 to 65535", "write the port after one colon: :8080"
    if not host or port == 0:
        return f"{shown(text)} has no {'valid port' if host else 'server'}", "write http://pxe.example.com/path"
    return _wrong_host(host)


def _wrong_host(host: str) -> tuple[str, str] | None:
    """What is wrong with the name or address of a server. Names with '_' are no host names and resolve all the same."""
    if refusal(any_address, host) is None or is_ip(host):
        return None
    if re.fullmatch(r"[0-9.]+", host):
        return f"{host!r} is not an IP address", "write a host name or an IP address"
    refused = refusal(domain_name, host.rstrip(".").replace("_", "x"))
    return (refused.message, "write a host name or an IP address") if refused else None


# pyanaconda, core/payload.py: ProxyString; the scheme, a user and a port may be left out.
_PROXY = re.compile(
    r"(?:(?P<scheme>[A-Za-z0-9+.-]+)://)?(?:[^/@]*@)?(?P<host>\[[0-9A-Fa-f:]+\]|[^:/@]*)(?::(?P<port>[^/]*))?(?:/.*)?"
)


def proxy(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("url", "repo", "liveimg"):
        text = str(value(command, "proxy") or "")
        match = _PROXY.fullmatch(text)
        if not text or _UNKNOWN.search(text.rpartition("@")[2]):
            continue
        host = match["host"].strip("[]") if match else ""
        port = match["port"] if match else None
        scheme = ((match["scheme"] if match else None) or "http").lower()
        hint = "write --proxy=http://proxy.example.com:3128"
        if not host or scheme not in ("http", "https", "ftp"):
            yield Found(command.line, "the value of --proxy is not [http://]SERVER[:PORT]", hint)
        elif port is not None and not (port.isascii() and port.isdigit() and 1 <= int(port[:9]) <= 65535):
            yield Found(command.line, "the port of --proxy is not a number from 1 to 65535", hint)
        elif said := _wrong_host(host):
            yield Found(command.line, *said)


_SERVERS = {
    "nfs": ("server", "--server", "nfs --server=NAME --dir=PATH"),
    "logging": ("host", "--host", "logging --host=NAME --port=514"),
    "vnc": ("host", "--host", "vnc --host=NAME"),
}


def server(ks: Kickstart) -> Iterator[Found]:
    for name, (key, option, usage) in _SERVERS.items():
        for command in ks.all(name):
            text = str(value(command, key) or "")
            if not text or _UNKNOWN.search(text):
                continue
            if "/" in text:
                yield Found(
                    command.line, f"{option} is the name of a server: {shown(text)} has more", f"write: {usage}"
                )
            elif said := _wrong_host(text.strip("[]")):
                yield Found(command.line, *said)


def directory(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("nfs"):
        text = str(value(command, "dir") or "")
        if text and not text.startswith("/") and not _UNKNOWN.search(text):
            yield Found(command.line, f"{shown(text)} is not a path on the server", f"write --dir=/{_path(command)}")


def _path(command: Command) -> str:
    text = str(value(command, "dir"))
    return text.partition(":/")[2] if ":/" in text else text


CHECKS = (
    Check("url-wrong", "error", url, "pykickstart, commands; RFC 3986"),
    Check("network-unresolvable", "warning", name_server, "resolv.conf(5)"),
    Check("proxy-wrong", "error", proxy, "pyanaconda, core/payload.py: ProxyString"),
    Check("server-wrong", "error", server, "pyanaconda, core/payload.py; RFC 1123, 2.1"),
    Check("nfs-directory", "error", directory, "exports(5)"),
)
