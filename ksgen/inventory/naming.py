# SPDX-License-Identifier: GPL-2.0-or-later
"""What can name a host, a group, a variable; stricter than Ansible where it only warns."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable

from ksgen.problems import Problem
from ksgen.syntax import Node

# What Ansible warns about: `ansible.vars.reserved` of ansible-core 2.17 to 2.19, and `vars`, which it leaves out there.
_RESERVED = """
    action always any_errors_fatal args async async_val become become_exe become_flags become_method become_user
    block changed_when check_mode collections connection cycler debugger delay delegate_facts delegate_to dict diff
    environment fact_path failed_when force_handlers gather_facts gather_timeout handlers hosts ignore_errors
    ignore_unreachable joiner lipsum local_action lookup loop loop_control loop_with max_fail_percentage
    module_defaults name namespace no_log notify now omit order poll port post_tasks pre_tasks q query range
    register remote_user rescue retries roles run_once serial strategy tags tasks throttle timeout undef until vars
    vars_files vars_prompt when with_
"""
RESERVED_NAMES = frozenset(_RESERVED.split())
# What Ansible sets itself, so that a value of the inventory is lost: INTERNAL_STATIC_VARS of ansible.constants.
_MAGIC = """
    ansible_async_path ansible_collection_name ansible_config_file ansible_dependent_role_names ansible_diff_mode
    ansible_facts ansible_forks ansible_inventory_sources ansible_limit ansible_play_batch ansible_play_hosts
    ansible_play_hosts_all ansible_play_role_names ansible_playbook_python ansible_role_name ansible_role_names
    ansible_run_tags ansible_skip_tags ansible_verbosity ansible_version group_names groups hostvars inventory_dir
    inventory_file inventory_hostname inventory_hostname_short play_hosts playbook_dir role_name role_names
    role_path role_uuid
"""
MAGIC_NAMES = frozenset(_MAGIC.split())
# jinja2's keywords cannot name a variable (ansible.utils.vars.validate_variable_name).
_JINJA = """
    and block break call continue do elif else endblock endcall endfilter endfor endif endmacro endset endtrans
    extends false filter for from if import in include is macro not none or print recursive set true trans with
    without False True None
"""
_KEYWORDS = frozenset(_JINJA.split())

HOST_NAME = re.compile(r"\w[\w.-]*")
GROUP_NAME = re.compile(r"[^\W\d]\w*")
# Ansible takes any text and warns (its TRANSFORM_INVALID_GROUP_CHARS); such names are in use, and nothing goes wrong.
USED_GROUP_NAME = re.compile(r"\w[\w.-]*")
PORT = re.compile(r"(.*):([0-9]+)", re.DOTALL)


def did_you_mean(word: str, words: Iterable[str]) -> str | None:
    """A hint at the word that was meant, if one is close."""
    close = difflib.get_close_matches(word, list(words), n=1)
    return f"did you mean {close[0]!r}?" if close else None


def name_problem(name: str, node: Node) -> Problem | None:
    """Why nothing should have the name; an error where a value is lost, a warning where Ansible only warns."""
    mark = node.name_mark
    if name in ("vars", "hosts") and isinstance(node.value, dict):
        message = f"{name!r} is below a host or in the vars of a group, where it is a variable"
        hint = f"write what is below {name!r} one level higher"
        return Problem("reserved-name", message, mark, variable=name, hint=hint)
    if name in MAGIC_NAMES:
        message = "Ansible sets this variable itself and would overwrite the value"
        return Problem("reserved-name", message, mark, variable=name, hint="remove it, or use another name")
    if name in RESERVED_NAMES:
        message = "this name is reserved by Ansible, which warns about it"
        return Problem("reserved-name", message, mark, "warning", variable=name, hint="use another name, with a prefix")
    if not (name.isidentifier() and name.isascii()) or name in _KEYWORDS:
        fixed = re.sub(r"\W", "_", name, flags=re.ASCII)
        usable = fixed.isidentifier() and fixed not in _KEYWORDS
        message = "a variable name has only letters, digits and underscores, and is not a Jinja keyword"
        hint = f"write {fixed}" if usable else "use another name"
        return Problem("variable-name", message, mark, "warning", variable=name, hint=hint)
    return None


def group_fixed(name: str) -> str | None:
    """The nearest name that a group can have."""
    fixed = re.sub(r"^(?=\d)", "_", re.sub(r"\W", "_", name))
    return fixed if fixed.strip("_") else None


def is_host(name: str) -> bool:
    """Whether it can name a host."""
    return HOST_NAME.fullmatch(name) is not None or is_ipv6(name)


def host_and_port(text: str) -> tuple[str, str] | None:
    """What Ansible would take for a host with a port, as the two."""
    found = PORT.fullmatch(text) if ":" in text and not is_ipv6(text) else None
    return (found[1].strip("[]"), found[2]) if found and is_host(found[1].strip("[]")) else None


def is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def is_prefixed(name: str) -> bool:
    """Whether a variable may be one of ksgen's: without their list, by its prefix."""
    return name.startswith("node_")
