"""Extracts from an answer what is recorded about it, from a copy and only once. The bytes sent stay unchanged."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from fairtrial.domain.answers.chat import text_of
from fairtrial.domain.answers.refusals import withheld
from fairtrial.domain.limits.json_limits import DECODED, excess
from fairtrial.domain.money.tokens import Tokens, UsageSource
from gateway.proxy.extraction.usage_names import FAMILIES, TREES, Family
from gateway.proxy.wire import json_bodies
from gateway.proxy.wire.sse import DONE


class ResponseMetadata(msgspec.Struct, frozen=True, gc=False):
    """The metadata of one answer; ``None`` is unknown. ``done``: the answer itself says that it is complete.

    ``reported_cost``: in US dollars, by the provider.
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
    reported_cost: str | None = None
    service_tier: str | None = None
    error_type: str | None = None
    error_code: str | None = None
    done: bool = False


class _Message(msgspec.Struct):
    refusal: str | None = None
    content: Any = None


class _Choice(msgspec.Struct):
    finish_reason: str | None = None
    message: _Message | None = None
    delta: _Message | None = None
    text: Any = None
    index: Any = 0
    usage: Any = None


class _Answer(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    system_fingerprint: str | None = None
    choices: list[_Choice] | None = None
    usage: dict[str, Any] | None = None
    x_groq: Any = None
    service_tier: Any = None
    error: Any = None


LARGEST_COUNT = 2**63 - 1
MOST_USD = 1_000_000
"""A larger cost of one call is not believed."""

LONGEST_TIER = 40
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
    ident = model = fingerprint = finish = tier = None
    usage: Any = None
    refused, seen, text, error, chooses = False, False, None, None, False
    for chunk in chunks:
        ident, model = ident or chunk.id, model or chunk.model
        fingerprint = fingerprint or chunk.system_fingerprint
        usage, error = chunk.usage or usage, error or chunk.error
        tier = chunk.service_tier or tier
        if chunk.x_groq is not None and isinstance(chunk.x_groq, dict):
            usage = chunk.x_groq.get("usage") or usage
        if chunk.choices is None:
            continue
        chooses = True
        for choice in chunk.choices:
            seen, finish, message = True, finish or choice.finish_reason, choice.message or choice.delta
            refused = refused or withheld(None if message is None else message.refusal, choice.finish_reason)
            usage = choice.usage or usage  # Moonshot's streams have it here
            if text is None and not choice.index:
                text = _text(choice)
    kind, code = error_of(error) if error else (None, None)
    if kind is None and (finish == FAILED or (not seen and chooses and done)):
        kind, code = "upstream_error", FINISH_ERROR if seen else NO_CHOICES
    usage = usage if isinstance(usage, dict) else None
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
        reported_cost=None if usage is None or "cost" not in usage else cost_of(usage),
        service_tier=None if tier is None and (usage is None or "service_tier" not in usage) else tier_of(tier, usage),
        error_type=kind,
        error_code=code,
        done=done,
    )


def _text(choice: _Choice) -> str | None:
    """The text of a whole choice, "" if it has none; `StreamAssembler` joins chunks. ``None`` if it can't be read."""
    content = choice.text if choice.message is None else choice.message.content
    return content or "" if content is None or isinstance(content, str) else text_of(content)


def tokens_of(usage: dict[str, Any]) -> Tokens | None:
    """The tokens of a usage; ``None`` if neither the input nor the output is reported.

    ``input`` contains what was read from a cache or written to it, and ``output`` what the model used to reason.
    """
    for family in FAMILIES:
        if not usage.keys().isdisjoint(family.marks):
            break
    else:
        return None
    counts: dict[str, int] = {}
    objects = [(usage, TREES[family.marks])]
    for fields, tree in objects:
        for name, value in fields.items():
            kind = tree.get(name)
            if type(value) is int:
                if type(kind) is str and 0 <= value <= LARGEST_COUNT:
                    counts[kind] = value
            elif type(value) is dict and type(kind) is dict:
                objects.append((value, kind))
    if len(counts) > 2 or usage.get(family.total) != counts.get("input", 0) + counts.get("output", 0):
        _include_all(counts, usage, family)
    return Tokens(**counts) if "input" in counts or "output" in counts else None


def _include_all(counts: dict[str, int], usage: dict[str, Any], family: Family) -> None:
    """Add to the sums what a provider counts beside them: a total that is larger than both sums shows it.

    xAI and Gemini count reasoning beside the output, and Anthropic's names may hold a cache beside the input.
    """
    from_cache, reasoning = counts.get("cached", 0) + counts.get("cache_write", 0), counts.get("reasoning", 0)
    if "input" not in counts and type(missed := usage.get("prompt_cache_miss_tokens")) is int and missed >= 0:
        counts["input"] = from_cache + missed
    if "input" not in counts or "output" not in counts:
        return
    total = usage.get(family.total)
    beside = total - counts["input"] - counts["output"] if type(total) is int else 0
    if from_cache and (family.cache_apart or from_cache > counts["input"] or beside == from_cache):
        counts["input"] += from_cache
        beside -= from_cache
    if family.reasoning_apart or reasoning > counts["output"]:
        counts["output"] += reasoning
    elif 0 < beside <= LARGEST_COUNT:
        counts["output"] += beside
        counts.setdefault("reasoning", beside)


def cost_of(usage: dict[str, Any]) -> str | None:
    """The cost that the provider itself reports, in US dollars: OpenRouter's number, or Perplexity's sum."""
    cost = usage.get("cost")
    if isinstance(cost, dict):
        cost = cost.get("total_cost")
    elif usage.get("is_byok") is True and isinstance(details := usage.get("cost_details"), dict):
        paid = details.get("upstream_inference_cost")  # with one's own key the provider bills this beside the fee
        cost = cost + paid if isinstance(cost, int | float) and isinstance(paid, int | float) else cost
    if not isinstance(cost, int | float) or isinstance(cost, bool) or not 0 <= cost < MOST_USD:
        return None
    return format(Decimal(repr(cost)), "f")


def tier_of(tier: Any, usage: dict[str, Any] | None) -> str | None:
    """The service tier of an answer, or of its usage, as Anthropic reports it."""
    tier = tier or (None if usage is None else usage.get("service_tier"))
    return tier.lower() if isinstance(tier, str) and len(tier) <= LONGEST_TIER else None


def error_of(error: Any) -> tuple[str | None, str | None]:
    """Type and code of the error in an answer. The code becomes text, whatever the upstream sent."""
    if not error:
        return None, None
    if not isinstance(error, dict):
        return "upstream_error", None
    code = error.get("code")
    return str(error.get("type") or "upstream_error"), None if code is None else str(code)
