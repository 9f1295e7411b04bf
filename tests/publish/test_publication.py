# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever happens while ksgen publishes, the published tree is the old one or the new one, whole."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from counts import count

from ksgen.publish import Site, generations, output

JOBS = Path(__file__).parents[1] / "support" / "publication_jobs.py"
FOREIGN = {"images/vmlinuz": "a kernel\n", "ks/notes.txt": "somebody's\n", "README": "read\n"}


def tree(version: str, hosts: range) -> dict[str, str]:
    """A kickstart and a boot file per host, every third host the same in all versions, and files of the site."""
    files = {"dnsmasq.conf": f"# {version}\n", "images/updates.img": "always the same\n"}
    for host in hosts:
        text = f"{'same' if host % 3 == 0 else version} {host}\n"
        files[f"ks/node{host:02}.ks"] = text * 2000
        files[f"pxelinux.cfg/01-52-54-00-00-00-{host:02}"] = text
    return files


def owners(files: dict[str, str]) -> dict[str, str]:
    return {name: "node" + found[1] for name in files if (found := re.search(r"(\d\d)(\.ks)?$", name))}


OLD, NEW = tree("old", range(0, 14)), tree("new", range(2, 16))


def site(files: dict[str, str], limit: frozenset[str] | None = None) -> Site:
    return Site(files, owners(files), limit=limit)


def publish(out: Path, files: dict[str, str]) -> None:
    done = output.publish(output.changes(out, site(files)))
    assert not done.problems


def errno_of(wanted: output.Publication) -> int | None:
    try:
        output.publish(wanted)
    except OSError as error:
        return error.errno
    return None


def put_foreign_files(out: Path) -> None:
    for name, text in FOREIGN.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text)


def published(out: Path) -> dict[str, str]:
    """What a reader finds, by the paths that a server serves."""
    found = {}
    for directory, below, names in os.walk(out):
        if generations.STATE in below:
            below.remove(generations.STATE)
        for path in (Path(directory, name) for name in names):
            if path.exists():  # a link that leads nowhere is no file
                found[str(path.relative_to(out))] = path.read_text()
    return found


def without_manifest(found: dict[str, str]) -> dict[str, str]:
    """The files, after a look at whether the manifest, if there, names just those."""
    files = {name: text for name, text in found.items() if name != "manifest.json" and name not in FOREIGN}
    if files:
        assert set(json.loads(found["manifest.json"])["files"]) == set(files)
    assert {name: text for name, text in found.items() if name in FOREIGN} in ({}, FOREIGN)
    return files


def assert_clean(out: Path) -> None:
    """No link leads nowhere, and nothing but two generations is in `.ksgen`."""
    assert not [path for path in out.rglob("*") if path.is_symlink() and not path.exists()]
    state = out / generations.STATE
    number = int(os.readlink(state / "current"))
    assert {path.name for path in state.iterdir()} <= {"lock", "current", str(number), str(number - 1)}


@dataclasses.dataclass
class Jobs:
    """See publication_jobs.py."""

    process: subprocess.Popen[str]

    def start(self, out: Path, *trees: dict[str, str], **more: object) -> None:
        job = {"directory": str(out), "trees": trees, "owners": owners(trees[0]), **more}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()

    def end(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        end: dict[str, Any] = json.loads(self.process.stdout.readline())
        return end

    def run(self, out: Path, *trees: dict[str, str], **more: object) -> dict[str, Any]:
        self.start(out, *trees, **more)
        return self.end()


def start_jobs() -> Iterator[Jobs]:
    process = subprocess.Popen([sys.executable, JOBS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        yield Jobs(process)


@pytest.fixture(scope="module")
def jobs() -> Iterator[Jobs]:
    yield from start_jobs()


@pytest.fixture(scope="module")
def other_jobs() -> Iterator[Jobs]:
    yield from start_jobs()


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A directory where a publication does not wait for a disk, if there is one."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as path:
        yield Path(path)


# --- killed ----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Scene:
    """What is there before a run, what the run publishes, and what a reader may find afterwards."""

    before: tuple[dict[str, str], ...]
    run: dict[str, str]
    after: dict[str, str]
    limit: tuple[str, ...] | None = None
    is_killed_before: bool = False

    def prepare(self, out: Path, jobs: Jobs) -> None:
        shutil.rmtree(out, ignore_errors=True)
        for files in self.before:
            put_foreign_files(out)
            publish(out, files)
        if self.is_killed_before:
            # A run that was killed just before its switch: links lie there that lead nowhere.
            die_at = jobs.run(out, tree("never", range(0, HOSTS + 3)))["calls"]
            assert die_at is not None
            self_before = dataclasses.replace(self, is_killed_before=False)
            while True:
                self_before.prepare(out, jobs)
                jobs.run(out, tree("never", range(0, HOSTS + 3)), die_at=die_at)
                if os.readlink(out / generations.STATE / "current") == "1":
                    return
                die_at -= 1

    def more(self) -> dict[str, object]:
        return {} if self.limit is None else {"limit": self.limit}

    def old(self) -> dict[str, str]:
        return self.before[-1] if self.before else {}


def _only(files: dict[str, str], host: str) -> dict[str, str]:
    return {name: text for name, text in files.items() if owners(files).get(name) == host}


# A run is killed as often as it calls the system, so that the hosts count squared.
HOSTS = count(5, 14)
BEFORE, AFTER = tree("old", range(0, HOSTS)), tree("new", range(2, HOSTS + 2))
NODE04 = _only(AFTER, "node04")
SCENES = {
    "first": Scene((), AFTER, AFTER),
    "update": Scene((tree("ancient", range(0, 3)), BEFORE), AFTER, AFTER),
    "limit": Scene((BEFORE,), NODE04, {**BEFORE, **NODE04}, limit=("node04",)),
    "nobody-left": Scene((BEFORE,), {"dnsmasq.conf": "#\n"}, {"dnsmasq.conf": "#\n"}),
    "after-a-killed-run": Scene((BEFORE,), AFTER, AFTER, is_killed_before=True),
}


def check_after_kill(scene: Scene, out: Path, jobs: Jobs) -> bool:
    """Whether the new tree is there, and not the old one; fails on anything else, and if the next run does not mend."""
    found = without_manifest(published(out))
    assert found in (scene.old(), scene.after)
    end = jobs.run(out, scene.run, **scene.more())
    assert end["error"] is None
    assert without_manifest(published(out)) == scene.after
    assert_clean(out)
    return found == scene.after


@pytest.mark.parametrize("name", SCENES)
def test_killed_before_every_single_call(name: str, jobs: Jobs, memory: Path) -> None:
    scene = SCENES[name]
    out = memory / "out"
    scene.prepare(out, jobs)
    template = memory / "template"
    if out.exists():
        out.rename(template)
    found = []
    for die_at in range(1, 10_000):
        shutil.rmtree(out, ignore_errors=True)
        if template.exists():
            subprocess.run(["cp", "-a", template, out], check=True)
        end = jobs.run(out, scene.run, die_at=die_at, **scene.more())
        if end["status"] == 0:
            break
        assert end["status"] == signal.SIGKILL
        found.append(check_after_kill(scene, out, jobs))
    assert end["calls"] == len(found)
    # first the old one, and once the new one, the new one ever after
    assert found == sorted(found)
    assert set(found) == {False, True}


def test_killed_at_any_moment(jobs: Jobs, memory: Path) -> None:
    moments = random.Random(4)
    scene = SCENES["update"]
    out = memory / "out"
    scene.prepare(out, jobs)
    duration_s = jobs.run(out, scene.run)["seconds"]
    killed: list[bool] = []
    tries = 0
    while len(killed) < count(8, 200):
        tries += 1
        assert tries < 2000, "most runs are over before they are killed"
        scene.prepare(out, jobs)
        end = jobs.run(out, scene.run, die_after_s=moments.uniform(0, duration_s))
        is_new = check_after_kill(scene, out, jobs)
        killed += [is_new] if end["status"] == signal.SIGKILL else []


# --- a disk that is full, or read-only -------------------------------------------------------------------------------


@dataclasses.dataclass
class Disk:
    """A small file system in a mount namespace of its own, which goes with its process."""

    process: subprocess.Popen[str]
    mount_point: Path

    @property
    def path(self) -> Path:
        """The file system from outside of the namespace: proc(5), /proc/pid/root."""
        return Path(f"/proc/{self.process.pid}/root{self.mount_point}")

    def do(self, *command: str | Path) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(" ".join(str(word) for word in command) + " && echo done || echo failed\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    tmp_path.joinpath("disk").mkdir()
    namespaces = ["--mount"] if os.geteuid() == 0 else ["--user", "--map-root-user", "--mount"]
    process = subprocess.Popen(
        ["unshare", *namespaces, "sh"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        disk = Disk(process, tmp_path / "disk")
        try:
            disk.do("mount", "-t", "tmpfs", "-o", "size=4m,nr_inodes=200", "tmpfs", disk.mount_point)
        except (AssertionError, BrokenPipeError):
            assert "CI" not in os.environ, "CI has to allow a mount namespace: a full disk is not shown without"
            pytest.skip("a mount namespace is not allowed here")
        yield disk


def assert_nothing_happened(out: Path, before: dict[str, str]) -> None:
    assert published(out) == before
    assert_clean(out)


def test_disk_without_room_for_one_more_file_at_every_step(disk: Disk) -> None:
    out, fill = disk.path / "out", disk.path / "fill"
    old, new = tree("old", range(0, 6)), tree("new", range(2, 8))
    refused = 0
    for room in range(200):
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(fill, ignore_errors=True)
        publish(out, old)
        put_foreign_files(out)
        before = published(out)
        wanted = output.changes(out, site(new))
        fill.mkdir()
        while (status := os.statvfs(disk.path)).f_ffree > room:
            (fill / str(status.f_ffree)).touch()
        if (number := errno_of(wanted)) is None:
            break
        assert number == errno.ENOSPC
        assert_nothing_happened(out, before)
        refused += 1
    assert refused > len(new)  # each of them needed room, and so did directories and links
    assert without_manifest(published(out)) == new


def test_disk_without_room_for_contents(disk: Disk) -> None:
    out = disk.path / "out"
    publish(out, OLD)
    before = published(out)
    for room in (0, 1, 4, 32):  # blocks
        with open(disk.path / "fill", "wb") as file:
            free = os.statvfs(disk.path)
            file.write(bytes((free.f_bfree - room) * free.f_bsize))
        with pytest.raises(OSError, match="No space left on device"):
            publish(out, NEW)
        assert_nothing_happened(out, before)
    (disk.path / "fill").unlink()
    publish(out, NEW)
    assert without_manifest(published(out)) == NEW


def test_files_that_may_not_grow(jobs: Jobs, tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(out, OLD)
    before = published(out)
    for largest in (0, 5, 4096, 15_000):
        assert jobs.run(out, NEW, largest_file=largest)["error"] == errno.EFBIG
        assert_nothing_happened(out, before)


def test_read_only_target(disk: Disk) -> None:
    out = disk.path / "out"
    publish(out, OLD)
    before = published(out)
    disk.do("mount", "-o", "remount,bind,ro", disk.mount_point)
    with pytest.raises(OSError, match="Read-only file system"):
        publish(out, NEW)
    assert_nothing_happened(out, before)
    publish(out, OLD)  # nothing changes, nothing is written


def test_files_that_cannot_be_linked_are_copied(disk: Disk) -> None:
    out = disk.path / "out"
    publish(out, OLD)
    kickstarts = disk.mount_point / "out" / generations.STATE / "1" / "ks"
    disk.do("mount", "--bind", kickstarts, kickstarts)  # link(2) does not lead from one mount to another
    publish(out, NEW)
    assert without_manifest(published(out)) == NEW


# --- readers and other runs ------------------------------------------------------------------------------------------


def test_reader_finds_one_version(jobs: Jobs, tmp_path: Path) -> None:
    out = tmp_path / "out"
    versions = [tree(name, range(0, 14)) for name in ("first", "second")]
    publish(out, versions[0])
    jobs.start(out, *(versions * 40), pause_s=0.01)
    seen = set()
    state = out / generations.STATE
    while os.readlink(state / "current") != "80":
        text = (out / "ks" / "node01.ks").read_text()
        assert text in (versions[0]["ks/node01.ks"], versions[1]["ks/node01.ks"])
        generation = os.readlink(state / "current")
        try:
            found = {name: (state / generation / name).read_text() for name in versions[0]}
        except FileNotFoundError:
            # Reading took longer than two publications.
            assert int(os.readlink(state / "current")) >= int(generation) + 2
            continue
        assert found in versions
        seen.add(found["dnsmasq.conf"])
    assert jobs.end()["error"] is None
    assert len(seen) == 2


def test_two_runs_at_once_both_count(jobs: Jobs, other_jobs: Jobs, tmp_path: Path) -> None:
    for round_ in range(20):
        out = tmp_path / str(round_)
        publish(out, OLD)
        wanted = {host: _only(tree("new", range(0, 14)), host) for host in ("node04", "node05")}
        jobs.start(out, wanted["node04"], limit=["node04"])
        other_jobs.start(out, wanted["node05"], limit=["node05"])
        assert (jobs.end()["error"], other_jobs.end()["error"]) == (None, None)
        assert without_manifest(published(out)) == {**OLD, **wanted["node04"], **wanted["node05"]}
        assert_clean(out)


def test_first_runs_at_once(jobs: Jobs, other_jobs: Jobs, tmp_path: Path) -> None:
    for round_ in range(20):
        out = tmp_path / str(round_) / "deeper" / "out"
        jobs.start(out, OLD)
        other_jobs.start(out, OLD)
        assert (jobs.end()["error"], other_jobs.end()["error"]) == (None, None)
        assert without_manifest(published(out)) == OLD
        assert_clean(out)


def test_run_waits_for_the_other_and_sees_what_it_did(jobs: Jobs, tmp_path: Path) -> None:
    out = tmp_path / "out"
    publish(out, OLD)
    node04, node05 = (_only(tree("new", range(0, 14)), host) for host in ("node04", "node05"))
    late = output.changes(out, site(node05, frozenset({"node05"})))
    with generations.locked(out):
        jobs.start(out, node04, limit=["node04"])
        time.sleep(0.3)
        assert without_manifest(published(out)) == OLD
    assert jobs.end()["error"] is None
    done = output.publish(late)
    assert done.present.number == 2
    assert without_manifest(published(out)) == {**OLD, **node04, **node05}


def test_run_that_does_not_end_is_told(tmp_path: Path) -> None:
    with (
        generations.locked(tmp_path),
        pytest.raises(BlockingIOError, match=r"another ksgen has held the lock for 0\.1 s"),
        generations.locked(tmp_path, patience_s=0.1),
    ):
        raise AssertionError


def test_what_is_decided_too_late_is_decided_again(tmp_path: Path) -> None:
    out = tmp_path / "out"
    late = output.changes(out, site(OLD))
    publish(out, OLD)
    (out / ".ksgen" / "1" / "manifest.json").write_text('{"format": 2}')
    done = output.publish(late)
    assert [finding.code for finding in done.errors] == ["manifest-newer"]
    assert os.readlink(out / ".ksgen" / "current") == "1"
