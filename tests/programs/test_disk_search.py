# SPDX-License-Identifier: GPL-2.0-or-later
"""The look into file systems: how far it goes, and what it does where it cannot; with real ones in image files."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from disk_facts import device, facts, refused, told, wanted

from org_ovirt_node.programs import disks
from org_ovirt_node.programs.disks import Look

DOMAIN = "data/images/rhev/7d0e4f5a-9a3c-4c25-8f6b-1f2e3d4c5b6a/dom_md"
BRICK = "srv/gluster/bricks/data/brick/.glusterfs"


def tree(top: Path, *places: str) -> Path:
    for place in places:
        (top / place).mkdir(parents=True)
    return top


# --- the search ---


@pytest.mark.parametrize(
    "place",
    [
        "dom_md",
        ".glusterfs",
        "engine/.glusterfs",
        "data/7d0e4f5a-9a3c-4c25-8f6b-1f2e3d4c5b6a/dom_md",
        DOMAIN,
        BRICK,
        "/".join("abcdefghijklmnopqrstuvwxyz") + "/dom_md",
    ],
)
def test_it_is_found_however_deep(place: str, tmp_path: Path) -> None:
    assert disks.search(str(tree(tmp_path, "etc/sysconfig", place, "var/lib"))) == Look((place,))


def test_what_is_inside_of_it_is_not_searched(tmp_path: Path) -> None:
    top = tree(tmp_path, "brick/.glusterfs/dom_md", "domain/dom_md/.glusterfs")
    assert sorted(disks.search(str(top)).places) == ["brick/.glusterfs", "domain/dom_md"]


def test_the_nearest_come_first(tmp_path: Path) -> None:
    top = tree(tmp_path, "a/b/c/d/dom_md", "z/dom_md", "b/c/.glusterfs")
    assert disks.search(str(top)).places == ("z/dom_md", "b/c/.glusterfs", "a/b/c/d/dom_md")


def test_names_alone_count_and_directories_alone(tmp_path: Path) -> None:
    tree(tmp_path, "my.glusterfs", "dom_md2", "DOM_MD")
    (tmp_path / "dom_md").write_text("a file")
    assert disks.search(str(tmp_path)) == Look()


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside = tree(tmp_path / "outside", "dom_md")
    top = tree(tmp_path / "top", "a")
    (top / "a" / "out").symlink_to(outside)
    (top / "a" / "round").symlink_to(top)
    (top / "dom_md").symlink_to(outside / "dom_md")
    assert disks.search(str(top)) == Look()


def test_fifo_and_socket_do_not_hold_it_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    os.mkfifo(tmp_path / ".glusterfs")
    assert disks.search(str(tmp_path)) == Look()


def test_odd_name_can_be_printed(tmp_path: Path) -> None:
    os.makedirs(os.fsencode(tmp_path) + b"/\xff\n/dom_md")
    (place,) = disks.search(str(tmp_path)).places
    assert place == "\\udcff\\n/dom_md"


# --- its bounds ---


def test_bound_of_entries(tmp_path: Path) -> None:
    tree(tmp_path, *(f"{n}" for n in range(4)), "0/dom_md")
    whole = disks.search(str(tmp_path), most=5)
    assert whole == Look(("0/dom_md",))
    cut = disks.search(str(tmp_path), most=4)
    assert cut == Look((), "not all of it was searched within 4 entries", "unsearched")


def test_what_was_found_before_the_bound_is_known(tmp_path: Path) -> None:
    tree(tmp_path, "dom_md", "a/b/c")
    cut = disks.search(str(tmp_path), most=2)
    assert (cut.places, cut.word) == (("dom_md",), "unsearched")


def test_bound_of_time(tmp_path: Path) -> None:
    tree(tmp_path, *"abcdef")
    times: Iterator[float] = iter(range(100, 200))
    cut = disks.search(str(tmp_path), seconds=3, clock=lambda: next(times))
    assert cut == Look((), "not all of it was searched within 3 seconds", "unsearched")
    assert next(times) == 105  # it stopped there
    assert disks.search(str(tmp_path), seconds=3, clock=lambda: 7) == Look()


def test_bounds_of_the_installer() -> None:
    assert (disks.INSIDE_SECONDS, disks.INSIDE_ENTRIES) == (300, 5_000_000)


def test_directory_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    """As one of a damaged file system; here its path is longer than the kernel takes."""
    top = os.open(tree(tmp_path, "a/dom_md"), os.O_RDONLY)
    for _ in range(20):
        os.mkdir("x" * 250, dir_fd=top)
        below = os.open("x" * 250, os.O_RDONLY, dir_fd=top)
        os.close(top)
        top = below
    os.close(top)
    found = disks.search(str(tmp_path))
    assert (found.places, found.word) == (("a/dom_md",), "unmountable")
    assert found.why.endswith(": File name too long")


# --- what is made of it ---


class Looked(disks.Target):
    def __init__(self, look: Look, filesystems: str = "nodev\tproc\n\txfs\n") -> None:
        self.look, self.filesystems = look, filesystems
        self.asked: list[tuple[str, ...]] = []

    def directories(self, device: str, fstype: str, others: Sequence[str] = ()) -> Look:
        self.asked.append((device, fstype, *others))
        return self.look

    def read(self, path: str) -> str:
        assert path == "/proc/filesystems"
        return self.filesystems


SDA = device("sda")
FAILED = Look(why="mount: /tmp/x: unknown filesystem type", word="unmountable")


def look(target: Looked, *devices: disks.Device) -> list[str]:
    found = facts(SDA, *devices)
    return refused(disks.look_inside(target, found, disks.decide(found, wanted("sda")).chosen))


@pytest.mark.parametrize("fstype", ["xfs", "ext2", "ext3", "ext4", "ext4dev", "btrfs"])
def test_file_systems_that_are_looked_into(fstype: str) -> None:
    target = Looked(Look((DOMAIN,)))
    assert look(target, device("sda1", "part", "sda", signatures=(fstype,))) == [
        f"storage-domain: the file system of sda1 on sda is a storage domain of oVirt: it has {DOMAIN}"
    ]
    assert target.asked == [("/dev/sda1", fstype)]


@pytest.mark.parametrize("fstype", ["vfat", "ntfs", "swap", "gpt", "f2fs"])
def test_file_systems_of_which_the_signature_decides(fstype: str) -> None:
    target = Looked(FAILED)
    assert look(target, device("sda1", "part", "sda", signatures=(fstype,))) == []
    assert target.asked == []


def test_what_has_something_above_it_is_looked_into_there() -> None:
    target = Looked(Look())
    below = device("sda1", "part", "sda", signatures=("xfs", "linux_raid_member"))
    assert look(target, below, device("md0", "raid1", "sda1", signatures=("ext4",))) == []
    assert target.asked == [("/dev/md0", "ext4")]


def test_file_system_on_several_devices_is_mounted_with_all_of_them() -> None:
    """The kernel knows them only if udev has told it, which it does where the module was loaded before."""
    parts = [device(f"sda{n}", "part", "sda", signatures=("btrfs",), filesystem_uuid="a") for n in (1, 2)]
    closed = device("sda3", "part", "sda", signatures=("btrfs",), filesystem_uuid="a")
    above = device("dm-0", "crypt", "sda3", signatures=("btrfs",), filesystem_uuid="a", path="/dev/mapper/secret")
    another = device("sda4", "part", "sda", signatures=("btrfs",), filesystem_uuid="b")
    old = device("sda5", "part", "sda", signatures=("xfs", "zfs_member"), filesystem_uuid="a")
    target = Looked(Look())
    look(target, *parts, closed, above, another, old)
    assert target.asked == [
        ("/dev/sda1", "btrfs", "/dev/sda2", "/dev/mapper/secret"),
        ("/dev/sda2", "btrfs", "/dev/sda1", "/dev/mapper/secret"),
        ("/dev/sda4", "btrfs"),
        ("/dev/sda5", "xfs"),
        ("/dev/mapper/secret", "btrfs", "/dev/sda1", "/dev/sda2"),
    ]


@pytest.mark.parametrize(
    ("fstype", "filesystems", "is_refused"),
    [
        pytest.param("xfs", "\txfs\n", True, id="xfs"),
        pytest.param("xfs", "", True, id="xfs-whatever-the-kernel-says"),
        pytest.param("btrfs", "\txfs\n", False, id="btrfs-that-the-kernel-does-not-have"),
        pytest.param("btrfs", "nodev\tsysfs\n\tbtrfs\n", True, id="btrfs-that-it-has"),
    ],
)
def test_mount_that_fails(fstype: str, filesystems: str, is_refused: bool) -> None:
    target = Looked(FAILED, filesystems)
    refusal = "not-known: what is in sda1 on sda is not known: mount: /tmp/x: unknown filesystem type"
    found = look(target, device("sda1", "part", "sda", signatures=(fstype,)))
    assert found == ([refusal] if is_refused else [])


def test_logical_volume_is_called_by_its_name() -> None:
    root = device("dm-3", "lvm", "sda", signatures=("xfs",), mapper_name="old-root")
    assert look(Looked(FAILED), root) == [
        "not-known: what is in old-root on sda is not known: mount: /tmp/x: unknown filesystem type"
    ]


# --- with real file systems in image files ---

ROOT = pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/dev/loop-control").exists(),
    reason="mounts image files: needs root and loop devices",
)
MADE = {"xfs": "mkfs.xfs -q", "ext4": "mkfs.ext4 -q -b 4096", "ext3": "mkfs.ext3 -q", "ext2": "mkfs.ext2 -q"}


def sh(script: str, *arguments: object) -> None:
    subprocess.run(["sh", "-ec", script, "sh", *map(str, arguments)], check=True, capture_output=True)


def image(tmp_path: Path, fstype: str, fill: str) -> Path:
    """A file system, filled by a script that finds it mounted at $1 and its image as $2.

    It is mounted in a mount namespace of its own: one that another test makes meanwhile would hold a copy
    of the mount, and the file system would be written to after umount has ended (mount_namespaces(7)).
    """
    file, top = tmp_path / "image", tmp_path / "top"
    with file.open("wb") as opened:
        opened.truncate((300 if fstype == "xfs" else 32) << 20)  # the least of xfsprogs
    sh(f"{MADE[fstype]} $1", file)
    top.mkdir()
    sh('unshare --mount sh -ec "$1" sh "$2" "$3"', f"mount -o loop $2 $1; {fill}; umount $1", top, file)
    return file


def looked_at(file: Path, fstype: str) -> Look:
    """What is seen on a device that can be written: it still can, and not a byte of it is another afterwards."""
    before = hashlib.sha256(file.read_bytes()).digest()
    loop = subprocess.run(["losetup", "-f", "--show", file], capture_output=True, text=True, check=True).stdout.strip()
    try:
        found = disks.Target().directories(loop, fstype)
        mode = subprocess.run(["blockdev", "--getro", loop], capture_output=True, text=True, check=True).stdout
        assert mode == "0\n"
        sh("sync; losetup -d $1", loop)
    except BaseException:
        sh("losetup -d $1", loop)
        raise
    assert hashlib.sha256(file.read_bytes()).digest() == before
    assert "node-disks-" not in Path("/proc/self/mounts").read_text()
    return found


@ROOT
@pytest.mark.parametrize("fstype", sorted(MADE))
def test_real_file_system(fstype: str, tmp_path: Path) -> None:
    found = looked_at(image(tmp_path, fstype, f"mkdir -p $1/{DOMAIN} $1/{BRICK} $1/etc/sysconfig"), fstype)
    assert found == Look((DOMAIN, BRICK))


@ROOT
@pytest.mark.parametrize(("fstype", "dirty"), [("xfs", "<DIRTY>"), ("ext4", "needs_recovery")])
def test_journal_that_was_not_replayed(fstype: str, dirty: str, tmp_path: Path) -> None:
    """The power was cut: what had been written to its place is seen, and the journal is left as it is."""
    freeze = "xfs_freeze -f $1; xfs_freeze -u $1" if fstype == "xfs" else "sync"
    fill = f"mkdir -p $1/{DOMAIN}; {freeze}; touch $1/last; xfs_io -F -x -c 'shutdown -f' $1"
    file = image(tmp_path, fstype, fill)
    shown = ["xfs_logprint", "-t"] if fstype == "xfs" else ["dumpe2fs", "-h"]
    assert dirty in subprocess.run([*shown, str(file)], capture_output=True, text=True, check=False).stdout
    assert looked_at(file, fstype) == Look((DOMAIN,))


@ROOT
def test_damaged_file_system_is_not_an_empty_one(tmp_path: Path) -> None:
    file = image(tmp_path, "ext4", f"mkdir -p $1/{DOMAIN}")
    sh("dd if=/dev/zero of=$1 bs=4096 seek=1 count=1 conv=notrunc", file)
    found = looked_at(file, "ext4")
    assert (found.places, found.word) == ((), "unmountable")
    assert found.why.startswith("mount: ")
    assert "dmesg" not in found.why


@ROOT
def test_damaged_directory_is_not_an_empty_one(tmp_path: Path) -> None:
    """Mounted well enough, and then a directory's blocks are not those of a directory."""
    fill = "mkdir $1/a; for n in $(seq 400); do mkdir $1/a/a_directory_with_a_long_name_$n; done; sync"
    file = image(tmp_path, "ext4", fill)
    blocks = subprocess.run(["debugfs", "-R", "blocks /a", file], capture_output=True, text=True, check=True).stdout
    for block in blocks.split()[1:]:
        sh("dd if=/dev/urandom of=$1 bs=4096 seek=$2 count=1 conv=notrunc", file, block)
    found = looked_at(file, "ext4")
    assert (found.places, found.word) == ((), "unmountable")
    assert found.why.startswith("a: ")


@ROOT
def test_no_file_system_at_all(tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_bytes(bytes(64 << 20))
    assert looked_at(file, "xfs").word == "unmountable"
    assert told(disks.decide(facts(SDA), wanted("sda")).refusals) == []


def test_mount_that_does_not_exist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "blockdev").symlink_to("/bin/true")
    assert disks.Target().directories("/dev/none", "xfs") == Look((), "mount: No such file or directory", "unmountable")


def test_device_that_does_not_exist() -> None:
    why = "blockdev: cannot open /dev/none: No such file or directory"
    assert disks.Target().directories("/dev/none", "xfs") == Look((), why, "unmountable")
