# SPDX-License-Identifier: GPL-2.0-or-later
"""Where Anaconda's own code can be run: tools beside this checkout, source trees where those expect them."""

from __future__ import annotations

import os
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parents[2]
TREES = Path(os.environ.get("ANACONDA_BENCH") or Path.home() / ".cache" / "anaconda-bench")


def _find() -> Path | None:
    tools = os.environ.get("ANACONDA_BENCH_TOOLS")
    places = [Path(tools)] if tools else sorted(_CHECKOUT.parent.glob("*/anaconda-bench"))
    found = next((place for place in places if (place / "plan_ks.py").is_file()), None)
    is_whole = (
        all((TREES / f"anaconda-{ref}").is_dir() for ref in ("rhel-9", "rhel-10")) and (TREES / "venv-trixie").is_dir()
    )
    return found.resolve() if found and is_whole and os.geteuid() == 0 else None


BENCH = _find()
# The add-on's service asks `vgs`, which must not look at the disks of the machine that runs the tests.
os.environ["LVM_SYSTEM_DIR"] = str(Path(__file__).parents[1] / "data" / "lvm-sees-nothing")
NO_BENCH = "no Anaconda code here: needs root, the bench's tools (ANACONDA_BENCH_TOOLS) and its trees (ANACONDA_BENCH)"
