# SPDX-License-Identifier: GPL-2.0-or-later
"""A stand-in with the arguments of the module of this name in ovirt.ovirt."""

from __future__ import annotations

from ansible_collections.ovirt.ovirt.plugins.module_utils.standin import run

SPEC = {
    "pattern": {"default": ""},
    "follow": {"type": "list", "elements": "str", "default": [], "aliases": ["follows"]},
}

if __name__ == "__main__":
    run("ovirt_cluster_info", SPEC, is_info=True)
