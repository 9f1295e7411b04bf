# SPDX-License-Identifier: GPL-2.0-or-later
"""Templates compiled by Jinja, and their code: whatever is read, called or repeated in it goes through the language."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from types import FrameType
from typing import Any

from jinja2 import Environment, nodes
from jinja2.compiler import Frame
from jinja2.nativetypes import NativeCodeGenerator
from jinja2.runtime import Context

FILE = "<expression>"  # the name of the file in which Python believes the code to stand
# What may give a mapping or list of the inventory with expressions in it.
_PERHAPS_DEFERRED = (nodes.Name, nodes.Getattr, nodes.Getitem, nodes.Call)


class Generator(NativeCodeGenerator):
    """Jinja's generator of code, with the language asked for all values, and the context for constants."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._numbers: dict[int, int] = {}  # of constants, by their id
        self._wrapped: dict[int, tuple[str, str]] = {}  # by the id of a node: the text before and after it

    def _wrap(self, node: nodes.Node, method: str, *arguments: object) -> None:
        """Pass the value of a node through a method of the language; no method takes it as it is, even deferred."""
        last = "".join(f", {argument!r}" for argument in arguments)
        self._wrapped[id(node)] = (f"environment.{method}(", f"{last})") if method else ("", "")

    def visit(self, node: nodes.Node, *arguments: Any, **options: Any) -> Any:
        before, behind = self._wrapped.get(id(node), ("", ""))
        if id(node) not in self._wrapped and isinstance(node, _PERHAPS_DEFERRED) and not _is_stored(node):
            before, behind = "environment.whole(", ")"
        if before:
            self.write(before)
        super().visit(node, *arguments, **options)
        if behind:
            self.write(behind)

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:
        self._numbers = {id(constant): number for number, constant in enumerate(Shape(node).constants)}
        super().visit_Template(node, frame)

    def _output_child_to_const(self, *_: object) -> Any:
        raise nodes.Impossible

    def visit_Const(self, node: nodes.Const, _: Frame) -> None:
        self.write(f"context.constants[{self._numbers[id(node)]}]")

    def visit_TemplateData(self, node: nodes.TemplateData, _: Frame) -> None:
        self.write(f"context.constants[{self._numbers[id(node)]}]")

    def visit_For(self, node: nodes.For, frame: Frame) -> None:
        self._wrap(node.iter, "each", weight(node))
        super().visit_For(node, frame)

    def visit_Name(self, node: nodes.Name, frame: Frame) -> None:
        if node.ctx != "load":
            super().visit_Name(node, frame)
        else:
            reference = "missing" if node.name == "self" else frame.symbols.ref(node.name)
            self.write(f"environment.named({reference}, {node.name!r})")

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:
        self._wrap(node.node, "")
        super().visit_Getattr(node, frame)

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:
        self._wrap(node.node, "")
        self.write("environment.getitem(")
        self.visit(node.node, frame)
        self.write(", ")
        self.visit(node.arg, frame)
        self.write(")")

    def visit_Slice(self, node: nodes.Slice, frame: Frame) -> None:
        self.write("slice(")
        for bound in (node.start, node.stop, node.step):
            if bound is None:
                self.write("None")
            else:
                self.visit(bound, frame)
            self.write(", ")
        self.write(")")

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:
        self._wrap(node.expr, "paid")
        for operand in node.ops:
            self._wrap(operand.expr, "members" if operand.op in ("in", "notin") else "paid")
        super().visit_Compare(node, frame)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        for part in node.nodes:
            self._wrap(part, "paid")
        self.write("environment.made(")
        super().visit_Concat(node, frame)
        self.write(")")

    def visit_CondExpr(self, node: nodes.CondExpr, frame: Frame) -> None:
        self.write("(")
        self.visit(node.expr1, frame)
        self.write(" if ")
        self.visit(node.test, frame)
        self.write(" else ")
        if node.expr2 is None:
            self.write("environment.no_else()")
        else:
            self.visit(node.expr2, frame)
        self.write(")")

    def visit_Call(self, node: nodes.Call, frame: Frame, _: bool = False) -> None:
        self._wrap(node.node, "")
        self.write("environment.invoke(")
        self.visit(node.node, frame)
        self.signature(node, frame)
        self.write(")")


def _is_stored(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.ctx != "load"


def weight(node: nodes.Node) -> int:
    """The words below a node, each of which may be met once when it is evaluated."""
    return sum(1 for _ in node.find_all(nodes.Node))


class Shape:
    """What is common to templates that differ in nothing but constants: hosts often have such, and share their code."""

    def __init__(self, tree: nodes.Node) -> None:
        self.constants: list[nodes.Const | nodes.TemplateData] = []
        self._parts: list[object] = []
        self._add(tree)
        self.key = tuple(self._parts)

    def _add(self, node: nodes.Node) -> None:
        self._parts += (type(node), node.lineno)
        if isinstance(node, nodes.Const | nodes.TemplateData):
            self.constants.append(node)
            return
        for name in node.fields:
            value = getattr(node, name, None)
            if isinstance(value, nodes.Node):
                self._add(value)
            elif isinstance(value, list):
                self._parts.append(len(value))
                for item in value:
                    self._add(item) if isinstance(item, nodes.Node) else self._parts.append(item)
            else:
                self._parts.append(value)

    @property
    def values(self) -> tuple[object, ...]:
        return tuple(node.value if isinstance(node, nodes.Const) else node.data for node in self.constants)


class Run(Context):
    """Jinja's context of one evaluation, with the constants of the template."""

    constants: tuple[object, ...]


@dataclasses.dataclass(frozen=True)
class Compiled:
    """A template as code. `lines` has the line of the template for each line of the code where another one begins."""

    namespace: dict[str, Any]
    weight: int
    lines: tuple[tuple[int, int], ...]

    def pieces(self, environment: Environment, constants: tuple[object, ...]) -> Iterator[object]:
        """The values and texts that the template is made of."""
        run = Run(environment, {}, None, {})
        run.constants = constants
        result: Iterator[object] = self.namespace["root"](run)
        return result

    def line_of(self, error: BaseException) -> int | None:
        """The line of the template that raised an error."""
        found, trace = None, error.__traceback__
        while trace is not None:
            if self._is_own(trace.tb_frame):
                found = self._line(trace.tb_lineno)
            trace = trace.tb_next
        return found

    def line_at(self, frame: FrameType | None) -> int | None:
        """The line of the template that is running below a frame of Python."""
        while frame is not None:
            if self._is_own(frame):
                return self._line(frame.f_lineno)
            frame = frame.f_back
        return None

    def _is_own(self, frame: FrameType) -> bool:
        return frame.f_globals is self.namespace

    def _line(self, number: int) -> int:
        return next((line for line, code in reversed(self.lines) if code <= number), 1)
