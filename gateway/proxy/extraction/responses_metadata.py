"""Extracts from a whole answer of the Responses API what the record says of it."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.proxy.extraction.chat_metadata import NOTHING, ResponseMetadata, decoded, error_of


class _Usage(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None


class _IncompleteDetails(msgspec.Struct):
    reason: str | None = None


class _Item(msgspec.Struct):
    content: Any = None


class Response(msgspec.Struct):
    """The part of a response that is read; everything else is ignored."""

    id: str | None = None
    model: str | None = None
    status: str | None = None
    output: list[_Item] | None = None
    usage: _Usage | None = None
    incomplete_details: _IncompleteDetails | None = None
    error: Any = None


_RESPONSE = msgspec.json.Decoder(Response)


def response_metadata(body: bytes) -> ResponseMetadata:
    """The metadata of a whole response. An answer of another shape gives unknowns, never zeros."""
    response = decoded(body, _RESPONSE)
    return NOTHING if response is None else metadata_of(response)


def metadata_of(response: Response) -> ResponseMetadata:
    """The metadata of a response, also of the one at a stream's end. ``finish_reason``: why incomplete, or its status.

    A response that continues in the background has no usage yet, and is recorded without.
    """
    usage = response.usage
    reason = response.incomplete_details.reason if response.incomplete_details else None
    metered = usage is not None and (usage.input_tokens is not None or usage.output_tokens is not None)
    kind, code = error_of(response.error)
    return ResponseMetadata(
        response_id=response.id,
        model=response.model,
        finish_reason=reason or response.status,
        refused=None if response.output is None else reason == "content_filter" or _refuses(response.output),
        tokens_in=usage.input_tokens if usage else None,
        tokens_out=usage.output_tokens if usage else None,
        usage_source="provider" if metered else "none",
        error_type=kind,
        error_code=code,
        done=True,
    )


def _refuses(items: list[_Item]) -> bool:
    parts = [part for item in items if isinstance(item.content, list) for part in item.content]
    return any(isinstance(part, dict) and part.get("type") == "refusal" for part in parts)
