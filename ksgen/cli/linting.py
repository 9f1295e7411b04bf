# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ksgen lint` does: kickstart files to their problems, for a person or for a machine."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import click

from ksgen import lint
from ksgen.cli import github, sarif
from ksgen.cli.edges import DONE, PROBLEMS, counted, show_problems
from ksgen.targets import Kind, Machine
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
    linted = lint.lint(files, lint.Linter(release, codes, kind), sys.stdin.buffer)
    report = linted.report
    problems = [problem for problem in report.problems if problem.severity == "error" or not only_errors]
    if form == "sarif":
        click.echo(json.dumps(sarif.log(problems, version(), linted.files), indent=1))
    elif form == "github":
        for problem in problems:
            click.echo(github.command(problem))
    else:
        checked = [{"file": one.file, "release": one.release, "kind": one.machine} for one in linted.files]
        show_problems(problems, linted.sources, as_json or form == "json", {"checked": checked})
        if not as_json and form != "json" and problems:
            click.echo(_summary(linted.files), err=True)
    sys.exit(PROBLEMS if report.has_errors else DONE)


_MACHINES: dict[Machine, str] = {"node": "node", "host": "oVirt host", "other": "other machine"}


def _summary(files: Sequence[lint.Judged]) -> str:
    """`checked as: 2 nodes, 1 oVirt host`: by whose rules."""
    counts = Counter(one.machine for one in files)
    found = [counted(counts[machine], noun) for machine, noun in _MACHINES.items() if machine in counts]
    return f"checked as: {', '.join(found) or 'nothing'}"
