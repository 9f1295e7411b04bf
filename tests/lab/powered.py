# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine in QEMU behind the controller of tests/support/redfish_server.py: switched on, it boots what it is told."""

from __future__ import annotations

import dataclasses
import subprocess
import time
from pathlib import Path
from typing import Literal

from ksgen.rehearsal import disks
from lab import root
from lab.machine import MIB, PATIENCE, Disk, acceleration
from lab.pxe_network import Network


@dataclasses.dataclass
class Powered:
    """Its disk is empty at first. It is off again when it has restarted: a controller decides what it boots next.

    `memory` is MiB.
    """

    network: Network
    directory: Path
    mac: str
    firmware: Literal["bios", "uefi"]
    disk: Disk | None = None
    memory: int = 768
    processes: list[subprocess.Popen[bytes]] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        # The stand-in image has a few MiB.
        self.disk = self.disk or Disk(self.directory / "disk", 64 * MIB)
        disks.make(self.disk)
        (self.directory / "variables").write_bytes(Path(root.program(root.OVMF_VARIABLES)).read_bytes())

    def switched_on(self, source: str, medium: bytes | None) -> None:
        """`source` is an override of Redfish, or `disk`."""
        assert self.disk is not None
        disk = dataclasses.replace(self.disk, more=(*self.disk.more, "bootindex=1"))
        nic = ",bootindex=0" if source == "Pxe" else ""
        number = len(self.processes)
        console, log, tap = self._console(number), self.directory / f"qemu.{number}", self.network.tap(self.mac)
        console.touch()
        command = [
            root.program("qemu-system-x86_64"), "-nodefaults", "-display", "none", "-m", str(self.memory),
            "-no-reboot", *acceleration(), "-serial", f"file:{console}", *self._flash(),
            "-netdev", f"tap,id=net,ifname={tap},script=no,downscript=no",
            "-device", f"virtio-net-pci,netdev=net,mac={self.mac},romfile={nic}",
            *disks.arguments([disk]),
        ]  # fmt: skip
        if medium is not None:
            path = self.directory / f"medium.{number}.iso"
            path.write_bytes(medium)
            first = ",bootindex=0" if source == "Cd" else ""
            command += ["-drive", f"if=none,id=cd,media=cdrom,readonly=on,format=raw,file={path}"]
            command += ["-device", f"ide-cd,drive=cd{first}"]
        self.processes.append(self.network.start(command, 300 * PATIENCE, log=log))

    def switched_off(self) -> None:
        for process in self.processes:
            process.terminate()

    def _flash(self) -> list[str]:
        if self.firmware == "bios":
            return ["-machine", "pc,graphics=off"]  # without graphics SeaBIOS speaks on the serial port
        flash, code = "if=pflash,format=raw", root.program(root.OVMF_CODE)
        variables = self.directory / "variables"
        return ["-machine", "q35", "-drive", f"{flash},readonly=on,file={code}", "-drive", f"{flash},file={variables}"]

    def _console(self, number: int) -> Path:
        return self.directory / f"console.{number}"

    def text(self) -> str:
        """The console of its last boot."""
        return self._console(len(self.processes) - 1).read_text(errors="replace")

    def until_off(self, seconds: int) -> str:
        """The console of its last boot, when that is over; one that takes longer fails."""
        end = time.monotonic() + seconds * PATIENCE
        while self.processes[-1].poll() is None:
            assert time.monotonic() < end, self.text()[-4000:]
            time.sleep(0.3)
        return self.text()
