# SPDX-License-Identifier: GPL-2.0-or-later
"""The lexer is shlex, word for word."""

from __future__ import annotations

import shlex

import pytest
from example_site import kickstarts
from hypothesis import given
from hypothesis import strategies as st

from ksgen.grammar import lexer


@given(
    st.text(alphabet=st.sampled_from("ab =-,/#'\"\\$%\t\n\r\x0b\x0c\x1c\x85\xa0\u2028é"), max_size=30), st.booleans()
)
def test_same_words_or_same_error(line: str, comments: bool) -> None:
    try:
        expected = shlex.split(line, comments)
    except ValueError as error:
        with pytest.raises(ValueError, match=str(error)):
            lexer.split(line, comments)
    else:
        assert lexer.split(line, comments) == expected


def test_lines_of_kickstarts() -> None:
    for line in {line for text in kickstarts().values() for line in text.partition("\n%pre")[0].splitlines()}:
        assert lexer.split(line, comments=True) == shlex.split(line, comments=True)


def test_words_may_be_changed_by_who_got_them() -> None:
    lexer.split("a 'b c'").clear()
    assert lexer.split("a 'b c'") == ["a", "b c"]
