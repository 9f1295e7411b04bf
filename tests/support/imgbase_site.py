# SPDX-License-Identifier: GPL-2.0-or-later
"""An installed system that imgbase is run in: a directory with its files, and programs that answer as real ones did."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from org_ovirt_node.programs import imgbase
from org_ovirt_node.programs.imgbase import Output, Wanted

DATA = Path(__file__).parents[1] / "data" / "imgbase"  # what is in it, and how it came about: its README
HOOK = Path(imgbase.__file__)
NVR = "ovirt-node-ng-4.5.7-0.20261101.0"
LAYER = f"{NVR}+1"
KERNEL = "5.14.0-1.el9.x86_64"
STANDARD = Wanted(
    layout="standard",
    volumes=("/home", "/tmp", "/var", "/var/crash", "/var/log", "/var/log/audit", "/var/tmp"),
    boot_bytes=1_000_000_000,
    metadata_bytes=2**30,
)
MINIMAL = dataclasses.replace(STANDARD, layout="minimal", volumes=("/var",))
GOOD = (DATA / "output" / "good.txt").read_text()
STOPS = (
    "the installation stops here; log: /var/log/ovirt-node-init.log "
    "(in the installer: /mnt/sysroot/var/log/ovirt-node-init.log)"
)

HALF = "it does not roll back: the disk holds an incomplete node"

# Spelled out, and not read from the hook: what imgbase reads and calls.
FILES = (
    "/etc/lvm/profile/imgbased-pool.profile",
    "/etc/default/grub",
    "/etc/fstab",
    "/etc/system-release-cpe",
    "/etc/ssh/sshd_config",
    "/usr/share/factory/etc/passwd",
    "/usr/share/factory/etc/group",
    "/usr/share/factory/etc/systemd",
    "/usr/libexec/grubby/grubby-bls",
)
PROGRAMS = (
    *("imgbase", "lvs", "vgs", "lvcreate", "lvchange", "dmeventd", "dmsetup", "findmnt", "blkid", "rpm", "rsync"),
    *("nsenter", "pkill", "getenforce", "restorecon", "setfiles", "grubby", "grub2-mkconfig", "grub2-editenv"),
)


class Site:
    """An installed system in a directory, and its programs: scripts that answer what real ones have answered."""

    def __init__(self, directory: Path) -> None:
        self.root, self.bin, self.answers = (directory / name for name in ("root", "bin", "answers"))
        self.done = directory / "done"
        self.bin.mkdir()
        self.file(imgbase.NVR_FILE, NVR)
        for path in FILES:
            self.file(path, "x\n")
        for path in (f"/boot/vmlinuz-{KERNEL}", f"/boot/initramfs-{KERNEL}.img", f"/boot/config-{KERNEL}"):
            self.file(path, "x\n")
        self.file("/boot/grub2/grub.cfg", "blscfg\n")
        (self.root / "etc/grub2.cfg").symlink_to("../boot/grub2/grub.cfg")
        self.file(imgbase.RELEASE_CPE, "cpe:/o:centos:centos:9\n")
        self.file("/etc/selinux/config", "# SELINUX= is one of three\nSELINUX=enforcing\nSELINUXTYPE=targeted\n")
        self.file("/proc/cmdline", "BOOT_IMAGE=vmlinuz inst.ks=https://pxe.example.com/nodes/ks/node01.ks quiet\n")
        self.file("/dev/console", "")
        (self.root / "sys/fs/selinux").mkdir(parents=True)
        self.state("before", self.root, self.answers)
        self.state("after", self.done / "root", self.done / "answers")
        for name in ("vmlinuz-" + KERNEL, f"initramfs-{KERNEL}.img"):
            copied = self.done / "root" / "boot" / LAYER / name
            copied.parent.mkdir(parents=True, exist_ok=True)
            copied.write_text("x\n")
        files = sorted(f"/{path.relative_to(self.root)}" for path in (self.root / "boot").glob("*-*"))
        files.insert(0, "/usr/lib/modules/x")
        self.answer("rpm", "".join(f"kernel-core-5.14.0 {path}\n" for path in files))
        self.answer("imgbase", GOOD)
        self.answer("version")
        for name in (*PROGRAMS, "xfs_admin", "modprobe"):
            self.program(name)

    def state(self, name: str, root: Path, answers: Path) -> None:
        answers.mkdir(parents=True, exist_ok=True)
        for program in ("lvs", "vgs", "findmnt"):
            shutil.copy(DATA / name / f"{program}.json", answers / f"{program}.out")
        shutil.copy(DATA / name / "dmsetup.txt", answers / "dmsetup.out")
        for source, place in (("fstab", "etc/fstab"), ("grubenv", "boot/grub2/grubenv")):
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(DATA / name / source, root / place)
        shutil.copytree(DATA / name / "entries", root / "boot/loader/entries")

    def file(self, path: str, text: str) -> None:
        place = self.root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)

    def remove(self, path: str) -> None:
        (self.root / path.lstrip("/")).unlink()

    def answer(self, program: str, out: str | None = None, status: int = 0, err: str = "") -> None:
        if out is not None:
            (self.answers / f"{program}.out").write_text(out)
        (self.answers / f"{program}.err").write_text(err)
        (self.answers / f"{program}.status").write_text(str(status))

    def edit(self, program: str, old: str, new: str, after: bool = False) -> None:
        path = (self.done / "answers" if after else self.answers) / f"{program}.out"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def program(self, name: str) -> None:
        """imgbase, when it succeeds, leaves the state that the real one has left."""
        succeed = (
            f"rm -f {self.root}/boot/loader/entries/*; cp -R {self.done}/root/. {self.root}; cp {self.done}/answers/* ."
        )
        version = '[ "$1" != --version ] || { cat version.err >&2; exit $(cat version.status); }\n'
        path = self.bin / name
        path.write_text(
            f"#!/bin/sh\nPATH=/usr/bin:/bin\ncd {self.answers}\n"
            f"{version if name == 'imgbase' else ''}"
            f'echo "{name} $*" >>calls\n'
            'echo "$LC_ALL $(readlink /proc/$$/fd/0)" >>surroundings\n'
            f"[ ! -e {name}.err ] || cat {name}.err >&2\n"
            f"[ ! -e {name}.out ] || cat {name}.out\n"
            f"status=$(cat {name}.status 2>/dev/null || echo 0)\n"
            + (f"[ $status != 0 ] || {{ {succeed}; }}\n" if name == "imgbase" else "")
            + "exit $status\n"
        )
        path.chmod(0o755)

    def fail(self, recorded: str) -> None:
        self.answer("imgbase", (DATA / "output" / f"{recorded}.txt").read_text(), status=1)

    def undo(self) -> None:
        """Have imgbase succeed and leave everything as it was."""
        shutil.rmtree(self.done)
        self.state("before", self.done / "root", self.done / "answers")

    def calls(self, program: str) -> list[str]:
        lines = (self.answers / "calls").read_text().splitlines() if (self.answers / "calls").exists() else []
        return [line for line in lines if line.split()[0] == program]

    def run(self, wanted: Wanted = STANDARD) -> Run:
        """The file on standard input, as the kickstart's last script feeds it."""
        with HOOK.open() as script:
            done = subprocess.run(
                [sys.executable, "-", *imgbase.options(wanted), f"--root={self.root}"],
                stdin=script,
                env={"PATH": str(self.bin)},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
        console = (self.root / "dev/console").read_text() if (self.root / "dev/console").is_file() else ""
        return Run(done.returncode, done.stdout, console)


@dataclasses.dataclass(frozen=True)
class Run:
    status: int
    log: str
    console: str

    @property
    def told(self) -> str:
        """What is told to a person, after imgbase's own output."""
        lines = [line[len("ovirt-node: ") :] for line in self.log.splitlines() if line.startswith("ovirt-node: ")]
        return "\n".join(line for line in lines if not line.startswith("running "))


class Recorded(imgbase.Target):
    """A target whose programs answer from a Site, without a process."""

    def __init__(self, site: Site) -> None:
        super().__init__(str(site.root))
        self._site = site

    def has_program(self, name: str) -> bool:
        return (self._site.bin / name).exists()

    def run(self, *argv: str, echo: Callable[[str], None] | None = None) -> Output:
        if argv[0] == "blkid":
            return super().run(str(self._site.bin / argv[0]), *argv[1:])
        path = self._site.answers / f"{argv[0]}.out"
        return Output(0, path.read_text() if path.exists() else "")
