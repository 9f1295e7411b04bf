# SPDX-License-Identifier: GPL-2.0-or-later
"""Imports go one way. README.md has the picture; a new arrow has to be drawn there and allowed here."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]

# module -> the modules of ours that it may import
ARROWS = {
    "org_ovirt_node": set(),
    "org_ovirt_node.geometry": set(),
    "org_ovirt_node.findings": {"geometry"},
    "org_ovirt_node.policy": {"geometry"},
    "org_ovirt_node.devices": {"geometry", "policy"},
    "org_ovirt_node.capacity": {"geometry", "policy", "devices"},
    "org_ovirt_node.automatic": {"geometry", "findings", "policy"},
    "org_ovirt_node.rules": {"geometry", "findings", "policy", "devices", "capacity", "automatic"},
    "org_ovirt_node.layout": {"geometry", "findings", "policy", "capacity", "rules", "automatic"},
    # The programs that run alone in the installer.
    "org_ovirt_node.programs": set(),
    "org_ovirt_node.programs.disks": set(),
    "org_ovirt_node.programs.imgbase": set(),
    "org_ovirt_node.programs.nics": set(),
    "org_ovirt_node.storage_commands": {"geometry", "layout", "policy"},
    "org_ovirt_node.configuration": {"geometry", "policy"},
    "org_ovirt_node.section": {"geometry", "policy", "layout"},
    "org_ovirt_node.gate": {
        "automatic",
        "devices",
        "findings",
        "geometry",
        "layout",
        "policy",
        "programs",
        "rules",
        "section",
    },
    "org_ovirt_node.presentation": {"layout"},
    "org_ovirt_node.hook": {"policy", "section", "programs"},
    # From here on Anaconda's own packages are there.
    "org_ovirt_node.i18n": set(),
    "org_ovirt_node.constants": set(),
    "org_ovirt_node.structures": set(),
    "org_ovirt_node.remote": {"layout", "presentation", "constants", "i18n", "structures"},
}
# The packages of the add-on: processes of their own, which share nothing but names on the bus.
SHARED = {"i18n", "constants", "structures"}
PACKAGE_ARROWS = {
    "service": {"layout", "policy", "automatic", "section", "programs", "gate", "hook", "service"} | SHARED,
    "gui": {"layout", "presentation", "remote", "gui"} | SHARED,
    "tui": {"layout", "presentation", "remote", "tui"} | SHARED,
}
# The outer parts of the add-on that ksgen may use, and what else each package may import.
KSGEN_USES = {"layout", "storage_commands", "findings", "policy", "geometry", "section", "configuration", "programs"}
# What the installer has; the pure modules of the add-on do without.
INSTALLER_PACKAGES = {"pykickstart", "dasbus", "blivet", "pyanaconda", "gi", "simpleline"}
IN_THE_INSTALLER = (*PACKAGE_ARROWS, "constants", "structures", "remote")
KSGEN_PACKAGES = {"click", "jinja2", "langtable", "pydantic", "pydantic_core", "pykickstart", "rich", "yaml"}
# An optional extra, imported where something vaulted is needed.
VAULT_PACKAGES = {"ansible"}
# Steps of ksgen in their order: each may import those before it.
KSGEN_ORDER = (
    ("codes", "lexer", "redaction", "treeinfo"),
    ("problems", "webfiles"),
    ("nodes",),
    ("yamltext", "naming", "jsonnodes", "yamlnodes", "surprises", "ranges"),
    ("declared", "sources", "precedence", "vault"),
    ("inventory",),
    ("expressions",),
    ("values",),
    ("people", "words"),
    ("disk", "network", "topology"),
    ("settings", "places"),
    ("validation", "nginx"),
    ("host",),
    ("generations", "manifest", "arming", "bootargs", "boottree", "confirmation", "remembered"),
    ("storage", "grammar", "output", "explanation"),
    ("ksfile", "ksview"),
    (
        "lint_commands",
        "lint_disks",
        "lint_network",
        "lint_node",
        "lint_people",
        "lint_scripts",
        "lint_storage",
    ),
    ("lint",),
    ("templates",),
    ("kickstart", "picture", "schema"),
    ("filesystem",),
    ("ext4", "iso9660", "squashfs"),
    ("liveimage", "mediacheck"),
    ("nodeimage", "stage2"),
    ("bootiso",),
    ("image", "netboot"),
    ("boot", "cpio"),
    ("iso", "published"),
    ("isowriter",),
    ("checks", "provenance"),
    ("rendering", "preflight"),
    ("cli_edges",),
    ("cli_armed", "cli_iso", "cli_preflight", "cli_publish"),
    ("cli",),
    ("__main__",),
)
NO_NAMES = {"utils", "common", "helpers", "base", "manager"}


def modules() -> list[Path]:
    return sorted(p for package in ("org_ovirt_node", "ksgen") for p in (CHECKOUT / package).rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """The full names of all modules that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {name for name in names if (CHECKOUT / (name.replace(".", "/") + ".py")).exists()} or {
                str(node.module)
            }
    return found


def ours(path: Path, package: str) -> set[str]:
    return {name.split(".")[1] for name in imports(path) if name.startswith(package + ".")}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_arrows(path: Path) -> None:
    name = name_of(path)
    if name.startswith("org_ovirt_node"):
        package = name.split(".")[1] if "." in name else ""
        arrows = PACKAGE_ARROWS.get(package, ARROWS.get(name))
        assert arrows is not None, "a new module: say here and in README.md what it may import"
        assert ours(path, "org_ovirt_node") <= arrows
        assert not ours(path, "ksgen")
        return
    if name == "ksgen":
        return
    assert ours(path, "org_ovirt_node") <= KSGEN_USES
    order = {module: rank for rank, row in enumerate(KSGEN_ORDER) for module in row}
    module = name.split(".")[1]
    assert module in order, "a new module: say here and in README.md where it stands"
    assert all(order[other] <= order[module] for other in ours(path, "ksgen") - {module})


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_packages(path: Path) -> None:
    package, _, rest = name_of(path).partition(".")
    in_installer = rest.split(".")[0] in IN_THE_INSTALLER
    allowed = KSGEN_PACKAGES if package == "ksgen" else INSTALLER_PACKAGES if in_installer else set()
    if rest == "hook":
        allowed = {"pykickstart"}  # it reads a kickstart's scripts
    if name_of(path) == "ksgen.vault":
        allowed = allowed | VAULT_PACKAGES
    others = {name.split(".")[0] for name in imports(path)} - {"org_ovirt_node", "ksgen"}
    assert others - set(sys.stdlib_module_names) - {"__future__"} <= allowed


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_names_say_something(path: Path) -> None:
    assert path.stem not in NO_NAMES


def test_only_the_command_prints_and_exits() -> None:
    for path in (CHECKOUT / "ksgen").rglob("*.py"):
        calls = {ast.unparse(n.func) for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)}
        if not path.stem.startswith("cli"):
            assert not calls & {"print", "sys.exit", "exit", "click.echo"}, path


def test_sizes_have_one_home() -> None:
    """A number with a unit is written in policy.py alone."""
    for path in modules():
        if path.stem in ("policy", "geometry"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and isinstance(node.left, ast.Constant):
                unit = ast.unparse(node.right).rpartition(".")[2]
                assert unit not in ("MIB", "GIB", "TIB"), f"{path}: {ast.unparse(node)}"
