# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine runs the %pre of `ksgen discover`, and no disk of it has changed: half a mirror, journals that were not
replayed, a thin pool. What it tells is what `ksgen adopt` then writes."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from command import CliRunner
from disk_machines import MACHINES
from live_server import live
from pykickstart.parser import KickstartParser
from pykickstart.version import makeVersion

from ksgen.cli import main
from ksgen.match import discovery_kickstart, machine_from
from ksgen.match.machine import Machine as Found
from ksgen.netboot import Discovery
from ksgen.netboot.discovery import _HANDS_OFF, discovery_text
from ksgen.server import Settings, Site, add_login, application, read_logins
from ksgen.store import Store, open_database
from lab.machine import GIB, Disk, Machine, digest, run
from lab.root import Kernel
from org_ovirt_node.facts.discovery import Order
from org_ovirt_node.facts.sighting import addresses

pytestmark = pytest.mark.lab

MAC = "52:54:00:cc:00:01"
# Where QEMU's network has the loopback of this machine.
HOST = "10.0.2.2"
REPORT, RANDOM = "e" * 64, "d" * 32
_FILL = {machine.name: machine.fill for machine in MACHINES}
# What is on each disk, by its place. What is mounted stays mounted when the power is cut.
FILLS = {
    "empty": "",
    "degraded-mirror": "mdadm --create /dev/md/old --run --metadata=1.2 --level=1 --raid-devices=2 $1 missing\n"
    "mkfs.ext4 -q /dev/md/old; mkdir -p /mnt/array; mount /dev/md/old /mnt/array; cp -r /etc /mnt/array; sync",
    "dirty-xfs": "printf 'label: gpt\\n,,L\\n' | sfdisk -q $1; udevadm settle; mkfs.xfs -q ${1}1\n"
    "mkdir -p /mnt/xfs; mount ${1}1 /mnt/xfs; cp -r /etc /mnt/xfs; sync; touch /mnt/xfs/later; sync",
    "dirty-ext4": "mkfs.ext4 -q $1; mkdir -p /mnt/ext4; mount $1 /mnt/ext4; cp -r /etc /mnt/ext4; sync",
    "thin-pool": "vgcreate -q system $1; lvcreate -q -y -T -L 4g system/pool\n"
    "lvcreate -q -V 8g -T system/pool -n root; mkfs.xfs -q /dev/system/root\n"
    "mkdir -p /mnt/thin; mount /dev/system/root /mnt/thin; cp -r /etc /mnt/thin; sync",
    "storage-domain": _FILL["storage-domain"],
}
# What a kernel and udev do in an installer before %pre, although the arguments of the discovery speak against it.
_ASSEMBLED = """\
modprobe -a xfs ext4 raid1 dm-thin-pool af_packet; udevadm settle --timeout=60
mdadm --incremental --run --scan || :
vgchange -q -aay || :
udevadm settle --timeout=60; cat /proc/mdstat >$OUT/mdstat; lvs -a >$OUT/lvs
"""
# The machine of the lab has no systemd. Anaconda runs the script of a section as a file.
_LOOK = """\
printf '#!/bin/sh\\necho "$@" >>$OUT/ended\\n' >/usr/local/sbin/systemctl; chmod 755 /usr/local/sbin/systemctl
nic=$(basename $(dirname $(grep -l {mac} /sys/class/net/*/address)))
ip link set $nic up; ip address add 10.0.2.15/24 dev $nic
bash ./pre >$OUT/said 2>&1 &
for _ in $(seq 300); do [ ! -s $OUT/ended ] || break; sleep 1; done
cat /proc/self/mounts >$OUT/mounts; [ -s $OUT/ended ]
"""
# Whether the journals still have to be replayed, and the mirror is still half.
_REPLAYED = """\
modprobe -a xfs ext4 dm-thin-pool raid1; udevadm settle --timeout=60; dmesg -C; mkdir -p /mnt/x
vgchange -q -aay; mdadm --incremental --run --scan
for device in {xfs}1 {ext4} /dev/system/root; do mount $device /mnt/x; umount /mnt/x; done
dmesg >$OUT/dmesg; mdadm --detail /dev/md/old >$OUT/detail
"""


class Board:
    """A `ksgen serve` with a discovery that is running."""

    def __init__(self, place: Path) -> None:
        now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        self.place, tree = place, place / "out"
        (tree / "armed").mkdir(parents=True)
        found = Discovery(now, now + datetime.timedelta(hours=2), RANDOM, REPORT, "el9", HOST, "", ())
        (tree / "discovery.json").write_text(discovery_text(found))
        (tree / "armed" / found.token).write_text("\n")
        add_login(place / "logins.json", "ops", "read", place / "token")
        self.application = application(
            Site(tree, place / "run", lambda: ((), "")), Store(open_database(str(place / "reports.db"), now)),
            lambda: read_logins(place / "logins.json"), Settings(hosts=(HOST, "127.0.0.1")),
        )  # fmt: skip


def pre(url: str) -> str:
    """The script of the kickstart, as Anaconda reads it."""
    handler = makeVersion("RHEL9")
    KickstartParser(handler).readKickstartFromString(discovery_kickstart(Order(url, REPORT, "http://192.0.2.1/nodes")))
    (script,) = handler.scripts
    return str(script.script)


def test_no_disk_changes(vm_root: Path, kernel: Kernel, tmp_path: Path) -> None:
    disks = [
        Disk(tmp_path / f"{name}.raw", 80 * GIB, "scsi", f"S3EVNX0K00{n}", f"0x5000c500a1b2c30{n}")
        for n, name in enumerate(FILLS, 1)
    ]
    links = {name: f"/dev/disk/by-id/wwn-{disk.wwn}" for name, disk in zip(FILLS, disks, strict=True)}
    machine = Machine(kernel=kernel, root=vm_root, disks=tuple(disks))
    lines = [f"bash -exc '. ./{name}' fill $(readlink -f {links[name]}) || exit\nudevadm settle\n" for name in FILLS]
    filled = run(
        machine, {"run": "".join(["modprobe -a xfs ext4 raid1 dm-thin-pool\n", *lines, "exit 0\n"]), **FILLS}, 400
    )
    assert filled.status == 0, filled.console
    before = {disk.file.name: digest(disk.file) for disk in disks}

    board = Board(tmp_path)
    with live(board.application) as url:
        port = url.rpartition(":")[2]
        looking = Machine(
            kernel=kernel, root=vm_root, disks=tuple(disks), arguments=" ".join((*_HANDS_OFF, f"BOOTIF=01-{MAC}")),
            nics=(f"user,model=virtio-net-pci,mac={MAC}",), firmware="uefi",
        )  # fmt: skip
        job = {"run": _ASSEMBLED + _LOOK.format(mac=MAC), "pre": pre(f"http://{HOST}:{port}/discovered")}
        looked = run(looking, job, timeout=400)
        assert looked.status == 0, looked.console + looked.files.get("said", b"").decode()
        assert "the server knows this machine now" in looked.text("said")
        assert looked.text("ended").startswith("--no-wall poweroff\n")
        assert {disk.file.name: digest(disk.file) for disk in disks} == before
        # What an installer has activated was there, so that it could have been written to.
        assert "active (auto-read-only) raid1" in looked.text("mdstat")
        assert " Vwi-a" in looked.text("lvs")
        assert not [line for line in looked.text("mounts").splitlines() if " /tmp/" in line or "/dev/md" in line]

        asked = ["--server", url, "--token", str(tmp_path / "token")]
        (tmp_path / "hosts.yaml").write_text(INVENTORY)
        shown = CliRunner().invoke(main, ["discovered", str(tmp_path / "hosts.yaml"), "--json", *asked])
        assert shown.exit_code == 0, shown.output
        (told,) = json.loads(shown.stdout)["machines"]
        assert (told["mac"], told["firmware"], told["booted_from"]) == (MAC, "uefi", MAC)
        words = ["adopt", str(tmp_path / "hosts.yaml"), MAC, "--as", "node17.example.com", "--group", "rack_b", "--yes"]
        adopted = CliRunner().invoke(main, [*words, *asked])
        assert adopted.exit_code == 0, adopted.output
        content = Store(open_database(str(tmp_path / "reports.db"), datetime.datetime.now(datetime.timezone.utc)))
        found = machine_from("", json.loads(content.machines.content(MAC) or b""))
    assert isinstance(found, Found)
    assert found.sighting is not None
    assert addresses(found.sighting) == (MAC,)
    text = (tmp_path / "hosts.yaml").read_text()
    assert f'          node_mac: "{MAC}"   # ' in text
    assert f'          node_disk: {{wwn: "{disks[0].wwn}", size: 86 GB}}' in text
    assert f'          # node_disk: {{wwn: "{disks[5].wwn}", size: 86 GB}}' in text
    assert "refused: storage-domain" in text

    script = _REPLAYED.format(xfs=f"$(readlink -f {links['dirty-xfs']})", ext4=links["dirty-ext4"])
    replayed = run(machine, {"run": script}, timeout=120)
    messages = replayed.text("dmesg")
    assert messages.count("Starting recovery") == 2, messages  # of both XFS
    assert "recovery complete" in messages  # of ext4
    assert "degraded" in replayed.text("detail"), replayed.text("detail")


INVENTORY = """\
all:
  vars:
    node_release: el9
    node_server_url: http://192.0.2.1/nodes/
    node_image_url: http://192.0.2.1/node.squashfs.img
    node_tree_url: http://192.0.2.1/el9/
    node_layout: minimal
    node_ssh_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO0FOwvlHiYaWpE3V4GJwp8vfuIuTjLENYDyVB95s+tI ops@example.com"]
  children:
    rack_a:
    rack_b:
"""
