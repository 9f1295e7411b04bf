# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtual media: an ISO that a controller fetches from a URL and shows to its machine as a CD."""

from __future__ import annotations

from typing import Any

import sushy
from sushy import exceptions as redfish

from ksgen.bmc.access import BmcError, deadline
from ksgen.bmc.connection import explained
from ksgen.bmc.machine import Machine

_CD = frozenset({sushy.VirtualMediaType.CD, sushy.VirtualMediaType.DVD})


def insert(machine: Machine, url: str) -> Any:
    """Insert what is at a URL, and return the slot. What is in it is ejected first. Raises BmcError."""
    slot = _slot(machine)
    if _is_inserted(machine, slot):
        eject(machine, slot)
    try:
        machine.patiently(lambda: slot.insert_media(url))
    except BmcError as error:
        # Cisco answers with an error though it has worked (Ironic, boot.py).
        if error.kind != "refused" or not _is_inserted(machine, slot):
            raise
    if not _becomes(machine, slot, is_inserted=True):
        message = f"{machine.access.server} has accepted the virtual medium, and has none inserted"
        raise BmcError("wrong", message, "can the controller reach this machine, at the address of --media-url?")
    return slot


def eject(machine: Machine, slot: Any) -> None:
    """Raises BmcError where the medium stays."""
    try:
        machine.patiently(slot.eject_media)
    except BmcError as error:
        if error.kind not in ("refused", "wrong") or _is_inserted(machine, slot):
            raise
    if not _becomes(machine, slot, is_inserted=False):
        message = f"{machine.access.server} has accepted to eject the virtual medium, and still has it"
        raise BmcError("wrong", message, "eject it at the controller: the machine may boot it again")


def _slot(machine: Machine) -> Any:
    """A slot for CDs, an empty one first. Newer controllers have them below the system, others below a manager."""
    slots = [slot for slot in _slots(machine) if _CD & set(slot.media_types or ())]
    if not slots:
        message = f"{machine.access.server} has no virtual CD"
        raise BmcError("unsupported", message, "it may need a licence; boot from the network instead (pxe)")
    return next((slot for slot in slots if not slot.inserted), slots[0])


def _slots(machine: Machine) -> list[Any]:
    found: list[Any] = []
    with explained(machine.access):
        for owner in (machine.system, *machine.system.managers):
            try:
                found += owner.virtual_media.get_members()
            except (redfish.MissingAttributeError, redfish.ResourceNotFoundError):
                continue
            if found:
                break
    return found


def _is_inserted(machine: Machine, slot: Any) -> bool:
    with explained(machine.access):
        slot.refresh(force=True)
        return bool(slot.inserted)


def _becomes(machine: Machine, slot: Any, is_inserted: bool) -> bool:
    pace = machine.connection.pace
    is_over = deadline(pace.insert_s)
    while _is_inserted(machine, slot) != is_inserted:
        if is_over():
            return False
        machine.wait(pace.poll_s)
    return True
