# SPDX-License-Identifier: GPL-2.0-or-later
"""Record what `ansible-inventory --list` prints of a NetBox as an inventory that needs neither the plugin nor a NetBox.

ansible-inventory -i 10-netbox.yml --list | python tests/support/record_netbox.py >tests/data/netbox/recorded.json

10-netbox.yml is the one of docs/sources.md. Variables of `group_vars` are left out: the chain has them again.
"""

from __future__ import annotations

import json
import sys
from typing import Any

_UNSAFE = "__ansible_unsafe"  # how ansible-core 2.19 marks what comes from outside


def plain(value: Any) -> Any:
    """Without the marks of ansible-core."""
    if isinstance(value, dict):
        return value[_UNSAFE] if set(value) == {_UNSAFE} else {name: plain(one) for name, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


def inventory(listed: dict[str, Any]) -> dict[str, Any]:
    """A static inventory with the same groups, and the variables of each host in the first group that has it."""
    variables = plain(listed["_meta"]["hostvars"])
    own = {
        host: {name: value for name, value in found.items() if not name.startswith("node_")}
        for host, found in variables.items()
    }
    groups = {
        group: {"hosts": {host: own.pop(host, {}) for host in members["hosts"]}}
        for group, members in listed.items()
        if isinstance(members, dict) and "hosts" in members
    }
    return {"all": {"children": groups}}


if __name__ == "__main__":
    print(json.dumps(inventory(json.load(sys.stdin)), indent=1))
