# SPDX-License-Identifier: GPL-2.0-or-later
"""The proxy through which a node and its installer reach servers outside, and what they reach without it."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, Field

from ksgen.variables.addresses import domain_name
from ksgen.variables.values import STRICT, one_line, refuse, shown

# inst.proxy of Anaconda's boot-options.rst: [PROTOCOL://][USER[:PASSWORD]@]HOST[:PORT]
_PROXY = re.compile(
    r"(?P<scheme>[a-z0-9]+)://(?:(?P<user>[A-Za-z0-9._~!*+=%-]+)(?::(?P<password>[A-Za-z0-9._~!*+=%-]+))?@)?"
    r"(?P<host>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[0-9A-Fa-f:]+\])(?::(?P<port>[0-9]{1,5}))?/?"
)
_PORT_MAX = 65535
_EXAMPLE = "http://proxy.example.com:3128"
# What never goes through a proxy.
LOCAL = ("localhost", "127.0.0.1", "::1")


def proxy_url(value: object) -> str:
    """The URL of a proxy without a slash at its end. Nothing of it is quoted: it may have a password."""
    if not isinstance(value, str):
        refuse("wrong-type", "the URL of a proxy must be a string", f'write it in quotes: "{_EXAMPLE}"')
    one_line(value)
    if "://" not in value:
        refuse("proxy-url", "the URL of a proxy begins with http:// or https://", f"such as {_EXAMPLE}")
    match = _PROXY.fullmatch(value)
    if match is None:
        cure = f"such as {_EXAMPLE}; special characters of a password are percent-encoded: %40 for @, %3A for :"
        refuse("proxy-url", "not the URL of a proxy", cure)
    if match["scheme"] not in ("http", "https"):
        cure = f"such as {_EXAMPLE}, also for a proxy that forwards https"
        refuse("proxy-url", f"{shown(match['scheme'])} is not a protocol of proxies that dnf and Anaconda have", cure)
    if match["port"] and not 1 <= int(match["port"]) <= _PORT_MAX:
        refuse("proxy-url", f"{match['port']} is not a port", f"ports are numbers from 1 to {_PORT_MAX}")
    return value.rstrip("/")


def exception(value: object) -> str:
    """What is reached without the proxy: a name, a domain with all of its names, an address or a network."""
    if not isinstance(value, str):
        refuse("wrong-type", f"{shown(value)} is not a string", "write it in quotes")
    text = one_line(value).lower()
    if text.startswith("*."):
        refuse("proxy-exception", f"{shown(value)} has a '*', which most programs do not know", f"write {text[1:]}")
    if "://" in text or "," in text or " " in text:
        cure = "write host names, domains such as .example.com, addresses or networks, each by itself"
        refuse("proxy-exception", f"{shown(value)} is not the name of a host or domain", cure)
    if "/" in text:
        try:
            return str(ipaddress.ip_network(text))
        except ValueError:
            refuse("proxy-exception", f"{shown(value)} is not a network", "such as 10.0.0.0/8")
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return f".{domain_name(text[1:])}" if text.startswith(".") else domain_name(text)


class Proxy(BaseModel):
    """A proxy, and what is reached without it."""

    model_config = STRICT

    url: Annotated[str, BeforeValidator(proxy_url)]
    no_proxy: list[Annotated[str, BeforeValidator(exception)]] = Field(default_factory=list)

    @property
    def exceptions(self) -> tuple[str, ...]:
        """All exceptions in their order, the node itself among them."""
        return tuple(dict.fromkeys((*LOCAL, *self.no_proxy)))

    @property
    def has_credentials(self) -> bool:
        return "@" in self.url

    def is_for(self, url: str) -> bool:
        """Whether the server of a URL is reached through the proxy."""
        parts = urlsplit(url)
        return parts.scheme in ("http", "https", "ftp") and not self.excepts(parts.hostname or "")

    def excepts(self, name: str) -> bool:
        """Whether a host, by its name or address, is reached without the proxy.

        A domain has its hosts with or without the dot in front of it, as curl(1) and Python's urllib read it.
        """
        name = name.lower().strip("[]")
        address = _address(name)
        for one in self.exceptions:
            if address is not None and "/" in one:
                if address in ipaddress.ip_network(one):
                    return True
            elif name == one.lstrip(".") or (address is None and name.endswith(f".{one.lstrip('.')}")):
                return True
        return False


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
