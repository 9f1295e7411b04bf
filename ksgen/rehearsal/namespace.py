# SPDX-License-Identifier: GPL-2.0-or-later
"""A network apart from that of this machine: a namespace of the kernel, and the programs that run in it.

Without being root, it belongs to a namespace of users where the caller is root: nothing outside of it can be changed.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from ksgen.rehearsal.programs import required

_PATIENCE_S = 120  # for a short command; it takes a fraction of a second on an idle machine
_END_S = 60  # for a program that was told to end


class NoNamespace(Exception):
    """A namespace cannot be created here; the text says what the kernel or unshare said."""


class Namespace:
    """Lives as long as the `with`; what was started in it ends with it, by its pid.

    `longest` is how many seconds it may last. `hides_files`: files can be mounted that only those within see.
    """

    def __init__(self, longest: int, hides_files: bool = False) -> None:
        self._longest = longest
        self._hides = hides_files
        self._processes: list[subprocess.Popen[bytes]] = []
        self._enter: list[str] = []

    def __enter__(self) -> Namespace:
        """Make it, with its loopback. Raises NoNamespace, Missing."""
        own = ["--net", *(["--mount", "--propagation", "private"] if self._hides else [])]
        user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
        try:
            self._enter = self.hold([], [required("unshare"), *user, *own], is_own_user=bool(user))
            self.run("ip", "link", "set", "lo", "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            try:
                process.wait(timeout=_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    @property
    def pid(self) -> int:
        """The process that keeps it open."""
        return int(self._enter[self._enter.index("--target") + 1])

    def within(self, command: Sequence[str]) -> list[str]:
        """The command that runs a command inside."""
        return [*self._enter, required(command[0]) if "/" not in command[0] else command[0], *command[1:]]

    def run(self, *command: str) -> None:
        """Run to its end. Raises NoNamespace with what it said if it fails."""
        done = subprocess.run(self.within(command), capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
        if done.returncode:
            raise NoNamespace(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")

    def start(
        self, command: Sequence[str], seconds: int | None = None, log: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start inside, for so many seconds at most."""
        limit = [required("timeout"), "--kill-after=5", str(seconds or self._longest)]
        return self._start([*self._enter, *limit, *command], log)

    def hold(self, outside: Sequence[str], command: Sequence[str], is_own_user: bool | None = None) -> list[str]:
        """Keep a namespace open that `command` makes; returns what runs a command in it. Raises NoNamespace."""
        log = Path(os.devnull)
        process = self._start([*outside, *command, required("sleep"), str(self._longest)], log, stderr=subprocess.PIPE)
        until = time.monotonic() + _PATIENCE_S
        # unshare becomes sleep once it has made them.
        while Path(f"/proc/{process.pid}/comm").read_text() != "sleep\n":
            if process.poll() is not None or time.monotonic() > until:
                said = process.stderr.read().decode(errors="replace") if process.stderr else ""
                raise NoNamespace(said.strip() or f"{command[0]} did not create a namespace")
            time.sleep(0.02)
        own = os.geteuid() != 0 if is_own_user is None else is_own_user
        names = [*(["--user", "--preserve-credentials"] if own else []), "--net", *(["--mount"] if self._hides else [])]
        return [required("nsenter"), "--target", str(process.pid), *names, *(["--wd=/"] if self._hides else [])]

    def _start(
        self, command: Sequence[str], log: Path | None = None, stderr: int | None = None
    ) -> subprocess.Popen[bytes]:
        # It hears when we are killed; `timeout` tells its own child.
        command = [required("setpriv"), "--pdeathsig", "TERM", *command]
        with (log or Path(os.devnull)).open("ab") as file:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=stderr or file)
        self._processes.append(process)
        return process
