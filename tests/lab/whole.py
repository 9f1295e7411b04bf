# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole installations by Anaconda of EL9 or EL10, in the machine that the bench makes for each (`install_vm.sh`).

The bench boots the installer itself, with the add-on's files in it as the initramfs leaves them after it has unpacked
the image of `ksgen image`. The node image is where an ISO of `ksgen iso` would have it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench import BENCH, NO_BENCH, TREES

from lab.bytecode import compiled
from lab.kickstart_job import Rendered, node_disk, rendered
from lab.machine import GIB, PATIENCE, Disk
from lab.old_processor import wrapped
from lab.root import NVR, SELINUX, program
from org_ovirt_node.programs.imgbase import LOG

IMAGE_URL = "file:///run/install/repo/image.sqfs"
MAC = "52:54:00:12:34:56"
SIZE = 128 * GIB
RELEASES = ("el10", "el9")
# Without KVM a unit can take longer than 90 seconds to start, and a volume to appear; for the latter systemd 252 has no
# argument, only a file.
ARGUMENTS = f"console=ttyS0 no_timer_check systemd.default_timeout_start_sec=900 {SELINUX}"
PATIENT = """\
mkdir -p /etc/systemd/system.conf.d
printf '[Manager]\\nDefaultDeviceTimeoutSec=900\\n' >/etc/systemd/system.conf.d/50-lab.conf
"""
_PLACES = {"el9": TREES / "install", "el10": TREES / "install-el10"}
# An array of empty disks is in sync already, and the first pass over them would only take time. EL's installer has its
# authorities at this place.
_BEFORE = """\
#!/bin/sh
modprobe raid1
echo 100 >/proc/sys/dev/raid/speed_limit_max
mkdir -p /etc/pki/ca-trust/source/anchors
ln -s /bin/true /usr/bin/update-ca-trust
# As dracut does it, before there is NetworkManager.
for word in $(cat /proc/cmdline); do
    case $word in ifname=*) ;; *) continue ;; esac
    name=${word#ifname=}; mac=${name#*:}; name=${name%%:*}
    for nic in /sys/class/net/*; do
        [ "$(cat "$nic/address")" = "$mac" ] || continue
        ip link set "${nic##*/}" down; ip link set "${nic##*/}" name "$name"; ip link set "$name" up
    done
done
"""
# The same as machine.py does for its machines: the bits of erms and fsrm. What protects processors from each other's
# speculation only takes time where they are emulated.
_FAST = "clearcpuid=297,580 mitigations=off"
_AFTER = f"#!/bin/sh\ncat /mnt/sysroot{LOG}\n"
_FINISHED = "Installation successfully finished"
_SECONDS = 1200  # on a quiet machine without KVM it takes a third of it


@dataclasses.dataclass(frozen=True)
class Installation:
    """What Anaconda left: its exit status, the console, and the log of the hook.

    `status` is None when the machine was stopped because its console had shown what was waited for.
    """

    status: int | None
    is_finished: bool
    console: str
    hook: str
    seconds: float


def reason(release: str) -> str | None:
    """Why this release cannot be installed here."""
    if BENCH is None:
        return NO_BENCH
    root = _PLACES[release] / "root.sqfs"
    return None if root.exists() else f"no installer of {release}: install/make-root.sh --release {release} makes it"


def disks(directory: Path, number: int) -> tuple[Disk, ...]:
    """Empty disks as the bench names them."""
    # Firmware starts the disk, and not the one with the job.
    found = tuple(
        Disk(directory / f"disk{place}.raw", SIZE, serial=f"disk{place}", more=(f"bootindex={place}",))
        for place in range(number)
    )
    # The bench makes those of the others.
    first = found[0]
    subprocess.run([program("qemu-img"), "create", "-q", "-f", "qcow2", _wrapper(first), *_size(first)], check=True)
    return found


def _size(disk: Disk) -> list[str]:
    """As options of qemu-img: what is written is in the disk's own file, as the machine sees it."""
    return [str(disk.size), "-o", f"data_file={disk.file},data_file_raw=on"]


def _wrapper(disk: Disk) -> Path:
    return disk.file.with_suffix(".qcow2")


def overlay(directory: Path) -> Path:
    """The add-on's image, unpacked as the initramfs does it."""
    image, tree = directory / "updates.img", directory / "overlay"
    subprocess.run([sys.executable, "-m", "ksgen", "image", image], check=True, stdout=subprocess.DEVNULL)
    tree.mkdir()
    unpack = [program("cpio"), "--quiet", "-idm"]
    with subprocess.Popen(["gzip", "-dc", image], stdout=subprocess.PIPE) as unzipped:
        subprocess.run(unpack, stdin=unzipped.stdout, cwd=tree, check=True)
    return tree


def kickstart(release: str, firmware: str, plugged: Sequence[Disk], post: str, **variables: str) -> Rendered:
    """The kickstart of ksgen for a host with these disks; `post` is a script of its site."""
    return rendered(plugged[0].file.parent, **host_variables(release, firmware, plugged, post), **variables)


def host_variables(release: str, firmware: str, plugged: Sequence[Disk], post: str) -> dict[str, str]:
    """What an inventory says of a machine of the bench."""
    return {
        "node_release": release,
        "node_firmware": firmware,
        "node_image_url": IMAGE_URL,
        "node_addon": "tree",
        "node_mac": f'"{MAC}"',
        "node_disk": node_disk(*plugged),
        "node_kernel_args": json.dumps(ARGUMENTS),
        "node_checks": "{skip: [cpu]}",  # the processor is an old one (old_processor.py)
        "node_post": json.dumps(PATIENT + post),
    }


def install(
    release: str,
    firmware: str,
    kickstart: str,
    image: Path,
    plugged: Sequence[Disk],
    addon: Path | None,
    until: str | None = None,
    more_seconds: float = 0,
    memory: int = 4096,
    arguments: str = "",
    within: Sequence[str] = (),
) -> Installation:
    """Run Anaconda with this kickstart; the disks are those of `disks`, in their directory everything is left.

    `memory` is MiB, `arguments` are for the kernel, and `within` is a command that runs the machine. With `until` it is
    stopped so many seconds after its console has shown that text.
    """
    assert BENCH is not None, NO_BENCH
    directory = plugged[0].file.parent
    text, results = directory / "node.ks", directory / "results"
    before, after = directory / "before.sh", directory / "after.sh"
    for file, content in ((text, kickstart), (before, _BEFORE), (after, _AFTER)):
        file.write_text(content)
    command = [BENCH / "install" / "install_vm.sh", "--release", release, text, image, "--out", results]
    command += ["--time", str(_SECONDS * PATIENCE), "--before", before, "--after", after]
    command += ["--keep-disk", _wrapper(plugged[0])]
    # The words of a size are those of qemu-img's command line.
    command += [word for disk in plugged for word in ("--disk", " ".join(_size(disk)))]
    command += ["--mem", str(memory), "--append", f"{_FAST} {arguments}".strip()]
    command += ["--efi"] if firmware == "uefi" else []
    command += ["--overlay", compiled(_PLACES[release] / "root.sqfs"), *(["--overlay", addon] if addon else [])]
    begin = time.monotonic()
    # If the tests are stopped, the machine is stopped too: the script does it on SIGTERM.
    watched = [program("setpriv"), "--pdeathsig=TERM", *within, *map(str, command)]
    environment = {**os.environ, "PATH": f"{wrapped(directory / 'bin')}:{os.environ['PATH']}"}
    with subprocess.Popen(
        watched, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        status = _wait(process, results / "console.log", until, more_seconds)
        said = process.stdout.read().decode(errors="replace") if process.stdout else ""
    seconds = time.monotonic() - begin
    console = _read(results / "console.log")
    assert console or status is None, said
    is_finished = _FINISHED in _read(results / "tmp" / "anaconda.log")
    return Installation(status, is_finished, console.replace("\r", ""), _read(results / "after.txt"), seconds)


def _wait(process: subprocess.Popen[bytes], console: Path, until: str | None, more_seconds: float) -> int | None:
    """Its exit status, or None when it was ended because of what the console shows."""
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.wait(1)
        if until is not None and until in _read(console):
            time.sleep(more_seconds)
            process.send_signal(signal.SIGTERM)
            process.wait()
            return None


def _read(file: Path) -> str:
    return file.read_text(errors="replace") if file.exists() else ""


def assert_installed(done: Installation) -> None:
    """Anaconda finished, and imgbase made the layer."""
    assert done.status == 0, done.console[-4000:]
    assert done.is_finished
    assert f"the layer {NVR}+1 is created and verified" in done.hook
