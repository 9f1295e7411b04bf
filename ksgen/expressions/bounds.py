# SPDX-License-Identifier: GPL-2.0-or-later
"""What an expression may cost, counted before anything is done; and the values that are none."""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, SupportsIndex

from jinja2 import StrictUndefined
from jinja2.runtime import LoopContext, Undefined
from jinja2.utils import Namespace

from ksgen.problems import Finding

# What one value may cost: a step is a word of an expression each time it is met, or 16 characters or items worked on.
# All of them take about a third of a second.
MAX_STEPS = 200_000
# A text that an expression makes. Ten times the longest kickstart.
MAX_TEXT = 100_000
# Characters or items that one filter or method may work on, whatever becomes of them.
MAX_SIZE = 1_000_000
MAX_ITEMS = 100_000
# Python prints no integer of more than 4,300 digits (14,284 bits).
MAX_BITS = 10_000
# The words of one template, and how deep its brackets and operators may nest.
MAX_TOKENS = 10_000
MAX_NESTING = 100

ITEMS_A_STEP = 16


class Refused(BaseException):
    """There is no value; `finding` says why. No Exception: Jinja and its filters swallow those.

    `word` is the word of the template that it is about, `line` its line there, `text` the template in its place.
    `tells_values`: the message may repeat a value, which must not happen where that `is_secret`.
    """

    def __init__(
        self,
        code: str,
        message: str,
        hint: str | None = None,
        word: str | None = None,
        line: int | None = None,
        tells_values: bool = False,
    ) -> None:
        super().__init__(message)
        self.finding = Finding(code, message, hint=hint)
        self.word, self.line = word, line
        self.tells_values, self.is_secret = tells_values, False
        self.text: Any = None

    def again(self) -> Refused:
        """The same for another place."""
        return Refused(self.finding.code, self.finding.message, self.finding.hint, self.word, self.line)


class Tripped(Exception):
    """Something was done with a value that is not there."""

    def __init__(self, missing: Missing) -> None:
        super().__init__(missing.reason.finding.message)
        self.missing = missing


class Missing(StrictUndefined):
    """A value that is not there. Only `default` and `defined` take it; any other use of it gives the reason.

    As in Ansible, what is asked of it, or made of it by a filter, is the same value that is not there.
    """

    __slots__ = ("reason",)

    def __init__(self, reason: Refused) -> None:
        super().__init__(hint=reason.finding.message)
        self.reason = reason

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def trip(self, *_: Any, **__: Any) -> NoReturn:
        raise Tripped(self)

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = __pow__ = __rpow__ = trip
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = __neg__ = __pos__ = trip
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = __hash__ = trip
    __int__ = __float__ = __bool__ = __len__ = __iter__ = __contains__ = __getitem__ = __call__ = trip
    __str__ = __repr__ = __format__ = trip


class Failed(Missing):
    """What could not be computed. Not even `default` takes it; in a list that is not read it has no effect."""

    __slots__ = ()


class _Omitted:
    """Ansible's `omit`: omits the entry that has it as a value."""

    def __repr__(self) -> str:
        return "<<Omit>>"  # as Ansible prints it

    def __reduce__(self) -> str:
        return "OMIT"  # it stays the same object from process to process


OMIT = _Omitted()


class Names(list[str]):
    """The hosts of a group. `groups.all.index(inventory_hostname)` is asked for every host of a site."""

    @functools.cached_property
    def size(self) -> int:
        return sum(len(name) + 1 for name in self)

    @functools.cached_property
    def _places(self) -> dict[str, int]:
        return {name: place for place, name in enumerate(self)}

    def index(self, value: Any, start: SupportsIndex = 0, *rest: SupportsIndex) -> int:
        if start == 0 and not rest and isinstance(value, str) and value in self._places:
            return self._places[value]
        return super().index(value, start, *rest)


def failure(what: str, error: Exception, line: int | None = None) -> Refused:
    """Python's words for what does not work."""
    reason = str(error).split("\n")[0][:200] or type(error).__name__
    if not reason.isprintable():
        reason = ascii(reason)
    message = f"{what}: {reason}" if what else reason
    return Refused("expression-fails", message, None, what or None, line, tells_values=True)


# --- what things cost ------------------------------------------------------------------------------------------------

SCALARS = (int, float, bool, type(None), datetime.date, _Omitted)


def too_long() -> NoReturn:
    raise Refused(
        "expression-too-long", "the expression exceeds the limits on steps or on the size of its result", "simplify it"
    )


def too_deep() -> NoReturn:
    raise Refused("expression-too-long", "brackets or operators are nested too deeply", "simplify it")


def size(value: object, depth: int = 0) -> int:
    """Characters and items of a value that can be worked on; refuses what is too large, and what is no value."""
    if isinstance(value, (str, bytes)):
        if len(value) > MAX_TEXT:
            too_long()
        return 1 + len(value)
    if isinstance(value, int):  # and true and false
        if value.bit_length() > MAX_BITS:
            too_long()
        return 1
    if isinstance(value, Names):
        return value.size
    if isinstance(value, SCALARS):
        return 1
    if isinstance(value, list | tuple | dict | range):
        total = len(value) + 1
        if isinstance(value, range):
            return total if total <= MAX_ITEMS else too_long()
        if depth > MAX_NESTING:
            too_long()
        for item in value:
            total += size(item, depth + 1)
            if isinstance(value, dict):
                total += size(value[item], depth + 1)
            if total > MAX_SIZE:
                too_long()
        return total
    if isinstance(value, Undefined):
        return 1
    raise no_value(value)


_NO_VALUES: Mapping[type[object], str] = {
    range: "a range", bytes: "bytes", Namespace: "a namespace", LoopContext: "the loop itself",
    complex: "a complex number",
}  # fmt: skip
_MADE_VALUES: Mapping[type[object], str] = {range: "add | list", bytes: "add .decode()"}


def no_value(value: object) -> Refused:
    found = _NO_VALUES.get(type(value), "a function or an internal object of Jinja")
    message = f"the result is {found}, which cannot be the value of a variable"
    return Refused("expression-no-value", message, _MADE_VALUES.get(type(value)))


class Work:
    """What the value in hand may still cost."""

    def __init__(self) -> None:
        self.left = MAX_STEPS

    def spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            too_long()

    def take(self, *values: object) -> None:
        """Pay for looking at values as a whole."""
        total = 0
        for value in values:
            total += size(value)
        self.spend(total // ITEMS_A_STEP)

    def expand(self, value: object, arguments: Sequence[object]) -> None:
        """Pay for what may become as large as a value times what it is given."""
        total = size(value) * (1 + sum(map(size, arguments)) + sum(map(_number, arguments)))
        if total > 4 * MAX_SIZE:
            too_long()
        self.spend(total // (4 * ITEMS_A_STEP))

    def fill(self, form: str | bytes, arguments: Sequence[object]) -> None:
        """Pay for a form that is filled in: it may name widths, and arguments several times."""
        text = form if isinstance(form, str) else form.decode("latin-1")
        widths = [int(digits[:9]) for digits in re.findall(r"\d+", text)]
        places = text.count("%") + text.count("{")
        total = size(form) + sum(widths) + places * (sum(map(size, arguments)) + sum(map(_number, arguments)))
        if total > MAX_SIZE:
            too_long()
        self.spend(total // ITEMS_A_STEP)


def _number(value: object) -> int:
    """How much an argument can ask for by being a number."""
    if isinstance(value, list | tuple):
        return sum(map(_number, value))
    if isinstance(value, dict):
        return sum(map(_number, value.values()))
    return abs(value) if isinstance(value, int) else 0


def check_product(left: object, right: object) -> None:
    for value, times in ((left, right), (right, left)):
        if isinstance(times, int):
            if isinstance(value, str | bytes | list | tuple) and size(value) * max(times, 0) > MAX_SIZE:
                too_long()
            if isinstance(value, int) and value.bit_length() + times.bit_length() > MAX_BITS:
                too_long()


def check_power(left: object, right: object) -> None:
    if isinstance(left, int) and isinstance(right, int) and left.bit_length() * abs(right) > MAX_BITS:
        too_long()


def finished(value: Any) -> Any:
    """The value as a variable can have it: lists and mappings of Python, without what is omitted."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, dict):
        return {finished(key): finished(child) for key, child in value.items() if child is not OMIT}
    if isinstance(value, list | tuple):
        return [finished(child) for child in value if child is not OMIT]
    if isinstance(value, Missing):
        raise Tripped(value)
    if isinstance(value, Undefined) or not isinstance(value, (*SCALARS, bytes)):
        raise no_value(value)
    return value
