# SPDX-License-Identifier: GPL-2.0-or-later
"""URLs of images, install trees and servers, and the checksum of an image."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from pydantic import BeforeValidator

from ksgen.variables.values import a_text, one_line, refuse, shown

_SERVER = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_NFS = re.compile(
    r"nfs:(?:(?P<options>[a-z0-9=,]+):)?(?P<server>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:]+\]):(?P<directory>/[^\s\"'\\<>`]*)"
)
_MARKUP = re.compile(r"[\s\"'\\<>`]")


def _shown_url(text: str) -> str:
    """A text that should be a URL: where it ends, and a password or token in it begins, is not known if it is none."""
    return "this value" if set("@?#") & set(text) else shown(text)


def url(value: object, schemes: tuple[str, ...]) -> str:
    """A URL without blanks, user name or password."""
    text = a_text(value, '"https://pxe.example.com/"')
    if re.match(r"[^/?#]*//[^/?#]*@", text):
        cure = "configure the server to allow the subnet"
        refuse("url-credentials", "a user name or password in a URL ends up in every log", cure)
    one_line(text)
    try:
        parts = urlsplit(text)
        port_is_right = parts.port is None or parts.port > 0
        if parts.hostname and not _SERVER.fullmatch(parts.hostname):
            ipaddress.IPv6Address(parts.hostname)
    except ValueError:
        refuse("url", f"{_shown_url(text)} is not a URL")
    if parts.scheme not in schemes:
        wanted = ", ".join(schemes)
        refuse("url", f"{_shown_url(text)} is not a URL of {wanted}", f"write {schemes[0]}://pxe.example.com/...")
    if parts.scheme == "file" and not text.startswith("file:///"):
        refuse("url", f"{_shown_url(text)} has no file name", "write file:/// and the path")
    if (not parts.hostname and parts.scheme != "file") or not port_is_right or _MARKUP.search(text) or parts.fragment:
        refuse("url", f"{_shown_url(text)} is not a URL", "a host, no blanks, no quotes and no '#'")
    return text


def image_url(value: object) -> str:
    """The URL of a file."""
    text = url(value, ("http", "https", "ftp", "file"))
    if urlsplit(text).path.endswith("/") or not urlsplit(text).path:
        refuse("url", f"{_shown_url(text)} has no file name", "write the URL of the image itself")
    if _is_iso(text):
        cure = "write the URL of the squashfs in it: ovirt-node-ng-image.squashfs.img of an oVirt Node ISO"
        refuse("url-iso", f"{_shown_url(text)} is an ISO, which `liveimg` cannot read", cure)
    return text


def _is_iso(text: str) -> bool:
    return urlsplit(text).path.rstrip("/").lower().endswith(".iso")


def _directory_url(value: object, schemes: tuple[str, ...]) -> str:
    text = url(value, schemes)
    if urlsplit(text).query:
        refuse("url", f"{_shown_url(text)} is not the URL of a directory", "leave out what follows the '?'")
    return text


class NfsPlace(NamedTuple):
    """A directory that a server shares; `options` are those of the mount, None without any."""

    server: str
    directory: str
    options: str | None


def nfs_place(url: str) -> NfsPlace | None:
    """What `nfs:server:/path` or `nfs:options:server:/path` names; None for a URL of another kind."""
    match = _NFS.fullmatch(url)
    return NfsPlace(match["server"], match["directory"], match["options"]) if match else None


def tree_url(value: object) -> str:
    """The URL of a directory, or NFS as Anaconda writes it, `nfs:server:/path`."""
    is_nfs = isinstance(value, str) and nfs_place(value) is not None
    text = one_line(str(value)) if is_nfs else _directory_url(value, ("http", "https", "ftp", "nfs"))
    if _is_iso(text):
        cure = "copy or mount the content of the ISO, and write the URL of the directory with .treeinfo"
        refuse("url-iso", f"{_shown_url(text)} is an ISO; an install tree is a directory", cure)
    return text


ImageUrl = Annotated[str, BeforeValidator(image_url)]
TreeUrl = Annotated[str, BeforeValidator(tree_url)]
ServerUrl = Annotated[str, BeforeValidator(lambda value: _directory_url(value, ("http", "https")))]


def sha256(value: object) -> str:
    text = a_text(value, '"…"').lower()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        refuse("sha256", f"{shown(value)} is not a SHA-256 sum", "write its 64 hex digits, as sha256sum prints them")
    return text


Sha256 = Annotated[str, BeforeValidator(sha256)]
