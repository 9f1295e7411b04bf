# SPDX-License-Identifier: GPL-2.0-or-later
"""Certificates of the authorities that a site's servers have theirs from: in PEM, of a CA, and valid.

They are read with the standard library: PEM is DER in base64, and of DER (X.690) a certificate (X.509) needs very
little. A package for certificates would be several times as large as ksgen, and ssl of the standard library verifies
connections but shows no certificate.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import functools
import re
import textwrap
from collections.abc import Iterator
from typing import Annotated, NamedTuple

from pydantic import BeforeValidator, WithJsonSchema

from ksgen.problems import Finding
from ksgen.variables.values import refuse

_BLOCK = re.compile(r"-----BEGIN (?P<label>[A-Z0-9 ]+)-----.*?-----END (?P=label)-----", re.DOTALL)
_LABELS = ("CERTIFICATE", "X509 CERTIFICATE")
_CURE = "the text of a .pem or .crt file, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----"
CERTIFICATES_LONGEST = 256 * 1024  # characters; the bundle of all public authorities is about 220,000
SOON = datetime.timedelta(days=30)

# X.690, 8.1.2: tags of what a certificate (RFC 5280, 4.1) is made of.
_BOOLEAN, _OCTETS, _OID, _UTC_TIME, _TIME, _SEQUENCE, _SET = 0x01, 0x04, 0x06, 0x17, 0x18, 0x30, 0x31
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_BASIC_CONSTRAINTS = bytes((0x55, 0x1D, 0x13))  # 2.5.29.19
_COMMON_NAME = bytes((0x55, 0x04, 0x03))  # 2.5.4.3


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A certificate: its text in PEM (RFC 7468), the name of its owner, and when it is valid, in UTC."""

    text: str
    name: str
    is_authority: bool
    begins: datetime.datetime
    ends: datetime.datetime


def ca_certificate(value: object) -> str:
    """A text in PEM with certificates of authorities, as they are written on the node, without what is beside them."""
    if not isinstance(value, str):
        cure = "write it below '|', or the name of its file: {from: ca.pem}"
        refuse("wrong-type", "a certificate must be a string, or a mapping with from:", cure)
    return "".join(one.text for one in read_certificates(value))


# A mapping names a file, whose text is read before this (ksgen/host/inclusion.py).
_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "required": ["from"],
            "additionalProperties": False,
            "properties": {"from": {"type": "string"}},
        },
    ]
}
CaCertificate = Annotated[str, BeforeValidator(ca_certificate), WithJsonSchema(_SCHEMA)]


# Hosts share theirs.
@functools.lru_cache(maxsize=64)
def read_certificates(value: str) -> tuple[Certificate, ...]:
    """The certificates of a PEM text, all of them of authorities. Nothing of the text is quoted."""
    if len(value) > CERTIFICATES_LONGEST:
        refuse("text-too-long", f"{len(value)} characters exceed the limit of {CERTIFICATES_LONGEST} for certificates")
    labels = [match["label"] for match in _BLOCK.finditer(value)]
    if any("PRIVATE KEY" in label for label in labels) or "PRIVATE KEY-----" in value:
        refuse("certificate-key", "this is a private key, which must not be shared", "use the certificate alone")
    blocks = [match.group() for match in _BLOCK.finditer(value) if match["label"] in _LABELS]
    if not blocks:
        refuse("certificate", "not a certificate in PEM", _CURE)
    found = tuple(map(_read, blocks))
    for one in found:
        if not one.is_authority:
            cure = "use the certificate of the authority that has issued it"
            refuse("certificate-authority", f"{one.name!r} is not the certificate of an authority", cure)
    return found


def _read(block: str) -> Certificate:
    body = re.sub(r"-----(BEGIN|END) [A-Z0-9 ]+-----", "", block)
    try:
        der = binascii.a2b_base64("".join(body.split()), strict_mode=True)
        return _certificate(der)
    except (ValueError, IndexError, StopIteration, OverflowError):
        refuse("certificate", "this certificate is damaged or truncated", f"use {_CURE}")


# --- DER -------------------------------------------------------------------------------------------------------------


class _Value(NamedTuple):
    """A value of DER: its tag, its content, and the bytes that both are written in."""

    tag: int
    content: bytes
    whole: bytes


def _values(data: bytes) -> Iterator[_Value]:
    """The values that follow each other in some bytes."""
    at = 0
    while at < len(data):
        start, length, at = at, data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + length > len(data):
            raise ValueError("a value ends behind the end of the data")
        yield _Value(data[start], data[at : at + length], data[start : at + length])
        at += length


def _sequence(value: _Value) -> list[_Value]:
    if value.tag != _SEQUENCE:
        raise ValueError("not a sequence")
    return list(_values(value.content))


def _certificate(der: bytes) -> Certificate:
    """RFC 5280, 4.1: version, serial number, algorithm, issuer, validity, subject, key, extensions."""
    (whole,) = _values(der)
    fields = _sequence(_sequence(whole)[0])
    has_version = fields[0].tag == _VERSION
    issuer, validity, subject = fields[2 + has_version : 5 + has_version]
    begins, ends = map(_time, _sequence(validity))
    extensions = [_sequence(next(_values(one.content))) for one in fields if one.tag == _EXTENSIONS]
    # Version 1 knows no authorities; a root of that time has signed itself.
    is_authority = any(map(_is_authority, extensions)) if extensions else issuer.whole == subject.whole
    return Certificate(_pem(der), _name(subject), is_authority, begins, ends)


def _pem(der: bytes) -> str:
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    return "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])


def _is_authority(extensions: list[_Value]) -> bool:
    """Whether the basic constraints (RFC 5280, 4.2.1.9) are there, and begin with true."""
    for extension in map(_sequence, extensions):
        if extension[0].content == _BASIC_CONSTRAINTS:
            first = next(iter(_sequence(next(_values(extension[-1].content)))), None)
            return first is not None and first.tag == _BOOLEAN and any(first.content)
    return False


def _time(value: _Value) -> datetime.datetime:
    """RFC 5280, 4.1.2.5: two digits of a year are those from 1950 to 2049."""
    text = value.content.decode("ascii")
    if value.tag == _UTC_TIME:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    return datetime.datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=datetime.UTC)


def _name(subject: _Value) -> str:
    """The common name, or the last part that is a text."""
    texts = {}
    for relative in _sequence(subject):
        for pair in map(_sequence, _values(relative.content)):
            texts[pair[0].content] = pair[1].content.decode("utf-8", errors="replace")
    name = texts.get(_COMMON_NAME) or next(reversed(texts.values()), "")
    return "".join(c if c.isprintable() else "?" for c in name)[:64] or "without a name"


def validity_findings(one: Certificate, now: datetime.datetime) -> Iterator[Finding]:
    """What is wrong with the time of a certificate."""
    if now > one.ends:
        cure = "get the new certificate of the authority"
        yield Finding("certificate-expired", f"{one.name!r} expired on {one.ends:%Y-%m-%d}", hint=cure)
    elif now < one.begins:
        cure = "correct the clock, or wait until then"
        yield Finding("certificate-expired", f"{one.name!r} is not valid before {one.begins:%Y-%m-%d}", hint=cure)
    elif one.ends - now < SOON:
        cure = "add the authority's next certificate beside it"
        yield Finding("certificate-ends", f"{one.name!r} expires on {one.ends:%Y-%m-%d}", "warning", cure)
