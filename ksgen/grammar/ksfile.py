# SPDX-License-Identifier: GPL-2.0-or-later
"""A kickstart file as its installer reads it: one text with everything that it includes, each line with its origin."""

from __future__ import annotations

import dataclasses
import re
import stat
from collections.abc import Callable
from pathlib import Path

from ksgen.problems import Mark, Problem

SIZE_LIMIT = 16 * 1024 * 1024  # bytes; no kickstart comes near, and a device never ends
INCLUDES_DEEPEST = 20

# What is there in the installer and not at the desk: its own files, and where it keeps the kickstart.
_INSTALLER_PLACES = ("/usr/share/anaconda/", "/run/", "/mnt/", "/etc/anaconda/")
# pykickstart, parser.py: %include in place, %ksappend beforehand.
_INCLUDE = re.compile(r"[ \t]*%(include|ksappend)(?=\s|$)(.*)")


@dataclasses.dataclass(frozen=True)
class KickstartFile:
    """The text that the installer reads; the line n of it is from `origins[n - 1]`.

    `is_whole` is False where something is included that only the installer can see.
    """

    text: str
    origins: tuple[Mark, ...]
    is_whole: bool
    problems: tuple[Problem, ...]
    sources: tuple[tuple[str, str], ...]

    def origin(self, line: int) -> Mark:
        """Where a line of the text was written; the first one is used for what has no line."""
        return self.origins[min(max(line, 1), len(self.origins)) - 1]


def read_file(path: Path) -> KickstartFile:
    """Read a kickstart and what it includes. What cannot be read is reported in `problems`."""
    return include(str(path), _load(path), _load)


def include(name: str, content: str | Problem, load: Callable[[Path], str | Problem]) -> KickstartFile:
    """The same for a content that is at hand; `load` gives that of other files, or says why not."""
    reading = _Reading(load)
    if isinstance(content, Problem):
        return KickstartFile("", (Mark(name, 1),), False, (content,), ())
    reading.add(name, content, (name,))
    origins = tuple(reading.origins) or (Mark(name, 1),)
    return KickstartFile(
        "".join(reading.lines), origins, reading.is_whole, tuple(reading.problems), tuple(reading.sources.items())
    )


class _Reading:
    """What has been read so far."""

    def __init__(self, load: Callable[[Path], str | Problem]) -> None:
        self._load = load
        self.lines: list[str] = []
        self.origins: list[Mark] = []
        self.problems: list[Problem] = []
        self.sources: dict[str, str] = {}
        self.is_whole = True

    def add(self, name: str, content: str, above: tuple[str, ...]) -> None:
        self.sources[name] = content
        rows = content.split("\n")
        for number, row in enumerate(rows, 1):
            if number == len(rows) and not row:
                break
            found = _INCLUDE.match(row)
            if found and self._include(Mark(name, number, 1, len(row.rstrip())), found, content, above):
                row = ""
            # pykickstart ends a line at more than a newline; what it then sees is all from here.
            ending = "\r\n" if row.endswith("\r") else "\n"
            parts = row.removesuffix("\r").splitlines() or [""]
            self.lines += [part + "\n" for part in parts[:-1]] + [parts[-1] + ending]
            self.origins += [Mark(name, number, 1, max(1, len(row.rstrip())))] * len(parts)

    def _include(self, mark: Mark, found: re.Match[str], content: str, above: tuple[str, ...]) -> bool:
        """Put the file in the place of the line that includes it; False where that is all that the line does."""
        target = _target(found)
        if not target:
            self.problems.append(Problem("include-missing", f"%{found.group(1)} has no file name", mark))
            return True
        if "://" in target or self._is_made_later(target, content):
            self.is_whole = False
            return False
        path = Path(above[-1]).parent / target
        if str(path) in above or len(above) > INCLUDES_DEEPEST:
            self.problems.append(Problem("include-loop", f"{target} includes itself", mark))
            return True
        if not path.exists():
            self.is_whole = False
            hint = "create it in %pre, or put the file next to this one; the installation fails without it"
            message = f"no file {target!r}, and no script here creates it"
            self.problems.append(Problem("include-missing", message, mark, "warning", hint=hint))
            return False
        found_there = self._load(path)
        if isinstance(found_there, Problem):
            self.is_whole = False
            message = f"{target}: {found_there.message}"
            self.problems.append(dataclasses.replace(found_there, mark=mark, message=message))
            return False
        self.add(str(path), found_there, (*above, str(path)))
        return True

    @staticmethod
    def _is_made_later(target: str, content: str) -> bool:
        """Whether a file comes to be in the installer: it is there, or a script of this kickstart mentions it."""
        if target.startswith(_INSTALLER_PLACES):
            return True
        return any(target in row and not _INCLUDE.match(row) for row in content.split("\n"))


def _target(found: re.Match[str]) -> str:
    words = found.group(2).split("#")[0].split()
    return words[0].strip("\"'") if words else ""


def _load(path: Path) -> str | Problem:
    mark = Mark(str(path), 1)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return Problem("cannot-read", "not a regular file", mark)
        if status.st_size > SIZE_LIMIT:
            return Problem("file-too-large", f"{status.st_size} bytes; a kickstart has at most {SIZE_LIMIT}", mark)
        return path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return Problem("no-such-file", "file not found", mark)
    except OSError as error:
        return Problem("cannot-read", error.strerror or type(error).__name__, mark)
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return Problem("not-utf-8", "not UTF-8, which Anaconda requires", Mark(str(path), line))
    except ValueError as error:  # a path with a NUL
        return Problem("cannot-read", str(error), mark)
