# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in with the arguments of the module of this name in ovirt.ovirt."""

from __future__ import annotations

from ansible_collections.ovirt.ovirt.plugins.module_utils.standin import run

SPEC = {
    "state": {"choices": ["present", "absent"], "default": "present"},
    "name": {"required": True, "aliases": ["host"]},
    "address": {},
    "username": {},
    "password": {"no_log": True},
    "type": {},
    "port": {"type": "int"},
    "order": {"type": "int"},
    "options": {"type": "dict"},
    "encrypt_options": {"type": "bool", "aliases": ["encrypt"]},
}

if __name__ == "__main__":
    run("ovirt_host_pm", SPEC)
