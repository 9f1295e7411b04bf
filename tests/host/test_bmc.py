# SPDX-License-Identifier: GPL-2.0-or-later
"""`node_bmc`: checked for every host, its password only vaulted, never opened and in no output."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from generate import CERTIFICATE_LINES
from inventories import inventory_text, one_host, read_text

from ksgen.host import explain_host, read_hosts
from ksgen.inventory import Opener, reader
from ksgen.kickstart import render_all
from ksgen.variables import variables_schema

SECRET = "swordfish"
SEALED = '!vault "$ANSIBLE_VAULT;1.1;AES256"'
PIN = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
PIN_CURE = "write the 64 hex digits of `openssl x509 -noout -fingerprint -sha256`, with or without colons"
CURE = "encrypt it: ansible-vault encrypt_string --name password; or move node_bmc to a vaulted file"


def bmc(**changes: str | None) -> str:
    parts = {"type": "redfish", "address": "bmc.example.com", "user": "fencing", "password": SEALED, **changes}
    return "{" + ", ".join(f"{name}: {value}" for name, value in parts.items() if value is not None) + "}"


def told(directory: Path, text: str, **more: str) -> list[tuple[str, str | None, str, str]]:
    _, problems = read_text(inventory_text(node_bmc=text, **more), directory)
    return [(p.code, p.variable, p.message, p.hint or "") for p in problems]


PLAIN = ("bmc-password", "node_bmc.password", "the password of a controller must come out of a vault", CURE)
WRONG = [
    pytest.param({"password": SECRET}, PLAIN, id="plain"),
    pytest.param({"password": '"{{ word }}"'}, PLAIN, id="expression-of-a-plain-one"),
    pytest.param({"password": "''"}, PLAIN, id="empty"),
    pytest.param({"password": None}, ("variable-missing", "node_bmc.password", "required variable is not set",
                 "add password:"),
                 id="missing"),
    pytest.param({"type": "ipmi"}, ("bmc-type", "node_bmc.type", "'ipmi' is not a fence agent of the engine",
                 "write ipmilan"), id="meant"),
    pytest.param({"type": "redfihs"}, ("bmc-type", "node_bmc.type", "'redfihs' is not a fence agent of the engine",
                 "did you mean 'redfish'?"), id="misspelt"),
    pytest.param({"address": "10.0.9.300"}, ("address", "node_bmc.address", "'10.0.9.300' is not an IPv4 address", ""),
                 id="address"),
    pytest.param({"address": "bmc_1"}, ("host-name", "node_bmc.address", "'bmc_1' is not a host name",
                 "letters, digits and '-', in labels between dots"), id="name"),
    pytest.param({"user": '""'}, ("text-empty", "node_bmc.user", "the name of the user is empty",
                 "write the user of the controller"), id="user"),
    pytest.param({"user": '"a\\nb"'}, ("hidden-character", "node_bmc.user",
                 "contains the character U+000A at position 2", "remove it"), id="two-lines"),
    pytest.param({"adress": "b.example.com"}, ("variable-unknown", "node_bmc.adress", "unknown variable",
                 "did you mean 'address'?"), id="unknown"),
    pytest.param({"address": "https://bmc.example.com/redfish/v1"}, ("bmc-address", "node_bmc.address",
                 "a URL is not an address", "write the name or the address alone: bmc.example.com"), id="url"),
    pytest.param({"address": "https://root:x@bmc.example.com:8443/"}, ("bmc-address", "node_bmc.address",
                 "a URL is not an address",
                 "write the name or the address alone: bmc.example.com, and the port as port:"), id="url-with-a-port"),
    pytest.param({"address": "bmc.example.com:8443"}, ("bmc-address", "node_bmc.address", "this value has a port",
                 "write the name or the address alone: bmc.example.com, and the port as port:"), id="port-behind-it"),
    pytest.param({"port": "0"}, ("value-range", "node_bmc.port", "this value is below the minimum of 1", ""),
                 id="port-zero"),
    pytest.param({"port": "65536"}, ("value-range", "node_bmc.port", "this value is above the maximum of 65535", ""),
                 id="port-too-large"),
    pytest.param({"port": '"443"'}, ("wrong-type", "node_bmc.port", "this value is not a whole number",
                 "without quotes"), id="port-quoted"),
    pytest.param({"system": "../../Managers/1"}, ("bmc-system", "node_bmc.system", "not the ID of a system",
                 "write the last part of its path: System.Embedded.1"), id="system-of-a-path"),
    pytest.param({"fingerprint": f'"{PIN[:-2]}"'}, ("bmc-fingerprint", "node_bmc.fingerprint",
                 "not a SHA-256 fingerprint", PIN_CURE), id="fingerprint-short"),
    pytest.param({"fingerprint": '"' + ":".join(["AB"] * 20) + '"'}, ("bmc-fingerprint", "node_bmc.fingerprint",
                 "this is a SHA-1 fingerprint; SHA-256 is required", PIN_CURE), id="fingerprint-sha1"),
    pytest.param({"fingerprint": "12"}, ("wrong-type", "node_bmc.fingerprint", "12 is not a string",
                 "write it in quotes:"), id="fingerprint-number"),
    pytest.param({"fingerprint": PIN, "verify": "false"}, ("bmc-trust", "node_bmc",
                 "fingerprint and verify: false exclude each other", "keep fingerprint"), id="two-ways"),
    pytest.param({"verify": '"false"'}, ("wrong-type", "node_bmc.verify", "this value is not true or false",
                 "without quotes"), id="verify-quoted"),
    pytest.param({"certificate": "{from: missing.pem}"}, ("file-from", "node_bmc.certificate.from",
                 "'missing.pem' cannot be read: No such file or directory", "a path relative to"), id="no-such-file"),
    pytest.param({"certificate": '"swordfish"'}, ("certificate", "node_bmc.certificate", "not a certificate in PEM",
                 "the text of a .pem or .crt file"), id="no-certificate"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "expected"), WRONG)
def test_wrong(changes: dict[str, str | None], expected: tuple[str, ...], tmp_path: Path) -> None:
    ((code, variable, message, hint),) = told(tmp_path, bmc(**changes), word=SECRET)
    assert (code, variable, message) == expected[:3]
    assert hint.startswith(expected[3])


RIGHT = [
    pytest.param(SEALED, {}, id="vaulted"),
    pytest.param('"{{ word }}"', {"word": SEALED}, id="by-a-variable"),
    pytest.param('"{{ words.bmc }}"', {"words": f"{{bmc: {SEALED}}}"}, id="of-a-mapping"),
    pytest.param('"{{ one }}"', {"one": '"{{ word }}"', "word": SEALED}, id="by-two-variables"),
]


@pytest.mark.parametrize(("password", "more"), RIGHT)
def test_right_and_never_opened(password: str, more: dict[str, str], tmp_path: Path) -> None:
    """The ciphertext is damaged: whatever opened it would report that."""
    assert told(tmp_path, bmc(password=password), **more) == []


def test_a_variable_that_leads_to_itself(tmp_path: Path) -> None:
    ((code, *_),) = told(tmp_path, bmc(password='"{{ a }}"'), a='"{{ b }}"', b='"{{ a }}"')
    assert code == "expression-cycle"


def test_vaulted_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    (tmp_path / "group_vars").mkdir()
    text = VaultLib().encrypt(f"node_bmc: {bmc(password=SECRET)}\n", VaultSecret(b"correct horse"))
    (tmp_path / "group_vars" / "all.yml").write_bytes(text)
    path = tmp_path / "hosts.yaml"
    path.write_text(inventory_text())
    site, problems = reader.read([path], opener=Opener([str(tmp_path / "password")]))
    hosts, more = read_hosts(site)
    assert [*problems, *more] == []
    assert hosts[0].settings.bmc is not None
    assert SECRET not in repr(hosts)


def test_a_whole_expression_with_a_vaulted_password(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("correct horse\n")
    sealed = VaultLib().encrypt(SECRET, VaultSecret(b"correct horse")).decode()
    path = tmp_path / "hosts.yaml"
    lines = json.dumps(sealed)
    all_of = bmc(password=f"!vault {lines}")
    path.write_text(inventory_text(bmcs=f"{{host: {all_of}}}", node_bmc='"{{ bmcs.host }}"'))
    site, problems = reader.read([path], opener=Opener([str(tmp_path / "password")]))
    hosts, more = read_hosts(site)
    assert [*problems, *more] == []
    assert SECRET not in repr(hosts)


def test_ansible_has_decrypted_what_is_piped() -> None:
    variables = {
        "node_bmc": {"type": "redfish", "address": "bmc.example.com", "user": "fencing", "password": SECRET},
        "node_mac": "52:54:00:00:00:01",
    }
    listed = {"all": {"hosts": ["a.example.com"]}, "_meta": {"hostvars": {"a.example.com": variables}}}
    site, _ = reader.read(["-"], io.StringIO(json.dumps(listed)))
    _, problems = read_hosts(site)
    assert {p.code for p in problems} == {"variable-missing"}
    assert SECRET not in repr(problems)


def two(directory: Path, first: str, second: str) -> list[str]:
    one, other = inventory_text(node_bmc=first), inventory_text("node02.example.com", node_bmc=second)
    _, problems = read_text(one + other[other.index("    node02") :], directory)
    return [p.code for p in problems if p.code.startswith("bmc")]


def test_two_hosts_with_one_controller(tmp_path: Path) -> None:
    assert two(tmp_path, bmc(), bmc()) == ["bmc-of-two-hosts"]
    assert two(tmp_path, bmc(), bmc(address="other.example.com")) == []
    assert two(tmp_path, bmc(type="apc"), bmc(type="apc")) == [], "a power switch is that of several"


def test_two_systems_of_one_controller(tmp_path: Path) -> None:
    assert two(tmp_path, bmc(system="one"), bmc(system="two")) == []
    assert two(tmp_path, bmc(system="one"), bmc(system="one")) == ["bmc-of-two-hosts"]
    assert two(tmp_path, bmc(), bmc(port="8443")) == [], "two controllers behind one address"


FORMS = [
    pytest.param(PIN, id="digits"),
    pytest.param(":".join(PIN[n : n + 2].upper() for n in range(0, 64, 2)), id="as-openssl-prints-it"),
    pytest.param("sha256 Fingerprint=" + ":".join(PIN[n : n + 2].upper() for n in range(0, 64, 2)), id="whole-line"),
]


@pytest.mark.parametrize("written", FORMS)
def test_forms_of_a_fingerprint(written: str, tmp_path: Path) -> None:
    host = one_host(tmp_path, node_bmc=bmc(fingerprint=f'"{written}"'))
    assert host.settings.bmc is not None
    assert host.settings.bmc.fingerprint == PIN


def test_the_certificate_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("A comment.\n" + "\n".join(CERTIFICATE_LINES) + "\n")
    host = one_host(tmp_path, node_bmc=bmc(certificate="{from: ca.pem}"))
    assert host.settings.bmc is not None
    assert host.settings.bmc.certificate == "\n".join(CERTIFICATE_LINES) + "\n"


def test_defaults(tmp_path: Path) -> None:
    found = one_host(tmp_path, node_bmc=bmc(type=None)).settings.bmc
    assert found is not None
    assert (found.type, found.port, found.system, found.verify, found.may_have_redfish) == (
        "redfish", 443, None, True, True
    )  # fmt: skip


@pytest.mark.parametrize(("agent", "may"), [("ipmilan", True), ("drac7", True), ("apc", False), ("ilo2", False)])
def test_which_may_have_redfish(agent: str, may: bool, tmp_path: Path) -> None:
    found = one_host(tmp_path, node_bmc=bmc(type=agent)).settings.bmc
    assert found is not None
    assert found.may_have_redfish is may


def test_it_is_in_no_kickstart(tmp_path: Path) -> None:
    without, _ = read_text(inventory_text(), tmp_path)
    hosts, _ = read_text(inventory_text(node_bmc=bmc()), tmp_path)
    assert [r.text for r in render_all(hosts)] == [r.text for r in render_all(without)]


def test_explain(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    for password in (SEALED, SECRET, '"{{ word }}"'):
        path.write_text(inventory_text(node_bmc=bmc(password=password), word=SECRET))
        site, _ = reader.read([path])
        explanations, problems = explain_host(site.hosts[0], site)
        (found,) = (one for one in explanations if one.name == "node_bmc")
        assert SECRET not in json.dumps(found.to_json())
        assert problems == []
        assert isinstance(found.value, dict)
        assert found.value["type"] == "redfish"
        assert found.value["password"] == ("(vaulted)" if password == SEALED else "(secret)")


def test_schema_lists_the_agents() -> None:
    schema = variables_schema()["$defs"]["Bmc"]
    assert "ipmilan" in schema["properties"]["type"]["enum"]
    assert schema["required"] == ["address", "user", "password"]
