# SPDX-License-Identifier: GPL-2.0-or-later
"""Publishes in processes that may be killed: a job per line on standard input, its end per line on standard output.

A job has the keys of `Job`. The process forks for each, so that a job costs milliseconds; in the fork, an audit hook
(PEP 578) counts what Python asks of the system and ends the process with SIGKILL when it is about to ask for the
`die_at`-th thing. `die_after_s` ends it from outside. An end is `{"status": as of waitpid, "calls": asked for,
"error": errno or None, "seconds": from the fork to its end}`.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any, TypedDict

from ksgen.publish import output


class Job(TypedDict, total=False):
    directory: str
    trees: list[dict[str, str]]
    owners: dict[str, str]
    limit: list[str]
    die_at: int
    die_after_s: float
    largest_file: int
    pause_s: float


def _publish(job: Job) -> int | None:
    limit = frozenset(job["limit"]) if "limit" in job else None
    for files in job["trees"]:
        try:
            found = output.changes(Path(job["directory"]), output.Site(files, job.get("owners", {}), limit=limit))
            output.publish(found)
        except OSError as error:
            return error.errno
        time.sleep(job.get("pause_s", 0))
    return None


def _fork(job: Job, answer: int) -> None:
    calls = 0
    is_dying = False

    def count(event: str, _: tuple[Any, ...]) -> None:
        nonlocal calls, is_dying
        calls += not is_dying
        if calls == job.get("die_at") and not is_dying:
            is_dying = True  # os.kill is an event, too
            os.kill(os.getpid(), signal.SIGKILL)

    if "largest_file" in job:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["largest_file"], job["largest_file"]))
    sys.addaudithook(count)
    error = _publish(job)
    os.write(answer, json.dumps({"calls": calls, "error": error}).encode())


def _run(job: Job) -> dict[str, object]:
    read, write = os.pipe()
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            _fork(job, write)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(write)
    if "die_after_s" in job:
        time.sleep(job["die_after_s"])
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - begin
    with open(read, "rb") as file:
        answer = file.read()
    return {"status": status, "seconds": seconds, **(json.loads(answer) if answer else {"calls": None, "error": None})}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(_run(json.loads(line))), flush=True)
