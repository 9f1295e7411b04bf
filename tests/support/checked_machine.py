# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine for programs/checks.py: /proc and /sys in a directory, and programs that answer what was recorded."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from org_ovirt_node.programs import checks

# The flags of real processors that matter here, as their /proc/cpuinfo has them.
XEON_GOLD = (
    "fpu vme msr pae cx8 sep mmx fxsr sse sse2 ht syscall nx rdtscp lm pni pclmulqdq vmx ssse3 fma cx16 sse4_1 sse4_2 "
    "movbe popcnt aes xsave avx f16c rdrand lahf_lm abm bmi1 avx2 bmi2 avx512f avx512dq"
)
EPYC = XEON_GOLD.replace(" vmx", "").replace(" avx512f avx512dq", "") + " svm"
# Westmere, of 2010: x86-64-v2.
XEON_X5650 = (
    "fpu vme msr pae cx8 sep mmx fxsr sse sse2 ht syscall nx rdtscp lm pni pclmulqdq vmx ssse3 cx16 sse4_1 sse4_2 "
    "popcnt aes lahf_lm"
)
# QEMU's processor of this name, with TCG.
QEMU64 = (
    "fpu de pse tsc msr pae mce cx8 apic sep mtrr mmx fxsr sse sse2 ht syscall nx lm pni cx16 hypervisor lahf_lm svm"
)
CPUINFO = """\
processor\t: 0
vendor_id\t: GenuineIntel
model name\t: {model}
flags\t\t: {flags}
bugs\t\t: spectre_v1 spectre_v2

processor\t: 1
model name\t: {model}
flags\t\t: {flags}
"""
MAC = "52:54:00:aa:00:0"


class Recorded(checks.System):
    """`answers` are what programs print; what else is run is written down in `done`, what is said in `heard`."""

    def __init__(self, root: Path, answers: Mapping[tuple[str, ...], str] | None = None) -> None:
        super().__init__(str(root), limit=1, carrier_limit=0.2)
        self.answers = dict(answers or {})
        self.done: list[tuple[str, ...]] = []
        self.heard: list[tuple[str, str]] = []
        self.longest_pause = 0.1

    def run(self, *argv: str) -> str:
        if argv not in self.answers:
            self.done.append(argv)
        return self.answers.get(argv, "")

    def say(self, terminal: str, text: str) -> bool:
        self.heard.append((terminal, text))
        return True

    def pause(self, seconds: float) -> None:
        time.sleep(min(seconds, self.longest_pause))

    @property
    def said(self) -> str:
        """What the first terminal has shown."""
        first = self.heard[0][0] if self.heard else ""
        return "".join(text for terminal, text in self.heard if terminal == first)


def write(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def machine(
    root: Path,
    flags: str = XEON_GOLD,
    memory_kib: int = 263_715_832,
    messages: Sequence[str] = (),
    is_uefi: bool = True,
    serial: str = "CZ20350K4M",
    cmdline: str = "BOOT_IMAGE=vmlinuz quiet",
) -> Recorded:
    """A server of 256 GiB that nothing is wrong with, or what is changed of it."""
    write(root, "proc/cpuinfo", CPUINFO.format(model="Intel(R) Xeon(R) Gold 6130 CPU @ 2.10GHz", flags=flags))
    write(root, "proc/meminfo", f"MemTotal:       {memory_kib} kB\nMemFree:        1000 kB\n")
    write(root, "proc/cmdline", f"{cmdline}\n")
    write(root, "dev/kmsg", "".join(f"4,{n},{n},-;{message}\n" for n, message in enumerate(messages)))
    write(root, "sys/class/dmi/id/product_serial", f"{serial}\n")
    write(root, "sys/class/tty/console/active", "tty0 ttyS0\n")
    write(root, "etc/resolv.conf", "search example.com\nnameserver 10.0.0.53\nnameserver 10.0.0.54\n")
    if is_uefi:
        (root / "sys/firmware/efi").mkdir(parents=True, exist_ok=True)
    return Recorded(root)


def card(
    root: Path, number: int, carrier: str = "1", speed: str = "25000", flags: str = "0x1003", own: str = ""
) -> None:
    """The card eno1 and so on; without a carrier the kernel gives none to read."""
    place = f"sys/class/net/eno{number}"
    write(root, f"{place}/address", f"{MAC}{number}\n")
    write(root, f"{place}/flags", f"{flags}\n")
    (root / place / "device").mkdir()
    for name, text in (("carrier", carrier), ("speed", speed), ("bonding_slave/perm_hwaddr", own)):
        if text:
            write(root, f"{place}/{name}", f"{text}\n")


def route(peer: str, device: str, gateway: str = "", source: str = "") -> dict[tuple[str, ...], str]:
    """What `ip -j route get` prints."""
    found = {"dst": peer, "dev": device, **({"gateway": gateway} if gateway else {}), "prefsrc": source}
    return {("ip", "-j", "route", "get", peer): json.dumps([found])}
