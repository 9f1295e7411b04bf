# SPDX-License-Identifier: GPL-2.0-or-later
"""What ksgen tells the program that checks the machine, and where it runs in a kickstart."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from inventories import ON_MEDIUM, inventory_text, one_host, read_text

from ksgen.host import rules
from ksgen.kickstart import render_all
from ksgen.kickstart.machine import wanted_checks
from ksgen.kickstart.page import PROGRAMS, Templates, source
from ksgen.variables import variables_schema
from org_ovirt_node.programs import checks, disks
from org_ovirt_node.programs.checks import Wanted, WantedAddress, WantedLink

MAC = "52:54:00:aa:00:01"
IMAGE = WantedAddress("image", "http://pxe.example.com/node.squashfs.img")
TREE = WantedAddress("tree", "http://pxe.example.com/tree/.treeinfo", is_needed=False)
REPORT = WantedAddress("report", "http://pxe.example.com/nodes/report", is_needed=False)
BOND = f"{{name: bond0, bond: {{members: ['{MAC}', eno2]}}, speed: 25 Gbit/s}}"
VLAN = "{name: bond0.5, vlan: {id: 5, parent: bond0}, ipv4: dhcp}"
PIN = "ab" * 32


def rendered(directory: Path, **variables: str) -> str:
    text, problems = Templates().render(one_host(directory, **variables))
    assert text is not None, problems
    return text


def wanted_of(text: str) -> Wanted:
    return checks.read(text.partition("<<'END_OF_CHECKS'\n")[2].partition("\nEND_OF_CHECKS\n")[0])


def script_of(text: str) -> str:
    return text.partition("%pre --erroronfail --log=/tmp/node-checks.log\n")[2].partition("\n%end\n")[0]


def test_default(tmp_path: Path) -> None:
    wanted = Wanted("el9", (WantedLink(MAC),), (IMAGE, TREE, REPORT), wait=900)
    text = rendered(tmp_path)
    assert wanted_of(text) == wanted
    assert wanted_checks(one_host(tmp_path).settings) == wanted


@pytest.mark.parametrize(
    ("variables", "field", "value"),
    [
        pytest.param({"node_release": "el10"}, "release", "el10", id="release"),
        pytest.param({"node_firmware": "uefi"}, "firmware", "uefi", id="firmware"),
        pytest.param({"node_serial": "CZ20350K4M"}, "serial", "CZ20350K4M", id="serial"),
        pytest.param({"node_checks": "{hosted_engine: true}"}, "hosted_engine", True, id="hosted-engine"),
        pytest.param({"node_checks": "{skip: [cpu, link]}"}, "skip", ("cpu", "link"), id="skip"),
        pytest.param({"node_checks": "{wait: 2 h}"}, "wait", 7200, id="wait-hours"),
        pytest.param({"node_checks": "{wait: 90 s}"}, "wait", 90, id="wait-seconds"),
        pytest.param({"node_checks": "{wait: 0}"}, "wait", 0, id="no-wait"),
        pytest.param({"node_checks": "{}"}, "wait", 900, id="nothing-asked"),
        pytest.param(
            {"node_network": f"[{BOND}, {VLAN}]"},
            "links",
            (WantedLink(MAC, "bond0", 25000), WantedLink("eno2", "bond0", 25000)),
            id="bond",
        ),
        pytest.param(
            {"node_network": f"[{{name: eno2, speed: 100 Gbit/s}}, {BOND}, {VLAN}]"},
            "links",
            (WantedLink("eno2", "bond0", 100000), WantedLink(MAC, "bond0", 25000)),
            id="member-of-its-own-speed",
        ),
        pytest.param(
            {"node_network": f"[{{mac: '{MAC}', ipv4: dhcp, speed: 2.5 Gbit/s}}]"},
            "links",
            (WantedLink(MAC, speed=2500),),
            id="nic-by-mac",
        ),
        pytest.param(
            {"node_network": "[{name: eno1.5, vlan: {id: 5, parent: eno1}, ipv4: dhcp}]"},
            "links",
            (WantedLink("eno1"),),
            id="parent-of-a-vlan",
        ),
        pytest.param(
            {"node_network": f"[{BOND}, {{name: br0, bridge: {{members: [bond0, eno3]}}, ipv4: dhcp}}]"},
            "links",
            (WantedLink(MAC, "bond0", 25000), WantedLink("eno2", "bond0", 25000), WantedLink("eno3")),
            id="bridge",
        ),
        pytest.param({"node_report_url": "false"}, "addresses", (IMAGE, TREE), id="no-reports"),
        pytest.param(
            {"node_report_url": "https://reports.example.com/report", "node_report_pin": f'"{PIN}"'},
            "addresses",
            (IMAGE, TREE, WantedAddress("report", "https://reports.example.com/report", is_needed=False, pin=PIN)),
            id="reports",
        ),
        pytest.param(
            {"node_image_url": ON_MEDIUM}, "addresses", (WantedAddress("image", ON_MEDIUM), REPORT), id="medium"
        ),
        pytest.param(
            {"node_image_size": "2.2 GiB"},
            "addresses",
            (WantedAddress(IMAGE.name, IMAGE.url, size=2480343612), TREE, REPORT),
            id="image-size-is-rounded",
        ),
        pytest.param(
            {"node_tree_url": "nfs:pxe.example.com:/tree"},
            "addresses",
            (IMAGE, WantedAddress("tree", "nfs:pxe.example.com:/tree", is_needed=False), REPORT),
            id="tree-by-nfs",
        ),
        pytest.param(
            {"node_kind": "host", "node_tree_url": "http://pxe.example.com/tree"},
            "addresses",
            (WantedAddress("tree", TREE.url), REPORT),
            id="plain-host-needs-its-tree",
        ),
        pytest.param(
            {
                "node_proxy": '{url: "http://proxy.example.org:3128", no_proxy: [.example.com]}',
                "node_image_url": "http://mirror.example.org/node.img",
            },
            "addresses",
            (
                WantedAddress("image", "http://mirror.example.org/node.img", proxy="http://proxy.example.org:3128"),
                TREE,
                REPORT,
            ),
            id="proxy",
        ),
    ],
)
def test_variable_arrives(variables: dict[str, str], field: str, value: object, tmp_path: Path) -> None:
    assert getattr(wanted_of(rendered(tmp_path, **variables)), field) == value


@pytest.mark.parametrize("kind", ["node", "host"])
def test_order_of_the_scripts(kind: str, tmp_path: Path) -> None:
    """The authorities are trusted by then, and the reporter runs; nothing else has been done."""
    certificate = Path(__file__).parents[2] / "examples/files/ca.pem"
    text = rendered(tmp_path, node_kind=kind, node_pre='"true"', node_ca_certificates=f"{{from: {certificate}}}")
    assert re.findall(r"^%pre.*--log=/tmp/node-(\S+)\.log", text, re.MULTILINE)[:5] == [
        "report", "certificates", "checks", "pre-1", "disks",
    ]  # fmt: skip


def test_program_is_embedded_without_the_add_on(tmp_path: Path) -> None:
    assert rendered(tmp_path, node_addon="false").count(source(checks)) == 1
    assert source(checks) not in rendered(tmp_path)


@pytest.mark.parametrize("is_new", [pytest.param(True, id="program"), pytest.param(False, id="older-add-on")])
def test_status_of_the_program_is_that_of_the_script(is_new: bool, tmp_path: Path) -> None:
    """An add-on without it is what the resolver of disks stops at."""
    script = script_of(rendered(tmp_path)).replace("/tmp/node-", f"{tmp_path}/node-").replace(PROGRAMS, str(tmp_path))
    if is_new:
        (tmp_path / "checks.py").write_text("import sys\nprint(open(sys.argv[1]).read())\nsys.exit(7)\n")
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.returncode == (7 if is_new else 0)
    if is_new:
        assert checks.read(done.stdout).release == "el9"


def test_embedded_program_runs_from_standard_input(tmp_path: Path) -> None:
    """As the kickstart runs it; the only check that can fail here is waived."""
    script = script_of(rendered(tmp_path, node_addon="false")).replace("/tmp/node-", f"{tmp_path}/node-")
    wanted = checks.written(Wanted("el9", skip=checks.NAMES))
    before, _, rest = script.partition("<<'END_OF_CHECKS'\n")
    script = (
        f"{before}<<'END_OF_CHECKS'\n{wanted}\n{rest.partition('END_OF_CHECKS')[1]}{rest.partition('END_OF_CHECKS')[2]}"
    )
    script = script.replace("/usr/bin/python3 -", "/usr/bin/python3 -I -")
    # Its terminals are not those of this machine.
    script = script.replace('root: str = "/"', f'root: str = "{tmp_path}"')
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "ovirt-node: ok: link: no interface is described\n" in done.stdout


def test_hosts_of_one_shape_have_their_own_serial_numbers(tmp_path: Path) -> None:
    first = inventory_text("node01.example.com", node_serial="CZ20350K4M")
    second = inventory_text("node02.example.com", node_serial="CZ20350K4N", node_mac='"52:54:00:aa:00:02"')
    second = second.replace("0x5000000000000001", "0x5000000000000002")
    text = first + "".join(second.splitlines(keepends=True)[2:])
    hosts, problems = read_text(text, tmp_path)
    assert not [problem for problem in problems if problem.severity == "error"], problems
    one, two = hosts
    assert one.shape
    assert two.shape
    assert one.shape.key == two.shape.key
    found = [wanted_of(str(each.text)) for each in render_all(hosts)]
    assert [wanted.serial for wanted in found] == ["CZ20350K4M", "CZ20350K4N"]
    assert [wanted.links for wanted in found] == [(WantedLink(MAC),), (WantedLink("52:54:00:aa:00:02"),)]


def test_serial_number_of_two_hosts(tmp_path: Path) -> None:
    first = inventory_text("node01.example.com", node_serial="CZ20350K4M")
    second = inventory_text("node02.example.com", node_serial="cz20350k4m", node_mac='"52:54:00:aa:00:02"')
    text = first + "".join(second.splitlines(keepends=True)[2:]).replace("0x5000000000000001", "0x5000000000000002")
    _, problems = read_text(text, tmp_path)
    (problem,) = (problem for problem in problems if problem.code == "serial-number-of-two-hosts")
    assert problem.message.startswith("cz20350k4m is also the serial number of node01.example.com, ")


def test_boot_argument_has_one_name() -> None:
    """ksgen checks the argument that the program reads; it does not import the program for that."""
    assert rules.SKIP_ARGUMENT == checks.SKIP_ARGUMENT


def test_editor_completes_the_names() -> None:
    names = {"type": "string", "enum": list(checks.NAMES)}
    assert names["enum"] == variables_schema()["$defs"]["MachineChecks"]["properties"]["skip"]["items"]["enum"]


def test_waiting_is_that_of_the_resolver() -> None:
    assert checks.REPEAT_FOR == disks.REPEAT_FOR
    assert checks.REPEAT_EVERY == disks.REPEAT_EVERY
