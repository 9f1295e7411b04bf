# SPDX-License-Identifier: GPL-2.0-or-later
"""YAML text -> a tree of values with their places, or what is wrong with the text.

The values are those of PyYAML's safe loader, which are Ansible's. The parser is libyaml's, driven event by event: its
own composer recurses in C, so that a deeply nested file would end the process instead of being a problem.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import NoReturn

import yaml
from yaml import CSafeLoader
from yaml.constructor import SafeConstructor
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from yaml.nodes import ScalarNode
from yaml.resolver import Resolver

from ksgen.problems import Mark, Problem
from ksgen.syntax import jsonnodes, yamltext
from ksgen.syntax.nodes import MAX_ALIASED_NODES, MAX_DEPTH, Node, Scalar, Vaulted

# The longest number or date: whatever is longer is a string that lacks its quotes (and int() refuses 4,300 digits).
MAX_NUMBER = 100

_PREFIX = "tag:yaml.org,2002:"
_STR, _MERGE, _VALUE = (_PREFIX + name for name in ("str", "merge", "value"))
_COLLECTION_TAGS = {None, "!", "!unsafe", _PREFIX + "map", _PREFIX + "seq"}
_VAULT_TAGS = {"!vault", "!vault-encrypted"}
_RESOLVERS = Resolver.yaml_implicit_resolvers
_CONSTRUCTOR = SafeConstructor()
_CONSTRUCTORS = {
    _PREFIX + "int": _CONSTRUCTOR.construct_yaml_int,
    _PREFIX + "float": _CONSTRUCTOR.construct_yaml_float,
    _PREFIX + "bool": _CONSTRUCTOR.construct_yaml_bool,
    _PREFIX + "null": _CONSTRUCTOR.construct_yaml_null,
    _PREFIX + "timestamp": _CONSTRUCTOR.construct_yaml_timestamp,
}
_IN_WORDS = {"int": "number", "float": "number", "bool": "boolean", "null": "null", "timestamp": "date"}


class _Unreadable(Exception):
    """Ends the reading of one file; never leaves this module."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclasses.dataclass(slots=True)
class _Frame:
    """A collection that is still open."""

    mark: Mark
    key_mark: Mark | None
    anchor: str | None
    literal: bool
    mapping: dict[str, Node] | None
    items: list[Node]
    key: Scalar = None
    own_key_mark: Mark | None = None  # None: the next node is a key
    is_merge: bool = False
    merged: list[Node] = dataclasses.field(default_factory=list)
    odd_keys: tuple[Node, ...] = ()

    @property
    def waits_for_key(self) -> bool:
        return self.mapping is not None and self.own_key_mark is None


class _Tree:
    """Builds the tree from events."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self.frames: list[_Frame] = []
        self.anchors: dict[str, Node | None] = {}  # None: still open
        self.anchor_marks: dict[str, Mark] = {}
        # id of an anchored node: the node (which keeps the id its own), how many nodes and levels it has.
        self.extents: dict[int, tuple[Node, int, int]] = {}
        self.aliased = 0
        self.documents = 0
        self.names: set[str] = set()  # keys that are strings without quotes; most come again for every host

    def stop(self, code: str, message: str, mark: Mark, hint: str | None = None) -> NoReturn:
        raise _Unreadable(Problem(code, message, mark, hint=hint))

    def report(self, code: str, message: str, mark: Mark, hint: str | None = None) -> None:
        self.problems.append(Problem(code, message, mark, hint=hint))

    def mark(self, event: Event) -> Mark:
        start, end = event.start_mark, event.end_mark
        assert start is not None
        assert end is not None
        length = end.index - start.index if end.line == start.line else 1
        return Mark(self.file, start.line + 1, start.column + 1, length or 1)

    def open_anchor(self, name: str, mark: Mark) -> None:
        if name in self.anchors:
            self.stop(
                "duplicate-anchor",
                f"the anchor &{name} is on line {self.anchor_marks[name].line} already",
                mark,
                "give each anchor its own name",
            )
        self.anchors[name] = None
        self.anchor_marks[name] = mark

    def construct(self, tag: str, text: str, mark: Mark) -> Scalar:
        name = tag.removeprefix(_PREFIX)
        try:
            if len(text) > MAX_NUMBER:
                raise ValueError
            value: Scalar = _CONSTRUCTORS[tag](ScalarNode(tag, text))
        except (ValueError, LookupError, AttributeError, TypeError, OverflowError):
            shown = f"{text[:20]}…" if len(text) > MAX_NUMBER else text if text.isprintable() else ascii(text)
            self.stop(
                "not-a-value",
                f"YAML takes {shown} for a {_IN_WORDS[name]}, but it is not a valid one",
                mark,
                "write it in quotes",
            )
        return value

    def resolve(self, text: str, mark: Mark) -> Scalar:
        """The value of a scalar without quotes and tag."""
        for tag, pattern in _RESOLVERS.get(text[:1], ()):
            if pattern.match(text):
                if tag in (_VALUE, _MERGE):
                    self.stop(
                        "needs-quotes", f"an unquoted {text} has a special meaning in YAML", mark, f'write "{text}"'
                    )
                if tag not in _CONSTRUCTORS:  # '!', '&' and '*', which only quotes and !unsafe bring here
                    message = f"!unsafe makes syntax of YAML out of {text!r}, which Ansible refuses"
                    self.stop("not-a-value", message, mark, "remove !unsafe: there is no expression in it")
                return self.construct(tag, text, mark)
        return text

    def scalar(self, event: ScalarEvent, mark: Mark) -> Scalar:
        tag, text = event.tag, event.value
        if tag is None or tag == "!":
            # Most texts begin with a character that no number and no other word of YAML begins with.
            return self.resolve(text, mark) if event.implicit[0] and text[:1] in _RESOLVERS else text
        if tag == _STR:
            return str(text)
        if tag == "!unsafe":  # Ansible resolves it, quoted or not
            return self.resolve(text, mark)
        if tag in _VAULT_TAGS:
            return Vaulted(text)
        if tag in _CONSTRUCTORS:
            return self.construct(tag, text, mark)
        self.unknown_tag(tag, mark)

    def unknown_tag(self, tag: str | None, mark: Mark) -> NoReturn:
        tag = tag or ""
        shown = "!!" + tag.removeprefix(_PREFIX) if tag.startswith(_PREFIX) else tag
        self.stop(
            "unknown-tag",
            f"{shown!r} is not a supported tag",
            mark,
            "remove the tag; Ansible's own are !vault and !unsafe, for a single string",
        )

    def take_key(self, frame: _Frame, key: Scalar, mark: Mark, source: str, is_merge: bool) -> None:
        if isinstance(key, Vaulted):
            self.stop("key-not-a-scalar", "the key of a mapping is vaulted", mark, "use a key that is not vaulted")
        frame.own_key_mark = mark
        frame.key = key
        frame.is_merge = is_merge
        if is_merge:
            if frame.merged:
                self.report("duplicate-key", "'<<' is used twice here", mark, "merge a list: <<: [*one, *two]")
            return
        assert frame.mapping is not None
        if type(key) is not str:
            frame.odd_keys += (Node(key, mark, source=source),)
        first = frame.mapping.get(key)  # type: ignore[arg-type]  # odd keys are kept, see Node
        if first is not None:
            self.report(
                "duplicate-key",
                f"{source!r} is on line {first.name_mark.line} already",
                mark,
                "keep one of the two; Ansible would use the last one and only warn",
            )

    def add(self, node: Node) -> None:
        """Put a finished value where it belongs."""
        if not self.frames:
            self.root = node
            return
        frame = self.frames[-1]
        if frame.mapping is None:
            frame.items.append(node)
        elif frame.own_key_mark is None:
            expression = isinstance(node.value, dict) and node.mark.column > 1
            self.stop(
                "key-not-a-scalar",
                f"the key of a mapping is {'a mapping' if isinstance(node.value, dict) else 'a list'}",
                node.mark,
                'write an expression in quotes: "{{ … }}"' if expression else "use a string as the key",
            )
        else:
            if frame.is_merge:
                self.merge(frame, node)
            else:
                frame.mapping[frame.key] = node  # type: ignore[index]
            frame.own_key_mark = None

    def merge(self, frame: _Frame, node: Node) -> None:
        if isinstance(node.value, dict):
            frame.merged.append(node)
        elif isinstance(node.value, tuple) and all(isinstance(item.value, dict) for item in node.value):
            frame.merged.extend(reversed(node.value))  # the first of a list wins
        else:
            self.stop(
                "merge-not-a-mapping",
                "'<<' merges a value that is not a mapping",
                node.mark,
                "merge an alias of a mapping: <<: *name",
            )

    def on_scalar(self, event: ScalarEvent) -> None:
        frame = self.frames[-1] if self.frames else None
        mark = self.mark(event)
        if event.anchor is not None:
            self.open_anchor(event.anchor, mark)
        if frame is not None and frame.mapping is not None and frame.own_key_mark is None:
            self.on_key(event, frame, mark)
        else:
            node = self.scalar_node(event, self.scalar(event, mark), mark, frame)
            if event.anchor is not None:
                self.set_anchor(event.anchor, node)
            self.add(node)

    def on_key(self, event: ScalarEvent, frame: _Frame, mark: Mark) -> None:
        text, anchor = event.value, event.anchor
        is_special = text in ("<<", "=") and event.implicit[0]
        is_merge = is_special and text == "<<"
        is_string = event.tag is None and (is_special or text in self.names)
        value: Scalar = text if is_string else self.scalar(event, mark)
        if anchor is not None:
            if is_merge:
                self.stop("needs-quotes", "an anchor before <<", mark, "remove the anchor")
            self.set_anchor(anchor, self.scalar_node(event, value, mark, frame))
        elif type(value) is str and event.implicit[0] and not is_special:
            self.names.add(text)
        self.take_key(frame, value, mark, text, is_merge)

    def scalar_node(self, event: ScalarEvent, value: Scalar, mark: Mark, frame: _Frame | None) -> Node:
        source = None if type(value) is str or type(value) is Vaulted else event.value
        if frame is None:
            return Node(value, mark, None, source, event.tag == "!unsafe")
        return Node(value, mark, frame.own_key_mark, source, event.tag == "!unsafe" or frame.literal)

    def set_anchor(self, name: str, node: Node) -> None:
        """What the aliases of this name stand for from here on."""
        self.anchors[name] = node
        self.extents[id(node)] = (node, *self.extent(node))

    def on_start(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        start = event.start_mark
        assert start is not None
        mark = Mark(self.file, start.line + 1, start.column + 1)
        if len(self.frames) >= MAX_DEPTH:
            self.stop("nested-too-deep", f"more than {MAX_DEPTH} levels of nesting", mark, "use fewer levels")
        is_mapping = type(event) is MappingStartEvent
        if event.tag not in _COLLECTION_TAGS:
            if event.tag in _VAULT_TAGS:
                self.stop(
                    "vault-not-text",
                    f"the tag {event.tag} is for a string, not for a {'mapping' if is_mapping else 'list'}",
                    mark,
                )
            self.unknown_tag(event.tag, mark)
        outer = self.frames[-1] if self.frames else None
        literal = event.tag == "!unsafe" or (outer is not None and outer.literal)
        key_mark = None if outer is None else outer.own_key_mark
        if event.anchor is not None:
            self.open_anchor(event.anchor, mark)
        self.frames.append(_Frame(mark, key_mark, event.anchor, literal, {} if is_mapping else None, []))

    def on_document(self, event: DocumentStartEvent) -> None:
        self.documents += 1
        if self.documents > 1:
            mark = self.mark(event)
            self.stop("second-document", "a second document begins here", mark, "keep one document in one file")

    def on_end(self, _: MappingEndEvent | SequenceEndEvent) -> None:
        frame = self.frames.pop()
        if frame.mapping is None:
            node = Node(tuple(frame.items), frame.mark, frame.key_mark, literal=frame.literal)
        else:
            mapping = frame.mapping
            for merged in reversed(frame.merged):
                assert isinstance(merged.value, dict)
                mapping = {**merged.value, **mapping}
                frame.odd_keys += merged.odd_keys
            node = Node(mapping, frame.mark, frame.key_mark, literal=frame.literal, odd_keys=frame.odd_keys)
        if frame.anchor is not None:
            self.set_anchor(frame.anchor, node)
        self.add(node)

    def extent(self, node: Node) -> tuple[int, int]:
        """How many nodes and levels a tree has when every alias in it is written out."""
        measured = self.extents.get(id(node))
        if measured is not None:
            return measured[1:]
        value = node.value
        children = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
        count, height = 1, 0
        for child in children:
            child_count, child_height = self.extent(child)
            count, height = count + child_count, max(height, child_height)
        return count, height + 1

    def on_alias(self, event: AliasEvent) -> None:
        mark, name = self.mark(event), event.anchor
        if name not in self.anchors:
            self.stop(
                "undefined-alias",
                f"no anchor &{name} is defined before *{name}",
                mark,
                f"write &{name} before the value that is meant, or quotes around a string that begins with *",
            )
        node = self.anchors[name]
        if node is None:
            self.stop(
                "cyclic-anchor", f"*{name} is inside &{name}: it would contain itself", mark, "write the value out"
            )
        _, nodes, height = self.extents[id(node)]
        self.aliased += nodes
        if self.aliased > MAX_ALIASED_NODES:
            self.stop(
                "too-many-aliases",
                f"the aliases up to here expand to more than {MAX_ALIASED_NODES:,} values",
                mark,
                "write the values out, or put them in a group",
            )
        if len(self.frames) + height > MAX_DEPTH:
            self.stop("nested-too-deep", f"more than {MAX_DEPTH} levels of nesting", mark, "use fewer levels")
        frame = self.frames[-1]
        if frame.waits_for_key:
            if isinstance(node.value, tuple | Mapping):
                self.add(node._replace(mark=mark))
            else:
                self.take_key(frame, node.value, mark, str(node.value), False)
        else:
            placed = node._replace(key_mark=frame.own_key_mark)
            self.extents[id(placed)] = (placed, nodes, height)
            self.add(placed)


def parse_yaml(text: str | bytes, file: str) -> tuple[Node | None, list[Problem]]:
    """Read one document; no node when the string is empty or cannot be read.

    What Ansible reads as JSON is read as JSON: there 1e3 is a number.
    """
    if isinstance(text, bytes):
        decoded = yamltext.decode(text, file)
        if isinstance(decoded, Problem):
            return None, [decoded]
        text = decoded
    if jsonnodes.is_json(text):
        return jsonnodes.parse_json(text, file)
    unfit = yamltext.unfit(text, file)
    if unfit is not None:
        return None, [unfit]
    tree = _Tree(file)
    try:
        _build(tree, CSafeLoader(text))
    except _Unreadable as stopped:
        return None, [*tree.problems, stopped.problem]
    except yaml.YAMLError as error:
        problem = _too_deep_before(error, text, file) or yamltext.syntax(error, text, file)
        return None, [*tree.problems, problem]
    return tree.root, tree.problems


def _too_deep_before(error: yaml.YAMLError, text: str, file: str) -> Problem | None:
    """That the text nests too deep before the place where libyaml stopped, if it does.

    libyaml reads ahead of its events: what it says, a depth limit of its own (PyYAML 6.0.4) among it, can come before
    the event at which our limit is reached.
    """
    at = getattr(error, "problem_mark", None)
    if at is None:
        return None
    try:
        _build(_Tree(file), CSafeLoader(text[: at.index]))
    except _Unreadable as stopped:
        return stopped.problem if stopped.problem.code == "nested-too-deep" else None
    except yaml.YAMLError:
        pass
    return None


def _build(tree: _Tree, loader: CSafeLoader) -> None:
    handlers: dict[type[object], Callable[..., None]] = {
        ScalarEvent: tree.on_scalar,
        MappingStartEvent: tree.on_start,
        MappingEndEvent: tree.on_end,
        SequenceStartEvent: tree.on_start,
        SequenceEndEvent: tree.on_end,
        AliasEvent: tree.on_alias,
        DocumentStartEvent: tree.on_document,
    }
    while True:
        event = loader.get_event()
        handler = handlers.get(type(event))
        if handler is not None:
            handler(event)
        elif type(event) is StreamEndEvent:
            return
