# SPDX-License-Identifier: GPL-2.0-or-later
"""One fault is said once, however many hosts meet it: in text, in the count and as JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from click.testing import Result
from command import CliRunner
from inventories import PASSWORD_HASH

from ksgen.cli import main

HOSTS = """\
all:
  children:
    rack_a:
      vars:
        node_firmware: uefi
      hosts:
        node[01:40].example.com:
          node_mac: "52:54:00:0a:{{ '%02x' % (inventory_hostname_short[-2:] | int) }}:01"
          node_disk: {serial: "S{{ inventory_hostname_short }}"}
        node41.example.com:
          node_mac: "52:54:00:0a:41:01"
          node_disk: {serial: SERIAL41}
"""
VARIABLES = """\
node_release: el9
node_image_url: https://pxe.example.com/image.squashfs.img
node_tree_url: https://pxe.example.com/almalinux/9/
node_server_url: http://pxe.example.com/nodes/
node_root_password_hash: "{{ site_hash }}"
site_hash: HASH
""".replace("HASH", PASSWORD_HASH)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANSIBLE_VAULT_PASSWORD_FILE", raising=False)
    Path("hosts.yaml").write_text(HOSTS)
    Path("group_vars").mkdir()
    Path("group_vars/all.yml").write_text(VARIABLES)
    return tmp_path


def ksgen(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["hosts.yaml", "--check", *arguments], catch_exceptions=False)


def in_file(path: str, old: str, new: str) -> Callable[[], None]:
    def change() -> None:
        text = Path(path).read_text()
        assert old in text
        Path(path).write_text(text.replace(old, new))

    return change


def sealed(text: str) -> str:
    """What ansible-vault makes of a text."""
    made: bytes = VaultLib().encrypt(text, VaultSecret(b"secret"))
    return made.decode()


def put(path: str, text: str) -> Callable[[], None]:
    def change() -> None:
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text(text)

    return change


FAULTS = [
    pytest.param(
        in_file("group_vars/all.yml", "node_release: el9", "node_release:el9"),
        "group_vars/all.yml:1:1: error: no space after the colon of 'node_release'",
        id="colon-without-a-space",
    ),
    pytest.param(
        in_file("group_vars/all.yml", "node_release: el9", "node_release:\tel9\n\tnode_lang: x"),
        "group_vars/all.yml:2:1: error: a tab, but YAML allows only spaces for indentation",
        id="tab",
    ),
    pytest.param(
        in_file("group_vars/all.yml", "el9", "'el9"),
        "group_vars/all.yml:1:15: error: found unexpected end of stream",
        id="open-quote",
    ),
    pytest.param(
        put("group_vars/all.yml", "- node_release\n"),
        "group_vars/all.yml:1:1: error: a list, but a variables file must be a mapping",
        id="file-is-a-list",
    ),
    pytest.param(
        in_file("hosts.yaml", "    rack_a:\n", "    rack_b: [node41]\n    rack_a:\n"),
        "hosts.yaml:3:13: error: a list, but the group 'rack_b' must be a mapping",
        id="broken-group",
    ),
    pytest.param(
        in_file("hosts.yaml", "vars:\n        node_firmware: uefi", "vars: node_firmware"),
        "hosts.yaml:4:13: error: a string, but 'vars' must be a mapping",
        id="broken-vars",
    ),
    pytest.param(
        put("host_vars/node41.example.com.yml", "node_disk:x\nnode_mac: y\n"),
        "host_vars/node41.example.com.yml:1:1: error: node41.example.com: no space after the colon of 'node_disk'",
        id="broken-file-of-one-host",
    ),
    pytest.param(
        in_file("group_vars/all.yml", "node_release: el9", "node_release: el8"),
        "group_vars/all.yml:1:15: error: node_release: 'el8' is not one of 'el9', 'el10' "
        "(used by node01.example.com, node02.example.com and 39 more)",
        id="shared-value",
    ),
    pytest.param(
        in_file("group_vars/all.yml", "node_release: el9\n", ""),
        "hosts.yaml:1:1: error: node_release: required variable is not set "
        "(for node01.example.com, node02.example.com and 39 more)",
        id="missing-for-all",
    ),
    pytest.param(
        in_file("hosts.yaml", '          node_disk: {serial: "S{{ inventory_hostname_short }}"}\n', ""),
        "hosts.yaml:7:9: error: node_disk: required variable is not set "
        "(for node01.example.com, node02.example.com and 38 more)",
        id="missing-for-a-range",
    ),
    pytest.param(
        in_file("hosts.yaml", "'%02x'", "'%03x'"),
        "hosts.yaml:8:21: error: node_mac: '52:54:00:0a:001:01' is not a MAC address "
        "(for node01.example.com; likewise for node02.example.com, node03.example.com and 37 more)",
        id="expression-of-a-range",
    ),
    pytest.param(
        in_file("group_vars/all.yml", "{{ site_hash }}", "{{ site_hsh }}"),
        "group_vars/all.yml:5:30: error: node_root_password_hash: 'site_hsh' is not set for the host or its groups "
        "(used by node01.example.com, node02.example.com and 39 more)",
        id="undefined-name",
    ),
]


@pytest.mark.parametrize(("change", "message"), FAULTS)
def test_one_fault_is_one_error(site: Path, change: Callable[[], None], message: str) -> None:
    change()
    result = ksgen()
    lines = [line for line in result.stderr.splitlines() if not line.startswith("  hint: ")]
    assert (result.exit_code, lines) == (1, [message, "1 error; nothing was written"])


def test_a_value_by_name_alone_is_told_where_it_is_written(site: Path) -> None:
    """Two hosts have the same literal: the template that both of them use is not at fault."""
    literals = "\n".join(
        f"        node{n}.example.com:\n          nic1_mac: 52-54-00-0a-ff-{'01' if n < 43 else '02'}\n"
        f"          node_disk: {{serial: SERIAL{n}}}"
        for n in (41, 42, 43)
    )
    put("hosts.yaml", HOSTS.split("        node[01:40]")[0] + literals + "\n")()
    put("group_vars/all.yml", VARIABLES + 'node_mac: "{{ boot_mac }}"\nboot_mac: "{{ nic1_mac }}"\n')()
    assert [line for line in ksgen().stderr.splitlines() if "error" in line] == [
        "hosts.yaml:11:21: error: node42.example.com: node_mac: 52:54:00:0a:ff:01 is also the MAC address of "
        "node41.example.com, hosts.yaml:8",
        "1 error; nothing was written",
    ]


def test_json_names_the_hosts_of_a_fault(site: Path) -> None:
    in_file("group_vars/all.yml", "node_release: el9", "node_release: el8")()
    (problem,) = json.loads(ksgen("--json").stdout)["problems"]
    assert problem["host"] is None
    assert problem["hosts"] == [f"node{number:02}.example.com" for number in range(1, 42)]


def test_what_only_some_hosts_lack_is_told_at_each_of_them(site: Path) -> None:
    put(
        "hosts.yaml",
        HOSTS.replace("          node_disk: {serial: SERIAL41}\n", "")
        + "        node42.example.com: {node_mac: '52:54:00:0a:42:01'}\n",
    )()
    lines = [line for line in ksgen().stderr.splitlines() if "not set" in line]
    assert lines == [
        "hosts.yaml:10:9: error: node41.example.com: node_disk: required variable is not set",
        "hosts.yaml:12:9: error: node42.example.com: node_disk: required variable is not set",
    ]


def test_values_that_are_written_down_are_checked_although_a_file_is_broken(site: Path) -> None:
    in_file("group_vars/all.yml", "node_release: el9", "node_release:el9")()
    in_file("hosts.yaml", "node_firmware: uefi", "node_firmware: efi")()
    lines = [line for line in ksgen().stderr.splitlines() if "error:" in line]
    assert len(lines) == 2
    assert lines[1].startswith("hosts.yaml:5:24: error: node_firmware: 'efi' is not one of")


@pytest.mark.parametrize("password", ["wrong", None])
def test_a_vault_that_stays_closed_is_one_error(site: Path, password: str | None) -> None:
    """A file and two values are vaulted; the name that the vaulted file would set is not said to be unknown."""
    values = "".join(f"{name}: !vault |\n{textwrap.indent(sealed(PASSWORD_HASH), '  ')}" for name in ("one", "two"))
    in_file("group_vars/all.yml", "{{ site_hash }}", "{{ one }}")()
    put("group_vars/all.yml", Path("group_vars/all.yml").read_text() + values)()
    put("group_vars/rack_a.yml", sealed("vault_lang: de_AT.UTF-8\n"))()
    in_file("hosts.yaml", "node_firmware: uefi", 'node_lang: "{{ vault_lang }}"')()
    Path("other").write_text("other")
    result = ksgen(*(["--vault-password-file", "other"] if password else []))
    errors = [line for line in result.stderr.splitlines() if "error:" in line]
    what = "cannot be decrypted with any of the passwords" if password else "no password was given"
    (error,) = errors
    assert what in error
    assert error.endswith("(in 2 places; used by node01.example.com, node02.example.com and 39 more)")
    assert result.stderr.endswith("1 error; nothing was written\n")
