"""Extracts from an answer of the Responses API, whole or as a stream, what the record contains about it."""

from typing import Any

import msgspec
from msgspec.structs import replace

from fairtrial.domain.answers.refusals import withheld
from fairtrial.domain.limits.json_limits import DECODED, excess
from gateway.proxy.extraction.chat_metadata import (
    NOTHING,
    ResponseMetadata,
    cost_of,
    decoded,
    error_of,
    tier_of,
    tokens_of,
)
from gateway.proxy.wire import json_bodies
from gateway.proxy.wire.sse import TERMINAL, event_data, split_events


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
    usage: dict[str, Any] | None = None
    service_tier: Any = None
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
    tokens = None if usage is None else tokens_of(usage)
    kind, code = error_of(response.error)
    return ResponseMetadata(
        response_id=response.id,
        model=response.model,
        finish_reason=reason or response.status,
        refused=None if response.output is None else withheld(None, reason) or _refuses(response.output),
        text=None if response.output is None else _text(response.output),
        tokens=tokens,
        usage_source="none" if tokens is None else "provider",
        reported_cost=None if usage is None or "cost" not in usage else cost_of(usage),
        service_tier=None if response.service_tier is None else tier_of(response.service_tier, usage),
        error_type=kind,
        error_code=code,
        done=True,
    )


def _parts(items: list[_Item]) -> list[dict[str, Any]]:
    parts = [part for item in items if isinstance(item.content, list) for part in item.content]
    return [part for part in parts if isinstance(part, dict)]


def _text(items: list[_Item]) -> str:
    texts = [part.get("text") for part in _parts(items) if part.get("type") == "output_text"]
    return "".join(text for text in texts if isinstance(text, str))


def _refuses(items: list[_Item]) -> bool:
    return any(part.get("type") == "refusal" for part in _parts(items))


class _Event(msgspec.Struct):
    type: str | None = None
    response: Response | None = None
    code: Any = None
    error: Any = None


class _Terminal(msgspec.Struct):
    type: str | None = None
    response: msgspec.Raw = msgspec.Raw()


_EVENT = msgspec.json.Decoder(_Event)
_TERMINAL = msgspec.json.Decoder(_Terminal)


def response_stream_metadata(events: bytes) -> ResponseMetadata:
    """The metadata from the terminal event, or from the last event that names the response if the stream broke off."""
    named = NOTHING
    for raw in split_events(events):
        content = event_data(raw)
        event = decoded(content, _EVENT) if b'"response"' in content or b'"error"' in content else None
        if event is None:
            continue
        if event.response is not None:
            named = metadata_of(event.response)
        if event.error or event.type == "error":
            code = event.error.get("code") if isinstance(event.error, dict) else event.code
            kind = event.error.get("type") if isinstance(event.error, dict) else None
            failed = replace(named, finish_reason=None, refused=None, text=None, done=True)
            return replace(
                failed, error_type=str(kind or "upstream_error"), error_code=None if code is None else str(code)
            )
        if event.type in TERMINAL:
            return named
    return replace(named, finish_reason=None, refused=None, text=None, done=False)


def terminal_response(events: bytes) -> bytes | None:
    """The response in the stream's last event, as the text for the record; ``None`` if there is none."""
    for raw in reversed(split_events(events)):
        content = event_data(raw)
        if b'"response"' in content and (response := _held(content)):
            return response
    return None


def _held(content: bytes) -> bytes | None:
    """The response in a terminal event."""
    if excess(content, DECODED) is not None:
        return None
    try:
        event = _TERMINAL.decode(content)
    except msgspec.ValidationError:
        return None
    except (msgspec.DecodeError, RecursionError):
        return _held_slowly(content)
    return bytes(event.response) if event.type in TERMINAL else None


def _held_slowly(content: bytes) -> bytes | None:
    try:
        fields = json_bodies.split_object(content)
    except (ValueError, RecursionError):
        return None
    ends = bytes(fields.get("type", b"")).strip(b'"').decode() in TERMINAL
    return bytes(fields["response"]) if ends and "response" in fields else None
