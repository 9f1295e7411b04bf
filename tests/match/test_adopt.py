# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen adopt`: a machine becomes a host of the inventory, or it is said why not, and nothing is written."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from command import CliRunner
from inventories import HOST
from machine_facts import facts

from ksgen.cli import adopting, main
from ksgen.inventory import Insertion, with_host

MAC = "52:54:00:cc:00:01"
NEW = "node17.example.com"
VARIABLES = "\n".join(f"    {key}: {value}" for key, value in HOST.items() if key not in ("node_mac", "node_disk"))
SITE = f"""\
all:
  vars:
{VARIABLES}
    node_layout: minimal   # small disks
  children:
    rack_a:
      hosts:
        node01.example.com:
          node_mac: "52:54:00:aa:00:01"
          node_disk: {{wwn: "0x5000000000000001", size: 480 GB}}
          # node_disk: {{wwn: "0x5000000000000002"}}

    rack_b: {{}}   # empty
"""
ADDED = """\
      hosts:
        # Dell Inc. PowerEdge R640, serial number ABC1234; facts of an installer, 2026-11-30T10:00:00Z
        node17.example.com:
          node_mac: "52:54:00:cc:00:01"   # eno1, link up
          # node_mac: "52:54:00:cc:00:02"   # eno2, no link
          node_network:
            - {mac: "52:54:00:cc:00:01", ipv4: dhcp}   # eno1
          #   - {mac: "52:54:00:cc:00:02", ipv4: dhcp}   # eno2
          node_disk: {wwn: "0x5000c500a1b2c301", size: 69 GB}   # sda, ST480FP0021; on it: nothing
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hosts.yaml").write_text(SITE)
    collected("one-disk")
    return tmp_path


def collected(name: str, **changes: Any) -> None:
    Path("a.json").write_text(facts(name, [MAC, "52:54:00:cc:00:02"], **changes))


def run(*words: str, group: str = "rack_b", name: str = NEW) -> tuple[int, str, str]:
    arguments = ["adopt", "hosts.yaml", MAC, "--as", name, "--group", group, "--facts", "a.json", "--yes", *words]
    done = CliRunner().invoke(main, arguments)
    return done.exit_code, done.stdout, done.stderr


def test_host_is_written_and_shown_first(site: Path) -> None:
    os.chmod(site / "hosts.yaml", 0o640)
    status, out, err = run()
    assert (status, err) == (
        0,
        "node17.example.com is in hosts.yaml, line 20; see `ksgen plan hosts.yaml node17.example.com`\n",
    )
    text = (site / "hosts.yaml").read_text()
    assert text == SITE.replace("rack_b: {}   # empty\n", f"rack_b:   # empty\n{ADDED}")
    added = [line[1:] for line in out.splitlines() if line.startswith("+") and not line.startswith("+++")]
    assert added == ["    rack_b:   # empty", *ADDED.splitlines()]
    assert (site / "hosts.yaml").stat().st_mode & 0o777 == 0o640
    assert sorted(each.name for each in site.iterdir()) == ["a.json", "hosts.yaml"]
    plan = CliRunner().invoke(main, ["plan", "hosts.yaml", NEW])
    assert plan.exit_code == 0, plan.output


def test_secrets_are_not_shown(site: Path) -> None:
    text = SITE.replace("    rack_b: {}", f"    rack_b:\n      vars:\n        node_root_password_hash: "
                        f"{HOST['node_root_password_hash']}")  # fmt: skip
    (site / "hosts.yaml").write_text(text)
    status, out, _ = run()
    assert status == 0
    assert "node_root_password_hash" in out
    assert "AAAAAAAA" not in out
    assert (site / "hosts.yaml").read_text().count(HOST["node_root_password_hash"]) == 2


def test_network_of_the_group_is_kept(site: Path) -> None:
    """And a mirror gets its two disks."""
    (site / "group_vars").mkdir()
    (site / "group_vars" / "rack_b.yml").write_text(
        "node_network: [{name: eno1, ipv4: dhcp}]\nnode_raid: 1\nnode_layout: standard\n"
    )
    collected("old-system")
    status, _, err = run()
    assert status == 0, err
    lines = (site / "hosts.yaml").read_text().splitlines()
    begin = lines.index("          # node_network:")
    assert lines[begin + 1] == '          #   - {mac: "52:54:00:cc:00:01", ipv4: dhcp}   # eno1'
    first, second = (f'            - {{wwn: "0x5000c500a1b2c30{n}", size: 69 GB}}' for n in (1, 2))
    assert lines[begin + 3] == "          node_disk:"
    assert (lines[begin + 4].startswith(first), lines[begin + 5].startswith(second)) == (True, True)


# --- what is refused ---


def refused(site: Path, *words: str, **order: str) -> str:
    """What is said; the inventory stays as it is."""
    before = (site / "hosts.yaml").read_bytes()
    status, _, err = run(*words, **order)
    assert status in (1, 2)
    assert (site / "hosts.yaml").read_bytes() == before
    return err


def test_host_that_is_there(site: Path) -> None:
    assert refused(site, name="node01.example.com") == (
        "hosts.yaml:12:9: error: node01.example.com: node01.example.com is in the inventory already\n"
        "  hint: choose another name, or correct the host\n"
        "1 error; nothing was written\n"
    )


def test_machine_that_is_described(site: Path) -> None:
    (site / "hosts.yaml").write_text(SITE.replace("52:54:00:aa:00:01", MAC))
    assert refused(site) == (
        "hosts.yaml:13:21: error: node01.example.com: the machine is this host already, by the MAC address "
        "52:54:00:cc:00:01 of eno1\n"
        "  hint: correct that host, or remove it\n"
        "1 error; nothing was written\n"
    )


def test_machine_that_is_described_by_its_disk(site: Path) -> None:
    (site / "hosts.yaml").write_text(SITE.replace("0x5000000000000001", "0x5000c500a1b2c301"))
    assert "the machine is this host already, by the wwn 0x5000c500a1b2c301 of sda" in refused(site)


def test_group_that_is_not_there(site: Path) -> None:
    assert refused(site, group="rack_bb").endswith("Error: no group named 'rack_bb'; did you mean 'rack_b'?\n")


def test_machine_that_is_not_known(site: Path) -> None:
    (site / "a.json").write_text(facts("one-disk", ["52:54:00:dd:00:01"]))
    assert refused(site) == (
        "no machine whose facts are known has the MAC address 52:54:00:cc:00:01; nothing was written\n"
    )


def test_errors_of_the_new_host(site: Path) -> None:
    """Here a disk that is too small for the layout of its group."""
    (site / "hosts.yaml").write_text(SITE.replace("node_layout: minimal", "node_root_size: 90 GiB"))
    err = refused(site)
    assert "error: node17.example.com: node_disk: " in err
    assert err.endswith("1 error; nothing was written\n")


def test_machine_without_a_disk(site: Path) -> None:
    (site / "a.json").write_text(facts("no-disk", [MAC]))
    err = refused(site)
    assert "node17.example.com: node_disk: " in err
    assert err.endswith("1 error; nothing was written\n")


def test_file_that_has_changed_meanwhile(site: Path) -> None:
    """Here between the moment when it was read and the answer to the question."""
    insertion = with_host(["hosts.yaml"], "rack_b", ("node17:",))
    assert isinstance(insertion, Insertion)
    (site / "hosts.yaml").write_text(SITE + "# more\n")
    with pytest.raises(SystemExit):
        adopting._write(insertion)
    assert (site / "hosts.yaml").read_text() == SITE + "# more\n"


def test_question_without_a_terminal(site: Path) -> None:
    arguments = ["adopt", "hosts.yaml", MAC, "--as", NEW, "--group", "rack_b", "--facts", "a.json"]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert done.stderr.endswith("Error: Write this to hosts.yaml? Standard input is not a terminal: add --yes\n")
    assert (site / "hosts.yaml").read_text() == SITE


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["52:54:00"], "Error: '52:54:00' is not a MAC address, such as 52:54:00:aa:00:01\n"),
        ([MAC, "--as", "node[01:02]"], "Error: 'node[01:02]' is not a valid host name, such as node17.example.com\n"),
    ],
)
def test_wrong_usage(words: list[str], message: str, site: Path) -> None:
    arguments = ["adopt", "hosts.yaml", "--as", NEW, "--group", "rack_b", "--facts", "a.json", *words]
    done = CliRunner().invoke(main, arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.endswith(message)


# --- an inventory that cannot be edited ---


def test_entry_is_printed_for_an_inventory_in_ini(site: Path) -> None:
    (site / "hosts.yaml").write_text("[rack_b]\nnode01.example.com node_mac=52:54:00:aa:00:01\n")
    status, out, err = run()
    assert status == 1
    assert out == "".join(line.removeprefix("        ") for line in ADDED.splitlines(keepends=True)[1:])
    assert err.endswith(
        "hosts.yaml is not a YAML inventory that can be edited; this is the entry of the host; nothing was written\n"
    )


def test_entry_is_printed_where_a_group_has_braces(site: Path) -> None:
    text = SITE.replace("rack_b: {}   # empty", 'rack_b: {hosts: {node02: {node_mac: "52:54:00:aa:00:02"}}}')
    (site / "hosts.yaml").write_text(text)
    status, out, err = run()
    assert status == 1
    assert (site / "hosts.yaml").read_text() == text
    assert out == "".join(line.removeprefix("        ") for line in ADDED.splitlines(keepends=True)[1:])
    assert err == (
        "hosts.yaml:17:1: error: the group is written in braces, or as an alias: lines cannot be put into it\n"
        "  hint: paste the entry that is printed, or write the group without braces\n"
        "1 error; nothing was written\n"
    )


# --- what a machine says of itself ---


def test_what_a_machine_says_is_only_text(site: Path) -> None:
    """Nothing of it becomes YAML, and nothing an expression, which Ansible would evaluate."""
    data = json.loads(facts("one-disk", [MAC, '52:54:00:cc:00:02", x: "']))
    text = json.dumps(data).replace("ABC1234", "1\\nnode_post: [x]").replace("0x5000c500a1b2c301", "{{ 1 }}")
    text = text.replace("S3EVNX0K001", "{{ lookup('pipe', 'id') }}")
    (site / "a.json").write_text(text)
    _, out, _ = run()
    lines = (site / "hosts.yaml").read_text().splitlines()
    assert not [line for line in lines if line.strip().startswith("node_post")]
    assert not [line for line in (*lines, *out.splitlines()) if "lookup" in line.partition("#")[0]]
    assert not [line for line in lines if 'x: "' in line]
