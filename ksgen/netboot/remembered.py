# SPDX-License-Identifier: GPL-2.0-or-later
"""server.json: the options that a tree was published with, which are the next run's defaults."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

REMEMBERED_FILE = "server.json"
_VERSION = 3  # 1 had neither inventories nor templates, 2 no certificate
# On the command line, instead of a directory: reset the remembered one.
NONE: Literal["none"] = "none"
# A directory, NONE, or not given.
Given = Path | Literal["none"] | None


@dataclasses.dataclass(frozen=True)
class Remembered:
    """Everything that shapes a published tree beside ksgen itself; paths are absolute.

    `inventories` are the files or directories that the last run for the whole site read, empty if unknown.
    `run` is None for the directory beside the tree, which moves with the tree. `certificate` and `key`
    are the files that nginx uses for https; both are set, or neither (`is_complete`).
    """

    inventories: tuple[Path, ...] = ()
    templates: Path | None = None
    trees: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    images: Path | None = None
    run: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @property
    def is_complete(self) -> bool:
        return (self.certificate is None) == (self.key is None)

    def run_of(self, tree: Path) -> Path:
        """The directory of nginx's logs and notes, for the tree that was published with these options."""
        return self.run or tree.absolute().parent / "run"


def read_remembered(tree: Path) -> Remembered:
    """What a tree was published with. Raises OSError, and ValueError for an invalid file."""
    path = tree / REMEMBERED_FILE
    if not path.exists():
        return Remembered()
    try:
        data = json.loads(path.read_text())
        if data["version"] not in (1, 2, _VERSION):
            raise KeyError("version")
        return Remembered(
            tuple(map(Path, data.get("inventories", ()))),
            _path(data.get("templates")),
            {str(release): Path(place) for release, place in data["trees"].items()},
            _path(data["images"]),
            _path(data["run"]),
            _path(data.get("certificate")),
            _path(data.get("key")),
        )
    except (TypeError, KeyError, AttributeError, ValueError, RecursionError):
        raise ValueError("is not in ksgen's format; remove it, and specify the options again") from None


def combined(
    before: Remembered,
    inventories: Iterable[Path],
    templates: Given,
    trees: Mapping[str, Given],
    images: Given,
    run: Path | None,
    certificate: Given = None,
    key: Path | None = None,
) -> Remembered:
    """What a run publishes with: the options given, otherwise the remembered ones.

    If the certificate is reset (NONE), its key is too.
    """
    return Remembered(
        tuple(path.absolute() for path in inventories),
        _chosen(before.templates, templates),
        {
            release: path
            for release in sorted({*before.trees, *trees})
            if (path := _chosen(before.trees.get(release), trees.get(release)))
        },
        _chosen(before.images, images),
        run.absolute() if run else before.run,
        _chosen(before.certificate, certificate),
        _chosen(before.key, NONE if certificate == NONE and key is None else key),
    )


def _chosen(before: Path | None, given: Given) -> Path | None:
    if given is None:
        return before
    return None if given == NONE else Path(given).absolute()


def remembered_text(remembered: Remembered) -> str:
    """The file that `read` reads."""
    data = {
        "version": _VERSION,
        "inventories": [str(path) for path in remembered.inventories],
        "templates": _text(remembered.templates),
        "trees": {release: str(path) for release, path in sorted(remembered.trees.items())},
        "images": _text(remembered.images),
        "run": _text(remembered.run),
        "certificate": _text(remembered.certificate),
        "key": _text(remembered.key),
    }
    return json.dumps(data, indent=1) + "\n"


def differences(before: Remembered, now: Remembered) -> list[str]:
    """The remembered options that a run changes, as text; an option set for the first time is no change."""
    pairs = [("--templates", before.templates, now.templates), ("--images", before.images, now.images)]
    pairs += [(f"--tree {release}", path, now.trees.get(release)) for release, path in sorted(before.trees.items())]
    pairs += [("--run", before.run, now.run)]
    pairs += [("--certificate", before.certificate, now.certificate), ("--key", before.key, now.key)]
    if before.inventories and before.inventories != now.inventories:
        old, new = (", ".join(map(str, each.inventories)) or "standard input" for each in (before, now))
        return [f"the inventory changes from {old} to {new}", *_changed(pairs, before)]
    return _changed(pairs, before)


def _changed(pairs: Iterable[tuple[str, Path | None, Path | None]], before: Remembered) -> list[str]:
    return [
        f"{option} changes from {old or 'none'} to {new or 'none'}"
        for option, old, new in pairs
        if old != new and (old is not None or before.inventories)
    ]


def _path(value: object) -> Path | None:
    return None if value is None else Path(value)  # type: ignore[arg-type]


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
