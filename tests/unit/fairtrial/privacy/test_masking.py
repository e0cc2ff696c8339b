"""Masking: nothing that the catalogue finds is left, and each find is counted by its kind."""

from __future__ import annotations

from collections import Counter

from fairtrial.privacy.masking import mask
from fairtrial.privacy.search import find_personal_text
from tests.fixtures.for_each import for_each


@for_each(
    ("text", "masked", "finds"),
    [
        ("Ünïcode: rosa@example.org!", "Ünïcode: [email]!", {"email": 1}),
        ("a@example.org;b@example.org", "[email];[email]", {"email": 2}),
        ("pay 4242 4242 4242 4242 now", "pay [card] now", {"card": 1}),
        ('{"key": "sk-live51H8xJ2eZvKYlo2C"}', '{"key": "[key]"}', {"key": 1}),
        ("order 2026-11-30 for 12 EUR", "order 2026-11-30 for 12 EUR", {}),
        ("", "", {}),
    ],
)
def test_finds_are_replaced_by_their_kind_and_counted(text: str, masked: str, finds: dict[str, int]) -> None:
    counts: Counter[str] = Counter()
    assert (mask(text, counts), dict(counts)) == (masked, finds)
    assert find_personal_text(masked) == []


def test_a_lone_surrogate_does_not_stop_it() -> None:
    assert "rosa" not in mask("\ud800 rosa@example.org", Counter())


def test_an_id_is_masked_wherever_the_value_repeats_it_also_without_its_cue() -> None:
    finds: Counter[str] = Counter()
    row = {"Question": "My SSN is 536-22-8145.", "Answer": ["Your number is 536-22-8145, not 1536-22-8145."]}
    assert mask(row, finds) == {
        "Question": "My SSN is [national id].",
        "Answer": ["Your number is [national id], not 1536-22-8145."],
    }
    assert finds == {"national id": 2}
    assert mask(["password: tulip77", "a tulip77"], Counter()) == ["password: [password]", "a tulip77"]
