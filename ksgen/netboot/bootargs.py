# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of the installer's kernel: what a host's settings say to Anaconda and to dracut.

Names and their meaning: Anaconda's boot-options.rst; dracut.cmdline(7). EL9 and EL10 read the network arguments with
NetworkManager's nm-initrd-generator(8), which is narrower than dracut's own reader; its source has what is said here.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from ksgen.host import Host
from ksgen.netboot import nginx
from ksgen.problems import Problem
from ksgen.redaction import HASH, secrets
from ksgen.variables import (
    ENVIRONMENT,
    KERNEL_LINE_LONGEST,
    ODD_CHARACTER,
    PLAIN_MARKS,
    Interface,
    Settings,
    argument_name,
    boot_arguments,
    carries_other,
    is_plain,
    own_ipv4,
    own_ipv6,
    pins,
)

# The names of kickstarts that nginx.conf serves: host names, and the IPv6 addresses that stand for one.
_SERVED_NAME = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:-]*")
# Network arguments: if the operator sets one of these, ksgen adds none.
_NETWORK_NAMES = frozenset({"ip", "bond", "bridge", "team", "vlan", "ifname", "bootdev", "rd.bootif"})


@dataclasses.dataclass(frozen=True)
class _Network:
    """The network arguments, and why they differ from the inventory."""

    arguments: tuple[str, ...]
    complaint: str = ""


def kernel_arguments(host: Host, token: str, is_on_medium: bool = False) -> tuple[str, ...]:
    """The arguments of an armed host. The add-on's image is in the published tree (site.addon_images).

    `is_on_medium`: no DHCP server of ours has been needed so far, and none is needed then.
    """
    settings = host.settings
    base = base_url(settings)
    given = set(map(_sets, settings.installer_args))
    ours = [
        f"inst.stage2={settings.tree_url}",
        f"inst.ks={base}/ks/{host.name}.ks?armed={token}",
        f"BOOTIF=01-{dashed(settings.mac)}",
    ]
    # The names of NICs are those of the kickstart, whatever the network of the installer is.
    ours += boot_arguments(settings)
    if not given & _NETWORK_NAMES:
        ours += _network(host, is_on_medium).arguments
    # The kickstart has hashes of passwords; Anaconda would leave it and what it makes of it in the target's /root.
    ours.append("inst.nosave=all_ks")
    if proxy := settings.proxy_for(settings.tree_url):
        ours.append(f"inst.proxy={proxy}")
    if settings.addon is True:
        ours.append(f"inst.updates={base}/{addon_image(settings)}")
    return (*(argument for argument in ours if _sets(argument) not in given), *settings.installer_args)


def _sets(argument: str) -> str:
    """What an argument sets: its name, or the variable of the environment."""
    words = argument.split("=")
    return "=".join(words[:2] if words[0] == ENVIRONMENT else words[:1])


def addon_image(settings: Settings) -> str:
    """The path below out/ of the add-on's image for a host."""
    return f"images/ovirt-node-updates{f'-{settings.efi_dir}' if settings.efi_dir else ''}.img"


def base_url(settings: Settings) -> str:
    """Where `out/` is served, without a slash at the end."""
    return settings.server_url.rstrip("/")


def dashed(mac: str) -> str:
    return mac.replace(":", "-")


def word_problems(host: Host) -> Iterator[Problem]:
    """Values that cannot be written to a boot file unchanged."""
    settings = host.settings
    for name in ("server_url", "tree_url"):
        if not is_plain(getattr(settings, name)):
            yield host.problem((f"node_{name}",), "boot-word", ODD_CHARACTER, PLAIN_MARKS)
    if settings.proxy and not is_plain(settings.proxy.url):
        yield host.problem(("node_proxy", "url"), "boot-word", ODD_CHARACTER, PLAIN_MARKS)
    path = urlsplit(settings.server_url).path
    # nginx compares with the decoded path; boot loaders send it as written.
    if is_plain(path or "/") and ("%" in path or nginx.served_path(path) is None):
        yield host.problem(("node_server_url",), "boot-word", ODD_CHARACTER, PLAIN_MARKS)
    for index, argument in enumerate(settings.installer_args):
        if not is_plain(argument):
            message = f"{argument_name(argument)} {ODD_CHARACTER}"
            yield host.problem(("node_installer_args", index), "boot-word", message, PLAIN_MARKS)
    if not _SERVED_NAME.fullmatch(host.name):
        yield host.problem(
            (), "boot-word", f"{host.name!r} cannot be used in a URL without encoding", "use ASCII letters"
        )


def problems(host: Host) -> Iterator[Problem]:
    """Settings of a host that cannot be passed to its boot loader or its installer."""
    settings = host.settings
    yield from word_problems(host)
    yield from _readable_secrets(host)
    network = _network(host)
    if network.complaint:
        yield host.problem(
            ("node_network",),
            "boot-network",
            f"{network.complaint}; the installer uses DHCP on {settings.mac} instead",
            "name the VLAN like bond0.100, on an interface given by name, not by MAC address",
            severity="warning",
        )
    length = _line_length(host)
    if length > _ROOM:
        message = f"the installer's kernel command line has {length} characters; the limit is {_ROOM}"
        yield host.problem(("node_installer_args",), "boot-line-long", message, "use fewer or shorter arguments")


def has_room(host: Host) -> bool:
    """Whether the line is so short that another name or address instead of the host's own cannot make it too long."""
    return _line_length(host) + _OTHERS_LONGER <= _ROOM


def _line_length(host: Host) -> int:
    """With a token (all tokens of a host have the same length) and the add-on."""
    return len(" ".join(kernel_arguments(host, f"{host.name}.{'9' * 10}.{'9' * 10}.{'f' * 32}")))


def _readable_secrets(host: Host) -> Iterator[Problem]:
    """A hash is not counted."""
    for name in ("installer_args", "kernel_args"):
        for index, argument in enumerate(getattr(host.settings, name)):
            if any(span.label != HASH for span in secrets([argument])[0]):
                message = f"{argument_name(argument)} contains a secret, which every machine on the network can read"
                hint = "remove it: boot files and kickstarts are served without authentication"
                yield host.problem((f"node_{name}", index), "argument-secret", message, hint, severity="warning")


# BOOT_IMAGE= and initrd= with their URLs, which PXELINUX and GRUB put before ours.
LOADER_ADDS = 466
_ROOM = KERNEL_LINE_LONGEST - LOADER_ADDS
_OTHERS_LONGER = 512  # characters; a name of 63 is in the line three times, in its token too, and addresses


# --- the network before there is a kickstart -------------------------------------------------------------------------


def _network(host: Host, is_on_medium: bool = False) -> _Network:
    """How the installer reaches the server: with the host's static network, otherwise by DHCP on the boot NIC."""
    settings = host.settings
    if settings.boot_network == "arguments":
        return _Network(())
    if (settings.dhcp != "none" and not is_on_medium) or settings.boot_network == "dhcp":
        return _Network(("ip=dhcp",))  # with a DHCP proxy, another server assigns the addresses
    interface = _reaching(settings)
    if interface is None:
        return _Network(("ip=dhcp",))
    carries = carries_other(interface, settings.network)
    addresses = [own for own in (own_ipv4(interface, carries), own_ipv6(interface, carries)) if "/" in own]
    if not addresses:
        return _Network((f"ip={_dynamic(interface, carries)}",))
    devices, complaint = _device_arguments(interface, settings)
    if complaint:
        return _Network(("ip=dhcp",), complaint)
    servers = dict.fromkeys(server for each in settings.network for server in each.dns)
    return _Network((
        # Otherwise the generator makes a second connection for the boot NIC, which uses DHCP and takes the NIC away
        # from its bond (nmi-cmdline-reader.c, "bootif_connection").
        "rd.bootif=0",
        *devices,
        *(_static(interface, address, host) for address in addresses),
        *(f"nameserver={server}" for server in servers),
    ))  # fmt: skip


def _reaching(settings: Settings) -> Interface | None:
    """The interface over which the installer reaches its server, None for the bare boot NIC."""
    interfaces = settings.network
    addressed = [i for i in interfaces if _has_address(i, settings)]
    standing = [i for i in addressed if settings.mac in _below(i, settings)]
    for interface in standing:
        if "/" not in f"{interface.ipv4}{interface.ipv6}":
            return interface  # a NIC that booted by DHCP keeps DHCP
    # Which NIC has the MAC is unknown if interfaces are named: take the one with the default route.
    pool = standing or addressed
    with_gateway = [i for i in pool if (i.gateway4 or i.gateway6) and i.default_route]
    return next(iter(with_gateway or pool), None)


def _has_address(interface: Interface, settings: Settings) -> bool:
    carries = carries_other(interface, settings.network)
    is_member = any(interface.device in other.lower for other in settings.network if not other.vlan)
    families = (own_ipv4(interface, carries), own_ipv6(interface, carries))
    return not is_member and any(own != "none" for own in families)


def _below(interface: Interface, settings: Settings) -> set[str]:
    """The interface and all interfaces below it; a NIC that is given a name is there by its MAC address too."""
    by_device = {i.device: i for i in settings.network}
    devices, todo = set(), [interface.device]
    while todo:
        device = todo.pop()
        if device not in devices:
            devices.add(device)
            todo += by_device[device].lower if device in by_device else ()
    return devices | {mac for name, mac in pins(settings.network) if name in devices}


def _dynamic(interface: Interface, carries: bool) -> str:
    if own_ipv4(interface, carries) == "dhcp":
        return "dhcp"
    return "dhcp6" if own_ipv6(interface, carries) == "dhcp" else "auto6"


def _field(device: str) -> str:
    """A NIC by its name or MAC address. With dashes, as a colon ends a field; the generator reads both alike."""
    return dashed(device)


def _static(interface: Interface, address: str, host: Host) -> str:
    own = ipaddress.ip_interface(address)
    mtu = f":{interface.mtu}" if interface.mtu is not None else ""
    if own.version == 4:
        numbers = f"{own.ip}::{interface.gateway4 or ''}:{own.netmask}"
    else:
        gateway = f"[{interface.gateway6}]" if interface.gateway6 else ""
        numbers = f"[{own.ip}]::{gateway}:{own.network.prefixlen}"
    return f"ip={numbers}:{host.hostname}:{_field(interface.device)}:none{mtu}"


def _device_arguments(interface: Interface, settings: Settings) -> tuple[list[str], str]:
    """The arguments that create the interface, lower ones first, or why it cannot be created."""
    by_device = {i.device: i for i in settings.network}
    arguments: list[str] = []
    for device in interface.lower:
        if device in by_device:
            lower, complaint = _device_arguments(by_device[device], settings)
            if complaint:
                return [], complaint
            arguments += lower
    if interface.vlan:
        # The generator takes the number from the end of the name, and the parent for a name.
        digits = re.search(r"[0-9]*\Z", interface.device)
        if digits is None or digits.group() != str(interface.vlan.id):
            return [], f"the installer's initrd cannot create VLAN {interface.vlan.id} with the name {interface.device}"
        if ":" in interface.vlan.parent:
            return [], f"the installer's initrd cannot create a VLAN on {interface.vlan.parent}"
        arguments.append(f"vlan={interface.device}:{interface.vlan.parent}")
    elif interface.bond:
        members = ",".join(map(_field, interface.bond.members))
        arguments.append(f"bond={interface.device}:{members}:{_bond_options(interface)}{_bond_mtu(interface)}")
    elif interface.bridge:
        arguments.append(f"bridge={interface.device}:{','.join(map(_field, interface.bridge.members))}")
    return arguments, ""


def _bond_options(interface: Interface) -> str:
    assert interface.bond is not None
    options = interface.bond.all_options
    # A list inside an option has semicolons (dracut.cmdline(7)); an IPv6 address would end the field.
    return ",".join(f"{name}={value.replace(',', ';')}" for name, value in options.items() if ":" not in value)


def _bond_mtu(interface: Interface) -> str:
    return f":{interface.mtu}" if interface.mtu is not None else ""
