# SPDX-License-Identifier: GPL-2.0-or-later
"""A few files of a published tree are replaced or removed, and everything else stays; what is done immediately before
the switch."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from ksgen.publish import generations, manifest, output

FILES = {"ks/a.ks": "a\n", "boot/a": "install\n", "armed/a.1": "a\n", "boot/b": "install\n", "arming.json": "{}\n"}
OWNERS = {"ks/a.ks": "a", "boot/a": "a", "armed/a.1": "a", "boot/b": "b"}
AFTER = {**FILES, "boot/a": "disk\n"}
del AFTER["armed/a.1"]


@pytest.fixture
def out(tmp_path: Path) -> Path:
    out = tmp_path / "out"
    output.publish(output.changes(out, output.Site(FILES, OWNERS, {"hosts.yaml": "0" * 64}, "1.0")))
    return out


def texts(out: Path) -> dict[str, str]:
    return {name: (out / name).read_text() for name in FILES if (out / name).exists()}


def amend(out: Path) -> output.Publication:
    wanted = output.amended(out, {"boot/a": "disk\n"}, {"armed/a.1"})
    with generations.locked(out):
        output.carry_out(wanted)
    return wanted


def test_all_else_stays(out: Path) -> None:
    before = json.loads((out / manifest.NAME).read_text())
    done = amend(out)
    assert [str(Path(change.path).relative_to(out)) for change in done.changes] == ["armed/a.1", "boot/a"]
    assert texts(out) == AFTER
    assert not (out / "armed" / "a.1").is_symlink()
    after = json.loads((out / manifest.NAME).read_text())
    assert (after["sources"], after["ksgen"]) == (before["sources"], before["ksgen"])
    assert set(after["files"]) == set(AFTER)
    assert after["files"]["boot/a"] == {"host": "a", "size": 5, "sha256": manifest.sha256(b"disk\n")}
    assert not output.amended(out, {"boot/a": "disk\n"}).is_needed


def test_permissions_to_install_are_for_the_web_server_alone(out: Path) -> None:
    modes = {name: stat.S_IMODE((out / name).stat().st_mode) for name in ("armed", "armed/a.1", "arming.json", "boot")}
    assert modes == {"armed": 0o750, "armed/a.1": 0o640, "arming.json": 0o640, "boot": 0o755}


def test_no_manifest_is_needed(out: Path) -> None:
    (out / ".ksgen" / "1" / manifest.NAME).write_text("damaged")
    amend(out)
    assert texts(out) == AFTER
    assert (out / manifest.NAME).read_text() == "damaged"


@pytest.mark.parametrize("is_damaged", [False, True])
def test_links_that_were_removed_stay_so(out: Path, is_damaged: bool) -> None:
    """They are for the next run for the whole site."""
    if is_damaged:
        (out / ".ksgen" / "1" / manifest.NAME).write_text("damaged")
        (out / manifest.NAME).unlink()
    (out / "boot" / "b").unlink()
    amend(out)
    assert not os.path.lexists(out / "boot" / "b")
    assert os.path.lexists(out / manifest.NAME) is not is_damaged


def test_manifest_that_was_removed_stays_so(out: Path) -> None:
    (out / ".ksgen" / "1" / manifest.NAME).unlink()
    amend(out)
    assert texts(out) == AFTER
    assert not (out / manifest.NAME).exists()


def test_first_files_of_a_tree(tmp_path: Path) -> None:
    wanted = output.amended(tmp_path / "new", {"a": "1\n"})
    with generations.locked(tmp_path / "new"):
        output.carry_out(wanted)
    written = json.loads((tmp_path / "new" / manifest.NAME).read_text())
    assert (written["ksgen"], written["sources"], list(written["files"])) == ("", {}, ["a"])


def test_last_step_is_left_out_where_something_is_in_the_way(out: Path) -> None:
    (out / "boot" / "a").unlink()
    (out / "boot" / "a").write_text("somebody's\n")
    called: list[bool] = []
    with generations.locked(out):
        output.carry_out(output.amended(out, {"boot/a": "disk\n"}), lambda: called.append(True))
    assert called == []


def test_what_is_in_the_way_is_said(out: Path) -> None:
    (out / "boot" / "a").unlink()
    (out / "boot" / "a").write_text("somebody's\n")
    assert [finding.code for finding in amend(out).errors] == ["output-in-the-way"]
    assert (out / "boot" / "a").read_text() == "somebody's\n"
    assert (out / "armed" / "a.1").exists()


def test_what_is_last_comes_before_the_switch(out: Path) -> None:
    seen = []

    def look() -> None:
        seen.append((os.readlink(out / ".ksgen" / "current"), (out / ".ksgen" / "2" / "boot" / "a").read_text()))

    with generations.locked(out):
        output.carry_out(output.amended(out, {"boot/a": "disk\n"}), look)
    assert seen == [("1", "disk\n")]
    with generations.locked(out):
        output.carry_out(output.amended(out, {"boot/a": "disk\n"}), look)
    assert seen[1:] == [("2", "disk\n")]


def test_nothing_is_published_when_the_last_step_fails(out: Path) -> None:
    def fail() -> None:
        raise OSError("no room")

    with generations.locked(out), pytest.raises(OSError, match="no room"):
        output.carry_out(output.amended(out, {"boot/a": "disk\n"}, {"armed/a.1"}), fail)
    assert texts(out) == FILES
    assert sorted(path.name for path in (out / ".ksgen").iterdir()) == ["1", "current", "lock"]


def test_files_are_added_replaced_and_removed_in_the_order_of_their_names(out: Path) -> None:
    state = out / ".ksgen" / "1"
    wanted = output.amended(out, {"z": b"\xff\n", "boot/a": b"disk\n", "a": "new\n"}, {"ks/a.ks", "armed/a.1"})
    found = [(Path(change.path), change.old and Path(change.old), change.new) for change in wanted.changes]
    assert [(str(path.relative_to(out)), *more) for path, *more in found] == [
        ("a", None, "new\n"),
        ("armed/a.1", state / "armed" / "a.1", None),
        ("boot/a", state / "boot" / "a", b"disk\n"),
        ("ks/a.ks", state / "ks" / "a.ks", None),
        ("z", None, b"\xff\n"),
    ]
    with generations.locked(out):
        output.carry_out(wanted)
    assert ((out / "a").read_text(), (out / "z").read_bytes()) == ("new\n", b"\xff\n")
    files = json.loads((out / manifest.NAME).read_text())["files"]
    assert {name: entry["host"] for name, entry in files.items()} == {
        "a": None, "arming.json": None, "boot/a": "a", "boot/b": "b", "z": None
    }  # fmt: skip
