# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in with the arguments of the module of this name in ovirt.ovirt."""

from __future__ import annotations

from ansible_collections.ovirt.ovirt.plugins.module_utils.standin import run

SPEC = {
    "pattern": {"default": ""},
    "follow": {"type": "list", "elements": "str", "default": [], "aliases": ["follows"]},
    "all_content": {"type": "bool", "default": False},
    "cluster_version": {},
}

if __name__ == "__main__":
    run("ovirt_host_info", SPEC, is_info=True)
