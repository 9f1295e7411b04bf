# SPDX-License-Identifier: GPL-2.0-or-later
"""`from:` of node_files: a file beside the inventory becomes the content of a file of the node."""

from __future__ import annotations

from pathlib import Path

import pytest
from inventories import PASSWORD_HASH, inventory_text, read_text

from ksgen.host import Host, explain_host, read_hosts
from ksgen.inventory import reader
from ksgen.problems import Problem
from ksgen.variables import is_claimed

TWO = """\
all:
  vars:
    node_release: el9
    node_image_url: http://pxe.example.com/node.squashfs.img
    node_tree_url: http://pxe.example.com/tree/
    node_server_url: http://pxe.example.com/nodes/
    node_root_password_hash: "{hash}"
    site_token: hidden-word
    node_files:
      - {{path: /etc/site.conf, from: site.conf{more}}}
  hosts:
    node01.example.com: {{node_mac: "52:54:00:aa:00:01", node_disk: {{serial: ABCD1, size: 480 GB}}}}
    node02.example.com: {{node_mac: "52:54:00:aa:00:02", node_disk: {{serial: ABCD2, size: 480 GB}}}}
"""


LONG = b"x" * 65537


def read(directory: Path, text: bytes, more: str = "") -> tuple[tuple[Host, ...], list[Problem]]:
    (directory / "site.conf").write_bytes(text)
    return read_text(TWO.format(hash=PASSWORD_HASH, more=more), directory)


def contents(hosts: tuple[Host, ...]) -> list[str | None]:
    return [host.settings.files[0].content for host in hosts]


def test_file_is_taken_as_it_is(tmp_path: Path) -> None:
    hosts, problems = read(tmp_path, b"name = {{ inventory_hostname }}\n")
    assert problems == []
    assert contents(hosts) == ["name = {{ inventory_hostname }}\n"] * 2
    assert len({host.shape.key for host in hosts if host.shape}) == 1


def test_template_has_the_variables_of_its_host(tmp_path: Path) -> None:
    hosts, problems = read(tmp_path, b"{% if 1 %}\nname = {{ inventory_hostname }}\n{% endif %}\n", ", template: true")
    assert problems == []
    assert contents(hosts) == [f"name = {host.name}\n" for host in hosts]


def test_secret_in_a_template_is_known_as_one(tmp_path: Path) -> None:
    hosts, problems = read(tmp_path, b"word = {{ site_token }}\n", ", template: true")
    assert problems == []
    assert contents(hosts) == ["word = hidden-word\n"] * 2
    node = hosts[0].entry.variables["node_files"].node
    assert isinstance(node.value, tuple)
    file = node.value[0].value
    assert isinstance(file, dict)
    assert file["content"].is_secret


def test_file_that_is_no_text_is_taken_in_base64(tmp_path: Path) -> None:
    hosts, problems = read(tmp_path, b"\xff\x00")
    assert problems == []
    assert [host.settings.files[0].base64 for host in hosts] == ["/wA="] * 2


def test_template_that_fails_names_the_host(tmp_path: Path) -> None:
    hosts, problems = read(tmp_path, b"name = {{ nothing }}\n", ", template: true")
    assert hosts == ()
    assert {(problem.code, problem.host) for problem in problems} == {
        ("undefined-name", "node01.example.com"),
        ("undefined-name", "node02.example.com"),
    }


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        pytest.param(None, "file-from", "'site.conf' cannot be read: No such file or directory", id="missing"),
        pytest.param(LONG, "file-too-long", "'site.conf' exceeds the limit of 65536 bytes for a file", id="long"),
        pytest.param(b"$ANSIBLE_VAULT;1.1;", "file-from", "'site.conf' is encrypted by ansible-vault", id="vault"),
    ],
)  # fmt: skip
def test_file_that_cannot_be_taken(text: bytes | None, code: str, message: str, tmp_path: Path) -> None:
    if text is None:
        hosts, problems = read_text(TWO.format(hash=PASSWORD_HASH, more=""), tmp_path)
    else:
        hosts, problems = read(tmp_path, text)
    assert hosts == ()
    assert [(problem.code, problem.message) for problem in problems] == [(code, message)] * 2
    assert {problem.variable for problem in problems} == {"node_files[0].from"}
    assert all(problem.hint for problem in problems)


def test_file_is_beside_the_inventory_also_for_group_vars(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/motd").write_text("hello\n")
    for name in ("group_vars", "group_vars/some"):
        place = tmp_path / name
        place.mkdir()
    (tmp_path / "group_vars/some/files.yml").write_text("node_files: {path: /etc/motd, from: files/motd}\n")
    text = (
        inventory_text().replace("  hosts:", "  children:\n   some:\n    hosts:").replace("    node01", "     node01")
    )
    text = "\n".join(" " + line if line.startswith("      ") else line for line in text.splitlines()) + "\n"
    hosts, problems = read_text(text, tmp_path)
    assert problems == []
    assert contents(hosts) == ["hello\n"]


def test_list_that_is_computed_can_name_files(tmp_path: Path) -> None:
    (tmp_path / "motd").write_text("hello\n")
    more = "[{path: /etc/motd, from: motd}, {path: /etc/name, from: motd, template: true}]"
    hosts, problems = read_text(
        inventory_text(site_files=more, node_files='"{{ site_files }}"', node_addon="false"), tmp_path
    )
    assert problems == []
    assert [file.content for file in hosts[0].settings.files] == ["hello\n"] * 2


def test_explanation_names_the_file_and_not_its_content(tmp_path: Path) -> None:
    read(tmp_path, b"word = {{ site_token }}\n", ", template: true")
    site, _ = reader.read([tmp_path / "hosts.yaml"], is_own=is_claimed)
    assert read_hosts(site)[0]
    found, problems = explain_host(site.hosts[0], site)
    assert problems == []
    (value,) = [one.value for one in found if one.name == "node_files"]
    assert value == [{"path": "/etc/site.conf", "from": "site.conf", "template": True}]
