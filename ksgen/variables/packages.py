# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages that are added to the image."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from ksgen.variables.values import a_text, refuse, refuse_repeated, shown

# Names as rpm has them, perhaps with version or architecture. Neither options, globs, groups (@) nor files.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
# What boots, in all of its variants. Headers, tools and firmware are ordinary packages.
_KERNEL = re.compile(r"kernel(?:-(?:rt|64k|debug|zfcpdump))*(?:-(?:core|modules|uki)(?:-\w+)*)?(?:-[0-9].*)?(?:\.\w+)?")
# The smallest environment of EL9 and EL10 (comps of BaseOS). The engine installs its own packages when it adds a host.
HOST_ENVIRONMENT = "@^minimal-environment"
_GROUP = re.compile(r"@\^?[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_OF_IMAGES = re.compile(r"ovirt-node-ng-image.*")


def package_name(value: object) -> str:
    """The name of a package that a node can have beside its image."""
    text = a_text(value, "lldpd")
    if not _NAME.fullmatch(text) or text.endswith(".rpm"):
        hint = "names of packages, without options, '*', '@' or a URL; add the server to node_repos"
        refuse("package-name", f"{shown(text)} is not the name of a package", hint)
    if _KERNEL.fullmatch(text):
        # imgbased, bootsetup_pkgs: a new kernel makes it set up a boot entry for a layer that does not exist yet.
        hint = "use a node image with this kernel; a driver is node_drivers"
        refuse("package-kernel", f"{shown(text)} is a kernel, and a node boots the kernel of its image", hint)
    if _OF_IMAGES.fullmatch(text):
        hint = "write the URL of that image as node_image_url"
        refuse("package-image", f"{shown(text)} is an image of oVirt Node, not a package to add to one", hint)
    return text


def _once(names: list[str]) -> list[str]:
    return refuse_repeated("package-twice", names)


PackageName = Annotated[str, BeforeValidator(package_name)]
Packages = Annotated[list[PackageName], AfterValidator(_once)]


def _host_package(value: object) -> str:
    """A plain host boots the kernel of its packages, and groups (`@core`) are installed as Anaconda installs them."""
    text = a_text(value, "lldpd")
    return text if _GROUP.fullmatch(text) or _KERNEL.fullmatch(text) else package_name(text)


HostPackages = Annotated[list[Annotated[str, BeforeValidator(_host_package)]], AfterValidator(_once)]
