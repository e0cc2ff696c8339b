"""Parses margins and smallest effects: `1pp` is a difference of shares, `20%` is relative."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

FORM = re.compile(r"(\d+(?:\.\d+)?)\s*(pp|%)?")
EXAMPLES = "1pp is one percentage point, 20% is relative to the control"


@dataclass(frozen=True, slots=True)
class Margin:
    """``value``: 0.01 for ``1pp`` and 0.2 for ``20%``; ``relative``: to the control's level."""

    value: Decimal
    relative: bool


def parse_margin(text: str, *, zero: bool = False) -> Margin:
    """Parse ``1pp`` or ``20%``; raises `ValueError` with the reason.

    ``zero``: whether 0 is allowed, which needs no unit. A stop margin may be 0; a margin of 0 can't be shown.
    """
    match = FORM.fullmatch(text.strip())
    number = Decimal(match[1]) if match else Decimal()
    if match is None or (match[2] is None and number):
        raise ValueError(f"{text!r} is not a margin")
    if not number and not zero:
        raise ValueError(f"{text!r} must be more than 0, because a difference of exactly 0 can't be shown")
    return Margin(number / 100, relative=match[2] == "%")
