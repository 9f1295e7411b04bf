# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing that is said of an inventory repeats a secret, wherever it was written: in each variable, in each wrong form.

The variables are those of the model, so that a new one is tried as well.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from inventories import PASSWORD_HASH, inventory_text, read_text

from ksgen.grammar import Grammar, view
from ksgen.kickstart import render_all
from ksgen.lint import checking
from ksgen.netboot.bootargs import problems as boot_problems
from ksgen.problems import to_text
from ksgen.variables import PRIVATE, Settings

SECRET = "swordfish"
# What is a secret wherever it stands, by its looks or by its name.
FORMS: dict[str, Any] = {
    "url": f"http://erika:{SECRET}@pxe.example.com/a",
    "url-with-hash-sign": f"http://erika:a#{SECRET}@pxe.example.com/a",
    "url-with-slash": f"http://erika:a/{SECRET}@pxe.example.com/a",
    "url-with-port-and-slash": f"http://erika:12/{SECRET}@pxe.example.com/a",
    "url-with-port-and-hash-sign": f"http://erika:12#{SECRET}@pxe/a",
    "url-with-at": f"http://erika:a@{SECRET}@pxe.example.com/a",
    "url-with-blank": f"http://erika:a {SECRET}@pxe.example.com/a",
    "url-with-quote": f"http://erika:a'{SECRET}@pxe.example.com/a",
    "url-with-one-slash": f"http:/erika:{SECRET}@pxe.example.com/a",
    "url-without-scheme": f"erika:{SECRET}@pxe.example.com/a",
    "url-of-another-scheme": f"gopher://erika:{SECRET}@pxe.example.com/a",
    "token-in-query": f"http://pxe.example.com/a?token={SECRET}",
    "query": f"gopher://pxe.example.com/a?{SECRET}",
    "fragment": f"http://pxe.example.com/a#{SECRET}",
    "named": f"password={SECRET}",
    "named-json": json.dumps({"password": SECRET}),
    "header": f"Authorization: Basic {SECRET}",
    "hash": f"$6$salt${SECRET}",
    "key": f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n",
    "mapping": {"password": SECRET},
    "list-of-mappings": [{"password": SECRET}],
    "deep": {"a": [{"b": {"password": [SECRET]}}]},
}
# What is a secret where secrets stand.
BARE: dict[str, Any] = {
    "mapping-of-anything": {"a": SECRET},
    "list": [SECRET],
    "list-of-lists": [[SECRET]],
    "list-of-mappings-of-anything": [{"a": SECRET}],
    "word": SECRET,
    "word-and-name": f"erika:{SECRET}",
    "quoted": f'inst.vncpassword="my {SECRET}"',
    "refused-character": f"inst.vncpassword={SECRET}$",
    "in-the-first-line": f"#!/bin/sh {SECRET}\n%end",
    "section": f"echo {SECRET} | passwd --stdin root\n%packages",
    "second-of-a-list": ["quiet", f"a={SECRET}`"],
    "odd-key": {5: SECRET},
}


def slots(schema: dict[str, Any], definitions: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The places of the model where a value stands: `node_network`, `[]`, `bond`, `options`, `*`."""
    if path:
        yield path
    if "$ref" in schema:
        yield from slots(definitions[schema["$ref"].rpartition("/")[2]], definitions, path)
    for one in schema.get("anyOf", ()):
        yield from slots(one, definitions, path)
    for name, child in schema.get("properties", {}).items():
        yield from slots(child, definitions, (*path, name))
    if isinstance(schema.get("items"), dict):
        yield from slots(schema["items"], definitions, (*path, "[]"))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from slots(schema["additionalProperties"], definitions, (*path, "*"))


SCHEMA = Settings.model_json_schema(by_alias=True)
SLOTS = list(dict.fromkeys(slots(SCHEMA, SCHEMA["$defs"], ())))
# A wrong name is quoted, and what stands there is no secret.
NAMES = {
    ("node_bmc", "type"),
    ("node_bmc", "address"),
    ("node_bmc", "certificate", "from"),
    ("node_ca_certificates", "[]", "from"),
    ("node_proxy", "no_proxy"),
    ("node_proxy", "no_proxy", "[]"),
    ("node_users", "[]", "name"),
    ("node_users", "[]", "groups"),
    ("node_users", "[]", "groups", "[]"),
}


def at(path: tuple[str, ...], value: object) -> object:
    """The value of a variable in which one stands at a place below it."""
    for part in reversed(path[1:]):
        value = [value] if part == "[]" else {"/data" if part == "*" else part: value}
    return value


def written(value: object) -> str:
    """A value in YAML: JSON, or a text of several lines as it is."""
    if not isinstance(value, str) or "\n" not in value:
        return json.dumps(value)
    return "|\n" + textwrap.indent(value, " " * 8)


def told(changes: dict[str, str], directory: Path) -> str:
    """All that ksgen says of an inventory with these lines, up to its kickstarts and boot files."""
    hosts, problems = read_text(inventory_text(**changes), directory)
    for rendered in render_all(hosts):
        problems += rendered.problems
    problems += [problem for host in hosts for problem in boot_problems(host)]
    path = directory / "hosts.yaml"
    shown = to_text(problems, {str(path): path.read_text()})
    return "\n".join([*shown, json.dumps([problem.to_json() for problem in problems]), repr(problems)])


def test_the_model_is_walked() -> None:
    assert {path[0] for path in SLOTS} == {f"node_{name}" for name in Settings.model_fields}
    assert ("node_users", "[]", "password_hash") in SLOTS
    assert ("node_network", "[]", "bond", "options", "*") in SLOTS
    assert {(name,) for name in PRIVATE} <= set(SLOTS)


@pytest.mark.parametrize("path", SLOTS, ids=".".join)
def test_no_problem_repeats_a_secret(path: tuple[str, ...], tmp_path: Path) -> None:
    bare = BARE if path[0] in PRIVATE and path not in NAMES else {}
    for form, value in (FORMS | bare).items():
        found = told({path[0]: written(at(path, value))}, tmp_path)
        assert SECRET not in found, (form, found)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param(
            {"node_installer_args": f'"inst.text inst.vncpassword={SECRET}"'},
            ("node_installer_args", "argument-secret", "inst.vncpassword= contains a secret"),
            id="vnc",
        ),
        pytest.param(
            {"node_installer_args": f'["inst.proxy=http://a:{SECRET}@p.example.com/"]'},
            ("node_installer_args[0]", "argument-secret", "inst.proxy= contains a secret"),
            id="proxy",
        ),
        pytest.param(
            {"node_kernel_args": f'["a.token={SECRET}"]'},
            ("node_kernel_args[0]", "argument-secret", "a.token= contains a secret"),
            id="kernel",
        ),
        pytest.param(
            {"node_post": f'"echo {SECRET} | passwd --stdin root"'},
            ("node_post", "script-secret", "a password, key or token in this script"),
            id="post",
        ),
        pytest.param(
            {"node_pre": f'["true", "curl -u a:{SECRET} http://h/"]'},
            ("node_pre[1]", "script-secret", "a password, key or token in this script"),
            id="pre",
        ),
        pytest.param({"node_post": '"password=$(cat /run/word)"'}, None, id="reference"),
        pytest.param({"node_post": f"\"echo 'root:{PASSWORD_HASH}' | chpasswd -e\""}, None, id="hash"),
        pytest.param({"node_installer_args": '"inst.text inst.sshd"'}, None, id="arguments"),
    ],
)
def test_readable_secret_is_told_and_not_repeated(
    changes: dict[str, str], expected: tuple[str, str, str] | None, tmp_path: Path
) -> None:
    hosts, problems = read_text(inventory_text(**changes), tmp_path)
    (rendered,) = render_all(hosts)
    problems += [*rendered.problems, *boot_problems(hosts[0])]
    assert SECRET not in told(changes, tmp_path)
    if expected is None:
        assert problems == []
        return
    (problem,) = problems
    assert (problem.severity, problem.variable, problem.code) == ("warning", *expected[:2])
    assert problem.message.startswith(expected[2])
    assert problem.hint


def test_problem_of_a_template_repeats_no_secret(tmp_path: Path) -> None:
    """What a template of the site's own says may hold a value: Host.discreet."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "site.ks.j2").write_text("{{ {}[settings.timezone ~ settings.vg] }}\n")
    hosts, _ = read_text(inventory_text(node_vg='"{{ a_secret }}"', a_secret=SECRET), tmp_path)
    (rendered,) = render_all(hosts, tmp_path / "own")
    (problem,) = rendered.problems
    hidden = "a secret value gives a result that is not valid here (template-error in docs/problems.md)"
    assert (problem.message, problem.hint, problem.secret) == (hidden, None, True)
    hosts, _ = read_text(inventory_text(node_vg=SECRET), tmp_path)
    (rendered,) = render_all(hosts, tmp_path / "own")
    assert SECRET in rendered.problems[0].message


@pytest.mark.parametrize(
    "line",
    [
        f"user --name=a --gid={SECRET} --password={SECRET}",
        f"liveimg --url=gopher://a:{SECRET}@h/node.img",
        f"network --device=a --wpakey={SECRET} --mtu={SECRET}",
        f"part / --passphrase={SECRET} --nothing={SECRET}",
    ],
)
def test_lint_repeats_no_secret(line: str) -> None:
    grammar = Grammar("el9")
    said = grammar.read(line + "\n")
    kickstart = view("el9", line + "\n", grammar.commands, said)
    messages = [one.message for _, one in (*checking.grammar_of(said, kickstart), *checking.check(kickstart))]
    assert messages
    assert SECRET not in "".join(messages)
