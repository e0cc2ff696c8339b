"""Checks the matches of patterns: check digits and forms must hold, and local or documented values are harmless."""

import re
import socket
from collections.abc import Callable, Sequence
from ipaddress import ip_address

Valid = Callable[[str], bool]
"""Whether an id without separators has the right check digits."""

_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"
_PPS = "WABCDEFGHIJKLMNOPQRSTUV"
_CURP = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
_ODD = dict(zip("BAKPLCQDREVOSFTGUHMINJWZYX", range(26), strict=True))
_DOUBLED = {str(digit): sum(divmod(2 * digit, 10)) for digit in range(10)}
_DIHEDRAL = "0123456789123406789523401789563401289567401239567859876043216598710432765982104387659321049876543210"
_PERMUTED = "01234567891576283094580379614289160435279453126870428657390127938064157046913258"
"""Verhoeff's tables, row by row."""

_SHORTEST, _LONGEST = 15, 34
"""Characters of an IBAN without its blanks."""

_HEAD, _GROUPS, _GROUP = 4, 9, 4
_REACH = _HEAD + _GROUPS * (_GROUP + 1) + 1
"""Bytes that show where the longest IBAN ends: its head, nine groups with a blank before each, and one more."""

_RUN = re.compile(rb"[A-Za-z0-9 ]*")
_SHIFT = pow(10**6, -1, 97)
"""The six digits of an IBAN's head, which the check moves to its end."""

_BLANK = 0x20
_MARKS = b" ().+/-"
_ADDRESS_END = re.compile(r"[0-9A-Fa-f:.]{3,45}(?![\w:])")
# Recording masks harmless values, too, because a mask costs nothing there. An audit does not name them, and a repair
# keeps them, because training data needs ``127.0.0.1`` as it is.
HARMLESS = (
    "addresses of local networks and of documentation, such as 127.0.0.1 and 192.0.2.1, and numbers of versions",
    "placeholders in URLs, such as user:password@",
)
"""What recording masks, and audits, repairs, reports and exports leave as it is."""

_BEFORE = 20
"""Bytes before an address in which a word for a version may stand."""

_VERSION = re.compile(
    rb"(?i)(?:version|release|revision|firmware|build|update|driver|ver|v)s?\.?(?: is| to)?[ :=]{0,2}\Z"
)
_REQUIREMENT = re.compile(rb"[=<>~!^]=? ?\Z")
_PLACEHOLDER = re.compile(
    rb"(?i)(?:(?:my|your|some|the|db|database)[_-]?)?(?:user(?:[_-]?(?:name|id))?|usr|u|login|name|foo)?"
    rb":(?:(?:my|your|some|the|db|database|user)[_-]?)?(?:pass(?:word|wd|phrase)?|pwd?|p|secret|bar|x{3,}|\.{3})"
)
"""User and password as documentation writes them."""


def luhn(digits: str) -> bool:
    """Whether the last digit is the check digit of the others (ISO/IEC 7812-1)."""
    return (sum(map(int, digits[-1::-2])) + sum(map(_DOUBLED.__getitem__, digits[-2::-2]))) % 10 == 0


def weighted(weights: Sequence[int], modulus: int, rest: int = 0) -> Valid:
    """The weighted sum of all digits leaves ``rest``. ``X`` and ``K`` are ten."""
    return lambda text: _sum(text.rjust(len(weights), "0"), weights) % modulus == rest


def elevens(*rows: Sequence[int]) -> Valid:
    """The digits after the weighted ones bring each sum to a multiple of 11; a zero stands for ten."""
    return lambda text: all(
        int(text[len(row)]) == (-_sum(text, row) % 11 if _sum(text, row) % 11 > 1 else 0) for row in rows
    )


def every(*checks: Valid) -> Valid:
    """All of the checks."""
    return lambda text: all(check(text) for check in checks)


def _sum(text: str, weights: Sequence[int]) -> int:
    return sum(
        weight * (10 if character in "XK" else int(character)) for weight, character in zip(weights, text, strict=False)
    )


def dni(text: str) -> bool:
    """Spain: the letter is the number modulo 23. The first letter of a foreigner's number stands for a digit."""
    number = text[:-1].translate(str.maketrans("XYZ", "012"))
    return text[-1] == _DNI[int(number) % 23] and not _is_date(number)


def _is_date(digits: str) -> bool:
    return digits[:2] in ("19", "20") and "01" <= digits[4:6] <= "12" and "01" <= digits[6:8] <= "31"


def codice_fiscale(text: str) -> bool:
    """Italy: characters at odd places have values by a table."""
    values = (_ODD["ABCDEFGHIJ"[int(letter)] if letter.isdigit() else letter] for letter in text[:-1:2])
    total = sum(values) + sum(int(letter, 36) - 10 * letter.isalpha() for letter in text[1:-1:2])
    return ord(text[-1]) - ord("A") == total % 26 and 1 <= int(text[9:11]) % 40 <= 31


def nir(text: str) -> bool:
    """France: the last two digits are 97 minus the rest modulo 97. Corsica's letters stand for digits."""
    return 97 - int(text[:-2].replace("2A", "19").replace("2B", "18")) % 97 == int(text[-2:])


def rijksregister(text: str) -> bool:
    """Belgium: as in France, with a 2 before the number of persons that are born since 2000."""
    return int(text[-2:]) in (97 - int(text[:-2]) % 97, 97 - int("2" + text[:-2]) % 97)


def aadhaar(text: str) -> bool:
    """India: Verhoeff's check digit."""
    check = 0
    for place, digit in enumerate(reversed(text)):
        check = int(_DIHEDRAL[10 * check + int(_PERMUTED[10 * (place % 8) + int(digit)])])
    return check == 0


def steuer_id(text: str) -> bool:
    """Germany: ISO/IEC 7064, modulo 11 and 10."""
    check = 5
    for digit in text:
        check = ((check or 10) * 2 % 11 + int(digit)) % 10
    return check == 1


def rentenversicherung(text: str) -> bool:
    """Germany: the letter is a number of two digits, and products count by their sum of digits."""
    digits = f"{text[:8]}{ord(text[8]) - ord('A') + 1:02}{text[9:11]}"
    products = (int(digit) * weight for digit, weight in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True))
    return sum(sum(divmod(product, 10)) for product in products) % 10 == int(text[-1])


def hetu(text: str) -> bool:
    """Finland: the last character is the number modulo 31."""
    return text[-1] == _HETU[int(text[:6] + text[-4:-1]) % 31]


def pps(text: str) -> bool:
    """Ireland: a letter by weights; a second letter counts nine times."""
    second = (ord(text[8]) - ord("A") + 1) % 23 if len(text) > 8 else 0
    return text[7] == _PPS[(_sum(text, (8, 7, 6, 5, 4, 3, 2)) + 9 * second) % 23]


def curp(text: str) -> bool:
    """Mexico: weights from 18 on."""
    total = sum(_CURP.index(letter) * weight for letter, weight in zip(text, range(18, 1, -1), strict=False))
    return -total % 10 == int(text[-1])


def kimlik(text: str) -> bool:
    """Turkey: two check digits over odd and even places, and over all."""
    digits = [int(digit) for digit in text]
    return (7 * sum(digits[0:9:2]) - sum(digits[1:8:2])) % 10 == digits[9] and sum(digits[:10]) % 10 == digits[10]


def nric(text: str) -> bool:
    """Singapore: a letter by weights, in one of three alphabets."""
    letters = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK", "M": "XWUTRQPNJLK"}
    offset = {"T": 4, "G": 4, "M": 3}.get(text[0], 0)
    rest = (_sum(text[1:], (2, 7, 6, 5, 4, 3, 2)) + offset) % 11
    return text[-1] == letters[text[0]][10 - rest if text[0] == "M" else rest]


def snils(text: str) -> bool:
    """Russia: the weighted sum modulo 101."""
    return _sum(text, range(9, 0, -1)) % 101 % 100 == int(text[-2:])


def cnp(text: str) -> bool:
    """Romania: the weighted sum modulo 11; a one stands for ten."""
    rest = _sum(text, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return (1 if rest == 10 else rest) == int(text[-1])


def rodne_cislo(text: str) -> bool:
    """Czechia and Slovakia: a multiple of 11; numbers of nine digits have no check digit."""
    return len(text) == 9 or int(text) % 11 == 0 or (int(text[:9]) % 11 == 10 and text[9] == "0")


_VALUES = {code: int(chr(code), 36) for code in b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"}
_NEXT = tuple(
    {code: (rest * (10 if value < 10 else 100) + value) % 97 for code, value in _VALUES.items()} for rest in range(97)
)
"""The remainder of a number by 97 after one more character of it. Letters count as two digits."""


def is_card(match: bytes) -> bool:
    """Whether the digits of a find are a card's: not all the same, and with the right check digit."""
    digits = digits_of(match)
    return len(set(digits)) > 1 and luhn(digits)


def is_phone(match: bytes) -> bool:
    """Whether a find has as many digits as phone numbers have."""
    return 9 <= len(digits_of(match)) <= 15


def digits_of(match: bytes) -> str:
    """The digits of a find as ASCII, whatever their script."""
    if match.isascii():
        return match.translate(None, _MARKS).decode()
    return "".join(str(int(character)) for character in match.decode() if character.isdecimal())


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
    match = _ADDRESS_END.match(text[start : start + 50].decode("utf-8", "ignore"))
    if match is None:
        return None
    address = match[0].rstrip(".")
    try:
        socket.inet_pton(socket.AF_INET6, address)
    except OSError:
        return None
    return (start, start + len(match[0])) if any(map(str.isdigit, address)) else None


def is_harmless(kind: str, look: bytes, start: int, end: int) -> bool:
    """Whether a match of this kind identifies nobody and gives no access."""
    if kind == "ip":
        return (
            look[start:end] == b"1.2.3.4"
            or _is_local(look[start:end])
            or _is_version(look[max(0, start - _BEFORE) : start])
        )
    return kind == "password" and _PLACEHOLDER.fullmatch(look, start, end) is not None


def _is_local(address: bytes) -> bool:
    """Whether IANA reserves the address for this machine, for local networks or for documentation."""
    try:
        return not ip_address(address.decode().rstrip(".")).is_global
    except ValueError:
        return False


def _is_version(before: bytes) -> bool:
    return bool(_VERSION.search(before) or _REQUIREMENT.search(before))
