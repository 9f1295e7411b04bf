# SPDX-License-Identifier: GPL-2.0-or-later
"""Nodes that a person installs, in Anaconda's text mode on the serial console, from the ISO of `ksgen iso`.

No kickstart: the medium is EL9's Anaconda with the add-on and a node image. Afterwards the disks boot by their own boot
loader, root logs in with the password that was typed, and the node is the one that a kickstart of ksgen's makes.
"""

from __future__ import annotations

import dataclasses
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ksgen.host import Host
from lab import anaconda_iso
from lab.console import Console
from lab.kickstart_job import node_disk, rendered
from lab.look import END, SCRIPT, judge, parts
from lab.machine import GIB, Disk, Machine, Result, run
from lab.node import imgbase_source, imgbase_tar
from lab.root import NVR, Kernel, live_image
from lab.text_mode import TextMode

pytestmark = [
    pytest.mark.lab,
    pytest.mark.anaconda,
    pytest.mark.skipif(not anaconda_iso.ROOT.exists(), reason=anaconda_iso.NO_ROOT),
    pytest.mark.skipif(imgbase_source() is None, reason="no imgbased here: IMGBASED_SOURCE names its source tree"),
]

_MEMORY = 4096  # MiB
# Seconds on a quiet machine: until the hub is there, for disks to be looked at, the installation, and all of it.
_BOOT, _SCAN, _USE, _INSTALL, _WHOLE = 400, 120, 300, 600, 850
_LOGIN, _NODE = 150, 300
# The node looks at itself when the person has logged in; look.sh switches it off.
_JOB = """\
[ ! -e /proc/sys/dev/raid ] || echo 100 >/proc/sys/dev/raid/speed_limit_max
until [ -e /run/lab-looked ]; do sleep 1; done
bash ./look.sh
"""


@pytest.fixture(scope="module")
def iso(tmp_path_factory: pytest.TempPathFactory, kernel: Kernel) -> Path:
    """As docs/iso.md makes one for a serial console."""
    place = tmp_path_factory.mktemp("iso")
    boot = anaconda_iso.make(place / "boot.iso", kernel, arguments="")
    image = live_image(imgbase_tar(), NVR, "gzip", "-Xcompression-level", "1")
    made = place / "node.iso"
    command = [sys.executable, "-m", "ksgen", "iso", "--boot-iso", boot, "--image", image, "-o", made]
    subprocess.run([*command, "--append", "console=ttyS0 inst.text"], check=True)
    return made


def machine(directory: Path, firmware: str, disks: tuple[Disk, ...], iso: Path | None, *more: str) -> Machine:
    if iso is None:
        # Firmware starts these disks, and not the one with the job.
        disks = tuple(dataclasses.replace(disk, more=(f"bootindex={place}",)) for place, disk in enumerate(disks))
    return Machine(
        disks=disks,
        memory=_MEMORY,
        firmware=firmware,
        boot="cdrom" if iso else "disk",
        cdrom=iso,
        variables=directory / "variables.fd",
        more=more,
    )


def installed(subject: Machine, directory: Path, person: Callable[[Console], None]) -> None:
    """The person installs, until the machine would start again."""
    result = run(subject, timeout=_WHOLE, person=person)
    keep(directory, "installation.console", result)
    assert result.has_ended, f"the installer goes on; its console ends with\n{result.console[-4000:]}"


def looked_at(subject: Machine, directory: Path, password: str) -> dict[str, str]:
    """What the node says of itself after root has logged in at its console."""

    def person(console: Console) -> None:
        console.wait_for(r"\blogin: ", _LOGIN)
        console.type("root")
        console.wait_for("Password: ", _LOGIN)
        console.type(password)
        console.wait_for(r"[~\d]# ", _LOGIN)
        console.type("imgbase w; touch /run/lab-looked")
        console.wait_for(rf"You are on {re.escape(NVR)}\+1\n", _LOGIN)

    result = run(
        subject, {"run": _JOB, "look.sh": f"{SCRIPT}sleep 1\nsystemctl poweroff\n"}, timeout=_NODE, person=person
    )
    keep(directory, "node.console", result)
    return parts((directory / "node.says").read_text(errors="replace"))


def keep(directory: Path, name: str, result: Result) -> None:
    """LAB_KEEP=DIR keeps the consoles."""
    place = Path(os.environ.get("LAB_KEEP") or directory)
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{directory.name}-{name}").write_text(result.console)


def host_of(directory: Path, firmware: str, disks: tuple[Disk, ...], **variables: str) -> Host:
    """The host of an inventory for the same machine."""
    return rendered(directory, node_firmware=firmware, node_disk=node_disk(*disks), **variables).host


def boot_and_judge(directory: Path, host: Host, disks: tuple[Disk, ...], password: str) -> None:
    serial = ("-serial", f"file:{directory / 'node.says'}")
    answers = looked_at(machine(directory, host.settings.firmware or "bios", disks, None, *serial), directory, password)
    assert END in answers, answers
    wrong = [str(seen) for seen in judge(answers, host, NVR, has_posts=False) if not seen.is_good]
    assert wrong == []


def test_bad_layout_first(iso: Path, tmp_path: Path) -> None:
    """BIOS: Anaconda's standard partitions are stopped, with every finding and cure; then the node layout."""
    disks = (Disk(tmp_path / "disk.raw", 128 * GIB, serial="text-a"),)
    password = secrets.token_urlsafe(12)

    def person(console: Console) -> None:
        anaconda = TextMode(console)
        anaconda.read_screen(_BOOT)
        anaconda.set_password("Root password", password)
        anaconda.choose("Installation Destination", _SCAN)
        anaconda.type("c")
        anaconda.choose("Use All Space")
        anaconda.type("c")
        anaconda.choose("Standard Partition")
        anaconda.type("c", _SCAN)

        assert re.search(r"\[!\] oVirt Node", anaconda.wait_until("oVirt Node", _SCAN))
        assert "Please complete all spokes before continuing" in anaconda.type("b")
        anaconda.type("r")
        bad = anaconda.choose("oVirt Node", _SCAN)
        assert "Chosen storage" in bad
        # Each with a line of its own for the cure, be there a page between them.
        told = re.findall(r"^(?:Error|Warning): .*\n\s*?^    \S", bad, re.MULTILINE)
        assert len(told) == sum(map(int, re.findall(r"(?:Errors|[Ww]arnings): (\d+)", bad))) > 1, bad
        assert "must be a thin volume" in bad
        assert "\n    put it into the node's thin pool\n" in bad

        assert "Node layout" in anaconda.choose("Show the node layout")
        used = anaconda.choose("Use the node layout", _USE)
        assert "Chosen storage" in used
        assert "onn-var_log_audit" in used
        anaconda.type("c")
        anaconda.wait_until(r"\[x\] oVirt Node", _SCAN)
        anaconda.install(_INSTALL)

    installed(machine(tmp_path, "bios", disks, iso), tmp_path, person)
    boot_and_judge(tmp_path, host_of(tmp_path, "bios", disks), disks, password)


def test_mirrored_pair(iso: Path, tmp_path: Path) -> None:
    """UEFI: of two disks none is selected; the spoke leads to their list, and mirrors them."""
    disks = tuple(Disk(tmp_path / f"{name}.raw", 128 * GIB, serial=f"text-{name}") for name in "ab")
    password = secrets.token_urlsafe(12)

    def person(console: Console) -> None:
        anaconda = TextMode(console)
        anaconda.read_screen(_BOOT)
        anaconda.set_password("Root password", password)
        assert "No disk is selected" in anaconda.choose("oVirt Node", _SCAN)
        anaconda.choose("Select disks")
        anaconda.choose("vda")
        anaconda.choose("vdb")
        assert "Node layout" in anaconda.type("c", _SCAN)
        assert "mirror, lvmpv" in anaconda.choose("Mirror the two disks", _SCAN)
        assert "Chosen storage" in anaconda.choose("Use the node layout", _USE)
        anaconda.type("c")
        anaconda.wait_until(r"\[x\] oVirt Node", _SCAN)
        anaconda.install(_INSTALL)

    installed(machine(tmp_path, "uefi", disks, iso), tmp_path, person)
    boot_and_judge(tmp_path, host_of(tmp_path, "uefi", disks, node_raid="1"), disks, password)
