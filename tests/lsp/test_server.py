# SPDX-License-Identifier: GPL-2.0-or-later
"""The language server with a real client over standard input and output: `ksgen lsp` as an editor runs it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from editor import Editor, edit, end_servers
from inventories import SSH_KEY
from lsprotocol import types

from ksgen import inventory
from ksgen.host import read_hosts
from ksgen.lint import Linter
from ksgen.lsp.diagnosis import document_of
from ksgen.problems import Problem
from ksgen.variables import is_claimed

KICKSTART = """\
#version=RHEL8
zerombr
frobnicate
lang de_DE.UTF-8 # \N{GRINNING FACE} {{ lang }}
%post
false
%end
"""
HOSTS = f"""\
all:
  vars:
    node_release: el9
    node_firmware: uefy
    node_ssh_keys: ["{SSH_KEY}"]
  hosts:
    node01.example.com:
      node_mac: 52:54:00:aa:00
      node_timezone: Europe/Wien
    node02.example.com:
      node_firmwar: uefi
"""

Shown = tuple[int, str, str, str]


@pytest.fixture(scope="module", autouse=True)
def servers() -> Iterator[None]:
    yield
    end_servers()


def shown(diagnostic: types.Diagnostic) -> Shown:
    severity = {1: "error", 2: "warning", 3: "note"}[int(diagnostic.severity or 0)]
    return diagnostic.range.start.line + 1, severity, str(diagnostic.code), diagnostic.message


def told(problem: Problem) -> Shown:
    message = problem.message + (f"\nhint: {problem.hint}" if problem.hint else "")
    return problem.mark.line, problem.severity, problem.code, message


# --- the same findings -----------------------------------------------------------------------------------------------


def test_findings_of_a_kickstart_are_those_of_lint(tmp_path: Path) -> None:
    path = tmp_path / "a.ks"

    async def work(editor: Editor) -> list[types.Diagnostic]:
        return await editor.problems(editor.open(path, KICKSTART, "kickstart"))

    found = edit(work)
    expected = [told(problem) for problem in Linter().lint_text(str(path), KICKSTART)]
    assert sorted(map(shown, found)) == sorted(expected)
    assert {"written-for-other-release", "command-unknown", "template-left-over"} <= {str(d.code) for d in found}
    assert {d.source for d in found} == {"ksgen"}
    # Columns are counted in UTF-16 unless the editor asks for something else: the face is two.
    (template,) = (d for d in found if d.code == "template-left-over")
    line = KICKSTART.split("\n")[3]
    assert template.range.end.character == len(line) + 1


TEAM = "url --url=http://pxe.example.com/el9/\nnetwork --device=team0 --teamslaves=eno1,eno2\n%packages\n{}\n%end\n"
KINDS = [
    pytest.param(TEAM.format("ovirt-host"), (), {"network-team"}, id="a-host-by-its-contents"),
    pytest.param(TEAM.format("tmux"), (), set(), id="another-machine"),
    pytest.param(TEAM.format("tmux"), ("--kind", "host"), {"network-team"}, id="a-host-as-the-user-says"),
]


@pytest.mark.parametrize(("text", "options", "expected"), KINDS)
def test_findings_are_those_of_the_kind(
    text: str, options: tuple[str, ...], expected: set[str], tmp_path: Path
) -> None:
    async def work(editor: Editor) -> list[types.Diagnostic]:
        return await editor.problems(editor.open(tmp_path / "a.ks", text, "kickstart"))

    assert {str(d.code) for d in edit(work, *options)} & {"network-team"} == expected


def test_findings_of_an_inventory_are_those_of_ksgen(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(HOSTS)
    site, found = inventory.read([path], is_own=is_claimed)
    expected = {(p.mark.line, p.code) for p in (*found, *read_hosts(site)[1])}

    async def work(editor: Editor) -> tuple[list[types.Diagnostic], list[types.Diagnostic]]:
        uri = editor.open(path, HOSTS, "yaml")
        before = await editor.problems(uri)
        # What is typed counts, not what is on the disk.
        editor.type(uri, 2, HOSTS.replace("uefy", "uefi"))
        return before, await editor.problems(uri, 2)

    before, after = edit(work)
    assert {(line, code) for line, _, code, _ in map(shown, before)} == expected
    assert (4, "value-unknown") in expected
    assert (4, "value-unknown") not in {(line, code) for line, _, code, _ in map(shown, after)}


def test_findings_of_a_file_of_variables(tmp_path: Path) -> None:
    text = "node_timezone: Europe/Wien\n"
    (tmp_path / "hosts.yaml").write_text("all:\n  hosts:\n    node01.example.com:\n      node_mac: 52:54:00:aa:00:01\n")
    path = tmp_path / "group_vars" / "all.yaml"
    path.parent.mkdir()
    path.write_text("")

    async def work(editor: Editor) -> list[types.Diagnostic]:
        return await editor.problems(editor.open(path, text, "yaml"))

    assert [(line, code) for line, _, code, _ in map(shown, edit(work))] == [(1, "time-zone")]


def test_inventories_of_others_are_left_alone(tmp_path: Path) -> None:
    texts = ("all:\n  hosts:\n    web01:\n", "- hosts: all\n  tasks: []\n", "services:\n  web: {image: x}\n", "a: [\n")

    async def work(editor: Editor) -> list[list[types.Diagnostic]]:
        uris = [editor.open(tmp_path / f"{n}.yaml", text, "yaml") for n, text in enumerate(texts)]
        return [await editor.problems(uri) for uri in uris]

    assert edit(work) == [[]] * len(texts)


def test_problems_of_an_included_file_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "part.ks").write_text("frobnicate\n")

    async def work(editor: Editor) -> list[types.Diagnostic]:
        return await editor.problems(editor.open(tmp_path / "a.ks", "text\n%include part.ks\nfoo\n", "kickstart"))

    assert [(line, code) for line, _, code, _ in map(shown, edit(work))] == [(3, "command-unknown")]


# --- completion and help ---------------------------------------------------------------------------------------------


def test_completion_and_help(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        kickstart = editor.open(tmp_path / "a.ks", "part / --si\n", "kickstart")
        size = (await editor.completions(kickstart, 0, 11))["--size"]
        assert isinstance(size.text_edit, types.TextEdit)
        assert (size.text_edit.new_text, size.text_edit.range.start.character) == ("--size=", 7)
        assert (await editor.hover(kickstart, 0, 1) or "").startswith("**part**")
        hosts = editor.open(tmp_path / "hosts.yaml", "all:\n  vars:\n    node_time", "yaml")
        assert "node_timezone" in await editor.completions(hosts, 2, 13)
        assert await editor.hover(hosts, 0, 1) is None
        other = editor.open(tmp_path / "a.py", "import os\n", "python")
        assert await editor.completions(other, 0, 3) == {}
        assert await editor.hover(other, 0, 3) is None

    edit(work)


def test_release_is_that_of_the_option(tmp_path: Path) -> None:
    async def work(editor: Editor) -> tuple[set[str], set[str]]:
        uri = editor.open(tmp_path / "a.ks", "timezone Etc/UTC --\nauth --x\n", "kickstart")
        return set(await editor.completions(uri, 0, 19)), {str(d.code) for d in await editor.problems(uri)}

    options, codes = edit(work, "--release", "el10")
    assert "--utc" in options
    assert "--isUtc" not in options
    assert "command-removed" in codes


# --- documents that are being typed ----------------------------------------------------------------------------------

BROKEN = (
    "",
    "\0\n%post\0",
    "%post\n" + "(" * 3000,
    'part "',
    "%include\n%include 3.ks\n",
    "logvol / --size=99999999999999999999\n",
    "\ufeffpart / \r\n\r\r\n",
    "node_disk: {wwn: [\n",
    "all:\n  hosts:\n    node01:\n      node_mac: '{{ lookup(\n",
    "all: &a\n  children: *a\n  vars: {node_vg: x}\n",
    "node_vg: " + "[" * 2000,
)


def test_broken_documents_do_not_end_the_session(tmp_path: Path) -> None:
    async def look(editor: Editor, name: str, text: str, language: str, good: str) -> None:
        uri = editor.open(tmp_path / name, text, language)
        await editor.problems(uri)
        await editor.completions(uri, 0, len(text.split("\n")[0]))
        await editor.hover(uri, 9, 99)
        editor.type(uri, 2, good)
        assert await editor.problems(uri, 2) == []

    async def work(editor: Editor) -> None:
        kinds = (("ks", "kickstart", "text\n"), ("yaml", "yaml", "{}\n"))
        # All at once: the server waits for a pause in each document.
        await asyncio.gather(
            *(
                look(editor, f"{number}.{suffix}", text, language, good)
                for number, text in enumerate(BROKEN)
                for suffix, language, good in kinds
            )
        )
        assert editor.logged == []

    edit(work)


def test_only_the_last_of_many_keys_is_checked(tmp_path: Path) -> None:
    text = KICKSTART * 20

    async def work(editor: Editor) -> tuple[int, set[str], list[types.Diagnostic]]:
        uri = editor.open(tmp_path / "a.ks", "", "kickstart")
        for version, end in enumerate(range(0, len(text), 40), 2):
            editor.type(uri, version, text[:end])
        last = version + 1
        editor.type(uri, last, "netw")
        offered = set(await editor.completions(uri, 0, 4))
        problems = await editor.problems(uri, last)
        assert len(editor.versions) < 10
        return last, offered, problems

    last, offered, problems = edit(work)
    assert last > 40
    assert "network" in offered
    assert [d.code for d in problems] == ["command-unknown"]


def test_a_closed_document_has_no_problems(tmp_path: Path) -> None:
    async def work(editor: Editor) -> list[types.Diagnostic]:
        uri = editor.open(tmp_path / "a.ks", "frobnicate\n", "kickstart")
        assert await editor.problems(uri)
        editor.close(uri)
        return await editor.problems(uri, None)

    assert edit(work) == []


# --- the command -----------------------------------------------------------------------------------------------------

DOCUMENTS = [
    pytest.param("/s/a.ks", "", "kickstart", id="name"),
    pytest.param("/s/ks.cfg", "cfg", "kickstart", id="ks.cfg"),
    pytest.param("/s/anaconda-ks.cfg", "", "kickstart", id="anaconda-ks.cfg"),
    pytest.param("/s/x", "kickstart", "kickstart", id="language"),
    pytest.param("/s/setup.cfg", "ini", None, id="other-cfg"),
    pytest.param("/s/hosts.yaml", "", "inventory", id="yaml"),
    pytest.param("/s/host_vars/node01", "", "inventory", id="variables"),
    pytest.param("untitled:Untitled-1", "yaml", "inventory", id="new"),
    pytest.param("/s/a.py", "python", None, id="other"),
]


@pytest.mark.parametrize(("path", "language", "expected"), DOCUMENTS)
def test_what_a_document_is(path: str, language: str, expected: str | None) -> None:
    assert document_of(path, language) == expected


@pytest.mark.parametrize("missing", ["pygls", "lsprotocol"])
def test_without_its_packages_the_extra_is_named(missing: str) -> None:
    code = f"import sys; sys.modules['{missing}'] = None; from ksgen.cli import main; main(['lsp'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "the language server requires pygls: pip install 'ovirt-node-installer[lsp]'\n"
