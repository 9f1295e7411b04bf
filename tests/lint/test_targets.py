# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kickstart is for: the release it was written for, and whether a node or another host comes of it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ksgen.grammar import ksfile
from ksgen.lint import Linter
from ksgen.problems import Problem
from ksgen.targets import RELEASES, Kind

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))

from check_examples import PLAIN, SMALL

CODE = "written-for-other-release"


def told(text: str, release: str | None = None, kind: Kind = "any") -> list[Problem]:
    return Linter(release, kind=kind).lint(ksfile.include("x.ks", text, str))


# --- release ---------------------------------------------------------------------------------------------------------

NO_LONGER = "what RHEL9 no longer accepts is reported"
VERSIONS = [
    pytest.param("#version=RHEL9\n", None, [], id="own"),
    pytest.param("#version=EL9\n", None, [], id="short"),
    pytest.param("# version = 9\n", None, [], id="number"),
    pytest.param("#version=RHEL10\n", None, [], id="chosen-by-the-file"),
    pytest.param("#version=DEVEL\n", None, [], id="devel"),
    pytest.param("#version=0.5\n", None, [], id="of-the-file"),
    pytest.param("#version=CENTOS 7\n", None, [], id="no-name-of-pykickstart"),
    pytest.param("echo #version=RHEL7\n", None, [], id="not-at-the-beginning"),
    pytest.param("text\n", "el10", [], id="none"),
    pytest.param("\n#version=RHEL8\n", None, [(2, "written for RHEL8 and checked for RHEL9", NO_LONGER)], id="older"),
    pytest.param("#version=F29\n", None, [(1, "written for F29 and checked for RHEL9", NO_LONGER)], id="fedora"),
    pytest.param(
        "#version=RHEL10\n", "el9", [(1, "written for RHEL10 and checked for RHEL9", "--release el10")], id="newer"
    ),
    pytest.param(
        "#version=RHEL9\n", "el10", [(1, "written for RHEL9 and checked for RHEL10", "--release el9")], id="asked"
    ),
]


@pytest.mark.parametrize(("text", "release", "expected"), VERSIONS)
def test_release_that_a_file_was_written_for(
    text: str, release: str | None, expected: list[tuple[int, str, str]]
) -> None:
    found = [problem for problem in told(text, release) if problem.code == CODE]
    assert [(problem.mark.line, problem.message, problem.hint) for problem in found] == expected
    assert {problem.severity for problem in found} <= {"note"}


@pytest.mark.parametrize("release", RELEASES)
def test_grammar_is_made_once_for_each_release(release: str) -> None:
    linter = Linter()
    assert linter.grammar(release) is linter.grammar(release)
    assert linter.grammar(release) is not linter.grammar(next(name for name in RELEASES if name != release))


# --- kind ------------------------------------------------------------------------------------------------------------

NO_IMGBASE = SMALL.replace("imgbase --debug layout --init", "true")


def node_codes(text: str, kind: Kind) -> set[str]:
    """The codes that are about nodes only."""
    codes = {problem.code for problem in told(text, kind=kind)}
    return {code for code in codes if code.startswith(("imgbase-", "node-", "boot-", "volume-"))}


KINDS = [
    pytest.param(NO_IMGBASE, "any", {"imgbase-missing"}, id="a-node-by-its-image"),
    pytest.param(NO_IMGBASE, "node", {"imgbase-missing"}, id="a-node-as-the-user-says"),
    pytest.param(NO_IMGBASE, "host", set(), id="no-node-as-the-user-says"),
    pytest.param(SMALL.replace("--init\n", "--init\ntouch /usr/a\n"), "any", {"imgbase-not-last"}, id="by-imgbase"),
    pytest.param(SMALL.replace("--init\n", "--init\ntouch /usr/a\n"), "host", set(), id="imgbase-of-no-node"),
    pytest.param(PLAIN, "any", set(), id="a-host"),
    pytest.param(
        PLAIN.replace("cat >/etc/motd", "imgbase --debug \\\n  image-build --postprocess\ncat >/etc/motd"),
        "any",
        set(),
        id="a-recipe-for-an-image",
    ),
    pytest.param(
        SMALL.replace("ovirt-node-ng", "el9").replace("layout --init", "lay-out --init"),
        "any",
        {"imgbase-options"},
        id="an-image-of-another-name-and-imgbase-misspelt",
    ),
    pytest.param(
        PLAIN, "node", {"boot-small", "node-kdump-off", "volume-missing", "volume-option"}, id="a-host-as-a-node"
    ),
    pytest.param(SMALL, "any", set(), id="good-node"),
    pytest.param(SMALL, "host", set(), id="good-node-as-a-host"),
]


@pytest.mark.parametrize(("text", "kind", "expected"), KINDS)
def test_rules_of_nodes_are_for_nodes(text: str, kind: Kind, expected: set[str]) -> None:
    assert node_codes(text, kind) == expected


ADVICE = [
    pytest.param(PLAIN.replace("%post --erroronfail", "%post"), "post-without-erroronfail", id="erroronfail"),
    pytest.param(PLAIN.replace("/dev/disk/by-id/wwn-0x5000000000000001", "sda"), "disk-by-kernel-name", id="sda"),
]


@pytest.mark.parametrize(("text", "code"), ADVICE)
def test_what_a_node_is_warned_of_is_a_note_to_a_host(text: str, code: str) -> None:
    def severities(kind: Kind) -> list[str]:
        return [problem.severity for problem in told(text, kind=kind) if problem.code == code]

    assert severities("host") == severities("any") == ["note"]
    assert set(severities("node")) == {"warning"}


def test_what_holds_for_every_machine_is_said_of_each_kind() -> None:
    broken = PLAIN.replace("--size=1024", "--size=1k", 1)
    kinds: tuple[Kind, ...] = ("node", "host", "any")
    for kind in kinds:
        assert "kickstart-grammar" in {problem.code for problem in told(broken, kind=kind)}
