# SPDX-License-Identifier: GPL-2.0-or-later
"""What an installed node says of itself, beside what was planned for it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ksgen.host import Host
from org_ovirt_node import layout
from org_ovirt_node.layout import Device

_COLOURS = re.compile(r"\x1b\[[0-9;]*[mG]")
END = "end"
# Runs in an installed node, after all other services: what it says of itself goes out by the second serial port.
SCRIPT = """\
part() { printf '== %s\\n' "$1"; shift; "$@" 2>/dev/null; }
keys() {
    getent passwd | while IFS=: read -r user _ _ _ _ home _; do
        [ -f "$home/.ssh/authorized_keys" ] && sed "s/^/$user /" "$home/.ssh/authorized_keys"
    done
}
stty -F /dev/ttyS1 raw -echo
{
    # Firmware and boot loader have been on this line, and did not end theirs.
    echo
    part layer imgbase w
    part layers imgbase layout
    part check imgbase check
    ! command -v nodectl >/dev/null || part nodectl nodectl --machine-readable check
    part cmdline cat /proc/cmdline
    part mounts findmnt --json --list --output=TARGET,SOURCE,FSTYPE,OPTIONS
    part volumes lvs --units=b --nosuffix --reportformat=json -o vg_name,lv_name,lv_size,pool_lv,lv_tags,data_percent
    part groups vgs --units=b --nosuffix --reportformat=json -o vg_name,vg_size,vg_free
    part boot stat -f -c '%b %S' /boot
    part addresses ip -j address show scope global
    part keys keys
    @MORE@
    part failed systemctl --failed --plain --no-legend
    part end
} >/dev/ttyS1
"""


def script(*more: str) -> str:
    """The script, with more lines: `part NAME COMMAND…`."""
    return SCRIPT.replace("@MORE@", "\n    ".join(more) or ":")


@dataclasses.dataclass(frozen=True)
class Seen:
    """One thing of a node: what it is, whether it is as planned."""

    is_good: bool
    text: str

    def __str__(self) -> str:
        return f"{'ok   ' if self.is_good else 'WRONG'} {self.text}"


def parts(text: str) -> dict[str, str]:
    """The answers by their names; `end` is among them when it said all."""
    pieces = re.split(r"^== (\w+)\n", text.replace("\r", ""), flags=re.MULTILINE)
    return dict(zip(pieces[1::2], pieces[2::2], strict=True))


def judge(answers: Mapping[str, str], host: Host, nvr: str) -> Iterator[Seen]:
    """Everything that was looked at, good or not."""
    layer = f"{nvr}+1"
    yield same("the system that runs", answers.get("layer", "").strip(), f"You are on {layer}")
    yield same("the layers", " ".join(answers.get("layers", "").split()), f"{nvr} +- {layer}")
    yield _has("the kernel's arguments", answers.get("cmdline", "").split(), f"img.bootid={layer}")
    yield from _volumes(answers, host)
    yield from _mounts(answers, host, layer)
    blocks, size = (int(word) for word in (answers.get("boot") or "0 0").split())
    yield _at_least("bytes of /boot's file system", blocks * size, layout.BOOT_SPACE_MIN)
    for name, complaints in checks(answers).items():
        yield Seen(not complaints, f"{name}: {'; '.join(complaints) or 'nothing to complain of'}")


def checks(answers: Mapping[str, str]) -> dict[str, list[str]]:
    """What `imgbase check` and `nodectl check` complain of. Both exit with 0 whatever they find."""
    found = {"imgbase check": _imgbase_check(answers.get("check", ""))}
    if "nodectl" in answers:
        found["nodectl check"] = _nodectl_check(answers["nodectl"])
    return found


def _imgbase_check(text: str) -> list[str]:
    """Lines like `  Separate /var ... OK`, the first of them `Status: OK`."""
    lines = [_COLOURS.sub("", line).strip() for line in text.splitlines()]
    if not lines or not lines[0].startswith("Status:"):
        return [f"it says {text.strip()!r}"]
    return [line for line in lines if line and not re.search(r"(?:^Status:| \.\.\.) OK$", line)]


def _nodectl_check(text: str) -> list[str]:
    """JSON whose leaves are the word `ok`."""
    try:
        return list(_not_ok(json.loads(text), ""))
    except ValueError:
        return [f"it says {text.strip()!r}"]


def _not_ok(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _not_ok(inner, f"{place}/{name}")
    elif value != "ok":
        yield f"{place} is {value!r}"


def _volumes(answers: Mapping[str, str], host: Host) -> Iterator[Seen]:
    rows = _rows(answers, "volumes", "lv")
    there = {f"{row['vg_name']}/{row['lv_name']}": int(row["lv_size"]) for row in rows}
    group = host.plan.one("lvmvg")
    for device in host.plan.devices:
        if device.kind in ("lvmthinpool", "lvmthinlv", "lvmlv"):
            name = f"{group.name}/{device.name}"
            yield same(f"bytes of {name}", there.get(name, 0), device.size)
    sizes = {row["vg_name"]: int(row["vg_size"]) for row in _rows(answers, "groups", "vg")}
    yield same(f"bytes of {group.name}", sizes.get(group.name, 0), group.size)


def mapped(group: str, volume: str) -> str:
    """The device of a volume as findmnt shows it; a hyphen in a name is two in the device's."""
    return "/dev/mapper/{}-{}".format(*(name.replace("-", "--") for name in (group, volume)))


def mounts(host: Host) -> dict[str, Device]:
    """What was planned to be mounted, by its place."""
    found = {device.mount_point: device for device in host.plan.devices if device.mount_point}
    if host.settings.firmware == "bios":
        found.pop("/boot/efi", None)
    return found


def filesystem(device: Device) -> str:
    """Its file system, as findmnt names it."""
    return {"efi": "vfat"}.get(str(device.filesystem), str(device.filesystem))


def _mounts(answers: Mapping[str, str], host: Host, layer: str) -> Iterator[Seen]:
    try:
        rows = {row["target"]: row for row in json.loads(answers.get("mounts", ""))["filesystems"]}
    except ValueError:
        rows = {}
    group = host.plan.one("lvmvg").name
    for path, device in mounts(host).items():
        row = rows.get(path, {"source": "nothing", "fstype": "", "options": ""})
        wanted = filesystem(device)
        found = row["fstype"]
        if device.kind == "lvmthinlv":
            # The layer is a snapshot of the base, which is one of the volume that was planned.
            name = layer if path == "/" else device.name
            wanted += f" of /dev/{group}/{name} with discard"
            source = row["source"].replace(mapped(group, name), f"/dev/{group}/{name}")
            found += f" of {source} with{'' if 'discard' in row['options'].split(',') else 'out'} discard"
        yield same(f"on {path}", found, wanted)


def _rows(answers: Mapping[str, str], name: str, kind: str) -> list[dict[str, str]]:
    try:
        return list(json.loads(answers.get(name, ""))["report"][0][kind])
    except ValueError:
        return []


def same(what: str, found: object, wanted: object) -> Seen:
    """Whether what was found is what was planned."""
    return Seen(found == wanted, f"{what}: {found}" + ("" if found == wanted else f", not {wanted}"))


def _has(what: str, found: list[str], wanted: str) -> Seen:
    return Seen(wanted in found, f"{what}: {wanted}" + ("" if wanted in found else f" is not in {' '.join(found)}"))


def _at_least(what: str, found: int, wanted: int) -> Seen:
    return Seen(found >= wanted, f"{what}: {found}" + ("" if found >= wanted else f", less than {wanted}"))
