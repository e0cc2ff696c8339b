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
        "AI: hope or hype? [PAYE] and [EOSIO] and x |> f <| y",
        "Q: who?\nUser: the one who pays. <s>old</s> price",
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
        ("html", "<!-- intro -->Bye", "Bye"),
        ("template-token", "<|im_start|>assistant\nYes<|im_end|>", "assistant\nYes"),
        ("template-token", "<s>[INST] Hi [/INST] Hello</s>", "Hi  Hello"),
        ("template-token", "### Response:\nIt works.", "It works."),
        ("template-token", "The lift works again.<|stop|>", "The lift works again."),
        ("template-token", "[BOS]The lift works again.<|END_OF_TURN_TOKEN|>", "The lift works again."),
        ("template-token", "Good night</s> <s>", "Good night"),
        ("template-token", "<bot>: Two stops from here<end_of_utterance>", "Two stops from here"),
        ("template-token", "Two stops.\nUser: And then?\nAI: On foot.", "Two stops.\nAnd then?\nAI: On foot."),
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
            for text in ("The fee is $XX.XX.", "<NOMBRE COMPLETO> called.", "Vaš broj je [umetnuti kod].")
        ),
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
    lists = (
        *("['a', 'b']", '["a"]', "['it\\'s', \"b\",]", "('a',)", "('a', \"b\")", "{'a', 'b'}", "['a' 'b'\n 'c']"),
        *("array(['a'], dtype='<U1')", "{'text': 'a', 'score': 0.5}", "[{'text': 'a', 'label': None}]"),
    )
    assert [text for text in lists if not is_list(text)] == []
    others = (
        "[a, b]",
        "[1, 2]",
        "['a', 'b'] is it",
        "[]",
        '[{"a": "b"}]',
        "('a')",
        "(a, b)",
        "f('a', 'b')",
        '{"a": 1}',
    )
    assert [text for text in others if is_list(text)] == []
    assert asks_for_list("Give me a JSON array.") and not asks_for_list("List three fruits.")
    assert is_about_code("How do I write a table in HTML?") and not is_about_code("What is a table?")
