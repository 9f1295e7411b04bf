# SPDX-License-Identifier: GPL-2.0-or-later
"""What `ksgen arm` prints before arming: which hosts are installed, which of their disks are erased, until when."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence

from ksgen.host import Host
from ksgen.variables import Disk, SizeRange
from org_ovirt_node.layout import size_text


def time_text(moment: datetime.datetime, zone: datetime.tzinfo | None = None) -> str:
    """`2026-05-04 20:00 CEST (18:00 UTC)`: local time first. `zone` None: the machine's local time zone."""
    utc = moment.astimezone(datetime.timezone.utc)
    local = moment.astimezone(zone)
    if local.utcoffset() == datetime.timedelta(0):
        return f"{utc:%Y-%m-%d %H:%M} UTC"
    day = "" if local.date() == utc.date() else f"{utc:%Y-%m-%d} "
    return f"{local:%Y-%m-%d %H:%M %Z} ({day}{utc:%H:%M} UTC)"


def lines(hosts: Sequence[Host], until: str, known: Mapping[str, str] | None = None) -> Iterator[str]:
    """The hosts with their disks, and notes on what else is erased. `known`: what was last known of a host."""
    count = "this host" if len(hosts) == 1 else f"these {len(hosts)} hosts"
    yield f"The installer erases the disks of {count} once, at a network boot before {until}:"
    for host in hosts:
        disks = [_disk(disk) for disk in host.disks]
        yield f"  {host.name}  {host.settings.mac}"
        for text in disks:
            yield f"    disk {text}"
        for note in _notes(host):
            yield f"    {note}"
        if known and host.name in known:
            yield f"    {known[host.name]}"


def _disk(disk: Disk) -> str:
    named = ((key, getattr(disk, key)) for key in ("wwn", "serial", "path", "model"))
    parts = [f"{key} {value}" for key, value in named if value]
    return ", ".join([*parts, *([_size(disk.size)] if disk.size else ["of any size"])])


def _size(size: SizeRange) -> str:
    if size.min is not None and size.max is not None:
        low, high = size_text(size.min), size_text(size.max)
        return f"of {low}" if low == high else f"of {low} to {high}"
    if size.min is not None:
        return f"of {size_text(size.min)} or more"
    return f"of {size_text(size.max)} or less" if size.max is not None else "of any size"


def _notes(host: Host) -> Iterator[str]:
    settings = host.settings
    if settings.raid:
        yield "mirrored: both disks are erased"
    if settings.multipath:
        yield "multipath: the LUN may be visible to other machines"
    if settings.reinstall:
        yield "node_reinstall: an existing node installation on them is erased"
    if settings.erase:
        yield f"node_erase: {', '.join(settings.erase)} on them may be erased"
