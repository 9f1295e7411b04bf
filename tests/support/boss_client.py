# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs beside Anaconda's D-Bus services: lets the Boss read kickstarts, prints what it and its modules complain of.

    boss_client.py KICKSTART INCLUDED [KICKSTART INCLUDED]...

INCLUDED is what the installer's %pre would have left at /tmp/node-network.ks. One line of JSON for each kickstart:
the complaints, and the kickstart that the modules write back.
"""

import json
import os
import shutil
import sys

from pyanaconda.modules.common.constants.services import BOSS
from pyanaconda.modules.common.structures.kickstart import KickstartReport


def main() -> None:
    boss = BOSS.get_proxy()
    for kickstart, included in zip(sys.argv[1::2], sys.argv[2::2]):
        shutil.copy(included, "/tmp/node-network.ks")
        report = KickstartReport.from_structure(boss.ReadKickstartFile(os.path.abspath(kickstart)))
        complaints = [
            f"{message.module_name}: line {message.line_number}: {message.message}"
            for message in (*report.error_messages, *report.warning_messages)
        ]
        written = [] if report.error_messages else boss.GenerateKickstart().splitlines()
        print(json.dumps({"complaints": complaints, "kickstart": written}), flush=True)


if __name__ == "__main__":
    main()
