# SPDX-License-Identifier: GPL-2.0-or-later
"""What travels over D-Bus between the service and the user interfaces; docs/dbus.md has the fields in words.

Sizes are bytes, and 0 where one is not known. A field `mount_point` is called `mount-point` on the bus.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar, get_type_hints

from dasbus.structure import DBusStructureError
from dasbus.typing import Bool, Dict, Int, List, Str, Structure, UInt64, get_variant, unwrap_variant

S = TypeVar("S", bound="Structured")


@dataclass(frozen=True)
class Structured:
    """A frozen value that is a D-Bus structure (a{sv}) outside; the types of its fields are those on the bus."""

    @classmethod
    def to_structure(cls, data: "Structured") -> dict[str, Any]:
        hints = get_type_hints(cls)
        return {_bus_name(f.name): get_variant(hints[f.name], _plain(getattr(data, f.name))) for f in fields(cls)}

    @classmethod
    def to_structure_list(cls, values: "Iterable[Structured]") -> list[dict[str, Any]]:
        return [cls.to_structure(value) for value in values]

    @classmethod
    def from_structure_list(cls: type[S], structures: "Iterable[dict[str, Any]]") -> list[S]:
        return [cls.from_structure(structure) for structure in structures]

    @classmethod
    def from_structure(cls: type[S], structure: dict[str, Any]) -> S:
        """Fields that are left out keep their defaults. Raises DBusStructureError for one that there is not."""
        names = {_bus_name(f.name): f.name for f in fields(cls)}
        unknown = sorted(set(structure) - set(names))
        if unknown:
            raise DBusStructureError(f"{cls.__name__} has no field {unknown[0]!r}; it has {', '.join(sorted(names))}")
        return cls(**{names[name]: unwrap_variant(variant) for name, variant in structure.items()})


def _bus_name(name: str) -> str:
    return name.replace("_", "-")


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class NodeRequest(Structured):
    """What is asked of the add-on: the section of a kickstart, or what a person chose. `disks` 0 is any number."""

    layout: Str = ""
    images: Int = 0
    filesystem: Str = ""
    disks: Int = 0
    mirrored: Bool = False
    imgbase: Bool = True
    findings: Str = ""
    root_size: UInt64 = 0
    volumes: Dict[Str, UInt64] = field(default_factory=dict)
    swap_size: UInt64 = 0
    image_size: UInt64 = 0
    image_is_local: Bool = False


@dataclass(frozen=True)
class FindingData(Structured):
    """Something wrong with a layout, in words; `hint` is its cure, empty where none is known."""

    code: Str = ""
    severity: Str = ""
    subject: Str = ""
    message: Str = ""
    hint: Str = ""


@dataclass(frozen=True)
class DeviceRow(Structured):
    """A device of a layout; `kind` is blivet's word for its type."""

    name: Str = ""
    kind: Str = ""
    size: UInt64 = 0
    mount_point: Str = ""
    filesystem: Str = ""
    options: Str = ""
    pool: Str = ""
    parents: List[Str] = ()


@dataclass(frozen=True)
class LayoutView(Structured):
    """A layout with what is wrong in it. `images` it holds are -1 where that is not known."""

    devices: List[Structure] = ()
    findings: List[Structure] = ()
    images: Int = -1
    reserve: UInt64 = 0


@dataclass(frozen=True)
class DiskContent(Structured):
    """A selected disk, and what is on it; `content` is empty for nothing."""

    disk: Str = ""
    model: Str = ""
    size: UInt64 = 0
    content: Str = ""
