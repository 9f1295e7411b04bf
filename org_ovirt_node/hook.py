# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook of the add-on: its arguments, and a kickstart's scripts with it behind them.

The hook itself is data/post-scripts/85-ovirt-node.ks, which runs imgbase.py. Nothing here needs Anaconda.
"""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Optional

from pykickstart import version
from pykickstart.base import KickstartHandler
from pykickstart.errors import KickstartError
from pykickstart.parser import KickstartParser
from pykickstart.sections import Section

from org_ovirt_node import layout, section
from org_ovirt_node.programs import imgbase

# The hook reads it. A file of /run, so that it does not outlive the installer.
ORDER = "/run/anaconda/ovirt-node-hook"
# The storage commands of a node layout that the add-on has made; the hook writes them into the installed system's
# anaconda-ks.cfg.
COMMANDS = "/run/anaconda/ovirt-node-storage.ks"
# Where EL 9's Anaconda looks for scripts that run after the kickstart's own.
SCRIPT = "/usr/share/anaconda/post-scripts/85-ovirt-node.ks"
# What Anaconda's startup_utils.py, find_kickstart, looks for, in this order, unless its command line names another.
KICKSTARTS = ("/run/install/ks.cfg", "/usr/share/anaconda/interactive-defaults.ks")
INCLUDE = f"%include {SCRIPT}"

# Those that Anaconda's module Runtime runs; %pre has run before its modules read anything.
KEPT = ("%pre-install", "%post", "%onerror", "%traceback")
# With KEPT all that Anaconda's Boss knows, and no other: inside a script, an unknown one is just a line of it.
SKIPPED = ("%pre", "%packages", "%addon", "%certificate")
# Runtime adds what it reads of these to what it has, so it must not read them again.
ADDED_UP = ("driverdisk ", "sshpw ")


def order(demanded: section.Section) -> str:
    """What the hook shall do: a word, and for `run` the arguments of imgbase.py, one in a line."""
    words = ("run", *imgbase.options(_demands(demanded))) if demanded.imgbase else ("skip",)
    return "".join(f"{word}\n" for word in words)


def _demands(demanded: section.Section) -> imgbase.Wanted:
    # Where errors in the layout are only told, what imgbase itself cannot do without is left.
    volumes = sorted(layout.policy_sizes(demanded.request())) if demanded.findings == section.STOP else ()
    return imgbase.Wanted(demanded.layout, tuple(volumes), layout.BOOT_SPACE_MIN, layout.METADATA_SIZE)


@dataclass(frozen=True)
class Script:
    """A script of a kickstart: the words of its first line, its lines as they are, and where it begins."""

    header: tuple[str, ...]
    lines: tuple[str, ...]
    line: int


class Scripts(NamedTuple):
    """The scripts of a kickstart in their order, or why they cannot be known."""

    scripts: tuple[Script, ...]
    problem: Optional[str] = None


def named_kickstart(arguments: Sequence[str], kernel_arguments: Sequence[str]) -> Optional[str]:
    """The kickstart that Anaconda's command line names, or the kernel's; None where neither does.

    As Anaconda's argument_parsing.py: `--kickstart PATH` and inst.kickstart=PATH, `--ks` and inst.ks= for the one that
    the initramfs has fetched. The program's arguments win over the kernel's, the last over those before. As there,
    options may be shortened while they are unambiguous.
    """
    named = None
    words = [f"--{word[5:]}" for word in kernel_arguments if word.startswith("inst.")] + list(arguments)
    for word, following in zip(words, [*words[1:], ""]):
        option, is_whole, value = word.partition("=")
        if option == "--ks":
            named = KICKSTARTS[0]
        elif len(option) > len("--k") and "--kickstart".startswith(option):
            named = (value if is_whole else following) or named
    return named


def find_kickstart(named: Optional[str] = None, places: Sequence[str] = KICKSTARTS) -> Optional[str]:
    """The kickstart that Anaconda has read; None without any."""
    return named or next((path for path in places if os.path.exists(path)), None)


def read_scripts(path: str) -> Scripts:
    """The scripts of a kickstart and of what it includes, as Anaconda's Boss has found them."""
    scripts: list[Script] = []
    try:
        _Parser(scripts).readKickstart(path)
    # pykickstart lets pass what shlex says about quotes, and the decoder about bytes
    except (KickstartError, OSError, ValueError) as error:
        return Scripts((), f"{path} cannot be read again: {' '.join(str(error).split())}")
    return Scripts(tuple(scripts))


def includes_hook(path: str) -> bool:
    """Whether a kickstart brings the hook along by itself."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return any(line.split() == INCLUDE.split() for line in file)
    except OSError:
        return False


def runtime_kickstart(commands: str, scripts: Sequence[Script], hook: str) -> str:
    """What Runtime shall read: the scripts, the hook behind them, and the commands that Runtime has written.

    A script keeps its line if there is space, so that the line that Anaconda reports when it fails is right.
    """
    text = ""
    for script in scripts:
        text += "\n" * (script.line - 1 - _count(text)) + "".join((shlex.join(script.header), "\n", *script.lines))
        text += "%end\n" if text.endswith("\n") else "\n%end\n"
    kept = [line for line in commands.splitlines() if not line.startswith(ADDED_UP)]
    return "\n".join((text + hook, *kept, ""))


def _count(text: str) -> int:
    return len(text.splitlines())


class _Handler(KickstartHandler):  # type: ignore[misc]
    version = version.DEVEL  # any in which a section ends with %end


class _ScriptSection(Section):  # type: ignore[misc]
    """Keeps a section as it is: with options and lines that this pykickstart need not know."""

    allLines = True

    def __init__(self, handler: _Handler, name: str, scripts: list[Script]) -> None:
        self.sectionOpen = name
        super().__init__(handler)
        self._scripts = scripts
        self._header: tuple[str, ...] = ()
        self._lines: list[str] = []
        self._line = 0

    def handleHeader(self, lineno: int, args: list[str]) -> None:
        self._header, self._lines, self._line = tuple(args), [], lineno

    def handleLine(self, line: str) -> None:
        self._lines.append(line)

    def finalize(self) -> None:
        self._scripts.append(Script(self._header, tuple(self._lines), self._line))


class _Parser(KickstartParser):  # type: ignore[misc]
    """Follows %include, and does nothing but collect scripts."""

    def __init__(self, scripts: list[Script]) -> None:
        self._scripts = scripts
        super().__init__(_Handler())

    def setupSections(self) -> None:
        self._sections: dict[str, Section] = {}
        for name in (*KEPT, *SKIPPED):
            self.registerSection(_ScriptSection(self.handler, name, self._scripts if name in KEPT else []))

    def handleCommand(self, lineno: int, args: list[str]) -> None:
        pass
