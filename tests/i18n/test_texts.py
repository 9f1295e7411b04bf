# SPDX-License-Identifier: GPL-2.0-or-later
"""The texts of the add-on: all in the catalogue, and looked up at each call."""

from __future__ import annotations

import ast
import struct
import subprocess
import sys
from pathlib import Path

import extract_texts
import pytest
from extract_texts import FUNCTIONS, PACKAGE

from org_ovirt_node import presentation
from org_ovirt_node.layout import Request, describe, findings, plan


def test_catalogue_has_all_texts() -> None:
    """To write it anew: .venv/bin/python tests/support/extract_texts.py"""
    assert extract_texts.CATALOGUE.read_text() == extract_texts.catalogue()


def test_words_of_findings_are_in_the_catalogue() -> None:
    """All that describe() looks up, seen by what it asks for."""
    asked: list[str] = []

    def note(text: str) -> str:
        asked.append(text)
        return text

    for name in ("standard", "minimal"):
        for finding in plan(Request(layout=name, disks=(8 * 2**30,))).findings:
            describe(finding, note)
    assert len(asked) > 10
    assert set(asked) <= set(extract_texts.texts())
    assert {text for words in findings._WORDS.values() for text in words if text} <= set(extract_texts.texts())


def test_words_of_the_spokes_are_in_the_catalogue() -> None:
    asked: list[str] = []

    def note(text: str) -> str:
        asked.append(text)
        return text

    planned = plan(Request(disks=(250 * 2**30,)))
    view = presentation.View(planned.devices, (presentation.Problem("error", "/", "no"),), 3, 2**30)
    presentation.rows(view, note)
    for bar in presentation.bars(view, note):
        presentation.bar_text(bar, note)
    for images in (None, 0, 3):
        held = presentation.View(planned.devices, (), images)
        presentation.capacity_text(held, 2, note)
        presentation.wish_text(held, 2, note)
        presentation.status_text(held, True, note)
    presentation.problem_lines(view.problems[0], 80, note)
    assert len(asked) > 20
    assert set(asked) <= set(extract_texts.texts())


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_texts_are_translated_before_they_are_filled_in(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            assert not isinstance(node.args[0], (ast.JoinedStr, ast.BinOp, ast.Call)), ast.unparse(node)


def catalogue_of(texts: dict[str, str]) -> bytes:
    """A compiled catalogue (gettext's manual, "The Format of GNU MO Files")."""
    pairs = sorted({"": "Content-Type: text/plain; charset=UTF-8\n", **texts}.items())
    start = 28 + 16 * len(pairs)
    index, data = b"", b""
    for text in (text for column in zip(*pairs, strict=True) for text in column):
        index += struct.pack("<II", len(text.encode()), start + len(data))
        data += text.encode() + b"\0"
    return struct.pack("<7I", 0x950412DE, 0, len(pairs), 28, 28 + 8 * len(pairs), 0, 0) + index + data


def test_language_is_that_of_the_moment(tmp_path: Path) -> None:
    """Anaconda's modules start before the language is chosen."""
    for language, text in (("cs", "Chyba"), ("de", "Fehler")):
        place = tmp_path / language / "LC_MESSAGES"
        place.mkdir(parents=True)
        (place / "org_ovirt_node.mo").write_bytes(catalogue_of({"Error": text}))
    program = (
        "import gettext, os; from org_ovirt_node.i18n import _, DOMAIN\n"
        f"gettext.bindtextdomain(DOMAIN, {str(tmp_path)!r})\n"
        "for language in ('cs', 'de', 'C', 'cs'):\n"
        "    os.environ['LANGUAGE'] = language; print(_('Error'), _('Warning'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    assert done.stdout.splitlines() == ["Chyba Warning", "Fehler Warning", "Error Warning", "Chyba Warning"]
