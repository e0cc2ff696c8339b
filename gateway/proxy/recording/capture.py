"""Captures bodies and tags for the record: in full, redacted, or not at all if that fails or is too much work."""

import json
import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Literal, get_args

import msgspec

from fairtrial.domain.events import CaptureOutcome
from fairtrial.domain.limits.json_limits import RECORDED, excess
from fairtrial.domain.settings import Capture
from fairtrial.privacy.patterns import PATTERNS, Pattern
from fairtrial.privacy.search import EVERY, any_possible, back, possible, verified
from gateway.proxy.admission.cooperative_work import Allowance, Steps, TimeSlicer, TooMuchWork, at_once, bounded
from gateway.proxy.wire import json_bodies
from gateway.proxy.wire.http import TAGS_HEADER
from gateway.proxy.wire.json_bodies import RequestBody

STEP = 8
"""How many candidates make one step. Each takes some microseconds."""

AT_ONCE = 40
"""Steps that a text or body may take without a pause. One that needs more raises `TooMuchWork`."""

_SHORTEST = 3
_LONG = 32 * 1024
"""From this many bytes on, the search for one pattern counts as a step, whatever it finds."""

_EDGE = b"\0"
"""Stands before and behind a text. It belongs to no word, like the quotes around a text in JSON."""

_QUOTE = b'"'
_ANY = msgspec.json.Decoder(Any)
_SYNTAX = msgspec.json.Decoder(msgspec.Raw)
"""Checks that bytes are JSON, without decoding any value."""

_ENCODER = msgspec.json.Encoder()
_ESCAPES = (
    (b"\\\\", b"\0\0"),
    (b'\\"', b"\0\0"),
    (b"\\b", b"\0\0"),
    (b"\\n", b"\n\n"),
    (b"\\r", b"\r\r"),
    (b"\\t", b"\t\t"),
    (b"\\f", b"\f\f"),
)
_CODE = re.compile(rb"\\u[0-9A-Fa-f]{4}")
_BACKSLASH = ord("\\")
"""Python finds a number in bytes in a fifth of the time that it takes for a sequence of one byte."""

_HIDING = (b"\\u", b"\\/")
"""Escapes that may stand for a character of a find; the other escapes can't."""

_SURROGATE = re.compile("[\ud800-\udfff]")
BODY_LIMIT = 256 * 1024
"""Bytes. A larger body is left out entirely, because half a JSON text is useless."""

MAX_TAGS, MAX_LENGTH = 16, 128
"""How many tags a request may have, and how long a name or a value may be."""

SLICED_STEPS = 320
"""Steps that the redaction of a body may take in time slices: enough to examine some 2,500 candidates."""

LeftOut = Literal["size", "work"]
"""Why a body is not recorded although the plan wants it: it is too large, or its redaction is too much work."""

LEFT_OUT: tuple[str, ...] = (*get_args(LeftOut), "feedback")
"""The reasons that are counted, with one more for texts of feedback whose redaction is too much work."""


def redact_text(text: str) -> str:
    """The text with e-mail and IP addresses, phone numbers, cards, IBANs, keys and tokens replaced by ``[kind]``.

    Raises `TooMuchWork`. A lone surrogate becomes U+FFFD if the text is examined at all.
    """
    return at_once(bounded(text_steps(text), Allowance(AT_ONCE))) if needs_steps(text) else text


def redact_json(body: bytes) -> str:
    """JSON with every text in it redacted, names included. It raises on anything else, which is then not recorded.

    An escape such as ``\u0040`` hides nothing. A body without finds stays as it came. Raises `TooMuchWork`.
    """
    return at_once(bounded(json_steps(body), Allowance(AT_ONCE))) if needs_json_steps(body) else as_it_came(body)


def needs_steps(text: str) -> bool:
    """Whether a text may hold something that must be redacted."""
    return len(text) >= _SHORTEST and any_possible(_edged(text)[1])


def needs_json_steps(body: bytes, second: bytes = b"") -> bool:
    """Whether any text or number in JSON may hold something that must be redacted, or an escape may hide it.

    The JSON is searched undecoded. That suffices, because a text stands there as it is, except for its escapes.
    """
    whole = _EDGE.join((b"", body, second, b""))
    if _BACKSLASH not in whole:
        return any_possible(whole)
    return any(escape in whole for escape in _HIDING) or any_possible(_without_escapes(whole))


def as_it_came(body: bytes) -> str:
    """The text of JSON that needs no redaction; raises `msgspec.DecodeError` if it is not JSON."""
    _SYNTAX.decode(body)
    return body.decode()


def text_steps(text: str) -> Steps[str]:
    """`redact_text` in steps, for a text that may hold something."""
    changed = yield from _redacted_text(*_edged(text))
    return text if changed is None else changed[1:-1].decode()


def _edged(text: str) -> tuple[bytes, bytes]:
    """A text with edges as it is, and as it is searched."""
    inner = _SURROGATE.sub("\ufffd", text).encode()
    return _QUOTE + inner + _QUOTE, _QUOTE + inner.replace(_QUOTE, _EDGE) + _QUOTE


def json_steps(body: bytes) -> Steps[str]:
    """`redact_json` in steps, for a body that may hold something."""
    if any(escape in body for escape in _HIDING):
        if excess(body, RECORDED) is not None:
            raise TooMuchWork
        plain = _plain(body)
    else:
        _SYNTAX.decode(body)
        plain = body
    edged = _EDGE + plain + _EDGE
    changed = yield from _redacted_text(edged, _without_escapes(edged))
    return body.decode() if changed is None else changed[1:-1].decode()


def _plain(body: bytes) -> bytes:
    """The same JSON without needless escapes."""
    try:
        return _ENCODER.encode(_ANY.decode(body))
    except msgspec.DecodeError:
        text = json.dumps(json_bodies.decode_leniently(body), ensure_ascii=False)
        return _SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text).encode()


def _without_escapes(body: bytes) -> bytes:
    """A copy of the same length, with white space or NUL bytes in place of escapes."""
    if _BACKSLASH not in body:
        return body
    for escape, instead in _ESCAPES:
        body = body.replace(escape, instead)
    return _CODE.sub(b"\f" * 6, body)


def _redacted_text(raw: bytes, look: bytes) -> Steps[bytes | None]:
    """The bytes with every find replaced, or ``None`` if there is none. ``look`` has the same length as ``raw``."""
    changed, seen = False, count(1)
    numbers = possible(look)
    for number in EVERY:
        if number in numbers:
            pattern = PATTERNS[number]
            finds = yield from _finds(pattern, look, seen)
            if finds:
                raw, look = _replaced(raw, look, finds, pattern.stands)
                changed = True
                # what stands for a find is no part of a word, so that another find may now begin behind it
                numbers = possible(look) if len(look) <= _LONG else EVERY
            if len(look) > _LONG:
                yield
    return raw if changed else None


def _finds(pattern: Pattern, look: bytes, seen: Iterator[int]) -> Steps[list[tuple[int, int]]]:
    """The start and end of each find. Every eighth candidate ends a step."""
    finds = []
    match = pattern.first(look)
    while match is not None:
        if next(seen) % STEP == 0:
            yield
        start, end, good = verified(pattern, look, *match.span())
        if good:
            finds.append((start, end))
        match = pattern.regex.search(look, back(look, end) if pattern.before else end)
    return finds


def _replaced(raw: bytes, look: bytes, finds: list[tuple[int, int]], stands: bytes) -> tuple[bytes, bytes]:
    """Both with the finds replaced. A find outside of a text is a number, and becomes a text."""
    raws: list[bytes] = []
    looks: list[bytes] = []
    at = quotes = 0
    for start, end in finds:
        quotes += look.count(_QUOTE, at, start)
        instead = stands if quotes % 2 else _QUOTE + stands + _QUOTE
        raws += raw[at:start], instead
        looks += look[at:start], instead
        at = end
    return b"".join([*raws, raw[at:]]), b"".join([*looks, look[at:]])


class Bodies(msgspec.Struct, frozen=True, gc=False):
    """The recorded parts of the two bodies, as JSON text; how they were captured; and why a part was left out."""

    outcome: CaptureOutcome = "none"
    request: str | None = None
    response: str | None = None
    left_out: tuple[LeftOut, ...] = ()


NO_BODIES = Bodies()


def capture_bodies(capture: Capture, body: RequestBody, answer: bytes | None) -> Bodies:
    """The two bodies as the plan wants them, without waiting. Never raises."""
    bodies = untouched(capture, body, answer)
    return bodies or at_once(_redacted(body.body, answer, most=AT_ONCE))


async def capture_in_slices(
    body: RequestBody, answer: bytes | None, *, time_slicer: TimeSlicer, caller: str | None
) -> Bodies:
    """The bodies that `untouched` left, in time slices; at once, within a smaller limit, if too much work waits."""
    if time_slicer.busy(caller):
        return at_once(_redacted(body.body, answer, most=AT_ONCE))
    return await time_slicer.run(_redacted(body.body, answer, most=SLICED_STEPS), caller)


def untouched(capture: Capture, body: RequestBody, answer: bytes | None, *, is_json: bool = False) -> Bodies | None:
    """The bodies if they need no redaction, as most do; else ``None``. ``is_json``: the answer needs no check of it."""
    if capture == "none":
        return NO_BODIES
    sent, answered = body.body, answer or b""
    left_out: tuple[LeftOut, ...] = ()
    if len(sent) + len(answered) > BODY_LIMIT:
        left_out = _too_large(sent, answered)
        sent, answered = _kept(sent) or b"", _kept(answered) or b""
    try:
        if capture == "redacted" and needs_json_steps(sent, answered):
            return None
        plain = capture == "full"
        return Bodies(
            capture,
            (sent.decode() if plain or body.strict else as_it_came(sent)) if sent else None,
            (answered.decode() if plain or is_json else as_it_came(answered)) if answered else None,
            left_out,
        )
    except Exception:  # noqa: BLE001 - a failure of recording must not stop traffic
        return Bodies("failed", left_out=left_out)


def _redacted(request: bytes, answer: bytes | None, *, most: int) -> Steps[Bodies]:
    left_out, texts = list(_too_large(request, answer)), list[str | None]()
    try:
        for body in (_kept(request), _kept(answer)):
            try:
                texts.append(None if body is None else (yield from bounded(json_steps(body), Allowance(most))))
            except TooMuchWork:
                left_out.append("work")
                texts.append(None)
    except Exception:  # noqa: BLE001 - a failure of redaction must not stop traffic
        return Bodies("failed", left_out=tuple(left_out))
    return Bodies("redacted", texts[0], texts[1], tuple(left_out))


def _kept(body: bytes | None) -> bytes | None:
    return body if body and len(body) <= BODY_LIMIT else None


def _too_large(*bodies: bytes | None) -> tuple[LeftOut, ...]:
    return tuple("size" for body in bodies if body and len(body) > BODY_LIMIT)


def read_tags(headers: Mapping[str, str], capture: Capture) -> dict[str, str]:
    """Tags of ``x-fairtrial-tags: team=search,release=7``; ignores other parts. Redacted unless capture is ``full``."""
    if TAGS_HEADER not in headers:
        return {}
    line = headers[TAGS_HEADER]
    tags: dict[str, str] = {}
    for part in line.split(",")[:MAX_TAGS]:
        name, equals, value = part.partition("=")
        if equals and name.strip():
            tags[name.strip()[:MAX_LENGTH]] = value.strip()[:MAX_LENGTH]
    return tags if capture == "full" else {redact_text(name): redact_text(value) for name, value in tags.items()}
