# SPDX-License-Identifier: GPL-2.0-or-later
"""What a publication changes, leaves alone and refuses, and what a diff shows of it."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from inventories import PASSWORD_HASH

from ksgen.problems import Finding, Mark, Problem, Severity
from ksgen.publish import Publication, Site, generations, output
from ksgen.publish.output import Change

A, B = "ks/a.ks", "ks/b.ks"
OWNERS = {A: "a", B: "b", "pxelinux.cfg/01-aa": "a", "pxelinux.cfg/01-bb": "b"}


def site(files: Mapping[str, str | bytes], **more: object) -> Site:
    made = Site(files, {name: OWNERS[name] for name in files if name in OWNERS}, {"hosts.yaml": "0" * 64}, "1.0")
    return dataclasses.replace(made, **more)  # type: ignore[arg-type]


def publish(out: Path, files: Mapping[str, str | bytes], **more: object) -> Publication:
    return output.publish(output.changes(out, site(files, **more)))


def problem(path: Path, code: str, message: str, severity: Severity = "error", hint: str | None = None) -> Problem:
    return Finding(code, message, severity, hint).at(Mark(str(path), 1))


def snapshot(out: Path) -> dict[str, tuple[int, int, str]]:
    """Everything below a directory: inode, time of the last change, and what a link says."""
    found = {}
    for path in sorted(out.rglob("*")):
        status = path.lstat()
        text = os.readlink(path) if path.is_symlink() else ""
        found[str(path.relative_to(out))] = (status.st_ino, status.st_mtime_ns, text)
    return found


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def narrow_umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


# --- what changes ----------------------------------------------------------------------------------------------------


def test_unchanged_run_touches_nothing(out: Path) -> None:
    publish(out, {A: "1\n", "image": b"\xff\0"})
    before = snapshot(out)
    done = publish(out, {A: "1\n", "image": b"\xff\0"})
    assert (done.changes, done.problems) == ((), ())
    assert snapshot(out) == before


def test_changes_are_told_in_the_order_of_their_names(out: Path) -> None:
    """Those that are written, then those that go."""
    many = dict.fromkeys((B, A, "z", "ks/c.ks", "b"), "1\n")
    assert [Path(change.path) for change in publish(out, many).changes] == [out / name for name in sorted(many)]
    done = publish(out, {"y": "1\n", "a": "1\n"})
    assert [Path(change.path) for change in done.changes] == [out / name for name in ("a", "y", *sorted(many))]


def test_unchanged_files_keep_inode_and_time(out: Path) -> None:
    publish(out, {A: "1\n", B: "1\n"})
    before = {name: (out / name).stat() for name in (A, B)}
    done = publish(out, {A: "1\n", B: "2\n"})
    assert done.changes == (Change(f"{out}/{B}", f"{out}/.ksgen/1/{B}", "2\n", owner="b"),)
    a, b = (out / A).stat(), (out / B).stat()
    assert (a.st_ino, a.st_mtime_ns) == (before[A].st_ino, before[A].st_mtime_ns)
    assert b.st_ino != before[B].st_ino
    assert (out / B).read_text() == "2\n"


def test_looking_writes_nothing(out: Path) -> None:
    assert len(output.changes(out, site({A: "1\n"})).changes) == 1
    assert not out.exists()


def test_lock_is_for_runs_that_write(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "LOCK_PATIENCE_S", 0)
    publish(out, {A: "1\n"})
    with generations.locked(out):
        assert publish(out, {A: "1\n"}).changes == ()
        with pytest.raises(BlockingIOError):
            publish(out, {A: "2\n"})
    assert (out / A).read_text() == "1\n"


def test_decision_counts_until_another_run_has_published(out: Path) -> None:
    wanted = output.changes(out, site({A: "1\n"}))
    assert output.publish(wanted) is wanted
    late = output.changes(out, site({A: "3\n"}))
    publish(out, {A: "2\n"})
    done = output.publish(late)
    assert done.changes == (Change(f"{out}/{A}", f"{out}/.ksgen/2/{A}", "3\n", owner="a"),)
    assert (out / A).read_text() == "3\n"


def test_tree_can_be_copied_and_moved(out: Path, tmp_path: Path) -> None:
    publish(out, {A: "1\n"})
    shutil.copytree(out, tmp_path / "plain", ignore=shutil.ignore_patterns(".ksgen"))
    out.rename(tmp_path / "moved")
    assert not (tmp_path / "plain" / A).is_symlink()
    assert (tmp_path / "plain" / A).read_text() == (tmp_path / "moved" / A).read_text() == "1\n"
    assert publish(tmp_path / "moved", {A: "1\n"}).changes == ()


def test_link_that_was_removed_comes_back(out: Path) -> None:
    publish(out, {A: "1\n", B: "1\n"})
    (out / A).unlink()
    assert publish(out, {A: "1\n", B: "1\n"}).changes == (Change(f"{out}/{A}", None, "1\n", owner="a"),)
    assert (out / A).read_text() == "1\n"


def test_edited_file_is_published_again(out: Path) -> None:
    publish(out, {A: "1\n"})
    (out / A).write_text("edited\n")
    (change,) = publish(out, {A: "1\n"}).changes
    assert (out / A).read_text() == "1\n"
    assert list(output.diff(change))[2:] == ["@@ -1,2 +1,2 @@", "-edited", "+1", " "]


def test_only_two_generations_stay(out: Path) -> None:
    for number in range(5):
        publish(out, {A: f"{number}\n"})
    assert sorted(os.listdir(out / ".ksgen")) == ["4", "5", "current", "lock"]


@pytest.mark.parametrize("name", ["/etc/x", "../x", "ks/../../x", "ks//x", "./x", "", ".ksgen/current", "ks/a\nb", "."])
def test_path_that_leads_outside_is_our_bug(name: str) -> None:
    with pytest.raises(ValueError, match="not a path in a tree"):
        Site({name: "x"})


# --- modes -----------------------------------------------------------------------------------------------------------


EXPECTED_MODES = {
    ".": "755",
    "ks": "750",
    A: "640",
    "grub": "755",
    "grub/x86": "755",
    "grub/x86/grub.cfg": "644",
    "nginx.conf": "644",
    "armed": "750",
    "armed/tokens": "640",
    "armed.d/x": "644",
    "arming.json": "640",
    "manifest.json": "640",
    ".ksgen": "755",
    ".ksgen/current": "755",
    ".ksgen/current/ks": "750",
    ".ksgen/current/grub/x86": "755",
}


@pytest.mark.usefixtures("narrow_umask")
def test_modes_do_not_depend_on_the_umask(out: Path) -> None:
    others = ("grub/x86/grub.cfg", "nginx.conf", "armed/tokens", "armed.d/x", "arming.json")
    publish(out, {A: "1\n", **dict.fromkeys(others, "1\n")})
    publish(out, {A: "2\n", **dict.fromkeys(others, "1\n")})
    modes = {name: f"{stat.S_IMODE((out / name).stat().st_mode) & 0o777:o}" for name in EXPECTED_MODES}
    assert modes == EXPECTED_MODES


def test_opened_kickstart_is_closed_again(out: Path) -> None:
    publish(out, {A: "1\n"})
    (out / A).chmod(0o644)
    (change,) = publish(out, {A: "1\n"}).changes
    assert list(output.diff(change)) == [f"{out / A}: mode 0644 becomes 0640"]
    assert stat.S_IMODE((out / A).stat().st_mode) == 0o640


def other_group() -> int:
    """A group that is not the one that new files get."""
    groups = [1] if os.geteuid() == 0 else [group for group in os.getgroups() if group != os.getegid()]
    if not groups:
        pytest.skip("this user is in one group alone")
    return groups[0]


def test_group_that_was_asked_for_stays(out: Path) -> None:
    group = other_group()
    publish(out, {A: "1\n"}, group=group)
    publish(out, {A: "1\n", "ks2/b": "1\n"})
    assert {(out / name).stat().st_gid for name in (A, "ks", "ks2/b", "ks2", "manifest.json")} == {group}
    assert publish(out, {A: "1\n", "ks2/b": "1\n"}, group=group).changes == ()
    (change,) = publish(out, {A: "1\n", "ks2/b": "1\n"}, group=os.getegid()).changes[:1]
    assert change.note == f"group {group} becomes {os.getegid()}"
    assert (out / A).stat().st_gid == os.getegid()


@pytest.mark.parametrize("setgid", [0, stat.S_ISGID], ids=["plain", "setgid"])
def test_group_of_the_directory_is_kept(out: Path, setgid: int) -> None:
    out.mkdir()
    os.chown(out, -1, other_group())
    out.chmod(0o755 | setgid)
    for content in "12":
        publish(out, {A: content, "ks2/b": content})
        assert {(out / name).stat().st_gid for name in (A, "ks", "ks2", "ks2/b", "manifest.json")} == {other_group()}
        assert (out / "ks").stat().st_mode & stat.S_ISGID == setgid


# --- hosts that left, and hosts that are not meant -------------------------------------------------------------------


def test_files_of_a_host_that_left_go(out: Path) -> None:
    publish(out, {A: "1\n", B: "1\n"})
    done = publish(out, {A: "1\n"})
    assert done.changes == (Change(f"{out}/{B}", f"{out}/.ksgen/1/{B}", None, owner="b"),)
    assert sorted(os.listdir(out / "ks")) == ["a.ks"]
    assert list(json.loads((out / "manifest.json").read_text())["files"]) == [A]
    assert list(output.diff(done.changes[0])) == [f"--- {out / B}", "+++ /dev/null", "@@ -1,2 +1 @@", "-1", " "]


def test_edited_file_of_a_host_that_left_stays(out: Path) -> None:
    publish(out, {A: "1\n", B: "1\n"})
    (out / B).write_text("edited\n")
    message = "no longer generated, but kept: it was modified after publication"
    stays = problem(out / B, "output-edited", message, "warning", "remove it if it is not needed")
    for content in "223":
        done = publish(out, {A: content})
        assert done.problems == (stays,)
    assert (out / B).read_text() == "edited\n"
    (out / B).unlink()
    assert publish(out, {A: "3"}).problems == ()
    assert not (out / ".ksgen" / "current" / B).exists()


def test_file_in_place_of_one_that_left_is_somebody_elses(out: Path) -> None:
    publish(out, {A: "1\n", B: "1\n"})
    (out / B).unlink()
    (out / B).write_text("1\n")
    done = publish(out, {A: "1\n"})
    assert (done.changes, done.problems) == ((), ())
    assert (out / B).read_text() == "1\n"
    assert list(json.loads((out / "manifest.json").read_text())["files"]) == [A]


def test_limit_leaves_other_hosts_alone(out: Path) -> None:
    publish(out, {A: "1\n", B: "1\n", "nginx.conf": "1\n", "pxelinux.cfg/01-aa": "1\n"})
    before = snapshot(out / "ks")["b.ks"], (out / B).stat().st_ino
    done = publish(out, {A: "2\n"}, limit=frozenset({"a"}))
    assert [(Path(change.path), change.new) for change in done.changes] == [
        (out / A, "2\n"),
        (out / "pxelinux.cfg/01-aa", None),
    ]
    assert (snapshot(out / "ks")["b.ks"], (out / B).stat().st_ino) == before
    files = json.loads((out / "manifest.json").read_text())["files"]
    assert {name: entry["host"] for name, entry in files.items()} == {A: "a", B: "b", "nginx.conf": None}


def test_limit_does_not_mend_other_hosts(out: Path) -> None:
    publish(out, {A: "1\n", B: "1\n"})
    (out / B).unlink()
    publish(out, {A: "2\n"}, limit=frozenset({"a"}))
    assert not (out / B).exists()


def test_limit_leaves_alone_what_the_manifest_does_not_know(out: Path) -> None:
    publish(out, {A: "1\n", B: "1\n"})
    manifest = json.loads((out / "manifest.json").read_text())
    del manifest["files"][B]
    (out / "manifest.json").write_text(json.dumps(manifest))
    done = publish(out, {A: "2\n"}, limit=frozenset({"a"}))
    assert ([Path(change.path) for change in done.changes], done.problems) == ([out / A], ())
    assert (out / B).read_text() == "1\n"


def test_limit_with_a_file_of_another_host_is_our_bug() -> None:
    with pytest.raises(ValueError, match=r"files of hosts that are not selected: \['b'\]"):
        site({B: "1\n"}, limit=frozenset({"a"}))


def test_boot_file_that_moved_to_another_host(out: Path) -> None:
    publish(out, {"pxelinux.cfg/01-bb": "1\n"})
    moved = Site({"pxelinux.cfg/01-bb": "2\n"}, {"pxelinux.cfg/01-bb": "a"}, limit=frozenset({"a"}))
    found = output.changes(out, moved)
    assert found.errors == (
        problem(
            out / "pxelinux.cfg/01-bb",
            "output-of-another-host",
            "belongs to b, which is not selected",
            hint="publish both hosts, b and a",
        ),
    )
    assert not found.is_needed
    assert output.publish(found) == found
    assert (out / "pxelinux.cfg/01-bb").read_text() == "1\n"


def test_file_of_a_host_that_becomes_the_sites(out: Path) -> None:
    publish(out, {"pxelinux.cfg/01-bb": "1\n"})
    found = output.changes(out, Site({"pxelinux.cfg/01-bb": "2\n"}, limit=frozenset({"a"})))
    message = "belongs to b, which is not selected"
    assert found.errors == (problem(out / "pxelinux.cfg/01-bb", "output-of-another-host", message),)
    (change,) = publish(out, {"pxelinux.cfg/01-bb": "2\n"}, owners={}).changes
    assert change.new == "2\n"
    assert json.loads((out / "manifest.json").read_text())["files"]["pxelinux.cfg/01-bb"]["host"] is None


def test_file_of_the_site_that_becomes_a_hosts(out: Path) -> None:
    publish(out, {A: "1\n"}, owners={})
    (change,) = publish(out, {A: "2\n"}, limit=frozenset({"a"})).changes
    assert change.new == "2\n"
    assert json.loads((out / "manifest.json").read_text())["files"][A]["host"] == "a"


# --- what is in the way ----------------------------------------------------------------------------------------------


def _link_outside(path: Path) -> None:
    outside = path.parent.parent.parent / "outside"
    outside.mkdir()
    (outside / "a.ks").write_text("outside\n")
    path.symlink_to(outside / "a.ks")


def _link_for_directory(path: Path) -> None:
    _link_outside(path)
    path.unlink()
    path.parent.rmdir()
    path.parent.symlink_to(path.parent.parent.parent / "outside")


def _file_for_directory(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("a file\n")


@pytest.mark.parametrize("is_first", [True, False], ids=["first-run", "later-run"])
@pytest.mark.parametrize(
    ("put", "where", "kind"),
    [
        pytest.param(lambda path: path.write_text("mine\n"), A, "file", id="file"),
        pytest.param(lambda path: path.mkdir(), A, "directory", id="directory"),
        pytest.param(lambda path: path.symlink_to("../.ksgen/current/ks/b.ks"), A, "symbolic link", id="link-inside"),
        pytest.param(lambda path: path.symlink_to("nowhere"), A, "symbolic link", id="link-to-nowhere"),
        pytest.param(_link_outside, A, "symbolic link", id="link-outside"),
        pytest.param(os.mkfifo, A, "special file", id="fifo"),
        pytest.param(_link_for_directory, "ks", "symbolic link", id="link-for-directory"),
        pytest.param(_file_for_directory, "ks", "file", id="file-for-directory"),
    ],
)
def test_in_the_way(out: Path, put: Callable[[Path], object], where: str, kind: str, is_first: bool) -> None:
    if not is_first:
        publish(out, {"nginx.conf": "1\n"})
    (out / "ks").mkdir(parents=True)
    put(out / A)
    before = snapshot(out.parent)
    done = publish(out, {A: "new\n", "nginx.conf": "2\n"})
    hint = "move it away, or publish to another directory"
    message = f"a {kind} not created by ksgen is in the way"
    assert done.problems == (problem(out / where, "output-in-the-way", message, "error", hint),)
    assert done.changes == ()
    assert snapshot(out.parent) == before


def test_many_in_the_way_are_counted(out: Path) -> None:
    (out / "ks").mkdir(parents=True)
    files = {f"ks/{number}.ks": "x" for number in range(25)}
    for name in files:
        (out / name).write_text("mine\n")
    problems = publish(out, files).errors
    assert len(problems) == 11
    assert [problem.mark.file for problem in problems[:-1]] == [str(out / name) for name in sorted(files)[:10]]
    assert {problem.code for problem in problems} == {"output-in-the-way"}
    assert (problems[-1].mark.file, problems[-1].message) == (str(out), "15 more files are in the way")


def test_manifest_of_something_else_is_in_the_way(out: Path) -> None:
    out.mkdir()
    (out / "manifest.json").write_text("{}")
    (found,) = publish(out, {A: "1\n"}).errors
    assert (found.mark.file, found.code) == (str(out / "manifest.json"), "output-in-the-way")
    assert (out / "manifest.json").read_text() == "{}"


def test_nothing_is_cleaned_up_where_something_is_in_the_way(out: Path) -> None:
    publish(out, {A: "1\n"})
    (out / ".ksgen" / "7").mkdir()
    (out / B).write_text("mine\n")
    before = snapshot(out)
    assert publish(out, {A: "1\n", B: "1\n"}).errors
    assert snapshot(out) == before


def test_foreign_files_stay(out: Path) -> None:
    (out / "ks" / "deeper").mkdir(parents=True)
    (out / "ks" / "deeper" / "mine").write_text("mine\n")
    (out / "ks" / "mine").write_text("mine\n")
    inodes = [(out / "ks" / name).stat().st_ino for name in ("mine", "deeper", "deeper/mine")]
    for files in ({A: "1\n"}, {A: "2\n"}, {B: "2\n"}, {}):
        publish(out, files)
    assert [(out / "ks" / name).stat().st_ino for name in ("mine", "deeper", "deeper/mine")] == inodes
    assert sorted(os.listdir(out / "ks")) == ["deeper", "mine"]


@pytest.mark.parametrize(
    ("put", "message"),
    [
        pytest.param(lambda out: out.write_text("a file"), "is not a directory", id="file-for-out"),
        pytest.param(
            lambda out: (out.mkdir(), (out / ".ksgen").write_text("")),
            "but ksgen keeps published files",
            id="file-for-state",
        ),
        pytest.param(
            lambda out: (out.mkdir(), (out / ".ksgen").symlink_to("/")),
            "but ksgen keeps published files",
            id="link-for-state",
        ),
        pytest.param(
            lambda out: _point_current(out, "../../outside"),
            "is not a symbolic link created by ksgen",
            id="current-outside",
        ),
        pytest.param(
            lambda out: (publish(out, {}), (out / ".ksgen/current").unlink(), (out / ".ksgen/current").mkdir()),
            "is not a symbolic link created by ksgen",
            id="current-directory",
        ),
    ],
)
def test_place_that_is_not_ours(out: Path, put: Callable[[Path], object], message: str) -> None:
    put(out)
    before = snapshot(out.parent)
    with pytest.raises(OSError, match=message):
        output.changes(out, site({A: "1\n"}))
    assert snapshot(out.parent) == before


def _point_current(out: Path, target: str) -> None:
    publish(out, {})
    (out / ".ksgen" / "current").unlink()
    (out / ".ksgen" / "current").symlink_to(target)


def test_links_inside_the_state_are_not_followed(out: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.ks").write_text("1\n")
    publish(out, {A: "1\n", "grub/a": "1\n"})
    generation = out / ".ksgen" / "1"
    shutil.rmtree(generation / "ks")
    (generation / "ks").symlink_to(tmp_path / "outside")
    (generation / "grub" / "a").unlink()
    (generation / "grub" / "a").symlink_to(tmp_path / "outside" / "a.ks")
    for content in "2", "3":
        publish(out, {A: content, "grub/a": content})
    assert not (out / ".ksgen" / "current" / "ks").is_symlink()
    assert os.listdir(tmp_path / "outside") == ["a.ks"]
    assert (tmp_path / "outside" / "a.ks").read_text() == "1\n"


# --- the manifest ----------------------------------------------------------------------------------------------------


def test_manifest_says_what_was_written_from_what(out: Path) -> None:
    publish(out, {A: "grün\n", "nginx.conf": b"1\n"})
    text = (out / "manifest.json").read_text()
    assert json.loads(text) == {
        "format": 1,
        "ksgen": "1.0",
        "sources": {"hosts.yaml": "0" * 64},
        "files": {
            A: {"host": "a", "size": 6, "sha256": hashlib.sha256("grün\n".encode()).hexdigest()},
            "nginx.conf": {"host": None, "size": 2, "sha256": hashlib.sha256(b"1\n").hexdigest()},
        },
    }
    publish(out.with_name("other"), {"nginx.conf": b"1\n", A: "grün\n"})
    assert (out.with_name("other") / "manifest.json").read_text() == text


def test_other_sources_are_no_change_but_are_written_down(out: Path) -> None:
    publish(out, {A: "1\n"})
    before = (out / A).stat()
    assert publish(out, {A: "1\n"}, sources={"hosts.yaml": "1" * 64}).changes == ()
    assert json.loads((out / "manifest.json").read_text())["sources"] == {"hosts.yaml": "1" * 64}
    assert (out / A).stat().st_ino == before.st_ino


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("\xff", id="not-utf-8"),
        pytest.param("[]", id="list"),
        pytest.param("[" * 100_000, id="nested"),
        pytest.param('{"format": true, "ksgen": "", "sources": {}, "files": {}}', id="format-is-true"),
        pytest.param('{"format": 1, "ksgen": "", "sources": {}, "files": []}', id="files-are-a-list"),
        pytest.param('{"format": 1, "ksgen": "", "sources": {}, "files": {"ks/b.ks": 5}}', id="entry-is-a-number"),
        pytest.param('{"format": 1, "ksgen": "", "sources": {"a": 1}, "files": {}}', id="source-is-a-number"),
        pytest.param(None, id="missing"),
    ],
)
def test_unreadable_manifest(out: Path, text: str | None) -> None:
    publish(out, {A: "1\n", B: "1\n"})
    path = out / ".ksgen" / "current" / "manifest.json"
    path.unlink() if text is None else path.write_text(text, encoding="latin-1")

    message = "not a manifest of ksgen; file owners are unknown"
    limited = publish(out, {A: "2\n"}, limit=frozenset({"a"}))
    hint = "publish the whole site once"
    assert limited.problems == (problem(out / "manifest.json", "manifest-unreadable", message, "error", hint),)
    assert (out / A).read_text() == "1\n"

    problems = publish(out, {A: "2\n"}).problems
    assert "manifest" in problems[1].message
    codes = [(Path(problem.mark.file).name, problem.code, problem.severity) for problem in problems]
    assert codes == [("manifest.json", "manifest-unreadable", "warning"), ("b.ks", "output-edited", "warning")]
    assert ((out / A).read_text(), (out / B).read_text()) == ("2\n", "1\n")
    assert [problem.code for problem in publish(out, {A: "2\n"}).problems] == ["output-edited"]


def test_manifest_of_a_newer_ksgen(out: Path) -> None:
    publish(out, {A: "1\n"})
    (out / "manifest.json").write_text('{"format": 2}')
    message = "written by a newer ksgen (format 2; this one supports 1)"
    newer = problem(out / "manifest.json", "manifest-newer", message, hint="update ksgen")
    assert publish(out, {A: "2\n"}).problems == (newer,)
    assert (out / A).read_text() == "1\n"


def test_manifest_that_leads_outside_leads_nowhere(out: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("1\n")
    publish(out, {A: "1\n"})
    text = (out / "manifest.json").read_text()
    manifest = json.loads(text)
    for name in ("../victim", str(victim), "ks/../../victim", "../../../victim", "", ".", "..", "ks", "a\0b"):
        manifest["files"][name] = {**manifest["files"][A], "host": "a"}
    (out / "manifest.json").write_text(json.dumps(manifest))
    done = publish(out, {A: "2\n"})
    assert [Path(change.path) for change in done.changes] == [out / A]
    publish(out, {})
    assert victim.read_text() == "1\n"
    assert json.loads((out / "manifest.json").read_text())["files"] == {}


def test_file_that_nothing_names_any_more_is_forgotten(out: Path) -> None:
    """Neither the site, nor the manifest, nor a link: that is a change, though no file has one."""
    publish(out, {A: "1\n"})
    text = (out / "manifest.json").read_bytes()
    publish(out, {A: "1\n", B: "1\n"})
    (out / "manifest.json").write_bytes(text)
    (out / B).unlink()
    done = publish(out, {A: "1\n"})
    assert (done.changes, done.problems, done.is_needed) == ((), (), True)
    assert not (out / ".ksgen" / "current" / B).exists()
    assert not publish(out, {A: "1\n"}).is_needed


def test_manifest_with_another_sum_removes_nothing(out: Path) -> None:
    publish(out, {A: "1\n"})
    manifest = json.loads((out / "manifest.json").read_text())
    manifest["files"][A]["sha256"] = "0" * 64
    (out / "manifest.json").write_text(json.dumps(manifest))
    assert [problem.code for problem in publish(out, {}).problems] == ["output-edited"]
    assert (out / A).exists()


# --- diffs -----------------------------------------------------------------------------------------------------------


def diff_of(tmp_path: Path, old: str | bytes, new: str | bytes) -> list[str]:
    path = tmp_path / "old"
    path.write_bytes(old.encode() if isinstance(old, str) else old)
    return list(output.diff(Change("out/a.ks", str(path), new)))


def test_diff_shows_no_secret(tmp_path: Path) -> None:
    """Removed, added, and beside what has changed; tests/redaction/test_redaction.py has what a secret is."""
    line, shown = f"rootpw --iscrypted {PASSWORD_HASH}", "rootpw --iscrypted (a password hash)"
    assert diff_of(tmp_path, line, "x")[2:] == ["@@ -1 +1 @@", "-" + shown, "+x"]
    assert diff_of(tmp_path, "x", line)[2:] == ["@@ -1 +1 @@", "-x", "+" + shown]
    assert diff_of(tmp_path, f"{line}\nx\n", f"{line}\ny\n")[2:] == ["@@ -1,3 +1,3 @@", " " + shown, "-x", "+y", " "]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param("a\nb\n", "a\nc\n", id="changed"),
        pytest.param("", "a\n", id="from-nothing"),
        pytest.param("a\n", "", id="to-nothing"),
        pytest.param("\n".join("abcdefghijklmnopq"), "\n".join("abcXefghijklmnopY"), id="two-hunks"),
        pytest.param("\n".join("abcdef"), "\n".join("bcdefg"), id="ends"),
        pytest.param("a\n", "a\n", id="the-same"),
    ],
)
def test_diff_is_unified(tmp_path: Path, old: str, new: str) -> None:
    expected = difflib.unified_diff(old.split("\n"), new.split("\n"), "out/a.ks", "out/a.ks", lineterm="")
    assert diff_of(tmp_path, old, new) == list(expected)


def test_diff_hides_a_line_that_was_a_secret_and_stays_without_being_one(tmp_path: Path) -> None:
    begin, end = "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"
    lines = diff_of(tmp_path, f"{begin}\nSECRET\n{end}\n", "SECRET\n")
    assert lines[3:] == ["-(a private key)", " (a private key)", "-(a private key)", " "]


def test_change_knows_the_secrets_of_both_sides(out: Path) -> None:
    """Those of the old content are in the manifest of the old generation."""
    publish(out, {A: "mail swordfish\n", B: "pike x\n"}, secrets={A: ((0, 5, 14),), B: ((0, 0, 4),)})
    changed, gone = publish(out, {A: "tuna mail\n"}, secrets={A: ((0, 0, 4),)}).changes
    assert (changed.old_secrets, changed.new_secrets) == (((0, 5, 14),), ((0, 0, 4),))
    assert (gone.old_secrets, gone.new_secrets) == (((0, 0, 4),), ())
    assert list(output.diff(changed))[3:5] == ["-mail (secret)", "+(secret) mail"]


@pytest.mark.parametrize("place", [(2, 0, 1), (9, 0, 1), (0, 1, 4), (0, 2, 2), (0, 3, 2), (1, 0, 1)])
def test_place_of_a_secret_that_an_edited_file_does_not_have(tmp_path: Path, place: tuple[int, int, int]) -> None:
    path = tmp_path / "old"
    path.write_text("abc\n")
    change = Change("out/a.ks", str(path), "x\n", old_secrets=(place, (0, 0, 1)))
    assert list(output.diff(change))[3:] == ["-(secret)bc", "+x", " "]


def test_new_file_has_no_old_secrets(out: Path) -> None:
    publish(out, {A: "1\n"})
    _, new = publish(out, {A: "2\n", B: "pike x\n"}, secrets={B: ((0, 0, 4),)}).changes
    assert (new.old_secrets, new.new_secrets) == ((), ((0, 0, 4),))


def test_diff_shows_that_a_secret_changed(tmp_path: Path) -> None:
    lines = diff_of(tmp_path, "rootpw --plaintext SECRET1\n", "rootpw --plaintext SECRET2\n")
    assert lines[3:5] == ["-rootpw --plaintext (secret)", "+rootpw --plaintext (secret)"]


def test_diff_shows_no_private_key_even_from_the_middle(tmp_path: Path) -> None:
    key = [
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        *(f"SECRET{n}" for n in range(20)),
        "-----END OPENSSH PRIVATE KEY-----",
    ]
    text = "\n".join(key)
    lines = diff_of(tmp_path, f"{text}\nend\n", f"{text.replace('SECRET9', 'SECRET99')}\nEND\n")
    assert "SECRET" not in "".join(lines)
    assert {"-(a private key)", "+(a private key)", "-end", "+END"} <= set(lines)


def test_diff_of_binary_files(tmp_path: Path) -> None:
    expected = [f"binary files out/a.ks (2 bytes) and out/a.ks ({2} bytes) differ"]
    assert diff_of(tmp_path, b"\xff\xfe", "x\n") == expected
    assert diff_of(tmp_path, "x\n", b"a\0") == expected


def test_diff_names_no_permission_to_install() -> None:
    """The path of its file is the secret."""
    lines = list(output.diff(Change(f"out/armed/a.1700000000.1700003600.{'5a' * 16}", None, "1\n")))
    assert lines[1] == "+++ out/armed/a.1700000000.1700003600.(secret)"


def test_diff_of_a_new_file() -> None:
    lines = list(output.diff(Change("out/a.ks", None, "1\n")))
    assert lines == ["--- /dev/null", "+++ out/a.ks", "@@ -1 +1,2 @@", "+1", " "]
