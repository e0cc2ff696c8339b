"""Finds national ids in text: by their form and check digits, or beside a cue such as ``SSN`` within 40 characters.

A random number passes one check digit in ten, and some ids have none. These need the cue.
"""

import re
from collections.abc import Iterable

import re2

from fairtrial.privacy.national_ids import ANY, NATIONAL_IDS, NationalId

BEFORE, AFTER = 64, 40
"""Bytes in which a cue is looked for: its own length and 40 characters before the number, and 40 after it."""

START = r"[^A-Za-z0-9_+.\-/]"
"""What stands before a number. Chinese and Japanese have no blank there."""

_END = r"(?![0-9A-Za-z_]|[.\-/][0-9])"
_OTHER = re.compile(
    rb"(?i)(?:order|invoice|ticket|case|ref(?:erence)?|tracking|parcel|booking|item|article|serial|commit|model|isbn|sku"
    rb"|zip|phone|tel|call|amount|bestell|rechnung|sendung|commande|facture|colis|pedido|factura|ordine|fattura"
    rb"|encomenda|fatura|bestelling|factuur|zam\xc3\xb3wieni|faktur|przesy|paczk|rezerwac|transakc|konta|klienta"
    rb"|transaction|product|device|session|media|network|account)([^0-9\n.;,]{0,14})\Z"
)
"""Words right before a number that say what else it is, and what stands between."""

_UNLIKE_ORDERS = 5, 2
"""No number of an order has more letters and more separators than these."""

_FIELD = re.compile(rb'"[\s\0]*:[\s\0]*"?\Z')
_STOP = re.compile(rb'[0-9.!?;\n\["]')
_SEPARATORS = b" .-/+"

ALONE = "|".join(f"(?:{kind.alone})" for kind in NATIONAL_IDS if kind.alone)
LETTERS_FIRST = "|".join(f"(?:{kind.sign})" for kind in NATIONAL_IDS if kind.sign)
DIGITS_FIRST = "|".join(f"(?:{kind.alone})" for kind in NATIONAL_IDS if kind.alone and not kind.sign)
CUES = "|".join([*(kind.cues for kind in NATIONAL_IDS), ANY])
CANDIDATE = r"[A-Za-z]{5}[0-9]{4}[A-Za-z]|(?:[A-Z]{2} |[A-Za-z]{2}|[A-Za-z]-?)?[0-9]{2}(?:[ .\-/]?[0-9]){4}"
"""How each id begins that is recognised by a cue."""


def cue(words: str) -> bytes:
    """The pattern of a cue: whole words, whatever their case, also in names such as ``customer_ssn`` and ``taxId``."""
    return f"(?i)(?:^|[^A-Za-z])(?:{words.replace(' ', '[ _-]?')})s?(?:[^A-Za-z]|$)".encode()


def _forms(written: Iterable[str], flags: int) -> list[tuple[int, NationalId, re.Pattern[bytes]]]:
    """The kinds that are written so, by their number."""
    return [
        (number, kind, re.compile(f"(?:{form}){_END}".encode(), flags))
        for number, (kind, form) in enumerate(zip(NATIONAL_IDS, written, strict=True))
        if form
    ]


def _set() -> re2.Set:
    cues = re2.Set.SearchSet()
    for words in (*(kind.cues for kind in NATIONAL_IDS), ANY):
        cues.Add(cue(words))
    cues.Compile()
    return cues


_CUES = _set()
_ALONE = _forms([kind.alone for kind in NATIONAL_IDS], 0)
_FORMS = _forms([kind.form for kind in NATIONAL_IDS], re.IGNORECASE)


def id_alone(look: bytes, start: int) -> tuple[int, int] | None:
    """The id that begins here, if it needs no cue."""
    before = _before(look, start)
    for number, kind, form in _ALONE:
        span = _valid(kind, form, look, start)
        if span:
            written = look[slice(*span)]
            letters, separators = len(re.findall(rb"[A-Za-z]", written)), len(re.findall(rb"[ .\-]", written))
            clear = letters > _UNLIKE_ORDERS[0] or separators > _UNLIKE_ORDERS[1]
            return span if clear or not _is_other(before, number) else None
    return None


def _is_other(before: bytes, number: int) -> bool:
    """Whether the words before a number say what else it is, without a cue of the kind behind them."""
    match = _OTHER.search(before)
    return match is not None and number not in (_CUES.Match(match[1]) or ())


def id_with_cue(look: bytes, start: int) -> tuple[int, int] | None:
    """The id that begins here, if a cue for ids of its country is near; the longest of several."""
    if not _CUES.Match(look[max(0, start - BEFORE) : start + BEFORE]):
        return None
    before = _before(look, start)
    cues = set(_CUES.Match(before) or ())
    spans = []
    for number, kind, form in _FORMS:
        span = _valid(kind, form, look, start)
        cued = span and not cues.union(_CUES.Match(_after(look, span[1])) or ()).isdisjoint((number, len(_FORMS)))
        if span and cued and not _is_other(before, number):
            spans.append(span)
    return max(spans, default=None)


def has_cue_and_check(look: bytes, start: int, end: int) -> bool:
    """Whether a number is an id with right check digits beside a cue of its own kind."""
    cues = {*(_CUES.Match(_before(look, start)) or ()), *(_CUES.Match(_after(look, end)) or ())}
    ids = ((kind, form) for number, kind, form in _FORMS if number in cues and kind.valid is not None)
    return any(_valid(kind, form, look, start) == (start, end) for kind, form in ids)


def _valid(kind: NationalId, form: re.Pattern[bytes], look: bytes, start: int) -> tuple[int, int] | None:
    match = form.match(look, start)
    if match is None:
        return None
    number = match[0].translate(None, _SEPARATORS).decode().upper()
    return match.span() if len(set(number)) > 1 and (kind.valid is None or kind.valid(number)) else None


def _before(look: bytes, start: int) -> bytes:
    """The text before a number, back to the begin of its text in JSON; the name of its field belongs to it."""
    before = look[max(0, start - BEFORE) : start]
    field = _FIELD.search(before)
    return (before[: field.start()] if field else before).rpartition(b'"')[2]


def _after(look: bytes, end: int) -> bytes:
    """The text behind a number, up to the end of its sentence or the next number."""
    return _STOP.split(look[end : end + AFTER], maxsplit=1)[0]
