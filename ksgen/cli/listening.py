# SPDX-License-Identifier: GPL-2.0-or-later
"""The addresses that `serve` listens on: TCP ports and Unix sockets."""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import os
import socket
from collections.abc import Sequence
from pathlib import Path

import click

UNIX = "unix:"
# Of a Unix socket: its owner and group, such as a proxy's, may connect.
_MODE = 0o660


@dataclasses.dataclass(frozen=True)
class Listener:
    """An IP address with its port, or the path of a Unix socket."""

    host: str = ""
    port: int = 0
    path: Path | None = None

    @property
    def is_private(self) -> bool:
        """Whether only this machine can connect."""
        return self.path is not None or ipaddress.ip_address(self.host).is_loopback


def read_listener(given: str) -> Listener:
    """What `--listen` says. Raises click.UsageError."""
    if given.startswith(UNIX):
        path = Path(given.removeprefix(UNIX))
        if not path.is_absolute():
            raise click.UsageError(f"--listen {given!r}: write an absolute path, such as unix:/run/ksgen/serve.sock")
        return Listener(path=path)
    host, colon, port = given.rpartition(":")
    if not colon or not port.isdecimal() or not 0 < int(port) < 65536:
        raise click.UsageError(f"--listen {given!r} is not ADDRESS:PORT, such as 127.0.0.1:8440 or [::1]:8440")
    host = {"localhost": "127.0.0.1", "": "127.0.0.1"}.get(host, host.strip("[]"))
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise click.UsageError(f"--listen {given!r} does not begin with an IP address") from None
    return Listener(host, int(port))


def bind(listeners: Sequence[Listener]) -> list[socket.socket]:
    """A socket for each. Raises OSError with the address in `filename`; then none is left open."""
    sockets: list[socket.socket] = []
    for one in listeners:
        try:
            sockets.append(_bind(one))
        except OSError as error:
            for opened in sockets:
                opened.close()
            raise OSError(error.errno, error.strerror, f"--listen {one.path or f'{one.host}:{one.port}'}") from error
    return sockets


def _bind(one: Listener) -> socket.socket:
    if one.path is None:
        family = socket.AF_INET6 if ":" in one.host else socket.AF_INET
        return socket.create_server((one.host, one.port), family=family)
    _remove_abandoned(one.path)
    made = socket.socket(socket.AF_UNIX)
    mask = os.umask(0o777 & ~_MODE)
    try:
        made.bind(os.fspath(one.path))
    except OSError:
        made.close()
        raise
    finally:
        os.umask(mask)
    return made


def _remove_abandoned(path: Path) -> None:
    """A server that was killed leaves its socket, and nothing can be bound there; one that answers stays."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
        except OSError:
            return
