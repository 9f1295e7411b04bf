# SPDX-License-Identifier: GPL-2.0-or-later
"""Kickstarts with the add-on's section for both judges of a layout: lint reads them, the gate what Anaconda plans."""

from __future__ import annotations

import random
from typing import Optional

from gate_cases import AUTOMATIC, GOOD, MINIMAL, Case, changed, plain, thin

SECTIONS = (
    "--layout=standard",
    "--layout=standard --disks=1",
    "--layout=minimal",
    "--layout=standard --findings=warn",
    "--layout=standard\nvolume /data 4 GiB",
    "--layout=standard\nvolume /var 12 GiB",
    "--layout=standard\nvolume / 12 GiB\nimage 2 GiB",
)
Change = dict[str, Optional[str]]
LEFT_OUT: tuple[Change, ...] = tuple({path: None} for path in ("/home", "/tmp", "/var/crash", "/var/log", "/var/tmp"))
CHANGES: tuple[Change, ...] = (
    *LEFT_OUT,
    {"/var/tmp": None, "/tmp": None, "/home": None},
    dict(MINIMAL),
    {"/boot": GOOD["/boot"].replace("2048", "1024")},
    {"/boot": GOOD["/boot"].replace("2048", "1200 --fstype=ext4").replace("--fstype=xfs ", "")},
    {"/boot": None, "firmware": "reqpart --add-boot"},
    {"/boot": GOOD["/boot"] + " --label=boot"},
    {"/": thin("/", 7168)},
    {"/": thin("/", 15360)},
    {"/": thin("/", 10240, "--fsoptions=nodiscard")},
    {"/": GOOD["/"] + " --grow --maxsize=12288"},
    {"/home": plain("/home", 1024)},
    {"/home": thin("/home", 1024) + " --encrypted --passphrase=Secret.123"},
    {"/tmp": thin("/tmp", 512)},
    {"/var": thin("/var", 4096)},
    {"/var": thin("/var", 20480)},
    {"/var/log": thin("/var/log", 8192, "--fstype=ext4")},
    {"/var/log": thin("/var/log", 8192, "--fstype=ext3 --fsoptions=defaults,discard")},
    {"/var/log": thin("/var/log", 8192, "--fsoptions=noatime")},
    {"/data": thin("/data", 6144)},
    {"/srv": plain("/srv", 4096)},
    {"/opt/x": "part /opt/x --fstype=xfs --size=1024 --ondisk=sda"},
    {"/usr": thin("/usr", 8192)},
    {"/boot/x": thin("/boot/x", 2048)},
    {"swap": None},
    {"swap": "part swap --size=2048 --ondisk=sda"},
    {"swap": plain("swap", 2048, "--fstype=swap --recommended").replace("--size=2048 ", "")},
    {"swap": thin("swap", 4096, "--fstype=swap")},
    {"pool": GOOD["pool"].replace("--size=1 ", "--size=48128 ")},
    {"pool": GOOD["pool"].replace("1024", "512")},
    {"pool": GOOD["pool"].replace(" --metadatasize=1024", "")},
    {"pool": GOOD["pool"].replace("--size=1 --grow", "--size=61440")},
    {"pool": GOOD["pool"] + " --chunksize=1024"},
    {"group": "volgroup onn pv.01"},
    {"group": "volgroup onn pv.01 --reserved-space=512"},
    {"group": "volgroup onn pv.01 --reserved-percent=20"},
    {"group": "volgroup onn pv.01 --reserved-percent=2"},
    {"pv": GOOD["pv"] + " --encrypted --passphrase=Secret.123"},
)
AUTOPARTS = ("", " --type=thinp", " --nohome", " --fstype=ext4", " --encrypted --passphrase=Secret.123", " --noswap")


def cases(count: int, seed: int = 0) -> tuple[Case, ...]:
    """Different kickstarts of up to three changes, each with a section."""
    choose = random.Random(seed)
    found: dict[str, Case] = {}
    while len(found) < count:
        section = choose.choice(SECTIONS)
        if choose.random() < 0.2:
            text = AUTOMATIC + choose.choice(AUTOPARTS)
        else:
            changes: Change = {}
            for change in choose.sample(CHANGES, choose.randint(1, 3)):
                changes.update(change)
            text = changed(changes)
        found.setdefault(f"{text}\n{section}", Case(f"case-{len(found)}", text, section=section))
    return tuple(found.values())
