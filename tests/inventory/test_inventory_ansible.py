# SPDX-License-Identifier: GPL-2.0-or-later
"""The inventory reader against Ansible itself: the same value for every host and variable."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from ansible.constants import INTERNAL_STATIC_VARS
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import EncryptedString
from ansible.plugins.loader import init_plugin_loader
from ansible.vars.manager import VariableManager
from ansible.vars.reserved import get_reserved_names
from counts import count
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ksgen.inventory import naming, reader
from ksgen.syntax import plain

Files = Mapping[str, str]
Values = dict[str, dict[str, object]]
# With these there is nothing to compare.
UNREADABLE = {"yaml-syntax", "not-a-value", "unknown-tag", "no-such-file", "cannot-read"}


@pytest.fixture(scope="module", autouse=True)
def _ansible_plugins() -> None:
    init_plugin_loader()


def write(directory: Path, files: Files) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def by_ansible(paths: Iterable[Path]) -> tuple[Values, dict[str, list[str]], dict[str, set[str]]]:
    """Values by host and variable, groups by host, hosts by group."""
    loader = DataLoader()
    manager = InventoryManager(loader, sources=[str(path) for path in paths])
    variables = VariableManager(loader, manager)
    values: Values = {}
    groups = {}
    for host in manager.get_hosts():
        found = variables.get_vars(host=host, include_hostvars=False, stage="all")
        groups[host.name] = list(found["group_names"])
        values[host.name] = {name: value for name, value in found.items() if name not in INTERNAL_STATIC_VARS}
    return values, groups, {name: set(hosts) for name, hosts in manager.get_groups_dict().items()}


def members(read: reader.Inventory) -> dict[str, set[str]]:
    result: dict[str, set[str]] = {name: set() for name in read.groups}
    for host in read.hosts:
        for group in ("all", *host.groups):
            result[group].add(host.name)
    return result


def values_of(read: reader.Inventory) -> Values:
    return {host.name: {name: plain(found.node) for name, found in host.variables.items()} for host in read.hosts}


def by_ksgen(paths: Iterable[Path]) -> tuple[Values, dict[str, list[str]], dict[str, set[str]]]:
    read, problems = reader.read(list(paths))
    assert not {problem.code for problem in problems} & UNREADABLE
    return values_of(read), {host.name: list(host.groups) for host in read.hosts}, members(read)


def same_types(ours: object, theirs: object) -> bool:
    """Whether true is true and not 1, 1 is 1 and not 1.0, all the way down; == says nothing about that."""
    if isinstance(ours, dict):
        assert isinstance(theirs, dict)
        return all(same_types(value, theirs[key]) for key, value in ours.items())
    if isinstance(ours, list):
        assert isinstance(theirs, list)
        return all(map(same_types, ours, theirs))
    return isinstance(theirs, type(ours))


def both(paths: list[Path]) -> Values:
    """The values that ksgen and Ansible agree on."""
    ours, theirs = by_ksgen(paths), by_ansible(paths)
    assert ours == theirs
    assert same_types(ours[0], theirs[0])
    return ours[0]


def pair(first: str | Files, second: str | Files, name: str, *paths: str, variable: str = "v") -> object:
    """Two inventories that differ in one rule, so that `variable` of the host `h` differs."""
    trees = [{"hosts.yaml": tree} if isinstance(tree, str) else tree for tree in (first, second)]
    return pytest.param(*trees, paths or ("hosts.yaml",), variable, id=name)


IN_G = "all: {children: {g: {hosts: {h: }}}}"
IN_G_INLINE = "all: {children: {g: {hosts: {h: }, vars: {v: inline}}}}"
IN_P_G = "all: {children: {p: {children: {g: {hosts: {h: }}}}}}"
IN_AB = "all: {children: {a: {hosts: {h: }, vars: {v: a%s}}, b: {hosts: {h: }, vars: {v: b%s}}}}"
HOST = "all: {hosts: {h: {v: %s}}}"
TOP = "all: {hosts: {h: }}"


def with_vars(hosts: str, **files: str) -> Files:
    """An inventory and files of variables; __ in a name stands for a slash, _dot_ for a dot."""
    return {
        "hosts.yaml": hosts,
        **{name.replace("__", "/").replace("_dot_", "."): text for name, text in files.items()},
    }


def value_of_v(first: str, second: str, name: str) -> object:
    return pair(HOST % first, HOST % second, name)


PAIRS = [
    # Layers
    pair(
        "all: {hosts: {h: }, vars: {v: all}}",
        "all: {vars: {v: all}, children: {g: {hosts: {h: }, vars: {v: g}}}}",
        "group-over-all",
    ),
    pair(IN_G_INLINE, "all: {children: {g: {hosts: {h: {v: host}}, vars: {v: inline}}}}", "host-over-group"),
    pair(with_vars(HOST % "inline"), with_vars(HOST % "inline", host_vars__h_dot_yml="v: file"), "host-vars-over-host"),
    pair(
        with_vars(IN_G, group_vars__g_dot_yml="v: file"),
        with_vars("all: {children: {g: {hosts: {h: {v: host}}}}}", group_vars__g_dot_yml="v: file"),
        "host-over-group-vars",
    ),
    pair(
        "all: {hosts: {h: }, vars: {v: inline}}",
        with_vars("all: {hosts: {h: }, vars: {v: inline}}", group_vars__all_dot_yml="v: file"),
        "all-file-over-all",
    ),
    pair(IN_G_INLINE, with_vars(IN_G_INLINE, group_vars__all_dot_yml="v: all"), "all-file-over-group"),
    pair(IN_G_INLINE, with_vars(IN_G_INLINE, group_vars__g_dot_yml="v: file"), "group-file-over-group"),
    pair(
        with_vars(IN_G, group_vars__all_dot_yml="v: all"),
        with_vars(IN_G, group_vars__all_dot_yml="v: all", group_vars__g_dot_yml="v: g"),
        "group-file-over-all-file",
    ),
    pair(
        with_vars(IN_P_G, group_vars__p_dot_yml="v: p"),
        with_vars(IN_P_G, group_vars__p_dot_yml="v: p", group_vars__g_dot_yml="v: g"),
        "child-file-over-parent-file",
    ),
    pair(
        "all: {children: {p: {children: {g: {hosts: {h: }, vars: {v: g}}}}}}",
        with_vars("all: {children: {p: {children: {g: {hosts: {h: }, vars: {v: g}}}}}}", group_vars__p_dot_yml="v: p"),
        "parent-file-over-child",
    ),
    pair(
        with_vars(IN_G, group_vars__g_dot_yml="v: g"),
        with_vars(IN_G, group_vars__g_dot_yml="v: g", host_vars__h_dot_yml="v: h"),
        "host-file-over-group-file",
    ),
    # Depth, priority, name
    pair(
        "all: {children: {p: {vars: {v: p}, children: {g: {hosts: {h: }}}}}}",
        "all: {children: {p: {vars: {v: p}, children: {g: {hosts: {h: }, vars: {v: g}}}}}}",
        "child-over-parent",
    ),
    pair(
        "all: {children: {z: {vars: {v: z}, children: {a: {hosts: {h: }, vars: {v: a}}}}}}",
        "all: {children: {z: {vars: {v: z}, hosts: {h: }}, a: {hosts: {h: }, vars: {v: a}}}}",
        "depth-before-name",
    ),
    pair(
        "all: {children: {zeta: {hosts: {h: }, vars: {v: 1}}, zz: {vars: {v: 2}, children: {k: {hosts: {h: }}}}}}",
        "all: {children: {zzz: {hosts: {h: }, vars: {v: 1}}, zz: {vars: {v: 2}, children: {k: {hosts: {h: }}}}}}",
        "ancestor-beats-direct-group-by-name",
    ),
    pair(
        IN_AB % ("", ""), "all: {children: {c: {hosts: {h: }, vars: {v: a}}, b: {hosts: {h: }, vars: {v: b}}}}", "name"
    ),
    pair(
        "all: {children: {B: {hosts: {h: }, vars: {v: 1}}, a: {hosts: {h: }, vars: {v: 2}}}}",
        "all: {children: {b: {hosts: {h: }, vars: {v: 1}}, a: {hosts: {h: }, vars: {v: 2}}}}",
        "capitals-before-small-letters",
    ),
    pair(
        "all: {children: {g2: {hosts: {h: }, vars: {v: 1}}, g10: {hosts: {h: }, vars: {v: 2}}}}",
        "all: {children: {g2: {hosts: {h: }, vars: {v: 1}}, g30: {hosts: {h: }, vars: {v: 2}}}}",
        "digits-as-text",
    ),
    pair(
        "all: {children: {_a: {hosts: {h: }, vars: {v: 1}}, Z: {hosts: {h: }, vars: {v: 2}}}}",
        "all: {children: {_a: {hosts: {h: }, vars: {v: 1}}, z: {hosts: {h: }, vars: {v: 2}}}}",
        "underscore-between-cases",
    ),
    pair(
        "all: {children: {é: {hosts: {h: }, vars: {v: 1}}, z: {hosts: {h: }, vars: {v: 2}}}}",
        "all: {children: {e: {hosts: {h: }, vars: {v: 1}}, z: {hosts: {h: }, vars: {v: 2}}}}",
        "code-points",
    ),
    pair(IN_AB % ("", ""), IN_AB % (", ansible_group_priority: 10", ""), "priority"),
    pair(IN_AB % ("", ""), IN_AB % ("", ", ansible_group_priority: -1"), "priority-negative"),
    pair(IN_AB % ("", ""), IN_AB % (', ansible_group_priority: "10"', ""), "priority-as-text"),
    pair(
        IN_AB % (", ansible_group_priority: 8", ", ansible_group_priority: 9"),
        IN_AB % (", ansible_group_priority: 10", ", ansible_group_priority: 9"),
        "priority-is-a-number",
    ),
    pair(
        IN_AB % (", ansible_group_priority: 2", ""),
        IN_AB % (", ansible_group_priority: 1", ""),
        "priority-default-is-1",
    ),
    pair(
        IN_AB % (", ansible_group_priority: 7", ", ansible_group_priority: 6"),
        IN_AB % (", ansible_group_priority: 7", ", ansible_group_priority: 7"),
        "priority-equal-then-name",
    ),
    pair(
        "all: {children: {p: {vars: {v: p, ansible_group_priority: 9}, hosts: {h: }}, "
        "g: {hosts: {h: }, vars: {v: g}}}}",
        "all: {children: {p: {vars: {v: p, ansible_group_priority: 9}, children: {g: {hosts: {h: }, vars: {v: g}}}}}}",
        "priority-within-one-depth",
    ),
    pair(
        IN_AB % (", ansible_group_priority: 10", ""),
        with_vars(IN_AB % ("", ""), group_vars__a_dot_yml="ansible_group_priority: 10"),
        "priority-not-from-files",
    ),
    pair(
        {"hosts.yaml": IN_AB % (", ansible_group_priority: 10", ""), "b.yaml": "a: {vars: {w: 1}}"},
        {
            "hosts.yaml": IN_AB % (", ansible_group_priority: 10", ""),
            "b.yaml": "a: {vars: {ansible_group_priority: 0}}",
        },
        "priority-set-again",
        "hosts.yaml",
        "b.yaml",
    ),
    pair(
        with_vars(IN_AB % ("", ""), group_vars__a_dot_yml="v: fa", group_vars__b_dot_yml="v: fb"),
        with_vars(
            IN_AB % (", ansible_group_priority: 3", ""), group_vars__a_dot_yml="v: fa", group_vars__b_dot_yml="v: fb"
        ),
        "priority-orders-files-too",
    ),
    pair(
        "all: {children: {c: {hosts: {h: }, vars: {v: c}}, z: {hosts: {h: }, vars: {v: z}}}}",
        "all: {children: {c: {hosts: {h: }, vars: {v: c}}, z: {hosts: {h: }, vars: {v: z}}, p: {children: {c: }}}}",
        "longest-way-is-the-depth",
    ),
    pair(
        "zz: {children: {z: {hosts: {h: }, vars: {v: z}}}}\np: {children: {c: {hosts: {h: }, vars: {v: c}}}}\n"
        "q: {children: {r: {}}}",
        "zz: {children: {z: {hosts: {h: }, vars: {v: z}}}}\np: {children: {c: {hosts: {h: }, vars: {v: c}}}}\n"
        "q: {children: {r: {children: {c: }}}}",
        "deepest-parent-counts",
    ),
    pair(
        "c: {hosts: {h: }, vars: {v: c}}\nz: {hosts: {h: }, vars: {v: z}}\np: {}",
        "c: {hosts: {h: }, vars: {v: c}}\nz: {hosts: {h: }, vars: {v: z}}\np: {children: {c: }}",
        "parent-named-later",
    ),
    pair(
        "b: {children: {c: {hosts: {h: }, vars: {v: c}}}}\nq: {children: {z: {hosts: {h: }, vars: {v: z}}}}\np: {}",
        "b: {children: {c: {hosts: {h: }, vars: {v: c}}}}\nq: {children: {z: {hosts: {h: }, vars: {v: z}}}}\n"
        "p: {children: {b: }}",
        "grandchildren-sink-with-their-parent",
    ),
    pair(
        "top: {hosts: {h: }, vars: {v: top}}\nall: {vars: {v: all}}",
        "top: {hosts: {h: }}\nall: {vars: {v: all}}",
        "top-level-group-is-below-all",
    ),
    # Mentions
    pair(
        "all: {children: {a: {hosts: {h: {v: 1}}}, b: {hosts: {h: {v: 2}}}}}",
        "all: {children: {b: {hosts: {h: {v: 2}}}, a: {hosts: {h: {v: 1}}}}}",
        "last-mention-of-a-host",
    ),
    pair(
        "all: {hosts: {h: {v: 1}}, children: {g: {hosts: {h: {v: 2}}}}}",
        "all: {children: {g: {hosts: {h: {v: 2}}}}, hosts: {h: {v: 1}}}",
        "sections-in-file-order",
    ),
    pair(
        'all: {hosts: {"[g:h]": {v: range}, h: {v: own}}}',
        'all: {hosts: {h: {v: own}, "[g:h]": {v: range}}}',
        "range-and-name",
    ),
    pair(
        'all: {hosts: {"[a:h]": {v: 1}, "[h:k]": {v: 2}}}',
        'all: {hosts: {"[h:k]": {v: 2}, "[a:h]": {v: 1}}}',
        "ranges-overlap",
    ),
    pair(
        "all: {children: {a: {hosts: {h: {w: 1, v: 1}}}, b: {hosts: {h: {v: 2}}}}}",
        "all: {children: {a: {hosts: {h: {w: 1, v: 1}}}, b: {hosts: {h: {}}}}}",
        "mentions-add-up",
    ),
    pair(
        "g: {hosts: {h: }, vars: {v: 1}}\nall: {children: {g: {vars: {v: 2}}}}",
        "all: {children: {g: {vars: {v: 2}}}}\ng: {hosts: {h: }, vars: {v: 1}}",
        "last-mention-of-a-group",
    ),
    pair(
        "all: {children: {p: {vars: {v: p}, children: {g: }}, q: {children: {g: {hosts: {h: }}}}}}",
        "all: {children: {p: {vars: {v: p}}, q: {children: {g: {hosts: {h: }}}}}}",
        "two-parents",
    ),
    pair(
        "all: {children: {g: {hosts: {h: }, vars: {v: 1}}, g2: }}",
        "all: {children: {g: {hosts: {h: }, vars: }, g2: }}",
        "null-sections",
    ),
    pair(HOST % "1", "all: {hosts: {h: {v: 1, v: 2}}}", "duplicate-key-last-one"),
    # ungrouped
    pair(
        with_vars(TOP, group_vars__ungrouped_dot_yml="v: u"),
        with_vars("all: {hosts: {h: }, children: {g: {hosts: {h: }}}}", group_vars__ungrouped_dot_yml="v: u"),
        "ungrouped-only-without-group",
    ),
    pair(
        "all: {hosts: {h: }}\nungrouped: {vars: {v: u}}",
        "all: {hosts: {h: }}\nungrouped: {vars: {v: w}}",
        "ungrouped-inline",
    ),
    pair(
        "ungrouped: {hosts: {h: }, vars: {v: u}}\nall: {vars: {v: a}}",
        "ungrouped: {hosts: {h: }, vars: {v: u}}\ng: {hosts: {h: }}\nall: {vars: {v: a}}",
        "ungrouped-gives-way",
    ),
    pair(
        "ungrouped: {hosts: {h: }, vars: {v: u}}\nall: {vars: {v: a}}",
        "ungrouped: {hosts: {h: }}\nall: {vars: {v: a}}",
        "ungrouped-over-all",
    ),
    # Files of variables
    pair(
        with_vars(TOP, host_vars__h_dot_yml="v: yml"),
        with_vars(TOP, host_vars__h_dot_yml="v: yml", host_vars__h="v: bare"),
        "no-extension-first",
    ),
    pair(
        with_vars(TOP, host_vars__h_dot_yaml="v: yaml"),
        with_vars(TOP, host_vars__h_dot_yaml="v: yaml", host_vars__h_dot_yml="v: yml"),
        "yml-before-yaml",
    ),
    pair(
        with_vars(TOP, host_vars__h_dot_json='{"v": "json"}'),
        with_vars(TOP, host_vars__h_dot_json='{"v": "json"}', host_vars__h_dot_yaml="v: yaml"),
        "yaml-before-json",
    ),
    pair(
        with_vars(TOP, host_vars__h_dot_yml="v: file"),
        with_vars(TOP, host_vars__h_dot_yml="v: file", host_vars__h__x_dot_yml="v: directory"),
        "directory-before-file",
    ),
    pair(
        with_vars(TOP, host_vars__h__a_dot_yml="v: a"),
        with_vars(TOP, host_vars__h__a_dot_yml="v: a", host_vars__h__b_dot_yml="v: b"),
        "directory-in-name-order",
    ),
    pair(
        with_vars(TOP, host_vars__h__B_dot_yml="v: B", host_vars__h__a_dot_yml="v: a"),
        with_vars(TOP, host_vars__h__b_dot_yml="v: B", host_vars__h__a_dot_yml="v: a"),
        "directory-capitals-first",
    ),
    pair(
        with_vars(TOP, host_vars__h__b_dot_yml="v: b", host_vars__h__a__z_dot_yml="v: z"),
        with_vars(TOP, host_vars__h__b_dot_yml="v: b", host_vars__h__c__z_dot_yml="v: z"),
        "nested-directory-in-name-order",
    ),
    pair(
        with_vars(TOP, host_vars__h__a_dot_yml="v: a", host_vars__h__b_dot_d__z_dot_yml="v: z"),
        with_vars(TOP, host_vars__h__a_dot_yml="v: a", host_vars__h__bd__z_dot_yml="v: z"),
        "nested-directory-with-dot-is-left-out",
    ),
    pair(
        with_vars(TOP, host_vars__h__a_dot_yml="v: a", host_vars__h__b_dot_txt="v: b"),
        with_vars(TOP, host_vars__h__a_dot_yml="v: a", host_vars__h__b="v: b"),
        "extension-in-directory",
    ),
    pair(
        with_vars(TOP, host_vars__h__a_dot_yml="v: a", host_vars__h___dot_b_dot_yml="v: b"),
        with_vars(TOP, host_vars__h__a_dot_yml="v: a", host_vars__h__b_dot_yml="v: b"),
        "hidden-in-directory",
    ),
    pair(
        {"hosts.yaml": TOP, "host_vars/h/a.yml": "v: a", "host_vars/h/b~": "v: b"},
        {"hosts.yaml": TOP, "host_vars/h/a.yml": "v: a", "host_vars/h/b": "v: b"},
        "backup-in-directory",
    ),
    pair(
        with_vars(TOP, host_vars__h__x__y__z_dot_yml="v: deep"),
        with_vars(TOP, host_vars__h__x__y__z_dot_yml="v: other"),
        "directories-all-the-way-down",
    ),
    pair(
        with_vars(HOST % "1", host_vars__h_dot_yml="# nothing yet\n"),
        with_vars(HOST % "1", host_vars__h_dot_yml="v: 2\n"),
        "empty-file",
    ),
    pair(
        with_vars('all: {hosts: {"[a:h]": {v: 1}}}', host_vars__g_dot_yml="v: 2"),
        with_vars('all: {hosts: {"[a:h]": {v: 1}}}', host_vars__h_dot_yml="v: 2"),
        "file-of-a-host-of-a-range",
    ),
    pair(
        with_vars(
            "all: {children: {g: {hosts: {h: }}, e: }}", group_vars__e_dot_yml="v: e", group_vars__g_dot_yml="v: g"
        ),
        with_vars(
            "all: {children: {g: {hosts: {h: }}, e: {hosts: {h: }}}}",
            group_vars__e_dot_yml="v: e",
            group_vars__g_dot_yml="w: g",
        ),
        "file-of-a-group-without-hosts",
    ),
    # Several inventories
    pair(
        {"a.yaml": HOST % "1", "b.yaml": HOST % "2"},
        {"a.yaml": HOST % "2", "b.yaml": HOST % "1"},
        "last-inventory",
        "a.yaml",
        "b.yaml",
    ),
    pair(
        {"a.yaml": "all: {hosts: {h: {v: 1}}}", "b.yaml": "all: {vars: {v: 2}}"},
        {"a.yaml": "all: {hosts: {h: }}", "b.yaml": "all: {vars: {v: 2}}"},
        "host-before-later-group",
        "a.yaml",
        "b.yaml",
    ),
    pair(
        {"a/x.yaml": TOP, "b/y.yaml": TOP, "a/host_vars/h": "v: a", "b/host_vars/h": "v: b"},
        {"a/x.yaml": TOP, "b/y.yaml": TOP, "a/host_vars/h": "v: a", "b/host_vars/h": "w: b"},
        "last-directory",
        "a/x.yaml",
        "b/y.yaml",
    ),
    pair(
        {"a/x.yaml": IN_P_G, "b/y.yaml": IN_P_G, "a/group_vars/g": "v: child", "b/group_vars/p": "v: parent"},
        {"a/x.yaml": IN_P_G, "b/y.yaml": IN_P_G, "a/group_vars/g": "v: child", "a/group_vars/p": "v: parent"},
        "directory-before-depth",
        "a/x.yaml",
        "b/y.yaml",
    ),
    pair(
        {"a/x.yaml": IN_G, "b/y.yaml": IN_G, "a/group_vars/g": "v: g", "b/group_vars/all": "v: all"},
        {"a/x.yaml": IN_G, "b/y.yaml": IN_G, "b/group_vars/all": "v: all"},
        "all-stays-below",
        "a/x.yaml",
        "b/y.yaml",
    ),
    pair(
        {"a/x.yaml": TOP, "b/y.yaml": TOP, "a/z.yaml": TOP, "a/host_vars/h": "v: a", "b/host_vars/h": "v: b"},
        {"a/x.yaml": TOP, "b/y.yaml": TOP, "a/z.yaml": TOP, "a/host_vars/h": "w: a", "b/host_vars/h": "v: b"},
        "directory-comes-again",
        "a/x.yaml",
        "b/y.yaml",
        "a/z.yaml",
    ),
    pair(
        {"d/1.yaml": HOST % "1", "d/2.yaml": HOST % "2"},
        {"d/3.yaml": HOST % "1", "d/2.yaml": HOST % "2"},
        "files-of-a-directory-in-name-order",
        "d",
    ),
    pair(
        {"d/1.yaml": HOST % "1", "d/2/x.yaml": HOST % "2"},
        {"d/3.yaml": HOST % "1", "d/2/x.yaml": HOST % "2"},
        "directories-of-a-directory",
        "d",
    ),
    pair(
        {"d/1.yaml": HOST % "1", "d/2.yaml.bak": HOST % "2"},
        {"d/1.yaml": HOST % "1", "d/2.yaml": HOST % "2"},
        "backups-of-a-directory",
        "d",
    ),
    pair(
        {"d/1.yaml": HOST % "1", "d/.2.yaml": HOST % "2"},
        {"d/1.yaml": HOST % "1", "d/2.yaml": HOST % "2"},
        "hidden-files-of-a-directory",
        "d",
    ),
    pair(
        {"d/1.yaml": HOST % "1", "d/2.yaml~": HOST % "2"},
        {"d/1.yaml": HOST % "1", "d/2": HOST % "2"},
        "name-without-extension",
        "d",
    ),
    pair(
        {"d/1.yaml": TOP, "d/host_vars/h.yml": "v: 1"},
        {"d/1.yaml": TOP, "d/host_vars/h.yml": "v: 2"},
        "variables-inside-a-directory",
        "d",
    ),
    pair(
        {"d/1.yaml": HOST % "1", "d/s/2.yaml": TOP, "d/s/host_vars/h.yml": "v: 2"},
        {"d/1.yaml": HOST % "1", "d/s/2.yaml": TOP, "d/host_vars/h.yml": "v: 2"},
        "not-those-of-its-directories",
        "d",
    ),
    pair(
        {"d/1.yaml": HOST % "1", "host_vars/h.yml": "v: 2"},
        {"d/1.yaml": HOST % "1", "d/host_vars/h.yml": "v: 2"},
        "not-those-beside-a-directory",
        "d",
    ),
    # Values
    pair(
        "all: {children: {g: {hosts: {h: }, vars: {v: {a: 1}}}}}",
        "all: {children: {g: {hosts: {h: {v: {b: 2}}}, vars: {v: {a: 1}}}}}",
        "mapping-replaced-whole",
    ),
    pair(
        "all: {children: {g: {hosts: {h: }, vars: {v: [a, b]}}}}",
        "all: {children: {g: {hosts: {h: {v: [c]}}, vars: {v: [a, b]}}}}",
        "list-replaced-whole",
    ),
    pair(
        "all: {hosts: {h: {v: {a: {b: 1}}}}, children: {g: {hosts: {h: {v: {a: {c: 2}}}}}}}",
        "all: {hosts: {h: {v: {a: {b: 1}}}}, children: {g: {hosts: {h: }}}}",
        "mapping-replaced-in-a-second-mention",
    ),
    pair(
        "all: {children: {g: {hosts: {h: }, vars: {v: 1}}}}",
        "all: {children: {g: {hosts: {h: {v: }}, vars: {v: 1}}}}",
        "null-is-a-value",
    ),
    pair(
        "all: {children: {g: {hosts: {h: {v: {}}}, vars: {v: {a: 1}}}}}",
        "all: {children: {g: {hosts: {h: }, vars: {v: {a: 1}}}}}",
        "empty-is-a-value",
    ),
    pair(
        "all: {vars: {x: &x {a: 1, b: 1}}, hosts: {h: {v: {<<: *x, b: 2}}}}",
        "all: {vars: {x: &x {a: 1, b: 1}}, hosts: {h: {v: {<<: *x}}}}",
        "merge-key-gives-way",
    ),
    pair(
        "all: {vars: {x: &x {a: 1}, y: &y {a: 2}}, hosts: {h: {v: {<<: [*x, *y]}}}}",
        "all: {vars: {x: &x {a: 1}, y: &y {a: 2}}, hosts: {h: {v: {<<: [*y, *x]}}}}",
        "merge-list-first-one",
    ),
    pair(
        "all: {vars: {x: &x {a: 1}}, hosts: {h: {v: {<<: *x}}}}",
        'all: {vars: {x: &x {a: 1}}, hosts: {h: {v: {"<<": *x}}}}',
        "merge-key-in-quotes",
    ),
    pair("all: {vars: &x {v: 1}, hosts: {h: *x}}", "all: {vars: &x {v: 2}, hosts: {h: *x}}", "alias-as-host"),
    pair(
        {"h.json": '{"all": {"hosts": {"h": {"v": 1e3}}}}'},
        {"h.json": "{all: {hosts: {h: {v: 1e3}}}}"},
        "json-has-its-own-numbers",
        "h.json",
    ),
    pair(
        {"h.yaml": '{"all": {"hosts": {"h": {"v": {"__ansible_unsafe": "{{ x }}"}}}}}'},
        {"h.yaml": '{all: {"hosts": {"h": {"v": {"__ansible_unsafe": "{{ x }}"}}}}}'},
        "json-unsafe",
        "h.yaml",
    ),
    pair(
        {"h.yaml": '{"all": {"hosts": {"h": {"v": "\\ud83d\\ude00\\/"}}}}'},
        {"h.yaml": '{"all": {"hosts": {"h": {"v": "x\\u0041"}}}}'},
        "json-escapes",
        "h.yaml",
    ),
    value_of_v("yes", '"yes"', "truth"),
    value_of_v("0755", "'0755'", "octal"),
    value_of_v("010", "08", "octal-or-text"),
    value_of_v("52:54:00:00:00:01", '"52:54:00:00:00:01"', "sexagesimal"),
    value_of_v("1:30.5", '"1:30.5"', "sexagesimal-fraction"),
    value_of_v("1.10", '"1.10"', "fraction"),
    value_of_v("1e3", "1.0e+3", "exponent-needs-dot-and-sign"),
    value_of_v("0x1F", "0b11", "bases"),
    value_of_v("1_000", "_1000", "underscores"),
    value_of_v("2026-01-02", "2026-1-2 3:04:05.6 +1", "dates"),
    value_of_v("~", "nil", "nulls"),
    value_of_v("!!str 12", "!!float 12", "tags"),
    value_of_v('!unsafe "5"', '"5"', "unsafe-is-resolved"),
    value_of_v("!unsafe {a: 5}", "{a: '5'}", "unsafe-mapping"),
    value_of_v('"a\\tb"', "'a\\tb'", "escapes"),
    pair(
        "all:\n  hosts:\n    h:\n      v: |\n        a\n        b\n",
        "all:\n  hosts:\n    h:\n      v: >-\n        a\n        b\n",
        "blocks",
    ),
    pair(
        "all: {hosts: {h: {v: a, ansible_group_priority: 5}}}",
        "all: {hosts: {h: {v: a, ansible_group_priority: 6}}}",
        "priority-of-a-host-is-a-variable",
        variable="ansible_group_priority",
    ),
]


@pytest.mark.parametrize(("first", "second", "paths", "variable"), PAIRS)
def test_a_rule(first: Files, second: Files, paths: tuple[str, ...], variable: str, tmp_path: Path) -> None:
    found = []
    for name, files in (("first", first), ("second", second)):
        write(tmp_path / name, files)
        found.append(both([tmp_path / name / path for path in paths])["h"].get(variable, "nothing"))
    assert repr(found[0]) != repr(found[1])


@pytest.mark.parametrize(("first", "second", "paths", "variable"), PAIRS[::12])
def test_a_rule_by_the_real_command(
    first: Files, second: Files, paths: tuple[str, ...], variable: str, tmp_path: Path
) -> None:
    for name, files in (("first", first), ("second", second)):
        write(tmp_path / name, files)
        read = [tmp_path / name / path for path in paths]
        printed = json.loads(listing(read))["_meta"]["hostvars"]
        assert as_json({host: values for host, values in by_ksgen(read)[0].items() if values}) == printed


def test_enough_pairs() -> None:
    assert len(PAIRS) >= 60


@pytest.mark.parametrize(
    "pattern",
    [
        "n",
        "n[1:3]",
        "n[01:12]",
        "n[001:010:3]",
        "n[9:11]",
        "n[0:3]",
        "n[:3]",
        "[a:c]-[1:2].x",
        "[A:C]",
        "[a:g:2]",
        "x[1:1]",
        "[1:2][1:2]",
        "10.0.0.[1:3]",
        "fd00::[1:3]",
        "fd00::5",
        "n[08:10]",
        "n[1:2:5]",
        "n_[1:2].example.com",
        "ü[1:2]",
    ],
)
def test_ranges(pattern: str, tmp_path: Path) -> None:
    write(tmp_path, {"hosts.yaml": f'all: {{hosts: {{"{pattern}": }}}}'})
    assert both([tmp_path / "hosts.yaml"])


def test_variables_beside_a_link_and_not_beside_its_target(tmp_path: Path) -> None:
    write(tmp_path, {"real/hosts.yaml": TOP, "real/host_vars/h": "v: real", "link/host_vars/h": "v: link"})
    (tmp_path / "link/hosts.yaml").symlink_to("../real/hosts.yaml")
    assert both([tmp_path / "link/hosts.yaml"]) == {"h": {"v": "link"}}


def test_group_names_that_ansible_only_warns_of(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "hosts.yaml": "all: {children: {rack-a: {hosts: {n01: }, children: {2.row: {hosts: {n02: {v: 2}}}}}}}\n",
            "group_vars/rack-a.yml": "w: 1\n",
            "group_vars/2.row/x.yml": "x: '{{ groups[\"rack-a\"] | length }}'\n",
        },
    )
    assert both([tmp_path / "hosts.yaml"])["n02"].keys() >= {"v", "w", "x"}


def test_reserved_names_are_complete() -> None:
    assert not get_reserved_names() - naming.RESERVED_NAMES
    assert not INTERNAL_STATIC_VARS - naming.MAGIC_NAMES


def listing(paths: Iterable[Path], *options: str) -> str:
    """What the real command prints."""
    arguments = [argument for path in paths for argument in ("-i", str(path))]
    command = [str(Path(sys.executable).with_name("ansible-inventory")), *arguments, "--list", *options]
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


VAULTED = "!vault |\n          $ANSIBLE_VAULT;1.1;AES256\n          3332\n"
SITE: Files = {
    "a/hosts.yaml": f"""\
all:
  vars: {{node_a: all, node_b: all}}
  hosts: {{lone: }}
  children:
    zz: {{vars: {{node_b: zz}}, children: {{k: {{hosts: {{"n[01:03]": }}}}}}}}
    zeta:
      hosts:
        n[02:04:2].example.com: {{node_c: [1, {{x: yes}}], node_d: 2026-01-02}}
        n02: {{node_c: own}}
      vars:
        node_b: zeta
        ansible_group_priority: 3
        node_secret: {VAULTED}
        node_text: !unsafe "{{{{ braces }}}}"
""",
    "a/group_vars/all.yml": "node_b: file\n",
    "a/group_vars/zeta/x.yml": "node_e: {p: 1}\n",
    "a/host_vars/n02.yml": "node_f: 1.10\n",
    "b/more.yaml": "all: {hosts: {n05: }, children: {zeta: {hosts: {n05: }}}}\n",
    "b/group_vars/zz.yml": "node_e: {q: 2}\n",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    directory = tmp_path_factory.mktemp("site")
    write(directory, SITE)
    return [directory / "a/hosts.yaml", directory / "b"]


def as_json(values: Values) -> object:
    return json.loads(json.dumps(values, default=lambda date: date.isoformat()))


def test_the_real_command_prints_the_same(site: list[Path]) -> None:
    printed = json.loads(listing(site))["_meta"]["hostvars"]
    for host in printed.values():
        if "node_text" in host:
            host["node_text"] = host["node_text"]["__ansible_unsafe"]
    assert as_json(by_ksgen(site)[0]) == printed


def from_stdin(text: str) -> tuple[Values, dict[str, list[str]], dict[str, set[str]]]:
    read, problems = reader.read(["-"], io.StringIO(text))
    assert {problem.code for problem in problems} <= {"number-rewritten"}
    return values_of(read), {host.name: list(host.groups) for host in read.hosts}, members(read)


def test_its_output_on_standard_input_gives_the_same_as_the_files(site: list[Path]) -> None:
    values, groups, hosts = by_ksgen(site)
    assert from_stdin(listing(site)) == (as_json(values), groups, hosts)


@pytest.mark.parametrize("options", [(), ("--export",)], ids=["list", "export"])
def test_its_output_is_read_as_ansible_reads_a_script(
    options: tuple[str, ...], site: list[Path], tmp_path: Path
) -> None:
    text = listing(site, *options)
    write(tmp_path, {"listing.json": text, "script": '#!/bin/sh\nexec cat "$(dirname "$0")/listing.json"\n'})
    (tmp_path / "script").chmod(0o755)
    ours, theirs = from_stdin(text), by_ansible([tmp_path / "script"])
    for values in theirs[0].values():
        if "node_secret" in values:
            assert isinstance(values["node_secret"], EncryptedString)
            values["node_secret"] = {"__ansible_vault": "$ANSIBLE_VAULT;1.1;AES256\n3332\n"}
    assert ours == theirs
    assert same_types(ours[0], theirs[0])


# Random inventories

GROUPS = ("a", "b", "B", "g10", "g2", "z")
SCALARS_TEXT = """
1 010 08 1.10 yes No on ~ 2026-01-02 52:54:00:00:00:01 1_000 0x1f 1e3 1.5e+3 .5 text +1 -3 1:20.5 .inf "x" 'y' ""
"{{|v1|}}" !unsafe|"5" [1,|a] {k:|v} {k:|{j:|no}} null 0b1 2001-12-14t21:59:43.10-05:00
"""
SCALARS = st.sampled_from(SCALARS_TEXT.split()).map(lambda text: text.replace("|", " "))
VARIABLES = st.dictionaries(st.sampled_from(["v1", "v2", "v3", "node_x"]), SCALARS, max_size=3)
HOSTS = st.dictionaries(
    st.sampled_from(["h1", "h2", "h3", '"h[1:2]"', '"h[2:4]"', '"h[1:4:3]"', "lone"]), VARIABLES, max_size=3
)


def flow(mapping: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in mapping.items()) + "}"


@st.composite
def group_text(draw: st.DrawFn, index: int) -> str:
    """One group; its children come later in GROUPS, so that there is no circle."""
    sections = {}
    children = (
        draw(st.lists(st.sampled_from(GROUPS[index + 1 :]), unique=True, max_size=2)) if index + 1 < len(GROUPS) else []
    )
    if children:
        sections["children"] = flow(
            {child: draw(group_text(GROUPS.index(child))) if draw(st.booleans()) else "" for child in children}
        )
    if draw(st.booleans()):
        sections["hosts"] = flow({host: flow(variables) for host, variables in draw(HOSTS).items()})
    if draw(st.booleans()):
        variables = draw(VARIABLES)
        if draw(st.booleans()):
            variables = {**variables, "ansible_group_priority": str(draw(st.integers(-2, 12)))}
        sections["vars"] = flow(variables)
    return flow({key: sections[key] for key in draw(st.permutations(sorted(sections)))})


@st.composite
def inventory_text(draw: st.DrawFn) -> str:
    names = draw(st.lists(st.sampled_from(GROUPS), unique=True, min_size=1))
    top = {name: draw(group_text(GROUPS.index(name))) for name in names}
    top["all"] = flow(
        {"hosts": flow({host: flow(found) for host, found in draw(HOSTS).items()}), "vars": flow(draw(VARIABLES))}
    )
    if draw(st.booleans()):
        top["ungrouped"] = flow({"hosts": flow(dict.fromkeys(draw(HOSTS), "")), "vars": flow(draw(VARIABLES))})
    return "".join(f"{name}: {top[name]}\n" for name in draw(st.permutations(sorted(top))))


@st.composite
def site_files(draw: st.DrawFn) -> tuple[dict[str, str], list[str]]:
    files: dict[str, str] = {}
    paths: list[str] = []
    for directory in draw(st.sampled_from([("",), ("",), ("p/", "q/"), ("p/", "q/", "p/")])):
        path = f"{directory}{len(paths)}.yaml"
        files[path] = draw(inventory_text())
        paths.append(path)
        for kind, names in (("group_vars", (*GROUPS, "all", "ungrouped")), ("host_vars", ("h1", "h2", "h4", "lone"))):
            for name in draw(st.lists(st.sampled_from(names), unique=True, max_size=3)):
                suffix = draw(st.sampled_from(["", ".yml", ".yaml", "/x.yml", "/d/x", "/x.txt"]))
                if not any(
                    other == f"{directory}{kind}/{name}" or other.startswith(f"{directory}{kind}/{name}/")
                    for other in files
                ):
                    files[f"{directory}{kind}/{name}{suffix}"] = "".join(
                        f"{key}: {value}\n" for key, value in draw(VARIABLES).items()
                    )
    if draw(st.booleans()):
        paths = draw(st.permutations(paths))
    return files, paths


@settings(
    max_examples=count(100, 500),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(site=site_files())
def test_random_inventories(site: tuple[dict[str, str], list[str]]) -> None:
    files, paths = site
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write(directory, files)
        both([directory / path for path in paths])
