"""A second, slow way to redact: Python's own regular expressions over decoded texts, one kind after the other.

The gateway's way is held to it: whatever this one takes out, the other must take out, too.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Check = Callable[[str], str | None]
"""Takes what a pattern found and gives back what stands for it, or ``None`` if it is no such thing after all."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A kind of text; ``check`` decides about each find, without one every find is replaced by ``[name]``."""

    name: str
    regex: re.Pattern[str]
    check: Check | None = None

    def redact(self, text: str) -> str:
        """The text with every find replaced."""
        return self.regex.sub(self._replacement, text)

    def _replacement(self, found: re.Match[str]) -> str:
        if self.check is None:
            return f"[{self.name}]"
        checked = self.check(found[0])
        return found[0] if checked is None else checked


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def mod97(iban: str) -> bool:
    """Whether an IBAN's check digits hold (ISO 13616): letters are 10 to 35, the whole leaves 1."""
    moved = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def _card(found: str) -> str | None:
    digits = _digits(found)
    return "[card]" if len(set(digits)) > 1 and luhn(digits) else None


def _iban(found: str) -> str | None:
    """The find may run on into the words behind it: the longest beginning that holds is the IBAN."""
    for end in range(len(found), 14, -1):
        compact = found[:end].replace(" ", "").upper()
        if found[end - 1] != " " and 15 <= len(compact) <= 34 and mod97(compact):
            return "[iban]" + found[end:]
    return None


def _phone(found: str) -> str | None:
    return "[phone]" if 9 <= len(_digits(found)) <= 15 else None


def _ipv6(found: str) -> str | None:
    """A valid address with a digit in it: ``a::b`` is more often a name in a program."""
    try:
        ipaddress.IPv6Address(found.rstrip("."))
    except ValueError:
        return None
    return "[ip]" if any(character.isdigit() for character in found) else None


_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_BEFORE = r"(?<![\w+.\-/])"
_KEYS = (
    r"(?:sk|ft|rk|pk)-[A-Za-z0-9_\-]{16,}",
    r"(?:AKIA|ASIA)[0-9A-Z]{16}",
    r"gh[pousr]_[A-Za-z0-9]{20,}",
    r"github_pat_[A-Za-z0-9_]{20,}",
    r"xox[abeoprs]-[A-Za-z0-9\-]{10,}",
    r"AIza[0-9A-Za-z_\-]{30,}",
    r"hf_[A-Za-z0-9]{30,}",
)
_PHONES = (
    r"(?:\+|00)[1-9](?:[ ().\-/]{0,2}\d){6,14}(?!\w)",
    r"\(?[2-9]\d{2}\)?[ .\-]{1,2}\d{3}[ .\-]\d{4}(?!\w|[.\-]\d)",
    r"\(?0[1-9]\d{0,4}\)?[ /\-]?\d{3,8}(?:[ \-]?\d{2,8}){0,3}(?!\w|[.\-:]\d)",
)

PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "private key",
        re.compile(
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)", re.DOTALL
        ),
    ),
    Pattern("token", re.compile(r"(?<![\w\-])eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}")),
    Pattern("token", re.compile(r"(?<=\bbearer)\s+[A-Za-z0-9._~+/\-]{16,}=*", re.IGNORECASE), lambda _: " [token]"),
    Pattern("key", re.compile(r"(?<![A-Za-z0-9])(?:" + "|".join(_KEYS) + ")")),
    Pattern("email", re.compile(r"(?<![\w.%+\-])[\w.%+\-]+@\w[\w\-]*(?:\.[\w\-]+)*\.[^\W\d_]{2,}")),
    Pattern(
        "iban", re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ ]?[A-Za-z0-9]{1,4}){3,9}(?![A-Za-z0-9])"), _iban
    ),
    Pattern("ip", re.compile(rf"(?<![\w.])(?:{_OCTET}\.){{3}}{_OCTET}(?!\w|\.\d)")),
    Pattern("ip", re.compile(r"(?<![\w:.])(?=[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*:)[0-9A-Fa-f:.]{3,45}(?![\w:])"), _ipv6),
    Pattern("card", re.compile(r"(?<![\w.\-])\d(?:[ \-]?\d){12,18}(?!\w|[.\-]\d)"), _card),
    *(Pattern("phone", re.compile(_BEFORE + form), _phone) for form in _PHONES),
)
"""In the order in which they are looked for: what is longer and surer first."""


def redact_text(text: str) -> str:
    """The text with every find of every kind replaced."""
    for pattern in PATTERNS:
        text = pattern.redact(text)
    return text


def redact_value(value: Any) -> Any:
    """A decoded JSON value, redacted throughout."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, dict):
        return {redact_text(name): redact_value(part) for name, part in value.items()}
    if isinstance(value, list):
        return [redact_value(part) for part in value]
    if isinstance(value, int) and not isinstance(value, bool) and value >= 10**12:
        text = redact_text(str(value))
        return value if text == str(value) else text
    return value
