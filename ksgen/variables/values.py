# SPDX-License-Identifier: GPL-2.0-or-later
"""The scalars of an inventory: what an operator writes, what it means, and what is said when it means nothing.

Each type parses and checks; a `PydanticCustomError` carries the stable problem code as its type and, in its context,
the hint. Messages never repeat a secret.
"""

from __future__ import annotations

import datetime
import difflib
import functools
import ipaddress
import re
import zoneinfo
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

import tzdata
from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from ksgen.redaction import may_hold_secret

# What all models of variables have. They are built when a value is checked first, which is often never.
STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


def refuse(code: str, message: str, hint: str = "") -> NoReturn:
    """Refuse a value; `message` and `hint` are final texts."""
    raise PydanticCustomError(code, "{message}", {"message": message, "hint": hint})


SHOWN_LONGEST = 60


def shown(value: object) -> str:
    """A value as shown in a message: as YAML has it, on one line, not too long.

    What may hold a secret is not repeated: neither a text that looks like it nor what is inside a mapping or list.
    """
    if isinstance(value, (dict, list, tuple)):
        return "a mapping" if isinstance(value, dict) else "a list"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, datetime.date):
        return value.isoformat()
    try:
        text = repr(value)
    except ValueError:  # int() keeps 4300 digits (sys.int_info)
        return "an infinite number"
    if isinstance(value, str) and may_hold_secret(value):
        return "this value"
    return text if len(text) <= SHOWN_LONGEST else text[: SHOWN_LONGEST - 3] + "..."


def a_text(value: object, example: str) -> str:
    if not isinstance(value, str):
        is_written = isinstance(value, (int, float, datetime.date)) and not isinstance(value, bool)
        what = "it in quotes" if is_written else "one"
        refuse("wrong-type", f"{shown(value)} is not a string", f"write {what}: {example}")
    return value


# --- sizes -----------------------------------------------------------------------------------------------------------

_UNITS = {
    "B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40, "PiB": 2**50,
    "KB": 10**3, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15,
}  # fmt: skip
SIZE_LIMIT = 2**63  # bytes; lvcreate(8): "the maximum size is 8 EiB"
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]+)")


def parse_size(value: object) -> int:
    """`10 GiB`, `500 MB`, `1.92 TB` or 0, in bytes."""
    if isinstance(value, int) and not isinstance(value, bool):
        if value == 0:
            return 0
        if value > 0:
            # As many digits as a count of bytes has, of a file for example.
            likely = "B" if value >= _UNITS["MiB"] else "GiB"
            refuse("size-unit", f"{shown(value)} has no unit", f"write the unit: {shown(value)} {likely}")
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        refuse("size", f"{shown(value)} is not a size", "write a number and a unit: 10 GiB, 500 MB, 1.92 TB")
    number, unit = match.groups()
    if unit not in _UNITS:
        refuse("size-unit", f"{shown(value)} has an unknown unit", "units are MiB, GiB, TiB and MB, GB, TB")
    whole, _, fraction = number.partition(".")
    if len(number) > SHOWN_LONGEST or int(whole) * _UNITS[unit] >= SIZE_LIMIT:
        refuse("size", f"{shown(value)} is more than LVM can handle, which is 8 EiB")
    divisor: int = 10 ** len(fraction)
    return int(whole + fraction) * _UNITS[unit] // divisor


def _positive_size(value: object) -> int:
    size = parse_size(value)
    if size == 0:
        refuse("size-zero", "nothing here can have a size of 0", "remove it, or write a size: 10 GiB")
    return size


Size = Annotated[int, BeforeValidator(_positive_size), Field(json_schema_extra={"type": ["string", "integer"]})]

# --- plain text ------------------------------------------------------------------------------------------------------

# Controls, surrogates, and what reorders or hides text on a screen (Unicode, UAX 9 and "Trojan Source").
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0"
    "\ufff9-\ufffb\ufffe\uffff\ud800-\udfff\U000e0000-\U000e007f]"
)
LINE_LONGEST = 4096  # characters; more than any of these values has, a long SSH key among them


def one_line(value: str) -> str:
    """Text that is allowed in one line of a kickstart."""
    found = _HIDDEN.search(value)
    if found:
        name = f"U+{ord(found.group()):04X}"
        refuse("hidden-character", f"contains the character {name} at position {found.start() + 1}", "remove it")
    if len(value) > LINE_LONGEST:
        refuse("text-too-long", f"{len(value)} characters exceed the limit of {LINE_LONGEST} for one line")
    return value


Line = Annotated[str, AfterValidator(one_line)]

# pykickstart, parser.py: _readSection() ends or acts at these, and Anaconda replaces %ksappend beforehand. Other words
# are left alone, so that a script can write "%wheel ALL=(ALL) ALL".
_SECTION = re.compile(
    r"\s*%(?:end|include|ksappend|packages|pre|pre-install|post|onerror|traceback|certificate|addon|anaconda)(?!\S)"
)
SCRIPT_LONGEST = 1024 * 1024


def script(value: object) -> str:
    """A script for a section of the kickstart: pykickstart acts on lines in it that begin with a section's word."""
    if not isinstance(value, str):  # nothing of it is quoted: it may be one of the secrets that scripts have
        refuse("wrong-type", "a script must be a string", 'write it in quotes, or below "|": "systemctl enable sshd"')
    text = value
    if not text.strip():
        refuse("script-empty", "the script is empty", "remove it")
    interpreter = text.split("\n")[0].removeprefix("#!").strip()
    if text.startswith("#!") and " " in interpreter:
        message = "Anaconda takes the whole first line as the path of the interpreter, without arguments"
        refuse("script-interpreter", message, "write #!/usr/bin/python3")
    for number, line in enumerate(text.split("\n"), 1):
        if _SECTION.match(line):
            refuse(
                "section-word-in-script",
                f"line {number} begins with {line.split()[0]!r}, which Anaconda interprets inside scripts too",
                "begin the line with something else",
            )
        found = _HIDDEN.search(line.replace("\t", " "))
        if found:
            name = f"U+{ord(found.group()):04X}"
            refuse("hidden-character", f"line {number} contains the character {name}", "remove it")
    if len(text) > SCRIPT_LONGEST:
        refuse("text-too-long", f"{len(text)} characters exceed the limit of {SCRIPT_LONGEST} for a script")
    return text.rstrip("\n") + "\n"


Script = Annotated[str, BeforeValidator(script)]

# --- network ---------------------------------------------------------------------------------------------------------

_MAC = re.compile(r"[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}")


def parse_mac(value: object) -> str:
    """A MAC address in the kernel's form, `52:54:00:aa:00:01`."""
    text = a_text(value, '"52:54:00:aa:00:01"').lower()
    if not _MAC.fullmatch(text):
        refuse("mac", f"{shown(value)} is not a MAC address", 'write six pairs of hex digits: "52:54:00:aa:00:01"')
    text = text.replace("-", ":")
    if text == "00:00:00:00:00:00":
        refuse("mac", f"{shown(value)} is not the address of a NIC")
    if int(text[:2], 16) & 1:
        refuse("mac", f"{shown(value)} is a multicast address, not that of a NIC")
    return text


Mac = Annotated[str, BeforeValidator(parse_mac)]

INTERFACE_LONGEST = 15  # characters; IFNAMSIZ of the kernel with its NUL is 16
_INTERFACE = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_.-]{{0,{INTERFACE_LONGEST - 1}}}")


# Names with a meaning of their own: to the kernel, to Anaconda (pyanaconda, nm_client.py,
# get_device_name_from_network_data), to dracut (dracut.cmdline(7), ip=ibft).
_NOT_A_NIC = {
    "lo": "the loopback interface",
    "all": "a name of the kernel's for all interfaces",
    "default": "a name of the kernel's for new interfaces",
    "bootif": "Anaconda's word for the boot NIC",
    "link": "Anaconda's word for the first NIC with a link",
    "ibft": "dracut's word for the iSCSI settings of the firmware",
}


def parse_interface_name(value: object) -> str:
    text = a_text(value, "eno1")
    if text in _NOT_A_NIC:
        cure = "write the name of a NIC as `ip link` prints it, such as eno1"
        refuse("interface-name", f"{shown(value)} is {_NOT_A_NIC[text]}, not a NIC", cure)
    if not _INTERFACE.fullmatch(text):
        refuse(
            "interface-name",
            f"{shown(value)} is not the name of an interface",
            "at most 15 letters, digits, '_', '.', '-'",
        )
    return text


InterfaceName = Annotated[str, BeforeValidator(parse_interface_name)]


def parse_member(value: object) -> str:
    """A NIC by name or by MAC address."""
    text = a_text(value, '"52:54:00:aa:00:01"')
    return parse_mac(text) if ":" in text or _MAC.fullmatch(text.lower()) else parse_interface_name(text)


Member = Annotated[str, BeforeValidator(parse_member)]

_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)")


def domain_name(value: object) -> str:
    """A name in the DNS, as RFC 1123 has those of hosts."""
    text = a_text(value, "node01.example.com")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in text.split(".")):
        refuse("host-name", f"{shown(value)} is not a host name", "letters, digits and '-', in labels between dots")
    if text.replace(".", "").isdigit():
        refuse("host-name", f"{shown(value)} is a number, not a host name")
    return text


HOST_NAME_LONGEST = 64  # characters; gethostname(2), HOST_NAME_MAX: a longer one is cut off silently


def host_name(value: object) -> str:
    """The name of a host that its kernel can keep."""
    text = domain_name(value)
    if len(text) > HOST_NAME_LONGEST:
        refuse("host-name", f"{shown(text)} has {len(text)} characters; the limit of the kernel is {HOST_NAME_LONGEST}")
    return text


DomainName = Annotated[str, BeforeValidator(domain_name)]
HostName = Annotated[str, BeforeValidator(host_name)]


def parse_address(value: object, version: int) -> str:
    text = a_text(value, '"10.0.0.1"' if version == 4 else '"2001:db8::1"')
    return _address_of(text, version)


# Hosts share gateways and name servers.
@functools.lru_cache(maxsize=4096)
def _address_of(text: str, version: int) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        refuse("address", f"{shown(text)} is not an IPv{version} address")
    if address.version != version:
        refuse("address", f"{shown(text)} is an IPv{address.version} address; IPv{version} is required here")
    if "%" in text:
        refuse("address", f"{shown(text)} contains a zone", "leave out what follows the '%'")
    is_mapped = isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None
    if address.is_multicast or address.is_unspecified or is_mapped or text == "255.255.255.255":
        refuse("address", f"{shown(text)} is not an address that a host can have")
    return str(address)


Address4 = Annotated[str, BeforeValidator(lambda value: parse_address(value, 4))]
Address6 = Annotated[str, BeforeValidator(lambda value: parse_address(value, 6))]


def any_address(value: object) -> str:
    return parse_address(value, 6 if isinstance(value, str) and ":" in value else 4)


Address = Annotated[str, BeforeValidator(any_address)]


def interface_address(value: object, version: int, words: tuple[str, ...]) -> str:
    """One of the words, or an address with its prefix, which a host can have in its subnet."""
    choice = ", ".join(words) + (", or 10.0.1.11/24" if version == 4 else ", or 2001:db8::11/64")
    if not isinstance(value, str):
        refuse("wrong-type", f"{shown(value)} is not a string", f"write {choice}")
    text = value
    if text in words:
        return text
    if "/" not in text:
        refuse("address", f"{shown(value)} has no prefix length", f"write {choice}")
    address, _, prefix = text.partition("/")
    parse_address(address, version)
    if not re.fullmatch(r"[1-9][0-9]{0,2}", prefix) or int(prefix) > (32 if version == 4 else 128):
        refuse("address", f"{shown(prefix)} is not a prefix length", f"write {choice}")
    interface = ipaddress.ip_interface(text)
    reserved = _reserved_address(interface.network, interface.ip)
    if reserved:
        refuse("address", f"{shown(value)} is {reserved}")
    if interface.is_loopback:
        refuse("address", f"{shown(value)} is not an address that a host can have")
    return str(interface)


def _reserved_address(
    network: ipaddress.IPv4Network | ipaddress.IPv6Network, address: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> str:
    """What an address of a network means that no host can have, in words, or nothing."""
    if network.prefixlen >= network.max_prefixlen - 1:  # RFC 3021, RFC 6164
        return ""
    if address == network.network_address:
        return "the address of the network itself"
    return (
        "the broadcast address of its network" if address == network.broadcast_address and network.version == 4 else ""
    )


def reserved_in(interface: str, address: str) -> str:
    """What an address means in the network of an interface (`10.0.1.11/24`) that no host can have, or nothing."""
    return _reserved_address(ipaddress.ip_interface(interface).network, ipaddress.ip_address(address))


Interface4 = Annotated[str, BeforeValidator(lambda value: interface_address(value, 4, ("dhcp", "none")))]
Interface6 = Annotated[str, BeforeValidator(lambda value: interface_address(value, 6, ("auto", "dhcp", "none")))]

# --- URLs ------------------------------------------------------------------------------------------------------------


_SERVER = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_NFS = re.compile(r"nfs:([a-z0-9=,]+:)?([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:]+\]):/[^\s\"'\\<>`]*")
_MARKUP = re.compile(r"[\s\"'\\<>`]")


def _shown_url(text: str) -> str:
    """A text that should be a URL: where it ends, and a password or token in it begins, is not known if it is none."""
    return "this value" if set("@?#") & set(text) else shown(text)


def url(value: object, schemes: tuple[str, ...]) -> str:
    """A URL without blanks, user name or password."""
    text = a_text(value, '"https://pxe.example.com/"')
    if re.match(r"[^/?#]*//[^/?#]*@", text):
        cure = "configure the server to allow the subnet"
        refuse("url-credentials", "a user name or password in a URL ends up in every log", cure)
    one_line(text)
    try:
        parts = urlsplit(text)
        port_is_right = parts.port is None or parts.port > 0
        if parts.hostname and not _SERVER.fullmatch(parts.hostname):
            ipaddress.IPv6Address(parts.hostname)
    except ValueError:
        refuse("url", f"{_shown_url(text)} is not a URL")
    if parts.scheme not in schemes:
        wanted = ", ".join(schemes)
        refuse("url", f"{_shown_url(text)} is not a URL of {wanted}", f"write {schemes[0]}://pxe.example.com/...")
    if parts.scheme == "file" and not text.startswith("file:///"):
        refuse("url", f"{_shown_url(text)} has no file name", "write file:/// and the path")
    if (not parts.hostname and parts.scheme != "file") or not port_is_right or _MARKUP.search(text) or parts.fragment:
        refuse("url", f"{_shown_url(text)} is not a URL", "a host, no blanks, no quotes and no '#'")
    return text


def image_url(value: object) -> str:
    """The URL of a file."""
    text = url(value, ("http", "https", "ftp", "file"))
    if urlsplit(text).path.endswith("/") or not urlsplit(text).path:
        refuse("url", f"{_shown_url(text)} has no file name", "write the URL of the image itself")
    if _is_iso(text):
        cure = "write the URL of the squashfs in it: ovirt-node-ng-image.squashfs.img of an oVirt Node ISO"
        refuse("url-iso", f"{_shown_url(text)} is an ISO, which `liveimg` cannot read", cure)
    return text


def _is_iso(text: str) -> bool:
    return urlsplit(text).path.rstrip("/").lower().endswith(".iso")


def _directory_url(value: object, schemes: tuple[str, ...]) -> str:
    text = url(value, schemes)
    if urlsplit(text).query:
        refuse("url", f"{_shown_url(text)} is not the URL of a directory", "leave out what follows the '?'")
    return text


def tree_url(value: object) -> str:
    """The URL of a directory, or NFS as Anaconda writes it, `nfs:server:/path`."""
    is_nfs = isinstance(value, str) and _NFS.fullmatch(value) is not None
    text = one_line(str(value)) if is_nfs else _directory_url(value, ("http", "https", "ftp", "nfs"))
    if _is_iso(text):
        cure = "copy or mount the content of the ISO, and write the URL of the directory with .treeinfo"
        refuse("url-iso", f"{_shown_url(text)} is an ISO; an install tree is a directory", cure)
    return text


ImageUrl = Annotated[str, BeforeValidator(image_url)]
TreeUrl = Annotated[str, BeforeValidator(tree_url)]
ServerUrl = Annotated[str, BeforeValidator(lambda value: _directory_url(value, ("http", "https")))]


def sha256(value: object) -> str:
    text = a_text(value, '"…"').lower()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        refuse("sha256", f"{shown(value)} is not a SHA-256 sum", "write its 64 hex digits, as sha256sum prints them")
    return text


Sha256 = Annotated[str, BeforeValidator(sha256)]

# --- place -----------------------------------------------------------------------------------------------------------


@functools.cache
def _time_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


@functools.cache
def _packaged_zones() -> frozenset[str]:
    """Those of them that the package tzdata lists, so that the system's files are not searched for a usual one."""
    try:
        return frozenset(Path(tzdata.__file__).with_name("zones").read_text(encoding="utf-8").split())
    except OSError:  # a distribution's package may have the system's files in the place of its own
        return frozenset()


def time_zone(value: object) -> str:
    text = a_text(value, "Etc/UTC")
    if text not in _packaged_zones() and text not in _time_zones():
        cure = _nearest_zone(text) or "write one that `timedatectl list-timezones` prints, such as Europe/Vienna"
        refuse("time-zone", f"{shown(value)} is not a time zone", cure)
    return text


# Two cities may be near by their letters (Munich, Zurich): a guess needs more in common than other words.
_ZONE_CUTOFF = 0.8
_SHORTEST_CITY = 5


def _nearest_zone(text: str) -> str:
    """The zone whose city was probably meant; a wrong guess is worse than none, and abbreviations (CEST) are no cities.

    The region may be missing or misspelt, as long as the city says which zone it is.
    """
    city = _city(text)
    if len(city) < _SHORTEST_CITY:
        return ""
    zones = {_city(zone): zone for zone in sorted(_time_zones(), key=lambda zone: (zone.count("/") == 1, zone))}
    close = difflib.get_close_matches(city, zones, n=1, cutoff=_ZONE_CUTOFF)
    return f"did you mean {zones[close[0]]!r}?" if close else ""


def _city(zone: str) -> str:
    return zone.rpartition("/")[2].lower().replace(" ", "_")


TimeZone = Annotated[str, BeforeValidator(time_zone)]


@functools.cache
def recorded_locales() -> frozenset[str]:
    """Locales that every supported version of langtable has."""
    text = Path(__file__).with_name("locales.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))


@functools.cache
def _is_locale(text: str) -> bool:
    if text in recorded_locales():
        return True
    import langtable  # half a second of reading XML, which only a locale costs that is wrong or new

    return text in langtable.list_all_locales()


def language(value: object) -> str:
    """A locale as glibc names it, with UTF-8."""
    text = a_text(value, "en_US.UTF-8")
    if text != "en_US.UTF-8" and not _is_locale(text):
        refuse("language", f"{shown(value)} is not a language of Anaconda", "write one like en_US.UTF-8, de_AT.UTF-8")
    return text


Language = Annotated[str, BeforeValidator(language)]


def nearest(word: str, known: Iterable[str], prefix: str = "") -> str:
    """`did you mean …?` for a word that is nearly a known one, else nothing. A prefix that all share does not count."""
    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.removeprefix(prefix).lower(), names, n=1, cutoff=0.6)
    return f"did you mean {prefix + names[close[0]]!r}?" if close else ""
