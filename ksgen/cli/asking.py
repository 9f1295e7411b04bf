# SPDX-License-Identifier: GPL-2.0-or-later
"""Asks `ksgen serve`, as any other program may."""

from __future__ import annotations

import dataclasses
import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NoReturn

from ksgen.cli.edges import stop

_TIMEOUT_S = 10.0


class Away(Exception):
    """The server does not answer; it may be back in a moment."""


class Refused(Exception):
    """The server answers that it does not do this: `status`, and what it says."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(body.decode("utf-8", "replace").strip())
        self.status, self.body = status, body


def stop_unanswered(error: Away | Refused) -> NoReturn:
    """Say why there is no answer, and exit."""
    stop(f"{error}; is `ksgen serve` running there?")


@dataclasses.dataclass(frozen=True)
class Server:
    """Where `ksgen serve` is, and the file with the token of `ksgen login`. `ca`: who has signed its certificate."""

    url: str
    token: Path
    ca: Path | None = None

    def ask(self, path: str, method: str = "GET", data: object = None) -> Any:
        """The answer as JSON, None where there is none. Raises Away and Refused; stops for a token that is wrong."""
        try:
            token = self.token.read_text().strip()
        except OSError as error:
            stop(f"{self.token}: {error.strerror}; make one with `ksgen login`")
        body = None if data is None else json.dumps(data).encode()
        headers = {"Authorization": f"Bearer {token}"} | ({} if body is None else {"Content-Type": "application/json"})
        request = urllib.request.Request(f"{self.url.rstrip('/')}{path}", body, headers, method=method)
        context = ssl.create_default_context(cafile=self.ca) if self.url.startswith("https:") else None
        # A proxy for the internet is none for the site's own server.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        try:
            with opener.open(request, timeout=_TIMEOUT_S) as answer:
                content = answer.read()
                return json.loads(content) if content else None
        except urllib.error.HTTPError as error:
            if error.code == 401:
                stop(f"{self.url} does not accept the token in {self.token}; make one with `ksgen login`")
            if 400 <= error.code < 500:
                raise Refused(error.code, error.read()) from error
            raise Away(f"{self.url}: HTTP status {error.code}") from error
        except (OSError, ValueError) as error:
            raise Away(f"{self.url}: {getattr(error, 'reason', error)}") from error

    def answer(self, path: str) -> Any:
        """The answer as JSON; exits where there is none."""
        try:
            return self.ask(path)
        except (Away, Refused) as error:
            stop_unanswered(error)

    def stop_unreadable(self) -> NoReturn:
        """Say that an answer is not what this ksgen expects, and exit."""
        stop(f"{self.url}: the answer is not one of this version of ksgen")
