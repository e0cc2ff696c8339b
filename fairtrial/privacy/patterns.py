"""Defines what personal and secret text looks like: one RE2 pattern for each kind, and the check that a find must pass.

RE2's time grows only with the length of the text. It has no look-around. Therefore most patterns match the character
before a find, and some also the one after it. The text has a boundary character at both ends for these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import re2

from fairtrial.privacy.checks import iban, ipv6, is_card, is_phone
from fairtrial.privacy.credentials import (
    BEHIND,
    GIVEN,
    KEYS,
    NAMED,
    PASSWORD,
    SECRET,
    URL,
    named_key,
    password,
    password_before,
    password_in_url,
)
from fairtrial.privacy.cued_ids import (
    ALONE,
    CANDIDATE,
    CUES,
    DIGITS_FIRST,
    LETTERS_FIRST,
    START,
    cue,
    id_alone,
    id_with_cue,
)
from fairtrial.privacy.phones import GROUPED, INTERNATIONAL, TRUNK, US_PHONE, WITH_CUE, phone_with_cue

Check = Callable[[bytes], bool]
"""Whether a find is of this kind, by its own characters."""

Place = Callable[[bytes, int], "tuple[int, int] | None"]
"""Where a find begins and ends whose match begins there, if its pattern can't tell; ``None`` if there is none."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A kind of text: every find that passes its check is replaced by ``stands``.

    A match begins ``before`` characters before the find. It ends with the find, or one character after it, or two if
    the first of them is one of the ``marks``: RE2 takes several times longer to report groups. ``sign``: a regular
    expression for what every find that passes its check contains, in at most `fairtrial.privacy.search.LONGEST`
    bytes. ``number``: each find also contains a `NUMBER`, and its sign is searched only in texts with one.
    """

    stands: bytes
    regex: re2._Regexp
    sign: bytes
    before: int = 1
    marks: bytes | None = None
    check: Check | None = None
    place: Place | None = None
    number: bool = False
    cue: re2._Regexp | None = None

    def first(self, look: bytes) -> re2._Match[bytes] | None:
        """The first match in a text. A pattern with a cue has none without it."""
        return None if self.cue and not self.cue.search(look) else self.regex.search(look)


_WORD = rb"\pL\pN_"
_OCTET = rb"(?:25[0-5]|2[0-4]\p{Nd}|1\p{Nd}\p{Nd}|[1-9]?\p{Nd})"
_SPACE = rb"[\s\pZ\x{1c}-\x{1f}\x{85}]"
_HOST = rb"@[" + _WORD + rb"][" + _WORD + rb"\-]*(?:\.[" + _WORD + rb"\-]+)*\.[\pL\p{Nl}\p{No}]{2,}"
_PART = rb"[A-Za-z0-9_\-]{8,}"


def _no_word(*others: bytes) -> bytes:
    return rb"[^" + _WORD + b"".join(others) + b"]"


def _bounded(
    stands: bytes,
    before: bytes,
    find: bytes,
    marks: bytes,
    *,
    least: bytes,
    check: Check | None = None,
    number: bool = False,
) -> Pattern:
    """The pattern of a find that stands alone: no part of a word and none of ``before`` precedes it.

    No part of a word follows it, nor any of the ``marks`` with a digit behind. ``least``: how every find begins.
    """
    shown = b"".join(b"\\%c" % mark for mark in marks)
    behind = rb"(?:" + _no_word(shown) + (rb"|[" + shown + rb"]\P{Nd})" if marks else b")")
    start = _no_word(before)
    return Pattern(stands, re2.compile(start + find + behind), start + least, marks=marks, check=check, number=number)


_TOKEN = _no_word(rb"\-") + b"eyJ"
_BEARER = _no_word() + b"(?i:bearer)" + _SPACE
_KEY = rb"[^A-Za-z0-9](?:" + b"|".join(KEYS.values()) + rb")"
_LOCAL = rb"[" + _WORD + rb".%+\-]"
_IBAN = rb"[^A-Za-z0-9][A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]){11}"
_GROUPED = b"(?:" + b"|".join(GROUPED.values()) + b")"
_PHONES = (
    (INTERNATIONAL, b"", rb"(?:\+|00)[1-9](?:[ ().\-/]{0,2}\p{Nd}){6}"),
    (US_PHONE, b".-", US_PHONE),
    (TRUNK, b".-:", rb"\(?0[1-9](?:[) /\-]{0,2}\p{Nd}){7}"),
)
"""The finds of phone numbers, the marks behind them, and how each begins."""

_ALONE = f"{START}(?:{ALONE})[^A-Za-z0-9_]".encode()
_ALONE_SIGN = f"(?:{START}(?:{DIGITS_FIRST})|{LETTERS_FIRST})[^A-Za-z0-9_]".encode()
_PASSWORD = PASSWORD + SECRET
_NAMED = NAMED + rb"[A-Za-z0-9_\-+/=.~]{20}"

NUMBER = (
    rb"[^A-Za-z0-9_+.\-/:][0-9]{7}|:(?:[0-9]{7,9}|[0-9]{11,12}|[02-9][0-9]{9}|1[0-3][0-9]{8})[^0-9]"
    rb"|[^A-Za-z0-9_+.\-/](?:[0-9]{1,3}[ .\-/][0-9]{3,4}[ .\-/][0-9]{3}|[0-9]{3}[ .\-][0-9]{2}[ .\-][0-9]{2}"
    rb"|[0-9]{5,6}[ \-+/A-Y][0-9]{3}|[0-9]{2,4}[ .\-/)]{1,2}[0-9]{2}[ .\-/][0-9]{2}[ .\-][0-9]{2}"
    rb"|[0-9]{2,4}[ \-/][0-9]{6}"
    rb"|[0-9]{4}[. \-](?:[0-9]{4}[. \-][0-9]{4}|[0-9]{2}[. ][0-9]{3}))|\) ?[0-9]{3,4}[ \-][0-9]{4}"
    rb"|[^A-Za-z0-9](?:[A-Za-z]{1,2}[ \-]?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9A-Za-z]|[A-Za-z]{5}[0-9]{4}[A-Za-z])"
    rb"|[A-Za-z] ?[0-9]{2}[A-Za-z][0-9]{2} ?[A-Za-z][0-9]{3} ?[A-Za-z][^A-Za-z0-9]|[A-Z][0-9]{6}[HMXhmx][A-Z]"
)
"""Digits as in ids and phone numbers of all countries; not those of dates, times, UUIDs, nor seconds since 1970."""

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        b"[private key]",
        re2.compile(rb'-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----(?:[^"]*?-----END [A-Z ]{0,40}PRIVATE KEY-----|[^"]*)'),
        b"PRIVATE KEY-----",
        before=0,
    ),
    Pattern(b"[token]", re2.compile(_TOKEN + rb"\.".join([_PART] * 3)), _TOKEN + rb"[A-Za-z0-9_\-]{8}"),
    Pattern(
        b" [token]",
        re2.compile(_BEARER + rb"+[A-Za-z0-9._~+/\-]{16,}=*"),
        _BEARER,
        before=1 + len("bearer"),
    ),
    Pattern(b"[key]", re2.compile(_KEY), _KEY),
    Pattern(b"[password]", re2.compile(URL), rb"://[!#-.0-?A-~]{3,100}@", before=0, place=password_in_url),
    Pattern(b"[email]", re2.compile(_LOCAL + b"+" + _HOST), _LOCAL + rb"@[" + _WORD + rb"]", before=0),
    Pattern(b"[iban]", re2.compile(_IBAN), _IBAN, place=iban),
    _bounded(b"[ip]", b".", rb"(?:" + _OCTET + rb"\.){3}" + _OCTET, b".", least=rb"(?:\p{Nd}{1,3}\.){3}\p{Nd}"),
    Pattern(
        b"[ip]",
        re2.compile(_no_word(b":.") + rb"[0-9A-Fa-f.]*:[0-9A-Fa-f.]*:[0-9A-Fa-f:.]*"),
        _no_word(b":.") + rb"(?:[0-9A-Fa-f:]*::|(?:[0-9A-Fa-f]{1,4}:){6})",
        place=ipv6,
    ),
    Pattern(b"[national id]", re2.compile(_ALONE), _ALONE_SIGN, place=id_alone, number=True),
    Pattern(
        b"[national id]",
        re2.compile(f"{START}(?:{CANDIDATE})".encode()),
        cue(CUES),
        place=id_with_cue,
        number=True,
        cue=re2.compile(cue(CUES)),
    ),
    _bounded(
        b"[card]",
        rb".\-",
        rb"\p{Nd}(?:[ \-]?\p{Nd}){12,18}",
        b".-",
        least=rb"\p{Nd}(?:[ \-]?\p{Nd}){12}",
        check=is_card,
    ),
    *(_bounded(b"[phone]", rb"+.\-/", find, marks, least=least, check=is_phone) for find, marks, least in _PHONES),
    _bounded(b"[phone]", rb"+.\-/", _GROUPED, b".-:", least=_GROUPED, check=is_phone, number=True),
    Pattern(b"[phone]", re2.compile(WITH_CUE), WITH_CUE, place=phone_with_cue, number=True),
    Pattern(b"[password]", re2.compile(_PASSWORD), _PASSWORD, place=password),
    Pattern(b"[password]", re2.compile(GIVEN), BEHIND, before=0, place=password_before),
    Pattern(b"[key]", re2.compile(_NAMED), _NAMED, place=named_key),
)
"""In the order of the search: longer and more certain kinds first."""
