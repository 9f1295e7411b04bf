# SPDX-License-Identifier: GPL-2.0-or-later
"""The variables of a node and of a plain host: which of them it must have, and what their defaults are."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from ksgen.variables.packages import HostPackages
from ksgen.variables.settings import PREFIX, Settings
from ksgen.variables.urls import ImageUrl
from ksgen.variables.values import refuse
from org_ovirt_node.layout import HOST, HOST_VOLUME_GROUP

# What says how a node image is installed. Hosts of both kinds may inherit them from one group; on a plain host they
# have no effect.
OF_NODES = tuple(
    PREFIX + name
    for name in ("image_url", "image_sha256", "image_size", "addon", "efi_dir", "layout", "images", "pool")
)


class NodeSettings(Settings):
    """All variables of an oVirt Node: it is installed from an image."""

    image_url: ImageUrl = Field()

    @field_validator("layout")
    @classmethod
    def _is_of_nodes(cls, value: str) -> str:
        if value == HOST.name:
            refuse("layout-unknown", f"layout {value!r} is that of plain hosts", "remove it, or set node_kind: host")
        return value


class HostSettings(Settings):
    """All variables of a plain host: without an image, imgbase and the add-on."""

    addon: Literal[False] = False
    layout: str = HOST.name
    vg: str = HOST_VOLUME_GROUP
    packages: HostPackages = Field(default_factory=list)

    @model_validator(mode="before")
    @classmethod
    def _without_those_of_nodes(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return {name: value for name, value in data.items() if name not in OF_NODES}


def settings_model(kind: object) -> type[Settings]:
    """The variables of a kind of host, with its defaults."""
    return HostSettings if kind == "host" else NodeSettings


def settings_of(data: dict[str, Any]) -> Settings:
    """The settings of a host from its variables. pydantic.ValidationError: something is wrong with them."""
    return settings_model(data.get(f"{PREFIX}kind")).model_validate(data)
