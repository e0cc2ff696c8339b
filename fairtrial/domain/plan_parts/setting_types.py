"""Defines the types of settings in `fairtrial.yaml`, and how their texts are converted."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MinLen


@dataclass(frozen=True, slots=True)
class Converted:
    """A setting that ``by`` converts before or after its type is checked; `ValueError` is an error in the file.

    ``written``: its type in the file, by default that of the value.
    pydantic calls the method. It returns a plain mapping, as schemas of pydantic's core are, so that the domain does
    not import pydantic.
    """

    by: Callable[[Any], Any]
    when: Literal["before", "after"] = "before"
    written: Any = None

    def __get_pydantic_core_schema__(self, source: Any, handler: Callable[[Any], Any]) -> dict[str, Any]:
        function = {"type": "no-info", "function": self.by}
        return {"type": f"function-{self.when}", "function": function, "schema": handler(self.written or source)}


DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def duration_seconds(value: object) -> float:
    """Seconds of a text such as ``7d`` or ``90m``; raises `ValueError`."""
    match = DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("write a number with a unit: 30s, 90m, 12h or 7d")
    return float(match[1]) * _SECONDS[match[2]]


def parse_network(text: str) -> str:
    """Parse ``10.0.0.7``, ``10.0.0.0/8`` or ``::1`` and normalise it; raises `ValueError`."""
    try:
        network = ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not an IP address or network (such as 127.0.0.1 or 10.0.0.0/8)") from None
    if network.prefixlen == 0:
        raise ValueError(f"{text!r} contains every address, so that anyone could claim any address")
    return str(network.network_address) if network.num_addresses == 1 else str(network)


def _level(value: object) -> object:
    """The number of a text such as ``62%``; anything else stays as it is."""
    if isinstance(value, str) and value.strip().endswith("%"):
        try:
            return float(Decimal(value.strip()[:-1].strip()) / 100)
        except InvalidOperation:
            return value
    return value


Money = Annotated[Decimal, Ge(0)]
Seconds = Annotated[float, Gt(0)]
Wait = Annotated[float, Ge(0)]
Percent = Annotated[float, Gt(0), Le(100)]
Name = Annotated[str, MinLen(1)]
Date = Annotated[str, Converted(lambda value: date.fromisoformat(value).isoformat(), "after")]
Network = Annotated[str, Converted(parse_network, "after")]
"""An IP address or a network in CIDR notation."""
MarginText = Annotated[str, Converted(lambda value: f"{value}" if type(value) in (int, float) else value)]
"""`1pp` or `20%`. A bare number is read as text, so that the check of margins can report what is missing."""
Duration = Annotated[float, Converted(duration_seconds), Gt(0), Le(90 * 86_400)]
"""`7d`, `12h`, `90m` or `30s`; at most 90 days."""
Level = Annotated[float, Converted(_level)]
"""`62%` or a number."""
