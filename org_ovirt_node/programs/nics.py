# SPDX-License-Identifier: GPL-2.0-or-later
"""Replaces MAC addresses by the names of their NICs in the members of bonds and bridges.

Runs in %pre of the installer, whose `network` command knows members by name only. Usage: nics.py WANTED RESULT
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

MEMBERS = re.compile(r"(--(?:bond|bridge)slaves=)(\S+)")
MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
REPEATS = 3


def names_by_mac(net: Path) -> dict[str, str]:
    """MAC address: name, of the physical NICs below /sys/class/net."""
    names: dict[str, str] = {}
    for nic in sorted(net.iterdir()):
        if (nic / "device").exists():
            # A NIC that is already in a bond shows the bond's address; its own is in bonding_slave/.
            own = nic / "bonding_slave" / "perm_hwaddr"
            address = own if own.exists() else nic / "address"
            names.setdefault(address.read_text().strip().lower(), nic.name)
    return names


def resolve(text: str, names: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text with names for addresses, and the addresses that no NIC has."""
    missing: list[str] = []

    def name_of(mac: re.Match[str]) -> str:
        if mac.group() not in names:
            missing.append(mac.group())
        return names.get(mac.group(), mac.group())

    named = MEMBERS.sub(lambda option: option.group(1) + MAC.sub(name_of, option.group(2)), text)
    return named, missing


def tell(message: str) -> None:
    """Anaconda shows nothing of a %pre that fails, so this goes to the log and to the console."""
    print(message, file=sys.stderr)
    try:
        with open("/dev/console", "w") as console:
            console.write((message + "\n") * REPEATS)
    except OSError as error:
        print("no console:", error, file=sys.stderr)


def main(commands: str, result: str, net: str = "/sys/class/net") -> int:
    names = names_by_mac(Path(net))
    named, missing = resolve(Path(commands).read_text(), names)
    if missing:
        have = ", ".join(f"{name} {mac}" for mac, name in sorted(names.items(), key=lambda item: item[1]))
        tell(
            f"ovirt-node: no NIC has the address {', '.join(missing)}, which node_network of this host names; "
            f"this machine has {have or 'no NIC'}.\n"
            "Nothing has been written to any disk. Correct the inventory, run ksgen, and boot again."
        )
        return 1
    Path(result).write_text(named)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
