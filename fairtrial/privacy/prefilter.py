"""Finds out in one search of a text which patterns can match in it, so that only those are searched.

Dates, times and ids give no reason for a search unless a pattern can match in them. The time of RE2 grows only with the
length of the text.
"""

from __future__ import annotations

from collections.abc import Iterator

import re2

from fairtrial.privacy.patterns import PATTERNS

EVERY = range(len(PATTERNS))
"""The numbers of all patterns."""

SLICE = 16 * 1024
"""Bytes that are searched at once: a hostile text makes RE2 build a new state for most of them."""

LONGEST = 128
"""Bytes that slices have in common, so that each sign lies within one of them."""


def _signs() -> re2.Set:
    found = re2.Set.SearchSet()
    for pattern in PATTERNS:
        found.Add(pattern.sign)
    found.Add(rb"\A")  # always matches: a result without it means that RE2 has run out of memory
    found.Compile()
    return found


_SIGNS = _signs()


def any_possible(look: bytes) -> bool:
    """Whether any pattern can match in a text that begins and ends with an edge."""
    if len(look) > SLICE:
        return any(possible(look))
    found = _SIGNS.Match(look)
    return found is None or len(found) > 1


def possible(look: bytes) -> Iterator[list[int]]:
    """The numbers of the patterns that can match, for each slice of a text that begins and ends with an edge."""
    if len(look) <= SLICE:
        yield _possible(look)
        return
    for start in range(0, len(look) - LONGEST, SLICE - LONGEST):
        yield _possible(look[start : start + SLICE])


def _possible(look: bytes) -> list[int]:
    found: list[int] | None = _SIGNS.Match(look)
    if found is None:
        return [*EVERY]
    found.remove(len(PATTERNS))
    return found
