"""An event whose text is no Unicode (half of a surrogate pair, which JSON allows) made one that can be written."""

from __future__ import annotations

from typing import Any

from msgspec.structs import fields, replace

from fairtrial.domain.events import Event


def speakable(event: Event) -> Event:
    """The same event with each half of a pair replaced by a question mark: better a mark than an event that is lost."""
    changed = {field.name: _mended(getattr(event, field.name)) for field in fields(event)}
    return replace(event, **changed)


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {_mended(key): _mended(item) for key, item in value.items()}
    return value
