# SPDX-License-Identifier: GPL-2.0-or-later
"""A network of its own, with this machine as its PXE server: a bridge, a tap for each machine, nginx and dnsmasq."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from boot_servers import program

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
_PATIENCE = 30  # seconds; the servers start within one on an idle machine
_LONGEST = 1800  # seconds; more than any case takes


class Network:
    """Namespaces that live as long as the `with`; what was started in them ends with it, by its pid."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._processes: list[subprocess.Popen[bytes]] = []
        self._taps: dict[str, str] = {}

    def __enter__(self) -> Network:
        hosts, names = self._directory / "hosts", self._directory / "resolv.conf"
        hosts.write_text(f"127.0.0.1 localhost\n{ADDRESS} {SERVER}\n")
        names.write_text("")  # the namespace leads nowhere
        holder = [program("unshare"), "--net", "--mount", "--propagation", "private"]
        self._inside = self._hold([], holder)
        try:
            for file in (hosts, names):
                self.run("mount", "--bind", str(file), f"/etc/{file.name}")
            self.run("ip", "link", "set", "lo", "up")
            # A bridge that waits before it forwards would make each machine wait.
            self.run("ip", "link", "add", INTERFACE, "type", "bridge", "forward_delay", "0")
            self.run("ip", "addr", "add", f"{ADDRESS}/24", "dev", INTERFACE)
            self.run("ip", "link", "set", INTERFACE, "up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait(timeout=_PATIENCE)

    def run(self, *command: str) -> None:
        """Run to its end, inside."""
        subprocess.run([*self._inside, program(command[0]), *command[1:]], check=True, timeout=_PATIENCE)

    def call(self, command: Sequence[str], seconds: int, directory: Path) -> subprocess.CompletedProcess[str]:
        """Run to its end, inside, in a directory; with what it printed."""
        return subprocess.run(
            [*self._inside[:-1], f"--wd={directory}", program(command[0]), *command[1:]],
            capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip

    def start(
        self, command: Sequence[str], seconds: int = _LONGEST, log: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Start inside, for so many seconds at most."""
        return self._start([*self._inside, program("timeout"), "--kill-after=5", str(seconds), *command], log)

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

    def start_router(self, run: Path, *, gives_addresses: bool) -> None:
        """Another machine, which may be the site's own DHCP server; it knows nothing of booting."""
        inside = self._hold(self._inside, [program("unshare"), "--net"])
        pid = str(self._processes[-1].pid)
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
        configuration.write_text(_ROUTER.format(run=run) + (_FOREIGN_DHCP if gives_addresses else "port=0\n"))
        server = [program("dnsmasq"), f"--conf-file={configuration}", "--keep-in-foreground"]
        self._start([*inside, program("timeout"), "--kill-after=5", str(_LONGEST), *server], log)
        self._wait(run / "router.pid", log=log)

    def _hold(self, outside: Sequence[str], command: Sequence[str]) -> list[str]:
        """Keep new namespaces open; returns what runs a command in them."""
        process = self._start([*outside, *command, program("sleep"), str(_LONGEST)])
        until = time.monotonic() + _PATIENCE
        # unshare becomes sleep once it has made them.
        while Path(f"/proc/{process.pid}/comm").read_text() != "sleep\n":
            assert process.poll() is None, f"{command} ended with {process.returncode}"
            assert time.monotonic() < until, f"{command} made no namespace"
            time.sleep(0.02)
        return [program("nsenter"), "--target", str(process.pid), "--net", "--mount", "--wd=/"]

    def _start(self, command: Sequence[str], log: Path | None = None) -> subprocess.Popen[bytes]:
        # It hears when we are killed; `timeout` tells its own child.
        command = [program("setpriv"), "--pdeathsig", "TERM", *command]
        with (log or Path("/dev/null")).open("ab") as file:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        self._processes.append(process)
        return process

    def _wait(self, *pid_files: Path, log: Path) -> None:
        """Each server writes its own when it listens."""
        until = time.monotonic() + _PATIENCE
        while missing := [file for file in pid_files if not file.exists()]:
            assert time.monotonic() < until, f"{missing} did not appear: {log.read_text()}"
            time.sleep(0.05)
