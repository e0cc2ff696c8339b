"""The search finds what redaction replaces, with its kind and place."""

from __future__ import annotations

import random
from itertools import pairwise

from fairtrial.privacy.search import SECRETS, find_personal_text, joined, search_bytes
from gateway.proxy.recording.redaction import redact_text
from tests.fixtures.for_each import for_each
from tests.fixtures.training_data import faults

TEXTS = {
    "email": "Write to bob@example.com, please.",
    "phone": "Call +49 170 1234567 or nobody.",
    "card": "Card 4111 1111 1111 1111 is mine.",
    "iban": 'IBAN "DE89 3704 0044 0532 0130 00" works.',
    "ip": "From 203.0.113.9 it fails.",
    "key": "Use sk-abcdefghijklmnop1234 today.",
    "token": "Send Authorization: Bearer abcdefghijklmnop12345.",
    "private key": "-----BEGIN RSA PRIVATE KEY-----MIIE",
}


@for_each("kind", TEXTS)
def test_each_kind_is_found_at_its_place(kind: str) -> None:
    text = "Größe: " + TEXTS[kind]
    found = find_personal_text(text)
    assert [one.kind for one in found] == [kind]
    raw = text.encode()
    masked = (raw[: found[0].start] + b"[" + kind.encode() + b"]" + raw[found[0].end :]).decode()
    assert redact_text(text).replace(" ", "") == masked.replace(" ", "")


def test_finds_do_not_overlap_and_come_in_order() -> None:
    found = find_personal_text(" ".join(TEXTS[kind] for kind in ("phone", "email", "card", "ip")))
    assert [one.kind for one in found] == ["phone", "email", "card", "ip"]
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_one_search_of_many_texts_finds_the_same_as_one_search_for_each() -> None:
    draw = random.Random(3)
    texts = [f"Row {at}: {draw.choice(faults.PERSONAL)(draw)} and more" if at % 3 else "nothing" for at in range(300)]
    look, starts = joined(texts)
    together = sorted((one.kind, one.start) for one in search_bytes(look))
    alone = sorted(
        (one.kind, starts[at] + one.start) for at, text in enumerate(texts) for one in find_personal_text(text)
    )
    assert together == alone and len(together) == 200


def test_a_private_key_ends_with_its_text() -> None:
    look, _ = joined([TEXTS["private key"], "bob@example.com"])
    assert [one.kind for one in search_bytes(look)] == ["private key", "email"]


def test_secrets_give_access() -> None:
    assert set(TEXTS) & SECRETS == {"key", "token", "private key"}
