# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/sources.md: real ansible-inventory on recorded answers of other sources, piped into ksgen."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from example_site import CHECKOUT

from ksgen.host import Host, read_hosts
from ksgen.inventory import reader
from ksgen.kickstart import render_all
from ksgen.problems import Problem, to_text
from ksgen.syntax import plain
from ksgen.variables import is_claimed

NETBOX = CHECKOUT / "examples" / "netbox"
COMPOSED = [NETBOX / "50-node.yml", NETBOX / "60-network.yml"]
CHAIN = [NETBOX / "10-netbox.yaml", *COMPOSED]
# What a real NetBox gave; the file has the command that records it.
RECORDED = CHECKOUT / "tests" / "data" / "netbox" / "recorded.json"
FOREMAN = """\
all:
  hosts:
    node01.example.com:
      foreman_ip: 10.0.1.11
      foreman_mac: "52:54:00:AA:00:01"
      foreman_build: true
      site_prefix: 24
      site_gateway: 10.0.1.1
      site_dns: [10.0.0.53]
      node_disk: {wwn: "0x5000c500a1b2c3d4"}
"""


def run(*sources: Path) -> subprocess.CompletedProcess[str]:
    """`ansible-inventory --list` of these sources, as docs/sources.md has it."""
    program = Path(sys.executable).parent / "ansible-inventory"
    words = [word for source in sources for word in ("-i", str(source))]
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "ANSIBLE_NOCOLOR": "1"}
    environment["ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED"] = "1"
    return subprocess.run(
        [str(program), *words, "--list"], capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL
    )


def listed(*sources: Path) -> str:
    """What it prints of sources without an error."""
    done = run(*sources)
    assert done.returncode == 0, done.stderr
    return done.stdout


def piped(text: str) -> tuple[tuple[Host, ...], list[Problem]]:
    site, problems = reader.read(["-"], io.StringIO(text), is_own=is_claimed)
    hosts, more = read_hosts(site)
    return hosts, [*problems, *more]


@pytest.fixture(scope="module")
def netbox() -> str:
    return listed(*CHAIN)


def test_netbox(netbox: str) -> None:
    hosts, problems = piped(netbox)
    assert problems == [], "serial and tags are NetBox's own names"
    bonded, single = hosts
    assert bonded.settings.mac == "52:54:00:aa:00:01", "not that of the management controller"
    bond, vlan = bonded.settings.network
    assert bond.bond is not None
    assert bond.bond.members == ["52:54:00:aa:00:01", "52:54:00:aa:00:02"]
    assert (vlan.name, vlan.ipv4, vlan.gateway4) == ("bond0.100", "10.0.1.11/24", "10.0.1.1")
    assert [one.ipv4 for one in single.settings.network] == ["10.0.1.12/24"]
    texts = [(rendered.text, rendered.problems) for rendered in render_all(hosts)]
    assert all(text and not found for text, found in texts)
    assert json.loads(netbox)["bonded"] == {"hosts": ["node01.vie.example.com"]}


def test_example_is_what_a_real_netbox_gives(netbox: str, tmp_path: Path) -> None:
    """With the same variables of groups beside it, the hosts are the same."""
    shutil.copytree(NETBOX / "group_vars", tmp_path / "group_vars")
    shutil.copy(RECORDED, tmp_path / "10-netbox.json")
    real, problems = piped(listed(tmp_path / "10-netbox.json", *COMPOSED))
    assert problems == []
    shortened, _ = piped(netbox)
    assert [host.settings for host in real] == [host.settings for host in shortened]


def test_source_that_fails_is_an_error_of_ansible(tmp_path: Path) -> None:
    """Without the variable of the environment, ksgen would get hosts without node_network."""
    given = json.loads(RECORDED.read_text())
    for group in given["all"]["children"].values():
        for variables in group["hosts"].values():
            variables.pop("site_gateway", None)
    (tmp_path / "10-netbox.json").write_text(json.dumps(given))
    done = run(tmp_path / "10-netbox.json", *COMPOSED)
    assert done.returncode != 0
    assert "'site_gateway' is undefined" in done.stderr


def test_problem_of_piped_json_begins_with_its_host(netbox: str) -> None:
    text = netbox.replace("0x5000c500a1b2c3d4", "0x5000")
    _, problems = piped(text)
    first, *_ = to_text(problems, {})
    line = next(n for n, row in enumerate(text.splitlines(), 1) if '"wwn": ' in row and '"0x5000"' in row)
    place = re.escape(f"(<stdin>:{line}:")
    assert re.fullmatch(rf"node01\.vie\.example\.com: node_disk\.wwn: error: '0x5000' .*{place}\d+\)", first), first


def test_foreman(tmp_path: Path) -> None:
    document = (CHECKOUT / "docs" / "sources.md").read_text()
    found = re.search(r"<!-- foreman -->\n```yaml\n(.*?)```", document, re.DOTALL)
    assert found
    (tmp_path / "10-foreman.yaml").write_text(FOREMAN)
    (tmp_path / "50-node.yml").write_text(found[1])
    site, _ = reader.read(["-"], io.StringIO(listed(tmp_path / "10-foreman.yaml", tmp_path / "50-node.yml")))
    variables = {name: plain(variable.node) for name, variable in site.hosts[0].variables.items()}
    assert variables["node_mac"] == "52:54:00:aa:00:01"
    assert variables["node_network"] == [
        {"mac": "52:54:00:aa:00:01", "ipv4": "10.0.1.11/24", "gateway4": "10.0.1.1", "dns": ["10.0.0.53"]}
    ]
