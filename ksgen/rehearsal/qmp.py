# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's monitor (QMP; QEMU, docs/interop/qmp-spec): power, cables and pictures of a machine that runs."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

_TIMEOUT_S = 30
_LONGEST = 2**20  # bytes of an answer


class MonitorError(Exception):
    """The machine is not there, or refuses a command; the text says why."""


class Monitor:
    """The monitor of a machine, at its Unix socket; for use in a `with`. Raises MonitorError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_TIMEOUT_S)
        self._rest = b""

    def __enter__(self) -> Monitor:
        try:
            self._socket.connect(str(self._path))
        except OSError as error:
            self._socket.close()
            raise MonitorError(f"{self._path}: {error.strerror}") from error
        self._read()  # the greeting
        self.execute("qmp_capabilities")
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def execute(self, command: str, **arguments: object) -> Any:
        """What a command returns; events before it are passed over."""
        # QMP writes the names of arguments with hyphens.
        named = {name.replace("_", "-"): value for name, value in arguments.items()}
        try:
            self._socket.sendall(json.dumps({"execute": command, "arguments": named}).encode())
        except OSError as error:
            raise MonitorError(f"{command}: {error.strerror}") from error
        while True:
            answer = self._read()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise MonitorError(f"{command}: {answer['error'].get('desc')}")

    def _read(self) -> dict[str, Any]:
        while b"\n" not in self._rest:
            try:
                data = self._socket.recv(65536)
            except OSError as error:
                raise MonitorError(f"{self._path}: {error.strerror or 'no answer in time'}") from error
            if not data or len(self._rest) > _LONGEST:
                raise MonitorError(f"{self._path}: the machine has ended")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found
