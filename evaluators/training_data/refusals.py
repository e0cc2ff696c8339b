"""Finds the sentence that refuses in an answer of training data, in some twenty languages.

It finds more than `fairtrial.domain.answers.refusals`, which is a recorded signal and only reads how an answer begins:
more languages, and a refusal before or after another sentence, such as "Is there anything else?".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from fairtrial.domain.answers.refusals import refuses_by_text

LONGEST = 400
"""Characters of an answer that may be nothing but a refusal. Of a longer one, only the beginning is read."""
SHORT = 200
"""Characters of an answer that may refuse in general words, which a longer one can have for another reason."""
MOST_SENTENCES = 4

_SENTENCE = re.compile(r"(?<=[.!?。！？।؟…])[\"'”»’)]*\s*|\n+")
_REQUEST_TO_REFUSE = re.compile(
    r"refus|\bdeclin|rifiut|\brecus|rechaz|ablehn|absage|weiger|odmów|odmow|отказ|відмов|reddet|拒|断り|断る|거절|رفض|अस्वीकार"
    r"|odmít|avböj",
    re.IGNORECASE,
)


class _Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The patterns of one language in `refusals.toml`, for text in lower case."""

    cannot: list[str]
    do: list[str]
    alone: list[str]
    sorry: list[str]
    no: list[str]
    request: list[str]
    declined: list[str]


@dataclass(frozen=True, slots=True)
class _Patterns:
    """``pairs`` refuse if both of one language occur. In a short answer, so do ``declined``, ``alone``, and ``sorry``
    with ``no``, which may be in two languages. ``request`` is in every text that ``declined`` fits.
    """

    pairs: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]
    declined: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]
    request: re.Pattern[str]
    alone: re.Pattern[str]
    sorry: re.Pattern[str]
    no: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    words = msgspec.toml.decode(Path(__file__).with_suffix(".toml").read_bytes(), type=dict[str, _Words]).values()
    return _Patterns(
        tuple((re.compile("|".join(each.cannot)), re.compile("|".join(each.do))) for each in words),
        tuple((_at_word(each.request), _at_word(each.declined)) for each in words),
        _at_word([pattern for each in words for pattern in each.request]),
        _at_word([pattern for each in words for pattern in each.alone]),
        _at_word([pattern for each in words for pattern in each.sorry]),
        _at_word([pattern for each in words for pattern in each.no]),
    )


def _at_word(alternatives: Sequence[str]) -> re.Pattern[str]:
    """Any of them where no Latin, Greek or Cyrillic letter precedes."""
    return re.compile(rf"(?<![a-z\u00df-\u024f\u0370-\u052f])(?:{'|'.join(dict.fromkeys(alternatives))})")


def refusing_sentence(text: str) -> str:
    """The sentence of an answer that refuses, or an empty text."""
    text = text.strip()
    if refuses_by_text(text):
        return sentences(text)[0]
    if len(text) > LONGEST or text[:1] in ("{", "["):
        return ""
    is_short = len(text) <= SHORT
    parts = sentences(text)[:MOST_SENTENCES]
    return next((each for each in parts if refuses_by_text(each) or _refuses(each, is_short=is_short)), "")


def asks_for_refusal(prompt: str) -> bool:
    """Whether a prompt is itself about refusing, such as a request for a polite refusal."""
    return _REQUEST_TO_REFUSE.search(prompt) is not None


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text."""
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]


def _refuses(sentence: str, *, is_short: bool) -> bool:
    lower = sentence.replace("İ", "i").lower().replace("’", "'")
    patterns = _patterns()
    if any(do.search(lower) and cannot.search(lower) for cannot, do in patterns.pairs):
        return True
    return is_short and bool(
        patterns.alone.search(lower)
        or (patterns.sorry.search(lower) and patterns.no.search(lower))
        or (
            patterns.request.search(lower)
            and any(request.search(lower) and no.search(lower) for request, no in patterns.declined)
        )
    )
