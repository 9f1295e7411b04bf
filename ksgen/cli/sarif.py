# SPDX-License-Identifier: GPL-2.0-or-later
"""Problems as a log in SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from ksgen import lint
from ksgen.cli.github import shown_path
from ksgen.problems import Problem

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_Json = dict[str, object]


def log(problems: Sequence[Problem], version: str, files: Sequence[lint.Judged] = ()) -> _Json:
    """One run of ksgen: the files with what they were taken for, the rules that found something, and their results."""
    codes = sorted({problem.code for problem in problems})
    driver = {"name": "ksgen", "version": version, "rules": [_rule(code) for code in codes]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "artifacts": [_artifact(one) for one in files],
        "results": [_result(problem, codes.index(problem.code)) for problem in problems],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _artifact(judged: lint.Judged) -> _Json:
    return {
        "location": {"uri": _uri(judged.file)},
        "roles": ["analysisTarget"],
        "properties": {"kind": judged.machine, "release": judged.release},
    }


def _rule(code: str) -> _Json:
    known = lint.described(code)
    rule: _Json = {"id": code, "shortDescription": {"text": known.meaning}}
    return rule | ({"help": {"text": f"source: {known.source}"}} if known.source else {})


def _result(problem: Problem, rule: int) -> _Json:
    mark = problem.mark
    region = {"startLine": mark.line, "startColumn": mark.column, "endColumn": mark.column + mark.length}
    place = {"artifactLocation": {"uri": _uri(mark.file)}, "region": region}
    return {
        "ruleId": problem.code,
        "ruleIndex": rule,
        "level": problem.severity,
        "message": {"text": problem.message + (f"; {problem.hint}" if problem.hint else "")},
        "locations": [{"physicalLocation": place}],
    }


def _uri(file: str) -> str:
    """A relative reference for a path below the present directory, `file://` for any other."""
    path = shown_path(file)
    return Path(path).as_uri() if Path(path).is_absolute() else quote(path)
