# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine that serves a published tree: its directories, its user, and who may read the kickstarts."""

from __future__ import annotations

import contextlib
import dataclasses
import grp
import os
from collections.abc import Mapping
from pathlib import Path

from ksgen.netboot.remembered import Remembered

# Where `ksgen serve` listens, for the web server on the same machine: host and port.
REPORTS_ADDRESS = "127.0.0.1:8440"


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


def server(directory: Path, user: str, group: str, remembered: Remembered) -> Server:
    """The machine that serves what is published in a directory, with a run directory beside it unless one is named."""
    tree = directory.absolute()
    tls = Certificate(remembered.certificate, remembered.key) if remembered.certificate and remembered.key else None
    return Server(tree, remembered.run_of(tree), user, group, tls, remembered.trees, remembered.images)


def readers(directory: Path, group: str) -> int | None:
    """The group id of the web server, which has to read the kickstarts; None where the group of the directory stays.

    It is kept if it was set explicitly, or if this user may not change it.
    """
    with contextlib.suppress(FileNotFoundError):
        if directory.stat().st_gid != os.getegid():
            return None
    gid = grp.getgrnam(group).gr_gid
    return gid if os.geteuid() == 0 or gid in (os.getegid(), *os.getgroups()) else None
