# SPDX-License-Identifier: GPL-2.0-or-later
"""The language of expressions: what of Jinja is read, and how Ansible reads it.

A template that is one expression keeps the type of its value; several pieces make a text; none make nothing. A missing
value does no harm until it is used.
"""

from __future__ import annotations

import abc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, ClassVar, NoReturn, Protocol

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.filters import FILTERS
from jinja2.lexer import Lexer
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment, SandboxedFormatter
from jinja2.tests import TESTS
from jinja2.utils import Cycler, Joiner, Namespace, missing

from ksgen.expressions import addresses
from ksgen.expressions import filters as ansible
from ksgen.expressions.bounds import (
    ITEMS_A_STEP,
    MAX_NESTING,
    MAX_TOKENS,
    OMIT,
    SCALARS,
    Missing,
    Refused,
    Tripped,
    Work,
    check_power,
    check_product,
    failure,
    finished,
    size,
    too_deep,
    too_long,
)
from ksgen.expressions.calling import (
    ABSENT,
    Method,
    Undef,
    default,
    defined,
    find_attribute,
    guarded,
    run,
    undefined,
    unique,
    unsafe,
)
from ksgen.expressions.child import unlimited_time
from ksgen.expressions.compiling import FILE, Compiled, Generator, Shape, weight
from ksgen.expressions.reading import STATEMENTS, AnsibleLexer, plain_names
from ksgen.expressions.vocabulary import (
    ANSIBLE_FILTERS,
    ANSIBLE_TESTS,
    COLLECTION_FILTERS,
    CURES,
    ENCODINGS,
    LEFT_OUT,
    METHODS,
)
from ksgen.inventory import did_you_mean


class Deferred(abc.ABC):
    """A mapping or list of an inventory in which there are templates: each is a value only when it is asked for."""

    is_mapping: bool

    @abc.abstractmethod
    def item(self, key: object) -> object:
        """The item; raises LookupError or TypeError as a mapping or list does."""

    @abc.abstractmethod
    def whole(self) -> Any:
        """The ordinary mapping or list; what has no value in it does no harm until it is used."""

    @abc.abstractmethod
    def keys(self) -> list[str]:
        """The keys of a mapping."""


class Variables(Protocol):
    """What names stand for."""

    def variable(self, name: str) -> object:
        """The value, or a Missing. Raises Refused."""


MAX_KEPT = 2000  # templates; a compiled one takes some 10 KiB


class Language(ImmutableSandboxedEnvironment):
    """Jinja, set up as Ansible sets it up, with the filters and tests that are read. For one thread."""

    code_generator_class = Generator
    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)
    intercepted_unops = frozenset(ImmutableSandboxedEnvironment.default_unop_table)

    GLOBALS: ClassVar[Mapping[str, object]] = {
        "range": range, "dict": dict, "namespace": Namespace, "cycler": Cycler, "joiner": Joiner, "omit": OMIT,
        "undef": Undef,
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, undefined=StrictUndefined, autoescape=False, optimized=False)
        self.undefined = self._no_item  # type: ignore[assignment]  # what loops call for their neighbours
        self.work = Work()
        self.variables: Variables = _NO_VARIABLES
        self.text: Any = None  # the text that is being evaluated
        self.is_strict = False  # whether it is an error when a filter asks a value for what it does not have
        own: Mapping[str, Any] = {"unique": unique, "default": default, "d": default}
        filters: Mapping[str, Any] = {**FILTERS, **ansible.FILTERS, **own}
        self.filters = {name: guarded(name, filters[name], self) for name in filters if name not in LEFT_OUT}
        tests: Mapping[str, Any] = {**TESTS, **ansible.TESTS, "defined": defined, "undefined": undefined}
        self.tests = {name: guarded(name, tests[name], self) for name in tests if name not in LEFT_OUT}
        self._lexer = AnsibleLexer(self)
        self._plain_lexer = Lexer(self)
        self._refused: dict[str, Refused] = {}
        self._compiled: dict[str, tuple[Compiled, tuple[object, ...]]] = {}
        self._codes: dict[tuple[object, ...], Compiled] = {}
        self._running: Compiled | None = None

    @property
    def lexer(self) -> Lexer:
        return self._lexer

    # Templates

    def evaluated(self, text: str) -> object:
        """The value of a template, possibly still a Deferred. Raises Refused or Tripped."""
        names = plain_names(text)
        compiled, constants = (None, ()) if names else self._compiled_text(text)
        outer, self._running = self._running, compiled
        try:
            self.work.spend(compiled.weight if compiled else len(names))
            pieces = compiled.pieces(self, constants) if compiled else self._plain_pieces(names)
            value = self._joined(list(pieces))
        except Refused as refused:
            if refused.line is None and refused.text is None:
                refused.line = compiled.line_of(refused) if compiled else None
            raise
        except (Tripped, RecursionError, MemoryError):
            raise
        except Exception as error:  # what Python says of operators and their operands, of a loop over a number
            raise failure("", error, compiled.line_of(error) if compiled else None) from error
        finally:
            self._running = outer
        if isinstance(value, str) and text.endswith("\n"):
            value += text[len(text.rstrip("\n")) + len(value) - len(value.rstrip("\n")) :]
        return value

    def _plain_pieces(self, names: Sequence[str]) -> Iterator[object]:
        for index, piece in enumerate(names):
            if index % 2:
                yield self.whole(self.variables.variable(piece))
            elif piece:
                yield piece

    def _joined(self, pieces: list[object]) -> object:
        kept = [piece for piece in pieces if piece is not None]
        if not kept:
            return None
        if len(kept) == 1:
            return kept[0]
        self.work.take(*kept)
        text = "".join([_text(finished(piece)) for piece in kept if piece is not OMIT])
        size(text)
        return text

    def _compiled_text(self, text: str) -> tuple[Compiled, tuple[object, ...]]:
        """The code of a template and its constants. Raises Refused for what is not read."""
        known = self._compiled.get(text)
        if known is None:
            tree = self.parsed(text)
            shape = Shape(tree)
            code = self._codes.get(shape.key)
            if code is None:
                code = self._coded(tree)
                _keep(self._codes, shape.key, code)
            known = code, shape.values
            _keep(self._compiled, text, known)
        return known

    def _coded(self, tree: nodes.Template) -> Compiled:
        namespace: dict[str, Any] = {"environment": self}
        words = weight(tree)
        try:
            exec(compile(self._generate(tree, None, None), FILE, "exec"), namespace)
        except (RecursionError, SyntaxError):  # Python's own limits on nesting
            too_deep()
        pairs = [pair.split("=") for pair in namespace["debug_info"].split("&") if pair]
        return Compiled(namespace, words, tuple((int(line), int(code)) for line, code in pairs))

    def words(self, text: str) -> Iterator[tuple[int, str, str]]:
        """The tokens of a text as they stand there: line, kind, what is written."""
        return self._plain_lexer.tokeniter(text, None)

    def parsed(self, text: str) -> nodes.Template:
        """The syntax tree of a template. Raises Refused for what is not read."""
        refused = self._refused.get(text)
        if refused is not None:
            raise refused.again()
        try:
            return self._read(text)
        except Refused as refused:
            _keep(self._refused, text, refused)
            raise

    def _read(self, text: str) -> nodes.Template:
        try:
            if len(text) > MAX_TOKENS and sum(1 for _ in islice(self.words(text), MAX_TOKENS + 1)) > MAX_TOKENS:
                too_long()
            tree = self.parse(text)
            self._check(tree, 0)
        except TemplateSyntaxError as error:
            message = str(error.message).rstrip(".")
            raise Refused("expression-syntax", f"Jinja syntax error: {message}", None, None, error.lineno) from None
        except RecursionError:  # Python's limit, which differs between its versions, comes before ours
            too_deep()
        return tree

    def _check(self, node: nodes.Node, depth: int) -> None:
        """Refuse what is never read, whether a host comes to it or not."""
        if depth > MAX_NESTING:
            too_deep()
        statement = STATEMENTS.get(type(node))
        if statement is None and isinstance(node, nodes.For) and node.recursive:
            statement = "for … recursive"
        if statement is not None:
            message = f"{{% {statement} %}} is not supported here; if, for, set and with are"
            raise Refused("statement-not-read", message, None, statement.split()[0], node.lineno)
        if isinstance(node, nodes.Filter | nodes.Test):
            kind = "filter" if isinstance(node, nodes.Filter) else "test"
            node.name = self.known(kind, node.name, node.lineno)
        for child in node.iter_child_nodes():
            self._check(child, depth + 1)

    def known(self, kind: str, name: str, line: int | None = None) -> str:
        """The name under which a filter or test is kept. Raises Refused if it is not read."""
        bare = name.removeprefix("ansible.builtin.")
        table = self.filters if kind == "filter" else self.tests
        if bare in table:
            return bare
        word = name.rpartition(".")[2]
        if kind == "filter" and bare.removeprefix("ansible.utils.") in addresses.NAMES:
            return self._for_addresses(word, line)
        if bare in LEFT_OUT:
            message = f"the {kind} {bare!r} {LEFT_OUT[bare]}, and is not supported here"
            raise Refused("filter-not-read", message, None, word, line)
        if "." in bare or bare in (ANSIBLE_FILTERS | COLLECTION_FILTERS if kind == "filter" else ANSIBLE_TESTS):
            message = f"the {kind} {bare!r} of Ansible is not supported here"
            cure = CURES.get(word, "write the value out, or compute it with a filter of docs/expressions.md")
            raise Refused("filter-of-ansible", message, cure, word, line)
        raise Refused("filter-unknown", f"unknown {kind} {name!r}", did_you_mean(name, table), word, line)

    def _for_addresses(self, name: str, line: int | None) -> str:
        if name not in self.filters:
            with unlimited_time():
                function = addresses.load(name)
            if function is None:
                message = f"the filter {name!r} needs ansible.utils and netaddr, which are not installed"
                raise Refused("filter-of-ansible", message, addresses.CURE, name, line)
            self.filters[name] = guarded(name, function, self)
        return name

    # What Jinja's own filters use of an environment.

    def call_filter(self, name: str, *arguments: Any, **options: Any) -> Any:
        return super().call_filter(self._computed("filter", name), *arguments, **options)

    def call_test(self, name: str, *arguments: Any, **options: Any) -> Any:
        return super().call_test(self._computed("test", name), *arguments, **options)

    def _computed(self, kind: str, name: str) -> str:
        """known() of a name that may be a value."""
        try:
            return self.known(kind, name)
        except Refused as refused:
            refused.tells_values = True
            raise

    # What the code of a template calls

    def named(self, local: Any, name: str) -> Any:
        """The value of a name, which may be one that the template has set."""
        return self.variables.variable(name) if local is missing else local

    def whole(self, value: Any) -> Any:
        return value.whole() if isinstance(value, Deferred) else value

    def paid(self, value: Any) -> Any:
        """A value that is looked at as a whole."""
        value = self.whole(value)
        self.work.take(value)
        return value

    def members(self, value: Any) -> Any:
        """What `in` looks into."""
        return dict.fromkeys(value.keys()) if isinstance(value, Deferred) and value.is_mapping else self.paid(value)

    def made(self, value: Any) -> Any:
        size(value)
        return value

    def each(self, value: Any, words: int) -> list[Any]:
        """The items of a loop, which has so many words."""
        items = list(self.paid(value))
        self.work.spend(len(items) * words)
        return items

    def no_else(self) -> NoReturn:
        raise Refused("undefined-name", "the condition is false, and there is no else", "add else and a value", "if")

    def call_binop(self, _: Context, operator: str, left: Any, right: Any) -> Any:
        if operator == "%" and isinstance(left, str | bytes):
            self.work.fill(left, [right])
        elif operator == "*":
            check_product(left, right)
        elif operator == "**":
            check_power(left, right)
        self.work.take(left, right)
        return self.made(self.binop_table[operator](left, right))

    def _no_item(self, hint: str = "", **_: object) -> Missing:
        return self.missing("undefined-item", hint, None, None)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute` as Ansible has it: an attribute of Python, else an item."""
        if isinstance(obj, Deferred):
            if obj.is_mapping and attribute not in METHODS[dict]:
                return self._deferred_item(obj, attribute)
            if attribute in ("get", "keys"):
                return Method(obj, attribute)
            obj = obj.whole()
        if isinstance(obj, Undefined):
            return obj
        found = find_attribute(obj, attribute)
        if found is ABSENT:
            try:
                return obj[attribute]
            except (TypeError, LookupError):
                refused = unsafe(obj, attribute)
                return self.absent(obj, attribute) if refused is None else _raise(refused)
        return found

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`: an item, else an attribute."""
        if isinstance(obj, Undefined):
            return obj
        if isinstance(argument, Undefined):
            return argument
        if isinstance(argument, slice):
            return self.paid(obj)[argument]
        if isinstance(obj, Deferred):
            return self._deferred_item(obj, argument)
        try:
            return obj[argument]
        except (AttributeError, TypeError, LookupError):
            if not isinstance(argument, str):
                return self.absent(obj, argument)
            found = find_attribute(obj, argument)
            if found is ABSENT:
                refused = unsafe(obj, argument)
                return self.absent(obj, argument) if refused is None else _raise(refused)
            return found

    def _deferred_item(self, owner: Deferred, key: object) -> object:
        try:
            return owner.item(key)
        except (LookupError, TypeError):
            return self.absent({} if owner.is_mapping else [], key)

    def missing(
        self, code: str, message: str, hint: str | None, word: str | None, tells_values: bool = False
    ) -> Missing:
        """A value that is not there, in the text at hand."""
        reason = Refused(code, message, hint, word, tells_values=tells_values)
        reason.text = self.text
        if self._running is not None:
            reason.line = self._running.line_at(sys._getframe(1))
        return Missing(reason)

    def absent(self, owner: object, key: object) -> Missing:
        """The value for something that a value does not have."""
        kinds = ((dict, "the mapping"), ((list, tuple), "the list"), (str, "the text"), (SCALARS, f"{owner!r}"))
        found = next((words for kind, words in kinds if isinstance(owner, kind)), "this")
        word = str(key) if isinstance(key, str | int) else None
        if word is not None and (len(word) > 60 or not word.isprintable()):
            word = None
        shown = repr(key) if word is not None else "what is requested"
        missing = self.missing("undefined-item", f"{found} has no {shown}", None, word, tells_values=True)
        if self.is_strict:
            raise Tripped(missing)
        return missing

    # Calls

    def invoke(self, function: Any, /, *arguments: Any, **options: Any) -> Any:
        """What a call gives: a method of a value, or one of Jinja's few functions."""
        if isinstance(function, Undefined):
            return function
        given = [*arguments, *options.values()]
        missing = next((value for value in given if isinstance(value, Undefined)), None)
        if missing is not None:
            return missing
        if isinstance(function, Method):
            return self._method(function, arguments, options, given)
        if function is Undef:
            hint = str(given[0]) if given else "a host or one of its groups has to define it"
            hint = hint if hint.isprintable() else ascii(hint)
            return self.missing("undefined-name", hint[:200], None, "undef", tells_values=True)
        self.work.take(*(value for value in given if not isinstance(value, Namespace)))
        if function is range:
            return _range(arguments, options)
        if function in (dict, Namespace, Cycler, Joiner) or isinstance(function, Joiner):
            return run(getattr(function, "__name__", "joiner").lower(), function, arguments, options)
        raise Refused("expression-fails", "the value that is called here is not a function")

    def _method(self, method: Method, arguments: Sequence[Any], options: Mapping[str, Any], given: list[Any]) -> Any:
        owner, name = method.owner, method.name
        if isinstance(owner, Deferred):
            return run(name, self._of_deferred(owner, name), arguments, options)
        if isinstance(owner, str) and name in ("format", "format_map"):
            self.work.fill(owner, given)
            fields = arguments[0] if name == "format_map" and arguments else options
            values = () if name == "format_map" else arguments
            form = SandboxedFormatter(self)
            return run(name, form.vformat, (str(owner), values, fields), {})
        if name in ("encode", "decode") and not ENCODINGS.issuperset(str(value).lower() for value in given[:1]):
            raise Refused("expression-unsafe", f"{name}() supports only utf-8, ascii and latin-1", None, name)
        if isinstance(owner, str | bytes):
            self.work.expand(owner, given)
        elif isinstance(owner, list | tuple | dict):
            self.work.take(*given)
            self.work.spend(len(owner) // ITEMS_A_STEP)
            if isinstance(owner, dict) and name in ("items", "values"):
                absent = next((value for value in owner.values() if isinstance(value, Undefined)), None)
                if absent is not None:
                    return absent
        return run(name, getattr(owner, name), arguments, options)

    def _of_deferred(self, owner: Deferred, name: str) -> Callable[..., Any]:
        def get(key: object, default: object = None) -> object:
            try:
                return self.whole(owner.item(key))
            except LookupError:
                return default

        return get if name == "get" else owner.keys


def _keep(known: dict[Any, Any], key: object, value: object) -> None:
    """Remember what has been made of a text, within bounds: each host may have texts of its own."""
    if len(known) >= MAX_KEPT:
        known.clear()
    known[key] = value


class _NoVariables:
    def variable(self, name: str) -> object:
        raise Refused("undefined-name", f"there is no {name!r}")


_NO_VARIABLES = _NoVariables()


def _text(value: object) -> str:
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def _range(arguments: Sequence[Any], options: Mapping[str, Any]) -> range:
    try:
        made = range(*arguments, **options)
    except Exception as error:
        raise failure("range", error) from error
    try:
        size(made)
    except OverflowError:  # len() of more than 2^63
        too_long()
    return made


def _raise(refused: Refused) -> NoReturn:
    raise refused
