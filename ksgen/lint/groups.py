# SPDX-License-Identifier: GPL-2.0-or-later
"""Volume groups, thin pools and arrays: members that nothing makes or uses, and what does not fit into its group."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pykickstart.constants import CLEARPART_TYPE_ALL

from ksgen.grammar import Check, Command, Found, Kickstart, value
from ksgen.lint.facts import CUSTOM_PARTITIONING, is_reused, made
from ksgen.lint.layout import name_twice
from ksgen.problems import Severity
from ksgen.variables import nearest
from org_ovirt_node.layout import MIB, RESERVE_MAX, is_name_reserved, size_text

# pyanaconda, custom_partitioning.py: what is used in place of a mount point.
_MEMBER = re.compile(r"(pv|raid|btrfs)\..*")


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
                if _MEMBER.fullmatch(member) and member not in made(ks, member):
                    hint = f"add: part {member} --size=1 --grow"
                    known = sorted(made(ks, member.partition(".")[0] + "."))
                    message = f"no command creates {member}"
                    yield Found(command.line, message, nearest(member, known) or hint, _where_missing(ks))


def member_unused(ks: Kickstart) -> Iterator[Found]:
    if not ks.is_installation or not ks.storage_is_known:
        return
    users = {"pv.": ("volgroup", "physvols"), "raid.": ("raid", "members")}
    for prefix, (user, attribute) in users.items():
        used = {member for command in ks.all(user) for member in value(command, attribute, ())}
        used |= {member for command in ks.all("logvol") for member in value(command, "cache_pvs", ())}
        if any(name.startswith(prefix) and name not in made(ks, prefix) for name in used):
            continue  # it is misspelt there
        for name, command in made(ks, prefix).items():
            if name not in used:
                message = f"{name} takes space, and no {user} command uses it"
                yield Found(command.line, message, f"add it to a {user} command, or remove it")


def member_shared(ks: Kickstart) -> Iterator[Found]:
    """blivet plans two groups on one physical volume silently; the second cannot be made."""
    for user, attribute in (("volgroup", "physvols"), ("raid", "members")):
        seen: set[str] = set()
        for command in ks.all(user):
            for member in value(command, attribute, ()):
                if member in seen and not value(command, "preexist"):
                    message = f"{member} is given twice; it can be in one place"
                    yield Found(command.line, message, "give each its own member")
                seen.add(member)


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


def name_reserved(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("volgroup", "logvol"):
        name = str(value(command, "vgname" if command.name == "volgroup" else "name") or "")
        if is_name_reserved(name) and not is_reused(command):
            yield Found(command.line, f"{name!r} is reserved by LVM", "choose another name")


# --- sizes -----------------------------------------------------------------------------------------------------------


def most_of(ks: Kickstart, group: Command) -> int | None:
    """The MiB that a volume group has at most; None where that is open."""
    members = made(ks, "pv.")
    sizes = [_most(members.get(name)) for name in value(group, "physvols", ())]
    return None if is_reused(group) or not sizes or None in sizes else sum(size for size in sizes if size)


def _most(member: Command | None) -> int | None:
    """The MiB of a partition at most."""
    if member is None or member.name not in ("part", "partition") or is_reused(member):
        return None
    least, most = value(member, "size") or 0, value(member, "maxSizeMB") or 0
    if value(member, "grow"):
        return max(least, most) if most else None
    return least or None


def in_group(ks: Kickstart, group: object) -> tuple[Command, ...]:
    """The new volumes and pools that take their space from a group."""
    volumes = (command for command in ks.all("logvol") if value(command, "vgname") == group)
    return tuple(command for command in volumes if not value(command, "thin_volume") and not is_reused(command))


def least_of(volumes: tuple[Command, ...]) -> int:
    """The MiB that volumes take at least."""
    return sum(value(volume, "size") or 0 for volume in volumes)


def group_small(ks: Kickstart) -> Iterator[Found]:
    """blivet: new lv is too large to fit in free space. Of names that are there twice none can be said to be meant."""
    if not ks.storage_is_known or any(name_twice(ks)):
        return
    for group in ks.all("volgroup"):
        name = value(group, "vgname")
        room, needed = most_of(ks, group), least_of(in_group(ks, name))
        if room is not None and needed > room:
            found, wanted = size_text(room * MIB), size_text(needed * MIB, round_up=True)
            message = f"the volumes of {name} add up to {wanted}; its physical volumes have {found}"
            yield Found(group.line, message, "make volumes smaller, or let the physical volume grow: --size=1 --grow")


def extent(ks: Kickstart) -> Iterator[Found]:
    """LVM takes powers of two."""
    for command in ks.all("volgroup"):
        kib = value(command, "pesize")
        if isinstance(kib, int) and kib and (kib < 0 or kib & (kib - 1) or kib > 16 * 1024 * 1024):
            yield Found(command.line, f"--pesize={kib} is not the size of an extent", "a power of 2 in KiB: 4096")


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


# --- arrays ----------------------------------------------------------------------------------------------------------

# blivet, devicelibs/raid.py: min_members
_MEMBERS_MIN = {"0": 2, "1": 2, "4": 3, "5": 3, "6": 4, "10": 2}


def level(raid: Command) -> str:
    """The level of an array as a number."""
    return str(value(raid, "level") or "").upper().removeprefix("RAID")


def array_small(ks: Kickstart) -> Iterator[Found]:
    for command in ks.all("raid"):
        number, count = level(command), len(value(command, "members", ()))
        needed = _MEMBERS_MIN.get(number)
        count -= value(command, "spares") or 0
        if needed is not None and not value(command, "preexist") and 0 < count < needed:
            members = f"{count} member{'' if count == 1 else 's'}"
            yield Found(command.line, f"{members} for RAID {number}, which needs {needed}", "")


def array_on_one_disk(ks: Kickstart) -> Iterator[Found]:
    """Where each member names its disk."""
    members = made(ks, "raid.")
    for command in ks.all("raid"):
        names = value(command, "members", ())
        disks = [str(value(members[name], "disk") or "") if name in members else "" for name in names]
        if len(disks) > 1 and disks[0] and len(set(disks)) == 1:
            message = f"all members of this array are on {disks[0]}: it fails with that disk"
            yield Found(command.line, message, "put each member on a disk of its own: --ondisk=")


def reqpart_with_array(ks: Kickstart) -> Iterator[Found]:
    """The grub2 of EL10's checker wants biosboot on each disk of the array that holds /boot."""
    boots = [command for command in ks.all("raid") if value(command, "mountpoint") in ("/boot", "/", "/boot/efi")]
    for command in ks.all("reqpart") if boots else ():
        message = "reqpart with a RAID array: EL9 creates what the firmware needs on one disk only, EL10 refuses"
        severity: Severity | None = "error" if ks.release == "el10" else None
        yield Found(command.line, message, "write the biosboot and ESP partitions of each disk", severity)


CHECKS = (
    Check("member-undefined", "error", member_undefined, CUSTOM_PARTITIONING),
    Check("member-unused", "warning", member_unused, "observed with Anaconda of EL9 and EL10"),
    Check("member-shared", "error", member_shared, "observed with Anaconda of EL9 and EL10"),
    Check("group-undefined", "error", group_undefined, CUSTOM_PARTITIONING),
    Check("group-small", "error", group_small, "blivet, devices/lvm.py; observed with Anaconda of EL9 and EL10"),
    Check("group-extent", "error", extent, CUSTOM_PARTITIONING),
    Check("name-reserved", "error", name_reserved, "lvm(8), VALID NAMES"),
    Check("pool-undefined", "error", pool_undefined, CUSTOM_PARTITIONING),
    Check("reserve-twice", "warning", reserve_twice, "observed with Anaconda of EL9 and EL10"),
    Check("reserve-large", "warning", reserve_large, "blivet, DEFAULT_THPOOL_RESERVE: 20 %, at most 100 GiB"),
    Check("array-small", "error", array_small, "blivet, devicelibs/raid.py"),
    Check("array-one-disk", "warning", array_on_one_disk, "md(4)"),
    Check("reqpart-with-array", "warning", reqpart_with_array, "observed with Anaconda of EL9 and EL10"),
)
