"""How much structure JSON from outside may have: counted on its bytes before anything is decoded.

Decoding makes an object of every name, text, list and number, and holds up the event loop while it does. Numbers are
not counted: what is kept undecoded of them costs no more than their bytes. Nesting is bounded by the decoders.
"""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.domain.errors import BadRequest


@dataclass(frozen=True, slots=True)
class Limits:
    """``top``: names of the outermost object; ``names``: of all objects; ``nested``: objects and lists; ``texts``."""

    top: int
    names: int
    nested: int
    texts: int


REQUEST = Limits(top=1_000, names=50_000, nested=50_000, texts=200_000)
ANSWER = REQUEST
"""What an upstream sends, whole or as one event: beyond this it is passed on unread."""

RECORDED = Limits(top=10_000, names=10_000, nested=10_000, texts=50_000)
"""Of a body that is taken apart to be redacted."""

FEEDBACK = Limits(top=1_000, names=10_000, nested=1_100, texts=20_000)

_SHORTEST = 5
"""Bytes that each name takes with its value and a comma; lists and texts take two or three."""

_STRUCTURE = b"{}[]:"
_OTHERS = bytes(code for code in range(256) if code not in _STRUCTURE)
_COLON, _OPENING = 0x3A, b"{["


def refuse_excess(body: bytes, limits: Limits = REQUEST) -> None:
    """Raise `BadRequest`, which names the limit, for a body that has more structure than it may."""
    beyond = excess(body, limits)
    if beyond is not None:
        raise BadRequest(f"body: has more than {beyond}", code="too_much_structure")


def excess(body: bytes, limits: Limits) -> str | None:
    """The limit that JSON is beyond, in words; what is no JSON at all has none that matters."""
    if len(body) < 2 * min(limits.top, limits.nested, limits.texts):
        return None
    quotes = body.count(b'"')
    names = min(body.count(b":"), quotes // 2)
    nested = body.count(b"{") + body.count(b"[")
    if names <= limits.top and nested <= limits.nested and quotes <= 2 * limits.texts:
        return None
    return _counted(body, limits)


def _counted(body: bytes, limits: Limits) -> str | None:
    """The same, counted outside of texts alone."""
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if body.count(b'"') > 2 * limits.texts:
        return f"{limits.texts} texts and names"
    outside = b"".join(body.split(b'"')[::2])
    if outside.count(b"{") + outside.count(b"[") > limits.nested:
        return f"{limits.nested} objects and lists"
    names = outside.count(b":")
    if names > limits.names:
        return f"{limits.names} names"
    if names > limits.top and _top_names(outside) > limits.top:
        return f"{limits.top} names at the top"
    return None


def _top_names(outside: bytes) -> int:
    names = depth = 0
    for code in outside.translate(None, _OTHERS):
        if code == _COLON:
            names += depth == 1
        else:
            depth += 1 if code in _OPENING else -1
    return names
