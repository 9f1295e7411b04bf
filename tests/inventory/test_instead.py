# SPDX-License-Identifier: GPL-2.0-or-later
"""Texts that stand for files, as an editor has them before they are saved."""

from __future__ import annotations

from pathlib import Path

from ksgen import inventory

HOSTS = "all:\n  hosts:\n    node01:\n      a: 1\n"


def values(site: inventory.Inventory) -> dict[str, object]:
    return {name: variable.node.value for host in site.hosts for name, variable in host.variables.items()}


def test_a_text_stands_for_the_inventory(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(HOSTS)
    site, problems = inventory.read([path], instead={str(path): HOSTS.replace("a: 1", "b: 2")})
    assert (values(site), problems) == ({"b": 2}, [])
    assert site.sources[str(path)] == HOSTS.replace("a: 1", "b: 2")


def test_a_text_stands_for_a_file_of_variables_and_for_one_that_is_not_there(tmp_path: Path) -> None:
    path, variables = tmp_path / "hosts.yaml", tmp_path / "group_vars" / "all.yaml"
    variables.parent.mkdir()
    variables.write_text("c: 3\n")
    texts = {str(path): HOSTS, str(variables): "c: [\n"}
    site, (problem,) = inventory.read([path], instead=texts)
    assert values(site) == {"a": 1}
    assert (problem.mark.file, problem.code) == (str(variables), "yaml-syntax")
