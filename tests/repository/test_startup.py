# SPDX-License-Identifier: GPL-2.0-or-later
"""A command imports what it needs and nothing else, so that it starts at once. benchmarks/startup.py measures it.

Times are never tested: they differ from machine to machine, and what makes a start slow is what is imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from benchmarks import startup

CHECKOUT = Path(__file__).resolve().parents[2]
SITE = CHECKOUT / "examples" / "hosts.yaml"
HOST = "node01.a.example.com"
KICKSTART = CHECKOUT / "tests" / "data" / "goldens" / f"{HOST}.ks"

# Distributions that take longer to import than Python to start.
HEAVY = ("jinja2", "pydantic", "pykickstart", "requests", "rich", "yaml", "langtable", "ansible", "pygls")
NOTHING = frozenset[str]()
_PROGRAM = """
import json, sys
from ksgen.cli import main
try:
    main(sys.argv[1:], prog_name="ksgen")
finally:
    print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def imported(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> frozenset[str]:
    """The modules that are there when a command has ended."""
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=CHECKOUT, env={**os.environ, **(environment or {})}, check=False
    )
    assert done.returncode == 0, done.stderr
    return frozenset(json.loads(done.stderr.splitlines()[-1]))


def heavy(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> frozenset[str]:
    return imported(arguments, environment) & {*HEAVY}


def completing(line: str) -> dict[str, str]:
    """The environment in which a shell asks for the words that may end a line."""
    return {"_KSGEN_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["render", "--help"], ["lint", "--help"]])
def test_help_and_version_import_click_alone(arguments: list[str]) -> None:
    assert heavy(arguments) == NOTHING


@pytest.mark.parametrize(
    "line",
    [
        "ksgen re",
        *(
            f"ksgen {command} --"
            for command in (
                *("render", "arm", "disarm", "armed", "plan", "explain", "graph", "schema", "image"),
                *("lint", "init", "lsp", "preflight", "iso", "facts", "match", "rehearse"),
            )
        ),
        "ksgen lint --release e",
        "ksgen lint --kind n",
    ],
)
def test_completion_of_words_imports_click_alone(line: str) -> None:
    assert heavy([], completing(line)) == NOTHING


@pytest.mark.parametrize(
    "command", ["plan", "explain", "arm", "disarm", "match", "render --limit", "preflight --limit"]
)
def test_completion_of_hosts_reads_the_inventory_alone(command: str) -> None:
    name, _, option = command.partition(" ")
    line = f"ksgen {name} {SITE} {option} node01.a".replace("  ", " ")
    assert heavy([], completing(line)) == {"yaml"}


def test_lint_imports_neither_the_inventory_nor_templates() -> None:
    assert heavy(["lint", str(KICKSTART)]) == {"pydantic", "pykickstart"}


def test_explain_imports_no_kickstarts() -> None:
    assert heavy(["explain", str(SITE), HOST]) == {"jinja2", "pydantic", "yaml"}


def test_plan_imports_no_kickstarts() -> None:
    assert heavy(["plan", str(SITE), HOST]) == {"jinja2", "pydantic", "rich", "yaml"}


def test_every_command_is_listed_without_being_imported() -> None:
    """What a command does is in another module than its arguments."""
    modules = imported(["--help"])
    ours = {name for name in modules if name.startswith("ksgen.")} - {"ksgen.cli", "ksgen.targets", "ksgen.version"}
    names = {name.removeprefix("ksgen.cli.") for name in ours}
    assert {name for name in names if not name.endswith(("_command", "_commands"))} == {
        *("arguments", "command", "completion")
    }


def test_the_benchmark_measures_every_command() -> None:
    figures = list(startup.figures(rounds=1))
    assert [figure.what for figure in figures if not figure.value > 0 or figure.target is None] == []
    assert len(figures) == len(startup.RUNS) - 2  # the yardsticks
