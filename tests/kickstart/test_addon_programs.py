# SPDX-License-Identifier: GPL-2.0-or-later
"""Kickstarts call the programs of the add-on, and stop where the installer lacks them; without it they embed them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from inventories import inventory_text, one_host, read_text

from ksgen.addon import updates
from ksgen.kickstart.page import PROGRAMS, Templates, programs, source
from org_ovirt_node.programs import disks, imgbase, nics

BOND = "[{name: bond0, bond: {members: ['52:54:00:aa:00:01', '52:54:00:aa:00:02']}}]"
ADDON_DIRECTORY = "/usr/share/anaconda/addons/org_ovirt_node"


def text_of(directory: Path, **variables: str) -> str:
    text, problems = Templates().render(one_host(directory, **variables))
    assert text is not None, problems
    return text


@pytest.mark.parametrize("addon", ["true", "tree"])
def test_programs_are_called_where_the_image_has_them(addon: str, tmp_path: Path) -> None:
    text = text_of(tmp_path, node_addon=addon, node_network=BOND)
    assert not [program for program in programs() if program in text]
    assert f"\nprogram={ADDON_DIRECTORY}/programs/disks.py\n" in text
    assert (
        f"\n/usr/bin/python3 {ADDON_DIRECTORY}/programs/nics.py /tmp/node-network.ks.wanted /tmp/node-network.ks\n"
        in text
    )
    packed = {file.path for file in updates.addon_files()}
    for program in ("disks.py", "nics.py"):
        assert f"{PROGRAMS}/{program}".lstrip("/") in packed


def test_a_person_can_read_it(tmp_path: Path) -> None:
    assert len(text_of(tmp_path).splitlines()) < 140


def test_programs_are_embedded_without_the_add_on(tmp_path: Path) -> None:
    text = text_of(tmp_path, node_addon="false", node_network=BOND)
    for program in (disks, nics, imgbase):
        assert text.count(source(program)) == 1
    assert PROGRAMS not in text


# --- the installer without the add-on --------------------------------------------------------------------------------


def stopped(directory: Path, way: str, cmdline: str, *, with_old_addon: bool = False) -> tuple[int, str, str, int]:
    """The script run with /dev, /proc, /sys and the add-on in a directory: status, output, what tty0 got, pauses."""
    text = text_of(directory, node_addon=way)
    _, _, script = text.partition("%pre --erroronfail --log=/tmp/node-disks.log\n")
    script, _, _ = script.partition("\n%end\n")
    for place in ("/tmp/node-", "/dev/$", "/proc/cmdline", "/sys/class/tty"):
        script = script.replace(place, f"{directory}{place}")
    addon = directory / "addon"
    script = script.replace(f"[ -d {ADDON_DIRECTORY} ]", f"[ -d {addon} ]").replace(
        f"={PROGRAMS}", f"={addon}/programs"
    )
    for path, content in (("proc/cmdline", cmdline), ("sys/class/tty/console/active", "ttyS0 tty0\n")):
        (directory / path).parent.mkdir(parents=True)
        (directory / path).write_text(content)
    for name in ("dev", "tmp", "bin", *(["addon"] if with_old_addon else [])):
        (directory / name).mkdir()
    (directory / "bin" / "sleep").write_text(f"#!/bin/sh\necho $1 >>{directory}/pauses\n")
    (directory / "bin" / "sleep").chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env={"PATH": f"{directory}/bin:/usr/bin:/bin"}
    )
    assert done.stderr == ""
    heard = {(directory / "dev" / name).read_text() for name in ("tty0", "tty1", "ttyS0")}
    assert len(heard) == 1
    pauses = (directory / "pauses").read_text().split()
    assert set(pauses) == {str(disks.REPEAT_EVERY)}
    return done.returncode, done.stdout, heard.pop(), len(pauses) * disks.REPEAT_EVERY


URL = "http://pxe.example.com/nodes/images/ovirt-node-updates.img?v=2"


@pytest.mark.parametrize(
    ("way", "cmdline", "updates_url"),
    [
        pytest.param("true", f"quiet inst.updates=http://old inst.updates={URL} inst.ks=x\n", URL, id="not-fetched"),
        pytest.param("true", "quiet inst.ks=x\n", "", id="not-given"),
        pytest.param("tree", f"quiet inst.updates={URL}\n", "", id="not-in-the-tree"),
    ],
)
def test_missing_add_on_stops_with_the_resolver_s_words(
    way: str, cmdline: str, updates_url: str, tmp_path: Path
) -> None:
    wanted = disks.describe([disks.addon_missing({"true": "updates"}.get(way, way), updates_url)]) + "\n"
    assert stopped(tmp_path, way, cmdline) == (1, wanted, wanted, disks.REPEAT_FOR)


def test_older_add_on_stops(tmp_path: Path) -> None:
    status, output, heard, _ = stopped(tmp_path, "true", f"inst.updates={URL}\n", with_old_addon=True)
    assert status == 1
    assert output == heard
    assert (
        "error: addon-too-old: the installer's add-on is older than this kickstart; "
        f"needed: {ADDON_DIRECTORY}/programs/disks.py\n"
    ) in output


def test_add_on_of_another_version_refuses_the_call() -> None:
    """The version in the text rises with every change of its keys."""
    text = disks.written(disks.Wanted((disks.WantedDisk(serial="abc"),), "onn"))
    with pytest.raises(disks.ContractError, match=r"version 4 is not 3"):
        disks.read(text.replace('"version": 3', '"version": 4'))


def test_program_of_the_add_on_is_run(tmp_path: Path) -> None:
    text = text_of(tmp_path)
    _, _, script = text.partition("%pre --erroronfail --log=/tmp/node-disks.log\n")
    script, _, _ = script.partition("\n%end\n")
    script = script.replace("/tmp/node-", f"{tmp_path}/node-").replace(PROGRAMS, str(tmp_path))
    (tmp_path / "disks.py").write_text(
        "import pathlib, sys\nprint(pathlib.Path(sys.argv[1]).read_text())\nsys.exit(7)\n"
    )
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    assert done.returncode == 7
    assert disks.read(done.stdout).group == "onn"


def test_mixed_site_has_both(tmp_path: Path) -> None:
    hosts, problems = read_text(inventory_text(node_addon="false"), tmp_path)
    assert not problems
    assert source(disks) in str(Templates().render(hosts[0])[0])
