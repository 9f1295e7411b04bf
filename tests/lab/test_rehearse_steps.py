# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen rehearse` to its end, with stand-ins for the installer and the node: every step, and what is wrong in them.

The installer fetches its kickstart and image over the network of the inventory, reports its states, and leaves the disk
of a node (tests/lab/test_real.py), which says what one said, reports that it is up, and answers as sshd does.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import node_images
import pytest
import small_iso
from inventories import SSH_KEY, inventory_text
from small_iso import Small

from ksgen.rehearsal.qmp import Monitor
from lab import root
from lab.root import NVR, Kernel, initramfs
from lab.test_real import SAID, disk_of_a_node
from org_ovirt_node.programs.imgbase import NVR_FILE

pytestmark = pytest.mark.lab

NAME = "node01.example.com"
ADDRESS = "10.1.101.11"
_TOKEN_AT = 1024  # sectors; between the partition table and the first partition
_BEGIN = """\
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
while read -r module; do insmod "$module"; done </modules/order
ifconfig eth0 10.1.101.11 netmask 255.255.255.0 up; route add default gw 10.1.101.1
echo nameserver 10.1.0.53 >/etc/resolv.conf
site=http://pxe.example.com/nodes
read -r boot </proc/sys/kernel/random/boot_id
export SSL_CERT_FILE=/etc/pki/tls/certs/ca-bundle.crt
report() {
    read -r uptime _ </proc/uptime
    event=$(printf '"seq": %d, "uptime": %s, "state": "%s", "message": "%s"%s' "$1" "$uptime" "$2" "$3" "$4")
    wget -q -O /dev/null --header "Authorization: Bearer $token" \\
        --post-data "{\\"version\\": 1, \\"boot\\": \\"$boot\\", \\"events\\": [{$event}]}" "$site/report"
}
wait_for() { for second in $(seq 120); do [ -b "$1" ] && break; sleep 1; done; }
"""
_INSTALLER = f"""\
{_BEGIN}
for word in $(cat /proc/cmdline); do
    case "$word" in inst.ks=*) kickstart=${{word#inst.ks=}};; inst.stage2=http*) tree=${{word#inst.stage2=}};; esac
done
site=${{kickstart%/ks/*}}
for second in $(seq 120); do wget -q -O /ks "$kickstart" && break; sleep 1; done
token=$(wget -q -O - "$site/report/token?${{kickstart#*[?]}}")
report 1 preparing
if grep -q 'this site fails' /ks; then report 2 configuring; report 3 failed 'a script ended with 3'; sleep 600; fi
if [ "$tree" ]; then
    wget -q -O - "$tree/.treeinfo" && wget -q -O - "$tree/images/install.img" || report 8 failed 'no stage 2'
fi
report 2 partitioning; report 3 copying
wget -q -O /dev/null "$(sed -n "s/^liveimg .*--url=[\\"']*\\([^ \\"']*\\).*/\\1/p" /ks)" || report 9 failed 'no image'
wait_for /dev/sda
zcat /disk.gz >/dev/sda
echo "$token" | dd of=/dev/sda bs=512 seek={_TOKEN_AT} conv=notrunc
report 4 configuring; report 5 layering; report 6 installed
sync
reboot -f
"""
_NODE = f"""\
{_BEGIN}
wait_for /dev/sda
token=$(dd if=/dev/sda bs=512 skip={_TOKEN_AT} count=1 | head -n 1)
stty -F /dev/ttyS1 raw -echo
cat /said >/dev/ttyS1
report 1000 up '' ', "facts": {{"addresses": ["eth0 {ADDRESS}/24"]}}'
(while :; do echo SSH-2.0-stand-in | nc -l -p 22; done) &
(while read -r line; do echo "heard: $line"; done) </dev/ttyS0 >/dev/ttyS0 &
sleep 300
poweroff -f
"""
_MODULES = ["virtio_pci", "virtio_net", "ahci", "sd_mod"]
_SITE = {
    "node_release": "el9",
    "node_firmware": "uefi",
    "node_ssh_keys": json.dumps([SSH_KEY]),
    "node_disk": '{serial: lab-real, size: {min: 128 GiB, max: 128 GiB}}',
    "node_network": f"[{{name: eno1, ipv4: {ADDRESS}/24, gateway4: 10.1.101.1, dns: [10.1.0.53]}}]",
    "node_kernel_args": "[console=ttyS0]",
    # On an emulated machine the kernel may find no timer when others take the processor.
    "node_installer_args": "[no_timer_check]",
}  # fmt: skip


def says(address: str, key: str) -> str:
    """What the node of tests/data/lab says, with an address and a key of its root."""
    rows = [{"ifname": "eno1", "addr_info": [{"local": address, "prefixlen": 24}]}]
    more = f"== addresses\n{json.dumps(rows)}\n== keys\nroot {key}\n"
    text, end, rest = SAID.read_text().rpartition("== end")
    return f"{text}{more}{end}{rest}"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("image") / "node.squashfs.img"
    return node_images.nested(place, {NVR_FILE: NVR}, "-comp", "gzip")


def rehearsal(
    directory: Path, kernel: Kernel, image: Path, said: str, *options: str, is_tree: bool = False, **variables: str
) -> list[str]:
    """The command that rehearses the one host; with stand-ins in a boot ISO, or in an install tree on disk."""
    (directory / "said").write_text(said)
    disk = disk_of_a_node(kernel, {"said": directory / "said"}, directory / "disk.raw", _NODE, _MODULES)

    def add(top: Path) -> None:
        with (top / "disk.gz").open("wb") as file:
            subprocess.run(["gzip", "-1", "-c", disk], stdout=file, check=True)
        if is_tree:
            add_openssl(top)

    initrd = initramfs(kernel.modules, kernel.version, directory / "initrd.img", _INSTALLER, _MODULES, add)
    if is_tree:
        tree = directory / "tree"
        (tree / "images/pxeboot").mkdir(parents=True)
        shutil.copy(kernel.vmlinuz, tree / "images/pxeboot/vmlinuz")
        initrd.rename(tree / "images/pxeboot/initrd.img")
        (tree / "images/install.img").write_text("stage 2\n")
        (tree / ".treeinfo").write_text("[general]\nfamily = EL\nversion = 9.4\narch = x86_64\n")
        (directory / "images").mkdir()
        (directory / "images/node.squashfs.img").hardlink_to(image)
        media = ["--tree", f"el9={tree}", "--images", str(directory / "images")]
    else:
        small = Small(default="linux", more="panic=-1 ", kernel=kernel.vmlinuz.read_bytes(), initrd=initrd.read_bytes())
        media = ["--boot-iso", str(small_iso.make(directory / "boot.iso", small)), "--image", str(image)]
    (directory / "hosts.yaml").write_text(inventory_text(NAME, **{**_SITE, **variables}))
    return [
        sys.executable, "-m", "ksgen", "rehearse", str(directory / "hosts.yaml"), NAME, *media, "--console",
        "--minutes", "30", "--memory", "2048", *options,
    ]  # fmt: skip


def add_openssl(top: Path) -> None:
    """This machine's, with its libraries: busybox's wget has it verify servers."""
    openssl = Path(root.program("openssl"))
    listed = subprocess.run(["ldd", openssl], capture_output=True, text=True, check=True).stdout
    for file in (openssl, *map(Path, re.findall(r"/\S+", listed))):
        target = top / ("bin" if file == openssl else file.parent.relative_to("/")) / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)


def rehearsed(*arguments: Any, **more: Any) -> tuple[int, dict[str, Any]]:
    """The exit status of the command, and what it says of the one host; arguments as of rehearsal()."""
    command = [*rehearsal(*arguments, **more), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    assert done.stdout, done.stderr[-4000:]
    (found,) = json.loads(done.stdout)["rehearsals"]
    print(done.stderr)
    return done.returncode, found


def test_every_step(kernel: Kernel, image: Path, tmp_path: Path) -> None:
    status, found = rehearsed(tmp_path, kernel, image, says(ADDRESS, SSH_KEY))
    assert [step for step in found["steps"] if not step["ok"]] == []
    assert status == 0
    # A fetched kickstart may be noticed after the first report.
    assert [step["step"] for step in found["steps"] if step["step"] != "booting"] == [
        "preparing", "partitioning", "copying", "configuring", "layering", "installed", "restart",
        "first boot", "layer", "layout", "imgbase check", "nodectl check", "other disks", "addresses", "sshd",
        "authorized_keys", "services",
    ]  # fmt: skip
    assert "node_kernel_args" not in [change["variable"] for change in found["changes"]]


def test_a_tree_on_disk_and_https(kernel: Kernel, image: Path, tmp_path: Path) -> None:
    """Kickstart, tree, image and reports by HTTPS: the initrd verifies the server by the authority that it was given.

    Of node_report_pin that of another server is replaced.
    """
    site = "https://pxe.example.com"
    urls = {
        "node_server_url": f"{site}/nodes/",
        "node_tree_url": f"{site}/tree",
        "node_image_url": f"{site}/node.squashfs.img",
        "node_report_pin": "ab" * 32,
    }
    status, found = rehearsed(tmp_path, kernel, image, says(ADDRESS, SSH_KEY), is_tree=True, **urls)
    assert [step for step in found["steps"] if not step["ok"]] == []
    assert status == 0
    changed = {change["variable"] for change in found["changes"]}
    assert {"node_ca_certificates", "node_report_pin"} <= changed
    assert [change["what"] for change in found["boot_changes"]] == ["initrd.img"]


def test_what_is_wrong_in_the_node(kernel: Kernel, image: Path, tmp_path: Path) -> None:
    said = says("10.1.101.12", SSH_KEY.replace("IO0F", "IO0G")).replace("You are on ", "You are not on ")
    status, found = rehearsed(tmp_path, kernel, image, said)
    assert status == 1
    assert [step["step"] for step in found["steps"] if not step["ok"]] == ["layer", "addresses", "authorized_keys"]


def test_an_installer_that_fails(kernel: Kernel, image: Path, tmp_path: Path) -> None:
    status, found = rehearsed(tmp_path, kernel, image, says(ADDRESS, SSH_KEY), node_post="'echo this site fails'")
    assert status == 1
    (wrong,) = [step for step in found["steps"] if not step["ok"]]
    assert (wrong["step"], wrong["found"]) == ("configuring", "a script ended with 3")


def test_a_machine_that_is_kept(kernel: Kernel, image: Path, tmp_path: Path) -> None:
    """It can be reached by its sockets; what a terminal sends at Ctrl+C ends everything, and nothing is left."""
    log = tmp_path / "said.log"
    command = rehearsal(tmp_path, kernel, image, says(ADDRESS, SSH_KEY), "--keep")
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        while not (kept := re.search(rb"the machine is kept in (\S+):", log.read_bytes())):
            assert process.poll() is None, log.read_text(errors="replace")[-4000:]
            time.sleep(1)
        directory = Path(kept[1].decode())
        assert "WRONG" not in log.read_text(errors="replace")
        with socket.socket(socket.AF_UNIX) as console:
            console.settimeout(60)
            console.connect(str(directory / "console"))
            console.sendall(b"is someone there\n")
            answer = b""
            while b"heard: is someone there" not in answer:
                answer += console.recv(4096)
        with Monitor(directory / "qmp") as monitor:
            assert monitor.execute("query-status")["status"] == "running"
        assert (directory / "out/nginx.conf").exists()
        assert len(of_session(process.pid)) > 5
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGINT)
        status = process.wait(timeout=300)
    assert status == 128 + signal.SIGINT
    assert not directory.exists()
    assert of_session(process.pid) == []


def of_session(leader: int) -> list[str]:
    """The names of the processes in a session (proc_pid_stat(5))."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = file.read_text().partition("(")[2].rpartition(")")
            if int(rest.split()[3]) == leader:
                found.append(name)
    return found
