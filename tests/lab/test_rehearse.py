# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen rehearse` from its command to its exit status: the shapes of examples/ with real Anaconda, and planted faults.

The installer is the lab's ISO of each release, the image that of the lab with a network. What the lab's image or
servers do not have is overridden by LAB; LAB_KEEP=DIR keeps what the command printed, and the console.

| case        | what is planted                                  | the step that has to be WRONG      |
|-------------|--------------------------------------------------|------------------------------------|
| post        | node_post ends with 3                            | configuring                        |
| unit        | node_services enables a unit that is not there   | configuring                        |
| bond        | a bond waits for an address that is not there    | booting: no kickstart is fetched   |
| image       | the image is larger than root                    | copying                            |
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ksgen.host import read_hosts
from ksgen.inventory import reader
from ksgen.rehearsal.shapes import alike
from ksgen.variables import is_claimed
from lab import anaconda_iso, root, whole
from lab.node import imgbase_tar
from lab.old_processor import wrapped
from lab.root import NVR, SELINUX, Kernel

pytestmark = [pytest.mark.lab, pytest.mark.anaconda]

EXAMPLES = Path(__file__).parents[2] / "examples" / "hosts.yaml"
# With a bond; with one disk and BIOS, which is installed fastest.
BOND_HOST, PLAIN_HOST = "node01.a.example.com", "node02.c.example.com"
# EL's own packages, kdump, repositories, UDisks for iSCSI and half a terabyte of huge pages are not here, and the
# processor is an old one (old_processor.py).
LAB: dict[str, Any] = {
    "node_checks": {"skip": ["cpu"]},
    "node_kernel_args": f"no_timer_check systemd.default_timeout_start_sec=900 {SELINUX}".split(),
    "node_post_site": whole.PATIENT,
    "node_image_sha256": None,
    "node_image_size": None,
    "node_packages": [],
    "node_repos": [],
    "node_services": None,
    "node_drivers": [],
    "node_hugepages": {"2M": 16},
    "node_modules": None,
    "node_kdump": None,
    "node_iscsi_initiator": None,
    "node_proxy": None,
}


@dataclasses.dataclass(frozen=True)
class Rehearsed:
    """What the command printed: the rehearsal of one host, and its exit status."""

    status: int
    found: dict[str, Any]
    said: str

    @property
    def last(self) -> str:
        """What was found in the last step."""
        return str(self.found["steps"][-1]["found"])

    @property
    def wrong(self) -> list[str]:
        return [step["step"] for step in self.found["steps"] if not step["ok"]]


def shapes() -> list[str]:
    """A node of each shape of the example site."""
    site, _ = reader.read([EXAMPLES], is_own=is_claimed)
    hosts, _ = read_hosts(site)
    return [group.first.name for group in alike(host for host in hosts if host.settings.is_node)]


def own_variables(name: str, release: str, **more: Any) -> dict[str, Any]:
    """The variables of the lab for a host; None stands for one that is not set."""
    return {name: {**LAB, "node_release": release, **more}}


def node_image(release: str, filler_mib: int = 0) -> Path:
    """The lab's image with a network, as ksgen can read it: squashfs with gzip."""
    compression = ("gzip", "-Xcompression-level", "1")
    return root.live_image(imgbase_tar(), NVR, *compression, release=release, more="network", filler_mib=filler_mib)


def rehearse(
    name: str, release: str, directory: Path, kernel: Kernel, image: Path | None = None, **variables: Any
) -> Rehearsed:  # fmt: skip
    """Rehearse a host of the example site, with variables of the lab and some more."""
    boot = anaconda_iso.make(directory / "boot.iso", kernel, "nine" if release == "el9" else "ten", release=release)
    image = image or node_image(release)
    # The identifiers of its NVMe disks.
    options = ("--replace", "disks") if name.endswith(".b.example.com") else ()
    own = directory / "lab.yaml"
    own.write_text(json.dumps({"all": {"hosts": own_variables(name, release, **variables)}}))
    command = [
        sys.executable, "-m", "ksgen", "rehearse", str(EXAMPLES), name, "-i", str(own), "--boot-iso", str(boot),
        "--image", str(image), "--json", "--console", "--minutes", "240", *options,
    ]  # fmt: skip
    path = {"PATH": f"{wrapped(directory / 'bin')}:{os.environ['PATH']}"}
    done = subprocess.run(
        command, env={**os.environ, **path}, capture_output=True, text=True, errors="replace", check=False
    )
    if keep := os.environ.get("LAB_KEEP"):
        Path(keep).mkdir(parents=True, exist_ok=True)
        (Path(keep) / f"rehearse-{name}-{release}.txt").write_text(done.stdout + done.stderr)
    assert done.stdout, done.stderr[-4000:]
    (found,) = json.loads(done.stdout)["rehearsals"]
    return Rehearsed(done.returncode, found, done.stderr)


RELEASE = {"a": "el9", "b": "el10", "c": "el9"}
SHAPES = [(name, RELEASE[name.split(".")[1]]) for name in shapes()]
on_el9 = pytest.mark.parametrize("release", ["el9"], indirect=True)


@pytest.mark.parametrize(("name", "release"), SHAPES, indirect=["release"])
def test_shapes_of_the_example_site(name: str, release: str, kernel: Kernel, tmp_path: Path) -> None:
    done = rehearse(name, release, tmp_path, kernel)
    assert done.wrong == [], json.dumps(done.found, indent=1)
    assert done.status == 0


@on_el9
def test_post(release: str, kernel: Kernel, tmp_path: Path) -> None:
    done = rehearse(PLAIN_HOST, release, tmp_path, kernel, node_post="echo 'the site is not content' >&2; exit 3\n")
    assert done.status == 1
    assert done.wrong == ["configuring"]
    assert "ended with 3" in done.last
    assert "the site is not content" in done.last


@on_el9
def test_unit(release: str, kernel: Kernel, tmp_path: Path) -> None:
    done = rehearse(PLAIN_HOST, release, tmp_path, kernel, node_services={"enabled": ["no-such-agent"]})
    assert done.wrong == ["configuring"]
    assert "no-such-agent" in done.last


@on_el9
def test_bond(release: str, kernel: Kernel, tmp_path: Path) -> None:
    """It has a link only while that address answers ARP (bonding.rst, arp_ip_target): at first it may have one."""
    macs = ["52:54:00:0a:01:01", "52:54:00:0a:01:02"]
    options = {"arp_interval": "100", "arp_ip_target": "10.1.100.99"}
    network = [
        {"name": "bond0", "bond": {"members": macs, "mode": "active-backup", "options": options}},
        {"name": "bond0.100", "vlan": {"id": 100, "parent": "bond0"}, "ipv4": "10.1.100.11/24",
         "gateway4": "10.1.100.1", "dns": ["10.1.0.53"]},
    ]  # fmt: skip
    done = rehearse(BOND_HOST, release, tmp_path, kernel, node_network=network)
    assert done.wrong == ["booting"]
    assert "the installer has no network" in done.last or "pxe.example.com cannot be resolved" in done.last


@on_el9
def test_image(release: str, kernel: Kernel, tmp_path: Path) -> None:
    """The file system of the image is larger than root."""
    image = node_image(release, filler_mib=7 * 1024)
    done = rehearse(PLAIN_HOST, release, tmp_path, kernel, image, node_root_size="6 GiB")
    assert done.wrong == ["copying"]
