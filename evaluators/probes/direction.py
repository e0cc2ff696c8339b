"""Reads what a changed copy must do to one field of the answer, for the families of kind directional."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MUST = ("not lower", "not higher", "higher", "lower", "same", "change", "equal")
ORDERED = frozenset(MUST[:4])
DIRECTION_OPTIONS = {
    "field": "The field of the JSON answer; without it, the whole answer.",
    "must": "`not lower`, `not higher`, `higher` or `lower` in the order; `same`, `change`, or `equal` to `value`.",
    "order": "The values of the field from low to high; numbers need none.",
    "value": "With `equal`: the value that the field must have, such as `null`.",
}


def direction_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """The column ``direction`` of a copy; raises `ValueError`."""
    must, order, field = options.get("must"), options.get("order"), options.get("field")
    if must not in MUST:
        raise ValueError(f"must: {must!r} is not known (known: {', '.join(MUST)})")
    if order is not None and (not isinstance(order, list) or len(order) < 2):
        raise ValueError("order: list at least two values, from low to high")
    if order is not None and must not in ORDERED:
        raise ValueError(f"order: {must!r} needs no order")
    if (must == "equal") != ("value" in options):
        raise ValueError("value: give it with 'must: equal', and only then")
    if field is not None and not isinstance(field, str):
        raise ValueError("field: must be the name of a field")
    return {key: options[key] for key in ("field", "must", "order", "value") if key in options}
