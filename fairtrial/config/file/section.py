"""Defines the base of all sections of `fairtrial.yaml`, and the types of their values."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from fairtrial.config.addresses import parse_network

Money = Annotated[Decimal, Field(ge=0, allow_inf_nan=False)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Wait = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Percent = Annotated[float, Field(gt=0, le=100, allow_inf_nan=False)]
Name = Annotated[str, Field(min_length=1)]
Date = Annotated[str, AfterValidator(lambda value: date.fromisoformat(value).isoformat())]
Network = Annotated[str, AfterValidator(parse_network)]
"""An IP address or a network in CIDR notation."""
MarginText = Annotated[str, BeforeValidator(lambda value: f"{value}" if type(value) in (int, float) else value)]
"""`1pp` or `20%`. A bare number is read as text, so that the check of margins can report what is missing."""

DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def duration_seconds(value: object) -> float:
    """Seconds of a text such as ``7d`` or ``90m``; raises `ValueError`."""
    match = DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a number with a unit: 30s, 90m, 12h or 7d")
    return float(match[1]) * _SECONDS[match[2]]


def _level(value: object) -> object:
    """The number of a text such as ``62%``; numbers stay as they are."""
    if isinstance(value, str) and value.strip().endswith("%"):
        return float(Decimal(value.strip()[:-1].strip()) / 100)
    return value


Duration = Annotated[float, BeforeValidator(duration_seconds), Field(gt=0, le=90 * 86_400)]
"""`7d`, `12h`, `90m` or `30s`; at most 90 days."""
Level = Annotated[float, BeforeValidator(_level), Field(allow_inf_nan=False)]
"""`62%` or a number."""


class Section(BaseModel):
    """A section of the file; an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)
