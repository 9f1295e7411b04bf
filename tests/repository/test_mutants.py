# SPDX-License-Identifier: GPL-2.0-or-later
"""`make mutants`: which changes it makes, and that it tells a module that is tested from one that is not."""

from __future__ import annotations

import ast
import os
import subprocess
import sys

import pytest
from counts import count
from mutants import CHECKOUT, EQUIVALENT, TESTS, Stop, own_tests, read_equivalent, unmatched
from mutations import OPERATORS, alternatives, mutations


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        pytest.param("x = a < b", ["compare: a < b -> a <= b", "compare: a < b -> a >= b"], id="boundary"),
        pytest.param(
            "x = a == b in c",
            ["compare: a == b in c -> a != b in c", "compare: a == b in c -> a == b not in c"],
            id="chain",
        ),
        pytest.param(
            "x = a and b",
            ["boolean: a and b -> a or b", "operand: a and b -> b", "operand: a and b -> a"],
            id="and",
        ),
        pytest.param("x = a | b", ["operand: a | b -> a", "operand: a | b -> b"], id="flags"),
        pytest.param("x = not a", ["not: not a -> a"], id="not"),
        pytest.param("x = a + b", ["arithmetic: a + b -> a - b"], id="arithmetic"),
        pytest.param("x = 8", ["constant: 8 -> 9", "constant: 8 -> 7"], id="number"),
        pytest.param("x = True", ["constant: True -> False"], id="truth"),
        pytest.param("x = 'a'", ["constant: 'a' -> ''"], id="text"),
        pytest.param("x = ''", ["constant: '' -> 'mutant'"], id="empty-text"),
        pytest.param("x = f'a{b}'", ["constant: f'a{b}' -> ''"], id="f-string"),
        pytest.param(
            "x = f'a{b < c}'",
            ["constant: f'a{b < c}' -> ''", "compare: b < c -> b <= c", "compare: b < c -> b >= c"],
            id="in-an-f-string",
        ),
        pytest.param("x = None", [], id="none"),
        pytest.param("def f():\n    return a", ["return: return a -> return None"], id="return"),
        pytest.param("def f():\n    return", ["statement: return -> (removed)"], id="return-nothing"),
        pytest.param("def f():\n    return []", [], id="return-as-good-as-none"),
        pytest.param(
            "if a:\n    b()", ["condition: a -> True", "condition: a -> False", "statement: b() -> (removed)"], id="if"
        ),
        pytest.param("while a:\n    break", ["condition: a -> False", "statement: break -> (removed)"], id="while"),
        pytest.param("x = [a for a in b if c]", ["condition: c -> True", "condition: c -> False"], id="comprehension"),
        pytest.param("x = f(a)", ["call: f(a) -> a"], id="call"),
        pytest.param("x = tuple(a)", [], id="conversion"),
        pytest.param("x = any(a)", ["call: any(a) -> a", "swap: any -> all"], id="any"),
        pytest.param(
            "x = a.startswith(b)", ["call: a.startswith(b) -> b", "swap: a.startswith -> a.endswith"], id="prefix"
        ),
        pytest.param("@a\n@cache\ndef f(): ...", ["decorator: @a -> (removed)"], id="decorator"),
        pytest.param("x = ('a', b)", ["element: 'a' -> (removed)", "element: b -> (removed)"], id="tuple"),
        pytest.param("x = {'a'}", ["element: 'a' -> (removed)"], id="set"),
        pytest.param("x = {'a': b, **c}", ["element: 'a': b -> (removed)", "element: **c -> (removed)"], id="dict"),
        pytest.param(
            "x = r'^(a|b)$'",
            ["constant: '^(a|b)$' -> ''", "alternative: a -> (removed)", "alternative: b -> (removed)"],
            id="pattern",
        ),
        pytest.param("try:\n    pass\nexcept E:\n    pass", ["except: except E -> raise"], id="except"),
        pytest.param("with a:\n    pass", ["with: a -> (nothing)"], id="with"),
        pytest.param("with a as b:\n    pass", [], id="with-as"),
        pytest.param("x = a[b:c]", ["slice: a[b:c] -> a[:c]", "slice: a[b:c] -> a[b:]"], id="slice"),
        pytest.param("for a in b:\n    pass", ["loop: b -> ()"], id="loop"),
        pytest.param("x = y = a\nx.b = c", ["statement: x.b = c -> (removed)"], id="assigned"),
        pytest.param("def f(x):\n    x = a\n    y = b", ["statement: x = a -> (removed)"], id="assigned-again"),
        pytest.param("x += a", ["statement: x += a -> (removed)", "arithmetic: x += a -> x -= a"], id="added"),
        pytest.param("import a\nx: dict[str, 'a']\ndef f(a: 'b') -> 'c':\n    'd'", [], id="left-alone"),
    ],
)
def test_changes(source: str, changes: list[str]) -> None:
    assert [mutation.change for mutation in mutations(source)] == changes


# Each of this many mutants is parsed, which takes up to half a second.
EVERY = count(160, 40)


@pytest.mark.parametrize("module", TESTS)
def test_every_mutant_is_the_change_that_it_says(module: str) -> None:
    """It can be compiled, differs from the source, and no two are the same."""
    source = (CHECKOUT / module).read_text()
    made = mutations(source)
    trees = {ast.dump(ast.parse(mutation.source)) for mutation in made[::EVERY]}
    assert len(trees) == len(made[::EVERY])
    assert ast.dump(ast.parse(source)) not in trees
    assert {mutation.operator for mutation in made} <= set(OPERATORS)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        pytest.param("a|b|c", ["b|c", "a|c", "a|b"], id="top"),
        pytest.param("x(?:a|b)", ["x(?:b)", "x(?:a)"], id="group"),
        pytest.param("(a|(?P<n>b|c))", ["(a|(?P<n>c))", "(a|(?P<n>b))", "((?P<n>b|c))", "(a)"], id="nested"),
        pytest.param(r"[|\]|]|\|", [r"\|", r"[|\]|]"], id="escaped"),
        pytest.param("[^]|]", [], id="class"),
        pytest.param("one | two", [], id="prose"),
    ],
)
def test_alternatives(pattern: str, expected: list[str]) -> None:
    assert [rest for _, rest in alternatives(pattern)] == expected


@pytest.mark.parametrize("module", sorted(TESTS))
def test_own_tests_a_module_exist(module: str) -> None:
    assert (CHECKOUT / module).is_file()
    assert own_tests(module)


def test_equivalent_mutants_are_mutants_still() -> None:
    entries = read_equivalent(EQUIVALENT.read_text())
    for module in {entry.module for entry in entries}:
        found = mutations((CHECKOUT / module).read_text())
        assert unmatched([entry for entry in entries if entry.module == module], found) == []


def test_entries_of_equivalent_mutants() -> None:
    text = "# a comment\n\na/b.py:12 compare: x < y -> x <= y\n  | if x < y:\n  never equal:\n  both are odd\n"
    (entry,) = read_equivalent(text)
    assert (entry.module, entry.change, entry.line) == ("a/b.py", "compare: x < y -> x <= y", 3)
    assert (entry.text, entry.reason) == ("if x < y:", "never equal: both are odd")
    assert unmatched([entry], mutations("if x < y:\n    pass")) == []
    assert unmatched([entry], mutations("while x < y:\n    pass")) == [entry]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a.py compare: x < y\n  | x < y\n  reason\n", id="no-change"),
        pytest.param("a.py compare: x < y -> x <= y\n  | x < y\n", id="no-reason"),
        pytest.param("a.py compare: x < y -> x <= y\n  x < y\n  reason\n", id="no-line"),
    ],
)
def test_entry_that_is_none(text: str) -> None:
    with pytest.raises(Stop) as stopped:
        read_equivalent(text)
    assert str(stopped.value) == (
        "equivalent-mutants.txt:1: not an entry: it is `module operator: before -> after`, a line `| ` with the "
        "source line, and the reason"
    )


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mutants", *words]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "tests" / "support")}
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)


def test_mutants_of_a_program_that_tests_run_as_a_process() -> None:
    """test_nics.py pipes the source to a Python: it sees the mutant, and the work tree does not change."""
    before = (CHECKOUT / "org_ovirt_node/programs/nics.py").read_text()
    done = run("org_ovirt_node/programs/nics.py", "--operator", "loop")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("nics.py: 1 of 1 killed (100.0 %), 0 survived, 0 equivalent\n")
    assert (CHECKOUT / "org_ovirt_node/programs/nics.py").read_text() == before


def test_survivors_are_told() -> None:
    words = ["org_ovirt_node/programs/nics.py", "--operator", "loop", "--tests", "tests/grammar/test_lexer.py"]
    done = run(*words)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines()[1:] == [
        "org_ovirt_node/programs/nics.py:37 loop: sorted(target.names(net)) -> ()",
        "  | for name in sorted(target.names(net)):",
        "org_ovirt_node/programs/nics.py: 0 of 1 killed (0.0 %), 1 survived, 0 equivalent",
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["org_ovirt_node/nowhere.py"], "org_ovirt_node/nowhere.py: not found\n", id="module"),
        pytest.param(
            ["org_ovirt_node/gate.py", "--lines", "1"], "org_ovirt_node/gate.py: no mutant there\n", id="nothing-there"
        ),
    ],
)
def test_nothing_to_measure(words: list[str], message: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", message)
