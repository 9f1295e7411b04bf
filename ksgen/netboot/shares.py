# SPDX-License-Identifier: GPL-2.0-or-later
"""The install trees and images that nginx serves beside out/, because URLs of hosts name this machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ksgen.host import Host
from ksgen.netboot import nginx
from ksgen.netboot.addresses import site_prefixes
from ksgen.netboot.boottemplates import Words
from ksgen.netboot.webserver import Server
from ksgen.problems import Problem
from ksgen.variables import PLAIN_MARKS

# Where nginx has the board and the API, over TLS.
_BOARD = ("/board/", "/api/", "/metrics/")


@dataclasses.dataclass(frozen=True)
class Share:
    """An install tree or an image that is served beside out/. The path is as nginx.served_path has it."""

    variable: str
    path: str
    place: Path

    @property
    def is_tree(self) -> bool:
        return self.variable == "node_tree_url"

    @property
    def location(self) -> Words:
        """nginx's location: of a tree all paths below, of an image its own path."""
        return Words(nginx.quoted(f"{self.path}/") if self.is_tree else f"= {nginx.quoted(self.path)}")

    @property
    def alias(self) -> Words:
        return Words(nginx.quoted(f"{self.place}/" if self.is_tree else str(self.place)))


def shares(hosts: Sequence[Host], server: Server) -> tuple[tuple[Share, ...], list[Problem]]:
    """The install trees and images whose URLs name this machine, unless out/ has them, and which of them nginx cannot
    serve."""
    prefixes = site_prefixes(hosts)
    served: dict[str, Share] = {}
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
            share = Share(variable, path, directory if variable == "node_tree_url" else directory / name)
            if not share.is_tree and above in [f"{prefix}/images" for prefix in prefixes]:
                continue
            reason = _not_served(share, prefixes, served.get(share.location))
            if server.certificate and f"{path}/".startswith(_BOARD):
                reason = (
                    "boot-url-taken",
                    "nginx has the board of `ksgen serve` at this path",
                    "use another path, like /el9/",
                )
            if reason:
                problems.append(host.problem((variable,), *reason))
            else:
                served[share.location] = share
    return tuple(served[location] for location in sorted(served)), problems


def _not_served(share: Share, prefixes: Sequence[str], other: Share | None) -> tuple[str, str, str] | None:
    """Why nginx cannot serve a share, as code, message and hint; `other` is the share at its location, if any."""
    if not share.is_tree and nginx.has_variable(share.place.name):
        return "boot-word", "nginx cannot serve a file with '$' in its name", "rename the file"
    if _is_own(share, prefixes):
        return "boot-url-taken", "nginx already serves files of out/ at this path", "use another path, like /el9/"
    if other is not None and other != share:
        message = f"nginx already serves {other.place} at this path, and cannot serve {share.place} as well"
        return "boot-url-taken", message, "give each release its own path"
    return None


def _named_here(host: Host, server: Server) -> Iterator[tuple[str, str | None, Path]]:
    """Which of a host's variables name a directory of this machine, and by which path."""
    here = urlsplit(host.settings.server_url).hostname
    for variable, url, directory in (
        ("node_tree_url", host.settings.tree_url, server.installers.get(host.settings.release)),
        ("node_image_url", host.settings.image_url, server.images),
    ):
        parts = urlsplit(url or "")
        if directory and parts.scheme in ("http", "https") and parts.hostname == here:
            yield variable, nginx.served_path(parts.path), directory


def _is_own(share: Share, prefixes: Sequence[str]) -> bool:
    """Whether a share would take what out/ serves at the same path, or the other way round."""
    if not share.is_tree:
        return any(share.path == f"{prefix}/boot.ipxe" for prefix in prefixes)
    kept = tuple(f"{prefix}/{name}/" for prefix in prefixes for name in ("boot", "ipxe", "ks"))
    return f"{share.path}/".startswith(kept) or any(share.path in (prefix, f"{prefix}/images") for prefix in prefixes)
