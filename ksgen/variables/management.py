# SPDX-License-Identifier: GPL-2.0-or-later
"""Power management of a host: the controller that fences it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from ksgen.variables.addresses import any_address, domain_name
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


def _controller(value: object) -> str:
    is_address = isinstance(value, str) and (":" in value or value.replace(".", "").isdigit())
    return any_address(value) if is_address else domain_name(value)


def _user(value: object) -> str:
    if not isinstance(value, str):
        refuse("wrong-type", "the name of a user must be a string", "write it in quotes")
    if not value.strip():
        refuse("text-empty", "the name of the user is empty", "write the user of the controller")
    return value


def _from_vault(value: object) -> str:
    """Only what is vaulted; the password itself is never here."""
    if not isinstance(value, Mapping) or FROM_VAULT not in value:
        refuse("bmc-password", "the password of a controller must come out of a vault", _VAULT_CURE)
    return "(vaulted)"


class Bmc(BaseModel):
    """The controller with which the engine fences a host."""

    model_config = STRICT

    type: Annotated[
        str,
        BeforeValidator(_agent),
        Field(description="The engine's fence agent.", json_schema_extra={"enum": list(AGENTS)}),
    ]
    address: Annotated[str, BeforeValidator(_controller), Field(description="A name or an address.")]
    user: Annotated[str, AfterValidator(one_line), BeforeValidator(_user)]
    password: Annotated[str, BeforeValidator(_from_vault), Field(description="Only vaulted (`!vault`).", repr=False)]

    @property
    def is_of_one_machine(self) -> bool:
        """Whether no other host can have the same address: a controller, not a chassis or a power switch."""
        return self.type in _OF_ONE_MACHINE
