# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen explain` and `ksgen graph`: where a value comes from, in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result
from command import CliRunner
from inventories import PASSWORD_HASH

from ksgen.cli import main


def ksgen(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


# files, and the reasons from the winner down
RULES = [
    pytest.param(
        {"hosts.yaml": "all:\n  vars: {v: 1}\n  children: {g: {vars: {v: 2}, hosts: {h: {v: 3}}}}\n"},
        [
            (3, ""),
            (2, "host variables take precedence over group variables"),
            (1, "every group takes precedence over all"),
        ],
        id="host-group-all",
    ),
    pytest.param(
        {"hosts.yaml": "all:\n  children: {p: {vars: {v: 1}, children: {a: {vars: {v: 2}, hosts: {h: }}}}}\n"},
        [(2, ""), (1, "a is nested deeper than p (level 2 over 1)")],
        id="depth",
    ),
    pytest.param(
        {
            "hosts.yaml": "all:\n  children:\n    a: {vars: {v: 1, ansible_group_priority: 9}, hosts: {h: }}\n"
            "    z: {vars: {v: 2}, hosts: {h: }}\n"
        },
        [(1, ""), (2, "ansible_group_priority 9 of a wins over 1 of z")],
        id="priority",
    ),
    pytest.param(
        {"hosts.yaml": "all:\n  children:\n    a: {vars: {v: 1}, hosts: {h: }}\n    b: {vars: {v: 2}, hosts: {h: }}\n"},
        [(2, ""), (1, "on one level, the alphabetically later group name takes precedence: b over a")],
        id="name",
    ),
    pytest.param(
        {
            "hosts.yaml": "all:\n  vars: {v: 1}\n  children: {g: {vars: {v: 2}, hosts: {h: {v: 5}}}}\n",
            "group_vars/all.yml": "v: 3\n",
            "group_vars/g.yml": "v: 4\n",
            "host_vars/h.yml": "v: 6\n",
        },
        [
            (6, ""),
            (5, "host_vars files take precedence over the inventory file"),
            (4, "variables set at the host take precedence over group_vars"),
            (3, "every group takes precedence over all"),
            (2, "group_vars files take precedence over the groups of the inventory file"),
            (1, "every group takes precedence over all"),
        ],
        id="every-layer",
    ),
    pytest.param(
        {"hosts.yaml": "all:\n  children:\n    g: {hosts: {h: {v: 1}}}\n    f: {hosts: {h: {v: 2}}}\n"},
        [(2, ""), (1, "of several entries of a host, the later one takes precedence")],
        id="host-twice",
    ),
    pytest.param(
        {"hosts.yaml": 'all:\n  hosts:\n    "[a:h]": {v: 1}\n    h: {v: 2}\n    "[g:z]": {v: 3}\n'},
        [
            (3, ""),
            (2, "of several entries of a host, the later one takes precedence"),
            (1, "of several entries of a host, the later one takes precedence"),
        ],
        id="range-and-name",
    ),
]


@pytest.mark.parametrize(("files", "expected"), RULES)
def test_rules_in_words(files: dict[str, str], expected: list[tuple[int, str]], tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    result = ksgen("explain", tmp_path / "hosts.yaml", "h", "v", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)["v"]
    chain = [(found["value"], ""), *((lost["value"], lost["because"]) for lost in found["overrides"])]
    assert chain == expected
    for place in (found, *found["overrides"]):
        file, _, line = place["from"].rpartition(":")
        assert str(place["value"]) in Path(file).read_text().splitlines()[int(line) - 1]


def test_text_for_a_person(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text("all:\n  vars:\n    v: [1]\n  hosts:\n    h:\n      v: {a: é}\n")
    assert ksgen("explain", path, "h").stdout == (
        'v: {"a": "é"}\n'
        f"  from {path}:6, host; not a variable of ksgen\n"
        "  over [1]\n"
        f"    from {path}:3, group all: host variables take precedence over group variables\n"
    )


def test_which_variables_are_ksgens(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text("all:\n  hosts:\n    h: {node_images: 2, node_exporter_version: 1.8, node_disks: x}\n")
    found = json.loads(ksgen("explain", path, "h", "--json").stdout)
    # a misspelt one is refused, and so counts as one of them
    assert {name: one["ksgen"] for name, one in found.items()} == {
        "node_images": True, "node_exporter_version": False, "node_disks": True,
    }  # fmt: skip


def test_no_secret_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(
        f'all:\n  vars: {{node_root_password_hash: "{PASSWORD_HASH}B"}}\n  hosts:\n    h:\n'
        f'      node_root_password_hash: "{PASSWORD_HASH}"\n      node_users: [{{password_hash: "{PASSWORD_HASH}"}}]\n'
        "      v: !vault |\n        $ANSIBLE_VAULT;1.1;AES256\n        6162\n"
    )
    for option in ([], ["--json"]):
        result = ksgen("explain", path, "h", *option)
        assert "(a password hash)" in result.stdout
        assert "(vaulted)" in result.stdout
        assert "AAAA" not in result.stdout
        assert "6162" not in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("none",), "no host named 'none'", id="host"),
        pytest.param(("db",), "no host named 'db'; did you mean 'db.example.com'?", id="short-name"),
        pytest.param(("h", "node_time_zone"), "did you mean 'node_timezone'?", id="near-variable"),
        pytest.param(("h", "none"), "h has no variable 'none'", id="variable"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text("all: {hosts: {h: {v: 1}, db.example.com: }}\n")
    result = ksgen("explain", path, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_graph(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(
        "all:\n  hosts: {z: }\n  children:\n    b: {children: {c: {hosts: {y: }}}}\n    a: {hosts: {x: }}\n"
    )
    assert [line.rstrip() for line in ksgen("graph", path).stdout.splitlines()] == [
        "all",
        "├── a",
        "│   └── x",
        "├── b",
        "│   └── c",
        "│       └── y",
        "└── ungrouped",
        "    └── z",
    ]


VARIABLES = """\
all:
  vars:
    ansible_host: "{{ inventory_hostname }}.mgmt"
    site_day: 2026-05-04
    site_time: 2026-05-04 18:00:00.5 +02:00
    from_outside: "{{ lookup('env', 'HOME') }}"
    api_token: hunter2
    uses_it: "Bearer {{ api_token }}"
  hosts:
    node[01:02]: {node_images: "{{ 1 + 1 }}", node_lang: "{{ langauge }}"}
"""


def test_template_and_value_of_every_variable(tmp_path: Path) -> None:
    """Ansible's own and those of others are evaluated too; what needs Ansible itself is no problem."""
    path = tmp_path / "hosts.yaml"
    path.write_text(VARIABLES)
    result = ksgen("explain", path, "node01", "--json")
    found = json.loads(result.stdout)
    assert {name: (one["value"], one["template"]) for name, one in found.items()} == {
        "ansible_host": ("node01.mgmt", "{{ inventory_hostname }}.mgmt"),
        "site_day": ("2026-05-04", None),
        "site_time": ("2026-05-04T18:00:00.500000+02:00", None),  # as ansible-inventory prints it
        "from_outside": (None, "{{ lookup('env', 'HOME') }}"),
        "api_token": ("(secret)", None),
        "uses_it": ("(secret)", "Bearer {{ api_token }}"),
        "node_images": (2, "{{ 1 + 1 }}"),
        "node_lang": (None, "{{ langauge }}"),
    }
    assert found["from_outside"]["error"].startswith("'lookup' queries the machine that Ansible runs on")
    # only what ksgen itself needs is an error
    assert result.exit_code == 1
    assert [line for line in result.stderr.splitlines() if "error" in line] == [
        f"{path}:10:62: error: node_lang: 'langauge' is not set for the host or its groups (used by node01)"
    ]
    text = ksgen("explain", path, "node01", "node_images").stdout
    assert text == f'node_images: 2\n  template "{{{{ 1 + 1 }}}}"\n  from {path}:10, hosts node[01:02]\n'


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("node_timezone", 'default "Etc/UTC", from docs/inventory.md', id="a-word"),
        pytest.param("node_swap_size", "default 4 GiB, from docs/layout.md", id="a-size-of-the-policy"),
        pytest.param("node_hostname", "the name in the inventory, from docs/inventory.md", id="from-another"),
        pytest.param(
            "node_root_size", "it follows from the size of the image, from docs/layout.md", id="from-the-policy"
        ),
        pytest.param("node_mac", "required, and without a default, from docs/inventory.md", id="required"),
        pytest.param("node_users", "default [], from docs/inventory.md", id="a-list"),
        pytest.param("node_efi_dir", "no default, from docs/inventory.md", id="none"),
    ],
)
def test_default_of_a_variable_that_is_not_set(name: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text("all: {hosts: {h: {v: 1}}}\n")
    assert ksgen("explain", path, "h", name).stdout == f"{name}: not set; {says}\n"
    assert json.loads(ksgen("explain", path, "h", name, "--json").stdout)[name]["default"] == says
