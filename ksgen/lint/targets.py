# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kickstart is for: the release, and the kind of machine."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pykickstart.version import versionMap

from ksgen.grammar import Numbered
from ksgen.problems import Finding
from ksgen.targets import RELEASES, VERSIONS

_DEFAULT_RELEASE = "el9"

# pykickstart, version.py: versionFromFile; others write EL10, or the number alone.
_VERSION = re.compile(r"^#\s*version\s*=\s*(\S+)", re.MULTILINE | re.IGNORECASE)
_SHORT = re.compile(r"(?:EL)?(\d+)")
CODE = "written-for-other-release"


def _version(text: str) -> tuple[int, str] | None:
    """The line of `#version=`, and the release as pykickstart names it; None where it names none."""
    match = _VERSION.search(text)
    if match is None:
        return None
    short = _SHORT.fullmatch(match.group(1).upper())
    name = f"RHEL{short.group(1)}" if short else match.group(1).upper()
    return (text.count("\n", 0, match.start()) + 1, name) if name in versionMap else None


def release_of(text: str) -> str:
    """The release that a kickstart is for by its own word, `#version=RHEL10`; else the older one."""
    version = _version(text)
    return next((r for r in RELEASES if version and VERSIONS[r] == version[1]), _DEFAULT_RELEASE)


def written_for_other(text: str, release: str) -> Iterator[Numbered]:
    """That a file is for another release than the one it is checked for."""
    version = _version(text)
    if version is None or version[1] in ("DEVEL", VERSIONS[release]):
        return
    line, name = version
    own = next((r for r in RELEASES if VERSIONS[r] == name), None)
    hint = f"--release {own}" if own else f"what {VERSIONS[release]} no longer accepts is reported"
    yield line, Finding(CODE, f"written for {name} and checked for {VERSIONS[release]}", "note", hint)
