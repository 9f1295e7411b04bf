# SPDX-License-Identifier: GPL-2.0-or-later
"""The bars of a layout, drawn one below the other; from each, its part that the next one shows larger opens up."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("PangoCairo", "1.0")

from gi.repository import Gtk, Pango, PangoCairo  # noqa: E402

from org_ovirt_node.i18n import _  # noqa: E402
from org_ovirt_node.layout import size_text  # noqa: E402
from org_ovirt_node.presentation import Bar, Segment, bar_text, widths  # noqa: E402

# Pixels. The smallest segment still holds a size in the small font; so bars are not to scale where parts are small.
_TITLE, _BAR, _GAP, _SEGMENT = 110, 38, 14, 76
_FONT = "Sans 8"

# role: fill and text, as red, green, blue; each pair has a contrast of at least 4.5 to 1.
_COLOURS = {
    "boot": ((0.60, 0.55, 0.72), (0.0, 0.0, 0.0)),
    "group": ((0.75, 0.85, 0.95), (0.0, 0.0, 0.0)),
    "pool": ((0.55, 0.73, 0.92), (0.0, 0.0, 0.0)),
    "root": ((0.10, 0.37, 0.71), (1.0, 1.0, 1.0)),
    "volume": ((0.55, 0.73, 0.92), (0.0, 0.0, 0.0)),
    "swap": ((0.96, 0.83, 0.45), (0.0, 0.0, 0.0)),
    "metadata": ((0.80, 0.80, 0.78), (0.0, 0.0, 0.0)),
    "other": ((0.85, 0.75, 0.65), (0.0, 0.0, 0.0)),
    "free": ((1.0, 1.0, 1.0), (0.25, 0.25, 0.25)),
}
_LINE = (0.45, 0.45, 0.45)
_OPENING = (0.5, 0.5, 0.5, 0.18)


def can_draw() -> bool:
    """Whether Python has cairo. python-meh's interface brings it along; Anaconda itself does without."""
    try:
        gi.require_foreign("cairo")
    except ImportError:
        return False
    return True


class _Place(NamedTuple):
    """Where a segment is drawn."""

    segment: Segment
    x: int
    y: int
    width: int


class Picture:
    """Draws `bars`; three of them fit its height."""

    height = 3 * _BAR + 2 * _GAP

    def __init__(self) -> None:
        self.bars: tuple[Bar, ...] = ()

    @property
    def text(self) -> str:
        """The same for who does not see it."""
        return "\n".join(bar_text(bar, _) for bar in self.bars)

    def text_at(self, width: int, x: int, y: int) -> str:
        """What is drawn at a point, in words; empty between the bars."""
        for number in range(len(self.bars)):
            for place in self._places(number, width):
                if place.x <= x < place.x + place.width and place.y <= y < place.y + _BAR:
                    return f"{place.segment.label} {size_text(place.segment.size)}"
        return ""

    def draw(self, area: Gtk.DrawingArea, context: Any) -> None:
        width = area.get_allocated_width()
        for number, bar in enumerate(self.bars):
            for place in self._places(number, width):
                if place.segment.role == bar.opens and number + 1 < len(self.bars):
                    _draw_opening(context, place, width)
                _draw_segment(context, area, place)
            self._draw_title(context, area, number)

    def _places(self, number: int, width: int) -> Iterator[_Place]:
        bar = self.bars[number]
        x, y = _TITLE, number * (_BAR + _GAP)
        shares = widths([segment.size for segment in bar.segments], max(0, width - _TITLE), _SEGMENT)
        for segment, share in zip(bar.segments, shares):
            yield _Place(segment, x, y, share)
            x += share

    def _draw_title(self, context: Any, area: Gtk.DrawingArea, number: int) -> None:
        bar = self.bars[number]
        colour = area.get_style_context().get_color(Gtk.StateFlags.NORMAL)
        context.set_source_rgba(colour.red, colour.green, colour.blue, colour.alpha)
        lines = f"{bar.title}\n{size_text(bar.size)}"
        _write(context, area, lines, (0, number * (_BAR + _GAP)), _TITLE - 8, Pango.Alignment.LEFT)


def _draw_segment(context: Any, area: Gtk.DrawingArea, place: _Place) -> None:
    fill, ink = _COLOURS[place.segment.role]
    context.set_line_width(1)
    context.rectangle(place.x + 0.5, place.y + 0.5, place.width - 1, _BAR - 1)
    context.set_source_rgb(*fill)
    context.fill_preserve()
    context.set_source_rgb(*_LINE)
    context.stroke()
    context.set_source_rgb(*ink)
    lines = f"{place.segment.label}\n{size_text(place.segment.size)}"
    _write(context, area, lines, (place.x + 3, place.y), place.width - 6, Pango.Alignment.CENTER)


def _draw_opening(context: Any, place: _Place, width: int) -> None:
    top, bottom = place.y + _BAR, place.y + _BAR + _GAP
    context.move_to(place.x, top)
    context.line_to(place.x + place.width, top)
    context.line_to(width, bottom)
    context.line_to(_TITLE, bottom)
    context.close_path()
    context.set_source_rgba(*_OPENING)
    context.fill()


def _write(
    context: Any, area: Gtk.DrawingArea, lines: str, corner: tuple[int, int], width: int, alignment: Pango.Alignment
) -> None:
    """Two lines in the height of a bar, each cut where it is too long."""
    for row, line in enumerate(lines.split("\n")):
        layout = area.create_pango_layout(line)
        layout.set_font_description(Pango.FontDescription(_FONT))
        layout.set_width(width * Pango.SCALE)
        # The end of a mount point says most, and the beginning of a size.
        layout.set_ellipsize(Pango.EllipsizeMode.END if row else Pango.EllipsizeMode.START)
        layout.set_alignment(alignment)
        context.move_to(corner[0], corner[1] + 4 + row * 15)
        PangoCairo.show_layout(context, layout)
