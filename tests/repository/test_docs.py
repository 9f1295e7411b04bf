# SPDX-License-Identifier: GPL-2.0-or-later
"""Documents that cannot rot: generated parts are current, examples are read, every problem code is listed."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import indexed_png
import pytest
from inventories import PASSWORD_HASH, inventory_text, read_text

from ksgen.problems import ALL
from ksgen.variables import Settings
from org_ovirt_node.layout import findings

CHECKOUT = Path(__file__).resolve().parents[2]
DOCS = CHECKOUT / "docs"
sys.path.insert(0, str(DOCS))

import generate  # noqa: E402
import manpage  # noqa: E402
import pictures  # noqa: E402
import plots  # noqa: E402


def test_manual_page_is_current() -> None:
    assert manpage.page() == manpage.PAGE.read_text(), "run make man"


@pytest.mark.parametrize(
    ("text", "roff"),
    [
        pytest.param(".br", "\\&.br", id="dot"),
        pytest.param("'br", "\\(aqbr", id="quote"),
        pytest.param("a-b \\fB", "a\\-b \\(rsfB", id="marks"),
    ],
)
def test_text_is_no_command_to_roff(text: str, roff: str) -> None:
    assert manpage.roff(text) == roff


@pytest.mark.parametrize("name", pictures.TEXTS)
def test_picture_shows_what_is_printed_today(name: str) -> None:
    assert pictures.is_current(name), "run make pictures"


def test_every_picture_is_shown() -> None:
    shown = set(re.findall(r"\]\(docs/pictures/([^)]+)\)", (CHECKOUT / "README.md").read_text()))
    spokes = set(re.findall(r"\]\(pictures/([^)]+)\)", (DOCS / "addon.md").read_text()))
    plotted = set(re.findall(r"\]\(pictures/([^)]+)\)", (DOCS / "performance.md").read_text()))
    board = set(re.findall(r"\]\(pictures/([^)]+)\)", (DOCS / "deployment.md").read_text()))
    assert shown == {*pictures.TEXTS, "spoke-proposal-el9.png", "board.png"}
    assert plotted == {*plots.PLOTS}
    assert shown | spokes | plotted | board == {path.name for path in pictures.PICTURES.iterdir()}


@pytest.mark.parametrize("path", sorted(pictures.PICTURES.glob("spoke-*.png")), ids=lambda path: path.stem)
def test_picture_of_the_spoke_is_of_its_words(path: Path) -> None:
    """A picture is taken with the words that the tests compare, and keeps them."""
    taken = path.read_bytes()
    said = CHECKOUT / "tests" / "data" / "spokes" / f"{path.stem.removeprefix('spoke-')}.txt"
    assert indexed_png.text_of(taken) == said.read_text(), "run make pictures"
    assert indexed_png.size_of(taken) == (1024, 768)
    assert len(taken) < 60_000


@pytest.mark.parametrize("name", plots.PLOTS)
def test_plots_show_what_was_measured(name: str) -> None:
    assert plots.PLOTS[name]() == (plots.PICTURES / name).read_text(), "run docs/plots.py"


def test_paths_in_contributing_exist() -> None:
    text = (CHECKOUT / "CONTRIBUTING.md").read_text()
    paths = {path.rstrip(".") for path in re.findall(r"(?<![\w./-])\w[\w.-]*/[\w./*-]+", text) if "NAME" not in path}
    assert len(paths) > 25
    assert [path for path in sorted(paths) if not list(CHECKOUT.glob(path))] == []


@pytest.mark.parametrize("name", generate.PARTS)
def test_generated_parts_are_current(name: str) -> None:
    assert generate.renewed(name) == (DOCS / name).read_text(), "run docs/generate.py"


def test_every_variable_is_in_one_group_with_an_example() -> None:
    grouped = [name for names in generate.GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(Settings.model_fields)
    assert set(generate.EXAMPLES) == set(Settings.model_fields)
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize("name", generate.EXAMPLES)
def test_examples_of_variables_are_read(name: str, tmp_path: Path) -> None:
    changes = {f"node_{name}": generate.EXAMPLES[name].replace(generate.HASH[:24] + "…", PASSWORD_HASH)}
    if name == "volumes":
        changes["node_disk"] = generate.EXAMPLES["disk"]
    if name == "raid":
        changes["node_disk"] = '[{wwn: "0x5000000000000001"}, {wwn: "0x5000000000000002"}]'
    (host,), problems = read_text(inventory_text(**changes), tmp_path)
    assert not [problem for problem in problems if problem.severity == "error"]
    # swap that is left to Anaconda has no size
    assert name == "swap_size" or getattr(host.settings, name) is not None


@pytest.mark.parametrize("document", ["README.md", "docs/inventory.md"])
def test_inventories_in_documents_are_read(document: str, tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(all:\n.*?)```", (CHECKOUT / document).read_text(), re.DOTALL)
    assert blocks
    for block in blocks:
        hosts, problems = read_text(block, tmp_path)
        assert hosts
        assert problems == []


def test_every_layout_code_is_listed() -> None:
    """Those of ksgen are checked whenever a problem is made."""
    assert set(findings._WORDS) <= ALL


def test_no_code_is_listed_that_nothing_says() -> None:
    sources = [*(CHECKOUT / "ksgen").rglob("*.py"), *(CHECKOUT / "org_ovirt_node").rglob("*.py")]
    text = "\n".join(path.read_text() for path in sources if path.stem != "codes")
    # codes of two hosts are put together from what they both have
    assert [code for code in ALL if f'"{code}"' not in text and not code.endswith("-of-two-hosts")] == []
