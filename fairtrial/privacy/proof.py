"""Decides whether a find is proven to be personal or secret, by check digits or by the form of a known secret.

A find inside code or an identifier is never proven, because replacing it there would break what the text is for.
"""

import base64
import json
import re

from fairtrial.privacy.checks import digits_of, luhn
from fairtrial.privacy.credentials import KEYS
from fairtrial.privacy.cued_ids import has_cue_and_check
from fairtrial.privacy.masking import Masking
from fairtrial.privacy.search import PersonalText

IBAN_LENGTHS = {
    15: "NO",
    16: "BE",
    18: "DK FI FO GL NL",
    19: "MK SI",
    20: "AT BA EE KZ LT LU XK",
    21: "CH HR LI LV",
    22: "BG BH CR DE GB GE IE ME RS VA",
    23: "AE GI IL IQ OM TL",
    24: "AD CZ ES MD PK RO SA SE SK TN VG",
    25: "LY PT ST",
    26: "IS TR",
    27: "FR GR IT MC MR SM",
    28: "AL AZ BY CY DO GT HU LB PL SV",
    29: "BR EG PS QA UA",
    30: "JO KW MU",
    31: "MT SC",
    32: "LC",
}
"""The countries by the number of characters of their IBANs, from the registry of ISO 13616."""

_ISSUED = re.compile(r"4\d{15}|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3[068]\d{12}|35\d{14}|6(?:011|5\d\d|4[4-9]\d)\d{12}")
"""The numbers that the networks of payment cards issue."""
_GROUPED = re.compile(rb"\d{4}([ -])\d{4}\1\d{4}\1\d{4}|\d{4}([ -])\d{6}\2\d{4,5}")
_CARD_CUE = re.compile(
    rb"(?i)(?:card|karte|carte|tarjeta|carta|kaart|kort|visa|mastercard|amex"
    + "|cartão|karta|карт|卡|カード|카드".encode()
    + rb")[^0-9\n]{0,30}\Z"
)
_JOINED_BEFORE = re.compile(rb"[A-Za-z0-9_\-/@#&=.\\]\Z")
_JOINED_BEHIND = re.compile(rb"[A-Za-z0-9_\-/@#&=\\]|[.:][A-Za-z0-9]")
"""What makes a find a part of an identifier, a path or a URL."""

_CODE = re.compile(
    rb"(?ms)(?:```|~~~).*?(?:```|~~~|\Z)|`[^`\n]+`|<(code|pre)\b.*?(?:</\1>|\Z)"
    rb"|^(?:    |\t| *[$>#%] )[^\n]*|^[^\n]*(?:[={}<>;\\|]|\w\(|::|->|\w\[)[^\n]*"
)
"""Fenced, inline and indented code, and lines with signs that prose rarely has."""

_KEYS = re.compile(b"|".join(KEYS.values()))
_PEM = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----[\sA-Za-z0-9+/=]{100,}-----END [A-Z ]*PRIVATE KEY-----")
_FILLER = re.compile(rb"(?i)example|sample|placeholder|your|(.)\1{4}|abcdef|123456")
_RANDOM = re.compile(rb"(?=[A-Za-z]{0,14}[0-9])(?=[0-9]{0,14}[A-Za-z])[A-Za-z0-9+/]{16,}")
"""A part of a key that nobody would write by hand, with letters and digits."""

_LEFT = re.compile(
    r"(?i)^(?:tools|functions|tool_calls|function_call)$|(?:^|[_-])(?:ids?|uuid|hash|sha\d*|digest|ref|url|path)$"
)
ASKED = Masking(leaves=re.compile(r"^(?:tools|functions|id|tool_call_id)$"))
"""All finds, except in what no audit reads."""


def is_proven(text: bytes, find: PersonalText) -> bool:
    """Whether the find is what it looks like, and stands in prose."""
    look = b'"' + text.replace(b'"', b"\0") + b'"'
    start, end = find.start + 1, find.end + 1
    if _JOINED_BEFORE.search(look[start - 1 : start]) or _JOINED_BEHIND.match(look[end : end + 2]):
        return False
    return _has_proof(find.kind, look, start, end) and not any(
        code.start() <= find.start < code.end() for code in _CODE.finditer(text)
    )


PROVEN = Masking(is_proven, _LEFT, repeats=False)


def _has_proof(kind: str, look: bytes, start: int, end: int) -> bool:
    found = look[start:end]
    if kind == "card":
        digits = digits_of(found)
        known = _GROUPED.fullmatch(found) or _CARD_CUE.search(look[max(0, start - 60) : start])
        return bool(known and _ISSUED.fullmatch(digits)) and luhn(digits)
    if kind == "iban":
        written = found.replace(b" ", b"").decode()
        return written.isupper() and written[:2] in IBAN_LENGTHS.get(len(written), "").split()
    if kind == "national id":
        return has_cue_and_check(look, start, end)
    if kind == "key":
        return bool(_KEYS.fullmatch(found) and _RANDOM.search(found)) and not _FILLER.search(found)
    return _is_token(found) if kind == "token" else kind == "private key" and _PEM.fullmatch(found) is not None


def _is_token(found: bytes) -> bool:
    """Whether the first part of a JSON Web Token names an algorithm (RFC 7519)."""
    head = found.split(b".")[0]
    try:
        return "alg" in json.loads(base64.urlsafe_b64decode(head + b"=" * (-len(head) % 4)))
    except (ValueError, TypeError):
        return False
