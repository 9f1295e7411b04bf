# SPDX-License-Identifier: GPL-2.0-or-later
"""The language of expressions: what of Jinja is read, and how Ansible reads it.

No template is compiled: the evaluator walks Jinja's syntax tree. So nothing runs but what stands in the tables here.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from typing import Any, ClassVar, NoReturn

from jinja2 import Environment, StrictUndefined, TemplateSyntaxError, nodes, pass_environment
from jinja2.filters import FILTERS, do_unique
from jinja2.lexer import TOKEN_STRING, TOKEN_VARIABLE_BEGIN, TOKEN_VARIABLE_END, Lexer
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import SandboxedFormatter
from jinja2.tests import TESTS
from jinja2.utils import Cycler, Joiner, Namespace

from ksgen.expressions.bounds import (
    ITEMS_A_STEP,
    MAX_NESTING,
    MAX_TOKENS,
    OMIT,
    SCALARS,
    Failed,
    Missing,
    Refused,
    Tripped,
    Work,
    failure,
    size,
    too_deep,
    too_long,
)
from ksgen.expressions.vocabulary import (
    ANSIBLE_FILTERS,
    ANSIBLE_TESTS,
    ATTRIBUTES,
    COLLECTION_FILTERS,
    CURES,
    ENCODINGS,
    EXPANDING,
    KEEPS_MISSING,
    LEFT_OUT,
    METHODS,
    TAKES_MISSING,
)
from ksgen.naming import did_you_mean


class Method:
    """A method of a value, not yet called."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name = owner, name


ABSENT: Any = object()


def find_attribute(owner: object, name: str) -> object:
    """`owner.name`: a method or attribute that is read here, or ABSENT."""
    if isinstance(owner, Namespace):
        try:
            return getattr(owner, name)
        except AttributeError:
            return ABSENT
    for kind, methods in METHODS.items():
        if isinstance(owner, kind):
            if name in methods:
                return Method(owner, name)
            if name in ATTRIBUTES.get(kind, ()) and hasattr(owner, name):
                return getattr(owner, name)
            break
    return ABSENT


def unsafe(owner: object, name: str) -> Refused | None:
    """Why `owner.name` is not read although Python has it."""
    if not hasattr(type(owner), name):
        return None
    if isinstance(owner, list | dict) and not name.startswith("_"):
        message = f"{name!r} changes a value, and expressions change none"
    else:
        message = f"{name!r} is no attribute that expressions may use"
    return Refused("expression-unsafe", message, None, name, tells_values=True)


_LISTED = (Iterator, ItemsView, KeysView, ValuesView, range)


def run(name: str, function: Callable[..., Any], arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """The result of a filter, test or method, in Ansible's terms: no iterators, a missing value instead of an error."""
    try:
        result = function(*arguments, **options)
        return list(result) if isinstance(result, _LISTED) else result
    except (Refused, RecursionError):
        raise
    except Tripped as tripped:
        return tripped.missing
    except Exception as error:
        return Failed(failure(name, error))


def _guarded(name: str, function: Callable[..., Any], language: Language) -> Callable[..., Any]:
    """A filter or test that pays for its work."""
    special = 1 if hasattr(function, "jinja_pass_arg") else 0
    work = language.work

    @functools.wraps(function)
    def guarded(*arguments: Any, **options: Any) -> Any:
        given = [*arguments[special:], *options.values()]
        if name not in TAKES_MISSING:
            for value in given:
                if isinstance(value, Undefined):
                    return value
        if name == "format" and isinstance(given[0], str):
            work.fill(given[0], given[1:])
        elif name in EXPANDING:
            work.expand(given[0], given[1:])
        else:
            work.take(*given)
        work.spend(4)
        outer, language.is_strict = language.is_strict, name not in KEEPS_MISSING
        try:
            result = run(name, function, arguments, options)
        finally:
            language.is_strict = outer
        if isinstance(result, list) and name not in KEEPS_MISSING:
            return next((item for item in result if isinstance(item, Undefined)), result)
        return result

    return guarded


def _default(value: Any, default_value: Any = "", boolean: bool = False) -> Any:
    return default_value if type(value) is Missing or (boolean and not value) else value


def _defined(value: Any) -> Any:
    return value if isinstance(value, Failed) else not isinstance(value, Undefined)


def _undefined(value: Any) -> Any:
    return value if isinstance(value, Failed) else isinstance(value, Undefined)


@pass_environment
def _unique(environment: Environment, value: Any, case_sensitive: Any = None, attribute: Any = None) -> list[Any]:
    """Ansible's `unique`, which takes mappings and lists too."""
    try:
        return list(do_unique(environment, value, bool(case_sensitive), attribute))
    except TypeError:
        if case_sensitive is False or attribute:
            raise
    result: list[Any] = []
    for item in value:
        if item not in result:
            result.append(item)
    return result


class Undef:
    """Ansible's `undef(hint='…')`: a value that a host has to bring itself."""


class _Lexer(Lexer):
    """Leaves backslashes in {{ }} alone, as Ansible does: YAML has read them already."""

    def tokeniter(self, *arguments: Any, **options: Any) -> Iterator[tuple[int, str, str]]:
        is_inside = False
        for line, token, value in super().tokeniter(*arguments, **options):
            if token in (TOKEN_VARIABLE_BEGIN, TOKEN_VARIABLE_END):
                is_inside = token == TOKEN_VARIABLE_BEGIN
            yield line, token, value.replace("\\", "\\\\") if is_inside and token == TOKEN_STRING else value


_STATEMENTS: Mapping[type[nodes.Node], str] = {
    nodes.Macro: "macro", nodes.CallBlock: "call", nodes.FilterBlock: "filter", nodes.Include: "include",
    nodes.Import: "import", nodes.FromImport: "import", nodes.Extends: "extends", nodes.Block: "block",
    nodes.AssignBlock: "set without =", nodes.ScopedEvalContextModifier: "autoescape",
}  # fmt: skip


class Language(Environment):
    """Jinja, set up as Ansible sets it up, with the filters and tests that are read. For one thread."""

    GLOBALS: ClassVar[Mapping[str, object]] = {
        "range": range, "dict": dict, "namespace": Namespace, "cycler": Cycler, "joiner": Joiner, "omit": OMIT,
        "undef": Undef,
    }  # fmt: skip

    def __init__(self) -> None:
        super().__init__(trim_blocks=True, undefined=StrictUndefined, autoescape=False)
        self.work = Work()
        self.text: Any = None  # the text that is being evaluated
        self.is_strict = False  # whether it is an error when a filter asks a value for what it does not have
        filters: Mapping[str, Any] = {**FILTERS, "unique": _unique, "default": _default, "d": _default}
        self.filters = {name: _guarded(name, filters[name], self) for name in filters if name not in LEFT_OUT}
        tests: Mapping[str, Any] = {**TESTS, "defined": _defined, "undefined": _undefined}
        self.tests = {name: _guarded(name, tests[name], self) for name in tests if name not in LEFT_OUT}
        self.context = Context(self, {}, None, {})
        self._lexer = _Lexer(self)
        self._plain_lexer = Lexer(self)
        self._parsed: dict[str, nodes.Template | Refused] = {}

    @property
    def lexer(self) -> Lexer:
        return self._lexer

    def words(self, text: str) -> Iterator[tuple[int, str, str]]:
        """The tokens of a text as they stand there: line, kind, what is written."""
        return self._plain_lexer.tokeniter(text, None)

    def parsed(self, text: str) -> nodes.Template:
        """The syntax tree of a template. Raises Refused for what is not read."""
        known = self._parsed.get(text)
        if known is None:
            try:
                known = self._read(text)
            except Refused as refused:
                known = refused
            self._parsed[text] = known
        if isinstance(known, Refused):
            raise Refused(known.code, known.message, known.hint, known.word, known.line)
        return known

    def _read(self, text: str) -> nodes.Template:
        try:
            if sum(1 for _ in zip(range(MAX_TOKENS + 1), self.words(text), strict=False)) > MAX_TOKENS:
                too_long()
            tree = self.parse(text)
            self._check(tree, 0)
        except TemplateSyntaxError as error:
            message = str(error.message).rstrip(".")
            raise Refused("expression-syntax", f"Jinja cannot read it: {message}", None, None, error.lineno) from None
        except RecursionError:  # Python's limit, which differs between its versions, comes before ours
            too_deep()
        return tree

    def _check(self, node: nodes.Node, depth: int) -> None:
        """Refuse what is never read, whether a host comes to it or not."""
        if depth > MAX_NESTING:
            too_deep()
        statement = _STATEMENTS.get(type(node))
        if statement is None and isinstance(node, nodes.For) and node.recursive:
            statement = "for … recursive"
        if statement is not None:
            message = f"{{% {statement} %}} is not read here; if, for, set and with are"
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
        if bare in LEFT_OUT:
            message = f"the {kind} {bare!r} {LEFT_OUT[bare]}, and is not read here"
            raise Refused("filter-not-read", message, None, word, line)
        if "." in bare or bare in (ANSIBLE_FILTERS | COLLECTION_FILTERS if kind == "filter" else ANSIBLE_TESTS):
            message = f"the {kind} {bare!r} is Ansible's, and only Jinja's own are read here"
            cure = CURES.get(bare, "write the value out, or compute it with Jinja's own (docs/expressions.md)")
            raise Refused("filter-of-ansible", message, cure, word, line)
        raise Refused("filter-unknown", f"no {kind} is called {name!r}", did_you_mean(name, table), word, line)

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

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute` as Ansible has it: an attribute of Python, else an item."""
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

    def missing(
        self, code: str, message: str, hint: str | None, word: str | None, tells_values: bool = False
    ) -> Missing:
        """A value that is not there, in the text at hand."""
        reason = Refused(code, message, hint, word, tells_values=tells_values)
        reason.text = self.text
        return Missing(reason)

    def absent(self, owner: object, key: object) -> Missing:
        """The value for something that a value does not have."""
        kinds = ((dict, "the mapping"), ((list, tuple), "the list"), (str, "the text"), (SCALARS, f"{owner!r}"))
        found = next((words for kind, words in kinds if isinstance(owner, kind)), "this")
        word = str(key) if isinstance(key, str | int) else None
        if word is not None and (len(word) > 60 or not word.isprintable()):
            word = None
        shown = repr(key) if word is not None else "what is asked for"
        missing = self.missing("undefined-item", f"{found} has no {shown}", None, word, tells_values=True)
        if self.is_strict:
            raise Tripped(missing)
        return missing

    # Calls

    def call(self, function: Any, arguments: Sequence[Any], options: Mapping[str, Any]) -> Any:
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
        raise Refused("expression-fails", "what is called here is no function")

    def _method(self, method: Method, arguments: Sequence[Any], options: Mapping[str, Any], given: list[Any]) -> Any:
        owner, name = method.owner, method.name
        if isinstance(owner, str) and name in ("format", "format_map"):
            self.work.fill(owner, given)
            fields = arguments[0] if name == "format_map" and arguments else options
            values = () if name == "format_map" else arguments
            form = SandboxedFormatter(self)
            return run(name, form.vformat, (str(owner), values, fields), {})
        if name in ("encode", "decode") and not ENCODINGS.issuperset(str(value).lower() for value in given[:1]):
            raise Refused("expression-unsafe", f"{name}() knows utf-8, ascii and latin-1 here", None, name)
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
