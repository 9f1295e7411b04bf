# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs code in a process of its own in which a system call fails, or in which something happens at a certain moment."""

from __future__ import annotations

import ctypes
import os
import pickle
import struct
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

# asm/unistd.h of each machine.
_NUMBERS = {
    "x86_64": {"flock": 73, "fsync": 74, "linkat": 265, "syncfs": 306},
    "aarch64": {"flock": 32, "fsync": 82, "linkat": 37, "syncfs": 267},
}
# linux/prctl.h, linux/seccomp.h, linux/bpf_common.h
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2
_ALLOW, _ERRNO, _KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06


def answer(name: str, error: int | None) -> None:
    """From now on the kernel answers a system call of this process with an error; None: it ends the process (SIGSYS).

    seccomp(2) has no way back, so this is for the code of `in_child`.
    """
    number = _NUMBERS[os.uname().machine][name]
    verdict = _KILL_PROCESS if error is None else _ERRNO | error
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (_LOAD_WORD, 0, 0, 0),
            (_JUMP_IF_EQUAL, 0, 1, number),
            (_RETURN, 0, 0, verdict),
            (_RETURN, 0, 0, _ALLOW),
        )
    )
    code = ctypes.create_string_buffer(program)
    filter_program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for option, *arguments in ((_PR_SET_NO_NEW_PRIVS, 1, 0), (_PR_SET_SECCOMP, _MODE_FILTER, filter_program)):
        if libc.prctl(option, *arguments, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def at(event: str, path: str, do: Callable[[], object]) -> None:
    """Do something once, immediately before Python asks for an audited event (PEP 578) of a path that ends like this.

    A hook cannot be taken away, so this is for the code of `in_child`.
    """
    waiting = [do]

    def hook(name: str, arguments: tuple[Any, ...]) -> None:
        if name == event and waiting and str(arguments[0] if path else "").endswith(path):
            waiting.pop()()

    sys.addaudithook(hook)


def in_child(code: Callable[[], object]) -> tuple[int, Any]:
    """How a child that runs the code has ended, as of waitpid(2), and what it returned or raised as OSError."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _run(code, write)
    os.close(write)
    with open(read, "rb") as file:
        outcome = file.read()
    _, status = os.waitpid(child, 0)
    return status, pickle.loads(outcome) if outcome else None


def _run(code: Callable[[], object], write: int) -> NoReturn:
    try:
        outcome: object
        try:
            outcome = code()
        except OSError as error:
            outcome = error
        with open(write, "wb") as file:
            file.write(pickle.dumps(outcome))
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
