# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion and help in inventories that are whole or half typed. `|` is the cursor."""

from __future__ import annotations

from pathlib import Path

import pytest

from ksgen.lsp import inventories
from ksgen.lsp.offers import Cursor
from ksgen.variables import Settings

CHECKOUT = Path(__file__).resolve().parents[2]
ALL = {f"node_{name}" for name in Settings.model_fields}


def cursor(text: str) -> Cursor:
    before, _, after = text.partition("|")
    return Cursor((before + after).split("\n"), before.count("\n"), len(before.rpartition("\n")[2]))


def offered(text: str) -> set[str]:
    return {offer.word for offer in inventories.offers(cursor(text))}


HOST = "all:\n  hosts:\n    node01.example.com:\n"
OFFERED = [
    pytest.param("all:\n  vars:\n    |", ALL, id="vars"),
    pytest.param("all:\n  vars:\n    node_ti|", ALL, id="half-a-name"),
    pytest.param("all:\n  vars:\n    node_release: el9\n    |", ALL, id="second"),
    pytest.param(HOST + "      |", ALL, id="host"),
    pytest.param("|", ALL, id="file-of-variables"),
    pytest.param("node_vg: onn\nno|", ALL, id="file-of-variables-second"),
    pytest.param("all:\n  hosts:\n    |", set(), id="name-of-a-host"),
    pytest.param("all:\n  children:\n    ra|", set(), id="name-of-a-group"),
    pytest.param("node_release: |", {"el9", "el10"}, id="words"),
    pytest.param("node_multipath: t|", {"true", "false"}, id="true-or-false"),
    pytest.param(HOST + "      node_firmware: |", {"uefi", "bios"}, id="words-of-a-host"),
    pytest.param("node_timezone: |", set(), id="any-value"),
    pytest.param("node_vg: onn  # no|", set(), id="comment"),
    pytest.param("other: |", set(), id="variable-of-another"),
]


@pytest.mark.parametrize(("text", "expected"), OFFERED)
def test_completion(text: str, expected: set[str]) -> None:
    assert offered(text) == expected


INSIDE = [
    pytest.param("node_disk:\n  |", {"wwn", "serial", "size"}, id="mapping"),
    pytest.param("node_disk:\n  wwn: x\n  si|", {"wwn", "serial", "size"}, id="second"),
    pytest.param("node_disk:\n  - |", {"wwn", "serial", "size"}, id="item"),
    pytest.param("node_disk:\n  - wwn: x\n    |", {"wwn", "serial", "size"}, id="second-of-an-item"),
    pytest.param(HOST + "      node_network:\n        - name: eno1\n          ip|", {"ipv4", "gateway4"}, id="nested"),
    pytest.param("node_network:\n- name: bond0\n  bond:\n    |", {"members", "mode"}, id="twice"),
    pytest.param("node_users:\n- |", {"name", "groups"}, id="item-at-the-same-indentation"),
]


@pytest.mark.parametrize(("text", "some"), INSIDE)
def test_keys_of_a_variable(text: str, some: set[str]) -> None:
    found = offered(text)
    assert some <= found
    assert not found & ALL


def test_what_is_put_into_the_text() -> None:
    (offer,) = (o for o in inventories.offers(cursor("node_rel|")) if o.word == "node_release")
    assert (offer.text, offer.role) == ("node_release: ", "variable")
    assert "one of: `el9` `el10`" in offer.help


HELP = [
    pytest.param("node_time|zone: Europe/Vienna", "**node_timezone**\n\nThe time zone.\n\ndefault: `", id="name"),
    pytest.param(HOST + "      node_dis|k: {wwn: x}", "**node_disk**\n\nThe disk", id="of-a-host"),
    pytest.param("node_disk:\n  ww|n: x", "**wwn**", id="key-of-a-variable"),
    pytest.param("x: '{{ node_v|g }}'", "**node_vg**", id="in-an-expression"),
    pytest.param("node_ex|porter_version: 1", None, id="variable-of-another"),
    pytest.param("all:\n  ho|sts:", None, id="group"),
    pytest.param("|", None, id="nothing"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), HELP)
def test_help(text: str, expected: str | None) -> None:
    found = inventories.help_at(cursor(text))
    assert (found or "").startswith(expected) if expected else found is None


def test_every_variable_has_help() -> None:
    for name in ALL:
        description = Settings.model_fields[name.removeprefix("node_")].description
        assert (inventories.help_at(cursor(f"{name[:3]}|{name[3:]}: ")) or "").startswith(
            f"**{name}**\n\n{description}"
        )


@pytest.mark.parametrize("path", sorted((CHECKOUT / "examples").rglob("*.yaml")), ids=lambda path: path.name)
def test_every_place_of_a_half_typed_inventory_has_an_answer(path: Path) -> None:
    text = path.read_text()[:6000]
    for end in range(0, len(text), 11):
        here = cursor(text[:end] + "|")
        list(inventories.offers(here))
        inventories.help_at(here)
