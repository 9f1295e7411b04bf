# SPDX-License-Identifier: GPL-2.0-or-later
"""What an installer's second stage is: whose Anaconda, of which release, and where it looks for a boot loader."""

from __future__ import annotations

import configparser
import dataclasses
import re

from ksgen import liveimage
from ksgen.filesystem import FileSystem, Source

_CONFIGURATION = ("/etc/anaconda/profile.d", "/etc/anaconda/product.d")  # EL10 and later; EL9
_MAJOR = re.compile(r"\d+")
_BASES = 5  # profiles that one may be based on, one upon the other


@dataclasses.dataclass(frozen=True)
class Stage2:
    """`name` is for people; `release` (`el9`) and `efi_dir` are None where Anaconda's own files do not tell."""

    name: str
    release: str | None
    efi_dir: str | None


@dataclasses.dataclass(frozen=True)
class _Profile:
    names: frozenset[str]
    is_ours: bool
    base: str | None
    efi_dir: str | None


def read(source: Source) -> Stage2:
    """Raises Unreadable."""
    root = liveimage.read(source).root
    os_release = liveimage.os_release(root)
    major = _MAJOR.match(os_release.get("VERSION_ID", ""))
    is_el = {os_release.get("ID"), *os_release.get("ID_LIKE", "").split()} & {"rhel", "centos"}
    return Stage2(
        name=os_release.get("PRETTY_NAME", "an unknown installer"),
        release=f"el{major.group()}" if major and is_el else None,
        efi_dir=_efi_dir(root, os_release),
    )


def _efi_dir(root: FileSystem, os_release: dict[str, str]) -> str | None:
    """As Anaconda finds it: in the file for this product, or in that of the one it is based on."""
    stamp = _parsed(root.text("/.buildstamp") or "").get("Main", "Product", fallback=None)
    profiles = [
        _profile(_parsed(root.text(f"{place}/{name}") or ""), os_release, stamp)
        for place in _CONFIGURATION
        for name in root.names(place)
        if name.endswith(".conf")
    ]
    found = next((profile for profile in profiles if profile.is_ours), None)
    for _ in range(_BASES):
        if found is None or found.efi_dir is not None:
            break
        found = next((profile for profile in profiles if found.base in profile.names), None)
    return found.efi_dir if found else None


def _profile(config: configparser.RawConfigParser, os_release: dict[str, str], stamp: str | None) -> _Profile:
    def value(section: str, key: str) -> str | None:
        return config.get(section, key, fallback=None)

    product = value("Product", "product_name")
    variant = value("Profile Detection", "variant_id")
    is_ours = product is not None and product in (stamp or os_release.get("NAME"), os_release.get("NAME"))
    is_ours |= value("Profile Detection", "os_id") == os_release.get("ID", "") and variant in (
        None,
        os_release.get("VARIANT_ID"),
    )
    names = frozenset(filter(None, (product, value("Profile", "profile_id"))))
    base = value("Base Product", "product_name") or value("Profile", "base_profile")
    return _Profile(names, is_ours, base, value("Bootloader", "efi_dir"))


def _parsed(text: str) -> configparser.RawConfigParser:
    config = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        config.read_string(text)
    except configparser.Error:
        return configparser.RawConfigParser()
    return config
