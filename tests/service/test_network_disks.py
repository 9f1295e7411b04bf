# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks of the network that are connected stay so when Storage reads the node layout, and are written as before."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from bench import BENCH, NO_BENCH

CHECKOUT = Path(__file__).resolve().parents[2]
CLIENT = CHECKOUT / "tests" / "support" / "network_disks_client.py"


@pytest.mark.anaconda
@pytest.mark.parametrize("ref", ["rhel-9", "rhel-10", "main"])
def test_connected_disks_stay(ref: str) -> None:
    if BENCH is None:
        pytest.skip(NO_BENCH)
    command = [str(BENCH / "anaconda_bus.py"), "--ref", ref, "--name", f"network-disks-{ref}", "--no-start"]
    command += ["--addon", str(CHECKOUT), "--disk", "sda:250GiB", "--", str(CLIENT)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT)
    assert done.returncode == 0, done.stderr
    told = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("{")))
    assert told["errors"] == []
    # once, by the kickstart; FCoE again, which changes nothing where the disk is connected
    assert told["targets"] == ["iqn.2001-01.com.example:disk", "fcoe", "fcoe"]
    of_network = [
        sorted(line for line in told[name] if line.startswith(("iscsi", "fcoe"))) for name in ("before", "after")
    ]
    assert [line.split(" ")[0] for line in of_network[0]] == ["fcoe", "iscsi", "iscsiname"]
    assert "--password=" in of_network[0][1]
    assert of_network[0] == of_network[1]
    assert told["initiator"] == "iqn.1994-05.com.example:node01"
    # no command that would log in anew, and no password, is among what Storage is given
    assert not any(line.startswith("iscsi") for line in told["given"])
