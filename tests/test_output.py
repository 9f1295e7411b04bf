# SPDX-License-Identifier: GPL-2.0-or-later
"""Publication: unchanged files stay, failures leave everything as it was, no hash in a diff."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from inventories import PASSWORD_HASH

from ksgen import output


def test_unchanged_files_are_not_touched(tmp_path: Path) -> None:
    output.publish(output.changes(tmp_path, {"ks/a.ks": "1\n", "ks/b.ks": "1\n"}))
    before = {path.name: path.stat().st_ino for path in (tmp_path / "ks").iterdir()}
    found = output.changes(tmp_path, {"ks/a.ks": "1\n", "ks/b.ks": "2\n"})
    assert [(change.path.name, change.old, change.new) for change in found] == [("b.ks", "1\n", "2\n")]
    output.publish(found)
    after = {path.name: path.stat().st_ino for path in (tmp_path / "ks").iterdir()}
    assert after["a.ks"] == before["a.ks"]
    assert after["b.ks"] != before["b.ks"]
    assert (tmp_path / "ks" / "b.ks").read_text() == "2\n"


def test_files_are_for_the_owner_and_the_group(tmp_path: Path) -> None:
    output.publish(output.changes(tmp_path, {"ks/a.ks": "1\n"}))
    assert oct((tmp_path / "ks" / "a.ks").stat().st_mode & 0o777) == "0o640"


def test_a_failure_before_the_first_rename_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "ks").mkdir()
    (tmp_path / "ks" / "a.ks").write_text("old\n")
    (tmp_path / "file").write_text("in the way")
    found = (
        output.Change(tmp_path / "ks" / "a.ks", "old\n", "new\n"),
        output.Change(tmp_path / "file" / "b", None, ""),
    )
    with pytest.raises(OSError, match="file"):
        output.publish(found)
    assert (tmp_path / "ks" / "a.ks").read_text() == "old\n"
    assert os.listdir(tmp_path / "ks") == ["a.ks"]


def test_bytes_that_are_no_text_are_a_change(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xff")
    (change,) = output.changes(tmp_path, {"a": "b"})
    assert change.new == "b"


def test_diff_shows_no_hash(tmp_path: Path) -> None:
    other = PASSWORD_HASH.replace("A", "B")
    change = output.Change(tmp_path / "a.ks", f"rootpw --iscrypted {PASSWORD_HASH}\n", f"rootpw --iscrypted {other}\n")
    lines = list(output.diff(change))
    assert lines[-3:-1] == ["-rootpw --iscrypted (a password hash)", "+rootpw --iscrypted (a password hash)"]
