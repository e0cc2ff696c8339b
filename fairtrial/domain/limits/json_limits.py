"""Limits the structure of JSON from outside, by counting on its bytes before it is decoded.

The limits exist because decoding creates an object for every part and blocks the event loop meanwhile. Numbers are not
counted, because long lists of them are common and cost little where they are not decoded. Nesting is left to the
decoders, which reject JSON that is nested too deeply for them.
"""

import re
from dataclasses import dataclass

from fairtrial.domain.errors import BadRequest


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """``top``: names of the outermost object; ``names``: of all objects; ``nested``: objects and lists; ``texts``."""

    top: int
    names: int
    nested: int
    texts: int


DECODED = JsonLimits(top=1_000, names=50_000, nested=50_000, texts=200_000)
"""For request bodies, of which only the outermost object is decoded, and for responses of upstreams."""

FIELD = JsonLimits(top=5_000, names=5_000, nested=5_000, texts=20_000)
"""For one field that is fully decoded."""

RECORDED = JsonLimits(top=10_000, names=10_000, nested=10_000, texts=50_000)
"""For a body that is decoded for redaction."""

MESSAGE = JsonLimits(top=10_000, names=10_000, nested=10_000, texts=50_000)
"""For feedback, and for requests to control."""

FILE = JsonLimits(top=5_000_000, names=5_000_000, nested=1_000_000, texts=5_000_000)
"""For a file that is decoded as a whole: rows of a suite, imports, and results of other tools."""

MOST_VALUES = 3_000_000
"""Values of such a file. Numbers count, too, because each becomes an object of 24 bytes and more."""

UNCOUNTED = 2_000
"""JSON with fewer bytes than this cannot exceed a limit, because each part takes at least two bytes."""

UNCOUNTED_TOP = 140_000
"""JSON with fewer bytes than this, nested as deeply as decoders allow, can exceed of `DECODED` only ``top``.

Each object or list takes three bytes, unless it is the only one in another.
"""

_OTHERS = bytes(code for code in range(256) if code not in b'"{}[]:')
_INNERMOST = re.compile(rb"[{\[]:*[}\]]")
_COLON, _OPENING = ord(":"), b"{["


def refuse_excess(body: bytes, limits: JsonLimits, *, where: str = "body") -> None:
    """Raise `BadRequest`, which names the limit, for JSON that exceeds a limit."""
    beyond = excess(body, limits)
    if beyond is not None:
        raise BadRequest(f"{where}: has more than {beyond}", code="too_much_structure")


def excess(body: bytes, limits: JsonLimits) -> str | None:
    """The limit that the JSON exceeds, in words, or ``None``; for invalid JSON the result has no meaning."""
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


def file_excess(text: str) -> str | None:
    """The limit that the text of a file in JSON or JSON Lines exceeds, in words, or ``None``."""
    beyond = excess(text.encode(errors="replace"), FILE)
    return beyond or (f"{MOST_VALUES} values" if text.count(",") > MOST_VALUES else None)


def is_dense(content: bytes) -> bool:
    """Whether JSON has far more values than its size explains, so that they would take many times its memory."""
    parts = content.count(b"{") + content.count(b"[")
    return parts > max(FILE.nested, len(content) // 16) or content.count(b",") > max(MOST_VALUES, len(content) // 8)


def _counted(structure: bytes, quotes: int, limits: JsonLimits) -> str | None:
    """Count only outside of strings; escaped quotes are already removed, so strings lie between pairs of quotes."""
    if quotes > 2 * limits.texts:
        return f"{limits.texts} texts and names"
    outside = b"".join(structure.split(b'"')[::2])
    names = outside.count(b":")
    if len(outside) - names > limits.nested and outside.count(b"{") + outside.count(b"[") > limits.nested:
        return f"{limits.nested} objects and lists"
    if names > limits.names:
        return f"{limits.names} names"
    return f"{limits.top} names at the top" if names > limits.top and _top_names(outside) > limits.top else None


def _top_names(outside: bytes) -> int:
    """The number of names in the outermost object; innermost objects are removed first, because that is fast."""
    names = depth = 0
    for code in _INNERMOST.sub(b"", outside[1:-1]):
        if code == _COLON:
            names += depth == 0
        else:
            depth += 1 if code in _OPENING else -1
    return names
