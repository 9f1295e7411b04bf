# SPDX-License-Identifier: GPL-2.0-or-later
"""A boot ISO with real Anaconda: EL9's, on the root that the bench makes for it (`install/make-root.sh`).

Its initramfs does what dracut's does for inst.stage2 and inst.ks on a medium. The kernel is the lab's.
"""

from __future__ import annotations

import functools
from pathlib import Path

import small_iso
from bench import TREES
from small_iso import Small

from lab.medium import FIND_MEDIUM
from lab.root import SELINUX, Kernel, copy_modules, initramfs

ROOT = TREES / "install" / "root.sqfs"
NO_ROOT = f"no installer here: the bench's install/make-root.sh makes {ROOT.name}"
_FIRST = (
    *("virtio_pci", "virtio_blk", "virtio_scsi", "virtio_console", "ata_piix", "ahci", "sr_mod", "sd_mod"),
    *("isofs", "nls_utf8", "squashfs", "loop", "overlay", "ext4"),
)
# An array of empty disks is in sync already, and the first pass over them would only take time.
_QUIET_RAID = "install md_mod modprobe --ignore-install md_mod && echo 100 >/proc/sys/dev/raid/speed_limit_max"
# Without a kickstart Anaconda has localed set the console's keymap. localed looks for its file, which EL has with kbd,
# and Debian in a package of its own.
_INIT = f"""\
{FIND_MEDIUM}mkdir -p /ro /rw /iso /newroot
mount -t iso9660 -o ro "$device" /iso
mount -t squashfs -o ro,loop /iso/images/install.img /ro
mount -t tmpfs -o size=75% tmpfs /rw; mkdir /rw/u /rw/w
mount -t overlay -o lowerdir=/ro,upperdir=/rw/u,workdir=/rw/w overlay /newroot
(cd /newroot && zcat /iso/images/product.img | cpio -idmu)
echo '{_QUIET_RAID}' >/newroot/etc/modprobe.d/lab-raid.conf
mkdir -p /newroot/usr/share/keymaps; : >/newroot/usr/share/keymaps/us.map
rm -rf /newroot/usr/lib/modules; cp -a /lib/modules /newroot/usr/lib/
mount -t tmpfs -o mode=755 tmpfs /newroot/run
mkdir -p /newroot/run/install/repo
mount --move /iso /newroot/run/install/repo
[ -z "$ks" ] || cp /newroot/run/install/repo$ks /newroot/run/install/ks.cfg
for d in dev proc sys; do mount --move /$d /newroot/$d; done
exec switch_root /newroot /lib/systemd/systemd
"""
# imgbase asks for SELinux; the bench's systemd starts nothing but Anaconda.
_ARGUMENTS = f"panic=-1 no_timer_check {SELINUX} systemd.show_status=0 "


def make(place: Path, kernel: Kernel, style: str = "nine", arguments: str = "inst.cmdline ") -> Path:
    """Write the ISO into the file `place`; `arguments` of its boot entries end in a space.

    With inst.cmdline, Anaconda never waits for a person.
    """
    initrd = initramfs(
        kernel.modules, kernel.version, place.with_name("initrd.img"), _INIT, list(_FIRST),
        functools.partial(copy_modules, kernel.modules, kernel.version),
    )  # fmt: skip
    small = Small(
        style=style,
        default="linux",
        more=_ARGUMENTS + arguments,
        kernel=kernel.vmlinuz.read_bytes(),
        initrd=initrd.read_bytes(),
        files={"images/install.img": ROOT},
    )
    return small_iso.make(place, small)
