# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion and help in kickstarts that are whole or half typed. `|` is the cursor."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ksgen.grammar import manual
from ksgen.lsp import kickstarts
from ksgen.lsp.offers import Cursor
from ksgen.targets import RELEASES

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))

from check_examples import PLAIN, SMALL


def cursor(text: str) -> Cursor:
    before, _, after = text.partition("|")
    return Cursor((before + after).split("\n"), before.count("\n"), len(before.rpartition("\n")[2]))


def offered(text: str, release: str = "el9") -> dict[str, str]:
    """The words offered, and what each would put into the text."""
    return {o.word: o.text or o.word for o in kickstarts.offers(cursor(text), manual(release))}


OFFERED = [
    pytest.param("|", {"network": "network", "%post": "%post", "%include": "%include"}, {"--size", "%end"}, id="empty"),
    pytest.param("netw|", {"network": "network"}, {"--size"}, id="command"),
    pytest.param("part / |", {"--size": "--size=", "--grow": "--grow"}, {"network", "--vgname"}, id="options"),
    pytest.param("part / --si|", {"--size": "--size="}, {"network"}, id="option"),
    pytest.param("text\npart / --size=1 --gr|ow\n", {"--grow": "--grow"}, set(), id="in-the-middle"),
    pytest.param("network --bootproto=|", {"dhcp": "dhcp", "static": "static"}, {"--bootproto"}, id="words"),
    pytest.param("autopart --type=th|", {"thinp": "thinp"}, set(), id="half-a-word"),
    pytest.param("part / --size=|", {}, {"--grow", "network"}, id="any-value"),
    pytest.param("%post --err|", {"--erroronfail": "--erroronfail"}, {"network"}, id="option-of-a-section"),
    pytest.param("%post --log=/x |", {"--interpreter": "--interpreter="}, set(), id="after-a-value"),
    pytest.param("%po|", {"%post": "%post"}, set(), id="section"),
    pytest.param("%addon |", {"org_ovirt_node": "org_ovirt_node"}, {"network"}, id="add-on"),
    pytest.param("%post\necho\n|", {"%end": "%end"}, {"network", "%post"}, id="in-a-script"),
    pytest.param("%post\necho |", {}, {"network", "--size", "%end"}, id="line-of-a-script"),
    pytest.param("%post\n%end\n|", {"network": "network"}, {"%end"}, id="after-a-section"),
    pytest.param("%include /tmp/x\n|", {"network": "network"}, {"%end"}, id="after-an-include"),
    pytest.param("# |", {}, {"network", "%post"}, id="comment"),
    pytest.param("zerombr  # ksgen: disable=zero|", {"zerombr-all-disks": "zerombr-all-disks"}, {"--size"}, id="code"),
    pytest.param("frobnicate --|", {}, {"--size", "network"}, id="unknown-command"),
]


@pytest.mark.parametrize(("text", "wanted", "unwanted"), OFFERED)
def test_completion(text: str, wanted: dict[str, str], unwanted: set[str]) -> None:
    found = offered(text)
    assert wanted.items() <= found.items()
    assert not unwanted & set(found)


def test_only_what_a_release_has_is_offered() -> None:
    assert "install" not in offered("|")
    assert {"auth"} == {"auth", "repo"} & (set(offered("|", "el9")) - set(offered("|", "el10")))
    assert "--isUtc" not in offered("timezone --|", "el10")


HELP = [
    pytest.param("par|t / --size=1", "**part**\n\nCreates a partition", id="command"),
    pytest.param("|text", "**text**", id="without-arguments"),
    pytest.param("part / --si|ze=1", "**--size** (part)\n\nThe minimum partition size in MiB", id="option"),
    pytest.param("part / --fstype=x|fs", "**--fstype, --type** (part)", id="its-value"),
    pytest.param("%po|st --nochroot", "**%post**", id="section"),
    pytest.param("%post --noch|root\n", "**--nochroot** (%post)", id="option-of-a-section"),
    pytest.param("zerombr # ksgen: disable=zerombr-all|-disks", "**zerombr-all-disks**\n\n", id="code"),
    pytest.param("part /|boot --size=1", None, id="mount-point"),
    pytest.param("frob|nicate", None, id="unknown"),
    pytest.param("%post\npar|t\n%end", None, id="script"),
    pytest.param("|", None, id="nothing"),
]


@pytest.mark.parametrize(("text", "expected"), HELP)
def test_help(text: str, expected: str | None) -> None:
    found = kickstarts.help_at(cursor(text), manual("el9"))
    assert (found or "").startswith(expected) if expected else found is None


@pytest.mark.parametrize("release", RELEASES)
def test_help_is_plain(release: str) -> None:
    """No markup of reStructuredText, and no indentation from pykickstart's source."""
    entries = [*manual(release).commands.values(), *manual(release).sections.values()]
    texts = [entry.text for entry in entries] + [option.text for entry in entries for option in entry.options]
    assert len(texts) > 300
    assert not [text for text in texts if ".. version" in text or "``" in text or text.startswith((" ", "\n"))]


@pytest.mark.parametrize("text", [PLAIN, SMALL], ids=["plain", "node"])
def test_every_place_of_a_half_typed_kickstart_has_an_answer(text: str) -> None:
    for end in range(0, len(text), 7):
        here = cursor(text[:end] + "|")
        list(kickstarts.offers(here, manual("el9")))
        kickstarts.help_at(here, manual("el9"))
        kickstarts.help_at(Cursor(here.lines, here.line + 5, 9), manual("el9"))
