# SPDX-License-Identifier: GPL-2.0-or-later
"""What a machine boots next: set before each power action, read back, and reset afterwards.

Some BMCs and the emulator ignore "Once" (sushy-tools, libvirtdriver.py), so none of it is trusted to wear off.
"""

from __future__ import annotations

import functools

import sushy

from ksgen.bmc.access import BmcError
from ksgen.bmc.connection import explained
from ksgen.bmc.machine import Machine, Override

_MODES = {"uefi": sushy.BootSourceOverrideMode.UEFI, "bios": sushy.BootSourceOverrideMode.LEGACY}
# Supermicro has virtual media as UsbCd, most others as Cd (sushy, system.py; Ironic, management.py).
NETWORK, MEDIUM = (sushy.BootSource.PXE,), (sushy.BootSource.CD, sushy.BootSource.USB_CD)


def set_once(machine: Machine, targets: tuple[sushy.BootSource, ...], firmware: str | None) -> Override:
    """The next boot is from the first of these that the controller offers. Returns what it says afterwards.

    `firmware`: what the machine is to boot with, None as it does. Raises BmcError.
    """
    target = _offered(machine, targets)
    mode = _mode(machine, firmware)
    once = sushy.BootSourceOverrideEnabled.ONCE
    machine.patiently(lambda: machine.system.set_system_boot_options(target, enabled=once, mode=mode))
    wanted = {one.value for one in targets}
    settle_s = machine.connection.pace.poll_s
    if not machine.until(lambda: machine.override.is_set and machine.override.target in wanted, settle_s):
        server, has = machine.access.server, machine.override
        message = f"{server} has accepted {target.value} for the next boot, and says {has} afterwards"
        raise BmcError("wrong", message, "set it at the controller, or in the boot order of the machine")
    return machine.override


def reset(machine: Machine) -> Override:
    """The machine boots as its own boot order says. Returns what the controller says afterwards. Raises BmcError."""
    machine.refresh()
    if not machine.override.is_set:
        return machine.override
    for target, enabled in _resets(machine):
        try:
            machine.patiently(functools.partial(machine.system.set_system_boot_options, target, enabled=enabled))
        except BmcError as error:
            if error.kind not in ("refused", "wrong"):
                raise
            continue
        machine.refresh()
        if not machine.override.is_set or machine.override.target == sushy.BootSource.HDD.value:
            return machine.override
    message = f"{machine.access.server} keeps {machine.override} for the next boots"
    raise BmcError("wrong", message, "reset it at the controller")


def _resets(machine: Machine) -> list[tuple[sushy.BootSource | None, sushy.BootSourceOverrideEnabled]]:
    """The ways to reset, the best first. The last one names the disk: some controllers cannot do without a target."""
    with explained(machine.access):
        offered = machine.system.get_allowed_system_boot_source_values()
    disabled = sushy.BootSourceOverrideEnabled.DISABLED
    ways: list[tuple[sushy.BootSource | None, sushy.BootSourceOverrideEnabled]] = [
        (sushy.BootSource.NONE if sushy.BootSource.NONE in offered else None, disabled)
    ]
    if sushy.BootSource.HDD in offered:
        ways.append((sushy.BootSource.HDD, sushy.BootSourceOverrideEnabled.ONCE))
    return ways


def _offered(machine: Machine, targets: tuple[sushy.BootSource, ...]) -> sushy.BootSource:
    with explained(machine.access):
        offered = machine.system.get_allowed_system_boot_source_values()
    for target in targets:
        if target in offered:
            return target
    has = ", ".join(sorted(one.value for one in offered)) or "nothing"
    wanted = " nor ".join(one.value for one in targets)
    raise BmcError("unsupported", f"{machine.access.server} does not offer to boot {wanted}; it offers {has}")


def _mode(machine: Machine, firmware: str | None) -> sushy.BootSourceOverrideMode | None:
    """Only where it differs: HPE Gen9 refuses it, and for Dell it is a job of its own (Ironic, management.py).

    Supermicro requires it in each request (sushy, system.py).
    """
    if "supermicro" in machine.model.lower():
        return _MODES.get(firmware or machine.firmware or "")
    return _MODES[firmware] if firmware and firmware != machine.firmware else None
