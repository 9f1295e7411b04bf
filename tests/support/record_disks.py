# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the machines of disk_machines.py in QEMU, looks at their disks, and runs the resolver on them for real.

    tests/support/record_disks.py [NAME...]

All that the resolver's look-ups printed is written to tests/data/disks, with what it then did and said, and whether a
byte of any disk was another afterwards. No disk of this machine is used: the disks are sparse files. Root and kernel
are the lab's, and so is what it needs (docs/lab.md); one boot is for many machines, whose disks come and go.
"""

from __future__ import annotations

import dataclasses
import io
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from disk_machines import MACHINES, RECORDED, Machine
from lab import root
from lab.machine import acceleration, digest

CHECKOUT = Path(__file__).resolve().parents[2]
# What collects the facts, as a package.
COLLECTOR = [
    *("__init__", "facts/__init__", "facts/record", "facts/collecting"),
    *("programs/__init__", "programs/disks", "programs/nics"),
]
TIME = 1800  # seconds for one boot under software emulation on a busy machine
MEMORY = 1024  # MiB
FIRST_MODULES = ["virtio_pci", "virtio_scsi", "virtio_blk", "virtio_console", "sd_mod", "sr_mod", "squashfs", "overlay"]

_INIT = """\
#!/bin/sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
while read m; do insmod $m; done </modules/order
mkdir -p /ro /rw /newroot
i=0; while [ $i -lt 200 ] && ! [ -b /dev/sr0 ]; do sleep 0.1; i=$((i+1)); done
mount -t squashfs -o ro /dev/sr0 /ro && mount -t tmpfs tmpfs /rw && mkdir /rw/u /rw/w
mount -t overlay -o lowerdir=/ro,upperdir=/rw/u,workdir=/rw/w overlay /newroot || exec sh
mount -t tmpfs -o mode=755 tmpfs /newroot/run
cp -a /job /newroot/job
rm -rf /newroot/usr/lib/modules; cp -a /lib/modules /newroot/usr/lib/
for d in dev proc sys; do mount --move /$d /newroot/$d; done
exec switch_root /newroot /bin/bash /job/main.sh
"""

# Disks on the SCSI bus come and go while the machine runs: a bus that is told to look at two places has two disks.
_MAIN = """\
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C LVM_SUPPRESS_FD_WARNINGS=1
mkdir -p /run/lock /dev/shm; printf 'devices {\\n use_devicesfile=0\\n}\\n' >>/etc/lvm/lvmlocal.conf
printf '#!/bin/sh\\nexit 0\\n' >/usr/sbin/mpathconf; chmod 755 /usr/sbin/mpathconf
modprobe -a dm-mod loop
/lib/systemd/systemd-udevd --daemon; udevadm trigger --action=add --subsystem-match=block; udevadm settle --timeout=120
host=$(ls -d /sys/block/sr0/device/scsi_device/* | sed 's/.*\\///; s/:.*//')
unplug() {
    for disk in /sys/block/sd*; do [ -e $disk ] && echo 1 >$disk/device/delete; done; udevadm settle
    rm -rf /run/lvm /run/udev/rules.d/99-ovirt* /etc/multipath /etc/multipath.conf; udevadm control --reload
}
takedown() {
    for n in 1 2 3; do
        vgchange -q -an; cryptsetup close secret; mdadm --stop --scan; multipath -F; dmsetup remove_all
    done
}
takedown; unplug
while read -r name places <&3; do
    disks=
    for place in $places; do
        echo "0 $place 0" >/sys/class/scsi_host/host$host/scan; udevadm settle
        for n in 1 2 3 4 5 6 7 8 9; do
            disk=$(ls /sys/bus/scsi/devices/$host:0:$place:0/block) && break; sleep 0.3
        done
        disks="$disks /dev/$disk"
    done
    udevadm settle --timeout=60
    mkdir -p /job/out/$name
    (
        cd /job/$name; exec >/job/out/$name/log 2>&1; set -x; set -- $disks
        . ./script; udevadm settle; [ -z "$LOOK" ] || python3 -S /job/look.py
    )
    swapoff -a; umount /mnt /run/install/repo
    takedown; sync; unplug
done 3</job/machines 2>/job/out/log
for n in /sys/class/virtio-ports/*/name; do [ "$(cat $n)" = out ] && port=/dev/$(basename $(dirname $n)); done
tar cf - -C /job/out . >$port; sync; sleep 1
echo o >/proc/sysrq-trigger; sleep 30
"""

# Runs in the machine: its facts are collected as everywhere, then disks.py runs for all that is requested.
_LOOK_PY = """\
import json, os, subprocess, sys, time
sys.path.insert(0, "/job")
from org_ovirt_node.facts import collecting, record
from org_ovirt_node.programs import disks, nics

facts = collecting.collect(disks.Target(), nics.Target(), record.INSTALLER, "lab", time.time())
shown = {}
for name, wanted in json.load(open("wanted.json")).items():
    json.dump(wanted, open("/tmp/wanted.json", "w"))
    command = [sys.executable, "-S", disks.__file__, "/tmp/wanted.json", "1", "1"]
    done = subprocess.run(command, capture_output=True, text=True)
    links = {}
    for number in range(len(wanted["disks"])):
        link = disks.LINK + str(number)
        size = subprocess.run(["blockdev", "--getsize64", link], capture_output=True, text=True)
        named = subprocess.run(["udevadm", "info", "--query=property", link], capture_output=True, text=True).stdout
        node = next((line[8:] for line in named.splitlines() if line.startswith("DEVNAME=")), None)
        links[link] = [node, int(size.stdout)] if size.returncode == 0 else None
    left = subprocess.run(["lsblk", "-nrso", "NAME,TYPE"], capture_output=True, text=True).stdout.splitlines()
    shown[name] = {"status": done.returncode, "said": done.stdout + done.stderr, "links": links, "left": left}
found = {**json.loads(record.written(facts)), "shown": shown}
json.dump(found, open("/job/out/%s/found.json" % os.path.basename(os.getcwd()), "w"))
"""


def initramfs(kernel: root.Kernel, directory: Path) -> Path:
    """busybox and the modules; the job of a boot follows it as a second archive."""

    def add(top: Path) -> None:
        root.copy_modules(kernel.modules, kernel.version, top)

    return root.initramfs(
        kernel.modules, kernel.version, directory / "initramfs.cpio", _INIT, [*FIRST_MODULES, "isofs"], add
    )


def attach(machine: Machine, files: list[Path], slot: int, is_filled: bool) -> tuple[list[str], list[str]]:
    """QEMU's options for the disks, and the places on the SCSI bus where the machine finds them."""
    options, places = [], []
    for number, (disk, file) in enumerate(zip(machine.disks, files, strict=True)):
        kind, _, more = disk.device.partition(",")
        if disk.is_absent and is_filled:
            continue
        for path in range(disk.paths if is_filled else 1):
            drive = f"{machine.name}-{number}-{path}"
            file_options = f"if=none,id={drive},file={file},format=raw,discard=unmap,detect-zeroes=unmap"
            file_options += ",file.locking=off" if disk.paths > 1 else ""
            file_options += ",readonly=on" if disk.is_read_only and is_filled else ""
            options += ["-drive", file_options]
            # A machine may give a key again; QEMU takes none twice.
            keys = dict(part.split("=", 1) for part in more.split(",") if part)
            if kind == "scsi-hd":
                keys.update({"bus": "scsi.0", "scsi-id": str(slot), "share-rw": "on" if disk.paths > 1 else "off"})
                places.append(str(slot))
                slot += 1
            elif kind == "nvme-ns":
                options += ["-device", f"nvme,id=nvme{number},serial=nvme-{number}"]
                keys["bus"] = f"nvme{number}"
            elif kind == "usb-storage":
                options += ["-device", "qemu-xhci"]
            keys["drive"] = drive
            options += ["-device", ",".join([kind, *(f"{key}={value}" for key, value in keys.items())])]
    return options, places


@dataclasses.dataclass(frozen=True)
class Run:
    """What all boots have in common."""

    system: Path
    kernel: root.Kernel
    ramdisk: Path
    directory: Path

    def files(self, machine: Machine) -> list[Path]:
        return [self.directory / f"{machine.name}-{number}.raw" for number in range(len(machine.disks))]

    def boot(self, machines: list[Machine], is_filled: bool) -> dict[str, bytes]:
        """One boot for one machine after the other; the files that they left."""
        work = Path(tempfile.mkdtemp(dir=self.directory))
        job = work / "c" / "job"
        (job / "out").mkdir(parents=True)
        disks: list[str] = []
        lines, slot = [], 1
        for machine in machines:
            options, places = attach(machine, self.files(machine), slot, is_filled)
            disks += options
            slot += len(places)
            lines.append(" ".join([machine.name, *places]) + "\n")
            (job / machine.name).mkdir()
            (job / machine.name / "script").write_text(f"{machine.start}\nLOOK=1\n" if is_filled else machine.fill)
            (job / machine.name / "wanted.json").write_text(json.dumps(machine.wanted))
        (job / "machines").write_text("".join(lines))
        for name, text in {"main.sh": _MAIN, "look.py": _LOOK_PY}.items():
            (job / name).write_text(text)
        for name in COLLECTOR:
            module = Path("org_ovirt_node") / f"{name}.py"
            (job / module).parent.mkdir(parents=True, exist_ok=True)
            (job / module).write_bytes((CHECKOUT / module).read_bytes())
        ramdisk = work / "initrd"
        ramdisk.write_bytes(self.ramdisk.read_bytes() + root.archive(work / "c", work / "job.cpio").read_bytes())
        out = work / "out"
        out.touch()
        command = [root.program("qemu-system-x86_64"), *acceleration(), "-smp", "2", "-m", str(MEMORY)]
        command += ["-M", "pc", "-display", "none", "-vga", "none", "-serial", "stdio", "-monitor", "none"]
        command += ["-no-reboot", "-nic", "none", "-kernel", str(self.kernel.vmlinuz), "-initrd", str(ramdisk)]
        command += ["-append", "console=ttyS0 panic=-1 quiet"]
        command += ["-device", "virtio-serial-pci,addr=0x2", "-chardev", f"file,id=out,path={out}"]
        command += ["-device", "virtserialport,chardev=out,name=out", "-device", "virtio-scsi-pci,id=scsi,addr=0x3"]
        command += ["-drive", f"if=none,id=root,file={self.system},format=raw,readonly=on"]
        command += ["-device", "scsi-cd,drive=root,bus=scsi.0,scsi-id=0", "-device", "virtio-rng-pci", *disks]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIME)
        console = done.stdout + done.stderr
        (self.directory / "last").write_bytes(console)
        if not out.stat().st_size:
            raise SystemExit(f"no answer: {console.decode(errors='replace')}")
        with tarfile.open(fileobj=io.BytesIO(out.read_bytes())) as tar:
            opened = {member.name.removeprefix("./"): tar.extractfile(member) for member in tar.getmembers()}
            found = {name: file.read() for name, file in opened.items() if file}
        shutil.rmtree(work)
        return {**found, "console": console}


def make(machine: Machine, directory: Path) -> list[Path]:
    """The disks of a machine as sparse files, with the bytes that no program of the root writes."""
    files = []
    for number, disk in enumerate(machine.disks):
        file = directory / f"{machine.name}-{number}.raw"
        with file.open("wb") as opened:
            opened.truncate(disk.size)
            for place, data in (disk.bytes(disk.size) if disk.bytes else {}).items():
                opened.seek(place)
                opened.write(data)
        files.append(file)
    return files


def batches(machines: list[Machine]) -> list[list[Machine]]:
    """What can share a boot: disks that are not on the SCSI bus are there from the start."""
    shared = [machine for machine in machines if all(disk.device.startswith("scsi-hd") for disk in machine.disks)]
    return [batch for batch in (shared, *([machine] for machine in machines if machine not in shared)) if batch]


def record(machines: list[Machine], run: Run) -> None:
    """What the machines show, what the resolver made of them, and whether a byte is another afterwards."""
    before = {file: digest(file) for machine in machines for file in run.files(machine)}
    answer = run.boot(machines, is_filled=True)
    for name, text in answer.items():
        (run.directory / name.replace("/", "-")).write_bytes(text)
    for machine in machines:
        answered = answer.get(f"{machine.name}/found.json")
        if answered is None:
            print(f"{machine.name}: nothing was found; see {machine.name}-log", flush=True)
            continue
        found: dict[str, Any] = json.loads(answered)
        found["unchanged"] = [digest(file) == before[file] for file in run.files(machine)]
        (RECORDED / f"{machine.name}.json").write_text(json.dumps(found, indent=1) + "\n")
        statuses = {name: shown["status"] for name, shown in found["shown"].items()}
        changed = "unchanged" if all(found["unchanged"]) else f"CHANGED: {found['unchanged']}"
        print(machine.name, statuses, changed, flush=True)


def main() -> None:
    names = sys.argv[1:]
    RECORDED.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(prefix="record-disks-"))
    print("what the machines said is in", directory, flush=True)
    kernel = root.kernel()
    run = Run(root.vm_root(), kernel, initramfs(kernel, directory), directory)
    machines = [machine for machine in MACHINES if not names or machine.name in names]
    for machine in machines:
        make(machine, directory)
    filled = [machine for machine in machines if machine.fill]
    if filled:
        for name, text in run.boot(filled, is_filled=False).items():
            (directory / f"fill-{name.replace('/', '-')}").write_bytes(text)
    for batch in batches(machines):
        record(batch, run)


if __name__ == "__main__":
    main()
