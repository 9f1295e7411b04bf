# SPDX-License-Identifier: GPL-2.0-or-later
"""Ansible's filters for addresses: those of the collection ansible.utils, if it and netaddr are installed."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

_FILTERS = """
    cidr_merge hwaddr ipaddr ipmath ipsubnet ipv4 ipv6 ipwrap macaddr network_in_network network_in_usable
    next_nth_usable nthhost previous_nth_usable reduce_on_network slaac usable_range
"""
NAMES = frozenset(_FILTERS.split())
CURE = "install them: pip install ansible netaddr"

_MODULES = "ansible_collections.ansible.utils.plugins.filter"


def load(name: str) -> Callable[..., Any] | None:
    """The filter of a name, None if it is not installed. Loading Ansible's library takes half a second."""
    try:
        importlib.import_module("netaddr")  # without it the collection's filters are there, and only fail
        module = importlib.import_module(f"{_MODULES}.{name}")
    except ImportError:
        return None
    found: Callable[..., Any] | None = module.FilterModule().filters().get(name)
    return found
