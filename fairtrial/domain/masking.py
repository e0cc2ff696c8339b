"""Hides what gives a model away in its own answer: its names, and sentences in which it says who it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

HIDDEN = "[hidden]"
SHORTEST_NAME = 2

ORDINARY = frozenset(
    {
        "base", "baseline", "best", "big", "candidate", "cheap", "cloud", "control", "current", "default", "fast",
        "first", "good", "large", "local", "main", "new", "next", "old", "original", "prod", "production", "second",
        "small", "stable", "student", "teacher", "test",
    }
)  # fmt: skip
"""Names of deployments that are words of everyday answers ("the base of the lamp"): hidden only where they name one."""

FAMILY = (
    r"(?:ChatGPT|GPT|Open\s?AI|Claude|Anthropic|Code\s?Llama|Llama|Meta\s?AI|Qwen|Alibaba|Mistral|Mixtral|Gemma"
    r"|Gemini|Google|DeepMind|Phi[- ]?\d|Microsoft|Smol\s?LM|Hugging\s?Face|DeepSeek|Cohere|Command[- ]R|Falcon"
    r"|Grok|xAI|Granite|IBM|Nemotron|NVIDIA)(?:[-.\d][\w.-]*\w|\d|\s\d(?:[\w.]*\w)?)?"
)
"""Families of models and who makes them; hidden only where the answer speaks of itself."""

CLAIMED = re.compile(
    r"(?P<said>\b(?:I\s+am|I['’]m|as|my\s+name\s+is|call\s+me|this\s+is|(?:trained|created|developed|made|built)\s+by)"
    rf"\s+(?:an?\s+|the\s+)?(?:AI\s+(?:model|assistant)\s+(?:named|called)\s+)?)(?P<name>{FAMILY})\b",
    re.IGNORECASE,
)
"""``As Claude``, ``I am a Qwen2.5``, ``trained by Hugging Face``."""

NAMED = re.compile(r"(?P<said>\b(?:my\s+name\s+is|I\s+am\s+called)\s+)(?P<name>\w(?:[\w.-]*\w)?)", re.IGNORECASE)
"""``My name is Ada``: whatever the name."""


def mask(text: str, names: Sequence[str]) -> tuple[str, bool]:
    """The text without what identifies its author, and whether there was any.

    ``names``: targets and models, which are hidden wherever they stand as whole words, upper or lower case; one that
    is an ordinary word only where the text says that a model is called so.
    """
    masked = text
    telling = {name for name in names if len(name) >= SHORTEST_NAME and name.lower() not in ORDINARY}
    known = _known(tuple(sorted(telling, key=_longest_first)))
    if known is not None:
        masked = known.sub(HIDDEN, masked)
    ordinary = _named_by_a_word(tuple(sorted({name for name in names if name.lower() in ORDINARY})))
    for pattern in filter(None, (ordinary, CLAIMED, NAMED)):
        masked = pattern.sub(_keep_what_was_said, masked)
    return masked, masked != text


def names_in(text: str, names: Sequence[str]) -> list[str]:
    """Which of the names the text holds as whole words."""
    return [name for name in names if len(name) >= SHORTEST_NAME and (found := _known((name,))) and found.search(text)]


def _keep_what_was_said(match: re.Match[str]) -> str:
    return (match.group("said") or "") + HIDDEN


@lru_cache(maxsize=64)
def _known(names: tuple[str, ...]) -> re.Pattern[str] | None:
    if not names:
        return None
    any_of = "|".join(re.escape(name) for name in names)
    return re.compile(rf"(?<!\w)(?:{any_of})(?!\w)", re.IGNORECASE)


@lru_cache(maxsize=64)
def _named_by_a_word(names: tuple[str, ...]) -> re.Pattern[str] | None:
    """``I am base``, ``as the base model``, ``base model:``: an ordinary word where it names a model."""
    if not names:
        return None
    any_of = "|".join(re.escape(name) for name in names)
    return re.compile(
        rf"(?P<said>\b(?:I\s+am|I['’]m|this\s+is)\s+(?:the\s+)?)(?:{any_of})(?=\s*(?:[.,;:!)]|$))"
        rf"|\b(?:{any_of})[\s-]+model\b|(?<=\bas\s)(?:{any_of})(?=,\s+I\b)",
        re.IGNORECASE | re.MULTILINE,
    )


def _longest_first(name: str) -> tuple[int, str]:
    return -len(name), name
