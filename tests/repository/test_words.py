# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages, docstrings and documents do not use the words that docs/glossary.md replaces by standard terms."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GLOSSARY = ROOT / "docs/glossary.md"
TABLE = "<!-- words -->"
ACCOUNT = "nobody"  # the account, in a list of accounts


def words() -> list[str]:
    """The left column of the last table of the glossary."""
    _, _, table = GLOSSARY.read_text().partition(TABLE)
    cells = [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")]
    return [word for cell in cells[1:] for word in cell.split(", ")]


def pattern(replaced: list[str]) -> re.Pattern[str]:
    """Whole words, over line ends; not as a part of a code such as `nobody-can-log-in`."""
    either = "|".join(r"\s+".join(map(re.escape, word.split())) for word in replaced)
    return re.compile(rf"(?<![\w-])(?:{either})(?![\w-])", re.IGNORECASE)


def strings(source: str) -> Iterator[tuple[int, str]]:
    """The string constants of a module with their lines, docstrings and the texts of f-strings among them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def paragraphs(text: str) -> Iterator[tuple[int, str]]:
    """The text of a document with the lines at which its paragraphs begin; without the glossary's table of words."""
    number = 1
    for paragraph in text.partition(TABLE)[0].split("\n\n"):
        yield number, paragraph
        number += paragraph.count("\n") + 2


def texts() -> Iterator[tuple[str, int, str]]:
    for directory in ("ksgen", "org_ovirt_node"):
        for path in sorted((ROOT / directory).rglob("*.py")):
            yield from ((f"{path.relative_to(ROOT)}", line, text) for line, text in strings(path.read_text()))
    for path in (*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"):
        yield from ((f"{path.relative_to(ROOT)}", line, text) for line, text in paragraphs(path.read_text()))


def test_texts_use_the_standard_terms() -> None:
    replaced = pattern(words())
    found = [
        f"{name}:{line + text.count(chr(10), 0, match.start())}: {match.group()!r}"
        for name, line, text in texts()
        for match in replaced.finditer(text)
        if text != ACCOUNT
    ]
    assert found == [], "docs/glossary.md, Words, has what to write"


@pytest.mark.parametrize("text", ["Nobody can", "lies\n    in it", "no (card)", "whoever's"])
def test_a_word_is_found(text: str) -> None:
    assert pattern(["nobody", "lies in", "card", "whoever"]).search(text)


@pytest.mark.parametrize("text", ["nobody-can-log-in", "discard", "cardinal", "replies in"])
def test_a_part_of_a_word_is_not_found(text: str) -> None:
    assert not pattern(["nobody", "lies in", "card", "whoever"]).search(text)


def test_the_glossary_has_the_words() -> None:
    assert {"nobody", "card", "lies in"} <= set(words())
