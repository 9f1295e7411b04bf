# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of a publication one by one: what is on the disk when, who has the lock, what somebody else has planted."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from system_calls import answer, at, in_child

from ksgen.publish import Generation, Site, generations, output
from ksgen.publish.generations import Entry

OLD = {"ks/a.ks": "old\n", "boot/a": "old\n", "same": "same\n"}
NEW = {"ks/a.ks": "new\n", "boot/b": "new\n", "same": "same\n"}


def publish(out: Path, files: dict[str, str]) -> None:
    assert not output.publish(output.changes(out, Site(files))).problems


def texts(out: Path) -> dict[str, str]:
    """What a reader finds."""
    return {name: (out / name).read_text() for name in {**OLD, **NEW} if (out / name).exists()}


def state(out: Path) -> list[str]:
    return sorted(os.listdir(out / ".ksgen"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    publish(tmp_path / "out", OLD)
    return tmp_path / "out"


# --- what is on the disk, and when -----------------------------------------------------------------------------------


def test_nothing_is_published_when_the_disk_cannot_keep_it(out: Path) -> None:
    def run() -> None:
        answer("syncfs", errno.EIO)
        publish(out, NEW)

    _, error = in_child(run)
    assert (error.errno, error.strerror, error.filename) == (errno.EIO, "Input/output error", str(out / ".ksgen"))
    assert texts(out) == OLD
    assert state(out) == ["1", "current", "lock"]
    assert not (out / "boot" / "b").is_symlink()


def test_files_are_on_the_disk_before_the_switch(out: Path) -> None:
    def run() -> None:
        answer("syncfs", None)
        publish(out, NEW)

    status, _ = in_child(run)
    assert os.WTERMSIG(status) == signal.SIGSYS
    assert os.readlink(out / ".ksgen" / "current") == "1"
    assert {name: (out / ".ksgen" / "2" / name).read_text() for name in NEW} == NEW
    assert texts(out) == OLD


def test_the_switch_is_on_the_disk_before_the_run_ends(out: Path) -> None:
    """What was disarmed stays disarmed when the power fails the next moment."""

    def run() -> None:
        answer("fsync", None)
        publish(out, NEW)

    status, _ = in_child(run)
    assert os.WTERMSIG(status) == signal.SIGSYS
    assert texts(out) == NEW


def test_what_is_published_is_not_taken_back(out: Path) -> None:
    def run() -> None:
        answer("fsync", errno.EIO)
        publish(out, NEW)

    assert in_child(run) == (0, None)
    assert texts(out) == NEW
    assert state(out) == ["1", "2", "current", "lock"]


def _fail() -> None:
    raise OSError(errno.EBUSY, "cannot be removed")


def test_old_generation_that_cannot_be_removed_is_left_to_the_next_run(out: Path) -> None:
    """The new one is published: whoever is told of an error would take that for not done."""
    publish(out, {**OLD, "same": "second\n"})

    def run() -> None:
        at("shutil.rmtree", "/.ksgen/1", _fail)
        publish(out, NEW)

    assert in_child(run) == (0, None)
    assert texts(out) == NEW
    assert state(out) == ["1", "2", "3", "current", "lock"]
    publish(out, NEW)
    assert state(out) == ["2", "3", "current", "lock"]


def test_first_error_is_told_when_cleaning_up_fails_too(out: Path) -> None:
    def run() -> None:
        answer("syncfs", errno.EIO)
        at("shutil.rmtree", "/.ksgen/2", _fail)
        publish(out, NEW)

    _, error = in_child(run)
    assert error.errno == errno.EIO
    assert texts(out) == OLD


def test_links_of_every_unfinished_generation_go(out: Path) -> None:
    """Two runs were killed, one after the other."""
    for number in ("7", "8"):
        (out / ".ksgen" / number).mkdir()
        for name in (f"only-{number}", "same"):
            (out / ".ksgen" / number / name).write_text("new\n")
        (out / f"only-{number}").symlink_to(f".ksgen/current/only-{number}")
    assert generations.has_leftovers(out)
    publish(out, OLD)
    assert sorted(os.listdir(out)) == [".ksgen", "boot", "ks", "manifest.json", "same"]
    assert state(out) == ["1", "current", "lock"]
    assert not generations.has_leftovers(out)


def test_files_that_cannot_be_linked_are_copied(out: Path) -> None:
    def run() -> None:
        answer("linkat", errno.EMLINK)
        publish(out, NEW)

    assert in_child(run) == (0, None)
    assert texts(out) == NEW
    status = (out / "same").stat()
    assert (status.st_nlink, stat.S_IMODE(status.st_mode)) == (1, 0o644)


# --- the lock --------------------------------------------------------------------------------------------------------


def is_locked(path: Path) -> bool:
    with open(path, "rb+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _replace(lock: Path) -> None:
    lock.with_name("other").touch()
    lock.with_name("other").rename(lock)


def _remove_everything(lock: Path) -> None:
    lock.unlink()
    lock.parent.rmdir()
    lock.parent.parent.rmdir()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_replace, id="replaced"),
        pytest.param(os.unlink, id="removed"),
        pytest.param(_remove_everything, id="directory-removed"),
    ],
)
def test_the_lock_is_of_the_file_that_is_there(tmp_path: Path, change: Callable[[Path], object]) -> None:
    """Between opening the file and locking it, somebody puts another in its place."""
    lock = tmp_path / "out" / ".ksgen" / "lock"

    def run() -> bool:
        at("fcntl.flock", "", lambda: change(lock))
        with generations.locked(tmp_path / "out", patience_s=5):
            return is_locked(lock)

    assert in_child(run) == (0, True)


def test_an_error_of_locking_is_told_at_once(tmp_path: Path) -> None:
    def run() -> tuple[int | None, int]:
        answer("flock", errno.ENOLCK)
        before = len(os.listdir("/proc/self/fd"))
        try:
            with generations.locked(tmp_path, patience_s=0):
                return None, 0
        except OSError as error:
            return error.errno, len(os.listdir("/proc/self/fd")) - before

    assert in_child(run) == (0, (errno.ENOLCK, 0))


def test_waiting_and_the_lock_leave_nothing_open(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    with generations.locked(tmp_path):
        with pytest.raises(BlockingIOError) as caught, generations.locked(tmp_path, patience_s=0.2):
            raise AssertionError
        assert len(os.listdir("/proc/self/fd")) == len(before) + 1
    assert len(os.listdir("/proc/self/fd")) == len(before)
    assert str(caught.value.filename) == str(tmp_path / ".ksgen" / "lock")
    assert "0.2 s" in str(caught.value)
    assert not is_locked(tmp_path / ".ksgen" / "lock")


def test_a_publication_leaves_nothing_open(out: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    publish(out, NEW)
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_lock_is_given_back_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no room"), generations.locked(tmp_path):
        raise OSError("no room")
    assert not is_locked(tmp_path / ".ksgen" / "lock")


def test_the_lock_is_for_its_owner_alone(out: Path) -> None:
    assert stat.S_IMODE((out / ".ksgen" / "lock").stat().st_mode) == 0o600


# --- what somebody has planted ---------------------------------------------------------------------------------------


def test_a_link_for_the_lock_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out" / ".ksgen").mkdir(parents=True)
    (tmp_path / "out" / ".ksgen" / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"), generations.locked(tmp_path / "out"):
        raise AssertionError
    assert not (tmp_path / "victim").exists()


def _link(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def _hard_link(path: Path, victim: Path) -> None:
    path.hardlink_to(victim)


@pytest.mark.parametrize("plant", [_link, _hard_link])
def test_a_file_that_is_planted_in_a_new_generation_is_not_written(
    out: Path, plant: Callable[[Path, Path], None]
) -> None:
    victim = out.parent / "victim"
    victim.write_text("untouched")

    def run() -> None:
        at("open", ".ksgen/2/ks/a.ks", lambda: plant(out / ".ksgen/2/ks/a.ks", victim))
        publish(out, NEW)

    _, error = in_child(run)
    assert error.errno == errno.EEXIST
    assert victim.read_text() == "untouched"
    assert texts(out) == OLD
    assert state(out) == ["1", "current", "lock"]


def test_a_link_that_is_planted_in_the_published_generation_is_not_read(out: Path) -> None:
    victim = out.parent / "victim"
    victim.write_text("new\n")
    path = out / ".ksgen" / "1" / "ks" / "a.ks"

    def plant() -> None:
        path.unlink()
        path.symlink_to(victim)

    def run() -> None:
        at("open", ".ksgen/1/ks/a.ks", plant)
        output.changes(out, Site(NEW))

    _, error = in_child(run)
    assert error.errno == errno.ELOOP


def test_a_link_that_is_planted_in_the_published_generation_is_not_published(out: Path) -> None:
    """Between reading and linking an unchanged file: a link to a file outside would make that a part of the tree."""
    victim = out.parent / "victim"
    victim.write_text("untouched")
    path = out / ".ksgen" / "1" / "same"

    def plant() -> None:
        path.unlink()
        path.symlink_to(victim)

    def run() -> None:
        at("os.link", ".ksgen/1/same", plant)
        publish(out, NEW)

    assert in_child(run) == (0, None)
    assert victim.stat().st_nlink == 1
    assert (out / ".ksgen" / "2" / "same").is_symlink()


def test_leftovers_are_removed_and_their_links_not_followed(out: Path) -> None:
    outside = out.parent / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    for name in ("next", "7", "link"):
        (out / ".ksgen" / name).symlink_to(outside)
    (out / "kept").symlink_to(".ksgen/current/kept")
    (out / ".ksgen" / "file").touch()
    (out / ".ksgen" / "directory" / "deeper").mkdir(parents=True)
    publish(out, NEW)
    assert state(out) == ["1", "2", "current", "lock"]
    assert os.listdir(outside) == ["kept"]
    assert (out / "kept").is_symlink()


def test_nothing_is_left_over(out: Path) -> None:
    publish(out, NEW)
    assert not generations.has_leftovers(out)
    assert not generations.has_leftovers(out.parent)


@pytest.mark.parametrize("name", ["boot/a", ".ksgen/next"])
def test_what_is_left_over_is_removed_although_nothing_changes(out: Path, name: str) -> None:
    publish(out, NEW)
    (out / name).symlink_to("../.ksgen/current/boot/a")
    assert generations.has_leftovers(out) is True
    publish(out, NEW)
    assert not (out / name).is_symlink()
    assert state(out) == ["1", "2", "current", "lock"]


def test_a_generation_that_somebody_has_removed(out: Path) -> None:
    shutil.rmtree(out / ".ksgen" / "1")
    assert generations.present(out) == Generation(out, 1, frozenset())
    done = output.publish(output.changes(out, Site(NEW)))
    assert [(finding.code, finding.severity) for finding in done.problems] == [("manifest-unreadable", "warning")]
    assert texts(out) == NEW


def test_links_to_directories_are_no_part_of_a_generation(out: Path) -> None:
    shutil.copytree(out / ".ksgen" / "1" / "ks", out.parent / "outside")
    shutil.rmtree(out / ".ksgen" / "1" / "ks")
    (out / ".ksgen" / "1" / "ks").symlink_to(out.parent / "outside")
    assert generations.present(out).names == {"boot/a", "same", "manifest.json"}


def test_the_tree_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").symlink_to("elsewhere")
    publish(tmp_path / "out", OLD)
    assert texts(tmp_path / "elsewhere") == OLD


def test_each_obstacle_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_text("somebody's")
    found = generations.obstacles(tmp_path, ["a/b/c/1", "a/b/c/2", "a/b/3", "a/4"])
    assert list(found) == [(tmp_path / "a" / "b", "file")]


# --- who may read what -----------------------------------------------------------------------------------------------


def as_nobody(directory: Path, code: Callable[[], object]) -> object:
    """Run in a directory as a user who is in one group alone, and may not be able to enter it by its path."""

    def run() -> object:
        os.chdir(directory)
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        return code()

    status, outcome = in_child(run)
    assert status == 0
    return outcome


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory a foreign group")
def test_a_group_that_we_cannot_give_is_not_asked_for(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    os.chown(out, 65534, 1)
    tmp_path.chmod(0o711)
    assert as_nobody(tmp_path, lambda: publish(Path("out"), OLD)) is None
    assert {(out / name).lstat().st_gid for name in ("ks", ".ksgen/1/ks/a.ks")} == {65534}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory a foreign group")
def test_a_group_that_we_are_in_is_kept(tmp_path: Path) -> None:
    """Of a directory that belongs to somebody else's group, by a user who is in it beside their own."""
    out = tmp_path / "out"
    out.mkdir()
    os.chown(out, 65534, 1)
    tmp_path.chmod(0o711)

    def run() -> None:
        os.chdir(tmp_path)
        os.setgroups([1])
        os.setgid(65534)
        os.setuid(65534)
        publish(Path("out"), OLD)

    assert in_child(run) == (0, None)
    status = [(out / name).lstat() for name in ("ks", ".ksgen/1/ks/a.ks")]
    assert {(one.st_uid, one.st_gid) for one in status} == {(65534, 1)}


def test_the_umask_is_what_it_was(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        publish(tmp_path / "out", OLD)
    finally:
        after = os.umask(before)
    assert after == 0o027


def test_directories_are_made_from_the_top(tmp_path: Path) -> None:
    """Those above the tree too."""
    out = tmp_path / "a" / "b" / "out"
    publish(out, {"a/b/c/d/e/f/g": "1\n"})
    assert (out / "a/b/c/d/e/f/g").read_text() == "1\n"


def test_a_switch_that_is_not_ours_is_told_as_such(out: Path) -> None:
    current = out / ".ksgen" / "current"
    current.unlink()
    current.mkdir()
    with pytest.raises(FileExistsError) as caught:
        generations.present(out)
    assert caught.value.filename == str(current)
    current.rmdir()
    current.symlink_to("../elsewhere")
    with pytest.raises(FileExistsError) as caught:
        generations.present(out)
    assert caught.value.filename == str(current)


def test_a_file_in_place_of_the_tree_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    with pytest.raises(NotADirectoryError):
        generations.present(tmp_path / "out")


def test_a_generation_that_is_empty(tmp_path: Path) -> None:
    assert generations.present(tmp_path) == Generation(tmp_path, 0, frozenset())
    with generations.locked(tmp_path):
        generations.switch(generations.present(tmp_path), {"a": Entry("1", 0o644)}, None)
    now = generations.present(tmp_path)
    assert (now.number, now.names, now.path("a")) == (1, {"a"}, tmp_path / ".ksgen" / "1" / "a")
