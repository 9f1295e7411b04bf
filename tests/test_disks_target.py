# SPDX-License-Identifier: GPL-2.0-or-later
"""What the resolver does to the installer it runs in: real processes, files and terminals, and a mount of our own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from org_ovirt_node.programs import disks

TARGET = disks.Target()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory whose programs are found first."""
    directory = tmp_path / "programs"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory), prepend=os.pathsep)
    return directory


def add_program(directory: Path, name: str, script: str) -> None:
    program = directory / name
    program.write_text(f"#!/bin/sh\n{script}")
    program.chmod(0o755)


# --- programs --------------------------------------------------------------------------------------------------------


def test_program_runs_without_input_and_in_english(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("KEPT", "1")
    add_program(programs, "wipefs", 'echo "$LC_ALL $LANG $KEPT $1|$2"; cat; echo complaint >&2; exit 3\n')
    assert TARGET.run("wipefs", "a b", "") == disks.Output(3, "C C 1 a b|\n", "complaint\n")


def test_answer_that_is_no_text(programs: Path) -> None:
    add_program(programs, "lsblk", "printf 'a\\377b'; printf 'c\\377d' >&2\n")
    assert TARGET.run("lsblk") == disks.Output(0, "a\ufffdb", "c\ufffdd")


def test_program_that_is_missing() -> None:
    assert TARGET.run("no-such-program", "x") == disks.Output(127, "", "no-such-program: No such file or directory")


# --- files -----------------------------------------------------------------------------------------------------------


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "run" / "udev" / "rules"
    assert TARGET.read(str(path)) == ""
    TARGET.remove(str(path))
    for text in ("longer than the next: \u00e9\n", "\u00e9\n"):
        TARGET.write(str(path), text)
        assert TARGET.read(str(path)) == text
    path.write_bytes(b"a\xff")
    assert TARGET.read(str(path)) == "a\ufffd"
    TARGET.remove(str(path))
    assert not path.exists()


def test_link_is_followed_to_its_end(tmp_path: Path) -> None:
    node, link, broken = tmp_path / "sda", tmp_path / "link", tmp_path / "broken"
    node.touch()
    (tmp_path / "first").symlink_to("sda")
    link.symlink_to("first")
    broken.symlink_to("sdz")
    assert TARGET.resolve(str(link)) == TARGET.resolve(str(node)) == str(node)
    assert TARGET.resolve(str(broken)) == TARGET.resolve(str(tmp_path / "none")) == ""


# --- terminals -------------------------------------------------------------------------------------------------------


def terminal_of(end: int) -> str:
    return os.ttyname(end)[len("/dev/") :]


def test_terminal_shows_the_text() -> None:
    master, slave = os.openpty()
    assert TARGET.say(terminal_of(slave), "one\ntw\u00f6\n") is True
    os.set_blocking(master, False)
    # The line discipline may add carriage returns of its own.
    assert os.read(master, 100).replace(b"\r\r", b"\r") == b"one\r\ntw\\xf6\r\n"
    os.close(master)
    os.close(slave)


def test_terminal_that_holds_back_does_not_stop_the_resolver() -> None:
    master, slave = os.openpty()
    answers = [TARGET.say(terminal_of(slave), "x" * 4096) for _ in range(64)]
    assert answers[0] is True
    assert answers[-1] is False
    os.close(master)
    os.close(slave)


def test_terminal_that_is_not_there() -> None:
    opened = len(os.listdir("/proc/self/fd"))
    assert TARGET.say("no-such-terminal", "x") is False
    assert TARGET.say("full", "x") is False  # No space left on device
    assert TARGET.say("null", "x") is True
    assert len(os.listdir("/proc/self/fd")) == opened


def test_terminal_does_not_become_the_resolver_s_own() -> None:
    """A hang-up there would end it: %pre may be the leader of a session without a terminal."""
    master, slave = os.openpty()
    program = (
        "import sys; from org_ovirt_node.programs.disks import Target; Target().say(sys.argv[1], 'x'); open('/dev/tty')"
    )
    command = [sys.executable, "-c", program, terminal_of(slave)]
    done = subprocess.run(command, start_new_session=True, capture_output=True, text=True, timeout=60)
    assert "OSError: [Errno 6] No such device or address: '/dev/tty'" in done.stderr
    os.close(master)
    os.close(slave)


def test_pause() -> None:
    start = time.monotonic()
    TARGET.pause(0.05)
    assert time.monotonic() - start >= 0.05
