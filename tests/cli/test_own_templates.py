# SPDX-License-Identifier: GPL-2.0-or-later
"""A site's own templates: the inventory's variables in them, what has no effect, what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from click.testing import Result
from command import CliRunner
from inventories import inventory_text

from ksgen.cli import main

VARIABLES = """\
  vars:
    site_proxy: "http://proxy.{{ domain }}:3128/"
    domain: example.com
    site_ports: [22, 8080]
    version: of the site
    api_token: hunter2hunter2
    from_outside: "{{ lookup('env', 'HOME') }}"
"""


@pytest.fixture(autouse=True)
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own").mkdir()
    second = inventory_text("node02.example.com").split("hosts:\n")[1].replace("aa:00:01", "aa:00:02")
    second = second.replace("5000000000000001", "5000000000000002")
    Path("hosts.yaml").write_text(inventory_text().replace("all:\n", "all:\n" + VARIABLES) + second)


def ksgen(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["hosts.yaml", "--templates", "own", *arguments], catch_exceptions=False)


def template(text: str, name: str = "site.ks.j2") -> None:
    Path("own", name).parent.mkdir(exist_ok=True)
    Path("own", name).write_text(text)


def test_variables_of_the_inventory_are_there_as_ansible_has_them() -> None:
    template(
        "%post\n# {{ site_proxy }} {{ inventory }} {{ vars.version }} {{ node_release }}\n"
        "{% for port in site_ports %}\n# {{ port }} {{ version }}\n{% endfor %}\n%end\n".replace(" {{ inventory }}", "")
    )
    result = ksgen()
    assert result.exit_code == 0, result.stderr
    text = Path("out/ks/node01.example.com.ks").read_text()
    assert "# http://proxy.example.com:3128/ 'of the site' el9\n" in text
    # a name of ksgen's hides the site's, which is in vars all the same
    assert "# 8080 of the site" not in text
    assert "\n# 8080 " in text


@pytest.mark.parametrize("name", ["from_outside", "nowhere"])
def test_an_undefined_name_is_one_error_with_its_hosts(name: str) -> None:
    template(f"\n# {{{{ {name} }}}}\n")
    assert ksgen("--check").stderr == (
        f"{Path.cwd()}/own/site.ks.j2:2:1: error: '{name}' is undefined "
        "(used by node01.example.com, node02.example.com)\n"
        "1 error; nothing was written\n"
    )


def test_a_mistake_in_a_template_is_one_error_with_its_hosts() -> None:
    template("{% if %}\n")
    errors = [line for line in ksgen("--check").stderr.splitlines() if "error" in line]
    assert len(errors) == 2
    assert errors[0].endswith("(used by node01.example.com, node02.example.com)")
    assert errors[1] == "1 error; nothing was written"


def test_secrets_of_the_inventory_are_not_shown() -> None:
    """By the name of their variable, or out of the vault."""
    sealed: bytes = VaultLib().encrypt("from-the-vault", VaultSecret(b"secret"))
    vaulted = "    sealed: !vault |\n" + "".join(f"      {line}\n" for line in sealed.decode().splitlines())
    Path("hosts.yaml").write_text(Path("hosts.yaml").read_text().replace("  vars:\n", "  vars:\n" + vaulted))
    Path("pw").write_text("secret")
    template("%post\necho {{ api_token }} {{ vars.sealed }} {{ site_proxy }}\n%end\n")
    result = ksgen("--vault-password-file", "pw", "--diff")
    assert result.exit_code == 0, result.stderr
    assert "echo hunter2hunter2 from-the-vault http" in Path("out/ks/node01.example.com.ks").read_text()
    assert "hunter2" not in result.stdout
    assert "from-the-vault" not in result.stdout
    assert "proxy.example.com" in result.stdout


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        pytest.param("sytem.ks.j2", "did you mean 'system.ks.j2'?", id="misspelt"),
        pytest.param("pxelinux.j2", "did you mean 'netboot/pxelinux.j2'?", id="in-another-directory"),
        pytest.param(
            "0815.j2",
            "docs/templates.md lists the templates; include it from one of them, such as site.ks.j2",
            id="unlike-any",
        ),
    ],
)
def test_a_file_that_overrides_nothing_is_a_warning(name: str, hint: str) -> None:
    template("# ours\n", name)
    result = ksgen("--check")
    assert result.exit_code == 0
    assert result.stderr.startswith(
        f"{Path.cwd()}/own/{name}:1:1: warning: {name} overrides no built-in template, "
        "and no other template includes it\n"
        f"  hint: {hint}\n"
    )


@pytest.mark.parametrize(
    "files",
    [
        pytest.param({"site.ks.j2": '{% include "parts/a.j2" %}\n', "parts/a.j2": "# a\n"}, id="included"),
        pytest.param(
            {"site.ks.j2": '{% include "a.j2" %}', "a.j2": '{% include "b.j2" %}', "b.j2": "# b\n"}, id="in-a-chain"
        ),
        pytest.param({"site.ks.j2": "{% include settings.layout ~ '.j2' %}\n", "standard.j2": "# a\n"}, id="computed"),
        pytest.param({"netboot/ipxe.j2": "#!ipxe\nexit\n"}, id="boot-file"),
        pytest.param({"README.md": "ours\n", ".git.j2": "x", "notes.txt": "x"}, id="other-files"),
    ],
)
def test_other_files_are_no_warning(files: dict[str, str]) -> None:
    for name, text in files.items():
        template(text, name)
    assert "warning" not in ksgen("--check").stderr


def test_without_own_templates_nothing_but_ksgens_variables_is_evaluated(capfd: pytest.CaptureFixture[str]) -> None:
    Path("hosts.yaml").write_text(Path("hosts.yaml").read_text().replace("{{ domain }}", "{{ 'x' * 10**9 }}"))
    assert CliRunner().invoke(main, ["hosts.yaml", "--check"]).exit_code == 0
    assert capfd.readouterr().err == ""
