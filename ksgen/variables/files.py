# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that a site writes on its nodes: where they may be, and with which mode."""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from ksgen.variables.owners import owner_of
from ksgen.variables.people import UserName
from ksgen.variables.values import STRICT, Line, a_text, one_line, refuse, shown

# A kickstart has them all, and is fetched by every host.
FILE_LONGEST = 64 * 1024  # bytes


# Not part of the installed system, or gone at the next boot.
_ELSEWHERE = re.compile(r"/(?:boot|dev|proc|sys|run|tmp|var/(?:tmp|run|lock))(?:/.*)?")
# Directories, in which a file of this name cannot be.
_DIRECTORIES = frozenset({
    "/etc", "/root", "/home", "/opt", "/srv", "/usr", "/var", "/var/lib", "/var/opt", "/var/log", "/var/log/audit",
    "/var/crash", "/data",
})  # fmt: skip
# What dracut puts into the initramfs (its modules base, kernel-modules, lvm, multipath, i18n, udev-rules).
_IN_INITRAMFS = re.compile(r"/etc/(?:modprobe\.d/|modules-load\.d/|dracut\.conf|multipath/|lvm/|udev/|vconsole\.conf$)")
_SUDOERS = "/etc/sudoers.d/"
_CONNECTION = re.compile(r"/etc/NetworkManager/.*\.nmconnection")
_MODE = re.compile(r"0?[0-7]{3}")


def file_path(value: object) -> str:
    """The absolute path of a file of the installed system that no other part writes."""
    text = one_line(a_text(value, "/etc/motd"))
    if not text.startswith("/") or posixpath.normpath(text) != text or text.startswith("//"):
        refuse("file-path", f"{shown(text)} is not an absolute path", "such as /etc/motd, without '..', '.' or '//'")
    if _ELSEWHERE.fullmatch(text):
        hint = "write it below /etc, /root or /var"
        refuse("file-path", f"{shown(text)} is not in a file system that a node keeps files in", hint)
    if text in _DIRECTORIES or text == "/":
        refuse("file-path", f"{shown(text)} is a directory", "add the name of the file")
    owner = owner_of(text)
    if owner is not None:
        refuse("file-owned", f"{shown(text)} cannot be a file of the site: {owner.reason}", owner.cure)
    name = text.removeprefix(_SUDOERS)
    if name != text and (set("./~") & set(name)):
        refuse("file-sudoers", f"sudo does not read {shown(text)}", "a name without '.', '~' and directories")
    return text


def _mode(value: object) -> str:
    if not isinstance(value, str) or not _MODE.fullmatch(value):
        refuse("file-mode", f"{shown(value)} is not the mode of a file", 'write it in quotes, as three digits: "0644"')
    if int(value, 8) & 0o002:
        refuse("file-mode", f"with {value} every user can change the file", 'write "0644", or "0664" and a group:')
    return value.zfill(4)


def _content(value: str) -> str:
    _not_too_long(value.encode())
    return value


def _not_too_long(value: bytes) -> bytes:
    if len(value) > FILE_LONGEST:
        hint = "a package, or a script in node_post that fetches it"
        refuse("file-too-long", f"{len(value)} bytes exceed the limit of {FILE_LONGEST} for a file", hint)
    return value


def _base64(value: object) -> str:
    if not isinstance(value, str):
        refuse("file-base64", "not a string in Base64", "use what `base64 FILE` prints")
    text = "".join(value.split())
    try:
        _not_too_long(base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error):
        refuse("file-base64", "not Base64", "use what `base64 FILE` prints")
    return text


class NodeFile(BaseModel):
    """A file of the installed system. What `from` names has become its content when a host is read."""

    model_config = STRICT

    path: Annotated[str, BeforeValidator(file_path)]
    content: Annotated[str, AfterValidator(_content)] | None = None
    base64: Annotated[str, BeforeValidator(_base64)] | None = None
    source: Annotated[Line | None, Field(alias="from", description="A file beside the inventory.")] = None
    template: Annotated[bool, Field(description="Whether `from` is a template of the host's variables.")] = False
    mode: Annotated[str, BeforeValidator(_mode)] | None = None
    owner: UserName = "root"
    group: UserName = "root"

    @model_validator(mode="after")
    def _is_one_file(self) -> NodeFile:
        given = [name for name, value in (("content", self.content), ("base64", self.base64)) if value is not None]
        if len(given) != 1:
            found = "content: and base64: are both set" if given else "nothing says what is in the file"
            refuse("file-content", found, "write one of content:, base64: and from:")
        if self.path.startswith(_SUDOERS) and self.mode not in (None, "0440", "0400"):
            refuse("file-mode", f"sudo refuses a file of mode {self.mode}", "remove mode:, which gives 0440")
        if _CONNECTION.fullmatch(self.path) and self.mode not in (None, "0600", "0400"):
            refuse("file-mode", f"NetworkManager ignores a connection of mode {self.mode}", "remove mode:, for 0600")
        return self

    @property
    def permissions(self) -> str:
        """The mode, as chmod(1) reads it."""
        if self.mode:
            return self.mode
        return "0440" if self.is_sudoers else "0600" if _CONNECTION.fullmatch(self.path) else "0644"

    @property
    def is_sudoers(self) -> bool:
        return self.path.startswith(_SUDOERS)

    @property
    def is_in_initramfs(self) -> bool:
        """Whether dracut copies it into the initramfs."""
        return _IN_INITRAMFS.match(self.path) is not None


def _each_once(files: list[NodeFile]) -> list[NodeFile]:
    paths = [file.path for file in files]
    for index, path in enumerate(paths):
        if path in paths[:index]:
            refuse("file-twice", f"{shown(path)} is written twice", "remove one of them")
    return files


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, dict) else value


NodeFiles = Annotated[list[NodeFile], BeforeValidator(_listed), AfterValidator(_each_once)]
