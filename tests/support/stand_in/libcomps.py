# SPDX-License-Identifier: GPL-2.0-or-later
"""What dnf uses of libcomps, for one file of groups: Debian's binding for Python 3.13 crashes when it is read."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from typing import Any

PACKAGE_TYPE_DEFAULT, PACKAGE_TYPE_OPTIONAL, PACKAGE_TYPE_CONDITIONAL, PACKAGE_TYPE_MANDATORY = 1, 2, 4, 8
_TYPES = {"default": 1, "optional": 2, "conditional": 4, "mandatory": 8}


class ParserError(Exception):
    """Never raised: the file is ours."""


class Described:
    """A group, an environment, or a name in one."""

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class Comps:
    """The groups and environments of all files."""

    def __init__(self) -> None:
        self.groups: list[Described] = []
        self.environments: list[Described] = []
        self.categories: list[Described] = []
        self.langpacks: dict[str, str] = {}

    def fromxml_f(self, path: str) -> None:
        top = ET.parse(path).getroot()
        self.groups = [_group(element) for element in top.iter("group")]
        self.environments = [_environment(element) for element in top.iter("environment")]

    def __iadd__(self, other: Comps) -> Comps:
        self.groups += other.groups
        self.environments += other.environments
        return self

    def arch_filter(self, _arches: list[str]) -> Comps:
        return self

    def get_last_errors(self) -> list[str]:
        return []


def _described(element: ET.Element, **more: Any) -> Described:
    said: dict[str, Any] = {name: element.findtext(name, "") for name in ("id", "name")}
    said |= {"desc": "", "name_by_lang": {}, "desc_by_lang": {}, "display_order": 1, "uservisible": True}
    return Described(**said, default=False, lang_only=None, **more)


def _group(element: ET.Element) -> Described:
    packages = [
        Described(name=one.text, type=_TYPES[one.get("type", "mandatory")], requires=None, basearchonly=False)
        for one in element.iter("packagereq")
    ]
    return _described(element, packages=packages)


def _environment(element: ET.Element) -> Described:
    ids = [Described(name=one.text, default=True) for one in element.iter("groupid")]
    return _described(element, group_ids=ids, option_ids=[])
