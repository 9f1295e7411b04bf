# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutations of a Python source file: each changes one thing that a test should notice.

Docstrings, annotations, imports and the arguments of decorators are left alone. The operators are in OPERATORS.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

OPERATORS = {
    "compare": "a comparison: its opposite, and the boundary (< and <=)",
    "boolean": "and becomes or, or becomes and",
    "operand": "one operand of and, or, | and & is removed",
    "not": "not is removed",
    "condition": "the condition of if, of a conditional expression and of a comprehension: always true, always false; "
    "of while: always false",
    "arithmetic": "+ and -, * and //, % and //, << and >>; the sign is removed",
    "constant": "a number + 1 and - 1; True and False; a text becomes empty, an empty text does not",
    "return": "a function returns None",
    "statement": "a call, an assignment to something that has a value already, raise, break, continue, del, assert, "
    "return without a value: removed",
    "call": "f(x) becomes x",
    "swap": "any and all, min and max, startswith and endswith",
    "decorator": "a decorator is removed (other than a cache)",
    "element": "an element of a tuple, list, set or dict is removed",
    "alternative": "an alternative of a regular expression is removed",
    "except": "an exception handler raises again",
    "with": "a context manager does nothing",
    "slice": "a bound of a slice is removed",
    "loop": "a for loop has no items",
}

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_SWAPS = {"any": "all", "min": "max", "startswith": "endswith"}
_SWAPS |= {after: before for before, after in _SWAPS.items()}
# Without these f(x) is mostly the same for whoever iterates over it or formats it.
_CONVERSIONS = {"tuple", "list", "set", "frozenset", "dict", "iter", "str", "bool", "super", "field", "cast"}
_CACHES = {"cache", "lru_cache", "functools.cache", "functools.lru_cache"}
# Text that some other text does not contain by chance.
_SOME_TEXT = "mutant"


@dataclass(frozen=True)
class Mutation:
    """One change. `line` is where it is, `text` what stands in that line; `source` is the whole file with the change.

    Operator, before, after and text identify it: they stay the same when the file grows elsewhere.
    """

    operator: str
    line: int
    function: str
    before: str
    after: str
    text: str
    source: str

    @property
    def change(self) -> str:
        return f"{self.operator}: {self.before} -> {self.after}"


@dataclass(frozen=True)
class _Place:
    """A node, the function it is in, and the f-string around it, whose parts Python 3.11 does not locate."""

    node: ast.AST
    function: str
    fstring: Optional[ast.JoinedStr] = None


def mutations(source: str) -> list[Mutation]:
    """All of them, in the order of the source."""
    return sorted(_Mutator(source).all(), key=lambda mutation: mutation.line)


def _one_line(code: str) -> str:
    return " ".join(code.split())


def _text(node: ast.AST) -> str:
    return _one_line(ast.unparse(node))


def _with(node: ast.AST, **fields: Any) -> Any:
    """A copy of the node with other fields."""
    return ast.copy_location(type(node)(**{**dict(ast.iter_fields(node)), **fields}), node)


def _rebuilt(node: Any, old: ast.AST, new: ast.AST) -> Any:
    """A copy of a tree in which `old` is replaced."""
    if node is old:
        return new
    if isinstance(node, list):
        return [_rebuilt(item, old, new) for item in node]
    if isinstance(node, ast.AST):
        return _with(node, **{name: _rebuilt(value, old, new) for name, value in ast.iter_fields(node)})
    return node


class _Mutator:
    def __init__(self, source: str) -> None:
        self.source = source
        self.lines = source.splitlines()
        self.tree = ast.parse(source)
        self.again = _assigned_again(self.tree)
        encoded = [line.encode() for line in source.splitlines(keepends=True)]
        self.starts = [0]
        for line in encoded:
            self.starts.append(self.starts[-1] + len(line))
        self.encoded = b"".join(encoded)

    def all(self) -> Iterator[Mutation]:
        for place in _places(self.tree):
            node = place.node
            visit = getattr(self, f"visit_{type(node).__name__}", None)
            if visit is not None:
                yield from visit(place)
            if hasattr(node, "decorator_list"):
                yield from self._decorators(place)

    # --- making one ---

    def _offset(self, line: int, column: int) -> int:
        return self.starts[line - 1] + column

    def _span(self, node: Any) -> tuple[int, int]:
        return self._offset(node.lineno, node.col_offset), self._offset(node.end_lineno, node.end_col_offset)

    def _spliced(self, start: int, end: int, code: str) -> str:
        return (self.encoded[:start] + code.encode() + self.encoded[end:]).decode()

    def _made(
        self, operator: str, place: _Place, at: Any, span: tuple[int, int], code: str, before: str, after: str
    ) -> Mutation:
        line = (place.fstring or at).lineno
        source = self._spliced(*span, code)
        return Mutation(operator, line, place.function, before, after, self.lines[line - 1].strip(), source)

    def _replaced(
        self,
        operator: str,
        place: _Place,
        new: ast.expr,
        *,
        old: Optional[ast.expr] = None,
        at: Optional[ast.AST] = None,
        before: str = "",
        after: str = "",
    ) -> Iterator[Mutation]:
        """An expression, the place's own unless told, becomes another."""
        target: Any = old or place.node
        before, after = before or _text(target), after or _text(new)
        replacement: ast.expr = new
        at = at or target
        if place.fstring is not None:
            replacement, target = _rebuilt(place.fstring, target, new), place.fstring
        try:
            code = f"({ast.unparse(replacement)})"
        except ValueError:  # Python 3.11 cannot write every f-string
            return
        yield self._made(operator, place, at, self._span(target), code, before, after)

    def _statement(
        self, operator: str, place: _Place, code: str = "pass", after: str = "(removed)"
    ) -> Iterator[Mutation]:
        node = place.node
        yield self._made(operator, place, node, self._span(node), code, _text(node), after)

    # --- expressions ---

    def visit_Compare(self, place: _Place) -> Iterator[Mutation]:
        node: Any = place.node
        for index, operator in enumerate(node.ops):
            for other in _COMPARISONS[type(operator)]:
                ops = [*node.ops[:index], other(), *node.ops[index + 1 :]]
                yield from self._replaced("compare", place, _with(node, ops=ops))

    def visit_BoolOp(self, place: _Place) -> Iterator[Mutation]:
        node: Any = place.node
        other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield from self._replaced("boolean", place, _with(node, op=other))
        for index, value in enumerate(node.values):
            values = [*node.values[:index], *node.values[index + 1 :]]
            new = values[0] if len(values) == 1 else _with(node, values=values)
            yield from self._replaced("operand", place, new, at=value)

    def visit_UnaryOp(self, place: _Place) -> Iterator[Mutation]:
        node: Any = place.node
        operator = "not" if isinstance(node.op, ast.Not) else "arithmetic"
        yield from self._replaced(operator, place, node.operand)

    def visit_BinOp(self, place: _Place) -> Iterator[Mutation]:
        node: Any = place.node
        if isinstance(node.op, (ast.BitOr, ast.BitAnd)):
            yield from self._replaced("operand", place, node.left)
            yield from self._replaced("operand", place, node.right)
        elif type(node.op) in _ARITHMETIC:
            yield from self._replaced("arithmetic", place, _with(node, op=_ARITHMETIC[type(node.op)]()))

    def visit_Constant(self, place: _Place) -> Iterator[Mutation]:
        node: Any = place.node
        value = node.value
        others: tuple[Any, ...] = ()
        if isinstance(value, bool):
            others = (not value,)
        elif isinstance(value, (int, float)):
            others = (value + 1, value - 1)
        elif isinstance(value, str):
            others = ("",) if value else (_SOME_TEXT,)
        elif isinstance(value, bytes):
            others = (b"",) if value else (_SOME_TEXT.encode(),)
        for other in others:
            yield from self._replaced("constant", place, ast.Constant(other))
        if isinstance(value, str):
            yield from self._alternatives(place, node)

    def visit_JoinedStr(self, place: _Place) -> Iterator[Mutation]:
        yield from self._replaced("constant", place, ast.Constant(""))
        inside = _Place(place.node, place.function, place.fstring or place.node)  # type: ignore[arg-type]
        for value in place.node.values:  # type: ignore[attr-defined]
            if isinstance(value, ast.Constant):
                yield from self._alternatives(inside, value)

    def _alternatives(self, place: _Place, node: ast.Constant) -> Iterator[Mutation]:
        for removed, rest in alternatives(str(node.value)):
            yield from self._replaced(
                "alternative", place, ast.Constant(rest), old=node, before=removed, after="(removed)"
            )

    def visit_IfExp(self, place: _Place) -> Iterator[Mutation]:
        yield from self._conditions(place, place.node.test)  # type: ignore[attr-defined]

    def visit_comprehension(self, place: _Place) -> Iterator[Mutation]:
        for condition in place.node.ifs:  # type: ignore[attr-defined]
            yield from self._conditions(place, condition)

    def _conditions(self, place: _Place, condition: ast.expr, both: bool = True) -> Iterator[Mutation]:
        for value in (True, False) if both else (False,):
            yield from self._replaced("condition", place, ast.Constant(value), old=condition)

    def visit_Call(self, place: _Place) -> Iterator[Mutation]:
        node: Any = place.node
        name = ast.unparse(node.func)
        if len(node.args) == 1 and not node.keywords and name.rpartition(".")[2] not in _CONVERSIONS:
            argument = node.args[0]
            if not isinstance(argument, (ast.Starred, ast.GeneratorExp)):
                yield from self._replaced("call", place, argument)
        if isinstance(node.func, ast.Name) and node.func.id in _SWAPS:
            new = ast.Name(_SWAPS[node.func.id], ast.Load())
            yield from self._replaced("swap", place, new, old=node.func)
        if isinstance(node.func, ast.Attribute) and node.func.attr in _SWAPS:
            yield from self._replaced("swap", place, _with(node.func, attr=_SWAPS[node.func.attr]), old=node.func)

    def visit_Tuple(self, place: _Place) -> Iterator[Mutation]:
        yield from self._elements(place)

    def visit_List(self, place: _Place) -> Iterator[Mutation]:
        yield from self._elements(place)

    def visit_Set(self, place: _Place) -> Iterator[Mutation]:
        yield from self._elements(place)

    def _elements(self, place: _Place) -> Iterator[Mutation]:
        node: Any = place.node
        if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)):
            return
        for index, element in enumerate(node.elts):
            rest = [*node.elts[:index], *node.elts[index + 1 :]]
            new = _with(node, elts=rest)
            if isinstance(node, ast.Set) and not rest:
                new = ast.parse("set()", mode="eval").body
            yield from self._replaced("element", place, new, at=element, before=_text(element), after="(removed)")

    def visit_Dict(self, place: _Place) -> Iterator[Mutation]:
        node: Any = place.node
        for index, (key, value) in enumerate(zip(node.keys, node.values)):
            keys = [*node.keys[:index], *node.keys[index + 1 :]]
            values = [*node.values[:index], *node.values[index + 1 :]]
            before = f"{_text(key)}: {_text(value)}" if key else f"**{_text(value)}"
            new = _with(node, keys=keys, values=values)
            yield from self._replaced("element", place, new, at=key or value, before=before, after="(removed)")

    def visit_Subscript(self, place: _Place) -> Iterator[Mutation]:
        node: Any = place.node
        if isinstance(node.slice, ast.Slice):
            for bound in ("lower", "upper", "step"):
                if getattr(node.slice, bound) is not None:
                    yield from self._replaced("slice", place, _with(node, slice=_with(node.slice, **{bound: None})))

    # --- statements ---

    def visit_If(self, place: _Place) -> Iterator[Mutation]:
        yield from self._conditions(place, place.node.test)  # type: ignore[attr-defined]

    def visit_While(self, place: _Place) -> Iterator[Mutation]:
        yield from self._conditions(place, place.node.test, both=False)  # type: ignore[attr-defined]

    def visit_For(self, place: _Place) -> Iterator[Mutation]:
        node: Any = place.node
        yield from self._replaced("loop", place, ast.Tuple([], ast.Load()), old=node.iter)

    def visit_With(self, place: _Place) -> Iterator[Mutation]:
        nothing = ast.parse("__import__('contextlib').nullcontext()", mode="eval").body
        for item in place.node.items:  # type: ignore[attr-defined]
            if item.optional_vars is None:
                yield from self._replaced("with", place, nothing, old=item.context_expr, after="(nothing)")

    def visit_ExceptHandler(self, place: _Place) -> Iterator[Mutation]:
        node: Any = place.node
        if not (len(node.body) == 1 and isinstance(node.body[0], ast.Raise)):
            span = self._span(node.body[0])[0], self._span(node.body[-1])[1]
            caught = f"except {_text(node.type)}" if node.type else "except"
            yield self._made("except", place, node, span, "raise", caught, "raise")

    def visit_Return(self, place: _Place) -> Iterator[Mutation]:
        value = place.node.value  # type: ignore[attr-defined]
        if value is None:
            yield from self._statement("statement", place)
        elif not isinstance(value, ast.Constant) and _text(value) not in ("()", "[]", "{}"):
            yield from self._statement("return", place, "return None", "return None")

    def visit_Expr(self, place: _Place) -> Iterator[Mutation]:
        yield from self._statement("statement", place)

    def visit_AugAssign(self, place: _Place) -> Iterator[Mutation]:
        yield from self._statement("statement", place)
        node: Any = place.node
        if type(node.op) in _ARITHMETIC:
            new = _with(node, op=_ARITHMETIC[type(node.op)]())
            yield from self._statement("arithmetic", place, ast.unparse(new), _text(new))

    def visit_Assign(self, place: _Place) -> Iterator[Mutation]:
        node: Any = place.node
        if all(
            isinstance(target, (ast.Attribute, ast.Subscript)) or id(target) in self.again for target in node.targets
        ):
            yield from self._statement("statement", place)

    def visit_Raise(self, place: _Place) -> Iterator[Mutation]:
        yield from self._statement("statement", place)

    visit_Break = visit_Continue = visit_Delete = visit_Assert = visit_Raise

    def _decorators(self, place: _Place) -> Iterator[Mutation]:
        for decorator in place.node.decorator_list:  # type: ignore[attr-defined]
            if ast.unparse(decorator).partition("(")[0] in _CACHES:
                continue
            start, end = self._span(decorator)
            start = self.encoded.rindex(b"@", 0, start)
            yield self._made("decorator", place, decorator, (start, end), "", f"@{_text(decorator)}", "(removed)")


def _places(tree: ast.Module) -> Iterator[_Place]:
    for statement in tree.body:
        yield from _inside(statement, "", None)


def _assigned_again(tree: ast.Module) -> set[int]:
    """The id() of each name that is assigned once more in its function, or that is an argument of it."""
    again = set()
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            seen = {argument.arg for argument in ast.walk(function.args) if isinstance(argument, ast.arg)}
            names = [n for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
            for name in sorted(names, key=lambda name: (name.lineno, name.col_offset)):
                if name.id in seen:
                    again.add(id(name))
                seen.add(name.id)
    return again


def _inside(node: ast.AST, function: str, fstring: Optional[ast.JoinedStr]) -> Iterator[_Place]:
    """The node and everything in it that can be mutated."""
    if isinstance(node, (ast.Import, ast.ImportFrom)) or _is_docstring(node) or _is_main(node):
        return
    here = function
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        here = f"{function}.{node.name}" if function else node.name
    yield _Place(node, here, fstring)
    if isinstance(node, ast.Constant):
        return
    within = fstring or (node if isinstance(node, ast.JoinedStr) else None)
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "format_spec", "type_params", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or _is_left_alone(node, name, child):
                continue
            yield from _inside(child, here, within)


def _is_left_alone(parent: ast.AST, field: str, child: ast.AST) -> bool:
    if isinstance(parent, ast.JoinedStr) and isinstance(child, ast.Constant):
        return True  # the f-string as a whole is emptied
    if isinstance(child, ast.Constant):
        # They are removed as elements.
        return isinstance(parent, (ast.Tuple, ast.List, ast.Set)) or (isinstance(parent, ast.Dict) and field == "keys")
    # dict[str, int] as a value
    return isinstance(parent, ast.Subscript) and field == "slice" and isinstance(child, ast.Tuple)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_main(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def alternatives(pattern: str) -> Iterator[tuple[str, str]]:
    """Each alternative of a regular expression, or of a part of one, and the pattern without it."""
    if " | " in pattern or not pattern.strip("|"):
        return
    spans: list[list[tuple[int, int]]] = [[]]
    starts = [0]
    done: list[list[tuple[int, int]]] = []
    index, in_class = 0, False
    while index < len(pattern):
        character = pattern[index]
        if character == "\\":
            index += 2
            continue
        if in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
            index += len(re.match(r"\^?\]?", pattern[index + 1 :]).group())  # type: ignore[union-attr]
        elif character == "(":
            prefix = re.match(r"\((?:\?(?:[:=!]|<[=!]|P<\w+>|[a-z]+:))?", pattern[index:])
            index += len(prefix.group()) - 1 if prefix else 0
            starts.append(index + 1)
            spans.append([])
        elif character == ")" and len(spans) > 1:
            group = spans.pop()
            group.append((starts.pop(), index))
            done.append(group)
        elif character == "|":
            spans[-1].append((starts[-1], index))
            starts[-1] = index + 1
        index += 1
    spans[0].append((starts[0], len(pattern)))
    done.append(spans[0])
    for group in done:
        if len(group) > 1:
            for number, (start, end) in enumerate(group):
                before, after = (start, end + 1) if number == 0 else (start - 1, end)
                yield pattern[start:end], pattern[:before] + pattern[after:]
