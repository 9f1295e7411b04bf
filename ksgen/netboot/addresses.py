# SPDX-License-Identifier: GPL-2.0-or-later
"""Where boot loaders find out/: over HTTP, as PXELINUX and GRUB do not support HTTPS."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from urllib.parse import urlsplit

from ksgen.host import Host
from ksgen.netboot import nginx
from ksgen.variables import Settings

HTTP_PORT = 80


@dataclasses.dataclass(frozen=True)
class Address:
    """The web server as boot loaders write it, its port, and the path of out/ on it."""

    server: str
    port: int
    path: str


def boot_address(settings: Settings) -> Address:
    """The address in node_server_url; of one with https its host at the HTTP port."""
    return _address(settings.server_url)


@functools.lru_cache(maxsize=256)
def _address(server_url: str) -> Address:
    parts = urlsplit(server_url)
    is_http = parts.scheme == "http"
    name = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    port = parts.port if is_http and parts.port else HTTP_PORT
    # A path that nginx cannot serve is one of bootargs.problems.
    path = nginx.served_path(parts.path) or ""
    return Address(name if port == HTTP_PORT else f"{name}:{port}", port, path)


def site_prefixes(hosts: Iterable[Host]) -> list[str]:
    """The paths under which out/ is served."""
    return sorted({boot_address(host.settings).path for host in hosts})
