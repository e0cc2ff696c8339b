"""Replaces lone surrogates in an event's texts, which JSON allows and UTF-8 can't encode, so that it can be written."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import fields, replace

from fairtrial.domain.events import Event


def replace_surrogates(event: Event) -> Event:
    """The same event with a question mark for each lone surrogate: better a mark than a lost event."""
    mended: Event = _mended(event)
    return mended


def _mended(value: Any) -> Any:
    if isinstance(value, Struct):
        return replace(value, **{field.name: _mended(getattr(value, field.name)) for field in fields(value)})
    if isinstance(value, list):
        return [_mended(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value
