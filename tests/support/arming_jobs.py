# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the command in processes that stop at a call: a job per line on standard input, answers on standard output.

A job is `{"arguments": of ksgen, "below": a directory, "pause_at": n}`. The process forks for each, and has published a
site itself before, so that a job neither starts Python nor imports or compiles anything; in the fork, an audit hook
(PEP 578) counts what Python asks of the system about files below the directory, and about locks. Before the
`pause_at`-th call the answer is `paused`, and the process goes on when it reads a line. It answers `waiting` once when
it finds the lock taken. The last answer is `{"status": exit status, "calls": number of calls, "said": standard error}`.
Each answer is a line.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any, TypedDict

from command import CliRunner
from inventories import inventory_text

from ksgen.cli import main
from ksgen.publish import generations

# Where a machine has a lot else to do, the run that has the lock may need longer than a user would wait.
generations.LOCK_PATIENCE_S = 3600


class Job(TypedDict, total=False):
    arguments: list[str]
    below: str
    pause_at: int


def _say(answer: object) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


def _run(job: Job) -> None:
    calls = locks = 0

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal calls, locks
        if event == "fcntl.flock" and arguments[1] & fcntl.LOCK_EX:
            locks += 1
            if locks == 2:
                _say("waiting")
        paths = [os.fsdecode(one) for one in arguments if isinstance(one, str | bytes | Path)]
        if event == "fcntl.flock" or any(path.startswith(job["below"]) for path in paths):
            calls += 1
            if calls == job.get("pause_at"):
                _say("paused")
                os.read(0, 1)

    said = io.StringIO()
    sys.addaudithook(count)
    with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
        try:
            main(job["arguments"])
        except SystemExit as end:
            status = end.code
        except BaseException:
            status = 99
            traceback.print_exc()
    _say({"status": status, "calls": calls, "said": said.getvalue()})


def _warm_up() -> None:
    """Publish, arm and disarm, so that a fork has all modules and templates."""
    with tempfile.TemporaryDirectory() as name:
        site = Path(name)
        (site / "hosts.yaml").write_text(inventory_text("node01.example.com"))
        for path in (".treeinfo", "images/install.img", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"):
            (site / "el9" / path).parent.mkdir(parents=True, exist_ok=True)
            (site / "el9" / path).touch()
        words = (["render", "--tree", f"el9={site / 'el9'}"], ["arm", "node01.example.com"], ["disarm", "all"])
        for command, *more in words:
            arguments = [command, str(site / "hosts.yaml"), *more, "-o", str(site / "out")]
            done = CliRunner().invoke(main, arguments, catch_exceptions=False)
            assert done.exit_code == 0, done.output


if __name__ == "__main__":
    _warm_up()
    # Unbuffered, so that a fork reads what is meant for it.
    while line := sys.stdin.buffer.raw.readline():  # type: ignore[union-attr]
        child = os.fork()
        if child == 0:
            _run(json.loads(line))
            os._exit(0)
        os.waitpid(child, 0)
