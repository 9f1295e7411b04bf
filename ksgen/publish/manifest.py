# SPDX-License-Identifier: GPL-2.0-or-later
"""manifest.json: what was published, from what. Without dates and absolute paths: the same input gives the same file.

The paths in a manifest that was read are only compared with those of existing files, never opened.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

NAME = "manifest.json"
FORMAT = 1  # goes up when an older ksgen would misread the file

_HOST, _SIZE, _SHA256, _SECRETS = "host", "size", "sha256", "secrets"


class Entry(NamedTuple):
    """A published file: the host it belongs to, None for the whole site's, its size in bytes, its SHA-256.

    `secrets` are the places of secrets in it: index of the line, begin, end.
    """

    host: str | None
    size: int
    sha256: str
    secrets: tuple[tuple[int, int, int], ...] = ()


@dataclasses.dataclass(frozen=True)
class Manifest:
    """`sources` are the files that the last run read, by their SHA-256; `files` are by their path in the tree."""

    ksgen: str
    sources: Mapping[str, str]
    files: Mapping[str, Entry]


class NewerFormat(Exception):
    """The manifest was written by a newer ksgen."""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def entry(host: str | None, content: bytes, secrets: tuple[tuple[int, int, int], ...] = ()) -> Entry:
    return Entry(host, len(content), sha256(content), secrets)


def to_text(manifest: Manifest) -> str:
    """The file: sorted, a published file per line."""
    top = {"format": FORMAT, "ksgen": manifest.ksgen, "sources": dict(manifest.sources)}
    head = json.dumps(top, indent=1, sort_keys=True).removesuffix("\n}")
    lines = [f"  {json.dumps(name)}: " + json.dumps(_data(one)) for name, one in sorted(manifest.files.items())]
    return head + ',\n "files": {\n' + ",\n".join(lines) + "\n }\n}\n"


def _data(one: Entry) -> dict[str, object]:
    data: dict[str, object] = {_HOST: one.host, _SIZE: one.size, _SHA256: one.sha256}
    return data | ({_SECRETS: one.secrets} if one.secrets else {})


def from_bytes(content: bytes) -> Manifest | None:
    """The manifest, or None if it is not valid. Raises NewerFormat."""
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):  # JSON's and UTF-8's errors are ValueErrors
        return None
    if not isinstance(data, dict) or type(data.get("format")) is not int or data["format"] < 1:
        return None
    if data["format"] > FORMAT:
        raise NewerFormat(f"format {data['format']}")
    ksgen, sources, files = data.get("ksgen"), data.get("sources"), data.get("files")
    if not isinstance(ksgen, str) or not isinstance(sources, dict) or not isinstance(files, dict):
        return None
    entries = {name: _entry(value) for name, value in files.items()}
    known = {name: one for name, one in entries.items() if one is not None}
    texts = all(isinstance(value, str) for value in sources.values())
    return Manifest(ksgen, sources, known) if texts and len(known) == len(entries) else None


def _entry(value: Any) -> Entry | None:
    if not isinstance(value, dict) or set(value) - {_SECRETS} != {_HOST, _SIZE, _SHA256}:
        return None
    secrets = value.get(_SECRETS, [])
    if not isinstance(secrets, list) or not all(_is_place(one) for one in secrets):
        return None
    host, size, digest = value[_HOST], value[_SIZE], value[_SHA256]
    right = isinstance(host, str | None) and type(size) is int and isinstance(digest, str)
    return Entry(host, size, digest, tuple(map(tuple, secrets))) if right else None


def _is_place(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3 and all(type(one) is int and one >= 0 for one in value)
