# SPDX-License-Identifier: GPL-2.0-or-later
"""`ksgen install` against a real `ksgen serve`, with simulated machines that fetch and report."""

from __future__ import annotations

import contextlib
import datetime
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import redfish_server
from ansible.parsing.vault import VaultLib, VaultSecret
from install_site import PATIENCE_S, Site, ended, free_port, write_inventory
from redfish_server import PASSWORD, USER, Controller

from ksgen import netboot


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_some_at_once_and_one_fails(site: Site) -> None:
    one, two, three = site.names
    site.bad.add(two)
    with site.served():
        status, said = ended(site.install(more=("--at-once", "2")))
        assert status == 1, said
        assert f"  {one}  52:54:00:aa:00:01\n    disk serial disk1" in said
        assert "    never installed by this server\n" in said
        assert f"switch on {one}, and let it boot from the network\n" in said
        assert f"{two}: failed: error: no disk\n" in said
        assert "2 up, 1 failed, in " in said
        assert said.index(f"switch on {three}") > said.index(f"switch on {one}")
        # It can be named again; another login too, as nothing is held any more.
        site.bad.clear()
        status, said = ended(site.install(two, login="second"))
        assert status == 0, said
        assert "    last known: failed since " in said


def test_stopped_and_started_again(site: Site) -> None:
    """Ctrl-C disarms the machine that is off; the other one is taken up again, and is not armed twice."""
    one, two, three = site.names
    site.slow.add(one)
    site.off.add(two)
    with site.served():
        running = site.install(one, two)
        site.wait(lambda: (site.state(one), site.state(two)) == ("preparing", "armed"))
        # Another operator is told who has it, and nothing happens to it.
        status, said = ended(site.install(one, three, login="second"))
        assert status == 1, said
        # The command writes what it has read of the machine a moment after the machine has said it.
        assert re.search(rf"{re.escape(one)} is being installed by ops \((booting|installing), since ", said), said
        assert said.endswith("no host was armed; `--take-over` takes them over\n")
        assert site.state(three) == "idle"

        running.send_signal(signal.SIGINT)
        status, said = ended(running)
        assert status == 130, said
        assert f"{two}: waiting: disarmed: it had not begun\n" in said
        assert f"{one} will go on without this command\n" in said
        site.wait(lambda: site.state(two) == "cancelled")
        given = {arming.host: arming.given for arming in netboot.stored(site.place / "out")}
        assert set(given) == {one}

        site.off.clear()
        again = site.install(one, two)
        site.wait(lambda: site.state(two) == "up")
        site.slow.clear()
        status, said = ended(again)
        assert status == 0, said
        assert {arming.host: arming.given for arming in netboot.stored(site.place / "out")}[one] == given[one]


def test_arm_and_disarm_by_hand_are_respected(site: Site) -> None:
    one, two, _ = site.names
    site.off |= {one, two}
    with site.served():
        site.ksgen("arm", "hosts.yaml", two, "--until", "1h", "-o", "out")
        before = netboot.stored(site.place / "out")
        running = site.install(more=("--at-once", "1"))
        site.wait(lambda: site.state(one) == "armed")
        site.ksgen("disarm", "hosts.yaml", one, "-o", "out")
        status, said = ended(running)
        assert status == 1, said
        assert f"{one}: left: disarmed by another command\n" in said
        assert f"{two}: failed: {two} armed by another command; `ksgen disarm hosts.yaml {two}` takes it back\n" in said
        assert "1 up, 1 failed, 1 left, in " in said
        after = {arming.host: arming for arming in netboot.stored(site.place / "out")}
        assert {arming.host: arming.given for arming in before} == {two: after[two].given}
        assert after[two].until - after[two].given == datetime.timedelta(hours=1)
        assert one not in after


def test_reinstalled_once(site: Site) -> None:
    """A node on the disk is erased with this arming, and not with the next one."""
    one = site.names[0]
    kickstart = site.place / "out/ks" / f"{one}.ks"
    site.slow.add(one)
    with site.served():
        running = site.install(one, command="reinstall")
        site.wait(lambda: site.state(one) == "preparing")
        assert '"reinstall": true' in kickstart.read_text()
        site.slow.clear()
        status, said = ended(running)
        assert status == 0, said
        assert "node_reinstall: an existing node installation on them is erased" in said
        site.off.add(one)
        site.ksgen("arm", "hosts.yaml", one, "-o", "out")
        assert '"reinstall": false' in kickstart.read_text()


@pytest.mark.parametrize("via", ["pxe", "media"])
def test_by_controllers(via: str, tmp_path: Path) -> None:
    """The first is switched on, the second refuses the password; neither password is told."""
    certificate = redfish_server.certificate(tmp_path, "IP:127.0.0.1")
    (tmp_path / "vault").write_text("correct horse\n")
    vault = VaultSecret(b"correct horse")
    with contextlib.ExitStack() as stack:
        machines = [
            stack.enter_context(redfish_server.serving(Controller(fetches_media=True), *certificate)) for _ in range(2)
        ]
        values = [
            f"{{address: 127.0.0.1, port: {machine.port}, user: {USER}, fingerprint: {machine.fingerprint}, "
            f"password: !vault {json.dumps(VaultLib().encrypt(password, vault).decode())}}}"
            for machine, password in zip(machines, (PASSWORD, "wrong-password-3"), strict=True)
        ]
        site = Site(tmp_path, values)
        one, two, _ = site.names
        site.off |= {one, two}
        machines[0].switched_on = lambda *_: site.off.discard(one)
        with site.served():
            more = ("--via", via, "--vault-password-file", "vault", "--listen", f"127.0.0.1:{free_port()}")
            status, said = ended(site.install(one, two, more=more))
            assert status == 1, said
            assert f"{one}  up\n" in said
            assert (
                f"{two}: failed: 127.0.0.1:{machines[1].port} does not accept the user {USER} with this password; "
                in said
            )
            assert "1 up, 1 failed, in " in said
            assert PASSWORD not in said
            assert "wrong-password-3" not in said
            assert {arming.host for arming in netboot.stored(site.place / "out")} == {one}
    assert machines[0].power == "On"
    assert (len(machines[0].media), machines[0].image) == ((1 if via == "media" else 0), None)
    assert (machines[0].target, machines[0].enabled) == ("None", "Disabled")


def test_the_controller_tells_of_a_machine_that_does_not_boot(tmp_path: Path) -> None:
    """One is on and boots something else, one has been switched off by hand."""
    certificate = redfish_server.certificate(tmp_path, "IP:127.0.0.1")
    (tmp_path / "vault").write_text("correct horse\n")
    sealed = json.dumps(VaultLib().encrypt(PASSWORD, VaultSecret(b"correct horse")).decode())
    machines = [Controller(), Controller()]

    def fail(*_: object) -> None:
        machines[1].power = "Off"

    machines[1].switched_on = lambda *_: threading.Timer(3, fail).start()
    with redfish_server.serving_all(machines, *certificate):
        values = [
            f"{{address: 127.0.0.1, port: {machine.port}, user: {USER}, fingerprint: {machine.fingerprint}, "
            f"password: !vault {sealed}}}"
            for machine in machines
        ]
        site = Site(tmp_path, values)
        one, two, _ = site.names
        site.off |= {one, two}
        more = ("--via", "pxe", "--vault-password-file", "vault", "--boot-within", "12s")
        with site.served():
            status, said = ended(site.install(one, two, more=more))
    assert status == 1, said
    told = dict(re.findall(r"^(\S+): failed: (.*)$", said, re.MULTILINE))
    assert told[one].endswith("; the controller says that it is on"), said
    assert told[two].endswith("; the controller says that it is off"), said
    assert said.count("the controller says") == 2
    assert "2 failed, in " in said
    assert not netboot.stored(site.place / "out")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["hosts.yaml", "unknown"], 2, "no host or group named 'unknown'"),
        (["-", "node01.example.com"], 2, "the inventory is read again for each host: name a file instead of -"),
        (["hosts.yaml", "all"], 1, "is `ksgen serve` running there?"),
        (["hosts.yaml", "all", "--listen", "unix:/run/a"], 2, "--listen unix:/run/a: a TCP port is required"),
        (["hosts.yaml", "all", "--boot-within", "soon"], 2, "'soon' is not a duration, such as 90s, 15m or 2h"),
    ],
)
def test_what_cannot_begin(arguments: list[str], status: int, words: str, tmp_path: Path) -> None:
    write_inventory(tmp_path)
    (tmp_path / "ops").write_text("token\n")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    server = ["--server", f"http://127.0.0.1:{port}", "--token", "ops"]
    command = [sys.executable, "-m", "ksgen", "install", *arguments, *server]
    done = subprocess.run(
        command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert (done.returncode, words in done.stderr) == (status, True), done.stderr


def test_without_a_terminal_nobody_is_asked(site: Site) -> None:
    with site.served():
        server = ["--server", f"http://127.0.0.1:{site.port}", "--token", "ops"]
        command = [sys.executable, "-m", "ksgen", "install", "hosts.yaml", "all", "--skip-preflight", *server]
        done = subprocess.run(command, cwd=site.place, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 2
        assert "standard input is not a terminal: add --yes" in done.stderr
        assert netboot.stored(site.place / "out") == ()
