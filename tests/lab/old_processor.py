# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU with one old processor, which takes a quarter less time where it is emulated.

Two machines at a time are faster than one with two processors, and the registers of an old one are fewer to emulate.
It has virtualization, and less than EL10 needs: kickstarts waive the check `cpu`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.root import program

_QEMU = "qemu-system-x86_64"
# Not by PATH, at whose front another of these may be.
_PLACES = "/usr/bin:/usr/local/bin"
_PROCESSOR = "-smp 1 -cpu Nehalem,+svm"


def wrapped(directory: Path, arguments: str = '"$@"') -> Path:
    """Write QEMU's own name into `directory`, which goes to the front of PATH. `arguments` are words for bash."""
    directory.mkdir(exist_ok=True)
    qemu = shutil.which(_QEMU, path=_PLACES) or program(_QEMU)
    script = directory / _QEMU
    script.write_text(f"#!/bin/bash\nexec {qemu} {arguments} {_PROCESSOR}\n")
    script.chmod(0o755)
    return directory
