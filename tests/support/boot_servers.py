# SPDX-License-Identifier: GPL-2.0-or-later
"""nginx and dnsmasq with the files that ksgen wrote, and clients for both, on the loopback of a network of their own.

`run` starts this file as a program in a new network namespace, where ports 80 and 69 are free, and hands it a list of
requests; the program answers with what came back.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# nginx's workers: www-data is Debian's. Whoever is not root becomes it in a namespace that has no other user.
IS_ROOT = os.geteuid() == 0
USER = "www-data" if IS_ROOT else "root"
GROUP = USER
_PATIENCE = 20  # seconds; both start within one on an idle machine
_BLOCK = 512  # bytes; RFC 1350


def program(name: str) -> str:
    """The path of a program, which in sbin is not on everybody's PATH."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    assert found, f"{name} is not installed; .ci/system-packages has its package"
    return found


def namespace() -> list[str]:
    """What runs a command with a network, and without being root a user database, of its own."""
    return [program("unshare"), "--net", *([] if IS_ROOT else ["--map-root-user"])]


def http_get(path: str, method: str = "GET", port: int = 80) -> dict[str, object]:
    return {"http": path, "method": method, "port": port}


def https_get(path: str, ca: Path, port: int = 443) -> dict[str, object]:
    """Over TLS, from a server whose certificate an authority has signed for this address."""
    return {"http": path, "method": "GET", "port": port, "ca": str(ca)}


def tftp_get(path: str) -> dict[str, object]:
    return {"tftp": path}


def run(tree: Path, requests: list[dict[str, object]]) -> list[dict[str, Any]]:
    """Start both servers as tree/nginx.conf and tree/dnsmasq.conf say, ask, stop them; bodies come back as bytes."""
    # Without root there is but one user in the namespace, and dnsmasq cannot become another.
    command = [*namespace(), sys.executable, __file__, str(tree), "--keep-in-foreground" if IS_ROOT else "--no-daemon"]
    done = subprocess.run(command, input=json.dumps(requests), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    for answer in answers:
        answer["body"] = base64.b64decode(answer["body"])
    return answers


# --- inside the namespace --------------------------------------------------------------------------------------------


def _main() -> None:
    tree = Path(sys.argv[1])
    requests = json.load(sys.stdin)
    subprocess.run([program("ip"), "link", "set", "lo", "up"], check=True)
    servers = [
        subprocess.Popen([program("nginx"), "-c", str(tree / "nginx.conf"), "-g", "daemon off;"], stdout=sys.stderr),
        subprocess.Popen([program("dnsmasq"), f"--conf-file={tree}/dnsmasq.conf", sys.argv[2]]),
    ]
    try:
        _wait(servers, sorted({int(r["port"]) for r in requests if "http" in r} or {80}))
        answers = [_http(r) if "http" in r else _tftp(r["tftp"]) for r in requests]
    finally:
        for server in servers:
            server.terminate()
        for server in servers:
            server.wait(timeout=_PATIENCE)
    for answer in answers:
        answer["body"] = base64.b64encode(answer["body"]).decode()
    json.dump(answers, sys.stdout)


def _wait(servers: list[subprocess.Popen[bytes]], ports: list[int]) -> None:
    """Until both answer: nginx on its ports, dnsmasq to a request for a file that is always there."""
    until = time.monotonic() + _PATIENCE
    while True:
        dead = [server.args for server in servers if server.poll() is not None]
        if dead:
            raise SystemExit(f"ended at once: {dead}")
        try:
            for port in ports:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            if _tftp("grub.cfg", timeout=1)["status"] == 200:
                return
        except OSError:
            pass
        if time.monotonic() > until:
            raise SystemExit("the servers do not answer")
        time.sleep(0.05)


def _http(request: dict[str, Any]) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", request["port"], timeout=_PATIENCE)
    if ca := request.get("ca"):
        context = ssl.create_default_context(cafile=ca)
        connection = http.client.HTTPSConnection("127.0.0.1", request["port"], timeout=_PATIENCE, context=context)
    connection.putrequest(request["method"], request["http"])
    connection.endheaders()
    response = connection.getresponse()
    answer = {
        "status": response.status,
        "length": response.getheader("Content-Length"),
        "cache": response.getheader("Cache-Control"),
        "body": response.read(),
    }
    connection.close()
    # The log of a request is written after its last byte.
    time.sleep(0.05)
    return answer


def _tftp(path: str, timeout: float = _PATIENCE) -> dict[str, Any]:
    """RFC 1350, octets; the error's number takes the place of a status, 200 that of none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.sendto(b"\0\1" + path.encode() + b"\0octet\0", ("127.0.0.1", 69))
        body = b""
        while True:
            packet, sender = client.recvfrom(4 + _BLOCK)
            kind, number = int.from_bytes(packet[:2], "big"), int.from_bytes(packet[2:4], "big")
            if kind == 5:
                return {"status": number, "body": packet[4:].rstrip(b"\0")}
            body += packet[4:]
            client.sendto(b"\0\4" + number.to_bytes(2, "big"), sender)
            if len(packet) < 4 + _BLOCK:
                return {"status": 200, "body": body}


if __name__ == "__main__":
    _main()
