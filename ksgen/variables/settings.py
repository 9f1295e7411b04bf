# SPDX-License-Identifier: GPL-2.0-or-later
"""The `node_` variables: each with its type, its default and what it is for (docs/inventory.md is made from here)."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from ksgen.variables.addresses import Address4, HostName, InterfaceName, Mac, any_address, domain_name
from ksgen.variables.certificates import CaCertificate
from ksgen.variables.checking import MachineChecks, MachineSerial
from ksgen.variables.disk import Disk
from ksgen.variables.files import NodeFiles
from ksgen.variables.firewall import Firewall
from ksgen.variables.iscsi import InitiatorName
from ksgen.variables.kdump import KdumpMemory
from ksgen.variables.kernel import InstallerArguments, SystemArguments
from ksgen.variables.keyboard import Keyboard
from ksgen.variables.localdisks import LocalDisks
from ksgen.variables.localization import Language, TimeZone
from ksgen.variables.management import Bmc
from ksgen.variables.modules import Driver, HugePages, Modules, Sysctl, huge_page_arguments
from ksgen.variables.network import Interface
from ksgen.variables.packages import Packages
from ksgen.variables.people import PasswordHash, PersonName, SshKey, UserName
from ksgen.variables.proxy import Proxy
from ksgen.variables.repositories import Repositories
from ksgen.variables.services import Services
from ksgen.variables.urls import ImageUrl, ServerUrl, Sha256, TreeUrl
from ksgen.variables.values import STRICT, Line, Script, Size, a_text, nearest, one_line, parse_size, refuse, shown
from org_ovirt_node.layout import BOOT_SIZE, Request, is_efi_dir, size_text

PREFIX = "node_"
SECRETS = frozenset({"node_root_password_hash", "password_hash"})
# Where passwords stand, or are written by mistake: of a wrong value nothing is quoted, nor the line it is written in.
PRIVATE = frozenset({
    "node_bmc",
    "node_root_password_hash", "node_users", "node_kernel_args", "node_installer_args", "node_pre", "node_post",
    "node_post_site", "node_post_group", "node_proxy", "node_ca_certificates",
})  # fmt: skip
DHCP_RANGE_LARGEST = 2**16  # addresses; RFC 1918 has no larger subnet but 10.0.0.0/8 and 172.16.0.0/12 as a whole
NAME_LONGEST = 255  # characters; NAME_MAX of Linux, and the policy has less for what it names

# The layout policy has the defaults of what it is asked for.
_LAYOUT = Request()


def _listed(value: object) -> Any:
    """A single value is read as a list of one."""
    return value if isinstance(value, list) else [value]


def _report_url(value: object) -> object:
    if value is True:
        refuse("value-unknown", "true is not a URL", "leave it out for the server of node_server_url")
    return value


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


def _sudo(value: object) -> object:
    if value != "nopasswd" and not isinstance(value, bool):
        cure = nearest(value, ("nopasswd",)) if isinstance(value, str) else ""
        words = "true, false, nopasswd"
        refuse("value-unknown", f"not one of {words}", cure or "write true, or nopasswd if sudo is to ask no password")
    return value


class User(BaseModel):
    """A person who may log in."""

    model_config = STRICT

    name: PersonName
    gecos: Annotated[Line, Field(description="The full name.")] = ""
    groups: list[UserName] = Field(default_factory=list)
    password_hash: PasswordHash | None = None
    ssh_keys: list[SshKey] = Field(default_factory=list)
    sudo: Annotated[bool | Literal["nopasswd"], BeforeValidator(_sudo)] = False

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
    iscsi_initiator: InitiatorName | None = None
    serial: MachineSerial | None = None
    disk: Annotated[list[Disk | None], BeforeValidator(_listed)] = Field(default_factory=list)
    network: list[Interface | None] = Field(default_factory=list)
    bmc: Bmc | None = None


class Settings(BaseModel):
    """All variables of one host, without their prefix. Sizes are bytes."""

    model_config = STRICT | ConfigDict(alias_generator=lambda name: PREFIX + name, populate_by_name=False)

    # what
    kind: Literal["node", "host", "none"] = Field(
        default="node",
        description="`node`: an oVirt Node, installed from an image. `host`: a plain EL host, installed from packages "
        "(docs/hosts.md). `none`: neither (the engine, a monitoring host); it gets no kickstart. The same holds for a "
        "host with neither `node_mac` nor `node_disk`.",
    )
    release: Literal["el9", "el10"] = Field(
        description="The release of the node image or of the packages, and of the installer."
    )
    image_url: ImageUrl | None = Field(
        default=None, description="The URL of the node image (squashfs). Required for nodes."
    )
    image_sha256: Sha256 | None = Field(
        default=None, description="The SHA-256 checksum of the image, verified by Anaconda."
    )
    image_size: Size | None = Field(
        default=None, description="The size of the image file, from which the default size of the root volume follows."
    )
    tree_url: TreeUrl = Field(
        description="The installation source: URL of the install tree, with its `.treeinfo`; for a plain host also of "
        "its packages.",
    )
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
    serial: MachineSerial | None = Field(
        default=None,
        description="The serial number of the machine, in quotes, as its firmware has it; if set, no other machine is "
        "installed as this host.",
    )
    checks: MachineChecks | None = Field(
        default=None,
        description="The checks of the machine before its installation (docs/machine-checks.md): `skip`, a list of "
        "checks that do not stop it; `wait`, how long it waits for a link or a server that is missing (15 min); "
        "`hosted_engine`, whether the engine is to run on it.",
    )
    # layout
    layout: _Name = Field(
        default=_LAYOUT.layout,
        description="The volumes: `standard` or `minimal` (docs/layout.md). Plain hosts have a layout of their own.",
    )
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
    vg: _Name = Field(
        default=_LAYOUT.volume_group, description="The name of the volume group; that of a plain host is `el`."
    )
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
    report_url: Annotated[ServerUrl | Literal[False] | None, BeforeValidator(_report_url)] = Field(
        default=None,
        description="Where the installation is reported to (docs/deployment.md): the URL of `ksgen serve`; if not set, "
        "`report` below `node_server_url`; `false` for no reports. An installation never waits for them.",
    )
    report_pin: Sha256 | None = Field(
        default=None,
        description="The SHA-256 fingerprint of the certificate of that server, where the installer does not trust its "
        "authority: `openssl x509 -noout -fingerprint -sha256`, without colons. It holds although the clock is wrong.",
    )
    dhcp: Annotated[Literal["none", "proxy"] | DhcpRange, BeforeValidator(_dhcp)] = Field(
        default="none", description="The DHCP mode of dnsmasq: `none`, `proxy`, or a range `{interface, first, last}`."
    )
    firewall: Firewall | None = Field(
        default=None,
        description="What the firewall lets in beside the services of the node image (cockpit, glusterfs, libvirt, "
        "libvirt-tls, ssh, vdsm): `services` of firewalld by name, and `ports` such as `161:udp` or `5900-6923:tcp`. "
        "If not set, only the services of the image. The engine opens what it needs.",
    )
    iscsi_initiator: InitiatorName | None = Field(
        default=None,
        description="The iSCSI name of the host, which no other may have; if not set, a random one that the node "
        "creates when it boots. For storage domains: the system disk cannot be an iSCSI LUN (docs/disks.md).",
    )
    proxy: Proxy | None = Field(
        default=None,
        description="The proxy of the installer and of the node: `url`, and `no_proxy`, a list of host names, domains, "
        "addresses and networks that are reached without it: the engine, all hosts, the storage.",
    )
    ca_certificates: Annotated[list[CaCertificate], BeforeValidator(_listed)] = Field(
        default_factory=list,
        description="Certificates of authorities that the installer (for the image) and the node trust beside the "
        "public ones: in PEM, or `{from: ca.pem}`, a file beside the inventory. An update keeps them, and the public "
        "ones of the old image: run `update-ca-trust` after it.",
    )
    # people
    root_password_hash: PasswordHash | None = Field(
        default=None, description="The hash of root's password; if not set, the password is locked."
    )
    ssh_keys: list[SshKey] = Field(default_factory=list, description="Public keys that may log in as root.")
    users: list[User] = Field(
        default_factory=list,
        description="Additional users: `name`, `gecos`, `groups`, `password_hash`, `ssh_keys`, `sudo` (`true`: with "
        "the user's password; `nopasswd`: without).",
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
    kdump: KdumpMemory = Field(
        default=None,
        description="Whether a crash of the kernel is dumped to /var/crash: `auto`, or the size of the memory that is "
        "reserved for it (`512 MiB`); if not set, no memory is reserved, as with `false`. The engine deploys no host "
        "with `crashkernel=` missing where its cluster uses kdump for fencing.",
    )
    post_site: Annotated[list[Script], BeforeValidator(_listed)] = Field(
        default_factory=list, description="Scripts like those of `node_post`, run before them: for all hosts of a site."
    )
    post_group: Annotated[list[Script], BeforeValidator(_listed)] = Field(
        default_factory=list,
        description="Scripts like those of `node_post`, between `node_post_site` and `node_post`: for a group.",
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
    # what the site adds to the image
    repos: Repositories = Field(
        default_factory=list,
        description="Repositories: `name`, `url` or `metalink`, `key`; `gpgcheck`, `includepkgs`, `excludepkgs`, "
        "`priority`, `proxy`. Those of the image are disabled. One that cannot be read later is skipped.",
    )
    packages: Packages = Field(
        default_factory=list,
        description="Packages that dnf installs before imgbase creates the first layer. Each update installs them "
        "again, unless an enabled repository cannot be read then (docs/day-two.md). One whose script fails is named in "
        "a warning; to rpm it is installed.",
    )
    drivers: list[Driver] = Field(
        default_factory=list,
        description="Packages with kernel modules for the initramfs: `package`, `modules`. dracut and a check of the "
        "initramfs follow. `node_disk` needs them only if the installer has the driver too (`inst.dd`). An update "
        "installs them again, as all packages; one that is not built for the new kernel is not loaded there.",
    )
    files: NodeFiles = Field(
        default_factory=list,
        description="Files: `path`, and `content`, `base64` or `from`, a file beside the inventory; `template: true` "
        "if that has expressions; `mode`, `owner`, `group`. An update keeps those below /etc, /root, /var and /home.",
    )
    modules: Modules | None = Field(
        default=None,
        description="Kernel modules: `load`, `options` (module: options), `blacklist`. An update keeps them.",
    )
    sysctl: Sysctl = Field(
        default_factory=dict,
        description="Kernel parameters, in `/etc/sysctl.d/zz-node.conf`, which is read after the file of vdsm. An "
        "update keeps them.",
    )
    hugepages: HugePages = Field(
        default_factory=dict,
        description="Numbers of huge pages by size, `1G` or `2M`, as arguments of the kernel, which every later image "
        "inherits. 8 GiB of the machine's memory have to be left.",
    )
    services: Services | None = Field(
        default=None,
        description="Units of systemd: `enabled`, `disabled`, `masked`. An update keeps their state. Services of added "
        "packages are off until they are enabled here.",
    )
    local_disks: LocalDisks = Field(
        default_factory=list,
        description="WWIDs of disks that are never installed to, and that multipath leaves alone: bricks and local "
        "storage domains.",
    )
    # what the engine needs of it
    bmc: Bmc | None = Field(
        default=None,
        description="The controller (BMC) of the host: `address`, `port` (443), `user` and `password`, which must be "
        "vaulted; `system` if it has several; `type`, the engine's fence agent (`redfish`). Its certificate is "
        "verified: by the system's authorities, `certificate` (of an authority: PEM or `{from: FILE}`) or "
        "`fingerprint` (SHA-256 of its own); `verify: false` accepts any. No kickstart has it: `ksgen bmc` "
        "(docs/bmc.md) and the engine use it.",
    )

    @property
    def is_node(self) -> bool:
        """Whether it is an oVirt Node, and not a plain host."""
        return self.kind != "host"

    def proxy_for(self, url: str | None) -> str | None:
        """The URL of the site's proxy, if the server of this URL is reached through it."""
        return self.proxy.url if self.proxy and url and self.proxy.is_for(url) else None

    @property
    def boot_arguments(self) -> tuple[str, ...]:
        """What the kernel of the installed system gets: the site's own arguments, and those of huge pages."""
        return (*self.kernel_args, *huge_page_arguments(self.hugepages))

    @property
    def scripts(self) -> tuple[tuple[str, str], ...]:
        """The scripts for the installed system and their variables, in their order: of the site, a group, the host."""
        of = {"node_post_site": self.post_site, "node_post_group": self.post_group, "node_post": self.post}
        return tuple((variable, text) for variable, texts in of.items() for text in texts)

    @property
    def identity(self) -> Identity:
        return Identity.model_construct(
            mac=self.mac,
            hostname=self.hostname,
            iscsi_initiator=self.iscsi_initiator,
            serial=self.serial,
            disk=self.disk,
            network=self.network,
            bmc=self.bmc,
        )
