"""Extracts the metadata of a stream of the Responses API, whose last event holds the whole response."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from fairtrial.domain.limits.json_limits import DECODED, excess
from gateway.proxy.extraction.chat_metadata import NOTHING, ResponseMetadata, decoded
from gateway.proxy.extraction.responses_metadata import Response, metadata_of
from gateway.proxy.wire import lenient_json
from gateway.proxy.wire.sse import TERMINAL, event_data, split_events


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
            return replace(failed, error_type=str(kind or "upstream_error"), error_code=_text(code))
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
        fields = lenient_json.split_object(content)
    except (ValueError, RecursionError):
        return None
    ends = bytes(fields.get("type", b"")).strip(b'"').decode() in TERMINAL
    return bytes(fields["response"]) if ends and "response" in fields else None


def _text(code: Any) -> str | None:
    return None if code is None else str(code)
