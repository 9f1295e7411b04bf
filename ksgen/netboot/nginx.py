# SPDX-License-Identifier: GPL-2.0-or-later
"""How nginx reads a URL's path and the words of its configuration."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

_HALF_ENCODED = re.compile(r"%(?![0-9A-Fa-f]{2})")


def served_path(url_path: str) -> str | None:
    """The path that nginx compares with a location, without a slash at the end; None for one that it cannot serve.

    It decodes percent-encoding, merges adjacent slashes and resolves dot segments first, and answers 400 to what is not
    encoded right or leads above the root (ngx_http_parse_complex_uri). Bytes that are not UTF-8 and control characters
    are not supported here.
    """
    if _HALF_ENCODED.search(url_path):
        return None
    try:
        decoded = unquote_to_bytes(url_path).decode()
    except UnicodeDecodeError:
        return None
    if not decoded.isprintable():
        return None
    parts: list[str] = []
    for part in decoded.split("/"):
        if part == ".." and not parts:
            return None
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "".join(f"/{part}" for part in parts)


def has_variable(text: str) -> bool:
    """Whether nginx would look for a variable in a text. A dollar sign cannot be escaped."""
    return "$" in text


def quoted(text: str) -> str:
    """A text as one word of nginx.conf (ngx_conf_read_token)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
