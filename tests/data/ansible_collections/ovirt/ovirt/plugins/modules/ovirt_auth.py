# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in with the arguments of the module of this name in ovirt.ovirt."""

from __future__ import annotations

from ansible_collections.ovirt.ovirt.plugins.module_utils.standin import run

SPEC = {
    "url": {},
    "hostname": {},
    "username": {},
    "password": {"no_log": True},
    "ca_file": {"type": "path"},
    "insecure": {"type": "bool"},
    "timeout": {"type": "int", "default": 0},
    "compress": {"type": "bool", "default": True},
    "kerberos": {"type": "bool", "default": False},
    "headers": {"type": "dict"},
    "state": {"default": "present", "choices": ["present", "absent"]},
    "token": {"no_log": False},
    "ovirt_auth": {"type": "dict"},
}

if __name__ == "__main__":
    run("ovirt_auth", SPEC, is_common=False)
