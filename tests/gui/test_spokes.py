# SPDX-License-Identifier: GPL-2.0-or-later
"""The add-on's spokes on Anaconda's own hubs, with its real services; both are driven as a person would.

What text mode shows of two kickstarts is kept word for word; `--write-goldens` writes it anew, to be reviewed.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
from pathlib import Path
from typing import Any

import disk_facts
import pytest
from anaconda_cases import RELEASES
from bench import BENCH, NO_BENCH

TESTS = Path(__file__).resolve().parents[1]
PACKAGE = TESTS.parent / "org_ovirt_node"
DATA = TESTS / "data" / "spokes"
WIDGETS = Path(os.environ.get("ANACONDA_BENCH") or Path.home() / ".cache" / "anaconda-bench") / "widgets-rhel-9"
NO_WIDGETS = f"no AnacondaWidgets typelib in {WIDGETS}, or no Xvfb"
NO_MORE_INPUT = 3
PICTURE = TESTS.parent / "docs" / "pictures" / "graphical-spoke.png"

pytestmark = pytest.mark.anaconda


def run(
    release: str,
    name: str,
    directory: Path,
    client: str,
    *arguments: str,
    typed: str = "",
    without: str = "",
    disks: int = 1,
    on_sda: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run a client beside the services of a release, on disks of 250 GiB; sda has signatures of the kinds `on_sda`.

    Anaconda's disks are pretended, so what disks.py finds on them is, too.
    """
    if BENCH is None:
        pytest.skip(NO_BENCH)
    addon = directory / "addon"
    ignored = shutil.ignore_patterns("__pycache__", *filter(None, [without]))
    shutil.copytree(PACKAGE, addon / PACKAGE.name, ignore=ignored)
    if on_sda:
        found = disk_facts.facts(disk_facts.device("sda", size=250 * disk_facts.GIB, signatures=on_sda))
        with (addon / PACKAGE.name / "programs" / "disks.py").open("a") as program:
            program.write(
                f"\n\ndef gather(_):\n    return {found!r}\n\n\ndef look_inside(_, facts, __):\n    return facts\n"
            )
    command = [str(BENCH / "anaconda_bus.py"), "--ref", RELEASES[release], "--name", f"spokes-{name}-{release}"]
    command += [word for disk in "abcd"[:disks] for word in ("--disk", f"sd{disk}:250GiB")]
    command += ["--conf", str(PACKAGE / "data" / "conf.d" / "90-ovirt-node.conf")]
    command += ["--addon", str(addon), "--", str(TESTS / "support" / client), *arguments]
    # The services find the package where they are started first.
    return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=600, cwd=addon)


def text_mode(
    release: str,
    name: str,
    directory: Path,
    kickstart: str,
    mode: str,
    typed: str = "",
    without: str = "",
    disks: int = 1,
    on_sda: tuple[str, ...] = (),
) -> tuple[int, str]:
    """What a hub of text mode shows: its exit status and the screens."""
    arguments = ("spoke_client_text.py", str(DATA / kickstart), mode)
    done = run(release, name, directory, *arguments, typed=typed, without=without, disks=disks, on_sda=on_sda)
    assert done.returncode in (0, NO_MORE_INPUT), done.stderr
    lines = done.stdout.splitlines()
    first = next((n for n, line in enumerate(lines) if line.startswith("===")), 0)
    return done.returncode, "\n".join(line.rstrip() for line in lines[first:]) + "\n"


# --- text mode -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    ("name", "typed", "status"),
    [
        pytest.param("good", "1\nc\nb\n", 0, id="good"),
        # Enter goes on to the second page; the hub does not begin, and asks for more than was typed.
        pytest.param("bad", "1\n\nc\nb\n", NO_MORE_INPUT, id="bad"),
    ],
)
def test_text(release: str, name: str, typed: str, status: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    answer, screens = text_mode(release, name, tmp_path, f"{name}.ks", "interactive", typed)
    assert answer == status
    assert max(map(len, screens.splitlines())) <= 80
    kept = DATA / f"{name}.txt"
    if request.config.getoption("--write-goldens"):
        kept.write_text(screens)
    assert screens == kept.read_text(), "review the difference, then: --write-goldens"


@pytest.mark.parametrize("release", RELEASES)
def test_text_mode_makes_the_node_layout(release: str, tmp_path: Path) -> None:
    typed = ["b", "1", "2", "3", "x", "4", "4", "/data 20", "4", "/data 20 GiB", "5", "c", "b"]
    status, screens = text_mode(release, "driven", tmp_path, "nothing.ks", "interactive", "\n".join([*typed, ""]))
    told = [
        "1) [!] oVirt Node",
        "(No storage chosen yet)",
        "Please complete all spokes before continuing",
        "Node layout",
        "2) [ ] Layout minimal: only /var in addition to the root volume",
        "2) [x] Layout minimal: only /var in addition to the root volume",
        "Enter a number of images, for example 2.",
        "3) Images to hold: 4 (room for",
        "'20' is not a size; write a whole number and MiB, GiB or TiB",
        "4) Sizes: /data 20 GiB",
        "Creating the node layout...",
        "Chosen storage",
        "onn-data",
        "onn-var",
        "1) [x] oVirt Node",
        "[the installation begins]",
    ]
    at = 0
    for words in told:
        assert words in screens[at:], f"{words!r} after {screens[:at]}"
        at = screens.index(words, at) + len(words)
    assert status == 0


@pytest.mark.parametrize("release", RELEASES)
def test_text_mode_makes_a_mirrored_pair(release: str, tmp_path: Path) -> None:
    # Enter goes on to the second page.
    typed = "\n".join(("1", "5", "", "6", "", "c", "b", ""))
    status, screens = text_mode(release, "mirror", tmp_path, "nothing.ks", "interactive", typed, disks=2)
    at = 0
    for words in ("5) [ ] Mirror", "5) [x] Mirror", "Chosen storage", "mirror, lvmpv", "1) [x] oVirt Node", "begins]"):
        assert words in screens[at:], f"{words!r} after {screens[:at]}"
        at = screens.index(words, at) + len(words)
    assert status == 0


def test_text_mode_erases_only_what_is_confirmed(tmp_path: Path) -> None:
    typed = "\n".join(("1", "5", "6", "", "c", "b", ""))
    _, screens = text_mode("el9", "erase", tmp_path, "nothing.ks", "interactive", typed, on_sda=("swap", "gpt"))
    asked, _, confirmed = screens.partition("5) [x] Erase sda ST480FP0021 250 GiB (swap, gpt)")
    assert "5) [ ] Erase sda ST480FP0021 250 GiB (swap, gpt)" in asked
    assert "Use the node layout" not in asked
    assert "6) Use the node layout" in confirmed
    assert "onn-var" in confirmed
    assert "[the installation begins]" in confirmed


def test_text_mode_refuses_what_belongs_to_others(tmp_path: Path) -> None:
    _, screens = text_mode("el9", "foreign", tmp_path, "nothing.ks", "interactive", "1\n\nc\n", on_sda=("zfs_member",))
    assert "Error: sda belongs to ZFS: zfs_member in sda; needed: a disk that no other\n" in screens
    assert "Use the node layout" not in screens


@pytest.mark.parametrize(
    ("release", "mode"),
    [
        pytest.param("el9", "automated", id="el9-automated"),
        pytest.param("el9", "cmdline", id="el9-cmdline"),
        pytest.param("el10", "cmdline", id="el10-cmdline"),
    ],
)
def test_automated_installation_never_waits(release: str, mode: str, tmp_path: Path) -> None:
    """The gate ends it, with all findings; a hub would stop (see `bad` above) or tell only the title of the spoke."""
    status, screens = text_mode(release, mode, tmp_path, "bad.ks", mode)
    assert status == 0
    assert "1) [x] oVirt Node\n       (/tmp is not a separate volume;" in screens
    assert "Please make a selection" not in screens


@pytest.mark.parametrize("mode", ["automated", "cmdline"])
@pytest.mark.parametrize("release", RELEASES)
def test_layout_that_a_kickstart_leaves_to_the_add_on(release: str, mode: str, tmp_path: Path) -> None:
    """The hub waits until it is made."""
    status, screens = text_mode(release, f"due-{mode}", tmp_path, "due.ks", mode)
    assert status == 0
    assert "1) [x] oVirt Node\n       (Fit for a node, room for 19\n" in screens


@pytest.mark.parametrize("release", RELEASES)
def test_layout_that_cannot_be_made_is_told_with_its_cure(release: str, tmp_path: Path) -> None:
    """On a console without a person, too, before the hub says which spokes are not complete."""
    status, screens = text_mode(release, "due-large", tmp_path, "due-large.ks", "cmdline")
    assert status == 0
    told = " ".join(screens.split())
    assert "Error: 250 GiB of disk are too small for this layout" in told
    assert "Cure: a disk of 327.01 GiB." in told


def test_spoke_is_absent_where_the_service_is(tmp_path: Path) -> None:
    status, screens = text_mode("el9", "absent", tmp_path, "nothing.ks", "interactive", without="*.service")
    assert status == 0
    assert screens.endswith("\n\n[the installation begins]\n")
    assert "oVirt" not in screens


# --- graphical -------------------------------------------------------------------------------------------------------


def graphical(
    name: str, directory: Path, kickstart: str, mode: str, *actions: str, disks: int = 1, on_sda: tuple[str, ...] = ()
) -> dict[str, dict[str, Any]]:
    """What is seen after each action."""
    if not list(WIDGETS.glob("AnacondaWidgets-*.typelib")) or not shutil.which("Xvfb"):
        pytest.skip(NO_WIDGETS)
    pictures = directory / "pictures"
    pictures.mkdir()
    client, arguments = "spoke_client_graphical.py", (str(DATA / kickstart), mode, str(pictures), *actions)
    done = run("el9", name, directory, client, *arguments, disks=disks, on_sda=on_sda)
    assert done.returncode == 0, done.stderr
    looks = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [look["action"] for look in looks] == ["start", *actions], done.stderr
    assert "Traceback" not in done.stderr
    return {look["action"]: look for look in looks}


def test_graphical(tmp_path: Path) -> None:
    actions = ("enter", "tab", "picture=bad", "proposal", "layout=minimal", "images=5", "use", "picture=used", "back")
    seen = graphical("graphical", tmp_path, "bad.ks", "interactive", *actions)

    hub = seen["start"]
    assert hub["status"].startswith("/tmp is not a separate volume; layout standard requires one of 1 GiB (and ")
    assert (hub["incomplete"], hub["may continue"], hub["in spoke"]) == (True, False, False)

    bad = seen["enter"]
    assert (bad["in spoke"], bad["shown"], bad["layout"], bad["images"]) == (True, "current", ["standard"], 2)
    errors = sum(problem.startswith("Error") for problem in bad["problems"])
    assert bad["capacity"].startswith(f"Errors: {errors}, warnings: {len(bad['problems']) - errors}.")
    assert bad["capacity"].endswith(". No room for a second image: this node cannot be updated.")
    assert bad["problems"][0] == (
        "Error. /tmp is not a separate volume; layout standard requires one of 1 GiB. "
        "add it as a thin volume of at least 1 GiB"
    )
    assert "    sda2 | 1 GiB | /boot | partition, xfs (warning)" in bad["table"]
    assert bad["bars"][0] == "sda, 250 GiB: biosboot 1 MiB, /boot 1 GiB, volume group 248.99 GiB"

    # by keyboard alone
    walk = ["_Done", "_standard", "Select Dis_ks", "_Use the Node Layout", "images_spin", "size_entry"]
    walk += ["_Chosen Storage", "_Node Layout", "table"]
    assert seen["tab"]["told"][: len(walk)] == walk
    width, height, root = seen["picture=bad"]["told"]
    assert (width, height) == (1024, 768)
    assert root > 1000

    assert seen["proposal"]["shown"] == "proposal"
    assert any("/var/log/audit" in row for row in seen["proposal"]["table"])
    assert not any("/var/log/audit" in row for row in seen["layout=minimal"]["table"])
    assert seen["layout=minimal"]["status"].startswith("/var: 6 GiB is below the 8 GiB minimum (and ")
    assert seen["images=5"]["capacity"].endswith("5 are requested.")

    used = seen["use"]
    assert (used["shown"], used["failure"], used["layout"]) == ("current", "", ["minimal"])
    assert not any(problem.startswith("Error") for problem in used["problems"])
    back = seen["back"]
    assert (back["in spoke"], back["incomplete"], back["may continue"]) == (False, False, True)


def test_graphical_mirrored_pair_with_a_further_volume(tmp_path: Path) -> None:
    actions = ("enter", "mirror", "size=/data 20", "size=/data 20 GiB", "size=swap 8 GiB", "use", "back")
    seen = graphical("graphical-mirror", tmp_path, "nothing.ks", "interactive", *actions, disks=2)
    assert not any("mirror" in row for row in seen["enter"]["table"])
    assert "pv01 | 247.28 GiB |  | mirror, lvmpv" in seen["mirror"]["table"]
    assert seen["size=/data 20"]["failure"] == "'20' is not a size; write a whole number and MiB, GiB or TiB"
    used = seen["use"]
    assert (used["shown"], used["failure"], used["problems"]) == ("current", "", ["Nothing is wrong with it."])
    assert any(row.strip().startswith("onn-data | 20 GiB | /data") for row in used["table"])
    assert any(row.strip().startswith("onn-swap | 8 GiB") for row in used["table"])
    back = seen["back"]
    assert (back["incomplete"], back["may continue"]) == (False, True)


def test_graphical_erases_only_what_is_confirmed(tmp_path: Path) -> None:
    actions = ("enter", "erase", "use")
    seen = graphical("graphical-erase", tmp_path, "nothing.ks", "interactive", *actions, on_sda=("swap", "gpt"))
    assert (seen["enter"]["erase"], seen["enter"]["usable"]) == ("_Erase sda ST480FP0021 250 GiB (swap, gpt)", False)
    assert seen["erase"]["usable"]
    assert (seen["use"]["shown"], seen["use"]["failure"]) == ("current", "")


def test_picture_of_the_spoke(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The one in README.md has the size and about as much of the root volume's colour as the spoke of today."""
    seen = graphical("graphical-picture", tmp_path, "good.ks", "interactive", "enter", "picture=spoke")
    taken = (tmp_path / "pictures" / "spoke.png").read_bytes()
    if request.config.getoption("--write-goldens"):
        PICTURE.write_bytes(taken)
    kept = PICTURE.read_bytes()
    assert len(kept) < 200_000
    width, height, root = seen["picture=spoke"]["told"]
    assert struct.unpack_from(">II", kept, 16) == (width, height) == (1024, 768)
    assert root > 1000


def test_graphical_layout_that_a_kickstart_leaves_to_the_add_on(tmp_path: Path) -> None:
    seen = graphical("graphical-due", tmp_path, "due.ks", "automated", "enter")
    assert seen["start"]["status"].startswith("Fit for a node")
    assert (seen["start"]["incomplete"], seen["start"]["continued"]) == (False, True)
    assert any("onn-data | 20 GiB | /data" in row for row in seen["enter"]["table"])


def test_graphical_automated_installation_never_waits(tmp_path: Path) -> None:
    seen = graphical("graphical-automated", tmp_path, "bad.ks", "automated")["start"]
    assert seen["status"].startswith("/tmp is not a separate volume; layout standard requires one of 1 GiB")
    assert (seen["incomplete"], seen["continued"]) == (False, True)
