# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that evaluates expressions: its limits, and that its death costs one expression and nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from ksgen.expressions import Expressions
from ksgen.expressions.child import Child, Died, limited_time
from ksgen.inventory import reader
from ksgen.problems import Problem
from ksgen.syntax import plain

ENDLESS = "{{ ('a' * 40) | regex_search('(a+)+b') }}"


def rendered(directory: Path, tree: object) -> tuple[dict[str, dict[str, object]], list[Problem]]:
    """The `node_` variables of each host, and all problems."""
    path = directory / "hosts.yaml"
    path.write_text(json.dumps(tree))
    site, problems = reader.read([path])
    assert not problems
    expressions = Expressions(site)
    values = {}
    for entry in site.hosts:
        done = expressions.rendered(entry)
        problems += done.problems
        values[entry.name] = {n: plain(v.node) for n, v in done.entry.variables.items() if n.startswith("node_")}
    return values, problems


def test_an_expression_that_never_ends_costs_only_itself(tmp_path: Path) -> None:
    variables = {"node_a": "{{ 1 + 1 }}", "node_b": ENDLESS, "node_c": ["x{{ node_a }}", "{{ node_d }}"], "node_d": "d"}
    values, problems = rendered(tmp_path, {"all": {"hosts": {"n1": variables, "n2": {"node_a": "{{ 3 }}"}}}})
    assert values == {"n1": {"node_a": 2, "node_c": ["x2", "d"], "node_d": "d"}, "n2": {"node_a": 3}}
    assert [(p.code, p.host, p.variable, p.message) for p in problems] == [
        ("expression-too-long", "n1", "node_b", "the expression exceeds the limits on time or memory")
    ]


def test_a_group_s_expression_that_never_ends_is_tried_for_a_few_hosts(tmp_path: Path) -> None:
    begin = time.monotonic()
    tree = {
        "all": {
            "vars": {"node_a": ENDLESS, "node_b": "{{ inventory_hostname }}"},
            "hosts": {f"n{number}": {} for number in range(200)},
        }
    }
    values, problems = rendered(tmp_path, tree)
    assert values == {f"n{number}": {"node_b": f"n{number}"} for number in range(200)}
    assert {(p.code, p.host) for p in problems} == {("expression-too-long", f"n{number}") for number in range(200)}
    assert time.monotonic() - begin < 60


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("{{ ('a' * 30000) | regex_replace('', 'b' * 30000) }}", id="replacements"),
        pytest.param("{{ ('x' * 99999) | regex_findall('(?=(.*))') | length }}", id="matches"),
        pytest.param("{{ 'a' | regex_search('(?:' * 9000 + ')' * 9000) }}", id="pattern"),
        pytest.param("{{ range(300) | product(range(300), range(300)) | list }}", id="product"),
        pytest.param("{{ [1] | product(repeat=10**9) }}", id="product-of-one"),
        pytest.param("{{ [1] | to_json(indent=10**9) }}", id="json"),
        pytest.param("{{ '[' * 90000 | from_json }}", id="brackets"),
        pytest.param("{{ ('[' * 90000) | from_json }}", id="nested-json"),
        pytest.param("{{ ('[' * 90000) | from_yaml }}", id="nested-yaml"),
        pytest.param(
            "{{ ('a: &a [1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
            "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
            "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]') | from_yaml }}",
            id="yaml-of-references",
        ),
        pytest.param("{{ (range(20000) | map('list') | list) | unique }}", id="no-lists"),
        pytest.param("{{ (range(30000) | zip | list | map('list') | list) | union([[1]]) | length }}", id="pairs"),
    ],
)
def test_what_costs_too_much_ends_soon_with_a_problem(template: str, tmp_path: Path) -> None:
    begin = time.monotonic()
    values, problems = rendered(tmp_path, {"all": {"hosts": {"n1": {"node_a": template, "node_b": "{{ 1 }}"}}}})
    assert values == {"n1": {"node_b": 1}}
    assert [problem.variable for problem in problems] == ["node_a"]
    assert time.monotonic() - begin < 30


def test_a_death_from_outside_is_survived(tmp_path: Path) -> None:
    others = children()
    path = tmp_path / "hosts.yaml"
    path.write_text(json.dumps({"all": {"vars": {"node_a": "{{ 1 }}"}, "hosts": {"n1": {}, "n2": {}}}}))
    site, _ = reader.read([path])
    expressions = Expressions(site)
    assert plain(expressions.rendered(site.hosts[0]).entry.variables["node_a"].node) == 1
    (child,) = children() - others
    os.kill(child, signal.SIGKILL)
    assert plain(expressions.rendered(site.hosts[1]).entry.variables["node_a"].node) == 1
    assert children() - others not in (set(), {child})
    del expressions
    assert children() <= others


def children() -> set[int]:
    """The processes that this one has started and not waited for; those of a session's fixtures are among them."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(path.parent.name))
    return found


def _answers(work: Callable[[object], object]) -> Callable[[Connection], None]:
    def serve(connection: Connection) -> None:
        while True:
            message = connection.recv()
            with limited_time():
                answer = work(message)
            connection.send(answer)

    return serve


def _work(message: object) -> object:
    if message == "memory":
        return len("x" * 600_000_000)
    if message == "time":
        while True:
            pass
    if message == "bug":
        raise LookupError("our own")
    return message


def test_limits_and_errors_of_a_child() -> None:
    others = children()
    child = Child(_answers(_work))
    child.send("a")
    assert child.receive() == "a"
    for what in ("memory", "time"):
        child.send(what)
        with pytest.raises(Died):
            child.receive()
    child.send("bug")
    with pytest.raises(RuntimeError, match="our own"):
        child.receive()
    child.close()
    assert children() <= others


def test_an_interrupt_ends_parent_and_child(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    hosts = {f"n{number}": {"node_a": ENDLESS.replace("40", f"{number + 40}")} for number in range(100)}
    path.write_text(json.dumps({"all": {"hosts": hosts}}))
    program = """
        import pathlib, sys
        from ksgen import inventory
        from ksgen.expressions import Expressions
        site, _ = inventory.read([pathlib.Path(sys.argv[1])])
        expressions = Expressions(site)
        print("begun", flush=True)
        for entry in site.hosts:
            expressions.rendered(entry)
        print("done")
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert out == ""
    assert err.count("Traceback") == 1
    assert err.rstrip().endswith("KeyboardInterrupt")
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
