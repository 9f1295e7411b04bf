# SPDX-License-Identifier: GPL-2.0-or-later
"""Repositories that a site adds to its nodes."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, model_validator

from ksgen.variables.packages import package_name
from ksgen.variables.urls import url
from ksgen.variables.values import STRICT, a_text, refuse, shown

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# The ids of the image's own files (ovirt-release, centos-release, almalinux-release).
_OF_IMAGE = re.compile(
    r"ovirt-.*|centos-.*|(?:baseos|appstream|crb|extras|extras-common|highavailability|nfv|rt|plus)(?:-.*)?", re.I
)
_KEY_FILE = re.compile(r"file:///etc/pki/rpm-gpg/[A-Za-z0-9._+-]+")
_KEY = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----\n(?:[A-Za-z]+: [ -~]*\n)*\n?(?:[A-Za-z0-9+/=]{1,76}\n)+"
    r"-----END PGP PUBLIC KEY BLOCK-----\n?"
)
_PRIVATE_KEY = re.compile(r"PRIVATE KEY")
_GLOB = re.compile(r"[A-Za-z0-9*?][A-Za-z0-9._+*?-]{0,127}")


def _repo_name(value: object) -> str:
    text = a_text(value, "site")
    if not _NAME.fullmatch(text):
        refuse("repo-name", f"{shown(text)} is not the name of a repository", "letters, digits, '.', '_' and '-'")
    if _OF_IMAGE.fullmatch(text):
        refuse("repo-name", f"{shown(text)} is a repository of the image, or may be one", "such as site-" + text)
    return text


def _repo_url(value: object) -> str:
    # $releasever and $basearch are dnf's.
    return url(value, ("http", "https", "file"))


def _proxy(value: object) -> str:
    return url(value, ("http", "https"))


def _key(value: object) -> str:
    if not isinstance(value, str):
        refuse("repo-key", "not the text of a key", "write it below |, as the .asc file has it")
    if _PRIVATE_KEY.search(value):
        refuse("repo-key", "this is a private key, which must not be shared", "use the public key of the repository")
    text = value.replace("\r\n", "\n").strip() + "\n"
    if _KEY_FILE.fullmatch(text.strip()):
        return text.strip()
    if not _KEY.fullmatch(text):
        hint = "an ASCII file of `gpg --armor --export`, below |; or file:///etc/pki/rpm-gpg/NAME of the image"
        refuse("repo-key", "not a public key of OpenPGP in ASCII armour", hint)
    return text


def _glob(value: object) -> str:
    text = a_text(value, "lldpd")
    if not _GLOB.fullmatch(text):
        refuse("package-name", f"{shown(text)} is not a package or a pattern of packages", "such as 'kmod-*'")
    return text if set("*?") & set(text) else package_name(text)


_Glob = Annotated[str, BeforeValidator(_glob)]
_Url = Annotated[str, BeforeValidator(_repo_url)]


class Repository(BaseModel):
    """A repository of packages, for the installation and for every update."""

    model_config = STRICT

    name: Annotated[str, BeforeValidator(_repo_name)]
    url: _Url | None = None
    metalink: _Url | None = None
    key: Annotated[str, BeforeValidator(_key), Field(description="The public key of its packages.")] | None = None
    gpgcheck: bool = True
    includepkgs: list[_Glob] = Field(default_factory=list)
    excludepkgs: list[_Glob] = Field(default_factory=list)
    priority: Annotated[int, Field(ge=1, le=99)] | None = None
    proxy: Annotated[str, BeforeValidator(_proxy)] | None = None

    @property
    def place(self) -> str:
        """Its URL, or that of its metalink."""
        return self.url or self.metalink or ""

    @property
    def option(self) -> Literal["baseurl", "metalink"]:
        """What dnf and Anaconda call the place."""
        return "baseurl" if self.url else "metalink"

    @model_validator(mode="after")
    def _is_whole(self) -> Repository:
        if (self.url is None) == (self.metalink is None):
            found = "url: and metalink: are both set" if self.url else "nothing says where the repository is"
            refuse("repo-url", found, "write one of url: and metalink:")
        if self.gpgcheck and self.key is None:
            hint = "add key:, or gpgcheck: false for packages that are not signed"
            refuse("repo-key-missing", "the packages are verified, and there is no key", hint)
        return self


def _each_once(repositories: list[Repository]) -> list[Repository]:
    names = [one.name.lower() for one in repositories]
    for index, name in enumerate(names):
        if name in names[:index]:
            refuse("repo-twice", f"{shown(name)} is listed twice", "remove one of them")
    return repositories


Repositories = Annotated[list[Repository], AfterValidator(_each_once)]
