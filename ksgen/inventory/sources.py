# SPDX-License-Identifier: GPL-2.0-or-later
"""Which files Ansible reads for an inventory, and in which order."""

from __future__ import annotations

import dataclasses
import os
import re
from collections.abc import Callable, Iterable, Iterator

from ksgen.inventory import ini
from ksgen.problems import Mark, Problem
from ksgen.syntax import MAX_FILE_BYTES

# Ansible's YAML_FILENAME_EXT, in the order in which it looks for a name.
EXTENSIONS = ("", ".yml", ".yaml", ".json")
# Ansible's INVENTORY_IGNORE_EXTS, and what its inventory manager always leaves out.
_IGNORED = re.compile(
    r"^\.|^(?:host_vars|group_vars|vars_plugins)$|(?:\.(?:pyc|pyo|swp|bak|rpm|md|txt|rst|orig|cfg|retry)|~)$"
)

_DYNAMIC = "ansible-inventory -i {} --list | ksgen -"


@dataclasses.dataclass(frozen=True)
class Source:
    """One inventory as its user named it: its files, and the directory whose group_vars/ and host_vars/ count."""

    files: tuple[str, ...]
    directory: str


def shown(path: str) -> str:
    """The path as it can be printed."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _unreadable(path: str, error: OSError) -> Problem:
    if isinstance(error, FileNotFoundError):
        return Problem("no-such-file", "file not found", Mark(shown(path), 1))
    return Problem(
        "cannot-read",
        f"cannot be read: {(error.strerror or str(error)).lower()}",
        Mark(shown(path), 1),
    )


def read_bytes(path: str) -> bytes | Problem:
    """The content of a file; one byte more than allowed of a file that is too large."""
    try:
        with open(path, "rb") as file:
            return file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        return _unreadable(path, error)


def _foreign(path: str) -> Problem | None:
    """Why Ansible would read the file in another way than as YAML."""
    mark = Mark(shown(path), 1)
    extension = os.path.splitext(path)[1]
    hint = "pipe the output of Ansible to ksgen: " + _DYNAMIC.format(shown(path))
    if extension not in EXTENSIONS:
        if extension == ".ini":
            return ini.problem(path)
        return Problem(
            "not-yaml",
            f"the file name ends in {extension!r}; a YAML inventory ends in .yml, .yaml or .json, or has no extension",
            mark,
            hint=hint,
        )
    try:
        with open(path, "rb") as file:
            is_script = os.access(path, os.X_OK) and file.read(2) == b"#!"
    except OSError:
        return None  # reading it says why
    return (
        Problem("not-yaml", "this is an inventory script, and ksgen does not run scripts", mark, hint=hint)
        if is_script
        else None
    )


def _entries(path: str, problems: list[Problem]) -> list[str]:
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        problems.append(_unreadable(path, error))
        return []


def _enter(path: str, inside: frozenset[str], problems: list[Problem]) -> frozenset[str] | None:
    """The directories on the path after entering `path`; None where that would be a loop."""
    real = os.path.realpath(path)
    if real in inside:
        problems.append(
            Problem(
                "directory-loop",
                "the directory contains itself through a symbolic link",
                Mark(shown(path), 1),
                hint="remove the symbolic link",
            )
        )
        return None
    return inside | {real}


def _inventory_files(path: str, problems: list[Problem], inside: frozenset[str]) -> Iterator[str]:
    if not os.path.isdir(path):
        foreign = _foreign(path)
        if foreign is None:
            yield path
        else:
            problems.append(foreign)
        return
    within = _enter(path, inside, problems)
    for name in _entries(path, problems) if within is not None else ():
        if not _IGNORED.search(name):
            yield from _inventory_files(os.path.join(path, name), problems, within or frozenset())


def source(path: str) -> tuple[Source, list[Problem]]:
    """The files behind one path that a user gave."""
    problems: list[Problem] = []
    files = tuple(_inventory_files(path, problems, frozenset()))
    if os.path.isdir(path):
        if not files and not problems:
            problems.append(
                Problem(
                    "no-inventory",
                    "the directory contains no inventory",
                    Mark(shown(path), 1),
                    hint="put a file there that ends in .yml or .yaml",
                )
            )
        return Source(files, path), problems
    return Source(files, os.path.dirname(path)), problems


class VarsDirectory:
    """One group_vars/ or host_vars/ directory."""

    def __init__(self, path: str, problems: list[Problem]) -> None:
        self.path = path
        self._problems = problems
        self._is_of_hosts = os.path.basename(path) == "host_vars"
        self._names = frozenset(_entries(path, problems)) if os.path.isdir(path) else frozenset[str]()

    def files(self, name: str) -> tuple[str, ...]:
        """The files of one group or host, in the order in which they override each other."""
        found = [name + extension for extension in EXTENSIONS if name + extension in self._names]
        if not found:
            return ()
        path = os.path.join(self.path, found[0])
        for other in found[1:]:
            self._problems.append(
                Problem(
                    "shadowed-vars-file",
                    f"Ansible ignores this file because of {found[0]!r}",
                    Mark(shown(os.path.join(self.path, other)), 1),
                    host=name if self._is_of_hosts else None,
                    hint=f"put both into the directory {name}/",
                )
            )
        if not os.path.isdir(path):
            return (path,)
        return tuple(self._nested(path, frozenset()))

    def _nested(self, path: str, inside: frozenset[str]) -> Iterator[str]:
        within = _enter(path, inside, self._problems)
        if within is None:
            return
        for name in _entries(path, self._problems):
            if name.startswith(".") or name.endswith("~"):
                continue
            entry, extension = os.path.join(path, name), os.path.splitext(name)[1]
            if os.path.isdir(entry):
                if not extension:
                    yield from self._nested(entry, within)
            elif extension in EXTENSIONS:
                yield entry

    def unused(self, is_known: Callable[[str], bool]) -> Iterable[tuple[str, str]]:
        """The entries that belong to no known name, each with the name they would belong to."""
        for entry in sorted(self._names):
            name, extension = os.path.splitext(entry)
            if entry.startswith(".") or entry.endswith("~") or extension not in EXTENSIONS:
                continue
            if not is_known(name) and not is_known(entry):
                yield os.path.join(self.path, entry), name
