# SPDX-License-Identifier: GPL-2.0-or-later
"""The program that the installer runs to put names of cards in the place of their addresses."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from org_ovirt_node.programs import nics

BOND = "network --device=bond0 --bondslaves=52:54:00:aa:00:01,52:54:00:aa:00:02 --bondopts=mode=802.3ad\n"


def add_card(net: Path, name: str, address: str, is_real: bool = True, own: str | None = None) -> None:
    card = net / name
    card.mkdir(parents=True)
    (card / "address").write_text(f"{address}\n")
    if is_real:
        (card / "device").mkdir()
    if own:
        (card / "bonding_slave").mkdir()
        (card / "bonding_slave" / "perm_hwaddr").write_text(f"{own}\n")


@pytest.fixture
def net(tmp_path: Path) -> Path:
    path = tmp_path / "net"
    add_card(path, "lo", "00:00:00:00:00:00", is_real=False)
    # a bridge has the address of its first card
    add_card(path, "br0", "52:54:00:aa:00:01", is_real=False)
    add_card(path, "eno1", "52:54:00:AA:00:01")
    # two cards of a bond show one address
    add_card(path, "eno2", "52:54:00:aa:00:01", own="52:54:00:aa:00:02")
    return path


def run(net: Path, text: str, directory: Path) -> tuple[subprocess.CompletedProcess[str], Path]:
    wanted, result = directory / "wanted", directory / "result"
    wanted.write_text(text)
    source = Path(nics.__file__).read_text()
    command = [sys.executable, "-", str(wanted), str(result), str(net)]
    return subprocess.run(command, input=source, capture_output=True, text=True), result


def test_members_get_names_and_nothing_else_changes(net: Path, tmp_path: Path) -> None:
    vlan = "network --device=52:54:00:aa:00:01 --vlanid=5 --bindto=mac\n"
    done, result = run(net, BOND + vlan, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert result.read_text() == BOND.replace("52:54:00:aa:00:01,52:54:00:aa:00:02", "eno1,eno2") + vlan


def test_missing_card_is_told_and_nothing_is_written(net: Path, tmp_path: Path) -> None:
    done, result = run(net, BOND.replace("00:02", "00:09"), tmp_path)
    assert done.returncode == 1
    assert not result.exists()
    assert (
        "ovirt-node: no NIC has the address 52:54:00:aa:00:09, which node_network of this host names; "
        "this machine has eno1 52:54:00:aa:00:01, eno2 52:54:00:aa:00:02.\n"
        "Nothing has been written to any disk. Correct the inventory, run ksgen, and boot again." in done.stderr
    )


class Recorded(nics.Target):
    """A machine of which the files are known, and nothing else."""

    def __init__(self, **files: str) -> None:
        self.files = {f"net/{name.replace('_', '/')}": text for name, text in files.items()}

    def names(self, directory: str) -> list[str]:
        return list(dict.fromkeys(path.split("/")[1] for path in self.files))

    def has(self, path: str) -> bool:
        return path in self.files

    def read(self, path: str) -> str:
        return self.files[path]


def test_decision_without_the_machine() -> None:
    """From what was read of it: the names of its NICs, and the words for what is missing."""
    first = {"eno1_device": "", "eno1_address": "52:54:00:aa:00:01\n"}
    second = {"eno2_device": "", "eno2_address": "52:54:00:AA:00:02\n"}
    names = nics.gather(Recorded(**second, **first, lo_address="00:00:00:00:00:00\n"), "net")
    assert names == {"52:54:00:aa:00:01": "eno1", "52:54:00:aa:00:02": "eno2"}
    named, missing = nics.decide(BOND, names)
    assert "--bondslaves=eno1,eno2 " in named
    assert nics.describe(missing, names) == ""
    assert nics.describe(nics.decide(BOND, {})[1], {}) == (
        "ovirt-node: no NIC has the address 52:54:00:aa:00:01, 52:54:00:aa:00:02, which node_network of this host "
        "names; this machine has no NIC.\n"
        "Nothing has been written to any disk. Correct the inventory, run ksgen, and boot again."
    )


def test_runs_on_the_installers_python() -> None:
    """3.9 is the oldest: the source must not use what came later."""
    ast.parse(Path(nics.__file__).read_text(), feature_version=(3, 9))
