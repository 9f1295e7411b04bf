# SPDX-License-Identifier: GPL-2.0-or-later
"""A web server in the test's own process that serves files well, or as badly as some do."""

from __future__ import annotations

import contextlib
import http.server
import re
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

Handler = http.server.BaseHTTPRequestHandler
Answer = Callable[["Request"], None]

_PATIENCE = 60  # seconds, of the slow ones: then they hang up, and a client that has waited says so
_PIECE = 1 << 16
_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Site(http.server.ThreadingHTTPServer):
    """Serves the files below a directory; `odd` has the paths that are answered in another way.

    `asked` has the requests: method, path and Range.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, directory: Path) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.directory = directory
        self.odd: dict[str, Answer] = {}
        self.asked: list[tuple[str, str, str | None]] = []
        self.scheme = "http"

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.name}"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has heard enough closes the connection."""


class Request(Handler):
    protocol_version = "HTTP/1.1"
    server: Site

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = urlsplit(self.path).path
        self.server.asked.append((self.command, self.path, self.headers.get("Range")))
        self.server.odd.get(path, Request.serve)(self)

    @property
    def file(self) -> Path:
        return self.server.directory / urlsplit(self.path).path[1:]

    def serve(self, with_ranges: bool = True) -> None:
        if not self.file.is_file():
            return self.say(404)
        size = self.file.stat().st_size
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted and with_ranges:
            first, last = int(wanted[1]), min(int(wanted[2]), size - 1)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        else:
            first, last = 0, size - 1
            self.send_response(200)
        self.send_header("Content-Length", str(last - first + 1))
        self.end_headers()
        if self.command == "GET":
            self.pour(first, last + 1)

    def pour(self, first: int, end: int) -> None:
        with open(self.file, "rb") as file:
            file.seek(first)
            while first < end and (data := file.read(min(_PIECE, end - first))):
                self.wfile.write(data)
                first += len(data)

    def say(self, status: int, text: str = "", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


def status(code: int, text: str = "", **headers: str) -> Answer:
    return lambda request: request.say(code, text, **headers)


def without_ranges(request: Request) -> None:
    request.serve(with_ranges=False)


def without_length(request: Request) -> None:
    request.send_response(200)
    request.send_header("Connection", "close")
    request.end_headers()
    if request.command == "GET":
        request.pour(0, request.file.stat().st_size)


def packing(request: Request) -> None:
    """As a server that packs on the way: no length for whoever takes gzip."""
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return request.serve()
    request.send_response(200)
    request.send_header("Content-Encoding", "gzip")
    request.send_header("Transfer-Encoding", "chunked")
    request.end_headers()


def cutting_off(request: Request) -> None:
    """A whole image ends after half of it; parts are served well."""
    if request.command == "HEAD" or request.headers.get("Range"):
        return request.serve()
    size = request.file.stat().st_size
    request.send_response(200)
    request.send_header("Content-Length", str(size))
    request.end_headers()
    request.pour(0, size // 2)
    request.close_connection = True


def endless(request: Request) -> None:
    """A whole image comes slowly, until nobody takes it any more; parts are served well."""
    if request.command == "HEAD" or request.headers.get("Range"):
        return request.serve()
    request.send_response(200)
    request.send_header("Content-Length", str(1 << 40))
    request.end_headers()
    with contextlib.suppress(OSError):
        while True:
            request.wfile.write(bytes(_PIECE))
            time.sleep(0.05)


def short_parts(request: Request) -> None:
    """A part is a byte shorter than what was asked for."""
    if request.command == "HEAD" or request.headers.get("Range") == "bytes=0-4095":
        return request.serve()
    request.say(206, "x")


def only_head(code: int) -> Answer:
    return lambda request: request.serve() if request.command == "HEAD" else request.say(code)


def silent(request: Request) -> None:
    time.sleep(_PATIENCE)
    request.close_connection = True


def trickling(request: Request) -> None:
    """Never silent for long, and never done."""
    with contextlib.suppress(OSError):
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Wait: ")
        for _ in range(_PATIENCE * 20):
            request.wfile.write(b".")
            time.sleep(0.05)
    request.close_connection = True


def hanging_up(request: Request) -> None:
    request.close_connection = True


def talking_of_something_else(request: Request) -> None:
    request.wfile.write(b"220 ftp.example.com ready\r\n")
    request.close_connection = True


TREE_FILES = ("images/install.img", "images/pxeboot/initrd.img", "images/pxeboot/vmlinuz")


def write_tree(directory: Path, treeinfo: str) -> None:
    """An install tree: the files of the installer, and its .treeinfo."""
    for name in TREE_FILES:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(name)
    (directory / ".treeinfo").write_text(treeinfo)


@contextlib.contextmanager
def serving(directory: Path, certificate: Path | None = None) -> Iterator[Site]:
    """A site on a free port of the loopback; with a certificate (and its key in one file) it speaks TLS."""
    site = Site(directory)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        site.socket = context.wrap_socket(site.socket, server_side=True, do_handshake_on_connect=False)
        site.scheme = "https"
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.shutdown()
        site.server_close()
        thread.join()


def authority(directory: Path) -> Path:
    """A certificate authority: its certificate and key in one file."""
    path, key = directory / "ca.pem", directory / "ca.key"
    _openssl("req", "-x509", *_NEW_KEY, "-subj", "/CN=Site CA", "-keyout", key, "-out", path)
    path.write_text(path.read_text() + key.read_text())
    return path


def certificate(path: Path, ca: Path, names: str = "IP:127.0.0.1", days: int = 30) -> Path:
    """A server's certificate for these names, signed by an authority, with its key in one file.

    With -1 days it has expired the day before.
    """
    key, request, extensions = (path.with_suffix(suffix) for suffix in (".key", ".csr", ".ext"))
    extensions.write_text(f"subjectAltName={names}\n")
    _openssl("req", "-new", *_NEW_KEY, "-subj", "/CN=server", "-keyout", key, "-out", request)
    signed = ["-CA", ca, "-CAkey", ca, "-set_serial", 2, "-days", days, "-extfile", extensions]
    _openssl("x509", "-req", "-in", request, "-out", path, *signed)
    path.write_text(path.read_text() + key.read_text())
    return path


def _openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)
