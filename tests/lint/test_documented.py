# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/checks.md has every code that `ksgen lint` can report: read from the code itself."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from ksgen.lint import CHECKS, commands
from ksgen.problems import ALL

CHECKOUT = Path(__file__).resolve().parents[2]
DOCUMENTED = set(re.findall(r"^### `([\w-]+)`$", (CHECKOUT / "docs" / "checks.md").read_text(), re.MULTILINE))
# Who makes a finding, and which of its arguments is the code.
MAKERS = {"Finding": 0, "Problem": 0, "Found": 4, "Check": 0, "_finding": 0}
# Stands for the codes of the layout.
STANDS_FOR_OTHERS = {"node-layout", "host-layout"}


def constants(path: Path) -> dict[str, str]:
    """The names of a module that stand for a string."""
    found = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found |= {target.id: node.value.value for target in node.targets if isinstance(target, ast.Name)}
    return found


def made(path: Path) -> Iterator[str]:
    """The codes of the findings that a module makes."""
    names = constants(path)
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        position = MAKERS.get(getattr(node.func, "id", getattr(node.func, "attr", "")), -1)
        given = [word.value for word in node.keywords if word.arg == "code"] if position >= 0 else []
        given += node.args[position : position + 1] if position >= 0 else []
        for one in given:
            code = names.get(one.id) if isinstance(one, ast.Name) else getattr(one, "value", None)
            if isinstance(code, str) and code in ALL:
                yield code


def reported() -> set[str]:
    modules = [path for name in ("lint", "grammar") for path in (CHECKOUT / "ksgen" / name).glob("*.py")]
    codes = {code for path in [*modules, CHECKOUT / "org_ovirt_node/layout/rules.py"] for code in made(path)}
    return codes | {check.code for check in CHECKS} | {code for code, _, _ in commands.GRAMMAR}


def test_reader_of_the_code_finds_each_kind() -> None:
    """A check, the file, the layout, a comment, the release, the grammar."""
    kinds = {"zerombr-all-disks", "not-utf-8", "root-below-image", "disable-unknown", "written-for-other-release"}
    assert kinds | {"kickstart-grammar"} <= reported()


def test_every_code_that_lint_can_report_is_documented() -> None:
    assert reported() - STANDS_FOR_OTHERS - DOCUMENTED == set()


def test_every_documented_code_exists() -> None:
    assert DOCUMENTED <= ALL
