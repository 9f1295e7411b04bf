# SPDX-License-Identifier: GPL-2.0-or-later
"""YAML and JSON text to values that know their line and column."""

from ksgen.syntax.jsonnodes import parse_json
from ksgen.syntax.nodes import MAX_FILE_BYTES, Node, Vaulted, as_secret, holds_secret, kind, plain
from ksgen.syntax.surprises import as_read, is_dynamic, is_template, problems_in, shown
from ksgen.syntax.yamlnodes import parse_yaml
from ksgen.syntax.yamltext import decode

__all__ = [
    "MAX_FILE_BYTES",
    "Node",
    "Vaulted",
    "as_read",
    "as_secret",
    "decode",
    "holds_secret",
    "is_dynamic",
    "is_template",
    "kind",
    "parse_json",
    "parse_yaml",
    "plain",
    "problems_in",
    "shown",
]
