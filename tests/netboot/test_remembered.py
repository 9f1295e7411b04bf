# SPDX-License-Identifier: GPL-2.0-or-later
"""What a run remembers for the next: everything that shapes the published tree."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from ksgen.netboot import NONE, REMEMBERED_FILE, Remembered, remembered

B, HOSTS = Path("/b"), Path("/srv/hosts.yaml")
TREES = {"el9": Path("/srv/el9")}
TLS = (Path("/etc/pki/pxe.crt"), Path("/etc/pki/pxe.key"))
FULL = Remembered(
    (HOSTS, Path("/srv/more")), Path("/srv/own"), TREES, Path("/srv/images"), Path("/var/lib/nodes"), *TLS
)


def combined(before: Remembered, **named: Any) -> Remembered:
    given = {"inventories": before.inventories, "templates": None, "trees": {}, "images": None, "run": None, **named}
    return remembered.combined(before, **given)


def test_what_was_named_once_need_not_be_named_again(tmp_path: Path) -> None:
    for known in (FULL, Remembered(), dataclasses.replace(FULL, run=None, images=None)):
        (tmp_path / REMEMBERED_FILE).write_text(remembered.remembered_text(known))
        assert remembered.read_remembered(tmp_path) == known
        assert combined(known) == known
    assert remembered.read_remembered(tmp_path / "nothing") == Remembered()


@pytest.mark.parametrize(
    ("named", "changed", "words"),
    [
        pytest.param({"templates": B}, {"templates": B}, "--templates changes from /srv/own to /b", id="templates"),
        pytest.param(
            {"templates": NONE},
            {"templates": None},
            "--templates changes from /srv/own to none",
            id="no-templates",
        ),
        pytest.param({"images": B}, {"images": B}, "--images changes from /srv/images to /b", id="images"),
        pytest.param({"images": NONE}, {"images": None}, "--images changes from /srv/images to none", id="no-images"),
        pytest.param({"trees": {"el9": B}}, {"trees": {"el9": B}}, "--tree el9 changes from /srv/el9 to /b", id="tree"),
        pytest.param({"trees": {"el9": NONE}}, {"trees": {}}, "--tree el9 changes from /srv/el9 to none", id="no-tree"),
        pytest.param({"trees": {"el10": B}}, {"trees": {**TREES, "el10": B}}, None, id="another-tree"),
        pytest.param({"run": B}, {"run": B}, "--run changes from /var/lib/nodes to /b", id="run"),
        pytest.param(
            {"certificate": B},
            {"certificate": B},
            "--certificate changes from /etc/pki/pxe.crt to /b",
            id="certificate",
        ),
        pytest.param({"key": B}, {"key": B}, "--key changes from /etc/pki/pxe.key to /b", id="key"),
        pytest.param(
            {"inventories": [HOSTS]},
            {"inventories": (HOSTS,)},
            "the inventory changes from /srv/hosts.yaml, /srv/more to /srv/hosts.yaml",
            id="inventories",
        ),
        pytest.param(
            {"inventories": []},
            {"inventories": ()},
            "the inventory changes from /srv/hosts.yaml, /srv/more to standard input",
            id="stdin",
        ),
        pytest.param({}, {}, None, id="nothing"),
    ],
)
def test_what_is_named_now_counts_and_a_change_is_said(
    named: dict[str, Any], changed: dict[str, Any], words: str | None
) -> None:
    now = combined(FULL, **named)
    assert now == dataclasses.replace(FULL, **changed)
    assert remembered.differences(FULL, now) == ([words] if words else [])


def test_a_certificate_goes_with_its_key() -> None:
    without = dataclasses.replace(FULL, certificate=None, key=None)
    assert combined(FULL, certificate=NONE) == without
    assert combined(without, certificate=TLS[0], key=TLS[1]) == FULL
    assert not combined(without, certificate=TLS[0]).is_complete
    assert not combined(without, key=TLS[1]).is_complete
    assert FULL.is_complete
    assert without.is_complete


def test_what_is_named_for_the_first_time() -> None:
    assert remembered.differences(Remembered(), FULL) == []
    published = Remembered((HOSTS,))
    now = dataclasses.replace(published, templates=Path("/srv/own"))
    assert remembered.differences(published, now) == ["--templates changes from none to /srv/own"]


def test_paths_are_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [Path(name) for name in ("hosts.yaml", "own", "el9", "images", "run")]
    known = remembered.combined(Remembered(), paths[:1], paths[1], {"el9": paths[2]}, paths[3], paths[4])
    found = (*known.inventories, known.templates, known.trees["el9"], known.images, known.run)
    assert found == tuple(tmp_path / path for path in paths)


def test_the_file_of_an_older_ksgen(tmp_path: Path) -> None:
    (tmp_path / REMEMBERED_FILE).write_text('{"version": 1, "trees": {"el9": "/srv/el9"}, "images": null, "run": "/r"}')
    assert remembered.read_remembered(tmp_path) == Remembered(trees=TREES, run=Path("/r"))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"version": 4}, id="newer"),
        pytest.param({"trees": []}, id="trees"),
        pytest.param({"trees": {"el9": 9}}, id="path"),
        pytest.param({"run": 5}, id="run"),
        pytest.param({"key": 5}, id="key"),
        pytest.param({"templates": []}, id="templates"),
        pytest.param({"inventories": 5}, id="inventories"),
    ],
)
def test_a_strange_file_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / REMEMBERED_FILE).write_text(json.dumps({**json.loads(remembered.remembered_text(FULL)), **change}))
    _refused(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "5", "{", "\xff", "[" * 100_000], ids=range(6))
def test_no_json_or_another_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / REMEMBERED_FILE).write_bytes(text.encode("latin-1"))
    _refused(tmp_path)


def _refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^is not in ksgen's format; remove it, and specify the options again$"):
        remembered.read_remembered(tmp_path)
