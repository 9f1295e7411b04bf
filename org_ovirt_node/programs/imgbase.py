# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook: turns the installed root into a node layer with `imgbase layout --init`, once, and verifies the result.

A kickstart carries it verbatim in its last script and feeds it to the installed system's own Python on standard input.
So it is standalone: one file, the standard library of 3.9, nothing of ours, and no line begins with a word that
kickstart acts on. Deciders (`preconditions`, `explain`, `verify`) take Facts and give Findings; `main` acts.
Comments that name imgbased mean github.com/oVirt/imgbased 1.2.26, whose behaviour is the contract here.
"""

from __future__ import annotations

import argparse
import codecs
import dataclasses
import io
import json
import os
import re
import select
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

IMGBASE = ("imgbase", "--debug", "layout", "--init")
# imgbased utils.py, thread_group_handler: one thing after the other. With threads two of them may want the database of
# rpm at once; and where a thread of a thread fails, its SystemExit is not caught by ThreadRunner, and imgbase waits for
# it without end.
IMGBASE_ENVIRONMENT = {"IMGBASED_DISABLE_THREADS": "1"}
LOG = "/var/log/ovirt-node-init.log"
NVR_FILE = "/usr/share/imgbase/build/meta/nvr"
# imgbased constants.py: with this file, or with the boot argument, imgbase asks for /var alone.
SKIP_VOLUMES = "/var/imgbased/.skip-volumes"
MINIMAL_ARGUMENT = "node_storage"
# imgbased plugins/osupdater.py, SeparateVarPartition: whatever the layout.
ALWAYS_SEPARATE = "/var"
TAG_GROUP, TAG_POOL, TAG_INIT, TAG_LAYER = "imgbased:vg", "imgbased:pool", "imgbased:init", "imgbased:layer"
# imgbased lvm.py, is_name_valid: no volume's name is longer; the layer's is the NVR and "+1".
NAME_LENGTH = 55
# imgbased plugins/core.py: its own health check fails from this fill of the pool's data or metadata on, in percent.
POOL_FULL = 80
FSTAB = "/etc/fstab"
# blivet's width of an fstab line's first column (Anaconda's fsset.py has the same in EL 9 and EL 10).
FSTAB_SOURCE_WIDTH = 23
# As in disks.py: a device without a path may queue what is read from it without end.
ANSWER_SECONDS = 300
# imgbase and restorecon take a minute or two on a small virtual machine, and longer the more files and the slower the
# disk. What takes longer than this does not progress.
WORK_SECONDS = 7200
NO_ANSWER = 1000  # in the place of an exit status
# So much of what imgbase says when it fails goes to the console, where the lines before it should stay in sight.
END_LINES = 10

PROGRAMS = (
    *("imgbase", "lvs", "vgs", "lvcreate", "lvchange", "dmeventd", "dmsetup", "findmnt", "blkid", "rpm", "rsync"),
    *("nsenter", "pkill", "getenforce", "restorecon", "setfiles", "grubby", "grub2-mkconfig", "grub2-editenv"),
)
ENFORCING_PROGRAMS = ("semanage",)  # imgbased utils.py, SELinuxDomain: where the installer's kernel enforces
FILESYSTEM_PROGRAMS = {"xfs": ("xfs_admin",), "ext4": ("tune2fs", "e2fsck")}  # imgbased utils.py: no others
# Anaconda's 80-setfilecons.ks (EL 9) and SetContextsTask (EL 10) name these, but EL 10 relabels after every script,
# when the layer is a snapshot already.
RELABELLED = (
    *("/boot", "/dev", "/etc", "/lib64", "/root", "/usr/lib", "/usr/lib64", "/var/cache/yum", "/var/home", "/var/lib"),
    *("/var/lock", "/var/log", "/var/media", "/var/mnt", "/var/opt", "/var/roothome", "/var/run", "/var/spool"),
    "/var/srv",
    # Where a site's own scripts write, and neither Anaconda nor imgbased relabels.
    *("/opt", "/srv", "/usr/local"),
)
# imgbased has no undo: its tags and snapshots stay.
NO_WAY_BACK = "then install again: what imgbase has begun cannot be undone"
NO_ROLLBACK = "it does not roll back: the disk holds an incomplete node"
NODE_IMAGE = "install a node image that went through imgbased's build step"
RELEASE_CPE = "/etc/system-release-cpe"
RELEASE_PACKAGE = "install an image with its release package in it"
BOOT_LOADER = "let Anaconda install the boot loader: no `bootloader --disabled` or `--location=none`"
FILES = {
    "/etc/lvm/profile/imgbased-pool.profile": NODE_IMAGE,
    "/etc/default/grub": BOOT_LOADER,
    FSTAB: "leave the /etc/fstab that Anaconda writes",
    RELEASE_CPE: RELEASE_PACKAGE,
    "/etc/ssh/sshd_config": "install an image with openssh-server in it",
    "/usr/share/factory/etc/passwd": NODE_IMAGE,
    "/usr/share/factory/etc/group": NODE_IMAGE,
    "/usr/share/factory/etc/systemd": NODE_IMAGE,
    # imgbased bootloader.py, Grubby: without it, entries lead to kernels that are not the layer's.
    "/usr/libexec/grubby/grubby-bls": "install an image with a grubby that edits boot entries in /boot/loader/entries",
}


@dataclasses.dataclass(frozen=True)
class Kind:
    """How findings of one code read; one that is not fatal is reported, and the installation continues."""

    found: str
    needed: str
    cure: str = "install again; if it comes back, report it with the log"
    is_fatal: bool = True


@dataclasses.dataclass(frozen=True)
class Finding:
    """One thing that is not as needed. `code` is stable."""

    code: str
    found: str
    needed: str
    cure: str
    is_fatal: bool


def finding(code: str, **values: object) -> Finding:
    kind = KINDS[code]
    found, needed, cure = (text.format_map(values) for text in (kind.found, kind.needed, kind.cure))
    return Finding(code, found, needed, cure, kind.is_fatal)


KINDS = {
    # Before imgbase is run.
    "cannot-look": Kind(
        "{problem}",
        "LVM's and the mount table's own report",
        "install an image with lvm2 and util-linux in it, and look for disk errors in the kernel's messages",
    ),
    "program-missing": Kind("the image has no {programs}", "the programs that imgbase calls", NODE_IMAGE),
    "file-missing": Kind("there is no {path}", "the file that imgbase reads", "{cure}"),
    "nvr-missing": Kind(f"there is no {NVR_FILE}", "the image's name-version-release in that file", NODE_IMAGE),
    "nvr-syntax": Kind(
        f"{NVR_FILE} holds {{nvr!r}}",
        "name-version-release of letters, digits, dots and underscores, with no line end",
        "build the image again, or write the file in a script before this one",
    ),
    "nvr-too-long": Kind("{nvr} has {length} characters", "at most {longest}", "build the image under a shorter name"),
    "nvr-product": Kind(
        "{nvr} has neither `node` nor `rhvh` in its name",
        "one of them, or imgbase does not find its own boot entry",
        "build the image under another name",
    ),
    "release-cpe": Kind(
        f"{RELEASE_CPE} holds {{text!r}}",
        "cpe:/o:VENDOR:PRODUCT:VERSION, whose parts imgbase reads",
        RELEASE_PACKAGE,
    ),
    "imgbase-does-not-start": Kind(
        "`imgbase --version` {outcome}",
        "an imgbase that starts: the program `which`, and the modules `rpm` and `systemd` for the image's Python",
        "install an image with the package imgbased of its own release, and with all that it requires",
    ),
    "kernel-missing": Kind(
        "/boot has no {kind} of {package}",
        "the kernel's files in /boot, known to the rpm database in /usr/share/rpm",
        "install an image with a kernel package, and let Anaconda make the initramfs",
    ),
    "selinux-not-in-kernel": Kind(
        "there is no /sys/fs/selinux", "an installer's kernel with SELinux", "boot the installer without selinux=0"
    ),
    "selinux-off": Kind(
        "SELinux is off in /etc/selinux/config, and files are not relabelled",
        "enforcing or permissive",
        "set `selinux --enforcing` in the kickstart",
        is_fatal=False,
    ),
    "snapshot-target": Kind(
        "the kernel has no device-mapper target `snapshot`, and modprobe did not load it",
        "the module dm-snapshot of the installer's kernel",
        "boot an installer whose kernel and modules are of one version, so that `modprobe dm-snapshot` works in it",
    ),
    "root-not-thin": Kind(
        "/ is on {source}, which is no thin volume",
        "a thin volume",
        "make it with `logvol / --thin --poolname=POOL`, and the pool with `logvol none --thinpool`",
    ),
    "root-not-in-lvm": Kind(
        "/ is on {source}, and LVM in the installed system sees no volume at all",
        "the volumes of the node in the answer of `lvs`",
        "check whether /etc/lvm/devices/system.devices of the installed system names the disks, and whether a filter "
        "in its lvm.conf hides them",
    ),
    "root-filesystem": Kind("/ is {fstype}", "xfs or ext4", "set --fstype=xfs on `logvol /`"),
    "usr-separate": Kind(
        "/usr is a mount point", "/usr in the root, which layers are made of", "remove /usr from the storage commands"
    ),
    "volume-not-mounted": Kind(
        "{path} is not a mount point",
        "a volume of its own in the layout {layout}",
        "add `logvol {path} --thin`, or choose another layout",
    ),
    "layout-contradicted": Kind(
        "{reason} asks imgbase for the layout minimal",
        "the layout {layout}",
        "remove it, or choose the layout minimal",
    ),
    "earlier-attempt": Kind(
        "left by an earlier run of imgbase: {traces}",
        "a root that imgbase has not touched",
        f"do not call `nodectl init` or `imgbase layout --init` in a script of your own, {NO_WAY_BACK}",
    ),
    "stale-tag": Kind(
        f"the volume group {{group}} of another node is tagged {TAG_GROUP}, and imgbase removes that tag",
        "no volume group of another node",
        "leave its disk out with `ignoredisk --only-use`",
        is_fatal=False,
    ),
    "stale-tags": Kind(
        f"several other volume groups are tagged {TAG_GROUP}: {{groups}}",
        "none, or imgbase cannot tell which is its own",
        f"leave their disks out with `ignoredisk --only-use`, or run `vgchange --deltag {TAG_GROUP} {{groups}}`",
    ),
    "metadata-cannot-grow": Kind(
        "the pool has {have} bytes of metadata, and the volume group {free} bytes free",
        "{wanted} bytes of metadata, or free space to grow to that",
        "set --metadatasize on the pool's `logvol`, or --reserved-space on `volgroup`",
        is_fatal=False,
    ),
    "boot-not-mounted": Kind(
        "/boot is not a mount point", "a partition with at least {wanted} bytes", "add `part /boot`"
    ),
    "boot-too-small": Kind(
        "the file system of /boot has {have} bytes",
        "at least {wanted}",
        "make the partition larger: XFS keeps some of it for its log",
    ),
    "grub-config-missing": Kind(
        "neither /etc/grub2.cfg nor /etc/grub2-efi.cfg leads to a file", "GRUB's configuration", BOOT_LOADER
    ),
    "grubenv-missing": Kind(
        "there is no {path}",
        "GRUB's environment block, in which imgbase stores the layer's boot entry",
        "let Anaconda install the boot loader, or run `grub2-editenv {path} create` in a script before this one",
    ),
    "fstab-syntax": Kind(
        f"line {{number}} of {FSTAB} {{problem}}",
        "a source, a mount point, a type and options, or a # in the first column: imgbase reads every line",
        "correct the line in the script that wrote it",
    ),
    "fstab-line-missing": Kind(
        f"{FSTAB} has no line for {{path}}",
        "a line for / and for each volume of the node: imgbase adds the option discard to it",
        f"leave the line in {FSTAB} that Anaconda writes",
    ),
    "fstab-source": Kind(
        f"line {{number}} of {FSTAB} mounts {{source}} at {{path}}",
        "{wanted}, the volume that is mounted there, under that name",
        "write this name in the script that wrote the line",
    ),
    "fstab-not-written": Kind(
        f"{FSTAB} cannot be written: {{reason}}",
        "the node's volumes under their names in it, which imgbase looks up",
        "look for disk errors in the kernel's messages, and for a script that makes the file immutable",
    ),
    "relabel": Kind(
        "restorecon {outcome}",
        "the labels of files that scripts wrote",
        "run `restorecon -r /` in the installed system",
        is_fatal=False,
    ),
    # imgbase failed.
    "imgbase-failed": Kind("{reason}", "exit status 0", f"read imgbase's messages in the log, {NO_WAY_BACK}"),
    "imgbase-device": Kind(
        "the image contains a file /dev/urandom, where imgbase makes a device",
        "an image with an empty /dev",
        f"build the image again, {NO_WAY_BACK}",
    ),
    "imgbase-profile": Kind(
        "LVM refused the profile imgbased-pool", "the profile of the package imgbased", f"{NODE_IMAGE}, {NO_WAY_BACK}"
    ),
    "imgbase-dmeventd": Kind(
        "imgbase found no running dmeventd to stop",
        "dmeventd, and monitoring not switched off in /etc/lvm/lvm.conf",
        f"{NODE_IMAGE}, {NO_WAY_BACK}",
    ),
    "imgbase-space": Kind(
        "no space is left in the pool, in /boot or in another file system",
        "space for the layer and its kernel",
        f"give the node a larger disk, {NO_WAY_BACK}",
    ),
    "imgbase-module": Kind(
        "the image lacks a Python module that imgbase needs", "the package imgbased with all it requires", NODE_IMAGE
    ),
    # After imgbase: `imgbase check` exits with 0 whatever it finds, so we look ourselves.
    "group-tag": Kind(f"tagged {TAG_GROUP}: {{groups}}", "{wanted} alone"),
    "volume-missing": Kind("there is no volume {volume}", "one tagged {tag}"),
    "volume-tag": Kind("{volume} is tagged {tags}", "{tag}"),
    "volume-pool": Kind("{volume} is in the pool {pool}", "{wanted}, the root's pool"),
    "base-unprotected": Kind("{volume} is activated at boot", "skipped at activation"),
    "layer-not-bootable": Kind("{volume} is read-only or skipped at activation", "writable, and activated at boot"),
    "skip-volumes-missing": Kind(f"there is no {SKIP_VOLUMES}", "the file that keeps updates to the layout minimal"),
    "metadata-small": Kind(
        "the pool has {have} bytes of metadata",
        "{wanted}",
        "free some space in the volume group, then `lvextend --poolmetadatasize {wanted}b {pool}`",
        is_fatal=False,
    ),
    "pool-full": Kind(
        "the pool is {fill:.0f} % full", f"less than {POOL_FULL} %", "give the node a larger disk", is_fatal=False
    ),
    "etc-not-layer": Kind("/etc is {source}", "that of {layer}, bound over it"),
    "fstab-root": Kind("the layer's fstab mounts {source} at /", "{layer}"),
    "fstab-discard": Kind(
        "the layer's fstab mounts {paths} without discard",
        "discard on every thin volume",
        'set --fsoptions="defaults,discard" on each `logvol`',
        is_fatal=False,
    ),
    "boot-entry-missing": Kind("no entry in /boot/loader/entries has img.bootid={layer}", "one per kernel"),
    "boot-entry-root": Kind("the boot entry {entry} has no root={path}", "the layer as root"),
    "boot-entry-file": Kind(
        "the boot entry {entry} leads to {path} with {size} bytes", "a file below /boot/{layer}, not empty"
    ),
    "boot-entry-foreign": Kind(
        "these boot entries do not lead to the layer: {entries}",
        "the layer's alone",
        "remove them from /boot/loader/entries",
        is_fatal=False,
    ),
    "saved-entry": Kind(
        "GRUB's saved entry is {saved}",
        "an entry of {layer}",
        "choose {entry} in GRUB's menu, then run `grub2-set-default {entry}` in the installed system",
        is_fatal=False,
    ),
}
# What imgbase's output says about a failure that no look beforehand can tell; the first pattern found wins. A good run
# quotes exceptions too, for debugging ("Failed to parse NVR: root"), so a name alone proves nothing.
EXPLANATIONS = (
    (r"Command '\['mknod', .* returned non-zero", "imgbase-device"),
    (r"Command '\['lvchange', .*'imgbased-pool'.* returned non-zero", "imgbase-profile"),
    (r"Command '\['pkill', 'dmeventd'\]' returned non-zero", "imgbase-dmeventd"),
    (r"No space left on device|reached threshold|[Ii]nsufficient free space", "imgbase-space"),
    (r"ModuleNotFoundError: ", "imgbase-module"),
)
# imgbased's own classes, and Python's; then the text.
EXCEPTION = re.compile(
    r"^(?:imgbased\.(?:\w+\.)*(?=\w)|(?:\w+\.)*(?=\w*(?:Error|Exception)\b))(\w+(?:: .*)?)$", re.MULTILINE
)
# Exceptions that only wrap another, which imgbase prints before them.
WRAPPERS = ("ConfigMigrationError", "BootSetupError")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What the caller's policy asks of the installed system; the numbers live with the policy, not here."""

    layout: str
    volumes: tuple[str, ...]
    boot_bytes: int
    metadata_bytes: int


@dataclasses.dataclass(frozen=True)
class Mount:
    """A mounted file system; `device` is major:minor, `subtree` the part of it that is seen at `target`."""

    target: str
    source: str
    subtree: str
    fstype: str
    size: int
    device: str


@dataclasses.dataclass(frozen=True)
class Volume:
    """A logical volume; `device` as in Mount, `pool` is empty when it is not thin, `fill` is in percent.

    `uuid` is that of the file system or swap space on it; empty when there is none, when the volume is not active, and
    when it need not be read: if no line of fstab names a volume by it, and in other groups than the root's.
    """

    group: str
    name: str
    path: str
    tags: tuple[str, ...]
    pool: str
    device: str
    is_writable: bool
    is_skipped: bool
    metadata_bytes: int
    fill: float
    uuid: str = ""

    @property
    def mapper_path(self) -> str:
        """The name that EL 9's blivet writes into fstab: device-mapper's, in which LVM doubles each dash."""
        group, name = (text.replace("-", "--") for text in (self.group, self.name))
        return f"/dev/mapper/{group}-{name}"


@dataclasses.dataclass(frozen=True)
class Group:
    name: str
    tags: tuple[str, ...]
    free: int


@dataclasses.dataclass(frozen=True)
class BootEntry:
    """A file of /boot/loader/entries; `files` are the kernel and the initramfs with their sizes, 0 for none."""

    name: str
    title: str
    options: tuple[str, ...]
    files: tuple[tuple[str, int], ...]


@dataclasses.dataclass(frozen=True)
class FstabLine:
    """A line of fstab that names a file system or swap space; `number` counts from 1."""

    number: int
    source: str
    target: str
    options: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Renaming:
    """A line of fstab that shall name its volume by `path`."""

    line: FstabLine
    path: str


@dataclasses.dataclass(frozen=True)
class KernelPackage:
    """A package that provides `kernel`, and its files in /boot that are there and not empty."""

    name: str
    files: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Output:
    """What a program answered; `text` may be both streams in one."""

    status: int
    text: str
    complaints: str = ""


@dataclasses.dataclass(frozen=True)
class State:
    """What imgbase changes, at one moment; `unread` says which looks failed, and how."""

    mounts: tuple[Mount, ...]
    volumes: tuple[Volume, ...]
    groups: tuple[Group, ...]
    grub_config: str | None
    grubenv: str | None
    boot_entries: tuple[BootEntry, ...]
    fstab_text: str
    has_skip_volumes: bool
    unread: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Facts(State):
    """The installed system at one moment: its state, and what of it imgbase does not change.

    `imgbase_version` is what `imgbase --version` answered, None where there is no imgbase.

    `mount_units` are the paths whose mount unit in /etc/systemd/system has options, which imgbase takes for a line of
    fstab.
    """

    nvr: str | None
    missing_programs: tuple[str, ...]
    missing_files: tuple[str, ...]
    kernels: tuple[KernelPackage, ...]
    kernel_arguments: tuple[str, ...]
    device_mapper_targets: tuple[str, ...]
    selinux_mode: str
    has_selinuxfs: bool
    release_cpe: str | None
    imgbase_version: Output | None
    mount_units: tuple[str, ...]

    def mount(self, target: str) -> Mount | None:
        """What is seen at the mount point: the last of several mounts covers the others."""
        return next((mount for mount in reversed(self.mounts) if mount.target == target), None)

    def volume(self, group: str, name: str) -> Volume | None:
        return next((volume for volume in self.volumes if (volume.group, volume.name) == (group, name)), None)

    @property
    def root(self) -> Volume | None:
        """The logical volume at /."""
        mount = self.mount("/")
        return next((volume for volume in self.volumes if mount and volume.device == mount.device), None)

    @property
    def fstab(self) -> tuple[FstabLine, ...]:
        return tuple(_fstab(self.fstab_text))

    @property
    def layer_name(self) -> str:
        """The name that imgbase gives to the first layer of this image."""
        return f"{self.nvr}+1"


class Target:
    """The installed system as the hook may touch it: run a command in it, look at its files, write to its console.

    Seconds: `patience` for the answer of a command, `work_patience` for one whose output is passed on.
    """

    def __init__(self, root: str = "/", patience: float = ANSWER_SECONDS, work_patience: float = WORK_SECONDS) -> None:
        self.patience = patience
        self.work_patience = work_patience
        self._root = root.rstrip("/")
        self._path = os.environ.get("PATH") or "/usr/sbin:/usr/bin:/sbin:/bin"

    def place(self, path: str) -> str:
        return self._root + path

    def has_program(self, name: str) -> bool:
        return shutil.which(name, path=self._path) is not None

    def read(self, path: str) -> str | None:
        try:
            with open(self.place(path), encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return None

    def read_exactly(self, path: str) -> str | None:
        """As read(), with every line end and byte kept as it is."""
        try:
            with open(self.place(path), encoding="utf-8", errors="surrogateescape", newline="") as file:
                return file.read()
        except OSError:
            return None

    def replace(self, path: str, text: str) -> None:
        """Give a file a new text, in one step; owner, mode and SELinux label stay. Raises OSError."""
        place = os.path.realpath(self.place(path))
        descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(place))
        try:
            with open(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                file.write(text)
                file.flush()
                status = os.stat(place)
                os.chown(temporary, status.st_uid, status.st_gid)
                shutil.copystat(place, temporary)
                os.utime(temporary)
                os.fsync(file.fileno())
            os.rename(temporary, place)
        except BaseException:
            os.unlink(temporary)
            raise

    def size(self, path: str) -> int:
        """Bytes of a file, 0 for none."""
        try:
            return os.stat(self.place(path)).st_size
        except OSError:
            return 0

    def run(self, *argv: str, echo: Callable[[str], None] | None = None) -> Output:
        """Run to the end, or until time is up; with `echo`, pass on every line of both streams as it comes."""
        try:
            process = subprocess.Popen(
                argv,
                env={**os.environ, **IMGBASE_ENVIRONMENT, "LC_ALL": "C", "PATH": self._path},
                cwd="/",
                stdin=subprocess.DEVNULL,  # ours is this script
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if echo else subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as error:
            return Output(127, "", f"{argv[0]}: {error.strerror}")
        if echo:
            return self._follow(process, echo)
        try:
            text, complaints = process.communicate(timeout=self.patience)
        except subprocess.TimeoutExpired:
            # It is not waited for: while the kernel waits for a disk, a process does not even end when it is killed.
            process.kill()
            return Output(NO_ANSWER, "", f"gave no answer within {self.patience} seconds")
        return Output(process.returncode, text, complaints)

    def _follow(self, process: subprocess.Popen[str], echo: Callable[[str], None]) -> Output:
        end = time.monotonic() + self.work_patience
        lines: list[str] = []
        try:
            for line in _lines(process, end):
                echo(line.rstrip("\n"))
                lines.append(line)
            return Output(process.wait(max(0, end - time.monotonic())), "".join(lines))
        except subprocess.TimeoutExpired:
            process.kill()
            return Output(NO_ANSWER, "".join(lines), f"did not end within {self.work_patience} seconds")

    def tell_console(self, line: str) -> None:
        """Best effort: every message is also in the log."""
        try:
            console = os.open(self.place("/dev/console"), os.O_WRONLY | os.O_NOCTTY | os.O_APPEND)
            with os.fdopen(console, "w", encoding="ascii", errors="backslashreplace") as file:
                file.write(f"{line}\n")
        except OSError:
            return


def _lines(process: subprocess.Popen[str], end: float) -> Iterator[str]:
    """What a process prints, line by line. Raises TimeoutExpired at `end` of the monotonic clock."""
    assert process.stdout is not None
    stream = process.stdout.fileno()
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder("utf-8")("replace"), translate=True)
    rest, is_open = "", True
    while is_open:
        left = max(0, end - time.monotonic())
        if not select.select([stream], [], [], left)[0]:
            raise subprocess.TimeoutExpired(process.args, left)
        chunk = os.read(stream, 65536)
        is_open = bool(chunk)
        *whole, rest = (rest + decoder.decode(chunk, final=not chunk)).split("\n")
        yield from (f"{line}\n" for line in whole)
    if rest:
        yield rest


# Looking


def gather(target: Target) -> Facts:
    """Look at everything that the deciders need; changes nothing."""
    state = look(target)
    fstype = next((mount.fstype for mount in state.mounts if mount.target == "/"), "")
    is_enforcing = (target.read("/sys/fs/selinux/enforce") or "").strip() == "1"
    programs = (*PROGRAMS, *FILESYSTEM_PROGRAMS.get(fstype, ()), *(ENFORCING_PROGRAMS if is_enforcing else ()))
    facts = Facts(
        **vars(state),
        nvr=target.read(NVR_FILE),
        missing_programs=tuple(name for name in programs if not target.has_program(name)),
        missing_files=tuple(path for path in FILES if not os.path.exists(target.place(path))),
        kernels=_kernels(target),
        kernel_arguments=tuple((target.read("/proc/cmdline") or "").split()),
        device_mapper_targets=_device_mapper_targets(target),
        selinux_mode=_selinux_mode(target.read("/etc/selinux/config") or ""),
        has_selinuxfs=os.path.isdir(target.place("/sys/fs/selinux")),
        release_cpe=target.read(RELEASE_CPE),
        imgbase_version=target.run(IMGBASE[0], "--version") if target.has_program(IMGBASE[0]) else None,
        mount_units=tuple(_mount_units(target)),
    )
    return dataclasses.replace(facts, volumes=tuple(_with_uuids(target, facts)))


def look(target: Target) -> State:
    """Look at what imgbase changes. Volumes are without UUIDs."""
    unread: list[str] = []

    def rows(key: str, *argv: str) -> list[dict[str, Any]]:
        output = target.run(*argv)
        if output.status:
            unread.append(f"{argv[0]} {outcome(output)}")
            return []
        listed, problem = rows_of(key, argv[0], output.text)
        unread.extend(filter(None, [problem]))
        return listed

    lvm = ("--reportformat", "json", "--units", "b", "--nosuffix", "-o")
    volume_columns = (
        "vg_name,lv_name,lv_path,lv_tags,pool_lv,lv_kernel_major,lv_kernel_minor,lv_permissions,lv_skip_activation,"
        "lv_metadata_size,data_percent,metadata_percent"
    )
    columns = ("--json", "--list", "--bytes", "-o", "TARGET,SOURCE,FSROOT,FSTYPE,SIZE,MAJ:MIN")
    grub_config = _grub_config(target)
    return State(
        mounts=tuple(map(_mount, rows("filesystems", "findmnt", *columns))),
        volumes=tuple(map(_volume, rows("lv", "lvs", *lvm, volume_columns))),
        groups=tuple(map(_group, rows("vg", "vgs", *lvm, "vg_name,vg_tags,vg_free"))),
        grub_config=grub_config,
        grubenv=target.read(f"{os.path.dirname(grub_config)}/grubenv") if grub_config else None,
        boot_entries=tuple(_boot_entries(target)),
        fstab_text=target.read_exactly(FSTAB) or "",
        has_skip_volumes=target.read(SKIP_VOLUMES) is not None,
        unread=tuple(unread),
    )


def rows_of(key: str, program: str, text: str) -> tuple[list[dict[str, Any]], str]:
    """The rows of a list in JSON, where LVM's programs and util-linux's have it; or why there are none."""
    try:
        tree = json.loads(text)
        return list(tree[key] if key in tree else tree["report"][0][key]), ""
    except (ValueError, LookupError, TypeError):
        return [], f"{program} printed no list {key!r} in JSON: {last_line(text)}"


def last_line(text: str) -> str:
    return (text.strip().splitlines() or ["no output"])[-1].strip()


def outcome(output: Output) -> str:
    """How a command ended that did not do what it should."""
    if output.status == NO_ANSWER:
        return output.complaints
    return f"exited with {output.status}: {last_line(output.complaints)}"


def merged(output: Output) -> Output:
    """With its text as complaints, where there are no others."""
    return dataclasses.replace(output, complaints=output.complaints or output.text)


def end_of(text: str) -> list[str]:
    """The last lines, without those that say where in the source an exception went through."""
    return [line for line in text.splitlines() if line.strip() and not line.startswith('  File "')][-END_LINES:]


def _mount(row: dict[str, str]) -> Mount:
    source, subtree, size = row["source"] or "", row["fsroot"] or "", int(row["size"] or 0)
    return Mount(row["target"], source, subtree, row["fstype"], size, row["maj:min"])


def _volume(row: dict[str, str]) -> Volume:
    return Volume(
        group=row["vg_name"],
        name=row["lv_name"],
        path=row["lv_path"],
        tags=_tags(row["lv_tags"]),
        pool=row["pool_lv"],
        device=f"{row['lv_kernel_major']}:{row['lv_kernel_minor']}",
        is_writable=row["lv_permissions"].startswith("writ"),
        is_skipped=bool(row["lv_skip_activation"]),
        metadata_bytes=int(row["lv_metadata_size"] or 0),
        fill=max(float(row["data_percent"] or 0), float(row["metadata_percent"] or 0)),
    )


def _with_uuids(target: Target, facts: Facts) -> Iterator[Volume]:
    """The volumes, those of the root's group with their UUIDs if fstab names any by it."""
    root = facts.root
    volumes = {volume.device for volume in facts.volumes}
    # A file system that is mounted from no volume, as /boot and the ESP, is the one that its line names.
    mounts = [facts.mount(line.target) for line in facts.fstab if line.source.startswith("UUID=")]
    is_named = any(mount is None or mount.device in volumes for mount in mounts)
    for volume in facts.volumes:
        yield with_uuid(target, volume) if is_named and root and volume.group == root.group else volume


def with_uuid(target: Target, volume: Volume) -> Volume:
    """The volume, with the UUID of what is on it."""
    if not volume.path or volume.device.startswith("-"):
        return volume
    # With -p blkid goes by no cache, and ends at the first device with nothing on it: so one by one.
    text = target.run("blkid", "-p", "-s", "UUID", "-o", "value", volume.path).text
    return dataclasses.replace(volume, uuid=text.strip())


def _group(row: dict[str, str]) -> Group:
    return Group(row["vg_name"], _tags(row["vg_tags"]), int(row["vg_free"]))


def _tags(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(",")))


def _kernels(target: Target) -> tuple[KernelPackage, ...]:
    """imgbased bootsetup.py copies of each such package to the layer what is in /boot; one without is passed over."""
    asked = ("--dbpath", "/usr/share/rpm", "-q", "--whatprovides", "kernel")
    files: dict[str, list[str]] = {}
    for line in target.run("rpm", *asked, "--queryformat", "[%{=NAME}-%{=VERSION} %{FILENAMES}\n]").text.splitlines():
        package, _, path = line.partition(" ")
        if path.startswith("/boot/") and target.size(path):
            files.setdefault(package, []).append(path)
    return tuple(KernelPackage(package, tuple(paths)) for package, paths in files.items())


def _device_mapper_targets(target: Target) -> tuple[str, ...]:
    return tuple(line.split()[0] for line in target.run("dmsetup", "targets").text.splitlines() if line.strip())


def _grub_config(target: Target) -> str | None:
    """GRUB's configuration as imgbased utils.py, grub_cfg_path, finds it; links followed."""
    links = ["/etc/grub2.cfg"]
    if os.path.isdir(target.place("/sys/firmware/efi")):
        links.insert(0, "/etc/grub2-efi.cfg")
    root = os.path.realpath(target.place("/"))
    paths = (os.path.realpath(target.place(link)) for link in links)
    return next((f"/{os.path.relpath(path, root)}" for path in paths if os.path.exists(path)), None)


def _boot_entries(target: Target) -> Iterator[BootEntry]:
    entries = "/boot/loader/entries"
    directory = target.place(entries)
    for name in sorted(os.listdir(directory) if os.path.isdir(directory) else ()):
        if not name.endswith(".conf"):
            continue
        lines = (target.read(f"{entries}/{name}") or "").splitlines()
        fields = {key: value.strip() for key, _, value in (line.strip().partition(" ") for line in lines)}
        # Paths are relative to the boot file system; GRUB variables may follow that of the initramfs.
        files = [os.path.normpath(f"/boot/{fields.get(key, '').partition(' ')[0]}") for key in ("linux", "initrd")]
        yield BootEntry(
            name=os.path.splitext(name)[0],
            title=fields.get("title", ""),
            options=tuple(fields.get("options", "").split()),
            files=tuple((path, 0 if path == "/boot" else target.size(path)) for path in files),
        )


def _fstab(text: str) -> Iterator[FstabLine]:
    for number, fields in enumerate(map(str.split, text.split("\n")), 1):
        if len(fields) >= 4 and not fields[0].startswith("#"):
            yield FstabLine(number, fields[0], fields[1], tuple(fields[3].split(",")))


def _mount_units(target: Target) -> Iterator[str]:
    """The mount points of units; imgbased osupdater.py, _update_fstab, looks them up by the unit's name."""
    directory = "/etc/systemd/system"
    place = target.place(directory)
    for name in sorted(os.listdir(place) if os.path.isdir(place) else ()):
        stem, suffix = os.path.splitext(name)
        if suffix == ".mount" and re.search(r"^Options\s*=", target.read(f"{directory}/{name}") or "", re.MULTILINE):
            yield f"/{stem.replace('-', '/')}"


def _selinux_mode(text: str) -> str:
    mode = re.search(r"^\s*SELINUX\s*=\s*(\w+)", text, re.MULTILINE)
    return mode.group(1).lower() if mode else "disabled"


# Deciding


def preconditions(facts: Facts, wanted: Wanted) -> tuple[Finding, ...]:
    """What is known to make `imgbase layout --init` fail, or to make a node that is not the one wanted."""
    if facts.unread:
        return _cannot_look(facts)
    return (
        *_image_findings(facts),
        *nvr_findings(facts.nvr),
        *_storage_findings(facts, wanted),
        *_trace_findings(facts),
        *_boot_findings(facts, wanted),
        *_fstab_preconditions(facts, wanted),
    )


def _cannot_look(facts: Facts) -> tuple[Finding, ...]:
    return tuple(finding("cannot-look", problem=problem) for problem in facts.unread)


def _image_findings(facts: Facts) -> Iterator[Finding]:
    if facts.missing_programs:
        yield finding("program-missing", programs=", ".join(facts.missing_programs))
    for path in facts.missing_files:
        yield finding("file-missing", path=path, cure=FILES[path])
    yield from cpe_findings(facts.release_cpe)
    version = facts.imgbase_version
    if version and version.status:
        yield finding("imgbase-does-not-start", outcome=outcome(merged(version)))
    # imgbased bootsetup.py, _boot_path: each package that has files in /boot has to have both.
    for kernel in facts.kernels or (KernelPackage("a package that provides `kernel`", ()),):
        for kind in ("vmlinuz", "initramfs"):
            if not any(path.startswith(f"/boot/{kind}") for path in kernel.files):
                yield finding("kernel-missing", kind=kind, package=kernel.name)
    if not facts.has_selinuxfs:
        yield finding("selinux-not-in-kernel")
    if "snapshot" not in facts.device_mapper_targets:
        yield finding("snapshot-target")
    if facts.selinux_mode == "disabled":
        yield finding("selinux-off")


def nvr_findings(nvr: str | None) -> Iterator[Finding]:
    if nvr is None:
        yield finding("nvr-missing")
    # imgbased naming.py lets a line end pass and takes a "+" for a layer: both fail later, when lvcreate gets the name.
    elif not re.fullmatch(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*-[A-Za-z0-9_.]+-[A-Za-z0-9_.]+", nvr):
        yield finding("nvr-syntax", nvr=nvr)
    elif len(nvr) + len("+1") > NAME_LENGTH:
        yield finding("nvr-too-long", nvr=nvr, length=len(nvr), longest=NAME_LENGTH - len("+1"))
    # imgbased bootloader.py, _parse_entries.
    elif "node" not in nvr and "rhvh" not in nvr:
        yield finding("nvr-product", nvr=nvr)


def cpe_findings(text: str | None) -> Iterator[Finding]:
    """What is wrong with the text of that file; that there is none is another finding."""
    # imgbased utils.py, SystemRelease.
    if text is not None and not re.match(r"cpe(?::[^:]*){4}", text.strip()):
        yield finding("release-cpe", text=text.strip())


def _storage_findings(facts: Facts, wanted: Wanted) -> Iterator[Finding]:
    root, mount = facts.root, facts.mount("/")
    if root is None or not root.pool:
        yield _root_not_thin(facts)
    if mount is not None and mount.fstype not in FILESYSTEM_PROGRAMS:
        yield finding("root-filesystem", fstype=mount.fstype)
    if facts.mount("/usr"):
        yield finding("usr-separate")
    yield from _volume_findings(facts, wanted)
    if wanted.layout == "standard":
        # imgbased constants.py: the argument is a list of words.
        reasons = [
            f"{name}={value}"
            for name, _, value in (argument.partition("=") for argument in facts.kernel_arguments)
            if name == MINIMAL_ARGUMENT and "minimal" in value.lower().split(",")
        ]
        for reason in (*reasons, *([SKIP_VOLUMES] if facts.has_skip_volumes else [])):
            yield finding("layout-contradicted", reason=reason, layout=wanted.layout)
    pool = facts.volume(root.group, root.pool) if root else None
    free = next((group.free for group in facts.groups if root and group.name == root.group), 0)
    if pool and wanted.metadata_bytes - pool.metadata_bytes > free:
        yield finding("metadata-cannot-grow", have=pool.metadata_bytes, free=free, wanted=wanted.metadata_bytes)


def _root_not_thin(facts: Facts) -> Finding:
    mount = facts.mount("/")
    if mount and mount.source.startswith("/dev/mapper/") and not facts.volumes:
        return finding("root-not-in-lvm", source=mount.source)
    return finding("root-not-thin", source=mount.source if mount else "nothing")


def _volume_findings(facts: Facts, wanted: Wanted) -> Iterator[Finding]:
    for path in wanted.volumes:
        if facts.mount(path) is None:
            yield finding("volume-not-mounted", path=path, layout=wanted.layout)


def _trace_findings(facts: Facts) -> Iterator[Finding]:
    """What runs of imgbase have left: on this root, and on other nodes' disks."""
    root = facts.root
    own = root.group if root else None
    traces = [f"{own} tagged {TAG_GROUP}" for group in facts.groups if group.name == own and TAG_GROUP in group.tags]
    for volume in facts.volumes:
        tags = [tag for tag in (TAG_POOL, TAG_INIT, TAG_LAYER) if tag in volume.tags]
        if volume.group == own and (tags or volume.name in (facts.nvr, facts.layer_name)):
            traces.append(f"{own}/{volume.name} {f'tagged {tags[0]}' if tags else 'of that name'}")
    if traces:
        yield finding("earlier-attempt", traces=", ".join(traces))
    # imgbased imgbase.py, _reclaim_tags: it untags one; at two its assertion is swallowed, and a later one is not.
    stale = [group.name for group in facts.groups if group.name != own and TAG_GROUP in group.tags]
    if len(stale) == 1:
        yield finding("stale-tag", group=stale[0])
    elif stale:
        yield finding("stale-tags", groups=" ".join(stale))


def _boot_findings(facts: Facts, wanted: Wanted) -> Iterator[Finding]:
    boot = facts.mount("/boot")
    if boot is None:
        yield finding("boot-not-mounted", wanted=wanted.boot_bytes)
    elif boot.size < wanted.boot_bytes:
        yield finding("boot-too-small", have=boot.size, wanted=wanted.boot_bytes)
    if facts.grub_config is None:
        yield finding("grub-config-missing")
    # imgbased utils.py, grub2_editenv, looks at its size.
    elif facts.grubenv is None:
        yield finding("grubenv-missing", path=f"{os.path.dirname(facts.grub_config)}/grubenv")


def renamings(facts: Facts) -> tuple[Renaming, ...]:
    """The lines of fstab that name a volume of the node by its UUID, as EL 10's blivet writes them.

    imgbased lvm.py, try_find, looks up / under the name in fstab and knows no UUID. EL 9's blivet writes a name in
    /dev/mapper for every logical volume, and so do we. Volumes of other groups, /boot and the ESP stay as they are.
    """
    root = facts.root
    return tuple(
        Renaming(line, volume.mapper_path)
        for line in facts.fstab
        for volume in ([_volume_of(line, facts, root.group)] if root else [])
        if volume
    )


def _volume_of(line: FstabLine, facts: Facts, group: str) -> Volume | None:
    """The group's volume that the line names by UUID; of a volume and its snapshots the one that is mounted there."""
    tag = re.fullmatch(r'UUID="?([^"]+)"?', line.source)
    if tag is None:
        return None
    named = (group, tag.group(1).lower())
    volumes = [volume for volume in facts.volumes if (volume.group, volume.uuid.lower()) == named]
    if len(volumes) > 1:
        mount = facts.mount(line.target)
        volumes = [volume for volume in volumes if mount and volume.device == mount.device]
    return volumes[0] if len(volumes) == 1 else None


def renamed(text: str, changes: Iterable[Renaming]) -> str:
    """The text of fstab with these changes, in the columns that EL 9's blivet uses; nothing else is touched."""
    lines = text.split("\n")
    for change in changes:
        before, _, after = lines[change.line.number - 1].partition(change.line.source)
        name = change.path.ljust(FSTAB_SOURCE_WIDTH) if after.startswith(" ") else change.path
        lines[change.line.number - 1] = f"{before}{name}{after}"
    return "\n".join(lines)


def _fstab_preconditions(facts: Facts, wanted: Wanted) -> Iterator[Finding]:
    for number, text in enumerate(facts.fstab_text.split("\n"), 1):
        problem = _fstab_problem(text)
        if problem:
            yield finding("fstab-syntax", number=number, problem=problem)
    if facts.root is None or FSTAB in facts.missing_files:
        return
    lines = {line.target: line for line in facts.fstab}
    for path in dict.fromkeys(("/", *wanted.volumes)):
        mount, line = facts.mount(path), lines.get(path)
        volume = next((v for v in facts.volumes if mount and v.device == mount.device), None)
        if volume is None:
            continue
        if line is None:
            if path not in facts.mount_units:
                yield finding("fstab-line-missing", path=path)
        elif not _is_found(line, volume):
            yield finding("fstab-source", number=line.number, source=line.source, path=path, wanted=volume.mapper_path)


def _fstab_problem(text: str) -> str | None:
    """Why imgbased utils.py, Fstab.parse, would fail at a line. Options may hold a password, so they are not quoted."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return "is not UTF-8"
    if text.startswith("#") or not text.strip():
        return None
    try:
        fields = len(shlex.split(text))
    except ValueError:
        return "has an open quote or a backslash at its end"
    return f"has {fields} fields" if fields < 4 else None


def _is_found(line: FstabLine, volume: Volume) -> bool:
    """Whether the source leads to the volume: for / as imgbase looks it up, for others at boot, as far as is known."""
    if line.target == "/":
        return line.source in (volume.mapper_path, volume.path)
    return not re.match(r"(?:UUID|PARTUUID|PARTLABEL)=", line.source)


def explain(output: Output) -> Finding:
    """Why imgbase failed, from what it printed."""
    if output.status == NO_ANSWER:
        return finding("imgbase-failed", reason=f"imgbase {outcome(output)}")
    for pattern, code in EXPLANATIONS:
        if re.search(pattern, output.text):
            return finding(code)
    # The last exception need not be the last line: threads of imgbase go on when one has failed.
    causes = [text.rstrip(": ") for text in EXCEPTION.findall(output.text) if not text.startswith(WRAPPERS)]
    reason = causes[-1] if causes else last_line(output.text or output.complaints)
    return finding("imgbase-failed", reason=f"imgbase exited with {output.status}: {reason}")


def verify(facts: Facts, wanted: Wanted) -> tuple[Finding, ...]:
    """What of a finished node is missing or wrong."""
    if facts.unread:
        return _cannot_look(facts)
    root = facts.root
    if root is None:
        return (_root_not_thin(facts),)
    layer = facts.volume(root.group, facts.layer_name)
    return (
        *_layout_findings(facts, wanted, root),
        *_volume_findings(facts, wanted),
        *_pool_findings(facts, wanted, root),
        *(_fstab_findings(facts, wanted, layer) if layer else ()),
        *(_entry_findings(facts, layer) if layer else ()),
    )


def _layout_findings(facts: Facts, wanted: Wanted, root: Volume) -> Iterator[Finding]:
    tagged = [group.name for group in facts.groups if TAG_GROUP in group.tags]
    if tagged != [root.group]:
        yield finding("group-tag", groups=", ".join(tagged) or "no volume group", wanted=root.group)
    base, layer = str(facts.nvr), facts.layer_name
    for name, tag in ((root.pool, TAG_POOL), (root.name, TAG_INIT), (base, TAG_LAYER), (layer, TAG_LAYER)):
        volume = facts.volume(root.group, name)
        if volume is None:
            yield finding("volume-missing", volume=f"{root.group}/{name}", tag=tag)
            continue
        if tag not in volume.tags:
            yield finding("volume-tag", volume=name, tags=", ".join(volume.tags) or "with nothing", tag=tag)
        if name in (base, layer) and volume.pool != root.pool:
            yield finding("volume-pool", volume=name, pool=volume.pool or "(none)", wanted=root.pool)
        if name == base and not volume.is_skipped:
            yield finding("base-unprotected", volume=name)
        if name == layer and (volume.is_skipped or not volume.is_writable):
            yield finding("layer-not-bootable", volume=name)
    if wanted.layout == "minimal" and not facts.has_skip_volumes:
        yield finding("skip-volumes-missing")


def _pool_findings(facts: Facts, wanted: Wanted, root: Volume) -> Iterator[Finding]:
    pool = facts.volume(root.group, root.pool)
    if pool and pool.metadata_bytes < wanted.metadata_bytes:
        path = f"{pool.group}/{pool.name}"
        yield finding("metadata-small", have=pool.metadata_bytes, wanted=wanted.metadata_bytes, pool=path)
    if pool and pool.fill >= POOL_FULL:
        yield finding("pool-full", fill=pool.fill)


def _fstab_findings(facts: Facts, wanted: Wanted, layer: Volume) -> Iterator[Finding]:
    etc = facts.mount("/etc")
    # imgbased osupdater.py, on_post_init_layout: it binds the layer's /etc, so /etc/fstab is the layer's.
    if etc is None or (etc.device, etc.subtree) != (layer.device, "/etc"):
        yield finding("etc-not-layer", source=etc.source if etc else "the installed root's", layer=layer.name)
        return
    lines = {line.target: line for line in facts.fstab}
    source = lines["/"].source if "/" in lines else "nothing"
    if source != layer.path:
        yield finding("fstab-root", source=source, layer=layer.path)
    plain = [path for path in ("/", *wanted.volumes) if path in lines and "discard" not in lines[path].options]
    if plain:
        yield finding("fstab-discard", paths=", ".join(plain))


def _entry_findings(facts: Facts, layer: Volume) -> Iterator[Finding]:
    own = [entry for entry in facts.boot_entries if f"img.bootid={layer.name}" in entry.options]
    if not own:
        yield finding("boot-entry-missing", layer=layer.name)
        return
    for entry in own:
        if f"root={layer.path}" not in entry.options:
            yield finding("boot-entry-root", entry=entry.name, path=layer.path)
        for path, size in entry.files:
            if not size or not path.startswith(f"/boot/{layer.name}/"):
                yield finding("boot-entry-file", entry=entry.name, path=path, size=size, layer=layer.name)
    foreign = [entry.name for entry in facts.boot_entries if entry not in own]
    if foreign:
        yield finding("boot-entry-foreign", entries=", ".join(foreign))
    # imgbased utils.py leaves the file alone when it has not the length that grub2-editenv gives it.
    saved = re.search(r"^saved_entry=(.*)$", facts.grubenv or "", re.MULTILINE)
    names = {name for entry in own for name in (entry.name, entry.title)}
    if saved is None or saved.group(1) not in names:
        yield finding("saved-entry", saved=saved.group(1) if saved else "not set", layer=layer.name, entry=own[-1].name)


# Acting


def say(text: str) -> None:
    # Neither the installer's locale nor a program's odd byte may end the hook half-way.
    print(text.encode("ascii", "backslashreplace").decode("ascii"), flush=True)


def tell(target: Target, text: str) -> None:
    """Write it to the log, and to the console for those who do not read the log."""
    for line in text.splitlines():
        say(f"ovirt-node: {line}")
        target.tell_console(f"ovirt-node: {line}")


def describe(findings: Iterable[Finding]) -> str:
    return "\n".join(
        f"{'error' if each.is_fatal else 'warning'}: {each.code}: {each.found}; needed: {each.needed}\n"
        f"  cure: {each.cure}"
        for each in findings
    )


def is_fatal(findings: Iterable[Finding]) -> bool:
    return any(each.is_fatal for each in findings)


def relabel(target: Target, facts: Facts) -> tuple[Finding, ...]:
    """Give files their SELinux labels before they go into the snapshot; a warning when that does not succeed."""
    if facts.selinux_mode == "disabled":
        return ()
    output = target.run("restorecon", "-i", "-r", *RELABELLED, echo=say)
    if output.status == 0:
        return ()
    return (finding("relabel", outcome=outcome(merged(output))),)


def rename_in_fstab(target: Target, text: str, changes: Sequence[Renaming]) -> tuple[Finding, ...]:
    """Write what `renamed` has made, and say it; a finding when it cannot be written."""
    if not changes:
        return ()
    try:
        target.replace(FSTAB, text)
    except OSError as error:
        return (finding("fstab-not-written", reason=error.strerror),)
    for change in changes:
        say(f"ovirt-node: {FSTAB}: {change.line.target} is {change.path}, was {change.line.source}")
    tell(target, f"{FSTAB}: {len(changes)} lines named volumes of the node by UUID; imgbase needs /dev/mapper/ names")
    return ()


def make_skip_volumes(target: Target) -> None:
    path = target.place(SKIP_VOLUMES)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "a", encoding="utf-8"):
        pass


def initialize(target: Target, wanted: Wanted) -> tuple[str, tuple[Finding, ...]]:
    """Make the layer, unless it is there already or cannot be made; what came of it in a line, and all findings."""
    facts = gather(target)
    layer = facts.volume(facts.root.group, facts.layer_name) if facts.root else None
    if layer and TAG_LAYER in layer.tags:
        findings = verify(facts, wanted)
        if not is_fatal(findings):
            return f"the layer {layer.name} already exists and is verified; imgbase was not run again", findings
        return "imgbase was not run again", (*_trace_findings(facts), *findings)
    if "snapshot" not in facts.device_mapper_targets:
        target.run("modprobe", "dm-snapshot")
        facts = dataclasses.replace(facts, device_mapper_targets=_device_mapper_targets(target))
    changes = renamings(facts)
    facts = dataclasses.replace(facts, fstab_text=renamed(facts.fstab_text, changes))
    findings = preconditions(facts, wanted)
    if is_fatal(findings):
        return "imgbase was not run", findings
    problems = rename_in_fstab(target, facts.fstab_text, changes)
    if problems:
        return "imgbase was not run", (*findings, *problems)
    if wanted.layout == "minimal":
        make_skip_volumes(target)
    findings += relabel(target, facts)
    tell(target, f"running {shlex.join(IMGBASE)}; it takes a minute or more")
    output = target.run(*IMGBASE, echo=say)
    if output.status:
        for line in end_of(output.text):
            target.tell_console(f"imgbase: {line}")
        return f"imgbase failed, and {NO_ROLLBACK}", (*findings, explain(output))
    facts = dataclasses.replace(facts, **vars(look(target)))
    findings += verify(facts, wanted)
    if is_fatal(findings):
        return f"imgbase exited with 0, but the result is not a node, and {NO_ROLLBACK}", findings
    return f"the layer {facts.layer_name} is created and verified; it boots next", findings


def options(wanted: Wanted) -> tuple[str, ...]:
    """The command line that `parse` reads back."""
    return (
        f"--layout={wanted.layout}",
        f"--volumes={','.join(wanted.volumes)}",
        f"--boot-size={wanted.boot_bytes}",
        f"--metadata-size={wanted.metadata_bytes}",
    )


def parse(arguments: Sequence[str] | None) -> tuple[Wanted, Target]:
    parser = argparse.ArgumentParser(prog="imgbase.py", description="Make the installed root a node, and verify it.")
    parser.add_argument("--layout", choices=("standard", "minimal"), required=True)
    parser.add_argument("--volumes", metavar="PATH,...", required=True, help="what must be volumes of their own")
    parser.add_argument("--boot-size", metavar="BYTES", type=int, required=True, help="of the file system, at least")
    parser.add_argument("--metadata-size", metavar="BYTES", type=int, required=True, help="of the pool, at least")
    parser.add_argument("--root", metavar="DIR", default="/", help="where the installed system's files are")
    given = parser.parse_args(arguments)
    volumes = tuple(sorted({ALWAYS_SEPARATE, *filter(None, given.volumes.split(","))}))
    return Wanted(given.layout, volumes, given.boot_size, given.metadata_size), Target(given.root)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0: this is a verified node. 1: it is not, and log and console say why, and what to do."""
    wanted, target = parse(arguments)
    result, findings = initialize(target, wanted)
    # The layer must be on the disk even if the machine is turned off here.
    os.sync()
    tell(target, describe(findings))
    tell(target, result)
    if is_fatal(findings):
        tell(target, f"the installation stops here; log: {LOG} (in the installer: /mnt/sysroot{LOG})")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
