# SPDX-License-Identifier: GPL-2.0-or-later
"""One handler, used again: the same verdicts as a fresh one, and nothing left of the file before."""

from __future__ import annotations

import functools
import itertools

import pytest
from example_site import kickstarts, site

from ksgen.grammar import Grammar, Numbered
from ksgen.problems import Finding

REUSED = {release: Grammar(release) for release in ("el9", "el10")}

# What each leaves behind in a handler that is reused as it is.
LEAKY = {
    "autopart": "autopart --type=thinp\n",
    "partitions": "part / --size=1\n",
    "network": "network --device=eno1\n",
    "user": "user --name=a\n",
    "post": "%post\ntrue\n%end\n",
    "packages": "%packages\n@core\n%end\n",
    "addon": "%addon org_ovirt_node\n%end\n",
    "error": "part / --size=banana\n",
    "unclosed": "rootpw 'a\n",
    "unknown-section": "%nothing\n%end\n",
    "unterminated": "%post\ntrue\n",
    "liveimg": "liveimg --url=http://a/\n",
    "volumes": "volgroup a pv.1\nlogvol / --vgname=a --name=b --size=1\n",
}


@pytest.mark.parametrize("release", REUSED)
@pytest.mark.parametrize(("first", "second"), list(itertools.product(LEAKY, LEAKY)))
def test_nothing_leaks_from_file_to_file(release: str, first: str, second: str) -> None:
    REUSED[release].read(LEAKY[first])
    assert REUSED[release].read(LEAKY[second]) == by_a_fresh_one(release, LEAKY[second])


@functools.cache
def by_a_fresh_one(release: str, text: str) -> tuple[Numbered, ...]:
    """What a handler says that has read nothing before."""
    return Grammar(release).read(text)


def test_releases_do_not_disturb_each_other() -> None:
    text = "%packages --excludeWeakdeps\n%end\nnvdimm use --namespace=a\n"
    verdicts = [REUSED[release].read(text) for release in ("el9", "el10", "el9", "el10")]
    assert verdicts[0] == verdicts[2] == Grammar("el9").read(text)
    assert verdicts[1] == verdicts[3] == Grammar("el10").read(text)
    assert verdicts[0] != verdicts[1]


def test_handler_has_only_the_last_file() -> None:
    grammar = REUSED["el9"]
    grammar.read(LEAKY["post"] + LEAKY["network"] + LEAKY["user"])
    grammar.read("part /boot --size=7\n")
    assert [p.mountpoint for p in grammar.handler.partition.partitions] == ["/boot"]
    assert grammar.handler.network.network == []
    assert grammar.handler.user.userList == []
    assert grammar.handler.scripts == []


FINDINGS = [
    pytest.param("text\npart / --size=x\n", 2, "error", "argument --size: invalid int value: 'x'", id="value"),
    pytest.param("\nfrobnicate\n", 2, "error", "Unknown command: frobnicate", id="command"),
    pytest.param("text\nrootpw 'a\nlang b\n", 2, "error", "No closing quotation in this line", id="unclosed-quote"),
    pytest.param("%post\ntrue\n", 2, "error", "Section %post does not end with %end.", id="no-end"),
    pytest.param("autopart\nreqpart\n", 2, "error", "The reqpart and autopart commands can't be used at the same time.",
                 id="conflict"),
    pytest.param("user --name=a\nuser --name=a\n", 2, "warning", "A user with the name a has already been defined.",
                 id="double"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "severity", "message"), FINDINGS)
def test_finding_has_its_line(text: str, line: int, severity: str, message: str) -> None:
    assert (line, Finding("kickstart-grammar", message, severity)) in REUSED["el9"].read(text)


def test_all_errors_are_found_not_only_the_first() -> None:
    found = REUSED["el9"].read("part / --size=x\nlang\npart / --size=y\n")
    assert [line for line, _ in found] == [1, 2, 3]


SILENT = [
    pytest.param("network --device=b --bondslaves=x,y\nnetwork --device=b --vlanid=5\n", id="vlan-on-a-bond"),
    pytest.param('sshkey --username=root "ssh-rsa A"\nsshkey --username=root "ssh-rsa B"\n', id="two-keys"),
]
TOLD = [
    pytest.param("network --device=b --vlanid=5\nnetwork --device=b --vlanid=5\n", id="same-vlan-twice"),
    pytest.param('sshkey --username=root "ssh-rsa A"\nsshkey --username=root "ssh-rsa A"\n', id="same-key-twice"),
]


@pytest.mark.parametrize("text", SILENT)
def test_false_positives_of_pykickstart_are_not_told(text: str) -> None:
    assert REUSED["el9"].read(text) == ()


@pytest.mark.parametrize("text", TOLD)
def test_true_doubles_are_told(text: str) -> None:
    ((_, finding),) = REUSED["el9"].read(text)
    assert "already been defined" in finding.message


def test_examples_are_read_alike_by_a_fresh_handler() -> None:
    for host in site()[0][::5]:
        text, release = kickstarts()[host.name], host.settings.release
        assert REUSED[release].read(text) == Grammar(release).read(text) == ()
