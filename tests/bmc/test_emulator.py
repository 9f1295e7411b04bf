# SPDX-License-Identifier: GPL-2.0-or-later
"""ksgen.bmc against the emulator of sushy-tools, with its driver that has no machines.

Its power changes take up to eleven seconds, it has no sessions, and it ignores "Once".
"""

from __future__ import annotations

import http.client
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bcrypt
import pytest
from redfish_server import PASSWORD, USER

from ksgen.bmc import Access, Order, Pace, Result, Task, look, perform
from ksgen.bmc.actions import Verb

SYSTEMS = ("8cf0dbf1-9d1c-4f1c-b0d7-000000000001", "8cf0dbf1-9d1c-4f1c-b0d7-000000000002")
PACE = Pace(power_s=30, poll_s=0.5)


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory, certificate: tuple[Path, Path]) -> Iterator[Access]:
    directory = tmp_path_factory.mktemp("emulator")
    hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
    (directory / "htpasswd").write_text(f"{USER}:{hashed}\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    systems = [
        {"uuid": uuid, "name": f"node0{n}", "power_state": "Off", "nics": [{"mac": f"52:54:00:aa:00:0{n}"}]}
        for n, uuid in enumerate(SYSTEMS, 1)
    ]
    settings: dict[str, Any] = {
        "LISTEN_IP": "127.0.0.1", "LISTEN_PORT": port, "SSL_CERT": str(certificate[0]), "SSL_KEY": str(certificate[1]),
        "AUTH_FILE": str(directory / "htpasswd"), "STATE_DIR": str(directory), "FAKE_SYSTEMS": systems,
        "FAKE_DRIVER": True,
    }  # fmt: skip
    config = directory / "emulator.conf"
    config.write_text("".join(f"SUSHY_EMULATOR_{name} = {value!r}\n" for name, value in settings.items()))
    command = [sys.executable, "-m", "sushy_tools.emulator.main", "--fake", "--config", str(config)]
    with (directory / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait(port, process, directory / "log")
            yield Access("127.0.0.1", port, SYSTEMS[0], USER, PASSWORD, certificate[0].read_text())
        finally:
            process.terminate()


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    context = ssl._create_unverified_context()
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=5)
        try:
            connection.request("GET", "/redfish/v1/")
            assert connection.getresponse().status == 200
            return
        except OSError:
            time.sleep(0.2)
        finally:
            connection.close()
    raise AssertionError(log.read_text())


def done(access: Access, verb: Verb, **task: Any) -> Result:
    order = Order(verb, boot_s=5, pace=PACE)
    result = perform(Task("node01", access, **task), order, threading.Event(), lambda _: None)
    assert result.error is None, result.error
    return result


def test_installed_from_the_network(emulator: Access) -> None:
    looks = iter([False, True])
    result = done(emulator, "pxe", firmware="bios", is_installing=lambda: next(looks))
    assert result.power == "on"
    assert result.override is not None
    assert (result.override.target, result.override.mode) == ("Hdd", "Legacy"), "it cannot do without a target"
    assert done(emulator, "off").power == "off"


def test_what_it_knows(emulator: Access) -> None:
    found = look("node01", emulator, 60, PACE, threading.Event())
    assert found.error is None
    assert found.inventory is not None
    assert (found.inventory.macs, found.inventory.disks) == (frozenset({"52:54:00:aa:00:01"}), frozenset())


def test_several_systems_and_a_wrong_password(emulator: Access) -> None:
    def error(**changes: Any) -> str:
        parts = {**emulator.__dict__, **changes}
        result = perform(Task("node01", Access(**parts)), Order("status", pace=PACE), threading.Event(), lambda _: None)
        return str(result.error).replace(f"127.0.0.1:{emulator.port}", "BMC")

    assert error(system=None) == f"BMC has 2 systems: {', '.join(SYSTEMS)}"
    assert error(password="swordfish-18") == f"BMC does not accept the user {USER} with this password"
