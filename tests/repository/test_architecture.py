# SPDX-License-Identifier: GPL-2.0-or-later
"""Imports go one way, and to what a subpackage exports. docs/packages.py has the table; README.md shows it."""

from __future__ import annotations

import ast
import functools
import importlib
import sys
from pathlib import Path

import packages as declared
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = {"ksgen": declared.KSGEN, "org_ovirt_node": declared.ADDON}

# Distributions that a subpackage imports. The add-on's other subpackages need none: ksgen uses them too.
DISTRIBUTIONS = {
    "ksgen.bmc": {"requests", "starlette", "sushy", "uvicorn"},  # optional, imported by `ksgen bmc`
    "ksgen.cli": {"click", "rich", "uvicorn"},  # uvicorn is an optional extra, imported by `ksgen serve`
    "ksgen.expressions": {"jinja2", "yaml"},
    "ksgen.grammar": {"pykickstart"},
    "ksgen.host": {"pydantic", "pydantic_core"},
    "ksgen.inventory": {"ansible", "yaml"},  # an optional extra, imported where something vaulted is needed
    "ksgen.kickstart": {"jinja2", "pydantic"},
    "ksgen.lint": {"pykickstart"},
    "ksgen.lsp": {"lsprotocol", "pygls"},  # an optional extra, imported by `ksgen lsp`
    "ksgen.match": {"pydantic"},
    "ksgen.netboot": {"jinja2"},
    "ksgen.redaction": {"pykickstart"},
    "ksgen.reports": {"pydantic"},
    "ksgen.server": {
        "jinja2",
        "markupsafe",
        "prometheus_client",
        "pydantic",
        "sqlalchemy",
        "starlette",
    },  # optional, as the next
    "ksgen.store": {"alembic", "sqlalchemy"},
    "ksgen.syntax": {"yaml"},
    "ksgen.templates": {"jinja2"},
    "ksgen.variables": {"langtable", "pydantic", "pydantic_core", "tzdata"},
    "org_ovirt_node.constants": {"dasbus", "pyanaconda"},
    "org_ovirt_node.gui": {"gi", "pyanaconda"},
    "org_ovirt_node.hook": {"pykickstart"},  # it reads a kickstart's scripts
    "org_ovirt_node.remote": {"dasbus", "pyanaconda"},
    "org_ovirt_node.service": {"blivet", "dasbus", "pyanaconda", "pykickstart"},
    "org_ovirt_node.structures": {"dasbus"},
    "org_ovirt_node.tui": {"pyanaconda", "simpleline"},
}
NO_NAMES = {"utils", "common", "helpers", "base", "manager"}


@functools.cache
def modules() -> tuple[Path, ...]:
    return tuple(sorted(path for package in PACKAGES for path in (CHECKOUT / package).rglob("*.py")))


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text())))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")


def subpackage_of(name: str) -> str:
    """`ksgen.lint` of `ksgen.lint.linter`; the package itself of a module beside the subpackages."""
    package, _, rest = name.partition(".")
    first = rest.partition(".")[0]
    return f"{package}.{first}" if first in PACKAGES.get(package, ()) else package


@functools.cache
def imports(path: Path) -> set[str]:
    """The full names of all that a file imports, wherever in it: `package.module.name`."""
    found = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def ours(path: Path) -> set[str]:
    return {name for name in imports(path) if name.partition(".")[0] in PACKAGES}


def used() -> set[tuple[str, str]]:
    """The imports between subpackages: (importer, imported)."""
    return {
        (subpackage_of(name_of(path)), subpackage_of(name))
        for path in modules()
        for name in ours(path)
        if subpackage_of(name_of(path)) != subpackage_of(name)
    }


def declared_imports() -> set[tuple[str, str]]:
    """Those of the table, and what has no row in it: the entry point, and where the add-on is installed."""
    found = {("ksgen", "ksgen.cli"), ("ksgen.addon", "org_ovirt_node")}
    for package, table in PACKAGES.items():
        for name, row in table.items():
            found |= {(f"{package}.{name}", f"{package}.{other}") for other in row.imports.split()}
            found |= {(f"{package}.{name}", f"org_ovirt_node.{other}") for other in row.of_addon.split()}
    return found


def test_imports_are_those_of_the_table() -> None:
    assert sorted(used() - declared_imports()) == [], "not declared in docs/packages.py"
    assert sorted(declared_imports() - used()) == [], "declared in docs/packages.py, and not used"


def test_every_subpackage_is_in_the_table() -> None:
    for package, table in PACKAGES.items():
        names = {name_of(path).split(".")[1] for path in modules() if name_of(path).startswith(package + ".")}
        assert names - {"__main__"} == set(table)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_subpackage_imports_those_below_it(package: str) -> None:
    order = list(PACKAGES[package])
    for name, row in PACKAGES[package].items():
        assert all(order.index(other) > order.index(name) for other in row.imports.split()), name


def test_layout_and_programs_import_nothing_of_ours() -> None:
    assert not declared.ADDON["layout"].imports
    for path in (CHECKOUT / "org_ovirt_node" / "programs").glob("*.py"):
        assert not ours(path), path


# --- exports ---------------------------------------------------------------------------------------------------------

EXPORTING = sorted(
    f"{package}.{name}"
    for package, table in PACKAGES.items()
    for name in table
    if (door := CHECKOUT / package / name / "__init__.py").is_file() and "__all__" in door.read_text()
)


def used_elsewhere(package: str) -> set[str]:
    """The names that other subpackages use: `from ksgen.lint import Linter`, or `lint.Linter`."""
    short = package.rpartition(".")[2]
    found = set()
    for path in modules():
        if subpackage_of(name_of(path)) == package:
            continue
        names = imports(path)
        found |= {name.removeprefix(package + ".") for name in names if name.startswith(package + ".")}
        if package in names:
            found |= {
                node.attr
                for node in nodes(path)
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == short
            }
    return found


@pytest.mark.parametrize("package", EXPORTING)
def test_exports_are_what_others_use(package: str) -> None:
    assert used_elsewhere(package) == set(importlib.import_module(package).__all__)


@pytest.mark.parametrize("package", EXPORTING)
def test_no_exported_name_is_that_of_a_module(package: str) -> None:
    """Else the one would hide the other."""
    folder = CHECKOUT / package.replace(".", "/")
    assert not {path.stem for path in folder.glob("*.py")} & set(importlib.import_module(package).__all__)


def test_subpackages_without_exports() -> None:
    """The programs are files of their own, as are the modules of `ksgen facts`; Anaconda finds processes by name."""
    rows = {f"{package}.{name}" for package, table in PACKAGES.items() for name in table}
    folders = {row for row in rows if (CHECKOUT / row.replace(".", "/")).is_dir()}
    assert folders - set(EXPORTING) == {
        f"org_ovirt_node.{name}" for name in ("facts", "gui", "programs", "service", "tui")
    }


# --- packages, names, numbers ----------------------------------------------------------------------------------------


def test_distributions_are_those_of_the_table() -> None:
    found: dict[str, set[str]] = {}
    for path in modules():
        others = {name.split(".")[0] for name in imports(path)} - set(PACKAGES) - set(sys.stdlib_module_names)
        found.setdefault(subpackage_of(name_of(path)), set()).update(others)
    assert {package: others for package, others in found.items() if others} == DISTRIBUTIONS


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_names_say_something(path: Path) -> None:
    assert path.stem not in NO_NAMES


def test_only_the_command_prints_and_exits() -> None:
    for path in (CHECKOUT / "ksgen").rglob("*.py"):
        calls = {ast.unparse(n.func) for n in nodes(path) if isinstance(n, ast.Call)}
        if subpackage_of(name_of(path)) != "ksgen.cli":
            assert not calls & {"print", "sys.exit", "exit", "click.echo"}, path


def test_sizes_have_one_home() -> None:
    """A number with a unit is written in policy.py alone."""
    for path in modules():
        if path.stem in ("policy", "geometry"):
            continue
        for node in nodes(path):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and isinstance(node.left, ast.Constant):
                unit = ast.unparse(node.right).rpartition(".")[2]
                assert unit not in ("MIB", "GIB", "TIB"), f"{path}: {ast.unparse(node)}"
