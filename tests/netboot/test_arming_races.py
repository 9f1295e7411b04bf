# SPDX-License-Identifier: GPL-2.0-or-later
"""Two runs at once: whatever the moment at which the second one comes, what both were told to do is done.

The first run is stopped before each call in turn that has to do with the published tree or the inventory; the second
one runs whole at that moment, or, where it has to wait for the lock, as soon as the first goes on.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from counts import count
from inventories import inventory_text

from ksgen.netboot import published

JOBS = Path(__file__).parents[1] / "support" / "arming_jobs.py"
ONE, TWO = "node01.example.com", "node02.example.com"
# Moments of each first run; all of them in `make test-long`.
MOMENTS = count(2, 10_000)


@dataclasses.dataclass
class Runner:
    """See arming_jobs.py."""

    process: subprocess.Popen[str]

    def start(self, site: Path, *arguments: str, pause_at: int = 0) -> None:
        hosts, out = str(site / "hosts.yaml"), str(site / "out")
        words = [arguments[0], hosts, *arguments[1:], "-o", out]
        self._write(json.dumps({"arguments": words, "below": str(site), "pause_at": pause_at}) + "\n")

    def answer(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def go_on(self) -> None:
        self._write("\n")

    def _write(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text)
        self.process.stdin.flush()


def start() -> Iterator[Runner]:
    process = subprocess.Popen([sys.executable, JOBS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with process:
        yield Runner(process)


@pytest.fixture(scope="module")
def first() -> Iterator[Runner]:
    yield from start()


@pytest.fixture(scope="module")
def second() -> Iterator[Runner]:
    yield from start()


def hosts_text(keyboard: str = "us") -> str:
    other = inventory_text(TWO, node_mac='"52:54:00:aa:00:02"', node_disk="{serial: S4X0001}", node_keyboard=keyboard)
    return inventory_text(ONE, node_keyboard=keyboard) + other.removeprefix("all:\n  hosts:\n")


def run(runner: Runner, site: Path, *arguments: str) -> None:
    runner.start(site, *arguments)
    end = runner.answer()
    assert end["status"] == 0, end["said"]


@pytest.fixture(scope="module")
def template(first: Runner) -> Iterator[Path]:
    """A published site, in memory where that is possible."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=place) as name:
        site = Path(name) / "template"
        for path in (".treeinfo", "images/install.img", "images/pxeboot/vmlinuz", "images/pxeboot/initrd.img"):
            (site / "el9" / path).parent.mkdir(parents=True, exist_ok=True)
            (site / "el9" / path).write_text(path)
        (site / "hosts.yaml").write_text(hosts_text())
        yield site


def change_the_inventory(site: Path) -> None:
    (site / "hosts.yaml").write_text(hosts_text("de"))


@dataclasses.dataclass(frozen=True)
class Race:
    """Who is armed before, what the runs are told, who is armed afterwards."""

    before: tuple[str, ...]
    first: tuple[str, ...]
    second: tuple[str, ...]
    after: set[str]
    between: Callable[[Path], None] | None = None
    keyboard: str = "us"


RACES = {
    "disarm-while-another-is-armed": Race((TWO,), ("arm", ONE), ("disarm", TWO), {ONE}),
    "disarm-during-a-run-for-the-whole-site": Race((ONE, TWO), ("render",), ("disarm", TWO), {ONE}),
    "two-are-armed": Race((), ("arm", ONE), ("arm", TWO), {ONE, TWO}),
    "arm-during-a-disarm": Race((ONE,), ("disarm", ONE), ("arm", TWO), {TWO}),
    "two-are-disarmed": Race((ONE, TWO), ("disarm", ONE), ("disarm", TWO), set()),
    "a-newer-inventory": Race((ONE,), ("arm", TWO), ("render",), {ONE, TWO}, change_the_inventory, "de"),
}


def prepare(race: Race, template: Path, runner: Runner) -> Path:
    """A site of its own place, as paths are remembered."""
    site = template.with_name("site")
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(template, site)
    run(runner, site, "render", "--tree", f"el9={site / 'el9'}")
    for name in race.before:
        run(runner, site, "arm", name)
    shutil.copytree(site, template.with_name("prepared"), symlinks=True, dirs_exist_ok=False)
    return site


def check(race: Race, site: Path) -> None:
    """Who is armed, and that state, permissions and boot files say the same of it."""
    tree = published.read_published(site / "out")
    assert tree.damage is None
    assert {one.host for one in tree.armings} == race.after
    assert tree.tokens == {one.token for one in tree.armings}
    assert sorted(tree.installing.values()) == sorted(3 * [one.token for one in tree.armings])
    for name in (ONE, TWO):
        assert f"\nkeyboard {race.keyboard}\n" in (site / "out" / "ks" / f"{name}.ks").read_text()


@pytest.mark.parametrize("name", RACES)
def test_two_runs_at_once(name: str, template: Path, first: Runner, second: Runner) -> None:
    race = RACES[name]
    prepared = template.with_name("prepared")
    shutil.rmtree(prepared, ignore_errors=True)
    site = prepare(race, template, first)

    def race_at(moment: int) -> int:
        """The calls of the first run, after the race is over."""
        shutil.rmtree(site)
        shutil.copytree(prepared, site, symlinks=True)
        first.start(site, *race.first, pause_at=moment)
        answer = first.answer()
        has_paused = answer == "paused"
        if has_paused:
            if race.between is not None:
                race.between(site)
            second.start(site, *race.second)
            other = second.answer()
            first.go_on()
            answer = first.answer()
            if answer == "waiting":
                answer = first.answer()
            if other == "waiting":
                other = second.answer()
            assert other["status"] == 0, other["said"]
            assert answer["status"] == 0, answer["said"]
            check(race, site)
        return int(answer["calls"])

    calls = race_at(0)
    step = max(1, calls / MOMENTS)
    moments = sorted({max(1, round(calls - step * number)) for number in range(MOMENTS)} & set(range(1, calls + 1)))
    for moment in moments:
        race_at(moment)
    assert len(moments) == min(calls, MOMENTS)
