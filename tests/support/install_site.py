# SPDX-License-Identifier: GPL-2.0-or-later
"""A published site with a real `ksgen serve`, `ksgen install`, and simulated machines that fetch and report."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from command import CliRunner

from ksgen.cli import main
from ksgen.cli.asking import Server

PATIENCE_S = 120
BOOT = "5f0c8a3e-1111-2222-3333-444455556666"
_INVENTORY = """\
all:
  vars:
    node_release: el9
    node_server_url: http://192.0.2.1/nodes/
    node_image_url: http://192.0.2.1/node.squashfs.img
    node_tree_url: http://192.0.2.1/el9/
    node_ssh_keys: ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIO0FOwvlHiYaWpE3V4GJwp8vfuIuTjLENYDyVB95s+tI ops@example.com"]
  hosts:
"""
_HOST = """\
    {name}:
      node_mac: "{mac}"
      node_disk: {{serial: "disk{number}", size: 480 GB}}
"""


def write_inventory(place: Path, controllers: Sequence[str] = (), number: int = 3) -> list[str]:
    """So many hosts; returns their names. `controllers` are values of node_bmc, for the first ones."""
    names = [f"node{one:02}.example.com" for one in range(1, number + 1)]
    macs = [f"52:54:00:aa:{one // 256:02x}:{one % 256:02x}" for one in range(1, number + 1)]
    hosts = [
        _HOST.format(name=name, mac=mac, number=one) for one, (name, mac) in enumerate(zip(names, macs, strict=True), 1)
    ]
    for number, controller in enumerate(controllers):
        hosts[number] += f"      node_bmc: {controller}\n"
    (place / "hosts.yaml").write_text(_INVENTORY + "".join(hosts))
    return names


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


class Site:
    """A published site, its server, and machines that install themselves when they are armed.

    A machine of `slow` waits in the middle until it is taken out of it, one of `off` does nothing, one of `bad` fails,
    one of `silent` says nothing any more after its first report.
    """

    def __init__(self, place: Path, controllers: Sequence[str] = (), number: int = 3) -> None:
        self.place = place
        self.names = write_inventory(place, controllers, number)
        for name in (".treeinfo", "images/install.img", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"):
            (place / "el9" / name).parent.mkdir(parents=True, exist_ok=True)
            (place / "el9" / name).write_bytes(b"MZ" + bytes(510))
        (place / "run/spent").mkdir(parents=True)
        self.ksgen("hosts.yaml", "-o", "out", "--tree", "el9=el9")
        for login in ("ops", "second"):
            self.ksgen("login", login, "--role", "operate", "--state", "state", "-o", login)
        self.port = free_port()
        self.slow: set[str] = set()
        self.off: set[str] = set()
        self.bad: set[str] = set()
        self.silent: set[str] = set()
        self._is_over = threading.Event()
        self._begun: set[str] = set()
        self._threads: list[threading.Thread] = []

    def ksgen(self, *arguments: str) -> None:
        with contextlib.chdir(self.place):
            done = CliRunner().invoke(main, arguments, catch_exceptions=False)
        assert done.exit_code == 0, done.output

    def install(
        self, *hosts: str, login: str = "ops", more: tuple[str, ...] = (), command: str = "install"
    ) -> subprocess.Popen[str]:
        """The command, as it runs."""
        options = ["--server", f"http://127.0.0.1:{self.port}", "--token", login, "--yes", "--skip-preflight", *more]
        words = [sys.executable, "-m", "ksgen", command, "hosts.yaml", *(hosts or self.names), *options]
        return subprocess.Popen(
            words, cwd=self.place, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip

    def state(self, host: str) -> str:
        answer = Server(f"http://127.0.0.1:{self.port}", self.place / "ops").ask(f"/api/hosts/{host}")
        return str(answer["state"])

    def wait(self, condition: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, "nothing happens"
            time.sleep(0.1)

    @contextlib.contextmanager
    def served(self) -> Iterator[None]:
        command = ["serve", "hosts.yaml", "-o", "out", "--state", "state", "--listen", f"127.0.0.1:{self.port}"]
        with subprocess.Popen(
            [sys.executable, "-m", "ksgen", *command], cwd=self.place, stderr=subprocess.DEVNULL
        ) as server:
            watching = threading.Thread(target=self._watch)
            try:
                self.wait(self._answers)
                watching.start()
                yield
            finally:
                self._is_over.set()
                server.terminate()
                for thread in (watching, *self._threads):
                    thread.join()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def _watch(self) -> None:
        """Switches a machine on when it has its permission."""
        while not self._is_over.wait(0.1):
            for permission in sorted((self.place / "out/armed").glob("*")):
                host = permission.name.split(".example.com")[0] + ".example.com"
                if host not in self.off and permission.name not in self._begun:
                    self._begun.add(permission.name)
                    self._threads.append(threading.Thread(target=self._machine, args=(host, permission)))
                    self._threads[-1].start()

    def _machine(self, host: str, permission: Path) -> None:
        token = permission.read_text().strip()
        # As nginx notes that the kickstart has been fetched.
        (self.place / "run/spent" / permission.name).touch()
        states = ["preparing", "copying", *(["failed"] if host in self.bad else ["installed", "up"])]
        if host in self.silent:
            states = states[:1]
        for number, state in enumerate(states, 1):
            while state != "preparing" and host in self.slow:
                if self._is_over.wait(0.1):
                    return
            message = "error: no disk\ncure: name it" if state == "failed" else ""
            event = {"seq": number, "uptime": 1.0, "state": state, "message": message}
            self._report(token, {"version": 1, "boot": BOOT, "events": [event]})

    def _report(self, token: str, report: object) -> None:
        """Until it is accepted: the server may not know the arming yet."""
        while not self._is_over.wait(0.1):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
            with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
                connection.request("POST", "/report", json.dumps(report), {"Authorization": f"Bearer {token}"})
                if connection.getresponse().status == 200:
                    return


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    said, _ = process.communicate(timeout=PATIENCE_S)
    return process.returncode, said
