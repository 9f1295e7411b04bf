# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the catalogue of the add-on's texts, org_ovirt_node/po/org_ovirt_node.pot. test_texts.py fails where it is old.

    .venv/bin/python tests/support/extract_texts.py

A text is what stands in a call of `_`, `N_` or `translate`, in one of the tables below, or in a glade file where that
says so. xgettext does not know tables, and Babel neither tables nor glade.
"""

from __future__ import annotations

import ast
import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2] / "org_ovirt_node"
CATALOGUE = PACKAGE / "po" / "org_ovirt_node.pot"
FUNCTIONS = {"_", "N_", "translate"}
# (file, variable): its texts are translated where they are used.
TABLES = {("findings.py", "_WORDS"), ("planning.py", "parts"), ("checks.py", "MACHINE_KINDS")}

HEADER = """\
# Texts of the oVirt Node add-on of Anaconda.
# SPDX-License-Identifier: GPL-2.0-or-later
#
msgid ""
msgstr ""
"Project-Id-Version: org_ovirt_node\\n"
"Language: \\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""


def texts() -> dict[str, list[str]]:
    """Each text with the files it stands in, in the order of the files."""
    found: dict[str, list[str]] = {}
    for path in sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".glade")):
        name = str(path.relative_to(PACKAGE.parent))
        for text in _of_glade(path) if path.suffix == ".glade" else _of_python(path):
            places = found.setdefault(text, [])
            if name not in places:
                places.append(name)
    return found


def _of_glade(path: Path) -> Iterator[str]:
    for element in ElementTree.parse(path).iter("property"):
        if element.get("translatable") == "yes" and element.text:
            yield element.text


def _of_python(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            yield from _constants(node.args[0])
        elif isinstance(node, ast.Assign) and (path.name, ast.unparse(node.targets[0])) in TABLES:
            yield from _constants(node.value)


def _constants(node: ast.expr) -> Iterator[str]:
    """The texts in an expression; not what only finds them: keys and names."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from _constants(value)
    elif isinstance(node, (ast.Tuple, ast.List)):
        for value in node.elts:
            yield from _constants(value)
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "Kind":
        for value in node.args:
            yield from _constants(value)


def catalogue() -> str:
    entries = [HEADER]
    for text, places in texts().items():
        lines = [f"#: {place}" for place in places]
        if "{" in text:
            lines.append("#, python-brace-format")
        entries.append("\n".join([*lines, f"msgid {json.dumps(text, ensure_ascii=False)}", 'msgstr ""', ""]))
    return "\n".join(entries)


if __name__ == "__main__":
    CATALOGUE.write_text(catalogue())
