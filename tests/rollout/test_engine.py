# SPDX-License-Identifier: GPL-2.0-or-later
"""Rollouts of simulated machines, with a clock of their own."""

from __future__ import annotations

import dataclasses
import datetime
import threading
from collections.abc import Callable, Collection, Mapping, Sequence

import pytest

from ksgen.rollout import Course, Failed, Limits, Rollout, Seen

NOON = datetime.datetime(2026, 5, 4, 12, tzinfo=datetime.timezone.utc)
# What a machine does after it has been armed, and how many looks each state lasts.
STORY = (("booting", 1), ("copying", 2), ("installed", 1))


@dataclasses.dataclass
class Machine:
    """Its end: a state, or a doubt that does not go away."""

    end: str = "up"
    armed_at: int | None = None

    def seen(self, look: int) -> Seen:
        if self.armed_at is None:
            return Seen("idle")
        age = look - self.armed_at
        for state, lasts in STORY:
            if age < lasts:
                return Seen(state, given=NOON)
            age -= lasts
        if self.end == "silent":
            return Seen("copying", "silent", NOON)
        return Seen(self.end, given=NOON, message="no disk" if self.end == "failed" else "")


class Off(Machine):
    """A machine that does nothing after it was armed."""

    def seen(self, look: int) -> Seen:
        return Seen("armed", given=NOON) if self.armed_at is not None else Seen("idle")


class Site:
    """Doors to simulated machines. Each look takes a minute."""

    def __init__(self, machines: Mapping[str, Machine]) -> None:
        self.machines = machines
        self.looks, self.most = 0, 0
        self.waves: list[list[str]] = []
        self.disarmed: list[str] = []
        self.kept: dict[str, Course] = {}
        self.lost: list[str] = []
        self.power: Callable[[str, threading.Event], None] | None = None
        self.ask: Callable[[str, threading.Event], str] | None = None

    def clock(self) -> float:
        return self.looks * 60.0

    def look(self) -> Mapping[str, Seen]:
        self.looks += 1
        return {host: machine.seen(self.looks) for host, machine in self.machines.items()}

    def keep(self, courses: Collection[Course]) -> Collection[str]:
        self.kept = {one.host: one for one in courses}
        self.most = max(self.most, sum(one.is_active for one in courses))
        return self.lost

    def arm(self, hosts: Sequence[str]) -> Mapping[str, datetime.datetime]:
        if "refused" in hosts:
            raise Failed("refused armed by another command")
        self.waves.append(list(hosts))
        for host in hosts:
            self.machines[host].armed_at = self.looks
        return dict.fromkeys(hosts, NOON)

    def disarm(self, hosts: Sequence[str]) -> None:
        self.disarmed += hosts


def roll(site: Site, limits: Limits, at_show: Callable[[Rollout], None] = lambda _: None) -> dict[str, Course]:
    rollout = Rollout(
        [Course(host) for host in site.machines], limits, site, lambda _: at_show(rollout), site.clock, pause_s=0.0
    )
    return {one.host: one for one in rollout.run()}


def names(count: int) -> list[str]:
    return [f"node{number:02}" for number in range(1, count + 1)]


def test_twelve_machines_in_waves() -> None:
    """One fails by a bad disk, one falls silent; the others are not held up by them for longer than that."""
    site = Site({host: Machine() for host in names(12)})
    site.machines["node02"].end = "failed"
    site.machines["node05"].end = "silent"
    done = roll(site, Limits(at_once=4, doubt_s=600))
    assert site.waves[0] == names(12)[:4]
    assert sorted(host for wave in site.waves for host in wave) == names(12)
    assert site.most == 4
    assert done["node02"].message == "no disk"
    assert done["node05"].phase == "failed"
    assert {host for host, one in done.items() if one.phase == "up"} == set(names(12)) - {"node02", "node05"}
    assert site.disarmed == []
    assert site.kept == done


def test_failures_hold_back_the_rest() -> None:
    site = Site({host: Machine("failed") for host in names(6)})
    done = roll(site, Limits(at_once=2, failures=1))
    assert site.waves == [["node01", "node02"]]
    assert [one.phase for one in done.values()] == ["failed", "failed", *["waiting"] * 4]


def test_what_another_command_has_armed_is_left_alone() -> None:
    site = Site({"refused": Machine(), "node01": Machine()})
    done = roll(site, Limits(at_once=1))
    assert (done["refused"].phase, done["refused"].message) == ("failed", "refused armed by another command")
    assert done["node01"].phase == "up"
    assert site.disarmed == []


def test_an_interrupt_disarms_what_has_not_begun_and_leaves_the_rest() -> None:
    site = Site({host: Machine() for host in names(3)})
    site.machines["node02"] = Off()

    def stop(rollout: Rollout) -> None:
        if site.looks == 3:
            rollout.stop()

    done = roll(site, Limits(at_once=2), stop)
    assert done["node01"].phase == "installing"
    assert (done["node02"].phase, done["node02"].message) == ("waiting", "disarmed: it had not begun")
    assert done["node03"].phase == "waiting"
    assert site.disarmed == ["node02"]


def test_a_host_that_is_taken_over_is_not_touched_again() -> None:
    site = Site({host: Machine() for host in names(2)})

    def take(_: Rollout) -> None:
        site.lost = ["node01"] if site.looks == 2 else []

    done = roll(site, Limits(), take)
    assert (done["node01"].phase, done["node01"].message) == ("left", "taken over by another command")
    assert done["node02"].phase == "up"
    assert site.disarmed == []


def test_a_machine_that_cannot_be_switched_on_has_failed_and_is_disarmed() -> None:
    site = Site({host: Machine() for host in names(2)})
    site.machines["node01"] = Off()

    def power(host: str, _: threading.Event) -> None:
        if host == "node01":
            raise Failed("bmc01.example.com does not accept the password")

    site.power = power
    done = roll(site, Limits())
    assert (done["node01"].phase, done["node01"].message) == (
        "failed", "bmc01.example.com does not accept the password",
    )  # fmt: skip
    assert done["node02"].phase == "up"
    assert site.disarmed == ["node01"]


def test_a_machine_that_does_not_boot_is_disarmed() -> None:
    site = Site({"node01": Off()})
    done = roll(site, Limits(boot_s=300))
    assert done["node01"].phase == "failed"
    assert site.disarmed == ["node01"]


def answering(words: str | Failed, asked: list[str]) -> Callable[[str, threading.Event], str]:
    def ask(host: str, _: threading.Event) -> str:
        asked.append(host)
        if isinstance(words, Failed):
            raise words
        return words

    return ask


SILENT = "silent in state copying for 660 s; look at its console"
ANSWERS = [
    pytest.param("the controller says that it is off", f"{SILENT}; the controller says that it is off", id="off"),
    pytest.param("", SILENT, id="nothing"),
    pytest.param(Failed("bmc does not answer"), f"{SILENT}; its controller: bmc does not answer", id="no-answer"),
]


@pytest.mark.parametrize(("answer", "message"), ANSWERS)
def test_the_controller_of_a_silent_machine_is_asked_once(answer: str | Failed, message: str) -> None:
    """It changes nothing but the message; a failure that explains itself is not asked about."""
    site = Site({host: Machine() for host in names(3)})
    asked: list[str] = []
    site.machines["node01"].end, site.machines["node02"].end = "silent", "failed"
    site.ask = answering(answer, asked)
    done = roll(site, Limits(doubt_s=600))
    assert asked == ["node01"]
    assert (done["node01"].phase, done["node01"].message) == ("failed", message)
    assert (done["node02"].message, done["node03"].phase) == ("no disk", "up")
    assert site.kept == done


def test_without_a_controller_none_is_asked() -> None:
    site = Site({"node01": Machine("silent")})
    assert roll(site, Limits(doubt_s=600))["node01"].message == SILENT


def test_a_controller_is_asked_when_it_is_not_being_spoken_to() -> None:
    """BMCs have few sessions. The host has failed meanwhile, and the next one has begun."""
    site = Site({host: Off() for host in names(2)})
    order: list[str] = []
    is_given_up = threading.Event()

    def power(host: str, _: threading.Event) -> None:
        if host == "node01":
            assert is_given_up.wait(20)
            order.append("powered")

    def ask(host: str, _: threading.Event) -> str:
        order.append(f"asked {host}")
        return "the controller says that it is on"

    def look(rollout: Rollout) -> None:
        if rollout.courses[0].phase == "failed" and rollout.courses[1].phase == "booting":
            is_given_up.set()

    site.power, site.ask = power, ask
    done = roll(site, Limits(at_once=1, boot_s=300), look)
    assert sorted(order) == ["asked node01", "asked node02", "powered"]
    assert order.index("powered") < order.index("asked node01")
    assert all(one.message.endswith("; the controller says that it is on") for one in done.values())
    assert site.disarmed == names(2)


def test_an_interrupt_does_not_wait_for_the_controller() -> None:
    site = Site({host: Machine("silent") for host in names(1)})

    def ask(_: str, stop: threading.Event) -> str:
        assert stop.wait(20)
        raise Failed("stopped before it was done")

    def stop(rollout: Rollout) -> None:
        if rollout.courses[0].phase == "failed":
            rollout.stop()

    site.ask = ask
    assert roll(site, Limits(doubt_s=600), stop)["node01"].message == SILENT


def test_errors_of_ours_are_not_hidden() -> None:
    site = Site({"node01": Off()})

    def power(*_: object) -> None:
        raise ZeroDivisionError

    site.power = power
    with pytest.raises(ZeroDivisionError):
        roll(site, Limits(boot_s=1e9))
