"""Searches texts for personal and secret text."""

import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

import re2

from fairtrial.domain.wording import counted
from fairtrial.privacy.checks import is_harmless
from fairtrial.privacy.patterns import NUMBER, PATTERNS, Pattern

NEXT_PLACE = 2
"""How many bytes behind a rejected candidate the next one may begin."""
SECRETS = frozenset({"key", "password", "private key", "token"})
"""The kinds that give access to something."""
_NAMES = {
    "email": ("e-mail address", "e-mail addresses"),
    "iban": ("IBAN", "IBANs"),
    "ip": ("IP address", "IP addresses"),
    "card": ("card number", "card numbers"),
    "phone": ("phone number", "phone numbers"),
    "key": ("API key", "API keys"),
    "national id": ("national id", "national ids"),
    "password": ("password", "passwords"),
}
_EDGE = b'"'
"""Stands before, between and behind texts. It belongs to no word, and ends a private key without its last line."""

EVERY = range(len(PATTERNS))
"""The numbers of all patterns."""

SLICE = 4 * 1024
"""Bytes that are searched at once."""

LONGEST = 128
"""Bytes that slices have in common, so that each sign lies within one of them."""

SHORT = 3 * 1024
"""Bytes of a text up to which one search for all signs is faster than two, of which most texts need only the first."""

PATIENCE = 0.0001
"""Seconds for a slice, which usually takes a tenth of it. After a slower one the search is given up."""

_NEVER = rb"[^\x00-\x{10ffff}]"
_NUMBER = len(PATTERNS)
"""The place of the sign of a number among the signs of all patterns."""


@dataclass(frozen=True, slots=True)
class PersonalText:
    """One find: its kind, such as ``email``, and its place in the UTF-8 bytes of the text."""

    kind: str
    start: int
    end: int


def find_personal_text(text: str) -> list[PersonalText]:
    """All finds in a text, in order; of overlapping finds, the more certain kind."""
    raw = text.encode("utf-8", "replace").replace(_EDGE, b"\0")
    finds = search_bytes(_EDGE + raw + _EDGE)
    return [PersonalText(find.kind, find.start - 1, find.end - 1) for find in finds]


def counted_kind(count: int, kind: str) -> str:
    """``2 e-mail addresses``: how many finds of a kind there are."""
    return counted(count, *_NAMES.get(kind, (kind,)))


def joined(texts: list[str]) -> tuple[bytes, list[int]]:
    """Many texts as one, for one search of all, and where each begins."""
    raw = [text.encode("utf-8", "replace").replace(_EDGE, b"\0") for text in texts]
    starts, at = [], 1
    for part in raw:
        starts.append(at)
        at += len(part) + 1
    return _EDGE + _EDGE.join(raw) + _EDGE, starts


def search_bytes(look: bytes) -> list[PersonalText]:
    """All finds in bytes that begin and end with an edge, in order; harmless ones are left out."""
    taken: list[PersonalText] = []
    for number in sorted(possible(look)):
        pattern = PATTERNS[number]
        kind = pattern.stands.decode().strip(" []")
        finds = [PersonalText(kind, start, end) for start, end in _finds(pattern, look)]
        if finds:
            taken = _merged(taken, finds)
    return [find for find in taken if not is_harmless(find.kind, look, find.start, find.end)]


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
    if pattern.place is None:
        return start, end, pattern.check is None or pattern.check(look[start:end])
    at = pattern.place(look, start)
    return (*at, True) if at else (start, start + NEXT_PLACE, False)


def _finds(pattern: Pattern, look: bytes) -> Iterator[tuple[int, int]]:
    match = pattern.first(look)
    while match is not None:
        start, end, good = verified(pattern, look, *match.span())
        if good:
            yield start, end
        match = pattern.regex.search(look, back(look, end) if pattern.before else end)


def _merged(taken: list[PersonalText], finds: list[PersonalText]) -> list[PersonalText]:
    """Both in order, without a new find that overlaps an earlier one."""
    merged = sorted([*taken, *finds], key=lambda find: (find.start, find.end))
    certain = set(taken)
    disjoint: list[PersonalText] = []
    for find in merged:
        while disjoint and find.start < disjoint[-1].end and find in certain and disjoint[-1] not in certain:
            disjoint.pop()
        if not disjoint or find.start >= disjoint[-1].end:
            disjoint.append(find)
    return disjoint


def _signs(signs: Iterable[bytes]) -> re2.Set:
    """A search for all signs at once."""
    every = re2.Set.SearchSet()
    for sign in (*signs, rb"\A"):  # the last always matches: a result without it means that RE2 has run out of memory
        every.Add(sign)
    every.Compile()
    return every


_ALL_SIGNS = _signs(pattern.sign for pattern in PATTERNS)

_SIGNS = _signs([*(_NEVER if pattern.number else pattern.sign for pattern in PATTERNS), NUMBER])
_NUMBERED = [number for number in EVERY if PATTERNS[number].number]
_NUMBERED_SIGNS = _signs(PATTERNS[number].sign for number in _NUMBERED)


def any_possible(look: bytes) -> bool:
    """Whether any pattern can match in a text that begins and ends with an edge."""
    return bool(_all_numbers(look)) if len(look) <= SHORT else any(map(bool, _by_slice(look, _some_numbers)))


def possible(look: bytes) -> Collection[int]:
    """The numbers of the patterns that can match in a text that begins and ends with an edge."""
    return _all_numbers(look) if len(look) <= SHORT else set().union(*_by_slice(look, _all_numbers))


def _by_slice(look: bytes, numbers_of: Callable[[bytes], Collection[int]]) -> Iterator[Collection[int]]:
    """What each slice has signs of. All patterns follow a slice that took too long; one slice has no time limit."""
    if len(look) <= SLICE:
        yield numbers_of(look)
        return
    for start in range(0, max(1, len(look) - LONGEST), SLICE - LONGEST):
        begun = time.perf_counter()
        numbers = numbers_of(look[start : start + SLICE])
        if time.perf_counter() - begun > PATIENCE:
            yield EVERY
            return
        yield numbers


def _all_numbers(part: bytes) -> Collection[int]:
    """The numbers of the patterns whose signs are in a part of a text, by one search."""
    numbers = _ALL_SIGNS.Match(part)
    if numbers is None:
        return EVERY
    return () if len(numbers) == 1 else [number for number in numbers if number < len(PATTERNS)]


def _some_numbers(part: bytes) -> Collection[int]:
    """Some of these numbers, if there are any: most texts need only the first search, which is the faster one."""
    numbers = _SIGNS.Match(part)
    if numbers is None:
        return EVERY
    if len(numbers) == 1:
        return ()
    matched = [number for number in numbers if number < _NUMBER]
    if _NUMBER in numbers and not matched:
        numbers = _NUMBERED_SIGNS.Match(part)
        if numbers is None:
            return EVERY
        matched += [_NUMBERED[number] for number in numbers if number < len(_NUMBERED)]
    return matched
