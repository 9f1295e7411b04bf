# SPDX-License-Identifier: GPL-2.0-or-later
"""What a rollout is told by the controller of a machine that has fallen silent."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
import redfish_server
from redfish_server import PASSWORD, USER, Controller, Fault

from ksgen.bmc import Access, Order
from ksgen.cli import powering
from ksgen.rollout import Failed


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return redfish_server.certificate(tmp_path_factory.mktemp("bmc"), "IP:127.0.0.1")


def asked(controller: Controller, password: str = PASSWORD, stop_it: threading.Event | None = None) -> str:
    """What is told; of a failure its words. Nothing is changed at the controller."""
    access = Access("127.0.0.1", controller.port, None, USER, password, fingerprint=controller.fingerprint)
    switch = powering.Switch(Order("pxe"), {}, {"node01": access}, Path(), None)
    try:
        told = switch.ask("node01", stop_it or threading.Event())
    except Failed as error:
        told = f"failed: {error}"
    assert not [request for request in controller.requests if request.startswith(("PATCH", "POST /redfish/v1/Sys"))]
    assert not controller.sessions
    assert password not in told
    return told.replace(f"127.0.0.1:{controller.port}", "BMC")


@pytest.mark.parametrize(
    ("power", "told"),
    [
        ("On", "the controller says that it is on"),
        ("Off", "the controller says that it is off"),
        ("PoweringOff", "the controller says that its power is changing"),
        ("Paused", ""),
    ],
)
def test_power(power: str, told: str, certificate: tuple[Path, Path]) -> None:
    with redfish_server.serving(Controller(power=power), *certificate) as controller:
        assert asked(controller) == told


def test_wrong_password(certificate: tuple[Path, Path]) -> None:
    with redfish_server.serving(Controller(), *certificate) as controller:
        assert asked(controller, "wrong-password-3").startswith("failed: BMC does not accept the user ksgen with this")


def test_time_is_limited(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(powering, "_ASKED_S", 0.5)
    with redfish_server.serving(Controller(faults=[Fault("GET", wait_s=0.4)]), *certificate) as controller:
        assert asked(controller) == "failed: not done within 0.5 s; allow more with --timeout"


def test_an_interrupt_ends_it(certificate: tuple[Path, Path]) -> None:
    stop_it = threading.Event()
    stop_it.set()
    began = time.monotonic()
    with redfish_server.serving(Controller(), *certificate) as controller:
        assert asked(controller, stop_it=stop_it) == "failed: stopped before it was done"
    assert time.monotonic() - began < 10
