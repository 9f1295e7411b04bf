# SPDX-License-Identifier: GPL-2.0-or-later
"""examples/engine.yml in real Ansible: what it asks the modules of ovirt.ovirt for, and what an engine answers.

Everywhere: with the stand-in for the collection (tests/data/ansible_collections), which takes the same arguments and
talks to no engine. With the collection itself and the engine's SDK against a small engine, where both are installed:

    OVIRT_COLLECTIONS=DIRECTORY OVIRT_SDK_PYTHON=PYTHON pytest tests/inventory/test_joining.py

DIRECTORY has ansible_collections/ovirt/ovirt in it, PYTHON can import ovirtsdk4 (pip install ovirt-engine-sdk-python).
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from engine_api import Engine, serving
from example_site import CHECKOUT, EXAMPLE, site
from image_servers import authority, certificate
from inventories import inventory_text, read_text

from ksgen.kickstart import render_all

PLAYBOOK = CHECKOUT / "examples" / "engine.yml"
STAND_IN = CHECKOUT / "tests" / "data"
SECRET = "swordfish"
BMC = f"{{type: ipmilan, address: bmc.example.com, user: fencing, password: {SECRET}}}"
FENCED = f"    a.example.com: {{engine_cluster: rack_a, node_bmc: {BMC}}}\n"
ANSWERS: dict[str, Any] = {
    "ovirt_auth": {"ansible_facts": {"ovirt_auth": {"token": "t", "url": "u"}}},
    "ovirt_cluster_info": {"ovirt_clusters": [{"id": "c1"}]},
    "ovirt_host_info": {"ovirt_hosts": []},
    "ovirt_host": {"changed": True},
}


def run(*arguments: str, collections: Path = STAND_IN, **environment: str) -> tuple[int, str]:
    program = Path(sys.executable).parent / "ansible-playbook"
    plain = {
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_COLLECTIONS_PATH": str(collections),
        # A module goes to its Python's standard input, without three commands around it that make and remove a file.
        "ANSIBLE_PIPELINING": "1",
    }
    own = Path(arguments[1]).parent / PLAYBOOK.name
    command = [str(program), str(own if own.exists() else PLAYBOOK), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**os.environ, **plain, **environment}
    )
    return done.returncode, done.stdout + done.stderr


def inventory(directory: Path, hosts: str, **changes: str) -> Path:
    variables = {
        "engine_url": "https://engine.example.com/ovirt-engine/api",
        "engine_ca": str(directory / "ca.pem"),
        "engine_user": "admin@internal",
        "engine_password": "secret of the engine",
        "engine_cluster": "Default",
        "engine_poll": "1",
        "engine_timeout": "60",
        **changes,
    }
    # A copy: of group_vars beside the original Ansible would take the example's.
    shutil.copy(PLAYBOOK, directory)
    path = directory / "hosts.yaml"
    lines = "".join(f"    {name}: {value}\n" for name, value in variables.items() if value)
    path.write_text(f"all:\n  vars:\n{lines}  hosts:\n{hosts}")
    return path


def calls(directory: Path, hosts: str, answers: dict[str, Any], **changes: str) -> tuple[str, list[tuple[str, Any]]]:
    """What a run prints, and the calls of the stand-in's modules."""
    log, answered = directory / "log", directory / "answers.json"
    log.write_text("")
    answered.write_text(json.dumps(ANSWERS | answers))
    path = inventory(directory, hosts, **changes)
    environment = {"STAND_IN_LOG": str(log), "STAND_IN_ANSWERS": str(answered)}
    _, printed = run("-i", str(path), "--skip-tags", "on_host", **environment)
    return printed, [(name, given) for name, given in map(json.loads, log.read_text().splitlines())]


def test_syntax() -> None:
    status, printed = run("-i", str(EXAMPLE), "--syntax-check")
    assert (status, printed.strip()) == (0, f"playbook: {PLAYBOOK}")


def test_hosts_are_those_that_ksgen_installs() -> None:
    status, printed = run("-i", str(EXAMPLE), "--list-hosts")
    assert status == 0
    plays = printed.split("play #")[1:]
    assert len(plays) == 3
    for play in plays:
        assert set(re.findall(r"^ {6}(\S+\.example\.com)$", play, re.MULTILINE)) == {host.name for host in site()[0]}


def test_a_new_host(tmp_path: Path) -> None:
    """It joins with a key, gets its fence agent, and is installed again for kdump; the password is not printed."""
    hosts = (
        f"    a.example.com: {{engine_cluster: rack_a, node_bmc: {BMC}}}\n    b.example.com: {{engine_hosted: true}}\n"
    )
    printed, made = calls(tmp_path, hosts, {})
    assert printed.count("failed=0") == 2, printed
    assert SECRET not in printed
    by_host = [given for name, given in made if name == "ovirt_host" and given["name"] == "a.example.com"]
    added, fenced, again = by_host
    expected = {"address": "a.example.com", "cluster": "rack_a", "public_key": True, "override_iptables": True}
    assert expected.items() <= added.items()
    assert (added["state"], added["timeout"], again["state"]) == ("present", 60, "reinstalled")
    assert (fenced["power_management_enabled"], fenced["kdump_integration"]) == (True, "enabled")
    assert not [given for name, given in made if name == "ovirt_host" and "password" in given]
    (agent,) = [given for name, given in made if name == "ovirt_host_pm"]
    assert (agent["type"], agent["username"], agent["options"]) == ("ipmilan", "fencing", {"lanplus": "1"})
    (other,) = [given for name, given in made if name == "ovirt_host" and given["name"] == "b.example.com"]
    assert other["hosted_engine"] == "deploy"
    assert "hosted_engine" not in added
    assert made[-1][1]["state"] == "absent", "the session is closed"


def test_a_host_whose_installation_failed_is_installed_again(tmp_path: Path) -> None:
    """The module raises on `present` for such a host (ovirt_host.py)."""
    known = {"address": "a.example.com", "cluster": {"id": "c1"}, "status": "install_failed"}
    hosts = f"    a.example.com: {{node_bmc: {BMC}}}\n"
    printed, made = calls(tmp_path, hosts, {"ovirt_host_info": {"ovirt_hosts": [known]}})
    assert "failed=0" in printed, printed
    states = [given.get("state") for name, given in made if name == "ovirt_host"]
    assert states == ["reinstalled", "present", "reinstalled"], "the last one for its crash dumps"


NO_LOGIN = {"failed": "Error while sending HTTP request: Failed to connect to engine.example.com"}
OTHER_CA = {"failed": "SSL certificate problem: unable to get local issuer certificate"}
FAULTS = [
    pytest.param({}, {"ovirt_auth": NO_LOGIN}, "Failed to connect to engine.example.com; check the URL", id="down"),
    pytest.param({}, {"ovirt_auth": OTHER_CA}, "local issuer certificate; check the URL, engine_ca", id="wrong-ca"),
    pytest.param({"engine_cluster": ""}, {}, "engine_cluster are required", id="no-cluster-named"),
    pytest.param({"engine_url": "http://engine.example.com/"}, {}, "engine_url (https)", id="no-tls"),
    pytest.param({"engine_hosted": "true", "node_network": "[{name: team0, bond: {members: [], mode: balance-alb}}]"},
                 {}, "hosted engine requires bonds that are called bond0", id="hosted-engine"),
    pytest.param({}, {"ovirt_cluster_info": {"ovirt_clusters": []}}, "no cluster Default", id="unknown-cluster"),
    pytest.param({}, {"ovirt_host_info": {"ovirt_hosts": [{"address": "x", "cluster": {"id": "c1"}, "status": "up"}]}},
                 "with another address (x)", id="other-address"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "answers", "message"), FAULTS)
def test_faults(changes: dict[str, str], answers: dict[str, Any], message: str, tmp_path: Path) -> None:
    printed, made = calls(tmp_path, "    a.example.com:\n", answers, **changes)
    assert message in printed
    assert "ovirt_host" not in [name for name, _ in made]


IS_READY = {"chronyc": "exit 0", "df": "echo avail; echo 9000", "systemctl": "exit 0", "getent": "exit 0"}
READY = [
    pytest.param({}, "failed=0", id="ready"),
    pytest.param({"chronyc": "exit 1"}, "failed=1", id="clock"),
    pytest.param({"df": "echo avail; echo 4000"}, "failed=1", id="no-space"),
    pytest.param({"systemctl": "echo inactive; exit 3"}, "failed=1", id="firewall"),
    pytest.param({"getent": "exit 2"}, "failed=1", id="unknown-name"),
]


@pytest.mark.parametrize(("changes", "expected"), READY)
def test_what_a_host_has_to_be(changes: dict[str, str], expected: str, tmp_path: Path) -> None:
    """On the hosts; programs in a directory of this test stand for theirs."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in {**IS_READY, **changes}.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    path = inventory(tmp_path, "    a.example.com: {ansible_connection: local}\n", engine_hosted="true",
                     ansible_python_interpreter=sys.executable)  # fmt: skip
    _, printed = run("-i", str(path), "--tags", "on_host", PATH=f"{programs}:{os.environ['PATH']}")
    assert expected in printed, printed


def test_registration_in_the_document_is_valid(tmp_path: Path) -> None:
    document = (CHECKOUT / "docs" / "day-two.md").read_text()
    found = re.search(r"<!-- registration -->\n```yaml\n(.*?)```", document, re.DOTALL)
    assert found
    text = inventory_text() + textwrap.indent(found[1], " " * 6)
    hosts, problems = read_text(text, tmp_path)
    (rendered,) = render_all(hosts)
    assert [*problems, *rendered.problems] == []
    assert rendered.text
    assert "vdsm-tool register" in rendered.text
    assert "--fingerprint" in found[1]


# --- the collection and the SDK, and a small engine ------------------------------------------------------------------

COLLECTIONS, SDK = os.environ.get("OVIRT_COLLECTIONS", ""), os.environ.get("OVIRT_SDK_PYTHON", "")
needs_sdk = pytest.mark.skipif(
    not (COLLECTIONS and SDK), reason="OVIRT_COLLECTIONS and OVIRT_SDK_PYTHON do not name ovirt.ovirt and the SDK"
)


def joined(directory: Path, engine: Engine, hosts: str, fault: str = "") -> str:
    """What a run against an engine prints."""
    ca = authority(directory)
    served = certificate(directory / "server.pem", ca, "DNS:localhost")
    if fault == "wrong-ca":
        (directory / "other").mkdir()
        ca = authority(directory / "other")
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(serving(engine, served))
        url = "https://localhost:1/ovirt-engine/api" if fault == "down" else url
        path = inventory(directory, hosts, engine_url=url, engine_ca=str(ca))
        words = ("-i", str(path), "--skip-tags", "on_host", "-e", f"ansible_python_interpreter={SDK}")
        return run(*words, collections=Path(COLLECTIONS))[1]


@needs_sdk
def test_hosts_join_an_engine(tmp_path: Path) -> None:
    engine = Engine(("Default", "rack_a"))
    engine.add("b.example.com", "b.example.com", "Default", "pending_approval")
    hosts = f"{FENCED}    b.example.com: {{engine_cluster: rack_a}}\n"
    printed = joined(tmp_path, engine, hosts)
    assert printed.count("failed=0") == 2, printed
    assert SECRET not in printed
    b, a = engine.hosts.values()
    assert (a.name, a.cluster, a.status, a.power, a.kdump) == ("a.example.com", "rack_a", "up", True, True)
    assert [(agent["type"], agent["password"], agent["option lanplus"]) for agent in a.agents] == [
        ("ipmilan", SECRET, "1")
    ]
    assert (b.cluster, b.status) == ("rack_a", "up"), "approved into its cluster"
    changes = [path.rpartition("/")[2] for path, _ in engine.asked_for("POST")]
    assert sorted(changes) == ["activate", "approve", "deactivate", "fenceagents", "hosts", "install"]
    assert not engine.tokens, "logged out"
    engine.requests.clear()
    printed = joined(tmp_path, engine, hosts)
    assert printed.count("changed=0") == 2, printed
    assert engine.asked_for("POST") == engine.asked_for("PUT") == [], "a second run changes nothing"


@needs_sdk
def test_a_failed_installation_is_repeated(tmp_path: Path) -> None:
    engine = Engine(fails_to_install=True)
    printed = joined(tmp_path, engine, "    a.example.com:\n")
    assert "failed=1" in printed, printed
    (host,) = engine.hosts.values()
    assert host.status == "install_failed"
    engine.fails_to_install = False
    printed = joined(tmp_path, engine, "    a.example.com:\n")
    assert "failed=0" in printed, printed
    assert host.status == "up"


OF_ENGINE = [
    pytest.param("down", "check the URL, engine_ca and the password", id="down"),
    pytest.param("wrong-ca", "check the URL, engine_ca and the password", id="wrong-ca"),
    pytest.param("password", "check the URL, engine_ca and the password", id="wrong-password"),
    pytest.param("exists", "with another address (10.9.9.9)", id="host-exists"),
]


@needs_sdk
@pytest.mark.parametrize(("fault", "message"), OF_ENGINE)
def test_an_engine_that_does_not_take_the_host(fault: str, message: str, tmp_path: Path) -> None:
    engine = Engine()
    if fault == "exists":
        engine.add("a.example.com", "10.9.9.9", "Default", "up")
    if fault == "password":
        engine.password = "another"
    printed = joined(tmp_path, engine, "    a.example.com:\n", fault)
    assert message in printed, printed
    assert "secret of the engine" not in printed
    assert engine.asked_for("POST") == []
