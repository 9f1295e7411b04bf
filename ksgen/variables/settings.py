# SPDX-License-Identifier: GPL-2.0-or-later
"""The `node_` variables: each with its type, its default and what it is for (docs/inventory.md is made from here)."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from ksgen.variables.addresses import Address4, HostName, InterfaceName, Mac, any_address, domain_name
from ksgen.variables.disk import Disk
from ksgen.variables.kernel import InstallerArguments, SystemArguments
from ksgen.variables.keyboard import Keyboard
from ksgen.variables.localization import Language, TimeZone
from ksgen.variables.network import Interface
from ksgen.variables.people import PasswordHash, PersonName, SshKey, UserName
from ksgen.variables.urls import ImageUrl, ServerUrl, Sha256, TreeUrl
from ksgen.variables.values import STRICT, Line, Script, Size, a_text, nearest, one_line, parse_size, refuse, shown
from org_ovirt_node.layout import BOOT_SIZE, Request, is_efi_dir, size_text

PREFIX = "node_"
SECRETS = frozenset({"node_root_password_hash", "password_hash"})
# Where passwords stand, or are written by mistake: of a wrong value nothing is quoted, nor the line it is written in.
PRIVATE = frozenset({
    "node_root_password_hash", "node_users", "node_kernel_args", "node_installer_args", "node_pre", "node_post"
})  # fmt: skip
DHCP_RANGE_LARGEST = 2**16  # addresses; RFC 1918 has no larger subnet but 10.0.0.0/8 and 172.16.0.0/12 as a whole
NAME_LONGEST = 255  # characters; NAME_MAX of Linux, and the policy has less for what it names

# The layout policy has the defaults of what it is asked for.
_LAYOUT = Request()


def _listed(value: object) -> Any:
    """A single value is read as a list of one."""
    return value if isinstance(value, list) else [value]


def _addon(value: object) -> object:
    if value != "tree" and not isinstance(value, bool):
        cure = f"write {value}, without quotes" if value in ("true", "false") else ""
        refuse("value-unknown", f"{shown(value)} is not one of true, false, 'tree'", cure)
    return value


def _efi_dir(value: str) -> str:
    if not is_efi_dir(value):
        refuse("efi-dir", f"{shown(value)} is not the name of a directory below EFI/", "such as almalinux, or centos")
    return value


def _raid(value: object) -> object:
    if value is not None and (isinstance(value, bool) or value != 1):
        refuse("value-unknown", f"{shown(value)} is not a supported RAID level", "write 1 for a mirrored pair")
    return 1 if value else None


def _dhcp(value: object) -> object:
    if value not in ("none", "proxy") and not isinstance(value, (dict, DhcpRange)):
        refuse("value-unknown", f"{shown(value)} is neither 'none' nor 'proxy' nor a mapping of interface, first, last")
    return value


def _name(value: str) -> str:
    if len(value) > NAME_LONGEST:
        refuse("text-too-long", f"{len(value)} characters exceed the limit of {NAME_LONGEST} for a name")
    return value


def _volume_place(value: object) -> str:
    text = _name(one_line(a_text(value, "/data")))
    if text == "/":
        refuse("volume-root", "the root volume has a variable of its own", "write node_root_size")
    if text == "/boot":
        message = f"/boot is a partition of {size_text(BOOT_SIZE)}, not a volume"
        refuse("volume-boot", message, "remove it, or write node_boot_size")
    return text


def _erasable_words() -> tuple[str, ...]:
    # Not at the top: the program takes longer to import than all the variables, and few hosts have this one.
    from org_ovirt_node.programs.disks import ERASABLE

    return ERASABLE


def _erasable(value: str) -> str:
    words = _erasable_words()
    if value not in words:
        cure = nearest(value, words) or f"one of (docs/disks.md): {', '.join(words)}"
        refuse("erase-unknown", f"{shown(value)} is not a value of node_erase", cure)
    return value


def _add_erasable(schema: dict[str, Any]) -> None:
    schema["enum"] = list(_erasable_words())


_Erasable = Annotated[Line, AfterValidator(_erasable), Field(json_schema_extra=_add_erasable)]
_Name = Annotated[Line, AfterValidator(_name)]
_VolumePlace = Annotated[str, BeforeValidator(_volume_place)]


def _swap_size(value: object) -> int | None:
    return None if value == "recommended" else parse_size(value)


def _time_server(value: object) -> str:
    is_address = isinstance(value, str) and (":" in value or value.replace(".", "").isdigit())
    return any_address(value) if is_address else domain_name(value)


class User(BaseModel):
    """A person who may log in."""

    model_config = STRICT

    name: PersonName
    gecos: Annotated[Line, Field(description="The full name.")] = ""
    groups: list[UserName] = Field(default_factory=list)
    password_hash: PasswordHash | None = None
    ssh_keys: list[SshKey] = Field(default_factory=list)

    @field_validator("gecos")
    @classmethod
    def _is_one_field(cls, value: str) -> str:
        if ":" in value:
            refuse("user-gecos", "a colon ends a field of /etc/passwd", "remove it")
        if value.lstrip().startswith("%"):
            refuse("user-gecos", "begins with '%', with which Anaconda's sections begin", "begin with something else")
        return value


class DhcpRange(BaseModel):
    """The addresses that dnsmasq may give out."""

    model_config = STRICT

    interface: InterfaceName
    first: Address4
    last: Address4

    @model_validator(mode="after")
    def _is_one_range(self) -> DhcpRange:
        first, last = ipaddress.IPv4Address(self.first), ipaddress.IPv4Address(self.last)
        if first > last:
            refuse("dhcp-range", f"{first} comes after {last}", "swap the two")
        if int(last) - int(first) >= DHCP_RANGE_LARGEST:
            refuse(
                "dhcp-range",
                f"{first} and {last} are not in the same subnet",
                "both must be in the subnet of the interface",
            )
        return self

    def holds(self, address: str) -> bool:
        """Whether an IPv4 address is one of the range's."""
        first, last = ipaddress.IPv4Address(self.first), ipaddress.IPv4Address(self.last)
        return first <= ipaddress.IPv4Address(address) <= last


class Identity(BaseModel):
    """What makes a host this one: no other may have the same. Read even where other variables are wrong.

    A disk or interface that is wrong is None.
    """

    model_config = STRICT | ConfigDict(extra="ignore", alias_generator=lambda name: PREFIX + name)

    mac: Mac | None = None
    hostname: HostName | None = None
    disk: Annotated[list[Disk | None], BeforeValidator(_listed)] = Field(default_factory=list)
    network: list[Interface | None] = Field(default_factory=list)


class Settings(BaseModel):
    """All variables of one host, without their prefix. Sizes are bytes."""

    model_config = STRICT | ConfigDict(alias_generator=lambda name: PREFIX + name, populate_by_name=False)

    # what
    kind: Literal["node", "none"] = Field(
        default="node",
        description="`none`: the host is not a node (the engine, a monitoring host) and gets no kickstart. The same "
        "holds for a host with neither `node_mac` nor `node_disk`.",
    )
    release: Literal["el9", "el10"] = Field(description="The release of the node image and of its installer.")
    image_url: ImageUrl = Field(description="The URL of the node image (squashfs).")
    image_sha256: Sha256 | None = Field(
        default=None, description="The SHA-256 checksum of the image, verified by Anaconda."
    )
    image_size: Size | None = Field(
        default=None, description="The size of the image file, from which the default size of the root volume follows."
    )
    tree_url: TreeUrl = Field(description="The installation source: URL of the install tree, with its `.treeinfo`.")
    addon: Annotated[bool | Literal["tree"], BeforeValidator(_addon)] = Field(
        default=True,
        description="Whether the add-on is loaded as `inst.updates`; `tree` if the install tree contains it "
        "(docs/addon.md); `false` for installations without it.",
    )
    efi_dir: Annotated[Line, AfterValidator(_efi_dir)] | None = Field(
        default=None,
        description="The directory below `EFI/` in the node image, where it is not that of the installer's own "
        "distribution; the add-on tells Anaconda.",
    )
    # where
    disk: Annotated[list[Disk], BeforeValidator(_listed)] = Field(
        min_length=1, description="The disk, or a list of disks: any of `wwn`, `serial`, `path`, `model`, `size`."
    )
    raid: Annotated[Literal[1] | None, BeforeValidator(_raid)] = Field(
        default=None, description="`1` mirrors a pair of disks; if not set, the disks are joined in one volume group."
    )
    multipath: bool = Field(default=False, description="Whether the disk is a multipath LUN.")
    reinstall: bool = Field(default=False, description="Whether a disk that holds a node may be reinstalled.")
    erase: Annotated[list[_Erasable], BeforeValidator(_listed)] = Field(
        default_factory=list,
        description="What else may be erased if the disk holds it, such as `luks` or `ceph` (docs/disks.md).",
    )
    firmware: Literal["uefi", "bios"] | None = Field(
        default=None, description="If not set, both are supported, and the plan is for the larger need of space."
    )
    # layout
    layout: _Name = Field(default=_LAYOUT.layout, description="The volumes: `standard` or `minimal` (docs/layout.md).")
    images: int = Field(
        default=_LAYOUT.images, ge=1, le=99, description="The number of images that the pool should have space for."
    )
    root_size: Size | None = Field(
        default=None,
        description="The size of the root volume; if not set, it follows from the size of the image (docs/layout.md).",
    )
    boot_size: Size | None = Field(
        default=None,
        description="The size of the partition /boot; if not set, 2 GiB. It holds the kernels of all images.",
    )
    volumes: dict[_VolumePlace, Size] = Field(
        default_factory=dict,
        description="Sizes of volumes that differ from the layout, and additional volumes: mount point and size.",
    )
    swap_size: Annotated[int | None, BeforeValidator(_swap_size)] = Field(
        default=_LAYOUT.swap_size, description="The size of swap; `0` for none, `recommended` for Anaconda's default."
    )
    filesystem: _Name = Field(default=_LAYOUT.filesystem, description="`xfs` or `ext4`, for /boot and all volumes.")
    vg: _Name = Field(default=_LAYOUT.volume_group, description="The name of the volume group.")
    pool: _Name = Field(default=_LAYOUT.pool, description="The name of the thin pool.")
    # network
    mac: Mac = Field(description="The MAC address of the boot NIC, in quotes.")
    network: list[Interface] = Field(
        default_factory=list, description="The network interfaces; if not set, DHCP on the boot NIC."
    )
    boot_network: Literal["same", "dhcp", "arguments"] = Field(
        default="same",
        description="The network during the installation: `same` is `node_network`, `dhcp` is DHCP on the boot NIC, "
        "`arguments` is what `node_installer_args` has (`ip=`, `bond=`, …); with these two, `node_network` is "
        "configured for the installed system only.",
    )
    hostname: HostName | None = Field(default=None, description="The host name; if not set, the name in the inventory.")
    server_url: ServerUrl = Field(description="The URL at which `out/` is served to the hosts.")
    dhcp: Annotated[Literal["none", "proxy"] | DhcpRange, BeforeValidator(_dhcp)] = Field(
        default="none", description="The DHCP mode of dnsmasq: `none`, `proxy`, or a range `{interface, first, last}`."
    )
    # people
    root_password_hash: PasswordHash | None = Field(
        default=None, description="The hash of root's password; if not set, the password is locked."
    )
    ssh_keys: list[SshKey] = Field(default_factory=list, description="Public keys that may log in as root.")
    users: list[User] = Field(
        default_factory=list, description="Additional users: `name`, `gecos`, `groups`, `password_hash`, `ssh_keys`."
    )
    # place
    timezone: TimeZone = Field(default="Etc/UTC", description="The time zone.")
    ntp_servers: list[Annotated[str, BeforeValidator(_time_server)]] = Field(
        default_factory=list, description="NTP servers; if not set, those of the image."
    )
    lang: Language = Field(default="en_US.UTF-8", description="The language of the system.")
    keyboard: Keyboard = Field(default="us", description="The keyboard layout.")
    # system
    kernel_args: SystemArguments = Field(
        default_factory=list, description="Arguments for the installed kernel; every later image inherits them."
    )
    boot_timeout: int = Field(
        default=5, ge=1, le=600, description="Seconds that the boot menu is shown, to choose an older image."
    )
    selinux: Literal["enforcing", "permissive"] = Field(
        default="enforcing", description="The mode of SELinux; a node with SELinux disabled cannot be updated."
    )
    post: Annotated[list[Script], BeforeValidator(_listed)] = Field(
        default_factory=list,
        description="Scripts for the installed system, run before imgbase creates the first layer from it. "
        "docs/day-two.md has what an update keeps of what they write.",
    )
    pre: Annotated[list[Script], BeforeValidator(_listed)] = Field(
        default_factory=list, description="Scripts for the installer, run before anything is partitioned."
    )
    installer_args: InstallerArguments = Field(
        default_factory=list, description="More arguments for the installer's kernel."
    )

    @property
    def identity(self) -> Identity:
        return Identity.model_construct(mac=self.mac, hostname=self.hostname, disk=self.disk, network=self.network)
