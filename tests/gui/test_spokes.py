# SPDX-License-Identifier: GPL-2.0-or-later
"""The add-on's spokes on Anaconda's own hubs, with its real services; both are driven as a person would.

What text mode shows of two kickstarts is kept word for word, and so is what the graphical spoke shows in each scene,
with a picture of it in docs/pictures/; `--write-goldens` writes them anew, to be reviewed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import disk_facts
import indexed_png
import pytest
from anaconda_cases import RELEASES
from bench import BENCH, NO_BENCH, TREES
from checked_machine import QEMU64, XEON_GOLD

from ksgen.addon import updates

TESTS = Path(__file__).resolve().parents[1]
PACKAGE = TESTS.parent / "org_ovirt_node"
DATA = TESTS / "data" / "spokes"
NO_MORE_INPUT = 3
OLD = QEMU64.replace(" svm", "")
PICTURES = TESTS.parent / "docs" / "pictures"

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
    on_sdb: tuple[str, ...] = (),
    flags: str = XEON_GOLD,
) -> subprocess.CompletedProcess[str]:
    """Run a client beside the services of a release, on disks of 250 GiB; two have signatures of the kinds given.

    Anaconda's disks are pretended, so what disks.py finds on them is, too; and so is the processor, by its flags.
    """
    if BENCH is None:
        pytest.skip(NO_BENCH)
    addon = directory / "addon"
    ignored = shutil.ignore_patterns("__pycache__", *filter(None, [without]))
    shutil.copytree(PACKAGE, addon / PACKAGE.name, ignore=ignored)
    if "german" in arguments:
        speak_german(addon)
    with (addon / PACKAGE.name / "programs" / "checks.py").open("a") as program:
        of_machine = f"'x86_64', frozenset({flags!r}.split()), 'Intel Xeon E5440', memory=64 * 2**30"
        program.write(f"\n\ndef look_at_machine(_):\n    return Machine({of_machine})\n")
    if on_sda or on_sdb:
        size = 250 * disk_facts.GIB
        signed = {"sda": on_sda, "sdb": on_sdb}
        found = disk_facts.facts(
            *(disk_facts.device(disk, size=size, signatures=on) for disk, on in signed.items() if on)
        )
        with (addon / PACKAGE.name / "programs" / "disks.py").open("a") as program:
            program.write(
                f"\n\ndef gather(_):\n    return {found!r}\n\n\ndef look_inside(_, facts, __):\n    return facts\n"
            )
    # Runs of one name have one directory, and cannot go on at the same time.
    run_name = f"{Path(client).stem.replace('_', '-')}-{name}-{release}"
    command = [str(BENCH / "anaconda_bus.py"), "--ref", RELEASES[release], "--name", run_name]
    command += [word for disk in "abcd"[:disks] for word in ("--disk", f"sd{disk}:250GiB")]
    command += ["--conf", str(PACKAGE / "data" / "conf.d" / "90-ovirt-node.conf")]
    command += ["--addon", str(addon), "--", str(TESTS / "support" / client), *arguments]
    # The services find the package where they are started first.
    return subprocess.run(command, input=typed, capture_output=True, text=True, timeout=1500, cwd=addon)


def speak_german(addon: Path) -> None:
    """The translations beside the package: what Boss.SetLocale and the place in the image do in an installer."""
    for file in updates.addon_files():
        if file.path.endswith(".mo"):
            path = addon / "locale" / file.path.removeprefix("usr/share/locale/")
            path.parent.mkdir(parents=True)
            path.write_bytes(file.content)
    with (addon / PACKAGE.name / "i18n.py").open("a") as module:
        module.write(f"\n\ngettext.bindtextdomain(DOMAIN, {str(addon / 'locale')!r})\n")
        module.write("__import__('os').environ['LANGUAGE'] = 'de'\n")


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
    flags: str = XEON_GOLD,
) -> tuple[int, str]:
    """What a hub of text mode shows: its exit status and the screens."""
    arguments = ("spoke_client_text.py", str(DATA / kickstart), mode)
    done = run(
        release, name, directory, *arguments, typed=typed, without=without, disks=disks, on_sda=on_sda, flags=flags
    )
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
        # The hub does not begin, and asks for more than was typed.
        pytest.param("bad", "1\nc\nb\n", NO_MORE_INPUT, id="bad"),
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


def assert_in_order(told: Sequence[str], screens: str) -> None:
    """Each of the texts is on the screens, behind the one before."""
    at = 0
    for words in told:
        # All of the screens: what is missing was decided on an earlier one.
        assert words in screens[at:], f"{words!r} is not on the screens behind character {at}: {screens}"
        at = screens.index(words, at) + len(words)


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
    assert_in_order(told, screens)
    assert status == 0


@pytest.mark.parametrize("release", RELEASES)
def test_text_mode_shows_whoever_spoke_last(release: str, tmp_path: Path) -> None:
    """What Anaconda makes by itself has all volumes, and is not minimal; what is wrong with it differs."""
    typed = "\n".join(("1", "2", "5", "automatic", "c", "1", "c", ""))
    _, screens = text_mode(release, "last", tmp_path, "nothing.ks", "interactive", typed)
    chosen = screens.split("Chosen storage")
    assert len(chosen) > 2
    assert "/var/crash" not in chosen[1]
    assert "/var/crash" in chosen[-1]


@pytest.mark.parametrize("release", RELEASES)
def test_text_mode_makes_a_mirrored_pair(release: str, tmp_path: Path) -> None:
    typed = "\n".join(("1", "5", "6", "c", "b", ""))
    status, screens = text_mode(release, "mirror", tmp_path, "nothing.ks", "interactive", typed, disks=2)
    assert_in_order(
        ("5) [ ] Mirror", "5) [x] Mirror", "Chosen storage", "mirror, lvmpv", "1) [x] oVirt Node", "begins]"), screens
    )
    assert status == 0


@pytest.mark.parametrize("release", RELEASES)
def test_text_mode_leads_to_the_disks(release: str, tmp_path: Path) -> None:
    """Two disks are selected and used; another selection drops what was applied on them."""
    choices = ("1", "5", "1", "2", "c", "5", "6", "8", "1", "c", "5", "c", "b")
    status, screens = text_mode(
        release, "disks", tmp_path, "nothing.ks", "without disks", "\n".join((*choices, "")), disks=2
    )
    told = (
        "No disk is selected.",
        "5) Select disks",
        "1) [ ] sda BENCH 250 GiB",
        "2) [x] sdb",
        "The node uses all of each selected disk.",
        "Node layout",
        "5) [x] Mirror the two disks",
        "Chosen storage",
        "8) Select disks",
        "1) [x] sda",
        "1) [ ] sda",
        "Error: a mirror needs two disks; 1 named",
        "5) [x] Mirror the two disks",
        "sdb",
        "5) Use the node layout",
        "1) [!] oVirt Node",
        "Please complete all spokes before continuing",
    )
    assert_in_order(told, screens)
    assert status == NO_MORE_INPUT


@pytest.mark.parametrize("release", RELEASES)
def test_text_mode_stops_a_layout_that_was_made_by_hand(release: str, tmp_path: Path) -> None:
    """Anaconda's own standard partitions, then the node layout in their place."""
    by_hand = ("1", "c", "2", "c", "1", "c")
    typed = "\n".join((*by_hand, "b", "2", "5", "c", "b", ""))
    status, screens = text_mode(release, "by-hand", tmp_path, "nothing.ks", "by hand", typed)
    told = (
        "[x] Standard Partition",
        "2) [!] oVirt Node",
        "Please complete all spokes before continuing",
        "Chosen storage",
        "Errors: 8",
        "Error: / is a partition; it must be a thin volume\n    put it into the node's thin pool\n",
        "Error: /var/tmp is a partition; it must be a thin volume\n    put it into the node's thin pool\n",
        "Creating the node layout...",
        "onn-var_log_audit",
        "1) [x] Installation Destination          2) [x] oVirt Node",
        "[the installation begins]",
    )
    assert_in_order(told, screens)
    assert status == 0


def test_text_mode_erases_only_what_is_confirmed(tmp_path: Path) -> None:
    typed = "\n".join(("1", "5", "6", "c", "b", ""))
    _, screens = text_mode("el9", "erase", tmp_path, "nothing.ks", "interactive", typed, on_sda=("swap", "gpt"))
    asked, _, confirmed = screens.partition("5) [x] Erase sda ST480FP0021 250 GiB (swap, gpt)")
    assert "5) [ ] Erase sda ST480FP0021 250 GiB (swap, gpt)" in asked
    assert "Use the node layout" not in asked
    assert "6) Use the node layout" in confirmed
    assert "onn-var" in confirmed
    assert "[the installation begins]" in confirmed


def test_text_mode_tells_what_is_wrong_with_the_machine(tmp_path: Path) -> None:
    """It prevents nothing: a person decides."""
    typed = "1\nc\nb\n"
    status, screens = text_mode("el9", "machine", tmp_path, "good.ks", "interactive", typed, flags=OLD)
    told = (
        "Error: the processor shows neither vmx nor svm: Intel Xeon E5440; needed: Intel",
        "VT-x or AMD-V",
        "switch it on in the firmware's setup; in a virtual machine",
        "Error: Intel Xeon E5440 lacks popcnt, sse4_1, sse4_2, ssse3; needed: x86-64-v2,",
        "for which EL9 is compiled",
    )
    assert_in_order(told, screens)
    assert status == 0


def test_text_mode_refuses_what_belongs_to_others(tmp_path: Path) -> None:
    _, screens = text_mode("el9", "foreign", tmp_path, "nothing.ks", "interactive", "1\nc\n", on_sda=("zfs_member",))
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


@pytest.mark.parametrize("release", RELEASES)
def test_layout_that_anaconda_refuses_is_told_with_all_findings(release: str, tmp_path: Path) -> None:
    """On a console without a person; Anaconda itself has one finding there, without a cure."""
    client = ("spoke_client_text.py", str(DATA / "refused.ks"), "cmdline")
    done = run(release, "refused", tmp_path, *client)
    assert done.returncode == 0, done.stderr
    # before the first screen
    told = " ".join(done.stdout.partition("=====")[0].split())
    assert "Error: Anaconda does not accept the layout: /boot file system cannot be of type lvmlv" in told
    assert "Error: /boot is a plain logical volume; " in told
    assert "Error: /tmp is not a separate volume; layout standard requires one of 1 GiB" in told
    assert "add it as a thin volume of at least 1 GiB" in told


def test_warnings_of_anaconda_are_shown(tmp_path: Path) -> None:
    """EL10 does not recommend swap to a machine that has the memory of those that run these tests."""
    _, screens = text_mode("el9", "no-swap", tmp_path, "no-swap.ks", "interactive", "1\nc\n")
    assert "Warning: Anaconda remarks: You have not specified a swap partition" in " ".join(screens.split())


def test_spoke_is_absent_where_the_service_is(tmp_path: Path) -> None:
    status, screens = text_mode("el9", "absent", tmp_path, "nothing.ks", "interactive", without="*.service")
    assert status == 0
    assert screens.endswith("\n\n[the installation begins]\n")
    assert "oVirt" not in screens


# --- graphical -------------------------------------------------------------------------------------------------------


def graphical(
    release: str,
    name: str,
    directory: Path,
    kickstart: str,
    mode: str,
    *actions: str,
    disks: int = 1,
    on_sda: tuple[str, ...] = (),
    on_sdb: tuple[str, ...] = (),
    flags: str = XEON_GOLD,
) -> dict[str, dict[str, Any]]:
    """What is seen after each action."""
    if BENCH is not None and not list(TREES.glob(f"widgets-{RELEASES[release]}/AnacondaWidgets-*.typelib")):
        subprocess.run([str(TESTS / "support" / "build_widgets.sh"), RELEASES[release]], check=True)
    pictures = directory / "pictures"
    client, arguments = "spoke_client_graphical.py", (str(DATA / kickstart), mode, str(pictures), *actions)
    pictures.mkdir()
    done = run(
        release, name, directory / "bench", client, *arguments, disks=disks, on_sda=on_sda, on_sdb=on_sdb, flags=flags
    )
    assert done.returncode == 0, done.stderr
    looks = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert [look["action"] for look in looks] == ["start", *actions], done.stderr
    assert "Traceback" not in done.stderr
    return {look["action"]: look for look in looks}


def words(look: dict[str, Any]) -> str:
    """What a scene says, in lines."""
    left_out = ("action", "told", "in spoke", "continued")
    lines = []
    for name, value in look.items():
        if name not in left_out:
            values = value if isinstance(value, list) else [value]
            lines += [f"{name}:", *(f"    {line}" for each in values for line in str(each).splitlines() or [""])]
    return "".join(f"{line.rstrip()}\n" for line in lines)


@pytest.fixture
def keep(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str, str, dict[str, Any]], None]:
    """Compare what a scene says, word for word, and its picture as far as its size and the root volume's colour go."""

    def compare(release: str, scene: str, look: dict[str, Any]) -> None:
        said, kept = words(look), DATA / f"{scene}-{release}.txt"
        picture = PICTURES / f"spoke-{scene}-{release}.png"
        width, height, root = look["told"]
        assert (width, height) == (1024, 768)
        assert (root > 1000) == bool(look["bars"])
        if request.config.getoption("--write-goldens"):
            kept.write_text(said)
            taken = (tmp_path / "pictures" / f"{scene}.png").read_bytes()
            picture.write_bytes(indexed_png.with_text(taken, said))
        assert said == kept.read_text(), "review the difference, then: --write-goldens"

    return compare


@pytest.mark.parametrize("release", RELEASES)
def test_graphical(release: str, tmp_path: Path, keep: Callable[[str, str, dict[str, Any]], None]) -> None:
    actions = ("enter", "tab", "picture=bad", "proposal", "picture=proposal", "layout=minimal", "images=5")
    actions = (*actions, "use", "picture=used", "automatic", "reuse", "back")
    seen = graphical(release, "graphical", tmp_path, "bad.ks", "interactive", *actions)
    for scene in ("bad", "proposal", "used"):
        keep(release, scene, seen[f"picture={scene}"])

    hub = seen["start"]
    assert hub["status"].startswith("/tmp is not a separate volume; layout standard requires one of 1 GiB (and ")
    assert (hub["incomplete"], hub["may continue"], hub["in spoke"]) == (True, False, False)

    bad = seen["enter"]
    assert (bad["in spoke"], bad["shown"], bad["layout"], bad["images"]) == (True, "current", ["standard"], 2)
    errors = sum(problem.startswith("Error") for problem in bad["problems"])
    assert bad["capacity"].startswith(f"Errors: {errors}, warnings: {len(bad['problems']) - errors}.")
    assert bad["capacity"].endswith(". No room for a second image: this node cannot be updated.")
    assert bad["erased"] == "Will be erased: sda 250 GiB (empty)"

    # by keyboard alone
    walk = ["_Done", "_standard", "Select Dis_ks", "_Use the Node Layout", "images_spin", "size_entry"]
    walk += ["_Chosen Storage", "_Node Layout", "table"]
    assert seen["tab"]["told"][: len(walk)] == walk

    assert seen["proposal"]["shown"] == "proposal"
    assert any("/var/log/audit" in row for row in seen["proposal"]["table"])
    assert not any("/var/log/audit" in row for row in seen["layout=minimal"]["table"])
    assert seen["layout=minimal"]["status"].startswith("/var: 6 GiB is below the 8 GiB minimum (and ")
    assert seen["images=5"]["capacity"].endswith("5 are requested.")

    used = seen["use"]
    assert (used["shown"], used["failure"], used["layout"]) == ("current", "", ["minimal"])
    assert not any(problem.startswith("Error") for problem in used["problems"])
    # The last choice is shown: Anaconda's automatic partitioning has all volumes, the layout minimal has not.
    assert not any("/var/crash" in row for row in used["table"])
    automatic = seen["automatic"]
    assert (automatic["shown"], automatic["failure"]) == ("current", "")
    assert any("/var/crash" in row for row in automatic["table"])
    assert seen["reuse"]["table"] == used["table"]
    back = seen["back"]
    assert (back["in spoke"], back["incomplete"], back["may continue"]) == (False, False, True)


@pytest.mark.parametrize("release", RELEASES)
def test_graphical_machine(release: str, tmp_path: Path, keep: Callable[[str, str, dict[str, Any]], None]) -> None:
    """A processor that has no virtualization, and is too old for either release; the installation may begin."""
    actions = ("enter", "picture=machine", "back")
    seen = graphical(release, "machine", tmp_path, "good.ks", "interactive", *actions, flags=OLD)
    keep(release, "machine", seen["picture=machine"])
    assert seen["picture=machine"]["problems"][0].startswith(
        "Error. the processor shows neither vmx nor svm: Intel Xeon E5440; needed: Intel VT-x or AMD-V. "
    )
    assert seen["back"]["may continue"]


@pytest.mark.parametrize("release", RELEASES)
def test_graphical_mirrored_pair_with_a_further_volume(
    release: str, tmp_path: Path, keep: Callable[[str, str, dict[str, Any]], None]
) -> None:
    """From the beginning, without a disk."""
    actions = ("select=", "enter", "picture=no-disk", "disks", "select=sda,sdb", "again", "proposal", "mirror")
    actions = (*actions, "size=/data 20", "size=/data 20 GiB", "size=swap 8 GiB", "picture=mirror", "use", "back")
    seen = graphical(release, "graphical-mirror", tmp_path, "nothing.ks", "interactive", *actions, disks=2)
    for scene in ("no-disk", "mirror"):
        keep(release, scene, seen[f"picture={scene}"])

    empty = seen["picture=no-disk"]
    assert (empty["usable"], empty["table"], empty["erase"], empty["erased"]) == (False, [], "", "")
    assert empty["problems"] == ["No disk is selected. Choose one in Installation Destination."]
    # Storage's spoke is not on this hub, so it leads back there.
    assert not seen["disks"]["in spoke"]

    assert not any("mirror" in row for row in seen["proposal"]["table"])
    assert "pv01 | 247.28 GiB |  | mirror, lvmpv" in seen["mirror"]["table"]
    assert seen["size=/data 20"]["failure"] == "'20' is not a size; write a whole number and MiB, GiB or TiB"
    used = seen["use"]
    assert (used["shown"], used["failure"], used["problems"]) == ("current", "", ["Nothing is wrong with it."])
    assert any(row.strip().startswith("onn-data | 20 GiB | /data") for row in used["table"])
    assert any(row.strip().startswith("onn-swap | 8 GiB") for row in used["table"])
    back = seen["back"]
    assert (back["incomplete"], back["may continue"]) == (False, True)


@pytest.mark.parametrize("release", RELEASES)
def test_graphical_erases_only_what_is_confirmed_and_nothing_of_others(
    release: str, tmp_path: Path, keep: Callable[[str, str, dict[str, Any]], None]
) -> None:
    actions = ("select=sda", "enter", "picture=foreign", "back", "select=sdb,sdc", "again", "picture=consent")
    seen = graphical(
        release,
        *("graphical-erase", tmp_path, "nothing.ks", "interactive", *actions, "erase", "use"),
        disks=3,
        on_sda=("zfs_member",),
        on_sdb=("swap", "gpt"),
    )
    for scene in ("foreign", "consent"):
        keep(release, scene, seen[f"picture={scene}"])
    foreign = seen["picture=foreign"]
    assert foreign["problems"][0].startswith(
        "Error. sda belongs to ZFS: zfs_member in sda; needed: a disk that no other"
    )
    assert not foreign["usable"]
    asked = seen["picture=consent"]
    assert asked["erase"] == "_Erase sdb ST480FP0021 250 GiB (swap, gpt), sdc 250 GiB (empty)"
    assert not asked["usable"]
    assert seen["erase"]["usable"]
    assert (seen["use"]["shown"], seen["use"]["failure"]) == ("current", "")


@pytest.mark.parametrize("release", RELEASES)
def test_graphical_in_german(release: str, tmp_path: Path, keep: Callable[[str, str, dict[str, Any]], None]) -> None:
    actions = ("german", "enter", "picture=german")
    seen = graphical(release, "graphical-german", tmp_path, "bad.ks", "interactive", *actions)
    keep(release, "german", seen["picture=german"])
    german = seen["enter"]
    assert german["status"].startswith(
        "/tmp ist kein eigenes Volume; das Layout standard verlangt eines mit 1 GiB (und"
    )
    assert german["problems"][0].endswith(". als Thin-Volume mit mindestens 1 GiB hinzufügen")
    assert german["button"] == "Node-Layout _verwenden"


def test_graphical_layout_that_a_kickstart_leaves_to_the_add_on(tmp_path: Path) -> None:
    """On EL9 alone: GTK of the bench's EL10 crashes when the hub goes on by itself. Text mode shows it for both."""
    seen = graphical("el9", "graphical-due", tmp_path, "due.ks", "automated", "enter")
    assert seen["start"]["status"].startswith("Fit for a node")
    assert (seen["start"]["incomplete"], seen["start"]["continued"]) == (False, True)
    assert any("onn-data | 20 GiB | /data" in row for row in seen["enter"]["table"])


def test_graphical_automated_installation_never_waits(tmp_path: Path) -> None:
    seen = graphical("el9", "graphical-automated", tmp_path, "bad.ks", "automated")["start"]
    assert seen["status"].startswith("/tmp is not a separate volume; layout standard requires one of 1 GiB")
    assert (seen["incomplete"], seen["continued"]) == (False, True)
