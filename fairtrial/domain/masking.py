"""Hides what gives a model away in its own answer: its names, and sentences in which it says who it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

HIDDEN = "[hidden]"
SHORTEST_NAME = 2

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

    ``names``: targets and models, which are hidden wherever they stand as whole words, upper or lower case.
    """
    masked = text
    known = _known(tuple(sorted({name for name in names if len(name) >= SHORTEST_NAME}, key=_longest_first)))
    if known is not None:
        masked = known.sub(HIDDEN, masked)
    for pattern in (CLAIMED, NAMED):
        masked = pattern.sub(_keep_what_was_said, masked)
    return masked, masked != text


def names_in(text: str, names: Sequence[str]) -> list[str]:
    """Which of the names the text holds as whole words."""
    return [name for name in names if len(name) >= SHORTEST_NAME and (found := _known((name,))) and found.search(text)]


def _keep_what_was_said(match: re.Match[str]) -> str:
    return match.group("said") + HIDDEN


@lru_cache(maxsize=64)
def _known(names: tuple[str, ...]) -> re.Pattern[str] | None:
    if not names:
        return None
    any_of = "|".join(re.escape(name) for name in names)
    return re.compile(rf"(?<!\w)(?:{any_of})(?!\w)", re.IGNORECASE)


def _longest_first(name: str) -> tuple[int, str]:
    return -len(name), name
