# SPDX-License-Identifier: GPL-2.0-or-later
"""The program and the kickstart of `ksgen discover`: what a machine hears, tells, and does then."""

from __future__ import annotations

import ast
import http.server
import json
import os
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from disk_replay import record
from machine_facts import facts
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

from ksgen.match import discovery_kickstart
from org_ovirt_node.facts import discovery, sighting
from org_ovirt_node.facts.discovery import Order
from org_ovirt_node.facts.record import FactsError
from org_ovirt_node.facts.record import read as read_record
from org_ovirt_node.facts.sighting import Neighbour, Sighting

CHECKOUT = Path(__file__).parents[2]
MAC = "52:54:00:cc:00:01"
ORDER = Order("http://192.0.2.1/nodes/discovered", "c" * 64, "http://192.0.2.1/nodes", known=("52:54:00:aa:00:01",))


def element(kind: int, value: bytes) -> bytes:
    return ((kind << 9) | len(value)).to_bytes(2, "big") + value


def frame(*elements: bytes, ethertype: int = 0x88CC) -> bytes:
    head = bytes.fromhex("0180c200000e 525400000099") + ethertype.to_bytes(2, "big")
    return head + b"".join(elements) + b"\0\0"


CHASSIS, PORT = element(1, b"\x04" + bytes.fromhex("001b21aabbcc")), element(2, b"\x05Ethernet1/12")


@pytest.mark.parametrize(
    ("heard", "expected"),
    [
        pytest.param(
            frame(CHASSIS, PORT, element(3, b"\0x"), element(4, b"uplink r7"), element(5, b"sw1.example.com"),
                  element(127, b"\x00\x80\xc2\x01\x00\x64")),
            Neighbour("eno1", "00:1b:21:aa:bb:cc", "Ethernet1/12", "uplink r7", "sw1.example.com", 100),
            id="whole",
        ),
        pytest.param(
            frame(element(1, b"\x07sw1"), element(2, b"\x03" + bytes.fromhex("001b21aabbcd"))),
            Neighbour("eno1", "sw1", "00:1b:21:aa:bb:cd"),
            id="least",
        ),
        pytest.param(frame(CHASSIS), None, id="no-port"),
        pytest.param(frame(CHASSIS, PORT, ethertype=0x0800), None, id="another-protocol"),
        pytest.param(frame(CHASSIS, PORT)[:20], None, id="cut-off"),
        pytest.param(frame(CHASSIS, PORT[:6]), None, id="longer-than-the-frame"),
        pytest.param(b"", None, id="empty"),
        pytest.param(frame(element(1, b"\x04"), PORT), None, id="no-identity"),
        pytest.param(
            frame(CHASSIS, element(2, b"\x05\xff\0"), element(5, b"x" * 255)),
            Neighbour("eno1", "00:1b:21:aa:bb:cc", "\ufffd", "", "x" * 255),
            id="odd-texts",
        ),
    ],
)  # fmt: skip
def test_lldp(heard: bytes, expected: Neighbour | None) -> None:
    assert discovery.neighbour("eno1", heard) == expected


@pytest.mark.parametrize(
    ("neighbour", "words"),
    [
        (Neighbour("eno1", "00:1b:21:aa:bb:cc", "Ethernet1/12", "uplink", "sw1"), "sw1 Ethernet1/12"),
        (Neighbour("eno1", "00:1b:21:aa:bb:cc", "00:1b:21:aa:bb:cd", "ge-0/0/7", "sw1"), "sw1 ge-0/0/7"),
        (Neighbour("eno1", "00:1b:21:aa:bb:cc", "00:1b:21:aa:bb:cd"), "00:1b:21:aa:bb:cc 00:1b:21:aa:bb:cd"),
    ],
)
def test_neighbour_in_words(neighbour: Neighbour, words: str) -> None:
    assert str(neighbour) == words


def test_neighbours_are_heard_on_all_nics_at_once(tmp_path: Path) -> None:
    """On two pairs of virtual NICs in a network namespace of their own; a third has no neighbour."""
    script = tmp_path / "hear.py"
    script.write_text(f"""\
import socket, subprocess, sys, threading, time
sys.path.insert(0, {str(CHECKOUT)!r})
from org_ovirt_node.facts.discovery import listen
for number in (1, 2, 3):
    subprocess.run(["ip", "link", "add", f"nic{{number}}", "type", "veth", "peer", "name", f"sw{{number}}"], check=True)
    for name in (f"nic{{number}}", f"sw{{number}}"):
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
def send():
    for number in (1, 2):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
            out.bind((f"sw{{number}}", 0))
            for _ in range(20):
                out.send(bytes.fromhex({frame(CHASSIS, PORT).hex()!r}))
                time.sleep(0.05)
threading.Thread(target=send, daemon=True).start()
print([(one.nic, one.port) for one in listen(["nic1", "nic2", "nic3", "missing"], 2.5, lambda _: True)])
""")
    own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    done = subprocess.run(
        ["unshare", *own, "--net", sys.executable, str(script)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "[('nic1', 'Ethernet1/12'), ('nic2', 'Ethernet1/12')]\n", done.stderr


@pytest.mark.parametrize(
    ("cmdline", "mac"),
    [
        ("BOOT_IMAGE=vmlinuz BOOTIF=01-52-54-00-CC-00-01 ip=dhcp", MAC),
        ("BOOTIF=52:54:00:cc:00:01", MAC),
        ("XBOOTIF=01-52-54-00-cc-00-01 ip=dhcp", ""),
        ("BOOTIF=52-54-00-cc-00", ""),
        ("", ""),
    ],
)
def test_nic_that_was_booted_from(cmdline: str, mac: str) -> None:
    assert discovery.booted_from(cmdline) == mac


@pytest.mark.parametrize(
    ("then", "macs", "boots", "how", "is_asked"),
    [
        pytest.param("poweroff", [MAC], True, "poweroff", False, id="poweroff"),
        pytest.param("disk", [MAC], True, "reboot", True, id="disk"),
        pytest.param("disk", [MAC], False, "poweroff", True, id="it-would-be-discovered-again"),
        pytest.param("poweroff", [MAC, "52:54:00:aa:00:01"], True, "reboot", True, id="a-host-is-not-left-off"),
        pytest.param("poweroff", ["52:54:00:aa:00:01"], False, "reboot", True, id="a-host-in-any-case"),
    ],
)
def test_how_a_machine_ends(then: str, macs: list[str], boots: bool, how: str, is_asked: bool) -> None:
    asked: list[bool] = []

    def answer() -> bool:
        asked.append(boots)
        return boots

    order = Order(ORDER.url, "", ORDER.boot, then, known=ORDER.known)
    assert discovery.ending(order, macs, answer) == how
    assert bool(asked) == is_asked


class _Web:
    """A server that answers with a list of statuses, the last one again and again."""

    def __init__(self, *statuses: int) -> None:
        self.statuses, self.asked = list(statuses), list[tuple[str, str, str]]()
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                web.asked.append((self.command, self.path, self.headers.get("Authorization", "")))
                self.send_response(web.statuses.pop(0) if len(web.statuses) > 1 else web.statuses[0])
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_POST = do_HEAD = answer

            def log_message(self, *_: object) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def web() -> Iterator[Callable[..., _Web]]:
    made: list[_Web] = []

    def make(*statuses: int) -> _Web:
        made.append(_Web(*statuses))
        return made[-1]

    yield make
    for one in made:
        one.server.shutdown()
        one.server.server_close()


@pytest.mark.parametrize(
    ("statuses", "why", "count"),
    [
        pytest.param((204,), "", 1, id="taken"),
        pytest.param((502, 429, 204), "", 3, id="away-at-first"),
        pytest.param((403,), "the server does not accept it: the time of the discovery is over", 1, id="over"),
        pytest.param((422,), "the server cannot read it: HTTP status 422", 1, id="unreadable"),
        pytest.param((503,), "the server does not answer: HTTP status 503", None, id="away"),
    ],
)
def test_telling(statuses: tuple[int, ...], why: str, count: int | None, web: Callable[..., _Web]) -> None:
    server = web(*statuses)
    order = Order(f"{server.url}/nodes/discovered", "secret", "")
    assert discovery.send(order, b"{}", seconds=0.3 if count is None else 20, pause=0.01) == why
    assert count in (None, len(server.asked))
    assert set(server.asked) == {("POST", "/nodes/discovered", "Bearer secret")}


def test_machine_waits_for_its_boot_file(web: Callable[..., _Web]) -> None:
    server = web(404, 404, 200)
    order = Order("", "", f"{server.url}/nodes")
    assert discovery.boots_disk(order, [MAC], seconds=5, pause=0.01)
    assert server.asked[-1][:2] == ("HEAD", "/nodes/ipxe/52-54-00-cc-00-01.ipxe")
    assert not discovery.boots_disk(Order("", "", f"{web(404).url}/nodes"), [MAC], seconds=0.05, pause=0.01)


class _Machine(discovery.Machine):
    """It writes down how it is ended, and what it says."""

    def __init__(self) -> None:
        self.ended, self.said = list[str](), list[str]()

    def say(self, words: str) -> None:
        self.said.append(words)

    def output(self, *_: str) -> str:
        return ""

    def end(self, how: str) -> None:
        self.ended.append(how)


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"url": 1}', None], ids=repr)
def test_machine_is_switched_off_whatever_is_wrong(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "order.json").write_text(content)
    machine = _Machine()
    discovery.main([str(tmp_path / "order.json")], machine)
    assert machine.ended == ["poweroff"]
    assert "the discovery has failed" in machine.said[-1]


# --- what is told ---


def seen(**changes: object) -> Sighting:
    found = Sighting(read_record(facts("one-disk", [MAC, "52:54:00:cc:00:02"])), booted_from="52:54:00:cc:00:02")
    return Sighting(**{**vars(found), **changes})  # type: ignore[arg-type]


def test_sighting_is_read_as_it_was_written() -> None:
    whole = seen(
        firmware="uefi", memory=2**36, processors=64, board={"sys_vendor": "Dell Inc."}, bmc="192.0.2.9",
        neighbours=(Neighbour("eno1", "00:1b:21:aa:bb:cc", "Ethernet1/12", "", "sw1", 100),),
    )  # fmt: skip
    text = json.dumps(sighting.to_json(whole))
    assert sighting.read(text) == whole
    assert whole.neighbour("eno1") == "sw1 Ethernet1/12"
    assert sighting.addresses(whole) == ("52:54:00:cc:00:02", MAC)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "version 2 is not 1"),
        ({"format": "x"}, "not what a discovered machine sends: 'format' is not 'ovirt-node-discovery'"),
        ({"facts": {}}, "not the facts of a machine: 'format' is not 'ovirt-node-facts'"),
        ({"memory": True}, "'memory' is not a number from 0"),
        ({"memory": -1}, "'memory' is not a number from 0"),
        ({"bmc": 7}, "'bmc' is not a string"),
        ({"neighbours": [7]}, "a neighbour is not an object"),
        ({"neighbours": [{}] * 300}, "'board' is not an object, or 'neighbours' no list that is short enough"),
    ],
)
def test_what_is_no_sighting(changes: dict[str, object], message: str) -> None:
    with pytest.raises(FactsError, match=re.escape(message)):
        sighting.of_json({**sighting.to_json(seen()), **changes})


def test_texts_of_a_machine_are_bounded() -> None:
    found = sighting.of_json({**sighting.to_json(seen()), "bmc": "x" * 9999, "later": 1})
    assert len(found.bmc) == sighting.TEXT_LONGEST


def test_addresses_are_mac_addresses() -> None:
    files = {"/sys/class/net/eno1/address": 'x", node_post: "', "/sys/class/net/eno2/address": f"{MAC.upper()}\n",
             "/sys/class/net/eno3/address": "52:54:00:cc:00:09",
             "/sys/class/net/eno3/bonding_slave/perm_hwaddr": "52:54:00:cc:00:0a"}  # fmt: skip
    one = Sighting(facts=read_record(json.dumps({**json.loads(facts("one-disk")), "files": files})))
    assert sighting.addresses(one) == (MAC, "52:54:00:cc:00:0a")


# --- the kickstart ---


def parts(text: str) -> tuple[str, str]:
    """The program and the order in the kickstart."""
    program = text.partition("<<'END_OF_DISCOVERY_PY'\n")[2].partition("\nEND_OF_DISCOVERY_PY\n")[0]
    return program, text.partition("<<'END_OF_DISCOVERY'\n")[2].partition("\nEND_OF_DISCOVERY\n")[0]


@pytest.mark.parametrize("release", ["RHEL9", "RHEL10"])
def test_kickstart_has_one_script_and_nothing_about_disks(release: str) -> None:
    handler = makeVersion(release)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        KickstartParser(handler).readKickstartFromString(discovery_kickstart(ORDER))
    (script,) = handler.scripts
    assert (script.type, script.errorOnFail) == (0, False)
    commands = [line for line in discovery_kickstart(ORDER).split("\n%pre")[0].splitlines() if not line.startswith("#")]
    assert commands == ["text --non-interactive", "poweroff"]
    # Whatever becomes of Python, the script does not end before the machine does.
    assert script.script.rstrip().endswith("while :; do\n  systemctl --no-wall poweroff\n  sleep 60\ndone")


def test_program_is_for_the_python_of_the_installer(tmp_path: Path) -> None:
    """And it runs with the modules that are in it alone: here without an order, by a user who is not root."""
    program, order = parts(discovery_kickstart(ORDER))
    ast.parse(program, feature_version=(3, 9))
    assert discovery.read(order) == ORDER
    (tmp_path / "program.py").write_text(
        program.replace("sys.exit(", "print(sorted(n for n in sys.modules if n.startswith('org_'))); sys.exit(0) #")
    )
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "program.py")], capture_output=True, text=True, cwd=tmp_path, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "org_ovirt_node.facts.discovery" in done.stdout


def test_records_of_machines_are_not_too_large() -> None:
    for name in ("multipath", "old-system", "node"):
        text = json.dumps(sighting.to_json(Sighting(record(name))))
        assert len(text) < sighting.LARGEST / 20
