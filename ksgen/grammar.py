# SPDX-License-Identifier: GPL-2.0-or-later
"""pykickstart's grammar of a release, read by one handler that is used again and again.

A fresh handler for each file costs four times as much as reading the file. Reused as it is, one leaks: scripts,
networks, duplicates and conflicts of the file before. So the commands that a file touched are put back as they were.
"""

from __future__ import annotations

import copy
import dataclasses
import re
import shlex
import warnings
from typing import Any

from pykickstart.base import KickstartCommand
from pykickstart.errors import KickstartError, KickstartParseWarning
from pykickstart.parser import KickstartParser, Packages, Script
from pykickstart.version import makeVersion

VERSIONS = {"el9": "RHEL9", "el10": "RHEL10"}


@dataclasses.dataclass(frozen=True)
class Complaint:
    """What the grammar says of a line; `line` counts from 1, 0 where pykickstart does not say."""

    line: int
    severity: str
    message: str


class _Parser(KickstartParser):  # type: ignore[misc]
    """Goes on after an error and keeps it, instead of printing it."""

    def __init__(self, handler: Any) -> None:
        super().__init__(handler, followIncludes=False, errorsAreFatal=False)
        self.complaints: list[Complaint] = []
        self.lineno = 0

    def handleCommand(self, lineno: int, args: list[str]) -> Any:
        self.lineno = lineno
        return super().handleCommand(lineno, args)

    def _tryFunc(self, fn: Any) -> None:
        try:
            fn()
        except KickstartError as error:
            self.complaints.append(_complaint(error, self.lineno))
        except ValueError as error:
            self.complaints.append(Complaint(self.lineno, "error", str(error)))


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

    def read(self, text: str) -> tuple[Complaint, ...]:
        """Read a kickstart; afterwards, until the next read(), `handler` has what it says."""
        self._restore()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", KickstartParseWarning)
            try:
                self._parser.readKickstartFromString(text)
            except KickstartError as error:
                self._parser.complaints.append(_complaint(error, self._parser.lineno))
            except ValueError as error:
                # shlex on an unclosed quote; pykickstart neither catches it nor says where
                line = _line_number(text, self._parser._line)
                self._parser.complaints.append(Complaint(line, "error", f"{error} in this line"))
        noted = [w for w in caught if issubclass(w.category, KickstartParseWarning)]
        complaints = self._parser.complaints + [_warning(str(w.message)) for w in noted]
        return tuple(c for c in complaints if not self._is_false(c))

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
        self._parser.complaints = []
        self._parser.lineno = 0
        self._parser.errorsCount = 0
        # Class attributes: another grammar may have set them since.
        Script._ver = Packages._ver = self.handler.version

    def _is_false(self, complaint: Complaint) -> bool:
        """Two warnings are wrong where each of the doubles says something else (pykickstart issue 311)."""
        if complaint.severity != "warning":
            return False
        match = re.search(r"network device with the name (\S+) has already been defined", complaint.message)
        if match:
            alike = [n for n in self.handler.network.network if n.device == match.group(1)]
            return len({n.vlanid for n in alike}) == len(alike)
        if "ssh user with the name" in complaint.message:
            keys = [(key.username, key.key) for key in self.handler.sshkey.sshUserList]
            return len(set(keys)) == len(keys)
        return False


def _complaint(error: KickstartError, line: int) -> Complaint:
    message = " ".join(str(getattr(error, "message", "") or error).split())
    return Complaint(getattr(error, "lineno", 0) or line, "error", message)


def _warning(message: str) -> Complaint:
    match = re.search(r"line (\d+)", message)
    return Complaint(int(match.group(1)) if match else 0, "warning", " ".join(message.split()))


def _line_number(text: str, line: str) -> int:
    """The first line with an unclosed quote like this one."""
    for number, candidate in enumerate(text.splitlines(keepends=True), 1):
        if candidate == line and _is_unclosed(candidate):
            return number
    return 0


def _is_unclosed(line: str) -> bool:
    try:
        shlex.split(line, comments=True)
    except ValueError:
        return True
    return False
