# SPDX-License-Identifier: GPL-2.0-or-later
"""KVM where it works, and software emulation where it does not."""

from __future__ import annotations

import os
import select
import subprocess
import time
from pathlib import Path

KVM, SOFTWARE = "kvm", "tcg,thread=multi"
# Without "enhanced rep stosb" Linux clears pages by eight bytes. QEMU emulates each store by itself, and in a page that
# had code in it so slowly that a machine stands still for a minute.
_EMULATED_CPU = "max,erms=off,fsrm=off"
_DEVICE = "/dev/kvm"
_PROBE_S = 15
# The last words of a kernel without a root: all of it has run by then.
_ROOTLESS = b"Kernel panic"


def processor(accelerator: str) -> list[str]:
    """QEMU's arguments for a processor as fast as this machine can have it."""
    return ["-accel", accelerator, "-cpu", "host" if accelerator == KVM else _EMULATED_CPU]


def accelerator(qemu: str, kernel: Path) -> str:
    """KVM where it runs this kernel: a /dev/kvm may be there and hang, even if firmware runs."""
    if not os.access(_DEVICE, os.R_OK | os.W_OK):
        return SOFTWARE
    command = [qemu, *processor(KVM), "-m", "512", "-display", "none", "-serial", "stdio", "-monitor", "none"]
    command += ["-nic", "none", "-no-reboot", "-kernel", str(kernel), "-append", "console=ttyS0 panic=-1"]
    return KVM if _says(command, _ROOTLESS, _PROBE_S) else SOFTWARE


def _says(command: list[str], words: bytes, seconds: float) -> bool:
    """Whether a program writes these words to its standard output in time; it is ended then."""
    said, end = b"", time.monotonic() + seconds
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as one:
        assert one.stdout is not None
        try:
            while words not in said and (left := end - time.monotonic()) > 0:
                if select.select([one.stdout], [], [], left)[0]:
                    data = os.read(one.stdout.fileno(), 4096)
                    if not data:
                        break
                    said += data
        finally:
            one.kill()
    return words in said
