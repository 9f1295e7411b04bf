# SPDX-License-Identifier: GPL-2.0-or-later
"""A network of its own, with this machine as its PXE server: a bridge, a tap for each machine, nginx and dnsmasq."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from boot_servers import program

from ksgen.rehearsal.namespace import Namespace

# What an inventory calls this server and its card.
SERVER = "pxe.example.com"
INTERFACE = "eno1"
ADDRESS = "10.0.1.1"
FIRST, LAST = "10.0.1.100", "10.0.1.200"

# Another machine of the site: its router. It answers for IPv6, as iPXE waits a quarter of a minute for such an answer
# before it goes on with IPv4; where the published dnsmasq.conf is a proxy, it gives the addresses too.
_ROUTER_ADDRESS, _ROUTER_PREFIX = "10.0.1.2", "fd00:1::"
_ROUTER = f"""\
pid-file={{run}}/router.pid
log-facility={{run}}/router.log
log-dhcp
no-hosts
no-resolv
dhcp-leasefile={{run}}/router.leases
enable-ra
dhcp-range={_ROUTER_PREFIX},ra-only
"""
_FOREIGN_DHCP = f"""\
address=/{SERVER}/{ADDRESS}
dhcp-range=10.0.1.50,10.0.1.80,1h
"""
# As docs/deployment.md has it, for a server that is called this.
_NAMES_SERVER = f"""\
dhcp-match=set:ipxe,175
dhcp-match=set:uefi,option:client-arch,7
dhcp-match=set:uefi,option:client-arch,9
dhcp-boot=tag:!ipxe,tag:!uefi,lpxelinux.0,,{ADDRESS}
dhcp-boot=tag:!ipxe,tag:uefi,shimx64.efi,,{ADDRESS}
dhcp-boot=tag:ipxe,http://{SERVER}/nodes/boot.ipxe
"""
_CLONE_NEWNET = 0x40000000  # <linux/sched.h>
_PATIENCE = 30  # seconds; the servers start within one on an idle machine
_LONGEST = 1800  # seconds; more than any case takes


class Network:
    """A namespace that lives as long as the `with`; what was started in it ends with it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._namespace = Namespace(_LONGEST, hides_files=True)
        self._taps: dict[str, str] = {}

    def __enter__(self) -> Network:
        hosts, names = self._directory / "hosts", self._directory / "resolv.conf"
        hosts.write_text(f"127.0.0.1 localhost\n{ADDRESS} {SERVER}\n")
        names.write_text("")  # the namespace leads nowhere
        self._namespace.__enter__()
        try:
            for file in (hosts, names):
                self.run("mount", "--bind", str(file), f"/etc/{file.name}")
            # A bridge that waits before it forwards would make each machine wait.
            self.run("ip", "link", "add", INTERFACE, "type", "bridge", "forward_delay", "0")
            self.run("ip", "addr", "add", f"{ADDRESS}/24", "dev", INTERFACE)
            self.run("ip", "link", "set", INTERFACE, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._namespace.__exit__()

    def run(self, *command: str) -> None:
        """Run to its end, inside."""
        self._namespace.run(program(command[0]), *command[1:])

    def call(self, command: Sequence[str], seconds: int, directory: Path) -> subprocess.CompletedProcess[str]:
        """Run to its end, inside, in a directory; with what it printed."""
        *inside, _, name = self._namespace.within([program(command[0])])
        return subprocess.run(
            [*inside, f"--wd={directory}", name, *command[1:]], capture_output=True, text=True, timeout=seconds
        )

    def start(
        self, command: Sequence[str], seconds: int = _LONGEST, log: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start inside, for so many seconds at most."""
        return self._namespace.start(command, seconds, log)

    def tap(self, mac: str) -> str:
        """The port of the bridge that belongs to this machine."""
        if mac not in self._taps:
            name = self._taps[mac] = f"tap{len(self._taps)}"
            self.run("ip", "tuntap", "add", name, "mode", "tap")
            self.run("ip", "link", "set", name, "master", INTERFACE, "up")
        return self._taps[mac]

    def start_servers(self, tree: Path, run: Path) -> None:
        """nginx and dnsmasq as the published tree says."""
        log = self._directory / "servers.log"
        self.start([program("nginx"), "-c", f"{tree}/nginx.conf", "-g", "daemon off;"], log=log)
        self.start([program("dnsmasq"), f"--conf-file={tree}/dnsmasq.conf", "--keep-in-foreground"], log=log)
        self._wait(run / "nginx.pid", run / "dnsmasq.pid", log=log)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets that this thread opens meanwhile are inside. Only root can do that."""
        libc = ctypes.CDLL(None, use_errno=True)  # os.setns is in Python 3.12 alone
        with open("/proc/thread-self/ns/net") as before, open(f"/proc/{self._namespace.pid}/ns/net") as inside:
            assert libc.setns(inside.fileno(), _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
            try:
                yield
            finally:
                assert libc.setns(before.fileno(), _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())

    def start_router(self, run: Path, *, gives_addresses: bool, names_server: bool = False) -> None:
        """Another machine, which may be the site's own DHCP server; it may say what to boot from this server."""
        inside = self._namespace.hold(self._namespace.within([program("unshare"), "--net"]), [])
        pid = inside[inside.index("--target") + 1]
        self.run("ip", "link", "add", "router", "type", "veth", "peer", "name", "eth0", "netns", pid)
        self.run("ip", "link", "set", "router", "master", INTERFACE, "up")
        for arguments in (
            ["addr", "add", f"{_ROUTER_ADDRESS}/24", "dev", "eth0"],
            # Nobody else can have it.
            ["addr", "add", f"{_ROUTER_PREFIX}1/64", "dev", "eth0", "nodad"],
            ["link", "set", "eth0", "up"],
        ):
            subprocess.run([*inside, program("ip"), *arguments], check=True, timeout=_PATIENCE)
        configuration, log = self._directory / "router.conf", self._directory / "servers.log"
        dhcp = _FOREIGN_DHCP + (_NAMES_SERVER if names_server else "")
        configuration.write_text(_ROUTER.format(run=run) + (dhcp if gives_addresses else "port=0\n"))
        server = [program("dnsmasq"), f"--conf-file={configuration}", "--keep-in-foreground"]
        self.start([*inside, *server], log=log)
        self._wait(run / "router.pid", log=log)

    def _wait(self, *pid_files: Path, log: Path) -> None:
        """Each server writes its own when it listens."""
        until = time.monotonic() + _PATIENCE
        while missing := [file for file in pid_files if not file.exists()]:
            assert time.monotonic() < until, f"{missing} did not appear: {log.read_text()}"
            time.sleep(0.05)
