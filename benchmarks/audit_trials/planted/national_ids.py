"""Makes valid national identity numbers of eleven countries, by each number's own rule, as people write them."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

Make = Callable[[random.Random], str]
LETTERS_OF_THE_DNI = "TRWAGMYFPDXBNJZSQVHLCKE"
ODD_DIGITS = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21)
ODD_IN_THE_CODICE = dict(
    zip(
        string.digits + string.ascii_uppercase,
        (*ODD_DIGITS, *ODD_DIGITS, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)
DIHEDRAL = [
    "0123456789",
    "1234067895",
    "2340178956",
    "3401289567",
    "4012395678",
    "5987604321",
    "6598710432",
    "7659821043",
    "8765932104",
    "9876543210",
]
"""The multiplication table of the dihedral group, which Verhoeff's scheme uses."""
PERMUTATION = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def ssn(draw: random.Random) -> str:
    """United States: no check digit; neither area 000, 666, 9xx, nor group 00, nor serial 0000."""
    area = draw.choice([number for number in range(1, 900) if number != 666])
    return f"{area:03}-{draw.randint(1, 99):02}-{draw.randint(1, 9999):04}"


def nino(draw: random.Random) -> str:
    """United Kingdom: two letters, six digits, a letter from A to D; no check digit."""
    first, second = draw.choice("ABCEGHJKLMPRSTWXYZ"), draw.choice("ABCEGHJKLMPRSTWXYZ")
    if first + second in {"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"}:
        return nino(draw)
    digits = _digits(draw, 6)
    return draw.choice(("{} {} {} {} {}", "{}{}{}{}{}")).format(
        first + second, digits[:2], digits[2:4], digits[4:], draw.choice("ABCD")
    )


def nir(draw: random.Random) -> str:
    """France: sex, year, month, place, order, and 97 less the rest of a division by 97."""
    department = draw.choice([number for number in range(1, 96) if number != 20])
    parts = [
        draw.choice("12"),
        f"{draw.randint(40, 99):02}",
        f"{draw.randint(1, 12):02}",
        f"{department:02}",
        f"{draw.randint(1, 699):03}",
        f"{draw.randint(1, 999):03}",
    ]
    parts.append(f"{97 - int(''.join(parts)) % 97:02}")
    return draw.choice((" ", "")).join(parts)


def dni(draw: random.Random) -> str:
    """Spain: eight digits and the letter that their rest by 23 names."""
    number = draw.randint(10_000_000, 99_999_999)
    digits = draw.choice((f"{number}", f"{number:,}".replace(",", ".")))
    return digits + draw.choice(("", "-", " ")) + LETTERS_OF_THE_DNI[number % 23]


def codice_fiscale(draw: random.Random) -> str:
    """Italy: consonants of the name, birth, town, and a letter that checks them."""
    consonants = "BCDFGLMNPRSTVZ"
    day = draw.randint(1, 28) + draw.choice((0, 40))
    base = "".join(draw.choice(consonants) for _ in range(6))
    base += f"{draw.randint(40, 99):02}{draw.choice('ABCDEHLMPRST')}{day:02}{draw.choice('ABCDEFGHIL')}"
    base += f"{draw.randint(101, 950):03}"
    total = sum(
        ODD_IN_THE_CODICE[sign] if at % 2 == 0 else (int(sign) if sign.isdigit() else ord(sign) - 65)
        for at, sign in enumerate(base)
    )
    code = base + chr(65 + total % 26)
    return draw.choice((code, code, code.lower()))


def bsn(draw: random.Random) -> str:
    """The Netherlands: nine digits whose weighted sum 9, 8, … 2, −1 is divisible by 11."""
    while True:
        digits = draw.choice("123456789") + _digits(draw, 8)
        if sum(int(sign) * weight for sign, weight in zip(digits, (9, 8, 7, 6, 5, 4, 3, 2, -1), strict=True)) % 11 == 0:
            return draw.choice(
                (digits, f"{digits[:4]}.{digits[4:6]}.{digits[6:]}", f"{digits[:3]} {digits[3:6]} {digits[6:]}")
            )


def pesel(draw: random.Random) -> str:
    """Poland: the birth date, a serial and a weighted check digit."""
    base = f"{draw.randint(40, 99):02}{draw.randint(1, 12):02}{draw.randint(1, 28):02}{_digits(draw, 4)}"
    weighted = sum(int(sign) * weight for sign, weight in zip(base, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3), strict=True))
    return base + str(-weighted % 10)


def cpf(draw: random.Random) -> str:
    """Brazil: nine digits and two check digits by 11."""
    digits = _digits(draw, 9)
    for length in (10, 11):
        rest = sum(int(sign) * (length - at) for at, sign in enumerate(digits)) * 10 % 11
        digits += str(rest % 10)
    return draw.choice((digits, f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"))


def aadhaar(draw: random.Random) -> str:
    """India: twelve digits, the last by Verhoeff's scheme."""
    base = draw.choice("23456789") + _digits(draw, 10)
    check = 0
    for place, sign in enumerate(reversed(base), start=1):
        value = int(sign)
        for _ in range(place % 8):
            value = PERMUTATION[value]
        check = int(DIHEDRAL[check][value])
    number = base + str(DIHEDRAL[check].index("0"))
    return draw.choice((" ", "", "-")).join((number[:4], number[4:8], number[8:]))


def resident_id(draw: random.Random) -> str:
    """China: region, birth date, serial, and a check sign by 11 with X for ten."""
    base = draw.choice(("110105", "310104", "440305", "330106", "510107", "420111"))
    base += f"{draw.randint(1950, 2005)}{draw.randint(1, 12):02}{draw.randint(1, 28):02}{_digits(draw, 3)}"
    total = sum(int(sign) * pow(2, 17 - at, 11) for at, sign in enumerate(base))
    return base + "10X98765432"[total % 11]


def ahv(draw: random.Random) -> str:
    """Switzerland: 756 and the check digit of an EAN."""
    base = "756" + _digits(draw, 9)
    check = -sum(int(sign) * (3 if at % 2 else 1) for at, sign in enumerate(base)) % 10
    number = base + str(check)
    return draw.choice((number, f"{number[:3]}.{number[3:7]}.{number[7:11]}.{number[11:]}"))


def french_phone(draw: random.Random) -> str:
    """A French number, national or international."""
    first, rest = draw.choice("12345679"), _digits(draw, 8)
    pairs = [rest[at : at + 2] for at in range(0, 8, 2)]
    return draw.choice(
        (
            f"0{first} " + " ".join(pairs),
            f"0{first}{rest}",
            f"0{first}." + ".".join(pairs),
            f"+33 {first} " + " ".join(pairs),
        )
    )


def indian_phone(draw: random.Random) -> str:
    """An Indian mobile number, with or without its country."""
    number = draw.choice("6789") + _digits(draw, 9)
    return draw.choice(
        (f"+91 {number[:5]} {number[5:]}", number, f"+91-{number}", f"0{number}", f"{number[:5]} {number[5:]}")
    )


def _digits(draw: random.Random, count: int) -> str:
    return "".join(draw.choice(string.digits) for _ in range(count))


MAKERS: dict[str, Make] = {
    "SSN": ssn,
    "NINO": nino,
    "NIR": nir,
    "DNI": dni,
    "codice fiscale": codice_fiscale,
    "BSN": bsn,
    "PESEL": pesel,
    "CPF": cpf,
    "Aadhaar": aadhaar,
    "CN": resident_id,
    "AHV": ahv,
    "French phone": french_phone,
    "Indian phone": indian_phone,
}
