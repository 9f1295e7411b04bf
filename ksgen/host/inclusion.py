# SPDX-License-Identifier: GPL-2.0-or-later
"""`from:` in variables (files, certificates): files beside the inventory become what is written in it.

A host is read with the content in the place of `from`, so that everything that follows (its shape, what is secret in
it, what is printed) is as if it had been written in the inventory.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from pathlib import Path

from ksgen.expressions import Expressions, Rendered
from ksgen.host.places import problem_at
from ksgen.inventory import HostEntry, Inventory
from ksgen.problems import Finding, Mark, Problem
from ksgen.syntax import Node
from ksgen.variables import FILE_LONGEST, PREFIX, shown

_NAME = f"{PREFIX}files"
# Lists of texts, each of which can be `{from: FILE}` instead.
_OF_TEXTS = (f"{PREFIX}ca_certificates",)
# A mapping with such a text.
_BMC, _CERTIFICATE = f"{PREFIX}bmc", "certificate"
# Directories of variables beside an inventory; its own is the one above.
_OF_VARIABLES = ("group_vars", "host_vars")
_VAULT = b"$ANSIBLE_VAULT;"


class Inclusion:
    """Reads each file once. Templates become values as the inventory's own expressions do."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._read: dict[tuple[Path, str], bytes | Finding] = {}

    def included(self, rendered: Rendered) -> Rendered:
        """The host with the content of the files that its variables name."""
        for name in _OF_TEXTS:
            rendered = self._with_texts(rendered, name)
        rendered = self._with_certificate(rendered)
        variable = rendered.entry.variables.get(_NAME)
        if variable is None or not _names_a_file(variable.node):
            return rendered
        problems: list[Problem] = []
        is_template = False

        def replaced(index: int, item: Node) -> Node:
            nonlocal is_template
            source = item.value.get("from") if isinstance(item.value, Mapping) else None
            if source is None or not isinstance(source.value, str) or not isinstance(item.value, Mapping):
                return item
            found = self._content(source.value, source.mark)
            if isinstance(found, Finding):
                problems.append(problem_at(rendered.entry, (_NAME, index, "from"), found))
                return item
            wanted = item.value.get("template")
            is_text_template = wanted is not None and wanted.value is True
            is_template = is_template or is_text_template
            rest = {key: child for key, child in item.value.items() if key not in ("from", "template")}
            return item._replace(value={**rest, **_as_nodes(found, source, is_text_template)})

        items = variable.node.value if isinstance(variable.node.value, tuple) else (variable.node,)
        node = variable.node._replace(value=tuple(replaced(n, item) for n, item in enumerate(items)))
        variables = {
            **rendered.entry.variables,
            _NAME: dataclasses.replace(variable, node=node, is_dynamic=is_template),
        }
        entry = dataclasses.replace(rendered.entry, variables=variables)
        if problems:
            failed = rendered.failed | {_NAME}
            without = {name: one for name, one in rendered.entry.variables.items() if name != _NAME}
            entry = dataclasses.replace(rendered.entry, variables=without)
            return Rendered(entry, (*rendered.problems, *problems), failed)
        if not is_template:
            return dataclasses.replace(rendered, entry=entry)
        return self._evaluated(rendered, entry)

    def _with_texts(self, rendered: Rendered, name: str) -> Rendered:
        """The host with the texts of files in a list of texts; without the variable if one cannot be read."""
        variables = dict(rendered.entry.variables)
        variable = variables.get(name)
        if variable is None or not _names_a_file(variable.node):
            return rendered
        items, problems = [], list[Problem]()
        for index, item in enumerate(
            variable.node.value if isinstance(variable.node.value, tuple) else (variable.node,)
        ):
            found = self._as_text(item)
            if isinstance(found, Finding):
                problems.append(problem_at(rendered.entry, (name, index, "from"), found))
            items.append(item if isinstance(found, Finding) else found)
        variables[name] = dataclasses.replace(variable, node=variable.node._replace(value=tuple(items)))
        if problems:
            del variables[name]
        failed = rendered.failed | {name} if problems else rendered.failed
        entry = dataclasses.replace(rendered.entry, variables=variables)
        return Rendered(entry, (*rendered.problems, *problems), failed)

    def _with_certificate(self, rendered: Rendered) -> Rendered:
        """The host with the certificate of its controller; without the controller if it cannot be read."""
        variable = rendered.entry.variables.get(_BMC)
        if variable is None or not isinstance(parts := variable.node.value, Mapping) or _CERTIFICATE not in parts:
            return rendered
        found = self._as_text(parts[_CERTIFICATE])
        variables = dict(rendered.entry.variables)
        if isinstance(found, Finding):
            del variables[_BMC]
            problem = problem_at(rendered.entry, (_BMC, _CERTIFICATE, "from"), found)
            entry = dataclasses.replace(rendered.entry, variables=variables)
            return Rendered(entry, (*rendered.problems, problem), rendered.failed | {_BMC})
        node = variable.node._replace(value={**parts, _CERTIFICATE: found})
        variables[_BMC] = dataclasses.replace(variable, node=node)
        return dataclasses.replace(rendered, entry=dataclasses.replace(rendered.entry, variables=variables))

    def _as_text(self, item: Node) -> Node | Finding:
        """The text of the file that a value names; any other value unchanged."""
        source = item.value.get("from") if isinstance(item.value, Mapping) and len(item.value) == 1 else None
        if source is None or not isinstance(source.value, str):
            return item
        found = _text_of(self._content(source.value, source.mark), source.value)
        return found if isinstance(found, Finding) else source._replace(value=found, literal=True)

    def _evaluated(self, rendered: Rendered, entry: HostEntry) -> Rendered:
        """The host with its templates evaluated. They can use what the inventory has for the host, as it is there."""
        written = next(one for one in self._inventory.hosts if one.name == entry.name)
        variables = {**written.variables, _NAME: entry.variables[_NAME]}
        host = dataclasses.replace(written, variables=variables)
        site = dataclasses.replace(
            self._inventory, hosts=tuple(host if one.name == host.name else one for one in self._inventory.hosts)
        )
        found = Expressions(site, _NAME.__eq__).rendered(host)
        value = found.entry.variables.get(_NAME)
        known = {name: one for name, one in rendered.entry.variables.items() if name != _NAME}
        variables = known if value is None else {**known, _NAME: value}
        result = dataclasses.replace(rendered.entry, variables=variables)
        return Rendered(result, (*rendered.problems, *found.problems), rendered.failed | found.failed)

    def _content(self, name: str, mark: Mark) -> bytes | Finding:
        directory = _directory(mark)
        if (directory, name) not in self._read:
            self._read[directory, name] = _bytes_of(directory, name)
        return self._read[directory, name]


def _names_a_file(node: Node) -> bool:
    items = node.value if isinstance(node.value, tuple) else (node,)
    return any(isinstance(item.value, Mapping) and "from" in item.value for item in items)


def _directory(mark: Mark) -> Path:
    """The directory of the inventory that a value is written in; the current one for standard input."""
    directory = Path(mark.file).parent
    for place in (directory, directory.parent):  # group_vars/all.yml, group_vars/all/files.yml
        if place.name in _OF_VARIABLES:
            return place.parent
    return directory


def _bytes_of(directory: Path, name: str) -> bytes | Finding:
    try:
        with (directory / name).open("rb") as file:
            found = file.read(FILE_LONGEST + 1)
    except (OSError, ValueError) as error:  # ValueError: a character that no file name has
        reason = error.strerror if isinstance(error, OSError) else "not the name of a file"
        hint = f"a path relative to the directory of the inventory, {directory}, or an absolute one"
        return Finding("file-from", f"{shown(name)} cannot be read: {reason}", hint=hint)
    if len(found) > FILE_LONGEST:
        message = f"{shown(name)} exceeds the limit of {FILE_LONGEST} bytes for a file"
        return Finding("file-too-long", message, hint="a package, or a script in node_post that fetches it")
    if found.startswith(_VAULT):
        hint = "put the text into a vaulted variable, and write content: with its name"
        return Finding("file-from", f"{shown(name)} is encrypted by ansible-vault", hint=hint)
    return found


def _text_of(found: bytes | Finding, name: str) -> str | Finding:
    if isinstance(found, Finding):
        return found
    try:
        return found.decode()
    except UnicodeDecodeError:
        hint = "convert it to PEM: openssl x509 -inform DER -in FILE"
        return Finding("not-utf-8", f"{shown(name)} is not text in UTF-8", hint=hint)


def _as_nodes(found: bytes, source: Node, is_template: bool) -> dict[str, Node]:
    """The content as what the inventory could have: a text, or Base64 of what is none."""
    try:
        text = found.decode()
    except UnicodeDecodeError:
        return {"base64": source._replace(value=base64.b64encode(found).decode(), literal=True)}
    return {"content": source._replace(value=text, literal=not is_template)}
