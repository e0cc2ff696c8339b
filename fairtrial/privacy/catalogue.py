"""Lists what recording, the audit of training data and exports look for in texts, and what they do not look for."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.privacy.credentials import KEYS
from fairtrial.privacy.harmless import HARMLESS
from fairtrial.privacy.national_ids import NATIONAL_IDS, NationalId
from fairtrial.privacy.phones import GROUPED


@dataclass(frozen=True, slots=True)
class Entry:
    """One form of personal or secret text: what stands for it, where it is used, and by what it is recognised."""

    kind: str
    name: str
    country: str
    recognised_by: str
    example: str


def _id_entry(national_id: NationalId) -> Entry:
    signs = [
        "form and check digits" if national_id.valid else "form",
        "" if national_id.alone else f"a cue within 40 characters, such as {national_id.cue}",
    ]
    recognised_by = ", ".join(filter(None, signs))
    return Entry("national id", national_id.name, national_id.country, recognised_by, national_id.example)


CATALOGUE: tuple[Entry, ...] = (
    Entry("email", "e-mail address", "", "form", "bob@example.com"),
    Entry("ip", "IPv4 and IPv6 address", "", "form", "84.112.7.9"),
    Entry("card", "payment card", "", "check digit", "4111 1111 1111 1111"),
    Entry("iban", "IBAN", "", "check digits", "DE89 3704 0044 0532 0130 00"),
    Entry("phone", "phone number with + or 00", "", "form", "+49 170 1234567"),
    Entry("phone", "phone number with area code", "US, CA", "form", "(202) 555-0143"),
    Entry("phone", "phone number with a leading 0", "", "form", "030 12345678"),
    Entry("phone", "phone number in groups", ", ".join(GROUPED), "form", "06 12 34 56 78"),
    Entry("phone", "any phone number", "", "a cue before it, such as phone, Handy, móvil or 手机", "phone 98765 43210"),
    *map(_id_entry, NATIONAL_IDS),
    Entry("key", f"API key of {', '.join(KEYS)}", "", "prefix", "sk-abcdefghijklmnop1234"),
    Entry("key", "key after its name", "", "a name such as api_key or client_secret", "api_key=a1b2c3d4e5f6g7h8i9j0"),
    Entry("token", "JSON Web Token, bearer token", "", "form", "Bearer abcdefghijklmnop1234"),
    Entry("private key", "private key in PEM", "", "first line", "-----BEGIN PRIVATE KEY-----"),
    Entry("password", "user and password in a URL", "", "form", "postgres://app:hunter2@db.example/orders"),
    Entry(
        "password", "password with a digit, a sign or letters in random case", "",
        "a word such as password, Passwort or mot de passe before it, or behind it as in is my password",
        "my password is hunter2",
    ),
)  # fmt: skip

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


def scope() -> tuple[str, str]:
    """What is looked for, and what is not, as two lines."""
    countries = sorted({national_id.country for national_id in NATIONAL_IDS})
    found = (
        "e-mail and IP addresses, payment cards, IBANs, phone numbers, API keys, tokens, private keys, passwords, and "
        f"national ids of {', '.join(countries)}"
    )
    return f"Looked for: {found}.", f"Not looked for: {', '.join((*NOT_LOOKED_FOR, *HARMLESS))}."
