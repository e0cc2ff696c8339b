"""Extracts from an answer what is recorded about it, from a copy and only once. The bytes sent stay unchanged."""

from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from fairtrial.domain.answers.chat import text_of
from fairtrial.domain.answers.refusals import withheld
from fairtrial.domain.events import Tokens, UsageSource
from fairtrial.domain.limits.json_limits import DECODED, excess
from gateway.proxy.wire import json_bodies
from gateway.proxy.wire.sse import DONE


class ResponseMetadata(msgspec.Struct, frozen=True, gc=False):
    """The metadata of one answer; ``None`` is unknown. ``done``: the answer itself says that it is complete.

    ``text``: that of the choice with the lowest index, "" if it has none but a call of a tool.
    """

    response_id: str | None = None
    model: str | None = None
    fingerprint: str | None = None
    finish_reason: str | None = None
    refused: bool | None = None
    text: str | None = None
    tokens: Tokens | None = None
    usage_source: UsageSource = "none"
    error_type: str | None = None
    error_code: str | None = None
    done: bool = False


class _Usage(msgspec.Struct):
    prompt_tokens: Any = None
    completion_tokens: Any = None
    prompt_tokens_details: Any = None
    completion_tokens_details: Any = None
    cache_read_input_tokens: Any = None
    cache_creation_input_tokens: Any = None


class _Message(msgspec.Struct):
    refusal: str | None = None
    content: Any = None


class _Choice(msgspec.Struct):
    finish_reason: str | None = None
    message: _Message | None = None
    delta: _Message | None = None
    text: Any = None
    index: Any = 0


class _Answer(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


LARGEST_COUNT = 2**63 - 1
FAILED = "error"
"""The reason to finish with which some servers report a failure inside an answer with the status 200."""

FINISH_ERROR, NO_CHOICES = "finish_reason_error", "no_choices"
UNSAID = frozenset({FINISH_ERROR, NO_CHOICES})
"""Codes of failures for which an answer holds no error."""

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
        return msgspec.convert(json_bodies.decode_leniently(content), decoder.type)
    except (ValueError, RecursionError):
        return None


def _metadata(chunks: Iterable[_Answer], *, done: bool) -> ResponseMetadata:
    ident = model = fingerprint = finish = None
    usage: _Usage | None = None
    refused, seen, text, error, chooses = False, False, None, None, False
    for chunk in chunks:
        ident, model = ident or chunk.id, model or chunk.model
        fingerprint = fingerprint or chunk.system_fingerprint
        usage, error = chunk.usage or usage, error or chunk.error
        if chunk.choices is None:
            continue
        chooses = True
        for choice in chunk.choices:
            seen, finish, message = True, finish or choice.finish_reason, choice.message or choice.delta
            refused = refused or withheld(None if message is None else message.refusal, choice.finish_reason)
            if text is None and not choice.index:
                text = _text(choice)
    kind, code = error_of(error) if error else (None, None)
    if kind is None and (finish == FAILED or (not seen and chooses and done)):
        kind, code = "upstream_error", FINISH_ERROR if seen else NO_CHOICES
    tokens = None if usage is None else tokens_of(usage)
    return ResponseMetadata(
        response_id=ident,
        model=model,
        fingerprint=fingerprint,
        finish_reason=finish,
        refused=refused if seen else None,
        text=text,
        tokens=tokens,
        usage_source="none" if tokens is None else "provider",
        error_type=kind,
        error_code=code,
        done=done,
    )


def _text(choice: _Choice) -> str | None:
    """The text of a whole choice, "" if it has none; `StreamAssembler` joins chunks. ``None`` if it can't be read."""
    content = choice.text if choice.message is None else choice.message.content
    return content or "" if content is None or isinstance(content, str) else text_of(content)


def tokens_of(usage: _Usage) -> Tokens | None:
    """The tokens of a usage; ``None`` if neither sum is reported. Providers name those of caches differently."""
    first, last = count_of(usage.prompt_tokens), count_of(usage.completion_tokens)
    if first is None and last is None:
        return None
    prompt, answered = usage.prompt_tokens_details, usage.completion_tokens_details
    cached, written = usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    if prompt is None and answered is None and cached is None and written is None:
        return Tokens(input=first, output=last)
    of_asked = prompt if isinstance(prompt, dict) else {}
    of_answered = answered if isinstance(answered, dict) else {}
    return Tokens(
        input=first,
        output=last,
        cached=count_of(of_asked.get("cached_tokens"), cached),
        cache_write=count_of(of_asked.get("cache_write_tokens"), of_asked.get("cache_creation_tokens"), written),
        reasoning=count_of(of_answered.get("reasoning_tokens")),
        audio_in=count_of(of_asked.get("audio_tokens")),
        audio_out=count_of(of_answered.get("audio_tokens")),
    )


def count_of(*values: Any) -> int | None:
    """The first of these that is a count which the store can hold."""
    for value in values:
        if type(value) is int and 0 <= value <= LARGEST_COUNT:
            return value
    return None


def error_of(error: Any) -> tuple[str | None, str | None]:
    """Type and code of the error in an answer. The code becomes text, whatever the upstream sent."""
    if not error:
        return None, None
    if not isinstance(error, dict):
        return "upstream_error", None
    code = error.get("code")
    return str(error.get("type") or "upstream_error"), None if code is None else str(code)
