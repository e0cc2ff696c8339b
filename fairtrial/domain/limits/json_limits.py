"""How much structure JSON from outside may have, counted on its bytes before anything is decoded.

Decoding makes an object of every part and holds up the event loop while it does. Numbers are not counted: long lists
of them are ordinary, and cost no more than their bytes where they are not taken apart. Nesting is left to the decoders,
which refuse what is nested more deeply than they can follow without having read it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from fairtrial.domain.errors import BadRequest


@dataclass(frozen=True, slots=True)
class Limits:
    """``top``: names of the outermost object; ``names``: of all objects; ``nested``: objects and lists; ``texts``."""

    top: int
    names: int
    nested: int
    texts: int


DECODED = Limits(top=1_000, names=50_000, nested=50_000, texts=200_000)
"""Of a request's body, whose outermost object alone is taken apart, and of what a model's server answers."""

FIELD = Limits(top=5_000, names=5_000, nested=5_000, texts=20_000)
"""Of one field that is taken apart whole."""

RECORDED = Limits(top=10_000, names=10_000, nested=10_000, texts=50_000)
"""Of a body that is taken apart to be redacted."""

MESSAGE = Limits(top=10_000, names=10_000, nested=10_000, texts=50_000)
"""Of feedback, and of what control is sent."""

UNCOUNTED = 2_000
"""Bytes of JSON that can't be beyond any limit: each part takes two at least."""

_OTHERS = bytes(code for code in range(256) if code not in b'"{}[]:')
_INNERMOST = re.compile(rb"[{\[]:*[}\]]")
_COLON, _OPENING = ord(":"), b"{["


def refuse_excess(body: bytes, limits: Limits, *, where: str = "body") -> None:
    """Raise `BadRequest`, which names the limit, for JSON that has more structure than it may."""
    beyond = excess(body, limits)
    if beyond is not None:
        raise BadRequest(f"{where}: has more than {beyond}", code="too_much_structure")


def excess(body: bytes, limits: Limits) -> str | None:
    """The limit that JSON is beyond, in words; what is no JSON at all has none that matters."""
    if len(body) < UNCOUNTED:
        return None
    structure = body.translate(None, _OTHERS)
    quotes = structure.count(b'"')
    names = min(structure.count(b":"), quotes // 2)
    nested = structure.count(b"{") + structure.count(b"[")
    if names <= min(limits.top, limits.names) and nested <= limits.nested and quotes <= 2 * limits.texts:
        return None
    if b"\\" in body:
        structure = body.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _OTHERS)
        quotes = structure.count(b'"')
    return _counted(structure, quotes, limits)


def _counted(structure: bytes, quotes: int, limits: Limits) -> str | None:
    """The same, counted outside of texts alone; between two quotes there is a text, and none is escaped any more."""
    if quotes > 2 * limits.texts:
        return f"{limits.texts} texts and names"
    outside = b"".join(structure.split(b'"')[::2])
    names = outside.count(b":")
    if len(outside) - names > limits.nested and outside.count(b"{") + outside.count(b"[") > limits.nested:
        return f"{limits.nested} objects and lists"
    if names > limits.names:
        return f"{limits.names} names"
    if names > limits.top and _top_names(outside) > limits.top:
        return f"{limits.top} names at the top"
    return None


def _top_names(outside: bytes) -> int:
    """Names of the outermost object, which lie in no other; most others are gone with what holds no more inside."""
    names = depth = 0
    for code in _INNERMOST.sub(b"", outside[1:-1]):
        if code == _COLON:
            names += depth == 0
        else:
            depth += 1 if code in _OPENING else -1
    return names
