"""Checks the finds of a pattern: the check digits of cards and IBANs, the forms of phone numbers and addresses.

A check works on one find of bounded length, and its time grows only with that length.
"""

from __future__ import annotations

import re
import socket

from fairtrial.privacy.check_digits import luhn

_SHORTEST, _LONGEST = 15, 34
"""Characters of an IBAN without its blanks."""

_HEAD, _GROUPS, _GROUP = 4, 9, 4
_REACH = _HEAD + _GROUPS * (_GROUP + 1) + 1
"""Bytes that show where the longest IBAN ends: its head, nine groups with a blank before each, and one more."""

_RUN = re.compile(rb"[A-Za-z0-9 ]*")
_VALUES = {code: int(chr(code), 36) for code in b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}
_NEXT = tuple(
    {code: (rest * (10 if value < 10 else 100) + value) % 97 for code, value in _VALUES.items()} for rest in range(97)
)
"""The remainder of a number by 97 after one more character of it. Letters count as two digits."""

_SHIFT = pow(10**6, -1, 97)
"""The six digits of an IBAN's head, which the check moves to its end."""

_BLANK = 0x20
_MARKS = b" ().+/-"
_ADDRESS_END = re.compile(r"[0-9A-Fa-f:.]{3,45}(?![\w:])")


def is_card(found: bytes) -> bool:
    """Whether the digits of a find are a card's: not all the same, and with the right check digit."""
    digits = digits_of(found)
    return len(set(digits)) > 1 and luhn(digits)


def is_phone(found: bytes) -> bool:
    """Whether a find has as many digits as phone numbers have."""
    return 9 <= len(digits_of(found)) <= 15


def digits_of(found: bytes) -> str:
    """The digits of a find as ASCII, whatever their script."""
    if found.isascii():
        return found.translate(None, _MARKS).decode()
    return "".join(str(int(character)) for character in found.decode() if character.isdecimal())


def iban(text: bytes, start: int) -> tuple[int, int] | None:
    """The IBAN that may begin at ``start``: the longest one whose check digits are right (ISO 13616).

    It is written in groups of at most four with single blanks between them, or without any; words may follow it.
    """
    begin = start + _HEAD
    run = _RUN.match(text, begin, start + _REACH)
    one, two, three, four = (_VALUES[code] for code in text[start:begin])
    want = (1 - 10_000 * one - 100 * two - 10 * three - four) * _SHIFT % 97
    remainder, length, end = 0, _HEAD, None
    for place, code in enumerate(_groups(run[0]) if run else b"", begin + 1):
        if code != _BLANK:
            remainder, length = _NEXT[remainder][code], length + 1
            if remainder == want and _SHORTEST <= length <= _LONGEST:
                end = place
    return None if end is None else (start, end)


def _groups(run: bytes) -> bytes:
    """As much of a run of characters and blanks as an IBAN's groups can be: whole words, nine groups in all."""
    end = at = groups = 0
    for word in run.split(b" "):
        groups += (len(word) + _GROUP - 1) // _GROUP
        if groups > _GROUPS or (not word and at):
            break
        end = at + len(word)
        at = end + 1
    return run[:end]


def ipv6(text: bytes, start: int) -> tuple[int, int] | None:
    """The address that may begin at ``start``. One without a digit is more often a name in a program."""
    window = text[start : start + 50].decode("utf-8", "ignore")
    found = _ADDRESS_END.match(window)
    if found is None:
        return None
    address = found[0].rstrip(".")
    try:
        socket.inet_pton(socket.AF_INET6, address)
    except OSError:
        return None
    return (start, start + len(found[0])) if any(map(str.isdigit, address)) else None
