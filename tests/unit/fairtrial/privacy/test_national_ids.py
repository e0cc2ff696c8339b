"""National ids are distinguished from other numbers by check digits and cues."""

from __future__ import annotations

import json
import random
from collections import Counter

from fairtrial.privacy.masking import mask
from fairtrial.privacy.national_ids import NATIONAL_IDS
from fairtrial.privacy.search import find_personal_text
from tests.fixtures.for_each import for_each
from tests.fixtures.paths import ROOT
from tests.fixtures.privacy.sentences import FIELD, SENTENCES

GOLDEN = json.loads((ROOT / "tests/golden/national_ids.json").read_text(encoding="utf-8"))
SHORT = {"BE Rijksregisternummer": "INSZ", "BR CPF": "CPF", "ES DNI, NIE": "DNI", "ES NIE": "NIE"}
"""The cues of ids that need one if they are written without dots."""

CUES = {
    f"{national_id.country} {national_id.name}": national_id.cue
    for national_id in NATIONAL_IDS
    if not national_id.alone
}


def ids_in(text: str) -> list[str]:
    raw = text.encode()
    return [raw[find.start : find.end].decode() for find in find_personal_text(text) if find.kind == "national id"]


@for_each("name", GOLDEN)
def test_check_digits_agree_with_python_stdnum(name: str) -> None:
    cue = CUES.get(name, SHORT.get(name, ""))
    texts = {number: f"{cue} {number}" for kind in ("valid", "invalid") for number in GOLDEN[name][kind]}
    assert [number for number in GOLDEN[name]["valid"] if ids_in(texts[number]) != [number]] == []
    assert [number for number in GOLDEN[name]["invalid"] if number in ids_in(texts[number])] == []


def test_each_series_of_singapore_has_its_check_letter() -> None:
    valid = ("S1234567D", "T1234567J", "F1234567N", "G1234567X")
    assert [number for number in valid if ids_in(f"NRIC {number}") != [number]] == []
    assert [number for number in valid if ids_in(f"NRIC {number[:-1]}A")] == []


@for_each("name", SENTENCES)
def test_ids_are_found_in_the_sentences_of_customers_and_in_fields(name: str) -> None:
    written, sentences = SENTENCES[name]
    texts = {
        sentence.format(form(number)): form(number)
        for number in GOLDEN[name]["valid"][:4]
        for form in written
        for sentence in (*sentences, FIELD)
    }
    assert [text for text, number in texts.items() if ids_in(text) != [number]] == []


@for_each("name", CUES)
def test_an_id_that_needs_a_cue_is_not_found_without_or_far_from_it(name: str) -> None:
    numbers = GOLDEN.get(name, {"valid": []})["valid"][:4]
    texts = [
        text
        for number in numbers
        for text in (f"It is {number}.", f"{CUES[name]} is asked for in {'a form ' * 9}{number}")
    ]
    assert [text for text in texts if ids_in(text)] == []


@for_each(
    ("text", "numbers"),
    [
        ("National Insurance: AB 12 34 56 C", ["AB 12 34 56 C"]),
        ("use qq123456c", []),
        ("my NI number is QQ 12 34 56 C", ["QQ 12 34 56 C"]),
        ("PAN: ABCDE1234F", ["ABCDE1234F"]),
        ("SS# 123-45-6789", ["123-45-6789"]),
        ("BSN 111222333 and 123456782", ["111222333", "123456782"]),
        ("123-45-6789 (SSN)", ["123-45-6789"]),
        ("BSN: none. Order 111222333", []),
        ("My SSN? My order is 536904399", []),
        ("invoice 54362315K", []),
        ("invoice with DNI 54362315K", ["54362315K"]),
        ("invoice to RSSMRA85T10A562S or rssmra85t10a562s", ["RSSMRA85T10A562S", "rssmra85t10a562s"]),
        ("Fatura em 529.982.247-25, pedido 52998224725", ["529.982.247-25"]),
        ("54.362.315 K and 54362315 k, not 12345671 y", ["54.362.315 K", "54362315 k"]),
        ("For the order my SSN is 536-90-4399", ["536-90-4399"]),
        ("verify social 536-90-4399", ["536-90-4399"]),
        ("my social media id 536904399", []),
        ("numer zamówienia 44051401359", []),
        ("numer 44951401359", []),
        ("20261129X and 2026-11-29T13:45:10Z", []),
        ('{"ssn":536904399,"created":1732490000}', ["536904399"]),
        ('{"order_id":"54362315K"}', []),
    ],
)
def test_the_words_around_a_number_decide(text: str, numbers: list[str]) -> None:
    assert ids_in(text) == numbers


def test_numbers_of_orders_parcels_books_and_times_are_no_ids() -> None:
    draw = random.Random(11)

    def digits(count: int) -> str:
        return "".join(draw.choices("0123456789", k=count))

    makers = (
        lambda: digits(draw.randrange(7, 15)),
        lambda: f"{digits(3)}-{digits(7)}-{digits(7)}",
        lambda: f"RR{digits(9)}DE",
        lambda: f"978-3-16-{digits(6)}-{digits(1)}",
        lambda: f"{draw.randrange(10, 29)}.{draw.randrange(10, 13)}.2026",
        lambda: f"{digits(8)}-{digits(4)}-4{digits(3)}-a{digits(3)}-{digits(12)}",
        lambda: f"{digits(1)}.{digits(3)}.{digits(3)},{digits(2)} EUR",
        lambda: f"{digits(6)}-{digits(4)}",
        lambda: f"{digits(8)}{draw.choice('ABCDEFGH')}",
    )
    sentences = (
        "My order {} has not arrived, and the phone shop does not answer.",
        "Rechnung Nr. {} stimmt nicht.",
        "Numéro de colis : {}",
        "Mi pedido {} no ha llegado.",
        "Il mio ordine {} non è arrivato.",
        "Moje zamówienie {} nie dotarło od 7 dni.",
        "Job {} ended at noon; see the log.",
        '{{"order_id": "{}", "status": "open"}}',
    )
    texts = [sentence.format(make()) for _ in range(28) for make in makers for sentence in sentences]
    mistaken = [text for text in texts if ids_in(text)]
    assert len(mistaken) <= len(texts) / 1_000, mistaken


def test_the_name_of_a_field_is_a_cue() -> None:
    row = {"ssn": 536904399, "customer": {"bsn": ["111222333"]}, "order": 111222333, "total_tokens": 1234567}
    masked = {
        "ssn": "[national id]",
        "customer": {"bsn": ["[national id]"]},
        "order": 111222333,
        "total_tokens": 1234567,
    }
    assert mask(row, Counter()) == masked
