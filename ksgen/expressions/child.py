# SPDX-License-Identifier: GPL-2.0-or-later
"""A child process in which expressions are evaluated under limits on processor time and memory.

Nothing within a process can stop a regular expression, or a text of a gigabyte that one operation makes. The child is a
fork, so that it has the inventory already; requests and answers go through a pipe of its own, so that no secret is
in an argument or a file.
"""

from __future__ import annotations

import contextlib
import gc
import os
import resource
import signal
import traceback
import weakref
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

# Processor time of one expression, in seconds. What bounds.py allows takes 0.3, at worst 0.6 (measured); a slower
# machine is to give the same answer.
MAX_SECONDS = 1.5
# Address space that the child may take beyond what the process has when it forks.
MAX_BYTES = 512 * 1024 * 1024

_MEMORY = Path("/proc/self/statm")  # its first number is the address space in pages


# What the child exits with when it has no more memory.
_NO_MEMORY = 3


class Died(Exception):
    """The child ended instead of answering; `of_limit`: because it reached one of its limits."""

    def __init__(self, of_limit: bool) -> None:
        super().__init__()
        self.of_limit = of_limit


class Child:
    """A process that runs `serve` with its end of a pipe; started when it is needed, and again when it has died."""

    def __init__(self, serve: Callable[[Connection], None]) -> None:
        self._serve = serve
        self._end: weakref.finalize[Any, Any] | None = None
        self._connection: Connection | None = None
        self._pid = 0

    def send(self, message: object) -> None:
        """Send to the child. Its death shows when it is asked for the answer."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._connected().send(message)

    def receive(self) -> Any:
        """What the child sends. Raises Died, and RuntimeError for an error in the child's code."""
        try:
            message = self._connected().recv()
        except (EOFError, ConnectionResetError):
            raise Died(self._reaped() in (-signal.SIGVTALRM, _NO_MEMORY)) from None
        if isinstance(message, _Fault):
            raise RuntimeError(f"in the child process:\n{message.text}")
        return message

    def close(self) -> None:
        """End the child."""
        if self._end is not None:
            self._end()
        self._end = self._connection = None

    def _reaped(self) -> int:
        """What the child has exited with; its signal with a minus. Its end of the pipe is closed by its death alone."""
        assert self._end is not None
        assert self._connection is not None
        self._end.detach()
        self._connection.close()
        _, status = os.waitpid(self._pid, 0)
        self._end = self._connection = None
        return os.waitstatus_to_exitcode(status)

    def _connected(self) -> Connection:
        if self._connection is None:
            ours, theirs = Pipe()
            pid = os.fork()
            if pid == 0:
                ours.close()
                _run(self._serve, theirs)
            theirs.close()
            self._connection, self._pid = ours, pid
            self._end = weakref.finalize(self, _end, ours, pid, os.getpid())
        return self._connection


class _Fault:
    """An error in our own code, with its traceback."""

    def __init__(self, text: str) -> None:
        self.text = text


def _end(connection: Connection, pid: int, parent: int) -> None:
    if os.getpid() == parent:  # and not another fork, which has a copy of this object
        connection.close()
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _run(serve: Callable[[Connection], None], connection: Connection) -> NoReturn:
    """The whole life of the child. It prints nothing, and leaves the files of its parent alone."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGVTALRM):
            signal.signal(number, signal.SIG_DFL)
        gc.freeze()
        _limit()
        serve(connection)
    except MemoryError:
        os._exit(_NO_MEMORY)
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        pass
    except BaseException:
        with contextlib.suppress(BaseException):
            connection.send(_Fault(traceback.format_exc()))
    finally:
        os._exit(1)


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold what was vaulted
    try:
        used = int(_MEMORY.read_text().split()[0]) * resource.getpagesize()
    except OSError:  # not Linux
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = used + MAX_BYTES
    if hard == resource.RLIM_INFINITY or wanted < hard:
        resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


@contextlib.contextmanager
def limited_time() -> Iterator[None]:
    """Let the system end this process when the block takes too much processor time."""
    signal.setitimer(signal.ITIMER_VIRTUAL, MAX_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


@contextlib.contextmanager
def unlimited_time() -> Iterator[None]:
    """Do not count what the block takes, within a block that is limited."""
    left, _ = signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, left)
