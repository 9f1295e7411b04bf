# SPDX-License-Identifier: GPL-2.0-or-later
"""The `.treeinfo` of an install tree: product, architecture, paths, and repositories (productmd's treeinfo 1.2)."""

from __future__ import annotations

import configparser
import dataclasses
import posixpath
import re

# The kernel and the initrd: their names in the published tree, and their places in an install tree.
KERNEL = (("vmlinuz", "images/pxeboot/vmlinuz"), ("initrd.img", "images/pxeboot/initrd.img"))
# What dracut fetches if .treeinfo names nothing, and what it tries last (Anaconda's dracut/anaconda-lib.sh).
STAGE2, STAGE2_LAST = "images/install.img", "LiveOS/squashfs.img"
# The directory below EFI/ in which Anaconda looks for the boot loader, by product: efi_dir in its product.d, profile.d.
_EFI_DIRS = {
    "AlmaLinux": "almalinux",
    "CentOS Linux": "centos",
    "CentOS Stream": "centos",
    "Circle Linux": "circle",
    "Fedora": "fedora",
    "Red Hat Enterprise Linux": "redhat",
    "Rocky Linux": "rocky",
    "Virtuozzo Linux": "virtuozzo",
    "oVirt Node Next": "centos",
}
# Variants whose repository is the base, beside that of the product's name (DEFAULT_REPOS in Anaconda's constants.py;
# the last one on EL10 only).
_BASES = frozenset(("fedora-modular-server", "rawhide", "BaseOS", "baseos", "eln-baseos"))
# The types of variants that Anaconda enables (enabled_repositories_from_treeinfo in its anaconda.conf). Without a type
# productmd reads a variant.
_ENABLED = frozenset(("addon", "optional", "variant", ""))


@dataclasses.dataclass(frozen=True)
class Variant:
    """A part of a distribution, such as BaseOS. `repository` is relative to the tree; None if it is not given."""

    name: str
    kind: str
    repository: str | None


@dataclasses.dataclass(frozen=True)
class TreeRepository:
    """A repository of packages that Anaconda adds from a tree. `url` is None if the path leads out of the server."""

    name: str
    path: str
    url: str | None


@dataclasses.dataclass(frozen=True)
class TreeInfo:
    """`name` and `version` are the product's, `stage2` a path in the tree, `variants` sorted by name."""

    name: str
    version: str
    arch: str
    variant: str
    stage2: str
    variants: tuple[Variant, ...] = ()

    @property
    def release(self) -> str | None:
        """`el9`; None if the version does not begin with a number."""
        major = self.version.partition(".")[0]
        return f"el{major}" if major.isascii() and major.isdigit() else None

    @property
    def efi_dir(self) -> str | None:
        """None for a product that Anaconda does not know."""
        return _EFI_DIRS.get(self.name)

    def __str__(self) -> str:
        return " ".join(filter(None, (self.name, self.version, self.arch)))


def parse_treeinfo(text: str) -> TreeInfo | None:
    """None if the text is not a valid .treeinfo."""
    config = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        config.read_string(text)
    except configparser.Error:
        return None

    def value(*places: tuple[str, str]) -> str:
        found = (config.get(section, key, fallback=None) for section, key in places)
        return next(filter(None, found), "")

    info = TreeInfo(
        name=value(("release", "name"), ("general", "family")),
        version=value(("release", "version"), ("general", "version")),
        arch=value(("tree", "arch"), ("general", "arch")),
        variant=value(("general", "variant"), ("tree", "variants")),
        stage2=value(("stage2", "mainimage")) or STAGE2,
        variants=_variants(config),
    )
    return info if info.version and info.arch else None


def _variants(config: configparser.RawConfigParser) -> tuple[Variant, ...]:
    """The top-level variants, as productmd's treeinfo.py reads them: by [tree], before 1.0 by [general]."""
    if config.has_section("header"):
        names = config.get("tree", "variants", fallback="") or ""
        return tuple(
            Variant(
                name,
                config.get(f"variant-{name}", "type", fallback="") or "",
                config.get(f"variant-{name}", "repository", fallback="") or None,
            )
            for name in sorted(filter(None, map(str.strip, names.split(","))))
        )
    only = config.get("general", "variant", fallback="")
    sections = [section[8:] for section in config.sections() if re.fullmatch(r"variant-[^-]+", section)]
    found = []
    for name in [only] if only else sorted(sections):
        places = ((f"variant-{name}", "repository"), (f"addon-{name}", "repository"), ("general", "repository"))
        paths = (config.get(section, key, fallback="") for section, key in places)
        path = next(filter(None, paths), ".").rstrip("/") or "."
        found.append(Variant(name, "variant", path.removesuffix("/repodata")))
    return tuple(found)


def tree_repositories(info: TreeInfo | None, url: str) -> tuple[TreeRepository, ...]:
    """The repositories that Anaconda adds from the tree of `url`, the base repository first.

    Both releases do (EL9: `_get_base_repo_location` and `_load_treeinfo_repositories` of payload/dnf/payload.py,
    with payload/install_tree_metadata.py; EL10: `_load_treeinfo_metadata` and `TreeInfoRepoMetadata` in
    modules/payloads/payload/dnf/tree_info.py): the base is the first variant that has the name of the product or is in
    DEFAULT_REPOS, otherwise the tree itself, as without a .treeinfo. The other variants are added if their type is
    enabled and they are at another URL. Paths are joined and normalized as texts.
    """
    root = url.rstrip("/")
    variants = info.variants if info else ()
    product = info.name.partition("-")[0].lower() if info else ""
    base = next((one for one in variants if one.name == product or one.name in _BASES), None)
    first = _repository(base, root) if base else TreeRepository("", ".", root)
    others = [_repository(one, root) for one in variants if one is not base and one.kind in _ENABLED]
    return (first, *(one for one in others if one.url is None or one.url != first.url))


def _repository(variant: Variant, root: str) -> TreeRepository:
    path = variant.repository
    if path is None:
        return TreeRepository(variant.name, "", None)
    if path == ".":
        return TreeRepository(variant.name, path, root)
    protocol, separator, rest = root.partition("://")
    server = rest.partition("/")[0]
    joined = posixpath.normpath(posixpath.join(rest, path))
    is_within = joined == server or joined.startswith(f"{server}/")
    return TreeRepository(variant.name, path, f"{protocol}{separator}{joined}" if is_within else None)
