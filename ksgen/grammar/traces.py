# SPDX-License-Identifier: GPL-2.0-or-later
"""What shows that packages make a host of oVirt or OLVM: what is installed, where it comes from, what scripts do."""

from __future__ import annotations

import re
from collections.abc import Iterable

# Of hosts alone: ovirt-host requires vdsm, and a hosted engine is deployed from its host. ovirt-host-deploy is of
# the engine.
_OF_HOSTS = re.compile(
    r"\b(?:ovirt-host(?!-deploy)|vdsm|ovirt-hosted-engine-(?:setup|ha)|ovirt-engine-appliance)\b"
    r"|ovirt-engine/services/host-register"
)
# Of engines and guests too: packages with repositories, and the repositories.
_OF_OVIRT = re.compile(r"\b(?:centos-release-ovirt|(?:oracle-)?ovirt-release)[\w.-]*|\brepo\w*\.ovirt\.org\b")
_SOURCE = re.compile(r"ovirt|olvm", re.IGNORECASE)
# The comment of the key with which an engine reaches its hosts (ovirt-engine, PKI: engine_id_rsa).
_KEY_OF_ENGINE = re.compile(r"\sovirt-engine\s*$")
# What installs an engine or is for guests.
_NO_HOST = re.compile(
    r"\bengine-setup\b|\bovirt-guest-agent\b|^ovirt-engine$|\binstall\b.*\sovirt-engine(?![\w-])", re.MULTILINE
)


def is_ovirt_host(packages: Iterable[str], scripts: Iterable[str], sources: Iterable[str], keys: Iterable[str]) -> bool:
    """Whether what is installed is a host.

    `packages` are lines of %packages, `scripts` lines of scripts without comments, `sources` names and URLs of
    repositories, `keys` public SSH keys.
    """
    installed = [line.strip() for line in packages]
    text = "\n".join((*(line for line in installed if not line.startswith("-")), *scripts))
    if _OF_HOSTS.search(text):
        return True
    is_of_ovirt = bool(_OF_OVIRT.search(text)) or any(map(_SOURCE.search, sources))
    return (is_of_ovirt or any(map(_KEY_OF_ENGINE.search, keys))) and not _NO_HOST.search(text)
