# SPDX-License-Identifier: GPL-2.0-or-later
"""The ISO of `ksgen iso --site` on a machine of the site, on a stranger, and on one with the NICs of two hosts.

As in test_iso.py a small boot ISO stands in for EL's. Here its initramfs goes on into the lab's root, where udev runs,
and the %pre of the kickstart that the boot entry names: the real selector, which runs the real disk resolver.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import node_images
import pytest
import small_iso
from command import CliRunner
from inventories import SSH_KEY
from small_iso import Small

from ksgen.cli import main
from lab.console import Console
from lab.machine import GIB, Disk, Machine, Result, allocated, run
from lab.medium import FIND_MEDIUM
from lab.root import Kernel, initramfs
from lab.root import run as run_program

pytestmark = pytest.mark.lab

SIZE = 480 * GIB
HOSTS = {"node01.example.com": "52:54:00:aa:00:01", "node02.example.com": "52:54:00:aa:00:02"}
STRANGER = "52:54:00:aa:00:99"
SITE = f"""\
all:
  vars:
    node_release: el9
    node_image_url: https://pxe.example.com/images/node.squashfs.img
    node_tree_url: https://pxe.example.com/almalinux/9/
    node_server_url: http://pxe.example.com/nodes/
    node_ssh_keys: ["{SSH_KEY}"]
    node_checks: {{skip: [virtualization, cpu, memory]}}
  hosts:
""" + "".join(
    f"    {name}:\n"
    f'      node_mac: "{mac}"\n'
    f"      node_disk: {{serial: SYSTEM{number}, size: {{min: 480 GiB, max: 480 GiB}}}}\n"
    f"      node_pre: echo 'site - {name}' >/dev/console\n"
    for number, (name, mac) in enumerate(HOSTS.items(), 1)
)
_MODULES = [
    *("virtio_pci", "virtio_blk", "virtio_net", "ata_piix", "ahci", "sr_mod", "sd_mod", "xhci-pci", "usb-storage"),
    *("isofs", "nls_utf8", "loop", "squashfs", "overlay"),
]
_END = "site: the end"
# As dracut's anaconda module leaves it for Anaconda, which then runs %pre.
_INIT = f"""\
{FIND_MEDIUM}mkdir -p /medium /ro /rw /newroot
mount -t iso9660 -o ro "$device" /medium
mount -t squashfs -o ro,loop /medium/images/root.squashfs /ro
mount -t tmpfs tmpfs /rw && mkdir /rw/u /rw/w
mount -t overlay -o lowerdir=/ro,upperdir=/rw/u,workdir=/rw/w overlay /newroot
mount -t tmpfs -o mode=755 tmpfs /newroot/run
(cd /newroot && zcat /medium/images/product.img | cpio -idmu)
mkdir -p /newroot/run/install/repo && mount --move /medium /newroot/run/install/repo
cp /newroot/run/install/repo$ks /newroot/run/install/ks.cfg
cp /start /newroot/run/start
for d in dev proc sys; do mount --move /$d /newroot/$d; done
exec switch_root /newroot /bin/bash /run/start
"""
# The wait of a resolver that stops is for people; what is looked at here is what has happened until then.
_START = f"""\
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
mkdir -p /run/lock
/lib/systemd/systemd-udevd --daemon
udevadm trigger --action=add; udevadm settle --timeout=300
sed -n '/^%pre/,/^%end/p' /run/install/ks.cfg | sed '1d;$d' >/tmp/pre
sh /tmp/pre
echo "site: status $?"
[ ! -e /tmp/node-host.ks ] || echo "site: kickstart $(sha256sum /tmp/node-host.ks)"
echo "site: disk $(lsblk -ndo SERIAL /dev/disk/by-node/system0 2>/dev/null)"
echo "{_END}"
sync; echo o >/proc/sysrq-trigger; sleep 60
"""


class Isos:
    """The boot ISOs, and those of the site, each once."""

    def __init__(self, place: Path, kernel: Kernel, vm_root: Path) -> None:
        self._place, self._kernel, self._root = place, kernel, vm_root

        def add(top: Path) -> None:
            (top / "start").write_text(_START)

        made = initramfs(kernel.modules, kernel.version, place / "initrd.img", _INIT, _MODULES, add)
        self._initrd = made.read_bytes()
        self._image = node_images.nested(place / "node.squashfs.img", None, "-comp", "xz")
        (place / "hosts.yaml").write_text(SITE)

    def site(self, style: str, *options: str) -> Path:
        boot, made = self._place / f"{style}.iso", self._place / f"{style}-{len(options)}-site.iso"
        if not boot.exists():
            vmlinuz, files = self._kernel.vmlinuz.read_bytes(), {"images/root.squashfs": self._root}
            # The default entry has no media check, which would read the whole of it.
            more = "console=ttyS0 panic=-1 no_timer_check "
            small_iso.make(
                boot, Small(style=style, kernel=vmlinuz, initrd=self._initrd, more=more, default="linux", files=files)
            )
        if not made.exists():
            arguments = ["iso", "--boot-iso", str(boot), "--image", str(self._image), "-o", str(made)]
            done = CliRunner().invoke(main, [*arguments, "--site", str(self._place / "hosts.yaml"), *options])
            assert done.exit_code == 0, done.output
        return made


@pytest.fixture(scope="module")
def isos(tmp_path_factory: pytest.TempPathFactory, kernel: Kernel, vm_root: Path) -> Isos:
    return Isos(tmp_path_factory.mktemp("stick"), kernel, vm_root)


# (firmware, medium, layout of the boot ISO): each pair of two is there.
PLACES = [
    pytest.param("bios", "disc", "nine", id="bios-disc"),
    pytest.param("bios", "stick", "ten", id="bios-stick"),
    pytest.param("uefi", "disc", "ten", id="uefi-disc"),
    pytest.param("uefi", "stick", "nine", id="uefi-stick"),
]


def machine(iso: Path, firmware: str, medium: str, disks: tuple[Disk, ...], *macs: str) -> Machine:
    nics = tuple(f"user,restrict=on,model=virtio-net-pci,mac={mac}" for mac in macs)
    if medium == "disc":
        return Machine(firmware=firmware, boot="cdrom", cdrom=iso, disks=disks, nics=nics)
    stick = Disk(iso, bus="usb", is_read_only=True, more=("bootindex=1",))
    return Machine(firmware=firmware, disks=(stick, *disks), nics=nics)


def told(result: Result) -> list[str]:
    return [line.partition("site: ")[2] for line in result.console.splitlines() if "site: " in line]


def system_disks(directory: Path) -> tuple[Disk, ...]:
    """Those of both hosts: in each machine the resolver has to find the right one."""
    return tuple(Disk(directory / f"disk{number}.raw", SIZE, serial=f"SYSTEM{number}") for number in (1, 2))


def kickstart(iso: Path, name: str, directory: Path) -> str:
    target = directory / "host.ks"
    run_program("xorriso", "-no_rc", "-osirrox", "on", "-indev", iso, "-extract", f"/ovirt-node/{name}.ks", target)
    return hashlib.sha256(target.read_bytes()).hexdigest()


@pytest.mark.parametrize(("firmware", "medium", "style"), PLACES)
def test_member_gets_its_kickstart_and_its_disk(
    isos: Isos, firmware: str, medium: str, style: str, tmp_path: Path
) -> None:
    iso, disks = isos.site(style), system_disks(tmp_path)
    result = run(machine(iso, firmware, medium, disks, STRANGER, HOSTS["node02.example.com"]), timeout=300, until=_END)
    assert result.has_ended, result.console
    assert "site - node02.example.com" in result.console
    assert "site - node01.example.com" not in result.console
    digest = kickstart(iso, "node02.example.com", tmp_path)
    assert told(result)[:3] == ["status 0", f"kickstart {digest}  /tmp/node-host.ks", "disk SYSTEM2"], result.console
    assert [allocated(disk.file) for disk in disks] == [0, 0]


REFUSED = {
    "stranger": ((STRANGER,), "ovirt-node: this machine is not one of the 2 hosts on this medium"),
    "two-hosts": (tuple(HOSTS.values()), "ovirt-node: this machine is 2 hosts of this medium at once"),
}


@pytest.mark.parametrize(("firmware", "medium", "style"), PLACES)
@pytest.mark.parametrize("who", REFUSED)
def test_other_machine_gets_words_and_nothing_is_written(
    isos: Isos, who: str, firmware: str, medium: str, style: str, tmp_path: Path
) -> None:
    disks = system_disks(tmp_path)
    macs, words = REFUSED[who]
    # The program shows it again and again; here that is cut short.
    result = run(
        machine(isos.site(style), firmware, medium, disks, *macs),
        timeout=300, until="Nothing has been written to any disk", more_seconds=5,
    )  # fmt: skip
    assert words in result.console
    assert all(mac in result.console for mac in macs)
    assert "site - node" not in result.console
    assert "kickstart" not in "".join(told(result))
    assert [allocated(disk.file) for disk in disks] == [0, 0]


@pytest.mark.parametrize(("answer", "status"), [("yes", "status 0"), ("no", None)])
def test_person_is_asked(isos: Isos, answer: str, status: str | None, tmp_path: Path) -> None:
    disks = system_disks(tmp_path)

    def person(console: Console) -> None:
        console.wait_for("Install node01.example.com on this machine", 300)
        console.wait_for("Type yes to install", 60)
        console.type(answer)
        console.wait_for(
            "site: status 0" if status else "the installation of node01.example.com was not confirmed", 120
        )

    until = _END if status else "was not confirmed"
    iso = isos.site("nine", "--ask")
    result = run(
        machine(iso, "bios", "disc", disks, HOSTS["node01.example.com"]), timeout=400, until=until, person=person
    )
    assert ("site - node01.example.com" in result.console) == bool(status)
    assert [allocated(disk.file) for disk in disks] == [0, 0]
