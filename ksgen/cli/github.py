# SPDX-License-Identifier: GPL-2.0-or-later
"""Problems as workflow commands of GitHub Actions, which show them at their lines of a pull request.

Format and escapes: GitHub's documentation, "Workflow commands for GitHub Actions"; actions/toolkit, command.ts.
"""

from __future__ import annotations

import os
from pathlib import Path

from ksgen.problems import Problem

_COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}
_IN_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY = _IN_MESSAGE | str.maketrans({":": "%3A", ",": "%2C"})


def command(problem: Problem) -> str:
    """`::error file=a.ks,line=3,col=1,title=CODE::MESSAGE`."""
    properties = {
        "file": shown_path(problem.mark.file),
        "line": str(problem.mark.line),
        "col": str(problem.mark.column),
        "title": problem.code,
    }
    text = ",".join(f"{name}={value.translate(_IN_PROPERTY)}" for name, value in properties.items())
    message = problem.message + (f"; {problem.hint}" if problem.hint else "")
    return f"::{_COMMANDS[problem.severity]} {text}::{message.translate(_IN_MESSAGE)}"


def shown_path(file: str) -> str:
    """A path below the present directory relative to it, as the root of a checkout is; any other as it is."""
    path = Path(os.path.abspath(file)) if Path(file).is_absolute() or ".." in Path(file).parts else Path(file)
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else path.as_posix()
