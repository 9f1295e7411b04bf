# SPDX-License-Identifier: GPL-2.0-or-later
"""The program that gives NICs the names of the inventory in %pre."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_nics import add_card

from org_ovirt_node.programs import names
from org_ovirt_node.programs.names import Nic

LAN, SAN = "52:54:00:aa:00:01", "52:54:00:aa:00:02"
UNTOUCHED = "Nothing has been written to any disk."


@pytest.mark.parametrize(
    ("nics", "renames", "problems"),
    [
        pytest.param((Nic("lan0", LAN), Nic("san0", SAN)), (), (), id="named-by-the-initramfs"),
        pytest.param((Nic("lan0", LAN, True), Nic("san0", SAN)), (), (), id="named-and-used"),
        pytest.param(
            (Nic("eno1", SAN), Nic("eno2", LAN), Nic("eno3", "52:54:00:aa:00:03")),
            (("eno2", "lan0"), ("eno1", "san0")),
            (),
            id="two-renamed-one-left",
        ),
        pytest.param((Nic("eno1", LAN), Nic("san0", SAN)), (("eno1", "lan0"),), (), id="one-renamed"),
        pytest.param(
            (Nic("eno2", "52:54:00:aa:00:09"), Nic("eno1", LAN)),
            (),
            (
                f"no NIC has the address {SAN}, to which node_network gives the name san0; "
                f"this machine has eno1 {LAN}, eno2 52:54:00:aa:00:09.\n"
                f"{UNTOUCHED} Correct the inventory, run ksgen, and boot again.",
            ),
            id="missing",
        ),
        pytest.param(
            (),
            (),
            tuple(
                f"no NIC has the address {mac}, to which node_network gives the name {name}; this machine has no NIC.\n"
                f"{UNTOUCHED} Correct the inventory, run ksgen, and boot again."
                for name, mac in (("lan0", LAN), ("san0", SAN))
            ),
            id="no-nic",
        ),
        pytest.param(
            (Nic("eno1", LAN, True), Nic("san0", SAN)),
            (),
            (
                f"eno1 ({LAN}) is in use and cannot be renamed to lan0.\n"
                f"{UNTOUCHED} Add ifname=lan0:{LAN} to the boot entry, and boot again.",
            ),
            id="used",
        ),
        pytest.param(
            (Nic("lan0", SAN), Nic("eno1", LAN)),
            (),
            (
                f"lan0 is the name of the NIC {SAN}; node_network gives it to {LAN}.\n"
                f"{UNTOUCHED} Remove ifname=lan0:{SAN} from the boot entry, and boot again.",
            ),
            id="name-of-another",
        ),
    ],
)
def test_decision(nics: tuple[Nic, ...], renames: tuple[tuple[str, str], ...], problems: tuple[str, ...]) -> None:
    assert names.decide({"lan0": LAN, "san0": SAN}, nics) == names.Decision(renames, problems)


def test_nics_of_the_machine(tmp_path: Path) -> None:
    add_card(tmp_path, "lo", "00:00:00:00:00:00", is_real=False)
    add_card(tmp_path, "br0", LAN, is_real=False)
    add_card(tmp_path, "eno1", LAN.upper())
    add_card(tmp_path, "eno2", LAN, own=SAN)
    add_card(tmp_path, "eno3", "52:54:00:aa:00:03")
    (tmp_path / "eno2" / "master").touch()
    assert names.gather(tmp_path, frozenset({"eno3"})) == (
        Nic("eno1", LAN),
        Nic("eno2", SAN, True),
        Nic("eno3", "52:54:00:aa:00:03", True),
    )


class Machine:
    """A directory of NICs, and an `ip` and an `udevadm` that note what they are asked."""

    def __init__(self, directory: Path) -> None:
        self.net, self.bin, self.ran = directory / "net", directory / "bin", directory / "ran"
        self.bin.mkdir()
        self.ran.touch()
        self.links: list[dict[str, object]] = []
        self.fails_at = "nothing"
        add_card(self.net, "eno1", LAN)
        add_card(self.net, "eno2", SAN)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        (self.bin / "links").write_text(json.dumps(self.links))
        script = f"""#!/bin/sh
        if [ "$1" = -j ]; then cat {self.bin}/links; exit; fi
        echo "${{0##*/}} $*" >>{self.ran}
        case "$*" in *'{self.fails_at}'*) echo 'RTNETLINK answers: Device or resource busy' >&2; exit 2;; esac
        """
        for name in ("ip", "udevadm"):
            (self.bin / name).write_text(script)
            (self.bin / name).chmod(0o755)
        source = Path(names.__file__).read_text() + f"\nsys.exit(main(sys.argv[1:], {str(self.net)!r}))\n"
        source = source.replace('if __name__ == "__main__":\n    sys.exit(main(sys.argv[1:]))\n', "")
        command = [sys.executable, "-", *arguments]
        environment = {"PATH": f"{self.bin}:/usr/bin:/bin"}
        return subprocess.run(command, input=source, capture_output=True, text=True, env=environment, check=False)

    @property
    def commands(self) -> list[str]:
        return self.ran.read_text().splitlines()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_renames(machine: Machine) -> None:
    # The address that every interface has is no use.
    machine.links = [{"ifname": "eno1", "addr_info": [{"scope": "link"}]}]
    done = machine.run(f"lan0={LAN}", f"san0={SAN}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "eno1 is lan0 now\neno2 is san0 now\n", "")
    assert machine.commands == [
        "ip link set dev eno1 down", "ip link set dev eno1 name lan0", "ip link set dev lan0 up",
        "ip link set dev eno2 down", "ip link set dev eno2 name san0", "ip link set dev san0 up",
        "udevadm settle --timeout=30",
    ]  # fmt: skip


def test_used_nic_stops_and_nothing_is_renamed(machine: Machine) -> None:
    machine.links = [{"ifname": "eno1", "addr_info": [{"scope": "link"}, {"scope": "global"}]}]
    done = machine.run(f"lan0={LAN}", f"san0={SAN}")
    assert done.returncode == 1
    assert f"ovirt-node: eno1 ({LAN}) is in use and cannot be renamed to lan0.\n" in done.stderr
    assert machine.commands == []


def test_kernel_that_refuses_is_told(machine: Machine) -> None:
    machine.fails_at = "name lan0"
    done = machine.run(f"lan0={LAN}")
    assert done.returncode == 1
    assert (
        "ovirt-node: ip link set dev eno1 name lan0: RTNETLINK answers: Device or resource busy\n"
        f"{UNTOUCHED} Add ifname=lan0:{LAN} to the boot entry, and boot again.\n" in done.stderr
    )


def test_runs_on_the_installers_python() -> None:
    ast.parse(Path(names.__file__).read_text(), feature_version=(3, 9))
