# SPDX-License-Identifier: GPL-2.0-or-later
"""What lies between a host and servers elsewhere: the proxy, and the authorities whose certificates it trusts."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from urllib.parse import urlsplit

from ksgen.host.host import Host
from ksgen.problems import Problem
from ksgen.variables import read_certificates, validity_findings

# Variables of Ansible's roles that name the engine: of ovirt.ovirt's hosted_engine_setup, and of its modules; the last
# is a URL, which examples/engine.yml has too.
_ENGINES = ("he_fqdn", "engine_fqdn", "engine_host", "engine_url")
_ALL_CURE = "add the domain of the hosts and of the engine to no_proxy:, such as .example.com"


def certificate_problems(host: Host, now: datetime.datetime | None = None) -> Iterator[Problem]:
    """Certificates that are not valid at `now`, which is the time of the call by default."""
    seen: set[str] = set()
    for index, text in enumerate(host.settings.ca_certificates):
        for one in read_certificates(text):
            location = ("node_ca_certificates", index)
            for finding in validity_findings(one, now or datetime.datetime.now(datetime.UTC)):
                yield host.at(location, finding)
            if one.text in seen:
                yield host.problem(
                    location, "certificate-twice", f"{one.name!r} is listed twice", "remove it", "warning"
                )
            seen.add(one.text)


def proxy_problems(host: Host) -> Iterator[Problem]:
    """What the installer would reach through the proxy in spite of no_proxy, and a password that others can read."""
    settings, proxy = host.settings, host.settings.proxy
    if proxy is None:
        return
    if proxy.has_credentials:
        message = "the password of the proxy is in boot files and in the kickstart, which every machine can read"
        hint = "let the proxy admit the addresses of the hosts instead"
        yield host.problem(("node_proxy", "url"), "proxy-secret", message, hint, "warning")
    for name in ("server_url", "image_url"):
        url = getattr(settings, name)
        if url and proxy.is_for(settings.tree_url) and not proxy.is_for(url):
            message = f"the installer reaches node_{name} through the proxy, as node_tree_url: it has no exceptions"
            hint = "serve the install tree from one of no_proxy: too, or let the proxy reach both"
            yield host.problem(("node_proxy", "no_proxy"), "proxy-installer", message, hint, "warning")
            return


def proxy_host_problems(host: Host) -> Iterator[Problem]:
    """The hosts of a cluster, and they and the engine, connect to each other directly."""
    proxy = host.settings.proxy
    if proxy is None:
        return
    location = ("node_proxy", "no_proxy")
    if not proxy.excepts(host.hostname):
        message = "no_proxy does not have the hosts themselves, which connect to each other and to the engine directly"
        yield host.problem(location, "proxy-hosts", message, _ALL_CURE, "warning")
    for name in _ENGINES:
        variable = host.entry.variables.get(name)
        engine = variable.node.value if variable else None
        if isinstance(engine, str) and "{" not in engine and not proxy.excepts(_host_of(engine)):
            message = f"no_proxy does not have the engine of {name}: hosted engine is not deployed through a proxy"
            yield host.problem(location, "proxy-hosts", message, _ALL_CURE, "warning")


def _host_of(engine: str) -> str:
    """The host name in a value that is one, or a URL."""
    if "://" not in engine:
        return engine
    try:
        return urlsplit(engine).hostname or engine
    except ValueError:
        return engine
