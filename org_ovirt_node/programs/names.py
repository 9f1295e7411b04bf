# SPDX-License-Identifier: GPL-2.0-or-later
"""Gives NICs the names that the inventory has for their MAC addresses.

Runs in %pre of the installer. Where it was booted with `ifname=NAME:MAC`, the initramfs has done so already, and
nothing is left to do. Usage: names.py NAME=MAC...
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

REPEATS = 3
_UNTOUCHED = "Nothing has been written to any disk."


@dataclasses.dataclass(frozen=True)
class Nic:
    """A NIC of this machine; `is_used`: the installer has an address on it, or it is a port of another interface."""

    name: str
    mac: str
    is_used: bool = False


@dataclasses.dataclass(frozen=True)
class Decision:
    """(old, new) name of each NIC that needs another one; nothing is renamed where there are problems."""

    renames: tuple[tuple[str, str], ...]
    problems: tuple[str, ...]


def decide(wanted: Mapping[str, str], nics: Sequence[Nic]) -> Decision:
    """What to rename; `wanted` is name: MAC address."""
    by_mac = {nic.mac: nic for nic in nics}
    by_name = {nic.name: nic for nic in nics}
    renames, problems = [], []
    have = ", ".join(f"{nic.name} {nic.mac}" for nic in sorted(nics, key=lambda nic: nic.name)) or "no NIC"
    for name, mac in wanted.items():
        nic, owner = by_mac.get(mac), by_name.get(name)
        if nic is None:
            problems.append(
                f"no NIC has the address {mac}, to which node_network gives the name {name}; this machine has {have}.\n"
                f"{_UNTOUCHED} Correct the inventory, run ksgen, and boot again."
            )
        elif owner is not None and owner.mac != mac:
            problems.append(
                f"{name} is the name of the NIC {owner.mac}; node_network gives it to {mac}.\n"
                f"{_UNTOUCHED} Remove ifname={name}:{owner.mac} from the boot entry, and boot again."
            )
        elif nic.name != name and nic.is_used:
            problems.append(
                f"{nic.name} ({mac}) is in use and cannot be renamed to {name}.\n"
                f"{_UNTOUCHED} Add ifname={name}:{mac} to the boot entry, and boot again."
            )
        elif nic.name != name:
            renames.append((nic.name, name))
    return Decision(() if problems else tuple(renames), tuple(problems))


def own_address(nic: Path) -> str:
    """A NIC in a bond shows the bond's address; its own is in bonding_slave/."""
    own = nic / "bonding_slave" / "perm_hwaddr"
    return (own if own.exists() else nic / "address").read_text().strip().lower()


def gather(net: Path, addressed: frozenset[str]) -> tuple[Nic, ...]:
    """The physical NICs below /sys/class/net; `addressed` are names of interfaces with an address."""
    return tuple(
        Nic(nic.name, own_address(nic), nic.name in addressed or (nic / "master").exists())
        for nic in sorted(net.iterdir())
        if (nic / "device").exists()
    )


def addressed_interfaces() -> frozenset[str]:
    """Those with more than the address that IPv6 gives to every interface that is up."""
    done = subprocess.run(["ip", "-j", "address", "show"], stdout=subprocess.PIPE, check=True)
    return frozenset(
        link["ifname"]
        for link in json.loads(done.stdout)
        if any(address.get("scope") == "global" for address in link.get("addr_info", ()))
    )


def rename(old: str, new: str) -> str:
    """Rename it, or say why that failed. A NIC that is up cannot be renamed by the kernel of EL9."""
    for command in (("dev", old, "down"), ("dev", old, "name", new), ("dev", new, "up")):
        done = subprocess.run(
            ["ip", "link", "set", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if done.returncode:
            return f"ip link set {' '.join(command)}: {done.stdout.decode(errors='replace').strip()}"
    print(f"{old} is {new} now")
    return ""


def tell(message: str) -> None:
    """Anaconda shows nothing of a %pre that fails, so this goes to the log and to the console."""
    print(message, file=sys.stderr)
    try:
        with open("/dev/console", "w") as console:
            console.write((message + "\n") * REPEATS)
    except OSError as error:
        print("no console:", error, file=sys.stderr)


def main(arguments: Sequence[str], net: str = "/sys/class/net") -> int:
    wanted = dict(argument.split("=", 1) for argument in arguments)
    decision = decide(wanted, gather(Path(net), addressed_interfaces()))
    problems = list(decision.problems)
    for old, new in decision.renames:
        failure = rename(old, new)
        if failure:
            problems.append(
                f"{failure}\n{_UNTOUCHED} Add ifname={new}:{wanted[new]} to the boot entry, and boot again."
            )
    if decision.renames:
        # NetworkManager and udev follow; Anaconda asks them for the NICs afterwards.
        subprocess.run(["udevadm", "settle", "--timeout=30"], check=False)
    for problem in problems:
        tell(f"ovirt-node: {problem}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
