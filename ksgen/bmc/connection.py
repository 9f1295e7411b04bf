# SPDX-License-Identifier: GPL-2.0-or-later
"""A session with a controller, by sushy: which certificate is trusted, how long it may take, and what went wrong.

One thread uses a connection; several connections may be used at once. BMCs have few sessions (8 to 16), so each is
closed.
"""

from __future__ import annotations

import contextlib
import hashlib
import http
import logging
import re
import socket
import ssl
import traceback
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import requests
import sushy
from requests.adapters import HTTPAdapter
from sushy import auth, connector
from sushy import exceptions as redfish

from ksgen.bmc.access import Access, BmcError, Clock, Pace

# Of requests that a controller cannot answer just now; sushy repeats only those that read.
_GET_RETRIES, _GET_RETRY_S = 2, 2
_LOGOUT_S = 5
# Of an answer. The largest are pages of logs, some hundred KiB; a thread for each of 256 controllers may hold one.
_ANSWER_MAX_MIB = 16


class _Bounded:
    """The body of an answer, which ends with an error where it is longer than any answer of Redfish."""

    def __init__(self, raw: Any, access: Access) -> None:
        self._raw, self._access = raw, access

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)

    def stream(self, amount: int, decode_content: bool | None = None) -> Iterator[bytes]:
        """Its parts, as requests reads them. Raises BmcError."""
        length = 0
        for part in self._raw.stream(amount, decode_content=decode_content):
            length += len(part)
            if length > _ANSWER_MAX_MIB * 1024 * 1024:
                raise BmcError("wrong", f"{self._access.server} sends an answer of more than {_ANSWER_MAX_MIB} MiB")
            yield part


class _Adapter(HTTPAdapter):
    """Sends to the controller alone, in the time that is left, and trusts the certificate that the inventory says.

    One context for all requests: to load the authorities of the system for each of them takes most of its time.
    """

    def __init__(self, access: Access, clock: Clock, pace: Pace) -> None:
        self._access, self._pace = access, pace
        self.clock = clock
        self._context = _context(access)
        super().__init__()

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        options |= {"ssl_context": self._context, "assert_fingerprint": self._access.fingerprint}
        super().init_poolmanager(*args, **options)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> tuple[Any, Any]:
        """Without the authorities that requests brings."""
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {**pool, "cert_reqs": self._context.verify_mode, "ca_certs": None, "ca_cert_dir": None}

    def cert_verify(self, *_: Any) -> None:
        """The context verifies."""

    def build_response(self, request: requests.PreparedRequest, raw: Any) -> requests.Response:
        """With a body of bounded length."""
        response = super().build_response(request, raw)
        response.raw = _Bounded(raw, self._access)
        return response

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        left = self.clock.left_s()
        parts = urlsplit(request.url or "")
        # The session's token is in every request: no redirect and no link leads it elsewhere.
        if parts.scheme != "https" or f"https://{parts.netloc}" not in (
            self._access.url, f"https://{self._access.server}:{self._access.port}"
        ):  # fmt: skip
            other = self._access.cleaned(parts.netloc)
            raise BmcError("wrong", f"{self._access.server} refers to another server, {other}")
        pace = self._pace
        options["timeout"] = (min(pace.connect_s, left), min(pace.request_s, left))
        try:
            return super().send(request, *args, **options)
        except requests.Timeout:
            self.clock.left_s()  # says so where it is the time of all requests that is over
            raise


def _context(access: Access) -> ssl.SSLContext:
    context = ssl.create_default_context(cadata=access.certificate)
    if access.fingerprint or not access.is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _Connector(connector.Connector):
    """sushy's, without proxies and .netrc: those are for other servers."""

    def __init__(self, access: Access, adapter: _Adapter, pace: Pace) -> None:
        super().__init__(
            access.url,
            verify=access.is_verified,
            server_side_retries=_GET_RETRIES,
            server_side_retries_delay=min(_GET_RETRY_S, pace.retry_s),
        )
        self._session.trust_env = False
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)


class _Login(auth.SessionOrBasicAuth):
    """sushy's, which logs in again where a request is denied, and forgets the session before it."""

    def __init__(self, access: Access) -> None:
        super().__init__(access.user, access.password)
        self._opened: list[str] = []

    def _do_authenticate(self) -> None:
        super()._do_authenticate()
        if self.can_refresh_session():
            self._opened.append(self.get_session_resource_id())

    def close(self) -> None:
        *others, _ = self._opened or [""]
        for session in others:
            with contextlib.suppress(redfish.SushyError):
                self._connector.delete(session)
        self._opened.clear()
        super().close()


class Connection:
    """A session with a controller."""

    def __init__(
        self, access: Access, root: sushy.Sushy, conn: connector.Connector, adapter: _Adapter, pace: Pace
    ) -> None:
        self.access, self.root, self.pace = access, root, pace
        self._connector, self._adapter = conn, adapter

    @property
    def clock(self) -> Clock:
        return self._adapter.clock

    @clock.setter
    def clock(self, clock: Clock) -> None:
        self._adapter.clock = clock

    def get(self, path: str) -> dict[str, Any]:
        """A resource that sushy does not know. Raises BmcError."""
        with explained(self.access):
            found = self._connector.get(path).json()
        if not isinstance(found, dict):
            shown = self.access.cleaned(path)
            raise BmcError("wrong", f"{self.access.server} answers something that is not Redfish: no object at {shown}")
        return found


@contextlib.contextmanager
def connected(access: Access, clock: Clock, pace: Pace) -> Iterator[Connection]:
    """Log in, and log out in the end. Raises BmcError for whatever the controller or the network does not do."""
    # Its messages have URLs, and of some BMCs whole answers; what matters is told by the errors.
    logging.getLogger("sushy").setLevel(logging.CRITICAL)
    adapter = _Adapter(access, clock, pace)
    login = _Login(access)
    with explained(access):
        try:
            conn = _Connector(access, adapter, pace)
            root = sushy.Sushy(access.url, auth=login, connector=conn)
        except redfish.ResourceNotFoundError:
            hint = "enable it, or update the controller"
            raise BmcError("unsupported", f"{access.server} has no Redfish", hint) from None
        try:
            yield Connection(access, root, conn, adapter, pace)
        finally:
            adapter.clock = Clock(_LOGOUT_S)
            with contextlib.suppress(redfish.SushyError, BmcError):
                login.close()


# --- what went wrong -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def explained(access: Access) -> Iterator[None]:
    """Errors of sushy become BmcError."""
    try:
        yield
    except redfish.AccessError as error:
        raise _denied(access, error) from None
    except redfish.HTTPError as error:
        raise _http_error(access, error) from None
    except redfish.ConnectionError as error:
        raise _connection_error(access, error) from None
    except (redfish.SushyError, requests.RequestException) as error:
        raise _wrong_answer(access, error) from None
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        if not _is_of_sushy(error):
            raise
        raise _wrong_answer(access, error) from None


def _is_of_sushy(error: Exception) -> bool:
    """Whether sushy met what it does not expect, such as a list for a mapping; elsewhere it is a bug of ours."""
    *_, (frame, _line) = traceback.walk_tb(error.__traceback__)
    return str(frame.f_globals.get("__name__")).partition(".")[0] in ("sushy", "json", "requests")


def _wrong_answer(access: Access, error: Exception) -> BmcError:
    message = f"{access.server} answers something that is not Redfish: {access.cleaned(str(error)).rstrip('.')}"
    return BmcError("wrong", message, "is it the address of a controller?")


def _denied(access: Access, error: redfish.AccessError) -> BmcError:
    if error.status_code == http.HTTPStatus.FORBIDDEN:
        message = f"{access.server} does not allow this to the user {access.user}{_said(access, error)}"
        return BmcError("login", message, "give the user the role Operator or Administrator")
    message = f"{access.server} does not accept the user {access.user} with this password"
    hint = "correct node_bmc.user and node_bmc.password; several failed logins may have locked the user"
    return BmcError("login", message, hint)


def _http_error(access: Access, error: redfish.HTTPError) -> BmcError:
    status = error.status_code
    if status == http.HTTPStatus.SERVICE_UNAVAILABLE:
        message = f"{access.server} is busy (HTTP status 503){_said(access, error)}"
        return BmcError("busy", message, "try again later; a controller that stays busy has to be restarted")
    message = f"{access.server} refuses (HTTP status {status}){_said(access, error)}"
    return BmcError("busy" if is_passing(error) else "refused", message)


def is_passing(error: redfish.HTTPError) -> bool:
    """Whether the same request may be accepted later.

    HPE refuses changes during POST (UnableToModifyDuringSystemPOST), Dell before an earlier job is done (SYS518), and
    any BMC while it starts (503): Ironic, drivers/modules/redfish/management.py; sushy, connector.py.
    """
    said = f"{error.code} {error.detail} {error.body}"
    return error.status_code == http.HTTPStatus.SERVICE_UNAVAILABLE or any(
        word in said for word in ("UnableToModifyDuringSystemPOST", "SYS518", "InvalidOperationForSystemState")
    )


def _said(access: Access, error: redfish.HTTPError) -> str:
    text = access.cleaned(str(error.detail or "")) if error.detail else ""
    return f": {text.rstrip('.')}" if text and text != "unknown error" else ""


def _connection_error(access: Access, error: redfish.ConnectionError) -> BmcError:
    # sushy says what it caught in its text, and Python keeps it beside it.
    cause = error.__context__
    where = access.server
    if isinstance(cause, requests.exceptions.SSLError):
        return _certificate_error(access, str(cause))
    if isinstance(cause, requests.exceptions.ConnectTimeout):
        return BmcError("unreachable", f"{where} does not answer", "is it reachable from this machine?")
    if isinstance(cause, requests.exceptions.Timeout):
        return BmcError("timeout", f"{where} accepts the request, and does not answer it in time")
    for reason in _reasons(cause):
        if isinstance(reason, socket.gaierror) or "NameResolution" in type(reason).__name__:
            return BmcError("unreachable", f"cannot resolve {access.address}", "correct node_bmc.address, or the DNS")
        if isinstance(reason, ConnectionRefusedError):
            hint = "is Redfish enabled there, and at this port?"
            return BmcError("unreachable", f"{where} refuses connections to port {access.port}", hint)
        if isinstance(reason, OSError) and reason.strerror and not isinstance(reason, requests.RequestException):
            return BmcError("unreachable", f"{where}: {reason.strerror[0].lower()}{reason.strerror[1:]}")
    return BmcError("unreachable", f"{where} cuts the connection")


def _reasons(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those behind it: requests wraps those of urllib3, which wraps those of the system."""
    seen: list[BaseException] = []
    todo = [error]
    while todo:
        one = todo.pop()
        if not isinstance(one, BaseException) or one in seen:
            continue
        seen.append(one)
        yield one
        todo += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


_GOT = re.compile(r'got "([0-9a-f]{64})"')


def _certificate_error(access: Access, text: str) -> BmcError:
    where = access.server
    if access.fingerprint:
        got = _GOT.search(text)
        has = f"; its certificate has {got[1]}" if got else ""
        message = f"{where} does not have the certificate of node_bmc.fingerprint{has}"
        return BmcError("certificate", message, "was it replaced? Compare at the controller before you change it")
    found = _fingerprint(access)
    hint = f"its fingerprint is {found}: compare it at the controller, and set node_bmc.fingerprint" if found else ""
    why = re.search(r"certificate verify failed: ([^(\"]*)", text)
    reason = why[1].strip().rstrip(".") if why else access.cleaned(text)
    return BmcError("certificate", f"the certificate of {where} is not trusted: {reason}", hint)


def _fingerprint(access: Access) -> str | None:
    """Of the certificate that the controller shows now, for a person to compare."""
    try:
        text = ssl.get_server_certificate((access.address, access.port), timeout=_LOGOUT_S)
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text)).hexdigest()
    except (OSError, ValueError):
        return None
