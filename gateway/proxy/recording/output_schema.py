"""Checks whether an answer follows the JSON schema that its request asked for, within limits of size and work."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import msgspec

from fairtrial.domain.limits.bounded_schema import BoundedSchema, TooCostly
from fairtrial.domain.limits.json_limits import DECODED, excess
from gateway.proxy.extraction.chat_metadata import ResponseMetadata

LARGEST_SCHEMA, LARGEST_ANSWER = 16 * 1024, 64 * 1024
"""Bytes. With a larger schema or answer it is not known whether the answer follows it."""

MOST_STEPS = 1_000
"""Keywords that are applied to one answer at most, some milliseconds of work; usual schemas need about a hundred."""

MOST_PATTERNS = 50
"""Patterns that a schema may have, because each is compiled."""

REMEMBERED = 64
"""How many schemas are kept."""

_ANY, _SCHEMA = msgspec.json.Decoder(Any), msgspec.json.Decoder(dict[str, Any])
_compiled: dict[bytes, BoundedSchema | None] = {}
_compiling = False


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


async def follows_schema(schema: bytes, metadata: ResponseMetadata) -> bool | None:
    """Whether the text of an answer follows the schema. Never raises.

    ``None`` is unknown: there is no text but a refusal or a call of a tool, or it is too much work.
    """
    text = metadata.text
    if not text or metadata.refused or len(schema) > LARGEST_SCHEMA or len(text) > LARGEST_ANSWER:
        return None
    if schema not in _compiled and not await _compile(schema):
        return None
    checked = _compiled[schema]
    try:
        return None if checked is None else _follows(checked, text.encode())
    except Exception:  # noqa: BLE001 - an odd schema or answer must not stop traffic
        return None


async def _compile(schema: bytes) -> bool:
    """Check the schema in a thread and remember it; false while that thread has another one."""
    global _compiling
    if _compiling:
        return False
    _compiling = True
    try:
        compiled = await asyncio.get_running_loop().run_in_executor(_thread(), _checked, schema)
    finally:
        _compiling = False
    if len(_compiled) >= REMEMBERED:
        del _compiled[next(iter(_compiled))]
    _compiled[schema] = compiled
    return True


@lru_cache(maxsize=1)
def _thread() -> ThreadPoolExecutor:
    """A thread for schemas alone, because others wait for the shared ones. The first schema imports a large library."""
    return ThreadPoolExecutor(1, thread_name_prefix="schemas")


def _checked(schema: bytes) -> BoundedSchema | None:
    """The checked schema; ``None`` if it is invalid, not supported, or too much work."""
    if excess(schema, DECODED) is not None or schema.count(b'"pattern') > MOST_PATTERNS:
        return None
    try:
        return BoundedSchema(_SCHEMA.decode(schema), most_steps=MOST_STEPS)
    except Exception:  # noqa: BLE001 - an odd schema must not stop traffic
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
