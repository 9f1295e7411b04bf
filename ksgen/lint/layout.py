# SPDX-License-Identifier: GPL-2.0-or-later
"""Storage commands that pykickstart lets through and Anaconda stumbles over, or takes for something else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pykickstart.constants import CLEARPART_TYPE_ALL

from ksgen.grammar import STORAGE, Check, Command, Found, Kickstart, value
from ksgen.problems import Severity
from ksgen.variables import nearest
from org_ovirt_node.layout import MIB, RESERVE_MAX, size_text

# blivet, formats/*.py: the formats that register themselves and can be made or used.
_FORMATS = frozenset({
    "appleboot", "biosboot", "btrfs", "efi", "exfat", "ext2", "ext3", "ext4", "f2fs", "gfs2", "hfs", "hfs+", "iso9660",
    "jfs", "luks", "lvmpv", "macefi", "mdmember", "none", "ntfs", "prepboot", "reiserfs", "stratis", "swap", "tmpfs",
    "udf", "vfat", "xfs",
})  # fmt: skip
# pyanaconda, custom_partitioning.py: what is used in place of a mount point.
_MEMBER = re.compile(r"(pv|raid|btrfs)\..*")
_CUSTOM_PARTITIONING = "pyanaconda, modules/storage/partitioning/custom/custom_partitioning.py"


def _mounts(ks: Kickstart) -> Iterator[tuple[str, Command]]:
    """Each mount point with the command that makes it."""
    for command in ks.all("part", "partition", "raid", "logvol", "btrfs"):
        yield str(value(command, "mountpoint", "")), command
    for command in ks.all("mount"):
        yield str(value(command, "mount_point", "")), command


def _is_reused(command: Command) -> bool:
    """Whether a command uses a device that already exists."""
    return bool(value(command, "preexist") or value(command, "onPart") or not value(command, "format", True))


def size(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("part", "partition", "logvol"):
        mib, target = value(command, "size"), value(command, "mountpoint")
        if isinstance(mib, int) and (mib < 0 or (mib == 0 and not value(command, "grow"))):
            yield Found(command.line, f"{target} has --size={mib}", "write its size in MiB: --size=1024")


def size_missing(ks: Kickstart) -> Iterator[Found]:
    """Of a volume the grammar says it."""
    for command in ks.all("part", "partition"):
        target = value(command, "mountpoint")
        others = ("recommended", "hibernation", "resize")
        if value(command, "size") is not None or _is_reused(command) or any(value(command, o) for o in others):
            continue
        if target != "biosboot" and value(command, "fstype") not in ("biosboot", "prepboot"):
            message = f"{target} has no --size; Anaconda makes 500 MiB of it"
            yield Found(command.line, message, "write its size in MiB: --size=1024")


def format_unknown(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("part", "partition", "logvol", "raid"):
        found = value(command, "fstype")
        if found and found not in _FORMATS:
            yield Found(command.line, f"unknown file system {found!r}", nearest(found, _FORMATS))


def no_root(ks: Kickstart) -> Iterator[Found]:
    if not ks.is_installation or not ks.storage_is_known or ks.installs_node or ks.all("autopart"):
        return
    commands = ks.all(*STORAGE)
    if commands and not any(target == "/" for target, _ in _mounts(ks)):
        yield Found(commands[0].line, "nothing is mounted at /", "add: part / --fstype=xfs --size=10240 --grow")


def no_storage(ks: Kickstart) -> Iterator[Found]:
    is_settled = ks.all(*STORAGE, "snapshot", "ostreecontainer")
    if ks.is_installation and ks.storage_is_known and not is_settled and not ks.rejected:
        payload = ks.first("liveimg", "url", "nfs", "cdrom", "harddrive", "ostreesetup", "hmc")
        line = payload.line if payload else next(ks.all_sections("%packages")).line
        yield Found(
            line, "no command says how to partition; the installation stops and asks", "add autopart, or part commands"
        )


def mount_twice(ks: Kickstart) -> Iterator[Found]:
    seen: dict[str, Command] = {}
    for target, command in _mounts(ks):
        if not target.startswith("/"):
            continue
        first = seen.setdefault(target, command)
        if first is not command:
            message = f"a second {target}; it replaces the first, which Anaconda discards"
            yield Found(command.line, message, "remove one of them")


def _made(ks: Kickstart, prefix: str) -> set[str]:
    """The names below which partitions, arrays and volumes serve as members."""
    commands = ks.all("part", "partition", "raid", "logvol")
    names = {str(value(command, "mountpoint", "")) for command in commands}
    return {name for name in names if name.startswith(prefix)}


def _where_missing(ks: Kickstart) -> Severity | None:
    """How grave it is that nothing makes a member: a piece of a kickstart may go with another piece."""
    return None if ks.is_installation else "warning"


def _where_it_may_exist(ks: Kickstart) -> Severity | None:
    """The same of what may be on the disks already and outlive the start of the installation."""
    is_cleared = any(_clears_all(command, ks.only_use) for command in ks.all("clearpart"))
    return _where_missing(ks) if is_cleared else "warning"


def _clears_all(clearpart: Command, only_use: tuple[str, ...]) -> bool:
    """Whether nothing of what was on the disks that the installer may touch is left."""
    drives = {*value(clearpart, "drives", ())}
    is_all = not drives or (bool(only_use) and drives.issuperset(only_use))
    return is_all and value(clearpart, "type") == CLEARPART_TYPE_ALL


def member_undefined(ks: Kickstart) -> Iterator[Found]:
    """Members of groups, arrays and btrfs that no command makes."""
    if not ks.storage_is_known:
        return
    for name, attribute in (("volgroup", "physvols"), ("raid", "members"), ("btrfs", "devices")):
        for command in ks.all(name):
            if value(command, "preexist") or value(command, "subvol"):
                continue
            for member in value(command, attribute, ()):
                if member.startswith("-"):
                    yield Found(command.line, f"{name} has no option {member.partition('=')[0]}", code="option-unknown")
                # Any other word may be a device that is there.
                if _MEMBER.fullmatch(member) and member not in _made(ks, member):
                    hint = f"add: part {member} --size=1 --grow"
                    known = sorted(_made(ks, member.partition(".")[0] + "."))
                    message = f"no command creates {member}"
                    yield Found(command.line, message, nearest(member, known) or hint, _where_missing(ks))


def group_undefined(ks: Kickstart) -> Iterator[Found]:
    if not ks.storage_is_known:
        return
    groups = {value(command, "vgname") for command in ks.all("volgroup")}
    for command in ks.all("logvol"):
        name = value(command, "vgname")
        if name in groups or value(command, "preexist"):
            continue
        hint = nearest(str(name), [str(g) for g in groups]) or f"add: volgroup {name} pv.01, before its volumes"
        yield Found(command.line, f"no command creates volume group {name!r}", hint, _where_it_may_exist(ks))


def pool_undefined(ks: Kickstart) -> Iterator[Found]:
    if not ks.storage_is_known:
        return
    pools: set[tuple[object, object]] = set()
    for command in ks.all("logvol"):
        place = (value(command, "vgname"), value(command, "name"))
        if value(command, "thin_pool"):
            pools.add(place)
        if not value(command, "thin_volume") or value(command, "preexist"):
            continue
        pool = value(command, "pool_name")
        target = value(command, "mountpoint")
        if not pool:
            yield Found(command.line, f"thin volume {target} names no pool", "add --poolname=")
        elif (place[0], pool) not in pools:
            known = [str(name) for group, name in pools if group == place[0]]
            hint = nearest(str(pool), known) or "define the pool before its volumes: logvol none --thinpool --name=..."
            message = f"no command before this one creates pool {pool!r}"
            yield Found(command.line, message, hint, _where_it_may_exist(ks))


# blivet, devicelibs/raid.py: min_members
_MEMBERS_MIN = {"0": 2, "1": 2, "4": 3, "5": 3, "6": 4, "10": 2}


def array_small(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("raid"):
        level = str(value(command, "level") or "").upper().removeprefix("RAID")
        count, needed = len(value(command, "members", ())), _MEMBERS_MIN.get(level)
        if needed is not None and not value(command, "preexist") and 0 < count < needed:
            members = f"{count} member{'' if count == 1 else 's'}"
            yield Found(command.line, f"{members} for RAID {level}, which needs {needed}", "")


def reserve_twice(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("volgroup"):
        if value(command, "reserved_space") and value(command, "reserved_percent"):
            message = "--reserved-space and --reserved-percent; Anaconda silently uses the first of them"
            yield Found(command.line, message, "remove one of them")


def reserve_large(ks: Kickstart) -> Iterator[Found]:
    """A share of a group that is known to be large; automatic partitioning stops at a size."""
    sizes = {value(c, "mountpoint"): value(c, "size") or 0 for c in ks.all("part", "partition", "raid")}
    for command in ks.all("volgroup"):
        percent = value(command, "reserved_percent")
        if not percent or value(command, "reserved_space"):
            continue
        reserved = sum(sizes.get(member, 0) for member in value(command, "physvols", ())) * MIB * percent // 100
        if reserved > RESERVE_MAX:
            found, wanted = size_text(reserved), size_text(RESERVE_MAX)
            hint = f"--reserved-space={RESERVE_MAX // MIB}"
            yield Found(command.line, f"--reserved-percent={percent} keeps {found} free; {wanted} are enough", hint)


def reqpart_with_array(ks: Kickstart) -> Iterator[Found]:
    boots = [command for command in ks.all("raid") if value(command, "mountpoint") in ("/boot", "/", "/boot/efi")]
    for command in ks.all("reqpart") if boots else ():
        message = "reqpart with a RAID array: EL9 creates what the firmware needs on one disk only, EL10 refuses"
        yield Found(command.line, message, "write the biosboot and ESP partitions of each disk")


def boot_drive(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("bootloader"):
        drive = str(value(command, "bootDrive") or "")
        if len(ks.only_use) == 1 and "/wwn-" in drive:
            message = "--boot-drive with a WWN: with multipath the link matches two disks, and the installation fails"
            yield Found(command.line, message, "leave --boot-drive out; there is one disk")


CHECKS = (
    Check("device-size", "error", size, _CUSTOM_PARTITIONING),
    Check("device-size-missing", "warning", size_missing, _CUSTOM_PARTITIONING),
    Check("device-format", "error", format_unknown, f"{_CUSTOM_PARTITIONING}; blivet, formats/"),
    Check("mount-root", "error", no_root, "pyanaconda, modules/storage/checker/utils.py: verify_root"),
    Check("partitioning-missing", "warning", no_storage, "pyanaconda, modules/storage/partitioning/factory.py"),
    Check("mount-twice", "error", mount_twice, _CUSTOM_PARTITIONING),
    Check("member-undefined", "error", member_undefined, _CUSTOM_PARTITIONING),
    Check("group-undefined", "error", group_undefined, _CUSTOM_PARTITIONING),
    Check("pool-undefined", "error", pool_undefined, _CUSTOM_PARTITIONING),
    Check("array-small", "error", array_small, "blivet, devicelibs/raid.py"),
    Check("reserve-twice", "warning", reserve_twice, "observed with Anaconda of EL9 and EL10"),
    Check("reserve-large", "warning", reserve_large, "blivet, DEFAULT_THPOOL_RESERVE: 20 %, at most 100 GiB"),
    Check("reqpart-with-array", "warning", reqpart_with_array, "observed with Anaconda of EL9 and EL10"),
    Check("boot-drive-link", "warning", boot_drive, "observed with Anaconda of EL9 and EL10"),
)
