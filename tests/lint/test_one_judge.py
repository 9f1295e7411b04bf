# SPDX-License-Identifier: GPL-2.0-or-later
"""lint and the add-on's gate find the same in a layout: the one in the commands, the other in what Anaconda plans.

What only one of them finds is in a table here, with its reason.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from typing import Any

import pytest
from bench import BENCH, NO_BENCH
from counts import count
from gate_cases import CASES, RECORDED, RELEASES, Case, Use, from_json
from judge_cases import cases
from record_gate import ask, kickstart

from ksgen.grammar import ksfile
from ksgen.lint import Linter
from org_ovirt_node import gate
from org_ovirt_node.layout import findings
from org_ovirt_node.section import STOP, Section, parse

HEAD = "liveimg --url=file:///run/install/repo/ovirt-node.squashfs.img\n"
LINTERS = {release: Linter(release) for release in RELEASES}

# What only the gate finds, of those that are not about the size of a disk.
OF_THE_MACHINE = {
    "tag-other": "volume groups on other disks of the machine",
    "tags-other": "volume groups on other disks of the machine",
    "cannot-update": "how large the pool becomes on this disk; or it follows from over-provisioned",
    "images-below-wish": "how large the pool becomes on this disk",
    "over-provisioned": "how large the pool becomes on this disk",
    "reserve-small": "how large the volume group becomes on this disk",
    "reserve-too-small": "how large the volume group becomes on this disk",
    "root-large": "how far the root volume grows on this disk",
}
# What only lint finds.
OF_THE_TEXT = {
    "metadata-small": "where --metadatasize is missing, blivet's choice for this disk is not in Storage's answer",
    "reserve-small": "a share that is enough on a large disk only",
    "cannot-update": "a pool that is capped below its volumes",
}


def section_of(case: Case) -> Section:
    words, *lines = case.section.splitlines() or [""]
    parsed = parse(words.split(), lines)
    assert not parsed.problems
    return parsed.section


def told_by_lint(case: Case, release: str) -> Counter[tuple[str, str]]:
    text = f"{HEAD}{kickstart(case, release).rstrip()}\n%addon org_ovirt_node {case.section}\n%end\n"
    problems = LINTERS[release].lint(ksfile.include("x.ks", text, str))
    return Counter((problem.code, problem.severity) for problem in problems)


def told_by_gate(case: Case, tree: dict[str, Any]) -> Counter[tuple[str, str]]:
    """With `--findings=warn` its errors stop nothing."""
    section = section_of(case)
    found = gate.findings(from_json(tree), section)
    return Counter((f.code, f.severity if section.findings == STOP else "warning") for f in found)


def compare(case: Case, release: str, answer: dict[str, Any]) -> None:
    by_lint = told_by_lint(case, release)
    if answer["complaints"]:
        assert any(severity == "error" for _, severity in by_lint), answer["complaints"]
        return
    by_lint = Counter({key: count for key, count in by_lint.items() if key[0] in findings._WORDS})
    by_gate = told_by_gate(case, answer["tree"])
    assert {code for code, _ in by_gate - by_lint} <= set(OF_THE_MACHINE)
    assert {code for code, _ in by_lint - by_gate} <= set(OF_THE_TEXT)


@functools.cache
def recorded(release: str) -> dict[str, Any]:
    return dict(json.loads((RECORDED / f"{release}.json").read_text()))


def is_comparable(case: Case) -> bool:
    """What `autopart` makes is Anaconda's own, and no kickstart says what is on a disk."""
    return not (isinstance(case.kickstart, Use) or case.on_sda or "autopart" in str(case.kickstart))


COMPARABLE = [case for case in CASES if is_comparable(case)]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in COMPARABLE])
def test_recorded_plans_have_one_judge(release: str, case: Case) -> None:
    compare(case, release, recorded(release)[case.name])


@pytest.mark.anaconda
@pytest.mark.parametrize("release", RELEASES)
def test_generated_kickstarts_have_one_judge(release: str) -> None:
    if BENCH is None:
        pytest.skip(NO_BENCH)
    asked = [case for case in cases(count(2, 16)) if is_comparable(case)]
    # A few at a time: the bus of a slow machine drops what waits too long.
    for first in range(0, len(asked), 4):
        some = asked[first : first + 4]
        answers = ask(BENCH, RELEASES[release], some)
        for case in some:
            compare(case, release, answers[case.name])
