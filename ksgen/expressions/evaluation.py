# SPDX-License-Identifier: GPL-2.0-or-later
"""The value of a template: Jinja's syntax tree, walked step by step, with Ansible's rules for what comes out.

A template that is one expression keeps the type of its value; several pieces make a text; none make nothing. A missing
value does no harm until it is used.
"""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from jinja2 import nodes
from jinja2.runtime import LoopContext, Undefined
from jinja2.utils import Namespace

from ksgen.expressions.bounds import (
    MAX_BITS,
    MAX_SIZE,
    OMIT,
    Missing,
    Refused,
    Tripped,
    failure,
    no_value,
    size,
    too_long,
)
from ksgen.expressions.language import Language


class Deferred(Protocol):
    """A mapping or list of an inventory in which there are templates: each is a value only when it is asked for."""

    def __len__(self) -> int: ...

    def item(self, key: object) -> object:
        """What stands there; raises LookupError or TypeError as a mapping or list does."""

    def whole(self) -> Any:
        """The ordinary mapping or list."""

    def keys(self) -> Iterable[object] | None:
        """The keys of a mapping, None for a list."""


class Variables(Protocol):
    """What names stand for."""

    def variable(self, name: str) -> object:
        """The value, or a Missing."""


_BINARY: Mapping[type[nodes.Node], Callable[[Any, Any], Any]] = {
    nodes.Add: operator.add, nodes.Sub: operator.sub, nodes.Mul: operator.mul, nodes.Div: operator.truediv,
    nodes.FloorDiv: operator.floordiv, nodes.Mod: operator.mod, nodes.Pow: operator.pow,
}  # fmt: skip
_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "lteq": operator.le, "gt": operator.gt,
    "gteq": operator.ge, "in": lambda item, values: item in values, "notin": lambda item, values: item not in values,
}  # fmt: skip
_VALUES = (int, float, bool, type(None), bytes, datetime.date, type(OMIT))


class Evaluator:
    """Evaluates the templates of one host."""

    def __init__(self, language: Language, variables: Variables, is_deferred: Callable[[object], bool]) -> None:
        self._language, self._work = language, language.work
        self._variables, self._is_deferred = variables, is_deferred
        self._scopes: list[dict[str, object]] = []

    def template(self, tree: nodes.Template, ending: str) -> object:
        """The value of a template, possibly still a Deferred; `ending` is the line feeds that it ends with.

        Raises Refused or Tripped.
        """
        outer, self._scopes = self._scopes, []
        pieces: list[object] = []
        try:
            self._run(tree.body, pieces)
            value = self._joined(pieces)
        except (Refused, Tripped, RecursionError):
            raise
        except Exception as error:  # of a loop over a number, say
            raise failure("", error) from error
        finally:
            self._scopes = outer
        if ending and isinstance(value, str):
            value += ending[len(value) - len(value.rstrip("\n")) :]
        return value

    def _joined(self, pieces: list[object]) -> object:
        kept = [piece for piece in pieces if piece is not None]
        if not kept:
            return None
        if len(kept) == 1:
            return kept[0]
        kept = [self._solid(piece) for piece in kept]
        self._work.take(*kept)
        text = "".join([_text(finished(piece)) for piece in kept if piece is not OMIT])
        size(text)
        return text

    # Statements

    def _run(self, body: Iterable[nodes.Node], pieces: list[object]) -> None:
        for node in body:
            self._work.spend(1)
            if isinstance(node, nodes.Output):
                for child in node.nodes:
                    pieces.append(child.data if isinstance(child, nodes.TemplateData) else self.value(child))
            elif isinstance(node, nodes.If):
                self._if(node, pieces)
            elif isinstance(node, nodes.For):
                self._for(node, pieces)
            elif isinstance(node, nodes.Assign):
                self._assign(node.target, self.value(node.node))
            elif isinstance(node, nodes.With):
                self._with(node, pieces)
            else:
                raise AssertionError(f"no such statement: {node}")

    def _if(self, node: nodes.If, pieces: list[object]) -> None:
        for branch in (node, *node.elif_):
            if self.whole(branch.test):
                self._run(branch.body, pieces)
                return
        self._run(node.else_, pieces)

    def _for(self, node: nodes.For, pieces: list[object]) -> None:
        values = self.whole(node.iter)
        self._work.take(values)
        items = list(values)
        if node.test is not None:
            items = [item for item in items if self._passes(node, item)]
        for item, loop in LoopContext(items, self._no_item):  # type: ignore[arg-type]  # all that is asked of it
            self._work.spend(1)
            self._scopes.append({"loop": loop})
            self._assign(node.target, item)
            self._run(node.body, pieces)
            self._scopes.pop()
        if not items:
            self._run(node.else_, pieces)

    def _no_item(self, message: str) -> Missing:
        return self._language.missing("undefined-item", message, None, None)

    def _passes(self, node: nodes.For, item: object) -> bool:
        assert node.test is not None
        self._scopes.append({})
        self._assign(node.target, item)
        result = bool(self.whole(node.test))
        self._scopes.pop()
        return result

    def _with(self, node: nodes.With, pieces: list[object]) -> None:
        values = [self.value(value) for value in node.values]
        self._scopes.append({})
        for target, value in zip(node.targets, values, strict=True):
            self._assign(target, value)
        self._run(node.body, pieces)
        self._scopes.pop()

    def _assign(self, target: nodes.Node, value: object) -> None:
        if isinstance(target, nodes.Name):
            if not self._scopes:
                self._scopes.append({})
            self._scopes[-1][target.name] = value
        elif isinstance(target, nodes.NSRef):
            space = self._local(target.name)
            if not isinstance(space, Namespace):
                raise Refused("expression-fails", f"{target.name!r} is no namespace", None, target.name, target.lineno)
            space[target.attr] = self._solid(value)
        else:
            assert isinstance(target, nodes.Tuple)
            values = list(self._solid(value))
            if len(values) != len(target.items):
                message = f"{len(values)} values for {len(target.items)} names"
                raise Refused("expression-fails", message, None, None, target.lineno)
            for one, part in zip(target.items, values, strict=True):
                self._assign(one, part)

    def _local(self, name: str) -> object:
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        return None

    # Expressions

    def whole(self, node: nodes.Node) -> Any:
        """The value of an expression, everything in it evaluated."""
        return self._solid(self.value(node))

    def _solid(self, value: Any) -> Any:
        return value.whole() if self._is_deferred(value) else value

    def value(self, node: nodes.Node) -> Any:
        """The value of an expression; a mapping or list of the inventory possibly still a Deferred."""
        self._work.spend(1)
        try:
            result = _EXPRESSIONS[type(node)](self, node)
        except Refused as refused:
            if refused.line is None:
                refused.line = node.lineno
            raise
        except (Tripped, RecursionError):
            raise
        except Exception as error:  # what Python says of operators and their operands
            raise failure("", error, node.lineno) from error
        if type(result) is Missing and result.reason.line is None:
            result.reason.line = node.lineno
        return result

    def _const(self, node: nodes.Const) -> object:
        return node.value

    def _name(self, node: nodes.Name) -> object:
        for scope in reversed(self._scopes):
            if node.name in scope:
                return scope[node.name]
        return self._variables.variable(node.name)

    def _list(self, node: nodes.List) -> list[object]:
        return [self.whole(item) for item in node.items]

    def _tuple(self, node: nodes.Tuple) -> tuple[object, ...]:
        return tuple(self.whole(item) for item in node.items)

    def _dict(self, node: nodes.Dict) -> dict[object, object]:
        result = {}
        for pair in node.items:
            key = self.whole(pair.key)
            value = self.whole(pair.value)
            result[key] = value
        return result

    def _getattr(self, node: nodes.Getattr) -> object:
        owner = self.value(node.node)
        if self._is_deferred(owner):
            if owner.keys() is not None and node.attr not in ("get", "items", "keys", "values"):
                return self._item(owner, node.attr)
            owner = owner.whole()
        return self._language.getattr(owner, node.attr)

    def _getitem(self, node: nodes.Getitem) -> object:
        owner = self.value(node.node)
        if isinstance(node.arg, nodes.Slice):
            return self._slice(self._solid(owner), node.arg)
        key = self.whole(node.arg)
        if isinstance(key, Undefined):
            return key
        if self._is_deferred(owner):
            return self._item(owner, key)
        return self._language.getitem(owner, key)

    def _item(self, owner: Deferred, key: object) -> object:
        try:
            return owner.item(key)
        except (LookupError, TypeError):
            return self._language.absent({} if owner.keys() is not None else [], key)

    def _slice(self, owner: Any, part: nodes.Slice) -> object:
        if isinstance(owner, Undefined):
            return owner
        bounds = [None if bound is None else self.whole(bound) for bound in (part.start, part.stop, part.step)]
        self._work.take(owner)
        return owner[slice(*bounds)]

    def _binary(self, node: nodes.BinExpr) -> Any:
        left, right = self.whole(node.left), self.whole(node.right)
        kind = type(node)
        if kind is nodes.Mod and isinstance(left, str | bytes):
            self._work.fill(left, [right])
        elif kind is nodes.Mul:
            _check_product(left, right)
        elif kind is nodes.Pow:
            _check_power(left, right)
        self._work.take(left, right)
        result = _BINARY[kind](left, right)
        size(result)
        return result

    def _and(self, node: nodes.And) -> Any:
        left = self.whole(node.left)
        return self.whole(node.right) if left else left

    def _or(self, node: nodes.Or) -> Any:
        left = self.whole(node.left)
        return left if left else self.whole(node.right)

    def _not(self, node: nodes.Not) -> bool:
        return not self.whole(node.node)

    def _sign(self, node: nodes.UnaryExpr) -> Any:
        value = self.whole(node.node)
        return -value if isinstance(node, nodes.Neg) else +value

    def _concat(self, node: nodes.Concat) -> str:
        values = [self.whole(part) for part in node.nodes]
        self._work.take(*values)
        text = "".join([str(value) for value in values])
        size(text)
        return text

    def _compare(self, node: nodes.Compare) -> Any:
        left = self.whole(node.expr)
        result: Any = True
        for operand in node.ops:
            right = self.value(operand.expr)
            if self._is_deferred(right):
                keys = right.keys()
                right = dict.fromkeys(keys) if operand.op in ("in", "notin") and keys is not None else right.whole()
            self._work.take(left, right)
            result = _COMPARISONS[operand.op](left, right)
            if not result:
                return result
            left = right
        return result

    def _condition(self, node: nodes.CondExpr) -> Any:
        if self.whole(node.test):
            return self.value(node.expr1)
        if node.expr2 is None:
            message = "the condition is false, and there is no else"
            raise Refused("undefined-name", message, "add else and a value", "if", node.lineno)
        return self.value(node.expr2)

    def _arguments(self, node: Any) -> tuple[list[Any], dict[str, Any]]:
        arguments = [self.whole(argument) for argument in node.args]
        options = {pair.key: self.whole(pair.value) for pair in node.kwargs}
        if node.dyn_args is not None:
            more = self.whole(node.dyn_args)
            self._work.take(more)
            arguments += list(more)
        if node.dyn_kwargs is not None:
            named = self.whole(node.dyn_kwargs)
            self._work.take(named)
            options.update({str(name): named[name] for name in named})
        return arguments, options

    def _filter(self, node: nodes.Filter) -> Any:
        assert node.node is not None
        value = self.whole(node.node)
        arguments, options = self._arguments(node)
        return self._language.call_filter(node.name, value, arguments, options, context=self._language.context)

    def _test(self, node: nodes.Test) -> Any:
        value = self.whole(node.node)
        arguments, options = self._arguments(node)
        return self._language.call_test(node.name, value, arguments, options, context=self._language.context)

    def _call(self, node: nodes.Call) -> Any:
        target = node.node
        if isinstance(target, nodes.Getattr) and target.attr == "get" and len(node.args) in (1, 2):
            owner = self.value(target.node)
            if self._is_deferred(owner) and owner.keys() is not None:
                key = self.whole(node.args[0])
                try:
                    return owner.item(key)
                except LookupError:
                    return self.whole(node.args[1]) if len(node.args) == 2 else None
        function = self.value(target)
        arguments, options = self._arguments(node)
        return self._language.call(function, arguments, options)


_EXPRESSIONS: Mapping[type[nodes.Node], Callable[[Evaluator, Any], Any]] = {
    nodes.Const: Evaluator._const, nodes.Name: Evaluator._name, nodes.List: Evaluator._list,
    nodes.Tuple: Evaluator._tuple, nodes.Dict: Evaluator._dict, nodes.Getattr: Evaluator._getattr,
    nodes.Getitem: Evaluator._getitem, nodes.And: Evaluator._and, nodes.Or: Evaluator._or, nodes.Not: Evaluator._not,
    nodes.Neg: Evaluator._sign, nodes.Pos: Evaluator._sign, nodes.Concat: Evaluator._concat,
    nodes.Compare: Evaluator._compare, nodes.CondExpr: Evaluator._condition, nodes.Filter: Evaluator._filter,
    nodes.Test: Evaluator._test, nodes.Call: Evaluator._call, **dict.fromkeys(_BINARY, Evaluator._binary),
}  # fmt: skip


def _check_product(left: object, right: object) -> None:
    for value, times in ((left, right), (right, left)):
        if isinstance(times, int):
            if isinstance(value, str | bytes | list | tuple) and size(value) * max(times, 0) > MAX_SIZE:
                too_long()
            if isinstance(value, int) and value.bit_length() + times.bit_length() > MAX_BITS:
                too_long()


def _check_power(left: object, right: object) -> None:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > MAX_BITS:
        too_long()


def _text(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def finished(value: Any) -> Any:
    """The value as a variable can have it: lists and mappings of Python, without what is omitted."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict):
        return {finished(key): finished(child) for key, child in value.items() if child is not OMIT}
    if isinstance(value, list | tuple):
        return [finished(child) for child in value if child is not OMIT]
    if isinstance(value, Missing):
        raise Tripped(value)
    if isinstance(value, Undefined) or not isinstance(value, _VALUES):
        raise no_value(value)
    return value
