# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong between the variables of one host: one rule for each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic_core import PydanticCustomError

from ksgen.host.access import fips_keys
from ksgen.host.additions import content_problems, local_disk_problems
from ksgen.host.bootnetwork import boot_network_problems
from ksgen.host.dumps import kdump_problems
from ksgen.host.host import Host
from ksgen.host.outside import certificate_problems, proxy_host_problems, proxy_problems
from ksgen.host.reach import reach_problems
from ksgen.problems import Problem
from ksgen.variables import (
    OF_NODES,
    DhcpRange,
    boot_nic_findings,
    host_name,
    skipped_names,
    static_addresses,
    topology_findings,
    unknown_check,
)

NO_LOGIN = "nobody-can-log-in"


def host_problems(host: Host) -> Iterator[Problem]:
    """What is wrong between the variables of one host."""
    for rule in _RULES:
        yield from rule(host)


def identity_problems(host: Host) -> Iterator[Problem]:
    """Of these, what can be wrong with a host although nothing is with others of its shape (shapes.py)."""
    for rule in _OF_IDENTITY:
        yield from rule(host)


def _host_name(host: Host) -> Iterator[Problem]:
    """The name of a host in the inventory need not be one that the host itself can have."""
    try:
        host_name(host.hostname)
    except PydanticCustomError as error:
        yield host.problem(("node_hostname",), error.type, error.message(), "add node_hostname: to the host")


def _login(host: Host) -> Iterator[Problem]:
    settings = host.settings
    hashes = [settings.root_password_hash, *(user.password_hash for user in settings.users)]
    if not (any(hashes) or settings.ssh_keys or any(user.ssh_keys for user in settings.users)):
        message = "no user can log in to this host"
        cure = "add node_ssh_keys, node_users or node_root_password_hash"
        yield host.problem((), NO_LOGIN, message, cure)


def _network(host: Host) -> Iterator[Problem]:
    """What a host reaches is only told of a network that is right."""
    found = [host.at(("node_network", *place), one) for place, one in topology_findings(host.settings.network)]
    yield from found
    if not any(problem.severity == "error" for problem in found):
        yield from reach_problems(host)
    for finding in boot_nic_findings(host.settings.network, host.settings.mac):
        yield host.at(("node_mac",), finding)


def _dhcp_range(host: Host) -> Iterator[Problem]:
    """No address that dnsmasq gives away is one of the host's own."""
    dhcp = host.settings.dhcp
    if not isinstance(dhcp, DhcpRange):
        return
    for place, address in static_addresses(host.settings.network):
        if place[1] == "ipv4" and dhcp.holds(address):
            message = f"{address} is inside the DHCP range of node_dhcp"
            yield host.problem(
                ("node_network", *place), "address-in-dhcp-range", message, "choose an address outside it"
            )


def _disk_twice(host: Host) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, disk in enumerate(host.disks):
        by_path = (("path", disk.path),) if disk.path else ()
        for key, value in dict.fromkeys((*disk.identities, *by_path)):
            if value in seen:
                message = f"{value} is listed twice"
                yield host.problem(("node_disk", index, key), "disk-twice", message, "remove one of them")
        seen |= {value for _, value in (*disk.identities, *by_path)}


def _mirror(host: Host) -> Iterator[Problem]:
    if host.settings.raid and len(host.disks) != 2:
        message = f"a mirror needs two disks; node_disk has {len(host.disks)}"
        yield host.problem(("node_raid",), "disks-for-mirror", message, "list two disks, or remove node_raid")


def _user_twice(host: Host) -> Iterator[Problem]:
    names = [user.name for user in host.settings.users]
    for index, name in enumerate(names):
        if name in names[:index]:
            message = f"{name} is listed twice"
            yield host.problem(("node_users", index, "name"), "user-twice", message, "remove one of them")


def _of_nodes(host: Host) -> Iterator[Problem]:
    """Groups have them for the nodes among their hosts; at the host itself they are meant to have an effect."""
    for name in () if host.settings.is_node else OF_NODES:
        variable = host.entry.variables.get(name)
        if variable and variable.origin.kind in ("host", "host_vars"):
            message = "has no effect on a plain host, which is installed without an image"
            hint = "remove it, or set node_kind: node"
            yield host.problem((name,), "variable-of-nodes", message, hint, "warning")


def _firewall(host: Host) -> Iterator[Problem]:
    """A service of firewalld that no package brings may be one of the site's own, in /etc/firewalld/services."""
    firewall = host.settings.firewall
    for index, name, meant in firewall.unknown_services() if firewall else ():
        message = f"firewalld has no service {name!r}, and would ignore it silently"
        hint = meant or "write its port in ports:, unless a file in /etc/firewalld/services/ describes it"
        yield host.problem(("node_firewall", "services", index), "firewall-service", message, hint, "warning")


# What waives checks at a boot: SKIP_ARGUMENT of programs/checks.py, which takes longer to import than all rules.
SKIP_ARGUMENT = "inst.node.skip"


def _skipped_checks(host: Host) -> Iterator[Problem]:
    """The installer only warns of a name that it does not know."""
    for index, name in skipped_names(host.settings.installer_args, SKIP_ARGUMENT):
        if wrong := unknown_check(name):
            yield host.problem(("node_installer_args", index), "check-unknown", *wrong)


_RULES: tuple[Callable[[Host], Iterator[Problem]], ...] = (
    _host_name,
    _login,
    _network,
    _dhcp_range,
    boot_network_problems,
    fips_keys,
    _disk_twice,
    local_disk_problems,
    _mirror,
    _user_twice,
    content_problems,
    _of_nodes,
    _firewall,
    kdump_problems,
    certificate_problems,
    proxy_problems,
    proxy_host_problems,
    _skipped_checks,
)
_OF_IDENTITY = (_host_name, _dhcp_range, _disk_twice, local_disk_problems, proxy_host_problems)
