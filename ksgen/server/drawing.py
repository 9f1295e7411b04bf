# SPDX-License-Identifier: GPL-2.0-or-later
"""The bars of a layout as SVG, as the spokes draw them: disks, volume group and pool, each to its own scale."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from org_ovirt_node.layout import size_text
from org_ovirt_node.presentation import Bar, View, bar_text, bars, widths

# Pixels of a picture that a page scales; the smallest segment still holds a size.
_WIDTH, _TITLE, _BAR, _GAP, _SEGMENT = 860, 110, 38, 14, 62
# Characters of a label in a segment, by its width.
_CHARACTER = 6.6


def drawing(view: View) -> Markup:
    """The picture of a layout; empty where its sizes are not known."""
    shown = bars(view, str)
    if not shown:
        return Markup("")
    height = len(shown) * (_BAR + _GAP) - _GAP
    parts = Markup("").join(part for number in range(len(shown)) for part in _bar(shown, number))
    words = "; ".join(bar_text(bar, str) for bar in shown)
    return Markup('<svg class="layout" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        _WIDTH, height, words, parts
    )


def _bar(shown: tuple[Bar, ...], number: int) -> Iterator[Markup]:
    bar, top, left = shown[number], number * (_BAR + _GAP), _TITLE
    for row, line in enumerate((bar.title, size_text(bar.size))):
        yield Markup('<text class="title" x="0" y="{}">{}</text>').format(top + 15 + 15 * row, _fit(line, _TITLE - 8))
    shares = widths([segment.size for segment in bar.segments], _WIDTH - _TITLE, _SEGMENT)
    for segment, width in zip(bar.segments, shares, strict=True):
        if segment.role == bar.opens and number + 1 < len(shown):
            bottom = top + _BAR + _GAP
            corners = f"{left},{top + _BAR} {left + width},{top + _BAR} {_WIDTH},{bottom} {_TITLE},{bottom}"
            yield Markup('<polygon class="opening" points="{}"/>').format(corners)
        size = size_text(segment.size)
        yield Markup('<g class="{}"><title>{} {}</title><rect x="{}" y="{}" width="{}" height="{}"/>').format(
            segment.role, segment.label, size, left + 0.5, top + 0.5, width - 1, _BAR - 1
        )
        for row, line in enumerate((_fit(segment.label, width - 6), _fit(size, width - 6))):
            yield Markup('<text x="{}" y="{}">{}</text>').format(left + width / 2, top + 15 + 15 * row, line)
        yield Markup("</g>")
        left += width


def _fit(text: str, width: float) -> str:
    """The end of a mount point says most."""
    most = max(1, int(width / _CHARACTER))
    return text if len(text) <= most else f"…{text[1 - most :]}" if most > 1 else "…"
