# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook with imgbase on real LVM: an installed node, its layer, its boot.

imgbase is the real one from the source tree that IMGBASED_SOURCE names, else a stand-in for it; nodectl is that of
NODECTL_SOURCE.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import root
from lab.installed import BOOTED, IS_REAL, LEFT, ON_VAR, ROLLBACK, TAKEN, UPDATE, WRITE, WRITTEN, assert_runs
from lab.kickstart_job import Rendered, node_disk, rendered
from lab.look import mapped
from lab.machine import GIB, Disk, Machine, Result, power_cut, run
from lab.node import imgbase_tar, install_job
from lab.processes import below, executions, longest, lvm_calls, told
from lab.root import NVR, Kernel
from org_ovirt_node.layout.policy import POOL_FILL_PERCENT

pytestmark = pytest.mark.lab

RECORDED = Path(__file__).resolve().parents[1] / "data" / "imgbase"
SITE = "|\n" + "".join(f"        {line}\n" for line in WRITE.splitlines())
COLUMNS = "vg_name,lv_name,lv_tags,pool_lv,lv_permissions,lv_skip_activation"
AFTER = f"""
lvs --reportformat=json -o {COLUMNS} >$OUT/lvs.json
vgs --reportformat=json -o vg_name,vg_tags >$OUT/vgs.json
mkdir -p /mnt/layer; mount /dev/onn/*+1 /mnt/layer
(cd /mnt/layer && grep -ls site {" ".join(f".{file}" for file in (*TAKEN, LEFT))}) >$OUT/written
cat /mnt/layer/etc/fstab >$OUT/fstab; umount /mnt/layer
(cd $root && grep -ls site .{ON_VAR}) >>$OUT/written
cat $root/boot/loader/entries/* >$OUT/entries
cp $root/boot/grub2/grub.cfg $OUT/grub.cfg
chroot $root imgbase layout >$OUT/layout
"""
# The hook a second time, which changes nothing.
AGAIN = """
cp $(ls posts/*.script | tail -n 1) $root/tmp/hook
chroot $root /bin/sh /tmp/hook >$OUT/again 2>&1; echo $? >>$OUT/again
"""


@pytest.fixture(scope="session")
def node_image() -> Path:
    return root.node_image()


@pytest.fixture(scope="session")
def imgbase() -> bytes:
    return imgbase_tar()


def system_disk(directory: Path) -> Disk:
    return Disk(directory / "disk.raw", 128 * GIB, "scsi", "lab-1", "0x5000c500a1b2c301")


def node_of(directory: Path, **variables: str) -> Rendered:
    """The kickstart for a node on that disk, whose hook is embedded."""
    return rendered(directory, node_disk=node_disk(system_disk(directory)), node_addon="false", **variables)


def machine(vm_root: Path, kernel: Kernel, node_image: Path, directory: Path, firmware: str) -> Machine:
    return Machine(
        kernel=kernel,
        root=vm_root,
        disks=(system_disk(directory),),
        memory=2048,
        firmware=firmware,
        cdrom=node_image,
        arguments=root.SELINUX,
    )


CASES = {
    "standard-xfs-bios": {"node_firmware": "bios"},
    "minimal-ext4-uefi": {"node_firmware": "uefi", "node_layout": "minimal", "node_filesystem": "ext4"},
    "standard-xfs-bios-uuids": {"node_firmware": "bios"},
}
# fstab as EL10's blivet writes it: every volume by the UUID of its file system, in the columns of Anaconda's fsset.py.
UUIDS = """
while read -r source target rest; do
    case $source in /dev/mapper/*) source=UUID=$(blkid -p -s UUID -o value $source);; esac
    printf '%-23s %-23s %s\n' $source $target "$rest"
done <$root/etc/fstab >/tmp/fstab
cat /tmp/fstab >$root/etc/fstab; cp /tmp/fstab $OUT/fstab-before
"""


@dataclasses.dataclass(frozen=True)
class Installation:
    """A node that was installed, and what its installation left."""

    kickstart: Rendered
    machine: Machine
    result: Result

    def booted(self, disk: Path, job: str, cdrom: Path | None = None, timeout: float = 200) -> Result:
        """A job in the installed system, on this copy of its disk."""
        disks = (dataclasses.replace(self.machine.disks[0], file=disk),)
        node = Machine(disks=disks, memory=2048, firmware=self.machine.firmware, cdrom=cdrom)
        return run(node, {"run": job}, timeout=timeout)

    def copy(self, directory: Path) -> Path:
        copied = directory / "copy.raw"
        subprocess.run(["cp", "--sparse=always", self.machine.disks[0].file, copied], check=True)
        return copied


@pytest.fixture(scope="module")
def install(
    vm_root: Path, kernel: Kernel, node_image: Path, imgbase: bytes, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Installation]:
    """Installs the node of a case, once for all tests that look at it."""

    @functools.cache
    def of(name: str) -> Installation:
        directory = tmp_path_factory.mktemp(name)
        kickstart = node_of(directory, node_post=SITE, **CASES[name])
        node = machine(vm_root, kernel, node_image, directory, CASES[name]["node_firmware"])
        before_posts = UUIDS if name.endswith("uuids") else ""
        result = run(node, install_job(kickstart, imgbase, before_posts, AGAIN + AFTER), timeout=500)
        assert result.status == 0, result.console + result.text("01.script.log")
        return Installation(kickstart, node, result)

    return of


def as_recorded(rows: list[dict[str, str]]) -> list[tuple[str, ...]]:
    """Of each volume what imgbase decides. The pool's own device may be read-only or not there, as LVM likes it."""
    names = COLUMNS.split(",")
    return sorted(tuple(row[name] for name in names if name != "lv_permissions" or row["pool_lv"]) for row in rows)


@pytest.mark.parametrize("name", CASES)
def test_node_is_made_and_boots(
    name: str, install: Callable[[str], Installation], tmp_path: Path, figure: Callable[[str], None]
) -> None:
    node = install(name)
    result = node.result
    assert f"the layer {NVR}+1 is created and verified" in result.text("01.script.log")
    again = f"ovirt-node: the layer {NVR}+1 already exists and is verified; imgbase was not run again\n"
    assert result.text("again") == f"{again}0\n"
    assert result.text("written").split() == [f".{file}" for file in WRITTEN]
    assert result.text("layout").split() == [NVR, "+-", f"{NVR}+1"]
    assert f"root=/dev/onn/{NVR}+1 " in result.text("entries")
    sources = {target: source for source, target in (line.split()[:2] for line in result.text("fstab").splitlines())}
    assert sources["/"] == f"/dev/onn/{NVR}+1"
    assert sources["none"] == mapped("onn", "swap")
    assert {target for target, source in sources.items() if source.startswith("UUID=")} <= {"/boot", "/boot/efi"}
    if name.endswith("uuids"):
        volumes = [line for line in result.text("fstab-before").splitlines() if " /boot" not in line]
        assert all(line.startswith("UUID=") for line in volumes)
        assert f"{len(volumes)} lines named volumes of the node by UUID" in result.text("01.script.log")
    if name.startswith("standard"):
        found = json.loads(result.text("lvs.json"))["report"][0]["lv"]
        recorded: Any = json.loads((RECORDED / "after" / "lvs.json").read_text())
        assert as_recorded(found) == as_recorded(recorded["report"][0]["lv"])

    if IS_REAL:
        tell_durations(result, figure)
    booted = node.booted(node.copy(tmp_path), BOOTED)
    assert_runs(booted, NVR)
    assert booted.text("written").split() == [*WRITTEN]


def tell_durations(result: Result, figure: Callable[[str], None]) -> None:
    """How long imgbase took, and how long the hook took beside it."""
    found = executions(result.text("01.trace"))
    imgbase = longest(found, "imgbase")
    hook = longest(found, "python3")
    inner = below(found, imgbase)
    beside = [each for each in below(found, hook) if each not in inner and each != imgbase]
    assert lvm_calls(beside) == ("lvs", "vgs") * 2
    # Apart: Anaconda relabels the same directories itself, in EL 10 too late for the layer.
    relabelling = longest(beside, "restorecon").seconds
    own = hook.seconds - imgbase.seconds - relabelling
    figure(told("imgbase", imgbase.seconds, inner))
    figure(told("hook beside it", own, [each for each in beside if each.program != "restorecon"]))
    figure(
        f"relabelling before it: {relabelling:.1f} s; the hook without it takes {own / imgbase.seconds:.0%} of imgbase"
    )
    pre = executions(result.text("pre.trace"))
    resolver = longest(pre, "python3")
    figure(told("disk resolver", resolver.seconds, below(pre, resolver)))


# What is broken, mended again, and said meanwhile; nothing is begun. What is mounted or unmounted to break something is
# as it was afterwards by itself.
NVR_FILE = "usr/share/imgbase/build/meta/nvr"
LONG = "ovirt-node-ng-4.5.7.20261101.20261102.20261103.20261104.2026-1"
IMAGE = "install a node image that went through imgbased's build step"
FLAT = """
mkdir -p /mnt/flat; mount /dev/onn/flat /mnt/flat
for file in $root/*; do
    name=/mnt/flat/${file##*/}
    if [ -L $file ]; then cp -a $file $name; else mkdir $name; mount --rbind $file $name; fi
done
into=/mnt/flat
"""
STALE = "modprobe loop; for n in 1 2; do truncate -s 64m /tmp/$n; losetup /dev/loop$n /tmp/$n\n"
STALE += "vgcreate -qq --addtag imgbased:vg stale$n /dev/loop$n; done"
REFUSALS = {
    "no-nvr": (
        f"mv $root/{NVR_FILE} /tmp/nvr",
        f"mv /tmp/nvr $root/{NVR_FILE}",
        f"error: nvr-missing: there is no /{NVR_FILE}; needed: the image's name-version-release in that file\n"
        f"  cure: {IMAGE}",
    ),
    "bad-nvr": (
        f"echo -n node >$root/{NVR_FILE}",
        f"echo -n {NVR} >$root/{NVR_FILE}",
        f"error: nvr-syntax: /{NVR_FILE} holds 'node'; needed: name-version-release of letters, digits, dots and "
        "underscores, with no line end\n"
        "  cure: build the image again, or write the file in a script before this one",
    ),
    "long-nvr": (
        f"echo -n {LONG} >$root/{NVR_FILE}",
        f"echo -n {NVR} >$root/{NVR_FILE}",
        f"error: nvr-too-long: {LONG} has 62 characters; needed: at most 53\n"
        "  cure: build the image under a shorter name",
    ),
    "no-profile": (
        "mv $root/etc/lvm/profile/imgbased-pool.profile /tmp/profile",
        "mv /tmp/profile $root/etc/lvm/profile/imgbased-pool.profile",
        "error: file-missing: there is no /etc/lvm/profile/imgbased-pool.profile; needed: the file that imgbase "
        f"reads\n  cure: {IMAGE}",
    ),
    "no-selinux": (
        "mount -t tmpfs tmpfs $root/sys/fs",
        "",
        "error: selinux-not-in-kernel: there is no /sys/fs/selinux; needed: an installer's kernel with SELinux\n"
        "  cure: boot the installer without selinux=0",
    ),
    "not-thin": (
        "lvcreate -qq -y -L 512m -n flat onn; mkfs.ext4 -q /dev/onn/flat" + FLAT,
        "lvremove -qq -y onn/flat",
        "error: root-not-thin: / is on /dev/mapper/onn-flat, which is no thin volume; needed: a thin volume\n"
        "  cure: make it with `logvol / --thin --poolname=POOL`, and the pool with `logvol none --thinpool`",
    ),
    "btrfs": (
        "modprobe btrfs; lvcreate -qq -V 1g --thinpool pool00 -n flat onn; mkfs.btrfs -q /dev/onn/flat" + FLAT,
        "lvremove -qq -y onn/flat",
        "error: root-filesystem: / is btrfs; needed: xfs or ext4\n  cure: set --fstype=xfs on `logvol /`",
    ),
    "no-boot": (
        "umount -R $root/boot",
        "",
        "error: boot-not-mounted: /boot is not a mount point; needed: a partition with at least 1000000000 bytes\n"
        "  cure: add `part /boot`",
    ),
    "small-boot": (
        "mount -t tmpfs -o size=900m tmpfs $root/boot",
        "",
        "error: boot-too-small: the file system of /boot has 943718400 bytes; needed: at least 1000000000\n"
        "  cure: make the partition larger: XFS keeps some of it for its log",
    ),
    "no-var": (
        "umount -R $root/var",
        "",
        "error: volume-not-mounted: /var is not a mount point; needed: a volume of its own in the layout standard\n"
        "  cure: add `logvol /var --thin`, or choose another layout",
    ),
    "earlier-attempt": (
        "lvchange -qq --addtag imgbased:pool onn/pool00",
        "lvchange -qq --deltag imgbased:pool onn/pool00",
        "error: earlier-attempt: left by an earlier run of imgbase: onn/pool00 tagged imgbased:pool; needed: a root "
        "that imgbase has not touched\n"
        "  cure: do not call `nodectl init` or `imgbase layout --init` in a script of your own, then install again: "
        "what imgbase has begun cannot be undone",
    ),
    "stale-tags": (
        STALE,
        "vgremove -qq -y stale1 stale2; losetup -D",
        "error: stale-tags: several other volume groups are tagged imgbased:vg: stale1 stale2; needed: none, or "
        "imgbase cannot tell which is its own\n"
        "  cure: leave their disks out with `ignoredisk --only-use`, or run `vgchange --deltag imgbased:vg stale1 "
        "stale2`",
    ),
}
TRY = """
hook=$(ls posts/*.script | tail -n 1)
cp $hook $root/tmp/hook
look() { lvs --noheadings -o lv_name,lv_tags,lv_permissions; vgs --noheadings -o vg_name,vg_tags; }
look >$OUT/before
export root
try() {
    unshare --mount --propagation private bash -c '. ./break-'$1'; exec chroot ${into:-$root} /bin/sh /tmp/hook' \\
        >$OUT/$1.said 2>&1
    echo $? >$OUT/$1.status
    . ./mend-$1
    look >$OUT/$1.after
}
set +e
"""
# imgbase makes a device of that name in the layer, and fails.
HIDDEN = "mkdir /mnt/plain; mount --bind $root /mnt/plain; touch /mnt/plain/dev/urandom; umount /mnt/plain\n"
HALF = "lvs --noheadings -o lv_name --select 'lv_tags=imgbased:layer' >$OUT/layers\n"


def test_hook_says_what_is_wrong(
    vm_root: Path, kernel: Kernel, node_image: Path, imgbase: bytes, tmp_path: Path
) -> None:
    kickstart = node_of(tmp_path, node_firmware="bios")
    files = {f"break-{name}": f"{text}\n" for name, (text, _, _) in REFUSALS.items()}
    files |= {f"mend-{name}": f"{text}\n" for name, (_, text, _) in REFUSALS.items()}
    tries = TRY + "".join(f"try {name}\n" for name in REFUSALS) + (HIDDEN if IS_REAL else "")
    installed = machine(vm_root, kernel, node_image, tmp_path, "bios")
    result = run(installed, {**install_job(kickstart, imgbase, tries, HALF), **files}, timeout=500)
    for name, (_, _, wanted) in REFUSALS.items():
        said = result.text(f"{name}.said").replace("ovirt-node: ", "")
        assert wanted in said
        assert "imgbase was not run" in said
        assert result.text(f"{name}.status") == "1\n"
        assert result.text(f"{name}.after") == result.text("before")
    if not IS_REAL:
        assert result.status == 0, result.console
        return
    assert result.status == 1, result.console
    assert "imgbase-device: the image contains a file /dev/urandom, where imgbase makes a device" in result.console
    assert "imgbase failed, and it does not roll back: the disk holds an incomplete node" in result.console
    assert result.text("layers").split() == [NVR, f"{NVR}+1"]


# A thread of imgbase's threads asks for the scripts of packages (osupdater.py, run_rpm_selinux_post).
BROKEN_RPM = """
mv $root/usr/bin/rpm $root/usr/bin/rpm.real
cat >$root/usr/bin/rpm <<'S'
#!/bin/sh
case "$*" in *POSTIN*) echo 'error: cannot open Packages database' >&2; exit 1;; esac
exec rpm.real "$@"
S
chmod 755 $root/usr/bin/rpm
"""


@pytest.mark.skipif(not IS_REAL, reason="the stand-in has no threads: IMGBASED_SOURCE")
def test_imgbase_ends_when_one_of_its_threads_fails(
    vm_root: Path, kernel: Kernel, node_image: Path, imgbase: bytes, tmp_path: Path
) -> None:
    """It would wait for that thread without end, if the hook let it have threads."""
    kickstart = node_of(tmp_path, node_firmware="bios")
    installed = machine(vm_root, kernel, node_image, tmp_path, "bios")
    result = run(installed, install_job(kickstart, imgbase, BROKEN_RPM), timeout=500)
    assert result.status == 1, result.console
    assert "imgbase failed, and it does not roll back: the disk holds an incomplete node" in result.console


def test_installed_again_after_a_power_cut(
    vm_root: Path, kernel: Kernel, node_image: Path, imgbase: bytes, tmp_path: Path
) -> None:
    """At a moment that LAB_SEED repeats, before imgbase is done or when it is; node_reinstall gives up what it left."""
    moment = power_cut(150)
    kickstart = node_of(tmp_path, node_firmware="bios", node_post=SITE, node_reinstall="true")
    node = machine(vm_root, kernel, node_image, tmp_path, "bios")
    run(node, install_job(kickstart, imgbase), timeout=500, until="lab: the job begins", more_seconds=moment)
    result = run(node, install_job(kickstart, imgbase, then=AFTER), timeout=500)
    assert result.status == 0, result.console
    assert result.text("layout").split() == [NVR, "+-", f"{NVR}+1"]
    booted = Installation(kickstart, node, result).booted(node.disks[0].file, "imgbase w >$OUT/w")
    assert booted.text("w").strip() == f"You are on {NVR}+1", booted.console


@pytest.mark.skipif(not IS_REAL, reason="an update needs the real imgbased: IMGBASED_SOURCE")
def test_update_and_rollback(install: Callable[[str], Installation], imgbase: bytes, tmp_path: Path) -> None:
    node = install("standard-xfs-bios")
    assert (node.kickstart.host.plan.capacity.images or 0) >= 2
    disk = node.copy(tmp_path)
    result = node.booted(disk, UPDATE, cdrom=root.live_image(imgbase, root.NEXT_NVR, "lz4"), timeout=500)
    assert result.status == 0, result.console
    # capacity() counts with 80 %.
    assert float(result.text("fill")) < POOL_FILL_PERCENT

    updated = node.booted(disk, ROLLBACK)
    assert_runs(updated, root.NEXT_NVR)
    assert updated.text("layout").split() == [NVR, "+-", f"{NVR}+1", root.NEXT_NVR, "+-", f"{root.NEXT_NVR}+1"]
    assert updated.text("written").split() == [*TAKEN, ON_VAR]
    assert updated.status == 0, updated.console

    back = node.booted(disk, BOOTED)
    assert_runs(back, NVR)
    assert back.text("written").split() == [*WRITTEN]
