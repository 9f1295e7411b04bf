# SPDX-License-Identifier: GPL-2.0-or-later
"""The kickstart that Storage is given to read for the node layout, and what the add-on finds in the one it writes."""

import shlex
from collections.abc import Sequence

from org_ovirt_node.layout import MIB, Plan, storage_commands

# Reading forgets these commands, and no property has what they have set. Read again, they change nothing.
_REPEATED = ("fcoe", "snapshot")
_OF_DISKS = ("zerombr", "clearpart")


def node_kickstart(plan: Plan, disks: Sequence[str], before: str, erases: bool) -> str:
    """Everything that Storage is to read: the commands of a plan on these disks, and what is to stay of `before`.

    `before` is what Storage itself has written. `erases`: the disks are cleared whatever it says about that.
    """
    commands = storage_commands(plan, disks)
    words = (*commands.selection_words, *(commands.clearing_words if erases else ()))
    kept = (*_REPEATED, *(() if erases else _OF_DISKS))
    lines = [line for line in before.splitlines() if line.split(" ")[0] in kept]
    lines += _namespaces(before)
    return "\n".join((*lines, *map(shlex.join, words), commands.text))


def _namespaces(before: str) -> list[str]:
    """EL 9 ignores NVDIMMs that no command names. One that has been reconfigured is not reconfigured again."""
    words = (shlex.split(line) for line in before.splitlines() if line.startswith("nvdimm "))
    given = [word for line in words for word in line if word.startswith(("--namespace=", "--blockdevs="))]
    return [shlex.join(("nvdimm", "use", option)) for option in given]


def metadata_sizes(kickstart: str) -> dict[str, int]:
    """The metadata of each thin pool, by the pool's name on the system, as a kickstart of Storage tells it."""
    sizes = {}
    for words in (shlex.split(line) for line in kickstart.splitlines() if line.startswith("logvol ")):
        given = dict(word.split("=", 1) for word in words if "=" in word)
        if "--metadatasize" in given:
            sizes[f"{given.get('--vgname')}-{given.get('--name')}"] = int(given["--metadatasize"]) * MIB
    return sizes
