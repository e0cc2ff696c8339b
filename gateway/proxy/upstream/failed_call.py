"""Says how a call failed: by its error, or by the start of its response."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import msgspec

from fairtrial.domain.errors import UpstreamError
from gateway.proxy.extraction.chat_metadata import answer_metadata
from gateway.proxy.upstream.call import FIRST_ERROR, StartedResponse, next_piece
from gateway.proxy.wire.headers import Headers

READ_LIMIT = 64 * 1024
"""Bytes of an error that are read to learn its reason."""

TOO_MANY = 429
QUOTA = frozenset({"insufficient_quota", "billing_hard_limit_reached"})
CONTEXT_CODES = frozenset({"context_length_exceeded", "string_above_max_length", "exceed_context_size_error"})
CONTEXT_WORDS = re.compile(
    rb"maximum context length|context[ _]length|context[ _](?:size|window)|prompt is too long"
    rb"|input (?:length|is too long)|too many (?:input )?tokens",
    re.IGNORECASE,
)
"""How OpenAI, vLLM, llama.cpp and Anthropic say that a prompt is longer than the model's context."""

_DELAY = re.compile(rb'"retryDelay"\s*:\s*"(\d{1,6}(?:\.\d{1,9})?)s"')
"""The wait in Gemini's ``RetryInfo``."""


class _Body(msgspec.Struct):
    error: Any = None


_BODY = msgspec.json.Decoder(_Body)


@dataclass(frozen=True, slots=True)
class FailedCall:
    """A call that failed before anything of it was sent on. Either ``error`` or ``response`` is set.

    ``cause``: as in `RetryRule.on`, or another reason to ask a fallback. ``wait``: seconds that the provider asked for.
    ``retryable``: unlike a used-up quota, it may be gone at the next try.
    """

    cause: str
    error: UpstreamError | None = None
    response: StartedResponse | None = None
    wait: float | None = None
    retryable: bool = True


def of_error(error: UpstreamError) -> FailedCall:
    """A call without a response."""
    return FailedCall((error.code or "").removeprefix("upstream_"), error)


async def of_response(response: StartedResponse, *, started: float) -> tuple[StartedResponse, FailedCall | None]:
    """The response with its whole body if that had to be read, and why it failed, if it did in a way to mend.

    A refused prompt, a content policy or a wrong key fails everywhere, so the client gets it as it came.
    """
    status = response.upstream.status
    if status < FIRST_ERROR:
        failed = _begins_with_error(response)
        return response, FailedCall("error_in_answer", response=response) if failed else None
    if status >= 500:
        return response, FailedCall(str(status), response=response, wait=wait_of(response.upstream.headers, b""))
    if status not in (400, 413, TOO_MANY):
        return response, None
    response = await _read(response, started=started)
    body = response.first
    if status == TOO_MANY:
        wait = wait_of(response.upstream.headers, body)
        return response, FailedCall("429", response=response, wait=wait, retryable=_code(body) not in QUOTA)
    if _code(body) in CONTEXT_CODES or CONTEXT_WORDS.search(body):
        return response, FailedCall("context_length", response=response)
    return response, None


def wait_of(headers: Headers, body: bytes) -> float | None:
    """The seconds that a provider asks to wait: ``retry-after-ms``, ``Retry-After`` in seconds, or `RetryInfo`."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers.raw.get(name, b"")) / unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    found = _DELAY.search(body)
    return None if found is None else float(found[1])


def _begins_with_error(response: StartedResponse) -> bool:
    if response.streams:
        return response.first.lstrip().startswith((b'data: {"error"', b'data:{"error"', b"event: error"))
    return answer_metadata(response.first).error_type is not None


def _code(body: bytes) -> str | None:
    try:
        error = _BODY.decode(body).error
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(error, dict):
        return None
    named = (error.get("code"), error.get("type"))
    return next((str(one) for one in named if one in QUOTA | CONTEXT_CODES), None)


async def _read(response: StartedResponse, *, started: float) -> StartedResponse:
    """The response with all of a short body as its first piece."""
    parts, size = [response.first], len(response.first)
    declared = response.upstream.headers.raw.get("content-length")
    while declared != b"%d" % size and size < READ_LIMIT and (piece := await next_piece(response, started=started)):
        parts.append(piece)
        size += len(piece)
    return msgspec.structs.replace(response, first=b"".join(parts)) if len(parts) > 1 else response
