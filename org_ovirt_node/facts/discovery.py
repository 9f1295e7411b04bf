# SPDX-License-Identifier: GPL-2.0-or-later
"""Discovers a machine: in %pre of the kickstart of `ksgen discover`, which is not for an installation.

It collects the facts of the machine, listens for its neighbours, tells `ksgen serve`, and switches the machine off or
restarts it. Anaconda never goes on: this process ends with the machine. Nothing is written to a disk, and a disk is
mounted only as `ksgen facts` does it (read-only, without replaying a journal).

`ksgen.match.discovery` puts this module into the kickstart, together with those that it imports.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import json
import os
import re
import select
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Optional
from urllib.parse import urlsplit

from org_ovirt_node.facts import collecting
from org_ovirt_node.facts.record import INSTALLER
from org_ovirt_node.facts.sighting import NEIGHBOURS_MOST, TEXT_LONGEST, Neighbour, Sighting, addresses, to_json
from org_ovirt_node.programs import disks, nics, report

POWEROFF, DISK = "poweroff", "disk"
# Switches send LLDP every 30 s (IEEE 802.1AB, msgTxInterval); their ports may first have to come up.
LISTEN_S = 35.0
LISTEN_SHORTEST_S = 8.0
SEND_FOR_S, SEND_PAUSE_S = 900.0, 5.0
# How long a machine waits until it will boot its disk: `ksgen discover` looks every two seconds.
WAIT_S, WAIT_PAUSE_S = 90.0, 2.0
HTTP_S = 10.0
COMMAND_S = 30.0

LLDP = 0x88CC
# The addresses of IEEE 802.1AB that bridges do not forward: nearest bridge, nearest non-TPMR bridge, nearest customer.
GROUPS = ("01:80:c2:00:00:0e", "01:80:c2:00:00:03", "01:80:c2:00:00:00")
# packet(7), linux/if_packet.h
_SOL_PACKET, _ADD_MEMBERSHIP, _MULTICAST, _OUTGOING = 263, 1, 0, 4
_HEADER = 14  # bytes of an Ethernet header
_BOOTIF = re.compile(r"(?:^|\s)BOOTIF=(?:01[-:])?([0-9a-f]{2}(?:[-:][0-9a-f]{2}){5})(?:\s|$)", re.IGNORECASE)
_BMC = re.compile(r"^IP Address\s*: (\S+)", re.MULTILINE)
BMC_CHANNELS = (1, 8, 2)  # those that vendors use for the port of the controller
NOTE = "ovirt-node: this machine is being discovered; nothing is written to its disks."


@dataclasses.dataclass(frozen=True)
class Order:
    """What a discovery says to each machine.

    `url`: where to tell, with `credential` and the SHA-256 of a pinned certificate. `then`: what follows. `known`: MAC
    addresses of hosts of the inventory, which boot their disk in any case. `boot`: where boot scripts of iPXE are.
    """

    url: str
    credential: str
    boot: str
    then: str = POWEROFF
    pin: str = ""
    known: tuple[str, ...] = ()


def written(order: Order) -> str:
    """The JSON that `read` reads."""
    return json.dumps({**dataclasses.asdict(order), "known": sorted(order.known)}, indent=1)


def read(text: str) -> Order:
    """Raises ValueError, KeyError and TypeError."""
    data = json.loads(text)
    return Order(**{**data, "known": tuple(data["known"])})


class Machine:
    """The machine that this runs on."""

    def text(self, path: str) -> str:
        try:
            return Path(path).read_text(errors="replace").strip()
        except OSError:
            return ""

    def output(self, *command: str) -> str:
        """What a command prints; nothing where it is not there or does not end."""
        return report.output(*command, limit=COMMAND_S)[0]

    def say(self, words: str) -> None:
        """For a person in front of the machine."""
        print(words, flush=True)
        with contextlib.suppress(OSError), open("/dev/console", "w") as console:
            console.write(f"{words}\n")

    def end(self, how: str) -> None:
        """Switch the machine off, or restart it. It does not return."""
        self.output("systemctl", "--no-wall", how)
        while True:
            time.sleep(3600)


# --- neighbours ------------------------------------------------------------------------------------------------------


def neighbour(nic: str, frame: bytes) -> Optional[Neighbour]:
    """The sender of an LLDP frame; None for anything else (IEEE 802.1AB-2016, clause 8)."""
    if len(frame) < _HEADER or struct.unpack("!H", frame[12:_HEADER])[0] != LLDP:
        return None
    found: dict[str, Any] = {}
    for kind, value in _values(frame[_HEADER:]):
        if kind == 1 and len(value) > 1:
            found["chassis"] = _identity(value, is_address=value[0] == 4)
        elif kind == 2 and len(value) > 1:
            found["port"] = _identity(value, is_address=value[0] == 3)
        elif kind in (4, 5):
            found["port_description" if kind == 4 else "system"] = _text(value)
        elif kind == 127 and value[:4] == b"\x00\x80\xc2\x01" and len(value) == 6:
            found["vlan"] = struct.unpack("!H", value[4:])[0]
    return Neighbour(nic, **found) if "chassis" in found and "port" in found else None


def _values(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The type and value of each element, up to the end, or to one that is longer than the frame."""
    while len(data) >= 2:
        (head,) = struct.unpack("!H", data[:2])
        kind, length = head >> 9, head & 0x1FF
        if kind == 0 or len(data) < 2 + length:
            return
        yield kind, data[2 : 2 + length]
        data = data[2 + length :]


def _identity(value: bytes, is_address: bool) -> str:
    """The identity of a chassis or port, behind its subtype: a MAC address or a text."""
    return value[1:].hex(":") if is_address and len(value) == 7 else _text(value[1:])


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip("\0 ")[:TEXT_LONGEST]


def listen(names: Sequence[str], seconds: float, has_carrier: Callable[[str], bool]) -> tuple[Neighbour, ...]:
    """The neighbours of NICs, heard at the same time; it ends sooner if each NIC with a carrier has one."""
    heard: dict[tuple[str, str, str], Neighbour] = {}
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        sockets = [each for each in (_socket(name) for name in names) if each is not None]
        for each in sockets:
            stack.enter_context(each)
        while sockets and (passed := time.monotonic() - began) < seconds and len(heard) < NEIGHBOURS_MOST:
            linked = {name for name in names if has_carrier(name)}
            if passed >= min(LISTEN_SHORTEST_S, seconds) and linked <= {nic for nic, _, _ in heard}:
                break
            for ready in select.select(sockets, [], [], 0.5)[0]:
                with contextlib.suppress(OSError):
                    frame, address = ready.recvfrom(2048)
                    one = neighbour(address[0], frame) if address[2] != _OUTGOING else None
                    if one is not None:
                        heard[one.nic, one.chassis, one.port] = one
    return tuple(sorted(heard.values(), key=lambda one: (one.nic, one.chassis, one.port)))


def _socket(nic: str) -> Optional[socket.socket]:
    """A socket that gets the LLDP frames of a NIC; None where there is none."""
    try:
        opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(LLDP))
    except OSError:
        return None
    try:
        opened.bind((nic, LLDP))
        for group in GROUPS:
            address = bytes.fromhex(group.replace(":", ""))
            request = struct.pack("iHH8s", socket.if_nametoindex(nic), _MULTICAST, len(address), address)
            opened.setsockopt(_SOL_PACKET, _ADD_MEMBERSHIP, request)
    except OSError:
        opened.close()
        return None
    return opened


# --- what the machine is ---------------------------------------------------------------------------------------------


def booted_from(cmdline: str) -> str:
    """The MAC address of the NIC that the machine has booted from, as its boot loader says."""
    found = _BOOTIF.search(cmdline)
    return found[1].replace("-", ":").lower() if found else ""


def bmc_address(machine: Machine) -> str:
    """The address of the controller, by IPMI; empty where there is none."""
    machine.output("modprobe", "-a", "ipmi_si", "ipmi_devintf")
    if not any(Path("/dev").glob("ipmi*")):
        return ""
    for channel in BMC_CHANNELS:
        found = _BMC.search(machine.output("ipmitool", "lan", "print", str(channel)))
        if found and found[1] != "0.0.0.0":
            return found[1]
    return ""


def look(machine: Machine, seconds: float = LISTEN_S) -> Sighting:
    """Collect everything. Only what is asked of disks is necessary; the rest may fail."""
    names = sorted(nics.gather(nics.Target()).values())
    for name in names:
        machine.output("ip", "link", "set", "dev", name, "up")
    heard = listen(names, seconds, lambda name: machine.text(f"{nics.NET}/{name}/carrier") == "1")
    record = collecting.collect(disks.Target(), nics.Target(), INSTALLER, os.uname().nodename, time.time())
    facts = report.machine_facts()
    return Sighting(
        facts=record,
        boot=report.boot_id(),
        booted_from=booted_from(machine.text("/proc/cmdline")),
        firmware=facts["firmware"],
        memory=facts["memory"],
        processors=facts["processors"],
        processor=facts["processor"][:TEXT_LONGEST],
        board=facts["board"],
        neighbours=heard,
        bmc=bmc_address(machine),
    )


# --- telling, and the end --------------------------------------------------------------------------------------------


def send(order: Order, body: bytes, seconds: float = SEND_FOR_S, pause: float = SEND_PAUSE_S) -> str:
    """Tell the server, again and again while it does not answer. Returns why it does not take it; empty if it has."""
    server = report.Server(report.Config(order.url, order.url, order.pin, order.credential))
    end, why = time.monotonic() + seconds, "there was no time"
    while time.monotonic() < end:
        try:
            server.report(body)
            return ""
        except report.Refused:
            return "the server does not accept it: the time of the discovery is over"
        except report.Unreadable as error:
            return f"the server cannot read it: {error}"
        except OSError as error:
            why = str(error)
        time.sleep(pause)
    return f"the server does not answer: {why}"


def boots_disk(order: Order, macs: Iterable[str], seconds: float = WAIT_S, pause: float = WAIT_PAUSE_S) -> bool:
    """Wait until each of these NICs has a boot file of its own: without it the next boot would be another discovery."""
    waiting, end = list(macs), time.monotonic() + seconds
    while waiting and time.monotonic() < end:
        waiting = [mac for mac in waiting if not _is_there(f"{order.boot}/ipxe/{mac.replace(':', '-')}.ipxe")]
        if waiting:
            time.sleep(pause)
    return not waiting


def _is_there(url: str) -> bool:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=HTTP_S)
    try:
        connection.request("HEAD", parts.path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def ending(order: Order, macs: Sequence[str], boots: Callable[[], bool]) -> str:
    """How the machine ends: `reboot` only into its disk, except for a host of the inventory, which is not left off."""
    if set(macs) & set(order.known):
        boots()
        return "reboot"
    return "reboot" if order.then == DISK and boots() else "poweroff"


def discover(order: Order, machine: Machine) -> str:
    """Look and tell. Returns how the machine ends."""
    machine.say(NOTE)
    sighting = look(machine)
    macs = addresses(sighting)
    why = send(order, json.dumps(to_json(sighting)).encode())
    machine.say(f"ovirt-node: nothing was told: {why}" if why else "ovirt-node: the server knows this machine now.")
    asked = [sighting.booted_from] if sighting.booted_from else macs
    return ending(order, macs, lambda: boots_disk(order, asked))


def main(arguments: Sequence[str], machine: Optional[Machine] = None) -> None:
    """Discover the machine, and end it whatever happens. `arguments`: the file with the order."""
    machine, how = machine or Machine(), "poweroff"
    try:
        os.environ["PATH"] = f"{os.environ.get('PATH', '')}:{collecting.SBIN}"
        how = discover(read(Path(arguments[0]).read_text()), machine)
    except Exception:
        machine.say(f"ovirt-node: the discovery has failed\n{traceback.format_exc()}")
        with contextlib.suppress(Exception):
            how = _ending_after_failure(read(Path(arguments[0]).read_text()))
    machine.end(how)


def _ending_after_failure(order: Order) -> str:
    """A host of the inventory is not left off, even if it could not be looked at."""
    return ending(order, tuple(nics.gather(nics.Target())), lambda: False)


if __name__ == "__main__":
    main(sys.argv[1:])
