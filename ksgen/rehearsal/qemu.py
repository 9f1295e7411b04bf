# SPDX-License-Identifier: GPL-2.0-or-later
"""The command of QEMU for a machine: decided here from values, run elsewhere."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from ksgen.rehearsal import acceleration, disks
from ksgen.rehearsal.machine import Machine, Nic
from ksgen.rehearsal.programs import Uefi

PROCESSORS = 2
# Sockets have short paths (sun_path of unix(7): 108 bytes).
CONSOLE, LOOK, MONITOR = "console", "look", "qmp"
# A medium is on the last port of the SATA controller, or on a controller of its own if that is taken.
_LAST_PORT = 6


@dataclasses.dataclass(frozen=True)
class Installer:
    """What boots instead of the disk: kernel and initrd with their arguments, and the media beside them."""

    kernel: Path
    initrd: Path
    arguments: str
    media: tuple[Path, ...]


@dataclasses.dataclass(frozen=True)
class Start:
    """How a machine is started. `directory` has its sockets, logs and the memory of its firmware."""

    qemu: str
    accelerator: str
    directory: Path
    uefi: Uefi | None
    installer: Installer | None = None


def command(machine: Machine, start: Start) -> list[str]:
    """QEMU's command line; the machine ends where it would restart."""
    directory = start.directory
    words = [start.qemu, "-name", machine.name, "-nodefaults", "-machine", "q35", "-smp", str(PROCESSORS)]
    words += [*acceleration.processor(start.accelerator), "-m", str(machine.memory_mib), "-no-reboot"]
    words += ["-display", "none", "-vga", "std", "-device", "virtio-rng-pci"]
    words += ["-qmp", f"unix:{directory / MONITOR},server=on,wait=off"]
    # People can connect to the console; what is shown goes to the log in any case.
    console = f"socket,id=con,path={directory / CONSOLE},server=on,wait=off,logfile={log(directory, CONSOLE)}"
    words += ["-chardev", f"{console},logappend=on", "-serial", "chardev:con"]
    words += ["-chardev", f"file,id=say,path={log(directory, LOOK)},append=on", "-serial", "chardev:say"]
    if start.uefi:
        words += ["-drive", f"if=pflash,format=raw,readonly=on,file={start.uefi.code}"]
        words += ["-drive", f"if=pflash,format=raw,file={variables(directory)}"]
    if machine.serial:
        words += ["-smbios", f"type=1,serial={machine.serial.replace(',', ',,')}"]
    words += disks.arguments((*machine.disks, *machine.others))
    for number, nic in enumerate(machine.nics):
        words += _nic(nic, number, directory)
    return [*words, *(_installer(start.installer, machine) if start.installer else ())]


def log(directory: Path, name: str) -> Path:
    """Where what a serial port shows is kept."""
    return directory / f"{name}.log"


def shown(log: Path) -> str:
    """What a serial port has shown so far, empty before it has; a line ends with a line feed alone.

    A terminal adds a carriage return to each line feed, also to one that has one already: Python's universal newlines
    would make two lines of that.
    """
    return log.read_bytes().decode(errors="replace").replace("\r", "") if log.exists() else ""


def variables(directory: Path) -> Path:
    """The memory of UEFI, from one boot to the next."""
    return directory / "variables.fd"


def port_sockets(directory: Path, number: int) -> tuple[Path, Path]:
    """The sockets between a NIC and the switch: that of the switch, that of the machine."""
    return directory / f"port{number}", directory / f"nic{number}"


def _nic(nic: Nic, number: int, directory: Path) -> list[str]:
    switch, own = port_sockets(directory, number)
    ends = f"local.type=unix,local.path={own},remote.type=unix,remote.path={switch}"
    device = f"virtio-net-pci,id=nic{number},netdev=net{number},mac={nic.mac},romfile=,speed={nic.speed},duplex=full"
    words = ["-netdev", f"dgram,id=net{number},{ends}", "-device", device]
    if nic.index is not None:
        # "Onboard Devices Extended Information" of SMBIOS, from which udev makes the name.
        onboard = f"type=41,designation=NIC {nic.index},instance={nic.index},kind=ethernet,pcidev=nic{number}"
        words += ["-smbios", onboard]
    return words


def _installer(installer: Installer, machine: Machine) -> list[str]:
    words = ["-kernel", str(installer.kernel), "-initrd", str(installer.initrd), "-append", installer.arguments]
    for number, medium in enumerate(installer.media):
        words += ["-drive", f"if=none,id=cd{number},media=cdrom,readonly=on,format=raw,file={medium}"]
        words += _cd(number, machine)
    return words


def _cd(number: int, machine: Machine) -> list[str]:
    if number == 0 and not any(disk.port == _LAST_PORT for disk in machine.disks) and _free_ports(machine) > 0:
        return ["-device", f"ide-cd,drive=cd{number},bus=ide.{_LAST_PORT - 1}"]
    return ["-device", f"virtio-scsi-pci,id=media{number}", "-device", f"scsi-cd,drive=cd{number},bus=media{number}.0"]


def _free_ports(machine: Machine) -> int:
    return _LAST_PORT - sum(disk.bus == "sata" for disk in machine.disks)


def device_names(machine: Machine) -> frozenset[str]:
    """The devices of QEMU that a machine needs."""
    own = {"virtio-net-pci", "virtio-rng-pci", "ide-cd"}
    return frozenset(own | disks.device_names((*machine.disks, *machine.others)))


def missing_devices(machine: Machine, there: Sequence[str] | frozenset[str]) -> tuple[str, ...]:
    """Those that a QEMU does not have."""
    return tuple(sorted(device_names(machine) - frozenset(there)))
