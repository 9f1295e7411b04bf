# SPDX-License-Identifier: GPL-2.0-or-later
"""A rehearsal carried out: a network, servers and a machine that is installed, boots its disk, and is looked at."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ksgen.host import Host
from ksgen.rehearsal import disks, look, qemu
from ksgen.rehearsal.course import Limits, Seen, Step, stopped
from ksgen.rehearsal.machine import Machine
from ksgen.rehearsal.namespace import Namespace
from ksgen.rehearsal.network import Network, dnsmasq_lines
from ksgen.rehearsal.programs import required
from ksgen.rehearsal.qmp import Monitor, MonitorError
from ksgen.rehearsal.servers import NotServed, Served
from ksgen.rehearsal.verdict import verdicts

_POLL_S = 1.0
_START_S = 300  # for the switch to start; it takes a second, if this machine has nothing else to do
# After a failure its logs are sent; after the end of an installer its last report.
_LAST_S = 10
# A machine that was told to shut down is switched off then.
_SHUTDOWN_S = 120
_SSH_PORT = 22
_QEMU_LOG = "qemu.log"
_SWITCH = "ksgen.rehearsal.switching"  # a program


@dataclasses.dataclass(frozen=True)
class Order:
    """What is rehearsed, decided: the host, its machine and network, and how it is started."""

    host: Host
    nvr: str
    machine: Machine
    network: Network
    served: Served
    start: qemu.Start
    limits: Limits


Tell = Callable[[Step], None]


def rehearse(order: Order, tell: Tell, keep: Callable[[Path], None] | None = None) -> tuple[Step, ...]:
    """The steps, each told when it is known. With `keep`, called with the directory while the machine still runs.

    Raises NoNamespace, Missing, NotServed, OSError.
    """
    steps: list[Step] = []

    def told(step: Step) -> None:
        steps.append(step)
        tell(step)

    with _around(order) as namespace:
        before = _made(order)
        process = _switched_on(order, namespace)
        if not _is_installed(order, process, told):
            _keep(order, process, keep)
            return tuple(steps)
        begin = time.monotonic()
        boot = dataclasses.replace(order, start=dataclasses.replace(order.start, installer=None))
        process = _switched_on(boot, namespace)
        answers = _look(boot, process, told, begin)
        if answers is not None:
            facts = _facts(order)
            ssh = _ssh_answers(order, namespace, facts)
            after = {disk.file: disks.digest(disk.file) for disk in order.machine.others}
            for step in verdicts(order.host, order.nvr, order.network, answers, ssh, before == after):
                told(step)
        _keep(order, process, keep)
        _switched_off(order, process)
    return tuple(steps)


# --- network and servers ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _around(order: Order) -> Iterator[Namespace]:
    """The network with its servers, from their first answer."""
    directory = order.start.directory
    with Namespace(order.limits.seconds * 3) as namespace:
        _start_switch(order, namespace)
        for segment in order.network.segments:
            namespace.run("ip", "link", "set", segment.tap, "up")
            for address in segment.addresses:
                nodad = ["nodad"] if ":" in address else []
                namespace.run("ip", "address", "add", address, "dev", segment.tap, *nodad)
        for address in order.network.beyond:
            prefix = ipaddress.ip_address(address).max_prefixlen
            namespace.run("ip", "address", "add", f"{address}/{prefix}", "dev", "lo")
        configuration, log = directory / "dnsmasq.conf", directory / "servers.log"
        configuration.write_text("".join(f"{line}\n" for line in dnsmasq_lines(order.network)))
        commands = (
            [required("dnsmasq"), f"--conf-file={configuration}", "--no-daemon", "--user="],
            order.served.nginx,
            order.served.reports,
        )
        processes = [namespace.start(command, log=log) for command in commands]
        order.served.wait(lambda: all(one.poll() is None for one in processes), lambda: _end_of(log))
        yield namespace


def _start_switch(order: Order, namespace: Namespace) -> None:
    directory = order.start.directory
    ports = []
    for number, port in enumerate(order.network.ports):
        own, machine = qemu.port_sockets(directory, number)
        ports.append({"own": str(own), "machine": str(machine), "bond": port.bond, "has_lacp": port.has_lacp})
    segments = [{"vlan": segment.vlan, "tap": segment.tap} for segment in order.network.segments]
    file, log = directory / "switch.json", directory / "switch.log"
    ready = directory / "switch.ready"
    file.write_text(json.dumps({"ports": ports, "segments": segments, "ready": str(ready)}))
    process = namespace.start([sys.executable, "-m", _SWITCH, str(file)], log=log)
    end = time.monotonic() + _START_S
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > end:
            raise NotServed(f"the switch did not start: {_end_of(log)}")
        time.sleep(0.05)


def _end_of(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "; ".join(lines[-3:])


# --- the machine -----------------------------------------------------------------------------------------------------


def _made(order: Order) -> dict[Path, str]:
    """Make its disks; the digests of those that must stay as they are."""
    for disk in (*order.machine.disks, *order.machine.others):
        disks.make(disk)
    for number, disk in enumerate(order.machine.others):
        _fill(disk, number)
    if order.start.uefi:
        shutil.copy(order.start.uefi.variables, qemu.variables(order.start.directory))
    return {disk.file: disks.digest(disk.file) for disk in order.machine.others}


def _fill(disk: disks.Disk, number: int) -> None:
    """Data of another system: an MBR with a Linux partition, and something in it, at several places."""
    sectors = disk.size // 512
    entry = bytes((0, 0, 2, 0, 0x83, 0xFF, 0xFF, 0xFF)) + (2048).to_bytes(4, "little") + sectors.to_bytes(4, "little")
    table = bytes(440) + b"KSGN\0\0" + entry + bytes(48) + b"\x55\xaa"
    with disk.file.open("r+b") as file:
        file.write(table)
        for place in range(2**20, disk.size, disk.size // 16):
            file.seek(place)
            file.write(f"data of disk {number} at {place}\n".encode() * 64)


def _switched_on(order: Order, namespace: Namespace) -> subprocess.Popen[bytes]:
    command = qemu.command(order.machine, order.start)
    return namespace.start(command, order.limits.seconds + _SHUTDOWN_S, order.start.directory / _QEMU_LOG)


def _switched_off(order: Order, process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(MonitorError):
        with Monitor(order.start.directory / qemu.MONITOR) as monitor:
            monitor.execute("system_powerdown")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=_SHUTDOWN_S)
    process.terminate()
    process.wait()


def _keep(order: Order, process: subprocess.Popen[bytes], keep: Callable[[Path], None] | None) -> None:
    if keep is not None:
        keep(order.start.directory)
    elif process.poll() is None and order.start.installer is not None:
        process.terminate()
        process.wait()


# --- what is seen ----------------------------------------------------------------------------------------------------


def _is_installed(order: Order, process: subprocess.Popen[bytes], tell: Tell) -> bool:
    """Tell the states of the installation until its end; whether it succeeded."""
    begin, told = time.monotonic(), 0
    due: float | None = None
    while True:
        seconds = time.monotonic() - begin
        seen = _seen(order, process.poll() is not None)
        for step in seen.steps[told:]:
            tell(dataclasses.replace(step, seconds=seconds))
        told = max(told, len(seen.steps))
        end = stopped(seen, seconds, order.limits)
        if end is not None:
            # What happened last may not have been told yet.
            due = due or seconds + (0 if end.is_good else _LAST_S)
            if seconds >= due:
                tell(dataclasses.replace(end, seconds=seconds))
                return end.is_good
        time.sleep(_POLL_S)


def _seen(order: Order, has_ended: bool) -> Seen:
    directory = order.start.directory
    # What QEMU itself says is of interest where it has ended.
    logs = [qemu.log(directory, qemu.CONSOLE), *([directory / _QEMU_LOG] if has_ended else [])]
    console = "\n".join(filter(None, map(qemu.shown, logs)))
    try:
        host = order.served.host(order.host.name)
    except (OSError, ValueError):
        host = {}
    return Seen.of(host, console, has_ended)


def _look(order: Order, process: subprocess.Popen[bytes], tell: Tell, begin: float) -> dict[str, str] | None:
    """What the installed system says of itself, when it has said all; None where it never does."""
    log = qemu.log(order.start.directory, qemu.LOOK)
    while True:
        answers = look.parts(qemu.shown(log))
        seconds = time.monotonic() - begin
        if look.END in answers and _is_up(order):
            tell(Step("first boot", True, "the installed system has started", seconds))
            return answers
        late = seconds > order.limits.seconds
        if late or process.poll() is not None:
            why = "has not told that it is up" if late else "restarted or was switched off before it was up"
            if look.END in answers:
                why = "is up, but has not reported it to node_report_url"
            tell(Step("first boot", False, f"the installed system {why}", seconds))
            return answers if look.END in answers else None
        time.sleep(_POLL_S)


def _is_up(order: Order) -> bool:
    if order.host.settings.report_url is False:
        return True
    with contextlib.suppress(OSError, ValueError):
        return bool(order.served.host(order.host.name)["state"] == "up")
    return False


def _facts(order: Order) -> dict[str, Any]:
    """The facts of the first boot's report."""
    with contextlib.suppress(OSError, ValueError, LookupError):
        events = order.served.host(order.host.name)["attempts"][0]["events"]
        return next((dict(event["facts"]) for event in reversed(events) if event["state"] == "up"), {})
    return {}


def _ssh_answers(order: Order, namespace: Namespace, facts: dict[str, Any]) -> str:
    """The first line of the system's sshd at one of its addresses; empty if there is none."""
    for text in _addresses(order.network, facts):
        program = (
            "import socket, sys\n"
            f"s = socket.create_connection(({text!r}, {_SSH_PORT}), timeout=20)\n"
            "print(s.recv(200).decode(errors='replace').splitlines()[0])\n"
        )
        done = subprocess.run(
            namespace.within([sys.executable, "-c", program]), capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode == 0 and done.stdout.startswith("SSH-"):
            return done.stdout.strip()
    return ""


def _addresses(network: Network, facts: dict[str, Any]) -> Sequence[str]:
    """Addresses of the system: those of the inventory first, then those that it reports."""
    reported = [text.split(" ")[-1] for text in facts.get("addresses", ())]
    return [text.partition("/")[0] for text in dict.fromkeys([*(one for _, one in network.expected), *reported])]
