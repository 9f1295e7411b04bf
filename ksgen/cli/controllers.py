# SPDX-License-Identifier: GPL-2.0-or-later
"""The controllers of hosts with their passwords, for the commands that ask them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn

from ksgen.cli.edges import stop
from ksgen.host import Host, opened_passwords
from ksgen.inventory import Inventory
from ksgen.problems import Problem

if TYPE_CHECKING:
    from ksgen.bmc import Access

_REQUIRED = ("sushy", "requests", "starlette", "uvicorn")


def stop_without(error: ModuleNotFoundError) -> NoReturn:
    """Say what to install; an error about another module is a bug."""
    if (error.name or "").partition(".")[0] not in _REQUIRED:
        raise error
    stop(f"this requires {error.name}: pip install 'ovirt-node-installer[bmc]'")


def accesses(site: Inventory, hosts: Sequence[Host]) -> tuple[dict[str, Access], list[Problem]]:
    """How to log in to the controllers of hosts, by the host's name; and why to some it cannot be done."""
    from ksgen.bmc import Access

    problems = list(_without(hosts))
    passwords, closed = opened_passwords(site, {host.name for host in hosts})
    found = {
        host.name: Access.of(host.settings.bmc, passwords[host.name])
        for host in hosts
        if host.settings.bmc and host.name in passwords
    }
    return found, [*problems, *closed]


def _without(hosts: Iterable[Host]) -> Iterator[Problem]:
    for host in hosts:
        bmc = host.settings.bmc
        if bmc is None:
            yield host.problem((), "bmc-missing", "has no controller", "set node_bmc (docs/bmc.md)")
        elif not bmc.may_have_redfish:
            message = f"ksgen needs a controller with Redfish, and {bmc.type} is none"
            yield host.problem(("node_bmc", "type"), "bmc-no-redfish", message, "switch this machine by hand")
