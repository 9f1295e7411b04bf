# SPDX-License-Identifier: GPL-2.0-or-later
"""What a site puts on its nodes, seen in the layer that boots, after an update to a second image, and after a rollback.

Anaconda of EL9 and EL10 installs a kickstart of ksgen with these variables; the image is the lab's, with what acts on
them in the place of EL's own packages: Debian's dnf, rpm, dracut, systemd, NetworkManager, firewalld, multipath and
sudo under EL's names. update-ca-trust is the lab's, and the driver is a module of Debian's kernel in a package of the
lab. Not seen here: node_kdump (neither its add-on nor kexec is here) and node_iscsi_initiator (no UDisks for iSCSI).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import root, whole
from lab.installed import IS_REAL, UPDATE, assert_runs
from lab.machine import Disk, Machine, Result, run
from lab.node import imgbase_tar
from lab.root import NEXT_NVR, NVR

pytestmark = [pytest.mark.lab, pytest.mark.anaconda]

SERVER = "ca.lab.example.com"
NIC = f"user,restrict=on,model=virtio-net-pci,mac={whole.MAC}"
ROUTE, ADDRESS, GATEWAY = "198.51.100.0/24", "10.0.2.15/24", "10.0.2.2"
NAME = "lan0"  # of the NIC, which the installer has as another
# Huge pages leave 8 GiB.
MEMORY = 9 * 1024
# What no variable does, and documents say: what an update makes of it.
BY_HAND = """\
rm /etc/debian_version
chmod 0600 /etc/lab-agent/agent.conf
mkdir -p /etc/lab-own; echo kept >/etc/lab-own/file; chmod 0640 /etc/lab-own/file
sed -i 's/none/ours/' /etc/lab-agent/agent.conf
"""


def variables(ca: Path) -> dict[str, str]:
    """Every variable for content, as a site writes them."""
    return {
        "node_repos": "[{name: lab, url: 'file:///srv/repository', gpgcheck: false},"
        " {name: later, url: 'file:///var/lib/later', gpgcheck: false}]",
        "node_packages": "[lab-agent]",
        "node_drivers": "[{package: kmod-lab, modules: [dummy]}]",
        "node_files": json.dumps([
            {"path": "/etc/site.conf", "content": "site = lab\n", "mode": "0640", "group": "adm"},
            {"path": "/root/site", "content": "'quoted' \"$HOME\" `id`\n%end\n"},
        ]),
        "node_services": "{enabled: [lab-agent], masked: [cockpit]}",
        "node_sysctl": "{vm.swappiness: 7}",
        "node_modules": "{load: [dummy], options: {dummy: numdummies=3}}",
        "node_hugepages": "{2M: 16}",
        "node_firewall": "{services: [http], ports: ['161:udp']}",
        "node_ca_certificates": json.dumps([ca.read_text()]),
        "node_users": "[{name: op, groups: [wheel], sudo: nopasswd}]",
        "node_proxy": "{url: 'http://proxy.example.com:3128', no_proxy: [localhost, .example.com]}",
        "node_network": json.dumps([{
            "name": NAME, "mac": whole.MAC, "ipv4": ADDRESS, "gateway4": GATEWAY,
            "dns": ["10.0.2.3"], "search": ["lab.example.com"],
            "routes": [{"to": ROUTE, "via": GATEWAY}],
        }]),
        "node_local_disks": "[3600508b1001c0001]",
    }  # fmt: skip


# name: (command, what it prints, and after an update if that differs). A look at /boot is one at the layer's own files.
LOOKS: dict[str, tuple[str, ...]] = {
    "file": ("stat -c '%a %U %G' /etc/site.conf; cat /etc/site.conf", "640 root adm\nsite = lab"),
    "root's file": ("cat /root/site", "'quoted' \"$HOME\" `id`\n%end"),
    "package": ("rpm -q --qf '%{name}\\n' lab-agent kmod-lab", "lab-agent\nkmod-lab"),
    "persisted": ("ls /var/imgbased/persisted-rpms | sed 's/-1.0.*//' | sort", "kmod-lab\nlab-agent"),
    "service": ("systemctl is-enabled lab-agent; systemctl is-active lab-agent", "enabled\nactive"),
    "masked": ("systemctl is-enabled cockpit; systemctl is-active cockpit", "masked\ninactive"),
    "initramfs": ("lsinitrd $initramfs | grep -c '/dummy[.]ko'", "1"),
    "module": ("lsmod | grep -c '^dummy '; ls /sys/class/net | grep -c dummy", "1\n3"),
    "sysctl": ("sysctl -n vm.swappiness", "7"),
    "huge pages": (
        "grep -o 'hugepagesz=2M hugepages=16' /proc/cmdline; cat /proc/sys/vm/nr_hugepages",
        "hugepagesz=2M hugepages=16\n16",
    ),
    "firewall": ("firewall-offline-cmd --list-ports; firewall-offline-cmd --query-service=http", "161/udp\nyes"),
    "sudo": ("runuser -u op -- sudo -n id -un 2>/dev/null", "root"),
    "route": (f"ip route show {ROUTE} | grep -o 'via [^ ]*'", f"via {GATEWAY}"),
    "name of the NIC": (
        f"cat /sys/class/net/{NAME}/address; ip route show default | grep -o 'dev [^ ]*'",
        f"{whole.MAC}\ndev {NAME}",
    ),
    "DNS search": ("grep -o 'lab.example.com' /etc/resolv.conf", "lab.example.com"),
    "proxy": ("bash -lc 'echo $https_proxy'", "http://proxy.example.com:3128"),
    "multipath": ("multipath -t | grep -o 'wwid.*3600508b1001c0001.*'", 'wwid "^3600508b1001c0001$"'),
    "CA": ("python3 /run/job/connect.py", "TLS by a certificate of the site"),
    "removed file": ("ls /etc/debian_version 2>&1 | grep -o 'No such file' || echo there", "No such file", "there"),
    # imgbased resets modes before it installs the packages of the site again.
    "mode of a package's file": ("stat -c %a /etc/lab-agent/agent.conf", "600"),
    "file of a package": ("cat /etc/lab-agent/agent.conf", "endpoint = ours"),
    "mode of an own file": ("stat -c %a /etc/lab-own/file", "640"),
}
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


def look_job(then: str = "") -> str:
    looks = "".join(f"({look[0]}) >$OUT/look{number} 2>&1\n" for number, look in enumerate(LOOKS.values()))
    return f"{JOB}{looks}{then}"


def seen(result: Result) -> dict[str, str]:
    return {name: result.text(f"look{number}").strip() for number, name in enumerate(LOOKS)}


def wanted(is_updated: bool) -> dict[str, str]:
    return {name: look[2] if is_updated and len(look) > 2 else look[1] for name, look in LOOKS.items()}


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


def image(release: str, nvr: str = NVR) -> Path:
    return root.live_image(imgbase_tar(), nvr, "lz4", release=release, more="content")


def booted(disk: Disk, certificates: Path, job: str, cdrom: Path | None = None, timeout: float = 400) -> Result:
    files: dict[str, str | bytes | Path] = {"run": job, "connect.py": CONNECT}
    files |= {name: certificates / name for name in ("server.pem", "server.key")}
    return run(Machine((disk,), memory=2048, firmware="bios", cdrom=cdrom, nics=(NIC,)), files, timeout=timeout)


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
    kickstart = whole.kickstart(release, "bios", plugged, BY_HAND, **variables(certificates / "ca.pem"))
    named = f"ifname={NAME}:{whole.MAC}"
    assert f"# Boot arguments: {named}\n" in kickstart.text
    done = whole.install(
        release, "bios", kickstart.text, image(release), plugged, overlay, memory=MEMORY, arguments=named
    )
    figure(f"installation: {done.seconds:.0f} s")
    whole.assert_installed(done)

    first = booted(plugged[0], certificates, look_job())
    figure(f"boot: {first.seconds:.0f} s")
    assert_runs(first, NVR)
    assert seen(first) == wanted(is_updated=False)

    update = booted(plugged[0], certificates, AWAY + UPDATE, image(release, NEXT_NVR), timeout=900)
    assert update.status == 0, update.console
    figure(f"update: {update.seconds:.0f} s")
    second = booted(plugged[0], certificates, look_job("imgbase rollback\n"))
    assert_runs(second, NEXT_NVR)
    assert seen(second) == wanted(is_updated=True)
    assert second.status == 0, second.console

    back = booted(plugged[0], certificates, look_job())
    assert_runs(back, NVR)
    assert seen(back) == wanted(is_updated=False)
