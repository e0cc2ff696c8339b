"""Searches a text for personal and secret text, and says of which kind each find is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fairtrial.domain.plurals import counted
from fairtrial.privacy.patterns import PATTERNS, Pattern
from fairtrial.privacy.prefilter import possible

NEXT_PLACE = 2
"""How many bytes behind a rejected candidate the next one may begin."""
SECRETS = frozenset({"key", "private key", "token"})
"""The kinds that give access to something."""
_NAMES = {
    "email": ("e-mail address", "e-mail addresses"),
    "iban": ("IBAN", "IBANs"),
    "ip": ("IP address", "IP addresses"),
    "card": ("card number", "card numbers"),
    "phone": ("phone number", "phone numbers"),
    "key": ("API key", "API keys"),
}
_EDGE = b'"'
"""Stands before, between and behind texts. It belongs to no word, and ends a private key without its last line."""


@dataclass(frozen=True, slots=True)
class PersonalText:
    """One find: its kind, such as ``email``, and its place in the UTF-8 bytes of the text."""

    kind: str
    start: int
    end: int


def find_personal_text(text: str) -> list[PersonalText]:
    """All finds in a text, in order; of overlapping finds, the more certain kind."""
    raw = text.encode("utf-8", "replace").replace(_EDGE, b"\0")
    found = search_bytes(_EDGE + raw + _EDGE)
    return [PersonalText(one.kind, one.start - 1, one.end - 1) for one in found]


def counted_kind(count: int, kind: str) -> str:
    """``2 e-mail addresses``: how many finds of a kind there are."""
    return counted(count, *_NAMES.get(kind, (kind,)))


def joined(texts: list[str]) -> tuple[bytes, list[int]]:
    """Many texts as one, for one search of all, and where each begins."""
    raw = [text.encode("utf-8", "replace").replace(_EDGE, b"\0") for text in texts]
    starts, at = [], 1
    for one in raw:
        starts.append(at)
        at += len(one) + 1
    return _EDGE + _EDGE.join(raw) + _EDGE, starts


def search_bytes(look: bytes) -> list[PersonalText]:
    """All finds in bytes that begin and end with an edge, in order."""
    taken: list[PersonalText] = []
    for number in sorted(possible(look)):
        pattern = PATTERNS[number]
        kind = pattern.stands.decode().strip(" []")
        found = [PersonalText(kind, start, end) for start, end in _finds(pattern, look)]
        if found:
            taken = _merged(taken, found)
    return taken


def place(pattern: Pattern, look: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the find is within its match."""
    if pattern.marks is not None:
        end = back(look, end)
        if look[end - 1] in pattern.marks:
            end -= 1
    return past(look, start, pattern.before), end


def past(look: bytes, at: int, characters: int) -> int:
    """The position so many characters later."""
    for _ in range(characters):
        at += 1
        while look[at] & 0xC0 == 0x80:
            at += 1
    return at


def back(look: bytes, at: int) -> int:
    """The position one character earlier."""
    at -= 1
    while look[at] & 0xC0 == 0x80:
        at -= 1
    return at


def verified(pattern: Pattern, look: bytes, start: int, end: int) -> tuple[int, int, bool]:
    """Where the find of a match begins and ends, and whether it passes the check of its kind."""
    start, end = place(pattern, look, start, end)
    if pattern.end is None:
        return start, end, pattern.check is None or pattern.check(look[start:end])
    known = pattern.end(look, start)
    return start, known or start + NEXT_PLACE, known is not None


def _finds(pattern: Pattern, look: bytes) -> Iterator[tuple[int, int]]:
    found = pattern.regex.search(look)
    while found is not None:
        start, end, good = verified(pattern, look, *found.span())
        if good:
            yield start, end
        found = pattern.regex.search(look, back(look, end) if pattern.before else end)


def _merged(taken: list[PersonalText], found: list[PersonalText]) -> list[PersonalText]:
    """Both in order, without a new find that overlaps an earlier one."""
    merged = sorted([*taken, *found], key=lambda one: (one.start, one.end))
    certain = set(taken)
    kept: list[PersonalText] = []
    for one in merged:
        while kept and one.start < kept[-1].end and one in certain and kept[-1] not in certain:
            kept.pop()
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept
