# SPDX-License-Identifier: GPL-2.0-or-later
"""The checks of addresses against real servers on the loopback: each way in which one can fail, and how it is told."""

from __future__ import annotations

import contextlib
import dataclasses
import email.utils
import hashlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import image_servers
import pytest
from checked_machine import Recorded, machine, write
from image_servers import Request, Site, certificate, serving, silent, status

from org_ovirt_node.programs import checks
from org_ovirt_node.programs.checks import Result, Wanted, WantedAddress

TREEINFO = "[general]\nfamily = AlmaLinux\nversion = 9.4\n"
FROM = ", from 127.0.0.1"
TEN_YEARS = 3653 * 86400


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    (directory / "node.img").write_bytes(b"hsqs" * 1000)
    (directory / "empty.img").write_bytes(b"")
    (directory / ".treeinfo").write_text(TREEINFO)
    return directory


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return image_servers.authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def site(root: Path) -> Iterator[Site]:
    with serving(root) as found:
        yield found


@contextlib.contextmanager
def secure(root: Path, ca: Path, directory: Path, **options: Any) -> Iterator[Site]:
    """A site with TLS whose certificate is of the authority."""
    with serving(root, certificate(directory / "server.pem", ca, **options)) as found:
        yield found


def trust(monkeypatch: pytest.MonkeyPatch, ca: Path) -> None:
    """As node_ca_certificates makes the installer trust it; OpenSSL reads this variable."""
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))


def checked(directory: Path, *addresses: WantedAddress) -> dict[str, Result]:
    found = checks.Checks(machine(directory), Wanted("el9", addresses=addresses), limit=8).of_network()
    return {one.name: one for one in found}


def line_of(directory: Path, name: str, url: str, **more: Any) -> str:
    return checked(directory, WantedAddress(name, url, **more))[name].line


def dated(offset: float, code: int = 200) -> image_servers.Answer:
    """An answer of a server whose clock is that many seconds away."""

    def answer(request: Request) -> None:
        request.send_response_only(code)
        request.send_header("Date", email.utils.formatdate(time.time() + offset, usegmt=True))
        request.send_header("Content-Length", "4000")
        request.send_header("Connection", "close")
        request.end_headers()
        request.close_connection = True

    return answer


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- what is well ---


def test_image_and_tree(site: Site, tmp_path: Path) -> None:
    found = checked(
        tmp_path,
        WantedAddress("image", f"{site.url}/node.img", size=4000),
        WantedAddress("tree", f"{site.url}/.treeinfo"),
        WantedAddress("report", f"{site.url}/report", is_needed=False),
    )
    assert [one.line for one in found.values()][:4] == [
        "ok: link: no interface is described",
        f"ok: image: {site.url}/node.img: 4000 bytes, Range requests{FROM}",
        f"ok: tree: {site.url}/.treeinfo: HTTP status 200{FROM}",
        f"ok: report: {site.url}/report: the server answers{FROM}",
    ]
    assert found["clock"].verdict == "ok"
    assert sorted(site.asked, key=str) == [
        ("GET", "/.treeinfo", None),
        ("GET", "/node.img", "bytes=0-0"),
        ("GET", "/report", None),
        ("HEAD", "/node.img", None),
    ]


def test_tls_with_a_trusted_authority(root: Path, ca: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch, ca)
    with secure(root, ca, tmp_path) as site:
        assert line_of(tmp_path, "image", f"{site.url}/node.img").startswith(f"ok: image: {site.url}/node.img: 4000")


def test_tree_may_be_redirected(site: Site, tmp_path: Path) -> None:
    site.odd["/tree/.treeinfo"] = status(302, Location=f"{site.url}/.treeinfo")
    assert line_of(tmp_path, "tree", f"{site.url}/tree/.treeinfo").startswith("ok: tree: ")


def test_file_is_looked_for(tmp_path: Path) -> None:
    write(tmp_path, "run/install/repo/node.img", "1234")
    assert line_of(tmp_path, "image", "file:///run/install/repo/node.img") == (
        "ok: image: file:///run/install/repo/node.img: 4 bytes"
    )
    assert line_of(tmp_path, "image", "file:///mnt/node.img") == "warning: image: /mnt/node.img is not there yet"


@pytest.mark.parametrize("scheme", ["ftp", "nfs"])
def test_other_schemes_are_only_connected_to(scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setitem(checks.PORTS, scheme, port)
        url = {"ftp": "ftp://127.0.0.1/tree/", "nfs": "nfs:vers=4:127.0.0.1:/tree"}[scheme]
        assert line_of(tmp_path, "tree", url) == (
            f"ok: tree: {url}: the server can be reached; its files are not checked{FROM}"
        )


# --- what is not ---


def test_name_that_cannot_be_resolved(tmp_path: Path) -> None:
    """A label of 64 characters is refused before a server is asked."""
    name = f"{'a' * 64}.example.com"
    line = line_of(tmp_path, "image", f"http://{name}/node.img")
    assert line.startswith(f"error: image: {name} cannot be resolved: ")
    assert line.endswith(f"; name servers: 10.0.0.53, 10.0.0.54; needed: the address of {name}")


def test_without_name_servers(tmp_path: Path) -> None:
    system = machine(tmp_path)
    write(tmp_path, "etc/resolv.conf", "# nothing\n")
    name = f"{'a' * 64}.example.com"
    wanted = Wanted("el9", addresses=(WantedAddress("image", f"http://{name}/node.img"),))
    (image,) = (one for one in checks.Checks(system, wanted).of_network() if one.name == "image")
    assert image.line == (
        f"error: image: {name} cannot be resolved: the installer has no name servers; needed: the address of {name}"
    )
    assert "nameserver=" in image.text("cure")


def test_refused(tmp_path: Path) -> None:
    port = free_port()
    assert line_of(tmp_path, "image", f"http://127.0.0.1:{port}/node.img") == (
        f"error: image: 127.0.0.1 port {port} (127.0.0.1) refuses the connection{FROM}; needed: a connection to "
        "127.0.0.1"
    )


def test_server_that_does_not_accept(tmp_path: Path) -> None:
    """Its queue is full: the kernel answers no further connection."""
    with socket.socket() as server, contextlib.ExitStack() as stack:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        assert line_of(tmp_path, "image", f"http://127.0.0.1:{port}/node.img") == (
            f"error: image: 127.0.0.1 port {port} (127.0.0.1) does not answer{FROM}; needed: a connection to 127.0.0.1"
        )


@pytest.mark.parametrize(
    ("path", "odd", "line"),
    [
        pytest.param(
            "/gone.img", None, "error: image: {url}: HTTP status 404 Not Found{way}; needed: HTTP status 200", id="404"
        ),
        pytest.param(
            "/node.img",
            status(503),
            "error: image: {url}: HTTP status 503 Service Unavailable{way}; needed: HTTP status 200",
            id="503",
        ),
        pytest.param(
            "/node.img",
            status(301, Location="http://other/"),
            "error: image: {url}: HTTP status 301 Moved Permanently{way}; the installer does not follow redirects of "
            "an image; needed: HTTP status 200",
            id="redirect",
        ),
        pytest.param(
            "/node.img",
            image_servers.without_ranges,
            "warning: image: {url}: the server does not support Range requests{way}",
            id="no-ranges",
        ),
        pytest.param(
            "/node.img",
            image_servers.without_length,
            "warning: image: {url}: the server does not state the size{way}; needed: Content-Length, without which the "
            "installer reads the image into memory",
            id="no-length",
        ),
        pytest.param("/empty.img", None, "error: image: {url} is empty{way}; needed: an image", id="empty"),
        pytest.param(
            "/node.img",
            image_servers.hanging_up,
            "error: image: {host} does not answer in HTTP{way}: Remote end closed connection without response; needed: "
            "an HTTP server",
            id="hangs-up",
        ),
        pytest.param(
            "/node.img",
            image_servers.talking_of_something_else,
            "error: image: {host} does not answer in HTTP{way}: 220 ftp.example.com ready; needed: an HTTP server",
            id="other-protocol",
        ),
        pytest.param(
            "/node.img",
            silent,
            "error: image: {host} does not answer in HTTP{way}: no answer; needed: an HTTP server",
            id="silent",
        ),
    ],
)
def test_image(path: str, odd: Any, line: str, site: Site, tmp_path: Path) -> None:
    if odd:
        site.odd[path] = odd
    found = line_of(tmp_path, "image", f"{site.url}{path}")
    assert found == line.format(url=f"{site.url}{path}", way=FROM, host=site.name)


def test_tree_that_is_none(site: Site, tmp_path: Path) -> None:
    site.odd["/.treeinfo"] = status(200, "<html>It works</html>")
    assert line_of(tmp_path, "tree", f"{site.url}/.treeinfo") == (
        f"warning: tree: {site.url}/.treeinfo is not a .treeinfo{FROM}"
    )


def test_tree_that_redirects_for_ever(site: Site, tmp_path: Path) -> None:
    site.odd["/.treeinfo"] = status(302, Location=f"{site.url}/.treeinfo")
    assert "HTTP status 302 Found" in line_of(tmp_path, "tree", f"{site.url}/.treeinfo")
    assert len(site.asked) == checks.REDIRECTS + 1


def test_unknown_authority(root: Path, ca: Path, tmp_path: Path) -> None:
    with secure(root, ca, tmp_path) as site:
        found = checked(tmp_path, WantedAddress("image", f"{site.url}/node.img"))["image"]
    assert found.line == (
        f"error: image: the certificate of 127.0.0.1 is not from a trusted authority{FROM}: unable to get local issuer "
        "certificate; needed: a certificate that the installer trusts"
    )
    assert found.text("cure") == "add the authority to node_ca_certificates"


def test_installer_that_verifies_nothing_is_not_stopped(root: Path, ca: Path, tmp_path: Path) -> None:
    with secure(root, ca, tmp_path) as site:
        system = machine(tmp_path, cmdline="quiet inst.noverifyssl")
        wanted = Wanted("el9", addresses=(WantedAddress("image", f"{site.url}/node.img"),))
        verdicts = {one.name: one.verdict for one in checks.Checks(system, wanted).of_network()}
    assert verdicts == {"link": "ok", "image": "ok", "clock": "ok"}


def test_certificate_of_another_name(root: Path, ca: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch, ca)
    with secure(root, ca, tmp_path, names="DNS:pxe.example.com") as site:
        line = line_of(tmp_path, "image", f"{site.url}/node.img")
    assert line.startswith(f"error: image: the certificate of 127.0.0.1 is for another name{FROM}: ")
    assert line.endswith("; needed: a certificate for 127.0.0.1")


def test_certificate_that_has_expired_with_the_right_clock(
    root: Path, ca: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(monkeypatch, ca)
    with secure(root, ca, tmp_path, days=-1) as site:
        found = checked(tmp_path, WantedAddress("image", f"{site.url}/node.img"))
    assert found["image"].line.startswith("error: image: the certificate of 127.0.0.1 is not valid at 20")
    assert ": certificate has expired; needed: a valid certificate, and the right time" in found["image"].line
    assert found["clock"].verdict == "ok"


def test_clock_ten_years_off_where_tls_depends_on_it(
    root: Path, ca: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The certificate is valid at the time of the server, which is read without believing anything else of it."""
    trust(monkeypatch, ca)
    with secure(root, ca, tmp_path, days=-1) as site:
        site.odd["/node.img"] = dated(-TEN_YEARS)
        found = checked(tmp_path, WantedAddress("image", f"{site.url}/node.img"))
    assert found["clock"].line == (
        "error: clock: the clock is 3653 days ahead of that of 127.0.0.1; needed: at most 5 minutes"
    )
    assert found["clock"].can_change


def test_clock_ten_years_off_without_tls_is_a_warning(site: Site, tmp_path: Path) -> None:
    site.odd["/node.img"] = dated(TEN_YEARS)
    found = checked(tmp_path, WantedAddress("image", f"{site.url}/node.img"))
    assert found["clock"].line == (
        "warning: clock: the clock is 3653 days behind that of 127.0.0.1; needed: at most 5 minutes"
    )


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Zzz 9999 99:99:99 GMT"])
def test_date_that_is_none(date: str, site: Site, tmp_path: Path) -> None:
    def answer(request: Request) -> None:
        request.send_response_only(200)
        request.send_header("Date", date)
        request.send_header("Content-Length", "4000")
        request.end_headers()

    site.odd["/node.img"] = answer
    found = checked(tmp_path, WantedAddress("image", f"{site.url}/node.img"))
    assert found["clock"].line == "warning: clock: no server has sent its time"


def test_pinned_certificate_is_accepted_without_its_authority(root: Path, ca: Path, tmp_path: Path) -> None:
    with secure(root, ca, tmp_path, days=-1) as site:
        der = ssl.PEM_cert_to_DER_cert((tmp_path / "server.pem").read_text().split("-----BEGIN PRIVATE")[0])
        pin = hashlib.sha256(der).hexdigest()
        right = line_of(tmp_path, "report", f"{site.url}/report", pin=pin, is_needed=False)
        wrong = line_of(tmp_path, "report", f"{site.url}/report", pin="0" * 64, is_needed=False)
    assert right == f"ok: report: {site.url}/report: the server answers{FROM}"
    assert wrong == (
        f"warning: report: 127.0.0.1 shows another certificate than the pinned one{FROM}; needed: node_report_pin"
    )


def test_plain_server_where_tls_is_expected(site: Site, tmp_path: Path) -> None:
    line = line_of(tmp_path, "image", f"https://{site.name}/node.img")
    assert line.startswith(f"error: image: no TLS connection to 127.0.0.1{FROM}: ")


def test_no_end_is_told_with_its_step(tmp_path: Path, site: Site) -> None:
    site.odd["/node.img"] = silent
    system = machine(tmp_path)
    system.limit = 30
    wanted = Wanted("el9", addresses=(WantedAddress("image", f"{site.url}/node.img"),))
    begin = time.monotonic()
    (_, image, _) = checks.Checks(system, wanted, limit=1).of_network()
    assert time.monotonic() - begin < 5
    assert image.line == (
        f"error: image: {site.url}/node.img: no answer within 1 seconds (HTTP); needed: an answer within 1 seconds"
    )


# --- through a proxy ---


class Proxy(threading.Thread):
    """Forwards one request, or makes one tunnel; `status` is its answer to CONNECT."""

    def __init__(self, target: tuple[str, int], code: int = 200) -> None:
        super().__init__(daemon=True)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.target, self.code, self.heads = target, code, []
        self.start()

    @property
    def url(self) -> str:
        return f"http://erika:hunter2@127.0.0.1:{self.server.getsockname()[1]}"

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.server.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = client.recv(4096)
        self.heads.append(head.decode().replace("\r\n", "\n"))
        if head.startswith(b"CONNECT"):
            client.sendall(f"HTTP/1.1 {self.code} Because\r\n\r\n".encode())
            if self.code != 200:
                client.close()
                return
            head = b""
        else:
            head = head.replace(f"http://{self.target[0]}:{self.target[1]}".encode(), b"", 1)
        upstream = socket.create_connection(self.target)
        upstream.sendall(head)
        threading.Thread(target=_pour, args=(client, upstream), daemon=True).start()
        _pour(upstream, client)


def _pour(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(4096):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


def test_through_a_proxy(site: Site, tmp_path: Path) -> None:
    proxy = Proxy(site.server_address[:2])
    line = line_of(tmp_path, "image", f"{site.url}/node.img", proxy=proxy.url)
    assert line == f"ok: image: {site.url}/node.img: 4000 bytes, Range requests{FROM}"
    assert proxy.heads[0].startswith(f"HEAD {site.url}/node.img HTTP/1.1\n")
    assert f"\nHost: {site.name}\n" in proxy.heads[0]
    assert "\nProxy-Authorization: Basic ZXJpa2E6aHVudGVyMg==\n" in proxy.heads[0]


def test_tls_through_a_proxy(root: Path, ca: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust(monkeypatch, ca)
    with secure(root, ca, tmp_path) as site:
        proxy = Proxy(site.server_address[:2])
        line = line_of(tmp_path, "image", f"{site.url}/node.img", proxy=proxy.url)
        refusing = Proxy(site.server_address[:2], code=407)
        refused = line_of(tmp_path, "image", f"{site.url}/node.img", proxy=refusing.url)
    assert line == f"ok: image: {site.url}/node.img: 4000 bytes, Range requests{FROM}"
    assert "Proxy-Authorization" in proxy.heads[0]
    assert refused == (
        f"error: image: the proxy 127.0.0.1 answers with HTTP status 407{FROM}; needed: a connection through the proxy"
    )
    assert "hunter2" not in line + refused


# --- the person who repairs it ---


def test_server_that_comes_up_later(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = free_port()
    started: list[Site] = []

    class Attended(Recorded):
        def say(self, terminal: str, text: str) -> bool:
            """A person reads what is missing, and starts the server."""
            if not started and "refuses the connection" in text:
                http = Site(root)
                http.server_close()
                http.socket = socket.create_server(("127.0.0.1", port))
                threading.Thread(target=http.serve_forever, daemon=True).start()
                started.append(http)
            return super().say(terminal, text)

    machine(tmp_path)
    system = Attended(tmp_path)
    wanted = Wanted("el9", addresses=(WantedAddress("image", f"http://127.0.0.1:{port}/node.img"),), wait=60)
    write(tmp_path, "wanted.json", checks.written(wanted))
    try:
        assert checks.main([str(tmp_path / "wanted.json"), "1", "1"], system) == 0
    finally:
        for server in started:
            server.shutdown()
            server.server_close()
    assert "the installation waits for this; it stops in 60 s." in system.said
    assert "repaired after " in system.said
    assert f"ok: image: http://127.0.0.1:{port}/node.img: 4000 bytes" in capsys.readouterr().out


def test_server_that_never_comes_up(tmp_path: Path) -> None:
    system = machine(tmp_path)
    image = WantedAddress("image", f"http://127.0.0.1:{free_port()}/node.img")
    write(tmp_path, "wanted.json", checks.written(Wanted("el9", addresses=(image,), wait=1)))
    assert checks.main([str(tmp_path / "wanted.json"), "1", "1"], system) == 1
    assert "the installation stops here; nothing has been written to any disk." in system.said
    assert "  cure: start the server, or correct the port of the URL" in system.said


def test_report_server_that_is_away_stops_nothing(site: Site, tmp_path: Path) -> None:
    system = machine(tmp_path)
    image = WantedAddress("image", f"{site.url}/node.img")
    reports = WantedAddress("report", f"http://127.0.0.1:{free_port()}/report", is_needed=False)
    write(tmp_path, "wanted.json", checks.written(Wanted("el9", addresses=(image, reports), wait=60)))
    begin = time.monotonic()
    assert checks.main([str(tmp_path / "wanted.json"), "1", "1"], system) == 0
    assert time.monotonic() - begin < 10
    assert "warning: report: 127.0.0.1 port " in system.said


def test_waived_address_stops_nothing(tmp_path: Path) -> None:
    system = machine(tmp_path)
    image = WantedAddress("image", f"http://127.0.0.1:{free_port()}/node.img")
    wanted = dataclasses.replace(Wanted("el9", addresses=(image,), wait=60), skip=("image",))
    write(tmp_path, "wanted.json", checks.written(wanted))
    assert checks.main([str(tmp_path / "wanted.json"), "1", "1"], system) == 0
    assert "waived by node_checks: error: image: " in system.said
