# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a value would be refused in an inventory, for those who have it from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError


class Refusal(NamedTuple):
    """The code of the problem, what is wrong, what to do, and the place inside a model."""

    code: str
    message: str
    hint: str
    place: tuple[str | int, ...] = ()


def refusal(read: Callable[[object], object], value: object) -> Refusal | None:
    """Why a reader of values refuses one; None where it takes it."""
    try:
        read(value)
    except PydanticCustomError as error:
        return Refusal(error.type, error.message(), str((error.context or {}).get("hint", "")))
    return None


def refusals(model: type[BaseModel], values: Mapping[str, object]) -> Iterator[Refusal]:
    """Why a model refuses values."""
    try:
        model.model_validate(values)
    except ValidationError as error:
        for one in error.errors():
            yield Refusal(one["type"], one["msg"], str(one.get("ctx", {}).get("hint", "")), one["loc"])
