# SPDX-License-Identifier: GPL-2.0-or-later
"""The doors of a rollout: it arms and disarms as the commands do, and asks and tells `ksgen serve`."""

from __future__ import annotations

import dataclasses
import datetime
import subprocess
import sys
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from ksgen import netboot
from ksgen.cli.asking import Away, Refused, Server
from ksgen.cli.edges import stop, talk
from ksgen.cli.powering import Switch
from ksgen.rollout import Course, Failed, Seen


@dataclasses.dataclass
class Site:
    """A published tree with its inventory, and the server that hears of its machines.

    `run` names this rollout. `switch` has the controllers of the machines, None where a person switches them on. With
    `is_reinstallation` nodes on the disks are erased.
    """

    server: Server
    hosts: str
    directory: Path
    passwords: Sequence[str]
    run: str
    switch: Switch | None
    is_reinstallation: bool
    _armed: dict[str, datetime.datetime] = dataclasses.field(default_factory=dict)

    @property
    def power(self) -> Callable[[str, threading.Event], None] | None:
        """What switches a machine on so that it boots the installer."""
        return self.switch.on if self.switch else None

    @property
    def ask(self) -> Callable[[str, threading.Event], str] | None:
        """What tells what the controller of a machine says of it."""
        return self.switch.ask if self.switch else None

    def look(self) -> Mapping[str, Seen] | None:
        """What the server says of all hosts."""
        try:
            answer = self.server.ask("/api/hosts")
        except (Away, Refused) as error:
            talk(f"warning: {error}")
            return None
        return {
            one["host"]: Seen(
                one["state"],
                one["doubt"],
                datetime.datetime.fromisoformat(one["given"]) if one.get("given") else None,
                one.get("message", ""),
                one.get("step", ""),
                one.get("is_degraded", False),
            )
            for one in answer["hosts"]
        }

    def keep(self, courses: Collection[Course]) -> Collection[str]:
        """Tell the server how far everything is."""
        hosts = {
            one.host: {
                "phase": one.phase,
                "message": one.message,
                "given": one.given.isoformat() if one.given else None,
            }
            for one in courses
        }
        try:
            lost: list[str] = self.server.ask("/api/installs", "PUT", {"run": self.run, "hosts": hosts})["lost"]
        except Away as error:
            talk(f"warning: {error}")
            return ()
        except Refused as error:
            stop(str(error))
        return lost

    def end(self, courses: Collection[Course]) -> None:
        """Give the hosts back; those that are on their way can be taken up again."""
        left = [one.host for one in courses if one.is_active]
        done = [one.host for one in courses if not one.is_active]
        try:
            self.server.ask("/api/installs/end", "POST", {"run": self.run, "done": done, "left": left})
        except (Away, Refused) as error:
            talk(f"warning: {error}; the server takes the hosts for ours for two more minutes")

    def arm(self, hosts: Sequence[str]) -> Mapping[str, datetime.datetime]:
        """Arm them, all or none. Raises Failed, also for hosts that another command has armed."""
        now = datetime.datetime.now(datetime.timezone.utc)
        others = [one for one in self._stored() if one.host in hosts and self._is_of_others(one, now)]
        if others:
            names = ", ".join(one.host for one in others)
            raise Failed(f"{names} armed by another command; `ksgen disarm {self.hosts} {names}` takes it back")
        self._ksgen("arm", "--yes", *(["--reinstall"] if self.is_reinstallation else []), *hosts)
        given = {one.host: one.given for one in self._stored() if one.host in hosts}
        self._armed |= given
        return given

    def disarm(self, hosts: Sequence[str]) -> None:
        """Disarm them, but for what was armed anew by another command."""
        ours = {one.host for one in self._stored() if self._armed.get(one.host) == one.given}
        if names := [host for host in hosts if host in ours]:
            self._ksgen("disarm", *names)

    def _is_of_others(self, one: netboot.Arming, now: datetime.datetime) -> bool:
        if self._armed.get(one.host) == one.given:
            return False
        return netboot.status(one, now, self._spent(), netboot.tokens(self.directory)) == "armed"

    def _stored(self) -> tuple[netboot.Arming, ...]:
        try:
            return netboot.stored(self.directory)
        except (OSError, ValueError) as error:
            raise Failed(f"{self.directory}: {error}") from error

    def _spent(self) -> Collection[str]:
        try:
            return netboot.spent(netboot.read_remembered(self.directory.absolute()).run_of(self.directory))
        except (OSError, ValueError) as error:
            raise Failed(f"{self.directory / netboot.REMEMBERED_FILE}: {error}") from error

    def _ksgen(self, command: str, *arguments: str) -> None:
        """Run a command of ours as a person does: it takes the lock of all that publish."""
        done = subprocess.run(self._command(command, *arguments), capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(_last_words(done.stderr) or f"ksgen {command} ended with {done.returncode}")

    def _command(self, command: str, *arguments: str) -> list[str]:
        passwords = [word for file in self.passwords for word in ("--vault-password-file", file)]
        more = passwords if command == "arm" else []
        return [sys.executable, "-m", "ksgen", command, self.hosts, *arguments, "-o", str(self.directory), *more]


def _last_words(said: str) -> str:
    """What a command said last: what is wrong, and the cure."""
    return "; ".join(said.strip().splitlines()[-2:])
