# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the facts of machines come from: files, or what `ksgen serve` was told by those that were discovered."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from ksgen import match
from ksgen.match import Machine
from ksgen.problems import Problem


@dataclasses.dataclass(frozen=True)
class Source:
    """Files of facts; without any, `ksgen serve`, with the file of the token and who has signed its certificate."""

    files: tuple[str, ...]
    server: str
    token: Path | None
    ca: Path | None


def read(source: Source) -> tuple[tuple[Machine, ...], list[Problem]]:
    """All machines that are known. Raises a usage error where there is nowhere to ask."""
    if source.files:
        return match.read_machines(source.files)
    raise click.UsageError("name files of facts with --facts")
