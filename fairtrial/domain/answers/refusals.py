"""Detects refusals by fields of the API or by how an answer begins; recording and evaluation both use it.

Only the beginning of an answer counts, because the same words later in it rarely mean a refusal. A match takes bounded
time, because the gateway does it for every answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from fairtrial.domain.answers.refusal_phrases import SPACED, UNSPACED, Phrases

FILTERED = frozenset({"content_filter", "refusal"})
"""The finish reasons of answers that a filter or the model itself withheld."""
WINDOW = 250
"""How many characters of an answer are read after its markup."""

_HEAD = re.compile(r"[\s\"'“”„«»‘’*_>#¡¿~-]{0,200}+([^\W\d_]+(?:['’-][^\W\d_]+)?)")
"""The markup before an answer, and its first word."""
_JSON = frozenset("{[")
_THOUGHT, _THOUGHT_END = "<think>", "</think>"


_compiled = cache(re.compile)
"""Compiles a language's pattern when an answer first begins like it, because all of them take 20 ms."""


def _by_start(languages: Mapping[str, Phrases]) -> dict[str, tuple[str, ...]]:
    """Each first word or character, with the patterns that it can begin."""
    by_start: dict[str, tuple[str, ...]] = {}
    for phrases in languages.values():
        for start in phrases.starts:
            by_start[start] = (*by_start.get(start, ()), phrases.pattern)
    return by_start


_BY_WORD, _BY_CHARACTER = _by_start(SPACED), _by_start(UNSPACED)


def refuses(text: str | None, *, refusal: str | None = None, finish_reason: str | None = None) -> bool:
    """Whether an answer refuses; ``refusal`` is the API's field."""
    return withheld(refusal, finish_reason) or (text is not None and refuses_by_text(text))


def withheld(refusal: str | None, finish_reason: str | None) -> bool:
    """Whether the API itself reports a refusal or a filter."""
    return bool(refusal) or finish_reason in FILTERED


def refuses_by_text(text: str) -> bool:
    """Whether an answer begins like a refusal in English, German, French, Spanish, Italian, Portuguese, Chinese or
    Japanese. A leading ``<think>`` block is skipped.
    """
    if text[:1] in _JSON:
        return False
    start = text.find(_THOUGHT_END) + len(_THOUGHT_END) if text.startswith(_THOUGHT) else 0
    head = _HEAD.match(text, start)
    if head is None:
        return False
    at = head.start(1)
    word = head[1].lower()
    patterns = _BY_WORD.get(word.replace("’", "'")) or _BY_CHARACTER.get(word[0])
    if patterns is None:
        return False
    window = text[at : at + WINDOW].lower().replace("’", "'")
    return any(_compiled(pattern).match(window) for pattern in patterns)
