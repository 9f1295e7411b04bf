# SPDX-License-Identifier: GPL-2.0-or-later
"""Storage commands that pykickstart lets through and Anaconda stumbles over, or takes for something else."""

from __future__ import annotations

from collections.abc import Iterator

from ksgen.grammar import STORAGE, Check, Command, Found, Kickstart, value
from ksgen.lint.facts import CUSTOM_PARTITIONING, SUPPORTED, filesystem, is_reused, mounts
from ksgen.problems import Severity
from ksgen.variables import nearest

# What custom_partitioning.py takes in place of a mount point, beside the names of members.
_NO_MOUNT_POINTS = frozenset(("appleboot", "biosboot", "none", "None", "prepboot", "swap", ""))
_MEMBERS = ("btrfs.", "pv.", "raid.")


def size(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("part", "partition", "logvol"):
        mib, target = value(command, "size"), value(command, "mountpoint")
        if isinstance(mib, int) and (mib < 0 or (mib == 0 and not value(command, "grow"))):
            yield Found(command.line, f"{target} has --size={mib}", "write its size in MiB: --size=1024")


# Kickstarts count in MiB; a disk of this size is not made.
_SIZE_MOST = 100 * 1024**2
# pyanaconda, data/anaconda.conf, min_partition_sizes: the installer warns below these, in MiB. Half of one is enough
# for a system without much in it.
_LEAST = {"/": 250, "/boot": 512, "/home": 100, "/tmp": 50, "/usr": 250, "/var": 384}


def size_unlikely(ks: Kickstart) -> Iterator[Found]:
    """A size in another unit. The layout of a node has sizes of its own."""
    for command in ks.all("part", "partition", "logvol"):
        mib, target = value(command, "size") or 0, str(value(command, "mountpoint"))
        least = 0 if ks.installs_node or value(command, "grow") or is_reused(command) else _LEAST.get(target, 0)
        if mib >= _SIZE_MOST:
            message = f"--size={mib} is {mib // 1024**2} TiB; the size is in MiB"
            yield Found(command.line, message, "write its size in MiB: --size=1024")
        elif 0 < 2 * mib < least:
            message = f"{target} has {mib} MiB; Anaconda recommends {least} MiB or more"
            yield Found(command.line, message, f"--size={least} or more; the size is in MiB")


def size_missing(ks: Kickstart) -> Iterator[Found]:
    """Of a volume the grammar says it; what grows begins at Anaconda's 500 MiB and is as large as there is room."""
    for command in ks.all("part", "partition"):
        target = value(command, "mountpoint")
        others = ("grow", "recommended", "hibernation", "resize")
        if value(command, "size") is not None or is_reused(command) or any(value(command, o) for o in others):
            continue
        if filesystem(command) not in ("biosboot", "prepboot", "tmpfs"):
            message = f"{target} has no --size; Anaconda makes 500 MiB of it"
            yield Found(command.line, message, "write its size in MiB: --size=1024")


def size_above_most(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("part", "partition", "logvol"):
        least, most = value(command, "size") or 0, value(command, "maxSizeMB") or 0
        if 0 < most < least:
            message = f"--maxsize={most} is below --size={least}; Anaconda ignores it"
            yield Found(command.line, message, "write the larger of them as --maxsize")


def format_unknown(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("part", "partition", "logvol", "raid"):
        found = value(command, "fstype")
        if found and filesystem(command) == found and found not in SUPPORTED and not value(command, "thin_pool"):
            yield Found(command.line, f"unknown file system {found!r}", nearest(found, SUPPORTED))


# pyanaconda, data/anaconda.conf, must_be_on_linuxfs
_LINUX_ONLY = ("/", "/home", "/tmp", "/usr", "/usr/lib", "/usr/share", "/var")
_NOT_LINUX = frozenset(("efi", "exfat", "hfs", "hfs+", "iso9660", "ntfs", "udf", "vfat"))
_NOT_MOUNTED = frozenset(("biosboot", "luks", "lvmpv", "mdmember", "prepboot", "swap"))
# Sizes of blivet's formats in MiB, at most.
_MOST = {"biosboot": 2, "prepboot": 10}


def format_unfit(ks: Kickstart) -> Iterator[Found]:
    for target, command in mounts(ks):
        name = filesystem(command)
        most, mib = _MOST.get(name), value(command, "size") or 0
        if target in _LINUX_ONLY and name in _NOT_LINUX:
            yield Found(command.line, f"{target} has to be on a file system of Linux, not {name}", "--fstype=xfs")
        elif target.startswith("/") and name in _NOT_MOUNTED:
            message = f"{name} cannot be mounted at {target}"
            yield Found(command.line, message, "swap has no mount point: swap" if name == "swap" else "--fstype=xfs")
        elif most is not None and mib > most:
            yield Found(command.line, f"{name} of {mib} MiB; {most} are the most that it can have", f"--size={most}")


def no_root(ks: Kickstart) -> Iterator[Found]:
    if not ks.is_installation or not ks.storage_is_known or ks.installs_node or ks.all("autopart"):
        return
    commands = ks.all(*STORAGE)
    if commands and "btrfs" not in ks.rejected and not any(target == "/" for target, _ in mounts(ks)):
        yield Found(commands[0].line, "nothing is mounted at /", "add: part / --fstype=xfs --size=10240 --grow")


def no_storage(ks: Kickstart) -> Iterator[Found]:
    """The node's add-on makes a layout where there is none."""
    is_settled = ks.all(*STORAGE, "snapshot", "ostreecontainer") or ks.has_node_section
    if ks.is_installation and ks.storage_is_known and not is_settled and not ks.rejected:
        payload = ks.first("liveimg", "url", "nfs", "cdrom", "harddrive", "ostreesetup", "hmc")
        line = payload.line if payload else next(ks.all_sections("%packages")).line
        yield Found(
            line, "no command says how to partition; the installation stops and asks", "add autopart, or part commands"
        )


def mount_twice(ks: Kickstart) -> Iterator[Found]:
    seen: dict[str, Command] = {}
    for target, command in mounts(ks):
        if not target.startswith("/"):
            continue
        first = seen.setdefault(target, command)
        if first is not command:
            message = f"a second {target}; it replaces the first, which Anaconda discards"
            yield Found(command.line, message, "remove one of them")


def mount_point(ks: Kickstart) -> Iterator[Found]:
    """Of partitions Anaconda writes any word to /etc/fstab; of arrays and volumes it refuses it."""
    for target, command in mounts(ks):
        if target.startswith(("/", *_MEMBERS)) or target in _NO_MOUNT_POINTS or command.name in ("btrfs", "mount"):
            continue
        severity: Severity | None = "warning" if command.name.startswith("part") else None
        hint = "biosboot, prepboot, swap, pv.NUMBER, raid.NUMBER, or a path that begins with /"
        yield Found(command.line, f"{target!r} is not a mount point", nearest(f"/{target}", _PATHS) or hint, severity)


_PATHS = ("/", "/boot", "/boot/efi", "/home", "/opt", "/srv", "/tmp", "/usr", "/var", "/var/log", "/var/tmp")


def name_twice(ks: Kickstart) -> Iterator[Found]:
    """Names of devices that Anaconda refuses the second time; pykickstart only warns."""
    seen: set[tuple[object, ...]] = set()
    for command in ks.all("part", "partition", "raid", "volgroup", "logvol"):
        for kind, *names in () if value(command, "preexist") else _names(command):
            if (kind, *names) in seen:
                yield Found(command.line, f"a second {kind} {names[-1]}", "give each a name of its own")
            seen.add((kind, *names))


def _names(command: Command) -> Iterator[tuple[str, ...]]:
    target = str(value(command, "mountpoint", ""))
    if target.startswith(_MEMBERS):
        yield "member", target
    if command.name == "raid" and value(command, "device"):
        yield "array", str(value(command, "device"))
    if command.name == "volgroup":
        yield "volume group", str(value(command, "vgname"))
    if command.name == "logvol" and value(command, "name"):
        yield f"volume in {value(command, 'vgname')}:", str(value(command, "name"))


def kept_unnamed(ks: Kickstart) -> Iterator[Found]:
    """What is kept has to be named."""
    names = {"part": "onPart", "partition": "onPart", "raid": "device", "logvol": "name"}
    options = {"onPart": "--onpart", "device": "--device", "name": "--name"}
    for command in ks.all(*names):
        name = names[command.name]
        if not value(command, "format", True) and not value(command, name):
            message = f"--noformat without {options[name]}: nothing says what is kept"
            yield Found(command.line, message, f"add {options[name]}=")


def passphrase_missing(ks: Kickstart) -> Iterator[Found]:
    """The first passphrase of part, raid and logvol commands is that of the later ones too (_get_passphrase)."""
    for command in ks.all("autopart"):
        if value(command, "encrypted") and not value(command, "passphrase"):
            yield _no_passphrase(command)
    is_known = False
    for command in ks.all("part", "partition", "raid", "logvol"):
        if not value(command, "encrypted"):
            continue
        is_known = is_known or bool(value(command, "passphrase"))
        if not is_known:
            yield _no_passphrase(command)


def _no_passphrase(command: Command) -> Found:
    message = "no passphrase is given for --encrypted; the installation stops and asks"
    return Found(command.line, message, "add --passphrase=, in a file that %pre writes and %include reads")


CHECKS = (
    Check("device-size", "error", size, CUSTOM_PARTITIONING),
    Check("device-size-missing", "warning", size_missing, CUSTOM_PARTITIONING),
    Check("device-size-unlikely", "warning", size_unlikely, "pyanaconda, data/anaconda.conf: min_partition_sizes"),
    Check("device-size-most", "warning", size_above_most, "observed with Anaconda of EL9 and EL10"),
    Check("device-format", "error", format_unknown, f"{CUSTOM_PARTITIONING}; blivet, formats/"),
    Check("device-format-unfit", "error", format_unfit, "pyanaconda, data/anaconda.conf: must_be_on_linuxfs; blivet"),
    Check("device-twice", "error", name_twice, CUSTOM_PARTITIONING),
    Check("device-kept", "error", kept_unnamed, CUSTOM_PARTITIONING),
    Check("mount-root", "error", no_root, "pyanaconda, modules/storage/checker/utils.py: verify_root"),
    Check("mount-point", "error", mount_point, CUSTOM_PARTITIONING),
    Check("mount-twice", "error", mount_twice, CUSTOM_PARTITIONING),
    Check("partitioning-missing", "warning", no_storage, "pyanaconda, modules/storage/partitioning/factory.py"),
    Check(
        "passphrase-missing",
        "warning",
        passphrase_missing,
        "pyanaconda, modules/storage/checker/utils.py: verify_luks_devices_have_key",
    ),
)
