# SPDX-License-Identifier: GPL-2.0-or-later
"""The database from asynchronous code: in threads of its own, one for SQLite, which has one writer anyway."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class Threads:
    """Runs what blocks. `writers` are one for SQLite: the others would only wait for each other's lock."""

    def __init__(self, writers: int, readers: int = 4) -> None:
        self._writers = ThreadPoolExecutor(writers, "writer")
        self._readers = ThreadPoolExecutor(readers, "reader")
        self._worker = ThreadPoolExecutor(1, "worker")

    async def write(
        self, act: Callable[_Arguments, _Result], *arguments: _Arguments.args, **named: _Arguments.kwargs
    ) -> _Result:
        """Run something that writes. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._writers, lambda: act(*arguments, **named))

    async def read(
        self, act: Callable[_Arguments, _Result], *arguments: _Arguments.args, **named: _Arguments.kwargs
    ) -> _Result:
        """Run something that only reads. Raises what it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._readers, lambda: act(*arguments, **named))

    async def work(
        self, act: Callable[_Arguments, _Result], *arguments: _Arguments.args, **named: _Arguments.kwargs
    ) -> _Result:
        """Run something that computes for long, one after another: questions of people do not wait behind it."""
        return await asyncio.get_running_loop().run_in_executor(self._worker, lambda: act(*arguments, **named))

    def close(self) -> None:
        """Finish what was begun."""
        self._writers.shutdown(wait=True)
        for others in (self._readers, self._worker):
            others.shutdown(wait=True, cancel_futures=True)
