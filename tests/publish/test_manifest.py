# SPDX-License-Identifier: GPL-2.0-or-later
"""manifest.json as text, and what of a damaged one is read."""

from __future__ import annotations

import json

import pytest

from ksgen.publish import manifest
from ksgen.publish.manifest import Entry, Manifest

SUM = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9"
GOOD = Manifest(
    "1.0", {"b.yaml": "1" * 64, "a.yaml": "0" * 64}, {"ks/ö.ks": Entry("a", 1, SUM), "b": Entry(None, 1, SUM)}
)
TEXT = f"""{{
 "format": 1,
 "ksgen": "1.0",
 "sources": {{
  "a.yaml": "{"0" * 64}",
  "b.yaml": "{"1" * 64}"
 }},
 "files": {{
  "b": {{"host": null, "size": 1, "sha256": "{SUM}"}},
  "ks/\\u00f6.ks": {{"host": "a", "size": 1, "sha256": "{SUM}"}}
 }}
}}
"""


def test_text() -> None:
    assert manifest.to_text(GOOD) == TEXT
    assert manifest.from_bytes(TEXT.encode()) == GOOD


def test_places_of_secrets_are_kept_beside_the_file() -> None:
    known = Manifest("1.0", {}, {"a": Entry("a", 1, SUM, ((3, 0, 9), (4, 1, 2)))})
    text = manifest.to_text(known)
    file = f'"host": "a", "size": 1, "sha256": "{SUM}", "secrets": [[3, 0, 9], [4, 1, 2]]'
    assert f'  "a": {{{file}}}' in text
    assert manifest.from_bytes(text.encode()) == known


def test_empty() -> None:
    nothing = Manifest("", {}, {})
    assert manifest.from_bytes(manifest.to_text(nothing).encode()) == nothing


def test_an_entry_is_of_its_content() -> None:
    assert manifest.entry("a", b"0") == Entry("a", 1, SUM)


FILE = {"host": "a", "size": 1, "sha256": SUM}
WHOLE = {"format": 1, "ksgen": "1.0", "sources": {"a.yaml": "0"}, "files": {"a": FILE}}


def without(key: str, of: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in of.items() if name != key}


DAMAGED = [
    *(pytest.param(without(key, WHOLE), id=f"without-{key}") for key in WHOLE),
    *(pytest.param({**WHOLE, "format": value}, id=f"format-{value}") for value in (True, 0, -1, 1.0, "1", None)),
    *(pytest.param({**WHOLE, "ksgen": value}, id=f"ksgen-{value}") for value in (1, None)),
    *(pytest.param({**WHOLE, key: []}, id=f"{key}-a-list") for key in ("sources", "files")),
    pytest.param({**WHOLE, "sources": {"a": "0", "b": 1}}, id="a-source-is-a-number"),
    *(pytest.param({**WHOLE, "files": {"a": FILE, "b": value}}, id=f"file-{value}") for value in (None, [], 1)),
    *(pytest.param({**WHOLE, "files": {"a": FILE, "b": without(key, FILE)}}, id=f"file-without-{key}") for key in FILE),
    pytest.param({**WHOLE, "files": {"a": FILE, "b": {**FILE, "mode": 1}}}, id="file-with-more"),
    *(
        pytest.param({**WHOLE, "files": {"a": FILE, "b": {**FILE, key: value}}}, id=f"{key}-{value}")
        for key, value in (("host", 1), ("size", "1"), ("size", True), ("size", 1.0), ("sha256", None))
    ),
    *(
        pytest.param({**WHOLE, "files": {"a": FILE, "b": {**FILE, "secrets": value}}}, id=f"secrets-{value}")
        for value in (
            None, {}, "abc", 1, [1], ["abc"], [{}], [[]], [[1, 2]], [[1, 2, 3, 4]], [[0, 1, "2"]], [[0, 1, True]],
            [[0, 1, 2.0]], [[-1, 0, 1]], [[0, -1, 1]], [[0, 0, -1]], [[0, 0, 1], None], [{"0": 0, "1": 1, "2": 2}],
        )
    ),
    *(pytest.param(value, id=f"whole-{value}") for value in ([], 1, None, "text")),
]  # fmt: skip


def test_what_the_damages_start_from_is_whole() -> None:
    expected = Manifest("1.0", {"a.yaml": "0"}, {"a": Entry("a", 1, SUM)})
    assert manifest.from_bytes(json.dumps(WHOLE).encode()) == expected


def test_places_of_secrets_begin_with_0() -> None:
    places = [[0, 0, 0], [0, 0, 1]]
    read = manifest.from_bytes(json.dumps({**WHOLE, "files": {"a": {**FILE, "secrets": places}}}).encode())
    assert read == Manifest("1.0", {"a.yaml": "0"}, {"a": Entry("a", 1, SUM, ((0, 0, 0), (0, 0, 1)))})


@pytest.mark.parametrize("data", DAMAGED)
def test_a_damaged_manifest_is_none(data: object) -> None:
    assert manifest.from_bytes(json.dumps(data).encode()) is None


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000], ids=["empty", "half", "not-utf-8", "nested"])
def test_what_is_no_json_is_none(content: bytes) -> None:
    assert manifest.from_bytes(content) is None


@pytest.mark.parametrize("number", [2, 10])
def test_a_newer_format_is_told(number: int) -> None:
    with pytest.raises(manifest.NewerFormat, match=f"^format {number}$"):
        manifest.from_bytes(json.dumps({"format": number}).encode())
