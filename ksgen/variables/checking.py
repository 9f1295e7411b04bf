# SPDX-License-Identifier: GPL-2.0-or-later
"""The checks of the machine before its installation (programs/checks.py): what is waived, and how long it waits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from ksgen.variables.values import STRICT, Line, a_text, nearest, refuse, refuse_repeated, shown

# A quarter of an hour to come to the machine, as the resolver of disks repeats its reason (disks.REPEAT_FOR).
WAIT = 15 * 60
WAIT_LONGEST = 24 * 3600  # seconds; ksgen arm gives an installer 6 hours by default
SPEED_LARGEST = 1_600_000  # Mbit/s; IEEE P802.3dj
_UNITS = {"s": 1, "min": 60, "h": 3600}
_DURATION = re.compile(r"([0-9]{1,6}) ?([A-Za-z]+)")
_SPEEDS = {"Mbit/s": 1, "Gbit/s": 1000}
_SPEED = re.compile(r"([0-9]{1,7})(?:\.([0-9]))? ?([A-Za-z/]+)")
_SERIAL = re.compile(r"[!-~](?:[ -~]{0,62}[!-~])?")
_NOT_SET = frozenset({"to be filled by o.e.m.", "default string", "not specified", "none", "0", "system serial number"})


def _check_names() -> tuple[str, ...]:
    # Not at the top: few hosts have this variable, and the program takes long to import.
    from org_ovirt_node.programs.checks import NAMES

    return NAMES


def unknown_check(name: str) -> tuple[str, str] | None:
    """What is wrong with the name of a check, and the cure; None for one that there is."""
    names = _check_names()
    if name in names:
        return None
    meant = "name each check that is waived" if name in ("all", "true") else nearest(name, names)
    return f"{shown(name)} is not the name of a check", meant or f"one of: {', '.join(names)}"


def _check_name(value: object) -> str:
    text = a_text(value, "virtualization")
    if wrong := unknown_check(text):
        refuse("check-unknown", *wrong)
    return text


def _skip(value: object) -> object:
    if isinstance(value, bool):
        refuse("check-unknown", f"{shown(value)} is not the name of a check", "name each check that is waived")
    return value if isinstance(value, list) else [value]


def _once(names: list[str]) -> list[str]:
    return refuse_repeated("check-twice", names)


def _duration(value: object) -> int:
    """`15 min`, `90 s`, `2 h` or 0, in seconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        if value == 0:
            return 0
        refuse("duration", f"{shown(value)} has no unit", f"write the unit: {shown(value)} min")
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[2] not in _UNITS:
        refuse("duration", f"{shown(value)} is not a duration", "write a number and s, min or h: 15 min")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > WAIT_LONGEST:
        refuse("duration", f"{shown(value)} exceeds the limit of {WAIT_LONGEST // 3600} h", "write 15 min")
    return seconds


def _speed(value: object) -> int:
    """`25 Gbit/s`, in Mbit/s."""
    if isinstance(value, int) and not isinstance(value, bool):
        likely = "Mbit/s" if value >= 1000 else "Gbit/s"
        refuse("speed", f"{shown(value)} has no unit", f"write the unit: {shown(value)} {likely}")
    match = _SPEED.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or match[3] not in _SPEEDS:
        refuse("speed", f"{shown(value)} is not a speed", "write a number and Mbit/s or Gbit/s: 25 Gbit/s")
    whole = (int(match[1]) * 10 + int(match[2] or 0)) * _SPEEDS[match[3]]
    speed = whole // 10
    if not 0 < speed <= SPEED_LARGEST or whole % 10:
        refuse("speed", f"{shown(value)} is not the speed of an interface", "write it as ethtool prints it: 25 Gbit/s")
    return speed


def machine_serial(value: object) -> str:
    cure = "write it in quotes as `cat /sys/class/dmi/id/product_serial` prints it"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        refuse("machine-serial", f"{shown(value)} is a number to YAML", cure)
    if not isinstance(value, str) or not _SERIAL.fullmatch(value):
        refuse("machine-serial", f"{shown(value)} is not the serial number of a machine", cure)
    if value.lower() in _NOT_SET:
        refuse("machine-serial", f"{shown(value)} is the placeholder of machines without one", "remove it")
    return value


def _add_names(schema: dict[str, Any]) -> None:
    schema["enum"] = list(_check_names())


CheckName = Annotated[Line, BeforeValidator(_check_name), Field(json_schema_extra=_add_names)]
Speed = Annotated[int, BeforeValidator(_speed), Field(json_schema_extra={"type": ["string"]})]
MachineSerial = Annotated[str, BeforeValidator(machine_serial)]


class MachineChecks(BaseModel):
    """What is asked of the checks. There is no switch that waives all of them."""

    model_config = STRICT

    skip: Annotated[
        list[CheckName],
        BeforeValidator(_skip),
        AfterValidator(_once),
        Field(description="Checks that do not stop the installation, by name (docs/machine-checks.md)."),
    ] = Field(default_factory=list)
    wait: Annotated[
        int,
        BeforeValidator(_duration),
        Field(
            json_schema_extra={"type": ["string", "integer"]},
            description="How long a link or a server that is missing is checked again: `15 min`, `90 s`, `2 h`, `0`.",
        ),
    ] = WAIT
    hosted_engine: Annotated[
        bool, Field(description="Whether the machine must have the memory that hosted engine requires.")
    ] = False


def skipped_names(arguments: Sequence[str], name: str) -> list[tuple[int, str]]:
    """(index, name) of each check that an argument of the installer's kernel waives."""
    found = []
    for index, argument in enumerate(arguments):
        key, _, value = argument.partition("=")
        if key == name:
            found += [(index, one) for one in value.split(",")]
    return found
