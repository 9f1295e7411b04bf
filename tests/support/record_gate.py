# SPDX-License-Identifier: GPL-2.0-or-later
"""Has real Anaconda plan the kickstarts of gate_cases.py, and keeps what the add-on reads and finds in tests/data/gate.

    tests/support/record_gate.py BENCH [NAME...]

BENCH is the directory of anaconda_bus.py, which runs Anaconda's D-Bus services of EL9 and EL10 from source trees. With
names, only the cases whose names contain one of them are asked again.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Union

sys.path.insert(0, str(Path(__file__).parent))

from gate_cases import CASES, DISKS, RECORDED, RELEASES, Case, Due, Inventory, Use, to_json

CHECKOUT = Path(__file__).resolve().parents[2]
CONFIGURATION = CHECKOUT / "org_ovirt_node" / "data" / "conf.d" / "90-ovirt-node.conf"
# What the resolver of ksgen's kickstarts makes of a host's disks.
LINKS = "by-node/system0=sda by-node/system1=sdb"

# Tests run beside each other, each in a directory of its own.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")


def kickstart(case: Case, release: str) -> str:
    """The storage commands of a case; empty where a person makes the layout."""
    if isinstance(case.kickstart, Inventory):
        # It needs ksgen, and gate_cases.py is for the installer's Python too.
        import anaconda_cases

        host = anaconda_cases.Case(
            case.name, "128 GiB", ("node_firmware: uefi", *case.kickstart.more), case.kickstart.disks
        )
        with tempfile.TemporaryDirectory() as directory:
            return "\n".join(anaconda_cases.storage_commands(host.kickstart(release, Path(directory)))) + "\n"
    if isinstance(case.kickstart, Due):
        return case.kickstart.commands
    return "" if isinstance(case.kickstart, Use) else str(case.kickstart)


def ask(bench: Path, release: str, cases: Iterable[Case]) -> dict[str, dict[str, Any]]:
    """What the add-on makes of each case in Anaconda of a release (its name in the bench: rhel-9, rhel-10, main)."""
    answers: dict[str, dict[str, Any]] = {}
    for stock, bios in ((False, False), (True, False), (False, True)):
        some = [case for case in cases if (case.stock, case.bios) == (stock, bios)]
        if some:
            answers.update(_ask(bench, release, some, stock, bios))
    return answers


def _ask(bench: Path, release: str, cases: list[Case], stock: bool, bios: bool) -> dict[str, dict[str, Any]]:
    ours = {bench_name: name for name, bench_name in RELEASES.items()}.get(release, "el10")
    told = [{"name": case.name, **_told(case, ours)} for case in cases]
    command = [str(bench / "anaconda_bus.py"), "--ref", release, "--name", f"gate-{release}-{WORKER}"]
    command += [] if bios else ["--efi"]
    command += [word for disk in DISKS for word in ("--disk", disk)]
    command += ["--modules", "Storage,Network", *([] if stock else ["--conf", str(CONFIGURATION)])]
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "cases.json"
        path.write_text(json.dumps(told))
        command += ["--", str(CHECKOUT / "tests" / "support" / "gate_client.py"), str(path)]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "BENCH_LINKS": LINKS})
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}:\n{done.stderr}")
    answers = {}
    for line in done.stdout.splitlines():
        answer = json.loads(line)
        answers[answer.pop("name")] = {**answer, "tree": to_json(answer["tree"])}
    return answers


def without_words(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer with how much the gate said and what it raised instead of the very words."""
    said, error = answer["gate"]["progress"], answer["gate"]["error"]
    answer = {key: answer[key] for key in answer if key != "kickstart"}
    return {**answer, "gate": {"lines": len(said), "error": error and error["class"]}}


def _told(case: Case, release: str) -> dict[str, Any]:
    ways: dict[type, Union[str, None]] = {Use: "use", Due: "due"}
    return {
        "commands": kickstart(case, release),
        "way": ways.get(type(case.kickstart), "kickstart"),
        "select": list(case.kickstart.disks) if isinstance(case.kickstart, Use) else [],
        "section": case.section,
        "on_sda": list(case.on_sda),
        "erased": list(case.erased),
        "protected": list(case.protected),
        "groups": [[group.name, group.tags, group.physical_volumes] for group in case.groups],
    }


def main() -> None:
    bench, *names = sys.argv[1:]
    RECORDED.mkdir(parents=True, exist_ok=True)
    cases = [case for case in CASES if not names or any(name in case.name for name in names)]
    for release, bench_name in RELEASES.items():
        path = RECORDED / f"{release}.json"
        kept = json.loads(path.read_text()) if path.exists() else {}
        for name, answer in ask(Path(bench), bench_name, cases).items():
            case = next(case for case in cases if case.name == name)
            kept[name] = {"commands": kickstart(case, release), **without_words(answer)}
            print(release, name, *answer["complaints"], flush=True)
        rows = [f"{json.dumps(case.name)}: {json.dumps(kept[case.name])}" for case in CASES if case.name in kept]
        path.write_text("{\n" + ",\n".join(rows) + "\n}\n")


if __name__ == "__main__":
    main()
