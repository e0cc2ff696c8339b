"""The search finds what redaction replaces, with its kind and place."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

from hypothesis import example, given, settings, strategies as st

from fairtrial.privacy.masking import mask
from fairtrial.privacy.patterns import CATALOGUE, PATTERNS, Pattern
from fairtrial.privacy.search import (
    EVERY,
    LONGEST,
    SECRETS,
    SLICE,
    back,
    find_personal_text,
    joined,
    possible,
    search_bytes,
    verified,
)
from gateway.proxy.admission.cooperative_work import at_once
from gateway.proxy.recording.redaction import needs_steps, redact_text, text_steps
from tests.fixtures.for_each import for_each
from tests.fixtures.training_data import faults

TEXTS = {
    "email": "Write to bob@example.com, please.",
    "phone": "Call +49 170 1234567 or nobody.",
    "card": "Card 4111 1111 1111 1111 is mine.",
    "iban": 'IBAN "DE89 3704 0044 0532 0130 00" works.',
    "ip": "From 84.112.7.9 it fails.",
    "key": "Use sk-abcdefghijklmnop1234 today.",
    "token": "Send Authorization: Bearer abcdefghijklmnop12345.",
    "private key": "-----BEGIN RSA PRIVATE KEY-----MIIE",
    "national id": "It is 85.07.30-033.28, she says.",
    "password": "The password is hunter2 now.",
}


@for_each("kind", TEXTS)
def test_each_kind_is_found_at_its_place(kind: str) -> None:
    text = "Größe: " + TEXTS[kind]
    personal = find_personal_text(text)
    assert [find.kind for find in personal] == [kind]
    raw = text.encode()
    masked = (raw[: personal[0].start] + b"[" + kind.encode() + b"]" + raw[personal[0].end :]).decode()
    assert redact_text(text).replace(" ", "") == masked.replace(" ", "")


def test_finds_do_not_overlap_and_come_in_order() -> None:
    personal = find_personal_text(" ".join(TEXTS[kind] for kind in ("phone", "email", "card", "ip")))
    assert [find.kind for find in personal] == ["phone", "email", "card", "ip"]
    assert all(earlier.end <= later.start for earlier, later in pairwise(personal))


def test_one_search_of_many_texts_finds_the_same_as_one_search_for_each() -> None:
    draw = random.Random(3)
    texts = [f"Row {at}: {draw.choice(faults.PERSONAL)(draw)} and more" if at % 3 else "nothing" for at in range(300)]
    look, starts = joined(texts)
    together = sorted((byte.kind, byte.start) for byte in search_bytes(look))
    alone = sorted(
        (find.kind, starts[at] + find.start) for at, text in enumerate(texts) for find in find_personal_text(text)
    )
    assert together == alone and len(together) == 200


def test_a_private_key_ends_with_its_text() -> None:
    look, _ = joined([TEXTS["private key"], "bob@example.com"])
    assert [byte.kind for byte in search_bytes(look)] == ["private key", "email"]


def test_secrets_give_access() -> None:
    assert set(TEXTS) & SECRETS == {"key", "password", "private key", "token"}


DIGITS = (
    *("2026-11-29", "13:45:10", "2026-11-29T13:45:10Z", "29.11.2026", "11/29/2026", "20261129134510", "1732490000123"),
    *("3f2b8a10-12ab-4cde-9f01-123456789012", "12345678-1234-4123-9123-123456789012", "76c0e12312345678aa00"),
    *("4111-1111-1111-1111", "4111 1111 1111 1111", "41111111-1111-1111", "4111111111111111", "4111-11-11 1111-11-11"),
    *("0301-12-345678", "030 12345678", "(0171) 1234567", "0049 170 1234567", "+49 (0)30 1234-5678", "202-555-0143"),
    *("2026-11-29 0301-1234567", "(202) 611-2911", "202 611 2911", "10.0.0.17", "2026.11.29.1", "1.2.3.4.5"),
    *("fe80::1", "::1", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:10.0.0.1", "00:11:22:33:44:55", "std::vector"),
    *("DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "AB12", "\u0664\u0661\u0661\u0661", "\uff11\uff12"),
    *("\u0664" + "\u0661" * 15, "a@b.io", "@b", "sk-" + "a" * 16, "Bearer " + "d" * 16, "bearer of", "eyJ" + "a" * 8),
    *(
        "54362315K",
        "AB123456C",
        "529.982.247-25",
        "756.9217.0769.85",
        "1850578006084",
        "SSN",
        "536-90-4399",
        "bsn: 111222333",
    ),
    *("tel. 98765 43210", "06 12 34 56 78", "password is hunter2", "a://b:c1@d", "api_key=" + "a1" * 10, "order"),
)
GLUE = (" ", "", "-", ".", ":", "/", "(", ")", "+", "0", "7", "x", "_", "\n", '"', "\u00e9", "T", ", ", "id=", "\u2028")
DIGIT_TEXTS = st.lists(st.sampled_from(DIGITS + GLUE * 2), max_size=9).map("".join)
CHARACTERS = st.text(st.sampled_from([*"0123456789 .-:/()+aAbB@\u0664"]), max_size=48)


def finds(pattern: Pattern, look: bytes) -> list[tuple[int, int]]:
    match, places = pattern.regex.search(look), []
    while match is not None:
        start, end, good = verified(pattern, look, *match.span())
        if good:
            places.append((start, end))
        match = pattern.regex.search(look, back(look, end) if pattern.before else end)
    return places


def plainly(text: str) -> str:
    """The text after all patterns were searched one after another."""
    look = b'"' + text.replace('"', "\0").encode() + b'"'
    for pattern in PATTERNS:
        for start, end in reversed(finds(pattern, look)):
            look = look[:start] + pattern.stands + look[end:]
    return look[1:-1].decode()


@settings(max_examples=400, deadline=None)
@given(DIGIT_TEXTS | CHARACTERS)
@example("2026-11-29 2026-11-30")
@example("tel2026-11-29 0301-1234567")
@example("10.0.0.17a@b.io 4111-1111-1111-1111")
def test_a_text_is_redacted_as_by_all_patterns_one_after_another(text: str) -> None:
    expected = plainly(text)
    assert at_once(text_steps(text)).replace('"', "\0") == expected
    assert needs_steps(text) or text.replace('"', "\0") == expected


@for_each(
    "find",
    [
        *DIGITS,
        "ghp_" + "b" * 24,
        "github_pat_" + "c" * 20,
        "-----BEGIN RSA PRIVATE KEY-----",
        *(entry.example for entry in CATALOGUE),
    ],
)
def test_a_find_between_two_slices_is_possible(find: str) -> None:
    """The find lies at each place around the end of the first slice."""
    expected = {number for number in EVERY if finds(PATTERNS[number], f'" {find} "'.encode())}
    for at in range(SLICE - LONGEST - 4, SLICE + 4, 3):
        look = b'"' + b"x" * (at - 1) + f' {find} "'.encode() + b"x" * LONGEST
        assert expected <= set(possible(look)), (find, at)


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
