# SPDX-License-Identifier: GPL-2.0-or-later
"""Scalars: what is refused, with every word of it, and what has to be accepted."""

from __future__ import annotations

import base64
import re
import secrets
import struct
import subprocess
import zoneinfo
from collections.abc import Callable
from pathlib import Path

import langtable
import pytest
from inventories import one_host
from pydantic_core import PydanticCustomError
from told import text_of, told
from trapfile import Entry, parameters

from ksgen.variables import (
    LINE_LONGEST,
    language,
    localization,
    one_line,
    parse_mac,
    password_hash,
    shown,
    ssh_key,
    time_zone,
)
from ksgen.variables.addresses import any_address, domain_name, parse_member
from ksgen.variables.keyboard import keyboard
from ksgen.variables.localization import recorded_locales
from ksgen.variables.people import user_name
from ksgen.variables.urls import image_url, tree_url
from ksgen.variables.values import SCRIPT_LONGEST, parse_size, script

GIB = 2**30


@pytest.mark.parametrize("trap", parameters("values-traps.txt"))
def test_a_trap(trap: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.chdir(tmp_path)
    trap.agrees("\n".join(told(text_of(trap))), request)


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        pytest.param(
            one_line, "a" * (LINE_LONGEST + 1), "4097 characters exceed the limit of 4096 for one line", id="line"
        ),
        pytest.param(
            script,
            "a" * (SCRIPT_LONGEST + 1),
            "1048577 characters exceed the limit of 1048576 for a script",
            id="script",
        ),
        pytest.param(
            parse_size, "9" * 5000 + " GiB", f"'{'9' * 56}... is more than LVM can handle, which is 8 EiB", id="size"
        ),
        pytest.param(
            parse_size,
            "0." + "9" * 5000 + " GiB",
            f"'0.{'9' * 54}... is more than LVM can handle, which is 8 EiB",
            id="fraction",
        ),
        pytest.param(parse_mac, 16**5000, "an infinite number is not a string", id="number"),
        pytest.param(parse_size, 16**5000, "an infinite number has no unit", id="number-for-a-size"),
        pytest.param(domain_name, [16**5000], "a list is not a string", id="number-in-a-list"),
    ],
)
def test_what_is_endless_is_told_shortly(read: object, value: object, message: str) -> None:
    assert callable(read)
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        read(value)


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("10 GiB", 10 * GIB),
        ("10GiB", 10 * GIB),
        (" 10 GiB ", 10 * GIB),
        ("1.5 TiB", 1536 * GIB),
        ("512 KiB", 512 * 1024),
        ("500 MB", 500_000_000),
        ("500 kB", 500_000),
        ("1.92 TB", 1_920_000_000_000),
        ("1 PB", 10**15),
        ("8191 PiB", 8191 * 2**50),
        ("0 GiB", 0),
        (0, 0),
    ],
)
def test_size_is_read(written: object, size: int) -> None:
    assert parse_size(written) == size


@pytest.mark.parametrize("swap", ["0", "0 GiB", "recommended"])
def test_swap_alone_can_have_a_size_of_0(swap: str, tmp_path: Path) -> None:
    assert one_host(tmp_path, node_swap_size=swap).settings.swap_size == (None if swap == "recommended" else 0)


@pytest.mark.parametrize(
    ("read", "written", "value"),
    [
        pytest.param(parse_mac, "52-54-00-AA-00-01", "52:54:00:aa:00:01", id="mac-with-hyphens"),
        pytest.param(parse_member, "52-54-00-AA-00-01", "52:54:00:aa:00:01", id="member-with-hyphens"),
        pytest.param(parse_member, "enp129s0f0np0", "enp129s0f0np0", id="member-by-name"),
        pytest.param(any_address, "2001:0DB8:0::53", "2001:db8::53", id="address-spelt-otherwise"),
        pytest.param(any_address, "127.0.0.53", "127.0.0.53", id="resolver-of-the-host-itself"),
        pytest.param(domain_name, "a" * 60 + "." + "b" * 60, "a" * 60 + "." + "b" * 60, id="domain-longer-than-a-host"),
        pytest.param(image_url, "file:///run/node.img", "file:///run/node.img", id="image-in-a-file"),
        pytest.param(
            image_url,
            "http://[2001:db8::1]:8080/a%20b.img?c=d&e",
            "http://[2001:db8::1]:8080/a%20b.img?c=d&e",
            id="image-by-ipv6-address",
        ),
        pytest.param(
            image_url,
            "https://pxe_1.example.com/@a/node.img",
            "https://pxe_1.example.com/@a/node.img",
            id="at-sign-in-a-path",
        ),
        pytest.param(tree_url, "nfs:pxe.example.com:/tree", "nfs:pxe.example.com:/tree", id="tree-on-nfs"),
        pytest.param(
            tree_url,
            "nfs:nfsvers=4,ro:[2001:db8::1]:/tree",
            "nfs:nfsvers=4,ro:[2001:db8::1]:/tree",
            id="tree-on-nfs-with-options",
        ),
        pytest.param(tree_url, "https://pxe.example.com", "https://pxe.example.com", id="tree-at-the-top"),
        pytest.param(user_name, "j.doe", "j.doe", id="user-with-a-dot"),
        pytest.param(user_name, "Erika", "Erika", id="user-with-a-capital"),
        pytest.param(user_name, "_9" + "a" * 30, "_9" + "a" * 30, id="user-of-32-characters"),
        pytest.param(time_zone, "America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires", id="time-zone"),
        pytest.param(language, "sr_RS.UTF-8@latin", "sr_RS.UTF-8@latin", id="language-with-a-modifier"),
        pytest.param(keyboard, "cz (qwerty)", "cz (qwerty)", id="keyboard-variant"),
        pytest.param(keyboard, "cz(qwerty)", "cz(qwerty)", id="keyboard-variant-without-a-blank"),
        pytest.param(keyboard, "de-nodeadkeys", "de-nodeadkeys", id="keyboard-of-the-console"),
        pytest.param(keyboard, "de-latin1", "de-latin1", id="keyboard-of-old"),
        pytest.param(
            one_line,
            "Zoë 👩 e\u0301 葛\U000e0100 a\u00a0b",
            "Zoë 👩 e\u0301 葛\U000e0100 a\u00a0b",
            id="text-of-the-world",
        ),
        pytest.param(
            script,
            "cat >/etc/sudoers.d/ops <<EOF\n%wheel ALL=(ALL) ALL\nEOF",
            "cat >/etc/sudoers.d/ops <<EOF\n%wheel ALL=(ALL) ALL\nEOF\n",
            id="script-with-a-group",
        ),
        pytest.param(
            script,
            "#!/bin/sh\n\techo %end; echo '%packages'\n\n",
            "#!/bin/sh\n\techo %end; echo '%packages'\n",
            id="script-with-words-in-lines",
        ),
        pytest.param(script, "%endless\n%s\n%%end\n", "%endless\n%s\n%%end\n", id="script-with-words-that-are-none"),
    ],
)
def test_value_is_read(read: object, written: str, value: str) -> None:
    assert callable(read)
    assert read(written) == value


def made_by(*command: str, cwd: Path | None = None) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=cwd).stdout.strip()


_B64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def letters(count: int) -> str:
    return "".join(secrets.choice(_B64) for _ in range(count))


@pytest.mark.parametrize(
    "found",
    [
        pytest.param(made_by("openssl", "passwd", "-6", secrets.token_hex()), id="sha512-by-openssl"),
        pytest.param(made_by("openssl", "passwd", "-5", secrets.token_hex()), id="sha256-by-openssl"),
        pytest.param(f"$6$rounds=656000${letters(16)}${letters(86)}", id="sha512-with-rounds"),
        pytest.param(f"$5$rounds=1000${letters(1)}${letters(43)}", id="sha256-with-rounds"),
        pytest.param(f"$y$j9T${letters(22)}${letters(43)}", id="yescrypt"),
        pytest.param(f"$gy$jCT${letters(43)}${letters(43)}", id="gost-yescrypt"),
        pytest.param(f"$7$CU..../....{letters(22)}${letters(43)}", id="scrypt"),
        pytest.param(f"$2b$12${letters(53)}", id="bcrypt"),
        pytest.param(f"$2y$04${letters(53)}", id="bcrypt-of-php"),
        pytest.param(f"$2a$31${letters(53)}", id="bcrypt-of-old"),
    ],
)
def test_hash_is_accepted(found: str) -> None:
    assert password_hash(found) == found


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A key of each kind, as ssh-keygen writes it."""
    directory = tmp_path_factory.mktemp("keys")
    for name, kind, bits in (
        ("ed25519", "ed25519", ""),
        ("rsa-2048", "rsa", "2048"),
        ("rsa-1024", "rsa", "1024"),
        ("ecdsa-256", "ecdsa", "256"),
        ("ecdsa-384", "ecdsa", "384"),
        ("ecdsa-521", "ecdsa", "521"),
    ):
        size = ("-b", bits) if bits else ()
        made_by("ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", f"{name}@example.com", "-f", name, cwd=directory)
    return {path.stem: path.read_text().strip() for path in directory.glob("*.pub")}


STRONG = ["ed25519", "rsa-2048", "ecdsa-256", "ecdsa-384", "ecdsa-521"]


@pytest.mark.parametrize("name", STRONG)
@pytest.mark.parametrize(
    "options",
    [
        pytest.param("", id="bare"),
        pytest.param("restrict,pty ", id="words"),
        pytest.param('from="10.0.0.0/8,*.example.com",no-X11-forwarding ', id="pattern"),
        pytest.param('command="echo \\"ssh-rsa AAAA\\"" ', id="key-type-inside-an-option"),
        pytest.param("environment=\"A=%end $x `y` 'z'\" ", id="shell-words"),
    ],
)
def test_key_is_accepted(keys: dict[str, str], name: str, options: str) -> None:
    assert ssh_key(options + keys[name]) == options + keys[name]


def blob(*strings: bytes) -> str:
    return base64.b64encode(b"".join(struct.pack(">I", len(one)) + one for one in strings)).decode()


# ssh-keygen makes these with a token at hand only; the parts stand in OpenSSH's PROTOCOL.u2f.
@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("sk-ssh-ed25519@openssh.com", (b"k" * 32, b"ssh:")),
        ("sk-ecdsa-sha2-nistp256@openssh.com", (b"nistp256", b"\4" + b"k" * 64, b"ssh:")),
    ],
)
def test_key_of_a_token(kind: str, parts: tuple[bytes, ...]) -> None:
    whole = f"{kind} {blob(kind.encode(), *parts)} erika"
    assert ssh_key(whole) == whole
    with pytest.raises(ValueError, match="is damaged or truncated"):
        ssh_key(f"{kind} {blob(kind.encode(), *parts[:-1])}")


@pytest.mark.parametrize("name", STRONG)
def test_key_without_its_comment_or_its_end(keys: dict[str, str], name: str) -> None:
    kind, data, _ = keys[name].split()
    assert ssh_key(f"{kind} {data}") == f"{kind} {data}"
    for cut in (1, 2, 4, 5, len(data) // 2):
        with pytest.raises(ValueError, match="is damaged or truncated"):
            ssh_key(f"{kind} {data[:-cut] if cut > 2 or not data.endswith('=') else data[: -cut - 2]}")


def test_short_rsa_key_is_refused_as_such(keys: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"^an RSA key of 1024 bits; EL9 and EL10 accept 2048 and more$"):
        ssh_key(keys["rsa-1024"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        ("a\nb\u202e", "'a\\nb\\u202e'"),
        ({"password": "hunter2"}, "a mapping"),
        ("-----BEGIN RSA PRIVATE KEY-----", "this value"),
        (["http://erika:hunter2@pxe.example.com/"], "a list"),
        ("http://erika:hunter2@pxe.example.com/", "this value"),
        ("http://erika:#hunter2@pxe.example.com/", "this value"),
        ("http://pxe.example.com/?hunter2", "this value"),
        ("password=hunter2", "this value"),
        ("a" * 100, "'" + "a" * 56 + "..."),
    ],
)
def test_value_in_a_message(value: object, text: str) -> None:
    assert shown(value) == text


def test_languages_are_those_of_langtable() -> None:
    """The recorded ones are not looked up there again."""
    known = langtable.list_all_locales()
    assert [name for name in known if not accepts(language, name)] == []
    assert recorded_locales() - {*known} == set()
    assert len(recorded_locales()) > 300


def test_packaged_time_zones_are_time_zones() -> None:
    assert localization._packaged_zones() <= zoneinfo.available_timezones()
    assert accepts(time_zone, "Europe/Vienna")
    assert not accepts(time_zone, "posixrules")


def test_every_keyboard_layout_of_langtable_is_known() -> None:
    """Anaconda offers those of the chosen language."""
    assert [name for name in langtable.list_all_keyboards() if not accepts(keyboard, name)] == []


def accepts(check: Callable[[object], str], value: str) -> bool:
    try:
        return check(value) == value
    except PydanticCustomError:
        return False
