# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the pictures of docs/pictures/ that show text: what ksgen prints on a terminal, and the text mode's spoke.

docs/pictures.py            write them
docs/pictures.py --check    say which are out of date, and exit 1 if any is

The pictures of the graphical spoke need Anaconda's own code: tests/gui/test_spokes.py, --write-goldens.
"""

from __future__ import annotations

import html
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.containers import Lines
from rich.text import Text

DOCS = Path(__file__).resolve().parent
PICTURES = DOCS / "pictures"
SCREENS = DOCS.parent / "tests" / "data" / "spokes" / "good.txt"
WIDTH = 120  # columns


def plan() -> str:
    """`ksgen plan` of the inventory in README.md."""
    return _on_a_terminal(_inventory(), "plan", "hosts.yaml")


def error() -> str:
    """`ksgen` with a disk that is too small."""
    return _on_a_terminal(_inventory().replace("480 GB", "43 GB"), "hosts.yaml")


def text_spoke() -> str:
    """The spoke in text mode, as the tests keep it."""
    screens = re.split(r"(?:^=+\n)+", SCREENS.read_text(), flags=re.MULTILINE)
    (spoke,) = (screen for screen in screens if screen.startswith("oVirt Node"))
    return spoke.rstrip("\n")


TEXTS: dict[str, tuple[str, Callable[[], str]]] = {
    "plan.svg": ("ksgen plan hosts.yaml", plan),
    "error.svg": ("ksgen hosts.yaml", error),
    "text-spoke.svg": ("Anaconda, text mode", text_spoke),
}


def drawn(name: str) -> str:
    """The picture as the program prints it today."""
    title, text = TEXTS[name]
    lines = [piece for line in Text.from_ansi(text()).split("\n") for piece in _wrapped(line)]
    width = max(line.cell_len for line in lines)
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text("\n").join(lines))
    svg = console.export_svg(title=title, unique_id=name.removesuffix(".svg"))
    # Some programs strip spaces at the beginning of a text unless they are told not to.
    svg = svg.replace("<text ", '<text xml:space="preserve" ')
    # No font from another server: the reader's own monospace font does.
    return re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)


def _wrapped(line: Text) -> Lines | list[Text]:
    """A line as a terminal shows it."""
    return line.divide(range(WIDTH, len(line), WIDTH)) if len(line) > WIDTH else [line]


def words(svg: str) -> list[str]:
    """The lines of text in a picture. How they are drawn differs between versions of rich."""
    lines: dict[float, str] = {}
    for place, text in re.findall(r'<text [^>]*\by="([\d.]+)"[^>]*>(.*?)</text>', svg):
        lines[float(place)] = lines.get(float(place), "") + html.unescape(text).replace("\xa0", " ")
    return [line.rstrip() for _, line in sorted(lines.items())]


def is_current(name: str) -> bool:
    return words(drawn(name)) == words((PICTURES / name).read_text())


def _inventory() -> str:
    """The inventory in README.md."""
    (text,) = re.findall(r"^```yaml\n(all:.*?)^```$", (DOCS.parent / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    return str(text)


def _on_a_terminal(inventory: str, *arguments: str) -> str:
    """What ksgen prints on a terminal, with its colours."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "hosts.yaml").write_text(inventory)
        environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "PYTHONPATH")}
        environment |= {"TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LC_ALL": "C.UTF-8"}
        leader, follower = os.openpty()
        command = [sys.executable, "-m", "ksgen", *arguments]
        process = subprocess.Popen(command, cwd=name, stdin=follower, stdout=follower, stderr=follower, env=environment)
        os.close(follower)
        output = b""
        while chunk := _read(leader):
            output += chunk
        process.wait()
        os.close(leader)
    return output.decode().replace("\r\n", "\n").strip("\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the last process that had it open has ended
        return b""


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        outdated = [name for name in TEXTS if not is_current(name)]
        sys.exit(f"{', '.join(outdated)}: out of date: run make pictures" if outdated else None)
    PICTURES.mkdir(exist_ok=True)
    for name in TEXTS:
        (PICTURES / name).write_text(drawn(name))
