"""Defines the base of all sections of `fairtrial.yaml`, and the types of their values."""

from __future__ import annotations

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


class Section(BaseModel):
    """A section of the file; an unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
