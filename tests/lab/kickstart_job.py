# SPDX-License-Identifier: GPL-2.0-or-later
"""A rendered kickstart as a job for a machine: its %pre that finds the disks, and its storage commands for blivet."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from inventories import one_host
from pykickstart.constants import KS_SCRIPT_POST

from ksgen.grammar import Grammar
from ksgen.host import Host
from ksgen.kickstart.page import Templates
from lab.machine import GIB, Disk
from org_ovirt_node.programs import disks, nics

HERE = Path(__file__).parent
Job = dict[str, str | bytes | Path]

PREPARE = """\
set -e
. ./trace.sh
# As the add-on's image has them.
mkdir -p /usr/share/anaconda/addons/org_ovirt_node/programs
cp disks.py nics.py /usr/share/anaconda/addons/org_ovirt_node/programs/
# As in EL: LVM looks at no disk that nobody has told it of.
printf 'devices {\\n use_devicesfile=1\\n}\\n' >>/etc/lvm/lvmlocal.conf
"""
_RUN = """\
# An array of empty disks is in sync already, and the first pass over them would only take time.
[ ! -e /proc/sys/dev/raid ] || echo 100 >/proc/sys/dev/raid/speed_limit_max
trace pre bash ./pre
python3 ./partition.py commands.json $OUT/mounts.json
python3 ./look.py $OUT/found.json
"""


@dataclasses.dataclass(frozen=True)
class Script:
    """A %post for the installed system."""

    text: str
    interpreter: str
    log: str


@dataclasses.dataclass(frozen=True)
class Rendered:
    """A host, its kickstart, and what of it runs in the lab."""

    host: Host
    text: str
    pre: str
    commands: dict[str, Any]
    posts: tuple[Script, ...]


def node_disk(*disks: Disk) -> str:
    """The variable of that name for these disks: each by its WWN, else by its serial number, and by its size."""
    wanted = [
        f"{f'wwn: {disk.wwn!r}' if disk.wwn else f'serial: {disk.serial}'}, "
        f"size: {{min: {disk.size // GIB} GiB, max: {disk.size // GIB} GiB}}"
        for disk in disks
    ]
    return f"[{', '.join(f'{{{one}}}' for one in wanted)}]"


def rendered(directory: Path, **variables: str) -> Rendered:
    """The kickstart of a host with these variables, rendered and read again."""
    host = one_host(directory, **variables)
    text, problems = Templates().render(host)
    assert text is not None, problems
    grammar = Grammar(host.settings.release)
    assert grammar.read(text) == ()
    scripts = grammar.handler.scripts
    (pre,) = (script.script for script in scripts if "END_OF_DISKS" in script.script)
    posts = (script for script in scripts if script.type == KS_SCRIPT_POST)
    found = tuple(Script(script.script, script.interp, script.logfile or "") for script in posts)
    return Rendered(host, text, pre, _commands(grammar.handler), found)


def _commands(handler: Any) -> dict[str, Any]:
    """The storage commands, as pykickstart has read them."""
    lists = {
        "part": (handler.partition.partitions, ("mountpoint", "fstype", "size", "grow", "disk")),
        "raid": (handler.raid.raidList, ("mountpoint", "device", "fstype", "level", "members")),
        "volgroup": (handler.volgroup.vgList, ("vgname", "physvols", "reserved_space", "reserved_percent")),
        "logvol": (
            handler.logvol.lvList,
            (
                *("mountpoint", "name", "vgname", "fstype", "fsopts", "size", "grow", "thin_pool", "thin_volume"),
                *("pool_name", "metadata_size"),
            ),
        ),
    }
    found: dict[str, Any] = {
        command: [{name: getattr(data, name) for name in names} for data in rows]
        for command, (rows, names) in lists.items()
    }
    return {**found, "reqpart": bool(handler.reqpart.reqpart), "drives": list(handler.clearpart.drives)}


def job(kickstart: Rendered, then: str = "", **files: str | bytes | Path) -> Job:
    """The disks found, partitioned and mounted below /mnt/sysroot, and looked at; `then` runs after it."""
    return {
        "run": PREPARE + _RUN + then,
        **pre_files(kickstart),
        "commands.json": json.dumps(kickstart.commands),
        "partition.py": HERE / "guest" / "partition.py",
        "look.py": HERE / "guest" / "look.py",
        **files,
    }


def pre_files(kickstart: Rendered) -> Job:
    """What PREPARE and the kickstart's %pre need."""
    return {
        "pre": kickstart.pre,
        "trace.sh": HERE / "guest" / "trace.sh",
        **{Path(program.__file__).name: Path(program.__file__) for program in (disks, nics)},
    }
