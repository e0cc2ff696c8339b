"""Damage is told from text that only looks like it, and a repair leaves nothing else changed."""

from __future__ import annotations

import pytest

from evaluators.training_data.damage.kinds import asks_for_list, damage_of, is_about_code, is_list, repair_damage
from tests.fixtures.for_each import for_each

TEXTS = ("Grüße aus Köln – bis später!", "L’été déjà fini", "Привет, как дела?", "你好，世界", "naïve café “quoted”")


@for_each("text", TEXTS)
def test_utf8_read_in_another_encoding_is_repaired_once_or_twice_wrong(text: str) -> None:
    wrong = text.encode().decode("cp1252" if text.isascii() or max(text, key=ord) < "\u0400" else "latin-1")
    for damaged in (wrong, wrong.encode().decode("latin-1")):
        assert damage_of(damaged) >= {"mojibake"}
        assert repair_damage("mojibake", {"a": [damaged], "b": 1}) == {"a": [text], "b": 1}


@for_each(
    "text",
    [
        *TEXTS,
        "NGÓ”, ÃO, Â, Ð and © 2024 ®",
        "👩\u200d💻 ❤\ufe0f\u200d🔥 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "می\u200cخواهم",
        "क्\u200dष",
        "שלום \u200f(1)\u200f",
        "ไทย\u200bภาษา",
        "a < b and b > c; AT&T; x <y> z; 5 <- f(x)",
        "Use [1] and [RFC 2119] or {x}; see <https://example.org>.",
        "<|Rain|> hello",
        "### Results\nIt works.",
        "List<String> and Map<K, V>",
        "TODO el mundo lo sabe.",
    ],
)
def test_sound_text_has_no_damage(text: str) -> None:
    assert damage_of(text) == frozenset()


@for_each(
    ("kind", "text", "repaired"),
    [
        ("control-character", "Pay\u200b\x00 no\xadw\x0bplease\ufeff", "Pay now\nplease"),
        ("control-character", "a\u200db", "ab"),
        ("html", "It&#39;s <b>good</b>&nbsp;&amp; cheap.<br/>Bye", "It's good & cheap.\nBye"),
        ("template-token", "<|im_start|>assistant\nYes<|im_end|>", "assistant\nYes"),
        ("template-token", "<s>[INST] Hi [/INST] Hello</s>", "Hi  Hello"),
        ("template-token", "### Response:\nIt works.", "It works."),
    ],
)
def test_a_repair_leaves_the_text(kind: str, text: str, repaired: str) -> None:
    assert kind in damage_of(text) and repair_damage(kind, text) == repaired
    assert kind not in damage_of(repaired)


@for_each(
    ("kind", "text"),
    [
        ("replacement-character", "Gr\ufffd\ufffde"),
        *(
            ("placeholder", text)
            for text in ("Dear {{first_name}},", "Dear [NAME],", "[Insert date here]", "Hi undefined,")
        ),
        ("placeholder", "Lorem ipsum dolor sit amet"),
    ],
)
def test_what_cannot_be_repaired_is_found(kind: str, text: str) -> None:
    assert damage_of(text) == {kind}
    with pytest.raises(KeyError):
        repair_damage(kind, text)


def test_a_list_of_texts_is_told_from_an_answer_in_brackets() -> None:
    assert all(map(is_list, ("['a', 'b']", '["a"]', "['it\\'s', \"b\",]")))
    assert not any(map(is_list, ("[a, b]", "[1, 2]", "['a', 'b'] is it", "[]", '[{"a": "b"}]')))
    assert asks_for_list("Give me a JSON array.") and not asks_for_list("List three fruits.")
    assert is_about_code("How do I write a table in HTML?") and not is_about_code("What is a table?")
