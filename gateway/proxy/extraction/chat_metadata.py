"""Extracts from an answer what the record says of it, from a copy and only once. The bytes sent stay unchanged."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from fairtrial.domain.events import UsageSource
from fairtrial.domain.limits.json_limits import DECODED, excess
from gateway.proxy.wire import lenient_json
from gateway.proxy.wire.sse import DONE


class ResponseMetadata(msgspec.Struct, frozen=True, gc=False):
    """The metadata of one answer; ``None`` is unknown. ``done``: the answer itself says that it is complete."""

    response_id: str | None = None
    model: str | None = None
    fingerprint: str | None = None
    finish_reason: str | None = None
    refused: bool | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    usage_source: UsageSource = "none"
    error_type: str | None = None
    error_code: str | None = None
    done: bool = False


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Message(msgspec.Struct):
    refusal: str | None = None


class _Choice(msgspec.Struct):
    finish_reason: str | None = None
    message: _Message | None = None
    delta: _Message | None = None


class _Answer(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


Shape = TypeVar("Shape", bound=msgspec.Struct)
_ANSWER = msgspec.json.Decoder(_Answer)
NOTHING = ResponseMetadata()


def answer_metadata(body: bytes) -> ResponseMetadata:
    """The metadata of a whole JSON answer. One of another shape gives unknowns, never zeros."""
    answer = decoded(body, _ANSWER)
    return NOTHING if answer is None else _metadata((answer,), done=True)


def stream_metadata(contents: Iterable[bytes]) -> ResponseMetadata:
    """The metadata of a stream, from the data of its events as the upstream sent them."""
    chunks: list[_Answer] = []
    done = False
    for content in contents:
        if content == DONE:
            done = True
        else:
            chunk = decoded(content, _ANSWER)
            if chunk is not None:
                chunks.append(chunk)
    return _metadata(chunks, done=done)


def decoded(content: bytes, decoder: msgspec.json.Decoder[Shape]) -> Shape | None:
    """The decoded JSON, or ``None`` if it has another shape: an odd event must not spoil a sound stream.

    JSON that is nested too deeply is not decoded.
    """
    if excess(content, DECODED) is not None:
        return None
    try:
        return decoder.decode(content)
    except (msgspec.ValidationError, RecursionError):
        return None
    except msgspec.DecodeError:
        return _decoded_slowly(content, decoder)


def _decoded_slowly(content: bytes, decoder: msgspec.json.Decoder[Shape]) -> Shape | None:
    try:
        return msgspec.convert(lenient_json.decode(content), decoder.type)
    except (ValueError, RecursionError):
        return None


def _metadata(chunks: Iterable[_Answer], *, done: bool) -> ResponseMetadata:
    ident = model = fingerprint = finish = None
    usage: _Usage | None = None
    refused, seen, error = False, False, None
    for chunk in chunks:
        ident, model = ident or chunk.id, model or chunk.model
        fingerprint = fingerprint or chunk.system_fingerprint
        usage, error = chunk.usage or usage, error or chunk.error
        for choice in chunk.choices or ():
            seen = True
            finish = finish or choice.finish_reason
            refused = refused or any(words is not None and words.refusal for words in (choice.message, choice.delta))
    kind, code = error_of(error)
    metered = usage is not None and (usage.prompt_tokens is not None or usage.completion_tokens is not None)
    return ResponseMetadata(
        response_id=ident,
        model=model,
        fingerprint=fingerprint,
        finish_reason=finish,
        refused=(refused or finish == "content_filter") if seen else None,
        tokens_in=usage.prompt_tokens if usage else None,
        tokens_out=usage.completion_tokens if usage else None,
        usage_source="provider" if metered else "none",
        error_type=kind,
        error_code=code,
        done=done,
    )


def error_of(error: Any) -> tuple[str | None, str | None]:
    """Type and code of the error in an answer. The code becomes text, whatever the upstream sent."""
    if not error:
        return None, None
    if not isinstance(error, dict):
        return "upstream_error", None
    code = error.get("code")
    return str(error.get("type") or "upstream_error"), None if code is None else str(code)
