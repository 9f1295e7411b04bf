# SPDX-License-Identifier: GPL-2.0-or-later
"""ksgen.bmc against a controller on the loopback: what it does, and what it says when the controller does not."""

from __future__ import annotations

import dataclasses
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from conftest import Start
from redfish_server import CD, PASSWORD, SYSTEM, USER, Controller, Fault, error

from ksgen.bmc import Access, Order, Pace, Result, Task, perform
from ksgen.bmc.actions import Verb

# As short as a controller on the loopback allows.
PACE = Pace(connect_s=2, request_s=1, poll_s=0.02, power_s=0.3, graceful_s=0.3, insert_s=0.3, retries=2, retry_s=0.02)
LOGIN = "correct node_bmc.user and node_bmc.password; several failed logins may have locked the user"


def access(controller: Controller, **changes: Any) -> Access:
    parts: dict[str, Any] = {
        "address": "127.0.0.1", "port": controller.port, "system": None, "user": USER, "password": PASSWORD,
        "fingerprint": controller.fingerprint,
    }  # fmt: skip
    return Access(**{**parts, **changes})


def done(
    controller: Controller,
    verb: Verb,
    task: dict[str, Any] | None = None,
    order: dict[str, Any] | None = None,
    **login: Any,
) -> Result:
    """What comes of it. No session is ever left open, and nothing repeats the password."""
    given = {"timeout_s": 20.0, "boot_s": 1.0, **(order or {})}
    whole = Task("node01", access(controller, **login), **(task or {}))
    told: list[str] = []
    result = perform(whole, Order(verb, pace=PACE, **given), threading.Event(), told.append)
    assert not controller.sessions
    assert PASSWORD not in f"{result} {result.to_json()} {told} {whole}"
    return result


def failed(result: Result) -> tuple[str, str, str]:
    assert result.error is not None, result
    return result.error.kind, result.error.message, result.error.hint


def here(controller: Controller, text: str) -> str:
    return text.replace("BMC", f"127.0.0.1:{controller.port}")


# --- power -----------------------------------------------------------------------------------------------------------


def test_status(start: Start) -> None:
    controller = start(power="On", target="Pxe", enabled="Continuous")
    result = done(controller, "status")
    assert result.to_json() == {
        "host": "node01", "power": "on", "boot": {"target": "Pxe", "enabled": "Continuous", "mode": "UEFI"},
        "model": "Example One", "serial": "CHASSIS-1", "error": None, "seconds": result.to_json()["seconds"],
    }  # fmt: skip
    assert str(result.override) == "Pxe, continuous"
    assert not [request for request in controller.requests if request.startswith(("PATCH", "POST /redfish/v1/Sys"))]


POWER = [
    pytest.param("on", "Off", "On", ["On"], id="on"),
    pytest.param("on", "On", "On", [], id="on-already"),
    pytest.param("off", "On", "Off", ["ForceOff"], id="off"),
    pytest.param("off", "Off", "Off", [], id="off-already"),
    pytest.param("cycle", "On", "On", ["ForceOff", "On"], id="cycle"),
    pytest.param("cycle", "Off", "On", ["On"], id="cycle-of-one-that-is-off"),
]


@pytest.mark.parametrize(("verb", "before", "after", "resets"), POWER)
def test_power(verb: Verb, before: str, after: str, resets: list[str], start: Start) -> None:
    controller = start(power=before)
    result = done(controller, verb)
    assert result.error is None
    assert (controller.power, result.power) == (after, after.lower())
    assert sum(request.endswith("ComputerSystem.Reset") for request in controller.requests) == len(resets)


def test_graceful(start: Start) -> None:
    assert done(start(power="On"), "off", order={"is_graceful": True}).power == "off"
    deaf = start(power="On", lies_about_power=True)
    assert failed(done(deaf, "off", order={"is_graceful": True})) == (
        "wrong", here(deaf, "BMC has accepted GracefulShutdown, and the machine is still on after 0.3 s"),
        "off without --graceful cuts the power",
    )  # fmt: skip


def test_the_only_session_is_closed_after_each(start: Start) -> None:
    controller = start()
    for verb in ("status", "on", "cycle"):
        done(controller, verb)
    assert controller.most_sessions == 1


def test_without_sessions_the_login_is_basic(start: Start) -> None:
    assert done(start(has_sessions=False), "on").power == "on"


# --- the network -----------------------------------------------------------------------------------------------------


def booted(seconds: int = 3) -> dict[str, Any]:
    """A task whose installer is seen at the third look."""
    looks = iter([False] * seconds + [True] * 99)
    return {"is_installing": lambda: next(looks)}


def test_network_once(start: Start) -> None:
    controller = start(power="On")
    result = done(controller, "pxe", booted())
    assert result.error is None
    assert controller.boots == ["Pxe"]
    assert controller.patches[0] == {"BootSourceOverrideTarget": "Pxe", "BootSourceOverrideEnabled": "Once"}
    assert controller.power == "On"


def test_without_arming_it_is_over_when_the_override_is_used(start: Start) -> None:
    controller = start()
    assert done(controller, "pxe").error is None
    assert (controller.boots, controller.enabled) == (["Pxe"], "Disabled")


RESETS = [
    pytest.param({}, ("None", "Disabled"), id="disabled"),
    pytest.param({"needs_target": True}, ("Hdd", "Continuous"), id="by-the-disk"),
    pytest.param({"offered": ("Pxe", "Cd", "Hdd")}, ("None", "Disabled"), id="none-is-not-offered"),
]


@pytest.mark.parametrize(("behaviour", "expected"), RESETS)
def test_a_controller_that_ignores_once(behaviour: dict[str, Any], expected: tuple[str, str], start: Start) -> None:
    """The machine would boot from the network again, for ever."""
    controller = start(ignores_once=True, **behaviour)
    assert done(controller, "pxe", booted()).error is None
    assert (controller.target, controller.enabled) == expected
    controller.reset("ForceOff")
    controller.reset("On")
    assert controller.boots == ["Pxe", "disk" if expected[0] == "None" else "Hdd"]


MODES = [
    pytest.param("uefi", "UEFI", "Example", None, id="same"),
    pytest.param("bios", "UEFI", "Example", "Legacy", id="to-bios"),
    pytest.param("uefi", "Legacy", "Example", "UEFI", id="to-uefi"),
    pytest.param(None, "Legacy", "Example", None, id="as-it-is"),
    pytest.param("uefi", "UEFI", "Supermicro", "UEFI", id="supermicro-wants-it-each-time"),
]


@pytest.mark.parametrize(("firmware", "before", "maker", "sent"), MODES)
def test_mode(firmware: str | None, before: str, maker: str, sent: str | None, start: Start) -> None:
    controller = start(mode=before, manufacturer=maker)
    done(controller, "pxe", {**booted(), "firmware": firmware})
    assert controller.patches[0].get("BootSourceOverrideMode") == sent


def test_what_is_set_is_read_back(start: Start) -> None:
    controller = start(ignores_override=True)
    assert failed(done(controller, "pxe", booted())) == (
        "wrong", here(controller, "BMC has accepted Pxe for the next boot, and says none afterwards"),
        "set it at the controller, or in the boot order of the machine",
    )  # fmt: skip
    assert controller.boots == [], "it would have booted something else"


def test_the_installer_does_not_come(start: Start) -> None:
    controller = start(ignores_once=True)
    result = done(controller, "pxe", {"is_installing": lambda: False}, {"boot_s": 0.2})
    assert failed(result)[:2] == ("timeout", "the installer has not fetched its kickstart within 0.2 s")
    assert controller.enabled == "Disabled", "it must not boot from the network at the next power cut"
    assert result.power == "on", "left for a look"


def test_stopped_by_a_person(start: Start) -> None:
    """The override is taken back all the same."""
    controller, stop = start(ignores_once=True), threading.Event()
    task = Task("node01", access(controller), is_installing=lambda: bool(stop.set()))
    result = perform(task, Order("pxe", pace=PACE), stop, lambda _: None)
    assert failed(result)[:2] == ("stopped", "stopped before it was done")
    assert (controller.enabled, controller.sessions) == ("Disabled", set())


# --- virtual media ---------------------------------------------------------------------------------------------------

URL = "http://127.0.0.1:8441/0123456789abcdef/node01.iso"


def test_medium(start: Start) -> None:
    controller = start(power="On", image="http://elsewhere.example.com/old.iso")
    seen: list[str | None] = []

    def is_installing() -> bool:
        seen.append(controller.image)
        return len(seen) > 2

    result = done(controller, "media", {"medium_url": URL, "is_installing": is_installing})
    assert result.error is None
    assert (controller.boots, seen[0], controller.image) == (["Cd"], URL, None)


def test_a_machine_with_its_medium_as_usb(start: Start) -> None:
    controller = start(manufacturer="Supermicro", offered=("Pxe", "Cd", "UsbCd", "Hdd"))
    done(controller, "media", {"medium_url": URL, **booted()})
    assert controller.boots == ["UsbCd"]


def test_a_medium_that_stays(start: Start) -> None:
    controller = start(keeps_medium=True)
    result = done(controller, "media", {"medium_url": URL, **booted()})
    assert failed(result) == (
        "wrong", here(controller, "BMC has accepted to eject the virtual medium, and still has it"),
        "eject it at the controller: the machine may boot it again",
    )  # fmt: skip
    assert controller.boots == ["Cd"]


def test_nothing_is_left_after_a_failure(start: Start) -> None:
    controller = start(lies_about_power=True)
    result = done(controller, "media", {"medium_url": URL, **booted()})
    assert failed(result)[:2] == (
        "wrong",
        here(controller, "BMC has accepted On, and the machine is still off after 0.3 s"),
    )
    assert (controller.image, controller.enabled) == (None, "Disabled")


def test_both_failures_are_told(start: Start) -> None:
    controller = start(lies_about_power=True, keeps_medium=True)
    assert failed(done(controller, "media", {"medium_url": URL, **booted()}))[1] == here(
        controller,
        "BMC has accepted On, and the machine is still off after 0.3 s; "
        "BMC has accepted to eject the virtual medium, and still has it",
    )


def test_inserted_though_it_says_no(start: Start) -> None:
    """As Cisco's do."""
    controller = start()
    controller.faults.append(Fault("POST .*InsertMedia", 400, error("already in use"), times=1))
    controller.image = None
    result = done(controller, "media", {"medium_url": URL, **booted()})
    assert failed(result)[1] == here(controller, "BMC refuses (HTTP status 400): already in use")


# --- what controllers do not do --------------------------------------------------------------------------------------

REFUSED = [
    pytest.param({}, "pxe", {"offered": ("Cd", "Hdd")}, ("unsupported",
                 "BMC does not offer to boot Pxe; it offers Cd, Hdd"), id="no-network-boot"),
    pytest.param({}, "media", {"offered": ("Pxe", "Hdd")}, ("unsupported",
                 "BMC does not offer to boot Cd nor UsbCd; it offers Hdd, Pxe"), id="no-cd-boot"),
    pytest.param({}, "media", {"media_types": ("USBStick",)}, ("unsupported", "BMC has no virtual CD"), id="no-cd"),
    pytest.param({}, "on", {"resets": ("ForceOff",)}, ("unsupported",
                 "BMC cannot switch the machine on by On; it offers ForceOff"), id="no-way-to-switch-on"),
    pytest.param({}, "on", {"resets": ()}, ("unsupported",
                 "BMC cannot switch the machine on by On; it offers nothing"), id="no-action"),
    pytest.param({}, "status", {"systems": ()}, ("no-system", "BMC has no system"), id="no-system"),
    pytest.param({}, "status", {"systems": ("1", "2")}, ("no-system", "BMC has 2 systems: 1, 2"), id="several-systems"),
    pytest.param({"system": "7"}, "status", {"systems": ("1", "2")}, ("no-system",
                 "BMC has no system '7'; it has 1, 2"), id="no-such-system"),
    pytest.param({"password": "swordfish-18"}, "status", {}, ("login",
                 "BMC does not accept the user ksgen with this password"), id="wrong-password"),
    pytest.param({"password": "swordfish-18"}, "status", {"has_sessions": False}, ("login",
                 "BMC does not accept the user ksgen with this password"), id="wrong-password-without-sessions"),
]  # fmt: skip


@pytest.mark.parametrize(("login", "verb", "behaviour", "expected"), REFUSED)
def test_refused(
    login: dict[str, Any], verb: Verb, behaviour: dict[str, Any], expected: tuple[str, str], start: Start
) -> None:
    controller = start(**behaviour)
    kind, message, _ = failed(done(controller, verb, {"medium_url": URL, **booted()}, **login))
    assert (kind, message) == (expected[0], here(controller, expected[1]))
    assert controller.image is None


def test_the_system_of_the_inventory(start: Start) -> None:
    controller = start(systems=("1", "2"))
    assert done(controller, "on", system="2").power == "on"
    assert "POST /redfish/v1/Systems/2/Actions/ComputerSystem.Reset" in controller.requests


RESET = f"POST {SYSTEM}/Actions"
FAULTS = [
    pytest.param("on", [Fault(RESET, 503, error("starting"), times=2)], None, id="503-twice"),
    pytest.param("on", [Fault(RESET, 503, error("starting"))], ("busy",
                 "BMC is busy (HTTP status 503): starting, 3 times"), id="503-for-ever"),
    pytest.param("status", [Fault(f"GET {SYSTEM}", 503, error("starting"), times=1)], None, id="503-while-reading"),
    pytest.param("on", [Fault(RESET, 400, error("no", "iLO.0.10.UnableToModifyDuringSystemPOST"), times=1)], None,
                 id="in-post"),
    pytest.param("on", [Fault(RESET, 500, error("Job 7 runs", "IDRAC.1.5.SYS518"), times=1)], None, id="sys518"),
    pytest.param("on", [Fault(RESET, 400, error("no licence."))], ("refused",
                 "BMC refuses (HTTP status 400): no licence"), id="400"),
    pytest.param("on", [Fault(RESET, 403, error("not for you"))], ("login",
                 "BMC does not allow this to the user ksgen: not for you"), id="403"),
    pytest.param("status", [Fault("GET /redfish/v1/Systems", 401, error("no"))], ("login",
                 "BMC does not accept the user ksgen with this password"), id="401-later"),
    pytest.param("status", [Fault("GET /redfish/v1/?$", 404, b"<html>")], ("unsupported", "BMC has no Redfish"),
                 id="no-redfish"),
    pytest.param("status", [Fault("GET /redfish/v1/?$", 200, b"<html>")], ("wrong",
                 "BMC answers something that is not Redfish: Expecting value: line 1 column 1 (char 0)"), id="html"),
    pytest.param("status", [Fault(f"GET {SYSTEM}", 200, [])], ("wrong",
                 "BMC answers something that is not Redfish: list indices must be integers or slices, not str"),
                 id="list"),
    pytest.param("status", [Fault(f"GET {SYSTEM}", 200, b"x" * 100)], ("wrong",
                 "BMC answers something that is not Redfish: Expecting value: line 1 column 1 (char 0)"), id="no-json"),
    pytest.param("status", [Fault(f"GET {SYSTEM}", cuts=True)], ("unreachable", "BMC cuts the connection"), id="cut"),
    pytest.param("status", [Fault(f"GET {SYSTEM}", cuts=True, times=1)], None, id="cut-once"),
    pytest.param("status", [Fault(f"GET {SYSTEM}", wait_s=1.5)], ("timeout",
                 "BMC accepts the request, and does not answer it in time"), id="slow"),
    pytest.param("status", [Fault("GET /redfish/v1/Systems$", 200, {"Members": [
                     {"@odata.id": "https://evil.example.com/redfish/v1/Systems/1"}]})], ("wrong",
                 "BMC refers to another server, evil.example.com"), id="leads-elsewhere"),
    pytest.param("on", [Fault(RESET, 500, error(f"user {USER} password {PASSWORD} \x1b[2J\n no"))], ("refused",
                 "BMC refuses (HTTP status 500): user ksgen password (secret) ?[2J no"), id="says-the-password"),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "faults", "expected"), FAULTS)
def test_faults(verb: Verb, faults: list[Fault], expected: tuple[str, str] | None, start: Start) -> None:
    controller = start(faults=[dataclasses.replace(fault) for fault in faults])
    result = done(controller, verb)
    if expected is None:
        assert result.error is None
    else:
        kind, message, _ = failed(result)
        assert (kind, message) == (expected[0], here(controller, expected[1]))


def test_the_whole_time_is_limited(start: Start) -> None:
    """Each answer is in time, all of them together are not."""
    controller = start(faults=[Fault("GET", wait_s=0.3)])
    kind, message, hint = failed(done(controller, "status", order={"timeout_s": 0.5}))
    assert (kind, message, hint) == ("timeout", "not done within 0.5 s", "allow more with --timeout")


# --- the connection --------------------------------------------------------------------------------------------------


def test_the_certificate_of_an_authority(start: Start, certificate: tuple[Path, Path]) -> None:
    pem = certificate[0].read_text()
    assert done(start(), "status", fingerprint=None, certificate=pem).error is None
    other = done(start(), "status", fingerprint=None, certificate=pem, address="127.0.0.2")
    assert failed(other)[0] in ("certificate", "unreachable")


def test_unverified_is_asked_for(start: Start) -> None:
    assert done(start(), "status", fingerprint=None, is_verified=False).error is None


def test_an_unknown_certificate(start: Start) -> None:
    controller = start()
    assert failed(done(controller, "status", fingerprint=None)) == (
        "certificate", here(controller, "the certificate of BMC is not trusted: self-signed certificate"),
        f"its fingerprint is {controller.fingerprint}: compare it at the controller, and set node_bmc.fingerprint",
    )  # fmt: skip
    assert controller.requests == [], "nothing is sent to a server that is not trusted"


def test_another_certificate_than_the_pinned_one(start: Start) -> None:
    controller = start()
    assert failed(done(controller, "status", fingerprint="ab" * 32)) == (
        "certificate",
        here(controller, "BMC does not have the certificate of node_bmc.fingerprint; its certificate has ")
        + controller.fingerprint,
        "was it replaced? Compare at the controller before you change it",
    )  # fmt: skip
    assert controller.requests == []


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    controller = Controller(port=port)
    assert failed(done(controller, "status", fingerprint=None)) == (
        "unreachable", f"127.0.0.1:{port} refuses connections to port {port}",
        "is Redfish enabled there, and at this port?",
    )  # fmt: skip


def test_no_such_name() -> None:
    result = done(Controller(port=443), "status", address="bmc.invalid", fingerprint=None)
    assert failed(result) == ("unreachable", "cannot resolve bmc.invalid", "correct node_bmc.address, or the DNS")


def test_no_answer_to_the_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        controller = Controller(port=silent.getsockname()[1])
        kind, message, _ = failed(done(controller, "status", fingerprint=None))
    assert (kind, message) == (
        "timeout", f"127.0.0.1:{controller.port} accepts the request, and does not answer it in time"
    )  # fmt: skip


def test_proxies_of_the_environment_are_not_used(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert done(start(), "status").error is None


@pytest.mark.parametrize("address", ["2001:db8::1", "bmc.example.com"])
def test_how_a_controller_is_shown(address: str) -> None:
    one = Access(address, 8443, None, USER, PASSWORD)
    name = f"[{address}]" if ":" in address else address
    assert (one.url, dataclasses.replace(one, port=443).url) == (f"https://{name}:8443", f"https://{name}")
    assert PASSWORD not in repr(one)
    assert CD
