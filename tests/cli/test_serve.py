# SPDX-License-Identifier: GPL-2.0-or-later
"""The arguments of `ksgen serve` and `ksgen login`; tests/server/test_report_chain.py runs them."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from ksgen import netboot
from ksgen.cli import listening, main, serve_commands


def test_default_address_is_the_one_of_nginx() -> None:
    assert serve_commands._LISTEN == netboot.REPORTS_ADDRESS


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        ("0.0.0.0:8440", "can be reached by others: add --certificate and --key"),
        ("8440", "is not ADDRESS:PORT"),
        ("127.0.0.1:0", "is not ADDRESS:PORT"),
        ("pxe.example.com:8440", "does not begin with an IP address"),
    ],
)
def test_address_is_refused(listen: str, message: str) -> None:
    done = CliRunner().invoke(main, ["serve", "hosts.yaml", "--listen", listen])
    assert done.exit_code == 2
    assert message in done.output


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--listen", "unix:serve.sock"], "write an absolute path"),
        (["--user-header", "X-Remote-User"], "--user-header needs a Unix socket"),
        (["--certificate", __file__], "--certificate and --key are required together"),
        (["--listen", "unix:/x", "--certificate", __file__, "--key", __file__], "is not for a Unix socket"),
    ],
)
def test_options_that_do_not_fit(options: list[str], message: str) -> None:
    done = CliRunner().invoke(main, ["serve", "hosts.yaml", *options])
    assert done.exit_code == 2
    assert message in done.output


def test_socket_of_a_killed_server_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "serve.sock"
    (first,) = listening.bind([listening.Listener(path=path)])
    assert path.stat().st_mode & 0o777 == 0o660
    first.listen()
    with pytest.raises(OSError, match="--listen /"):
        listening.bind([listening.Listener(path=path)])
    first.close()
    (second,) = listening.bind([listening.Listener(path=path)])
    second.close()


def test_address_in_use_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="in use") as caught:
            listening.bind([listening.Listener(path=tmp_path / "s"), listening.Listener("127.0.0.1", port)])
    assert caught.value.filename == f"--listen 127.0.0.1:{port}"


def test_token_is_in_its_file_alone(tmp_path: Path) -> None:
    arguments = ["login", "ops", "--state", str(tmp_path / "state"), "-o", str(tmp_path / "token")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    token = (tmp_path / "token").read_text().strip()
    assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600
    assert token not in done.output
    assert token not in (tmp_path / "state" / "logins.json").read_text()
    again = CliRunner().invoke(main, arguments)
    assert again.exit_code == 1
    assert "exists; name a new file" in again.output
