"""Finds out in one search of a text which patterns can match in it, so that only those are searched.

Dates, times and ids give no reason for a search unless a pattern can match in them. A text for which RE2 has to make a
new state for most bytes counts as one in which every pattern can match: it is searched by each, which is slower but
bounded.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator

import re2

from fairtrial.privacy.patterns import PATTERNS

EVERY = range(len(PATTERNS))
"""The numbers of all patterns."""

SLICE = 4 * 1024
"""Bytes that are searched at once."""

LONGEST = 128
"""Bytes that slices have in common, so that each sign lies within one of them."""

PATIENCE = 0.0001
"""Seconds for a slice, which usually takes a tenth of it. After a slower one the search is given up."""


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
    if len(look) <= SLICE:
        found = _SIGNS.Match(look)
        return found is None or len(found) > 1
    return any(len(found) > 1 for found in _by_slice(look))


def possible(look: bytes) -> Collection[int]:
    """The numbers of the patterns that can match in a text that begins and ends with an edge."""
    numbers: set[int] = set()
    for found in _by_slice(look):
        numbers.update(found)
    numbers.discard(len(PATTERNS))
    return numbers


def _by_slice(look: bytes) -> Iterator[Collection[int]]:
    """What each slice has signs of. All patterns follow a slice that took too long."""
    for start in range(0, max(1, len(look) - LONGEST), SLICE - LONGEST):
        begun = time.perf_counter()
        found = _SIGNS.Match(look[start : start + SLICE])
        if found is None or time.perf_counter() - begun > PATIENCE:
            yield EVERY
            return
        yield found
