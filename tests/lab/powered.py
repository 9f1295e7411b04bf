# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine in QEMU behind the controller of tests/support/redfish_server.py: switched on, it boots what it is told."""

from __future__ import annotations

import dataclasses
import subprocess
import time
from pathlib import Path
from typing import Literal

from lab import root
from lab.machine import PATIENCE, acceleration
from lab.pxe_network import Network

_MEMORY_MIB = 768
_DISK_SIZE = 64 * 2**20  # bytes; the stand-in image has a few


@dataclasses.dataclass
class Powered:
    """Its disk is empty at first. It is off again when it has restarted: a controller decides what it boots next."""

    network: Network
    directory: Path
    mac: str
    firmware: Literal["bios", "uefi"]
    processes: list[subprocess.Popen[bytes]] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        with (self.directory / "disk").open("wb") as file:
            file.truncate(_DISK_SIZE)
        (self.directory / "variables").write_bytes(Path(root.program(root.OVMF_VARIABLES)).read_bytes())

    def switched_on(self, source: str, medium: bytes | None) -> None:
        """`source` is an override of Redfish, or `disk`."""
        number = len(self.processes)
        console, log, tap = self._console(number), self.directory / f"qemu.{number}", self.network.tap(self.mac)
        console.touch()
        command = [
            root.program("qemu-system-x86_64"), "-nodefaults", "-display", "none", "-m", str(_MEMORY_MIB),
            "-no-reboot", *acceleration(), "-serial", f"file:{console}", *self._flash(),
            "-netdev", f"tap,id=net,ifname={tap},script=no,downscript=no",
            "-device", f"virtio-net-pci,netdev=net,mac={self.mac},romfile=",
            "-drive", f"if=none,id=disk,format=raw,cache=unsafe,file={self.directory / 'disk'}",
            "-device", "virtio-blk-pci,drive=disk,bootindex=1",
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

    def until_off(self, seconds: int) -> str:
        """The console of its last boot, when that is over; one that takes longer fails."""
        end = time.monotonic() + seconds * PATIENCE
        text = self._console(len(self.processes) - 1)
        while self.processes[-1].poll() is None:
            assert time.monotonic() < end, text.read_text(errors="replace")[-4000:]
            time.sleep(0.3)
        return text.read_text(errors="replace")
