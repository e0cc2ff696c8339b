"""Checks whether an answer follows the JSON schema that its request asked for, within limits of size and work.

Recording and evaluation both use it, so that they agree on each answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from fairtrial.domain.limits.bounded_schema import BoundedSchema, TooCostly
from fairtrial.domain.limits.json_limits import DECODED, excess

LARGEST_SCHEMA, LARGEST_ANSWER = 16 * 1024, 64 * 1024
"""Bytes. With a larger schema or answer it is not known whether the answer follows it."""

MOST_STEPS = 1_000
"""Keywords that are applied to one answer at most, some milliseconds of work; usual schemas need about a hundred."""

MOST_PATTERNS = 50
"""Patterns that a schema may have, because each is compiled."""

_ANY, _SCHEMA = msgspec.json.Decoder(Any), msgspec.json.Decoder(dict[str, Any])


class _Named(msgspec.Struct, frozen=True):
    schema: msgspec.Raw = msgspec.Raw(b"{}")


class _Format(msgspec.Struct, frozen=True):
    """The ``response_format`` of a chat, or the ``text.format`` of the Responses API."""

    type: str = "text"
    json_schema: _Named = _Named()
    schema: msgspec.Raw = msgspec.Raw(b"{}")


class _Text(msgspec.Struct, frozen=True):
    format: _Format = _Format()


_FORMAT, _TEXT = msgspec.json.Decoder(_Format), msgspec.json.Decoder(_Text)


def requested_schema(fields: Mapping[str, msgspec.Raw]) -> bytes | None:
    """The schema that a request asks its output to follow; ``None`` if it asks for none.

    JSON without a schema (``json_object``) must be an object.
    """
    for name in ("response_format", "text"):
        raw = fields.get(name)
        if raw is None:
            continue
        try:
            wanted = _FORMAT.decode(raw) if name == "response_format" else _TEXT.decode(raw).format
        except (msgspec.DecodeError, RecursionError):
            return None
        if wanted.type == "json_object":
            return b'{"type":"object"}'
        if wanted.type == "json_schema":
            return bytes(wanted.json_schema.schema if name == "response_format" else wanted.schema)
    return None


def checked_schema(schema: bytes) -> BoundedSchema | None:
    """The checked schema; ``None`` if it is invalid, not supported, or too much work."""
    if len(schema) > LARGEST_SCHEMA or excess(schema, DECODED) is not None or schema.count(b'"pattern') > MOST_PATTERNS:
        return None
    try:
        return BoundedSchema(_SCHEMA.decode(schema), most_steps=MOST_STEPS)
    except Exception:  # noqa: BLE001 - an odd schema must not stop traffic or a run
        return None


def follows(schema: BoundedSchema, text: str) -> bool | None:
    """Whether the whole text is JSON that follows the schema; ``None`` if it is too much work. Never raises."""
    if len(text) > LARGEST_ANSWER:
        return None
    try:
        return _follows(schema, text.encode())
    except Exception:  # noqa: BLE001 - an odd answer must not stop traffic or a run
        return None


def _follows(schema: BoundedSchema, text: bytes) -> bool | None:
    if excess(text, DECODED) is not None:
        return None
    try:
        value = _ANY.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None if b"\\ud" in text.lower() else False  # JSON may hold a lone surrogate, which can't be decoded
    try:
        return schema.complaint(value, most_steps=MOST_STEPS) is None
    except TooCostly:
        return None
