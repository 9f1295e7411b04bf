# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs beside Anaconda's D-Bus services of EL10: installs the packages of a kickstart into the system root.

    packages_client.py KICKSTART

One line of JSON: what the Boss and the check of the packages complain of, the repositories, and what is installed.
"""

import json
import os
import subprocess
import sys

from dasbus.typing import unwrap_variant
from pyanaconda.modules.common.constants.services import BOSS, PAYLOADS
from pyanaconda.modules.common.structures.kickstart import KickstartReport
from pyanaconda.modules.common.structures.packages import PackagesSelectionData
from pyanaconda.modules.common.structures.validation import ValidationReport
from pyanaconda.modules.common.task import sync_run_task

import rpm

ROOT = "/mnt/sysroot"


def main() -> None:
    report = KickstartReport.from_structure(BOSS.get_proxy().ReadKickstartFile(os.path.abspath(sys.argv[1])))
    found = {"kickstart": [message.message for message in (*report.error_messages, *report.warning_messages)]}
    payloads = PAYLOADS.get_proxy()
    payload = PAYLOADS.get_proxy(payloads.ActivePayload)
    found["type"] = payload.Type
    _run(payload.SetUpSourcesWithTask())
    found["repositories"] = sorted(payload.GetEnabledRepositories())
    selection = PackagesSelectionData.from_structure(payload.PackagesSelection)
    task = PAYLOADS.get_proxy(payload.ValidatePackagesSelectionWithTask(PackagesSelectionData.to_structure(selection)))
    sync_run_task(task)
    checked = ValidationReport.from_structure(unwrap_variant(task.GetResult()))
    found["packages"] = [*checked.error_messages, *checked.warning_messages]
    if not found["packages"]:
        # Anaconda downloads to a file system with enough space.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", ROOT], check=True)
        for path in (*payloads.InstallWithTasks(), *payloads.PostInstallWithTasks()):
            _run(path)
        # mypy takes the directory rpm/ of this repository for the module.
        database = rpm.TransactionSet(ROOT)  # type: ignore[attr-defined]
        found["installed"] = sorted(header["name"] for header in database.dbMatch())
    print(json.dumps(found), flush=True)


def _run(path: str) -> None:
    sync_run_task(PAYLOADS.get_proxy(path))


if __name__ == "__main__":
    main()
