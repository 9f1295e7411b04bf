# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/editors.md: what a reader copies can be read, and fits what ksgen prints."""

from __future__ import annotations

import json
import re
from pathlib import Path

from command import CliRunner

from ksgen.cli import main

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "editors.md").read_text()


def test_settings_are_json() -> None:
    settings, tasks = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL))
    assert settings["glspc.server.commandArguments"] == ["lsp"]
    assert tasks["tasks"][0]["command"] == "ksgen lint ${file}"


def test_problem_matcher_matches_what_lint_prints(tmp_path: Path) -> None:
    tasks = json.loads(re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL)[1])
    pattern = tasks["tasks"][0]["problemMatcher"]["pattern"]
    file = tmp_path / "a.ks"
    file.write_text("#version=RHEL8\nzerombr\nfrobnicate\n")
    printed = CliRunner().invoke(main, ["lint", str(file)]).stderr
    found = [match for line in printed.splitlines() if (match := re.match(pattern["regexp"], line))]
    assert [(m[pattern["file"]], m[pattern["line"]], m[pattern["severity"]]) for m in found] == [
        (str(file), "1", "note"),
        (str(file), "2", "warning"),
        (str(file), "3", "error"),
    ]
    assert found[-1][pattern["message"]].startswith("unknown command 'frobnicate'")
