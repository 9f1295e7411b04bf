# SPDX-License-Identifier: GPL-2.0-or-later
"""Secrets that ksgen prints are hidden where it prints them, old and new; the same words elsewhere are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from command import CliRunner
from inventories import ON_MEDIUM, PASSWORD_HASH, inventory_text, read_text

from ksgen.cli import main
from ksgen.kickstart import boot_places, render_all
from ksgen.kickstart.provenance import places
from ksgen.redaction import Span, label, redacted

OTHER_HASH = "$6$saltsalt$" + "B" * 86


def shown(directory: Path, **changes: str) -> list[str]:
    """The kickstart of a host as --diff would show it, without its programs."""
    hosts, problems = read_text(inventory_text(**changes), directory)
    assert not [problem for problem in problems if problem.severity == "error"], problems
    (rendered,) = render_all(hosts)
    assert rendered.text is not None
    lines = rendered.text.split("\n")
    known: dict[int, list[Span]] = {}
    for number, start, end in rendered.secrets:
        known.setdefault(number, []).append(Span(start, end, label(lines[number][start:end].strip("'"))))
    return redacted(lines, known)


SCRIPTS = [
    pytest.param({"word": "a"}, "echo {{ word }}", "echo a", id="no-secret"),
    pytest.param({"a_secret": "swordfish"}, "mail {{ a_secret }} bob", "mail (secret) bob", id="by-its-name"),
    pytest.param({"a_secret": "bob"}, "mail {{ a_secret }} b.o.b.", "mail (secret) b.o.b.", id="alone"),
    pytest.param({"a_secret": "x y", "b": '"<{{ a_secret }}>"'}, "mail {{ b }}", "mail <(secret)>", id="nested"),
    pytest.param({"a_secret": "abc"}, "mail {{ a_secret | upper }} b", "(secret)", id="changed-on-its-way"),
    pytest.param({"a_secret": "abc"}, "mail {{ [1, 2] | join('-') }} {{ a_secret }}", "mail 1-2 (secret)", id="beside"),
    pytest.param({"a_secret": "abc"}, "{% if a_secret %}mail b{% endif %}", "(secret)", id="decides"),
    pytest.param({"a": "{password: abc, name: bob}"}, "mail {{ a.name }}", "mail bob", id="beside-a-secret"),
    pytest.param({"a": "{password: abc, name: bob}"}, "mail {{ a.password }} b", "(secret)", id="in-a-mapping"),
]  # fmt: skip


@pytest.mark.parametrize(("variables", "script", "line"), SCRIPTS)
def test_secret_in_a_script(variables: dict[str, str], script: str, line: str, tmp_path: Path) -> None:
    lines = shown(tmp_path, node_post=json.dumps(script), **variables)
    at = next(n for n, text in enumerate(lines) if text.startswith("%post"))
    assert lines[at + 1 : at + 4] == ["", line, "%end"] or lines[at + 1 : at + 3] == [line, "%end"]


def test_the_same_word_stays_where_it_is_no_secret(tmp_path: Path) -> None:
    lines = shown(
        tmp_path,
        a_secret="admin",
        node_users='[{name: admin, groups: [wheel, "{{ a_secret }}"]}, {name: erika, gecos: admin}]',
        node_post='["id admin", "id {{ a_secret }}"]',
    )
    assert "user --name=admin --groups=wheel,(secret) --lock" in lines
    assert "user --name=erika --gecos=admin --lock" in lines
    assert [line for line in lines if line.startswith("id ")] == ["id admin", "id (secret)"]


def test_hashes_are_hidden_by_where_they_are_printed(tmp_path: Path) -> None:
    lines = shown(
        tmp_path, node_users=f'[{{name: erika, password_hash: "{OTHER_HASH}"}}]', node_post="\"echo '$6 is a price'\""
    )
    assert "rootpw --iscrypted '(a password hash)'" in lines
    assert "user --name=erika --password='(a password hash)' --iscrypted" in lines
    assert "echo '$6 is a price'" in lines


def test_arguments_and_keys(tmp_path: Path) -> None:
    lines = shown(
        tmp_path,
        a_token="abc",
        b_token="dd ff",
        node_kernel_args='"quiet a={{ a_token }} f={{ b_token }} c=1"',
        node_timezone='"{{ zone_secret }}"',
        zone_secret="Europe/Vienna",
    )
    assert "bootloader --timeout=5 --append='quiet a=(secret) f=(secret) (secret) c=1'" in lines
    assert "timezone (secret) --utc" in lines


def test_what_something_is_made_of_is_searched_for(tmp_path: Path) -> None:
    lines = shown(
        tmp_path,
        net_secret="10.9.8.7",
        node_network='[{name: eno1, ipv4: "{{ net_secret }}/24"}]',
        node_image_url=ON_MEDIUM,
        node_images='"{{ few_secret }}"',
        few_secret="1",
    )
    assert "10.9.8.7" not in "\n".join(lines)
    (line,) = [line for line in lines if line.startswith("network --device")]
    assert (
        line
        == "network --device=eno1 --bootproto=static --ip=10.9.8.7 --netmask=255.255.255.0".replace(
            "10.9.8.7", "(secret)"
        )
        + " --ipv6=auto --onboot=yes --activate"
    )


@pytest.mark.parametrize(
    ("text", "other", "searched", "found"),
    [
        pytest.param("a", "a", (), (), id="nothing"),
        pytest.param("a\nb c d", "a\nb KSGENSECRET1E d", (), ((1, 2, 3),), id="one"),
        pytest.param("b c d e", "b KSGENSECRET1E d KSGENSECRET2E", (), ((0, 2, 3), (0, 6, 7)), id="two"),
        pytest.param("b 'c$' d", "b 'KSGENSECRET1$' d", (), ((0, 3, 5),), id="quoted"),
        pytest.param("b (c) d", "b (KSGENSECRET1E) d", (), ((0, 3, 4),), id="brackets"),
        pytest.param("b c d", "b x d", (), ((0, 0, 5),), id="another-difference"),
        pytest.param("b c d", "x KSGENSECRET1E d", (), ((0, 0, 5),), id="a-difference-beside"),
        pytest.param("a\nb\nc", "a\nc", (), ((1, 0, 1),), id="more-lines"),
        pytest.param("a\n\nb", "", (), ((0, 0, 1), (2, 0, 1)), id="not-rendered"),
        pytest.param("x=abcd abcd", "x=abcd abcd", ("abcd",), ((0, 2, 6), (0, 7, 11)), id="searched"),
        pytest.param("(bcd", "(bcd", ("(bcd",), ((0, 0, 4),), id="searched-as-it-is"),
        pytest.param("a AbCd", "a AbCd", ("aBcD",), ((0, 2, 6),), id="searched-in-any-case"),
    ],
)  # fmt: skip
def test_places(text: str, other: str, searched: tuple[str, ...], found: tuple[tuple[int, int, int], ...]) -> None:
    assert places(text, other, searched) == found


def test_template_that_needs_the_secret_is_hidden(tmp_path: Path) -> None:
    """It renders with the hash and not with what stands in for it."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "site.ks.j2").write_text("# {{ 1 // (settings.root_password_hash|length - 13) }} and x\n")
    hosts, _ = read_text(inventory_text(), tmp_path)
    (rendered,) = render_all(hosts, tmp_path / "own")
    assert rendered.text is not None
    assert {n for n, _, _ in rendered.secrets} == {n for n, line in enumerate(rendered.text.split("\n")) if line}


def diff(directory: Path, *options: str, **changes: str) -> list[str]:
    """Publish, and what is seen of the change."""
    path = directory / "hosts.yaml"
    path.write_text(inventory_text(**changes))
    done = CliRunner().invoke(main, [str(path), "-o", str(directory / "out"), "--diff", *options])
    assert done.exit_code == 0, done.output
    return [line for line in done.stdout.split("\n") if line[:1] in ("+", "-") and line[:3] not in ("+++", "---")]


def test_diff_knows_the_secrets_of_what_was_published(tmp_path: Path) -> None:
    """The old text has no inventory any more that would say what in it was a secret."""
    diff(tmp_path, node_post='"mail {{ a_secret }} bob"', a_secret="swordfish")
    lines = diff(tmp_path, node_post='"mail {{ b_secret }} swordfish"', b_secret="bob")
    assert lines == ["-mail (secret) bob", "+mail (secret) swordfish"]
    assert diff(tmp_path, node_post='"mail"') == ["-mail (secret) swordfish", "+mail"]
    lines = diff(tmp_path, node_post='"mail"', node_root_password_hash=f'"{OTHER_HASH}"')
    assert lines == ["-rootpw --iscrypted '(a password hash)'", "+rootpw --iscrypted '(a password hash)'"]


def test_diff_of_a_host_that_goes(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(inventory_text(node_post='"mail {{ a_secret }} bob"', a_secret="swordfish"))
    out = ["-o", str(tmp_path / "out")]
    assert CliRunner().invoke(main, [str(path), *out]).exit_code == 0
    path.write_text(inventory_text("other.example.com"))
    done = CliRunner().invoke(main, [str(path), *out, "--diff"])
    assert "-mail (secret) bob" in done.stdout.split("\n")
    assert "swordfish" not in done.output


def test_manifest_says_where_secrets_are_and_not_what(tmp_path: Path) -> None:
    diff(tmp_path, node_post='"mail {{ a_secret }} bob"', a_secret="swordfish")
    text = (tmp_path / "out" / "manifest.json").read_text()
    entry = json.loads(text)["files"]["ks/node01.example.com.ks"]
    lines = (tmp_path / "out" / "ks" / "node01.example.com.ks").read_text().split("\n")
    assert [lines[n][start:end] for n, start, end in entry["secrets"]] == [PASSWORD_HASH, "swordfish"]
    assert "swordfish" not in text


def test_arguments_of_the_installer_in_a_boot_file(tmp_path: Path) -> None:
    (host,), _ = read_text(
        inventory_text(node_installer_args='"inst.text inst.x={{ x_secret }}"', x_secret="swordfish"), tmp_path
    )
    assert boot_places(host, "append quiet inst.x=swordfish\n") == ((0, 20, 29),)
    (host,), _ = read_text(inventory_text(node_installer_args='"inst.x=swordfish"'), tmp_path)
    assert boot_places(host, "append quiet inst.x=swordfish\n") == ()


def planned(directory: Path, variables: str, *options: str, **changes: str) -> str:
    """What `ksgen plan` prints of a host with these variables in a file that is a vault."""
    path, password = directory / "hosts.yaml", directory / "password"
    path.write_text(inventory_text(**changes))
    password.write_text("carp")
    (directory / "group_vars").mkdir()
    sealed = VaultLib().encrypt(variables, VaultSecret(b"carp"))
    (directory / "group_vars" / "all.yml").write_bytes(sealed)
    arguments = ["plan", str(path), "--vault-password-file", str(password), *options]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    return done.output


SECRET_NAMES = """
a_word: tuna
node_vg: swordfish
node_volumes: {/srv/salmon: 1 GiB, /var: 7 GiB}
"""


def test_plan_hides_the_names_of_a_vault(tmp_path: Path) -> None:
    output = planned(tmp_path, SECRET_NAMES, node_pool='"pool-{{ a_word }}"')
    lines = [" ".join(line.split()) for line in output.splitlines()]
    assert "(secret) 125.41 GiB volume group 25.08 GiB stay free" in lines
    assert "(secret) 94.32 GiB thin pool metadata and spare: 1 GiB each" in lines
    assert "(secret) 1 GiB (secret) thin volume, xfs" in lines
    assert "var 7 GiB /var thin volume, xfs" in lines
    assert len([line for line in lines if line.startswith("(secret) █")]) == 2
    assert not [word for word in ("swordfish", "tuna", "salmon") if word in output]


def test_plan_as_json_hides_the_names_of_a_vault(tmp_path: Path) -> None:
    output = planned(tmp_path, SECRET_NAMES, "--json", node_pool='"pool-{{ a_word }}"')
    devices = json.loads(output)["node01.example.com"]["devices"]
    shown = {(d["name"], d["kind"], d["mount_point"], d["pool"], *d["parents"]) for d in devices if "lv" in d["kind"]}
    assert ("(secret)", "lvmvg", None, None, "pv.01") in shown
    assert ("(secret)", "lvmthinpool", None, None, "(secret)") in shown
    assert ("swap", "lvmlv", None, None, "(secret)") in shown
    assert ("(secret)", "lvmthinlv", "(secret)", "(secret)", "(secret)") in shown
    assert ("var", "lvmthinlv", "/var", "(secret)", "(secret)") in shown


@pytest.mark.parametrize(
    ("variables", "kind", "others"),
    [
        pytest.param("node_vg: efi", "lvmvg", {"partition"}, id="group"),
        pytest.param("node_pool: efi", "lvmthinpool", {"partition"}, id="pool"),
        pytest.param("node_volumes: {/efi: 1 GiB}", "lvmthinlv", {"partition"}, id="volume"),
        pytest.param("node_volumes: {/var: 7 GiB}", "", {"partition"}, id="volume-of-the-policy"),
        pytest.param("node_swap_size: 2 GiB", "", {"partition"}, id="no-name"),
    ],
)
def test_plan_hides_only_what_is_secret(variables: str, kind: str, others: set[str], tmp_path: Path) -> None:
    """Other devices are shown, though one may be called like what is hidden."""
    devices = json.loads(planned(tmp_path, variables, "--json"))["node01.example.com"]["devices"]
    assert {d["kind"] for d in devices if d["name"] == "(secret)"} == ({kind} if kind else set())
    assert {d["kind"] for d in devices if d["name"] == "efi"} == others
    assert {tuple(d["parents"]) for d in devices if d["kind"] == "partition"} == {("disk1",)}
