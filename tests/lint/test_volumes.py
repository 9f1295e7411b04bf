# SPDX-License-Identifier: GPL-2.0-or-later
"""Volume groups, pools, arrays and what is said of partitions: faults that are found, and near misses that are none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ksgen.grammar import ksfile
from ksgen.lint import Linter

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "docs"))

from check_examples import PLAIN, SMALL

LINTERS = {release: Linter(release) for release in ("el9", "el10")}
DISK = "/dev/disk/by-id/wwn-0x5000000000000001"


def codes(text: str, release: str = "el9") -> list[str]:
    return [code for code, _ in told(text, release)]


def told(text: str, release: str) -> list[tuple[str, str]]:
    problems = LINTERS[release].lint(ksfile.include("x.ks", text.partition("\n")[2], str))
    return [(problem.code, problem.severity) for problem in problems]


def changed(good: str, bad: str, base: str = PLAIN) -> str:
    assert good in base
    return base.replace(good, bad, 1)


def small(good: str, bad: str) -> str:
    return changed(good, bad, SMALL)


# --- what is not known is not zero -----------------------------------------------------------------------------------

REUSED = small(f"clearpart --all --initlabel --drives={DISK}", "clearpart --none").replace("reqpart\n", "")
UNKNOWN = [
    pytest.param(small("part /boot --fstype=xfs --size=2048", "part /boot --fstype=xfs --onpart=UUID=1"), id="onpart"),
    pytest.param(small("part pv.01 --size=1 --grow", "part pv.01 --onpart=LABEL=pv --noformat"), id="pv-onpart"),
    pytest.param(small("part /boot --fstype=xfs --size=2048\n", "").replace("reqpart", "reqpart --add-boot"),
                 id="boot-by-reqpart-of-el10"),
    pytest.param(small("--size=10240\n\n%post", "--grow --size=10240\n\n%post"), id="a-volume-that-grows"),
    pytest.param(small("--fstype=swap --size=4096", "--fstype=swap --recommended"), id="swap-recommended"),
    pytest.param(small("--fstype=swap --size=4096", "--fstype=swap --hibernation"), id="swap-for-hibernation"),
    pytest.param(small("volgroup onn pv.01 --reserved-space=20480", "volgroup onn --useexisting"), id="group-there"),
]  # fmt: skip
NOT_ASKED = {"member-unused", "disk-cleared"}


@pytest.mark.parametrize("text", UNKNOWN)
def test_a_size_that_is_not_known_is_not_judged(text: str) -> None:
    assert set(codes(text, "el10")) - NOT_ASKED == set()


def test_boot_by_reqpart_of_el9_is_what_anaconda_makes() -> None:
    text = small("part /boot --fstype=xfs --size=2048\n", "").replace("reqpart", "reqpart --add-boot")
    assert codes(text, "el9") == ["boot-small"]


SIZES = [
    pytest.param("part /srv --grow", [], id="grows"),
    pytest.param("part /srv", ["device-size-missing"], id="none"),
    pytest.param("part swap --recommended", [], id="recommended"),
    pytest.param("part swap --hibernation", [], id="hibernation"),
    pytest.param("part None --fstype='PPC PReP Boot'", [], id="prep"),
    pytest.param("part /run/x --fstype=tmpfs", [], id="tmpfs"),
    pytest.param("part /var --size=100", ["device-size-unlikely"], id="small"),
    pytest.param("part /var --size=100 --grow", [], id="small-and-grows"),
    pytest.param("part /data --size=1", [], id="small-of-one-s-own"),
    pytest.param("part /srv --size=1073741824", ["device-size-unlikely"], id="bytes"),
    pytest.param("part biosboot --size=1", [], id="biosboot"),
    pytest.param("part biosboot --size=3", ["device-format-unfit"], id="biosboot-too-large"),
    pytest.param("part None --fstype=prepboot --size=11", ["device-format-unfit"], id="prep-too-large"),
    pytest.param("part /home --fstype=vfat --size=600", ["device-format-unfit"], id="not-of-linux"),
    pytest.param("part /data --fstype=vfat --size=600", [], id="not-of-linux-elsewhere"),
    pytest.param("part /swap --fstype=swap --size=600", ["device-format-unfit"], id="swap-at-a-mount-point"),
    pytest.param("part /srv --size=10 --grow --maxsize=5", ["device-size-most"], id="most-below"),
    pytest.param("part /srv --size=10 --grow --maxsize=10", [], id="most-as-large"),
    pytest.param("logvol /srv --vgname=system --name=srv --size=900 --grow --maxsize=800", ["device-size-most"],
                 id="volume-most-below"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), SIZES)
def test_sizes(line: str, expected: list[str]) -> None:
    assert codes(PLAIN.replace("selinux", f"{line}\nselinux", 1)) == expected


FORMATS = [
    *(pytest.param(f"part /srv --size=600 --fstype={name}", [], id=name) for name in
      ("xfs", "hfsplus", "'EFI System Partition'", "'BIOS Boot'")),
    *(pytest.param(f"part /srv --size=600 --fstype={name}", ["device-format"], id=name) for name in
      ("xsf", "XFS", "ext5", "'Bios boot'")),
    pytest.param("part swap --size=600 --fstype=linux-swap", [], id="of-swap-it-is-ignored"),
    pytest.param("part biosboot --size=1 --fstype=grub", [], id="of-biosboot-it-is-ignored"),
    pytest.param("raid swap --device=s --level=1 --fstype=x --useexisting", [], id="of-a-swap-array-it-is-ignored"),
    pytest.param("logvol /srv --vgname=system --name=srv --size=600 --fstype=etx4", ["device-format"], id="volume"),
    pytest.param("logvol swap --vgname=system --name=s --size=600 --fstype=x", [], id="of-a-swap-volume-it-is-ignored"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), FORMATS)
def test_formats(line: str, expected: list[str]) -> None:
    found = codes(PLAIN.replace("selinux", f"{line}\nselinux", 1))
    assert [code for code in found if code == "device-format"] == expected


MOUNT_POINTS = [
    *(pytest.param(f"part {target} --size=600", [], id=target) for target in
      ("/srv", "swap", "None", "biosboot", "prepboot", "pv.9", "raid.9")),
    *(pytest.param(f"part {target} --size=600", ["mount-point"], id=f"part-{target}") for target in ("srv", "pv01")),
    pytest.param("logvol home --vgname=system --name=home --size=600", ["mount-point"], id="volume"),
    pytest.param("logvol none --vgname=system --name=pool9 --thinpool --size=600", [], id="pool"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "expected"), MOUNT_POINTS)
def test_mount_points(line: str, expected: list[str]) -> None:
    found = codes(PLAIN.replace("selinux", f"{line}\nselinux", 1))
    assert [code for code in found if code == "mount-point"] == expected


# --- names, members, groups ------------------------------------------------------------------------------------------

RAIDS = "part raid.1 --size=900\npart raid.2 --size=900\nraid /srv --device=srv --level=1 raid.1 raid.2\n"
LINES = [
    pytest.param(RAIDS, [], id="array"),
    pytest.param(RAIDS.replace("--size=900", f"--size=900 --ondisk={DISK}"), ["array-one-disk"], id="on-one-disk"),
    pytest.param(RAIDS.replace("--size=900", f"--size=900 --ondisk={DISK}", 1), [], id="on-open-disks"),
    pytest.param("logvol /srv --vgname=system --name=pvmove0 --size=900\n", ["name-reserved"], id="reserved-name"),
    pytest.param("logvol /srv --vgname=system --name=my_snapshot --size=900\n", [], id="name-of-one-s-own"),
    pytest.param(RAIDS.replace("raid.2 --size", "raid.1 --size"), ["device-twice", "member-undefined"],
                 id="two-members"),
    pytest.param(RAIDS + RAIDS.replace("raid.", "raid.1").replace("/srv", "/srv2"), ["device-twice"], id="two-arrays"),
    pytest.param("part pv.01 --size=900\n", ["device-twice"], id="two-physical-volumes"),
    pytest.param("part pv.02 --size=900\nvolgroup system pv.02\n", ["device-twice"], id="two-groups"),
    pytest.param("logvol /srv --vgname=system --name=swap --size=900\n", ["device-twice"], id="two-volumes"),
    pytest.param("part pv.02 --size=900\nvolgroup other pv.02\nlogvol /srv --vgname=other --name=swap --size=800\n", [],
                 id="volumes-of-two-groups"),
    pytest.param("part swap --size=900\npart swap --size=900\n", [], id="two-swaps"),
    pytest.param("part pv.02 --size=900\n", ["member-unused"], id="unused"),
    pytest.param("volgroup other pv.01\n", ["member-shared"], id="in-two-groups"),
    pytest.param(RAIDS.replace("raid.1 raid.2", "raid.1 raid.1 raid.2"), ["member-shared"], id="twice-in-an-array"),
    pytest.param("part raid.1 --size=900\n", ["member-unused"], id="unused-member"),
    pytest.param("part pv.02 --size=900\nvolgroup other pv.02\nlogvol /srv --vgname=other --name=srv --size=896\n", [],
                 id="fits"),
    pytest.param("part pv.02 --size=900\nvolgroup other pv.02\nlogvol /srv --vgname=other --name=srv --size=901\n",
                 ["group-small"], id="too-large"),
    pytest.param("part pv.02 --size=900 --grow\nvolgroup other pv.02\n"
                 "logvol /srv --vgname=other --name=srv --size=990\n", [], id="group-grows"),
    pytest.param("part pv.02 --size=1 --grow --maxsize=900\nvolgroup other pv.02\n"
                 "logvol /srv --vgname=other --name=srv --size=990\n", ["group-small"], id="group-grows-not-enough"),
    pytest.param("part pv.02 --size=900\nvolgroup other pv.02\nlogvol /srv --vgname=other --name=srv --percent=100\n",
                 [], id="share"),
    pytest.param("part pv.02 --size=900\nvolgroup other pv.02 --pesize=8192\n", [], id="extent"),
    pytest.param("part pv.02 --size=900\nvolgroup other pv.02 --pesize=8000\n", ["group-extent"], id="no-extent"),
    pytest.param("part /srv --size=900 --noformat\n", ["device-kept"], id="kept-but-which"),
    pytest.param("part /srv --size=900 --encrypted\n", ["passphrase-missing"], id="no-passphrase"),
    pytest.param("part /srv --size=900 --encrypted --passphrase=\n", ["passphrase-missing"], id="empty-passphrase"),
    pytest.param("part /srv --size=900 --encrypted --passphrase=Secret.123\npart /opt --size=900 --encrypted\n",
                 ["password-readable"], id="passphrase-of-the-one-before"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), LINES)
def test_names_members_and_groups(lines: str, expected: list[str]) -> None:
    assert sorted(codes(PLAIN.replace("selinux", f"{lines}selinux", 1))) == sorted(expected)


AUTOPART = PLAIN[: PLAIN.index("reqpart")] + "autopart {}\n" + PLAIN[PLAIN.index("selinux") :]


@pytest.mark.parametrize(("options", "expected"), [
    ("", []), ("--encrypted", ["passphrase-missing"]), ("--encrypted --passphrase=Secret.123", ["password-readable"]),
])  # fmt: skip
def test_passphrase_of_automatic_partitioning(options: str, expected: list[str]) -> None:
    assert codes(AUTOPART.format(options)) == expected


MIRRORED = RAIDS.replace("/srv", "/boot").replace("=srv", "=boot")


@pytest.mark.parametrize(("release", "severity"), [("el9", "warning"), ("el10", "error")])
def test_reqpart_with_an_array(release: str, severity: str) -> None:
    text = changed("part /boot --fstype=xfs --size=1024\n", MIRRORED)
    assert told(text, release) == [("reqpart-with-array", severity)]
    assert codes(PLAIN.replace("selinux", f"{RAIDS}selinux", 1), release) == []


BTRFS = [
    pytest.param(
        "logvol /data --vgname=onn --name=data --thin --poolname=pool00 --size=1024 --fstype=btrfs\n", id="volume"
    ),
    pytest.param("part /data --size=1024 --fstype btrfs\n", id="partition"),
    pytest.param("btrfs /data --label=data btrfs.01\n", id="command"),
]


@pytest.mark.parametrize("line", BTRFS)
def test_btrfs_hides_nothing_else(line: str) -> None:
    text = small("%post", f"{line}%post").replace("part /boot --fstype=xfs --size=2048", "part /boot --size=1000")
    assert "boot-too-small" in codes(text)


def test_btrfs_at_root_is_a_mount_point() -> None:
    text = changed("logvol / --vgname=system --name=root --thin --poolname=pool --fstype=xfs", "btrfs / --label=root")
    assert "mount-root" not in codes(text, "el10")


# --- the pool of a node ----------------------------------------------------------------------------------------------

POOL = "--size=48128 --grow --metadatasize=1024"
GROUP = "--reserved-space=20480"
POOLS = [
    pytest.param(GROUP, "", ["reserve-too-small"], id="nothing-free"),
    pytest.param(GROUP, "--reserved-space=512", ["reserve-too-small"], id="too-little-free"),
    pytest.param(GROUP, "--reserved-space=4096", ["reserve-small"], id="little-free"),
    pytest.param(GROUP, "--reserved-percent=2", ["reserve-small"], id="small-share"),
    pytest.param(GROUP, "--reserved-percent=20", [], id="share"),
    pytest.param(POOL, "--percent=100 --metadatasize=1024", [], id="all-of-what-is-not-reserved"),
    pytest.param(f"{GROUP}\nlogvol none --vgname=onn --name=pool00 --thinpool {POOL}",
                 "\nlogvol none --vgname=onn --name=pool00 --thinpool --percent=100 --metadatasize=1024",
                 ["reserve-too-small"], id="all-in-percent"),
    pytest.param(f"{GROUP}\nlogvol none --vgname=onn --name=pool00 --thinpool {POOL}",
                 "\nlogvol none --vgname=onn --name=pool00 --thinpool --percent=75 --metadatasize=1024",
                 [], id="a-share-is-left"),
    pytest.param(f"{GROUP}\nlogvol none --vgname=onn --name=pool00 --thinpool {POOL}",
                 "\nlogvol none --vgname=onn --name=pool00 --thinpool --size=60000 --metadatasize=1024",
                 [], id="a-fixed-pool-leaves-the-rest"),
    pytest.param(POOL, "--size=48128 --grow", ["metadata-small"], id="no-metadata"),
    pytest.param(POOL, "--size=2097152 --grow", ["reserve-small"], id="metadata-of-a-large-pool"),
    pytest.param(POOL, "--size=1024 --grow --maxsize=15360 --metadatasize=1024", ["cannot-update"], id="capped"),
    pytest.param(POOL, "--size=1024 --grow --maxsize=90000 --metadatasize=1024", [], id="capped-above"),
    pytest.param(POOL, "--size=15360 --metadatasize=1024", ["cannot-update"], id="fixed-below"),
    pytest.param("--size=10240\nlogvol /var", "--size=10240 --grow\nlogvol /var", ["root-large"], id="root-grows"),
    pytest.param("--size=10240\nlogvol /var", "--size=10240 --grow --maxsize=20480\nlogvol /var", [],
                 id="root-grows-a-little"),
    pytest.param("--size=10240\nlogvol /var", "--percent=50\nlogvol /var", ["root-large"], id="root-is-a-share"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "expected"), POOLS)
def test_pool_of_a_node(good: str, bad: str, expected: list[str]) -> None:
    assert codes(small(good, bad)) == expected


UNCHECKED = [
    pytest.param("--name=var --thin --poolname=pool00 --fstype=xfs --fsoptions=defaults,discard --size=10240",
                 "--name=var --thin --poolname=pool00 --fstype=xfs --fsoptions=defaults,discard --size=4096",
                 "volume-small", id="volume"),
    pytest.param(GROUP, "", "reserve-too-small", id="reserve"),
]  # fmt: skip


@pytest.mark.parametrize(("good", "bad", "code"), UNCHECKED)
def test_sizes_that_only_the_add_on_refuses_are_warnings_without_it(good: str, bad: str, code: str) -> None:
    text = small(good, bad)
    with_add_on = text[: text.index("%post")] + "%addon org_ovirt_node --layout=minimal\n%end\n"
    assert told(text, "el9") == [(code, "warning")]
    assert (code, "error") in told(with_add_on, "el9")
