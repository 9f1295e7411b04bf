# SPDX-License-Identifier: GPL-2.0-or-later
"""The inventory reader: every trap with its message, and where each value comes from."""

from __future__ import annotations

import dataclasses
import io
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from trapfile import Entry, parameters

from ksgen.inventory import reader
from ksgen.problems import Problem, Report, to_text
from ksgen.syntax import plain

GOOD = 'all:\n  hosts:\n    n01:\n      node_mac: "52:54:00:00:00:01"\n'


@dataclasses.dataclass(frozen=True)
class Trap:
    """Files of an inventory by their names, the one that is read (`-` for standard input), and the row of the table."""

    files: dict[str, str]
    read: str
    row: Entry


def trap_of(row: Entry) -> Trap:
    files, read = {}, "hosts.yaml"
    for section in re.split(r"^--- ", row.given, flags=re.MULTILINE)[1:]:
        title, _, content = section.partition("\n")
        if title.startswith("read "):
            read = title.removeprefix("read ")
        else:
            files[title] = content
    return Trap(files, "-" if "-" in files else read, row)


def write(directory: Path, name: str, content: str | bytes) -> None:
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def messages(paths: list[str], stdin: str | None = None) -> str:
    read, problems = reader.read(paths, None if stdin is None else io.StringIO(stdin))
    report = Report()
    report.extend(problems)
    return "\n".join(to_text(report.problems, read.sources))


def hosts_with(text: str, directory: Path) -> tuple[reader.Inventory, list[Problem]]:
    write(directory, "hosts.yaml", text)
    return reader.read([directory / "hosts.yaml"])


@pytest.mark.parametrize("trap", parameters("inventory-traps.txt", trap_of))
def test_a_trap(trap: Trap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in trap.files.items():
        if name != "-":
            write(tmp_path, name, content)
    trap.row.agrees(messages([trap.read], trap.files.get("-")), request)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        pytest.param(
            "\ufeff" + GOOD,
            "hosts.yaml:1:1: error: the text begins with a byte order mark (U+FEFF)\n"
            "  hint: save it as UTF-8 without BOM",
            id="byte-order-mark",
        ),
        pytest.param(
            GOOD.encode("utf-16"),
            "hosts.yaml:1:1: error: the text is UTF-16, and must be UTF-8\n  hint: save it as UTF-8",
            id="utf-16",
        ),
        pytest.param(
            "all:\n  vars: {motd: Grüße}\n".encode("latin-1"),
            "hosts.yaml:2:18: error: the byte 0xfc is not UTF-8\n  hint: save the file as UTF-8",
            id="latin-1",
        ),
        pytest.param(
            GOOD + "# \0\n",
            "hosts.yaml:5:3: error: the character U+0000 is not allowed in YAML\n"
            '  hint: remove it, or write it as "\\u0000" in double quotes',
            id="nul",
        ),
        pytest.param(
            GOOD + "# \x1b[31m\n",
            "hosts.yaml:5:3: error: the character U+001B is not allowed in YAML\n"
            '  hint: remove it, or write it as "\\u001b" in double quotes',
            id="escape",
        ),
        pytest.param(
            GOOD + "# a\u2028b\n",
            "hosts.yaml:5:4: error: the character U+2028 is not allowed in YAML\n"
            '  hint: remove it, or write it as "\\u2028" in double quotes',
            id="line-separator",
        ),
        pytest.param(
            GOOD.replace("\n", "\r"),
            "hosts.yaml:1:5: error: the character U+000D is not allowed in YAML\n"
            "  hint: end each line with a line feed",
            id="carriage-returns-alone",
        ),
        pytest.param(
            "all:\n  vars:\n    x: " + "a" * 10_000_000 + "\n",
            "hosts.yaml:3:1: error: a line of 10,000,007 characters; the limit is 1,048,576\n"
            "  hint: break it, or keep such a value in a file of its own",
            id="long-line",
        ),
        pytest.param(
            "all:\n  vars:\n    x: " + "[" * 1_000_000 + "\n",
            "hosts.yaml:3:105: error: more than 100 levels of nesting\n  hint: use fewer levels",
            id="nested-lists",
        ),
        pytest.param(
            "all: " + "{a: " * 200_000 + "\n",
            "hosts.yaml:1:402: error: more than 100 levels of nesting\n  hint: use fewer levels",
            id="nested-mappings",
        ),
        pytest.param(
            "all:\n  vars: {x: &x " + "[" * 80 + "]" * 80 + ", y: " + "[" * 40 + "*x" + "]" * 40 + "}\n",
            "hosts.yaml:2:221: error: more than 100 levels of nesting\n  hint: use fewer levels",
            id="nested-through-an-alias",
        ),
        pytest.param(
            "all:\n  vars:\n    x:\n      " + "- " * 100_000 + "1\n",
            "hosts.yaml:4:201: error: more than 100 levels of nesting\n  hint: use fewer levels",
            id="nested-list-items",
        ),
        pytest.param(
            '{"all": {"vars": {"x": ' + "[" * 200 + "]" * 200 + "}}}",
            "hosts.yaml:1:121: error: more than 100 levels of nesting\n  hint: use fewer levels",
            id="nested-json",
        ),
        pytest.param(
            '{"all": {"vars": {"x": ' + "[" * 200_000 + "]" * 200_000 + "}}}",
            "hosts.yaml:1:121: error: more than 100 levels of nesting\n  hint: use fewer levels",
            id="nested-json-beyond-the-parser",
        ),
        pytest.param(
            "all:\n  hosts:\n    n01: {node_x: " + "9" * 5000 + "}\n",
            "hosts.yaml:3:19: error: YAML takes 99999999999999999999… for a number, but it is not a valid one\n"
            "  hint: write it in quotes",
            id="endless-number",
        ),
        pytest.param(
            "all:\n  hosts:\n    n01: {node_x: 1" + ":0" * 200_000 + "}\n",
            "hosts.yaml:3:19: error: YAML takes 1:0:0:0:0:0:0:0:0:0:… for a number, but it is not a valid one\n"
            "  hint: write it in quotes",
            id="endless-sexagesimal",
        ),
        pytest.param(
            "".join(f"g{i}: {{children: {{g{i + 1}: }}}}\n" for i in range(3000)) + "g3000: {hosts: {n01: }}\n",
            "hosts.yaml:100:18: error: more than 100 levels of nested groups\n"
            "  100 | g99: {children: {g100: }}\n"
            "      |                  ^^^^",
            id="chain-of-groups",
        ),
        pytest.param(
            "all:\n  hosts:\n" + "".join(f"    n{i}-[1:100000]:\n" for i in range(20)),
            "hosts.yaml:4:5: error: more than 100,000 hosts, or hosts named more than 1,000,000 times\n"
            "    4 |     n1-[1:100000]:\n"
            "      |     ^^^^^^^^^^^^^\n"
            "  hint: split the inventory",
            id="too-many-hosts",
        ),
        pytest.param(
            "all:\n  children:\n" + "".join(f"    g{i}: {{hosts: {{'n[1:100000]': }}}}\n" for i in range(20)),
            "hosts.yaml:13:19: error: more than 100,000 hosts, or hosts named more than 1,000,000 times\n"
            "   13 |     g10: {hosts: {'n[1:100000]': }}\n"
            "      |                   ^^^^^^^^^^^^^\n"
            "  hint: split the inventory",
            id="too-many-mentions",
        ),
    ],
)
def test_a_text_beyond_the_bounds(
    content: str | bytes, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "hosts.yaml", content)
    begin = time.process_time()
    assert messages(["hosts.yaml"]).splitlines()[: says.count("\n") + 1] == says.splitlines()
    assert time.process_time() - begin < 10


def test_problems_of_a_hosts_own_file_are_the_hosts(tmp_path: Path) -> None:
    write(tmp_path, "hosts.yaml", "all: {hosts: {n01: , n02: }}\n")
    write(tmp_path, "host_vars/n01.yml", "node_x: [\n")
    write(tmp_path, "host_vars/n02.yml", b"node_x: \xff\n")
    _, problems = reader.read([tmp_path / "hosts.yaml"])
    assert [(problem.code, problem.host) for problem in problems] == [("yaml-syntax", "n01"), ("not-utf-8", "n02")]


def test_a_shared_problem_names_its_hosts(tmp_path: Path) -> None:
    text = 'all: {vars: {node_x: 010}, hosts: {n01: , "n[02:03]": {node_x: 011}, n04: {node_x: 012}}}\n'
    _, problems = hosts_with(text, tmp_path)
    assert [(problem.host, problem.shared, problem.mark.column) for problem in problems] == [
        ("n01", True, 22),
        ("n02", True, 64),
        ("n03", True, 64),
        ("n04", False, 84),
    ]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        pytest.param("all: {vars: {node_x: 010}, hosts: {n01: {node_x: 8}}}", ["number-rewritten"], id="overridden"),
        pytest.param(
            "all: {children: {g: {vars: {node_x: 1.10}}}, hosts: {n01: }}", ["number-rewritten"], id="of-nobody"
        ),
        pytest.param('all: {vars: {node_x: "{{ a }}"}, hosts: {n01: {node_x: 8}}}', [], id="expression-overridden"),
        pytest.param("all: {vars: {node_x: !vault abc}, hosts: {n01: {node_x: 8}}}", [], id="vault-overridden"),
        pytest.param("all: {vars: {secret: !vault abc}, hosts: {n01: }}", [], id="vault-of-ansible"),
        pytest.param('all: {vars: {x: "{{ a }}"}, hosts: {n01: }}', [], id="expression-of-ansible"),
        pytest.param("all: {vars: {x: [010, 1.10, 2026-01-02, {on: 1}]}, hosts: {n01: }}", [], id="numbers-of-ansible"),
        pytest.param('all: {vars: {node_x: !unsafe "{{ a }}"}, hosts: {n01: }}', [], id="unsafe"),
        pytest.param('all: {vars: {node_x: !unsafe ["{{ a }}"]}, hosts: {n01: }}', [], id="unsafe-list"),
        pytest.param("all: {vars: {node_x: [yes, off, 1.5, -3, 0, ~]}, hosts: {n01: }}", [], id="plain-values"),
        pytest.param('all: {vars: {node_x: ["010", "1.10", "22:22"]}, hosts: {n01: }}', [], id="in-quotes"),
        pytest.param("all: {vars: {node_x: {<<: {a: 1}, a: 2}}, hosts: {n01: }}", [], id="merge-key-overridden"),
    ],
)
def test_which_values_are_a_problem(text: str, codes: list[str], tmp_path: Path) -> None:
    _, problems = hosts_with(text, tmp_path)
    assert [problem.code for problem in problems] == codes


SITE = """\
all:
  vars: {node_a: all, node_b: all}
  children:
    rack:
      vars: {node_a: rack}
      hosts:
        n[01:02]: {node_a: range}
        n02:
          node_a: own
          node_c: {x: [1, 2]}
"""


@pytest.fixture
def site(tmp_path: Path) -> reader.Inventory:
    write(tmp_path, "hosts.yaml", SITE)
    write(tmp_path, "group_vars/rack/a.yml", "node_a: file\n")
    write(tmp_path, "host_vars/n02.yml", "\nnode_a: last\n")
    read, problems = reader.read([tmp_path / "hosts.yaml"])
    assert problems == []
    return read


def test_a_variable_knows_what_it_overrides(site: reader.Inventory) -> None:
    won = site.hosts[1].variables["node_a"]
    chain = [
        (plain(found.node), str(found.origin), found.node.mark.line, found.is_shared) for found in (won, *won.overrides)
    ]
    assert chain == [
        ("last", "host_vars/n02", 2, False),
        ("own", "host", 9, False),
        ("range", "hosts n[01:02]", 7, True),
        ("file", "group_vars/rack", 1, True),
        ("rack", "group rack", 5, True),
        ("all", "group all", 2, True),
    ]
    assert all(lost.overrides == () for lost in won.overrides)


def test_places(site: reader.Inventory) -> None:
    assert [(host.name, host.mark.line, host.mark.column, host.groups) for host in site.hosts] == [
        ("n01", 7, 9, ("rack",)),
        ("n02", 7, 9, ("rack",)),
    ]
    found = site.hosts[1].variables["node_c"]
    assert (found.key_mark.line, found.key_mark.column, found.key_mark.length) == (10, 11, 6)
    assert isinstance(found.node.value, dict)
    inner = found.node.value["x"]
    assert (inner.mark.column, inner.name_mark.column) == (23, 20)


def test_sources_are_the_texts_of_all_files(site: reader.Inventory) -> None:
    assert [Path(name).name for name in site.sources] == ["hosts.yaml", "a.yml", "n02.yml"]
    assert next(iter(site.sources.values())) == SITE


def test_groups(site: reader.Inventory) -> None:
    found = {name: (group.children, group.hosts, group.depth) for name, group in site.groups.items()}
    assert found == {
        "all": (("ungrouped", "rack"), (), 0),
        "ungrouped": ((), (), 1),
        "rack": ((), ("n01", "n02"), 1),
    }


def test_hosts_come_in_file_order(tmp_path: Path) -> None:
    read, _ = hosts_with("all: {children: {b: {hosts: {z: , 'n[3:2:1]': }}, a: {hosts: {c: , z: , a: }}}}", tmp_path)
    assert [host.name for host in read.hosts] == ["z", "c", "a"]


def test_a_directory_that_contains_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "d/hosts.yaml", GOOD)
    write(tmp_path, "d/group_vars/all/a.yml", "node_x: 1\n")
    (tmp_path / "d/loop").symlink_to(".")
    (tmp_path / "d/group_vars/all/loop").symlink_to("..")
    assert messages(["d"]) == (
        "d/group_vars/all/loop/all:1:1: error: the directory contains itself through a symbolic link\n"
        "  hint: remove the symbolic link\n"
        "d/loop:1:1: error: the directory contains itself through a symbolic link\n"
        "  hint: remove the symbolic link"
    )


def test_a_script_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "site", "#!/bin/sh\ntouch ran\n")
    (tmp_path / "site").chmod(0o755)
    assert messages(["site"]) == (
        "site:1:1: error: this is an inventory script, and ksgen does not run scripts\n"
        "  hint: pipe the output of Ansible to ksgen: ansible-inventory -i site --list | ksgen -"
    )
    assert not (tmp_path / "ran").exists()


def test_a_name_that_no_terminal_can_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, "a\n\x1b.yaml", "")
    assert messages(["a\n\x1b.yaml"]) == (
        "a\\n\\x1b.yaml:1:1: error: the file is empty, but an inventory must be a mapping\n  hint: begin with 'all:'"
    )


def test_standard_input_as_bytes() -> None:
    stream = io.TextIOWrapper(io.BytesIO(b'{"rack": "\xff"}'), encoding="utf-8")
    _, problems = reader.read(["-"], stream)
    assert [str(problem.mark) + " " + problem.message for problem in problems] == [
        "<stdin>:1:11 the byte 0xff is not UTF-8"
    ]


def test_standard_input_beside_a_file(tmp_path: Path) -> None:
    write(tmp_path, "hosts.yaml", "all: {vars: {node_x: file}}")
    stream = io.StringIO(
        '{"rack": {"hosts": ["n01"], "vars": {"node_y": 1}}, "_meta": {"hostvars": {"n01": {"node_z": 2}}}}'
    )
    read, problems = reader.read([tmp_path / "hosts.yaml", "-"], stream)
    assert problems == []
    assert {name: str(found.origin) for name, found in read.hosts[0].variables.items()} == {
        "node_x": "group all",
        "node_y": "group rack",
        "node_z": "host",
    }


def test_nothing_to_read() -> None:
    assert reader.read([]) == (dataclasses.replace(reader.Inventory(), groups=reader.read([])[0].groups), [])


# Any text at all

PIECES = st.sampled_from(
    [
        "all",
        "hosts",
        "children",
        "vars",
        "n[01:02]",
        "g",
        ": ",
        ":",
        "\n",
        "  ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "&a ",
        "*a",
        "<<",
        "? ",
        "!unsafe ",
        "!vault ",
        "!!int ",
        "!!timestamp ",
        "| ",
        "|\n",
        ">\n",
        '"',
        "'",
        "#",
        "%",
        "---",
        "...",
        "\t",
        "1:2",
        "0x_",
        "1_0",
        "2026-02-30",
        ".inf",
        "~",
        "=",
        "\\n",
        "node_x",
        "ansible_group_priority",
        "{{ a }}",
        "ungrouped",
        "plugin",
        "_meta",
        "\x00",
        "\u2028",
        "é",
        "\ud800",
        "[5:1]",
        '"5\\n"',
        "on",
    ]
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(PIECES, max_size=25), is_stdin=st.booleans())
def test_no_text_is_a_traceback(pieces: list[str], is_stdin: bool, tmp_path: Path) -> None:
    text = "".join(pieces)
    if is_stdin:
        read, problems = reader.read(["-"], io.StringIO("{" + text))
    else:
        path = tmp_path / "hosts.yaml"
        path.write_bytes(("all: {" + text if len(pieces) % 2 else text).encode("utf-8", "surrogatepass"))
        read, problems = reader.read([path])
    assert read.hosts or problems
    assert to_text(problems, read.sources) or not problems


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(0, len(SITE)), length=st.integers(0, 3), piece=PIECES)
def test_no_slip_of_the_pen_is_a_traceback(at: int, length: int, piece: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_bytes((SITE[:at] + piece + SITE[at + length :]).encode("utf-8", "surrogatepass"))
    read, problems = reader.read([path])
    assert read.hosts or problems
    assert to_text(problems, read.sources) or not problems
