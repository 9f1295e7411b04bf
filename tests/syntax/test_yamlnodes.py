# SPDX-License-Identifier: GPL-2.0-or-later
"""YAML and JSON as trees: PyYAML's values, with their places."""

from __future__ import annotations

import datetime
import json
import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ksgen.problems import Mark
from ksgen.syntax import Node, Vaulted, parse_yaml, plain


def read(text: str) -> Node:
    node, problems = parse_yaml(text, "f")
    assert problems == []
    assert node is not None
    return node


def child(node: Node, *path: str | int) -> Node:
    for step in path:
        if isinstance(step, int):
            assert isinstance(node.value, tuple)
            node = node.value[step]
        else:
            assert isinstance(node.value, dict)
            node = node.value[step]
    return node


TEXT = """\
a: text
"b" :
  - 'quoted one'   # comment
  - {k: 0x1F, "l l": &x [é, two words]}
c: |
  block
  of text
d: *x
e: !unsafe '{{ x }}'
"""


@pytest.mark.parametrize(
    ("path", "mark", "key_mark"),
    [
        pytest.param(("a",), (1, 4, 4), (1, 1, 1), id="text"),
        pytest.param(("b",), (3, 3, 1), (2, 1, 3), id="list"),
        pytest.param(("b", 0), (3, 5, 12), None, id="item-in-quotes"),
        pytest.param(("b", 1), (4, 5, 1), None, id="mapping-in-braces"),
        pytest.param(("b", 1, "k"), (4, 9, 4), (4, 6, 1), id="number"),
        pytest.param(("b", 1, "l l"), (4, 22, 1), (4, 15, 5), id="anchored"),
        pytest.param(("b", 1, "l l", 0), (4, 26, 1), None, id="letter-of-two-bytes"),
        pytest.param(("b", 1, "l l", 1), (4, 29, 9), None, id="after-it"),
        pytest.param(("c",), (5, 4, 1), (5, 1, 1), id="block"),
        pytest.param(("d",), (4, 22, 1), (8, 1, 1), id="alias-stands-where-its-anchor-is"),
        pytest.param(("e",), (9, 4, 17), (9, 1, 1), id="tagged"),
    ],
)
def test_places(path: tuple[str | int, ...], mark: tuple[int, int, int], key_mark: tuple[int, int, int] | None) -> None:
    found = child(read(TEXT), *path)
    assert found.mark == Mark("f", *mark)
    assert found.key_mark == (Mark("f", *key_mark) if key_mark else None)
    assert found.name_mark == (found.key_mark or found.mark)


JSON = (
    '{"a": "text",\n "b": [1, -2.50, true, null, {"__ansible_unsafe": "{{"}],\n "\\u00e9": {"__ansible_vault": "$A"}}'
)


@pytest.mark.parametrize(
    ("path", "mark", "key_mark", "value", "source", "literal"),
    [
        pytest.param(("a",), (1, 7, 6), (1, 2, 3), "text", None, False, id="text"),
        pytest.param(("b", 0), (2, 8, 1), None, 1, "1", False, id="number"),
        pytest.param(("b", 1), (2, 11, 5), None, -2.5, "-2.50", False, id="fraction"),
        pytest.param(("b", 2), (2, 18, 4), None, True, "true", False, id="truth"),
        pytest.param(("b", 3), (2, 24, 4), None, None, "null", False, id="null"),
        pytest.param(("b", 4), (2, 51, 4), None, "{{", None, True, id="unsafe"),
        pytest.param(("é",), (3, 12, 1), (3, 2, 8), Vaulted("$A"), None, False, id="vaulted"),
    ],
)
def test_json(
    path: tuple[str | int, ...],
    mark: tuple[int, int, int],
    key_mark: tuple[int, int, int] | None,
    value: object,
    source: str | None,
    literal: bool,
) -> None:
    found = child(read(JSON), *path)
    assert (found.value, found.source, found.literal) == (value, source, literal)
    assert found.mark == Mark("f", *mark)
    assert found.key_mark == (Mark("f", *key_mark) if key_mark else None)


@pytest.mark.parametrize(
    ("text", "value", "source"),
    [
        pytest.param("text", "text", None, id="text"),
        pytest.param("'1'", "1", None, id="quoted"),
        pytest.param("010", 8, "010", id="octal"),
        pytest.param("1:30", 90, "1:30", id="sexagesimal"),
        pytest.param("1_0.5", 10.5, "1_0.5", id="fraction"),
        pytest.param("off", False, "off", id="truth"),
        pytest.param("", None, "", id="nothing"),
        pytest.param("2026-01-02", datetime.date(2026, 1, 2), "2026-01-02", id="date"),
        pytest.param("!vault abc", Vaulted("abc"), None, id="vault"),
        pytest.param("!vault-encrypted abc", Vaulted("abc"), None, id="vault-by-its-old-name"),
        pytest.param("!!str 12", "12", None, id="tag-of-yaml"),
        pytest.param("! 12", 12, "12", id="tag-of-nothing"),
    ],
)
def test_scalars(text: str, value: object, source: str | None) -> None:
    found = child(read(f"k: {text}\n"), "k")
    assert (type(found.value), found.value, found.source) == (type(value), value, source)


def test_keys_that_are_no_texts() -> None:
    node = read("{on: 1, 10:20: 2, ~: 3, text: 4}")
    assert plain(node) == {True: 1, 620: 2, None: 3, "text": 4}
    assert [(key.value, key.source, key.mark.column) for key in node.odd_keys] == [
        (True, "on", 2),
        (620, "10:20", 9),
        (None, "~", 19),
    ]


def test_a_key_in_quotes_does_not_decide_what_the_same_key_without_is() -> None:
    assert plain(read("- {'on': 1, '7': 2}\n- {on: 3, 7: 4}\n")) == [{"on": 1, "7": 2}, {True: 3, 7: 4}]
    assert plain(read("- {a: 1}\n- {'a': 2}\n- {a: 3}\n")) == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_keys_that_are_no_texts_and_come_by_a_merge() -> None:
    node = read("{<<: {on: 1}, a: 2}")
    assert plain(node) == {True: 1, "a": 2}
    assert [key.source for key in node.odd_keys] == ["on"]


def test_an_anchor_before_a_merge_key() -> None:
    _, problems = parse_yaml("b: {&a <<: {c: 1}}\n", "f")
    assert [(problem.code, problem.message, str(problem.mark)) for problem in problems] == [
        ("needs-quotes", "an anchor before <<", "f:1:5")
    ]


def test_a_ciphertext_is_in_no_representation() -> None:
    assert "secret" not in repr(read("k: !vault secret\n"))


def test_unsafe_reaches_everything_inside() -> None:
    node = read("k: !unsafe [{a: '{{'}]\nl: '{{'\n")
    assert child(node, "k", 0, "a").literal
    assert not child(node, "l").literal


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n...\n#"])
def test_nothing(text: str) -> None:
    node, problems = parse_yaml(text, "f")
    assert (node is None or node.value is None, problems) == (True, [])


def test_a_duplicate_key_is_told_and_the_rest_is_read() -> None:
    node, problems = parse_yaml(b"a: 1\nb: {c: 1, c: 2}\na: 3\n", "f")
    assert node is not None
    assert plain(node) == {"a": 3, "b": {"c": 2}}
    assert [(problem.code, str(problem.mark)) for problem in problems] == [
        ("duplicate-key", "f:2:11"),
        ("duplicate-key", "f:3:1"),
    ]


def test_the_widest_alias_that_is_allowed_is_quick() -> None:
    text = "a: &a [" + "x, " * 999 + "]\nb: [" + "*a, " * 999 + "]\n"
    assert len(child(read(text), "b").value) == 999  # type: ignore[arg-type]


class _Strict(yaml.CSafeLoader):
    """PyYAML's own reading, with one of Ansible's tags."""


def _unsafe(loader: _Strict, node: yaml.Node) -> object:
    tag = loader.resolve(type(node), node.value, (True, False))  # type: ignore[no-untyped-call]
    again = type(node)(tag, node.value, node.start_mark, node.end_mark)
    return loader.construct_object(again, deep=True)


_Strict.add_constructor("!unsafe", _unsafe)

PIECES = st.sampled_from(
    [
        "a",
        "b: ",
        ": ",
        "\n",
        "\n  ",
        "\n- ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "&a ",
        "*a ",
        "<<: ",
        "? ",
        "!unsafe ",
        "!!str ",
        "!!int ",
        "!!float ",
        "! ",
        "|\n  ",
        ">-\n  ",
        '"',
        "'",
        "#",
        " ",
        "1:2",
        "0x1",
        "0b",
        "1_0",
        "010",
        "1.50",
        "1e3",
        "2026-02-03",
        ".inf",
        "~",
        "\\n",
        "yes",
        "é",
        "=",
    ]
)


def same(ours: object, theirs: object) -> bool:
    if isinstance(ours, float) and isinstance(theirs, float) and math.isnan(ours):
        return math.isnan(theirs)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(value, theirs[key]) for key, value in ours.items())
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    return type(ours) is type(theirs) and ours == theirs


@settings(max_examples=1000, deadline=None)
@given(st.lists(PIECES, max_size=14).map("".join))
def test_what_is_read_is_what_pyyaml_reads(text: str) -> None:
    node, problems = parse_yaml(text, "f")
    if not problems:
        assert same(None if node is None else plain(node), yaml.load(text, _Strict))


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(
    value=st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), VALUES),
    is_ascii=st.booleans(),
    indent=st.sampled_from([None, 2]),
)
def test_json_is_read_as_python_reads_it(value: dict[str, object], is_ascii: bool, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii, indent=indent)
    assert same(plain(read(text)), json.loads(text))
