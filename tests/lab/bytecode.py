# SPDX-License-Identifier: GPL-2.0-or-later
"""Anaconda's bytecode, which the installers of the bench do not have: without KVM a start would take a minute more."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from lab.root import kept, program, run

_SOURCES = "usr/share/bench"


def compiled(installer: Path) -> Path:
    """A tree over the root of an installer, a squashfs image."""

    def make(directory: Path) -> None:
        tree = directory / "tree"
        run("unsquashfs", "-quiet", "-no-progress", "-dest", tree, installer)
        # Its own Python, without being root.
        within = [program("unshare"), "--user", "--map-root-user", "chroot", str(tree)]
        command = ["python3", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", f"/{_SOURCES}"]
        subprocess.run([*within, *command], check=True, capture_output=True)
        for made in sorted((tree / _SOURCES).rglob("__pycache__")):
            shutil.copytree(made, directory / "overlay" / made.relative_to(tree))
        shutil.rmtree(tree)

    status = installer.stat()
    return kept("compiled", make, beside=f"{status.st_size} {status.st_mtime_ns}") / "overlay"
