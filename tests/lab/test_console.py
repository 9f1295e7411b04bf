# SPDX-License-Identifier: GPL-2.0-or-later
"""The person at a console, without a machine: what is shown is fed in, what is typed comes back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.console import Console
from lab.text_mode import TextMode

PROMPT = "Please make a selection from the above ['c' to continue, 'q' to quit, 'r' to\nrefresh]: "
HUB = f"1) [x] Language        2) [!] oVirt Node\n                       (No storage)\n{PROMPT}"


class Script:
    """A machine that shows the next piece whenever something is typed."""

    def __init__(self, *pieces: str) -> None:
        self.typed: list[str] = []
        self.console = Console(self._answer, patience=0.01)
        self._pieces = list(pieces)
        self._show()

    def _answer(self, keys: bytes) -> None:
        self.typed.append(keys.decode())
        self._show()

    def _show(self) -> None:
        if self._pieces:
            self.console.add(self._pieces.pop(0).encode())


def test_what_was_found_is_read_once() -> None:
    console = Script("login: root\nlogin: ").console
    assert console.wait_for("login: ", 1).string.startswith("login: root")
    assert console.wait_for("login: ", 1).string == "root\nlogin: "
    with pytest.raises(AssertionError, match="0 s are over, and nothing shown matches 'login: '"):
        console.wait_for("login: ", 1)


def test_an_end_is_known_at_once_and_shows_the_console() -> None:
    console = Script("the kernel panics\n").console
    console.end()
    with pytest.raises(AssertionError, match=r"the machine has ended, and nothing .*\nthe kernel panics\n"):
        console.wait_for("login: ", 3600)


def test_sequences_of_a_terminal_are_left_out_even_in_halves() -> None:
    console = Script("").console
    for piece in (b"\x1b[2", b"J\x1b", b"[1;32mlo", b"gin\x1b(B: \r\n"):
        console.add(piece)
    assert console.wait_for("login: \n", 1)


def test_pages_are_turned_and_lines_chosen_by_their_words() -> None:
    script = Script(
        HUB, "Error: one\n\nPress ENTER to continue: ", f"Error: two\n5) Use the node layout\n{PROMPT}", HUB
    )
    mode = TextMode(script.console)
    mode.read_screen()
    shown = mode.choose("oVirt Node")
    assert "Error: one" in shown
    assert "Error: two" in shown
    assert "Language" not in shown
    mode.choose("Use the node layout")
    assert script.typed == ["2\r", "\r", "5\r"]
    with pytest.raises(AssertionError, match="no line begins with 'Use the node layout' on the screen"):
        mode.choose("Use the node layout")


@pytest.mark.parametrize(
    ("act", "answer"),
    [
        (lambda mode: mode.type("r"), "Traceback (most recent call last):\n"),
        (lambda mode: mode.install(1), f"Please complete all spokes before continuing\n{PROMPT}"),
        (lambda mode: mode.install(1), "The following error occurred while installing.\n"),
    ],
)
def test_a_failure_is_known_at_once(act: Callable[[TextMode], object], answer: str) -> None:
    mode = TextMode(Script(HUB, answer).console)
    mode.read_screen()
    with pytest.raises(AssertionError, match=answer.split(" ")[0]):
        act(mode)


def test_an_installation_ends_with_enter() -> None:
    script = Script(HUB, "Configuring storage\n..\nInstallation complete. Press ENTER to quit: ", "")
    mode = TextMode(script.console)
    mode.read_screen()
    mode.install(1)
    assert script.typed == ["b\r", "\r"]
