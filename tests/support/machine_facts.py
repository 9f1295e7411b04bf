# SPDX-License-Identifier: GPL-2.0-or-later
"""The facts of a recorded machine, with NICs and a vendor as a test wants them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from disk_replay import facts_text

from org_ovirt_node.programs import nics

MAC = "52:54:00:aa:00:01"
DMI = {"sys_vendor": "Dell Inc.\n", "product_name": "PowerEdge R640\n", "product_serial": "ABC1234\n"}
COLLECTED = "2026-11-30T10:00:00Z"


def facts(name: str, macs: Sequence[str] = (MAC, "52:54:00:aa:00:02"), **changes: Any) -> str:
    """The facts of a recorded machine with NICs eno1, eno2 and so on; the first has a link."""
    data = json.loads(facts_text(name))
    names = [f"eno{number}" for number in range(1, len(macs) + 1)]
    files = {f"/sys/class/dmi/id/{key}": text for key, text in DMI.items()}
    for nic, mac in zip(names, macs, strict=True):
        state = "up\n" if nic == "eno1" else "down\n"
        files.update({f"{nics.NET}/{nic}/{key}": text for key, text in (("device", ""), ("address", f"{mac}\n"))})
        files[f"{nics.NET}/{nic}/operstate"] = state
    return json.dumps({**data, "collected": COLLECTED, "files": files, "directories": {nics.NET: names}, **changes})
