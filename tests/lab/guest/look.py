# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs in a machine of the lab: what lsblk, LVM, the mount table and the file systems say. Usage: look.py FOUND."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

LSBLK = ("lsblk", "--json", "--bytes", "--list", "--output=NAME,TYPE,SIZE,FSTYPE,PARTTYPE")
LVM = ("--units=b", "--nosuffix", "--reportformat=json")
LVS = "lv_name,vg_name,lv_size,pool_lv,segtype,lv_tags,lv_metadata_size,data_percent"
VGS = "vg_name,vg_size,vg_free,vg_extent_size"


def ask(*argv: str) -> Any:
    return json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout)


def size(device: Path) -> int:
    done = subprocess.run(["blockdev", "--getsize64", device], check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout)


def main() -> None:
    (path,) = sys.argv[1:]
    subprocess.run(["udevadm", "settle"], check=True)
    mounts = ask("findmnt", "--json", "--list", "--output=TARGET,SOURCE,FSTYPE,OPTIONS")["filesystems"]
    disks = [str(link) for link in Path("/dev/disk/by-node").iterdir()]
    own = [row for row in mounts if row["target"].startswith("/mnt/sysroot")]
    space = {row["target"]: os.statvfs(row["target"]) for row in own}
    rows = [row for disk in disks for row in ask(*LSBLK, disk)["blockdevices"]]
    # Those of other disks start by themselves.
    names = {row["name"] for row in rows}
    arrays = [link for link in sorted(Path("/dev/md").glob("*")) if link.resolve().name in names]
    found = {
        "lsblk": rows,
        "arrays": {link.name: size(link) for link in arrays},
        "lvs": ask("lvs", "-a", "-o", LVS, *LVM)["report"][0]["lv"],
        "vgs": ask("vgs", "-o", VGS, *LVM)["report"][0]["vg"],
        "mounts": own,
        "space": {target: row.f_blocks * row.f_frsize for target, row in space.items()},
    }
    Path(path).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
