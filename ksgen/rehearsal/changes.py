# SPDX-License-Identifier: GPL-2.0-or-later
"""What differs between the published kickstart of a host and the one that is rehearsed: a few variables."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Collection, Iterator, Sequence
from urllib.parse import urlsplit

from ksgen.host import Host
from ksgen.rehearsal import look
from ksgen.rehearsal.machine import DISKS, NICS, is_onboard, nic_devices, replaced_serial
from ksgen.rehearsal.preparing import Certificates
from ksgen.variables import Interface, MachineChecks

CONSOLE = "console=ttyS0"
_UNIT_NAME = "ksgen-rehearsal.service"
_SCRIPT = "/etc/ksgen-rehearsal"
_UNIT = f"""\
[Unit]
Description=Tell the rehearsal what this system is
After=multi-user.target
[Service]
Type=idle
ExecStart=/bin/bash {_SCRIPT}
"""
# A link or server that is missing is not plugged in here by a person.
_WAIT_S = 60


@dataclasses.dataclass(frozen=True)
class Change:
    """A variable with its value for the rehearsal, and why."""

    variable: str
    value: object
    reason: str


def needed_changes(
    host: Host, replace: Collection[str] = (), tls: Certificates | None = None, *, is_emulated: bool
) -> tuple[Change, ...]:
    """The variables of a host that a rehearsal sets. `tls`: the certificates of its servers, if they have some."""
    return tuple(_changes(host, replace, tls, is_emulated))


def _changes(host: Host, replace: Collection[str], tls: Certificates | None, is_emulated: bool) -> Iterator[Change]:
    settings = host.settings
    if CONSOLE not in settings.kernel_args:
        yield Change("node_kernel_args", [*settings.kernel_args, CONSOLE], "the installed system has a serial console")
    if CONSOLE not in settings.installer_args:
        yield Change("node_installer_args", [*settings.installer_args, CONSOLE], "so has the installer")
    yield Change("node_post", [*settings.post, _look_post()], f"{_UNIT_NAME} says what the installed system is")
    asked = settings.checks or MachineChecks()
    skip = list(dict.fromkeys([*asked.skip, *(["virtualization"] if is_emulated else [])]))
    checks: dict[str, object] = {"skip": skip, "wait": f"{min(asked.wait, _WAIT_S)} s"}
    checks |= {"hosted_engine": True} if asked.hosted_engine else {}
    words = f"what is missing is waited for {_WAIT_S} s at most"
    words += "; the machine is emulated and has no virtualization" if is_emulated else ""
    yield Change("node_checks", checks, words)
    if tls:
        certificates = [*settings.ca_certificates, tls.authority]
        yield Change("node_ca_certificates", certificates, "the authority of the rehearsal's servers")
        # Reports go below node_server_url: another server of theirs is refused (url_problems).
        if settings.report_pin and urlsplit(settings.server_url).scheme == "https":
            yield Change("node_report_pin", tls.fingerprint, "the certificate of the rehearsal's server")
    if DISKS in replace:
        yield Change("node_disk", list(_disks(host)), f"--replace {DISKS}: by serial numbers")
    if NICS in replace:
        yield Change("node_network", list(_network(host)), f"--replace {NICS}: names of onboard NICs")


def overlay(name: str, made: Collection[Change]) -> str:
    """An inventory that gives a host these variables, for use after the site's own."""
    values = {change.variable: change.value for change in made}
    return f"{_yaml({'all': {'hosts': {name: values}}})}\n"


def _yaml(value: object) -> str:
    """A value as YAML, with braces that mean themselves."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(str(key))}: {_yaml(one)}" for key, one in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_yaml, value)) + "]"
    text = json.dumps(value, ensure_ascii=False)
    return f"!unsafe {text}" if isinstance(value, str) and "{" in value else text


def _look_post() -> str:
    wants = "/etc/systemd/system/multi-user.target.wants"
    return "\n".join((
        "# Added by ksgen rehearse",
        f"cat >{_SCRIPT} <<'END_OF_LOOK'\n{look.script()}END_OF_LOOK",
        f"cat >/etc/systemd/system/{_UNIT_NAME} <<'END_OF_UNIT'\n{_UNIT}END_OF_UNIT",
        f"mkdir -p {wants}; ln -sf ../{_UNIT_NAME} {wants}/{_UNIT_NAME}\n",
    ))  # fmt: skip


def _disks(host: Host) -> Iterator[dict[str, object]]:
    for number, disk in enumerate(host.settings.disk):
        size = disk.size.model_dump(exclude_none=True) if disk.size else {}
        sizes = {key: f"{value} B" for key, value in size.items()}
        yield {"serial": replaced_serial(number), **({"size": sizes} if sizes else {})}


def _network(host: Host) -> Iterator[dict[str, object]]:
    """node_network with names of onboard NICs in the place of those that QEMU does not have."""
    network = host.settings.network
    names = dict(_new_names([device for device, mac in nic_devices(network) if ":" not in device and mac is None]))
    for one in network:
        written = _written(one)
        if one.name:
            written["name"] = names.get(one.name, one.name)
        for kind, key in (("bond", "members"), ("bridge", "members"), ("vlan", "parent")):
            below = written.get(kind)
            if isinstance(below, dict):
                value = below[key]
                renamed = (
                    [names.get(each, each) for each in value] if isinstance(value, list) else names.get(value, value)
                )
                written[kind] = {**below, key: renamed}
        yield written


def _new_names(devices: Sequence[str]) -> Iterator[tuple[str, str]]:
    free = (name for number in itertools.count(1) if (name := f"eno{number}") not in devices)
    yield from ((device, next(free)) for device in devices if not is_onboard(device))


def _written(one: Interface) -> dict[str, object]:
    found: dict[str, object] = one.model_dump(exclude_unset=True)
    if one.speed:
        found["speed"] = f"{one.speed} Mbit/s"
    return found
