# SPDX-License-Identifier: GPL-2.0-or-later
"""The time and the memory of a command."""

from __future__ import annotations

import compileall
import contextlib
import dataclasses
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

PYTHON = (sys.executable,)
KSGEN = (*PYTHON, "-m", "ksgen")
# In memory: ksgen flushes what it publishes to the disk, and what it is compared with does not.
TMPFS = Path("/dev/shm")
_CHECKOUT = Path(__file__).resolve().parents[1]
_SAMPLE_EVERY = 0.05  # seconds


class CommandError(Exception):
    """A measured command failed."""


@dataclasses.dataclass(frozen=True)
class Time:
    """Of a command with all its processes, in seconds."""

    elapsed: float
    processor: float


def compile_modules() -> None:
    """Compile ksgen's modules in this checkout, as they are where it is installed; what is up to date is left."""
    for package in ("ksgen", "org_ovirt_node"):
        compileall.compile_dir(_CHECKOUT / package, quiet=1)


@contextlib.contextmanager
def directory() -> Iterator[Path]:
    """A new directory on tmpfs, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="ksgen-bench-", dir=TMPFS if TMPFS.is_dir() else None) as path:
        yield Path(path)


def timed(command: Sequence[str | Path]) -> Time:
    """Run a command from start to exit."""
    with tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        elapsed = time.perf_counter() - begin
        _check(process, status, errors)
    return Time(elapsed, usage.ru_utime + usage.ru_stime)


def printed(command: Sequence[str | Path], given: str, environment: Mapping[str, str]) -> str:
    """What a command that measures itself prints."""
    done = subprocess.run(command, input=given, text=True, capture_output=True, env={**os.environ, **environment})
    if done.returncode:
        raise CommandError(f"{command!r} failed:\n{done.stderr}")
    return done.stdout


def peak_memory(command: Sequence[str | Path]) -> int:
    """Run a command; the largest sum of the proportional set sizes of its processes, in bytes."""
    peak = 0
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        while process.poll() is None:
            peak = max(peak, sum(map(_pss, _tree(process.pid))))
            time.sleep(_SAMPLE_EVERY)
        _check(process, process.returncode, errors)
    return peak


def _check(process: subprocess.Popen[bytes], status: int, errors: IO[bytes]) -> None:
    process.returncode = status  # os.wait4 has waited for it, which Popen does not notice
    if status:
        errors.seek(0)
        raise CommandError(f"{process.args!r} failed:\n{errors.read().decode(errors='replace')}")


def _tree(process: int) -> Iterator[int]:
    """A process and all its descendants."""
    yield process
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{process}/task"):
            for child in Path(f"/proc/{process}/task/{thread}/children").read_text().split():
                yield from _tree(int(child))


def _pss(process: int) -> int:
    """The memory of a process, each shared page divided by the number of processes that share it (proc(5))."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
