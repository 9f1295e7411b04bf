# SPDX-License-Identifier: GPL-2.0-or-later
"""The program that chooses a host of a site's ISO: which, what it says where there is none, and what it runs."""

from __future__ import annotations

import ast
import dataclasses
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_nics import add_card

from org_ovirt_node.programs import selector
from org_ovirt_node.programs.selector import Host, Machine, Site, Step

ONE = Host("node01.example.com", ("52:54:00:aa:00:01", "52:54:00:aa:00:11"), "SN-1", "node01.example.com.ks", ())
TWO = Host("node02.example.com", ("52:54:00:aa:00:02",), "", "node02.example.com.ks", ())
UNTOUCHED = "Nothing has been written to any disk."


def machine(*macs: str, serial: str = "") -> Machine:
    return Machine(tuple((f"eno{number}", mac) for number, mac in enumerate(macs, 1)), serial)


@pytest.mark.parametrize(
    ("found", "name", "text"),
    [
        pytest.param(
            machine("52:54:00:aa:00:01", "52:54:00:aa:00:11", "52:54:00:aa:00:99"),
            "node01.example.com",
            "this machine is node01.example.com (eno1 52:54:00:aa:00:01, eno2 52:54:00:aa:00:11)",
            id="both-of-its-nics",
        ),
        pytest.param(
            machine("52:54:00:aa:00:11"),
            "node01.example.com",
            "this machine is node01.example.com (eno1 52:54:00:aa:00:11)",
            id="one-of-its-nics",
        ),
        pytest.param(
            machine("52:54:00:aa:00:99", serial="sn-1"),
            "node01.example.com",
            "this machine is node01.example.com (serial number sn-1)",
            id="serial-number",
        ),
        pytest.param(
            machine("52:54:00:aa:00:02", serial="SN-7"),
            "node02.example.com",
            "this machine is node02.example.com (eno1 52:54:00:aa:00:02)",
            id="serial-number-that-the-inventory-does-not-have",
        ),
        pytest.param(
            machine("52:54:00:aa:00:99"),
            None,
            "this machine is not one of the 2 hosts on this medium.\n"
            "It has eno1 52:54:00:aa:00:99; serial number: none.\n"
            f"{UNTOUCHED} Add the machine to the inventory (node_mac), and write the medium again.",
            id="stranger",
        ),
        pytest.param(
            machine(),
            None,
            "this machine is not one of the 2 hosts on this medium.\nIt has no NIC; serial number: none.\n"
            f"{UNTOUCHED} Add the machine to the inventory (node_mac), and write the medium again.",
            id="without-a-nic",
        ),
        pytest.param(
            machine("52:54:00:aa:00:02", "52:54:00:aa:00:01"),
            None,
            "this machine is 2 hosts of this medium at once:\n"
            "  node01.example.com: eno2 52:54:00:aa:00:01\n"
            "  node02.example.com: eno1 52:54:00:aa:00:02\n"
            "It has eno1 52:54:00:aa:00:02, eno2 52:54:00:aa:00:01; serial number: none.\n"
            f"{UNTOUCHED} Correct the MAC addresses in the inventory, and write the medium again.",
            id="two-hosts",
        ),
        pytest.param(
            machine("52:54:00:aa:00:02", serial="SN-1"),
            None,
            "this machine is 2 hosts of this medium at once:\n"
            "  node01.example.com: serial number SN-1\n"
            "  node02.example.com: eno1 52:54:00:aa:00:02\n"
            "It has eno1 52:54:00:aa:00:02; serial number: SN-1.\n"
            f"{UNTOUCHED} Correct the MAC addresses in the inventory, and write the medium again.",
            id="nic-of-one-and-serial-number-of-another",
        ),
        pytest.param(
            machine("52:54:00:aa:00:01", serial="SN-2"),
            None,
            "eno1 52:54:00:aa:00:01 is of node01.example.com, which has the serial number SN-1.\n"
            "It has eno1 52:54:00:aa:00:01; serial number: SN-2.\n"
            f"{UNTOUCHED} Correct node_mac or the serial number in the inventory, and write the medium again.",
            id="another-serial-number",
        ),
    ],
)
def test_choice(found: Machine, name: str | None, text: str) -> None:
    choice = selector.choose(found, (ONE, TWO))
    assert (choice.host.name if choice.host else None, choice.text) == (name, text)


def test_index_is_read_as_it_was_written() -> None:
    step = Step(3, 9, "/usr/bin/python3", "/tmp/node.log", stops=True)
    site = Site((dataclasses.replace(ONE, steps=(step,)), TWO), asks=True)
    assert selector.read(selector.written(site)) == site


def test_index_of_another_version_is_refused() -> None:
    with pytest.raises(selector.FormatError, match=r"has format 2; this add-on reads 1"):
        selector.read('{"format": 2, "hosts": []}')


def test_machine_is_looked_at(tmp_path: Path) -> None:
    net, dmi = tmp_path / "sys/class/net", tmp_path / "sys/class/dmi/id"
    add_card(net, "lo", "00:00:00:00:00:00", is_real=False)
    add_card(net, "no-such-1", "52:54:00:AA:00:01")
    add_card(net, "no-such-2", "52:54:00:aa:00:01", own="52:54:00:aa:00:02")
    dmi.mkdir(parents=True)
    (dmi / "product_serial").write_text(" SN-1 \n")
    nics = (("no-such-1", "52:54:00:aa:00:01"), ("no-such-2", "52:54:00:aa:00:02"))
    assert selector.look(str(tmp_path)) == Machine(nics, "SN-1")


def test_kernel_tells_the_address_that_a_nic_was_made_with() -> None:
    """Of the NICs of this machine, those that have one: a container's have none."""
    for nic in Path("/sys/class/net").iterdir():
        found = selector.asked_address(nic.name)
        assert found == b"" or len(found) == 6


# --- the scripts of the host -----------------------------------------------------------------------------------------

KICKSTART = """\
text
%pre --erroronfail --log={log}/first.log
echo first
echo one >>{log}/ran
%end
%pre --interpreter=/usr/bin/python3 --log={log}/second.log
open("{log}/ran", "a").write("two\\n")
raise SystemExit(3)
%end
%pre --erroronfail --log={log}/third.log
echo three >>{log}/ran
echo wrong >&2; exit {status}
%end
%pre --log={log}/fourth.log
echo four >>{log}/ran
%end
%post
echo never >>{log}/ran
%end
"""


class Medium:
    """A directory as on the ISO; the machine has NICs below it."""

    def __init__(self, directory: Path, status: int, asks: bool = False) -> None:
        self.directory, self.log, self.result = directory / "medium", directory / "log", directory / "result"
        self.sys = directory / "root"
        self.directory.mkdir()
        self.log.mkdir()
        self.text = KICKSTART.format(log=self.log, status=status)
        steps = (
            Step(3, 4, "/bin/sh", f"{self.log}/first.log", True),
            Step(7, 8, "/usr/bin/python3", f"{self.log}/second.log", False),
            Step(11, 12, "/bin/sh", f"{self.log}/third.log", True),
            Step(15, 15, "/bin/sh", f"{self.log}/fourth.log", False),
        )
        (self.directory / ONE.kickstart).write_text(self.text)
        site = Site((dataclasses.replace(ONE, steps=steps), TWO), asks)
        (self.directory / selector.INDEX).write_text(selector.written(site))

    def run(self, mac: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        add_card(self.sys / "sys/class/net", "no-such-nic", mac)
        return subprocess.run(self.command, capture_output=True, text=True, check=False, env=environment)

    @property
    def command(self) -> list[str]:
        source = Path(selector.__file__).read_text()
        # Never the terminals and NICs of the machine that runs the tests.
        source = source.replace("machine = look()", f"machine = look({str(self.sys)!r})")
        source = source.replace('"/sys/class/tty/console/active"', '"/nowhere"').replace('"tty1"', '"nowhere"')
        return [sys.executable, "-c", source, str(self.directory), str(self.result), "1", "1"]

    @property
    def ran(self) -> list[str]:
        file = self.log / "ran"
        return file.read_text().split() if file.exists() else []


def test_scripts_of_the_host_run_and_its_kickstart_is_left(tmp_path: Path) -> None:
    medium = Medium(tmp_path, status=0)
    done = medium.run("52:54:00:aa:00:01")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "ovirt-node: this machine is node01.example.com (no-such-nic 52:54:00:aa:00:01)",
        f"line 2 of node01.example.com.ks, {medium.log}/first.log: exit status 0",
        f"line 6 of node01.example.com.ks, {medium.log}/second.log: exit status 3",
        f"line 10 of node01.example.com.ks, {medium.log}/third.log: exit status 0",
        f"line 14 of node01.example.com.ks, {medium.log}/fourth.log: exit status 0",
    ]
    assert medium.ran == ["one", "two", "three", "four"]
    assert medium.result.read_text() == medium.text
    assert (medium.log / "first.log").read_text() == "first\n"
    assert (medium.log / "first.log").stat().st_mode & 0o777 == 0o600


def test_script_that_fails_stops_and_leaves_no_kickstart(tmp_path: Path) -> None:
    medium = Medium(tmp_path, status=4)
    done = medium.run("52:54:00:aa:00:01")
    assert done.returncode == 1
    assert medium.ran == ["one", "two", "three"]
    assert (medium.log / "third.log").read_text() == "wrong\n"
    assert not medium.result.exists()


def test_stranger_runs_nothing(tmp_path: Path) -> None:
    medium = Medium(tmp_path, status=0)
    done = medium.run("52:54:00:aa:00:99")
    assert done.returncode == 1
    assert "ovirt-node: this machine is not one of the 2 hosts on this medium." in done.stdout
    assert medium.ran == []
    assert not medium.result.exists()


def test_damaged_index_is_told(tmp_path: Path) -> None:
    medium = Medium(tmp_path, status=0)
    (medium.directory / selector.INDEX).write_text('{"format": 1, "hos')
    done = medium.run("52:54:00:aa:00:01")
    assert done.returncode == 1
    assert f"{UNTOUCHED} Write the medium again with ksgen iso --site." in done.stdout
    assert not medium.result.exists()


@pytest.mark.parametrize(("answer", "status"), [("yes", 0), ("YES", 0), ("y", 1), ("", 1), ("yes please", 1)])
def test_person_confirms_in_a_window_of_the_installer(answer: str, status: int, tmp_path: Path) -> None:
    """Real tmux, with the session that Anaconda has."""
    medium = Medium(tmp_path, status=0, asks=True)
    add_card(medium.sys / "sys/class/net", "no-such-nic", "52:54:00:aa:00:01")
    environment = {**os.environ, "TMUX_TMPDIR": str(tmp_path), "TERM": "xterm"}
    environment.pop("TMUX", None)

    def tmux(*words: str) -> str:
        return subprocess.run(["tmux", *words], env=environment, capture_output=True, text=True, check=True).stdout

    tmux("-f", "/dev/null", "new-session", "-d", "-s", "anaconda", "-n", "main", "sleep 600")
    try:
        tmux("set-option", "-g", "remain-on-exit", "on")
        with subprocess.Popen(medium.command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            deadline = time.monotonic() + 60
            while "Type yes to install" not in (shown := tmux("capture-pane", "-p", "-t", "anaconda:")):
                assert time.monotonic() < deadline, shown
                time.sleep(0.1)
            assert "Install node01.example.com on this machine (no-such-nic 52:54:00:aa:00:01)?" in shown
            tmux("send-keys", "-t", "anaconda:confirm", answer, "Enter")
            said, _ = process.communicate(timeout=60)
        assert process.returncode == status, said
        assert ("was not confirmed" in said) == bool(status)
        assert medium.result.exists() == (not status)
        assert medium.ran == ([] if status else ["one", "two", "three", "four"])
        # The installer is in front again.
        assert tmux("display-message", "-p", "-t", "anaconda:", "#W").strip() == "main"
    finally:
        tmux("kill-server")


def test_runs_on_the_installers_python() -> None:
    ast.parse(Path(selector.__file__).read_text(), feature_version=(3, 9))
