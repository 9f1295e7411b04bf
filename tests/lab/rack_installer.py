# SPDX-License-Identifier: GPL-2.0-or-later
"""A small installer for machines of a rack: it runs every %pre of its kickstart, and writes the image to the disk.

The programs in %pre are the real ones, in the root of the lab's machines: discovery, checks, disks, and the reporter,
which follows the log that the installer writes as Anaconda does. The image is one whose system reports once that it is
up, with the token that the installer has left on its disk, and switches the machine off.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import node_images

from lab import root
from lab.pxe_installer import add_addresses
from lab.test_real import disk_of_a_node

# What is said on the console.
INSTALLS = "rack: this is the installer"
COPIES = "rack: copies the image"
RESTARTS = "rack: restarts"
NODE_BOOTS = "rack: the node boots"
# Long enough for a test to see COPIES before the installer goes on.
_COPYING_S = 4
_TOKEN_AT = 1024  # sectors; between the partition table and the first partition
_MODULES = ["virtio_pci", "virtio_net", "virtio_scsi", "sd_mod"]
_NETWORK = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
while read -r module; do insmod "$module"; done </modules/order
ip link set lo up; ip link set eth0 up
udhcpc -q -n -t 20 -i eth0 -s /addresses
"""
_INIT = f"""\
{_NETWORK}
echo; echo '{INSTALLS}'
for word in $(cat /proc/cmdline); do case "$word" in inst.stage2=*) stage2=${{word#inst.stage2=}};; esac; done
wget -q -O /install.img "${{stage2}}images/install.img" || {{ echo 'rack: no stage2'; sleep 5; poweroff -f; }}
wget -q -O /modules.img "${{stage2}}images/modules.img"
mkdir -p /ro /rw /newroot
mount -t squashfs -o ro,loop /install.img /ro
mount -t tmpfs -o size=75% tmpfs /rw; mkdir /rw/u /rw/w
mount -t overlay -o lowerdir=/ro,upperdir=/rw/u,workdir=/rw/w overlay /newroot
mount -t tmpfs -o mode=755 tmpfs /newroot/run
mkdir -p /newroot/usr/lib/modules; mount -t squashfs -o ro,loop /modules.img /newroot/usr/lib/modules
cp /etc/resolv.conf /newroot/etc/; cp /start /install.py /newroot/run/
for d in dev proc sys; do mount --move /$d /newroot/$d; done
exec switch_root /newroot /bin/bash /run/start
"""
# There is no systemd: what asks it for the end of the machine asks the kernel.
_START = """\
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C LVM_SUPPRESS_FD_WARNINGS=1
mkdir -p /run/lock /dev/shm /dev/pts; mount -t devpts devpts /dev/pts
[ ! -d /sys/firmware/efi ] || { modprobe efivarfs; mount -t efivarfs efivarfs /sys/firmware/efi/efivars; }
cat >/usr/local/sbin/systemctl <<'END'
#!/bin/bash
sync
case "$*" in *poweroff*) echo o >/proc/sysrq-trigger;; *reboot*) echo b >/proc/sysrq-trigger;; esac
sleep 60
END
chmod 755 /usr/local/sbin/systemctl
printf 'devices {\\n use_devicesfile=1\\n}\\n' >>/etc/lvm/lvmlocal.conf
/lib/systemd/systemd-udevd --daemon
udevadm trigger --action=add; udevadm settle --timeout=300
modprobe -a af_packet
python3 /run/install.py
sync; echo o >/proc/sysrq-trigger
sleep 60
"""
_INSTALL = f"""\
import json, os, pathlib, re, shlex, subprocess, sys, time, urllib.request

def say(words):
    with open("/dev/console", "w") as console:
        print(words, file=console, flush=True)

def stage(queue):
    with open("/tmp/anaconda.log", "a") as log:
        print(f"INF core.queue: Queue started: {{queue}} (1/9)", file=log, flush=True)

pathlib.Path("/run/anaconda.pid").write_text(str(os.getpid()))
words = dict(word.split("=", 1) for word in open("/proc/cmdline").read().split() if "=" in word)
text = urllib.request.urlopen(words["inst.ks"], timeout=60).read().decode()
for number, (options, body) in enumerate(re.findall(r"^%pre\\b(.*)\\n((?:.*\\n)*?)%end$", text, re.M)):
    interpreter = re.search(r"--interpreter=(\\S+)", options)
    script = pathlib.Path(f"/tmp/ks-script-{{number}}")
    script.write_text(body)
    log = re.search(r"--log=(\\S+)", options)
    with open(log[1] if log else "/dev/null", "w") as output:
        status = subprocess.call([interpreter[1] if interpreter else "/bin/sh", script], stdout=output, stderr=output)
    if status and "--erroronfail" in options:
        say(f"rack: %pre {{number}} ended with {{status}}: {{pathlib.Path(log[1]).read_text()[-2000:] if log else ''}}")
        time.sleep(20)  # the reporter sends what has been said
        sys.exit(1)
stage("Early storage configuration")
disk = os.path.realpath("/dev/disk/by-node/system0")
stage("Payload installation")
say("{COPIES}")
time.sleep({_COPYING_S})
url = shlex.split(re.search(r"^liveimg .*", text, re.M)[0])
url = next(word for word in url if word.startswith("--url=")).removeprefix("--url=")
urllib.request.urlretrieve(url, "/run/image")
os.mkdir("/run/source")
subprocess.check_call(["mount", "-t", "squashfs", "-o", "ro,loop", "/run/image", "/run/source"])
with open(disk, "r+b") as target:
    with subprocess.Popen(["gzip", "-dc", "/run/source/disk.gz"], stdout=subprocess.PIPE) as unzipped:
        while piece := unzipped.stdout.read(1 << 20):
            target.write(piece)
    stage("Bootloader installation")
    reporter = pathlib.Path("/run/ovirt-node-report")
    told = ["--wait", "60", "--message", "the machine restarts", "installed"]
    subprocess.check_call([sys.executable, reporter / "report.py", "tell", *told])
    target.seek(512 * {_TOKEN_AT})
    target.write(json.loads((reporter / "config.json").read_text())["credential"].encode() + b"\\n")
    target.flush()
    os.fsync(target.fileno())
say("{RESTARTS}")
subprocess.call(["systemctl", "reboot"])
"""
_NODE = f"""\
{_NETWORK}
echo; echo '{NODE_BOOTS}'
for second in $(seq 120); do [ -b /dev/sda ] && break; sleep 1; done
token=$(dd if=/dev/sda bs=512 skip={_TOKEN_AT} count=1 | head -n 1)
read -r uptime _ </proc/uptime; read -r boot </proc/sys/kernel/random/boot_id
event=$(printf '"seq": 1000, "uptime": %s, "state": "up", "message": "", "facts": {{}}' "$uptime")
wget -q -O /dev/null --header "Authorization: Bearer $token" \\
    --post-data "{{\\"version\\": 1, \\"boot\\": \\"$boot\\", \\"events\\": [{{$event}}]}}" \\
    http://pxe.example.com/nodes/report && echo 'rack: has reported'
sync; poweroff -f
"""


def tree(directory: Path) -> Path:
    """The installer's tree, as far as it is served."""
    kernel = root.kernel()
    boot = directory / "images" / "pxeboot"
    boot.mkdir(parents=True)
    shutil.copy(kernel.vmlinuz, boot / "vmlinuz")

    # GRUB's HTTP is slow: what the kernel needs later is fetched by Linux.
    with tempfile.TemporaryDirectory() as work:
        root.copy_modules(kernel.modules, kernel.version, Path(work))
        node_images.squashfs(directory / "images" / "modules.img", Path(work) / "lib" / "modules")

    def add(top: Path) -> None:
        add_addresses(top)
        (top / "start").write_text(_START)
        (top / "install.py").write_text(_INSTALL)

    root.initramfs(
        kernel.modules, kernel.version, boot / "initrd.img", _INIT, [*_MODULES, "loop", "squashfs", "overlay"], add
    )
    shutil.copy(root.vm_root(), directory / "images" / "install.img")
    (directory / ".treeinfo").write_text("[general]\nversion = 9\n")
    return directory


def node_image(place: Path) -> Path:
    """A node image for those who look into it; the installer takes the disk out of it."""
    kernel = root.kernel()
    tree = node_images.tree(place.with_name("image.tree"))
    add_addresses(place.parent)
    addresses = {"addresses": place.with_name("addresses")}
    disk = disk_of_a_node(kernel, addresses, place.with_name("disk.raw"), _NODE, _MODULES)
    with (tree / "disk.gz").open("wb") as file:
        subprocess.run(["gzip", "-1", "-c", disk], stdout=file, check=True)
    return node_images.squashfs(place, tree)
