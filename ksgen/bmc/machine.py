# SPDX-License-Identifier: GPL-2.0-or-later
"""The machine that a controller belongs to: found, looked at, and switched.

A controller answers before it has done anything, and some answer without ever doing it: what counts is what is read
afterwards.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeVar

import sushy
from sushy import exceptions as redfish

from ksgen.bmc.access import Access, BmcError, deadline
from ksgen.bmc.connection import Connection, explained, is_passing

Power = Literal["on", "off", "changing", "unknown"]
_POWER: dict[object, Power] = {
    sushy.PowerState.ON: "on",
    sushy.PowerState.OFF: "off",
    sushy.PowerState.POWERING_ON: "changing",
    sushy.PowerState.POWERING_OFF: "changing",
}
_LISTED = 6  # systems that a message names
_T = TypeVar("_T")


@dataclasses.dataclass(frozen=True)
class Override:
    """From where the machine boots next, as its controller says it: words of Redfish, None where they are missing."""

    target: str | None
    enabled: str | None
    mode: str | None

    @property
    def is_set(self) -> bool:
        """Whether the next boot is not that of the machine's own boot order."""
        return self.enabled not in (None, "Disabled") and self.target not in (None, "None")

    def __str__(self) -> str:
        return f"{self.target}, {(self.enabled or '').lower()}" if self.is_set else "none"


class Machine:
    """A system of a connection."""

    def __init__(self, connection: Connection, system: Any) -> None:
        self.connection = connection
        self.system = system

    @property
    def access(self) -> Access:
        return self.connection.access

    def wait(self, seconds: float) -> None:
        self.connection.clock.sleep(seconds)

    # --- looking -----------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        with explained(self.access):
            self.system.refresh(force=True)

    @property
    def model(self) -> str:
        """Manufacturer and model."""
        return " ".join(filter(None, (self._text("Manufacturer"), self._text("Model"))))

    @property
    def serial(self) -> str:
        return self._text("SerialNumber")

    def _text(self, name: str) -> str:
        return self.access.cleaned(str(self.system.json.get(name) or ""))

    @property
    def power(self) -> Power:
        """As it was when the system was read last."""
        return _POWER.get(self.system.power_state, "unknown")

    @property
    def override(self) -> Override:
        boot = self.system.boot
        words = [getattr(boot, name, None) for name in ("target", "enabled", "mode")]
        return Override(*(getattr(word, "value", word) for word in words))

    @property
    def firmware(self) -> Literal["uefi", "bios"] | None:
        """How the machine boots now."""
        mode = self.override.mode
        return {"UEFI": "uefi", "Legacy": "bios"}.get(mode or "")  # type: ignore[return-value]

    def until(self, is_so: Callable[[], bool], limit_s: float) -> bool:
        """Read the system again and again until it is so; False where it is not within the limit."""
        is_over = deadline(limit_s)
        while True:
            self.refresh()
            if is_so():
                return True
            if is_over():
                return False
            self.wait(self.connection.pace.poll_s)

    # --- acting ------------------------------------------------------------------------------------------------------

    def patiently(self, act: Callable[[], _T]) -> _T:
        """Do something, again where the controller refuses it for the moment. Raises BmcError."""
        pace = self.connection.pace
        pause = pace.retry_s
        for attempt in range(pace.retries + 1):
            try:
                with explained(self.access):
                    try:
                        return act()
                    except redfish.HTTPError as error:
                        if attempt == pace.retries or not is_passing(error):
                            raise
            except BmcError as error:
                if error.kind == "busy":
                    raise BmcError("busy", f"{error.message}, {attempt + 1} times", error.hint) from None
                raise
            self.wait(pause)
            pause *= 2
        raise AssertionError("the last attempt returns or raises")

    def switch_on(self) -> bool:
        """Whether it was off before. Raises BmcError."""
        return self._switch("on", (sushy.ResetType.ON, sushy.ResetType.FORCE_ON, sushy.ResetType.PUSH_POWER_BUTTON))

    def switch_off(self, gracefully: bool = False) -> bool:
        """Whether it was on before. Raises BmcError. `gracefully`: the system is asked to shut down."""
        return self._switch("off", (sushy.ResetType.GRACEFUL_SHUTDOWN if gracefully else sushy.ResetType.FORCE_OFF,))

    def _switch(self, wanted: Power, ways: tuple[sushy.ResetType, ...]) -> bool:
        self.refresh()
        if self.power == wanted:
            return False
        way = self._allowed(ways, wanted)
        self.patiently(lambda: self.system.reset_system(way))
        pace = self.connection.pace
        limit_s = pace.graceful_s if way is sushy.ResetType.GRACEFUL_SHUTDOWN else pace.power_s
        if not self.until(lambda: self.power == wanted, limit_s):
            server = self.access.server
            message = f"{server} has accepted {way.value}, and the machine is still {self.power} after {limit_s:g} s"
            hint = "off without --graceful cuts the power" if way is sushy.ResetType.GRACEFUL_SHUTDOWN else ""
            raise BmcError("wrong", message, hint)
        return True

    def _allowed(self, ways: tuple[sushy.ResetType, ...], wanted: Power) -> sushy.ResetType:
        with explained(self.access):
            try:
                allowed = self.system.get_allowed_reset_system_values()
            except redfish.MissingActionError:
                allowed = frozenset()
        for way in ways:
            if way in allowed:
                return way
        has = ", ".join(sorted(one.value for one in allowed)) or "nothing"
        message = f"{self.access.server} cannot switch the machine {wanted} by {ways[0].value}; it offers {has}"
        raise BmcError("unsupported", message, "give the user the role Operator, or a licence to the controller")


def machine(connection: Connection) -> Machine:
    """The system that the inventory means: the only one, or the one of node_bmc.system. Raises BmcError."""
    access = connection.access
    with explained(access):
        try:
            collection = connection.root.get_system_collection()
        except redfish.MissingAttributeError:
            raise BmcError("unsupported", f"{access.server} has no systems in its Redfish") from None
        paths = {path.rstrip("/").rpartition("/")[2]: path for path in collection.members_identities}
    if access.system is None and len(paths) > 1:
        message = f"{access.server} has {len(paths)} systems: {_listed(paths)}"
        raise BmcError("no-system", message, "set system: in node_bmc to the one of this host")
    if not paths:
        raise BmcError("no-system", f"{access.server} has no system")
    name = access.system or next(iter(paths))
    if name not in paths:
        message = f"{access.server} has no system {access.cleaned(name)!r}; it has {_listed(paths)}"
        raise BmcError("no-system", message, "correct system: in node_bmc")
    with explained(access):
        return Machine(connection, connection.root.get_system(paths[name]))


def _listed(names: dict[str, str]) -> str:
    shown = [name if name.isprintable() else ascii(name) for name in names]
    return ", ".join(shown[:_LISTED]) + (", …" if len(shown) > _LISTED else "")


# --- what is in it ---------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Inventory:
    """What a controller knows of its machine; empty where it knows nothing.

    MAC addresses in lower case; serial numbers and identifiers of disks (NAA, EUI) without blanks, in lower case.
    """

    model: str
    serial: str
    macs: frozenset[str]
    disks: frozenset[str]


def inventory(machine: Machine) -> Inventory:
    """Interfaces and disks are often unknown until the machine has been through POST once; that is no error."""
    return Inventory(machine.model, machine.serial, frozenset(_macs(machine)), frozenset(_disks(machine)))


def _macs(machine: Machine) -> Iterator[str]:
    for interface in _members(machine, lambda: machine.system.ethernet_interfaces):
        for mac in (interface.json.get("MACAddress"), interface.json.get("PermanentMACAddress")):
            if isinstance(mac, str) and mac.strip("0:-"):
                yield mac.replace("-", ":").lower()


def _disks(machine: Machine) -> Iterator[str]:
    for storage in _members(machine, lambda: machine.system.storage):
        for drive in _drives(machine, storage):
            identifiers = drive.json.get("Identifiers") or []
            names = [one.get("DurableName") for one in identifiers if isinstance(one, dict)]
            for name in (drive.json.get("SerialNumber"), *names):
                if isinstance(name, str) and name.strip():
                    yield plain_identity(name)


def plain_identity(name: str) -> str:
    """A serial number or WWN, so that the same disk has the same one in the inventory and in Redfish."""
    return "".join(name.split()).lower().removeprefix("0x").removeprefix("naa.").removeprefix("eui.")


def _drives(machine: Machine, storage: Any) -> list[Any]:
    return _or_nothing(machine, lambda: list(storage.drives))


def _members(machine: Machine, collection: Callable[[], Any]) -> list[Any]:
    return _or_nothing(machine, lambda: list(collection().get_members()))


def _or_nothing(machine: Machine, read: Callable[[], list[Any]]) -> list[Any]:
    """What a controller does not have, or answers with an error, is not known."""
    try:
        with explained(machine.access):
            return read()
    except BmcError as error:
        if error.kind in ("timeout", "unreachable", "login"):
            raise
        return []
