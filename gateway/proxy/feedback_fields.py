"""Types of a feedback's fields: names that can be printed, and whole numbers that fit into a float."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StrictInt, StringConstraints

from fairtrial.domain.names import control_character


def _can_be_printed(name: str) -> str:
    if (odd := control_character(name)) is not None:
        raise ValueError(f"holds the control character {odd}")
    return name


def _is_no_larger_than_a_float(value: int) -> int:
    try:
        float(value)
    except OverflowError:
        raise ValueError("is too large a number") from None
    return value


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_can_be_printed)]
UnitName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200), AfterValidator(_can_be_printed)
]
"""Blanks around a unit are none of it, as in a request."""
Whole = Annotated[StrictInt, AfterValidator(_is_no_larger_than_a_float)]
