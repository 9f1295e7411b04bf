# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the facts of machines come from: files, or what `ksgen serve` was told by those that were discovered."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from ksgen import match
from ksgen.cli.asking import Server
from ksgen.match import Machine
from ksgen.problems import Problem


@dataclasses.dataclass(frozen=True)
class Source:
    """Files of facts; without any, `ksgen serve`, with the file of the token and who has signed its certificate."""

    files: tuple[str, ...]
    server: str
    token: Path | None
    ca: Path | None

    @property
    def asked(self) -> Server:
        """The server. Raises a usage error without a token."""
        if self.token is None:
            raise click.UsageError("name files of facts with --facts, or the token of `ksgen serve` with --token")
        return Server(self.server, self.token, self.ca)


def read(source: Source, mac: str | None = None) -> tuple[tuple[Machine, ...], list[Problem]]:
    """All machines that are known; of a server, only the one with a NIC of this address, if it is given."""
    if source.files:
        return match.read_machines(source.files)
    server = source.asked
    machines, problems = [], []
    for one in listed(server):
        if mac is None or mac in one["macs"]:
            name = one["mac"]
            found = match.machine_from(f"the discovered machine {name}", server.answer(f"/api/discovered/{name}"))
            if isinstance(found, Problem):
                problems.append(found)
            else:
                machines.append(found)
    return tuple(machines), problems


def listed(server: Server) -> list[dict[str, Any]]:
    """The machines that the server knows, in a line each: `mac`, `macs`, `words`, `address`, `first` and `last`."""
    try:
        found: list[dict[str, Any]] = server.answer("/api/discovered")["machines"]
    except (KeyError, TypeError):
        server.stop_unreadable()
    return found
