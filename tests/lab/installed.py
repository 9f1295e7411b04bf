# SPDX-License-Identifier: GPL-2.0-or-later
"""An installed node of the lab's image: what it is asked after it has booted, and what it has to answer."""

from __future__ import annotations

from pathlib import Path

from lab.look import checks, mapped
from lab.machine import Result
from lab.node import imgbase_source, nodectl_source

# What the site's scripts write: what an update takes along, what it leaves behind, and what is no part of a layer.
TAKEN, LEFT, ON_VAR = ("/etc/site.conf", "/root/site"), "/usr/local/lib/site/file", "/var/lib/site"
WRITTEN = (*TAKEN, LEFT, ON_VAR)
WRITE = "".join(f"mkdir -p {Path(file).parent}; echo site >{file}\n" for file in WRITTEN)
# LVM waits five seconds for dmeventd, which is too short for an emulated machine that has to share its processors.
BOOTED = f"""\
systemctl -q is-failed lvm2-monitor && systemctl restart lvm2-monitor
findmnt -no SOURCE / >$OUT/root
imgbase w >$OUT/w
imgbase layout >$OUT/layout
grep -ls site {" ".join(WRITTEN)} >$OUT/written
systemctl --failed --plain --no-legend >$OUT/failed
imgbase check >$OUT/check
! command -v nodectl || nodectl --machine-readable check >$OUT/nodectl
"""
# Of what fails in its threads imgbase says nothing without --debug.
UPDATE = """\
imgbase --debug update /dev/sr0 >/run/update.log 2>&1 || { tail -n 100 /run/update.log; exit 1; }
lvs --noheadings -o data_percent onn/pool00 >$OUT/fill
"""
ROLLBACK = BOOTED + "imgbase rollback\n"
IS_REAL = imgbase_source() is not None


def assert_runs(booted: Result, nvr: str) -> None:
    """The node runs in the layer of that name, and nothing of it complains."""
    assert booted.text("w").strip() == f"You are on {nvr}+1", booted.console
    assert booted.text("root").strip() in (f"/dev/onn/{nvr}+1", mapped("onn", f"{nvr}+1"))
    assert booted.text("failed") == ""
    if IS_REAL:
        found = checks({name: booted.text(name) for name in ("check", "nodectl") if name in booted.files})
        assert not any(found.values()), found
        assert ("nodectl check" in found) == (nodectl_source() is not None)
