# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ksgen serve` says of whole installations: of those that succeed, and of each way to fail.

| case    | EL10 | EL9 | what happens                               | what the server says                   |
|---------|------|-----|--------------------------------------------|----------------------------------------|
| success | yes  | yes | the installation ends, the node boots      | each state, to `up`                    |
| layout  | yes  |     | the line for /var is missing               | failed: the finding of the gate        |
| disk    | yes  |     | no disk has the serial number              | failed: the words of the resolver      |
| image   | yes  |     | there is no image at its URL               | failed, with Anaconda's words          |
| post    | yes  |     | node_post ends with 3                      | failed: the script and its log         |
| imgbase | yes  |     | the image is none that imgbase takes       | failed: the words of the hook          |
| power   | yes  |     | switched off while the image is copied     | the last state; silent 3 minutes later |
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boot_servers
import pytest
from inventories import inventory_text

from lab import root, whole
from lab.machine import EMPTY, digest
from lab.node import imgbase_tar
from lab.reported import SERVER
from lab.root import NVR
from org_ovirt_node.programs.imgbase import NVR_FILE

pytestmark = [pytest.mark.lab, pytest.mark.anaconda]

HOST = "node01.example.com"
on_el10 = pytest.mark.parametrize("release", ["el10"], indirect=True)
# For the report of a machine that stands still, emulated beside others.
_REPORTED_S = 90
# For the first heartbeat, which has how much is copied: 42 s at most. All of it takes two minutes.
_COPIED_S = 45


@pytest.fixture
def site() -> Iterator[Path]:
    """A directory that nginx's workers can enter, which pytest's own are not."""
    with tempfile.TemporaryDirectory(prefix="ksgen-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@dataclasses.dataclass(frozen=True)
class Told:
    """What the server says at the end: the host with its newest attempt, and the logs that were sent."""

    host: dict[str, Any]
    logs: dict[str, str]
    installation: whole.Installation

    @property
    def states(self) -> list[str]:
        return [one["after"] for one in self.host["attempts"][0]["transitions"]]


def ksgen(site: Path, *arguments: str) -> None:
    done = subprocess.run([sys.executable, "-m", "ksgen", *arguments], cwd=site, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def install(
    release: str,
    site: Path,
    directory: Path,
    overlay: Path,
    post: str = "",
    change: Callable[[str], str] = str,
    until: str | None = None,
    more_seconds: float = 0,
    more: root.More = "",
    **variables: str,
) -> Told:
    """A site with one host that is armed, and the installation of that host with the kickstart that it gets.

    `more` is what its image has.
    """
    plugged = whole.disks(directory, 1)
    own = whole.host_variables(release, "bios", plugged, post)
    own |= {"node_server_url": f"http://{SERVER}/nodes/"}
    text = inventory_text(HOST, **{**own, **variables})
    (site / "hosts.yaml").write_text(text)
    tree = site / release
    for name in (".treeinfo", "images/install.img", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"):
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_bytes(b"MZ" + bytes(510))
    (site / "run").mkdir()
    ksgen(site, "hosts.yaml", "-o", "out", "--tree", f"{release}={release}")
    ksgen(site, "arm", "hosts.yaml", HOST, "-o", "out")
    ksgen(site, "login", "ops", "--state", "state", "-o", "token")
    (permission,) = (site / "out/armed").iterdir()
    kickstart = (site / "out/ks" / f"{HOST}.ks").read_text()
    done = whole.install(
        release,
        "bios",
        change(kickstart),
        root.live_image(imgbase_tar(), NVR, "lz4", release=release, more=more),
        plugged,
        overlay,
        until,
        more_seconds,
        arguments=f"inst.ks=http://{SERVER}/nodes/ks/{HOST}.ks?armed={permission.name}",
        within=within_site(site),
    )
    return Told(*said(site), done)


def within_site(site: Path) -> list[str]:
    """Runs a command with the site's servers beside it."""
    path = f"PYTHONPATH={os.pathsep.join(sys.path)}"
    return ["env", path, *boot_servers.namespace(), sys.executable, "-m", "lab.reported", str(site), HOST]


def said(site: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The host and its logs, as the server has shown them at the end."""
    logs = {path.name: path.read_text() for path in (site / "logs").iterdir()}
    return json.loads((site / "story.json").read_text()), logs


def boot(site: Path, disk: Path) -> dict[str, Any]:
    """Boot the installed disk, and the host as the server shows it then."""
    command = [*within_site(site), sys.executable, "-m", "lab.first_boot", str(disk)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return said(site)[0]


def test_success(release: str, site: Path, overlay: Path, tmp_path: Path) -> None:
    # The installed system reports too.
    told = install(release, site, tmp_path, overlay, more="network")
    whole.assert_installed(told.installation)
    states = ["booting", "preparing", "partitioning", "copying", "configuring", "layering", "installed"]
    assert told.states == states, json.dumps(told.host)
    (facts, *_) = [one["facts"] for one in told.host["attempts"][0]["events"] if one["facts"]]
    assert facts["firmware"] == "bios"
    assert facts["disks"][0]["serial"] == "disk0"
    assert told.logs == {}

    host = boot(site, tmp_path / "disk0.raw")
    assert host["state"] == "up", json.dumps(host)
    facts = host["attempts"][0]["events"][-1]["facts"]
    assert facts["layer"] == f"{NVR}+1"
    assert facts["addresses"]
    assert facts["host_keys"]


def failed(told: Told) -> str:
    """The message of a failure, of which the logs have been sent."""
    assert told.host["state"] == "failed", json.dumps(told.host)
    assert "anaconda.log" in told.logs
    return str(told.host["message"])


def without_var(kickstart: str) -> str:
    (line,) = (line for line in kickstart.splitlines() if line.startswith("logvol /var "))
    return kickstart.replace(f"{line}\n", "")


@on_el10
def test_layout(release: str, site: Path, overlay: Path, tmp_path: Path) -> None:
    told = install(release, site, tmp_path, overlay, change=without_var)
    message = failed(told)
    assert "/var is not a separate volume; layout standard requires one of 5 GiB" in message
    assert "add it as a thin volume of at least 5 GiB" in message


@on_el10
def test_disk(release: str, site: Path, overlay: Path, tmp_path: Path) -> None:
    disk = '{serial: absent, size: "128 GiB"}'
    told = install(release, site, tmp_path, overlay, node_disk=disk, until="boot again", more_seconds=_REPORTED_S)
    assert told.host["state"] == "failed", json.dumps(told.host)
    assert "the installation stops here" in told.host["message"]
    assert "absent" in told.host["message"]
    assert digest(tmp_path / "disk0.raw") == EMPTY


@on_el10
def test_image(release: str, site: Path, overlay: Path, tmp_path: Path) -> None:
    told = install(release, site, tmp_path, overlay, node_image_url="file:///run/install/repo/missing.sqfs")
    assert "missing.sqfs" in failed(told) + told.logs["anaconda.log"]


@on_el10
def test_post(release: str, site: Path, overlay: Path, tmp_path: Path) -> None:
    told = install(release, site, tmp_path, overlay, post="echo 'the site is not content' >&2; exit 3\n")
    message = failed(told)
    assert "ended with 3" in message
    assert "the site is not content" in message


@on_el10
def test_imgbase(release: str, site: Path, overlay: Path, tmp_path: Path) -> None:
    told = install(release, site, tmp_path, overlay, post=f"rm /{NVR_FILE}\n")
    assert "ovirt-node: error:" in failed(told)


@on_el10
def test_power(release: str, site: Path, overlay: Path, tmp_path: Path) -> None:
    """Without a word more; that it is silent, the server says three minutes later (tests/reports/test_states.py)."""
    told = install(release, site, tmp_path, overlay, until="Installing software 1", more_seconds=_COPIED_S)
    assert told.states == ["booting", "preparing", "partitioning", "copying"]
    assert (told.host["state"], told.host["doubt"]) == ("copying", "")
    assert 0 < told.host["done"] < told.host["total"]
