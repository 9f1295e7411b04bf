# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks real Anaconda to partition the disks of every case with our configuration, and writes what it answered.

    tests/support/record_automatic.py BENCH [NAME...]

BENCH is the directory of plan_ks.py and anaconda_bus.py, which run Anaconda's storage of EL9 and EL10 from source
trees. With names, only the cases whose names contain one of them are requested; test_automatic.py compares.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from automatic_cases import CASES, CONFIGURATION, RECORDED, REFUSED, RELEASES, Case

_KINDS = ("partition", "lvmvg", "lvmthinpool", "lvmthinlv", "lvmlv")

# Tests run beside each other, each in a directory of its own.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")


def options(configuration: str) -> list[str]:
    """What a configuration says to Anaconda."""
    return [line for line in configuration.splitlines() if line and not line.startswith("#")]


def ask(bench: Path, release: str, case: Case) -> dict[str, Any]:
    """What Anaconda makes of a case: complaints and devices."""
    answer = (_ask_interface if case.is_interactive else _ask_kickstart)(bench, release, case)
    keys = ("kickstart_errors", "kickstart_warnings", "validation_errors", "validation_warnings", "errors", "warnings")
    complaints = [message for key in keys for message in answer.get(key) or []]
    complaints += [" ".join(answer[key].split()) for key in ("configuration_error", "error") if answer.get(key)]
    is_made = any(answer.get(key) is not None for key in ("validation_errors", "applied"))
    return {"complaints": complaints, "devices": sorted(_rows(answer)) if is_made else []}


def _rows(answer: dict[str, Any]) -> list[list[Any]]:
    """Kind, name, size, file system, mount point, and a pool's metadata where the bench tells it."""
    rows = []
    for device in answer.get("devices", ()):
        if device["type"] not in _KINDS:
            continue
        group, _, volume = device["name"].partition("-")
        mount_point = device.get("mountpoint") or device.get("attrs", {}).get("mount-point") or ""
        size, metadata = device["size"], device.get("pool_md_size", 0)
        rows.append([device["type"], volume or group, size, device["format"] or "", mount_point, metadata])
    return rows


def _ask_kickstart(bench: Path, release: str, case: Case) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "node.ks"
        path.write_text(case.kickstart())
        command = [bench / "plan_ks.py", "--ref", RELEASES[release], "--conf", CONFIGURATION]
        command += ["--disks", str(case.disks), "--memory", str(case.memory_mib)]
        command += [*(["--efi"] if case.firmware == "uefi" else []), path, case.size.replace(" ", "")]
        return _run(case, command)


def _ask_interface(bench: Path, release: str, case: Case) -> dict[str, Any]:
    command = [bench / "anaconda_bus.py", "--ref", RELEASES[release], "--name", f"automatic-{release}-{WORKER}"]
    command += ["--conf", CONFIGURATION, "--memory", str(case.memory_mib), "--modules", "Storage,Network,Security"]
    for disk in "abcdefgh"[: case.disks]:
        command += ["--disk", f"sd{disk}:{case.size.replace(' ', '')}"]
    command += ["--efi"] if case.firmware == "uefi" else []
    command += ["--", bench / "clients" / "storage_flow.py", "--request", json.dumps(case.partitioning_request())]
    answer = _run(case, command)
    if answer.get("error"):
        answer["error"] = answer["error"]["message"]
    if not answer["applied"]:
        answer["applied"] = None
    return answer


def _run(case: Case, command: list[Any]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"{case.name}: {done.stderr}")
    planned: dict[str, Any] = json.loads(done.stdout)
    return planned


def main() -> None:
    bench, *names = sys.argv[1:]
    for release in RELEASES:
        path = RECORDED / f"automatic-{release}.json"
        answers = json.loads(path.read_text()) if path.exists() and names else {}
        cases = [c for c in (*CASES, *REFUSED) if release in c.releases]
        for case in cases:
            if not names or any(name in case.name for name in names):
                answers[case.name] = ask(Path(bench), release, case)
                print(release, case.name, *answers[case.name]["complaints"], flush=True)
        answers = {case.name: answers[case.name] for case in cases}
        answers["configuration"] = options(CONFIGURATION.read_text())
        lines = [f"{json.dumps(name)}: {json.dumps(answers[name])}" for name in sorted(answers)]
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
