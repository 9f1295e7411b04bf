# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine of a host, decided from its settings alone: firmware, memory, disks and NICs with their identities.

What QEMU does not have is a problem at its variable; with `--replace` it is replaced, in the kickstart too.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ksgen.host import Host
from ksgen.problems import Finding, Problem
from ksgen.rehearsal.disks import Disk
from ksgen.variables import BESIDE_PAGES, Interface, Settings, huge_bytes
from ksgen.variables import Disk as WantedDisk
from org_ovirt_node.programs import checks

# What --replace takes.
DISKS, NICS = "disks", "nics"
REPLACEABLE = (DISKS, NICS)
# An installer with its stage 2 from a medium, beside what it copies; EL's minimum is 2 GiB (checks.py).
MEMORY_MIB = 4096
# What firmware and kernel reserve: checks and scripts compare with MemTotal of /proc/meminfo.
_KEPT_MIB = 1024
_BESIDE_PAGES_MIB = (BESIDE_PAGES >> 20) + _KEPT_MIB
_FEW_PAGES_MIB = huge_bytes({"2M": 16}) >> 20
# Without that much no installer of EL runs (checks.py).
_LEAST_MIB = checks.MEMORY_GIB * 1024
# Of this machine's memory, for what else runs on it.
_LEFT_MIB = 512
# Of a disk whose size the inventory leaves open, in bytes: one on which each layout has space.
OPEN_SIZE = 128 * 10**9
_OTHER_SIZE = 8 * 10**9  # bytes
_SECTOR = 512  # bytes
# The controller of the machine q35 is at 00:1f.2 and has six ports (QEMU, hw/i386/pc_q35.c).
_PORT = re.compile(r"/dev/disk/by-path/pci-0000:00:1f\.2-ata-([1-6])(?:\.0)?")
_PORTS = 6
_WWN_64 = re.compile(r"0x[0-9a-f]{16}")
_WWID = re.compile(r"3([0-9a-f]{16})")  # as multipath has a WWN
_EUI_64 = re.compile(r"eui\.[0-9a-f]{16}")
_BY_ID = re.compile(r"/dev/disk/by-id/(?:wwn-(0x[0-9a-f]{16})|nvme-(eui\.[0-9a-f]{16}))")
# ATA8-ACS, IDENTIFY DEVICE: words 10 to 19 and 27 to 46.
_ATA_SERIAL, _ATA_MODEL = 20, 40
# The index of an onboard NIC, which udev puts after "eno" (systemd.net-naming-scheme(7)); SMBIOS has a byte for it.
_ONBOARD = re.compile(r"eno([1-9][0-9]{0,2})")
_ONBOARD_LAST = 255
# Mbit/s of a NIC without `speed:`. The kernel's bonding has no LACP with a NIC that does not say its speed.
SPEED = 10_000


@dataclasses.dataclass(frozen=True)
class Nic:
    """A NIC. `index` is its number among those onboard, which gives it its name; `speed` is Mbit/s."""

    mac: str
    index: int | None = None
    speed: int = SPEED


@dataclasses.dataclass(frozen=True)
class Machine:
    """What is built. `disks` are those that the host is installed to, `others` have data that must stay as it is.

    `names` are the NICs' names in the inventory, by MAC address, as far as they have one.
    """

    name: str
    firmware: str
    memory_mib: int
    serial: str | None
    disks: tuple[Disk, ...]
    others: tuple[Disk, ...]
    nics: tuple[Nic, ...]
    nic_of: tuple[tuple[str, str], ...]

    def mac_of(self, device: str) -> str:
        """The MAC address of a NIC by what the inventory calls it."""
        return dict(self.nic_of).get(device, device)


def machine_of(
    host: Host, directory: Path, replace: Sequence[str] = (), memory_mib: int | None = None
) -> tuple[Machine, tuple[Problem, ...]]:
    """The machine of a host, with the files of its disks in `directory`, and what cannot be built."""
    settings = host.settings
    disks, of_disks = _disks(host, directory, DISKS in replace)
    nics, names, of_nics = _nics(host, NICS in replace)
    made = Machine(
        name=host.name,
        firmware=settings.firmware or "uefi",
        memory_mib=memory_mib or needed_memory_mib(settings),
        serial=settings.serial,
        disks=disks,
        others=_others(settings, directory),
        nics=nics,
        nic_of=names,
    )
    return made, (*of_disks, *of_nics)


def needed_memory_mib(settings: Settings) -> int:
    """The memory that the host's variables ask for, in MiB."""
    pages = _pages_mib(settings)
    return max(MEMORY_MIB, _engine_mib(settings), pages + _BESIDE_PAGES_MIB if pages else 0)


def _engine_mib(settings: Settings) -> int:
    """What a check in %pre asks for with hosted engine, in MiB."""
    asked = settings.checks
    is_checked = asked is not None and asked.hosted_engine and "memory" not in asked.skip
    return int(checks.MEMORY_HOSTED_ENGINE_GIB * 1024) + _KEPT_MIB if is_checked else 0


def _pages_mib(settings: Settings) -> int:
    return huge_bytes(settings.hugepages) >> 20


def memory_problem(host: Host, machine: Machine, free_mib: int | None) -> Problem | None:
    """Why a machine has too little memory for its host, or this one too little for it; None if both have enough.

    `free_mib` is what is free here, None if that is not known.
    """
    pages, engine = _pages_mib(host.settings), _engine_mib(host.settings)
    least, location, cure = _LEAST_MIB, tuple[str, ...](), ""
    if pages:
        few = "{}" if pages <= _FEW_PAGES_MIB else "{2M: 16}"
        least, location, cure = pages + _BESIDE_PAGES_MIB, ("node_hugepages",), f"node_hugepages: {few}"
    if engine > least:
        least, location, cure = engine, ("node_checks", "hosted_engine"), "node_checks: {hosted_engine: false}"
    own = machine.memory_mib
    hint = f"{location[0]} needs it: override it in another inventory (-i), like {cure}" if location else None
    if own < least:
        message = f"--memory is {own} MiB; {least} MiB are required"
        return host.at(location, Finding("rehearsal-memory", message, hint=hint))
    if free_mib is None or free_mib >= own + _LEFT_MIB:
        return None
    message = f"{free_mib} MiB of memory are free here; the machine needs {own} MiB, and this one keeps {_LEFT_MIB} MiB"
    if own > least and free_mib >= least + _LEFT_MIB:
        location, hint = (), f"--memory MIB gives it less, at least {least}"
    return host.at(location, Finding("rehearsal-memory", message, hint=hint or "end other programs first"))


# --- disks -----------------------------------------------------------------------------------------------------------


def _disks(host: Host, directory: Path, replaces: bool) -> tuple[tuple[Disk, ...], list[Problem]]:
    found, problems = [], []
    for number, wanted in enumerate(host.settings.disk):
        file = directory / f"system{number}.raw"
        size = _size(wanted)
        disk = _replaced(file, size, number, wanted) if replaces else _disk(file, size, wanted, host.settings.multipath)
        if isinstance(disk, str):
            many = len(host.settings.disk) > 1
            location = ("node_disk", number) if many else ("node_disk",)
            hint = f"--replace {DISKS} rehearses with other identities of the disks, in the kickstart too"
            problems.append(host.at(location, Finding("rehearsal-disk", disk, hint=hint)))
        else:
            # 0 is the installer's.
            found.append(dataclasses.replace(disk, more=(f"bootindex={number + 1}",)))
    return tuple(_plugged_in(found)), problems


def _plugged_in(disks: Sequence[Disk]) -> Iterator[Disk]:
    """The disks, each SATA disk at a port of its own."""
    taken = {disk.port for disk in disks}
    free = (port for port in range(1, _PORTS + 1) if port not in taken)
    for disk in disks:
        needs_port = disk.bus == "sata" and disk.port is None
        yield dataclasses.replace(disk, port=next(free, None)) if needs_port else disk


def _size(wanted: WantedDisk) -> int:
    """The smallest that the inventory admits: the plan is for that. Disks have whole sectors."""
    smallest = wanted.smallest_size or (wanted.size.max if wanted.size else None) or OPEN_SIZE
    return -(-smallest // _SECTOR) * _SECTOR


def _replaced(file: Path, size: int, number: int, wanted: WantedDisk) -> Disk:
    """A disk by a serial number that no disk of the inventory has; NVMe stays NVMe, for the names of partitions."""
    return Disk(file, size, "nvme" if _nvme_identifier(wanted) else "sata", serial=replaced_serial(number))


def _nvme_identifier(wanted: WantedDisk) -> str | None:
    by_id = _BY_ID.fullmatch(wanted.path or "")
    return next((one for one in (wanted.wwn, by_id and by_id[2]) if one and _EUI_64.fullmatch(one)), None)


def replaced_serial(number: int) -> str:
    return f"KSGEN-REHEARSAL-{number}"


def _disk(file: Path, size: int, wanted: WantedDisk, multipath: bool) -> Disk | str:
    """The disk, or why QEMU has none like it."""
    port, wwn = None, wanted.wwn
    if nvme := _nvme_identifier(wanted):
        # NVME_QUIRK_BOGUS_NID of drivers/nvme/host/pci.c, for each controller of QEMU.
        return f"Linux ignores the identifiers of QEMU's NVMe disks, and does not find {nvme}"
    if wanted.path:
        at, by_id = _PORT.fullmatch(wanted.path), _BY_ID.fullmatch(wanted.path)
        if at:
            port = int(at[1])
        elif by_id:
            wwn = wwn or by_id[1]
        else:
            return f"QEMU has no disk at {wanted.path}; it has those at pci-0000:00:1f.2-ata-1 to -{_PORTS}"
    if wwn and not _WWN_64.fullmatch(wwn):
        return f"QEMU gives no disk the WWN {wwn}; it has those of 0x and 16 digits"
    serial = wanted.serial or f"DISK{file.stem}"
    if multipath:
        return Disk(file, size, "scsi", serial=serial, wwn=wwn or "0x5000000000000001", model=wanted.model, paths=2)
    if len(serial) > _ATA_SERIAL:
        return f"QEMU gives no disk a serial number of {len(serial)} characters; the limit is {_ATA_SERIAL}"
    if wanted.model and len(wanted.model) > _ATA_MODEL:
        return f"QEMU gives no disk a model of {len(wanted.model)} characters; the limit is {_ATA_MODEL}"
    return Disk(file, size, "sata", serial=serial, wwn=wwn, model=wanted.model, port=port)


def _others(settings: Settings, directory: Path) -> tuple[Disk, ...]:
    """The disks that the installation must leave alone: those of node_local_disks, and at least one."""
    wwns = [f"0x{found[1]}" for wwid in settings.local_disks if (found := _WWID.fullmatch(wwid))]
    return tuple(
        Disk(directory / f"other{number}.raw", _OTHER_SIZE, "scsi", serial=f"OTHER{number}", wwn=wwn)
        for number, wwn in enumerate(wwns or [None])
    )


# --- NICs ------------------------------------------------------------------------------------------------------------


def _nics(host: Host, replaces: bool) -> tuple[tuple[Nic, ...], tuple[tuple[str, str], ...], list[Problem]]:
    """The NICs, the boot NIC first; their names with MAC addresses; and what cannot be built."""
    settings, problems = host.settings, list[Problem]()
    speeds, names, taken = dict(_speeds(settings.network)), dict[str, str](), {settings.mac}
    devices = list(nic_devices(settings.network))
    taken |= {mac for device, mac in devices for mac in (device, mac) if mac and ":" in mac}
    nics: dict[str, Nic] = {settings.mac: Nic(settings.mac)}
    is_named = any(settings.mac in (device, mac) for device, mac in devices)
    for device, mac in devices:
        index = None
        if ":" in device:
            mac = device
        elif mac is None:
            if is_onboard(device):
                index = int(device.removeprefix("eno"))
            elif not replaces:
                what = f"QEMU has no NIC that is called {device}; it has eno1 to eno{_ONBOARD_LAST}"
                hint = f"--replace {NICS} rehearses with such names, in the kickstart too"
                problems.append(host.at(("node_network",), Finding("rehearsal-nic", what, hint=hint)))
            # The first that has no address of its own is the one that boots.
            mac, is_named = (_free(taken), True) if is_named else (settings.mac, True)
            taken.add(mac)
        names[device] = mac
        nics[mac] = Nic(mac, index, speeds.get(device, SPEED))
    return tuple(nics.values()), tuple(names.items()), problems


def is_onboard(device: str) -> bool:
    """Whether QEMU has a NIC of this name."""
    found = _ONBOARD.fullmatch(device)
    return found is not None and int(found[1]) <= _ONBOARD_LAST


def _free(taken: set[str]) -> str:
    """A MAC address that the host has nowhere, of those that are assigned locally."""
    return next(mac for number in range(256) if (mac := f"02:5e:00:00:00:{number:02x}") not in taken)


def nic_devices(network: Sequence[Interface]) -> Iterator[tuple[str, str | None]]:
    """(what the inventory calls it, its MAC address if that is given too) of each NIC in a network, once."""
    kinds = {one.device for one in network if one.kind}
    given = {one.device: one.mac for one in network if not one.kind}
    seen = dict.fromkeys([*given, *(lower for one in network for lower in one.lower if lower not in kinds)])
    yield from ((device, given.get(device)) for device in seen)


def _speeds(network: Sequence[Interface]) -> Iterator[tuple[str, int]]:
    for one in network:
        if one.speed:
            yield from ((device, one.speed) for device in (one.lower if one.bond else (one.device,)))
