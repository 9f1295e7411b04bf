# SPDX-License-Identifier: GPL-2.0-or-later
"""The schema of the inventory: what ksgen accepts it accepts, and a real language server uses it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from command import CliRunner
from example_site import CHECKOUT, EXAMPLE
from inventories import PASSWORD_HASH, inventory_text
from jsonschema import Draft202012Validator

from ksgen.cli import main
from ksgen.variables import PREFIX, Settings, file_schema, variables_schema

sys.path.insert(0, str(CHECKOUT / "docs"))

from generate import EXAMPLES, HASH

VALIDATOR = Draft202012Validator(file_schema())
NPM = Path(os.environ.get("NPM_DIRECTORY") or CHECKOUT / ".npm")
SERVER = NPM / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"


def errors(text: str) -> list[str]:
    found = yaml.safe_load(text)
    return [f"{'.'.join(map(str, e.absolute_path))}: {e.message}" for e in VALIDATOR.iter_errors(found)]


def test_schemas_are_schemas() -> None:
    Draft202012Validator.check_schema(file_schema())
    Draft202012Validator.check_schema(variables_schema())


@pytest.mark.parametrize("path", [EXAMPLE, CHECKOUT / "ksgen" / "starter.yaml"], ids=lambda path: path.name)
def test_files_of_ours_are_valid(path: Path) -> None:
    assert errors(path.read_text()) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_values_are_valid(name: str) -> None:
    # A schema sees no tags: editors are configured with them (yaml.customTags).
    text = EXAMPLES[name].replace(HASH[:24] + "…", PASSWORD_HASH).replace("!vault ", "")
    assert errors(inventory_text(**{f"node_{name}": text})) == []


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_expression_may_stand_for_any_value(name: str) -> None:
    assert errors(inventory_text(**{f"node_{name}": '"{{ something }}"'})) == []


WRONG = [
    pytest.param({"node_images": "many"}, id="wrong-type"),
    pytest.param({"node_release": "el8"}, id="unknown-word"),
    pytest.param({"node_swap_size": "4"}, id="size-without-unit"),
    pytest.param({"node_network": "[{vlan: {id: 5000, parent: eno1}}]"}, id="vlan-id"),
    pytest.param({"node_network": "[{name: eno1, ipv5: none}]"}, id="unknown-key-inside"),
    pytest.param({"node_disk": "{wnw: 1}"}, id="unknown-key-of-a-disk"),
]


@pytest.mark.parametrize("changes", WRONG)
def test_wrong_values_are_seen(changes: dict[str, str]) -> None:
    assert errors(inventory_text(**changes)) != []


def test_misspelt_group_key_is_seen() -> None:
    assert errors("all: {childern: {}}") != []
    assert errors("all: {children: {a: {host: {}}}}") != []


def test_every_variable_is_described() -> None:
    found = variables_schema()["properties"]
    assert set(found) == {PREFIX + name for name in Settings.model_fields}
    assert all(schema["description"] for schema in found.values())


def test_command_prints_it() -> None:
    result = CliRunner().invoke(main, ["schema"])
    assert json.loads(result.stdout) == file_schema()
    assert json.loads(CliRunner().invoke(main, ["schema", "--variables"]).stdout) == variables_schema()


class LanguageServer:
    """A client of yaml-language-server on its standard input and output (Language Server Protocol 3.17)."""

    def __init__(self, schema: Path) -> None:
        node = shutil.which("node") or shutil.which("nodejs") or "node"
        command = [node, str(SERVER), "--stdio"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._settings = {"yaml": {"schemas": {schema.as_uri(): "*.yaml"}, "validate": True, "completion": True}}
        self._number = 0
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}

    def __enter__(self) -> LanguageServer:
        self.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self._send({"method": "initialized", "params": {}})
        self._send({"method": "workspace/didChangeConfiguration", "params": {"settings": self._settings}})
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, method: str, params: object) -> Any:
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            message = self._receive()
            if message.get("id") == self._number and "method" not in message:
                return message.get("result")

    def open(self, path: Path) -> list[dict[str, Any]]:
        """Open a file; returns what the server says is wrong with it."""
        document = {"uri": path.as_uri(), "languageId": "yaml", "version": 1, "text": path.read_text()}
        self._send({"method": "textDocument/didOpen", "params": {"textDocument": document}})
        while path.as_uri() not in self._diagnostics:
            self._receive()
        return self._diagnostics[path.as_uri()]

    def completions(self, path: Path, line: int, character: int) -> set[str]:
        place = {"textDocument": {"uri": path.as_uri()}, "position": {"line": line, "character": character}}
        found = self.ask("textDocument/completion", place)
        return {item["label"] for item in found["items"]}

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while (line := self._process.stdout.readline().strip()) or not length:
            assert line or length, "the language server has ended"
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            wanted = [self._settings.get(item.get("section", "")) for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": wanted})
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})
        return message


def test_language_server_checks_and_completes(tmp_path: Path) -> None:
    assert SERVER.exists(), "yaml-language-server is missing: make test installs it with npm"
    schema = tmp_path / "schema.json"
    schema.write_text(json.dumps(file_schema()))
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(EXAMPLE.read_text())
    bad.write_text(inventory_text(node_images="many") + "      node_im\n")
    with LanguageServer(schema) as server:
        assert server.open(good) == []
        lines = {d["range"]["start"]["line"]: d["message"] for d in server.open(bad)}
        text = bad.read_text().splitlines()
        assert next(n for n, line in enumerate(text) if "node_images" in line) in lines
        offered = server.completions(bad, len(text) - 1, len("      node_im"))
        assert {"node_image_size", "node_image_sha256"} <= offered
