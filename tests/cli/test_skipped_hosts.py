# SPDX-License-Identifier: GPL-2.0-or-later
"""A host whose files a run would remove although nothing says that it is not a node any more."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from command import CliRunner
from inventories import inventory_text

from ksgen.cli import main

TWO = inventory_text() + inventory_text("node02.example.com").split("hosts:\n")[1].replace("aa:00:01", "aa:00:02")
TWO = TWO.replace("0000000001", "0000000002", 1)


@pytest.fixture(autouse=True)
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tree of two nodes, and then an inventory where the second one has only another variable."""
    monkeypatch.chdir(tmp_path)
    Path("hosts.yaml").write_text(TWO)
    assert ksgen().exit_code == 0
    assert Path("out/ks/node02.example.com.ks").is_file()
    Path("hosts.yaml").write_text(inventory_text() + "    node02.example.com: {ansible_host: 10.0.0.2}\n")


def ksgen(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["hosts.yaml", *arguments], catch_exceptions=False)


def test_a_published_host_is_not_skipped() -> None:
    result = ksgen()
    assert result.exit_code == 1
    assert result.stderr == (
        "hosts.yaml:11:5: error: node02.example.com: was published to out, but has neither node_mac nor node_disk now, "
        "and would be skipped\n"
        "  hint: set both again; node_kind: none removes its files\n"
        "1 error; nothing was written\n"
    )
    assert Path("out/ks/node02.example.com.ks").is_file()


def test_an_armed_host_is_not_skipped() -> None:
    Path("hosts.yaml").write_text(TWO)
    for name in (".treeinfo", "images/install.img", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"):
        Path("tree", name).parent.mkdir(parents=True, exist_ok=True)
        Path("tree", name).write_text(name)
    armed = CliRunner().invoke(main, ["arm", "hosts.yaml", "node02.example.com", "--tree", "el9=tree", "--yes"])
    assert armed.exit_code == 0, armed.output
    Path("hosts.yaml").write_text(inventory_text() + "    node02.example.com: {ansible_host: 10.0.0.2}\n")
    assert "node02.example.com: is armed, but has neither node_mac nor node_disk now" in ksgen().stderr


def test_a_host_that_is_declared_to_be_no_node_is_removed() -> None:
    Path("hosts.yaml").write_text(inventory_text() + "    node02.example.com: {node_kind: none}\n")
    assert ksgen().exit_code == 0
    assert not Path("out/ks/node02.example.com.ks").exists()


def test_a_host_that_is_gone_is_removed() -> None:
    Path("hosts.yaml").write_text(inventory_text())
    assert ksgen().exit_code == 0
    assert not Path("out/ks/node02.example.com.ks").exists()


def test_a_run_for_other_hosts_goes_on() -> None:
    assert ksgen("--limit", "node01.example.com").exit_code == 0


def test_a_host_that_was_never_published_is_skipped_with_a_note() -> None:
    assert "warning: skipped" in ksgen("-o", "new").stderr
