# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads an installer's stage 2: its product, its release, and where it looks for a boot loader."""

from __future__ import annotations

import configparser
import dataclasses
import re
from collections.abc import Sequence

from ksgen.media import liveimage
from ksgen.media.filesystem import FileSystem, Source

_CONFIGURATION = ("/etc/anaconda/profile.d", "/etc/anaconda/product.d")  # EL10 and later; EL9
_MAJOR = re.compile(r"\d+")
_BASES = 5  # maximum depth of profiles based on others


@dataclasses.dataclass(frozen=True)
class Stage2:
    """`name` is for people; `release` (`el9`) and `efi_dir` are None if Anaconda's files do not define them."""

    name: str
    release: str | None
    efi_dir: str | None


@dataclasses.dataclass(frozen=True)
class _Profile:
    """Anaconda's configuration for a product, which EL9 calls by its name, and EL10 by os-release's ID."""

    product: str | None
    name: str | None
    os_id: str | None
    variant: str | None
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
    """As Anaconda finds it: in the profile of this product, or in one that it is based on."""
    profiles = [
        _profile(_parsed(root.text(f"{place}/{name}") or ""))
        for place in _CONFIGURATION
        for name in root.names(place)
        if name.endswith(".conf")
    ]
    stamp = _parsed(root.text("/.buildstamp") or "").get("Main", "Product", fallback=None)
    found = _chosen(profiles, stamp, os_release)
    for _ in range(_BASES):
        if found is None or found.efi_dir is not None or found.base is None:
            break
        base = found.base
        found = next((profile for profile in profiles if base in (profile.product, profile.name)), None)
    return found.efi_dir if found else None


def _chosen(profiles: Sequence[_Profile], stamp: str | None, os_release: dict[str, str]) -> _Profile | None:
    """The best match: Anaconda's core/configuration, profile.py and, of EL9, anaconda.py."""
    os_id, variant, name = (os_release.get(key) for key in ("ID", "VARIANT_ID", "NAME"))
    ranked = (
        [profile for profile in profiles if profile.product and profile.product == stamp],
        [profile for profile in profiles if profile.os_id and (profile.os_id, profile.variant) == (os_id, variant)],
        [profile for profile in profiles if profile.os_id and (profile.os_id, profile.variant) == (os_id, None)],
        [profile for profile in profiles if profile.product and profile.product == name],
    )
    return next((found[0] for found in ranked if found), None)


def _profile(config: configparser.RawConfigParser) -> _Profile:
    def value(section: str, key: str) -> str | None:
        return config.get(section, key, fallback=None)

    return _Profile(
        product=value("Product", "product_name"),
        name=value("Profile", "profile_id"),
        os_id=value("Profile Detection", "os_id"),
        variant=value("Profile Detection", "variant_id"),
        base=value("Base Product", "product_name") or value("Profile", "base_profile"),
        efi_dir=value("Bootloader", "efi_dir"),
    )


def _parsed(text: str) -> configparser.RawConfigParser:
    config = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        config.read_string(text)
    except configparser.Error:
        return configparser.RawConfigParser()
    return config
