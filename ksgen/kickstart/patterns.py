# SPDX-License-Identifier: GPL-2.0-or-later
"""The kickstart of a shape (host/shapes.py): a text with holes, and the values that fill them.

It is made by rendering a host of the shape that does not exist, whose values are nowhere else in the text. Filled with
the values of a real host, it has to be the text that was rendered and checked for that host.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Sequence

from ksgen.kickstart.provenance import Place


@dataclasses.dataclass(frozen=True)
class Pattern:
    """Texts, and between them the numbers of the values that stand there; `secrets` are where the text has some."""

    texts: tuple[str, ...]
    numbers: tuple[int, ...]
    secrets: tuple[Place, ...] = ()

    def filled(self, values: Sequence[str]) -> tuple[str, ...]:
        """The text of a host with these values, in parts."""
        between = (values[number] for number in self.numbers)
        return (self.texts[0], *itertools.chain.from_iterable(zip(between, self.texts[1:], strict=True)))


def pattern(text: str, values: Sequence[str], secrets: tuple[Place, ...] = ()) -> Pattern | None:
    """The pattern of a text that has these values, none of them part of another.

    None if a secret is in a line with a value, so that its place is not the same for every host.
    """
    pieces = re.split(f"({'|'.join(map(re.escape, values))})", text)
    numbers = {value: number for number, value in enumerate(values)}
    found = Pattern(tuple(pieces[::2]), tuple(numbers[piece] for piece in pieces[1::2]), secrets)
    lines = set(itertools.accumulate(part.count("\n") for part in found.texts[:-1]))
    return None if lines & {line for line, _, _ in secrets} else found
