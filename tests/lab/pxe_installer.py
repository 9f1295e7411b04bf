# SPDX-License-Identifier: GPL-2.0-or-later
"""Stands in for the installer and the node image: a tree with a kernel and an initramfs that fetches what its command
line names as Anaconda does, writes the image of its kickstart to the disk, and restarts, or switches the machine off
when something fails; it reports its states as the reporter does, to a server that takes them. And an image whose disk
says that it has been booted, under BIOS and UEFI.
"""

from __future__ import annotations

import contextlib
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from boot_servers import program

from lab import root

# What the stand-ins say on the console.
INSTALLS = "STAND-IN: this is the installer"
HAS_INSTALLED = "STAND-IN: installed"
DISCOVERS = "STAND-IN: discovers"
DISK_BOOTS = {"bios": "THE DISK BOOTS UNDER BIOS", "uefi": "THE DISK BOOTS UNDER UEFI"}

_MODULES = ["virtio_pci", "virtio_net", "virtio_blk"]
_INIT = f"""\
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
while read -r module; do insmod "$module"; done </modules/order
argument() {{ for word in $(cat /proc/cmdline); do case "$word" in "$1"=*) echo "${{word#*=}}";; esac; done; }}
stop() {{ sync; echo "$1" >/proc/sysrq-trigger; sleep 60; }}
fail() {{ echo "STAND-IN: failed: $1"; report failed "$2" "$1"; stop o; }}
fetch() {{
    wget -q -O "$2" "$1" || fail "cannot fetch $1" fetch
    set -- $(sha256sum "$2") "$1"; echo "STAND-IN: fetched $1 $3"
}}

sequence=0
report() {{
    [ -n "$token" ] || return 0
    sequence=$((sequence + 1)); read -r uptime _ </proc/uptime; read -r boot </proc/sys/kernel/random/boot_id
    event=$(printf '"seq": %d, "uptime": %s, "state": "%s", "step": "%s", "message": "%s"' \\
        "$sequence" "$uptime" "$1" "$2" "$3")
    wget -q -O /dev/null --header "Authorization: Bearer $token" \\
        --post-data "{{\\"version\\": 1, \\"boot\\": \\"$boot\\", \\"events\\": [{{$event}}]}}" "$site/report"
}}

echo; echo '{INSTALLS}'; echo "STAND-IN: arguments $(cat /proc/cmdline)"
mac=$(argument BOOTIF | sed 's/^01-//; s/-/:/g')
for card in /sys/class/net/*; do [ "$(cat "$card/address")" = "$mac" ] && device=${{card##*/}}; done
ip link set "$device" up
static=$(argument ip)
case "$static" in
    *:*)  # ADDRESS::GATEWAY:NETMASK:NAME:DEVICE:none, as dracut has it
        IFS=:; set -- $static; unset IFS
        ifconfig "$device" "$1" netmask "$4" || fail 'no static address'
        echo "STAND-IN: static $1";;
    *) udhcpc -q -n -i "$device" -s /addresses || fail 'no address';;
esac
kickstart=$(argument inst.ks)
case "$kickstart" in */discovery/*)
    fetch "$kickstart" /ks; grep -q '^%pre' /ks && echo '{DISCOVERS}'; stop o;;
esac
site=${{kickstart%/ks/*}}
token=$(wget -q -O - "$site/report/token?${{kickstart#*[?]}}")
report preparing 'the installer runs'
fetch "$(argument inst.stage2).treeinfo" /treeinfo
fetch "$(argument inst.stage2)images/install.img" /install.img
fetch "$(argument inst.updates)" /updates.img
fetch "$kickstart" /ks
echo "STAND-IN: kickstart $(head -n 1 /ks)"
fetch "$(sed -n "s/^liveimg .*--url=[\\"']*\\([^ \\"']*\\).*/\\1/p" /ks)" /image
report copying 'the image is written'
cat /image >/dev/vda || fail 'cannot write the disk' copy
echo '{HAS_INSTALLED}'
report installed 'the machine restarts'
stop b
"""
# udhcpc's script; busybox has none of its own.
ADDRESSES = """\
#!/bin/busybox sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"
for server in $dns; do echo "nameserver $server" >>/etc/resolv.conf; done
"""

# Says a text on the first serial port and switches the machine off. The port of the switch is QEMU's as SeaBIOS sets it
# up: PM1a_CNT at 0x604, where SLP_EN with S5's type 0 is 0x2000.
_BOOT_CODE = bytes.fromhex(
    "31c0 8ed8"  # xor ax,ax; mov ds,ax
    "be 207c"  # mov si,0x7c20, where the text is
    "ac 84c0 7406"  # lodsb; test al,al; jz +6
    "ba f803 ee ebf5"  # mov dx,0x3f8; out dx,al; jmp back to lodsb
    "ba 0406 b8 0020 ef"  # mov dx,0x604; mov ax,0x2000; out dx,ax
    "f4 ebfd"  # hlt, for ever
)
_TEXT_AT = 0x20
_SECTOR = 512  # bytes
_ESP_START = 2048  # sectors: 1 MiB, where fdisk has it too
_ESP_SECTORS = 16384  # 8 MiB
_ESP_TYPE = 0xEF  # UEFI specification 2.10, 5.2.2
_GRUB = f"""\
serial --unit=0
terminal_output serial
echo '{DISK_BOOTS["uefi"]}'
halt
"""


def tree(directory: Path) -> Path:
    """An installer's tree, as far as it is served."""
    kernel = root.kernel()
    boot = directory / "images" / "pxeboot"
    boot.mkdir(parents=True)
    shutil.copy(kernel.vmlinuz, boot / "vmlinuz")
    root.initramfs(kernel.modules, kernel.version, boot / "initrd.img", _INIT, _MODULES, add_addresses)
    (directory / "images" / "install.img").write_bytes(b"the installer itself\n")
    (directory / ".treeinfo").write_text("[general]\nversion = 9\n")
    return directory


def add_addresses(top: Path) -> None:
    """The script of udhcpc."""
    (top / "addresses").write_text(ADDRESSES)
    (top / "addresses").chmod(0o755)


def node_image(path: Path) -> Path:
    """A disk that says under which firmware it has been booted, and switches the machine off."""
    # Twice: SeaBIOS may put the last character that iPXE printed into the first.
    code = _BOOT_CODE.ljust(_TEXT_AT, b"\0") + f"\r\n{DISK_BOOTS['bios']}\r\n".encode() * 2 + b"\0"
    # The table of the MBR: one entry, with the addresses of cylinders and heads that nobody reads any more.
    entry = struct.pack("<B3sB3sII", 0, b"\xff" * 3, _ESP_TYPE, b"\xff" * 3, _ESP_START, _ESP_SECTORS)
    path.write_bytes(code.ljust(446, b"\0") + entry + bytes(48) + b"\x55\xaa")
    with path.open("r+b") as file:
        file.truncate((_ESP_START + _ESP_SECTORS) * _SECTOR)
    with tempfile.TemporaryDirectory() as work:
        configuration, loader = Path(work) / "grub.cfg", Path(work) / "loader.efi"
        configuration.write_text(_GRUB)
        _run(
            "grub-mkimage", "-O", "x86_64-efi", "-p", "/", "-c", str(configuration), "-o", str(loader),
            "normal", "echo", "serial", "terminal", "halt",
        )  # fmt: skip
        esp = f"{path}@@{_ESP_START * _SECTOR}"
        _run("mformat", "-i", esp, "-T", str(_ESP_SECTORS), "-h", "16", "-s", "63", "::")
        _run("mmd", "-i", esp, "::/EFI", "::/EFI/BOOT")
        _run("mcopy", "-i", esp, str(loader), "::/EFI/BOOT/BOOTX64.EFI")
    return path


@contextlib.contextmanager
def served(make_tree: Callable[[Path], Path] = tree, make_image: Callable[[Path], Path] = node_image) -> Iterator[Path]:
    """The installer's tree and the node image, where nginx's workers can read them: `el9` and `images`."""
    with tempfile.TemporaryDirectory(prefix="lab-served-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        make_tree(directory / "el9")
        (directory / "images").mkdir()
        make_image(directory / "images" / "node.squashfs.img")
        yield directory


def _run(name: str, *arguments: str) -> None:
    done = subprocess.run([program(name), *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
