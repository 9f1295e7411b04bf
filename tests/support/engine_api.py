# SPDX-License-Identifier: GPL-2.0-or-later
"""A small server that answers as the REST API of an engine does, for what joining hosts needs.

Paths, elements and statuses are those of ovirt-engine-api-model: log in and out, clusters, hosts with their actions,
fence agents, events. A host is installed when it has been asked for so often; faults are set on `Engine`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.server
import json
import re
import ssl
import threading
import urllib.parse
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

API = "/ovirt-engine/api"
_ASKED_UNTIL_UP = 2  # times


@dataclasses.dataclass
class EngineHost:
    """A host as the engine has it; `becomes` is the status after the next requests for it."""

    id: str
    name: str
    address: str
    cluster: str
    status: str = "up"
    becomes: str = ""
    asked: int = 0
    power: bool = False
    kdump: bool = False
    agents: list[dict[str, str]] = dataclasses.field(default_factory=list)

    def ask(self) -> None:
        """Time goes by with each request."""
        self.asked += 1
        if self.becomes and self.asked >= _ASKED_UNTIL_UP:
            self.status, self.becomes, self.asked = self.becomes, "", 0


@dataclasses.dataclass
class Engine:
    """The state of an engine, and what it was asked for: (method, path below the API, body)."""

    clusters: tuple[str, ...] = ("Default",)
    hosts: dict[str, EngineHost] = dataclasses.field(default_factory=dict)
    requests: list[tuple[str, str, str]] = dataclasses.field(default_factory=list)
    password: str = "secret of the engine"
    tokens: set[str] = dataclasses.field(default_factory=set)
    fails_to_install: bool = False

    def add(self, name: str, address: str, cluster: str, status: str) -> EngineHost:
        host = EngineHost(f"h{len(self.hosts) + 1}", name, address, cluster, status)
        self.hosts[host.id] = host
        return host

    def asked_for(self, method: str) -> list[tuple[str, str]]:
        """The paths and bodies of one kind of request."""
        return [(path, body) for kind, path, body in self.requests if kind == method]


def _host_xml(host: EngineHost, engine: Engine) -> str:
    place = engine.clusters.index(host.cluster)
    return f"""\
<host href="{API}/hosts/{host.id}" id="{host.id}"><name>{host.name}</name><address>{host.address}</address>
<cluster href="{API}/clusters/c{place}" id="c{place}"/><status>{host.status}</status>
<os><custom_kernel_cmdline></custom_kernel_cmdline></os><spm><priority>5</priority></spm>
<power_management><enabled>{str(host.power).lower()}</enabled><kdump_detection>{str(host.kdump).lower()}\
</kdump_detection></power_management></host>"""


def _agent_xml(agent: dict[str, str], host: EngineHost) -> str:
    options = "".join(
        f"<option><name>{key.removeprefix('option ')}</name><value>{value}</value></option>"
        for key, value in agent.items()
        if key.startswith("option ")
    )
    return f"""\
<agent href="{API}/hosts/{host.id}/fenceagents/{agent["id"]}" id="{agent["id"]}"><type>{agent["type"]}</type>
<address>{agent["address"]}</address><username>{agent["username"]}</username><order>{agent["order"]}</order>
<options>{options}</options></agent>"""


def _text(root: ElementTree.Element, path: str) -> str:
    return root.findtext(path) or ""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    engine: Engine

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())

    do_PUT = do_POST

    def _answer(self, body: str) -> None:
        url = urllib.parse.urlsplit(self.path)
        if url.path.startswith("/ovirt-engine/s"):  # sso, services
            self._session(url.path, urllib.parse.parse_qs(body))
            return
        if (self.headers.get("Authorization") or "").removeprefix("Bearer ") not in self.engine.tokens:
            self._send(401, "<fault><reason>no session</reason></fault>")
            return
        path = url.path.removeprefix(API)
        self.engine.requests.append((self.command, path, body))
        query = urllib.parse.parse_qs(url.query)
        found = re.search(r'name="?([^"]+)"?', query.get("search", [""])[0])
        self._api(path.strip("/").split("/"), found[1] if found else "", body)

    def _session(self, path: str, form: dict[str, list[str]]) -> None:
        if path.endswith("/token"):
            if form.get("password") != [self.engine.password]:
                self._send(200, json.dumps({"error": "wrong user or password", "error_code": "access_denied"}), "json")
                return
            token = f"token-{len(self.engine.requests)}"
            self.engine.tokens.add(token)
            self._send(200, json.dumps({"access_token": token, "token_type": "bearer"}), "json")
        else:
            self.engine.tokens.discard(form.get("token", [""])[0])
            self._send(200, "{}", "json")

    def _api(self, parts: list[str], name: str, body: str) -> None:
        engine = self.engine
        kind, *below = parts
        if kind == "events":
            self._send(200, '<events><event id="1"><index>1</index></event></events>')
        elif kind == "clusters":
            rows = [(n, one) for n, one in enumerate(engine.clusters) if name in ("", one)]
            found = "".join(f'<cluster href="{API}/clusters/c{n}" id="c{n}"><name>{one}</name></cluster>'
                            for n, one in rows)  # fmt: skip
            self._send(200, f"<clusters>{found}</clusters>")
        elif kind == "hosts" and not below and self.command == "POST":
            self._add(ElementTree.fromstring(body))
        elif kind == "hosts" and not below:
            hosts = [host for host in engine.hosts.values() if name in ("", host.name)]
            for host in hosts:
                host.ask()
            self._send(200, f"<hosts>{''.join(_host_xml(host, engine) for host in hosts)}</hosts>")
        elif kind == "hosts" and below[0] in engine.hosts:
            self._host(engine.hosts[below[0]], below[1:], body)
        else:
            self._send(404, "<fault><reason>not found</reason></fault>")

    def _add(self, root: ElementTree.Element) -> None:
        cluster = _text(root, "cluster/name")
        if cluster not in self.engine.clusters or _text(root, "ssh/authentication_method") != "publickey":
            self._send(400, "<fault><reason>Operation Failed</reason><detail>[Cannot add Host]</detail></fault>")
            return
        host = self.engine.add(_text(root, "name"), _text(root, "address"), cluster, "installing")
        host.becomes = "install_failed" if self.engine.fails_to_install else "up"
        self._send(201, _host_xml(host, self.engine))

    def _host(self, host: EngineHost, below: list[str], body: str) -> None:
        if not below and self.command == "PUT":
            root = ElementTree.fromstring(body)
            host.power = (_text(root, "power_management/enabled") or str(host.power).lower()) == "true"
            host.kdump = (_text(root, "power_management/kdump_detection") or str(host.kdump).lower()) == "true"
            self._send(200, _host_xml(host, self.engine))
        elif not below:
            host.ask()
            self._send(200, _host_xml(host, self.engine))
        elif below[0] == "fenceagents":
            self._agents(host, body)
        else:
            self._act(host, below[0], body)

    def _act(self, host: EngineHost, action: str, body: str) -> None:
        allowed = {
            "approve": ("pending_approval", "installing", "up"),
            "deactivate": ("up", "preparing_for_maintenance", "maintenance"),
            "install": ("maintenance", "installing", "maintenance"),
            "activate": ("maintenance", "unassigned", "up"),
        }
        needed, now, then = allowed[action]
        if action == "deactivate" and host.status == "install_failed":
            needed = host.status
        if host.status != needed:
            reason = f"<fault><reason>Operation Failed</reason><detail>[Cannot {action} Host.]</detail></fault>"
            self._send(409, reason)
            return
        if action == "approve":
            host.cluster = self.engine.clusters[int(json.loads(body)["cluster"]["id"][1:])]
        host.status, host.becomes, host.asked = now, then, 0
        self._send(200, "<action><status>complete</status></action>")

    def _agents(self, host: EngineHost, body: str) -> None:
        if self.command == "POST":
            root = ElementTree.fromstring(body)
            names = ("type", "address", "username", "password", "order")
            agent = {"id": f"a{len(host.agents) + 1}"} | {name: _text(root, name) for name in names}
            agent |= {f"option {_text(one, 'name')}": _text(one, "value") for one in root.iterfind("options/option")}
            host.agents.append(agent)
            self._send(201, _agent_xml(agent, host))
        else:
            self._send(200, f"<agents>{''.join(_agent_xml(agent, host) for agent in host.agents)}</agents>")

    def _send(self, status: int, text: str, kind: str = "xml") -> None:
        if kind == "xml" and "json" in (self.headers.get("Accept") or ""):
            text, kind = "{}", "json"  # for the one request that the playbook makes itself
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", f"application/{kind}")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


@contextlib.contextmanager
def serving(engine: Engine, certificate: Path) -> Iterator[str]:
    """Serve an engine on localhost with a certificate (PEM, with its key); gives the URL of the API."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    handler = type("Handler", (_Handler,), {"engine": engine})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}{API}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
