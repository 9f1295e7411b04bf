# SPDX-License-Identifier: GPL-2.0-or-later
"""Units of systemd that a site enables, disables or masks, and those that are not its own."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from ksgen.variables.values import STRICT, a_text, refuse, shown

_UNIT = re.compile(r"[A-Za-z0-9:_-][A-Za-z0-9:_.@\\-]*")
_TYPES = ("service", "socket", "timer", "path", "target", "mount", "automount", "swap", "slice")
# What vdsm, the engine's deployment (ovirt-host-deploy-*), imgbased and the network of a node need.
_NEEDED = re.compile(
    r"(?:vdsmd|supervdsmd|mom-vdsm|vdsm-.*|sanlock|wdmd|multipathd|NetworkManager|NetworkManager-wait-online|firewalld"
    r"|imgbase-.*|libvirtd|libvirt-guests|virt[a-z]+d|ovirt-.*|chronyd|tuned|sshd|lvm2-.*|iscsid?|openvswitch|ovs.*"
    r"|ovn-controller|dbus|dbus-broker|systemd-.*|qemu-kvm)(?:@.*)?\.(?:service|socket)"
)
# The engine masks libvirt's daemons of EL9 and EL10 in favour of libvirtd (ovirt-host-deploy-vdsm).
_MASKED_BY_ENGINE = re.compile(
    r"virt(?:qemu|network|nodedev|nwfilter|secret|storage|interface|proxy|xen|lxc)d(?:-\w+)?\..*"
)
# They would take the place of firewalld, which the engine and hosted engine configure.
_OTHER_FIREWALLS = re.compile(r"(?:iptables|ip6tables|ebtables|arptables|nftables)\.service")
# ovirt-release, ovirt-release-host-node.spec: wanted by links in /usr/lib, which `systemctl disable` leaves alone.
WANTED_IN_USR = frozenset({"cockpit.socket", "rsyslog.service", "auditd.service"})


def _unit(value: object) -> str:
    text = a_text(value, "lldpd")
    if not _UNIT.fullmatch(text) or text.startswith("-") or len(text) > 255:
        refuse("unit-name", f"{shown(text)} is not the name of a unit", "as systemctl prints it: lldpd.service")
    return text if text.rpartition(".")[2] in _TYPES else f"{text}.service"


Unit = Annotated[str, BeforeValidator(_unit)]


class Services(BaseModel):
    """Units by what becomes of them; the names are whole, with their type."""

    model_config = STRICT

    enabled: list[Unit] = Field(default_factory=list)
    disabled: list[Unit] = Field(default_factory=list)
    masked: list[Unit] = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_allowed(self) -> Services:
        seen: dict[str, str] = {}
        for key in ("enabled", "disabled", "masked"):
            for unit in getattr(self, key):
                if unit in seen:
                    refuse("unit-twice", f"{unit} is in {seen[unit]} and in {key}", "remove one of them")
                seen[unit] = key
        if not seen:
            refuse("list-empty", "no unit is enabled, disabled or masked here", "add enabled:, disabled: or masked:")
        for unit in (*self.disabled, *self.masked):
            if _NEEDED.fullmatch(unit) and not _MASKED_BY_ENGINE.fullmatch(unit):
                refuse("unit-needed", f"{unit} is needed by vdsm, the engine or imgbase", "remove it")
        for unit in self.enabled:
            if _MASKED_BY_ENGINE.fullmatch(unit):
                refuse("unit-engine", f"{unit} is masked by the engine, which uses libvirtd", "remove it")
            if _OTHER_FIREWALLS.fullmatch(unit):
                refuse(
                    "unit-firewall", f"{unit} takes the place of firewalld, which the engine configures", "remove it"
                )
        for unit in self.disabled:
            if unit in WANTED_IN_USR:
                message = f"`systemctl disable` does not stop {unit}: the image wants it by a link in /usr/lib"
                refuse("unit-wanted", message, f"move it to masked: [{unit}]")
        return self
