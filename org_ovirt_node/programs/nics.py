# SPDX-License-Identifier: GPL-2.0-or-later
"""Replaces MAC addresses by the names of their NICs in the members of bonds and bridges.

Runs in %pre of the installer, whose `network` command knows members by name only. Usage: nics.py WANTED RESULT
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping

NET = "/sys/class/net"
MEMBERS = re.compile(r"(--(?:bond|bridge)slaves=)(\S+)")
MAC = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
REPEATS = 3


class Target:
    """The machine as this program sees it."""

    def names(self, directory: str) -> list[str]:
        return os.listdir(directory)

    def has(self, path: str) -> bool:
        return os.path.exists(path)

    def read(self, path: str) -> str:
        with open(path, encoding="utf-8") as file:
            return file.read()


def gather(target: Target, net: str = NET) -> dict[str, str]:
    """MAC address: name, of the physical NICs below /sys/class/net."""
    names: dict[str, str] = {}
    for name in sorted(target.names(net)):
        if target.has(f"{net}/{name}/device"):
            # A NIC that is already in a bond shows the bond's address; its own is in bonding_slave/.
            own = f"{net}/{name}/bonding_slave/perm_hwaddr"
            address = target.read(own if target.has(own) else f"{net}/{name}/address")
            names.setdefault(address.strip().lower(), name)
    return names


def decide(text: str, names: Mapping[str, str]) -> tuple[str, list[str]]:
    """The text with names for addresses, and the addresses that no NIC has."""
    missing: list[str] = []

    def name_of(mac: re.Match[str]) -> str:
        if mac.group() not in names:
            missing.append(mac.group())
        return names.get(mac.group(), mac.group())

    named = MEMBERS.sub(lambda option: option.group(1) + MAC.sub(name_of, option.group(2)), text)
    return named, missing


def describe(missing: list[str], names: Mapping[str, str]) -> str:
    """Why the installation stops, and what to do; empty if no address is missing."""
    if not missing:
        return ""
    have = ", ".join(f"{name} {mac}" for mac, name in sorted(names.items(), key=lambda item: item[1]))
    return (
        f"ovirt-node: no NIC has the address {', '.join(missing)}, which node_network of this host names; "
        f"this machine has {have or 'no NIC'}.\n"
        "Nothing has been written to any disk. Correct the inventory, run ksgen, and boot again."
    )


def tell(message: str) -> None:
    """Anaconda shows nothing of a %pre that fails, so this goes to the log and to the console."""
    print(message, file=sys.stderr)
    try:
        with open("/dev/console", "w") as console:
            console.write((message + "\n") * REPEATS)
    except OSError as error:
        print("no console:", error, file=sys.stderr)


def main(commands: str, result: str, net: str = NET) -> int:
    target = Target()
    names = gather(target, net)
    named, missing = decide(target.read(commands), names)
    if missing:
        tell(describe(missing, names))
        return 1
    with open(result, "w", encoding="utf-8") as file:
        file.write(named)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
