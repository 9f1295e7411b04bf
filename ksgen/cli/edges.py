# SPDX-License-Identifier: GPL-2.0-or-later
"""What the commands of ksgen tell: problems, what was done, and the exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import click

from ksgen.problems import Problem, folded, to_text

# 0 done; 1 the input has problems, or a dry run found a difference; 2 wrong usage, which is click's own.
DONE, PROBLEMS = 0, 1
_NAMES_SHOWN = 4
PIPE_WIDTH = 120  # columns, if standard output is not a terminal


def show_problems(
    problems: Sequence[Problem], sources: Mapping[str, str], as_json: bool, more: Mapping[str, object] | None = None
) -> None:
    """Print problems as text, or as JSON together with `more`."""
    if as_json:
        click.echo(json.dumps({"problems": [fold.to_json() for fold in folded(problems)], **(more or {})}, indent=1))
        return
    if problems:
        _print_problems(problems, sources)


def _print_problems(problems: Sequence[Problem], sources: Mapping[str, str]) -> None:
    from rich.console import Console  # not at the top: most runs have no problem to print
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    for line in to_text(problems, sources if console.is_terminal else {}):
        text = Text(line)
        text.highlight_words([": error:"], "red")
        text.highlight_words([": warning:"], "yellow")
        text.highlight_words([": note:"], "cyan")
        console.print(text)


def count(problems: Sequence[Problem]) -> str:
    return counted(len(folded(problems)), "error")


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def names_text(names: Sequence[str]) -> str:
    """The names of a few hosts, or how many there are."""
    return ", ".join(names) if len(names) <= _NAMES_SHOWN else counted(len(names), "host")


def files_text(updated: int, removed: int, directory: Path, would: str = "") -> str:
    """`43 files updated, 1 removed in out`; `would`: "would be " for a dry run."""
    if not updated and not removed:
        return f"nothing {'would change' if would else 'has changed'} in {directory}"
    parts = [f"{counted(updated, 'file')} {would}updated"] if updated else []
    parts += [f"{removed if updated else counted(removed, 'file')} {would}removed"] if removed else []
    return ", ".join(parts) + f" in {directory}"


def talk(message: str) -> None:
    click.echo(message, err=True)


def stop(message: str) -> NoReturn:
    talk(message)
    sys.exit(PROBLEMS)
