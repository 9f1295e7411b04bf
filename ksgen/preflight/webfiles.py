# SPDX-License-Identifier: GPL-2.0-or-later
"""Requests files from web servers as the installer does: without the proxies of this machine, and without following
redirects by default.

Errors are returned, worded for the author of the URL; nothing is raised.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import dataclasses
import functools
import http
import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

from ksgen.problems import Finding
from ksgen.redaction import redacted

_REDIRECTS = 10  # dracut's curl follows 50 (curl(1), --max-redirs); a tree that needs more than a few is a loop
_PIECE = 1 << 20  # bytes requested at a time of a file that is inspected
_STREAMED = 1 << 16  # bytes of a download handed over at a time; even a slow connection has some every second
_PIECES_KEPT = 32
_BODY_MAX = 1 << 20  # bytes; a .treeinfo has a few thousand
# The headers that Anaconda's requests sends. A server that compresses on the fly then sends no Content-Length.
_HEADERS = {"Accept-Encoding": "gzip, deflate", "Accept": "*/*", "Connection": "close", "User-Agent": "ksgen"}
# Characters reserved by RFC 3986, and percent signs.
_AS_THEY_ARE = "!#$%&'()*+,/:;=?@[]~"
WEB = ("http", "https")
ARCH = "x86_64"  # what the boot files of ksgen are for
_PROXY_PORT = 3128  # where the URL of a proxy has none (Anaconda's core/payload.py, ProxyString)
_UNKNOWN_ISSUER = frozenset((18, 19, 20, 21))  # X509_V_ERR_*: self-signed, or an unknown issuer


@dataclasses.dataclass(frozen=True)
class Answer:
    """A server's response. `size` is its Content-Length, `location` absolute; each is None if absent."""

    url: str
    status: int
    size: int | None
    encoding: str
    location: str | None
    body: bytes = dataclasses.field(default=b"", repr=False)

    @property
    def said(self) -> str:
        """`404 Not Found`."""
        try:
            return f"{self.status} {http.HTTPStatus(self.status).phrase}"
        except ValueError:
            return str(self.status)

    @property
    def is_redirect(self) -> bool:
        return 300 <= self.status < 400 and self.location is not None


def place(url: str) -> str:
    """A URL for display: without user name, password and possible tokens."""
    parts = urlsplit(redacted([url])[0])
    if not parts.netloc:
        return url  # a file, or NFS as Anaconda writes it
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def has_secret(url: str) -> bool:
    return place(url) != url


class Client:
    """Sends requests with this timeout and these CA certificates; can be shared between threads.

    `ca` is a file of certificates that are trusted in addition to the system's. Raises OSError if it cannot be read,
    and ssl.SSLError, a subclass, if it has no certificates.
    """

    def __init__(self, timeout: float, ca: Path | None = None) -> None:
        self._timeout = timeout
        self._proxy: str | None = None
        self._trust = ssl.create_default_context()
        if ca is not None:
            self._trust.load_verify_locations(cafile=ca)

    def through(self, proxy: str | None) -> Client:
        """The same client, whose requests go through this proxy."""
        other = copy.copy(self)
        other._proxy = proxy
        return other

    def head(self, url: str) -> Answer | Finding:
        return self._answer("HEAD", url)

    def get(self, url: str) -> Answer | Finding:
        """A small file, its first mebibyte at most."""
        return self._answer("GET", url)

    def part(self, url: str, offset: int, length: int) -> Answer | Finding:
        """Some bytes of a file, or its beginning (status 200) if the server does not support Range requests."""
        return self._answer("GET", url, (offset, length))

    def follow(self, ask: Callable[[str], Answer | Finding], url: str) -> Answer | Finding:
        """The answer at the end of all redirects, as dracut's curl --location finds it."""
        for _ in range(_REDIRECTS):
            answer = ask(url)
            if isinstance(answer, Finding) or not answer.is_redirect:
                return answer
            url = answer.location or url
            if urlsplit(url).scheme not in ("http", "https"):
                return Finding("server-answer", f"is redirected to {place(url)!r}, which is not http or https")
        return Finding("server-answer", f"more than {_REDIRECTS} redirects")

    def stream(self, url: str, sink: Callable[[bytes], object]) -> Answer | Finding:
        """Download a whole file, piece by piece; the timeout applies to each piece."""
        try:
            with self._connected(url) as connection:
                headers = _HEADERS | self._proxy_headers(url) | {"Accept-Encoding": "identity"}
                connection.request("GET", self._target(url), headers=headers)
                response = connection.getresponse()
                while response.status == http.HTTPStatus.OK and (data := response.read(_STREAMED)):
                    sink(data)
                return _read(url, response)
        except (OSError, http.client.HTTPException) as error:
            return self._failure(url, error)

    def _answer(self, method: str, url: str, part: tuple[int, int] | None = None) -> Answer | Finding:
        headers, length = _HEADERS | self._proxy_headers(url), _BODY_MAX
        if part is not None:
            length = part[1]
            headers |= {"Range": f"bytes={part[0]}-{part[0] + length - 1}", "Accept-Encoding": "identity"}
        elif method == "GET":
            headers["Accept-Encoding"] = "identity"
        late = threading.Event()
        try:
            with self._connected(url) as connection, _ended_after(self._timeout, connection, late):
                connection.request(method, self._target(url), headers=headers)
                response = connection.getresponse()
                answer = _read(url, response, response.read(length))
            # a connection that was shut down looks like the end of the response
            return self._failure(url, TimeoutError()) if late.is_set() else answer
        except (OSError, http.client.HTTPException) as error:
            return self._failure(url, TimeoutError() if late.is_set() else error)

    @contextlib.contextmanager
    def _connected(self, url: str) -> Iterator[http.client.HTTPConnection]:
        parts = urlsplit(url)
        server = urlsplit(self._proxy) if self._proxy else parts
        host, port = server.hostname or "", server.port or (_PROXY_PORT if self._proxy else None)
        connection: http.client.HTTPConnection
        if "https" in (parts.scheme, server.scheme):
            connection = http.client.HTTPSConnection(host, port, timeout=self._timeout, context=self._trust)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=self._timeout)
        if self._proxy and parts.scheme == "https":
            connection.set_tunnel(parts.hostname or "", parts.port, _authorization(self._proxy))
        with contextlib.closing(connection):
            connection.connect()
            yield connection

    def _target(self, url: str) -> str:
        """What the request line names: for a proxy that forwards, the whole URL."""
        target = _target(url)
        return f"http://{_server(url)}{target}" if self._is_forwarded(url) else target

    def _proxy_headers(self, url: str) -> dict[str, str]:
        return _authorization(self._proxy or "") if self._is_forwarded(url) else {}

    def _is_forwarded(self, url: str) -> bool:
        return self._proxy is not None and urlsplit(url).scheme == "http"

    def _failure(self, url: str, error: Exception) -> Finding:
        host = _server(url) + (f" through the proxy {_server(self._proxy)}" if self._proxy else "")
        if isinstance(error, ssl.SSLCertVerificationError):
            cure = "--ca FILE for a private CA; the installer must trust it too"
            hint = cure if error.verify_code in _UNKNOWN_ISSUER else None
            return Finding(
                "server-certificate", f"{host}: certificate verification failed: {error.verify_message}", hint=hint
            )
        if isinstance(error, ssl.SSLError):
            return Finding("server-certificate", f"{host}: TLS handshake failed: {error.reason or error}")
        if isinstance(error, TimeoutError):
            return Finding("server-unreachable", f"{host} did not respond within {self._timeout:g} s")
        if isinstance(error, socket.gaierror):
            return Finding("server-unreachable", f"cannot resolve {host}: {error.strerror}")
        if isinstance(error, http.client.RemoteDisconnected):
            return Finding("server-answer", f"{host} closed the connection without a response")
        if isinstance(error, OSError):
            return Finding("server-unreachable", f"cannot connect to {host}: {error.strerror or error}")
        return Finding("server-answer", f"{host} sent an invalid HTTP response: {type(error).__name__}")


@contextlib.contextmanager
def _ended_after(seconds: float, connection: http.client.HTTPConnection, late: threading.Event) -> Iterator[None]:
    """Shut the connection down after this time, as a socket timeout applies to each read only."""
    connected: socket.socket = connection.sock

    def end() -> None:
        late.set()
        with contextlib.suppress(OSError):
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def unsupported(url: str) -> Finding:
    """That nothing is known of a URL, as it is of a scheme that only the installer supports."""
    message = f"not checked: ksgen does not support {url.partition(':')[0]}, only the installer does"
    return Finding("not-looked-at", message, "warning")


def _server(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]


def _authorization(proxy: str) -> dict[str, str]:
    """The header of a proxy whose URL has a user name and a password."""
    parts = urlsplit(proxy)
    if not parts.username:
        return {}
    text = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(text.encode()).decode()}"}


def _target(url: str) -> str:
    parts = urlsplit(url)
    return quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=_AS_THEY_ARE)


def _read(url: str, response: http.client.HTTPResponse, body: bytes = b"") -> Answer:
    length = response.headers.get("Content-Length", "")
    return Answer(
        url,
        response.status,
        int(length) if length.isascii() and length.isdigit() else None,
        response.headers.get("Content-Encoding", ""),
        _absolute(url, response.headers.get("Location")),
        body,
    )


def _absolute(url: str, location: str | None) -> str | None:
    """The absolute URL of a Location header; None if it is invalid."""
    if location is None or not location.isascii():
        return None
    try:
        found = urljoin(url, location)
        return found if urlsplit(found).hostname and urlsplit(found).port != 0 else None
    except ValueError:
        return None


class NoPart(OSError):
    """A part of a file could not be fetched; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class RemoteFile:
    """A file on a server that supports Range requests (RFC 9110, 14), as a ksgen.media Source. Raises NoPart."""

    def __init__(self, client: Client, url: str, size: int) -> None:
        self._client, self._url, self._size = client, url, size
        self._piece = functools.lru_cache(_PIECES_KEPT)(self._fetched)

    @property
    def size(self) -> int:
        return self._size

    def read(self, offset: int, length: int) -> bytes:
        end = min(offset + length, self._size)
        first, last = offset // _PIECE, -(-end // _PIECE)
        data = b"".join(self._piece(number) for number in range(first, last))
        return data[offset - first * _PIECE : end - first * _PIECE]

    def _fetched(self, number: int) -> bytes:
        offset = number * _PIECE
        length = min(_PIECE, self._size - offset)
        answer = self._client.part(self._url, offset, length)
        if isinstance(answer, Finding):
            raise NoPart(answer)
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT or len(answer.body) != length:
            raise NoPart(Finding("server-answer", f"the Range request returned {answer.said}"))
        return answer.body
