# SPDX-License-Identifier: GPL-2.0-or-later
"""A network card whose firmware does not say that it is iPXE, as the cards of real machines do not.

QEMU's own BIOS firmware for network cards is iPXE, says so in its DHCP requests, and so never gets PXELINUX from a
server that knows the difference. This program passes frames between QEMU (`-netdev dgram`) and a tap, and makes what
says so unreadable on its way out. Run it inside the network: `pxe_card.py TAP OWN_PORT QEMU_PORT`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import selectors
import socket
import struct
import sys

# <linux/if_tun.h>
_TUNSETIFF = 0x400454CA
_IFF_TAP, _IFF_NO_PI = 0x0002, 0x1000
_FRAME = 65536  # bytes, more than any
_DHCP_SERVER = 67
# Ethernet, IPv4 without options, UDP; then BOOTP's header with the cookie (RFC 2131, figure 1).
_IP, _UDP, _OPTIONS = 14, 34, 42 + 240
# iPXE's own, and the user class, where it says "iPXE" (https://ipxe.org/howto/dhcpd), become options that RFC 3942
# leaves to the site.
_OTHERS = {175: 224, 77: 225}
_PAD, _END = 0, 255


def disguised(frame: bytes) -> bytes:
    """A frame of the card as it goes out: a DHCP request has nothing of iPXE's in it, all others are as they were."""
    is_ipv4_udp = frame[12:14] == b"\x08\x00" and frame[_IP] == 0x45 and frame[_IP + 9] == socket.IPPROTO_UDP
    if not is_ipv4_udp or int.from_bytes(frame[_UDP + 2 : _UDP + 4], "big") != _DHCP_SERVER:
        return frame
    changed = bytearray(frame)
    at = _OPTIONS
    while at < len(changed) and changed[at] != _END:
        changed[at] = _OTHERS.get(changed[at], changed[at])
        at += 1 if changed[at] == _PAD else 2 + changed[at + 1]
    # No checksum, which RFC 768 allows.
    changed[_UDP + 6 : _UDP + 8] = b"\0\0"
    return bytes(changed)


def main() -> None:
    """Pass frames until somebody ends this."""
    name, own, qemu = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as card, selectors.DefaultSelector() as ready:
        card.bind(("127.0.0.1", own))
        ready.register(card, selectors.EVENT_READ)
        ready.register(tap, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is card:
                    os.write(tap, disguised(card.recv(_FRAME)))
                else:
                    # Refused: the machine is not switched on.
                    with contextlib.suppress(ConnectionRefusedError):
                        card.sendto(os.read(tap, _FRAME), ("127.0.0.1", qemu))


if __name__ == "__main__":
    main()
