# SPDX-License-Identifier: GPL-2.0-or-later
"""The texts of the add-on: all in the catalogue, and looked up at each call."""

from __future__ import annotations

import ast
import gettext
import io
import re
import string
import subprocess
import sys
from pathlib import Path

import extract_texts
import pytest
from extract_texts import FUNCTIONS, PACKAGE

from ksgen.addon import catalogues
from org_ovirt_node import presentation
from org_ovirt_node.layout import Request, describe, findings, plan
from org_ovirt_node.presentation import layout_names


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


def test_language_is_that_of_the_moment(tmp_path: Path) -> None:
    """Anaconda's modules start before the language is chosen."""
    for language, text in (("cs", "Chyba"), ("de", "Fehler")):
        place = tmp_path / language / "LC_MESSAGES"
        place.mkdir(parents=True)
        (place / "org_ovirt_node.mo").write_bytes(
            catalogues.compiled({"": "Content-Type: text/plain; charset=UTF-8\n", "Error": text})
        )
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


# --- translations ----------------------------------------------------------------------------------------------------

LANGUAGES = [path.stem for path in sorted((PACKAGE / "po").glob("*.po"))]


def translations(language: str) -> dict[str, str]:
    return catalogues.read((PACKAGE / "po" / f"{language}.po").read_text(encoding="utf-8"))


def fields(text: str) -> list[str]:
    """What is filled in."""
    return sorted(f"{name}!{conversion}" for _, name, _, conversion in string.Formatter().parse(text) if name)


def test_there_is_german() -> None:
    assert "de" in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_no_other(language: str) -> None:
    """To add what is missing: copy the entries from the .pot."""
    translated = translations(language)
    assert f"Language: {language}\n" in translated.pop("")
    assert set(translated) == set(extract_texts.texts())
    assert [text for text, words in translated.items() if not words] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_keep_what_is_filled_in_and_what_is_typed(language: str) -> None:
    for text, words in list(translations(language).items())[1:]:
        assert fields(words) == fields(text), text
        assert words.count("_") == text.count("_"), text
        # options, commands, and what is not to be translated
        typed = re.compile(r"`[^`]*`|--[a-z-]+\S*|/[a-z/]+|\bdefaults,discard\b")
        assert sorted(typed.findall(words)) == sorted(typed.findall(text)), text
        # sentences end, and parts of one do not
        assert words.endswith(".") == (text.endswith(".") and not text.endswith("...")), text


@pytest.mark.parametrize("language", ["", *LANGUAGES])
def test_each_key_of_the_graphical_spoke_has_one_use(language: str) -> None:
    """Alt with the letter behind an underscore. Anaconda's own button is Done; the layouts have their own names."""
    translated = translations(language) if language else {}
    glade = extract_texts._of_glade(PACKAGE / "gui" / "spokes" / "node_layout.glade")
    labels = [translated.get(text, text) for text in glade if "_" in text]
    labels += ["_" + translated.get("Erase {disks}", "Erase {disks}"), *(f"_{name}" for name in layout_names())]
    letters = [label[label.index("_") + 1].lower() for label in labels]
    assert len(letters) > 8
    assert len(set(letters)) == len(letters), labels
    assert "d" not in letters


@pytest.mark.parametrize("language", LANGUAGES)
def test_gettext_reads_what_is_compiled(language: str) -> None:
    translated = translations(language)
    read = gettext.GNUTranslations(io.BytesIO(catalogues.compiled(translated)))
    assert {text: read.gettext(text) for text in translated} == translated


def test_catalogues_are_read_as_they_are_written() -> None:
    text = r"""# note
msgid ""
msgstr "A: b\n"

#, flag
msgid "one "
"\"two\""
msgstr ""
"eins"

msgid "x"
msgstr ""
"""
    read = {"": "A: b\n", 'one "two"': "eins", "x": ""}
    assert catalogues.read(text) == read
    translated = gettext.GNUTranslations(io.BytesIO(catalogues.compiled(read)))
    assert [translated.gettext(each) for each in ('one "two"', "x")] == ["eins", "x"]
