# SPDX-License-Identifier: GPL-2.0-or-later
"""Filters and tests that Ansible has beside Jinja's, which need nothing but their arguments.

They give what those of ansible-core 2.19 give. Where Ansible's order is that of a set, and so another one each time,
the order is that of the lists. Errors are exceptions: the language turns them into problems.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
import itertools
import json
import operator
import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import yaml

from ksgen.expressions.bounds import MAX_ITEMS, Failed, Missing, Refused, finished, too_long
from ksgen.expressions.versions import compare_versions

ENCODINGS = frozenset({"utf-8", "utf8", "ascii", "latin-1", "utf-16", "utf-16-le", "utf-16-be"})


def _text(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _is_sequence(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


# --- regular expressions ---------------------------------------------------------------------------------------------


def _flags(ignorecase: object, multiline: object) -> int:
    return (re.IGNORECASE if ignorecase else 0) | (re.MULTILINE if multiline else 0)


def regex_replace(
    value: object = "",
    pattern: str = "",
    replacement: str = "",
    ignorecase: bool = False,
    multiline: bool = False,
    count: int = 0,
    mandatory_count: int = 0,
) -> str:
    compiled = re.compile(pattern, _flags(ignorecase, multiline))
    result, made = compiled.subn(replacement, _text(value), count=count)
    if mandatory_count and mandatory_count != made:
        raise ValueError(f"{pattern!r} should match {mandatory_count} times, and matches {made} times")
    return result


def regex_findall(value: object, regex: str, multiline: bool = False, ignorecase: bool = False) -> list[Any]:
    return re.findall(regex, _text(value), _flags(ignorecase, multiline))


def regex_search(
    value: object, regex: str, *groups: str, ignorecase: bool = False, multiline: bool = False
) -> str | list[str] | None:
    wanted: list[str | int] = []
    for group in groups:
        named, numbered = re.match(r"\\g<(\S+)>", group), re.match(r"\\(\d+)", group)
        if not named and not numbered:
            raise ValueError(f"{group!r} is not a group: write \\\\g<name> or \\\\1")
        wanted.append(named[1] if named else int(numbered[1]) if numbered else 0)
    match = re.search(regex, _text(value), _flags(ignorecase, multiline))
    if match is None:
        return None
    return [match.group(group) for group in wanted] if wanted else match.group()


def regex_escape(value: object, re_type: str = "python") -> str:
    if re_type == "python":
        return re.escape(_text(value))
    if re_type == "posix_basic":
        return re.sub(r"([].[^$*\\])", r"\\\1", _text(value))
    raise ValueError(f"the type {re_type!r} is not supported; python and posix_basic are")


_MATCHES = frozenset({"search", "match", "fullmatch"})


def regex(
    value: object = "", pattern: str = "", ignorecase: bool = False, multiline: bool = False, match_type: str = "search"
) -> bool:
    if match_type not in _MATCHES:
        raise ValueError(f"the type of match {match_type!r} is not supported; search, match and fullmatch are")
    return bool(getattr(re.compile(pattern, _flags(ignorecase, multiline)), match_type)(_text(value)))


def match(value: object, pattern: str = "", ignorecase: bool = False, multiline: bool = False) -> bool:
    return regex(value, pattern, ignorecase, multiline, "match")


def search(value: object, pattern: str = "", ignorecase: bool = False, multiline: bool = False) -> bool:
    return regex(value, pattern, ignorecase, multiline, "search")


# --- texts -----------------------------------------------------------------------------------------------------------


def split(value: str, separator: str | None = None, maxsplit: int = -1) -> list[str]:
    return str.split(value, separator, maxsplit)


def quote(value: object) -> str:
    return shlex.quote("" if value is None else _text(value))


def _codec(encoding: str) -> str:
    if str(encoding).lower() not in ENCODINGS:
        raise ValueError(f"the encoding {encoding!r} is not supported")
    return encoding


def b64encode(value: object, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    data = value if isinstance(value, bytes) else str(value).encode(_codec(encoding), "surrogateescape")
    return (base64.urlsafe_b64encode if urlsafe else base64.b64encode)(data).decode("ascii")


def b64decode(value: object, encoding: str = "utf-8", urlsafe: bool = False) -> str:
    data = _text(value).encode("utf-8", "surrogateescape")
    decoded = (base64.urlsafe_b64decode if urlsafe else base64.b64decode)(data)
    return decoded.decode(_codec(encoding), "surrogateescape")


def hash_(value: object, hashtype: str = "sha1") -> str:
    return hashlib.new(hashtype, _text(value).encode("utf-8", "surrogateescape"), usedforsecurity=False).hexdigest()


# --- truth -----------------------------------------------------------------------------------------------------------


def bool_(value: object) -> bool:
    word = str(value).lower() if isinstance(value, str | int) else value
    if isinstance(word, str):
        return word in ("yes", "on", "true", "1")
    return not isinstance(word, list | dict | tuple) and word == 1


def ternary(value: Any, true_value: Any, false_value: Any, none_value: Any = None) -> Any:
    if value is None and none_value is not None:
        return none_value
    return true_value if value else false_value


def mandatory(value: Any, msg: object = None) -> Any:
    if type(value) is not Missing:
        return value
    if msg is None:
        return Failed(value.reason)
    words = " ".join(str(msg).split())
    words = words if words.isprintable() else ascii(words)
    reason = Refused("undefined-name", words[:200], None, "mandatory", tells_values=True)
    reason.line, reason.text = value.reason.line, value.reason.text
    return Failed(reason)


# --- mappings --------------------------------------------------------------------------------------------------------

_MERGES: Mapping[str, Callable[[list[Any], list[Any]], list[Any]]] = {
    "replace": lambda _, high: high,
    "keep": lambda low, _: low,
    "append": lambda low, high: low + high,
    "prepend": lambda low, high: high + low,
    "append_rp": lambda low, high: [item for item in low if item not in high] + high,
    "prepend_rp": lambda low, high: high + [item for item in low if item not in high],
}


def combine(*terms: Any, recursive: bool = False, list_merge: str = "replace") -> Any:
    given = flatten(terms, levels=1)
    if not given:
        return {}
    *others, result = given
    for other in reversed(others):
        result = _merged(other, result, recursive, list_merge)
    return result


def _merged(low: Any, high: Any, recursive: bool, list_merge: str) -> dict[Any, Any]:
    if list_merge not in _MERGES:
        raise ValueError(f"list_merge is {list_merge!r}; it can be {', '.join(_MERGES)}")
    if not isinstance(low, dict) or not isinstance(high, dict):
        raise TypeError("only mappings can be combined")
    if low in ({}, high):
        return dict(high)
    result = dict(low)
    for key, value in high.items():
        before = low.get(key)
        if recursive and isinstance(before, dict) and isinstance(value, dict):
            result[key] = _merged(before, value, recursive, list_merge)
        elif isinstance(before, list) and isinstance(value, list):
            result[key] = _MERGES[list_merge](before, value)
        else:
            result[key] = value
    return result


def dict2items(value: Any, key_name: str = "key", value_name: str = "value") -> list[dict[str, Any]]:
    if not isinstance(value, Mapping):
        raise TypeError("a mapping is required")
    return [{key_name: key, value_name: item} for key, item in value.items()]


def items2dict(value: Any, key_name: str = "key", value_name: str = "value") -> dict[Any, Any]:
    if not _is_sequence(value):
        raise TypeError("a list is required")
    try:
        return {item[key_name]: item[value_name] for item in value}
    except KeyError:
        raise ValueError(f"each item needs the keys {key_name!r} and {value_name!r}") from None
    except TypeError:
        raise TypeError("a list of mappings is required") from None


# --- lists -----------------------------------------------------------------------------------------------------------


def flatten(value: Iterable[Any], levels: int | None = None, skip_nulls: bool = True) -> list[Any]:
    result: list[Any] = []
    for item in value:
        if skip_nulls and item in (None, "None", "null"):
            continue
        if _is_sequence(item) and (levels is None or levels >= 1):
            result += flatten(item, None if levels is None else int(levels) - 1, skip_nulls)
        else:
            result.append(item)
    return result


def _distinct(items: Iterable[Any]) -> list[Any]:
    """The items without repetitions, in their order; they need not be hashable."""
    items = list(items)
    try:
        return list(dict.fromkeys(items))
    except TypeError:
        result: list[Any] = []
        for item in items:
            if item not in result:
                result.append(item)
        return result


def _holder(items: Iterable[Any]) -> Any:
    """Something to look items up in, a set if that is possible."""
    items = list(items)
    try:
        return set(items)
    except TypeError:
        return items


def _is_in(item: Any, holder: Any) -> bool:
    try:
        return item in holder
    except TypeError:  # a list or mapping, asked of a set
        return False


def union(one: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    return _distinct([*one, *other])


def intersect(one: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    holder = _holder(other)
    return _distinct(item for item in one if _is_in(item, holder))


def difference(one: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    holder = _holder(other)
    return _distinct(item for item in one if not _is_in(item, holder))


def symmetric_difference(one: Iterable[Any], other: Iterable[Any]) -> list[Any]:
    return [*difference(one, other), *difference(other, one)]


def product(*pools: Iterable[Any], repeat: int = 1) -> list[tuple[Any, ...]]:
    lists = [list(pool) for pool in pools]
    total, width = 1, len(lists) * max(repeat, 1)
    if width > MAX_ITEMS:
        too_long()
    for one in lists:
        total *= min(len(one), MAX_ITEMS + 1) ** min(max(repeat, 0), 20)
        if total * width > MAX_ITEMS:
            too_long()
    return list(itertools.product(*lists, repeat=repeat))


def subset(one: Iterable[Any], other: Iterable[Any]) -> bool:
    return set(one) <= set(other)


def superset(one: Iterable[Any], other: Iterable[Any]) -> bool:
    return set(one) >= set(other)


# --- JSON and YAML ---------------------------------------------------------------------------------------------------

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[misc]
    """Writes a value that is used in two places once, as Ansible does."""


_Dumper.add_multi_representer(list, _Dumper.represent_list)
_Dumper.add_multi_representer(Missing, lambda _, value: value.trip())
_JSON_OPTIONS = frozenset({"indent", "sort_keys", "ensure_ascii", "separators", "skipkeys", "allow_nan"})
_YAML_OPTIONS = frozenset(
    {"indent", "width", "sort_keys", "default_style", "canonical", "explicit_start", "explicit_end"}
)


def _known(options: Mapping[str, object], known: frozenset[str]) -> Mapping[str, Any]:
    unknown = sorted(options.keys() - known)
    if unknown:
        raise ValueError(f"the option {unknown[0]!r} is not supported")
    return options


def _date(value: object) -> str:
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise TypeError("it contains a value that JSON cannot represent")


def to_json(value: object, **options: Any) -> str:
    return json.dumps(finished(value), default=_date, **_known(options, _JSON_OPTIONS))


def to_nice_json(value: object, indent: Any = 4, sort_keys: bool = True, **options: Any) -> str:
    options.pop("separators", None)
    return to_json(value, indent=indent, sort_keys=sort_keys, separators=(",", ": "), **options)


def from_json(value: str) -> Any:
    return json.loads(value)


def to_yaml(value: object, default_flow_style: bool | None = None, **options: Any) -> str:
    found: str = yaml.dump(
        value,
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=default_flow_style,
        **_known(options, _YAML_OPTIONS),
    )
    return found


def to_nice_yaml(value: object, indent: int = 4, default_flow_style: bool | None = False, **options: Any) -> str:
    return to_yaml(value, default_flow_style, indent=indent, **options)


def from_yaml(value: Any) -> Any:
    return yaml.load(value, Loader=_Loader) if isinstance(value, str) else value


# --- sizes -----------------------------------------------------------------------------------------------------------

_SIZE = re.compile(r"([0-9]*\.?[0-9]+)(?:\s*([A-Za-z]+))?\s*")
_UNITS = {  # Ansible's, which are powers of 1024, with the word for each (and its spelling of zettabyte)
    "B": "", "K": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta", "E": "exa", "Z": "zeta", "Y": "yotta",
}  # fmt: skip


def human_to_bytes(size: object, default_unit: str | None = None, isbits: bool = False) -> int:
    found = _SIZE.fullmatch(str(size))
    if found is None:
        raise ValueError(f"{str(size)!r} is not a size")
    unit = found[2] if found[2] is not None else default_unit
    if unit is None:
        return round(float(found[1]))
    letter = unit[0].upper()
    if letter not in _UNITS:
        raise ValueError(f"the unit of {str(size)!r} is not one of {', '.join(_UNITS)}")
    short, word = ("b", "bit") if isbits else ("B", "byte")
    full = short if letter == "B" else letter + short
    if len(unit) > 1 and unit != full and unit.lower() != _UNITS[letter] + word:
        raise ValueError(f"the unit {unit!r} is not {full}")
    factor: int = 1024 ** list(_UNITS).index(letter)
    return round(float(found[1]) * factor)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "b64decode": b64decode, "b64encode": b64encode, "basename": posixpath.basename, "bool": bool_, "combine": combine,
    "dict2items": dict2items, "difference": difference, "dirname": posixpath.dirname, "flatten": flatten,
    "from_json": from_json, "from_yaml": from_yaml, "hash": hash_, "human_to_bytes": human_to_bytes,
    "intersect": intersect, "items2dict": items2dict, "mandatory": mandatory, "product": product, "quote": quote,
    "regex_escape": regex_escape, "regex_findall": regex_findall, "regex_replace": regex_replace,
    "regex_search": regex_search, "split": split, "splitext": posixpath.splitext,
    "symmetric_difference": symmetric_difference, "ternary": ternary, "to_json": to_json,
    "to_nice_json": to_nice_json, "to_nice_yaml": to_nice_yaml, "to_yaml": to_yaml, "union": union, "zip": zip,
}  # fmt: skip
TESTS: Mapping[str, Callable[..., Any]] = {
    "contains": operator.contains, "match": match, "search": search, "regex": regex, "subset": subset,
    "issubset": subset, "superset": superset, "issuperset": superset, "version": compare_versions,
    "version_compare": compare_versions, "falsy": operator.not_, "truthy": operator.truth, "any": any, "all": all,
}  # fmt: skip
