# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole installations with Anaconda of EL9 and EL10, the add-on, and imgbased; then the installed disks.

| case    | EL10 | EL9  | kickstart                           | what it shows                                          |
|---------|------|------|-------------------------------------|--------------------------------------------------------|
| mirror  | UEFI | BIOS | ksgen's, its %pre finds the disks   | a mirrored pair; each disk alone boots into the layer  |
| section | BIOS | UEFI | no storage commands, only `%addon`  | the same layout; the disk boots into the layer; with   |
|         |      |      |                                     | EL10 an update to a second image and a rollback        |
| hook    | UEFI | BIOS | ksgen's, its %post breaks the image | the error is on the console and in the log, no layer   |
| layout  | BIOS | UEFI | ksgen's, without the line for /var  | the error is on the console, the disk is unchanged     |
| missing | UEFI | BIOS | ksgen's; no add-on in the installer | what is missing is on the console, the disk unchanged  |

The image is the lab's, which boots; firmware starts the disks, with a new memory as in another machine.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from inventories import PASSWORD_HASH

from ksgen.host import Host
from lab import root, whole
from lab.installed import BOOTED, IS_REAL, LEFT, ON_VAR, ROLLBACK, TAKEN, UPDATE, WRITE, WRITTEN, assert_runs
from lab.look import END, PLACES, SCRIPT, judge, parts
from lab.look import WRITTEN as LOOKED_AT
from lab.machine import Disk, Machine, Result, digest, run
from lab.node import imgbase_tar
from lab.root import NEXT_NVR, NVR
from org_ovirt_node.layout.policy import POOL_FILL_PERCENT
from org_ovirt_node.programs.imgbase import NVR_FILE

pytestmark = [pytest.mark.lab, pytest.mark.anaconda]

OTHER = {"bios": "uefi", "uefi": "bios"}
SITE = WRITE + "".join(f"mkdir -p {Path(place).parent}; echo '{LOOKED_AT}' >{place}\n" for place in PLACES)


def firmware_of(release: str, on_el10: str) -> str:
    """Each case has one firmware on EL10, and the other one on EL9."""
    return on_el10 if release == "el10" else OTHER[on_el10]


def section_alone(post: str) -> str:
    """A kickstart that leaves the layout to the add-on."""
    return f"""\
text --non-interactive
liveimg --url={whole.IMAGE_URL}
lang en_US.UTF-8
keyboard us
timezone Etc/UTC --utc
rootpw --iscrypted {PASSWORD_HASH}
network --hostname=node01.example.com --device={whole.MAC} --bootproto=dhcp
selinux --enforcing
zerombr
clearpart --all --initlabel --disklabel=gpt
bootloader --timeout=5 --append="{whole.ARGUMENTS}"
reboot
%addon org_ovirt_node --layout=standard --images=2
%end
%post --erroronfail
{post}%end
"""


def image(release: str, nvr: str = NVR) -> Path:
    return root.live_image(imgbase_tar(), nvr, "lz4", release=release)


def boot(firmware: str, disk: Disk, job: str, cdrom: Path | None = None, timeout: float = 200) -> Result:
    """A job in the node on this disk, which its own boot loader starts."""
    return run(Machine((disk,), memory=2048, firmware=firmware, cdrom=cdrom), {"run": job}, timeout=timeout)


LOOK = """\
systemctl -q is-failed lvm2-monitor && systemctl restart lvm2-monitor
cat /proc/mdstat >$OUT/mdstat
blkid -p -s PTTYPE -o value /dev/disk/by-id/virtio-disk? >$OUT/tables
"""


def assert_node(firmware: str, disk: Disk, host: Host) -> Result:
    """This disk boots into the layer without another one, and everything is as planned."""
    says = disk.file.with_suffix(".says")
    node = Machine((disk,), memory=2048, firmware=firmware, more=("-serial", f"file:{says}"))
    # The job ends after its files have been sent, which powers the machine off.
    result = run(node, {"run": LOOK + SCRIPT}, timeout=300)
    answers = parts(says.read_text(errors="replace"))
    assert END in answers, result.console
    wrong = [str(one) for one in judge(answers, host, NVR) if not one.is_good]
    # The stand-in for imgbase has no checks.
    assert wrong == [] if IS_REAL else all("imgbase check" in line for line in wrong), result.console
    assert answers["failed"] == ""
    assert result.text("tables").split() == ["gpt"]
    return result


def test_mirror(release: str, overlay: Path, tmp_path: Path, figure: Callable[[str], None]) -> None:
    firmware = firmware_of(release, "uefi")
    plugged = whole.disks(tmp_path, 2)
    kickstart = whole.kickstart(release, firmware, plugged, SITE, node_raid="1", node_layout="minimal")
    done = whole.install(release, firmware, kickstart.text, image(release), plugged, overlay)
    figure(f"{firmware}: {done.seconds:.0f} s")
    whole.assert_installed(done)
    for place, disk in enumerate(plugged):
        result = assert_node(firmware, disk, kickstart.host)
        figure(f"disk {place} alone: {result.seconds:.0f} s")
        arrays = [device for device in kickstart.host.plan.devices if device.kind == "mdarray"]
        assert result.text("mdstat").count("[2/1]") == len(arrays), result.text("mdstat")


def test_section(release: str, overlay: Path, tmp_path: Path, figure: Callable[[str], None]) -> None:
    firmware = firmware_of(release, "bios")
    plugged = whole.disks(tmp_path, 1)
    host = whole.kickstart(release, firmware, plugged, SITE).host
    done = whole.install(release, firmware, section_alone(whole.PATIENT + SITE), image(release), plugged, overlay)
    figure(f"{firmware}: {done.seconds:.0f} s")
    whole.assert_installed(done)
    result = assert_node(firmware, plugged[0], host)
    figure(f"boot: {result.seconds:.0f} s")
    if release == "el10" and IS_REAL:
        update_and_roll_back(release, firmware, plugged[0], figure)


def update_and_roll_back(release: str, firmware: str, disk: Disk, figure: Callable[[str], None]) -> None:
    result = boot(firmware, disk, UPDATE, image(release, NEXT_NVR), timeout=500)
    assert result.status == 0, result.console
    figure(f"update: {result.seconds:.0f} s")
    assert float(result.text("fill")) < POOL_FILL_PERCENT

    updated = boot(firmware, disk, ROLLBACK)
    assert_runs(updated, NEXT_NVR)
    assert updated.text("layout").split() == [NVR, "+-", f"{NVR}+1", NEXT_NVR, "+-", f"{NEXT_NVR}+1"]
    assert updated.text("written").split() == [*TAKEN, ON_VAR]
    assert updated.status == 0, updated.console

    back = boot(firmware, disk, BOOTED)
    assert_runs(back, NVR)
    assert back.text("written").split() == [*TAKEN, LEFT, ON_VAR] == [*WRITTEN]


def test_hook(release: str, overlay: Path, tmp_path: Path, figure: Callable[[str], None]) -> None:
    firmware = firmware_of(release, "uefi")
    plugged = whole.disks(tmp_path, 1)
    kickstart = whole.kickstart(release, firmware, plugged, f"rm /{NVR_FILE}\n")
    done = whole.install(release, firmware, kickstart.text, image(release), plugged, overlay)
    figure(f"{firmware}: {done.seconds:.0f} s")
    assert done.status == 1
    assert not done.is_finished
    for said in (done.console, done.hook):
        assert "error: nvr-missing: there is no /usr/share/imgbase/build/meta/nvr" in said
        assert "imgbase was not run" in said


def used(disk: Disk) -> str:
    """The digest of a disk that something is on."""
    table = "label: gpt\nstart=2048, size=204800, type=linux\n"
    subprocess.run([root.program("sfdisk"), "--quiet", disk.file], input=table, text=True, check=True)
    subprocess.run(
        [root.program("mkfs.ext4"), "-q", "-E", "offset=1048576", "-L", "kept", disk.file, "100M"], check=True
    )
    return digest(disk.file)


def test_layout(release: str, overlay: Path, tmp_path: Path, figure: Callable[[str], None]) -> None:
    firmware = firmware_of(release, "bios")
    plugged = whole.disks(tmp_path, 1)
    before = used(plugged[0])
    text = whole.kickstart(release, firmware, plugged, SITE).text
    (line,) = (line for line in text.splitlines() if line.startswith("logvol /var "))
    done = whole.install(release, firmware, text.replace(f"{line}\n", ""), image(release), plugged, overlay)
    figure(f"{firmware}: {done.seconds:.0f} s")
    assert done.status == 1
    assert not done.is_finished
    # Anaconda breaks the lines.
    said = " ".join(done.console.split())
    assert "/var is not a separate volume; layout standard requires one of 5 GiB" in said, said[-4000:]
    assert "add it as a thin volume of at least 5 GiB" in said
    assert digest(plugged[0].file) == before


def test_missing(release: str, tmp_path: Path, figure: Callable[[str], None]) -> None:
    firmware = firmware_of(release, "uefi")
    plugged = whole.disks(tmp_path, 1)
    before = used(plugged[0])
    text = whole.kickstart(release, firmware, plugged, SITE).text
    last = "Correct the inventory, run ksgen, and boot again."
    done = whole.install(release, firmware, text, image(release), plugged, None, until=last)
    figure(f"{firmware}: {done.seconds:.0f} s")
    assert done.status is None
    assert "error: addon-missing: the installer has no add-on for nodes" in done.console
    assert "nothing has been written to any disk" in done.console
    assert digest(plugged[0].file) == before
