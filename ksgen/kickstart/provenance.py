# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the secrets of a host are in the files made of it: by where they came from, not by what they look like.

The same templates are rendered once more for the host with stand-ins in the place of its secrets: where a stand-in is
printed, a secret is printed in the real file. A name that happens to be a password is left alone elsewhere.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from ksgen.host import Host
from ksgen.kickstart.files import is_here_document
from ksgen.redaction import may_hold_secret, names_secret
from ksgen.syntax import Node, holds_secret, plain
from ksgen.variables import PREFIX, SECRETS, NodeFile

# Index of a line, and where in it a secret begins and ends.
Place = tuple[int, int, int]
# Variables whose texts are printed as they are. From others something is made: an address, a size, a name.
_PRINTED = frozenset({
    "root_password_hash", "users", "ssh_keys", "kernel_args", "installer_args", "pre", "post", "post_site",
    "post_group", "timezone", "lang", "keyboard", "ntp_servers", "image_sha256", "disk", "files", "repos",
    "packages", "drivers", "modules", "sysctl", "services", "local_disks", "firewall",
    "iscsi_initiator", "proxy", "serial", "ca_certificates",
})  # fmt: skip
_SEPARATORS = re.compile(r"[/,;\s]+")
_SHORTEST = 4  # characters of a text that is searched for; of a shorter one everybody has some
_STAND_IN = re.compile(r"KSGENSECRET[0-9]+[$E]")


@dataclasses.dataclass(frozen=True)
class Veiled:
    """A host with stand-ins for its secrets, and the texts of those secrets that have no placeholder.

    `variables` are all of the inventory's, with stand-ins as well.
    """

    host: Host
    searched: tuple[str, ...]
    variables: Mapping[str, object] = dataclasses.field(default_factory=dict)


def veiled(host: Host, variables: Mapping[str, Node] | None = None) -> Veiled | None:
    """The host without its secrets, None where it has none; `variables` are all of the inventory's."""
    numbers = itertools.count(1)
    changed: dict[str, Any] = {}
    searched: list[str] = []
    for name, value in host.settings:
        variable = host.entry.variables.get(PREFIX + name)
        if variable is None or not (holds_secret(variable.node) or name in ("root_password_hash", "users")):
            continue
        if name in _PRINTED:
            changed[name] = _without(value, variable.node, PREFIX + name in SECRETS, numbers)
        else:
            searched += (word for text in _texts(variable.node) for word in _SEPARATORS.split(text))
    files = [_without_looks(file, numbers) for file in changed.get("files", host.settings.files)]
    if files != host.settings.files:
        changed["files"] = files
    of_inventory = {
        name: _veiled_value(node, _is_secret_name(name), numbers) for name, node in (variables or {}).items()
    }
    if not changed and not searched and of_inventory == {name: plain(node) for name, node in (variables or {}).items()}:
        return None
    settings = host.settings.model_copy(update=changed)
    words = dict.fromkeys(word for word in searched if len(word) >= _SHORTEST)
    return Veiled(dataclasses.replace(host, settings=settings), tuple(words), of_inventory)


def _without_looks(file: NodeFile, numbers: Iterator[int]) -> NodeFile:
    """A file with a stand-in for content that looks like a secret and is printed in Base64, which hides its looks."""
    content = file.content
    if content is None or is_here_document(content) or not may_hold_secret(content):
        return file
    return file.model_copy(update={"content": _stand_in(content, numbers)})


def _is_secret_name(name: str) -> bool:
    return name in SECRETS or names_secret(name)


def _veiled_value(node: Node, is_secret: bool, numbers: Iterator[int]) -> object:
    """A plain value with stand-ins in the place of what is secret, by its name or because it comes out of a vault."""
    value = node.value
    if isinstance(value, Mapping):
        return {key: _veiled_value(child, is_secret or _is_secret_name(key), numbers) for key, child in value.items()}
    if isinstance(value, tuple):
        return [_veiled_value(child, is_secret, numbers) for child in value]
    if value is None or isinstance(value, bool) or not (is_secret or node.is_secret):
        return plain(node)
    return _with_stand_ins(str(value), _parts(node, str(value)), numbers)


def boot_places(host: Host, text: str) -> tuple[Place, ...]:
    """Where a boot file of a host has what is secret in the arguments of its installer."""
    variable = host.entry.variables.get(f"{PREFIX}installer_args")
    words = {word for secret in _texts(variable.node) for word in secret.split()} if variable else set()
    return places(text, text, sorted(word for word in words if len(word) >= _SHORTEST))


def _texts(node: Node) -> Iterator[str]:
    """What is secret in a value: the parts of a text that are, or all of it."""
    if isinstance(node.value, Mapping):
        for child in node.value.values():
            yield from _texts(child)
    elif isinstance(node.value, tuple):
        for child in node.value:
            yield from _texts(child)
    elif node.is_secret:
        yield from node.secrets or (str(node.value),)


def _without(value: Any, node: Node, is_named: bool, numbers: Iterator[int]) -> Any:
    """A value of the settings with stand-ins in the place of what is secret in its node."""
    below: Any = node.value
    if isinstance(value, BaseModel) and isinstance(below, Mapping):
        found = {
            name: _without(getattr(value, name), child, name in SECRETS, numbers)
            for name, child in below.items()
            if name in type(value).model_fields
        }
        return value.model_copy(update=found)
    if isinstance(value, dict) and isinstance(below, Mapping):
        # In their order; a key that is a secret is printed too.
        return {
            _stand_in(key, numbers) if node.is_secret else key: _without(one, child, is_named, numbers)
            for (key, one), child in zip(value.items(), below.values(), strict=True)
        }
    if isinstance(value, list) and isinstance(below, tuple) and len(value) == len(below):
        return [_without(one, child, is_named, numbers) for one, child in zip(value, below, strict=True)]
    if isinstance(value, list) and len(value) == 1:  # a single value is read as a list of one
        return [_without(value[0], node, is_named, numbers)]
    if isinstance(value, list):  # the words of one text
        parts = _parts(node, str(below))
        words = None if parts is None else tuple(word for part in parts for word in part.split())
        return [_with_stand_ins(one, words, numbers) for one in value]
    if not isinstance(value, str) or not (is_named or holds_secret(node)):
        return value
    return _with_stand_ins(value, _parts(node, value), numbers)


def _parts(node: Node, text: str) -> tuple[str, ...] | None:
    """The parts of a text that are secret; None where all of it is."""
    return node.secrets if node.secrets and all(part in text for part in node.secrets) else None


def _with_stand_ins(text: str, parts: tuple[str, ...] | None, numbers: Iterator[int]) -> str:
    if parts is None:
        return _stand_in(text, numbers)
    longest_first = sorted(filter(None, parts), key=len, reverse=True)
    return re.sub(
        "|".join(map(re.escape, longest_first)) or "$^", lambda found: _stand_in(found.group(), numbers), text
    )


def _stand_in(secret: str, numbers: Iterator[int]) -> str:
    """As many lines as the secret has; it is quoted where the secret is (kickstart.gate)."""
    is_plain = re.fullmatch(r"[A-Za-z0-9@_+=:,./*\[\]%^~-]+", secret) is not None
    return "\n".join(
        f"KSGENSECRET{next(numbers)}{'E' if is_plain else '$'}" if line else "" for line in secret.split("\n")
    )


def places(text: str, shown: str, searched: Sequence[str] = ()) -> tuple[Place, ...]:
    """Where a text has secrets and the other stand-ins. A line that differs in another way is a secret as a whole."""
    lines, others = text.split("\n"), shown.split("\n")
    if len(lines) != len(others):
        known = set(others)
        found = [(n, 0, len(line)) for n, line in enumerate(lines) if line not in known]
    else:
        found = [
            place
            for n, (line, other) in enumerate(zip(lines, others, strict=True))
            for place in _of_line(n, line, other)
        ]
    for word in searched:
        pattern = re.compile(re.escape(word), re.IGNORECASE)
        found += [(n, *match.span()) for n, line in enumerate(lines) for match in pattern.finditer(line)]
    return tuple(sorted(place for place in found if place[1] < place[2]))


def _of_line(number: int, line: str, other: str) -> Iterator[Place]:
    if line == other:
        return
    around = "(.*?)".join(map(re.escape, _STAND_IN.split(other)))
    match = re.fullmatch(around, line) if _STAND_IN.search(other) else None
    if match is None:
        yield number, 0, len(line)
        return
    for group in range(1, match.re.groups + 1):
        yield number, *match.span(group)
