# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the files of a site: what has not changed is not touched, and nobody reads a half-written file."""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

# The owner and the web server's group; there are hashes of passwords inside.
_MODE = 0o640
_HASH = re.compile(r"\$(?:6|5|g?y|2[aby])\$[^\s'\"]+")


@dataclasses.dataclass(frozen=True)
class Change:
    """A file that differs from what is to be published; `old` is None where there was none."""

    path: Path
    old: str | None
    new: str


def changes(directory: Path, files: Mapping[str, str]) -> tuple[Change, ...]:
    """Compare files (path below `directory`: text) with what is there. Raises OSError."""
    found = []
    for name, new in sorted(files.items()):
        path = directory / name
        try:
            old = path.read_bytes().decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            old = None
        if old != new:
            found.append(Change(path, old, new))
    return tuple(found)


def publish(wanted: tuple[Change, ...]) -> None:
    """Write all new texts beside their places, then rename them into place. Raises OSError, and then cleans up."""
    written: list[tuple[str, Path]] = []
    try:
        for change in wanted:
            change.path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{change.path.name}.", dir=change.path.parent)
            written.append((name, change.path))
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.write(change.new)
                os.fchmod(file.fileno(), _MODE)
        while written:
            name, path = written[-1]
            os.replace(name, path)
            written.pop()
    finally:
        for name, _ in written:
            Path(name).unlink(missing_ok=True)


def diff(change: Change) -> Iterator[str]:
    """The change as a unified diff, with the hashes of passwords taken out."""
    old = (change.old or "").split("\n")
    new = change.new.split("\n")
    name = str(change.path)
    before = name if change.old is not None else "/dev/null"
    for line in difflib.unified_diff(old, new, before, name, lineterm=""):
        yield _HASH.sub("(a password hash)", line)
