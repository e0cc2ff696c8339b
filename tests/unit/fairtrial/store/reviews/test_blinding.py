"""Blinding: sides are a fair coin for each person and item, and an answer does not name its author."""

from __future__ import annotations

import pytest

from fairtrial.domain.masking import HIDDEN, family_of, mask, names_in
from fairtrial.domain.review import arm_on_the_left, blind, unblind
from tests.fixtures.for_each import for_each


def test_sides_are_balanced_over_a_thousand_items_and_differ_between_reviewers() -> None:
    sides = {who: [arm_on_the_left("secret", who, f"item-{n}") for n in range(1000)] for who in ("ann", "ben")}
    for drawn in sides.values():
        assert 450 <= drawn.count("candidate") <= 550
    agree = sum(mine == theirs for mine, theirs in zip(sides["ann"], sides["ben"], strict=True))
    assert 450 <= agree <= 550
    assert sides["ann"] == [arm_on_the_left("secret", "ann", f"item-{n}") for n in range(1000)]


@pytest.mark.parametrize("left", ["candidate", "baseline"])
def test_an_outcome_and_the_model_that_it_prefers_are_two_ways_to_say_one_thing(left: str) -> None:
    for outcome in ("left", "right", "tie", "both_bad", "cant_judge"):
        assert blind(unblind(outcome, left), left) == outcome
    assert unblind("left", left) == left


@for_each(
    ("text", "masked"),
    [
        ("As Claude, I can't.", f"As {HIDDEN}, I can't."),
        ("I'm a GPT-4o model", f"I'm a {HIDDEN} model"),
        ("I am Llama 3.1.", f"I am {HIDDEN}."),
        ("my name is Ada.", f"my name is {HIDDEN}."),
        ("I was trained by Hugging Face.", f"I was trained by {HIDDEN}."),
        ("I am an AI assistant named SmolLM2-135M.", f"I am an AI assistant named {HIDDEN}."),
        ("I am base. As base, I know.", f"I am {HIDDEN}. As {HIDDEN}, I know."),
        ("The base model says so.", f"The {HIDDEN} says so."),
        ("Support V2, support_v2 and SupportV2 say hello.", f"{HIDDEN}, {HIDDEN} and {HIDDEN} say hello."),
        ("support\u200b-v2", HIDDEN),
        ("**I am** **Claude**.", f"**I am** **{HIDDEN}**."),
        ("I am a large language model called Qwen3.", f"I am a large language model called {HIDDEN}."),
        ("You are chatting with Claude 3.", f"You are chatting with {HIDDEN}."),
        ("I'm based on GPT-4. My name's Ada.", f"I'm based on {HIDDEN}. My name's {HIDDEN}."),
        ("Ich bin Mistral. Je suis Gemma. 我是Qwen", f"Ich bin {HIDDEN}. Je suis {HIDDEN}. 我是{HIDDEN}"),
        ("I am the fine-tuned model.", f"I am the fine-{HIDDEN}."),
        ("SUPPORT-V2 says hello, support-v2.", f"{HIDDEN} says hello, {HIDDEN}."),
    ],
)
def test_names_of_models_are_hidden(text: str, masked: str) -> None:
    assert mask(text, ["base", "support-v2", "tuned"]) == (masked, True)


@for_each(
    "text",
    [
        "The database is at v2; the base of the lamp is as good as new.",
        "A llama eats grass.",
        "A fine-tuned piano, as tuned as new. Contact support. It is based on Google Maps.",
        "as philosophers, as llamas, as googled",
        "I am happy to help.",
        "",
        "a.b*c(",
    ],
)
def test_text_without_a_name_stays_as_it_is(text: str) -> None:
    assert mask(text, ["base", "new", "support-v2", "tuned", "support", ".*", "...", "a"]) == (text, False)


def test_the_family_of_the_models_that_are_judged_is_hidden_wherever_it_stands() -> None:
    assert family_of("Qwen3-8B") == ["Qwen", "Qwen3"]
    assert family_of("support-lora-v7") == family_of("llama-3") == []
    assert mask("Claude here! No, Qwen.", ["claude-x", *family_of("claude-x")]) == (f"{HIDDEN} here! No, Qwen.", True)


def test_a_title_tells_which_names_it_holds() -> None:
    assert names_in("Base or tuned?", ["base", "tuned", "other"]) == ["base", "tuned"]
