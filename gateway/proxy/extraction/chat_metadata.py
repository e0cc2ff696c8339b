"""What the record keeps of an answer: read from a copy, once, after its end; the bytes on the wire are not touched."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from fairtrial.domain.events import UsageSource
from fairtrial.domain.limits.json_limits import DECODED, excess
from gateway.proxy.wire import lenient_json
from gateway.proxy.wire.sse import DONE


class Readout(msgspec.Struct, frozen=True, gc=False):
    """Figures of one answer; ``None`` is unknown. ``done``: the answer says itself that it is whole."""

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


class _Words(msgspec.Struct):
    refusal: str | None = None


class _Choice(msgspec.Struct):
    finish_reason: str | None = None
    message: _Words | None = None
    delta: _Words | None = None


class _Answer(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


Shape = TypeVar("Shape", bound=msgspec.Struct)
_ANSWER = msgspec.json.Decoder(_Answer)
NOTHING = Readout()


def read_answer(body: bytes) -> Readout:
    """The figures of a whole JSON answer; an answer of another shape gives unknowns, never zeros."""
    answer = decoded(body, _ANSWER)
    return NOTHING if answer is None else _readout((answer,), done=True)


def read_stream(contents: Iterable[bytes]) -> Readout:
    """The figures of a stream, from the data of its events as the upstream sent them."""
    chunks: list[_Answer] = []
    done = False
    for content in contents:
        if content == DONE:
            done = True
        else:
            chunk = decoded(content, _ANSWER)
            if chunk is not None:
                chunks.append(chunk)
    return _readout(chunks, done=done)


def decoded(content: bytes, decoder: msgspec.json.Decoder[Shape]) -> Shape | None:
    """What is read of JSON, or ``None`` for another shape: an odd event does no harm to a stream that is well.

    What has more structure than is decoded is not read.
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


def _readout(chunks: Iterable[_Answer], *, done: bool) -> Readout:
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
    return Readout(
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
    """Type and code of an error that an answer carries; the code as text whatever the upstream made of it."""
    if not error:
        return None, None
    if not isinstance(error, dict):
        return "upstream_error", None
    code = error.get("code")
    return str(error.get("type") or "upstream_error"), None if code is None else str(code)
