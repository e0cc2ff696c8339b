"""Redacts personal and secret text in a body or a text before it is recorded, in steps of bounded work."""

import json
import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import msgspec

from fairtrial.domain.limits.json_limits import RECORDED, excess
from fairtrial.privacy.patterns import PATTERNS, Pattern
from fairtrial.privacy.search import EVERY, any_possible, back, possible, verified
from gateway.proxy.admission.cooperative_work import Allowance, Steps, TooMuchWork, at_once, bounded
from gateway.proxy.wire import json_bodies

STEP = 8
"""How many candidates make one step. Each takes some microseconds."""

AT_ONCE = 40
"""Steps that a text or body may take without a pause. One that needs more raises `TooMuchWork`."""

SLICED_STEPS = 320
"""Steps that the redaction of a body may take in time slices: enough to examine some 2,500 candidates."""

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
