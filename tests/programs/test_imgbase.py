# SPDX-License-Identifier: GPL-2.0-or-later
"""The hook: its decisions over what a real system answered, and the file itself, fed to Python as by a kickstart."""

from __future__ import annotations

import ast
import dataclasses
import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import node_images
import pytest
from imgbase_site import (
    DATA,
    FILES,
    GOOD,
    HALF,
    HOOK,
    KERNEL,
    LAYER,
    MINIMAL,
    NVR,
    PROGRAMS,
    STANDARD,
    STOPS,
    Recorded,
    Site,
)
from pykickstart import parser, version

from org_ovirt_node.programs import disks, imgbase
from org_ovirt_node.programs.imgbase import Facts, Output, Wanted

AGAIN = "install again; if it comes back, report it with the log"
UNDONE = "then install again: what imgbase has begun cannot be undone"
IMAGE = "install a node image that went through imgbased's build step"
LOADER = "let Anaconda install the boot loader: no `bootloader --disabled` or `--location=none`"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    return imgbase.gather(Recorded(Site(tmp_path_factory.mktemp("before"))))


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> Facts:
    site = Site(tmp_path_factory.mktemp("after"))
    subprocess.run([str(site.bin / "imgbase")], check=True, stdout=subprocess.DEVNULL)
    return imgbase.gather(Recorded(site))


# Changes of facts


def given(**changes: object) -> Callable[[Facts], Facts]:
    return lambda facts: dataclasses.replace(facts, **changes)  # type: ignore[arg-type]


def mounts(target: str, **changes: object) -> Callable[[Facts], Facts]:
    def change(facts: Facts) -> Facts:
        assert facts.mount(target) is not None
        changed = (dataclasses.replace(m, **changes) if m.target == target else m for m in facts.mounts)  # type: ignore[arg-type]
        return dataclasses.replace(facts, mounts=tuple(changed))

    return change


def unmounted(*targets: str) -> Callable[[Facts], Facts]:
    return lambda facts: dataclasses.replace(facts, mounts=tuple(m for m in facts.mounts if m.target not in targets))


def also_mounted(target: str) -> Callable[[Facts], Facts]:
    return lambda facts: dataclasses.replace(
        facts, mounts=(*facts.mounts, imgbase.Mount(target, "/dev/mapper/onn-x", "/", "xfs", 2**30, "253:99"))
    )


def volumes(which: str, **changes: object) -> Callable[[Facts], Facts]:
    def change(facts: Facts) -> Facts:
        assert facts.volume("onn", which) is not None
        changed = (dataclasses.replace(v, **changes) if v.name == which else v for v in facts.volumes)  # type: ignore[arg-type]
        return dataclasses.replace(facts, volumes=tuple(changed))

    return change


def no_volume(name: str) -> Callable[[Facts], Facts]:
    return lambda facts: dataclasses.replace(facts, volumes=tuple(v for v in facts.volumes if v.name != name))


def group(**changes: object) -> Callable[[Facts], Facts]:
    return lambda facts: dataclasses.replace(facts, groups=(dataclasses.replace(facts.groups[0], **changes),))  # type: ignore[arg-type]


def other_groups(*names: str) -> Callable[[Facts], Facts]:
    tagged = tuple(imgbase.Group(name, (imgbase.TAG_GROUP,), 0) for name in names)
    return lambda facts: dataclasses.replace(facts, groups=(*facts.groups, *tagged))


def entry(**changes: object) -> Callable[[Facts], Facts]:
    return lambda facts: dataclasses.replace(
        facts,
        boot_entries=(dataclasses.replace(facts.boot_entries[0], **changes),),  # type: ignore[arg-type]
    )


def fstab(target: str, new: str) -> Callable[[Facts], Facts]:
    """Another line in the place of the one for this mount point; none for an empty text."""

    def change(facts: Facts) -> Facts:
        lines = facts.fstab_text.splitlines()
        (number,) = (number for number, line in enumerate(lines) if line.split()[1:2] == [target])
        lines[number : number + 1] = new.splitlines()
        return dataclasses.replace(facts, fstab_text="\n".join([*lines, ""]))

    return change


def both(*changes: Callable[[Facts], Facts]) -> Callable[[Facts], Facts]:
    def change(facts: Facts) -> Facts:
        for each in changes:
            facts = each(facts)
        return facts

    return change


def describe(*findings: str) -> str:
    """`code: found; needed: needed | cure`, with `~` in front for a warning, as the hook tells it."""
    texts = (re.match(r"(~?)(.*?) \| (.*)", each) for each in findings)
    return "\n".join(f"{'warning' if text[1] else 'error'}: {text[2]}\n  cure: {text[3]}" for text in texts if text)


def codes(findings: Iterable[imgbase.Finding]) -> list[str]:
    return [each.code for each in findings]


# Before imgbase

SYNTAX = "needed: name-version-release of letters, digits, dots and underscores, with no line end"
REBUILD = "build the image again, or write the file in a script before this one"
OWN_CALL = f"do not call `nodectl init` or `imgbase layout --init` in a script of your own, {UNDONE}"
THIN = "make it with `logvol / --thin --poolname=POOL`, and the pool with `logvol none --thinpool`"
LEFT = "earlier-attempt: left by an earlier run of imgbase:"
UNTOUCHED = "needed: a root that imgbase has not touched"
PRECONDITIONS = [
    pytest.param(STANDARD, given(), (), id="as-anaconda-leaves-it"),
    pytest.param(MINIMAL, given(), (), id="minimal-with-more-volumes"),
    pytest.param(
        STANDARD,
        given(unread=("lvs exited with 5: WARNING: bad", "vgs printed no list 'vg' in JSON: no output")),
        (
            "cannot-look: lvs exited with 5: WARNING: bad; needed: LVM's and the mount table's own report | "
            "install an image with lvm2 and util-linux in it, and look for disk errors in the kernel's messages",
            "cannot-look: vgs printed no list 'vg' in JSON: no output; "
            "needed: LVM's and the mount table's own report | "
            "install an image with lvm2 and util-linux in it, and look for disk errors in the kernel's messages",
        ),
        id="lvm-does-not-answer",
    ),
    pytest.param(
        STANDARD,
        given(missing_programs=("imgbase", "dmeventd")),
        (f"program-missing: the image has no imgbase, dmeventd; needed: the programs that imgbase calls | {IMAGE}",),
        id="not-a-node-image",
    ),
    pytest.param(
        STANDARD,
        given(missing_files=FILES),
        tuple(
            f"file-missing: there is no {path}; needed: the file that imgbase reads | {cure}"
            for path, cure in (
                ("/etc/lvm/profile/imgbased-pool.profile", IMAGE),
                ("/etc/default/grub", LOADER),
                ("/etc/fstab", "leave the /etc/fstab that Anaconda writes"),
                ("/etc/system-release-cpe", "install an image with its release package in it"),
                ("/etc/ssh/sshd_config", "install an image with openssh-server in it"),
                ("/usr/share/factory/etc/passwd", IMAGE),
                ("/usr/share/factory/etc/group", IMAGE),
                ("/usr/share/factory/etc/systemd", IMAGE),
                (
                    "/usr/libexec/grubby/grubby-bls",
                    "install an image with a grubby that edits boot entries in /boot/loader/entries",
                ),
            )
        ),
        id="files-missing",
    ),
    pytest.param(
        STANDARD,
        given(nvr=None),
        (
            "nvr-missing: there is no /usr/share/imgbase/build/meta/nvr; "
            f"needed: the image's name-version-release in that file | {IMAGE}",
        ),
        id="no-nvr",
    ),
    *(
        pytest.param(
            STANDARD,
            given(nvr=nvr),
            (f"nvr-syntax: /usr/share/imgbase/build/meta/nvr holds {nvr!r}; {SYNTAX} | {REBUILD}",),
            id=f"nvr-{name}",
        )
        for name, nvr in (
            ("empty", ""),
            ("one-word", "node"),
            ("two-words", "ovirt-node"),
            ("line-end", f"{NVR}\n"),
            ("a-layer", LAYER),
            ("blank", "ovirt node-1-1"),
            ("leading-dash", "-node-1-1"),
            ("release-empty", "ovirt-node-1-"),
            ("slash", "ovirt/node-1-1"),
        )
    ),
    pytest.param(STANDARD, given(nvr="n" * 42 + "ovirt-node-1"[-7:] + "-1-1"), (), id="nvr-of-53-characters"),
    pytest.param(
        STANDARD,
        given(nvr="n" * 43 + "ovirt-node-1"[-7:] + "-1-1"),
        (
            f"nvr-too-long: {'n' * 43}-node-1-1-1 has 54 characters; needed: at most 53 | "
            "build the image under a shorter name",
        ),
        id="nvr-of-54-characters",
    ),
    pytest.param(
        STANDARD,
        given(nvr="rhel-9-1"),
        (
            "nvr-product: rhel-9-1 has neither `node` nor `rhvh` in its name; "
            "needed: one of them, or imgbase does not find its own boot entry | build the image under another name",
        ),
        id="nvr-of-another-product",
    ),
    pytest.param(STANDARD, given(nvr="rhvh-4.4.10.3-0.20220330.0"), (), id="nvr-of-rhvh"),
    *(
        pytest.param(
            STANDARD,
            given(kernels=tuple(imgbase.KernelPackage(name, files) for name, files in kernels)),
            tuple(
                f"kernel-missing: /boot has no {missing}; "
                "needed: the kernel's files in /boot, known to the rpm database in /usr/share/rpm | "
                "install an image with a kernel package, and let Anaconda make the initramfs"
                for missing in expected
            ),
            id=name,
        )
        for name, kernels, expected in (
            (
                "no-kernel",
                [],
                ["vmlinuz of a package that provides `kernel`", "initramfs of a package that provides `kernel`"],
            ),
            (
                "no-initramfs",
                [("kernel-core-5.14.0", (f"/boot/vmlinuz-{KERNEL}",))],
                ["initramfs of kernel-core-5.14.0"],
            ),
            (
                "unified-kernel-image-beside-it",
                [
                    ("kernel-core-5.14.0", (f"/boot/vmlinuz-{KERNEL}", f"/boot/initramfs-{KERNEL}.img")),
                    ("kernel-uki-virt-5.14.0", ("/boot/efi/EFI/Linux/vmlinuz-initramfs.efi",)),
                ],
                ["vmlinuz of kernel-uki-virt-5.14.0", "initramfs of kernel-uki-virt-5.14.0"],
            ),
        )
    ),
    *(
        pytest.param(
            STANDARD,
            given(release_cpe=text),
            (
                f"release-cpe: /etc/system-release-cpe holds {text!r}; "
                "needed: cpe:/o:VENDOR:PRODUCT:VERSION, whose parts imgbase reads | "
                "install an image with its release package in it",
            ),
            id=f"release-cpe-{name}",
        )
        for name, text in (("empty", ""), ("other", "os:/o:centos:centos:10"), ("short", "cpe:/o:centos:centos"))
    ),
    pytest.param(STANDARD, given(release_cpe="cpe:/o:centos:centos:10::baseos"), (), id="release-cpe-long"),
    pytest.param(STANDARD, given(release_cpe=None), (), id="release-cpe-missing-is-told-once"),
    pytest.param(
        STANDARD,
        given(imgbase_version=Output(1, "", "Traceback\nModuleNotFoundError: No module named 'systemd'\n")),
        (
            "imgbase-does-not-start: `imgbase --version` exited with 1: ModuleNotFoundError: No module named 'systemd'"
            "; needed: an imgbase that starts: the program `which`, and the modules `rpm` and `systemd` for the "
            "image's Python | "
            "install an image with the package imgbased of its own release, and with all that it requires",
        ),
        id="imgbase-of-another-python",
    ),
    pytest.param(
        STANDARD,
        given(imgbase_version=Output(1, "imgbase must be run as root!\n")),
        (
            "imgbase-does-not-start: `imgbase --version` exited with 1: imgbase must be run as root!"
            "; needed: an imgbase that starts: the program `which`, and the modules `rpm` and `systemd` for the "
            "image's Python | "
            "install an image with the package imgbased of its own release, and with all that it requires",
        ),
        id="imgbase-that-says-why-on-its-standard-output",
    ),
    pytest.param(
        STANDARD,
        given(has_selinuxfs=False, selinux_mode="disabled"),
        (
            "selinux-not-in-kernel: there is no /sys/fs/selinux; needed: an installer's kernel with SELinux | "
            "boot the installer without selinux=0",
            "~selinux-off: SELinux is off in /etc/selinux/config, and files are not relabelled; "
            "needed: enforcing or permissive | set `selinux --enforcing` in the kickstart",
        ),
        id="selinux-off",
    ),
    pytest.param(
        STANDARD,
        given(device_mapper_targets=("thin", "linear")),
        (
            "snapshot-target: the kernel has no device-mapper target `snapshot`, and modprobe did not load it; "
            "needed: the module dm-snapshot of the installer's kernel | "
            "boot an installer whose kernel and modules are of one version, so that `modprobe dm-snapshot` works in it",
        ),
        id="no-dm-snapshot",
    ),
    pytest.param(
        STANDARD,
        volumes("root", pool=""),
        (f"root-not-thin: / is on /dev/mapper/onn-root, which is no thin volume; needed: a thin volume | {THIN}",),
        id="root-is-a-plain-volume",
    ),
    pytest.param(
        STANDARD,
        mounts("/", source="/dev/vda3", device="254:3"),
        (f"root-not-thin: / is on /dev/vda3, which is no thin volume; needed: a thin volume | {THIN}",),
        id="root-is-a-partition",
    ),
    pytest.param(
        STANDARD,
        unmounted("/"),
        (f"root-not-thin: / is on nothing, which is no thin volume; needed: a thin volume | {THIN}",),
        id="root-not-mounted",
    ),
    pytest.param(
        STANDARD,
        given(volumes=(), groups=()),
        (
            "root-not-in-lvm: / is on /dev/mapper/onn-root, and LVM in the installed system sees no volume at all; "
            "needed: the volumes of the node in the answer of `lvs` | "
            "check whether /etc/lvm/devices/system.devices of the installed system names the disks, and whether a "
            "filter in its lvm.conf hides them",
        ),
        id="devices-file-of-other-disks",
    ),
    pytest.param(
        STANDARD,
        mounts("/", fstype="btrfs"),
        ("root-filesystem: / is btrfs; needed: xfs or ext4 | set --fstype=xfs on `logvol /`",),
        id="root-is-btrfs",
    ),
    pytest.param(
        STANDARD,
        also_mounted("/usr"),
        (
            "usr-separate: /usr is a mount point; needed: /usr in the root, which layers are made of | "
            "remove /usr from the storage commands",
        ),
        id="usr-separate",
    ),
    pytest.param(
        STANDARD,
        unmounted("/var/tmp", "/home"),
        (
            "volume-not-mounted: /home is not a mount point; needed: a volume of its own in the layout standard | "
            "add `logvol /home --thin`, or choose another layout",
            "volume-not-mounted: /var/tmp is not a mount point; needed: a volume of its own in the layout standard | "
            "add `logvol /var/tmp --thin`, or choose another layout",
        ),
        id="volumes-not-separate",
    ),
    pytest.param(
        MINIMAL,
        unmounted("/var/tmp", "/home", "/var"),
        (
            "volume-not-mounted: /var is not a mount point; needed: a volume of its own in the layout minimal | "
            "add `logvol /var --thin`, or choose another layout",
        ),
        id="var-not-separate",
    ),
    pytest.param(
        STANDARD,
        given(kernel_arguments=("quiet", "node_storage=Minimal,other"), has_skip_volumes=True),
        (
            "layout-contradicted: node_storage=Minimal,other asks imgbase for the layout minimal; "
            "needed: the layout standard | remove it, or choose the layout minimal",
            "layout-contradicted: /var/imgbased/.skip-volumes asks imgbase for the layout minimal; "
            "needed: the layout standard | remove it, or choose the layout minimal",
        ),
        id="minimal-asked-for-otherwise",
    ),
    pytest.param(MINIMAL, given(kernel_arguments=("node_storage=minimal",), has_skip_volumes=True), (), id="minimal"),
    pytest.param(STANDARD, given(kernel_arguments=("node_storage=minimalist",)), (), id="another-argument"),
    pytest.param(
        STANDARD,
        both(group(tags=(imgbase.TAG_GROUP,)), volumes("root", tags=(imgbase.TAG_INIT,))),
        (f"{LEFT} onn tagged imgbased:vg, onn/root tagged imgbased:init; {UNTOUCHED} | {OWN_CALL}",),
        id="tags-of-an-earlier-attempt",
    ),
    pytest.param(
        STANDARD,
        volumes("root", tags=(imgbase.TAG_LAYER, imgbase.TAG_INIT)),
        (f"{LEFT} onn/root tagged imgbased:init; {UNTOUCHED} | {OWN_CALL}",),
        id="several-tags",
    ),
    pytest.param(
        STANDARD,
        volumes("home", name=LAYER),
        (f"{LEFT} onn/{LAYER} of that name; {UNTOUCHED} | {OWN_CALL}",),
        id="volume-of-the-layers-name",
    ),
    pytest.param(
        STANDARD,
        other_groups("onn_old"),
        (
            "~stale-tag: the volume group onn_old of another node is tagged imgbased:vg, and imgbase removes that tag; "
            "needed: no volume group of another node | leave its disk out with `ignoredisk --only-use`",
        ),
        id="another-node-in-sight",
    ),
    pytest.param(
        STANDARD,
        other_groups("onn00", "onn_old"),
        (
            "stale-tags: several other volume groups are tagged imgbased:vg: onn00 onn_old; "
            "needed: none, or imgbase cannot tell which is its own | leave their disks out with "
            "`ignoredisk --only-use`, or run `vgchange --deltag imgbased:vg onn00 onn_old`",
        ),
        id="two-other-nodes-in-sight",
    ),
    pytest.param(
        STANDARD,
        both(volumes("pool00", metadata_bytes=2**29), group(free=2**29 - 1)),
        (
            "~metadata-cannot-grow: the pool has 536870912 bytes of metadata, "
            "and the volume group 536870911 bytes free; "
            "needed: 1073741824 bytes of metadata, or free space to grow to that | "
            "set --metadatasize on the pool's `logvol`, or --reserved-space on `volgroup`",
        ),
        id="no-room-for-metadata",
    ),
    pytest.param(STANDARD, both(volumes("pool00", metadata_bytes=2**29), group(free=2**29)), (), id="just-room"),
    pytest.param(
        STANDARD,
        both(
            volumes("pool00", metadata_bytes=2**30 - 1),
            given(groups=(imgbase.Group("data", (), 2**40), imgbase.Group("onn", (), 0))),
        ),
        (
            "~metadata-cannot-grow: the pool has 1073741823 bytes of metadata, and the volume group 0 bytes free; "
            "needed: 1073741824 bytes of metadata, or free space to grow to that | "
            "set --metadatasize on the pool's `logvol`, or --reserved-space on `volgroup`",
        ),
        id="room-in-another-group",
    ),
    pytest.param(
        STANDARD,
        both(volumes("pool00", metadata_bytes=2**30 - 1), given(groups=())),
        (
            "~metadata-cannot-grow: the pool has 1073741823 bytes of metadata, and the volume group 0 bytes free; "
            "needed: 1073741824 bytes of metadata, or free space to grow to that | "
            "set --metadatasize on the pool's `logvol`, or --reserved-space on `volgroup`",
        ),
        id="room-not-known",
    ),
    pytest.param(
        STANDARD,
        unmounted("/boot"),
        (
            "boot-not-mounted: /boot is not a mount point; needed: a partition with at least 1000000000 bytes | "
            "add `part /boot`",
        ),
        id="boot-not-mounted",
    ),
    pytest.param(
        STANDARD,
        mounts("/boot", size=981_467_136),
        (
            "boot-too-small: the file system of /boot has 981467136 bytes; needed: at least 1000000000 | "
            "make the partition larger: XFS keeps some of it for its log",
        ),
        id="boot-of-1000-mib-xfs",
    ),
    pytest.param(STANDARD, mounts("/boot", size=1_000_000_000), (), id="boot-just-large-enough"),
    pytest.param(
        STANDARD,
        given(grub_config=None),
        (
            "grub-config-missing: neither /etc/grub2.cfg nor /etc/grub2-efi.cfg leads to a file; "
            f"needed: GRUB's configuration | {LOADER}",
        ),
        id="no-boot-loader",
    ),
    pytest.param(
        STANDARD,
        given(grubenv=None),
        (
            "grubenv-missing: there is no /boot/grub2/grubenv; "
            "needed: GRUB's environment block, in which imgbase stores the layer's boot entry | let Anaconda install "
            "the boot loader, or run `grub2-editenv /boot/grub2/grubenv create` in a script before this one",
        ),
        id="no-environment-block",
    ),
    *(
        pytest.param(
            STANDARD,
            fstab("/", f"{source} / xfs defaults,discard 0 0"),
            (
                f"fstab-source: line 12 of /etc/fstab mounts {source} at /; "
                "needed: /dev/mapper/onn-root, the volume that is mounted there, under that name | "
                "write this name in the script that wrote the line",
            ),
            id=f"root-by-{name}",
        )
        for name, source in (
            ("unknown-uuid", "UUID=00000000-8aaa-4da8-a105-7bf5e7023cf9"),
            ("label", "LABEL=root"),
            ("partition-uuid", "PARTUUID=00000000-8aaa-4da8-a105-7bf5e7023cf9"),
            ("udev-link", "/dev/disk/by-uuid/00000000-8aaa-4da8-a105-7bf5e7023cf9"),
            ("kernel-name", "/dev/dm-11"),
            ("another-volume", "/dev/mapper/onn-home"),
        )
    ),
    pytest.param(STANDARD, fstab("/", "/dev/onn/root / xfs defaults,discard 0 0"), (), id="root-by-group-and-name"),
    *(
        pytest.param(
            STANDARD,
            fstab("/var", f"{source} /var xfs defaults,discard 0 0"),
            (
                f"fstab-source: line 16 of /etc/fstab mounts {source} at /var; "
                "needed: /dev/mapper/onn-var, the volume that is mounted there, under that name | "
                "write this name in the script that wrote the line",
            ),
            id=f"var-by-{source.partition('=')[0].lower()}",
        )
        for source in ("UUID=00000000-8aaa-4da8-a105-7bf5e7023cf9", "PARTUUID=00000000-8aaa-4da8", "PARTLABEL=var")
    ),
    # imgbase does not look these up, and systemd may find them.
    *(
        pytest.param(STANDARD, fstab("/var", f"{source} /var xfs defaults,discard 0 0"), (), id=f"var-by-{name}")
        for name, source in (("label", "LABEL=var"), ("udev-link", "/dev/disk/by-label/var"))
    ),
    pytest.param(
        STANDARD,
        both(fstab("/", ""), fstab("/var/log", "# /dev/mapper/onn-var_log /var/log xfs defaults 0 0")),
        tuple(
            f"fstab-line-missing: /etc/fstab has no line for {path}; needed: a line for / and for each volume of the "
            "node: imgbase adds the option discard to it | leave the line in /etc/fstab that Anaconda writes"
            for path in ("/", "/var/log")
        ),
        id="lines-missing",
    ),
    pytest.param(
        STANDARD, both(fstab("/var/log", ""), given(mount_units=("/var/log",))), (), id="mount-unit-for-a-line"
    ),
    pytest.param(MINIMAL, fstab("/var/log", ""), (), id="line-missing-that-minimal-does-not-need"),
    pytest.param(
        STANDARD,
        fstab("/var", "/dev/mapper/onn-var /var xfs noauto,x-systemd.automount 0 0\n/dev/onn/var /var xfs ro 0 0"),
        (),
        id="two-lines-for-one-mount-point",
    ),
    *(
        pytest.param(
            STANDARD,
            fstab("/home", f"/dev/mapper/onn-home /home xfs defaults,discard 0 0\n{line}"),
            (
                f"fstab-syntax: line 15 of /etc/fstab {problem}; needed: a source, a mount point, a type and options, "
                "or a # in the first column: imgbase reads every line | "
                "correct the line in the script that wrote it",
            ),
            id=f"line-with-{name}",
        )
        for name, line, problem in (
            ("three-fields", "nfs.example.com:/x /x nfs", "has 3 fields"),
            ("indented-comment", "  # a comment", "has 3 fields"),
            ("bytes", "# caf\udce9", "is not UTF-8"),
            ("open-quote", "//server/it's /x cifs password=secret 0 0", "has an open quote or a backslash at its end"),
            ("backslash", "tmpfs /x tmpfs defaults 0 \\", "has an open quote or a backslash at its end"),
        )
    ),
]


@pytest.mark.parametrize(("wanted", "change", "expected"), PRECONDITIONS)
def test_preconditions(
    before: Facts, wanted: Wanted, change: Callable[[Facts], Facts], expected: tuple[str, ...]
) -> None:
    assert imgbase.describe(imgbase.preconditions(change(before), wanted)) == describe(*expected)


# The volumes' names in fstab

EL10_FSTAB, EL10_BLKID = ((DATA / "el10" / name).read_text() for name in ("fstab", "blkid.txt"))


# Like the real one with -p: it ends at the first device with nothing on it.
BLKID = """\
#!/bin/sh
PATH=/usr/bin:/bin
cd {answers}/blkid && echo "blkid $*" >>../calls
for device; do
    case $device in /dev/*) cat ${{device##*/}} 2>/dev/null || exit 2;; esac
done
"""


@pytest.fixture
def el10(site: Site) -> Site:
    """The system as EL10's Anaconda leaves it."""
    site.file("/etc/fstab", EL10_FSTAB)
    (site.answers / "blkid").mkdir()
    for block in EL10_BLKID.split("\n\n"):
        device, uuid = block.splitlines()
        (site.answers / "blkid" / device.rpartition("/")[2]).write_text(f"{uuid.partition('=')[2]}\n")
    (site.bin / "blkid").write_text(BLKID.format(answers=site.answers))
    return site


@pytest.fixture(scope="module")
def el10_facts(before: Facts) -> Facts:
    found = dict(re.findall(r"DEVNAME=(\S+)\nUUID=(\S+)", EL10_BLKID))
    volumes = (dataclasses.replace(volume, uuid=found.get(volume.path, "")) for volume in before.volumes)
    return dataclasses.replace(before, volumes=tuple(volumes), fstab_text=EL10_FSTAB)


def lines_of(text: str) -> list[str]:
    """Without comments, which have the date."""
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def test_fstab_becomes_that_of_el9(before: Facts, el10_facts: Facts) -> None:
    changes = imgbase.renamings(el10_facts)
    text = imgbase.renamed(EL10_FSTAB, changes)
    # Partitions stay as they are; EL9's was recorded without UEFI.
    boot, efi = (line for line in EL10_FSTAB.splitlines() if " /boot" in line)
    volumes = [line for line in lines_of(before.fstab_text) if " /boot " not in line]
    expected = [volumes[0], boot, efi, *volumes[1:]]
    assert lines_of(text) == expected
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        line for line in EL10_FSTAB.splitlines() if line.startswith("#")
    ]
    again = dataclasses.replace(el10_facts, fstab_text=text)
    assert imgbase.renamings(again) == ()
    assert imgbase.preconditions(again, STANDARD) == ()


ROOT, VAR, SWAP = (f"{n}1111111-2222-3333-4444-555555555555" for n in "abc")
RENAMED = [
    pytest.param(f"UUID={ROOT} / xfs defaults 0 0", "/dev/mapper/a--b-root   / xfs defaults 0 0", id="root"),
    pytest.param(f"UUID={ROOT.upper()} / xfs x", "/dev/mapper/a--b-root   / xfs x", id="upper-case"),
    pytest.param(f'UUID="{ROOT}" / xfs x', "/dev/mapper/a--b-root   / xfs x", id="quoted"),
    pytest.param(f"UUID={ROOT}\t/\txfs\tx", "/dev/mapper/a--b-root\t/\txfs\tx", id="tabs-stay"),
    pytest.param(f"  UUID={VAR} /var xfs x", "  /dev/mapper/a--b-var--2 /var xfs x", id="indented"),
    pytest.param(f"UUID={VAR} /var xfs x\r", "/dev/mapper/a--b-var--2 /var xfs x\r", id="carriage-return-stays"),
    pytest.param(
        f"UUID={VAR} /var xfs noauto,x-systemd.device-timeout=0,pri={VAR} 0 0 # {VAR}",
        f"/dev/mapper/a--b-var--2 /var xfs noauto,x-systemd.device-timeout=0,pri={VAR} 0 0 # {VAR}",
        id="options-and-comments-stay",
    ),
    pytest.param(f"UUID={SWAP} none swap defaults", "/dev/mapper/a--b-swap   none swap defaults", id="swap"),
    pytest.param(
        f"UUID={VAR} /var xfs x\nUUID={VAR} /var xfs y",
        "/dev/mapper/a--b-var--2 /var xfs x\n/dev/mapper/a--b-var--2 /var xfs y",
        id="twice",
    ),
    pytest.param(
        "UUID=5ec0ffee-0000-4000-8000-000000000000 / xfs x",
        "/dev/mapper/a--b-root   / xfs x",
        id="snapshot-beside-its-origin",
    ),
    *(
        pytest.param(line, line, id=name)
        for name, line in (
            ("comment", f"# UUID={ROOT} / xfs x"),
            ("comment-indented", f"  #UUID={ROOT} / xfs x"),
            ("too-short", f"UUID={ROOT} / xfs"),
            ("unknown", "UUID=0badcafe-0000-4000-8000-000000000000 /boot xfs x"),
            ("empty-uuid", "UUID= /boot xfs x"),
            ("esp", "UUID=ABCD-EF01 /boot/efi vfat umask=0077,shortname=winnt 0 2"),
            ("another-group", "UUID=0ther111-0000-4000-8000-000000000000 /data xfs x"),
            ("snapshots-not-mounted", "UUID=5ec0ffee-0000-4000-8000-000000000000 /old xfs x"),
            ("label", f"LABEL={ROOT} / xfs x"),
            ("partition", f"PARTUUID={ROOT} / xfs x"),
            ("udev-link", f"/dev/disk/by-uuid/{ROOT} / xfs x"),
            ("named-already", "/dev/mapper/a--b-root / xfs x"),
            ("nothing", "\n\n"),
        )
    ),
]


@pytest.mark.parametrize(("text", "expected"), RENAMED)
def test_renamed(before: Facts, text: str, expected: str) -> None:
    def volume(name: str, uuid: str, device: str, group: str = "a-b") -> imgbase.Volume:
        assert before.root is not None
        return dataclasses.replace(before.root, group=group, name=name, uuid=uuid, device=device)

    twin = "5ec0ffee-0000-4000-8000-000000000000"
    here = [("root", twin if twin in text else ROOT, "253:11"), ("var-2", VAR, "253:8"), ("swap", SWAP, "253:12")]
    volumes = [volume(*each) for each in (*here, ("root.old", twin, "253:20"), ("blank", "", "253:21"))]
    volumes.append(volume("data", "0ther111-0000-4000-8000-000000000000", "253:22", "other"))
    facts = dataclasses.replace(before, volumes=tuple(volumes), fstab_text=f"# first\n{text}\n")
    assert imgbase.renamed(facts.fstab_text, imgbase.renamings(facts)) == f"# first\n{expected}\n"


def test_without_a_volume_as_root_nothing_is_renamed(el10_facts: Facts) -> None:
    assert imgbase.renamings(mounts("/", device="254:3")(el10_facts)) == ()


# After imgbase

RESULTS = [
    pytest.param(STANDARD, given(), (), id="as-imgbase-leaves-it"),
    pytest.param(MINIMAL, given(has_skip_volumes=True), (), id="minimal"),
    pytest.param(
        MINIMAL,
        given(),
        (
            "skip-volumes-missing: there is no /var/imgbased/.skip-volumes; "
            f"needed: the file that keeps updates to the layout minimal | {AGAIN}",
        ),
        id="minimal-without-its-file",
    ),
    pytest.param(
        STANDARD,
        given(unread=("findmnt exited with 1: no output",)),
        (
            "cannot-look: findmnt exited with 1: no output; needed: LVM's and the mount table's own report | "
            "install an image with lvm2 and util-linux in it, and look for disk errors in the kernel's messages",
        ),
        id="mount-table-does-not-answer",
    ),
    pytest.param(
        STANDARD,
        mounts("/", source="/dev/vda3", device="254:3"),
        (f"root-not-thin: / is on /dev/vda3, which is no thin volume; needed: a thin volume | {THIN}",),
        id="another-root",
    ),
    pytest.param(
        STANDARD,
        group(tags=()),
        (f"group-tag: tagged imgbased:vg: no volume group; needed: onn alone | {AGAIN}",),
        id="no-tag",
    ),
    pytest.param(
        STANDARD,
        other_groups("old"),
        (f"group-tag: tagged imgbased:vg: onn, old; needed: onn alone | {AGAIN}",),
        id="two-groups-tagged",
    ),
    pytest.param(
        STANDARD,
        volumes("pool00", tags=("x",)),
        (f"volume-tag: pool00 is tagged x; needed: imgbased:pool | {AGAIN}",),
        id="pool-not-tagged",
    ),
    pytest.param(
        STANDARD,
        volumes("root", tags=()),
        (f"volume-tag: root is tagged with nothing; needed: imgbased:init | {AGAIN}",),
        id="root-not-tagged",
    ),
    pytest.param(
        STANDARD,
        no_volume(NVR),
        (f"volume-missing: there is no volume onn/{NVR}; needed: one tagged imgbased:layer | {AGAIN}",),
        id="no-base",
    ),
    pytest.param(
        STANDARD,
        no_volume(LAYER),
        (f"volume-missing: there is no volume onn/{LAYER}; needed: one tagged imgbased:layer | {AGAIN}",),
        id="no-layer",
    ),
    pytest.param(
        STANDARD,
        volumes(LAYER, pool="pool01"),
        (f"volume-pool: {LAYER} is in the pool pool01; needed: pool00, the root's pool | {AGAIN}",),
        id="layer-in-another-pool",
    ),
    pytest.param(
        STANDARD,
        volumes(NVR, is_skipped=False),
        (f"base-unprotected: {NVR} is activated at boot; needed: skipped at activation | {AGAIN}",),
        id="base-activated",
    ),
    *(
        pytest.param(
            STANDARD,
            volumes(LAYER, **{name: value}),
            (
                f"layer-not-bootable: {LAYER} is read-only or skipped at activation; "
                f"needed: writable, and activated at boot | {AGAIN}",
            ),
            id=f"layer-{name}",
        )
        for name, value in (("is_writable", False), ("is_skipped", True))
    ),
    pytest.param(
        STANDARD,
        unmounted("/var/crash"),
        (
            "volume-not-mounted: /var/crash is not a mount point; needed: a volume of its own in the layout standard | "
            "add `logvol /var/crash --thin`, or choose another layout",
        ),
        id="volume-gone",
    ),
    pytest.param(
        STANDARD,
        volumes("pool00", metadata_bytes=2**28, fill=80.4),
        (
            "~metadata-small: the pool has 268435456 bytes of metadata; needed: 1073741824 | "
            "free some space in the volume group, then `lvextend --poolmetadatasize 1073741824b onn/pool00`",
            "~pool-full: the pool is 80 % full; needed: less than 80 % | give the node a larger disk",
        ),
        id="pool-small",
    ),
    pytest.param(STANDARD, volumes("pool00", fill=79.9), (), id="pool-nearly-full"),
    pytest.param(
        STANDARD,
        unmounted("/etc"),
        (f"etc-not-layer: /etc is the installed root's; needed: that of {LAYER}, bound over it | {AGAIN}",),
        id="etc-of-the-installed-root",
    ),
    pytest.param(
        STANDARD,
        mounts("/etc", device="253:13", source="/dev/mapper/onn-base[/etc]"),
        (f"etc-not-layer: /etc is /dev/mapper/onn-base[/etc]; needed: that of {LAYER}, bound over it | {AGAIN}",),
        id="etc-of-the-base",
    ),
    pytest.param(
        STANDARD,
        mounts("/etc", subtree="/", source=f"/dev/mapper/onn-{LAYER}"),
        (f"etc-not-layer: /etc is /dev/mapper/onn-{LAYER}; needed: that of {LAYER}, bound over it | {AGAIN}",),
        id="etc-is-the-whole-layer",
    ),
    pytest.param(
        STANDARD,
        lambda facts: dataclasses.replace(
            facts, mounts=(*facts.mounts, imgbase.Mount("/etc", "tmpfs", "/", "tmpfs", 0, "0:30"))
        ),
        (f"etc-not-layer: /etc is tmpfs; needed: that of {LAYER}, bound over it | {AGAIN}",),
        id="etc-covered",
    ),
    pytest.param(
        STANDARD,
        fstab("/", "/dev/mapper/onn-root / xfs defaults,discard 0 0"),
        (f"fstab-root: the layer's fstab mounts /dev/mapper/onn-root at /; needed: /dev/onn/{LAYER} | {AGAIN}",),
        id="fstab-of-the-installed-root",
    ),
    pytest.param(
        STANDARD,
        given(fstab_text=""),
        (f"fstab-root: the layer's fstab mounts nothing at /; needed: /dev/onn/{LAYER} | {AGAIN}",),
        id="fstab-empty",
    ),
    pytest.param(
        STANDARD,
        both(
            fstab("/", f"/dev/onn/{LAYER} / xfs defaults 0 0"),
            fstab("/var/log", "/dev/mapper/onn-var_log /var/log xfs defaults,nodiscard 0 0"),
        ),
        (
            "~fstab-discard: the layer's fstab mounts /, /var/log without discard; "
            'needed: discard on every thin volume | set --fsoptions="defaults,discard" on each `logvol`',
        ),
        id="no-discard",
    ),
    pytest.param(
        STANDARD,
        entry(options=("root=/dev/mapper/onn-root", f"img.bootid={LAYER}0")),
        (
            f"boot-entry-missing: no entry in /boot/loader/entries has img.bootid={LAYER}; "
            f"needed: one per kernel | {AGAIN}",
        ),
        id="no-boot-entry",
    ),
    pytest.param(
        STANDARD,
        entry(options=("root=/dev/mapper/onn-root", f"img.bootid={LAYER}")),
        (
            f"boot-entry-root: the boot entry {LAYER}-{KERNEL} has no root=/dev/onn/{LAYER}; "
            f"needed: the layer as root | {AGAIN}",
        ),
        id="boot-entry-of-the-installed-root",
    ),
    pytest.param(
        STANDARD,
        entry(files=((f"/boot/vmlinuz-{KERNEL}", 7), (f"/boot/{LAYER}/initramfs-{KERNEL}.img", 0))),
        (
            f"boot-entry-file: the boot entry {LAYER}-{KERNEL} leads to /boot/vmlinuz-{KERNEL} with 7 bytes; "
            f"needed: a file below /boot/{LAYER}, not empty | {AGAIN}",
            f"boot-entry-file: the boot entry {LAYER}-{KERNEL} "
            f"leads to /boot/{LAYER}/initramfs-{KERNEL}.img with 0 bytes; "
            f"needed: a file below /boot/{LAYER}, not empty | {AGAIN}",
        ),
        id="boot-files",
    ),
    pytest.param(
        STANDARD,
        lambda facts: dataclasses.replace(
            facts, boot_entries=(*facts.boot_entries, imgbase.BootEntry("0-rescue", "rescue", (), ()))
        ),
        (
            "~boot-entry-foreign: these boot entries do not lead to the layer: 0-rescue; needed: the layer's alone | "
            "remove them from /boot/loader/entries",
        ),
        id="boot-entry-left",
    ),
    *(
        pytest.param(
            STANDARD,
            given(grubenv=text),
            (
                f"~saved-entry: GRUB's saved entry is {saved}; needed: an entry of {LAYER} | "
                f"choose {LAYER}-{KERNEL} in GRUB's menu, then run `grub2-set-default {LAYER}-{KERNEL}` "
                "in the installed system",
            ),
            id=f"grubenv-{name}",
        )
        for name, text, saved in (
            ("missing", None, "not set"),
            ("empty", "", "not set"),
            ("of-another-entry", "boot_success=1\nsaved_entry=0-rescue\n####", "0-rescue"),
        )
    ),
    pytest.param(STANDARD, given(grubenv=f"saved_entry={LAYER}-{KERNEL}\n####"), (), id="grubenv-by-name-of-entry"),
]


@pytest.mark.parametrize(("wanted", "change", "expected"), RESULTS)
def test_verify(after: Facts, wanted: Wanted, change: Callable[[Facts], Facts], expected: tuple[str, ...]) -> None:
    assert imgbase.describe(imgbase.verify(change(after), wanted)) == describe(*expected)


# When imgbase fails

CALLED = "subprocess.CalledProcessError: Command '[{}]' returned non-zero exit status 1."
EXPLAINED = {
    "imgbase-device": "the image contains a file /dev/urandom, where imgbase makes a device; "
    f"needed: an image with an empty /dev | build the image again, {UNDONE}",
    "imgbase-profile": "LVM refused the profile imgbased-pool; needed: the profile of the package imgbased | "
    f"{IMAGE}, {UNDONE}",
    "imgbase-dmeventd": "imgbase found no running dmeventd to stop; "
    f"needed: dmeventd, and monitoring not switched off in /etc/lvm/lvm.conf | {IMAGE}, {UNDONE}",
    "imgbase-space": "no space is left in the pool, in /boot or in another file system; "
    f"needed: space for the layer and its kernel | give the node a larger disk, {UNDONE}",
    "imgbase-module": "the image lacks a Python module that imgbase needs; "
    f"needed: the package imgbased with all it requires | {IMAGE}",
}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param((DATA / "output" / "urandom-in-image.txt").read_text(), "imgbase-device", id="urandom"),
        pytest.param((DATA / "output" / "no-profile.txt").read_text(), "imgbase-profile", id="profile"),
        pytest.param(CALLED.format("'pkill', 'dmeventd'"), "imgbase-dmeventd", id="dmeventd"),
        pytest.param("OSError: [Errno 28] No space left on device: '/boot/x'", "imgbase-space", id="boot-full"),
        pytest.param("  free space in thin pool onn/pool00 reached threshold.", "imgbase-space", id="pool-full"),
        pytest.param("ModuleNotFoundError: No module named 'rpm'", "imgbase-module", id="python-module"),
    ],
)
def test_explain(text: str, code: str) -> None:
    found = imgbase.explain(Output(1, f"{GOOD}{text}\n"))
    assert imgbase.describe([found]) == describe(f"{code}: {EXPLAINED[code]}")


@pytest.mark.parametrize(
    ("recorded", "reason"),
    [
        (
            "no-nvr",
            "NVRMissingError: There is no NVR set for this build, in this case you need to initialize with --init-nvr",
        ),
        ("bad-nvr", "RuntimeError: Failed to parse NVR: node"),
        ("long-nvr", "RuntimeError: Failed to create a new layer"),
        ("newline-nvr", "RuntimeError: Failed to create a new layer"),
        ("nvr-without-node", "KeyError: 'rhel-9-1+1'"),
        ("no-cpe", "FileNotFoundError: [Errno 2] No such file or directory: '/tmp/mnt.9slIn//etc/system-release-cpe'"),
        ("stale-vgs", "AssertionError"),
        ("after-partial", "VgTaggedLvNotTagged"),
        ("again", "VgTaggedLvNotTagged"),
    ],
)
def test_explain_by_the_exception(recorded: str, reason: str) -> None:
    text = (DATA / "output" / f"{recorded}.txt").read_text()
    found = imgbase.explain(Output(1, f"{text}2026-11-20 11:09:30,404 [DEBUG] (migrate_state) Calling: rmdir\n"))
    assert (found.code, found.found) == ("imgbase-failed", f"imgbase exited with 1: {reason}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("imgbase must be run as root!\n", "imgbase must be run as root!", id="a-line"),
        pytest.param("", "no output", id="mute"),
    ],
)
def test_explain_by_the_last_line(text: str, reason: str) -> None:
    expected = f"imgbase-failed: imgbase exited with 1: {reason}; needed: exit status 0 | "
    assert imgbase.describe([imgbase.explain(Output(1, text))]) == describe(
        f"{expected}read imgbase's messages in the log, {UNDONE}"
    )


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in imgbase.EXPLANATIONS])
def test_explanations_do_not_fit_a_good_run(pattern: str) -> None:
    assert re.search(pattern, GOOD) is None


# The file, as a kickstart runs it


def test_makes_a_node(site: Site) -> None:
    run = site.run()
    assert run.told == f"the layer {LAYER} is created and verified; it boots next"
    assert run.status == 0
    assert site.calls("imgbase") == ["imgbase --debug layout --init"]
    assert GOOD in run.log
    assert run.console.splitlines() == [
        "ovirt-node: running imgbase --debug layout --init; it takes a minute or more",
        f"ovirt-node: the layer {LAYER} is created and verified; it boots next",
    ]
    assert not (site.root / "var/imgbased/.skip-volumes").exists()


def test_nothing_is_asked_twice_that_imgbase_does_not_change(site: Site) -> None:
    """`imgbase --version` is not counted by its stand-in."""
    site.run()
    asked = {program: len(site.calls(program)) for program in PROGRAMS if site.calls(program)}
    twice = dict.fromkeys(("findmnt", "lvs", "vgs"), 2)
    assert asked == {**twice, **dict.fromkeys(("rpm", "dmsetup", "restorecon", "imgbase"), 1)}


def test_programs_get_the_c_locale_and_no_input(site: Site) -> None:
    site.run()
    assert {*(site.answers / "surroundings").read_text().splitlines()} == {"C /dev/null"}


def test_relabels_before_imgbase(site: Site) -> None:
    site.run()
    calls = [line.split()[0] for line in (site.answers / "calls").read_text().splitlines()]
    assert calls.index("restorecon") < calls.index("imgbase")
    assert site.calls("restorecon") == [
        "restorecon -i -r /boot /dev /etc /lib64 /root /usr/lib /usr/lib64 /var/cache/yum /var/home /var/lib /var/lock "
        "/var/log /var/media /var/mnt /var/opt /var/roothome /var/run /var/spool /var/srv /opt /srv /usr/local"
    ]


def test_minimal_makes_its_file_before_imgbase(site: Site) -> None:
    flag = site.root / "var/imgbased/.skip-volumes"
    script = site.bin / "imgbase"
    script.write_text(script.read_text().replace('echo "imgbase', f'[ -e {flag} ] || exit 9\necho "imgbase'))
    flag.parent.mkdir(parents=True)
    run = site.run(MINIMAL)
    assert (run.status, run.told) == (0, f"the layer {LAYER} is created and verified; it boots next")
    assert flag.read_text() == ""


def test_names_the_volumes_before_imgbase(el10: Site) -> None:
    script = el10.bin / "imgbase"
    script.write_text(script.read_text().replace('echo "imgbase', f'cp {el10.root}/etc/fstab seen\necho "imgbase'))
    run = el10.run()
    assert run.status == 0
    assert lines_of((el10.answers / "seen").read_text())[0].startswith("/dev/mapper/onn-root    / ")
    uuid = re.findall(r"^UUID=(\S+) */ ", EL10_FSTAB, re.MULTILINE)[0]
    assert f"ovirt-node: /etc/fstab: / is /dev/mapper/onn-root, was UUID={uuid}\n" in run.log
    told = "/etc/fstab: 9 lines named volumes of the node by UUID; imgbase needs /dev/mapper/ names"
    assert run.told.splitlines()[-2:] == [told, f"the layer {LAYER} is created and verified; it boots next"]
    assert run.console.splitlines()[0] == f"ovirt-node: {told}"


def test_fstab_is_replaced_as_it_was(el10: Site) -> None:
    """Mode, owner, extended attributes (the SELinux label is one) and bytes stay; nothing else is left behind."""
    place = el10.root / "etc/fstab"
    old = EL10_FSTAB.encode() + b"tmpfs /caf\xe9 tmpfs defaults 0 0\r\n"
    place.write_bytes(old)
    place.chmod(0o640)
    os.setxattr(place, "user.label", b"kept")
    before = sorted(os.listdir(place.parent))
    target = Recorded(el10)
    facts = imgbase.gather(target)
    changes = imgbase.renamings(facts)
    assert imgbase.rename_in_fstab(target, imgbase.renamed(facts.fstab_text, changes), changes) == ()
    new = place.read_bytes()
    assert new.endswith(b"tmpfs /caf\xe9 tmpfs defaults 0 0\r\n")
    assert (new != old, place.stat().st_mode & 0o7777, os.getxattr(place, "user.label")) == (True, 0o640, b"kept")
    assert sorted(os.listdir(place.parent)) == before
    assert imgbase.renamings(imgbase.gather(target)) == ()


def test_fstab_that_is_not_replaced_leaves_nothing_behind(site: Site) -> None:
    place = site.root / "etc/fstab"
    place.unlink()
    place.mkdir()
    before = sorted(os.listdir(place.parent))
    with pytest.raises(IsADirectoryError):
        Recorded(site).replace("/etc/fstab", "x")
    assert sorted(os.listdir(place.parent)) == before


@pytest.mark.parametrize("path", FILES)
def test_a_file_that_is_missing(site: Site, path: str) -> None:
    site.remove(path)
    assert imgbase.gather(Recorded(site)).missing_files == (path,)


@pytest.mark.parametrize("program", [*PROGRAMS, "xfs_admin"])
def test_a_program_that_is_missing(site: Site, program: str) -> None:
    (site.bin / program).unlink()
    assert imgbase.gather(Recorded(site)).missing_programs == (program,)


def test_the_kernels_arguments_are_read(site: Site) -> None:
    site.file("/proc/cmdline", "quiet node_storage=minimal\n")
    run = site.run()
    assert "layout-contradicted: node_storage=minimal asks imgbase for the layout minimal" in run.told
    assert (run.status, site.calls("imgbase")) == (1, [])


def test_programs_of_ext4(site: Site) -> None:
    site.edit(
        "findmnt", '"/dev/mapper/onn-root", "fsroot": "/", "fstype": "xfs"', '"/dev/x", "fsroot": "/", "fstype": "ext4"'
    )
    (site.bin / "xfs_admin").unlink()
    assert imgbase.gather(Recorded(site)).missing_programs == ("tune2fs", "e2fsck")


def test_volumes_with_nothing_on_them_or_not_active_have_no_uuid(el10: Site) -> None:
    (el10.answers / "blkid" / "home").unlink()
    el10.edit(
        "lvs", '"lv_kernel_major": "253", "lv_kernel_minor": "9"', '"lv_kernel_major": "-1", "lv_kernel_minor": "-1"'
    )
    facts = imgbase.gather(Recorded(el10))
    assert {volume.name for volume in facts.volumes if not volume.uuid} == {"home", "tmp", "pool00"}


def test_uuids_by_the_real_blkid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: Facts) -> None:
    uuid = "6b8b4567-327b-23c6-643c-986966334873"
    for name in ("ext4", "swap", "nothing"):
        (tmp_path / name).touch()
        os.truncate(tmp_path / name, 2**24)
    node_images.run("mkfs.ext4", "-q", "-U", uuid, str(tmp_path / "ext4"))
    node_images.run("mkswap", "-q", "-U", uuid, str(tmp_path / "swap"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin:/usr/sbin:/sbin")
    root, target = before.root, imgbase.Target()
    assert root is not None
    seen = [imgbase.with_uuid(target, dataclasses.replace(root, path=str(path))) for path in sorted(tmp_path.iterdir())]
    assert [volume.uuid for volume in seen] == [uuid, "", uuid]


def test_volumes_of_other_groups_are_not_read(el10: Site) -> None:
    el10.edit("lvs", '"vg_name": "onn", "lv_name": "home"', '"vg_name": "san", "lv_name": "home"')
    facts = imgbase.gather(Recorded(el10))
    assert {volume.name for volume in facts.volumes if not volume.uuid} == {"home", "pool00"}
    assert not [call for call in el10.calls("blkid") if "/home" in call]
    assert len(el10.calls("blkid")) == 8


@pytest.mark.parametrize(
    ("line", "is_read"),
    [
        pytest.param("UUID=5ec0ffee-0000-4000-8000-000000000000 /boot xfs x", False, id="mounted-partition"),
        pytest.param("UUID=5ec0ffee-0000-4000-8000-000000000000 /home xfs x", True, id="mounted-volume"),
        pytest.param("UUID=5ec0ffee-0000-4000-8000-000000000000 none swap x", True, id="not-mounted"),
        pytest.param("LABEL=swap none swap x", False, id="no-uuid"),
    ],
)
def test_volumes_are_read_if_fstab_names_one_by_its_uuid(el10: Site, line: str, is_read: bool) -> None:
    el10.file("/etc/fstab", f"/dev/mapper/onn-root / xfs x\n{line}\n")
    imgbase.gather(Recorded(el10))
    assert bool(el10.calls("blkid")) == is_read


def test_fstab_that_cannot_be_written(el10: Site) -> None:
    """The same for root, whom no mode stops: the directory is gone when it is written."""
    target = Recorded(el10)
    changes = imgbase.renamings(imgbase.gather(target))
    shutil.rmtree(el10.root / "etc")
    found = imgbase.rename_in_fstab(target, "", changes)
    assert imgbase.describe(found) == describe(
        "fstab-not-written: /etc/fstab cannot be written: No such file or directory; "
        "needed: the node's volumes under their names in it, which imgbase looks up | "
        "look for disk errors in the kernel's messages, and for a script that makes the file immutable"
    )


def test_all_is_told_when_fstab_cannot_be_written(el10: Site) -> None:
    class Immutable(Recorded):
        def replace(self, path: str, text: str) -> None:
            raise PermissionError(1, "Operation not permitted")

    el10.file("/etc/selinux/config", "SELINUX=disabled\n")
    result, findings = imgbase.initialize(Immutable(el10), STANDARD)
    assert (result, codes(findings)) == ("imgbase was not run", ["selinux-off", "fstab-not-written"])


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        imgbase.parse(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith("usage: imgbase.py [-h] --layout {standard,minimal} --volumes PATH,... --boot-size BYTES")
    assert "Make the installed root a node, and verify it." in text
    for option in (
        "--volumes PATH,... what must be volumes of their own",
        "--boot-size BYTES of the file system, at least",
        "--metadata-size BYTES of the pool, at least",
        "--root DIR where the installed system's files are",
    ):
        assert option in text


def test_fstab_stays_when_imgbase_is_not_run(el10: Site) -> None:
    el10.remove(imgbase.NVR_FILE)
    assert el10.run().status == 1
    assert (el10.root / "etc/fstab").read_text() == EL10_FSTAB


def test_what_the_programs_are_asked(site: Site) -> None:
    site.run()
    report = "--reportformat json --units b --nosuffix -o"
    assert {call for program in ("findmnt", "lvs", "vgs", "rpm", "dmsetup") for call in site.calls(program)} == {
        "findmnt --json --list --bytes -o TARGET,SOURCE,FSROOT,FSTYPE,SIZE,MAJ:MIN",
        f"lvs {report} vg_name,lv_name,lv_path,lv_tags,pool_lv,lv_kernel_major,lv_kernel_minor,lv_permissions,"
        "lv_skip_activation,lv_metadata_size,data_percent,metadata_percent",
        f"vgs {report} vg_name,vg_tags,vg_free",
        "rpm --dbpath /usr/share/rpm -q --whatprovides kernel --queryformat [%{=NAME}-%{=VERSION} %{FILENAMES}",
        "dmsetup targets",
    }


def test_size_of_a_file_system_as_text(site: Site) -> None:
    (boot,) = re.findall(r'"target": "/boot",.*?"size": (\d+)', (site.answers / "findmnt.out").read_text(), re.DOTALL)
    site.edit("findmnt", f'"size": {boot}', f'"size": "{boot}"')
    mount = imgbase.gather(Recorded(site)).mount("/boot")
    assert mount is not None
    assert mount.size == int(boot)


def test_boot_entry_without_a_title(site: Site) -> None:
    site.file("/boot/loader/entries/x.conf", "linux /vmlinuz\n")
    (entry,) = (entry for entry in imgbase.gather(Recorded(site)).boot_entries if entry.name == "x")
    assert (entry.title, entry.options) == ("", ())


@pytest.mark.parametrize(
    ("text", "mode"),
    [("", "disabled"), ("# SELINUX=enforcing\n", "disabled"), (" SELINUX = Permissive # x\n", "permissive")],
)
def test_selinux_mode(site: Site, text: str, mode: str) -> None:
    site.file("/etc/selinux/config", text)
    assert imgbase.gather(Recorded(site)).selinux_mode == mode


def test_a_volume_that_is_not_thin_is_not_full(site: Site) -> None:
    swap = imgbase.gather(Recorded(site)).volume("onn", "swap")
    assert swap is not None
    assert swap.fill == 0


def test_fill_is_the_larger_of_data_and_metadata(site: Site) -> None:
    site.edit(
        "lvs", '"data_percent": "0.97", "metadata_percent": "1.64"', '"data_percent": "7", "metadata_percent": "81"'
    )
    pool = imgbase.gather(Recorded(site)).volume("onn", "pool00")
    assert pool is not None
    assert pool.fill == 81


def test_answers_that_are_no_json(site: Site) -> None:
    site.answer("lvs", "  WARNING: x\n  Segmentation fault\n")
    site.answer("vgs", "")
    assert imgbase.gather(Recorded(site)).unread == (
        "lvs printed no list 'lv' in JSON: Segmentation fault",
        "vgs printed no list 'vg' in JSON: no output",
    )


def test_mount_units(site: Site) -> None:
    units = {
        "var-log.mount": "[Mount]\nOptions=discard\n",
        "var-tmp.mount": "[Mount]\nWhat=/dev/onn/var_tmp\n",
        "home.automount": "Options=discard\n",
    }
    for name, text in units.items():
        site.file(f"/etc/systemd/system/{name}", text)
    assert imgbase.gather(Recorded(site)).mount_units == ("/var/log",)


@pytest.mark.parametrize(("enforce", "missing"), [("1", ("semanage",)), ("0", ())])
def test_semanage_where_the_kernel_enforces(site: Site, enforce: str, missing: tuple[str, ...]) -> None:
    site.file("/sys/fs/selinux/enforce", enforce)
    assert imgbase.gather(Recorded(site)).missing_programs == missing


def test_refuses_a_layer_that_was_not_tagged(site: Site) -> None:
    """As imgbase leaves it when the power fails between its snapshot and its tag."""
    site.edit("lvs", '"lv_name": "home", "lv_path"', f'"lv_name": "{LAYER}", "lv_path"')
    run = site.run()
    assert run.told.splitlines()[0] == (
        f"error: earlier-attempt: left by an earlier run of imgbase: onn/{LAYER} of that name; "
        "needed: a root that imgbase has not touched"
    )
    assert run.told.endswith(f"\nimgbase was not run\n{STOPS}")
    assert (run.status, site.calls("imgbase")) == (1, [])


def test_does_it_once(site: Site) -> None:
    first, second = site.run(), site.run()
    assert (first.status, second.status) == (0, 0)
    assert second.told == f"the layer {LAYER} already exists and is verified; imgbase was not run again"
    assert len(site.calls("imgbase")) == 1


def test_refuses_a_layer_that_is_not_whole(site: Site) -> None:
    site.run()
    (site.root / "boot" / LAYER / f"initramfs-{KERNEL}.img").write_text("")
    run = site.run()
    assert run.status == 1
    assert run.told.splitlines()[0].startswith("error: earlier-attempt: left by an earlier run of imgbase: onn tagged")
    assert f"/boot/{LAYER}/initramfs-{KERNEL}.img with 0 bytes" in run.told
    assert run.told.endswith(f"imgbase was not run again\n{STOPS}")
    assert len(site.calls("imgbase")) == 1


def test_loads_dm_snapshot(site: Site) -> None:
    site.answer("dmsetup", "thin v1.22.0\n")
    run = site.run()
    assert site.calls("modprobe") == ["modprobe dm-snapshot"]
    assert (run.status, run.told.split(":")[1]) == (1, " snapshot-target")


def test_relabelling_is_a_warning(site: Site) -> None:
    site.answer("restorecon", "", status=1, err="restorecon: denied\n")
    run = site.run()
    expected = (
        "~relabel: restorecon exited with 1: restorecon: denied; needed: the labels of files that scripts wrote | "
        "run `restorecon -r /` in the installed system"
    )
    assert run.told == f"{describe(expected)}\nthe layer {LAYER} is created and verified; it boots next"
    assert run.status == 0
    assert "warning: relabel" in run.console


def test_does_not_relabel_without_selinux(site: Site) -> None:
    site.file("/etc/selinux/config", "SELINUX=disabled\n")
    run = site.run()
    assert (run.status, site.calls("restorecon")) == (0, [])
    assert run.told.startswith("warning: selinux-off: ")


# Each line of the table of failures that imgbase is known for: what breaks it, and which finding stops it beforehand.
FORESEEN = [
    pytest.param(lambda s: s.edit("lvs", '"pool_lv": "pool00"', '"pool_lv": ""'), "root-not-thin", id="root-not-thin"),
    pytest.param(lambda s: s.remove(imgbase.NVR_FILE), "nvr-missing", id="no-nvr"),
    pytest.param(lambda s: s.file(imgbase.NVR_FILE, "node"), "nvr-syntax", id="bad-nvr"),
    pytest.param(lambda s: s.file(imgbase.NVR_FILE, f"{NVR}\n"), "nvr-syntax", id="newline-nvr"),
    pytest.param(lambda s: s.file(imgbase.NVR_FILE, f"{'n' * 50}-node-1-1"), "nvr-too-long", id="long-nvr"),
    pytest.param(lambda s: s.file(imgbase.NVR_FILE, "rhel-9-1"), "nvr-product", id="nvr-without-node"),
    pytest.param(
        lambda s: s.edit("findmnt", '"fstype": "xfs"', '"fstype": "btrfs"'), "root-filesystem", id="filesystem"
    ),
    pytest.param(lambda s: s.edit("findmnt", '"/var"', '"/vars"'), "volume-not-mounted", id="var-not-separate"),
    pytest.param(lambda s: s.remove("/etc/lvm/profile/imgbased-pool.profile"), "file-missing", id="no-profile"),
    pytest.param(lambda s: s.remove("/etc/system-release-cpe"), "file-missing", id="no-cpe"),
    pytest.param(lambda s: (s.root / "sys/fs/selinux").rmdir(), "selinux-not-in-kernel", id="selinux-off-in-kernel"),
    pytest.param(lambda s: s.edit("findmnt", '"/boot"', '"/boots"'), "boot-not-mounted", id="boot-not-mounted"),
    pytest.param(lambda s: s.edit("findmnt", "2080374784", "981467136"), "boot-too-small", id="boot-too-small"),
    pytest.param(lambda s: s.edit("vgs", '"vg_tags": ""', '"vg_tags": "imgbased:vg"'), "earlier-attempt", id="partial"),
    pytest.param(
        lambda s: s.answer(
            "vgs",
            '{"report": [{"vg": [{"vg_name": "onn", "vg_tags": "", "vg_free": "0"},'
            ' {"vg_name": "a", "vg_tags": "imgbased:vg", "vg_free": "0"},'
            ' {"vg_name": "b", "vg_tags": "other,imgbased:vg", "vg_free": "0"}]}]}',
        ),
        "stale-tags",
        id="stale-vgs",
    ),
    pytest.param(lambda s: s.remove("/boot/grub2/grub.cfg"), "grub-config-missing", id="no-grub"),
    pytest.param(lambda s: s.answer("rpm", "no package provides kernel\n", 1), "kernel-missing", id="no-kernel"),
    pytest.param(lambda s: s.file(f"/boot/initramfs-{KERNEL}.img", ""), "kernel-missing", id="empty-initramfs"),
    pytest.param(lambda s: (s.bin / "grubby").unlink(), "program-missing", id="no-grubby"),
    pytest.param(lambda s: s.remove("/usr/libexec/grubby/grubby-bls"), "file-missing", id="no-boot-entries"),
    pytest.param(lambda s: s.remove("/usr/share/factory/etc/systemd"), "file-missing", id="no-factory"),
    pytest.param(lambda s: s.remove("/boot/grub2/grubenv"), "grubenv-missing", id="no-environment-block"),
    pytest.param(lambda s: s.file("/etc/system-release-cpe", "\n"), "release-cpe", id="empty-cpe"),
    pytest.param(
        lambda s: s.answer("version", "", 1, "ModuleNotFoundError: No module named 'rpm'\n"),
        "imgbase-does-not-start",
        id="no-python-module",
    ),
    pytest.param(lambda s: s.file("/etc/fstab", "LABEL=root / xfs defaults 0 0\n"), "fstab-source", id="root-by-label"),
    pytest.param(lambda s: s.answer("lvs", "", 5, "  Volume group missing\n"), "cannot-look", id="lvs-fails"),
    pytest.param(lambda s: s.answer("vgs", "not JSON"), "cannot-look", id="vgs-answers-nonsense"),
    pytest.param(lambda s: (s.bin / "findmnt").unlink(), "cannot-look", id="no-findmnt"),
]


@pytest.mark.parametrize(("spoil", "code"), FORESEEN)
def test_foreseen(site: Site, spoil: Callable[[Site], None], code: str) -> None:
    spoil(site)
    run = site.run()
    assert re.findall(r"^error: ([\w-]+): ", run.told, re.MULTILINE)[0] == code
    assert run.told.endswith(f"\nimgbase was not run\n{STOPS}")
    assert run.console == run.log
    assert (run.status, site.calls("imgbase")) == (1, [])
    assert (site.root / "boot/loader/entries").is_dir()


@pytest.mark.parametrize(
    ("recorded", "code"),
    [("no-profile", "imgbase-profile"), ("again", "imgbase-failed"), ("no-cpe", "imgbase-failed")],
)
def test_explains_afterwards(site: Site, recorded: str, code: str) -> None:
    site.fail(recorded)
    run = site.run()
    lines = run.told.splitlines()
    assert lines[0].startswith(f"error: {code}: ")
    assert lines[1].startswith("  cure: ")
    assert lines[2:] == [f"imgbase failed, and {HALF}", STOPS]
    assert run.status == 1
    said = (DATA / "output" / f"{recorded}.txt").read_text()
    assert said in run.log
    shown = run.console.splitlines()
    assert shown[0] == "ovirt-node: running imgbase --debug layout --init; it takes a minute or more"
    ends = [f"imgbase: {line}" for line in said.splitlines() if line and not line.startswith('  File "')][-10:]
    assert shown[1:] == [*ends, *(f"ovirt-node: {line}" for line in lines)]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        pytest.param(lambda s: s.edit("findmnt", '"/etc"', '"/x"', after=True), "etc-not-layer", id="etc-not-bound"),
        pytest.param(lambda s: s.edit("lvs", LAYER, f"{LAYER}0", after=True), "volume-missing", id="another-layer"),
        pytest.param(
            lambda s: (s.done / "root/boot" / LAYER / f"vmlinuz-{KERNEL}").write_text(""), "boot-entry-file", id="empty"
        ),
        pytest.param(lambda s: s.undo(), "group-tag", id="did-nothing"),
    ],
)
def test_does_not_believe_the_exit_status(site: Site, spoil: Callable[[Site], object], code: str) -> None:
    spoil(site)
    run = site.run()
    assert re.findall(r"^error: ([\w-]+): ", run.told, re.MULTILINE)[0] == code
    assert run.told.endswith(f"imgbase exited with 0, but the result is not a node, and {HALF}\n{STOPS}")
    assert run.status == 1


def test_efi_configuration(site: Site) -> None:
    (site.root / "sys/firmware/efi").mkdir(parents=True)
    site.file("/boot/efi/EFI/centos/grub.cfg", "x\n")
    (site.root / "etc/grub2-efi.cfg").symlink_to("../boot/efi/EFI/centos/grub.cfg")
    assert imgbase.gather(Recorded(site)).grub_config == "/boot/efi/EFI/centos/grub.cfg"


def test_passes_odd_bytes_on(site: Site) -> None:
    (site.answers / "imgbase.out").write_bytes(b"caf\xc3\xa9 \xff\n")
    run = site.run()
    assert run.status == 0
    assert "\ncaf\\xe9 \\ufffd\n" in run.log


def test_goes_on_without_a_console(site: Site) -> None:
    site.remove("/dev/console")
    assert site.run().status == 0


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="none"),
        pytest.param(["--layout=other", "--volumes=/var", "--boot-size=1", "--metadata-size=1"], id="layout"),
        pytest.param(["--layout=minimal", "--volumes=/var", "--boot-size=1GiB", "--metadata-size=1"], id="unit"),
    ],
)
def test_wrong_use(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        imgbase.main(arguments)
    assert stopped.value.code == 2
    assert capsys.readouterr().err.startswith("usage: imgbase.py ")


@pytest.mark.parametrize("wanted", [STANDARD, MINIMAL])
def test_options_come_back(wanted: Wanted) -> None:
    assert imgbase.parse(imgbase.options(wanted))[0] == wanted


def test_var_is_always_wanted() -> None:
    wanted, _ = imgbase.parse(["--layout=minimal", "--volumes=", "--boot-size=1", "--metadata-size=1"])
    assert wanted.volumes == ("/var",)


def test_every_finding_is_tested() -> None:
    shown = {
        text.lstrip("~").split(":")[0] for table in (PRECONDITIONS, RESULTS) for row in table for text in row.values[2]
    }
    assert {*shown, *EXPLAINED, "relabel", "imgbase-failed", "fstab-not-written"} == set(imgbase.KINDS)
    assert {code for _, code in imgbase.EXPLANATIONS} == set(EXPLAINED)


# The text of the file


def test_no_line_is_a_kickstart_section() -> None:
    """pykickstart acts on these inside scripts, in here-documents too, and after blanks."""
    assert [line for line in HOOK.read_text().splitlines() if line.lstrip().startswith("%")] == []


def test_is_ascii_and_does_not_end_its_here_document() -> None:
    text = HOOK.read_text(encoding="ascii")
    assert "END_OF_IMGBASE_PY" not in text.splitlines()
    assert text.endswith("\n")


def test_is_python_3_9() -> None:
    ast.parse(HOOK.read_text(), feature_version=(3, 9))


def test_imports_the_standard_library_alone() -> None:
    tree = ast.parse(HOOK.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {f"{'.' * node.level}{node.module}" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    standard = (
        "__future__ argparse codecs collections.abc dataclasses io json os re select shlex shutil subprocess sys "
        "tempfile time typing"
    )
    assert imported == set(standard.split())


def test_importing_has_no_effect(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import org_ovirt_node.programs.imgbase"],
        cwd=tmp_path,
        env={"PATH": str(tmp_path), "PYTHONPATH": str(HOOK.parents[2]), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        check=True,
    )
    assert (done.stdout, done.stderr, os.listdir(tmp_path)) == (b"", b"", [])


def test_pykickstart_reads_it_back() -> None:
    command = f"/usr/bin/python3 - {' '.join(imgbase.options(STANDARD))}"
    script = f"{command} <<'END_OF_IMGBASE_PY'\n{HOOK.read_text()}END_OF_IMGBASE_PY\n"
    kickstart = parser.KickstartParser(version.makeVersion("RHEL9"))
    kickstart.readKickstartFromString(f"%post --erroronfail --log={imgbase.LOG}\n{script}%end\n")
    (post,) = kickstart.handler.scripts
    assert (post.script, post.logfile, post.errorOnFail) == (script, imgbase.LOG, True)


# --- what the programs say twice -------------------------------------------------------------------------------------

# Each program is one file, so what two of them need stands in both. Of one name and yet something else:
OF_ITS_OWN = {
    "CONTRACT", "Decision", "Facts", "Group", "KINDS", "Kind", "LOG", "Machine", "Nic", "Target", "Wanted", "decide",
    "describe", "gather", "leave_report", "look", "main", "parse", "read", "tell", "terminals", "written",
}  # fmt: skip
SHARED = {
    "ANSWER_SECONDS", "ContractError", "NO_ANSWER", "Output", "REPEATS", "REPEAT_EVERY", "REPEAT_FOR", "REPORTS",
    "_UNTOUCHED", "_tags", "last_line", "merged", "outcome", "rows_of",
}  # fmt: skip


def definitions(path: Path) -> dict[str, str]:
    """What a module defines, by name: comments and places left out."""
    found: dict[str, ast.AST] = {}
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found.update((name.id, node) for name in ast.walk(node.targets[0]) if isinstance(name, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
    return {name: ast.dump(node) for name, node in found.items()}


def test_what_two_programs_define_is_the_same() -> None:
    modules = [definitions(path) for path in sorted(HOOK.parent.glob("*.py")) if path.name != "__init__.py"]
    assert len(modules) == 7
    pairs = list(itertools.combinations(modules, 2))
    twice = {name for one, other in pairs for name in one.keys() & other.keys()}
    assert twice == OF_ITS_OWN | SHARED
    for name in SHARED:
        assert len({module[name] for module in modules if name in module}) == 1, f"{name} is not the same in each"


def test_what_the_programs_know_of_imgbase_is_the_same() -> None:
    tags = (imgbase.TAG_GROUP, imgbase.TAG_POOL, imgbase.TAG_INIT, imgbase.TAG_LAYER)
    assert [tag for tag in tags if not tag.startswith(disks.NODE_TAG)] == []


ANSWERS = [
    pytest.param('{"filesystems": [{"a": 1}]}', [{"a": 1}], "", id="util-linux"),
    pytest.param('{"report": [{"filesystems": [{"a": 1}]}]}', [{"a": 1}], "", id="lvm"),
    pytest.param('{"filesystems": []}', [], "", id="empty"),
    pytest.param("a\n{ \n", [], "lvs printed no list 'filesystems' in JSON: {", id="breaks-off"),
    pytest.param("{}", [], "lvs printed no list 'filesystems' in JSON: {}", id="neither"),
    pytest.param('{"report": []}', [], "lvs printed no list 'filesystems' in JSON: {\"report\": []}", id="no-report"),
    pytest.param(
        '{"filesystems": 1}', [], "lvs printed no list 'filesystems' in JSON: {\"filesystems\": 1}", id="type"
    ),
    pytest.param("", [], "lvs printed no list 'filesystems' in JSON: no output", id="nothing"),
]


@pytest.mark.parametrize(("text", "rows", "problem"), ANSWERS)
def test_rows_of_an_answer(text: str, rows: list[dict[str, int]], problem: str) -> None:
    for program in (disks, imgbase):
        assert program.rows_of("filesystems", "lvs", text) == (rows, problem)
