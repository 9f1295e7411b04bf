# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that boots from the network first and from its disk next, and what its console says."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

from lab import root
from lab.machine import PATIENCE, Watch, acceleration
from lab.pxe_boot_order import boot_order
from lab.pxe_network import Network

# `bios-plain`: a card whose firmware does not say that it is iPXE, see pxe_card.py.
Firmware = Literal["bios", "bios-plain", "uefi"]

_CARD = Path(__file__).with_name("pxe_card.py")
_CARD_PORT = 4000  # of the first machine, on the network's own loopback; the next ones follow
_MEMORY_MIB = 768  # under OVMF, GRUB holds kernel and initrd besides what the kernel unpacks
# Slots of the first PCI bus.
_CARD_SLOT, _DISK_SLOT = 4, 5
# Colours and cursors.
_ESCAPES = re.compile(r"\x1b\[[0-9;?=]*[A-Za-z]")


@dataclasses.dataclass(frozen=True)
class Client:
    """One machine; its disk, and what UEFI remembers, stay from one boot to the next."""

    network: Network
    directory: Path
    mac: str
    firmware: Firmware

    @property
    def disk(self) -> Path:
        return self.directory / "disk"

    def boot(self, seconds: int) -> Boot:
        """Switch it on; `seconds` is the longest that it may take until it is off, on a quiet machine."""
        seconds *= PATIENCE
        number = len(list(self.directory.glob("console.*"))) + 1
        console, log = (self.directory / f"{name}.{number}" for name in ("console", "qemu"))
        console.touch()
        command = [
            root.program("qemu-system-x86_64"), "-nodefaults", "-display", "none", "-m", str(_MEMORY_MIB),
            *acceleration(),
            "-serial", f"file:{console}", *self._firmware(), *self._card(),
            "-drive", f"if=none,id=disk,format=raw,cache=unsafe,file={self.disk}",
            "-device", f"virtio-blk-pci,drive=disk,addr={_DISK_SLOT}",
        ]  # fmt: skip
        return Boot(self, self.network.start(command, seconds, log=log), console, log)

    def _firmware(self) -> list[str]:
        if self.firmware != "uefi":
            # Without graphics SeaBIOS speaks on the serial port.
            return ["-machine", "pc,graphics=off", "-boot", "order=nc"]
        variables, flash = self.directory / "variables", "if=pflash,format=raw"
        if not variables.exists():
            empty = Path(root.program(root.OVMF_VARIABLES)).read_bytes()
            variables.write_bytes(boot_order(empty, self.mac, _CARD_SLOT, _DISK_SLOT))
        code = root.program(root.OVMF_CODE)
        return ["-machine", "q35", "-drive", f"{flash},readonly=on,file={code}", "-drive", f"{flash},file={variables}"]

    def _card(self) -> list[str]:
        tap = self.network.tap(self.mac)
        network = f"tap,id=net,ifname={tap},script=no,downscript=no"
        if self.firmware == "bios-plain":
            card = _CARD_PORT + 2 * int(tap.removeprefix("tap"))
            log = self.directory / "card"
            if not log.exists():  # at the first boot; it stays
                self.network.start([sys.executable, str(_CARD), tap, str(card), str(card + 1)], log=log)
            local, remote = (f"{end}.type=inet,{end}.host=127.0.0.1,{end}.port=" for end in ("local", "remote"))
            network = f"dgram,id=net,{local}{card + 1},{remote}{card}"
        # The firmware that QEMU gives the card is iPXE. OVMF has a driver of its own.
        rom = ",romfile=" if self.firmware == "uefi" else ""
        return ["-netdev", network, "-device", f"virtio-net-pci,netdev=net,mac={self.mac},addr={_CARD_SLOT}{rom}"]


@dataclasses.dataclass(frozen=True)
class Boot:
    """A machine that has been switched on."""

    client: Client
    process: subprocess.Popen[bytes]
    console: Path
    log: Path

    def text(self) -> str:
        """What has been on its console, without empty lines."""
        text = _ESCAPES.sub("", self.console.read_bytes().decode(errors="replace")).replace("\0", "")
        return "\n".join(line.rstrip() for line in re.split(r"[\r\n]+", text) if line.strip())

    def until_off(self) -> str:
        """Its console when it has switched itself off; one that has not within its time fails."""
        shown = 0
        while self.process.poll() is None:
            time.sleep(0.3)
            if Watch.is_on:
                text = self.console.read_bytes()
                sys.stderr.buffer.write(text[shown:])
                sys.stderr.flush()
                shown = len(text)
        tail = "\n".join(self.text().splitlines()[-40:])
        assert self.process.returncode == 0, (
            f"{self.client.mac} did not switch itself off (exit {self.process.returncode}); its console ends with\n"
            f"{tail}\n{self.log.read_text()}"
        )
        return self.text()
