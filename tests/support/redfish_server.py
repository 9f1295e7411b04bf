# SPDX-License-Identifier: GPL-2.0-or-later
"""A small Redfish controller with TLS on the loopback, which does wrong what it is told to do wrong.

It has what sushy-tools' emulator lacks: sessions, overrides that are used up, disks with serial numbers,
logs, and faults.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import hashlib
import http.server
import json
import re
import selectors
import ssl
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

USER, PASSWORD = "ksgen", "swordfish-17"
SYSTEM = "/redfish/v1/Systems/1"
MANAGER = "/redfish/v1/Managers/1"
CD = f"{MANAGER}/VirtualMedia/Cd"


@dataclasses.dataclass
class Fault:
    """What happens to requests whose `METHOD PATH` matches, so many times (None: each time), after `skip` of them."""

    requests: str
    status: int | None = None
    body: object = None
    wait_s: float = 0.0
    cuts: bool = False
    drips: bool = False
    times: int | None = None
    skip: int = 0

    def applies(self, request: str) -> bool:
        if not re.search(self.requests, request) or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times = None if self.times is None else self.times - 1
        return True


@dataclasses.dataclass
class EventLog:
    """A log service. `entries` are in the order of the controller; `page` is how many are in an answer (0: all)."""

    entries: Sequence[dict[str, Any]] = ()
    name: str = "A log"
    kind: str | None = "SEL"
    page: int = 0
    is_linked: bool = False  # links instead of entries, as Huawei's
    following: str = "Members@odata.nextLink"
    ignores_skip: bool = False

    def at(self, path: str, rest: str) -> object:
        """The service at `path`, its entries, or one of them. None where there is none."""
        place, _, query = rest.partition("?")
        if not place:
            kind = {"LogEntryType": self.kind} if self.kind else {}
            return {
                "Id": path.rpartition("/")[2], "Name": self.name, "Entries": members(f"{path}/Entries"), **kind
            }  # fmt: skip
        if place == "/Entries":
            skipped = re.fullmatch(r"(?:\$|%24)skip=(\d+)", query)
            return self._part(f"{path}/Entries", int(skipped[1]) if skipped and not self.ignores_skip else 0)
        index = place.removeprefix("/Entries/")
        return self.entries[int(index)] if index.isdecimal() and int(index) < len(self.entries) else None

    def _part(self, path: str, begin: int) -> object:
        end = begin + self.page if self.page else len(self.entries)
        shown = [
            members(f"{path}/{number}") if self.is_linked else {**members(f"{path}/{number}"), **entry}
            for number, entry in list(enumerate(self.entries))[begin:end]
        ]
        more = {self.following: f"{path}?$skip={end}"} if end < len(self.entries) else {}
        return {"Name": "Entries", "Members": shown, "Members@odata.count": len(self.entries), **more}


@dataclasses.dataclass
class Controller:
    """Its machine, how it behaves, and what it has been asked."""

    power: str = "Off"
    target: str = "None"
    enabled: str = "Disabled"
    mode: str = "UEFI"
    manufacturer: str = "Example"
    offered: tuple[str, ...] = ("None", "Pxe", "Cd", "Hdd")
    resets: tuple[str, ...] = ("On", "ForceOff", "GracefulShutdown")
    media_types: tuple[str, ...] = ("CD", "DVD")
    image: str | None = None
    macs: tuple[str, ...] = ("52:54:00:aa:00:01",)
    disks: tuple[tuple[str, str], ...] = (("SN-0001 ", "5000000000000001"),)
    systems: tuple[str, ...] = ("1",)
    logs: dict[str, EventLog] = dataclasses.field(default_factory=dict)  # by the paths of their services
    has_skip: bool = False
    has_sessions: bool = True
    lies_about_power: bool = False  # accepts each reset, and does nothing
    fetches_media: bool = False  # as the real ones do, a part at a time; otherwise a URL is taken unseen
    keeps_medium: bool = False  # accepts to eject, and does not
    ignores_once: bool = False  # an override stays, as in sushy-tools
    ignores_override: bool = False
    needs_target: bool = False  # cannot be told to disable an override
    faults: list[Fault] = dataclasses.field(default_factory=list)
    # told of what really boots (`disk`, or an override) with the medium that is inserted, and of the end of the power
    switched_on: Callable[[str, bytes | None], None] | None = None
    switched_off: Callable[[], None] | None = None
    # what has happened
    requests: list[str] = dataclasses.field(default_factory=list)
    patches: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    boots: list[str] = dataclasses.field(default_factory=list)
    media: list[bytes] = dataclasses.field(default_factory=list)
    sessions: set[str] = dataclasses.field(default_factory=set)
    most_sessions: int = 0
    # the server
    port: int = 0
    fingerprint: str = ""
    lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)

    # --- the machine -------------------------------------------------------------------------------------------------

    def reset(self, kind: str) -> None:
        if self.lies_about_power:
            return
        if kind == "On" and self.power == "Off":
            self.power = "On"
            is_set = self.enabled != "Disabled" and self.target != "None"
            self.boots.append(self.target if is_set else "disk")
            if self.switched_on:
                self.switched_on(self.boots[-1], self.media[-1] if self.image and self.media else None)
            if self.enabled == "Once" and not self.ignores_once:
                self.target, self.enabled = "None", "Disabled"
        elif kind in ("ForceOff", "GracefulShutdown"):
            self.power = "Off"
            if self.switched_off:
                self.switched_off()

    def patch(self, boot: dict[str, Any]) -> tuple[int, object]:
        self.patches.append(boot)
        if self.needs_target and boot.get("BootSourceOverrideTarget") in (None, "None"):
            return 400, error("a target is required")
        if not self.ignores_override:
            self.target = boot.get("BootSourceOverrideTarget", self.target)
            self.enabled = boot.get("BootSourceOverrideEnabled", self.enabled)
            self.mode = boot.get("BootSourceOverrideMode", self.mode)
            if self.enabled == "Disabled":
                self.target = "None"
            elif self.ignores_once:
                self.enabled = "Continuous"
        return 204, None

    # --- Redfish -----------------------------------------------------------------------------------------------------

    def get(self, path: str) -> object:
        """A resource, None where there is none."""
        path = path.rstrip("/")
        if path == "/redfish/v1":
            return {
                "Id": "RootService", "Name": "Root", "RedfishVersion": "1.6.0",
                "Systems": {"@odata.id": "/redfish/v1/Systems"},
                "Managers": {"@odata.id": "/redfish/v1/Managers"},
                "Links": {"Sessions": {"@odata.id": "/redfish/v1/SessionService/Sessions"}},
                "ProtocolFeaturesSupported": {"TopSkipQuery": self.has_skip},
            }  # fmt: skip
        if path == "/redfish/v1/SessionService":
            return {"Id": "SessionService", "Name": "S", "Sessions": members("/redfish/v1/SessionService/Sessions")}
        if path == "/redfish/v1/Systems":
            return collection(*(f"/redfish/v1/Systems/{name}" for name in self.systems))
        if path.removeprefix("/redfish/v1/Systems/") in self.systems:
            return self._system(path)
        if path.endswith("/EthernetInterfaces"):
            return collection(*(f"{path}/{n}" for n in range(len(self.macs))))
        if "/EthernetInterfaces/" in path:
            return {"Id": "1", "Name": "NIC", "MACAddress": self.macs[int(path.rpartition("/")[2])].upper()}
        if path.endswith("/Storage"):
            return collection(f"{path}/A")
        if path.endswith("/Storage/A"):
            drives = [members(f"{path}/Drives/{n}") for n in range(len(self.disks))]
            return {"Id": "A", "Name": "HBA", "Drives": drives}
        if "/Drives/" in path:
            serial, name = self.disks[int(path.rpartition("/")[2])]
            known = [{"DurableName": name, "DurableNameFormat": "NAA"}]
            return {"Id": "1", "Name": "Disk", "SerialNumber": serial, "Identifiers": known}
        if path == "/redfish/v1/Managers":
            return collection("/redfish/v1/Managers/1")
        if path == MANAGER:
            return {"Id": "1", "Name": "BMC", "VirtualMedia": members(f"{MANAGER}/VirtualMedia"), **self._logs(path)}
        if path.endswith("/LogServices"):
            return collection(*(service for service in self.logs if service.startswith(f"{path}/")))
        for service, log in self.logs.items():
            if re.match(rf"{service}($|[/?])", path):
                return log.at(service, path.removeprefix(service))
        if path == "/redfish/v1/Managers/1/VirtualMedia":
            return collection("/redfish/v1/Managers/1/VirtualMedia/Floppy", CD)
        if path.startswith("/redfish/v1/Managers/1/VirtualMedia/"):
            return self._slot(path)
        return None

    def _system(self, path: str) -> object:
        return {
            "@odata.id": path, "Id": "1", "Name": "System", "Manufacturer": self.manufacturer, "Model": "One",
            "SerialNumber": "CHASSIS-1", "PowerState": self.power, "UUID": "1",
            "Boot": {
                "BootSourceOverrideTarget": self.target, "BootSourceOverrideEnabled": self.enabled,
                "BootSourceOverrideMode": self.mode,
                "BootSourceOverrideTarget@Redfish.AllowableValues": list(self.offered),
            },
            "Actions": {"#ComputerSystem.Reset": {
                "target": f"{path}/Actions/ComputerSystem.Reset",
                "ResetType@Redfish.AllowableValues": list(self.resets),
            }} if self.resets else {},
            "EthernetInterfaces": members(f"{path}/EthernetInterfaces"), "Storage": members(f"{path}/Storage"),
            "Links": {"ManagedBy": [members(MANAGER)]}, **self._logs(path),
        }  # fmt: skip

    def _logs(self, owner: str) -> dict[str, Any]:
        path = f"{owner}/LogServices"
        return {"LogServices": members(path)} if any(one.startswith(f"{path}/") for one in self.logs) else {}

    def _slot(self, path: str) -> object:
        is_cd = path == CD
        image = self.image if is_cd else None
        return {
            "@odata.id": path, "Id": path.rpartition("/")[2], "Name": "Virtual medium", "Image": image,
            "MediaTypes": list(self.media_types) if is_cd else ["Floppy", "USBStick"], "Inserted": image is not None,
            "Actions": {
                "#VirtualMedia.InsertMedia": {"target": f"{path}/Actions/VirtualMedia.InsertMedia"},
                "#VirtualMedia.EjectMedia": {"target": f"{path}/Actions/VirtualMedia.EjectMedia"},
            },
        }  # fmt: skip

    def post(self, path: str, body: dict[str, Any]) -> tuple[int, object]:
        if path.endswith("/ComputerSystem.Reset"):
            self.reset(body["ResetType"])
        elif path == f"{CD}/Actions/VirtualMedia.InsertMedia":
            if self.fetches_media:
                try:
                    self.media.append(fetched(body["Image"]))
                except OSError as reason:
                    return 400, error(f"cannot fetch the image: {reason}")
            self.image = body["Image"]
        elif path == f"{CD}/Actions/VirtualMedia.EjectMedia":
            self.image = self.image if self.keeps_medium else None
        else:
            return 404, error("no such action")
        return 204, None


def fetched(url: str) -> bytes:
    """A file in two parts."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    found = b""
    for part in ("bytes=0-32767", "bytes=32768-"):
        with opener.open(urllib.request.Request(url, headers={"Range": part}), timeout=10) as answer:
            assert answer.status == 206
            found += answer.read()
    return found


def members(path: str) -> dict[str, str]:
    return {"@odata.id": path}


def collection(*paths: str) -> object:
    return {"Name": "Collection", "Members": [members(path) for path in paths], "Members@odata.count": len(paths)}


def error(message: str, code: str = "Base.1.0.GeneralError") -> object:
    return {"error": {"code": code, "message": message}}


class _Handler(http.server.BaseHTTPRequestHandler):
    controller: Controller

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_DELETE = do_GET

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        one, request = self.controller, f"{self.command} {self.path}"
        with one.lock:
            one.requests.append(request)
            fault = next((each for each in one.faults if each.applies(request)), None)
        if fault is not None:
            time.sleep(fault.wait_s)
            if fault.cuts:
                self.connection.close()
                return
            if fault.drips:
                self._drip()
                return
            if fault.status is not None:
                self._answer(fault.status, fault.body)
                return
        with one.lock:
            self._act(one, body)

    def _act(self, one: Controller, body: Any) -> None:
        if self.path == "/redfish/v1/SessionService/Sessions" and self.command == "POST":
            self._log_in(one, body)
            return
        if not self._is_known(one) and self.path.rstrip("/") != "/redfish/v1":
            self._answer(401, error("unauthorized"))
        elif self.command == "GET":
            found = one.get(self.path)
            self._answer(200, found) if found is not None else self._answer(404, error("not found"))
        elif self.command == "DELETE":
            one.sessions.discard(self.path.rpartition("/")[2])
            self._answer(204, None)
        elif self.command == "PATCH" and "Boot" in body:
            self._answer(*one.patch(body["Boot"]))
        else:
            self._answer(*one.post(self.path, body or {}))

    def _log_in(self, one: Controller, body: Any) -> None:
        if not one.has_sessions:
            self._answer(404, error("no sessions"))
        elif (body.get("UserName"), body.get("Password")) != (USER, PASSWORD):
            self._answer(401, error("unauthorized"))
        else:
            name = f"s{len(one.requests)}"
            one.sessions.add(name)
            one.most_sessions = max(one.most_sessions, len(one.sessions))
            place = f"/redfish/v1/SessionService/Sessions/{name}"
            self._answer(201, {"Id": name}, {"X-Auth-Token": name, "Location": place})

    def _is_known(self, one: Controller) -> bool:
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        return self.headers.get("X-Auth-Token") in one.sessions or self.headers.get("Authorization") == f"Basic {basic}"

    def _answer(self, status: int, body: object, headers: dict[str, str] | None = None) -> None:
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(data)

    def _drip(self) -> None:
        """A byte at a time, which no timeout of a read notices, for at most 20 s."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        with contextlib.suppress(OSError):
            for _ in range(100):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.2)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients that hang up are a part of the tests."""


@contextlib.contextmanager
def serving(controller: Controller, certificate: Path, key: Path) -> Iterator[Controller]:
    """Run a controller until the end; its port and fingerprint are then known."""
    with serving_all([controller], certificate, key):
        yield controller


@contextlib.contextmanager
def serving_all(controllers: Sequence[Controller], certificate: Path, key: Path) -> Iterator[None]:
    """Run controllers until the end, each at a port of its own, with one thread that waits for all of them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    is_over = threading.Event()
    with contextlib.ExitStack() as stack:
        chosen = stack.enter_context(selectors.DefaultSelector())
        for controller in controllers:
            server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"controller": controller}))
            stack.callback(server.server_close)
            # The handshake is made by the thread of the request: a client that does not finish it stops no other.
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            controller.port, controller.fingerprint = server.server_address[1], hashlib.sha256(der).hexdigest()
            chosen.register(server.socket, selectors.EVENT_READ, server)

        def wait() -> None:
            while not is_over.is_set():
                for found, _ in chosen.select(0.02):
                    found.data._handle_request_noblock()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()


def certificate(directory: Path, *names: str) -> tuple[Path, Path]:
    """A self-signed certificate for names and addresses, such as `DNS:localhost`, and its key."""
    paths = directory / "bmc.pem", directory / "bmc.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-subj", "/CN=bmc", "-addext", f"subjectAltName={','.join(names)}",
         "-keyout", str(paths[1]), "-out", str(paths[0])],
        check=True, capture_output=True,
    )  # fmt: skip
    return paths
