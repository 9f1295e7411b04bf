# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulator of sushy-tools with libvirt and QEMU, in namespaces of their own: nothing of this machine's libvirt.

Requires libvirt-daemon-system and python3-libvirt of Debian, whose binding is for the distribution's Python; the one
that runs the tests has to be of the same version.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

import bcrypt
from boot_servers import program
from redfish_server import PASSWORD, USER

from lab import root
from lab.pxe_network import ADDRESS, Network

PORT = 8443
UUID = "8cf0dbf1-9d1c-4f1c-b0d7-000000000001"
_MEMORY_MIB = 1024
_BINDING = Path("/usr/lib/python3/dist-packages")
# Debian's packages of them are not among those of other tests.
NEEDED = ("libvirtd", "virsh", str(_BINDING / "libvirt.py"))
_PATIENCE = 90  # seconds

# libvirt without systemd. A /dev/kvm that exists and hangs would hang libvirt too: read-only, it is none for QEMU.
_SCRIPT = """\
set -e
mkdir -p /run/libvirt /var/lib/libvirt /etc/libvirt
for place in /run/libvirt /var/lib/libvirt /etc/libvirt; do mount -t tmpfs none "$place"; done
cp "$1/qemu.conf" /etc/libvirt/
if [ -e /dev/kvm ]; then
    : >"$1/no-kvm"
    mount --bind "$1/no-kvm" /dev/kvm
    mount -o remount,bind,ro /dev/kvm
fi
mkdir -p /run/libvirt/common /var/lib/libvirt/qemu "$1/pool"
virtlogd --pid-file "$1/virtlogd.pid" &
libvirtd --pid-file "$1/libvirtd.pid" &
for _ in $(seq 60); do virsh -c qemu:///system version >/dev/null 2>&1 && break; sleep 1; done
virsh -c qemu:///system pool-define-as default dir --target "$1/pool"
virsh -c qemu:///system pool-start default
virsh -c qemu:///system define "$1/domain.xml"
shift
"$@" &
wait
"""
_QEMU_CONF = """\
user = "root"
group = "root"
security_driver = "none"
namespaces = [ ]
cgroup_controllers = [ ]
"""
_DOMAIN = f"""\
<domain type='qemu'>
  <name>node01</name><uuid>{UUID}</uuid><memory unit='MiB'>{_MEMORY_MIB}</memory><vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <loader readonly='yes' type='pflash'>{root.OVMF_CODE}</loader>
    <nvram template='{root.OVMF_VARIABLES}'>{{directory}}/variables</nvram>
    <boot dev='hd'/>
  </os>
  <features><acpi/></features>
  <cpu mode='maximum'><feature policy='disable' name='erms'/></cpu>
  <on_reboot>destroy</on_reboot>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='unsafe'/><source file='{{directory}}/disk'/><target dev='vda' bus='virtio'/>
    </disk>
    <interface type='ethernet'>
      <mac address='{{mac}}'/><target dev='{{tap}}' managed='no'/><model type='virtio'/>
    </interface>
    <serial type='file'><source path='{{directory}}/console' append='on'/><target port='0'/></serial>
  </devices>
</domain>
"""


def start(network: Network, directory: Path, mac: str, certificate: tuple[Path, Path]) -> Path:
    """Start all of it inside a network, with one machine that is off; returns the file of its console."""
    binding = directory / "binding"
    binding.mkdir()
    for file in (*_BINDING.glob("libvirt.py"), *_BINDING.glob("libvirtmod*.so")):
        shutil.copy(file, binding)
    (directory / "qemu.conf").write_text(_QEMU_CONF)
    xml = _DOMAIN.format(directory=directory, mac=mac, tap=network.tap(mac))
    (directory / "domain.xml").write_text(xml)
    with (directory / "disk").open("wb") as file:
        file.truncate(64 * 2**20)
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (directory / "htpasswd").write_text(f"{USER}:{hashed}\n")
    settings = {
        "LISTEN_IP": ADDRESS, "LISTEN_PORT": PORT, "SSL_CERT": str(certificate[0]), "SSL_KEY": str(certificate[1]),
        "AUTH_FILE": str(directory / "htpasswd"), "STATE_DIR": str(directory), "LIBVIRT_URI": "qemu:///system",
        "BOOT_LOADER_MAP": {"UEFI": {"x86_64": root.OVMF_CODE}, "Legacy": {"x86_64": None}},
        "SECURE_BOOT_ENABLED_NVRAM": root.OVMF_VARIABLES, "SECURE_BOOT_DISABLED_NVRAM": root.OVMF_VARIABLES,
    }  # fmt: skip
    config = directory / "emulator.conf"
    config.write_text("".join(f"SUSHY_EMULATOR_{name} = {value!r}\n" for name, value in settings.items()))
    script = directory / "start"
    script.write_text(_SCRIPT)
    log = directory / "emulator.log"
    network.start(
        [
            program("unshare"), "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", program("bash"),
            str(script), str(directory), program("env"), f"PYTHONPATH={binding}", sys.executable, "-m",
            "sushy_tools.emulator.main", "--config", str(config),
        ],
        log=log,
    )  # fmt: skip
    _wait(network, directory, log)
    return directory / "console"


def _wait(network: Network, directory: Path, log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    question = [
        sys.executable, "-c",
        "import ssl, sys, urllib.request as r\n"
        f"r.urlopen('https://{ADDRESS}:{PORT}/redfish/v1/', context=ssl._create_unverified_context(), timeout=5)",
    ]  # fmt: skip
    while network.call(question, _PATIENCE, directory).returncode:
        assert time.monotonic() < end, log.read_text()
        time.sleep(0.5)
