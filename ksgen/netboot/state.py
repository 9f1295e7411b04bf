# SPDX-License-Identifier: GPL-2.0-or-later
"""The state of arming on disk: arming.json in a published tree, and the permissions that nginx has noted as used."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from ksgen.netboot import arming
from ksgen.netboot.arming import Arming

STATE_FILE = "arming.json"


def stored(directory: Path) -> tuple[Arming, ...]:
    """Who was armed when the tree was published. Raises OSError, and ValueError for an invalid file."""
    path = directory / STATE_FILE
    if not path.exists():
        return ()
    try:
        state = json.loads(path.read_bytes())
    except (ValueError, RecursionError):  # JSON's and UTF-8's errors are ValueErrors
        raise ValueError("is not JSON") from None
    return arming.load(state if state is not None else ())


def state_text(armings: Iterable[Arming]) -> str:
    """The file that `stored` reads."""
    return json.dumps(arming.dump(armings), indent=1) + "\n"


def spent(run: Path) -> frozenset[str]:
    """The tokens with which a kickstart has been fetched, as nginx has noted them. Raises OSError."""
    return _noted(run / "spent")


def booted(run: Path) -> frozenset[str]:
    """The tokens with which a kernel has been fetched, as nginx has noted them. Raises OSError."""
    return _noted(run / "booted")


def _noted(directory: Path) -> frozenset[str]:
    return frozenset(path.name for path in directory.iterdir()) if directory.is_dir() else frozenset()
