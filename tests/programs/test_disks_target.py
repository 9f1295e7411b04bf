# SPDX-License-Identifier: GPL-2.0-or-later
"""What the resolver does to the installer it runs in: real processes, files and terminals, and a mount of our own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
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


def test_program_that_does_not_end(programs: Path, tmp_path: Path) -> None:
    """Its children may hold the pipes, and it may not end when it is killed: nothing of it is waited for."""
    add_program(programs, "pvs", f"echo $$ >{tmp_path}/pid; echo text; sleep 60 & wait\n")
    start = time.monotonic()
    found = disks.Target(patience=2).run("pvs")
    assert time.monotonic() - start < 50
    assert found == disks.Output(disks.NO_ANSWER, "", "gave no answer within 2 seconds")
    with contextlib.suppress(ChildProcessError):  # it has been waited for after all
        assert os.waitpid(int((tmp_path / "pid").read_text()), 0)[1] == signal.SIGKILL


def test_programs_may_take_minutes() -> None:
    assert TARGET.patience == 300


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


# --- looking into file systems ---------------------------------------------------------------------------------------

# xfs(5), ext4(5), btrfs(5): read-only, no journal is replayed, and a copy of a mounted file system is no obstacle.
MOUNT_OPTIONS = {
    "xfs": "ro,norecovery,nouuid",
    "ext4": "ro,noload",
    "ext4dev": "ro,noload",
    "ext3": "ro,noload",
    "ext2": "ro",
    "btrfs": "ro,rescue=nologreplay",
}
DOMAIN = "data/images/rhev/7d0e4f5a-9a3c-4c25-8f6b-1f2e3d4c5b6a/dom_md"


@pytest.fixture
def disk(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is on the disk: `mount` copies it, `umount` takes it away; these and `blockdev` write down their calls."""
    content = tmp_path / "content"
    content.mkdir()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    log = f'echo "${{0##*/}} $*" >>{tmp_path}/calls\n'
    add_program(programs, "mount", f'{log}stat -c "%a %n" "$6" >>{tmp_path}/mode\ncp -a {content}/. "$6"\n')
    add_program(programs, "umount", f'{log}find "$1" -mindepth 1 -delete\n')
    add_program(programs, "blockdev", f"{log}[ $1 != --getro ] || echo 0\n")
    return content


def calls(disk: Path) -> list[str]:
    """How mount, umount and blockdev were called; the mount point is TOP."""
    found = (disk.parent / "calls").read_text()
    (top,) = set(re.findall(rf"{disk.parent}/tmp/node-disks-\w+", found))
    return found.replace(top, "TOP").splitlines()


def left_over(disk: Path) -> list[str]:
    return [path.name for path in (disk.parent / "tmp").iterdir()]


@pytest.mark.parametrize("fstype", MOUNT_OPTIONS)
def test_file_system_is_mounted_without_a_change_and_unmounted(fstype: str, disk: Path) -> None:
    (disk / DOMAIN).mkdir(parents=True)
    assert TARGET.directories("/dev/sda1", fstype) == disks.Look((DOMAIN,))
    assert calls(disk) == [
        "blockdev --getro /dev/sda1",
        "blockdev --setro /dev/sda1",
        f"mount -t {fstype} -o {MOUNT_OPTIONS[fstype]} /dev/sda1 TOP",
        "umount TOP",
        "blockdev --setrw /dev/sda1",
    ]
    assert (disk.parent / "mode").read_text().startswith("700 ")
    assert left_over(disk) == []


def test_every_file_system_that_is_looked_into_has_options() -> None:
    assert disks.PASSIVE_MOUNT == MOUNT_OPTIONS
    assert {each for each, rule in disks.BLKID_TYPES.items() if rule in ("look", "look-if")} == set(MOUNT_OPTIONS)


def test_file_system_on_several_devices(disk: Path) -> None:
    assert TARGET.directories("/dev/sda", "btrfs", ["/dev/sdb", "/dev/sdc"]) == disks.Look()
    assert calls(disk) == [
        *(f"blockdev --{what} /dev/sd{letter}" for letter in "abc" for what in ("getro", "setro")),
        "mount -t btrfs -o ro,rescue=nologreplay,device=/dev/sdb,device=/dev/sdc /dev/sda TOP",
        "umount TOP",
        *(f"blockdev --setrw /dev/sd{letter}" for letter in "abc"),
    ]


def test_device_that_is_read_only_stays_so(disk: Path, programs: Path) -> None:
    add_program(programs, "blockdev", f'echo "blockdev $*" >>{disk.parent}/calls; echo 1\n')
    assert TARGET.directories("/dev/sda1", "xfs") == disks.Look()
    asked = [line for line in calls(disk) if line.startswith("blockdev")]
    assert asked == ["blockdev --getro /dev/sda1"]


@pytest.mark.parametrize("which", ["--getro", "--setro"])
def test_device_that_cannot_be_made_read_only_is_not_mounted(which: str, disk: Path, programs: Path) -> None:
    script = f'echo "blockdev $*" >>{disk.parent}/calls; echo 0\n[ "$*" != "{which} /dev/sdb" ] || '
    add_program(programs, "blockdev", f"{script}{{ echo noise >&2; echo 'ioctl error' >&2; exit 1; }}\n")
    assert TARGET.directories("/dev/sda", "btrfs", ["/dev/sdb"]) == disks.Look((), "ioctl error", "unmountable")
    asked = (disk.parent / "calls").read_text().splitlines()
    assert (asked[-2:], "mount" in str(asked)) == ([f"blockdev {which} /dev/sdb", "blockdev --setrw /dev/sda"], False)
    assert left_over(disk) == []


@pytest.mark.parametrize(
    ("told", "why"),
    [
        pytest.param("echo first; echo mount: no", "mount: no", id="last-line"),
        pytest.param(
            "echo \"mount: $6: wrong fs type\"; echo '       dmesg(1) may have more information'",
            "mount: wrong fs type",
            id="as-util-linux-says-it",
        ),
        pytest.param("true", "no output", id="nothing"),
    ],
)
def test_mount_that_fails(told: str, why: str, disk: Path, programs: Path) -> None:
    add_program(programs, "mount", f"echo noise; ( {told}; ) >&2; exit 32\n")
    assert TARGET.directories("/dev/sda1", "xfs") == disks.Look((), why, "unmountable")
    last = (disk.parent / "calls").read_text().splitlines()[-1]
    assert last == "blockdev --setrw /dev/sda1"
    assert left_over(disk) == []


def test_mount_that_does_not_end(disk: Path, programs: Path) -> None:
    add_program(programs, "mount", "exec sleep 60\n")
    found = disks.Target(patience=0.5).directories("/dev/sda1", "xfs")
    assert found == disks.Look((), "mount gave no answer within 0.5 seconds", "unmountable")
    assert left_over(disk) == []


def test_file_system_that_cannot_be_read_to_its_end_is_unmounted(disk: Path, programs: Path) -> None:
    """Here by paths that are too long; a bad block ends a search in the same way."""
    deep = "import os, sys; os.chdir(sys.argv[1]); [(os.mkdir('x' * 200), os.chdir('x' * 200)) for _ in range(25)]"
    script = f'echo "mount $*" >>{disk.parent}/calls\nexec {sys.executable} -c "{deep}" "$6"\n'
    add_program(programs, "mount", script)
    found = TARGET.directories("/dev/sda1", "xfs")
    assert (found.places, found.word) == ((), "unmountable")
    assert found.why.endswith(": File name too long")
    assert [line.split()[0] for line in calls(disk)] == ["blockdev", "blockdev", "mount", "umount", "blockdev"]
    assert left_over(disk) == []


def test_what_cannot_be_unmounted_is_not_removed(disk: Path, programs: Path) -> None:
    """It is still the disk."""
    add_program(programs, "umount", "exit 32\n")
    (disk / "data").mkdir()
    (disk / "data" / "file").touch()
    assert TARGET.directories("/dev/sda1", "xfs") == disks.Look()
    (top,) = (disk.parent / "tmp").iterdir()
    assert (top / "data" / "file").exists()
