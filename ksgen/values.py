# SPDX-License-Identifier: GPL-2.0-or-later
"""The scalars of an inventory: what an operator writes, what it means, and what is said when it means nothing.

Each type parses and checks; a `PydanticCustomError` carries the stable problem code as its type and, in its context,
the hint. Messages never repeat a secret.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import functools
import ipaddress
import re
import struct
import zoneinfo
from collections.abc import Iterable
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError


def refuse(code: str, message: str, hint: str = "") -> NoReturn:
    """Refuse a value; `message` and `hint` are final texts."""
    raise PydanticCustomError(code, "{message}", {"message": message, "hint": hint})


def _text(value: object, example: str) -> str:
    if not isinstance(value, str):
        refuse("wrong-type", f"{value!r} is not text", f"write it in quotes: {example}")
    return value


# --- sizes -----------------------------------------------------------------------------------------------------------

_UNITS = {
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50,
    "KB": 10**3, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15,
}  # fmt: skip
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]+)")


def parse_size(value: object) -> int:
    """`10 GiB`, `500 MB`, `1.92 TB` or 0, in bytes."""
    if isinstance(value, int) and not isinstance(value, bool):
        if value == 0:
            return 0
        refuse("size-unit", f"{value} has no unit", f"write the unit: {value} GiB")
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        refuse("size", f"{value!r} is not a size", "write a number and a unit: 10 GiB, 500 MB, 1.92 TB")
    number, unit = match.groups()
    if unit not in _UNITS:
        refuse("size-unit", f"{value!r} has no unit that is known", "units are MiB, GiB, TiB and MB, GB, TB")
    whole, _, fraction = number.partition(".")
    divisor: int = 10 ** len(fraction)
    return int(whole + fraction) * _UNITS[unit] // divisor


Size = Annotated[int, BeforeValidator(parse_size), Field(json_schema_extra={"type": ["string", "integer"]})]

# --- plain text ------------------------------------------------------------------------------------------------------

# Controls, surrogates, and what reorders or hides text on a screen (Unicode, UAX 9 and "Trojan Source").
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
LINE_LONGEST = 4096  # a kernel command line holds no more (x86, COMMAND_LINE_SIZE is 2048)


def one_line(value: str) -> str:
    """Text that can stand in one line of a kickstart."""
    found = _HIDDEN.search(value)
    if found:
        name = f"U+{ord(found.group()):04X}"
        refuse("hidden-character", f"holds the character {name} at position {found.start() + 1}", "take it out")
    if len(value) > LINE_LONGEST:
        refuse("text-too-long", f"{len(value)} characters are more than the {LINE_LONGEST} of one line")
    return value


Line = Annotated[str, AfterValidator(one_line)]

_SECTION = re.compile(r"\s*%[a-z]+", re.IGNORECASE)
SCRIPT_LONGEST = 1024 * 1024


def script(value: object) -> str:
    """A script for a section of the kickstart: pykickstart acts on every line in it that begins with a % word."""
    text = _text(value, "|")
    for number, line in enumerate(text.split("\n"), 1):
        if _SECTION.match(line):
            refuse(
                "section-word-in-script",
                f"line {number} begins with {line.split()[0]!r}, on which Anaconda acts inside scripts too",
                "begin the line with something else",
            )
        if _HIDDEN.search(line.replace("\t", "")):
            refuse("hidden-character", f"line {number} holds a control or hidden character", "take it out")
    if len(text) > SCRIPT_LONGEST:
        refuse("text-too-long", f"{len(text)} characters are more than the {SCRIPT_LONGEST} of a script")
    return text.rstrip("\n") + "\n"


Script = Annotated[str, BeforeValidator(script)]

# --- network ---------------------------------------------------------------------------------------------------------

_MAC = re.compile(r"[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}")


def parse_mac(value: object) -> str:
    """A MAC address in the kernel's form, `52:54:00:aa:00:01`."""
    text = _text(value, '"52:54:00:aa:00:01"').lower()
    if not _MAC.fullmatch(text):
        refuse("mac", f"{value!r} is not a MAC address", 'write six pairs of hex digits: "52:54:00:aa:00:01"')
    text = text.replace("-", ":")
    if int(text[:2], 16) & 1 or text == "00:00:00:00:00:00":
        refuse("mac", f"{value!r} is a group address; no network card has it")
    return text


Mac = Annotated[str, BeforeValidator(parse_mac)]

_INTERFACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}")


def parse_interface_name(value: object) -> str:
    text = _text(value, "eno1")
    if not _INTERFACE.fullmatch(text) or text in ("all", "default", "lo", "bootif", "link", "ibft"):
        refuse(
            "interface-name", f"{value!r} is not the name of an interface", "at most 15 letters, digits, '_', '.', '-'"
        )
    return text


InterfaceName = Annotated[str, BeforeValidator(parse_interface_name)]


def parse_member(value: object) -> str:
    """A network card by name or by MAC address."""
    text = _text(value, '"52:54:00:aa:00:01"')
    return parse_mac(text) if ":" in text else parse_interface_name(text)


Member = Annotated[str, BeforeValidator(parse_member)]

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")


def host_name(value: object) -> str:
    """A host name as RFC 1123 has it."""
    text = _text(value, "node01.example.com")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in text.split(".")):
        refuse("host-name", f"{value!r} is not a host name", "letters, digits and '-', in labels between dots")
    if text.replace(".", "").isdigit():
        refuse("host-name", f"{value!r} is a number, not a host name")
    # gethostname(2): HOST_NAME_MAX; a longer one is cut off silently
    if len(text) > 64:
        refuse("host-name", f"{text!r} has {len(text)} characters; the kernel keeps 64")
    return text


HostName = Annotated[str, BeforeValidator(host_name)]


def parse_address(value: object, version: int) -> str:
    text = _text(value, '"10.0.0.1"' if version == 4 else '"2001:db8::1"')
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        refuse("address", f"{value!r} is not an IPv{version} address")
    if address.version != version:
        refuse("address", f"{value!r} is an IPv{address.version} address; IPv{version} is wanted here")
    return str(address)


Address4 = Annotated[str, BeforeValidator(lambda value: parse_address(value, 4))]
Address6 = Annotated[str, BeforeValidator(lambda value: parse_address(value, 6))]


def any_address(value: object) -> str:
    return parse_address(value, 6 if isinstance(value, str) and ":" in value else 4)


Address = Annotated[str, BeforeValidator(any_address)]


def _interface_address(value: object, version: int, words: tuple[str, ...]) -> str:
    """One of the words, or an address with its prefix, which a host can have in its subnet."""
    text = _text(value, '"10.0.1.11/24"' if version == 4 else '"2001:db8::11/64"')
    if text in words:
        return text
    choice = ", ".join(words) + (", or 10.0.1.11/24" if version == 4 else ", or 2001:db8::11/64")
    if "/" not in text:
        refuse("address", f"{value!r} has no prefix length", f"write {choice}")
    address, _, prefix = text.partition("/")
    parse_address(address, version)
    if not prefix.isdigit() or int(prefix) > (32 if version == 4 else 128) or int(prefix) == 0:
        refuse("address", f"{prefix!r} is not a prefix length", f"write {choice}")
    interface = ipaddress.ip_interface(text)
    network = interface.network
    if network.prefixlen < network.max_prefixlen - 1 and interface.ip == network.network_address:
        refuse("address", f"{value!r} is the address of the network itself")
    if version == 4 and network.prefixlen < 31 and interface.ip == network.broadcast_address:
        refuse("address", f"{value!r} is the broadcast address of its network")
    if interface.is_multicast or interface.is_loopback or interface.is_unspecified:
        refuse("address", f"{value!r} is not an address that a host can have")
    return str(interface)


Interface4 = Annotated[str, BeforeValidator(lambda value: _interface_address(value, 4, ("dhcp", "none")))]
Interface6 = Annotated[str, BeforeValidator(lambda value: _interface_address(value, 6, ("auto", "dhcp", "none")))]

# --- URLs ------------------------------------------------------------------------------------------------------------


def url(value: object, schemes: tuple[str, ...]) -> str:
    """A URL without blanks, user name or password."""
    text = one_line(_text(value, '"https://pxe.example.com/"'))
    wanted = ", ".join(schemes)
    try:
        parts = urlsplit(text)
        port_is_right = parts.port is None or parts.port > 0
    except ValueError:
        refuse("url", f"{value!r} is not a URL")
    if parts.scheme not in schemes:
        refuse("url", f"{value!r} is not a URL of {wanted}", f"write {schemes[0]}://pxe.example.com/...")
    if parts.username is not None or parts.password is not None:
        refuse(
            "url-credentials",
            "a user name or password in a URL ends up in every log",
            "let the server allow the subnet",
        )
    if (not parts.hostname and parts.scheme != "file") or not port_is_right or re.search(r"[\s\"'\\<>`]", text):
        refuse("url", f"{value!r} is not a URL", "a host, no blanks and no quotes")
    return text


ImageUrl = Annotated[str, BeforeValidator(lambda value: url(value, ("http", "https", "ftp", "file")))]
TreeUrl = Annotated[str, BeforeValidator(lambda value: url(value, ("http", "https", "ftp", "nfs", "hd", "cdrom")))]
ServerUrl = Annotated[str, BeforeValidator(lambda value: url(value, ("http", "https")))]


def sha256(value: object) -> str:
    text = _text(value, '"…"').lower()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        refuse("sha256", f"{value!r} is not a SHA-256 sum", "write its 64 hex digits, as sha256sum prints them")
    return text


Sha256 = Annotated[str, BeforeValidator(sha256)]

# --- people ----------------------------------------------------------------------------------------------------------

_B64 = "[./A-Za-z0-9]"
# crypt(5) of libxcrypt, the methods that EL9 and EL10 accept in /etc/shadow and that are not broken.
_HASHES = re.compile(
    rf"\$6\$(rounds=[0-9]{{4,9}}\$)?{_B64}{{1,16}}\${_B64}{{86}}"
    rf"|\$5\$(rounds=[0-9]{{4,9}}\$)?{_B64}{{1,16}}\${_B64}{{43}}"
    rf"|\$g?y\${_B64}+\${_B64}{{1,86}}\${_B64}{{43}}"
    rf"|\$2[aby]\$[0-9]{{2}}\${_B64}{{53}}"
)
_WEAK_HASHES = re.compile(r"\$(1|md5|3|sha1)\$|_[./A-Za-z0-9]{19}$")
_HASH_CURE = "make one with: openssl passwd -6"


def password_hash(value: object) -> str:
    """A hash as crypt(5) writes it. What was found is never repeated: it may be the password."""
    if not isinstance(value, str):
        refuse("password-plain", "not the hash of a password", _HASH_CURE)
    if _HASHES.fullmatch(value):
        return value
    if _WEAK_HASHES.match(value):
        refuse("password-hash-weak", "a hash that EL9 and EL10 no longer accept", _HASH_CURE)
    if value.startswith("$"):
        refuse("password-hash", "not a whole hash of a method that EL9 and EL10 know", _HASH_CURE)
    refuse("password-plain", "a password has to be written as its hash", _HASH_CURE)


PasswordHash = Annotated[str, BeforeValidator(password_hash)]

_KEY_TYPES = {
    "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
}  # fmt: skip
RSA_BITS_MIN = 2048  # EL9's and EL10's DEFAULT crypto policy refuses shorter ones


def _wire_strings(blob: bytes) -> list[bytes]:
    """The length-prefixed strings of an SSH key blob (RFC 4251, 5)."""
    strings, at = [], 0
    while at < len(blob):
        (length,) = struct.unpack_from(">I", blob, at)
        strings.append(blob[at + 4 : at + 4 + length])
        if len(strings[-1]) != length:
            raise ValueError("the blob ends inside a string")
        at += 4 + length
    return strings


def ssh_key(value: object) -> str:
    """A public key as it stands in authorized_keys (sshd(8)), options allowed."""
    text = one_line(_text(value, '"ssh-ed25519 AAAA… ops"')).strip()
    if text.startswith("%"):
        refuse("ssh-key", "begins with '%', with which Anaconda's sections begin", "take the line of the .pub file")
    if "PRIVATE KEY" in text:
        refuse("ssh-key-private", "this is a private key; it belongs to nobody else", "take the line of the .pub file")
    fields = text.split()
    index = next((n for n, field in enumerate(fields) if field in _KEY_TYPES), None)
    if index is None:
        known = "ssh-ed25519, ssh-rsa, ecdsa-sha2-nistp256"
        refuse("ssh-key", "not a public key of a type that EL9 and EL10 accept", f"one line of a .pub file: {known}, …")
    try:
        strings = _wire_strings(base64.b64decode(fields[index + 1], validate=True))
        _check_blob(fields[index], strings)
    except (IndexError, binascii.Error, ValueError, struct.error):
        refuse("ssh-key", f"this {fields[index]} key is damaged or cut off", "take the whole line of the .pub file")
    return text


def _check_blob(kind: str, strings: list[bytes]) -> None:
    if strings[0].decode("ascii", "replace") != kind:
        raise ValueError("another type inside")
    if kind == "ssh-ed25519" and (len(strings) != 2 or len(strings[1]) != 32):
        raise ValueError("an ed25519 key has 32 bytes")
    if kind == "ssh-rsa":
        bits = int.from_bytes(strings[2], "big").bit_length()
        if bits < RSA_BITS_MIN:
            cure = "make a new one with: ssh-keygen -t ed25519"
            refuse("ssh-key-weak", f"an RSA key of {bits} bits; EL9 and EL10 accept {RSA_BITS_MIN} and more", cure)
    elif len(strings) < 2:
        raise ValueError("no key inside")


SshKey = Annotated[str, BeforeValidator(ssh_key)]

_USER = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


def user_name(value: object) -> str:
    """A name as useradd(8) of EL accepts it."""
    text = _text(value, "admin")
    if not _USER.fullmatch(text):
        refuse(
            "user-name", f"{value!r} is not a user or group name", "lower case letters, digits, '_', '-', at most 32"
        )
    return text


UserName = Annotated[str, BeforeValidator(user_name)]

# --- place -----------------------------------------------------------------------------------------------------------


@functools.cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def time_zone(value: object) -> str:
    text = _text(value, "Etc/UTC")
    if text not in _time_zones():
        refuse(
            "time-zone", f"{value!r} is not a time zone", nearest(text, _time_zones()) or "write Etc/UTC, Europe/Vienna"
        )
    return text


TimeZone = Annotated[str, BeforeValidator(time_zone)]


@functools.cache
def _is_locale(text: str) -> bool:
    import langtable  # half a second of reading XML, and the default needs none of it

    return text in langtable.list_all_locales()


def language(value: object) -> str:
    """A locale as glibc names it, with UTF-8."""
    text = _text(value, "en_US.UTF-8")
    if text != "en_US.UTF-8" and not _is_locale(text):
        refuse("language", f"{value!r} is not a language of Anaconda", "write one like en_US.UTF-8, de_AT.UTF-8")
    return text


Language = Annotated[str, BeforeValidator(language)]


def keyboard(value: object) -> str:
    text = _text(value, "us")
    if not re.fullmatch(r"[A-Za-z0-9_-]+( ?\([A-Za-z0-9_.-]+\))?", text):
        refuse("keyboard", f"{value!r} is not a keyboard layout", "write one like us, de-nodeadkeys or 'cz (qwerty)'")
    return text


Keyboard = Annotated[str, BeforeValidator(keyboard)]


def nearest(word: str, known: Iterable[str], prefix: str = "") -> str:
    """`did you mean …?` for a word that is nearly a known one, else nothing. A prefix that all share does not count."""
    close = difflib.get_close_matches(word.removeprefix(prefix), list(known), n=1, cutoff=0.6)
    return f"did you mean {prefix + close[0]!r}?" if close else ""
