# SPDX-License-Identifier: GPL-2.0-or-later
"""The sessions of browsers. They are in memory: a server that starts again asks for the token again."""

from __future__ import annotations

import secrets

from ksgen.server.access import digest_of

COOKIE = "ksgen_session"
_LASTS_S = 12 * 3600.0
_MOST = 1000
_BYTES = 32


class Sessions:
    """Who is logged in, by the hash of what the browser shows."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, float]] = {}

    def begin(self, name: str, now: float) -> str:
        """A new session, which ends by itself. `now`: seconds of a monotonic clock."""
        self._known = {key: one for key, one in self._known.items() if one[1] > now}
        while len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        cookie = secrets.token_urlsafe(_BYTES)
        self._known[digest_of(cookie)] = (name, now + _LASTS_S)
        return cookie

    def name_of(self, cookie: str | None, now: float) -> str | None:
        """The login of a session."""
        name, end = self._known.get(digest_of(cookie or ""), (None, now))
        return name if end > now else None

    def end(self, cookie: str | None) -> None:
        """End a session."""
        self._known.pop(digest_of(cookie or ""), None)
