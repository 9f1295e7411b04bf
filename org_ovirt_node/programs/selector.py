# SPDX-License-Identifier: GPL-2.0-or-later
"""Chooses the host that this machine is, from a medium that has the kickstarts of a whole site.

Runs in %pre of the kickstart that `ksgen iso --site` writes. It finds the one host with a MAC address or the serial
number of this machine, runs the %pre scripts of that host's kickstart, and leaves the kickstart for %include: Anaconda
never runs a %pre that an %include brings in, since it reads all of them before it runs the first (pyanaconda,
kickstart.py, preScriptPass()). On a machine that is no host, or several, it stops, and no disk is written to.
Usage: selector.py DIRECTORY RESULT [EVERY FOR]
"""

from __future__ import annotations

import array
import dataclasses
import fcntl
import json
import os
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

# Of what `written` writes; changes with every change of its keys.
FORMAT = 1
INDEX = "site.json"
# How long every terminal shows why the installation stops: as disks.py does it.
REPEAT_EVERY = 30  # seconds
REPEAT_FOR = 900  # seconds
YES = "yes"
_UNTOUCHED = "Nothing has been written to any disk."
_SESSION = "anaconda"  # of tmux, which has the installer's terminal (Anaconda's tmux.conf)
_WINDOW = "confirm"
_ANSWER_LOOKS = 0.5  # seconds
# linux/sockios.h, linux/ethtool.h
_SIOCETHTOOL, _GPERMADDR, _ADDRESS_LONGEST = 0x8946, 0x20, 32


@dataclasses.dataclass(frozen=True)
class Step:
    """A %pre script: lines `first` to `last` of the kickstart, counted from 1.

    `stops`: the installation ends if it fails (--erroronfail). `log` is a path, or empty.
    """

    first: int
    last: int
    interpreter: str
    log: str
    stops: bool


@dataclasses.dataclass(frozen=True)
class Host:
    """A host of the site: what it is known by, its kickstart below the directory, and the scripts in it."""

    name: str
    macs: tuple[str, ...]
    serial: str
    kickstart: str
    steps: tuple[Step, ...]


@dataclasses.dataclass(frozen=True)
class Site:
    """What is on the medium; `asks`: a person has to confirm the installation."""

    hosts: tuple[Host, ...]
    asks: bool = False


@dataclasses.dataclass(frozen=True)
class Machine:
    """(name, permanent MAC address) of each NIC, and the serial number of the machine, empty if it has none."""

    nics: tuple[tuple[str, str], ...]
    serial: str = ""


@dataclasses.dataclass(frozen=True)
class Choice:
    """The host that a machine is, and what shows it; None, and why the installation stops."""

    host: Optional[Host]
    text: str


class FormatError(Exception):
    """The index of the medium is of another version."""


def written(site: Site) -> str:
    """The index, for `read`."""
    return json.dumps({"format": FORMAT, **dataclasses.asdict(site)}, indent=0) + "\n"


def read(text: str) -> Site:
    """The index as `written` has made it. Raises FormatError."""
    data: dict[str, Any] = json.loads(text)
    if data.get("format") != FORMAT:
        raise FormatError(f"has format {data.get('format')!r}; this add-on reads {FORMAT}")
    hosts = tuple(
        Host(
            host["name"],
            tuple(host["macs"]),
            host["serial"],
            host["kickstart"],
            tuple(Step(**step) for step in host["steps"]),
        )
        for host in data["hosts"]
    )
    return Site(hosts, data["asks"])


# --- which host ------------------------------------------------------------------------------------------------------


def choose(machine: Machine, hosts: Sequence[Host]) -> Choice:
    """The only host with an address or the serial number of the machine."""
    shown = {host.name: evidence(machine, host) for host in hosts}
    found = [host for host in hosts if shown[host.name]]
    if not found:
        number = f"{len(hosts)} host" + ("" if len(hosts) == 1 else "s")
        return Choice(
            None,
            f"this machine is not one of the {number} on this medium.\n{described(machine)}\n"
            f"{_UNTOUCHED} Add the machine to the inventory (node_mac), and write the medium again.",
        )
    if len(found) > 1:
        lines = "\n".join(f"  {host.name}: {shown[host.name]}" for host in found)
        return Choice(
            None,
            f"this machine is {len(found)} hosts of this medium at once:\n{lines}\n{described(machine)}\n"
            f"{_UNTOUCHED} Correct the MAC addresses in the inventory, and write the medium again.",
        )
    host = found[0]
    if host.serial and machine.serial and not is_same_serial(host, machine):
        return Choice(
            None,
            f"{shown[host.name]} is of {host.name}, which has the serial number {host.serial}.\n{described(machine)}\n"
            f"{_UNTOUCHED} Correct node_mac or the serial number in the inventory, and write the medium again.",
        )
    return Choice(host, f"this machine is {host.name} ({shown[host.name]})")


def evidence(machine: Machine, host: Host) -> str:
    """What of the machine is this host's, in words, or nothing."""
    words = [f"{name} {mac}" for name, mac in machine.nics if mac in host.macs]
    if is_same_serial(host, machine):
        words.append(f"serial number {machine.serial}")
    return ", ".join(words)


def is_same_serial(host: Host, machine: Machine) -> bool:
    return bool(host.serial) and host.serial.strip().lower() == machine.serial.lower()


def described(machine: Machine) -> str:
    nics = ", ".join(f"{name} {mac}" for name, mac in machine.nics) or "no NIC"
    return f"It has {nics}; serial number: {machine.serial or 'none'}."


# --- the machine -----------------------------------------------------------------------------------------------------


def look(root: str = "/") -> Machine:
    """NICs and serial number, from sysfs below `root`."""
    net = Path(root, "sys/class/net")
    nics = [(nic.name, permanent_address(nic)) for nic in sorted(net.iterdir()) if (nic / "device").exists()]
    try:
        serial = Path(root, "sys/class/dmi/id/product_serial").read_text(errors="replace").strip()
    except OSError:
        serial = ""
    return Machine(tuple((name, mac) for name, mac in nics if mac), serial)


def permanent_address(nic: Path) -> str:
    """The address that a NIC was made with; of one whose driver does not tell, that which it has."""
    found = asked_address(nic.name)
    if any(found):
        return ":".join(f"{byte:02x}" for byte in found)
    own = nic / "bonding_slave" / "perm_hwaddr"
    try:
        return (own if own.exists() else nic / "address").read_text().strip().lower()
    except OSError:
        return ""


def asked_address(name: str) -> bytes:
    """ethtool(8) -P, which not every installer has."""
    answer = array.array("B", struct.pack("II", _GPERMADDR, _ADDRESS_LONGEST) + bytes(_ADDRESS_LONGEST))
    address, _ = answer.buffer_info()
    request = struct.pack("16sP", name.encode(), address).ljust(40, b"\0")
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
            fcntl.ioctl(handle, _SIOCETHTOOL, request)
    except OSError:
        return b""
    _, size = struct.unpack("II", answer.tobytes()[:8])
    return answer.tobytes()[8 : 8 + size] if size == 6 else b""


# --- a person --------------------------------------------------------------------------------------------------------


def question(host: Host, shown: str) -> str:
    return (
        f"\nInstall {host.name} on this machine ({shown})?\n"
        f"All data on its disks will be lost. Type {YES} to install; anything else stops: "
    )


def is_confirmed(text: str) -> bool:
    """Whether a person says so: in a window of the installer's tmux, or on the console where that is not there."""
    with tempfile.TemporaryDirectory() as directory:
        words, answer = Path(directory, "question"), Path(directory, "answer")
        words.write_text(text)
        ask = f"cat {words}; read -r answer; printf '%s' \"$answer\" >{answer}.new; mv {answer}.new {answer}"
        if has_session():
            return answer_of_window(ask, answer) == YES
        with open("/dev/console", "r+b", buffering=0) as console:
            subprocess.run(["/bin/sh", "-c", ask], stdin=console, stdout=console, stderr=console, check=False)
        return answer.exists() and answer.read_text().strip().lower() == YES


def has_session() -> bool:
    try:
        return not subprocess.run(["tmux", "has-session", "-t", _SESSION], stderr=subprocess.DEVNULL).returncode
    except FileNotFoundError:
        return False


def answer_of_window(ask: str, answer: Path) -> str:
    """The window is in front on each terminal that shows the installer, serial ones too."""
    command = f"/bin/sh -c {shlex.quote(ask)}"
    subprocess.run(["tmux", "new-window", "-t", f"{_SESSION}:", "-n", _WINDOW, command], check=True)
    while not answer.exists():
        time.sleep(_ANSWER_LOOKS)
    # It would stay, as Anaconda's other windows do (remain-on-exit).
    subprocess.run(["tmux", "kill-window", "-t", f"{_SESSION}:{_WINDOW}"], stderr=subprocess.DEVNULL, check=False)
    return answer.read_text().strip().lower()


def tell(text: str) -> None:
    """To every terminal: Anaconda shows nothing of a %pre that fails."""
    try:
        active = Path("/sys/class/tty/console/active").read_text().split()
    except OSError:
        active = []
    for terminal in dict.fromkeys([*active, "tty1"]):
        try:
            file = os.open(f"/dev/{terminal}", os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            continue
        try:
            os.write(file, f"\n{text}\n".replace("\n", "\r\n").encode())
        except OSError:
            pass
        finally:
            os.close(file)


# --- its scripts -----------------------------------------------------------------------------------------------------


def run_step(step: Step, lines: Sequence[str]) -> int:
    """Run a script as Anaconda does (pyanaconda, kickstart.py, AnacondaKSScript.run()). Its exit status."""
    handle, path = tempfile.mkstemp(prefix="ks-script-", dir="/tmp")
    log = step.log or f"{path}.log"
    with os.fdopen(handle, "w") as file:
        file.write("".join(lines[step.first - 1 : step.last]))
        os.fchmod(file.fileno(), 0o700)
    os.makedirs(os.path.dirname(log), exist_ok=True)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as output:
        return subprocess.run([step.interpreter, path], stdout=output, stderr=output, cwd="/", check=False).returncode


def run_steps(host: Host, lines: Sequence[str]) -> Optional[Step]:
    """Run the scripts of a kickstart. The one that stops the installation, None if none does."""
    for step in host.steps:
        status = run_step(step, lines)
        print(f"line {step.first - 1} of {host.kickstart}, {step.log or 'no log'}: exit status {status}", flush=True)
        if status and step.stops:
            return step
    return None


def main(arguments: Sequence[str]) -> int:
    directory, result, *times = arguments
    every, duration = map(int, times) if times else (REPEAT_EVERY, REPEAT_FOR)
    host: Optional[Host] = None
    try:
        site = read(Path(directory, INDEX).read_text(encoding="utf-8"))
        machine = look()
        choice = choose(machine, site.hosts)
        host, text = choice.host, choice.text
        if host is not None and site.asks and not is_confirmed(question(host, evidence(machine, host))):
            text = f"the installation of {host.name} was not confirmed.\n{_UNTOUCHED}"
            host = None
    except (OSError, ValueError, FormatError) as error:
        text = f"{directory}/{INDEX}: {error}\n{_UNTOUCHED} Write the medium again with ksgen iso --site."
    print(f"ovirt-node: {text}", flush=True)
    if host is None:
        for _ in range(max(1, duration // every)):
            tell(f"ovirt-node: {text}")
            time.sleep(every)
        return 1
    kickstart = Path(directory, host.kickstart)
    failed = run_steps(host, kickstart.read_text(encoding="utf-8").splitlines(keepends=True))
    if failed is not None:
        # Resolvers and checks have said why on every terminal; a script of the site may have said nothing.
        place = f"line {failed.first - 1} of {host.kickstart}"
        tell(f"ovirt-node: a script of {host.name} failed: {place}, log {failed.log or 'in /tmp'}")
        return 1
    shutil.copyfile(kickstart, result)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
