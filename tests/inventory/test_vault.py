# SPDX-License-Identifier: GPL-2.0-or-later
"""Vaulted values and files: opened as Ansible opens them, each once, and never repeated."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing import vault as ansible_vault
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.plugins.loader import init_plugin_loader
from ansible.template import Templar
from ansible.vars.manager import VariableManager
from inventories import PASSWORD_HASH, inventory_text

from ksgen.expressions import Expressions
from ksgen.host import Host, read_hosts
from ksgen.inventory import Opener, password_files, reader
from ksgen.problems import Finding, Problem, Report, to_text
from ksgen.syntax import plain

PASSWORD, OTHER = b"correct horse", b"battery staple"
SECRET = "swordfish"
ENDING = "with line feeds\n\n"


@pytest.fixture(scope="module", autouse=True)
def _ansible_plugins() -> None:
    init_plugin_loader()


@pytest.fixture(autouse=True)
def _no_password_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANSIBLE_VAULT_PASSWORD_FILE", raising=False)


def sealed(text: str, password: bytes = PASSWORD, label: str | None = None) -> str:
    """What ansible-vault makes of a text."""
    made: bytes = VaultLib().encrypt(text, VaultSecret(password), vault_id=label)
    return made.decode()


def inline(text: str, indent: int, password: bytes = PASSWORD) -> str:
    """The same as a value in YAML."""
    return "!vault |\n" + textwrap.indent(sealed(text, password), " " * (indent + 2)).rstrip("\n")


@pytest.fixture
def password_file(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_bytes(PASSWORD + b"\n")
    return str(path)


@pytest.fixture
def wrong_file(tmp_path: Path) -> str:
    path = tmp_path / "wrong"
    path.write_bytes(OTHER)
    return str(path)


def write(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def values(path: Path, opener: Opener | None = None) -> tuple[dict[tuple[str, str], object], list[Problem]]:
    read, problems = reader.read([path], opener=opener)
    expressions = Expressions(read)
    found = {}
    for entry in read.hosts:
        done = expressions.rendered(entry)
        problems += done.problems
        for name, variable in done.entry.variables.items():
            if name.startswith("node_"):
                found[entry.name, name] = plain(variable.node)
    return found, problems


def told(path: Path, opener: Opener | None = None) -> str:
    """What a person sees of everything up to the hosts."""
    read, problems = reader.read([path], opener=opener)
    report = Report()
    report.extend(problems)
    report.extend(read_hosts(read)[1])
    return "\n".join(to_text(report.problems, read.sources)).replace(f"{path.parent}/", "")


def by_ansible(path: Path, passwords: list[bytes]) -> dict[tuple[str, str], object]:
    secrets = [("default", VaultSecret(password)) for password in passwords]
    loader = DataLoader()
    loader.set_vault_secrets(secrets)
    if hasattr(ansible_vault, "VaultSecretsContext"):  # since 2.19; before, the loader's are enough
        context = ansible_vault.VaultSecretsContext
        context.initialize(context(secrets))
    manager = InventoryManager(loader, sources=[str(path)])
    variables = VariableManager(loader, manager)
    result = {}
    for host in manager.get_hosts():
        found = variables.get_vars(host=host)
        templar = Templar(loader, variables=found)
        result.update({(host.name, name): templar.template(found[name]) for name in found if name.startswith("node_")})
    return result


def test_gives_what_ansible_gives(tmp_path: Path, password_file: str, wrong_file: str) -> None:
    """Inline values, in which templates are no templates, several passwords, whole files of groups and hosts."""
    path = write(
        tmp_path,
        "hosts.yaml",
        f"""
all:
  vars:
    base: {inline("ab", 4)}
    number: 7
    node_a: {inline("open sesame", 4)}
    node_b: {inline("{{ number + 1 }}", 4)}
    node_c: "<{{{{ base | upper }}}}{{{{ number }}}}>"
    node_d: [{{x: "{{{{ base }}}}"}}, 1]
    node_e:
      - {inline("of the other", 6, OTHER)}
      - {inline(ENDING, 6)}
      - {inline("Grüße", 6)}
    node_f: "{{{{ deep.x[0] }}}}"
    deep:
      x:
        - {inline("deep", 8)}
      broken: {inline("nobody needs this", 6, b"unknown")}
  children:
    rack:
      hosts: {{n01: , n02: }}
""",
    )
    write(tmp_path, "group_vars/rack.yml", sealed("node_g: {a: [1, '{{ number }}', true]}\nnode_h: 0xff\n"))
    write(tmp_path, "host_vars/n02/vault", sealed("number: 9\n", OTHER, "site"))
    ours, problems = values(path, Opener([wrong_file, password_file]))
    assert not [problem for problem in problems if problem.code != "number-rewritten"]
    assert ours == by_ansible(path, [PASSWORD, OTHER, b"unknown"])
    assert ours["n02", "node_b"] == "{{ number + 1 }}"
    assert ours["n01", "node_g"] == {"a": [1, 7, True]}


def test_each_ciphertext_is_opened_once(tmp_path: Path, password_file: str) -> None:
    text = inline("secret", 4)
    path = write(
        tmp_path, "hosts.yaml", f"all:\n  vars:\n    node_a: {text}\n    node_b: {text}\n  hosts:\n    n[1:200]:\n"
    )

    class Counting(Opener):
        count = 0

        def _open(self, data: bytes) -> str | Finding:
            self.count += 1
            return super()._open(data)

    opener = Counting([password_file])
    found, problems = values(path, opener)
    assert not problems
    assert len(found) == 400
    assert set(found.values()) == {"secret"}
    assert opener.count == 1


def test_the_password_may_come_from_a_program(tmp_path: Path) -> None:
    program = write(tmp_path, "password.sh", "#!/bin/sh\necho correct horse\n")
    program.chmod(0o755)
    assert Opener([str(program)]).open(sealed("x")) == "x"


@pytest.mark.parametrize(
    ("given", "environment", "files"),
    [
        pytest.param([], {}, (), id="none"),
        pytest.param(["a", "b"], {}, ("a", "b"), id="given"),
        pytest.param([], {"ANSIBLE_VAULT_PASSWORD_FILE": "c"}, ("c",), id="environment"),
        pytest.param(["a"], {"ANSIBLE_VAULT_PASSWORD_FILE": "c"}, ("a", "c"), id="both"),
        pytest.param([], {"ANSIBLE_VAULT_PASSWORD_FILE": ""}, (), id="empty"),
    ],
)
def test_where_passwords_come_from(given: list[str], environment: dict[str, str], files: tuple[str, ...]) -> None:
    assert password_files(given, environment) == files


def test_what_ansible_inventory_prints_is_opened(password_file: str) -> None:
    """`ansible-inventory --list` leaves vaulted values closed, and vaulted files open."""
    variables = {"node_x": {"__ansible_vault": sealed("inside")}}
    listing = json.dumps({"_meta": {"hostvars": {"n01": variables}}, "rack": {"hosts": ["n01"]}})
    read, problems = reader.read(["-"], io.StringIO(listing), opener=Opener([password_file]))
    assert not problems
    done = Expressions(read).rendered(read.hosts[0])
    assert not done.problems
    assert plain(done.entry.variables["node_x"].node) == "inside"


# --- what stays closed -----------------------------------------------------------------------------------------------

WAY_OUT = "  hint: name the file with the password: --vault-password-file FILE, or ANSIBLE_VAULT_PASSWORD_FILE=FILE"


def host_with(directory: Path, **changes: str) -> Path:
    return write(directory, "hosts.yaml", inventory_text(**changes))


def test_without_a_password(tmp_path: Path) -> None:
    path = host_with(tmp_path, node_root_password_hash=inline(PASSWORD_HASH, 6))
    assert told(path) == (
        "hosts.yaml:8:32: error: node01.example.com: node_root_password_hash: "
        "it is vaulted, and no password was given\n"
        "    8 |       node_root_password_hash: !vault |\n"
        "      |                                ^\n" + WAY_OUT
    )


def test_with_the_wrong_password(tmp_path: Path, wrong_file: str) -> None:
    path = host_with(tmp_path, node_root_password_hash=inline(PASSWORD_HASH, 6))
    assert told(path, Opener([wrong_file])) == (
        "hosts.yaml:8:32: error: node01.example.com: node_root_password_hash: it is vaulted, "
        "and cannot be decrypted with any of the passwords\n"
        "    8 |       node_root_password_hash: !vault |\n"
        "      |                                ^\n" + WAY_OUT
    )


def test_in_a_variable_that_a_node_variable_needs(tmp_path: Path) -> None:
    path = host_with(tmp_path, node_vg='"vg{{ tail }}"', tail=inline("x", 6))
    assert told(path).split("\n")[0] == (
        "hosts.yaml:12:13: error: node01.example.com: tail: it is vaulted, and no password was given; "
        "node_vg depends on it"
    )


def test_what_nobody_needs_stays_closed(tmp_path: Path) -> None:
    path = host_with(tmp_path, ansible_become_password=inline("x", 6), tokens=f"[{json.dumps('{{ nothing }}')}]")
    assert told(path) == ""


def test_a_vaulted_file_without_a_password(tmp_path: Path) -> None:
    path = host_with(tmp_path)
    write(tmp_path, "group_vars/all/vault.yml", sealed("node_vg: x\n"))
    assert told(path) == ("group_vars/all/vault.yml:1:1: error: it is vaulted, and no password was given\n" + WAY_OUT)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param("abc", "vault-damaged", id="no-vault-at-all"),
        pytest.param("$ANSIBLE_VAULT;1.1;AES256\n3332\n", "vault-damaged", id="cut-off"),
        pytest.param("$ANSIBLE_VAULT;1.1;AES256\nxyz\n", "vault-damaged", id="not-hex"),
        pytest.param("$ANSIBLE_VAULT;9.9;ROT13\n3332\n", "vault-damaged", id="other-cipher"),
        pytest.param("", "vault-damaged", id="empty"),
    ],
)
def test_what_is_no_vault(text: str, code: str, password_file: str) -> None:
    found = Opener([password_file]).open(text)
    assert isinstance(found, Finding)
    assert found.code == code


def test_binary_inside(password_file: str) -> None:
    made = VaultLib().encrypt(b"\xff\xfe\x00", VaultSecret(PASSWORD)).decode()
    assert Opener([password_file]).open(made) == Finding(
        "vault-damaged", "it is vaulted, and the decrypted text is not UTF-8", hint="encrypt it again"
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(None, "it is vaulted, and the password cannot be read: "
                     "The vault password file {} was not found", id="not-there"),
        pytest.param(b"", "it is vaulted, and the password cannot be read: "
                     "Invalid vault password was provided from file ({})", id="empty"),
        pytest.param(b"#!/bin/sh\nexit 3\n", "it is vaulted, and the password cannot be read: "
                     "Vault password script {} returned non-zero (3): None", id="program-fails"),
    ],
)  # fmt: skip
def test_a_password_that_is_not_to_be_had(content: bytes | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
        path.chmod(0o755 if content else 0o644)
    found = Opener([str(path)]).open(sealed("x"))
    assert found == Finding("vault-password-file", says.format(path))


def test_without_the_library(tmp_path: Path, password_file: str) -> None:
    """ksgen installs and runs without Ansible."""
    program = (
        "import sys; sys.modules['ansible'] = None\n"
        "from ksgen.inventory import Opener\n"
        "print(Opener([sys.argv[1]]).open('$ANSIBLE_VAULT;1.1;AES256'))\n"
    )
    done = subprocess.run([sys.executable, "-c", program, password_file], capture_output=True, text=True, check=True)
    assert done.stdout == (
        "Finding(code='vault-no-library', message='it is vaulted, and ansible-core, which is required to decrypt it, "
        "is not installed', "
        "severity='error', hint=\"install it: pip install 'ovirt-node-installer[vault]'\")\n"
    )


def test_the_library_is_not_loaded_for_nothing(tmp_path: Path, password_file: str) -> None:
    path = host_with(tmp_path, secret=inline("x", 6), node_vg='"a{{ 1 }}"')
    program = (
        "import sys\nfrom ksgen import inventory, host\n"
        "read, _ = inventory.read([sys.argv[1]], opener=inventory.Opener([sys.argv[2]]))\nhost.read_hosts(read)\n"
        "assert 'ansible' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program, path, password_file], check=True, cwd=tmp_path)


# --- what is inside is never repeated --------------------------------------------------------------------------------


def texts_of(problems: list[Problem], read: reader.Inventory, *things: object) -> Iterator[str]:
    """Everything that can be printed of problems and of what was read."""
    yield "\n".join(to_text(problems, read.sources))
    yield json.dumps([problem.to_json() for problem in problems])
    yield repr(problems)
    yield repr(read.sources)
    yield from map(repr, things)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("node_mac", "{}"),
        ("node_mac", "{} {{{{ nowhere }}}}"),
        ("node_mac", "{{{{ 1 + '{}' }}}}"),
        ("node_mac", "{{{{ '{}'.{} }}}}"),
        ("node_mac", "{{{{ '{}' | {} }}}}"),
        ("node_mac", "{{{{ {} }}}}"),
        ("node_mac", "{{{{ '{}' "),
        ("node_mac", "{{% {} %}}"),
        ("node_image_url", "ftp://admin:{}@example.com/"),
        ("node_image_url", "{}"),
        ("node_timezone", "{}"),
        ("node_ssh_keys", "ssh-rsa {}"),
        ("node_volumes", "{{{{ {{'/var': '{}'}} }}}}"),
        ("node_volumes", "{{{{ {{'/{}': '10'}} }}}}"),
        ("node_network", "{{{{ [{{'name': '{}' * 3}}] }}}}"),
        ("node_network", "{{{{ [{{'name': 'eno1', '{}': 1}}] }}}}"),
        ("node_disk", "{{{{ {{'wwn': '{}'}} }}}}"),
        ("node_release", "{}"),
        ("node_images", "{}"),
        ("node_hostname", "-{}"),
        ("node_root_password_hash", "{}"),
        ("node_post", "%packages {}"),
        ("node_kernel_args", "root={}"),
        ("node_dhcp", "{}"),
        ("node_ntp_servers", "{{{{ ['{}:x'] }}}}"),
        ("node_users", "{{{{ [{{'name': '{}', 'x': 1}}] }}}}"),
    ],
    ids=lambda text: text[:40],
)
def test_no_problem_repeats_what_the_vault_holds(variable: str, value: str, tmp_path: Path, password_file: str) -> None:
    """In a vaulted value, in what an expression makes of one, and in a vaulted file."""
    text = value.format(SECRET, SECRET)
    direct = host_with(tmp_path / "direct", **{variable: inline(text, 6)})
    needed = host_with(tmp_path / "needed", **{variable: '"{{ hidden }}"', "hidden": inline(text, 6)})
    filed = host_with(tmp_path / "filed")
    write(filed.parent, "host_vars/node01.example.com", sealed(json.dumps({variable: text})))
    for path in (direct, needed, filed):
        read, problems = reader.read([path], opener=Opener([password_file]))
        _, more = read_hosts(read)
        assert more, "a problem was expected"
        for shown in texts_of([*problems, *more], read, read.opener):
            assert SECRET not in shown.lower()


@pytest.mark.parametrize(
    "expression",
    [
        "1 + hidden",
        "{'a': 1}[hidden]",
        "mapping[hidden].x",
        "[1].index(hidden)",
        "undef(hint=hidden)",
        "'%d' % hidden",
        "'{:d}'.format(hidden)",
        "[1] | map(hidden)",
        "[1] | sort(attribute=hidden) | first",
        "{1: hidden}",
        "hidden.encode(hidden)",
        "range(hidden)",
        "mapping | tojson(indent=[hidden])",
        "list_[0] | int(base=hidden)",
    ],
)
def test_no_problem_repeats_what_an_expression_knows(expression: str, tmp_path: Path, password_file: str) -> None:
    path = host_with(
        tmp_path,
        node_vg=json.dumps("{{ " + expression + " }}"),
        hidden=inline(SECRET, 6),
        list_="['{{ hidden }}']",
        mapping="{b: '{{ hidden }}'}",
    )
    read, problems = reader.read([path], opener=Opener([password_file]))
    _, more = read_hosts(read)
    assert more
    for shown in texts_of([*problems, *more], read, read.opener):
        assert SECRET not in shown.lower()


@pytest.mark.parametrize(
    "text",
    [
        f"node_vg: '{SECRET}\n",
        f"node_vg: {SECRET}\nnode_vg: {SECRET}\n",
        f"{SECRET}: 1\n{SECRET}: 2\n",
        f"node_vg: !{SECRET} x\n",
        f"node_vg: &{SECRET} x\nb: *{SECRET}x\n",
        f"{SECRET}\n",
        f"- {SECRET}\n",
        f"node_vg: {{{SECRET}: 1\n",
        "node_mac: 52:54:00:00:00:01\n",
        "node_images: 010\n",
        "node_vg: 2024-01-01\n",
        "node_vg: {010: x}\n",
        "\ufeffnode_vg: x\n",
        "node_vg: " + "9" * 120 + "\n",
        "\tnode_vg: x\n",
    ],
)
def test_no_problem_of_a_vaulted_file_repeats_it(text: str, tmp_path: Path, password_file: str) -> None:
    path = host_with(tmp_path)
    write(tmp_path, "group_vars/all.yml", sealed(text))
    read, problems = reader.read([path], opener=Opener([password_file]))
    _, more = read_hosts(read)
    assert [*problems, *more]
    for shown in texts_of([*problems, *more], read):
        for part in (SECRET, "52:54", "0100", "41135", "2024", "010", "99999"):
            assert part not in shown.replace("0x5000000000000001", "").replace("52:54:00:aa:00:01", ""), shown


def test_a_vaulted_value_that_yaml_does_not_read_as_a_string(tmp_path: Path, password_file: str) -> None:
    path = host_with(tmp_path)
    write(tmp_path, "group_vars/all.yml", sealed("node_vg: 2024-01-01\n"))
    read, problems = reader.read([path], opener=Opener([password_file]))
    _, more = read_hosts(read)
    message = "this vaulted value is not the string that it looks like"
    assert message in {problem.message for problem in (*problems, *more)}


def test_a_problem_of_a_vaulted_value_is_told(tmp_path: Path, password_file: str) -> None:
    path = host_with(tmp_path, node_vg=inline("a/b", 6))
    assert told(path, Opener([password_file])) == (
        "hosts.yaml:11:16: error: node01.example.com: node_vg: "
        "this secret value is not valid here (name-characters in docs/problems.md)"
    )


def test_what_is_inside_reaches_the_host(tmp_path: Path, password_file: str) -> None:
    other = "$6$othersalt$" + "B" * 86
    path = host_with(
        tmp_path, node_root_password_hash=inline(other, 6), node_vg='"{{ name_ }}"', name_=inline("vg0", 6)
    )
    read, problems = reader.read([path], opener=Opener([password_file]))
    hosts, more = read_hosts(read)
    assert not [*problems, *more]
    (host,) = hosts
    assert isinstance(host, Host)
    assert (host.settings.root_password_hash, host.settings.vg) == (other, "vg0")
    assert "othersalt" not in repr(host)
    assert os.environ.get("ANSIBLE_VAULT_PASSWORD_FILE") is None
