# SPDX-License-Identifier: GPL-2.0-or-later
"""Templates are compiled once in a process, and again when they have changed."""

from __future__ import annotations

from pathlib import Path

import jinja2
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from ksgen.templates import environment


class _Loud(Extension):
    """Template text in capital letters."""

    def filter_stream(self, stream: TokenStream) -> TokenStream:
        loud = (Token(t.lineno, t.type, t.value.upper() if t.type == "data" else t.value) for t in stream)
        return TokenStream(loud, stream.name, stream.filename)


def _brackets(value: object) -> str:
    return f"[{value}]"


def _template(own: Path, text: str, *extensions: type[Extension], name: str = "site.ks.j2") -> jinja2.Template:
    (own / name).write_text(text)
    return environment(own, _brackets, *extensions).get_template(name)


def test_a_template_that_has_not_changed_is_compiled_once(tmp_path: Path) -> None:
    first, second = (_template(tmp_path, "a {{ b }}") for _ in range(2))
    assert first.root_render_func.__code__ is second.root_render_func.__code__
    assert first.render(b=1) == second.render(b=1) == "a [1]"


def test_a_template_that_has_changed_is_compiled_again(tmp_path: Path) -> None:
    assert _template(tmp_path, "a {{ b }}").render(b=1) == "a [1]"
    assert _template(tmp_path, "c {{ b }}").render(b=1) == "c [1]"


def test_a_template_is_compiled_for_each_way_of_printing(tmp_path: Path) -> None:
    text = "a {{ 1 }}"
    assert _template(tmp_path, text).render() == "a [1]"
    assert _template(tmp_path, text, _Loud).render() == "A [1]"
    assert environment(tmp_path, str).get_template("site.ks.j2").render() == "a 1"


def test_templates_of_two_directories_are_two(tmp_path: Path) -> None:
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        assert _template(tmp_path / name, name).render() == name
