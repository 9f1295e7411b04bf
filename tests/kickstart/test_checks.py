# SPDX-License-Identifier: GPL-2.0-or-later
"""Rendered kickstarts that are wrong: each finding at the line that a person has to change."""

from __future__ import annotations

from pathlib import Path

import pytest
from example_site import kickstarts, site
from inventories import HOST, PASSWORD_HASH, SSH_KEY, inventory_text, one_host, read_text

from ksgen.kickstart import render_all
from ksgen.kickstart.checks import Checker
from ksgen.kickstart.page import Templates
from ksgen.problems import Problem, to_text
from ksgen.templates import TEMPLATES


def check(directory: Path, parts: dict[str, str], **changes: str) -> list[Problem]:
    own = directory / "templates"
    own.mkdir()
    for name, text in parts.items():
        (own / name).write_text(text)
    host = one_host(directory, **changes)
    templates = Templates(own)
    text, problems = templates.render(host)
    assert text is not None, problems
    return Checker(templates).run(host, text)


def test_examples_are_clean() -> None:
    checker = Checker(Templates())
    assert [problem for host in site()[0] for problem in checker.run(host, kickstarts()[host.name])] == []


def test_grammar_error_of_a_site_template_is_at_its_line(tmp_path: Path) -> None:
    (problem,) = check(tmp_path, {"site.ks.j2": "\n# ours\nfirewall --enable-all\n"})
    assert to_text([problem], {}) == [
        f"{tmp_path}/templates/site.ks.j2:3:1: error: firewall has no option --enable-all (used by node01.example.com)",
        "  hint: did you mean '--enable'?",
    ]


def test_grammar_error_after_the_hook_is_at_its_line(tmp_path: Path) -> None:
    """The hook's lines are left out while reading; the numbers of those after it still have to be right."""
    hook = (TEMPLATES / "hook.ks.j2").read_text()
    (problem,) = check(tmp_path, {"hook.ks.j2": hook + "\nfrobnicate\n"}, node_addon="false")
    assert (problem.mark.line, problem.message) == (hook.count("\n") + 2, "unknown command 'frobnicate'")


def test_grammar_error_of_a_value_is_at_the_inventory(tmp_path: Path) -> None:
    (problem,) = check(
        tmp_path, {"place.ks.j2": "lang {{ settings.lang }} {{ settings.timezone }}\n"}, node_timezone="UTC"
    )
    line = 4 + len(HOST)
    assert (problem.mark.file, problem.mark.line) == (str(tmp_path / "hosts.yaml"), line)
    assert (problem.code, problem.variable) == ("kickstart-grammar", "node_timezone")
    assert problem.message == (
        "command 'lang' has more arguments than it takes: 'UTC'; a value with blanks must be in quotes"
    )


def test_unclosed_quote_keeps_its_line(tmp_path: Path) -> None:
    (problem,) = check(tmp_path, {"site.ks.j2": "rootpw 'abc\n"})
    assert (problem.mark.line, problem.message) == (1, "a quotation mark in this line is not closed")


# A template prints a value of the inventory where it does not fit: one finding of each family of checks.
CULPRITS = [
    pytest.param("network --device=eno9 --mtu={{ settings.keyboard }}", {"node_keyboard": "cz"}, "network-mtu",
                 id="network"),
    pytest.param("network --device=eno9 --vlanid={{ settings.boot_timeout }}9999", {"node_boot_timeout": "12"},
                 "network-vlan", id="network-of-a-number"),
    pytest.param("sshkey --username={{ settings.keyboard }} '" + SSH_KEY + "'", {"node_keyboard": "cz"},
                 "ssh-key-owner", id="people"),
    pytest.param("logvol /srv --vgname=onn --name=srv --size=9 --fstype={{ settings.keyboard }}",
                 {"node_keyboard": "cz"}, "device-format", id="storage"),
    pytest.param("clearpart --linux --all --drives={{ settings.keyboard }}", {"node_keyboard": "cz"},
                 "clearpart-both", id="disks"),
    pytest.param("repo --name={{ settings.keyboard }} --ignoregroups=true --baseurl=http://a.example.com/",
                 {"node_keyboard": "cz"}, "option-deprecated", id="commands"),
    pytest.param("%addon com_redhat_kdum{{ settings.keyboard }}\n%end", {"node_keyboard": "cz"}, "addon-name",
                 id="nodes"),
    pytest.param("", {"node_pre": '"for d in /dev/sd?; do wipefs -a $d; done"'}, "pre-wipes-disks", id="scripts"),
]  # fmt: skip


@pytest.mark.parametrize(("template", "changes", "code"), CULPRITS)
def test_a_finding_is_at_the_line_of_the_inventory(
    template: str, changes: dict[str, str], code: str, tmp_path: Path
) -> None:
    found = [p for p in check(tmp_path, {"site.ks.j2": template + "\n"}, **changes) if p.code == code]
    assert [(p.mark.file, p.mark.line, p.variable) for p in found] == [
        (str(tmp_path / "hosts.yaml"), 4 + len(HOST), next(iter(changes)))
    ]


def test_a_finding_in_what_pre_writes_is_at_the_line_of_the_inventory(tmp_path: Path) -> None:
    text = (TEMPLATES / "pre.ks.j2").read_text()
    wrong = text.replace("\nnetwork{% for", "\nnetwork --mtu={{ settings.keyboard }}{% for")
    network = '[{name: bond0, bond: {members: ["52:54:00:aa:00:01", "52:54:00:aa:00:02"], mode: 802.3ad}}]'
    (found,) = check(tmp_path, {"pre.ks.j2": wrong}, node_keyboard="cz", node_network=network)
    line = (tmp_path / "hosts.yaml").read_text().splitlines()[found.mark.line - 1]
    assert (found.code, found.variable, line.strip()) == ("network-mtu", "node_keyboard", "node_keyboard: cz")


def test_a_comment_in_a_template_switches_a_check_off(tmp_path: Path) -> None:
    line = "network --device=eno9 --mtu=9k  # ksgen: disable=network-mtu\n"
    assert check(tmp_path, {"site.ks.j2": line}) == []


def test_layout_that_a_template_broke_is_at_its_line(tmp_path: Path) -> None:
    text = (TEMPLATES / "volumes.ks.j2").read_text()
    without = text.replace("in words[:-1] %}", "in words[:-1] if not word.startswith('--fsoptions') %}")
    (problem,) = check(tmp_path, {"volumes.ks.j2": without})[:1]
    assert problem.severity == "warning"
    assert problem.code == "volume-option"
    assert problem.mark.file == str(tmp_path / "templates" / "volumes.ks.j2")
    assert text.splitlines()[problem.mark.line - 1].startswith("{% for word in words")


def test_over_provisioning_that_a_template_brought_is_found(tmp_path: Path) -> None:
    text = (TEMPLATES / "volumes.ks.j2").read_text()
    line = "logvol /data --vgname=onn --name=data --thin --poolname=pool00 --fstype=xfs --size=90000\n"
    found = check(tmp_path, {"volumes.ks.j2": text + line})
    assert [p.message for p in found if p.code == "over-provisioned"] == [
        "the thin volumes add up to 134.89 GiB; the pool has 94.33 GiB"
    ]


def test_what_the_plan_has_said_is_not_said_again(tmp_path: Path) -> None:
    host = one_host(tmp_path, node_images="9")
    assert [f.code for f in host.plan.findings] == ["images-below-wish"]
    text, _ = Templates().render(host)
    assert text is not None
    assert Checker(Templates()).run(host, text) == []


def test_a_wrong_section_of_a_site_template_is_at_its_line(tmp_path: Path) -> None:
    (problem,) = check(tmp_path, {"addon.ks.j2": "\n%addon org_ovirt_node --images=many\n%end\n"})
    assert (problem.code, problem.mark.file, problem.mark.line) == (
        "addon-section",
        str(tmp_path / "templates" / "addon.ks.j2"),
        2,
    )
    assert problem.message == "'--images=many' is not a number from 1 to 99"


def test_layout_that_cannot_be_had_is_told_once(tmp_path: Path) -> None:
    """Neither the templates nor the section say again what the plan has said."""
    (host,), problems = read_text(inventory_text(node_volumes="{/usr/lib: 5 GiB}"), tmp_path)
    (rendered,) = render_all([host])
    assert [problem.code for problem in problems] == ["volume-place"]
    assert (rendered.text, rendered.problems) == (None, ())


WHEEL = "[{name: erika, groups: [wheel], ssh_keys: ['" + SSH_KEY + "']}]"


@pytest.mark.parametrize(
    ("parts", "changes", "expected"),
    [
        pytest.param({}, {"node_users": WHEEL}, ["node_users[0].groups"], id="no-password"),
        pytest.param({}, {"node_users": WHEEL.replace("wheel", "kvm")}, [], id="another-group"),
        pytest.param(
            {},
            {"node_users": WHEEL.replace("groups", f"password_hash: '{PASSWORD_HASH}', groups")},
            [],
            id="password",
        ),
        pytest.param(
            {}, {"node_users": WHEEL, "node_post": '"cp w /etc/sudoers.d/"'}, [],
            id="script",
        ),
        pytest.param(
            {"site.ks.j2": "%post\necho erika:{{ 'x' }} | chpasswd -e\n%end\n"}, {"node_users": WHEEL}, [],
            id="template",
        ),
        pytest.param(
            {}, {"node_users": WHEEL.replace("ssh_keys: [", f"ssh_keys: ['{SSH_KEY}', ")}, ["node_users[0].groups"],
            id="two-keys",
        ),
    ],
)  # fmt: skip
def test_member_of_wheel_can_use_sudo(
    parts: dict[str, str], changes: dict[str, str], expected: list[str], tmp_path: Path
) -> None:
    found = [problem for problem in check(tmp_path, parts, **changes) if problem.code == "user-sudo"]
    assert [problem.variable for problem in found] == expected
    assert all(problem.severity == "warning" and "sudo: nopasswd" in str(problem.hint) for problem in found)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"node_packages": "[lldpd]"}, [], id="said-of-the-variable"),
        pytest.param(
            {"node_packages": "[lldpd]", "node_post": '"dnf -y install snmp"'},
            [("node-no-repository", "node_post")],
            id="said-of-a-script",
        ),
        pytest.param(
            {"node_files": '[{path: /etc/a, content: "a = b\\npassword = abcd1234\\n"}]'},
            [("script-secret", "node_files[0].content")],
            id="content-of-a-file",
        ),
    ],
)
def test_finding_in_what_the_site_adds_is_at_its_variable(
    changes: dict[str, str], expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert [(problem.code, problem.variable) for problem in check(tmp_path, {}, **changes)] == expected
