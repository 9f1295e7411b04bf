# SPDX-License-Identifier: GPL-2.0-or-later
"""Kickstarts of anybody: each mistake is told once, at its line, and what is right is left alone.

The mistakes of docs/check_examples.py are those that docs/checks.md shows with the full text of what is told.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from command import CliRunner
from example_site import kickstarts, site
from hypothesis import given, settings
from hypothesis import strategies as st
from inventories import SSH_KEY, one_host

from ksgen.cli import main
from ksgen.grammar import init_line, ksfile
from ksgen.grammar.ksview import sections
from ksgen.kickstart.page import Templates
from ksgen.lint import checking, commands, linter, targets
from ksgen.lint.scripts import wiped_by_script
from ksgen.problems import Problem
from org_ovirt_node.layout import findings

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))

from check_examples import EXAMPLES, HASH, OVIRT_HOST, PLAIN, SMALL

LINTERS = {release: linter.Linter(release) for release in targets.RELEASES}


def told(text: str, release: str = "el9") -> list[Problem]:
    """What is wrong; a kickstart of these tests may have been written for the other release."""
    problems = LINTERS[release].lint(ksfile.include("x.ks", text, str))
    return [p for p in problems if p.code != targets.CODE or not (p.hint or "").startswith("--release")]


def short(problems: list[Problem]) -> list[tuple[int, str, str]]:
    return [(problem.mark.line, problem.severity, problem.code) for problem in problems]


def node_text(directory: Path, addon: str) -> str:
    """A kickstart that ksgen has rendered."""
    host = one_host(directory, node_ssh_keys="[]", node_addon=addon, node_volumes="{/data: 20 GiB}")
    text, problems = Templates().render(host)
    assert text is not None, problems
    return text


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> str:
    return node_text(tmp_path_factory.mktemp("site"), "true")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Without the add-on."""
    return node_text(tmp_path_factory.mktemp("site"), "false")


# --- what is right, and each mistake ---------------------------------------------------------------------------------


@pytest.mark.parametrize("release", targets.RELEASES)
def test_good_kickstarts_are_clean(release: str, node: str, alone: str) -> None:
    assert told(PLAIN, release) == []
    assert told(SMALL, release) == []
    assert told(OVIRT_HOST, release) == []
    assert told(node, release) == []
    assert told(alone, release) == []


def test_kickstarts_of_the_example_site_are_clean() -> None:
    found = {host.name: told(kickstarts()[host.name], host.settings.release) for host in site()[0]}
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize("code", EXAMPLES)
def test_a_mistake_is_told_and_nothing_else(code: str, node: str, alone: str) -> None:
    example = EXAMPLES[code]
    text = {"plain": PLAIN, "small": SMALL, "host": OVIRT_HOST, "node": node, "alone": alone}[example.base]
    assert example.good in text
    assert [p.code for p in told(text.replace(example.good, example.bad, 1), example.release)] == [code]


def test_every_check_has_its_example() -> None:
    of_grammar = {code for code, _, _ in commands.GRAMMAR}
    own = {check.code for check in checking.CHECKS} | of_grammar | {"disable-unknown", targets.CODE}
    # An empty kickstart is no mistake in a good one; node-layout and host-layout stand for the codes of the layout.
    assert own - set(EXAMPLES) == {"kickstart-empty", "node-layout", "host-layout"}
    assert set(EXAMPLES) - own <= set(findings._WORDS)


NO_IMGBASE = "no script calls imgbase: the machine boots a root without layers and cannot be updated"
ADDON = "%addon org_ovirt_node --layout=standard --images=2 --filesystem=xfs --disks=1"
SECTIONS = [
    pytest.param(ADDON, [], id="good"),
    pytest.param("%addon org_ovirt_node --images=0 what # why", [
        ("addon-section", 1, "'--images=0' is not a number from 1 to 99"),
        ("addon-section", 1, "'what' is not an option"),
    ], id="header"),
    pytest.param(f"{ADDON}\n\n# data\nvolume /data 20 G\nimage 2 GiB file", [
        ("addon-section", 4, "'volume /data 20 G' has no size"),
    ], id="line-behind-a-comment"),
    pytest.param(f"{ADDON} --no-imgbase", [("imgbase-missing", 1, NO_IMGBASE)], id="without-imgbase"),
    pytest.param("%addon com_redhat_oscap", [("imgbase-missing", -18, NO_IMGBASE)], id="another"),
]  # fmt: skip


def with_section(text: str, section: str) -> str:
    """A kickstart whose %post is replaced by a section."""
    return text[: text.index("%post")] + section + "\n%end\n"


NO_VAR = "autopart does not create /var unless the install tree contains the node's layout; imgbase then fails"
EMPTY = [
    pytest.param("", [(1, "error", "kickstart-empty")], id="nothing"),
    pytest.param("\n \n", [(1, "error", "kickstart-empty")], id="blank-lines"),
    pytest.param("# not used\n", [(1, "warning", "kickstart-empty")], id="a-comment"),
    pytest.param("%post --erroronfail\n%end\n", [], id="a-section"),
]


@pytest.mark.parametrize(("section", "expected"), SECTIONS)
def test_section_of_the_add_on(section: str, expected: list[tuple[str, int, str]]) -> None:
    text = with_section(SMALL, section)
    header = text[: text.index("%addon")].count("\n")
    found = [(p.code, p.mark.line - header, p.message) for p in told(text) if p.code != "volume-missing"]
    assert found == expected


@pytest.mark.parametrize(("layout", "missing"), [("minimal", 0), ("standard", 6)])
def test_section_says_which_volumes_a_layout_has(layout: str, missing: int) -> None:
    found = told(with_section(SMALL, ADDON.replace("standard", layout)))
    assert [p.code for p in found] == ["volume-missing"] * missing


@pytest.mark.parametrize(("text", "expected"), EMPTY)
def test_empty(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert short(told(text)) == expected


WIPE_ALL = "%pre\nfor d in $(lsblk -dno NAME); do wipefs -a /dev/$d; done\n%end\n"
GRAVER_ON_A_NODE = [
    pytest.param("--initlabel --drives=/dev/disk/by-id/wwn-0x5000000000000001", "--initlabel", "clearpart-all-disks",
                 id="clearpart"),
    pytest.param("reboot\n", f"reboot\n{WIPE_ALL}", "pre-wipes-disks", id="pre"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "code"), GRAVER_ON_A_NODE)
def test_wiping_all_disks_is_an_error_where_a_node_is_installed(good: str, bad: str, code: str) -> None:
    only_use = "ignoredisk --only-use=/dev/disk/by-id/wwn-0x5000000000000001\n"
    severities = [
        [p.severity for p in told(text.replace(only_use, "").replace(good, bad, 1)) if p.code == code]
        for text in (PLAIN, SMALL)
    ]
    assert severities == [["warning"], ["error"]]


AUTOPARTS = [
    *(
        pytest.param(f"autopart {option}", section, [("error", f"autopart --type={kind}; imgbase needs a thin pool")],
                     id=f"{option}{'-with-section' if section else ''}")
        for option, kind in {"--type=lvm": "lvm", "--type lvm": "lvm", "--nolvm": "plain", "--type=plain": "plain",
                             "--type=partition": "plain"}.items()
        for section in ("", ADDON)
    ),
    *(
        pytest.param(line, section, [("warning", NO_VAR)] if not section else [],
                     id=f"{line}{'-with-section' if section else ''}")
        for line in ("autopart", "autopart --type=thinp", "autopart --type thinp")
        for section in ("", ADDON)
    ),
]  # fmt: skip


@pytest.mark.parametrize(("line", "section", "expected"), AUTOPARTS)
def test_automatic_partitioning_of_a_node(line: str, section: str, expected: list[tuple[str, str]]) -> None:
    example = EXAMPLES["node-autopart"]
    text = SMALL.replace(example.good, f"{line}\n", 1)
    text = with_section(text, section) if section else text
    found = [(p.severity, p.message) for p in told(text) if p.code != "imgbase-missing"]
    assert found == expected


def test_automatic_partitioning_of_anything_else() -> None:
    text = f"url --url=http://a/\nautopart --type=lvm\nrootpw --lock\nsshkey --username=root '{SSH_KEY}'\n"
    assert [p.code for p in told(text)] == []


SIZES = [
    pytest.param("part / --size=0", ["/ has --size=0"], id="none"),
    pytest.param("partition / --size=0", ["/ has --size=0"], id="partition"),
    pytest.param("part / --size=0 --grow", [], id="none-that-grows"),
    pytest.param("part /srv --size=1", [], id="one"),
    pytest.param("part / --size=-1", ["/ has --size=-1"], id="negative"),
    pytest.param("part / --size=-1 --grow", ["/ has --size=-1"], id="negative-that-grows"),
    pytest.param("part / --recommended", [], id="recommended"),
]


@pytest.mark.parametrize(("line", "messages"), SIZES)
def test_sizes(line: str, messages: list[str]) -> None:
    assert [p.message for p in told(f"{line}\n") if p.code.startswith("device-size")] == messages


HERE = "url --url=http://a/\n"
VOLUME = "logvol / --vgname=a --name=b --size=1024\n"
MAY_EXIST = [
    pytest.param(VOLUME, ["warning"], id="piece"),
    pytest.param(f"clearpart --all\n{VOLUME}", ["warning"], id="piece-that-clears"),
    pytest.param(f"{HERE}{VOLUME}", ["warning"], id="nothing-cleared"),
    pytest.param(f"{HERE}clearpart --linux\n{VOLUME}", ["warning"], id="linux-cleared"),
    pytest.param(f"{HERE}clearpart --none\n{VOLUME}", ["warning"], id="none-cleared"),
    pytest.param(f"{HERE}clearpart --list=sda1\n{VOLUME}", ["warning"], id="list-cleared"),
    pytest.param(f"{HERE}clearpart --all\n{VOLUME}", ["error"], id="all-cleared"),
    pytest.param(f"{HERE}clearpart --all --drives=sda\n{VOLUME}", ["warning"], id="one-disk-cleared"),
    pytest.param(f"{HERE}ignoredisk --only-use=sda,sdb\nclearpart --all --drives=sda\n{VOLUME}", ["warning"],
                 id="one-disk-of-two-cleared"),
    pytest.param(f"{HERE}ignoredisk --only-use=sda\nclearpart --all --drives=sda\n{VOLUME}", ["error"],
                 id="the-only-disk-cleared"),
    pytest.param(f"{HERE}clearpart --all\n{VOLUME.replace('--size=1024', '--useexisting')}", [], id="volume-exists"),
    pytest.param(f"{HERE}clearpart --all\nvolgroup a --useexisting\n{VOLUME}", [], id="group-exists"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "severities"), MAY_EXIST)
def test_a_group_that_may_be_on_the_disks(text: str, severities: list[str]) -> None:
    assert [p.severity for p in told(text) if p.code == "group-undefined"] == severities


MEMBERS = [
    pytest.param("volgroup a pv.01", ["no command creates pv.01"], id="group"),
    pytest.param("volgroup a --useexisting pv.01", [], id="group-exists"),
    pytest.param("raid / --device=md0 --level=1 --useexisting", [], id="array-exists"),
    pytest.param("volgroup a sda2", [], id="a-device"),
    pytest.param("raid / --level=1 --device=md0 raid.1 raid.2",
                 ["no command creates raid.1", "no command creates raid.2"],
                 id="array"),
    pytest.param("part pv.01 --size=1\nvolgroup a pv.01", [], id="made"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "messages"), MEMBERS)
def test_members(text: str, messages: list[str]) -> None:
    found = [(p.severity, p.message) for p in told(f"{HERE}{text}\n") if p.code == "member-undefined"]
    assert found == [("error", message) for message in messages]


PIECES = [
    pytest.param("logvol / --vgname=a --name=b --size=1024\n", [(1, "warning", "group-undefined")], id="volume"),
    pytest.param("volgroup a pv.01\n", [(1, "warning", "member-undefined")], id="group"),
    pytest.param("raid / --device=0 --level=1 raid.01 raid.02\n", [(1, "warning", "member-undefined")] * 2, id="array"),
    pytest.param("part /boot --size=1024\n", [], id="no-root"),
    pytest.param("url --url=http://a/\n%include /tmp/disks\n%pre\necho >/tmp/disks\n%end\n", [], id="made-in-pre"),
]


@pytest.mark.parametrize(("text", "expected"), PIECES)
def test_a_piece_may_go_with_others(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert short(told(text)) == expected


def test_what_the_grammar_refused_is_not_missed_as_well() -> None:
    found = told(PLAIN.replace("part pv.01 --size=1 --grow", "part pv.01 --size=all"))
    assert [problem.code for problem in found] == ["kickstart-grammar"]


def test_a_secret_is_never_repeated() -> None:
    text = PLAIN.replace(f"rootpw --iscrypted {HASH}", "rootpw Secret.123\nsshpw --username=a --iscrypted Secret.123")
    found = told(text)
    assert [(p.code, p.secret) for p in found] == [("password-readable", True), ("password-no-hash", True)]
    assert "Secret.123" not in repr([(p.message, p.hint) for p in found])


GAPS = [
    pytest.param("lang {{ lang }}\n", id="more-words"),
    pytest.param("network --device=eno1 --bootproto=static --ip={{ip}} --netmask={{mask}}\n", id="a-value"),
    pytest.param("rootpw --iscrypted <%= root_pass %>\n", id="erb"),
    pytest.param("lang {{ lang }}\nkeyboard {{ keyboard }}\nrootpw {{ password }}\n", id="three-lines"),
]


@pytest.mark.parametrize("text", GAPS)
def test_of_a_line_with_a_placeholder_nothing_else_is_said(text: str) -> None:
    assert [problem.code for problem in told(text)] == ["template-left-over"]


# --- files and includes ----------------------------------------------------------------------------------------------


def written(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        (directory / f"{name}.ks").write_bytes(text.encode("utf-8", "surrogateescape"))
    return directory / "main.ks"


INCLUDED = [
    pytest.param({"main": "text\n\n%include a.ks\n", "a": "lang C\n\nrootpw 'x\n"}, "a.ks:3: quote-not-closed: "
                 "a quotation mark in this line is not closed", id="quote-in-an-include"),
    pytest.param({"main": "%include a.ks\nfrobnicate\n", "a": "lang C\nlang C\n"}, "a.ks:2: command-twice: "
                 "a second lang; only the last one is used, without a warning", id="in-an-include"),
    pytest.param({"main": "%ksappend a.ks\nfrobnicate\n", "a": "text\n\n"}, "main.ks:2: command-unknown: "
                 "unknown command 'frobnicate'", id="after-an-append"),
    pytest.param({"main": "text\n%include b.ks\n"}, "main.ks:2: include-missing: no file 'b.ks', and no script here "
                 "creates it", id="missing"),
    pytest.param({"main": "text\n%include\n"}, "main.ks:2: include-missing: %include has no file name", id="nothing"),
    pytest.param({"main": "%include a.ks\n", "a": "text\n%include main.ks\n"}, "a.ks:2: include-loop: main.ks includes "
                 "itself", id="loop"),
    pytest.param({"main": "%post --erroronfail\n%include a.ks\n%end\n", "a": "cat <<EOF\n"}, "main.ks:3: "
                 "section-word-inside: %end ends the script here, in the middle of a here-document that waits for EOF",
                 id="in-a-script"),
    pytest.param({"main": "lang C\n# \udce9\n"}, "main.ks:2: not-utf-8: not UTF-8, which Anaconda requires",
                 id="latin-1"),
    pytest.param({"main": "text\n%include a.ks\n", "a": "# \udce9\n"}, "main.ks:2: not-utf-8: a.ks: not UTF-8, "
                 "which Anaconda requires", id="latin-1-in-an-include"),
    pytest.param({"main": "text\n%include .\n"}, "main.ks:2: cannot-read: .: not a regular file", id="directory"),
    pytest.param({}, "main.ks:1: no-such-file: file not found", id="no-file"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), INCLUDED)
def test_a_problem_stands_in_the_file_that_it_is_in(files: dict[str, str], expected: str, tmp_path: Path) -> None:
    report = linter.lint([written(tmp_path, **files)], linter.Linter()).report
    lines = [f"{Path(p.mark.file).name}:{p.mark.line}: {p.code}: {p.message}" for p in report.problems]
    assert expected in lines


STREAMED = [
    pytest.param(b"text\n", [], id="good"),
    pytest.param(b"", ["<stdin>:1: kickstart-empty: no command and no section"], id="nothing"),
    pytest.param(b"text\nfrobnicate\n", ["<stdin>:2: command-unknown: unknown command 'frobnicate'"], id="error"),
    pytest.param(b"text\n# \xe9\n", ["<stdin>:2: not-utf-8: not UTF-8, which Anaconda requires"], id="latin-1"),
    pytest.param(b"%include a.ks\ntext\n", ["a.ks:2: command-unknown: unknown command 'frobnicate'"],
                 id="include"),
    pytest.param(b"text\n%include b.ks\n",
                 ["<stdin>:2: include-missing: no file 'b.ks', and no script here creates it"],
                 id="missing"),
    pytest.param(b"text\n%include .\n", ["<stdin>:2: cannot-read: .: not a regular file"], id="directory"),
    pytest.param(b"#" * (ksfile.SIZE_LIMIT + 1), ["<stdin>:1: file-too-large: a kickstart has at most 16777216 bytes"],
                 id="endless"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), STREAMED)
def test_standard_input(content: bytes, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(written(tmp_path, a="text\nfrobnicate\n").parent)
    done = CliRunner().invoke(main, ["lint", "-", "--json"], input=content, catch_exceptions=False)
    problems = json.loads(done.stdout)["problems"]
    assert [f"{p['file']}:{p['line']}: {p['code']}: {p['message']}" for p in problems] == expected
    assert done.exit_code == int(any(problem["severity"] == "error" for problem in problems))


def test_all_unclosed_quotes_are_told_and_the_rest_is_read() -> None:
    found = told("rootpw 'a\ntext\nlang \"b\nfrobnicate\n")
    assert [(p.mark.line, p.code) for p in found] == [
        (4, "command-unknown"), (1, "quote-not-closed"), (3, "quote-not-closed")
    ]  # fmt: skip


DOUBLES = [
    pytest.param("network --device=a\ntext\nnetwork --device=a --mtu=1500\n", [(3, "warning", "kickstart-grammar")],
                 id="network"),
    pytest.param("user --name=a\nuser --name=b\nuser --name=a\nuser --name=a\n",
                 [(3, "warning", "kickstart-grammar"), (4, "warning", "kickstart-grammar")], id="user"),
    pytest.param("raid /a --device=b --level=1 raid.1 raid.2\nraid /c --device=b --level=1 --useexisting\n",
                 [(2, "warning", "kickstart-grammar"), *[(1, "warning", "member-undefined")] * 2], id="array"),
    pytest.param("part /a --size=1\npart /a --size=2\n", [(2, "error", "mount-twice")], id="mount-point"),
    pytest.param("network --bootproto=dhcp\nnetwork --hostname=a.example.com\n", [], id="name-of-the-host"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), DOUBLES)
def test_a_double_stands_where_it_comes_the_second_time(text: str, expected: list[tuple[int, str, str]]) -> None:
    assert short(told(text)) == expected


WRITTEN = [
    pytest.param("cat >/tmp/net <<'EOF'\n{}\nEOF", [(4, "network-mtu")], id="literal"),
    pytest.param("cat <<\"EOF\" >> /tmp/net\n{}\nEOF", [(4, "network-mtu")], id="literal-appended"),
    pytest.param("# <<EOF\ncat >/tmp/net.wanted <<'EOF'\n{}\nEOF", [(5, "network-mtu")], id="for-our-program"),
    pytest.param("cat >/tmp/net <<EOF\n{}\nEOF", [], id="the-shell-fills-it-in"),
    pytest.param("cat >/tmp/other <<'EOF'\n{}\nEOF",
                 [(7, "include-missing"), (3, "include-unused")], id="not-included"),
    pytest.param("cat >/tmp/net <<'EOF'\nEOF\n# {}", [], id="after-it"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "expected"), WRITTEN)
def test_network_that_a_script_writes(script: str, expected: list[tuple[int, str]]) -> None:
    script = script.format("network --device=eno1 --mtu=9k")
    found = told(f"url --url=http://a/\n%pre\n{script}\n%end\n%include /tmp/net\n")
    assert [(problem.mark.line, problem.code) for problem in found] == expected


def test_grammar_of_network_that_a_script_writes() -> None:
    found = told("%pre\ncat >/tmp/net <<'EOF'\nnetwork --devise=eno1\nEOF\n%end\n%include /tmp/net\n")
    assert short(found) == [(3, "error", "option-unknown")]


MAC_MEMBERS = "network --device=bond0 --bondslaves=52:54:00:aa:00:01,52:54:00:aa:00:02"


@pytest.mark.parametrize(("name", "codes"), [("/tmp/net", ["network-member-mac"]), ("/tmp/net.wanted", [])])
def test_members_by_address_are_right_where_our_program_names_them(name: str, codes: list[str]) -> None:
    found = told(f"%pre\ncat >{name} <<'EOF'\n{MAC_MEMBERS}\nEOF\n%end\n%include /tmp/net\n")
    assert [problem.code for problem in found] == codes


def test_what_our_own_script_writes_is_read(tmp_path: Path) -> None:
    """A kickstart of ksgen with members by address, in which somebody has changed a line afterwards."""
    network = '[{name: bond0, bond: {members: ["52:54:00:aa:00:01", "52:54:00:aa:00:02"], mode: 802.3ad}, mtu: 9000}]'
    text, _ = Templates().render(one_host(tmp_path, node_ssh_keys="[]", node_network=network))
    assert text is not None
    assert told(text) == []
    assert [problem.code for problem in told(text.replace("--mtu=9000", "--mtu=9k"))] == ["network-mtu"]


RELEASES = [
    pytest.param("#version=RHEL10\n", "el10", id="rhel10"),
    pytest.param("# version = EL9\n", "el9", id="el9"),
    pytest.param("#version=DEVEL\n", "el9", id="devel"),
    pytest.param("#version=RHEL8\n", "el9", id="older"),
    pytest.param("text\n", "el9", id="none"),
]


@pytest.mark.parametrize(("text", "release"), RELEASES)
def test_release_of_a_file(text: str, release: str) -> None:
    assert targets.release_of(text) == release


# --- switching off ---------------------------------------------------------------------------------------------------

OFF = [
    pytest.param("zerombr\nrootpw x\n", [(1, "zerombr-all-disks"), (2, "password-readable")], id="nothing"),
    pytest.param("# ksgen: disable=zerombr-all-disks\nzerombr\nrootpw x\n", [(3, "password-readable")], id="file"),
    pytest.param("zerombr # ksgen: disable=zerombr-all-disks\nzerombr\n", [(2, "zerombr-all-disks")], id="in-its-line"),
    pytest.param("# ksgen: disable-next=zerombr-all-disks\nzerombr\nzerombr\n", [(3, "zerombr-all-disks")], id="below"),
    pytest.param("zerombr\nrootpw x\n#ksgen:disable=zerombr-all-disks, password-readable\n", [], id="two"),
    pytest.param("text\n# ksgen: disable=zerombr\n", [(2, "disable-unknown")], id="unknown"),
    pytest.param("frobnicate # ksgen: disable=command-unknown\n", [], id="grammar"),
]


@pytest.mark.parametrize(("text", "expected"), OFF)
def test_comments_switch_checks_off(text: str, expected: list[tuple[int, str]]) -> None:
    assert [(problem.mark.line, problem.code) for problem in told(text)] == expected


def test_the_command_switches_checks_off(tmp_path: Path) -> None:
    report = linter.lint([written(tmp_path, main="zerombr\n")], linter.Linter(disabled=["zerombr-all-disks"])).report
    assert report.problems == ()


# --- deciders --------------------------------------------------------------------------------------------------------

PRE = [
    pytest.param("for d in /dev/sd?; do\n dd if=/dev/zero of=$d count=1\ndone", 2, id="glob"),
    pytest.param("for d in $(lsblk -dno NAME); do wipefs -af /dev/$d; done", 1, id="lsblk"),
    pytest.param("lsblk -dnpo NAME | while read d; do\n sgdisk --zap-all $d\ndone", 2, id="while-read"),
    pytest.param("vgremove -ff $(vgs --noheadings -o vg_name)", 1, id="all-groups"),
    pytest.param("ls /sys/block/ | xargs -I{} wipefs -a /dev/{}", 1, id="xargs"),
    pytest.param("wipefs -a /dev/disk/by-id/wwn-0x5000000000000001", None, id="one-disk"),
    pytest.param("for p in $(lsblk -no NAME /dev/sda); do wipefs -a /dev/$p; done", None, id="parts-of-one"),
    pytest.param("for p in $(lsblk -no NAME $disk); do wipefs -a /dev/$p; done", None, id="parts-of-a-variable"),
    pytest.param("for d in /dev/sd?; do echo $d; done", None, id="only-looks"),
    pytest.param("# for d in /dev/sd?; do wipefs -a $d; done", None, id="comment"),
    pytest.param("cat <<EOF\nfor d in /dev/sd?; do wipefs -a $d; done\nEOF", None, id="here-document"),
]


@pytest.mark.parametrize(("body", "line"), PRE)
def test_scripts_that_wipe_all_disks(body: str, line: int | None) -> None:
    (section,) = sections(f"%pre\n{body}\n%end\n")
    assert wiped_by_script(section) == (None if line is None else line + 1)


INIT = [
    pytest.param("imgbase layout --init", True, id="imgbase"),
    pytest.param("/usr/sbin/imgbase --debug layout --init-nvr ovirt-node-4.5-1", True, id="nvr"),
    pytest.param("nodectl init", True, id="nodectl"),
    pytest.param("nodectl --debug init", True, id="nodectl-debug"),
    pytest.param("imgbase check", False, id="check"),
    pytest.param("nodectl check", False, id="nodectl-check"),
    pytest.param("# imgbase layout --init", False, id="comment"),
    pytest.param("cat <<EOF\nimgbase layout --init\nEOF", False, id="here-document"),
]


@pytest.mark.parametrize(("body", "is_init"), INIT)
def test_what_makes_the_first_layer(body: str, is_init: bool) -> None:
    (section,) = sections(f"%post\n{body}\n%end\n")
    assert (init_line(section) is not None) == is_init


AFTER = [
    pytest.param("imgbase layout --init\nreboot\n%end\n", [], id="reboot"),
    pytest.param("imgbase layout --init\necho done\nsync\n%end\n", [], id="talk"),
    pytest.param("imgbase layout --init || exit 1\n%end\n", [], id="or-exit"),
    pytest.param("imgbase layout --init\nmkdir /root/.ssh\n%end\n", [(3, "error")], id="same-script"),
    pytest.param("imgbase layout --init\necho key >>/root/.ssh/authorized_keys\n%end\n", [(3, "error")], id="redirect"),
    pytest.param("imgbase layout --init\n%end\n%post --erroronfail\nuseradd a\n%end\n", [(4, "error")], id="next"),
    pytest.param("imgbase layout --init\n%end\n%post --erroronfail\necho done\n%end\n", [], id="next-talks"),
    pytest.param("imgbase layout --init\n%end\n%post --erroronfail --nochroot\ncp /tmp/x /mnt/sysroot/usr/bin\n%end\n",
                 [(4, "warning")], id="nochroot"),
    pytest.param("imgbase layout --init\n%end\n%post --erroronfail --interpreter=/usr/bin/python3\n"
                 "open('/usr/x', 'w')\n%end\n",
                 [(4, "error")], id="python"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), AFTER)
def test_what_may_follow_imgbase(body: str, expected: list[tuple[int, str]]) -> None:
    found = [p for p in told(f"%post --erroronfail\n{body}") if p.code == "imgbase-not-last"]
    assert [(problem.mark.line, problem.severity) for problem in found] == expected


SPLIT = [
    pytest.param("%post --a\nx\n%end\n", [("%post", 1, 2, 3, "x")], id="one"),
    pytest.param("a\n%pre\n%end\nb\n%post\nx\ny\n%end", [("%pre", 2, 3, 3, ""), ("%post", 5, 6, 8, "x\ny")], id="two"),
    pytest.param("%post\n%wheel ALL\n%end\n", [("%post", 1, 2, 3, "%wheel ALL")], id="another-word"),
    pytest.param("%post\nx\n%pre\ny\n%end\n", [("%post", 1, 2, None, "x"), ("%pre", 3, 4, 5, "y")], id="no-end"),
    pytest.param("%post\nx", [("%post", 1, 2, None, "x")], id="end-of-file"),
    pytest.param(" %post\n x\n %end\n", [("%post", 1, 2, 3, " x")], id="indented"),
    pytest.param("%end\n", [], id="only-an-end"),
]


@pytest.mark.parametrize(("text", "expected"), SPLIT)
def test_sections_are_found(text: str, expected: list[tuple[str, int, int, int | None, str]]) -> None:
    assert [(s.kind, s.line, s.first, s.end, s.body) for s in sections(text)] == expected


# --- anything at all -------------------------------------------------------------------------------------------------

_PIECES = st.sampled_from(
    [word for line in (PLAIN + SMALL).split("\n") for word in line.split(" ")]
    + ["%end", "%post", "%include", "%ksappend", "x.ks", "<<EOF", "EOF", "'", '"', "\\", "\0", "\r", "\x85", "--", "=",
       "$(lsblk)", "wipefs", "for", "done", "imgbase", "nodectl init", "{{", "}}", "# ksgen: disable=", "--size=-1"]
)  # fmt: skip
_LINES = st.lists(_PIECES | st.text(max_size=12), max_size=7).map(" ".join)


@settings(max_examples=300, deadline=None)
@given(st.lists(_LINES, max_size=12), st.sampled_from(targets.RELEASES))
def test_nothing_makes_a_traceback(lines: list[str], release: str) -> None:
    text = "\n".join(lines)
    count = max(1, len(text.split("\n")))
    assert all(1 <= problem.mark.line <= count for problem in told(text, release))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_nothing_makes_a_traceback_in_a_good_kickstart(data: st.DataObject) -> None:
    lines = SMALL.split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        lines[data.draw(st.integers(0, len(lines) - 1))] = data.draw(_LINES)
    assert isinstance(told("\n".join(lines)), list)
