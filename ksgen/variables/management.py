# SPDX-License-Identifier: GPL-2.0-or-later
"""Power management of a host: its controller (BMC), with which the engine fences it and `ksgen bmc` installs it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, WithJsonSchema, model_validator

from ksgen.variables.addresses import any_address, domain_name
from ksgen.variables.certificates import CaCertificate
from ksgen.variables.values import STRICT, a_text, nearest, one_line, refuse, shown

# The fence agents that the engine offers: ovirt-engine, packaging/dbscripts/upgrade/pre_upgrade/0000_config.sql,
# VdsFenceType.
AGENTS = (
    "amt_ws", "apc", "apc_snmp", "bladecenter", "cisco_ucs", "drac5", "drac7", "eps", "hpblade", "ilo", "ilo2", "ilo3",
    "ilo4", "ilo_ssh", "ipmilan", "redfish", "rsa", "rsb", "wti",
)  # fmt: skip
# Those of one machine; the others are of a chassis or a power switch, whose address several hosts have.
_OF_ONE_MACHINE = frozenset({
    "amt_ws", "drac7", "ilo", "ilo2", "ilo3", "ilo4", "ilo_ssh", "ipmilan", "redfish", "rsa", "rsb"
})  # fmt: skip
# Of these the controllers speak no Redfish, or there is none; those of the others may: many of which the engine fences
# with ipmilan have both.
_WITHOUT_REDFISH = frozenset(AGENTS) - _OF_ONE_MACHINE | {"amt_ws", "ilo", "ilo2", "ilo3", "rsa", "rsb"}
HTTPS_PORT = 443
# What people write for an agent, and the agent.
_MEANT = {"ipmi": "ipmilan", "idrac": "drac7", "idrac9": "redfish", "ilo5": "redfish", "ilo6": "redfish"}

# How a value is marked that comes out of a vault: as `ansible-inventory --list` prints it.
FROM_VAULT = "__ansible_vault"
_VAULT_CURE = "encrypt it: ansible-vault encrypt_string --name password; or move node_bmc to a vaulted file"


def _agent(value: object) -> str:
    text = a_text(value, "redfish")
    if text not in AGENTS:
        cure = f"write {_MEANT[text.lower()]}" if text.lower() in _MEANT else nearest(text, AGENTS)
        message = f"{shown(value)} is not a fence agent of the engine"
        refuse("bmc-type", message, cure or f"one of: {', '.join(AGENTS)}")
    return text


_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:[^/@]*@)?(?P<rest>.*)", re.IGNORECASE)
_NAME_ALONE = "write the name or the address alone: bmc.example.com"
_NAME_AND_PORT = f"{_NAME_ALONE}, and the port as port:"
# The last part of a path in Redfish (DSP0266, 6.5): what a URL has there without being encoded.
_SYSTEM = re.compile(r"[A-Za-z0-9._~-]{1,255}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_FINGERPRINT_CURE = "write the 64 hex digits of `openssl x509 -noout -fingerprint -sha256`, with or without colons"


def _controller(value: object) -> str:
    if isinstance(value, str) and (found := _URL.match(value)):
        has_port = re.search(r":[0-9]+(?:/|$)", found["rest"]) is not None
        refuse("bmc-address", "a URL is not an address", _NAME_AND_PORT if has_port else _NAME_ALONE)
    if isinstance(value, str) and re.fullmatch(r"[^:\s]+:[0-9]+", value):
        refuse("bmc-address", "this value has a port", _NAME_AND_PORT)
    is_address = isinstance(value, str) and (":" in value or value.replace(".", "").isdigit())
    return any_address(value) if is_address else domain_name(value)


def _user(value: object) -> str:
    if not isinstance(value, str):
        refuse("wrong-type", "the name of a user must be a string", "write it in quotes")
    if not value.strip():
        refuse("text-empty", "the name of the user is empty", "write the user of the controller")
    return value


def _system(value: object) -> str:
    text = one_line(a_text(value, '"1"'))
    if not _SYSTEM.fullmatch(text):
        cure = "write the last part of its path: System.Embedded.1 of /redfish/v1/Systems/System.Embedded.1"
        refuse("bmc-system", "not the ID of a system", cure)
    return text


def _fingerprint(value: object) -> str:
    text = a_text(value, '"9F:86:D0:…"').removeprefix("sha256 Fingerprint=").removeprefix("SHA256 Fingerprint=")
    digits = text.replace(":", "").lower()
    if re.fullmatch(r"[0-9a-f]{40}", digits):
        refuse("bmc-fingerprint", "this is a SHA-1 fingerprint; SHA-256 is required", _FINGERPRINT_CURE)
    if not _FINGERPRINT.fullmatch(digits):
        refuse("bmc-fingerprint", "not a SHA-256 fingerprint", _FINGERPRINT_CURE)
    return digits


def _from_vault(value: object) -> str:
    """Only what is vaulted; the password itself is never here."""
    if not isinstance(value, Mapping) or FROM_VAULT not in value:
        refuse("bmc-password", "the password of a controller must come out of a vault", _VAULT_CURE)
    return "(vaulted)"


_FINGERPRINT_SCHEMA = {"type": "string", "pattern": "^([0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$"}


class Bmc(BaseModel):
    """The controller of a host: the engine fences the host with it, and `ksgen bmc` switches it and chooses its boot.

    Its certificate is verified by the authorities of the system unless one of the last three says otherwise.
    """

    model_config = STRICT

    type: Annotated[
        str,
        BeforeValidator(_agent),
        Field(description="The engine's fence agent.", json_schema_extra={"enum": list(AGENTS)}),
    ] = "redfish"
    address: Annotated[str, BeforeValidator(_controller), Field(description="A name or an address.")]
    port: Annotated[int, Field(ge=1, le=65535, description="The port of Redfish.")] = HTTPS_PORT
    system: Annotated[
        str | None, BeforeValidator(_system), Field(description="The ID of the host, if the controller has several.")
    ] = None
    user: Annotated[str, AfterValidator(one_line), BeforeValidator(_user)]
    password: Annotated[str, BeforeValidator(_from_vault), Field(description="Only vaulted (`!vault`).", repr=False)]
    certificate: Annotated[
        CaCertificate | None,
        Field(description="The certificate of the authority that has issued its own, in PEM or `{from: FILE}`."),
    ] = None
    fingerprint: Annotated[
        str | None,
        BeforeValidator(_fingerprint),
        WithJsonSchema(_FINGERPRINT_SCHEMA),
        Field(description="The SHA-256 fingerprint of the controller's own certificate."),
    ] = None
    verify: Annotated[bool, Field(description="`false`: any certificate is accepted.")] = True

    @model_validator(mode="after")
    def _is_trusted_in_one_way(self) -> Bmc:
        ways = [
            name
            for name, is_given in (
                ("certificate", self.certificate is not None),
                ("fingerprint", self.fingerprint is not None),
                ("verify: false", not self.verify),
            )
            if is_given
        ]
        if len(ways) > 1:
            refuse("bmc-trust", f"{' and '.join(ways)} exclude each other", f"keep {ways[0]}")
        return self

    @property
    def is_of_one_machine(self) -> bool:
        """Whether no other host can have the same address: a controller, not a chassis or a power switch."""
        return self.type in _OF_ONE_MACHINE

    @property
    def may_have_redfish(self) -> bool:
        """Whether `ksgen bmc` can try: what the engine fences with may be another protocol of the same controller."""
        return self.type not in _WITHOUT_REDFISH

    @property
    def identity(self) -> str:
        """What no two hosts can have the same: the address, and of several systems which one."""
        port = f":{self.port}" if self.port != HTTPS_PORT else ""
        return self.address + port + (f" {self.system}" if self.system else "")
