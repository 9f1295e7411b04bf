# SPDX-License-Identifier: GPL-2.0-or-later
"""A boot ISO with real Anaconda: EL9's or EL10's, on the root that the bench makes for it (`install/make-root.sh`).

Its initramfs does what dracut's does for inst.stage2 and inst.ks on a medium. The kernel is the lab's. For a kickstart
on a server, what dracut does is done before Anaconda starts: the generator of NetworkManager reads the network
arguments, as in EL, and inst.ks and inst.updates are fetched.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import small_iso
from bench import TREES
from small_iso import Small

from lab.bytecode import compiled
from lab.medium import FIND_MEDIUM
from lab.root import SELINUX, Kernel, copy_modules, initramfs

ROOTS = {"el9": TREES / "install" / "root.sqfs", "el10": TREES / "install-el10" / "root.sqfs"}
ROOT = ROOTS["el9"]
NO_ROOT = f"no installer here: the bench's install/make-root.sh makes {ROOT.name}"
_FIRST = (
    *("virtio_pci", "virtio_blk", "virtio_scsi", "virtio_console", "ata_piix", "ahci", "sr_mod", "sd_mod"),
    *("isofs", "nls_utf8", "squashfs", "loop", "overlay", "ext4"),
)
# What the installer's NetworkManager and the bench's own initramfs load later.
_LATER = ("bonding", "8021q", "bridge", "virtio_net", "nvme", "raid1", "dm-multipath", "dm-round-robin", "ipv6")
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
cp -a /compiled/. /newroot/
[ ! -e /iso/images/product.img ] || (cd /newroot && zcat /iso/images/product.img | cpio -idmu)
echo '{_QUIET_RAID}' >/newroot/etc/modprobe.d/lab-raid.conf
mkdir -p /newroot/usr/share/keymaps; : >/newroot/usr/share/keymaps/us.map
rm -rf /newroot/usr/lib/modules; cp -a /lib/modules /newroot/usr/lib/
mount -t tmpfs -o mode=755 tmpfs /newroot/run
mkdir -p /newroot/run/install/repo
mount --move /iso /newroot/run/install/repo
[ -z "$ks" ] || cp /newroot/run/install/repo$ks /newroot/run/install/ks.cfg
cp /lab-generate /lab-fetch /newroot/run/
units=/newroot/etc/systemd/system
mkdir -p $units/NetworkManager.service.d $units/bench-install.service.d
printf '[Service]\nExecStartPre=/bin/bash /run/lab-generate\n' >$units/NetworkManager.service.d/lab.conf
printf '[Service]\nExecStartPre=/bin/bash /run/lab-fetch\n' >$units/bench-install.service.d/lab.conf
for d in dev proc sys; do mount --move /$d /newroot/$d; done
exec switch_root /newroot /lib/systemd/systemd
"""
# Like dracut's nm-config.sh.
_GENERATE = """\
grep -qE '(^| )(ip|bond|vlan|bridge)=' /proc/cmdline || exit 0
for name in /usr/libexec /usr/lib/NetworkManager; do
    [ ! -x $name/nm-initrd-generator ] || exec $name/nm-initrd-generator -- $(cat /proc/cmdline)
done
"""
# As install_vm.sh prepares it; then what the arguments name, once each of them can be reached.
_FETCH = """\
modprobe -a raid1 bonding 8021q
# EL has it with chrony; Anaconda writes a site's servers into it.
>>/etc/chrony.conf
mkdir -p /etc/pki/ca-trust/source/anchors /etc/pki/ca-trust/extracted/pem
cat >/usr/bin/update-ca-trust <<'END'
#!/bin/bash
# Where Python's requests, and OpenSSL itself, look for authorities in Debian; and EL's bundle.
for file in /etc/pki/ca-trust/source/anchors/*; do
    [ -f "$file" ] || continue
    cat "$file" >>/etc/ssl/certs/ca-certificates.crt
    cp "$file" "/etc/ssl/certs/$(openssl x509 -noout -hash -in "$file").0"
done
cp /etc/ssl/certs/ca-certificates.crt /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem
END
chmod 755 /usr/bin/update-ca-trust; update-ca-trust
exec python3 - <<'END'
import gzip, pathlib, subprocess, time, urllib.request
words = dict(word.split("=", 1) for word in open("/proc/cmdline").read().split() if "=" in word)
for name, place in (("inst.ks", "/run/install/ks.cfg"), ("inst.updates", "/run/install/updates.img")):
    url = words.get(name, "")
    for attempt in range(90):
        if not url.startswith("http"):
            break
        try:
            data = urllib.request.urlopen(url, timeout=60).read()
        except OSError as error:
            print(f"lab: {url.partition('?')[0]}: {error}", flush=True)
            time.sleep(2)
            continue
        pathlib.Path(place).write_bytes(data)
        print(f"lab: fetched {name}", flush=True)
        if name == "inst.updates":
            unpacked = gzip.decompress(data)
            subprocess.run(["cpio", "-idmu", "--quiet"], input=unpacked, cwd="/", check=True)
        break
END
"""
# imgbase asks for SELinux; the bench's systemd starts nothing but Anaconda.
_ARGUMENTS = f"panic=-1 no_timer_check {SELINUX} systemd.show_status=0 "


def make(
    place: Path,
    kernel: Kernel,
    style: str = "nine",
    arguments: str = "inst.cmdline ",
    release: str = "el9",
    files: Mapping[str, Path] = {},
) -> Path:
    """Write the ISO into the file `place`; `arguments` of its boot entries end in a space, `files` are on it too.

    With inst.cmdline, Anaconda never waits for a person.
    """

    def add(top: Path) -> None:
        copy_modules(kernel.modules, kernel.version, top, _LATER)
        shutil.copytree(compiled(ROOTS[release]), top / "compiled")
        (top / "lab-generate").write_text(_GENERATE)
        (top / "lab-fetch").write_text(_FETCH)

    initrd = initramfs(kernel.modules, kernel.version, place.with_name("initrd.img"), _INIT, list(_FIRST), add)
    small = Small(
        style=style,
        default="linux",
        more=_ARGUMENTS + arguments,
        kernel=kernel.vmlinuz.read_bytes(),
        initrd=initrd.read_bytes(),
        files={"images/install.img": ROOTS[release], **files},
    )
    return small_iso.make(place, small)
