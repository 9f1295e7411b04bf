# SPDX-License-Identifier: GPL-2.0-or-later
"""Hosts: what is wrong in one and between two, where it stands, and that nothing odd or secret comes through."""

from __future__ import annotations

import ast
import datetime
import importlib
import inspect
import json
import pkgutil
import types
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from inventories import HOST, PASSWORD_HASH, read_text
from told import codes, host_text, hosts_text, text_of, told
from trapfile import Entry, parameters

import ksgen.host
import ksgen.variables
from ksgen.inventory import HostEntry, Inventory, Origin, Variable
from ksgen.problems import Mark, Problem, Report, to_text
from ksgen.syntax import Node

# Every module that reads the variables of a host.
MODEL = tuple(
    importlib.import_module(f"{package.__name__}.{module.name}")
    for package in (ksgen.variables, ksgen.host)
    for module in pkgutil.iter_modules(package.__path__)
)
TABLES = ("values-traps.txt", "disk-traps.txt", "network-traps.txt", "host-traps.txt", "content-traps.txt")
# Of a file beside the inventory (test_site_steps.py), and of a date from today (test_certificates.py).
ELSEWHERE = {"not-utf-8", "certificate-ends"}


@pytest.mark.parametrize("trap", parameters("host-traps.txt"))
def test_a_trap(trap: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(tmp_path)
    trap.agrees("\n".join(told(text_of(trap))), request)


# --- every code has been seen ----------------------------------------------------------------------------------------

# Where a call has the code among its arguments.
CODE_ARGUMENT = {"refuse": 0, "refuse_repeated": 0, "Finding": 0, "problem": 1}


def codes_in(module: types.ModuleType) -> set[str]:
    """The problem codes that stand in the source of a module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in CODE_ARGUMENT and len(node.args) > CODE_ARGUMENT[name]:
                found |= constants(node.args[CODE_ARGUMENT[name]])
        elif isinstance(node, ast.FunctionDef) and node.name == "_unique_values":
            yields = (one.value for one in ast.walk(node) if isinstance(one, ast.Yield))
            kinds = {kind for one in yields if isinstance(one, ast.Tuple) for kind in constants(one.elts[0])}
            found |= {kind.replace(" ", "-").lower() + "-of-two-hosts" for kind in kinds}
    return found


def constants(node: ast.expr) -> set[str]:
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


@pytest.mark.parametrize("module", MODEL, ids=lambda module: module.__name__)
def test_every_code_is_provoked(module: types.ModuleType) -> None:
    provoked = set().union(*map(codes, TABLES)) | ELSEWHERE
    assert codes_in(module) - provoked == set()


def test_codes_are_found_in_the_sources() -> None:
    found = set().union(*map(codes_in, MODEL))
    assert {
        "size",
        "ssh-key-weak",
        "gateway-twice",
        "variable-unknown",
        "disk-of-two-hosts",
        "disks-for-mirror",
    } <= found
    assert len(found) > 70


# --- groups ----------------------------------------------------------------------------------------------------------


def report_text(text: str) -> list[str]:
    _, problems = read_text(text, Path())
    report = Report()
    report.extend(problems)
    return to_text(report.problems, {"hosts.yaml": text})


def test_what_a_group_says_wrongly_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = hosts_text("[vars]\nnode_timezone: CEST\n" + "".join(f"[node0{n}]\n" for n in range(1, 6)))
    assert report_text(text) == [
        "hosts.yaml:3:20: error: node_timezone: 'CEST' is not a time zone (used by node01, node02 and 3 more)",
        "    3 |     node_timezone: CEST",
        "      |                    ^^^^",
        "  hint: write one that `timedatectl list-timezones` prints, such as Europe/Vienna",
    ]


def test_what_a_host_says_for_itself_is_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = hosts_text("[vars]\nnode_images: 0\n[node01]\nnode_images: 3\n[node02]\n[node03]\nnode_images: 100\n")
    assert [line for line in report_text(text) if "error" in line] == [
        "hosts.yaml:3:18: error: node_images: 0 is below the minimum of 1 (used by node02)",
        "hosts.yaml:30:20: error: node03: node_images: 100 is above the maximum of 99",
    ]


def test_host_with_an_error_is_left_out_and_one_that_does_not_fit_is_not(tmp_path: Path) -> None:
    wrong = "[node01]\nnode_network: [{name: a, vlan: {id: 5, parent: a}}]\n[node02]\n[node03]\nnode_images: 0\n"
    hosts, _ = read_text(hosts_text(wrong + "[node04]\nnode_disk: {serial: abcd, size: 30 GB}\n"), tmp_path)
    assert [host.name for host in hosts] == ["node02", "node04"]


# --- secrets ---------------------------------------------------------------------------------------------------------

SECRET = "hunter2-Xyzzy"
PEM = f"-----BEGIN OPENSSH PRIVATE KEY-----\\n{SECRET}\\n-----END OPENSSH PRIVATE KEY-----"
CREDENTIALS = f"http://erika:{SECRET}@pxe.example.com"
LEAKS = [
    pytest.param(f"node_root_password_hash: {SECRET}", id="root"),
    pytest.param(f"node_root_password_hash: [{SECRET}]", id="root-list"),
    pytest.param(f"node_root_password_hash: {{plain: {SECRET}}}", id="root-mapping"),
    pytest.param(f"node_root_password_hash: $6${SECRET}", id="root-half-a-hash"),
    pytest.param(f"node_root_password: {SECRET}", id="unknown-variable"),
    pytest.param(f"node_root_password: [{SECRET}]", id="unknown-list"),
    pytest.param(f"node_users: [{{name: erika, password_hash: {SECRET}}}]", id="user"),
    pytest.param(f"node_users: [{{name: erika, password: {SECRET}}}]", id="unknown-key"),
    pytest.param(f"node_users: [{{name: not a name, password_hash: {SECRET}}}]", id="beside-it-in-the-line"),
    pytest.param(f"node_users: {{name: erika, password_hash: {SECRET}}}", id="mapping-for-a-list"),
    pytest.param(f"node_users: [[{{password: {SECRET}}}]]", id="list-in-a-list"),
    pytest.param(f"node_users: [{{name: {{password: {SECRET}}}}}]", id="mapping-for-a-text"),
    pytest.param(f'node_ssh_keys: ["{PEM}"]', id="private-key"),
    pytest.param(f'node_ssh_keys: "{PEM}"', id="private-key-for-a-list"),
    pytest.param(f'node_ssh_keys: {{a: "{PEM}"}}', id="private-key-in-a-mapping"),
    pytest.param(f'node_mac: "{PEM}"', id="private-key-for-something-else"),
    pytest.param(f'node_post: ["%end", "{PEM}"]', id="private-key-in-a-script"),
    pytest.param(f"node_image_url: {CREDENTIALS}/a.img", id="url"),
    pytest.param(f"node_image_url: {CREDENTIALS}:99999/a.img", id="url-with-a-wrong-port"),
    pytest.param(f"node_tree_url: gopher://erika:{SECRET}@pxe.example.com/", id="url-of-an-unknown-kind"),
    pytest.param(f'node_server_url: "{CREDENTIALS}/\\n"', id="url-with-a-newline"),
    pytest.param(f"node_server_url: [{CREDENTIALS}]", id="url-in-a-list"),
    pytest.param(f'node_images: "{CREDENTIALS}"', id="url-for-something-else"),
    pytest.param(f"node_dhcp: {{password: {SECRET}}}", id="range"),
    pytest.param(f"node_disk: {{secret: {SECRET}}}", id="disk"),
    pytest.param(f"node_network: [{{name: eno1, wpa_passphrase: {SECRET}}}]", id="interface"),
]


@pytest.mark.parametrize("change", LEAKS)
def test_no_secret_is_told(change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = host_text(change)
    assert SECRET in text
    hosts, problems = read_text(text, Path())
    assert not hosts
    assert problems
    everything = [
        *to_text(problems, {"hosts.yaml": text}),
        json.dumps([one.to_json() for one in problems]),
        repr(problems),
    ]
    assert not [found for found in everything if SECRET in found]


def test_line_of_a_secret_is_hidden_and_others_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = host_text(f"node_users: [{{name: a b, password_hash: {PASSWORD_HASH}}}]\nnode_images: 0")
    assert [line for line in report_text(text) if " | " in line] == [
        "   12 |       node_images: 0",
        "      |                    ^",
    ]


# --- anything at all -------------------------------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(10**400), 2**63, -1, 0]),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.text(max_size=20),
    st.text(st.characters(min_codepoint=0xD7FF, max_codepoint=0xE001), max_size=3),
    st.sampled_from(
        ["", " ", "%end", "10 GiB", "10.0.0.1/24", "10.0.0.1/²", "::/0", "a" * 5000, "52:54:00:aa:00:01", "none"]
    ),
)
# Words that mean something somewhere, so that odd values get to where they are read.
WORDS = """
    name mac bond vlan bridge members options mode id parent ipv4 ipv6 gateway4 dns mtu wwn serial path model size min
    max gecos groups password_hash ssh_keys interface first last / /var swap disk bool [key] DhcpRange miimon
"""
KEYS = st.one_of(
    st.sampled_from(WORDS.split()),
    st.text(max_size=5),
    st.integers(),
    st.none(),
)
ODD = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
NAMES = ["node_" + name for name in ksgen.variables.Settings.model_fields]


def node_of(value: object) -> Node:
    mark = Mark("hosts.yaml", 1)
    if isinstance(value, dict):
        return Node({key: node_of(child) for key, child in value.items()}, mark, mark)
    if isinstance(value, list):
        return Node(tuple(map(node_of, value)), mark, mark)
    assert value is None or isinstance(value, bool | int | float | str | datetime.date)
    return Node(value, mark, mark)


def entry_of(name: str, changes: dict[str, object]) -> HostEntry:
    data = {**GOOD, **changes}
    mark = Mark("hosts.yaml", 1)
    of = {key: Variable(key, node_of(value), mark, Origin("host", name), False) for key, value in data.items()}
    return HostEntry(name, mark, (), of)


GOOD: dict[str, object] = {
    **{key: value.strip('"') for key, value in HOST.items()},
    "node_disk": {"wwn": "0x5000000000000001", "size": "128 GiB"},
}


def read_odd(changes: dict[str, object]) -> list[Problem]:
    """The problems of two hosts alike, which have to be problems: a traceback fails, and so does a word too many."""
    site = Inventory((entry_of("node01", changes), entry_of("node02", {})))
    _, problems = ksgen.host.read_hosts(site)
    assert problems
    for problem in problems:
        assert len(problem.message) < 1000
        assert (problem.message + (problem.variable or "")).isprintable(), problem
        json.dumps(problem.to_json()).encode()
    to_text(problems, {})
    return problems


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=ODD)
def test_anything_in_a_variable_is_judged(name: str, value: object) -> None:
    read_odd({name: value})


@pytest.mark.parametrize("name", NAMES)
def test_number_that_python_cannot_print_is_judged(name: str) -> None:
    for value in (16**5000, [16**5000], {"size": 16**5000}, [{"vlan": {"id": 16**5000, "parent": "eno1"}}]):
        read_odd({name: value})


STRUCTURED = ["node_network", "node_disk", "node_users", "node_dhcp", "node_volumes"]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.dictionaries(st.sampled_from(NAMES + STRUCTURED * 5), ODD, max_size=4))
def test_anything_in_several_variables_is_judged(changes: dict[str, object]) -> None:
    read_odd(changes)


INTERFACE = st.fixed_dictionaries(
    {},
    optional={
        "name": st.sampled_from(["a", "b", "c", "bond0", "br0"]),
        "mac": st.just("52:54:00:aa:00:01"),
        "bond": st.fixed_dictionaries({"members": st.lists(st.sampled_from("abc"), max_size=2)}),
        "vlan": st.fixed_dictionaries({"id": st.integers(1, 3), "parent": st.sampled_from(["a", "b", "c", "bond0"])}),
        "bridge": st.fixed_dictionaries({"members": st.lists(st.sampled_from(["a", "b", "bond0", "br0"]), max_size=2)}),
        "ipv4": st.sampled_from(["dhcp", "none", "10.0.0.1/24", "10.0.0.2/32"]),
        "gateway4": st.sampled_from(["10.0.0.1", "10.0.0.3", "fe80::1"]),
        "dns": st.lists(st.sampled_from(["10.0.0.1", "2001:db8::1"]), max_size=2),
    },
)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(INTERFACE, min_size=1, max_size=4))
def test_any_network_is_refused_or_has_its_commands(interfaces: list[object]) -> None:
    """No circle of interfaces hangs the one that puts them in order."""
    hosts, problems = ksgen.host.read_hosts(Inventory((entry_of("node01", {"node_network": interfaces}),)))
    assert hosts or problems
    for one in hosts:
        commands = ksgen.variables.network_options(one.settings.network, one.settings.mac)
        made = {interface.device for interface in one.settings.network}
        ports = {member for interface in one.settings.network if not interface.vlan for member in interface.lower}
        assert commands
        assert len(commands) <= len(made | ports)
