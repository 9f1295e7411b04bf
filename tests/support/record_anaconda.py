# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks real Anaconda to plan the storage of every case, and writes what it answered to tests/data/anaconda.

    tests/support/record_anaconda.py BENCH [NAME...]

BENCH is the directory of plan_ks.py, which runs Anaconda's planner of EL9 and EL10 from source trees. With names, only
the cases whose names contain one of them are requested, and compared by test_anaconda.py afterwards.
"""

from __future__ import annotations

import concurrent.futures
import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

from anaconda_cases import CASES, RECORDED, REFUSED, RELEASES, Case, storage_commands

_KINDS = ("partition", "mdarray", "lvmvg", "lvmthinpool", "lvmthinlv", "lvmlv")


def ask(bench: Path, release: str, case: Case, kickstart: str, uefi: bool) -> dict[str, Any]:
    """What Anaconda makes of a kickstart: complaints and devices."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "node.ks"
        path.write_text(kickstart)
        command = [str(bench / "plan_ks.py"), "--ref", RELEASES[release], "--disks", str(case.disks)]
        for number, disk in enumerate("abcdefgh"[: case.disks]):
            command += ["--link", f"by-node/system{number}=sd{disk}"]
        command += [
            "--memory",
            str(case.memory_mib),
            *(["--efi"] if uefi else []),
            str(path),
            case.size.replace(" ", ""),
        ]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1, 2):
        raise SystemExit(f"{case.name}: {done.stderr}")
    answer = json.loads(done.stdout)
    keys = ("kickstart_errors", "kickstart_warnings", "validation_errors", "validation_warnings")
    complaints = [message for key in keys for message in answer.get(key) or []]
    complaints += [" ".join(answer[key].split()) for key in ("configuration_error", "error") if answer.get(key)]
    devices = [
        [d["type"], d.get("lvname") or d["name"], d["size"], d["format"], d["mountpoint"], d["mountopts"]]
        for d in answer.get("devices", ())
        if d["type"] in _KINDS
    ]
    return {"complaints": complaints, "devices": devices if answer.get("validation_errors") is not None else []}


def record(bench: Path, release: str, case: Case, is_refused: bool) -> dict[str, Any]:
    """Everything that is kept of one case."""
    with tempfile.TemporaryDirectory() as directory:
        kickstart = case.kickstart(release, Path(directory))
    found: dict[str, Any] = {"commands": storage_commands(kickstart)}
    found["answer"] = ask(bench, release, case, kickstart, case.is_uefi)
    if is_refused:
        usual = "\n".join(_usual(line) for line in kickstart.splitlines()) + "\n"
        found["usual_answer"] = ask(bench, release, case, usual, case.is_uefi)
    elif not any("node_firmware" in line for line in case.more):
        found["bios_answer"] = ask(bench, release, case, kickstart, uefi=False)
    return found


def _usual(line: str) -> str:
    """The pool as everybody writes it."""
    words = line.split(" ")
    is_pool = words[0] == "logvol" and "--thinpool" in words
    return " ".join("--size=1" if is_pool and word.startswith("--size=") else word for word in words)


def main() -> None:
    bench, *names = sys.argv[1:]
    RECORDED.mkdir(parents=True, exist_ok=True)
    for release in RELEASES:
        path = RECORDED / f"{release}.json"
        answers = json.loads(path.read_text()) if path.exists() and names else {}
        cases = [c for c in (*CASES, *REFUSED) if not names or any(name in c.name for name in names)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            ask_one = functools.partial(record, Path(bench), release)
            found = pool.map(ask_one, cases, [case in REFUSED for case in cases])
            for case, answer in zip(cases, found, strict=True):
                answers[case.name] = answer
                print(release, case.name, *answer["answer"]["complaints"], flush=True)
        lines = [f"{json.dumps(name)}: {json.dumps(answers[name])}" for name in sorted(answers)]
        path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
