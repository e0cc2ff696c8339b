"""Defines what personal and secret text looks like: one RE2 pattern for each kind, and the check that a find must pass.

RE2's time grows only with the length of the text. It has no look-around. Therefore most patterns match the character
before a find, and some also the one after it. The text has a boundary character at both ends for these.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import re2

from fairtrial.privacy.checks import HARMLESS, iban, ipv6, is_card, is_phone
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
from fairtrial.privacy.national_ids import NATIONAL_IDS, NationalId

INTERNATIONAL_PHONE = rb"(?:\+|00)[1-9](?:[ ().\-/]{0,2}\p{Nd}){6,14}"
US_PHONE = rb"\(?[2-9]\p{Nd}{2}\)?[ .\-]{1,2}\p{Nd}{3}[ .\-]\p{Nd}{4}"
TRUNK_PHONE = rb"\(?0[1-9]\p{Nd}{0,4}\)?[ /\-]?\p{Nd}{3,8}(?:[ \-]?\p{Nd}{2,8}){0,3}"
"""A prefix of an area or network that begins with 0, as in most of Europe and Asia."""

GROUPED_PHONES = {
    "BE": rb"0[0-9]{2,3}[ /.\-][0-9]{2}[ .][0-9]{2}[ .][0-9]{2,3}",
    "BR": rb"\([1-9]{2}\) ?9?[0-9]{4}[ \-][0-9]{4}",
    "DE": rb"0[1-9][0-9]{1,4} ?[/\-] ?[0-9]{2,4}(?: [0-9]{2,4}){1,3}",
    "FR": rb"0[1-9](?:[ .\-][0-9]{2}){4}",
    "HU": rb"06[ \-/][0-9]{1,2}[ \-/][0-9]{3}[ \-][0-9]{4}",
    "RU": rb"8[ \-]?\([0-9]{3}\) ?[0-9]{3}[ \-]?[0-9]{2}[ \-]?[0-9]{2}",
    "US": rb"\([2-9][0-9]{2}\)[0-9]{3}-[0-9]{4}|1[ .\-][2-9][0-9]{2}[ .\-][0-9]{3}[ .\-][0-9]{4}",
}
"""National forms that only their groups tell from other numbers."""

_PHONE_CUES = (
    "phone|telephone|contact|tel|t(?:é|e)l(?:é|e)phone|telefon(?:e|o|u)?|tel(?:é|e)fono|telefoon|rufnummer|mobile|mobil|m(?:ó|o)vil"
    "|telem(?:ó|o)vel|cell(?:phone)?|celular|cellulare|portable|handy|whatsapp|sms|kom(?:ó|o)rka"
    "|call|dial|reach|ring|text"
    "|ll(?:á|a)m(?:a|e)(?:me|nos) al|chiamami al|zadzwo(?:ń|n) (?:na|pod)|ligue para"
    "|my number|meine nummer|mon num(?:é|e)ro|mi n(?:ú|u)mero|meu n(?:ú|u)mero"
    "|(?:Т|т)ел|(?:Т|т)елефон|(?:Н|н)омер|电话|手机|電話|手機|携帯|전화|휴대폰|फ़ोन|फोन|मोबाइल"
)
_PHONE_LINKS = (
    r"[ :.,#=(_\x00\-]|\" ?: ?\"?|nummer|number|num(?:é|e)?ro|n(?:ú|u)mero|no|nr|is|ist|lautet|est|es|é|è|to|at|on"
    "|unter|au|me|us|him|her|home|work|private|privat|是|号|號|码|碼|は|है|नंबर|번호"
)
PHONE_WITH_CUE = (
    rf"(?i)(?:^|[^A-Za-z])(?:{_PHONE_CUES})s?(?:{_PHONE_LINKS}){{1,8}}"
    r"(\(?[1-9][0-9]\)?(?:[ .\-]?[0-9]){6,9})"
).encode()
"""A number without prefix right behind a cue, perhaps with words such as ``number is`` between."""

_PHONE_AFTER_CUE = re.compile(PHONE_WITH_CUE + rb"(?![0-9A-Za-z_]|[.\-/:][0-9])")
_DATE = re.compile(
    rb"(?:19|20)[0-9]{2}[ .\-]?[01][0-9][ .\-]?[0-3][0-9]|[0-3]?[0-9][ .\-][01]?[0-9][ .\-](?:19|20)[0-9]{2}\Z"
)
Check = Callable[[bytes], bool]
"""Whether a find is of this kind, by its own characters."""

Place = Callable[[bytes, int], "tuple[int, int] | None"]
"""Where a find begins and ends whose match begins there, if its pattern can't tell; ``None`` if there is none."""

_WORD = rb"\pL\pN_"
_OCTET = rb"(?:25[0-5]|2[0-4]\p{Nd}|1\p{Nd}\p{Nd}|[1-9]?\p{Nd})"
_SPACE = rb"[\s\pZ\x{1c}-\x{1f}\x{85}]"
_HOST = rb"@[" + _WORD + rb"][" + _WORD + rb"\-]*(?:\.[" + _WORD + rb"\-]+)*\.[\pL\p{Nl}\p{No}]{2,}"
_PART = rb"[A-Za-z0-9_\-]{8,}"
_KEY = rb"[^A-Za-z0-9](?:" + b"|".join(KEYS.values()) + rb")"
_LOCAL = rb"[" + _WORD + rb".%+\-]"
_IBAN = rb"[^A-Za-z0-9][A-Za-z]{2}[0-9]{2}(?: ?[A-Za-z0-9]){11}"
_ANY_GROUPED = b"(?:" + b"|".join(GROUPED_PHONES.values()) + b")"
_PHONES = (
    (INTERNATIONAL_PHONE, b"", rb"(?:\+|00)[1-9](?:[ ().\-/]{0,2}\p{Nd}){6}"),
    (US_PHONE, b".-", US_PHONE),
    (TRUNK_PHONE, b".-:", rb"\(?0[1-9](?:[) /\-]{0,2}\p{Nd}){7}"),
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
    rb"|[^A-Za-z0-9][A-Za-z]{1,2}[ \-]?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9A-Za-z]"
    rb"|[A-Za-z][0-9]{4}[A-Za-z][^A-Za-z0-9_]|[A-Za-z][0-9]{2} ?[A-Za-z][0-9]{3} ?[A-Za-z][^A-Za-z0-9]"
    rb"|[0-9]{6}[HMXhmx][A-Z]"
)
"""Digits as in ids and phone numbers of all countries; not those of dates, times, UUIDs, nor seconds since 1970."""

NOT_LOOKED_FOR: tuple[str, ...] = (
    "names",
    "postal addresses",
    "dates of birth",
    "health data and other sensitive facts",
    "ids of countries that are not listed",
    "passport and driving licence numbers",
    "account numbers other than IBANs",
    "passwords that are words, and PINs",
    "keys without a known prefix or name",
    "texts in images and files",
)


def phone_with_cue(look: bytes, start: int) -> tuple[int, int] | None:
    """The number behind the cue that begins here."""
    match = _PHONE_AFTER_CUE.match(look, start - 1)
    return None if match is None or _DATE.match(match[1]) else match.span(1)


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

    def first(self, look: bytes) -> "re2._Match[bytes] | None":
        """The first match in a text. A pattern with a cue has none without it."""
        return None if self.cue and not self.cue.search(look) else self.regex.search(look)


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
        _no_word(b":.") + rb"(?:[0-9A-Fa-f:]*::|(?:[0-9A-Fa-f]+:){6})",
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
    _bounded(b"[phone]", rb"+.\-/", _ANY_GROUPED, b".-:", least=_ANY_GROUPED, check=is_phone, number=True),
    Pattern(b"[phone]", re2.compile(PHONE_WITH_CUE), PHONE_WITH_CUE, place=phone_with_cue, number=True),
    Pattern(b"[password]", re2.compile(_PASSWORD), _PASSWORD, place=password),
    Pattern(b"[password]", re2.compile(GIVEN), BEHIND, before=0, place=password_before),
    Pattern(b"[key]", re2.compile(_NAMED), _NAMED, place=named_key),
)
"""In the order of the search: longer and more certain kinds first."""


@dataclass(frozen=True, slots=True)
class PatternEntry:
    """One form of personal or secret text: what stands for it, where it is used, and by what it is recognised."""

    kind: str
    name: str
    country: str
    recognised_by: str
    example: str


def _id_entry(national_id: NationalId) -> PatternEntry:
    signs = [
        "form and check digits" if national_id.valid else "form",
        "" if national_id.alone else f"a cue within 40 characters, such as {national_id.cue}",
    ]
    recognised_by = ", ".join(filter(None, signs))
    return PatternEntry("national id", national_id.name, national_id.country, recognised_by, national_id.example)


CATALOGUE: tuple[PatternEntry, ...] = (
    PatternEntry("email", "e-mail address", "", "form", "bob@example.com"),
    PatternEntry("ip", "IPv4 and IPv6 address", "", "form", "84.112.7.9"),
    PatternEntry("card", "payment card", "", "check digit", "4111 1111 1111 1111"),
    PatternEntry("iban", "IBAN", "", "check digits", "DE89 3704 0044 0532 0130 00"),
    PatternEntry("phone", "phone number with + or 00", "", "form", "+49 170 1234567"),
    PatternEntry("phone", "phone number with area code", "US, CA", "form", "(202) 555-0143"),
    PatternEntry("phone", "phone number with a leading 0", "", "form", "030 12345678"),
    PatternEntry("phone", "phone number in groups", ", ".join(GROUPED_PHONES), "form", "06 12 34 56 78"),
    PatternEntry("phone", "any phone number", "", "a cue before it, such as phone, Handy, móvil or 手机",
                 "phone 98765 43210"),
    *map(_id_entry, NATIONAL_IDS),
    PatternEntry("key", f"API key of {', '.join(KEYS)}", "", "prefix", "sk-abcdefghijklmnop1234"),
    PatternEntry("key", "key after its name", "", "a name such as api_key or client_secret",
                 "api_key=a1b2c3d4e5f6g7h8i9j0"),
    PatternEntry("token", "JSON Web Token, bearer token", "", "form", "Bearer abcdefghijklmnop1234"),
    PatternEntry("private key", "private key in PEM", "", "first line", "-----BEGIN PRIVATE KEY-----"),
    PatternEntry("password", "user and password in a URL", "", "form", "postgres://app:hunter2@db.example/orders"),
    PatternEntry(
        "password", "password with a digit, a sign or letters in random case", "",
        "a word such as password, Passwort or mot de passe before it, or behind it as in is my password",
        "my password is hunter2",
    ),
)  # fmt: skip


def scope() -> tuple[str, str]:
    """What is looked for, and what is not, as two lines."""
    countries = sorted({national_id.country for national_id in NATIONAL_IDS})
    kinds = (
        "e-mail and IP addresses, payment cards, IBANs, phone numbers, API keys, tokens, private keys, passwords, and "
        f"national ids of {', '.join(countries)}"
    )
    return f"Looked for: {kinds}.", f"Not looked for: {', '.join((*NOT_LOOKED_FOR, *HARMLESS))}."
