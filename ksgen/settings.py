# SPDX-License-Identifier: GPL-2.0-or-later
"""The `node_` variables: each with its type, its default and what it is for (docs/inventory.md is made from here)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from ksgen.disk import Disk
from ksgen.network import Interface
from ksgen.values import (
    Address4,
    HostName,
    ImageUrl,
    InterfaceName,
    Keyboard,
    Language,
    Line,
    Mac,
    PasswordHash,
    Script,
    ServerUrl,
    Sha256,
    Size,
    SshKey,
    TimeZone,
    TreeUrl,
    UserName,
    any_address,
    host_name,
    parse_size,
    refuse,
)
from org_ovirt_node.layout import Request

PREFIX = "node_"
SECRETS = frozenset({"node_root_password_hash", "password_hash"})

_STRICT = ConfigDict(extra="forbid", frozen=True, strict=True)
# The layout policy has the defaults of what it is asked for.
_LAYOUT = Request()


def _listed(value: object) -> Any:
    """One value stands for a list of one."""
    return value if isinstance(value, list) else [value]


def _words(value: object) -> Any:
    """Arguments of the kernel: one text with blanks, or a list."""
    return value.split() if isinstance(value, str) else value


def _swap_size(value: object) -> int | None:
    return None if value == "recommended" else parse_size(value)


def _time_server(value: object) -> str:
    is_address = isinstance(value, str) and (":" in value or value.replace(".", "").isdigit())
    return any_address(value) if is_address else host_name(value)


class User(BaseModel):
    """A person who may log in."""

    model_config = _STRICT

    name: UserName
    gecos: Annotated[Line, Field(description="The full name.")] = ""
    groups: list[UserName] = Field(default_factory=list)
    password_hash: PasswordHash | None = None
    ssh_keys: list[SshKey] = Field(default_factory=list)

    @field_validator("gecos")
    @classmethod
    def _has_no_colon(cls, value: str) -> str:
        if ":" in value:
            refuse("user-gecos", "a colon ends a field of /etc/passwd", "take it out")
        return value

    @field_validator("name")
    @classmethod
    def _is_not_root(cls, value: str) -> str:
        if value == "root":
            refuse("user-root", "root is there already", "use node_ssh_keys and node_root_password_hash")
        return value


class DhcpRange(BaseModel):
    """The addresses that dnsmasq may give out."""

    model_config = _STRICT

    interface: InterfaceName
    first: Address4
    last: Address4


class Identity(BaseModel):
    """What makes a host this one: no other may have the same. Read even where other variables are wrong."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True, alias_generator=lambda name: PREFIX + name)

    mac: Mac | None = None
    hostname: HostName | None = None
    disk: Annotated[list[Disk], BeforeValidator(_listed)] = Field(default_factory=list)
    network: list[Interface] = Field(default_factory=list)


class Settings(BaseModel):
    """All variables of one host, without their prefix. Sizes are bytes."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, alias_generator=lambda name: PREFIX + name, populate_by_name=False
    )

    # what
    release: Literal["el9", "el10"] = Field(description="The release of the node image and of its installer.")
    image_url: ImageUrl = Field(description="Where the node image (squashfs) is fetched from.")
    image_sha256: Sha256 | None = Field(default=None, description="The image's SHA-256 sum; Anaconda compares it.")
    image_size: Size | None = Field(default=None, description="The size of the image file; the root volume follows it.")
    tree_url: TreeUrl = Field(description="The installer's tree, with its `.treeinfo`.")
    addon: bool | Literal["tree"] = Field(
        default=True,
        description="Whether the add-on goes along as `inst.updates`; `tree` when the tree's `product.img` has it.",
    )
    # where
    disk: Annotated[list[Disk], BeforeValidator(_listed)] = Field(
        min_length=1, description="The disk, or a list of disks: any of `wwn`, `serial`, `path`, `model`, `size`."
    )
    raid: Literal[1] | None = Field(
        default=None, description="`1` mirrors a pair of disks; without it they are joined."
    )
    multipath: bool = Field(default=False, description="Whether the disk is a LUN behind several paths.")
    reinstall: bool = Field(default=False, description="Whether a disk that carries a node may be installed again.")
    firmware: Literal["uefi", "bios"] | None = Field(
        default=None, description="Left out: either; the plan is for the worse."
    )
    # layout
    partitioning: Literal["explicit", "autopart"] = Field(
        default="explicit",
        description="`autopart` leaves partitioning to Anaconda and the layout that the add-on brings.",
    )
    layout: str = Field(default=_LAYOUT.layout, description="The volumes: `standard` or `minimal` (docs/layout.md).")
    images: int = Field(default=_LAYOUT.images, ge=1, le=99, description="How many images the pool should hold.")
    root_size: Size | None = Field(
        default=None, description="The root volume; left out, it follows the image, at least 10 GiB."
    )
    volumes: dict[str, Size] = Field(
        default_factory=dict, description="Other sizes for volumes, and more volumes: mount point and size."
    )
    swap_size: Annotated[int | None, BeforeValidator(_swap_size)] = Field(
        default=_LAYOUT.swap_size, description="Swap; `0` for none, `recommended` leaves it to Anaconda."
    )
    filesystem: str = Field(default=_LAYOUT.filesystem, description="`xfs` or `ext4`, for /boot and all volumes.")
    vg: str = Field(default=_LAYOUT.volume_group, description="The name of the volume group.")
    pool: str = Field(default=_LAYOUT.pool, description="The name of the thin pool.")
    # network
    mac: Mac = Field(description="The card that the host boots from, in quotes.")
    network: list[Interface] = Field(
        default_factory=list, description="The interfaces; left out, the card that it boots from asks DHCP."
    )
    hostname: HostName | None = Field(default=None, description="Left out, the host's name in the inventory.")
    server_url: ServerUrl = Field(description="Where `out/` is served to the hosts.")
    dhcp: Literal["none", "proxy"] | DhcpRange = Field(
        default="none", description="What dnsmasq does about DHCP: nothing, `proxy`, or `{interface, first, last}`."
    )
    # people
    root_password_hash: PasswordHash | None = Field(default=None, description="Left out, root's password is locked.")
    ssh_keys: list[SshKey] = Field(default_factory=list, description="Public keys that may log in as root.")
    users: list[User] = Field(
        default_factory=list, description="More people: `name`, `gecos`, `groups`, `password_hash`, `ssh_keys`."
    )
    # place
    timezone: TimeZone = Field(default="Etc/UTC", description="The time zone.")
    ntp_servers: list[Annotated[str, BeforeValidator(_time_server)]] = Field(
        default_factory=list, description="Time servers; left out, those of the image."
    )
    lang: Language = Field(default="en_US.UTF-8", description="The language of the system.")
    keyboard: Keyboard = Field(default="us", description="The keyboard layout.")
    # system
    kernel_args: Annotated[list[Line], BeforeValidator(_words)] = Field(
        default_factory=list, description="Arguments for the installed kernel; every later image inherits them."
    )
    boot_timeout: int = Field(
        default=5, ge=1, le=600, description="Seconds of boot menu: time to choose an older image."
    )
    selinux: Literal["enforcing", "permissive"] = Field(
        default="enforcing", description="SELinux; off, it cannot be updated."
    )
    post: Annotated[list[Script], BeforeValidator(_listed)] = Field(
        default_factory=list, description="Scripts for the installed system, run before imgbase makes the image of it."
    )
    pre: Annotated[list[Script], BeforeValidator(_listed)] = Field(
        default_factory=list, description="Scripts for the installer, run before anything is partitioned."
    )
    installer_args: Annotated[list[Line], BeforeValidator(_words)] = Field(
        default_factory=list, description="More arguments for the installer's kernel."
    )

    @field_validator("kernel_args")
    @classmethod
    def _are_not_imgbased(cls, value: list[str]) -> list[str]:
        for argument in value:
            name = argument.partition("=")[0]
            if name in ("root", "rootflags", "img.bootid", "boot"):
                refuse("kernel-arg-reserved", f"{name}= is written by imgbase for each image", "leave it out")
            if name.startswith("inst."):
                refuse(
                    "kernel-arg-installer", f"{name} is an argument of the installer", "move it to node_installer_args"
                )
        return value

    @model_validator(mode="after")
    def _lets_somebody_in(self) -> Settings:
        if not (self.root_password_hash or self.ssh_keys or any(u.password_hash or u.ssh_keys for u in self.users)):
            refuse(
                "nobody-can-log-in",
                "nobody could log in to this host",
                "add node_ssh_keys, node_users or node_root_password_hash",
            )
        return self

    @property
    def identity(self) -> Identity:
        return Identity.model_construct(mac=self.mac, hostname=self.hostname, disk=self.disk, network=self.network)
