# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook's commands as real processes: their output line by line, and what becomes of one that does not end."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from imgbase_site import Site

from org_ovirt_node.programs import disks, imgbase
from org_ovirt_node.programs.imgbase import NO_ANSWER, Output, Target


def program(directory: Path, script: str) -> str:
    path = directory / "program"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def followed(command: str, work_patience: float = imgbase.WORK_SECONDS) -> tuple[Output, list[str]]:
    lines: list[str] = []
    output = Target(work_patience=work_patience).run(command, echo=lines.append)
    return output, lines


def assert_killed(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):  # it has been waited for after all
        assert os.waitpid(pid, 0)[1] == signal.SIGKILL


def test_commands_may_take_as_long_as_they_need() -> None:
    """A query as long as one of the disk resolver; imgbase took two minutes on a virtual machine."""
    target = Target()
    assert (target.patience, target.work_patience) == (disks.ANSWER_SECONDS, 7200)


@pytest.mark.parametrize(
    ("script", "text", "lines"),
    [
        pytest.param("echo a; echo b >&2; exit 3", "a\nb\n", ["a", "b"], id="both-streams"),
        pytest.param("printf 'a\\n\\nb'; exit 3", "a\n\nb", ["a", "", "b"], id="no-line-end"),
        pytest.param("printf 'a\\r\\nb\\rc\\n'; exit 3", "a\nb\nc\n", ["a", "b", "c"], id="other-line-ends"),
        pytest.param("printf '\\303'; sleep 0.2; printf '\\244\\n'; exit 3", "ä\n", ["ä"], id="character-in-two-parts"),
        pytest.param("printf 'a\\377\\n'; exit 3", "a\ufffd\n", ["a\ufffd"], id="not-utf-8"),
        pytest.param("exit 3", "", [], id="nothing"),
    ],
)
def test_lines_are_passed_on(tmp_path: Path, script: str, text: str, lines: list[str]) -> None:
    assert followed(program(tmp_path, script)) == (Output(3, text), lines)


def test_imgbase_has_no_threads(tmp_path: Path) -> None:
    output, _ = followed(program(tmp_path, 'echo "$IMGBASED_DISABLE_THREADS"'))
    assert output == Output(0, "1\n")


def test_lines_are_passed_on_as_they_come(tmp_path: Path) -> None:
    """The second line is written once the first one has arrived."""
    seen = tmp_path / "seen"
    command = program(tmp_path, f"echo a; while [ ! -e {seen} ]; do sleep 0.05; done; echo b")
    assert Target(work_patience=60).run(command, echo=lambda _: seen.touch()) == Output(0, "a\nb\n")


def test_long_output_is_complete(tmp_path: Path) -> None:
    output, lines = followed(program(tmp_path, "seq 100000"))
    assert lines == [str(number) for number in range(1, 100001)]
    assert output == Output(0, "".join(f"{line}\n" for line in lines))


@pytest.mark.parametrize("echo", [None, print], ids=["query", "work"])
def test_a_program_that_is_not_there(echo: Callable[[str], None] | None) -> None:
    """As a shell says it."""
    assert Target().run("/no/lvs", echo=echo) == Output(127, "", "/no/lvs: No such file or directory")


def test_query_that_is_not_answered(tmp_path: Path) -> None:
    """A child may hold the pipes: nothing is waited for."""
    command = program(tmp_path, f"echo $$ >{tmp_path}/pid; echo text; sleep 60 & wait")
    start = time.monotonic()
    assert Target(patience=2).run(command) == Output(NO_ANSWER, "", "gave no answer within 2 seconds")
    assert time.monotonic() - start < 50
    assert_killed(int((tmp_path / "pid").read_text()))


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param("sleep 60 & wait", id="silent"),
        pytest.param("exec >&- 2>&-; sleep 60 & wait", id="closed-output"),
        pytest.param("while :; do echo more; sleep 0.1; done", id="talking"),
    ],
)
def test_work_that_does_not_end(tmp_path: Path, rest: str) -> None:
    start = time.monotonic()
    output, lines = followed(program(tmp_path, f"echo $$ >{tmp_path}/pid; echo text; {rest}"), work_patience=2)
    assert 2 <= time.monotonic() - start < 50
    assert (output.status, output.complaints) == (NO_ANSWER, "did not end within 2 seconds")
    assert lines[0] == "text"
    assert output.text == "".join(f"{line}\n" for line in lines)
    assert_killed(int((tmp_path / "pid").read_text()))


def test_work_may_be_longer_than_a_query(tmp_path: Path) -> None:
    command = program(tmp_path, "sleep 2; echo done")
    assert Target(patience=0.5, work_patience=60).run(command, echo=lambda _: None) == Output(0, "done\n")


def test_silence_is_explained() -> None:
    """Whatever it has printed before."""
    output = Output(NO_ANSWER, "No space left on device\n", "did not end within 7200 seconds")
    assert imgbase.explain(output).found == "imgbase did not end within 7200 seconds"


def test_programs_that_do_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look that fails is no look: imgbase is not run."""
    site = Site(tmp_path)
    monkeypatch.setenv("PATH", str(site.bin))
    (site.bin / "lvs").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    facts = imgbase.gather(Target(str(site.root), patience=2))
    assert facts.unread == ("lvs gave no answer within 2 seconds",)
    assert [finding.is_fatal for finding in imgbase.preconditions(facts, imgbase.parse(WORDS)[0])] == [True]


WORDS = ("--layout=standard", "--volumes=/var", "--boot-size=1", "--metadata-size=1")
