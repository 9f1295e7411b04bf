# SPDX-License-Identifier: GPL-2.0-or-later
"""The environment in which kickstarts and boot files are rendered, and what can go wrong in it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from types import CodeType

import jinja2
from jinja2.bccache import Bucket
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

from ksgen.problems import Mark, Problem
from ksgen.variables import LINE_LONGEST

# The template that gives a kickstart its order.
ORDER = "node.ks.j2"

# Where the templates are: beside the modules when installed, beside the packages in a checkout.
_HERE = Path(__file__).parent
TEMPLATES = next(path for path in (_HERE / "files", _HERE.parents[1] / "ks-templates") if path.is_dir())


class GateError(Exception):
    """A value that is not allowed in a kickstart."""


# What a template can end with.
TEMPLATE_ERRORS = (jinja2.TemplateError, GateError, TypeError, ValueError, ArithmeticError, LookupError, OSError)


class _Compiled(jinja2.BytecodeCache):
    """The code of templates as long as the process lives; a template that has changed since is compiled again."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, CodeType]] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        checksum, code = self._known.get(bucket.key, ("", None))
        bucket.code = code if checksum == bucket.checksum else None

    def dump_bytecode(self, bucket: Bucket) -> None:
        assert bucket.code is not None
        self._known[bucket.key] = bucket.checksum, bucket.code


@functools.cache
def _compiled(_finalize: Callable[[object], str], _extensions: tuple[type[Extension], ...]) -> _Compiled:
    """One for each way in which templates are compiled; that takes longer than the kickstart of a host."""
    return _Compiled()


def environment(
    own: Path | None, finalize: Callable[[object], str], *extensions: type[Extension]
) -> ImmutableSandboxedEnvironment:
    """Where templates live: those of the site in front of ours, sandboxed, each value through `finalize`."""
    return ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader([str(path) for path in (own, TEMPLATES) if path]),
        undefined=jinja2.StrictUndefined,
        finalize=finalize,
        extensions=extensions,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        bytecode_cache=_compiled(finalize, extensions),
    )


def template_problem(error: Exception, host: str | None = None) -> Problem:
    """Where in which template it went wrong; jinja rewrites tracebacks so that they show template lines.

    All hosts share the templates: what is wrong there is one fault.
    """
    is_shared = host is not None
    if isinstance(error, jinja2.TemplateSyntaxError):
        mark = Mark(str(error.filename or error.name), error.lineno)
        return Problem("template-syntax", str(error.message), mark, host=host, shared=is_shared)
    if isinstance(error, jinja2.TemplateNotFound):
        return Problem("template-missing", f"no template {error.name}", Mark(ORDER, 1), host=host, shared=is_shared)
    mark, frame = Mark(ORDER, 1), error.__traceback__
    while frame is not None:
        file = frame.tb_frame.f_code.co_filename
        if file.endswith(".j2"):
            mark = Mark(file, frame.tb_lineno)
        frame = frame.tb_next
    code = "template-value" if isinstance(error, GateError) else "template-error"
    message = str(error).split("\n")[0][:LINE_LONGEST] or type(error).__name__
    return Problem(code, message, mark, host=host, shared=is_shared)
