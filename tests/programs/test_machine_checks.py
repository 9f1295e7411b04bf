# SPDX-License-Identifier: GPL-2.0-or-later
"""What is decided about a machine before its installation; test_machine_checks_network.py has the servers."""

from __future__ import annotations

import ast
import dataclasses
import json
from pathlib import Path
from typing import Any, Optional

import pytest
from checked_machine import EPYC, MAC, QEMU64, XEON_GOLD, XEON_X5650, Recorded, card, machine, route, write

from org_ovirt_node.programs import checks
from org_ovirt_node.programs.checks import Answer, Card, Machine, Wanted, WantedAddress, WantedLink, Way

GIB = 2**30
GOLD = "Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz"


def test_runs_on_the_installers_python() -> None:
    """3.9 is the oldest: the source must not use what came later."""
    ast.parse(Path(checks.__file__).read_text(), feature_version=(3, 9))


def test_every_text_can_be_said() -> None:
    """Every result that stops has a cure, and no part of a text is without its value."""
    for code, kind in checks.KINDS.items():
        assert kind.found, code
        assert not kind.cure or kind.cure[0].islower(), code


# --- the machine ---

VIRTUALIZATION = [
    pytest.param({}, "ok: virtualization: vmx", id="intel"),
    pytest.param({"flags": EPYC}, "ok: virtualization: svm", id="amd"),
    pytest.param(
        {"flags": XEON_GOLD.replace(" vmx", "")},
        f"error: virtualization: the processor shows neither vmx nor svm: {GOLD}; needed: Intel VT-x or AMD-V",
        id="none",
    ),
    pytest.param(
        {"flags": XEON_GOLD.replace(" vmx", ""), "messages": ["x86/cpu: VMX (outside TXT) disabled by BIOS"]},
        "error: virtualization: virtualization is switched off in the firmware: x86/cpu: VMX (outside TXT) disabled by "
        "BIOS; needed: Intel VT-x or AMD-V",
        id="intel-off",
    ),
    pytest.param(
        {"messages": ["kvm: disabled by bios"]},
        "error: virtualization: virtualization is switched off in the firmware: kvm: disabled by bios; needed: Intel "
        "VT-x or AMD-V",
        id="intel-off-el9",
    ),
    pytest.param(
        {"flags": EPYC, "messages": ["kvm_amd: SVM disabled (by BIOS) in MSR_VM_CR on CPU 3"]},
        "error: virtualization: virtualization is switched off in the firmware: kvm_amd: SVM disabled (by BIOS) in "
        "MSR_VM_CR on CPU 3; needed: Intel VT-x or AMD-V",
        id="amd-off",
    ),
    pytest.param(
        {"messages": ["SGX disabled by BIOS.", "x86/cpu: SGX disabled or unsupported by BIOS."]},
        "ok: virtualization: vmx",
        id="other-off",
    ),
    pytest.param({"flags": ""}, "warning: virtualization: /proc/cpuinfo has no flags of the processor", id="unknown"),
]


@pytest.mark.parametrize(("changes", "line"), VIRTUALIZATION)
def test_virtualization(changes: dict[str, Any], line: str, tmp_path: Path) -> None:
    found = checks.look_at_machine(machine(tmp_path, **changes), "x86_64")
    assert checks.check_virtualization(found).line == line


def test_module_that_knows_is_loaded_first(tmp_path: Path) -> None:
    system = machine(tmp_path, flags=EPYC)
    checks.look_at_machine(system, "x86_64")
    assert system.done == [("modprobe", "-q", "kvm_amd")]


@pytest.mark.parametrize(
    ("flags", "release", "line"),
    [
        pytest.param(XEON_GOLD, "el9", f"ok: cpu: {GOLD} has x86-64-v2", id="new-el9"),
        pytest.param(XEON_GOLD, "el10", f"ok: cpu: {GOLD} has x86-64-v3", id="new-el10"),
        pytest.param(XEON_X5650, "el9", f"ok: cpu: {GOLD} has x86-64-v2", id="old-el9"),
        pytest.param(
            XEON_X5650,
            "el10",
            f"error: cpu: {GOLD} lacks avx, avx2, bmi1, bmi2, f16c, fma, abm, movbe, xsave; needed: x86-64-v3, for "
            "which EL10 is compiled",
            id="old-el10",
        ),
        pytest.param(
            QEMU64,
            "el9",
            f"error: cpu: {GOLD} lacks popcnt, sse4_1, sse4_2, ssse3; needed: x86-64-v2, for which EL9 is compiled",
            id="qemu64-el9",
        ),
        pytest.param(
            XEON_GOLD, "el11", "warning: cpu: the processor that el11 requires is not known", id="unknown-release"
        ),
        pytest.param("", "el9", "warning: cpu: /proc/cpuinfo has no flags of the processor", id="unknown"),
    ],
)
def test_cpu(flags: str, release: str, line: str, tmp_path: Path) -> None:
    found = checks.look_at_machine(machine(tmp_path, flags=flags), "x86_64")
    assert checks.check_cpu(found, release).line == line


@pytest.mark.parametrize("flag", checks.LEVEL_3)
def test_each_flag_of_the_level_is_needed(flag: str) -> None:
    found = Machine("x86_64", frozenset(checks.LEVEL_3) - {flag}, "a processor")
    verdicts = [checks.check_cpu(found, release).verdict for release in ("el9", "el10")]
    assert verdicts == ["error" if flag in checks.LEVEL_2 else "ok", "error"]


def test_other_architectures_are_not_judged() -> None:
    found = Machine("ppc64le")
    assert checks.check_cpu(found, "el9").line == "warning: cpu: not checked on ppc64le"
    assert checks.check_virtualization(found).line == "warning: virtualization: not checked on ppc64le"


@pytest.mark.parametrize(
    ("memory", "hosted_engine", "line"),
    [
        pytest.param(252 * GIB, True, "ok: memory: 252.0 GiB", id="much"),
        pytest.param(1.7 * GIB, False, "error: memory: 1.7 GiB of memory; needed: 2 GiB for a host of oVirt", id="low"),
        pytest.param(
            1.9 * GIB,
            False,
            "warning: memory: 1.9 GiB of memory; needed: 3 GiB for an installation over the network",
            id="tight",
        ),
        pytest.param(2.8 * GIB, False, "ok: memory: 2.8 GiB", id="counted-without-reserved"),
        pytest.param(
            5.7 * GIB,
            True,
            "error: memory: 5.7 GiB of memory; needed: 6.5 GiB for a host that hosted engine is deployed on",
            id="engine",
        ),
        pytest.param(5.9 * GIB, True, "ok: memory: 5.9 GiB", id="engine-fits"),
        pytest.param(None, True, "warning: memory: /proc/meminfo does not have the size of the memory", id="unknown"),
    ],
)
def test_memory(memory: Optional[float], hosted_engine: bool, line: str) -> None:
    found = Machine("x86_64", memory=None if memory is None else int(memory))
    assert checks.check_memory(found, hosted_engine).line == line


def test_memory_is_read(tmp_path: Path) -> None:
    assert checks.look_at_machine(machine(tmp_path, memory_kib=2_000_000)).memory == 2_048_000_000


@pytest.mark.parametrize(
    ("is_uefi", "wanted", "line"),
    [
        pytest.param(True, "uefi", "ok: firmware: started by UEFI", id="uefi"),
        pytest.param(True, "", "ok: firmware: started by UEFI", id="either"),
        pytest.param(
            False,
            "uefi",
            "error: firmware: the installer was started by BIOS; needed: UEFI (node_firmware)",
            id="bios-for-uefi",
        ),
        pytest.param(
            True,
            "bios",
            "error: firmware: the installer was started by UEFI; needed: BIOS (node_firmware)",
            id="uefi-for-bios",
        ),
    ],
)
def test_firmware(is_uefi: bool, wanted: str, line: str, tmp_path: Path) -> None:
    assert checks.check_firmware(checks.look_at_machine(machine(tmp_path, is_uefi=is_uefi)), wanted).line == line


@pytest.mark.parametrize(
    ("serial", "wanted", "line"),
    [
        pytest.param("CZ20350K4M", "cz20350k4m", "ok: serial: CZ20350K4M", id="same"),
        pytest.param("CZ20350K4M", "", "ok: serial: CZ20350K4M; node_serial is not set", id="not-asked"),
        pytest.param(
            "CZ20350K4N",
            "CZ20350K4M",
            "error: serial: the serial number of the machine is CZ20350K4N; needed: CZ20350K4M (node_serial)",
            id="other",
        ),
        pytest.param(
            "",
            "CZ20350K4M",
            "warning: serial: the firmware gives no serial number; needed: CZ20350K4M (node_serial)",
            id="unknown",
        ),
    ],
)
def test_serial(serial: str, wanted: str, line: str, tmp_path: Path) -> None:
    assert checks.check_serial(checks.look_at_machine(machine(tmp_path, serial=serial)), wanted).line == line


# --- the interfaces ---

TWO = (WantedLink("eno1", "bond0"), WantedLink(f"{MAC}2", "bond0"))


def up(number: int, speed: Optional[int] = 25000) -> Card:
    return Card(f"eno{number}", f"{MAC}{number}", True, speed)


def down(number: int) -> Card:
    return Card(f"eno{number}", f"{MAC}{number}", False)


@pytest.mark.parametrize(
    ("cards", "links", "line"),
    [
        pytest.param([up(1)], [WantedLink("eno1")], "ok: link: eno1 25 Gbit/s", id="by-name"),
        pytest.param(
            [up(1, 2500)], [WantedLink(f"{MAC}1".upper())], f"ok: link: eno1 ({MAC}1) 2500 Mbit/s".upper(), id="by-mac"
        ),
        pytest.param([up(1, None)], [WantedLink("eno1")], "ok: link: eno1 up", id="speed-unknown"),
        pytest.param([], [], "ok: link: no interface is described", id="none"),
        pytest.param(
            [down(1), up(2)],
            [WantedLink("eno1"), WantedLink("eno2")],
            "error: link: eno1 has no link; eno2 25 Gbit/s; needed: a link on each interface of node_network",
            id="down",
        ),
        pytest.param(
            [down(1), up(2)], TWO, f"warning: link: eno1 has no link; eno2 ({MAC}2) 25 Gbit/s", id="one-of-a-bond"
        ),
        pytest.param(
            [down(1), down(2)],
            TWO,
            f"error: link: eno1 has no link; eno2 ({MAC}2) has no link; needed: a link on each interface of "
            "node_network",
            id="both-of-a-bond",
        ),
        pytest.param(
            [up(1)],
            [WantedLink(f"{MAC}9")],
            f"error: link: {MAC}9 is not there; cards: eno1 {MAC}1; needed: a link on each interface of node_network",
            id="missing",
        ),
        pytest.param(
            [],
            [WantedLink("eno1")],
            "error: link: eno1 is not there; cards: none; needed: a link on each interface of node_network",
            id="no-cards",
        ),
        pytest.param(
            [up(1, 100)],
            [WantedLink("eno1", speed=10000)],
            "error: link: eno1 has 100 Mbit/s; 10 Gbit/s is required; needed: a link on each interface of node_network",
            id="slow",
        ),
        pytest.param([up(1)], [WantedLink("eno1", speed=10000)], "ok: link: eno1 25 Gbit/s", id="faster"),
        pytest.param(
            [up(1, None)],
            [WantedLink("eno1", speed=10000)],
            "warning: link: eno1 does not tell its speed; 10 Gbit/s is required",
            id="required-speed-unknown",
        ),
    ],
)
def test_links(cards: list[Card], links: list[WantedLink], line: str) -> None:
    found = checks.check_links(cards, links)
    assert found.line.lower() == line.lower()
    assert found.can_change == (found.verdict == "error")


def test_cards_are_read(tmp_path: Path) -> None:
    system = machine(tmp_path)
    card(tmp_path, 1)
    card(tmp_path, 2, own=f"{MAC}7")
    card(tmp_path, 3, carrier="0", speed="-1")
    card(tmp_path, 4, carrier="", speed="", flags="0x1002")
    write(tmp_path, "sys/class/net/bond0/address", f"{MAC}1\n")
    assert checks.look_at_cards(system) == (
        Card("eno1", f"{MAC}1", True, 25000),
        Card("eno2", f"{MAC}7", True, 25000),
        Card("eno3", f"{MAC}3", False, None),
        Card("eno4", f"{MAC}4", None, None),
    )


def test_described_cards_that_are_off_are_raised_and_left_as_they_were(tmp_path: Path) -> None:
    system = machine(tmp_path)
    for number in (1, 2, 3):
        card(tmp_path, number, flags="0x1002" if number > 1 else "0x1003")
    wanted = Wanted("el9", links=(WantedLink("eno1"), WantedLink("eno2")))
    looked = checks.Checks(system, wanted)
    assert [one.line for one in looked.of_network()] == ["ok: link: eno1 25 Gbit/s; eno2 25 Gbit/s"]
    assert system.done == [("ip", "link", "set", "dev", "eno2", "up")]
    looked.leave()
    assert system.done[1:] == [("ip", "link", "set", "dev", "eno2", "down")]


# --- the addresses, as far as answers go; servers are in test_machine_checks_network.py ---

IMAGE = WantedAddress("image", "http://pxe.example.com/node.img", size=2000)
TREE = WantedAddress("tree", "https://pxe.example.com/tree/.treeinfo", is_needed=False)
REPORT = WantedAddress("report", "https://user:secret@pxe.example.com/report?x", is_needed=False)
WAY = Way("10.0.1.11", "bond0")
FROM = ", from 10.0.1.11 on bond0"


@pytest.mark.parametrize(
    ("wanted", "answer", "line"),
    [
        pytest.param(
            IMAGE,
            Answer(way=WAY, status=200, size=1999, has_ranges=True),
            f"ok: image: http://pxe.example.com/node.img: 1999 bytes, Range requests{FROM}",
            id="image",
        ),
        pytest.param(
            IMAGE,
            Answer(way=WAY, status=200, size=2001, has_ranges=True),
            f"warning: image: http://pxe.example.com/node.img has 2001 bytes{FROM}; needed: 2000 bytes at most "
            "(node_image_size), for which the root volume was planned",
            id="image-larger",
        ),
        pytest.param(
            IMAGE,
            Answer(way=WAY, status=302),
            f"error: image: http://pxe.example.com/node.img: HTTP status 302 Found{FROM}; the installer does not "
            "follow redirects of an image; needed: HTTP status 200",
            id="image-redirected",
        ),
        pytest.param(
            IMAGE,
            Answer(way=WAY, status=799),
            f"error: image: http://pxe.example.com/node.img: HTTP status 799{FROM}; needed: HTTP status 200",
            id="unknown-status",
        ),
        pytest.param(
            TREE,
            Answer(way=WAY, status=404),
            f"warning: tree: https://pxe.example.com/tree/.treeinfo: HTTP status 404 Not Found{FROM}; needed: HTTP "
            "status 200",
            id="tree-of-a-node",
        ),
        pytest.param(
            dataclasses.replace(TREE, is_needed=True),
            Answer(way=WAY, status=404),
            f"error: tree: https://pxe.example.com/tree/.treeinfo: HTTP status 404 Not Found{FROM}; needed: HTTP "
            "status 200",
            id="tree-of-a-plain-host",
        ),
        pytest.param(
            REPORT,
            Answer(way=WAY, status=502),
            f"warning: report: https://pxe.example.com/report: HTTP status 502{FROM}",
            id="report-away",
        ),
        pytest.param(
            REPORT,
            Answer(way=WAY, status=405),
            f"ok: report: https://pxe.example.com/report: the server answers{FROM}",
            id="report",
        ),
        pytest.param(
            IMAGE,
            Answer("failed", (("why", "KeyError: 'x'"),)),
            "warning: image: the check could not be made: KeyError: 'x'",
            id="bug",
        ),
    ],
)
def test_address(wanted: WantedAddress, answer: Answer, line: str) -> None:
    assert checks.check_address(wanted, answer).line == line


@pytest.mark.parametrize(
    ("route_", "neighbours", "code"),
    [
        pytest.param(route("10.9.0.1", "bond0", "10.0.1.1"), '[{"state":["FAILED"]}]', True, id="gateway-silent"),
        pytest.param(route("10.9.0.1", "bond0", "10.0.1.1"), '[{"state":["REACHABLE"]}]', False, id="gateway-there"),
        pytest.param(route("10.9.0.1", "bond0", "10.0.1.1"), "", False, id="no-answer"),
        pytest.param(route("10.9.0.1", "bond0", "10.0.1.1"), "[1]", False, id="odd-answer"),
    ],
)
def test_way_and_its_neighbour(route_: dict[Any, str], neighbours: str, code: bool, tmp_path: Path) -> None:
    system = Recorded(tmp_path, {**route_, ("ip", "-j", "neighbour", "show", "10.0.1.1", "dev", "bond0"): neighbours})
    assert checks.way_of(system, "10.9.0.1", "10.0.1.11") == Way("10.0.1.11", "bond0", "10.0.1.1")
    assert checks.is_silent(system, "10.0.1.1", "bond0") is code


def test_way_without_ip(tmp_path: Path) -> None:
    assert checks.way_of(Recorded(tmp_path), "10.9.0.1", "10.0.1.11").text == ", from 10.0.1.11"


# --- the clock ---

TEN_YEARS = 3653 * 86400.0


@pytest.mark.parametrize(
    ("answers", "line"),
    [
        pytest.param([(IMAGE, Answer(clock=3.2))], "ok: clock: 3 s behind that of pxe.example.com", id="right"),
        pytest.param([(IMAGE, Answer())], "warning: clock: no server has sent its time", id="unknown"),
        pytest.param(
            [(IMAGE, Answer(clock=TEN_YEARS)), (TREE, Answer(clock=TEN_YEARS))],
            "warning: clock: the clock is 3653 days behind that of pxe.example.com; needed: at most 5 minutes",
            id="without-tls",
        ),
        pytest.param(
            [(IMAGE, Answer("tls-dates", clock=-TEN_YEARS))],
            "error: clock: the clock is 3653 days ahead of that of pxe.example.com; needed: at most 5 minutes",
            id="tls-depends-on-it",
        ),
        pytest.param(
            [(TREE, Answer("tls-dates", clock=TEN_YEARS))],
            "warning: clock: the clock is 3653 days behind that of pxe.example.com; needed: at most 5 minutes",
            id="tls-of-what-is-not-needed",
        ),
        pytest.param(
            [(IMAGE, Answer(clock=TEN_YEARS)), (TREE, Answer(clock=-20.0))],
            "ok: clock: 20 s ahead of that of pxe.example.com",
            id="another-server-has-the-same-time",
        ),
    ],
)
def test_clock(answers: list[tuple[WantedAddress, Answer]], line: str) -> None:
    assert checks.check_clock(answers).line == line


# --- what a kickstart asks ---

WANTED = Wanted(
    "el10",
    (WantedLink("eno1", "bond0", 25000), WantedLink("eno2")),
    (IMAGE, TREE, dataclasses.replace(REPORT, pin="ab", proxy="http://proxy:3128")),
    "uefi",
    "CZ20350K4M",
    True,
    ("cpu",),
    60,
)


def test_text_comes_back() -> None:
    assert checks.read(checks.written(WANTED)) == WANTED
    for field in dataclasses.fields(Wanted):
        assert getattr(WANTED, field.name) != field.default
    assert checks.read(checks.written(Wanted("el9"))) == Wanted("el9")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("", "JSONDecodeError: Expecting value: line 1 column 1 (char 0)", id="empty"),
        pytest.param('{"version": 2}', "version 2 is not 1", id="newer"),
        pytest.param("[]", "TypeError: pop expected at most 1 argument, got 2", id="list"),
        pytest.param('{"version": 1, "release": "el9", "links": [{}]}', "", id="link-without-device"),
        pytest.param('{"version": 1, "release": "el9", "colour": "red"}', "", id="unknown-key"),
    ],
)
def test_text_that_is_not_understood_is_a_warning(text: str, why: str, tmp_path: Path) -> None:
    """Another version of the kickstart is what the resolver of disks stops at; the checks stop nothing by that."""
    system = machine(tmp_path)
    write(tmp_path, "wanted.json", text)
    assert checks.main([str(tmp_path / "wanted.json"), "1", "1"], system) == 0
    assert system.said.startswith("\novirt-node: warning: the machine is not checked: ContractError: ")
    assert why in system.said


def test_file_that_is_missing_is_a_warning(tmp_path: Path) -> None:
    system = machine(tmp_path)
    assert checks.main([str(tmp_path / "wanted.json"), "1", "1"], system) == 0
    assert "the machine is not checked: FileNotFoundError" in system.said


@pytest.mark.parametrize(
    ("skip", "cmdline", "found"),
    [
        pytest.param((), "quiet", ({}, ()), id="none"),
        pytest.param(("cpu",), "quiet", ({"cpu": "node_checks"}, ()), id="inventory"),
        pytest.param(
            ("cpu",),
            "inst.node.skip=memory,link inst.node.skip=clock",
            (
                {"cpu": "node_checks", "memory": "inst.node.skip", "link": "inst.node.skip", "clock": "inst.node.skip"},
                (),
            ),
            id="boot",
        ),
        pytest.param((), "inst.node.skip=all,cpu,", ({"cpu": "inst.node.skip"}, ("all",)), id="there-is-no-all"),
        pytest.param((), "inst.node.skip", ({}, ()), id="no-value"),
    ],
)
def test_skipped(skip: tuple[str, ...], cmdline: str, found: object) -> None:
    assert checks.skipped(Wanted("el9", skip=skip), cmdline) == found


# --- the program ---


def run(system: Recorded, wanted: Wanted) -> int:
    write(Path(system.root), "wanted.json", checks.written(wanted))
    return checks.main([f"{system.root}/wanted.json", "1", "2"], system)


GOOD = Wanted("el9", (WantedLink("eno1"),), firmware="uefi", serial="CZ20350K4M")


def good(root: Path, **changes: Any) -> Recorded:
    card(root, 1)
    return machine(root, **changes)


def test_each_check_prints_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    system = good(tmp_path)
    assert run(system, GOOD) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ovirt-node: the network that is tested is that of the boot arguments: name servers 10.0.0.53, 10.0.0.54; the "
        "installer applies node_network later",
        "ovirt-node: ok: virtualization: vmx",
        f"ovirt-node: ok: cpu: {GOLD} has x86-64-v2",
        "ovirt-node: ok: memory: 251.5 GiB",
        "ovirt-node: ok: firmware: started by UEFI",
        "ovirt-node: ok: serial: CZ20350K4M",
        "ovirt-node: ok: link: eno1 25 Gbit/s",
    ]
    assert system.heard == []


def test_failure_is_on_every_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    system = good(tmp_path, flags=QEMU64.replace(" svm", ""))
    (tmp_path / "run/ovirt-node-report").mkdir(parents=True)
    assert run(system, GOOD) == 1
    text = f"""\
ovirt-node: the installation stops here; nothing has been written to any disk.
ovirt-node: the network that is tested is that of the boot arguments: name servers 10.0.0.53, 10.0.0.54; the installer \
applies node_network later
ovirt-node: error: virtualization: the processor shows neither vmx nor svm: {GOLD}; needed: Intel VT-x or AMD-V
ovirt-node:   cure: switch it on in the firmware's setup; in a virtual machine, give it the host's processor (nested \
virtualization)
ovirt-node:   to install anyway: node_checks: {{skip: [virtualization]}}, or boot with inst.node.skip=virtualization
ovirt-node: error: cpu: {GOLD} lacks popcnt, sse4_1, sse4_2, ssse3; needed: x86-64-v2, for which EL9 is compiled
ovirt-node:   cure: use another machine, or a release for this processor; in a virtual machine, give it the host's \
processor
ovirt-node:   to install anyway: node_checks: {{skip: [cpu]}}, or boot with inst.node.skip=cpu
ovirt-node: Correct it, and boot again."""
    assert [one for one in system.heard if one[0] == "ttyS0"] == [("ttyS0", f"\n{text}\n")] * 2
    assert {terminal for terminal, _ in system.heard} == {"tty0", "ttyS0"}
    assert capsys.readouterr().out.endswith(f"{text}\n")
    told = json.loads((tmp_path / "run/ovirt-node-report/said-checks.json").read_text())
    assert told == {"state": "failed", "step": "checks of the machine", "message": text}


def test_what_is_waived_is_in_the_log_and_stops_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    system = good(tmp_path, flags=QEMU64.replace(" svm", ""), cmdline="inst.node.skip=virtualization,disk")
    (tmp_path / "run/ovirt-node-report").mkdir(parents=True)
    assert run(system, dataclasses.replace(GOOD, skip=("cpu",))) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == (
        "ovirt-node: warning: there is no check 'disk' to skip; checks: virtualization, cpu, memory, firmware, serial, "
        "link, image, tree, report, clock"
    )
    assert said[2] == (
        "ovirt-node: waived by inst.node.skip: error: virtualization: the processor shows neither vmx nor svm: "
        f"{GOLD}; needed: Intel VT-x or AMD-V"
    )
    assert said[3].startswith(f"ovirt-node: waived by node_checks: error: cpu: {GOLD} lacks popcnt")
    told = json.loads((tmp_path / "run/ovirt-node-report/said-checks.json").read_text())
    assert told["state"] == "preparing"
    assert "waived by node_checks: error: cpu" in told["message"]


def test_what_no_person_can_repair_now_is_not_waited_for(tmp_path: Path) -> None:
    """Firmware needs another boot: it is said at once, together with the link that is missing too."""
    card(tmp_path, 1, carrier="0")
    system = machine(tmp_path, is_uefi=False)
    system.longest_pause = 0.001
    assert run(system, dataclasses.replace(GOOD, wait=600)) == 1
    assert "error: firmware: " in system.said
    assert "error: link: eno1 has no link" in system.said
    assert "the installation waits" not in system.said


def test_link_that_comes_back_lets_it_go_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    card(tmp_path, 1, carrier="0")

    class Plugged(Recorded):
        def say(self, terminal: str, text: str) -> bool:
            """A person reads it, and plugs the cable in."""
            write(tmp_path, "sys/class/net/eno1/carrier", "1\n")
            return super().say(terminal, text)

    machine(tmp_path)
    system = Plugged(tmp_path)
    system.longest_pause = 0.2
    assert run(system, dataclasses.replace(GOOD, wait=600)) == 0
    assert "ovirt-node: the installation waits for this; it stops in " in system.said
    assert "error: link: eno1 has no link; needed: a link on each interface of node_network" in system.said
    assert "  cure: check the cables, the ports of the switch, node_network" in system.said
    assert "ovirt-node: ok: link: eno1 25 Gbit/s" in system.said
    assert "ovirt-node: repaired after " in capsys.readouterr().out


def test_bug_in_a_check_is_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good(tmp_path)

    class Odd(Recorded):
        def read(self, path: str) -> str:
            if path.endswith("flags"):
                raise KeyError(path)
            return super().read(path)

    assert run(Odd(tmp_path), GOOD) == 0
    assert "ovirt-node: warning: link: the check could not be made: KeyError" in capsys.readouterr().out


def test_terminal_that_cannot_be_written_to(tmp_path: Path) -> None:
    machine(tmp_path)
    system = checks.System(str(tmp_path))
    checks.tell(system, "text")
    assert not system.say("ttyS9", "text")
