# SPDX-License-Identifier: GPL-2.0-or-later
"""The problems of a document as an editor has it: what `ksgen lint` and `ksgen` would say of the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ksgen import inventory
from ksgen.host import read_hosts
from ksgen.lint import Linter
from ksgen.problems import Problem, folded
from ksgen.variables import PREFIX, is_claimed

Document = Literal["kickstart", "inventory"]

_KICKSTART_NAME = re.compile(r"\.ks$|\.kickstart$|(?:^|[/._-])ks[^/]*\.cfg$|kickstart[^/]*\.cfg$", re.IGNORECASE)
_YAML_NAME = re.compile(r"\.(?:ya?ml|json)$|(?:^|/)(?:group|host)_vars/[^/]+$", re.IGNORECASE)
_MENTIONS_OURS = re.compile(rf"^[\s\"'-]*{PREFIX}\w+", re.MULTILINE)
_VARS_DIRECTORIES = ("group_vars", "host_vars")
# What an inventory beside group_vars/ is called in Ansible's documentation and in many sites.
_INVENTORIES = ("hosts.yaml", "hosts.yml", "inventory.yaml", "inventory.yml", "hosts", "inventory")
# An editor has no password of a vault.
_OF_THE_VAULT = frozenset({"vault-no-password", "vault-no-library"})


def document_of(path: str, language: str) -> Document | None:
    """What a document is by its language in the editor, or by its name."""
    if language == "kickstart" or (language not in ("yaml", "json") and _KICKSTART_NAME.search(path)):
        return "kickstart"
    return "inventory" if language == "yaml" or _YAML_NAME.search(path) else None


def kickstart_problems(linter: Linter, path: str, text: str) -> list[Problem]:
    """Those in the document itself; an included file has its own when it is open."""
    return [problem for problem in linter.lint_text(path, text) if problem.mark.file == path]


def inventory_problems(path: str, text: str) -> list[Problem]:
    """Those in the document itself, once each; none if neither it nor its hosts have a variable of ksgen."""
    root = _inventory_of(Path(path))
    if root is None:
        return []
    site, found = inventory.read([root], is_own=is_claimed, instead={path: text})
    if not _MENTIONS_OURS.search(text) and not any(map(is_claimed, _names(site))):
        return []
    _, more = read_hosts(site)
    own = [p for p in (*found, *more) if p.mark.file == path and p.code not in _OF_THE_VAULT]
    return [fold.first for fold in folded(own)]


def _names(site: inventory.Inventory) -> Sequence[str]:
    return [name for host in site.hosts for name in host.variables]


def _inventory_of(path: Path) -> Path | None:
    """The inventory that a file is, or whose variables it has; None where it is not found."""
    above = next((parent for parent in path.parents if parent.name in _VARS_DIRECTORIES), None)
    if above is None:
        return path
    return next((above.parent / name for name in _INVENTORIES if (above.parent / name).exists()), None)
