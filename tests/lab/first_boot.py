# SPDX-License-Identifier: GPL-2.0-or-later
"""A command that boots an installed disk, until the first boot has been reported: `python -m lab.first_boot FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

from lab import whole
from lab.machine import Disk, Machine, run
from org_ovirt_node.programs.report import KEPT

_NIC = f"user,restrict=on,model=virtio-net-pci,mac={whole.MAC}"
# The unit takes its file away when the server has answered.
_JOB = f"""\
for second in $(seq 600); do
  [ -e /{KEPT}/first-boot.json ] || exit 0
  sleep 1
done
systemctl status ovirt-node-report.service
journalctl -b --no-pager -u ovirt-node-report.service
exit 1
"""


def main() -> int:
    # The job is on a disk too, which is no disk to boot from.
    disk = Disk(Path(sys.argv[1]), whole.SIZE, serial="disk0", more=("bootindex=0",))
    machine = Machine((disk,), memory=2048, firmware="bios", nics=(_NIC,))
    booted = run(machine, {"run": _JOB}, timeout=400)
    print(booted.console)
    return 0 if booted.status == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
