# SPDX-License-Identifier: GPL-2.0-or-later
"""What a site puts on its nodes, seen in the layer that boots, after an update to a second image, and after a rollback.

Anaconda of EL9 and EL10 installs a kickstart of ksgen with these variables; the image is the lab's, with what acts on
them in the place of EL's own packages: Debian's dnf, rpm, dracut, systemd, NetworkManager, firewalld, multipath and
sudo under EL's names. update-ca-trust is the lab's, and the driver is a module of Debian's kernel in a package of the
lab. The add-on of node_kdump is the real one, where KDUMP_ADDON_EL9 and KDUMP_ADDON_EL10 name its source trees.
Anaconda cannot set the initiator's name here (no UDisks for iSCSI): a script writes what it would write.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import root, whole
from lab.installed import IS_REAL, UPDATE, assert_runs
from lab.machine import GIB, Disk, Machine, Result, digest, run
from lab.node import imgbase_tar, kdump_addon_source
from lab.root import NEXT_NVR, NVR

pytestmark = [pytest.mark.lab, pytest.mark.anaconda]

SERVER = "ca.lab.example.com"
NIC = f"user,restrict=on,model=virtio-net-pci,mac={whole.MAC}"
ROUTE, ADDRESS, GATEWAY = "198.51.100.0/24", "10.0.2.15/24", "10.0.2.2"
NAME = "lan0"  # of the NIC, which the installer has as another
# Huge pages leave 8 GiB.
MEMORY = 9 * 1024
PACKAGES = ("kmod-lab", "lab-agent", "lab-broken", "lab-signed")
LOCAL_WWN, OTHER_WWN = "600508b1001c0001", "600508b1001c0002"
# Of a user of the lab's nodes, who is nowhere else.
PASSWORD = "of a user of the lab"
INITIATOR = "iqn.2001-04.com.example:lab"
# What no variable does, and documents say: what an update makes of it.
BY_HAND = f"""\
echo host >>/etc/lab-order
mkdir -p /etc/iscsi; echo InitiatorName={INITIATOR} >/etc/iscsi/initiatorname.iscsi
chmod 0600 /etc/lab-image.conf; chgrp adm /etc/lab-image.conf
rm /etc/debian_version
chmod 0600 /etc/lab-agent/agent.conf
mkdir -p /etc/lab-own; echo kept >/etc/lab-own/file; chmod 0640 /etc/lab-own/file
sed -i 's/none/ours/' /etc/lab-agent/agent.conf
"""


# Beside the inventory.
FILES = {"from.conf": "{{ kept }}\n", "template.conf": "host = {{ inventory_hostname }}\n"}


def variables(release: str, ca: Path, key: str) -> dict[str, str]:
    """Every variable for content, as a site writes them; `key` is that of the signed repository."""
    hashed = subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=PASSWORD, capture_output=True, text=True, check=True
    ).stdout.strip()
    return {
        **({"node_kdump": "192 MiB"} if kdump_addon_source(release) else {}),
        "node_repos": "[{name: lab, url: 'file:///srv/repository', gpgcheck: false},"
        " {name: later, url: 'file:///var/lib/later', gpgcheck: false},"
        f" {{name: signed, url: 'file:///srv/signed', key: {json.dumps(key)}}}]",
        "node_packages": "[lab-agent, lab-signed, lab-broken]",
        "node_drivers": "[{package: kmod-lab, modules: [dummy]}]",
        "node_files": json.dumps([
            {"path": "/etc/site.conf", "content": "site = lab\n", "mode": "0640", "group": "adm"},
            {"path": "/root/site", "content": "'quoted' \"$HOME\" `id`\n%end\n"},
            {"path": "/etc/from.conf", "from": "from.conf"},
            {"path": "/etc/template.conf", "from": "template.conf", "template": True},
            {"path": "/root/base64", "base64": "AAH/Cg=="},
        ]),
        "node_post_site": "echo site >>/etc/lab-order",
        "node_post_group": "echo group >>/etc/lab-order",
        "node_services": "{enabled: [lab-agent], disabled: [snmpd], masked: [cockpit]}",
        "node_sysctl": "{vm.swappiness: 7}",
        "node_modules": "{load: [dummy], options: {dummy: numdummies=3}, blacklist: [virtio_rng]}",
        "node_hugepages": "{2M: 16}",
        "node_firewall": "{services: [http], ports: ['161:udp']}",
        "node_ca_certificates": json.dumps([ca.read_text()]),
        "node_users": "[{name: op, groups: [wheel], sudo: nopasswd},"
        f" {{name: asked, password_hash: {json.dumps(hashed)}, sudo: true}}]",
        "node_proxy": "{url: 'http://proxy.example.com:3128', no_proxy: [localhost, .example.com]}",
        "node_network": json.dumps([{
            "name": NAME, "mac": whole.MAC, "ipv4": ADDRESS, "gateway4": GATEWAY,
            "dns": ["10.0.2.3"], "search": ["lab.example.com"],
            "routes": [{"to": ROUTE, "via": GATEWAY}],
        }]),
        "node_local_disks": f"[3{LOCAL_WWN}]",
    }  # fmt: skip


# name: (command, what it prints, and after an update if that differs). A look at /boot is one at the layer's own files.
LOOKS: dict[str, tuple[str, ...]] = {
    "file": ("stat -c '%a %U %G' /etc/site.conf; cat /etc/site.conf", "640 root adm\nsite = lab"),
    "root's file": ("cat /root/site", "'quoted' \"$HOME\" `id`\n%end"),
    "file from a file": ("cat /etc/from.conf", FILES["from.conf"].strip()),
    "file from a template": ("cat /etc/template.conf", "host = node01.example.com"),
    "file in base64": ("od -An -tx1 /root/base64", "00 01 ff 0a"),
    "order of scripts": ("paste -s -d ' ' /etc/lab-order", "site group host"),
    "package": (f"rpm -q --qf '%{{name}}\\n' {' '.join(PACKAGES)}", "\n".join(PACKAGES)),
    "persisted": ("ls /var/imgbased/persisted-rpms | sed 's/-1.0.*//' | sort", "\n".join(PACKAGES)),
    "service": ("systemctl is-enabled lab-agent; systemctl is-active lab-agent", "enabled\nactive"),
    "masked": ("systemctl is-enabled cockpit; systemctl is-active cockpit", "masked\ninactive"),
    "disabled": ("systemctl is-enabled snmpd; systemctl is-active snmpd", "disabled\ninactive"),
    "initramfs": ("lsinitrd $initramfs | grep -c '/dummy[.]ko'", "1"),
    "module": ("lsmod | grep -c '^dummy '; ls /sys/class/net | grep -c dummy", "1\n3"),
    # Each machine of the lab has a device for it.
    "blacklist": ("cat /sys/bus/virtio/devices/*/device | grep -cx 0x0004; lsmod | grep -c '^virtio_rng '", "1\n0"),
    "sysctl": ("sysctl -n vm.swappiness", "7"),
    "huge pages": (
        "grep -o 'hugepagesz=2M hugepages=16' /proc/cmdline; cat /proc/sys/vm/nr_hugepages",
        "hugepagesz=2M hugepages=16\n16",
    ),
    "firewall": ("firewall-cmd --list-ports; firewall-cmd --query-service=http", "161/udp\nyes"),
    "sudo": ("runuser -u op -- sudo -n id -un 2>/dev/null", "root"),
    "sudo with a password": (
        "runuser -u asked -- sudo -n id -un 2>/dev/null || echo asks;"
        f" echo '{PASSWORD}' | runuser -u asked -- sudo -S -p '' id -un 2>/dev/null",
        "asks\nroot",
    ),
    "route": (f"ip route show {ROUTE} | grep -o 'via [^ ]*'", f"via {GATEWAY}"),
    "name of the NIC": (
        f"cat /sys/class/net/{NAME}/address; ip route show default | grep -o 'dev [^ ]*'",
        f"{whole.MAC}\ndev {NAME}",
    ),
    "DNS search": ("grep -o 'lab.example.com' /etc/resolv.conf", "lab.example.com"),
    "proxy": ("bash -lc 'echo $https_proxy'", "http://proxy.example.com:3128"),
    "proxy of a unit": ("systemd-run --quiet --pipe --wait printenv https_proxy", "http://proxy.example.com:3128"),
    # Of two disks with two paths each, one is a device of multipath, which here takes what it has not seen before too.
    "local disk": (
        "lsblk -dno WWN | grep -c 600508b1001c; modprobe dm-multipath;"
        " printf 'defaults {\n find_multipaths off\n}\n' >/etc/multipath/conf.d/zz-look.conf;"
        " multipath >/dev/null 2>&1; rm /etc/multipath/conf.d/zz-look.conf;"
        " dmsetup info -co uuid --noheadings | grep mpath; multipath -F",
        f"4\nmpath-3{OTHER_WWN}",
    ),
    "initiator": ("cat /etc/iscsi/initiatorname.iscsi", f"InitiatorName={INITIATOR}"),
    "CA": ("python3 /run/job/connect.py", "TLS by a certificate of the site"),
    "removed file": ("ls /etc/debian_version 2>&1 | grep -o 'No such file' || echo there", "No such file", "there"),
    "mode of a package's file": ("stat -c %a /etc/lab-agent/agent.conf", "600"),
    "file of a package": ("cat /etc/lab-agent/agent.conf", "endpoint = ours"),
    # An update carries a file whose content has changed.
    "mode of a file of the image": ("stat -c '%a %G' /etc/lab-image.conf", "600 adm", "644 root"),
    "mode of an own file": ("stat -c %a /etc/lab-own/file", "640"),
}
LOOK_AT_KDUMP = (
    "grep -o 'crashkernel=[^ ]*' /proc/cmdline; cat /sys/kernel/kexec_crash_size; systemctl is-enabled kdump",
    f"crashkernel=192M\n{192 * 2**20}\nenabled",
)
CONNECT = f"""\
import pathlib, socket, ssl, subprocess, time
here = pathlib.Path("/run/job")
server = ["openssl", "s_server", "-quiet", "-accept", "4433"]
files = ["-cert", here / "server.pem", "-key", here / "server.key"]
with subprocess.Popen([*server, *files], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
    context = ssl.create_default_context(cafile="/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem")
    for attempt in range(30):
        try:
            with socket.create_connection(("127.0.0.1", 4433), 30) as plain:
                context.wrap_socket(plain, server_hostname={SERVER!r})
            print("TLS by a certificate of the site")
            break
        except ConnectionRefusedError:
            time.sleep(1)
    process.kill()
"""
# Debian's dracut starts multipathd in the initramfs, where it fails; here it is masked.
JOB = """\
systemctl reset-failed multipathd.service
systemctl -q is-failed lvm2-monitor && systemctl restart lvm2-monitor
imgbase w >$OUT/w; findmnt -no SOURCE / >$OUT/root
systemctl --failed --plain --no-legend >$OUT/failed
imgbase check >$OUT/check; ! command -v nodectl || nodectl --machine-readable check >$OUT/nodectl
initramfs=$(ls /boot/$(imgbase w | sed 's/You are on //')/initramfs-*.img)
"""


def looks(release: str) -> dict[str, tuple[str, ...]]:
    return LOOKS | ({"kdump": LOOK_AT_KDUMP} if kdump_addon_source(release) else {})


def look_job(release: str, then: str = "") -> str:
    commands = (f"({look[0]}) >$OUT/look{number} 2>&1\n" for number, look in enumerate(looks(release).values()))
    return f"{JOB}{''.join(commands)}{then}"


def seen(release: str, result: Result) -> dict[str, str]:
    return {name: result.text(f"look{number}").strip() for number, name in enumerate(looks(release))}


def wanted(release: str, is_updated: bool) -> dict[str, str]:
    return {name: look[2] if is_updated and len(look) > 2 else look[1] for name, look in looks(release).items()}


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, and a server's certificate of it."""
    directory = tmp_path_factory.mktemp("ca")
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650"]

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)

    openssl("req", "-x509", *key, "-subj", "/CN=A CA of the lab", "-keyout", "ca.key", "-out", "ca.pem")
    openssl(
        "req", "-x509", *key, "-subj", f"/CN={SERVER}", "-addext", f"subjectAltName=DNS:{SERVER}",
        "-addext", "basicConstraints=critical,CA:FALSE",
        "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", "server.key", "-out", "server.pem",
    )  # fmt: skip
    return directory


def package_key() -> str:
    """The key of the signed repository in the lab's image."""
    command = [root.program("unsquashfs"), "-cat", str(root.node_image("content")), "srv/signed/key"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def image(release: str, nvr: str = NVR) -> Path:
    return root.live_image(imgbase_tar(), nvr, "lz4", release=release, more="content")


def booted(
    disks: tuple[Disk, ...], certificates: Path, job: str, cdrom: Path | None = None, timeout: float = 400
) -> Result:
    files: dict[str, str | bytes | Path] = {"run": job, "connect.py": CONNECT}
    files |= {name: certificates / name for name in ("server.pem", "server.key")}
    return run(Machine(disks, memory=2048, firmware="bios", cdrom=cdrom, nics=(NIC,)), files, timeout=timeout)


def data_disks(directory: Path) -> tuple[Disk, ...]:
    """Disks with data on them that are there from the first boot on: a local one, and another."""
    found = tuple(
        Disk(directory / f"{wwn}.raw", GIB, bus="scsi", wwn=f"0x{wwn}", paths=2) for wwn in (LOCAL_WWN, OTHER_WWN)
    )
    for disk in found:
        disk.file.write_bytes(b"data of a machine\n" * 1000)
        os.truncate(disk.file, disk.size)
    return found


def with_kdump(release: str, overlay: Path, directory: Path) -> Path:
    """The add-on's image, and that of kdump beside it, if there is its source; places as in its Makefile."""
    source = kdump_addon_source(release)
    if source is None:
        return overlay
    tree = shutil.copytree(overlay, directory / "overlay", symlinks=True)
    top = tree / "usr/share/anaconda"
    shutil.copytree(source / "com_redhat_kdump", top / "addons/com_redhat_kdump")
    for kind, place in (("service", "services"), ("conf", "confs")):
        name = f"org.fedoraproject.Anaconda.Addons.Kdump.{kind}"
        (top / "dbus" / place).mkdir(parents=True, exist_ok=True)
        shutil.copy(source / "data" / name, top / "dbus" / place / name)
    return tree


# Between the installation and the update a repository goes away.
AWAY = "rm -r /var/lib/later\n"


@pytest.mark.skipif(not IS_REAL, reason="an update needs the real imgbased: IMGBASED_SOURCE")
def test_content(
    release: str,
    overlay: Path,
    certificates: Path,
    tmp_path: Path,
    figure: Callable[[str], None],
) -> None:
    plugged = whole.disks(tmp_path, 1)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    kickstart = whole.kickstart(
        release, "bios", plugged, BY_HAND, **variables(release, certificates / "ca.pem", package_key())
    )
    named = f"ifname={NAME}:{whole.MAC}" + (" inst.kdump_addon=on" if kdump_addon_source(release) else "")
    assert f"# Boot arguments: {named}\n" in kickstart.text
    done = whole.install(
        release, "bios", kickstart.text, image(release), plugged, with_kdump(release, overlay, tmp_path), memory=MEMORY,
        arguments=named,
    )  # fmt: skip
    figure(f"installation: {done.seconds:.0f} s")
    whole.assert_installed(done)
    assert "rpm installed lab-broken, but a script of it failed" in done.console

    data = data_disks(tmp_path)
    before = [digest(disk.file) for disk in data]
    every = (*plugged, *data)
    first = booted(every, certificates, look_job(release))
    figure(f"boot: {first.seconds:.0f} s")
    assert_runs(first, NVR)
    assert seen(release, first) == wanted(release, is_updated=False)

    update = booted(every, certificates, AWAY + UPDATE, image(release, NEXT_NVR), timeout=900)
    assert update.status == 0, update.console
    figure(f"update: {update.seconds:.0f} s")
    second = booted(every, certificates, look_job(release, "imgbase rollback\n"))
    assert_runs(second, NEXT_NVR)
    assert seen(release, second) == wanted(release, is_updated=True)
    assert second.status == 0, second.console

    back = booted(every, certificates, look_job(release))
    assert_runs(back, NVR)
    assert seen(release, back) == wanted(release, is_updated=False)
    assert [digest(disk.file) for disk in data] == before
