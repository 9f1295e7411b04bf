# SPDX-License-Identifier: GPL-2.0-or-later
"""Rendered kickstarts that are wrong: each finding at the line that a person has to change."""

from __future__ import annotations

from pathlib import Path

import pytest
from example_site import kickstarts, site
from inventories import HOST, inventory_text, one_host, read_text

from ksgen.checks import Checker
from ksgen.kickstart import TEMPLATES, Templates
from ksgen.problems import Problem, to_text


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
        f"{tmp_path}/templates/site.ks.j2:3:1: error: node01.example.com: "
        "unrecognized arguments: --enable-all"
    ]


def test_grammar_error_after_the_hook_is_at_its_line(tmp_path: Path) -> None:
    """The hook's lines are left out while reading; the numbers of those after it still have to be right."""
    hook = (TEMPLATES / "hook.ks.j2").read_text()
    (problem,) = check(tmp_path, {"hook.ks.j2": hook + "\nfrobnicate\n"})
    assert (problem.mark.line, problem.message) == (hook.count("\n") + 2, "Unknown command: frobnicate")


def test_grammar_error_of_a_value_is_at_the_inventory(tmp_path: Path) -> None:
    (problem,) = check(
        tmp_path, {"place.ks.j2": "lang {{ settings.lang }} {{ settings.timezone }}\n"}, node_timezone="UTC"
    )
    line = 4 + len(HOST)
    assert (problem.mark.file, problem.mark.line) == (str(tmp_path / "hosts.yaml"), line)
    assert (problem.code, problem.variable) == ("kickstart-grammar", "node_timezone")
    assert problem.message == "Unexpected arguments to lang command: ['UTC']"


def test_unclosed_quote_keeps_its_line(tmp_path: Path) -> None:
    (problem,) = check(tmp_path, {"site.ks.j2": "rootpw 'abc\n"})
    assert (problem.mark.line, problem.message) == (1, "No closing quotation in this line")


def test_layout_that_a_template_broke_is_at_its_line(tmp_path: Path) -> None:
    text = (TEMPLATES / "volumes.ks.j2").read_text()
    (problem,) = check(tmp_path, {"volumes.ks.j2": text.replace(" --fsoptions={{ volume.options }}", "")})[:1]
    assert problem.severity == "warning"
    assert problem.code == "volume-option"
    assert problem.mark.file == str(tmp_path / "templates" / "volumes.ks.j2")
    assert text.splitlines()[problem.mark.line - 1].startswith("logvol {{ volume.target }}")


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


AUTOPART = "automatic partitioning without the add-on makes no /var, and imgbase fails at the end"


@pytest.mark.parametrize(
    ("addon", "messages"),
    [
        pytest.param("false", [AUTOPART], id="no-add-on"),
        pytest.param("tree", [], id="in-the-tree"),
    ],
)
def test_autopart_needs_somebody_to_bring_the_layout(tmp_path: Path, addon: str, messages: list[str]) -> None:
    found = check(tmp_path, {}, node_partitioning="autopart", node_addon=addon)
    assert [problem.message for problem in found] == messages


def test_autopart_is_rendered_without_sizes(tmp_path: Path) -> None:
    (host,), _ = read_text(inventory_text(node_partitioning="autopart", node_addon="tree"), tmp_path)
    text, _ = Templates().render(host)
    assert text is not None
    commands = text.partition("\n%")[0]
    assert "\nautopart --type=thinp --fstype=xfs\n" in commands
    assert "logvol" not in commands
    assert "\npart " not in commands
