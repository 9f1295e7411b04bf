# SPDX-License-Identifier: GPL-2.0-or-later
"""The words of expressions: which methods are read, which filters and tests are not, and why."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from jinja2.runtime import LoopContext
from jinja2.utils import Cycler

# --- methods ---------------------------------------------------------------------------------------------------------

_TEXT_METHODS = """
    capitalize casefold center count encode endswith expandtabs find format format_map index isalnum isalpha isascii
    isdecimal isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip
    partition removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines
    startswith strip swapcase title translate upper zfill
"""
ENCODINGS = {"utf-8", "utf8", "ascii", "latin-1"}
# By the type that they belong to; nothing that changes a value, since hosts share the values of their groups.
METHODS: Mapping[type, frozenset[str]] = {
    str: frozenset(_TEXT_METHODS.split()),
    bytes: frozenset({"decode", "hex"}),
    list: frozenset({"count", "index"}),
    tuple: frozenset({"count", "index"}),
    dict: frozenset({"get", "items", "keys", "values"}),
    bool: frozenset(),
    int: frozenset({"bit_length", "bit_count"}),
    float: frozenset({"is_integer"}),
    datetime.date: frozenset({"isoformat"}),
    LoopContext: frozenset({"changed", "cycle"}),
    Cycler: frozenset({"next", "reset"}),
}
_OF_NUMBERS = frozenset({"real", "imag", "numerator", "denominator"})
ATTRIBUTES: Mapping[type, frozenset[str]] = {
    bool: _OF_NUMBERS,
    int: _OF_NUMBERS,
    float: frozenset({"real", "imag"}),
    datetime.date: frozenset({"year", "month", "day", "hour", "minute", "second"}),
    LoopContext: frozenset(
        "index index0 revindex revindex0 first last length depth depth0 previtem nextitem".split()  # noqa: SIM905
    ),
    Cycler: frozenset({"current"}),
    tuple: frozenset({"grouper", "list"}),  # what the filter groupby gives
}

# --- filters and tests -----------------------------------------------------------------------------------------------

_ANSIBLE_FILTERS = """
    b64decode b64encode basename bool checksum combinations combine comment commonpath dict2items difference dirname
    expanduser expandvars extract fileglob flatten from_json from_yaml from_yaml_all hash human_readable
    human_to_bytes intersect items2dict log mandatory md5 normpath password_hash path_join permutations pow product
    quote realpath regex_escape regex_findall regex_replace regex_search rekey_on_member relpath root sha1 shuffle
    split splitext strftime subelements symmetric_difference ternary to_datetime to_json to_nice_json to_nice_yaml
    to_uuid to_yaml type_debug union unvault urldecode urlsplit vault win_basename win_dirname win_splitdrive zip
    zip_longest
"""
_ANSIBLE_TESTS = """
    abs all any change changed contains directory exists failed failure falsy file finished is_abs is_dir is_file
    is_link is_mount is_same_file isnan issubset issuperset link link_exists match mount nan reachable regex
    same_file search skip skipped started subset succeeded success successful superset timedout truthy unreachable
    uri url urn vault_encrypted vaulted_file version version_compare
"""
ANSIBLE_FILTERS = frozenset(_ANSIBLE_FILTERS.split())
ANSIBLE_TESTS = frozenset(_ANSIBLE_TESTS.split())
# The commonest ones of collections; those for addresses are in addresses.py.
COLLECTION_FILTERS = frozenset({"json_query", "random_mac"})
CURES = {
    "json_query": "use selectattr and map(attribute=…)",
    "md5": "use hash('md5')",
    "sha1": "use hash('sha1')",
    "checksum": "use hash('sha1')",
    "password_hash": "write the hash that mkpasswd or openssl passwd -6 prints",
    "type_debug": "use a test: value is string",
    "path_join": "use join('/')",
}  # fmt: skip

# Jinja's own that are left out, and why.
_UNREPEATABLE = "gives a different value each time"
_FOR_PAGES = "is for web pages"
_OF_PYTHON = "is for Python objects"
LEFT_OUT: Mapping[str, str] = {
    "random": _UNREPEATABLE,
    "lipsum": _UNREPEATABLE,
    "e": _FOR_PAGES,
    "escape": _FOR_PAGES,
    "escaped": _FOR_PAGES,
    "forceescape": _FOR_PAGES,
    "safe": _FOR_PAGES,
    "striptags": _FOR_PAGES,
    "urlize": _FOR_PAGES,
    "xmlattr": _FOR_PAGES,
    "wordwrap": "formats pages",
    "attr": _OF_PYTHON,
    "pprint": _OF_PYTHON,
    "callable": _OF_PYTHON,
    "filter": _OF_PYTHON,
    "test": _OF_PYTHON,
}

# What becomes as large as the value times its arguments; the others at most as large as both together.
_EXPANDING = """
    batch center indent join quote regex_escape regex_replace replace round slice to_json to_nice_json to_nice_yaml
    to_yaml tojson truncate urlencode
"""
EXPANDING = frozenset(_EXPANDING.split())
TAKES_MISSING = frozenset({"default", "d", "defined", "undefined", "mandatory", "ternary"})
KEEPS_MISSING = frozenset({"default", "d", "map", "select", "reject", "selectattr", "rejectattr"})
