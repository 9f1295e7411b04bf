# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in with the arguments of the module of this name in ovirt.ovirt."""

from __future__ import annotations

from ansible_collections.ovirt.ovirt.plugins.module_utils.standin import run

STATES = [
    "present", "absent", "maintenance", "upgraded", "started", "restarted", "stopped", "reinstalled", "iscsidiscover",
    "iscsilogin", "refreshed",
]  # fmt: skip
SPEC = {
    "state": {"choices": STATES, "default": "present"},
    "name": {"required": True},
    "id": {},
    "comment": {},
    "cluster": {},
    "address": {},
    "ssh_port": {"type": "int"},
    "password": {"no_log": True},
    "public_key": {"type": "bool", "default": False, "aliases": ["ssh_public_key"]},
    "enroll_certificate": {"type": "bool", "default": False},
    "kdump_integration": {"choices": ["enabled", "disabled"]},
    "spm_priority": {"type": "int"},
    "override_iptables": {"type": "bool"},
    "force": {"type": "bool", "default": False},
    "reboot_after_installation": {"type": "bool"},
    "timeout": {"type": "int", "default": 600},
    "override_display": {},
    "kernel_params": {"type": "list", "elements": "str"},
    "hosted_engine": {"choices": ["deploy", "undeploy"]},
    "power_management_enabled": {"type": "bool"},
    "activate": {"type": "bool", "default": True},
    "iscsi": {"type": "dict"},
    "check_upgrade": {"type": "bool", "default": True},
    "reboot_after_upgrade": {"type": "bool", "default": True},
    "vgpu_placement": {"choices": ["consolidated", "separated"]},
}

if __name__ == "__main__":
    run("ovirt_host", SPEC)
