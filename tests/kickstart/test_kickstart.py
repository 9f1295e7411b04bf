# SPDX-License-Identifier: GPL-2.0-or-later
"""Templates, the gate that every value passes, and the origin of each line."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
from example_site import included_network, kickstarts, site
from hypothesis import given
from hypothesis import strategies as st
from inventories import one_host

from ksgen.grammar import Grammar
from ksgen.kickstart.page import Templates, Verbatim, addon_section, gate, source
from ksgen.templates import TEMPLATES, GateError
from org_ovirt_node import layout, section
from org_ovirt_node.layout import GIB
from org_ovirt_node.programs import imgbase
from org_ovirt_node.section import Section

HOST = site()[0][0]


@given(st.text(max_size=60))
def test_gate_prints_what_the_lexer_reads_back_or_refuses(value: str) -> None:
    try:
        printed = gate(value)
    except GateError:
        return
    assert printed.splitlines() == [printed]
    assert shlex.split(f"command --option={printed} end", comments=True) == ["command", f"--option={value}", "end"]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param("a\nb", "contains the character U+000A at position 2", id="newline"),
        pytest.param("a\x85b", "contains the character U+0085 at position 2", id="next-line"),
        pytest.param("%include /etc/passwd", "begins with '%', with which Anaconda's sections begin", id="section"),
        pytest.param(None, "prints NoneType, which is neither a string nor a number", id="none"),
        pytest.param(True, "prints bool, which is neither a string nor a number", id="truth-value"),
        pytest.param(["a"], "prints list, which is neither a string nor a number", id="list"),
        pytest.param("x" * 4097, "4097 characters exceed the limit of 4096 for one line", id="too-long"),
    ],
)
def test_gate_refuses(value: object, message: str) -> None:
    with pytest.raises(GateError) as caught:
        gate(value)
    assert str(caught.value) == message


def test_gate_leaves_numbers_and_checked_scripts_alone() -> None:
    assert gate(2048) == "2048"
    assert gate(Verbatim("a\nb")) == "a\nb"


def test_hook_is_carried_verbatim_in_the_last_section(tmp_path: Path) -> None:
    program = Path(imgbase.__file__).read_text()
    text, _ = Templates().render(one_host(tmp_path, node_addon="false"))
    assert text is not None
    before, _, after = text.partition(program)
    own, _, later = after.partition("\n\n")
    assert own == "END_OF_IMGBASE_PY\n%end"
    # It only reads and writes in the installer.
    assert "tell installed" in later
    assert later.startswith("%post --nochroot ")
    assert later.count("%post") == 1
    assert before.rstrip("\n").splitlines()[-2].startswith("%post --erroronfail ")
    assert "%addon" not in before
    assert "\nmodprobe dm-snapshot\n" in before
    assert source(imgbase) + "\n" == program
    assert "END_OF_IMGBASE_PY" not in program


@pytest.mark.parametrize("addon", ["true", "tree"])
def test_add_on_has_its_section_and_brings_the_hook(addon: str, tmp_path: Path) -> None:
    text, _ = Templates().render(one_host(tmp_path, node_addon=addon))
    assert text is not None
    assert "\n%addon org_ovirt_node --layout=standard --images=2 --filesystem=xfs --disks=1\n%end\n" in text
    assert source(imgbase) not in text
    assert "modprobe" not in text
    assert "%post" not in text


SECTIONS = [
    pytest.param({}, Section(disks=1), id="defaults"),
    pytest.param({"node_layout": "minimal", "node_images": "1"}, Section("minimal", 1, disks=1), id="policy"),
    pytest.param({"node_filesystem": "ext4"}, Section(filesystem="ext4", disks=1), id="filesystem"),
    pytest.param({"node_root_size": "12 GiB"}, Section(root_size=12 * GIB, disks=1), id="root"),
    pytest.param(
        {"node_volumes": "{/data: 20 GiB, /var: 5 GiB, /home: 2 GiB}"},
        Section(volumes=(("/data", 20 * GIB), ("/home", 2 * GIB)), disks=1),
        id="volumes-beside-those-of-the-policy",
    ),
    pytest.param({"node_image_size": "2 GiB"}, Section(image_size=2 * GIB, disks=1), id="image"),
    pytest.param(
        {"node_image_size": "2 GiB", "node_image_url": "file:///run/install/repo/node.squashfs.img"},
        Section(image_size=2 * GIB, image_is_local=True, disks=1),
        id="image-of-a-medium",
    ),
    pytest.param(
        {"node_disk": '[{serial: abc1, size: 480 GB}, {serial: abc2, size: 480 GB}]', "node_raid": "1"},
        Section(disks=2),
        id="mirror",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "wanted"), SECTIONS)
def test_section_asks_for_what_the_inventory_asks_for(changes: dict[str, str], wanted: Section, tmp_path: Path) -> None:
    host = one_host(tmp_path, **changes)
    assert addon_section(host) == wanted
    text, _ = Templates().render(host)
    assert text is not None
    assert f"\n{section.text(wanted)}" in text


def test_what_the_section_asks_for_is_what_the_kickstart_makes(tmp_path: Path) -> None:
    """Sizes are rounded up to whole MiB in the section, and to whole extents where volumes are made."""
    changes = {"node_root_size": "10.1 GB", "node_volumes": "{/data: 3.1 GB}", "node_image_size": "2.2 GiB"}
    host = one_host(tmp_path, **changes)
    parsed = section.parse(section.header(addon_section(host)), section.body(addon_section(host)))
    assert parsed.problems == ()
    assert layout.check(host.plan.devices, parsed.section.request()) == host.plan.findings


def test_own_directory_overrides_one_part(tmp_path: Path) -> None:
    (tmp_path / "site.ks.j2").write_text("\n# Ours\nfirewall --enabled --service={{ 'ssh' }}\n")
    text, problems = Templates(tmp_path).render(HOST)
    assert problems == []
    assert text is not None
    ours = Templates().render(HOST)[0]
    assert ours is not None
    added = [line for line in text.splitlines() if line not in ours.splitlines()]
    assert added == ["# Ours", "firewall --enabled --service=ssh"]


UNPRINTABLE = "prints tuple, which is neither a string nor a number"
UNSAFE = "access to attribute '__class__' of 'str' object is unsafe."
BROKEN_PARTS = [
    pytest.param("a\n{{ settings.nothing }}\n", 2, "template-error", "has no attribute 'nothing'", id="undefined"),
    pytest.param("{% if %}\n", 1, "template-syntax", "Expected an expression", id="syntax"),
    pytest.param("\n\n{{ network }}\n", 3, "template-value", UNPRINTABLE, id="value"),
    pytest.param("{{ ''.__class__.__mro__ }}\n", 1, "template-error", UNSAFE, id="sandbox"),
    pytest.param("{% include 'none.ks.j2' %}\n", 1, "template-missing", "no template none.ks.j2", id="missing"),
    pytest.param("{{ 1 / 0 }}\n", 1, "template-error", "division by zero", id="arithmetic"),
    pytest.param("{{ range(999999999) }}\n", 1, "template-error", "Range too big", id="range"),
]  # fmt: skip


@pytest.mark.parametrize(("part", "line", "code", "message"), BROKEN_PARTS)
def test_broken_part_is_a_problem_at_its_line(tmp_path: Path, part: str, line: int, code: str, message: str) -> None:
    (tmp_path / "site.ks.j2").write_text(part)
    text, (problem,) = Templates(tmp_path).render(HOST)
    assert text is None
    assert problem.code == code
    assert message in problem.message
    if code != "template-missing":
        assert (problem.mark.file, problem.mark.line) == (str(tmp_path / "site.ks.j2"), line)


def test_trace_gives_each_line_its_template_line_and_values() -> None:
    lines = Templates().trace(HOST)
    assert "\n".join(line.text for line in lines) == Templates().render(HOST)[0]
    for line in lines:
        words = line.text.split(" ")
        if words[0] in ("part", "raid", "reqpart", "volgroup", "logvol", "rootpw", "lang", "liveimg"):
            template = Path(line.mark.file)
            assert template.parent == TEMPLATES
            # The words of storage commands are the plan's.
            start = words[0] if template.name not in ("partitions.ks.j2", "volumes.ks.j2") else "for word in words"
            assert template.read_text().splitlines()[line.mark.line - 1].lstrip("{%- ").startswith(start)
    (language,) = [line for line in lines if line.text.startswith("lang ")]
    assert language.values == ("en_US.UTF-8",)


def test_examples_name_cards_that_the_resolver_finds() -> None:
    included = included_network(kickstarts()["node01.a.example.com"])
    assert "--bondslaves=eno1,eno2" in included
    assert "52:54" not in included


# --- commands of single variables ------------------------------------------------------------------------------------

COMMANDS = [
    pytest.param(
        {"node_firewall": "{services: [snmp, ssh], ports: [161:udp, 5900-6923/tcp]}"},
        "firewall --enabled --service=ssh,snmp --port=161:udp,5900-6923:tcp",
        id="firewall",
    ),
    pytest.param({"node_firewall": "{services: [snmp]}"}, "firewall --enabled --service=ssh,snmp", id="services"),
    pytest.param({"node_firewall": "{ports: [161:udp]}"}, "firewall --enabled --service=ssh --port=161:udp", id="port"),
    pytest.param({"node_firewall": "{}"}, "firewall --enabled --service=ssh", id="nothing-open"),
    pytest.param(
        {"node_iscsi_initiator": "iqn.2001-04.com.example:node01"},
        "iscsiname iqn.2001-04.com.example:node01",
        id="initiator",
    ),
    pytest.param({"node_iscsi_initiator": "eui.0025388B34B9B5DF"}, "iscsiname eui.0025388B34B9B5DF", id="eui"),
    pytest.param(
        {"node_network": "[{name: eno1, ipv4: dhcp, ipv6: none, dns: [10.0.0.53], auto_dns: false}]"},
        "network --device=eno1 --bootproto=dhcp --noipv6 --nameserver=10.0.0.53 --ipv4-ignore-auto-dns --onboot=yes "
        "--activate",
        id="automatic-name-servers-ignored",
    ),
    pytest.param(
        {"node_network": '[{name: eno1, ipv4: 10.0.0.5/24, gateway4: 10.0.0.1, dns: [10.0.0.53], auto_dns: false}]'},
        "network --device=eno1 --bootproto=static --ip=10.0.0.5 --netmask=255.255.255.0 --gateway=10.0.0.1 --ipv6=auto "
        "--nameserver=10.0.0.53 --ipv6-ignore-auto-dns --onboot=yes --activate",
        id="name-servers-of-routers-ignored",
    ),
]  # fmt: skip


@pytest.mark.parametrize("addon", ["true", "false"])
@pytest.mark.parametrize(("changes", "command"), COMMANDS)
def test_variable_becomes_a_command(changes: dict[str, str], command: str, addon: str, tmp_path: Path) -> None:
    """And nothing else of the kickstart changes, but the command for the network that it replaces.

    Which NICs are checked is another matter (test_wanted_checks.py).
    """
    before = rendered(tmp_path, node_addon=addon).splitlines()
    after = rendered(tmp_path, node_addon=addon, **changes).splitlines()
    added = [line for line in after if line and line not in before and not line.startswith(("#", '  {"device": '))]
    assert added == [command]
    for release in ("el9", "el10"):
        assert Grammar(release).read(command + "\n") == ()


# --- the network of the installer alone ------------------------------------------------------------------------------

STATIC = "[{name: eno1, ipv4: 10.0.1.11/24, gateway4: 10.0.1.1, dns: [10.0.0.53]}]"
PORTS = "[{name: bond0, bond: {members: [eno1, eno2]}}]"


def rendered(directory: Path, **changes: str) -> str:
    text, problems = Templates().render(one_host(directory, **changes))
    assert text is not None, problems
    return text


@pytest.mark.parametrize(
    ("changes", "activated"),
    [
        pytest.param({}, True, id="default"),
        pytest.param({"node_network": STATIC}, True, id="same"),
        pytest.param({"node_boot_network": "dhcp"}, True, id="dhcp-all-the-time"),
        pytest.param({"node_boot_network": "dhcp", "node_network": STATIC}, False, id="dhcp"),
        pytest.param({"node_boot_network": "arguments", "node_installer_args": "ip=eno3:dhcp"}, False, id="arguments"),
    ],
)
def test_network_commands_say_whether_the_installer_uses_them(
    changes: dict[str, str], activated: bool, tmp_path: Path
) -> None:
    commands = [line for line in rendered(tmp_path, **changes).splitlines() if line.startswith("network --device")]
    assert commands
    assert {command.split()[-1] for command in commands} == {"--activate" if activated else "--no-activate"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"node_network": PORTS}, False, id="same-network"),
        pytest.param({"node_network": STATIC, "node_boot_network": "dhcp"}, False, id="no-ports"),
        pytest.param({"node_network": PORTS, "node_boot_network": "dhcp"}, True, id="ports"),
    ],
)
def test_connections_of_ports_are_removed_where_the_installer_had_others(
    changes: dict[str, str], expected: bool, tmp_path: Path
) -> None:
    assert ("ovirt-node-ports.log" in rendered(tmp_path, **changes)) is expected


PROFILES = {
    "bond0.nmconnection": "[connection]\nid=bond0\ntype=bond\ninterface-name=bond0\n",
    "bond0_slave_1.nmconnection": "[connection]\nid=bond0_slave_1\ninterface-name=eno1\nmaster=bond0\n",
    "bond0_port_2.nmconnection": "[connection]\nid=bond0_port_2\ninterface-name=eno2\ncontroller=bond0\n",
    "eno1.nmconnection": "[connection]\nid=eno1\ninterface-name=eno1\n",
    "eno10.nmconnection": "[connection]\nid=eno10\ninterface-name=eno10\n",
}


def test_script_of_ports_removes_their_other_connections_only(tmp_path: Path) -> None:
    text = rendered(tmp_path, node_network=PORTS, node_boot_network="dhcp")
    match = re.search(r"^%post .*ovirt-node-ports\.log\n(.*?)^%end$", text, re.MULTILINE | re.DOTALL)
    assert match
    place = tmp_path / "system-connections"
    place.mkdir()
    for name, content in PROFILES.items():
        (place / name).write_text(content)
    script = match.group(1).replace("/etc/NetworkManager/system-connections", str(place))
    assert subprocess.run(["bash", "-c", script], check=False).returncode == 0
    assert {path.name for path in place.iterdir()} == PROFILES.keys() - {"eno1.nmconnection"}
