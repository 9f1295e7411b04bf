# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ksgen lint` does: kickstart files to their problems, for a person or for a machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ksgen import lint
from ksgen.cli import github, sarif
from ksgen.cli.edges import DONE, PROBLEMS, show_problems
from ksgen.targets import Kind
from ksgen.version import version


def lint_files(
    files: Sequence[Path],
    release: str | None,
    kind: Kind,
    codes: Sequence[str],
    only_errors: bool,
    form: str,
    as_json: bool,
) -> None:
    """Print the problems of the files, and exit."""
    report, sources = lint.lint(files, lint.Linter(release, codes, kind), sys.stdin.buffer)
    problems = [problem for problem in report.problems if problem.severity == "error" or not only_errors]
    if form == "sarif":
        click.echo(json.dumps(sarif.log(problems, version()), indent=1))
    elif form == "github":
        for problem in problems:
            click.echo(github.command(problem))
    else:
        show_problems(problems, sources, as_json or form == "json")
    sys.exit(PROBLEMS if report.has_errors else DONE)
