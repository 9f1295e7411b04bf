# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs a module's tests on mutants of it, and tells which survive: make mutants MODULE=org_ovirt_node/gate.py

The working tree is never changed: tests run in copies of it, where the mutant is a file like any other: for imports,
for programs that tests start, and for tests that read the source. docs/testing.md has the rest.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import math
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Optional

import pytest
from mutations import OPERATORS, Mutation, mutations

CHECKOUT = Path(__file__).resolve().parents[2]
EQUIVALENT = CHECKOUT / "tests" / "data" / "equivalent-mutants.txt"
REQUIRED_PERCENT = 95
# A module and its own tests, as words for pytest. For a module that is not here: all tests that import it.
TESTS = {
    "org_ovirt_node/programs/disks.py": "tests/programs/test_disk*.py tests/kickstart/test_disk_contract.py",
    "org_ovirt_node/programs/imgbase.py": "tests/programs/test_imgbase*.py",
    "org_ovirt_node/programs/names.py": "tests/programs/test_names.py",
    "org_ovirt_node/programs/nics.py": "tests/programs/test_nics.py",
    "org_ovirt_node/facts/record.py": "tests/programs/test_facts.py",
    "org_ovirt_node/facts/collecting.py": "tests/programs/test_facts.py tests/match/test_facts_script.py",
    "org_ovirt_node/facts/replay.py": "tests/programs/test_facts.py",
    "org_ovirt_node/programs/selector.py": "tests/programs/test_selector.py",
    "org_ovirt_node/hook.py": "tests/hook/test_hook_scripts.py",
    "org_ovirt_node/gate.py": "tests/gate/test_gate.py -k 'not test_record_is_of_these_commands'",
    "org_ovirt_node/layout/devices.py": "tests/layout/test_rules.py tests/layout/test_layout.py "
    "tests/gate/test_gate.py",
    "org_ovirt_node/layout/rules.py": "tests/layout/test_rules.py tests/layout/test_layout.py",
    "org_ovirt_node/layout/image_capacity.py": "tests/layout/test_rules.py tests/layout/test_layout.py",
    "org_ovirt_node/layout/geometry.py": "tests/layout/test_geometry.py tests/layout/test_layout.py",
    "ksgen/publish/generations.py": "tests/publish/test_generations*.py tests/publish/test_output.py "
    "tests/netboot/test_arming*.py tests/publish/test_publication.py",
    "ksgen/publish/output.py": "tests/publish/test_output.py tests/publish/test_amended.py "
    "tests/publish/test_generations.py tests/kickstart/test_provenance.py tests/publish/test_publication.py",
    "ksgen/redaction.py": "tests/redaction/test_redaction*.py tests/publish/test_output.py",
    "ksgen/netboot/arming.py": "tests/netboot/test_arming*.py tests/netboot/test_netboot.py "
    "tests/publish/test_output.py",
    "ksgen/host/across.py": "tests/host/test_host.py",
    "ksgen/host/host.py": "tests/host/test_host*.py tests/cli/test_discretion.py",
    "ksgen/host/hosts.py": "tests/host/test_host*.py tests/cli/test_discretion.py",
    "ksgen/host/rules.py": "tests/host/test_host*.py",
}
# They need what a developer's machine may not have, or minutes.
MARKERS = "not anaconda and not lab"


class Stop(Exception):
    """There is nothing to measure; the text says why."""


# --- equivalent mutants -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Equivalent:
    """A mutant that no test can notice. Identified by texts, so that it stays found when the module grows."""

    module: str
    change: str
    text: str
    reason: str
    line: int

    def matches(self, mutation: Mutation) -> bool:
        return (self.change, self.text) == (mutation.change, mutation.text)


def read_equivalent(text: str) -> list[Equivalent]:
    """Entries of three parts: `module operator: before -> after`, `| the line`, and the reason."""
    entries = []
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if not line.startswith("#")]
    while lines:
        number, head = lines.pop(0)
        if not head:
            continue
        part = []
        while lines and lines[0][1]:
            part.append(lines.pop(0)[1])
        match = re.fullmatch(r"(\S+?)(?::\d+)? (\w+: .* -> .*)", head)
        if match is None or len(part) < 2 or not part[0].startswith("| "):
            raise Stop(
                f"{EQUIVALENT.name}:{number}: not an entry: it is `module operator: before -> after`, "
                "a line `| ` with the source line, and the reason"
            )
        entries.append(Equivalent(match[1], match[2], part[0][2:], " ".join(part[1:]), number))
    return entries


def unmatched(entries: Iterable[Equivalent], found: Sequence[Mutation]) -> list[Equivalent]:
    return [entry for entry in entries if not any(entry.matches(mutation) for mutation in found)]


# --- tests of a module ------------------------------------------------------------------------------------------------


def own_tests(module: str) -> list[str]:
    """The test files that belong to a module."""
    if module in TESTS:
        return [found for word in shlex.split(TESTS[module]) for found in _expanded(word)]
    package, _, name = module.removesuffix(".py").replace("/", ".").rpartition(".")
    imported = re.compile(rf"from {package} import .*\b{name}\b|(from|import) {package}\.{name}\b")
    found = [path for path in sorted(CHECKOUT.glob("tests/*/test_*.py")) if imported.search(path.read_text())]
    if not found:
        raise Stop(f"{module}: no test imports it; name the tests: make mutants MODULE={module} TESTS='...'")
    return [str(path.relative_to(CHECKOUT)) for path in found]


def _expanded(word: str) -> list[str]:
    """The files of a pattern, or the word itself."""
    if not word.startswith("tests/"):
        return [word]
    return [str(path.relative_to(CHECKOUT)) for path in sorted(CHECKOUT.glob(word))]


# --- a run of tests in a child ----------------------------------------------------------------------------------------


class Order:
    """A plugin of pytest: what killed before comes first, then what is quick; and notes what a run found."""

    def __init__(self, durations: dict[str, float], killers: Sequence[str]) -> None:
        self.durations = durations
        self.killers = killers
        self.noted: dict[str, Any] = {"durations": {}, "killer": ""}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        files: Counter[str] = Counter()
        for item in items:
            files[item.nodeid.partition("::")[0]] += self.durations.get(item.nodeid, 0)  # type: ignore[assignment]

        def rank(item: pytest.Item) -> tuple[Any, ...]:
            killed = self.killers.index(item.nodeid) if item.nodeid in self.killers else len(self.killers)
            return killed, files[item.nodeid.partition("::")[0]], self.durations.get(item.nodeid, 0)

        items.sort(key=rank)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        durations = self.noted["durations"]
        durations[report.nodeid] = durations.get(report.nodeid, 0) + report.duration
        if report.failed:
            self.noted["killer"] = report.nodeid


@dataclass
class Slot:
    """A copy of the checkout in which one run of tests at a time happens."""

    directory: Path
    pid: int = 0
    deadline: float = 0
    mutation: Optional[Mutation] = None

    @property
    def copy(self) -> Path:
        return self.directory / "copy"

    @property
    def note(self) -> Path:
        return self.directory / "note.json"

    @property
    def output(self) -> Path:
        return self.directory / "output"

    def noted(self) -> dict[str, Any]:
        return dict(json.loads(self.note.read_text())) if self.note.exists() else {}


@dataclass
class Runner:
    """Runs pytest in forked children. `timeout` is in seconds, `processor` in seconds of processor time of the child.

    Processor time is what ends a mutant that loops: on a busy machine the clock would count slow runs as killed.
    """

    tests: list[str]
    timeout: float = 3600
    processor: Optional[int] = None
    durations: dict[str, float] = field(default_factory=dict)
    killers: list[str] = field(default_factory=list)

    def start(self, slot: Slot, *, write_bytecode: bool = False) -> None:
        slot.note.unlink(missing_ok=True)
        slot.deadline = time.monotonic() + self.timeout
        sys.stdout.flush()
        slot.pid = os.fork()
        if not slot.pid:
            self._child(slot, write_bytecode)

    def _child(self, slot: Slot, write_bytecode: bool) -> NoReturn:
        status = 70
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            if self.processor:
                resource.setrlimit(resource.RLIMIT_CPU, (self.processor, self.processor))
            output = os.open(slot.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            for stream in (1, 2):
                os.dup2(output, stream)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.chdir(slot.copy)
            sys.path[:] = [str(slot.copy), *(path for path in sys.path if Path(path) != CHECKOUT / "tests" / "support")]
            os.environ["PYTHONPATH"] = str(slot.copy)
            sys.dont_write_bytecode = not write_bytecode
            if not write_bytecode:
                os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            for name in [name for name in sys.modules if name.partition(".")[0] in ("ksgen", "org_ovirt_node")]:
                del sys.modules[name]
            order = Order(self.durations, self.killers)
            options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", MARKERS]
            status = int(pytest.main([*options, f"--basetemp={slot.directory}/tmp", *self.tests], plugins=[order]))
            order.noted["modules"] = [
                name for name, module in sys.modules.items() if not _is_of(slot.copy, module) and name != "__main__"
            ]
            slot.note.write_text(json.dumps(order.noted))
            sys.stdout.flush()
        finally:
            os._exit(status)

    def ended(self, slots: Iterable[Slot]) -> Iterator[tuple[Slot, Optional[int]]]:
        """The slots whose run has ended, with pytest's status; None for one that took too long."""
        for slot in slots:
            if not slot.pid:
                continue
            pid, status = os.waitpid(slot.pid, os.WNOHANG)
            late = not pid and time.monotonic() > slot.deadline
            if pid or late:
                _kill_group(slot.pid)
                if late:
                    os.waitpid(slot.pid, 0)
                slot.pid = 0
                yield slot, None if late else os.waitstatus_to_exitcode(status)

    def wait(self, slot: Slot) -> Optional[int]:
        while True:
            for _, status in self.ended([slot]):
                return status
            time.sleep(0.02)


def _is_of(directory: Path, module: Any) -> bool:
    return str(getattr(module, "__file__", None) or "").startswith(str(directory))


def _kill_group(pid: int) -> None:
    """A run and all that it started and left behind."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


# --- all mutants of a module ------------------------------------------------------------------------------------------


def copy_checkout(to: Path) -> None:
    """What git knows, and what it would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (CHECKOUT / name).is_symlink() or (CHECKOUT / name).exists():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, to / name, follow_symlinks=False)


def prepare(runner: Runner, slots: Sequence[Slot], module: str) -> float:
    """Copies the checkout, runs the tests without a mutant, and imports here what they imported. Returns seconds."""
    first = slots[0]
    copy_checkout(first.copy)
    begun = time.monotonic()
    runner.start(first, write_bytecode=True)
    if status := runner.wait(first):
        raise Stop(f"{first.output.read_text()}\nwithout a mutant the tests end with {status}; they have to pass")
    seconds = time.monotonic() - begun
    noted = first.noted()
    runner.durations = noted["durations"]
    for name in noted["modules"]:
        # Children then need not import it. What cannot be imported alone they import themselves.
        try:
            importlib.import_module(name)
        except Exception:
            continue
    for compiled in (first.copy / module).parent.glob(f"__pycache__/{Path(module).stem}.*.pyc"):
        compiled.unlink()
    for slot in slots[1:]:
        shutil.copytree(first.copy, slot.copy, symlinks=True)
    return seconds


def survivors(runner: Runner, slots: Sequence[Slot], module: str, mutants: Sequence[Mutation]) -> Iterator[Mutation]:
    """The mutants that all tests pass, as they are found."""
    waiting = list(mutants)
    while waiting or any(slot.pid for slot in slots):
        for slot in slots:
            if not slot.pid and waiting:
                slot.mutation = waiting.pop(0)
                (slot.copy / module).write_text(slot.mutation.source)
                runner.start(slot)
        for slot, status in runner.ended(slots):
            if status == pytest.ExitCode.OK and slot.mutation:
                yield slot.mutation
            elif status in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED):
                raise Stop(slot.output.read_text())
            killer = slot.noted().get("killer")
            if killer:
                runner.killers = [killer, *(other for other in runner.killers if other != killer)][:20]
        time.sleep(0.005)


def chosen(arguments: argparse.Namespace, found: Sequence[Mutation]) -> list[Mutation]:
    first, dash, last = (arguments.lines or "1-").partition("-")
    lines = range(int(first), (int(last) if last else sys.maxsize if dash else int(first)) + 1)
    return [
        mutation
        for mutation in found
        if mutation.line in lines
        and (not arguments.function or arguments.function in mutation.function.split("."))
        and (not arguments.operator or mutation.operator == arguments.operator)
    ][:: arguments.every]


def report(module: str, mutation: Mutation) -> str:
    return f"{module}:{mutation.line} {mutation.change}\n  | {mutation.text}"


def measure(arguments: argparse.Namespace) -> int:
    module = str(Path(arguments.module))
    path = CHECKOUT / module
    if not path.is_file():
        raise Stop(f"{module}: not found")
    found = mutations(path.read_text())
    entries = [entry for entry in read_equivalent(EQUIVALENT.read_text()) if entry.module == module]
    if stale := unmatched(entries, found):
        lines = [f"{EQUIVALENT.name}:{entry.line}: matches no mutant: {entry.change}" for entry in stale]
        raise Stop("\n".join(lines))
    picked = chosen(arguments, found)
    mutants = [mutation for mutation in picked if not any(entry.matches(mutation) for entry in entries)]
    if arguments.list:
        print("\n".join(report(module, mutation) for mutation in mutants))
        return 0
    if not mutants:
        raise Stop(f"{module}: no mutant there")
    runner = Runner(shlex.split(arguments.tests) if arguments.tests else own_tests(module))
    alive: list[Mutation] = []
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        slots = [Slot(Path(directory, str(number))) for number in range(min(arguments.jobs, len(mutants)))]
        for slot in slots:
            slot.directory.mkdir()
        try:
            seconds = prepare(runner, slots, module)
            # Other work may slow a run down; a mutant that waits for ever is rare.
            runner.processor = 20 + 4 * math.ceil(seconds)
            runner.timeout = 10 * runner.processor
            print(f"{module}: {len(mutants)} mutants; {' '.join(runner.tests)} in {seconds:.1f} s", flush=True)
            for mutation in survivors(runner, slots, module, mutants):
                alive.append(mutation)
                print(report(module, mutation), flush=True)
        finally:
            for slot in slots:
                if slot.pid:
                    _kill_group(slot.pid)
                    os.waitpid(slot.pid, 0)
    killed = len(mutants) - len(alive)
    percent = 100 * killed / len(mutants)
    equivalent = len(picked) - len(mutants)
    print(
        f"{module}: {killed} of {len(mutants)} killed ({percent:.1f} %), {len(alive)} survived, {equivalent} equivalent"
    )
    return 0 if percent >= REQUIRED_PERCENT else 1


def main(words: Optional[Sequence[str]] = None) -> int:
    operators = "\n".join(f"  {name:12} {what}" for name, what in OPERATORS.items())
    parser = argparse.ArgumentParser(
        prog="mutants",
        description="Runs a module's tests on mutants of it. Exit status 1: fewer than 95 % of them were noticed.",
        epilog=f"operators:\n{operators}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("module", help="a file, as org_ovirt_node/gate.py")
    parser.add_argument("--tests", help="test files in place of the module's own")
    parser.add_argument("--lines", help="only these lines: 10-20, 10- or 10")
    parser.add_argument("--function", help="only this function or class")
    parser.add_argument("--operator", help="only this operator", choices=OPERATORS)
    parser.add_argument("--every", type=int, default=1, help="only every Nth mutant")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    # The copies are removed and the runs are ended whatever stops it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        return measure(parser.parse_args(words))
    except Stop as stop:
        print(stop, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
