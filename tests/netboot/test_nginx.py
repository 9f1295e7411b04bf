# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths as nginx compares them, and words as it reads them. tests/netboot/test_netboot_real.py asks nginx itself."""

from __future__ import annotations

import pytest

from ksgen.netboot import nginx


@pytest.mark.parametrize(
    ("url_path", "served"),
    [
        pytest.param("", "", id="root"),
        pytest.param("/", "", id="root-slash"),
        pytest.param("/a/b.img", "/a/b.img", id="plain"),
        pytest.param("/a/b/", "/a/b", id="slash-at-the-end"),
        pytest.param("//a///b.img", "/a/b.img", id="slashes"),
        pytest.param("/a/./b.img", "/a/b.img", id="dot"),
        pytest.param("/a/c/../b.img", "/a/b.img", id="two-dots"),
        pytest.param("/a/..", "", id="back-at-the-root"),
        pytest.param("/a/%2e%2E/b", "/b", id="two-dots-encoded"),
        pytest.param("/a%2Fb", "/a/b", id="slash-encoded"),
        pytest.param("/a%20b%22%5c%25%3f%23", '/a b"\\%?#', id="marks-encoded"),
        pytest.param("/a%2520", "/a%20", id="decoded-once"),
        pytest.param("/%C3%B6ö", "/öö", id="utf-8"),
        pytest.param("/a+b...c", "/a+b...c", id="plus-and-dots"),
        pytest.param("/..", None, id="above-the-root"),
        pytest.param("/a/../../b", None, id="above-the-root-later"),
        pytest.param("/%ff", None, id="not-utf-8"),
        pytest.param("/100%", None, id="half-encoded-at-the-end"),
        pytest.param("/%4", None, id="one-digit"),
        pytest.param("/%g0", None, id="not-hexadecimal"),
        pytest.param("/%00", None, id="nul"),
        pytest.param("/%7f", None, id="delete"),
    ],
)
def test_served_path(url_path: str, served: str | None) -> None:
    assert nginx.served_path(url_path) == served


@pytest.mark.parametrize(
    ("text", "word"),
    [
        pytest.param("www-data", '"www-data"', id="plain"),
        pytest.param("EXAMPLE\\alice", '"EXAMPLE\\\\alice"', id="backslash"),
        pytest.param('a "b"', '"a \\"b\\""', id="quotes-and-blank"),
        pytest.param("{a;#'}", '"{a;#\'}"', id="marks"),
    ],
)
def test_quoted(text: str, word: str) -> None:
    assert nginx.quoted(text) == word
