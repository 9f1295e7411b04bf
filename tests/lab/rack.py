# SPDX-License-Identifier: GPL-2.0-or-later
"""A rack: machines in QEMU with UEFI, each behind a controller that speaks Redfish, in a network of the lab.

What a controller switches on boots what it is told, restarts by itself where its installer says that it restarts, and
is off when it has switched itself off.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import redfish_server
from redfish_server import Controller

from lab.machine import GIB, PATIENCE, Disk
from lab.powered import Powered
from lab.pxe_network import Network
from lab.rack_installer import COPIES, RESTARTS

_MEMORY_MIB = 1280  # the installer's root is in it
_DISK_SIZE = 80 * GIB


@dataclasses.dataclass
class Slot:
    """A machine of a rack, with its controller. `fault`: `off` or `silent` at the moment when it copies the image."""

    number: int
    network: Network
    directory: Path
    fault: str = ""
    # when its installer began, and ended, in seconds of the monotonic clock
    times: list[tuple[float, float]] = dataclasses.field(default_factory=list)
    mac: str = dataclasses.field(init=False)
    machine: Powered = dataclasses.field(init=False)
    controller: Controller = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.directory.mkdir()
        self.mac = f"52:54:00:dd:00:{self.number:02x}"
        self.machine = Powered(self.network, self.directory, self.mac, "uefi", self.disk(1), _MEMORY_MIB)
        self.controller = Controller(macs=(self.mac,), disks=(), power="Off")
        self.controller.switched_on = self.switched_on
        self.controller.switched_off = lambda: self.machine.switched_off()

    def disk(self, number: int) -> Disk:
        """A disk for this machine; another number is another disk."""
        digits = f"{self.number:02x}{number:x}"
        return Disk(
            self.directory / f"disk{number}.raw", _DISK_SIZE, "scsi", f"S3EVNX0K{digits}", f"0x5000c500a1b2c{digits}"
        )

    def replace_disk(self) -> None:
        """Plug another disk in."""
        self.machine = Powered(self.network, self.directory, self.mac, "uefi", self.disk(2), _MEMORY_MIB)

    @property
    def is_on(self) -> bool:
        return bool(self.machine.processes) and self.machine.processes[-1].poll() is None

    def switched_on(self, source: str, _: bytes | None) -> None:
        """`source` is an override of Redfish, or `disk`."""
        is_on = threading.Event()
        threading.Thread(target=self._run, args=(source, is_on), daemon=True).start()
        is_on.wait()

    def _run(self, source: str, is_on: threading.Event) -> None:
        """Until it is off. This thread starts QEMU, which ends with it: that of a request would end too soon."""
        is_restarted = True
        while is_restarted:
            begin = time.monotonic()
            self.machine.switched_on(source, None)
            self.controller.power = "On"
            is_on.set()
            self._watch()
            if source == "Pxe":
                self.times.append((begin, time.monotonic()))
            is_restarted, source = RESTARTS in self.machine.text(), "disk"
        self.controller.power = "Off"

    def _watch(self) -> None:
        process = self.machine.processes[-1]
        while process.poll() is None:
            time.sleep(0.2)
            if self.fault and COPIES in self.machine.text():
                if self.fault == "off":
                    process.terminate()
                else:
                    _stop(process.pid)
                self.fault = ""


def _stop(timeout: int) -> None:
    """The machine stands still; `timeout` is the process that limits its time, which ends it nevertheless."""
    (qemu,) = Path(f"/proc/{timeout}/task/{timeout}/children").read_text().split()
    os.kill(int(qemu), signal.SIGSTOP)


@contextlib.contextmanager
def rack(network: Network, directory: Path, faults: Sequence[str]) -> Iterator[list[Slot]]:
    """A machine for each fault, `` for none; all are off. Their controllers can be reached from within."""
    slots = [Slot(number, network, directory / f"slot{number}", fault) for number, fault in enumerate(faults, 1)]
    certificate = redfish_server.certificate(directory, "IP:127.0.0.1")
    with contextlib.ExitStack() as stack:
        with network.entered():
            stack.enter_context(redfish_server.serving_all([slot.controller for slot in slots], *certificate))
        yield slots


def most_at_once(slots: Sequence[Slot]) -> int:
    """How many installers ran at once, of those that have ended."""
    times = [one for slot in slots for one in slot.times]
    return max(sum(begin <= moment < end for begin, end in times) for moment, _ in times)


def switch_on_by_hand(slots: Sequence[Slot], at_once: int, seconds: int) -> None:
    """Each boots from the network until it is off again, some at a time; `seconds` for each, on a quiet machine."""
    waiting = list(slots)
    on: list[Slot] = []
    end = time.monotonic() + seconds * PATIENCE * (len(slots) / at_once)
    while waiting or on:
        on = [slot for slot in on if slot.is_on]
        while waiting and len(on) < at_once:
            on.append(waiting.pop(0))
            on[-1].switched_on("Pxe", None)
        assert time.monotonic() < end, "\n".join(slot.machine.text()[-2000:] for slot in on)
        time.sleep(0.3)
