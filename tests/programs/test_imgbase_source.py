# SPDX-License-Identifier: GPL-2.0-or-later
"""What the hook says of imgbased's reading, asked of imgbased's own source: IMGBASED_SOURCE, as for `make lab`."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from imgbase_site import DATA, Recorded, Site
from lab.node import imgbase_source
from test_imgbase import PRECONDITIONS

from org_ovirt_node.programs import imgbase
from org_ovirt_node.programs.imgbase import Facts, Wanted

pytestmark = pytest.mark.skipif(imgbase_source() is None, reason="imgbased's source tree is wanted: IMGBASED_SOURCE")

# Runs imgbased's own functions, without LVM: `lvs` knows the names that LVM knows.
ASK = """
import json, sys, types
rpm, systemd = types.ModuleType("rpm"), types.ModuleType("systemd")
systemd.journal = types.ModuleType("systemd.journal")
sys.modules.update({"rpm": rpm, "systemd": systemd, "systemd.journal": systemd.journal})
sys.path.insert(0, sys.argv[1])
from imgbased import lvm, utils

def lvs(arguments):
    path = arguments[-1]
    if path not in json.loads(sys.argv[4]):
        raise RuntimeError("Failed to find logical volume " + path)
    return "onn root"

lvm.LVM._lvs = staticmethod(lvs)
question, path = sys.argv[2:4]
try:
    if question == "fstab":
        fstab = utils.Fstab(path)
        lvm.LVM.LV.try_find(fstab.by_target("/").source)
        for target in ("/var", "/var/log"):
            fstab.by_target(target)
    else:
        utils.SystemRelease(path)
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """imgbased as its package installs it; of its templates only the one that it imports."""
    source = imgbase_source()
    assert source is not None
    place = tmp_path_factory.mktemp("imgbased")
    (place / "imgbased").symlink_to(source / "src" / "imgbased")
    if not (source / "src" / "imgbased" / "constants.py").exists():
        (place / "imgbased").unlink()
        subprocess.run(["cp", "-r", source / "src" / "imgbased", place / "imgbased"], check=True)
        text = (source / "src" / "imgbased" / "constants.py.in").read_text()
        (place / "imgbased" / "constants.py").write_text(text)
    return place


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return imgbase.gather(Recorded(Site(tmp_path_factory.mktemp("before"))))


def ask(package: Path, question: str, text: str, directory: Path) -> str:
    """Why imgbased fails at a file with this text; nothing when it does not."""
    file = directory / "file"
    file.write_text(text, errors="surrogateescape")
    names = json.dumps(["/dev/mapper/onn-root", "/dev/onn/root", "/dev/mapper/onn-home"])
    done = subprocess.run(
        [sys.executable, "-c", ASK, package, question, file, names],
        env={**os.environ, "LC_ALL": "C", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_el10s_fstab_before_and_after(package: Path, before: Facts, tmp_path: Path) -> None:
    text = (DATA / "el10" / "fstab").read_text()
    uuid = next(line.split()[0] for line in text.splitlines() if " / " in line)
    assert ask(package, "fstab", text, tmp_path) == f"RuntimeError Can't find LV for: {uuid}"
    root = before.root
    assert root is not None
    volumes = (dataclasses.replace(root, uuid=uuid.partition("=")[2]),)
    facts = dataclasses.replace(before, volumes=volumes, fstab_text=text)
    assert ask(package, "fstab", imgbase.renamed(text, imgbase.renamings(facts)), tmp_path) == ""


# The rows of the hook's table that are about these two files; not those where the hook is stricter than imgbased: a
# line that leads / to another volume, or another volume to nothing at boot.
READ = ("root-by-", "lines-missing", "line-with-", "two-lines-", "release-cpe-")
NOT_ASKED = ("root-by-another-volume", "release-cpe-missing-is-told-once")
ROWS = [row for row in PRECONDITIONS if str(row.id).startswith(READ) and row.id not in NOT_ASKED]


@pytest.mark.parametrize("row", [pytest.param(row.values, id=row.id) for row in ROWS])
def test_imgbased_fails_at_what_the_hook_refuses_and_at_nothing_else(
    package: Path, before: Facts, tmp_path: Path, row: tuple[Wanted, Callable[[Facts], Facts], tuple[str, ...]]
) -> None:
    _, change, expected = row
    facts = change(before)
    if facts.fstab_text != before.fstab_text:
        fails = ask(package, "fstab", facts.fstab_text, tmp_path)
    else:
        fails = ask(package, "cpe", str(facts.release_cpe), tmp_path)
    assert bool(fails) == bool(expected), fails
