# SPDX-License-Identifier: GPL-2.0-or-later
"""Files, packages, units, modules and parameters: what is accepted, and what is said of what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from inventories import inventory_text, read_text
from told import text_of, told
from trapfile import Entry, parameters

from ksgen.problems import Problem

KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\\n\\nmDMEZbEXAMPLE\\n=AbCd\\n-----END PGP PUBLIC KEY BLOCK-----\\n"
REPO = "name: site, url: http://pxe.example.com/site/"
CONNECTION = "/etc/NetworkManager/system-connections/a.nmconnection"


def problems_of(directory: Path, **variables: str) -> list[Problem]:
    return read_text(inventory_text(**variables), directory)[1]


def settings(directory: Path, **variables: str) -> Any:
    hosts, problems = read_text(inventory_text(**variables), directory)
    assert hosts, problems
    return hosts[0].settings


def repo(more: str) -> str:
    return f"[{{{REPO}, {more}}}]"


def file(path: str, more: str = "content: x") -> str:
    return f"[{{path: {path}, {more}}}]"


@pytest.mark.parametrize("trap", parameters("content-traps.txt"))
def test_a_trap(trap: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(tmp_path)
    trap.agrees("\n".join(told(text_of(trap))), request)


ACCEPTED = [
    ("packages", "[lldpd, gcc-c++, kernel-headers]", ["lldpd", "gcc-c++", "kernel-headers"]),
    ("services", "{enabled: [lldpd, a@b.timer], masked: [cockpit.socket]}", None),
    ("sysctl", "{vm.swappiness: 10, net/ipv4/ip_forward: '1'}", {"vm.swappiness": "10", "net/ipv4/ip_forward": "1"}),
    ("hugepages", "{1G: 64, 2M: 512}", {"1G": 64, "2M": 512}),
    (
        "local_disks",
        '["0x5000c500a1b2c3d5", 3600508b1001c5d8e2a1b2c3d4e5f6071, eui.0025388b34b9b5df, WDC_WD10EZEX-08WN4A0_WD-1]',
        ["35000c500a1b2c3d5", "3600508b1001c5d8e2a1b2c3d4e5f6071", "eui.0025388b34b9b5df", "WDC_WD10EZEX-08WN4A0_WD-1"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "expected"), ACCEPTED)
def test_value_is_read(name: str, value: str, expected: object, tmp_path: Path) -> None:
    found = getattr(settings(tmp_path, **{f"node_{name}": value}), name)
    if expected is not None:
        assert found == expected


def test_key_of_a_repository_is_armour_or_a_file_of_the_image(tmp_path: Path) -> None:
    for key in (f'"{KEY}"', "file:///etc/pki/rpm-gpg/RPM-GPG-KEY-AlmaLinux-9"):
        assert not problems_of(tmp_path, node_repos=repo(f"key: {key}"))


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("/etc/motd", "0644"),
        ("/etc/sudoers.d/a", "0440"),
        ("/etc/NetworkManager/system-connections/a.nmconnection", "0600"),
    ],
)
def test_mode_follows_from_what_reads_the_file(path: str, mode: str, tmp_path: Path) -> None:
    assert settings(tmp_path, node_files=file(path)).files[0].permissions == mode


@pytest.mark.parametrize("path", ["/etc/a", "/root/a", "/var/opt/a", "/home/a", "/data/a", "/var/log/a"])
def test_file_that_an_update_keeps_is_not_doubtful(path: str, tmp_path: Path) -> None:
    assert not problems_of(tmp_path, node_files=file(path), node_volumes="{/data: 10 GiB}")


def test_content_of_a_file_is_not_shown(tmp_path: Path) -> None:
    """Neither in a message, nor in the line of the inventory under it."""
    for value in ("[{path: /etc/a, content: hidden, base64: hidden}]", "[{path: /etc/a, base64: hidden!}]"):
        (problem,) = problems_of(tmp_path, node_files=value)
        assert "hidden" not in problem.message + str(problem.hint)
        assert problem.secret
