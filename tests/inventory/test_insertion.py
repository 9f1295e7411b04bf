# SPDX-License-Identifier: GPL-2.0-or-later
"""A host is put into the text of an inventory, and nothing else in it changes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ksgen.inventory import Insertion, read, with_host
from ksgen.inventory.insertion import NoPlace

ENTRY = ("# new", "n9:", "  node_mac: m", "  node_network:", "    - {a: b}", "  # node_disk: d")


def inserted(text: str, directory: Path, group: str = "rack_b") -> Insertion | NoPlace:
    path = directory / "hosts.yaml"
    path.write_bytes(text.encode())
    return with_host([str(path)], group, ENTRY)


PLACES = [
    pytest.param(
        "all:\n  children:\n    rack_b:\n      hosts:\n        n1:\n          a: 1\n    rack_c:\n",
        "        # new\n        n9:\n          node_mac: m\n          node_network:\n            - {a: b}\n"
        "          # node_disk: d\n",
        7,
        id="below-hosts",
    ),
    pytest.param(
        "all:\n  children:\n    rack_b:\n      hosts:\n        n1:\n          a: 1\n          # b: 2\n"
        "        # n2: gone\n    # The next rack.\n    rack_c:\n",
        "        # new\n        n9:\n          node_mac: m\n          node_network:\n            - {a: b}\n"
        "          # node_disk: d\n",
        9,
        id="below-their-comments",
    ),
    pytest.param(
        "all:\n  children:\n    rack_b:\n      hosts:\n        n1: {a: 1}\n\n        # second\n        n2: {a: 1}\n\n"
        "    rack_c:\n",
        "\n        # new\n        n9:\n          node_mac: m\n          node_network:\n            - {a: b}\n"
        "          # node_disk: d\n",
        10,
        id="with-empty-lines",
    ),
    pytest.param(
        "all:\n    children:\n        rack_b:\n            hosts:\n                n1:\n                    a: 1\n",
        "                # new\n                n9:\n                    node_mac: m\n"
        "                    node_network:\n                        - {a: b}\n                    # node_disk: d\n",
        7,
        id="four-spaces",
    ),
    pytest.param(
        "all:\n  children:\n    rack_b:\n      hosts:\n      vars: {a: 1}\n",
        "        # new\n        n9:\n          node_mac: m\n          node_network:\n            - {a: b}\n"
        "          # node_disk: d\n",
        5,
        id="no-hosts-yet",
    ),
    pytest.param(
        "all:\n  children:\n    rack_b:\n      vars:\n        a: |\n          text\n\n    rack_c:\n",
        "      hosts:\n        # new\n        n9:\n          node_mac: m\n          node_network:\n"
        "            - {a: b}\n          # node_disk: d\n",
        8,
        id="only-vars",
    ),
    pytest.param(
        "all:\n  children:\n    rack_b:  # empty\n    rack_c:\n",
        "      hosts:\n        # new\n        n9:\n          node_mac: m\n          node_network:\n"
        "            - {a: b}\n          # node_disk: d\n",
        5,
        id="empty-group",
    ),
    pytest.param(
        "all:\n  hosts:\n    n0: {a: 1}\n  children:\n    rack_c:\n      children:\n        rack_b:\n",
        "          hosts:\n            # new\n            n9:\n              node_mac: m\n              node_network:\n"
        "                - {a: b}\n              # node_disk: d\n",
        9,
        id="nested-group",
    ),
    pytest.param(
        "all:\n  children:\n    rack_c:\n      children:\n        rack_b:\nrack_b:\n  hosts:\n    n1:\n      a: 1\n",
        "    # new\n    n9:\n      node_mac: m\n      node_network:\n        - {a: b}\n      # node_disk: d\n",
        10,
        id="where-it-has-hosts",
    ),
    pytest.param(
        "rack_b:\n  hosts:\n    n1: &n1\n      a: 1\n    n2: *n1\n  vars: {}\n",
        "    # new\n    n9:\n      node_mac: m\n      node_network:\n        - {a: b}\n      # node_disk: d\n",
        6,
        id="behind-an-alias",
    ),
]


@pytest.mark.parametrize(("text", "lines", "at"), PLACES)
def test_lines_of_the_host_are_put_there(text: str, lines: str, at: int, tmp_path: Path) -> None:
    found = inserted(text, tmp_path)
    assert isinstance(found, Insertion)
    assert lines in found.text
    assert found.text.replace(lines, "", 1) == text
    assert found.text.split("\n")[found.line - 1].strip() == "n9:"
    assert found.line == at + 1
    assert found.before == text.encode()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        pytest.param("all:\n  children:\n    rack_b:\n      hosts: {}\n", "      hosts:", id="hosts"),
        pytest.param("all:\n  children:\n    rack_b: {}  # later\n", "    rack_b:  # later", id="group-with-comment"),
        pytest.param("all:\n  children:\n    rack_b: ~\n", "    rack_b:", id="tilde"),
    ],
)
def test_what_stands_for_nothing_is_replaced(text: str, line: str, tmp_path: Path) -> None:
    found = inserted(text, tmp_path)
    assert isinstance(found, Insertion)
    assert line in found.text.split("\n")
    assert hosts_of(found, tmp_path) == ["n9"]


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        pytest.param(
            "all:\n  children:\n    rack_b:\n      hosts: {n1: {}}\n",
            "its hosts are written in braces, or as an alias: lines cannot be put below them",
            4,
            id="hosts",
        ),
        pytest.param(
            "all:\n  children:\n    rack_b: {hosts: {n1: {}}}\n",
            "the group is written in braces, or as an alias: lines cannot be put into it",
            3,
            id="group",
        ),
        pytest.param(
            "all:\n  children:\n    rack_a: &a\n      hosts:\n        n1:\n    rack_b: *a\n",
            "the group is written in braces, or as an alias: lines cannot be put into it",
            6,
            id="alias",
        ),
    ],
)
def test_no_place_for_lines(text: str, message: str, line: int, tmp_path: Path) -> None:
    assert inserted(text, tmp_path) == NoPlace(message, str(tmp_path / "hosts.yaml"), line)


def test_group_that_no_file_has(tmp_path: Path) -> None:
    found = inserted("all:\n  hosts:\n    n1:\n", tmp_path, "ungrouped")
    assert found == NoPlace("no file has a group 'ungrouped' that a host could be written to")


def test_file_of_the_group_among_others(tmp_path: Path) -> None:
    (tmp_path / "10-a.yml").write_text("rack_a:\n  hosts:\n    n1:\n")
    (tmp_path / "20-b.yml").write_text("rack_b:\n  hosts:\n    n2:\n")
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text("rack_b: {hosts: 1}\n")
    found = with_host([str(tmp_path)], "rack_b", ENTRY)
    assert isinstance(found, Insertion)
    assert found.file == str(tmp_path / "20-b.yml")


def test_ends_of_lines_stay(tmp_path: Path) -> None:
    found = inserted("rack_b:\r\n  hosts:\r\n    n1:\r\n      a: 1", tmp_path)
    assert isinstance(found, Insertion)
    assert found.text.count("\n") == found.text.count("\r\n") == 10
    assert hosts_of(found, tmp_path) == ["n1", "n9"]


def hosts_of(found: Insertion, directory: Path) -> list[str]:
    site, problems = read([found.file], instead={found.file: found.text})
    assert not [one for one in problems if one.severity == "error"], problems
    return [entry.name for entry in site.hosts]


GROUPS = st.recursive(
    st.sampled_from([None, {}, {"hosts": None}, {"hosts": {"a1": None}}, {"hosts": {"b1": {"x": [1, 2]}, "b2": {}}},
                     {"vars": {"y": "a\nb\n"}}]),
    lambda below: st.dictionaries(st.sampled_from(["g1", "g2", "g3"]), below, max_size=3).map(
        lambda children: {"children": children, "vars": {"z": {"k": "v"}}}
    ),
    max_leaves=6,
)  # fmt: skip


@given(body=GROUPS, indent=st.integers(2, 5), after=st.sampled_from(["", "# end\n", "rack_c:\n"]))
def test_what_is_read_is_what_was_there_and_the_host(
    body: object, indent: int, after: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """As PyYAML writes inventories: whatever the place, everything else has the same value before and after."""
    text = yaml.safe_dump({"all": {"children": {"rack_b": body}}}, indent=indent, sort_keys=False) + after
    found = inserted(text, tmp_path_factory.mktemp("site"))
    if isinstance(found, NoPlace):
        assert "{" in text
        return
    before, now = yaml.safe_load(text), yaml.safe_load(found.text)
    group = now["all"]["children"]["rack_b"]
    assert group["hosts"].pop("n9") == {"node_mac": "m", "node_network": [{"a": "b"}]}
    if not group["hosts"]:
        del group["hosts"]
    was = before["all"]["children"]["rack_b"] or {}
    if not was.get("hosts"):
        was.pop("hosts", None)
    assert group == was
