# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of what is between a node and servers elsewhere: authorities that it trusts, and its proxy."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from ksgen.kickstart.files import writing
from ksgen.kickstart.steps import Step, checked
from ksgen.variables import Proxy, Settings

ANCHORS = "/etc/pki/ca-trust/source/anchors/ovirt-node.pem"
PROFILE = "/etc/profile.d/ovirt-node-proxy.sh"
MANAGER = "/etc/systemd/system.conf.d/90-ovirt-node-proxy.conf"


def certificate_steps(settings: Settings) -> Iterator[Step]:
    """The same as %pre does in the installer, so that repositories with such a certificate can be read."""
    if settings.ca_certificates:
        trusted = checked(
            "update-ca-trust",
            "update-ca-trust did not add the certificates",
            "read its messages above; the package ca-certificates of the image may be incomplete",
        )
        text = "".join(settings.ca_certificates)
        yield Step("node_ca_certificates", "CA certificates", (*writing(ANCHORS, text), *trusted))


def proxy_steps(settings: Settings) -> Iterator[Step]:
    """For shells, for the services of systemd, and for the steps that follow.

    dnf.conf and the files of the image stay as they are: a file that is changed is kept whole by each update.
    """
    if settings.proxy:
        variables = proxy_variables(settings.proxy)
        shell = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())
        # A '%' begins a specifier (systemd-system.conf(5)).
        words = " ".join(f'"{name}={value}"' for name, value in variables.items()).replace("%", "%%")
        yield Step(
            "node_proxy",
            "proxy",
            (
                *writing(PROFILE, shell),
                *writing(MANAGER, f"[Manager]\nDefaultEnvironment={words}\n", "0600"),
                "# shellcheck source=/dev/null",
                f". {PROFILE}",
            ),
        )


def proxy_variables(proxy: Proxy) -> dict[str, str]:
    """curl(1) reads http_proxy in lower case only, and some programs the others in capitals only."""
    found = {f"{scheme}_proxy": proxy.url for scheme in ("http", "https", "ftp")}
    found["no_proxy"] = ",".join(proxy.exceptions)
    return {**found, **{name.upper(): value for name, value in found.items() if name != "http_proxy"}}
