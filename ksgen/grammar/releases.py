# SPDX-License-Identifier: GPL-2.0-or-later
"""pykickstart's grammar of a release, read by one handler that is used again and again.

A fresh handler for each file costs four times as much as reading the file. Reused as it is, one leaks: scripts,
networks, duplicates and conflicts of the file before. So the commands that a file touched are put back as they were.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import re
import shlex
import warnings
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from pykickstart import parser
from pykickstart.base import KickstartCommand
from pykickstart.errors import KickstartError, KickstartParseWarning
from pykickstart.parser import KickstartParser, Packages, Script
from pykickstart.version import makeVersion

from ksgen.grammar import lexer
from ksgen.problems import Finding
from ksgen.targets import VERSIONS

# What is wrong, and in which line, from 1; 0 where pykickstart does not say.
Numbered: TypeAlias = tuple[int, Finding]
# The code of everything that pykickstart says; lint.commands knows others for what it understands of it.
CODE = "kickstart-grammar"


@dataclasses.dataclass(frozen=True)
class Command:
    """A command that the grammar has accepted; `values` are what it means, by pykickstart's names of the release."""

    name: str
    args: tuple[str, ...]
    line: int
    values: Mapping[str, Any]


# In scripts pykickstart acts on lines that begin with one of these (parser.py, _readSection).
SECTIONS = frozenset(
    ("%addon", "%anaconda", "%certificate", "%onerror", "%packages", "%post", "%pre", "%pre-install", "%traceback")
)


class _Parser(KickstartParser):  # type: ignore[misc]
    """Goes on after an error and keeps it, instead of printing it."""

    def __init__(self, handler: Any) -> None:
        super().__init__(handler, followIncludes=False, errorsAreFatal=False)
        self.findings: list[Numbered] = []
        self.noted: list[Numbered] = []
        self.accepted: list[Command] = []
        self.lineno = 0

    def handleCommand(self, lineno: int, args: list[str]) -> Any:
        self.lineno = lineno
        try:
            found = super().handleCommand(lineno, args)
        except KickstartError as error:
            found = self._without_btrfs(lineno, args, error)
        # A copy: the object of a command that can stand once is the handler's, and is put back.
        self.accepted.append(Command(args[0], tuple(args[1:]), lineno, dict(vars(found)) if found else {}))
        return found

    def note(self, message: Warning | str, category: type[Warning], *_where: object) -> None:
        """In the place of warnings.showwarning(): keep a warning with the line of the kickstart that it is about."""
        if issubclass(category, KickstartParseWarning):
            text = " ".join(str(message).split())
            match = re.search(r"line (\d+)", text)
            self.noted.append((int(match.group(1)) if match else self.lineno, Finding(CODE, text, "warning")))

    def _without_btrfs(self, lineno: int, args: list[str], error: KickstartError) -> Any:
        """What a command says beside a btrfs that its release has not: the rest of a layout is checked all the same."""
        supported = _btrfs_replaced(args)
        if supported == args:
            raise error
        found = super().handleCommand(lineno, supported)
        self.findings.append(_finding(error, lineno))
        return found

    def _tryFunc(self, fn: Any) -> None:
        try:
            fn()
        except KickstartError as error:
            self.findings.append(_finding(error, self.lineno))
        except Exception as error:
            # On a value that they did not expect its commands raise whatever Python does.
            self.findings.append((self.lineno, Finding(CODE, _words(error))))


def _btrfs_replaced(args: list[str]) -> list[str]:
    """The words of a storage command with something supported in the place of btrfs."""
    if args[0] not in ("autopart", "logvol", "part", "partition", "raid"):
        return args
    joined = {"--fstype=btrfs": "--fstype=xfs", "--type=btrfs": "--type=thinp"}
    apart = {"--fstype": "xfs", "--type": "thinp"}
    previous = ["", *args]
    return [
        apart[before] if word == "btrfs" and before in apart else joined.get(word, word)
        for before, word in zip(previous, args, strict=False)
    ]


@contextlib.contextmanager
def _faster_lexer() -> Iterator[None]:
    """A third of the time goes into shlex.split, the only function of shlex that the parser calls."""
    parser.shlex = lexer
    try:
        yield
    finally:
        parser.shlex = shlex


class Grammar:
    """The grammar of one release (`el9`, `el10`). Not for several threads: pykickstart has global state."""

    def __init__(self, release: str) -> None:
        self.handler: Any = makeVersion(VERSIONS[release])
        self._parser = _Parser(self.handler)
        self._touched: dict[int, KickstartCommand] = {}
        self._pristine = {
            id(command): {name: copy.copy(value) for name, value in vars(command).items() if name != "handler"}
            for command in self.handler.commands.values()
        }
        self._null_sections = dict(self._parser._sections)
        dispatch = self.handler.dispatcher

        def dispatcher(args: list[str], lineno: int) -> Any:
            command = self.handler.commands.get(args[0])
            if command is not None:
                self._touched[id(command)] = command
            return dispatch(args, lineno)

        self.handler.dispatcher = dispatcher

    def read(self, text: str) -> tuple[Numbered, ...]:
        """Read a kickstart; afterwards, until the next read(), `handler` has what it says."""
        with warnings.catch_warnings():
            warnings.simplefilter("always", KickstartParseWarning)
            note: Any = self._parser.note  # it leaves out where in Python the warning is from
            warnings.showwarning = note
            with _faster_lexer():
                self._read_all(text)
        findings = self._parser.findings + self._parser.noted
        return tuple((line, finding) for line, finding in findings if not self._is_false(finding))

    @property
    def sections(self) -> Mapping[str, Any]:
        """pykickstart's argparse of each section, None of one without."""
        return {
            name: section._getParser() if hasattr(section, "_getParser") else None
            for name, section in self._parser._sections.items()
        }

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands of the text read last that the grammar has accepted, in their order."""
        return tuple(self._parser.accepted)

    def _read_all(self, text: str) -> None:
        """Read a text to its end, without the lines that are none: at those pykickstart stops and says not where."""
        self._restore()
        try:
            self._parser.readKickstartFromString(text)
        except KickstartError as error:
            self._parser.findings.append(_finding(error, self._parser.lineno))
        except (ValueError, IndexError):
            lines = text.splitlines(keepends=True)
            broken = dict(_broken_lines(lines))
            if not broken:
                self._parser.findings.append((self._parser.lineno, Finding(CODE, "pykickstart cannot read on")))
                return
            self._read_all("".join("\n" if n in broken else line for n, line in enumerate(lines, 1)))
            self._parser.findings += [(n, Finding(CODE, message)) for n, message in broken.items()]

    def _restore(self) -> None:
        for command in self._touched.values():
            fresh = {name: copy.copy(value) for name, value in self._pristine[id(command)].items()}
            vars(command).clear()
            vars(command).update(fresh, handler=self.handler)
        self._touched.clear()
        self.handler.scripts = []
        self.handler.certificates = []
        self.handler.packages = Packages()
        self.handler._null_section_strings = []
        self.handler.currentLine = ""
        self._parser._sections = dict(self._null_sections)
        self._parser.findings = []
        self._parser.noted = []
        self._parser.accepted = []
        self._parser.lineno = 0
        self._parser.errorsCount = 0
        # Class attributes: another grammar may have set them since.
        Script._ver = Packages._ver = self.handler.version

    def _is_false(self, finding: Finding) -> bool:
        """Two warnings are wrong where each of the doubles says something else (pykickstart issue 311)."""
        if finding.severity != "warning":
            return False
        match = re.search(r"network device with the name (?:(\S+) )?has already been defined", finding.message)
        if match:
            alike = [n for n in self.handler.network.network if n.device == (match.group(1) or "")]
            # A line without a device may say nothing but the name of the host.
            named = [n for n in alike if n.device or not n.hostname]
            return len({(n.vlanid, n.interfacename) for n in named}) == len(named)
        if "ssh user with the name" in finding.message:
            keys = [(key.username, key.key) for key in self.handler.sshkey.sshUserList]
            return len(set(keys)) == len(keys)
        return False


def _finding(error: KickstartError, line: int) -> Numbered:
    message = " ".join(str(getattr(error, "message", "") or error).split())
    return getattr(error, "lineno", 0) or line, Finding(CODE, message)


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _broken_lines(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The lines that pykickstart's lexer cannot split, with why: those of commands, and others it acts on."""
    is_inside = False
    for number, line in enumerate(lines, 1):
        word = (line.split() or [""])[0]
        if not word or word.startswith("#") or (is_inside and word not in SECTIONS | {"%end", "%include"}):
            continue
        try:
            words = shlex.split(line, comments=not is_inside)
        except ValueError as error:
            yield number, f"{error} in this line"
            continue
        if not words or not words[0]:
            yield number, "No command in this line"
        elif word.startswith("%") and word != "%include":
            is_inside = word != "%end"
