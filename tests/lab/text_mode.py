# SPDX-License-Identifier: GPL-2.0-or-later
"""Anaconda's text mode at a console: a screen is read to its prompt, and a line of it chosen by its words."""

from __future__ import annotations

import re
import time

from lab.console import Console

_PAGE_END = r"Press ENTER to continue: *"
_PROMPT = r"(?:Please make a selection from the above\s+\[[^]]*\]|Please respond '[^']*' or '[^']*'): *"
# What Anaconda shows before it gives up, or asks whether to go on.
_FAILURE = (
    r"An unknown error|The following error|Traceback \(most recent|Installation failed|What do you want to do now"
)
_SCREEN = 90  # seconds for the next screen
_STEP = 3  # seconds between two looks at a hub that is not ready


class TextMode:
    """`shown` is the last screen, all of its pages."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.shown = ""

    def read_screen(self, seconds: float = _SCREEN) -> str:
        """The next screen, leafed through to the prompt."""
        self.shown = ""
        while True:
            found = self._console.wait_for(f"(?P<page>{_PAGE_END})|{_PROMPT}|(?P<failure>{_FAILURE})", seconds)
            self.shown += found.string[: found.start()]
            assert found["failure"] is None, f"{found['failure']} after {self.shown}"
            if found["page"] is None:
                return self.shown
            self._console.type("")

    def type(self, answer: str, seconds: float = _SCREEN) -> str:
        """Answer the prompt, and read the screen that follows."""
        self._console.type(answer)
        return self.read_screen(seconds)

    def choose(self, words: str, seconds: float = _SCREEN) -> str:
        """Choose the line that begins with these words, and read the screen that follows."""
        return self.type(self._number(words), seconds)

    def wait_until(self, pattern: str, seconds: float) -> str:
        """Refresh the screen until it matches."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.shown):
            assert time.monotonic() < end, f"{pattern!r} is still not on the screen:\n{self.shown}"
            time.sleep(_STEP)
            self.type("r")
        return self.shown

    def set_password(self, words: str, password: str) -> str:
        """Choose the line that asks for a password, and type it twice; one that Anaconda calls weak is used anyway."""
        self._console.type(self._number(words))
        for _ in range(2):
            self._console.wait_for(r"Password(?: \(confirm\))?: *", _SCREEN)
            self._console.type(password)
        shown = self.read_screen()
        return self.type("yes") if "Would you like to use it anyway?" in shown else shown

    def install(self, seconds: float) -> None:
        """Begin the installation, wait for its end, and leave."""
        self._console.type("b")
        found = self._console.wait_for(
            f"(?P<done>Installation complete\\. Press ENTER to quit)|{_FAILURE}|{_PROMPT}", seconds
        )
        shown = found.string[: found.end()]
        assert found["done"], f"the installation did not come to its end:\n{shown}"
        self._console.type("")

    def _number(self, words: str) -> str:
        found = re.search(rf"\b(\d+)\) (?:\[.\] )?{re.escape(words)}", self.shown)
        assert found, f"no line begins with {words!r} on the screen:\n{self.shown}"
        return found[1]
