# SPDX-License-Identifier: GPL-2.0-or-later
"""The switch at work, as a program within the network of a rehearsal: `python -m ksgen.rehearsal.switching FILE`.

FILE has the ports, each with the Unix sockets of QEMU's `-netdev dgram` and of its own, and the VLANs. It makes an
interface (TAP) for each VLAN, and creates the file `ready` when all are there.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import socket
import struct
import sys
from pathlib import Path

from ksgen.rehearsal.frames import Link, Switch, ToPort, ToVlan

# <linux/if_tun.h>
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_FRAME = 65536  # bytes, more than any
_BUFFER = 4 * 2**20  # bytes; a window of TCP and more


def main(path: Path) -> None:
    """Switch until the process is ended. Raises OSError."""
    wanted = json.loads(path.read_text())
    switch = Switch([Link(port["bond"], port["has_lacp"]) for port in wanted["ports"]])
    taps = {segment["vlan"]: _tap(segment["tap"]) for segment in wanted["segments"]}
    sockets = [_socket(port["own"]) for port in wanted["ports"]]
    machines = [port["machine"] for port in wanted["ports"]]
    Path(wanted["ready"]).touch()

    def send(port: int, frame: bytes) -> None:
        # Refused: the machine is switched off. Full: frames get lost, as in any network.
        with contextlib.suppress(FileNotFoundError, ConnectionRefusedError, BlockingIOError):
            sockets[port].sendto(frame, machines[port])

    with selectors.DefaultSelector() as ready:
        for port, one in enumerate(sockets):
            ready.register(one, selectors.EVENT_READ, (True, port))
        for vlan, tap in taps.items():
            ready.register(tap, selectors.EVENT_READ, (False, vlan))
        while True:
            for key, _ in ready.select():
                is_port, number = key.data
                if not is_port:
                    for answer in switch.from_vlan(number, os.read(taps[number], _FRAME)):
                        send(answer.port, answer.frame)
                    continue
                result = switch.from_port(number, sockets[number].recv(_FRAME))
                if isinstance(result, ToPort):
                    send(result.port, result.frame)
                elif isinstance(result, ToVlan) and result.vlan in taps:
                    os.write(taps[result.vlan], result.frame)


def _tap(name: str) -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    return tap


def _socket(path: str) -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.bind(path)
    made.setblocking(False)
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        made.setsockopt(socket.SOL_SOCKET, option, _BUFFER)
    return made


if __name__ == "__main__":
    main(Path(sys.argv[1]))
