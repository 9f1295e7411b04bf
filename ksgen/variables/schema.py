# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON Schema of the inventory, so that an editor completes and checks while one types.

It says less than ksgen checks: a schema sees neither other hosts, nor groups, nor the layout.
"""

from __future__ import annotations

from typing import Any

from ksgen.variables.settings import PREFIX, Settings

_SIZE = {"type": "string", "pattern": r"^\s*([0-9]+(\.[0-9]+)? ?([KMGTP]iB|[kKMGTP]B)|0)\s*$"}
_EXPRESSION = {"type": "string", "pattern": r"\{[{%]"}
# Where a single value is read as a list of one, and where a text is split at its blanks.
_ONE_OR_MORE = ("disk", "erase", "pre", "post_site", "post_group", "post", "files", "ca_certificates")
_WORDS = ("kernel_args", "installer_args")


def variables_schema() -> dict[str, Any]:
    """The schema of a mapping of variables: of a host, of a group's `vars`, of a file in group_vars."""
    own = Settings.model_json_schema(by_alias=True)
    properties = {name: _variable(name, _tidy(found)) for name, found in own["properties"].items()}
    definitions = {name: _tidy(found) for name, found in own["$defs"].items()}
    definitions["Disk"]["properties"]["size"] = _either(_size(), definitions["Disk"]["properties"]["size"])
    # its default would be shown in seconds
    del definitions["MachineChecks"]["properties"]["wait"]["default"]
    return {
        "type": ["object", "null"],
        "properties": properties,
        # Other names belong to Ansible, or to roles that have variables of this prefix too.
        "additionalProperties": True,
        "$defs": definitions,
    }


def file_schema() -> dict[str, Any]:
    """The schema of an inventory file."""
    variables = variables_schema()
    definitions = variables.pop("$defs")
    group = {"$ref": "#/$defs/group"}
    definitions["variables"] = variables
    definitions["group"] = {
        "type": ["object", "null"],
        "properties": {
            "hosts": {
                "description": "Host names, or ranges like node[01:16].example.com, each with its own variables.",
                "type": ["object", "null"],
                "additionalProperties": {"$ref": "#/$defs/variables"},
            },
            "children": {
                "description": "Child groups of the group.",
                "type": ["object", "null"],
                "additionalProperties": group,
            },
            "vars": {"description": "Variables of all hosts of the group.", "$ref": "#/$defs/variables"},
        },
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Inventory of oVirt Nodes",
        "type": "object",
        "properties": {"all": group},
        "additionalProperties": group,
        "$defs": definitions,
    }


def _size() -> dict[str, Any]:
    return _either(dict(_SIZE), {"const": 0})


def _either(*schemas: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [part for schema in schemas for part in schema.get("anyOf", [schema])]}


def _variable(name: str, found: dict[str, Any]) -> dict[str, Any]:
    """The schema of one variable; an expression may stand for any value."""
    bare = name.removeprefix(PREFIX)
    description = {"description": found.pop("description", "")}
    if bare in _ONE_OR_MORE:
        found = _either(found, found["items"])
    elif bare in _WORDS:
        found = _either(found, {"type": "string"})
    elif bare == "swap_size":
        # its default would be shown in bytes
        found = _either(_size(), {"const": "recommended"})
    elif bare == "kdump":
        found = _either({"const": "auto"}, {"const": False}, dict(_SIZE))
    if found.get("type") == "string" and "enum" not in found and "pattern" not in found:
        return {**description, **found}
    default = {"default": found.pop("default")} if "default" in found else {}
    return {**description, **default, **_either(found, dict(_EXPRESSION))}


def _tidy(schema: Any) -> Any:
    """Without pydantic's titles and nulls, and with sizes as they are written."""
    if isinstance(schema, list):
        return [_tidy(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == ["string", "integer"]:
        return {**_size(), **{key: value for key, value in schema.items() if key == "description"}}
    kept = {key: _tidy(value) for key, value in schema.items() if key != "title" or not isinstance(value, str)}
    if kept.get("default", "") is None:
        del kept["default"]
    alternatives = [part for part in kept.get("anyOf", ()) if part != {"type": "null"}]
    if len(alternatives) == 1:
        del kept["anyOf"]
        return {**alternatives[0], **kept}
    return {**kept, "anyOf": alternatives} if alternatives else kept
