# SPDX-License-Identifier: GPL-2.0-or-later
"""`make lab-real`: a real boot ISO and a real node image, one whole installation, and a look at the node it has made.

The ISO is made by `ksgen iso`, with a kickstart of ksgen's and the add-on; firmware starts it, Anaconda installs, and
firmware starts the disk. A service that %post has put into the node says what is there, and switches it off.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from inventories import SSH_KEY

from ksgen.iso import planning
from ksgen.media import bootiso, nodeimage
from ksgen.targets import RELEASES
from lab.kickstart_job import Rendered, node_disk, rendered
from lab.look import END, PLACES, SCRIPT, WRITTEN, judge, parts
from lab.machine import GIB, PATIENCE, Disk, LabError, Machine, Result, Watch, run
from lab.root import cache

_NEEDS = """\
lab-real installs a real node: make lab-real BOOT_ISO=boot.iso IMAGE=node.squashfs.img
  BOOT_ISO  an installer's boot ISO of EL9 or EL10, AlmaLinux-9-latest-x86_64-boot.iso for example
  IMAGE     a node image, ovirt-node-ng-image-4.5.7.squashfs.img for example
Also: FIRMWARE=bios (uefi if left out), MEMORY=4096 (MiB), MINUTES=90 (for each of two boots, at most), KEEP=DIR (for
what the machine said)\
"""
_BEGUN = "%post has begun"
_CONSOLE = "console=ttyS0"
_UNIT = """\
[Unit]
Description=What the lab looks at
After=multi-user.target
[Service]
Type=idle
ExecStart=/bin/bash /etc/lab-look
"""
_LAST_LINES = 40


def main(arguments: Sequence[str] | None = None) -> int:
    """Install, and look; 0 when everything is as planned, 1 when it is not, 2 when there is nothing to install."""
    given = _parser().parse_args(arguments)
    missing = [name for name in ("boot_iso", "image") if not getattr(given, name) or not getattr(given, name).is_file()]
    if missing:
        named = (f"{name.upper()}: {getattr(given, name)} is no file" for name in missing if getattr(given, name))
        print("\n".join([*named, _NEEDS]), file=sys.stderr)
        return 2
    try:
        with tempfile.TemporaryDirectory(prefix="lab-real-", dir=_place()) as work:
            return _install_and_look(given, Path(work))
    except LabError as error:
        print(error, file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab-real")
    parser.add_argument("--boot-iso", type=_file, help="an installer's boot ISO")
    parser.add_argument("--image", type=_file, help="a node image")
    parser.add_argument("--firmware", choices=("bios", "uefi"), default="uefi")
    parser.add_argument("--memory", type=int, default=4096, metavar="MIB")
    parser.add_argument("--minutes", type=int, default=90)
    parser.add_argument("--append", default="inst.text", metavar="ARGUMENTS", help="more for the installer's kernel")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="put there what the node said, and the consoles")
    return parser


def _file(text: str) -> Path | None:
    return Path(text).absolute() if text else None


def _place() -> Path:
    """Where there is room for a node; what is made there is gone at the end."""
    cache().mkdir(parents=True, exist_ok=True)
    return cache()


def _install_and_look(given: argparse.Namespace, work: Path) -> int:
    boot, _ = bootiso.read_boot_iso(given.boot_iso)
    image, _ = nodeimage.read_node_image(given.image)
    own = boot.stage2.release if boot and boot.stage2 else None
    release = own if own in RELEASES else "el9"
    disk = system_disk(work)
    node = kickstart(release, given.firmware, disk)
    (work / "node.ks").write_text(node.text)
    _say(f"a kickstart for {release}, {given.firmware}, and an ISO with it")
    made = work / "node.iso"
    command = [sys.executable, "-m", "ksgen", "iso", "--boot-iso", given.boot_iso, "--image", given.image, "-o", made]
    command += ["--kickstart", work / "node.ks", "--append", f"{_CONSOLE} {given.append}".strip()]
    if subprocess.run(command).returncode:
        return 1
    assert image is not None, "ksgen iso takes images alone"
    nvr = str(image.nvr)

    _say(f"the installation, {given.minutes} minutes at most")
    installed, said = _boot(given, work, disk, made, "installation")
    if _BEGUN not in said:
        return _give_up("the installation did not come to its %post", installed)
    _say("the installed disk, by its own boot loader")
    booted, said = _boot(given, work, disk, None, "node")
    answers = parts(said)
    if END not in answers:
        return _give_up("the node did not say what it is", booted)
    seen = list(judge(answers, node.host, nvr))
    print(*seen, sep="\n")
    if answers.get("failed", "").strip():
        print(f"services that failed:\n{answers['failed'].rstrip()}")
    return 0 if all(one.is_good for one in seen) else 1


def system_disk(directory: Path) -> Disk:
    return Disk(directory / "disk.raw", 128 * GIB, serial="lab-real")


def kickstart(release: str, firmware: str, disk: Disk) -> Rendered:
    """Of a host with that disk, and a service that looks."""
    return rendered(
        disk.file.parent,
        node_release=release,
        node_firmware=firmware,
        node_image_url=planning.image_url(),
        node_addon="tree",
        node_disk=node_disk(disk),
        node_ssh_keys=json.dumps([SSH_KEY]),
        node_kernel_args=_CONSOLE,
        node_checks="{skip: [link]}",  # the machine has no card
        node_post=json.dumps(_post()),
    )


def _post() -> str:
    wants = "/etc/systemd/system/multi-user.target.wants"
    return "\n".join((
        f"echo '{_BEGUN}' >/dev/ttyS1",
        *(f"mkdir -p {Path(place).parent}; echo '{WRITTEN}' >{place}" for place in PLACES),
        f"cat >/etc/lab-look <<'END_OF_LOOK'\n{SCRIPT}sleep 1\nsystemctl poweroff\nEND_OF_LOOK",
        f"cat >/etc/systemd/system/lab-look.service <<'END_OF_UNIT'\n{_UNIT}END_OF_UNIT",
        f"mkdir -p {wants}; ln -s ../lab-look.service {wants}/lab-look.service",
    ))  # fmt: skip


def _boot(given: argparse.Namespace, work: Path, disk: Disk, cdrom: Path | None, name: str) -> tuple[Result, str]:
    """Until it switches itself off, or would start again; with what it said on the second serial port."""
    says = work / f"{name}.says"
    result = run(
        Machine(
            disks=(disk,),
            memory=given.memory,
            firmware=given.firmware,
            boot="disk" if cdrom is None else "cdrom",
            cdrom=cdrom,
            variables=work / "variables.fd",
            more=("-serial", f"file:{says}"),
        ),
        timeout=given.minutes * 60 / PATIENCE,
    )
    (work / f"{name}.console").write_text(result.console)
    if given.keep:
        given.keep.mkdir(parents=True, exist_ok=True)
        for file in (says, work / f"{name}.console"):
            shutil.copy(file, given.keep)
    _say(f"{name}: {result.seconds:.0f} s")
    return result, says.read_text(errors="replace")


def _give_up(what: str, result: Result) -> int:
    print(f"{what}{'' if result.has_ended else ', and its time was over'}; its console ends with", file=sys.stderr)
    print(*result.console.splitlines()[-_LAST_LINES:], sep="\n", file=sys.stderr)
    return 1


def _say(text: str) -> None:
    print(f"lab-real: {text}", flush=True)


if __name__ == "__main__":
    Watch.is_on = True
    sys.exit(main())
