"""Masks text that reveals which model wrote an answer: names, and sentences about its identity."""

import re
from collections.abc import Sequence
from functools import lru_cache

HIDDEN = "[hidden]"
SHORTEST_NAME = 2

ORDINARY = frozenset(
    {
        "assistant", "base", "baseline", "best", "big", "candidate", "challenger", "champion", "chat", "cheap", "cloud",
        "control", "current", "default", "experiment", "fast", "first", "good", "large", "live", "local", "main",
        "model", "new", "next", "old", "original", "primary", "prod", "production", "second", "small", "stable",
        "student", "support", "teacher", "test", "treatment", "tuned", "variant",
    }
)  # fmt: skip
"""Deployment names that are everyday words ("the base of the lamp"), which are masked only if they name a model."""

TELLING_FAMILY = r"ChatGPT|GPT|Claude|Code\s?Llama|Qwen|Mistral|Mixtral|Gemma|Gemini|Smol\s?LM|DeepSeek|Nemotron"
"""Model families whose names are not everyday words."""
FAMILY = (
    rf"(?:{TELLING_FAMILY}|Open\s?AI|Anthropic|Llama|Meta\s?AI|Meta['’]s\s+Llama|Alibaba|Google|DeepMind|Microsoft"
    r"|Hugging\s?Face|Cohere|Command[- ]R|Falcon|Grok|Phi[- ]?\d|xAI|Granite|IBM|NVIDIA)"
    r"(?:[-.\d][\w.-]*\w|\d|\s\d(?:[\w.]*\w)?)?"
)
"""Model families and vendors, which are masked only if the answer speaks of itself."""

MARKUP = r"[*_`\"“”'‘’«»(]{0,4}"
WHO = (
    r"I\s+am|I['’]m|as|my\s+(?:model\s+)?name(?:\s+is|['’]s)|call\s+me|this\s+is"
    r"|(?:chatting|talking|speaking)\s+(?:with|to)|I(?:\s+am|['’]m)\s+(?:an?\s+\S+\s+version\s+of|based\s+on|powered\s+by)"
    r"|(?:trained|created|developed|made|built)\s+by|ich\s+bin|je\s+suis|soy|io\s+sono|(?:eu\s+)?sou|ik\s+ben|jestem"
)
KIND = r"(?:an?\s+|the\s+)?(?:(?:AI|(?:large\s+)?language)\s+(?:model|assistant)\s+(?:named|called)\s+)?"
CLAIMED = re.compile(
    rf"(?P<said>\b(?:{WHO}){MARKUP}\s+{KIND}{MARKUP})(?P<name>{FAMILY})\b|(?P<chinese>我是|我叫)(?P<it>{FAMILY})",
    re.IGNORECASE,
)
"""``As Claude``, ``I am a Qwen2.5``, ``trained by Hugging Face``."""

NAMED = re.compile(
    rf"(?P<said>\b(?:my\s+name(?:\s+is|['’]s)|I\s+am\s+called)\s+{MARKUP})(?P<name>\w(?:[\w.-]*\w)?)", re.IGNORECASE
)
"""``My name is Ada``, with any name."""

BETWEEN = r"[\u200b\u2060]?[\s_.-]?"
SEPARATORS = re.compile(r"[\s_.-]+")
"""``support-v2`` is also ``support_v2`` and ``Support V2``."""


def mask(text: str, names: Sequence[str]) -> tuple[str, bool]:
    """The text with its author's identity masked, and whether anything was masked.

    ``names``: targets and models, which are masked wherever they occur as whole words, in any case. A name that is an
    ordinary word is masked only if the text uses it for a model.
    """
    masked = text
    telling = {name for name in names if len(name) >= SHORTEST_NAME and name.lower() not in ORDINARY}
    known = _known(tuple(sorted(telling, key=lambda name: (-len(name), name))))
    if known is not None:
        masked = known.sub(HIDDEN, masked)
    ordinary = _named_by_a_word(tuple(sorted({name for name in names if name.lower() in ORDINARY})))
    for pattern in filter(None, (ordinary, CLAIMED, NAMED)):
        masked = pattern.sub(_mask_name, masked)
    return masked, masked != text


def names_in(text: str, names: Sequence[str]) -> list[str]:
    """Which of the names occur in the text as whole words."""
    return [
        name for name in names if len(name) >= SHORTEST_NAME and (pattern := _known((name,))) and pattern.search(text)
    ]


def family_of(model: str) -> list[str]:
    """The words that reveal a model's family: ``Qwen`` and ``Qwen3`` for ``Qwen3-8B``."""
    match = re.match(rf"(?:{TELLING_FAMILY})", model, re.IGNORECASE)
    return [match.group(), SEPARATORS.split(model)[0]] if match else []


def _mask_name(match: re.Match[str]) -> str:
    groups = match.groupdict()
    return (groups.get("said") or groups.get("chinese") or "") + HIDDEN


@lru_cache(maxsize=64)
def _known(names: tuple[str, ...]) -> re.Pattern[str] | None:
    if not names:
        return None
    any_of = "|".join(BETWEEN.join(map(re.escape, filter(None, SEPARATORS.split(name)))) or "(?!)" for name in names)
    return re.compile(rf"(?<!\w)(?:{any_of})(?!\w)", re.IGNORECASE)


@lru_cache(maxsize=64)
def _named_by_a_word(names: tuple[str, ...]) -> re.Pattern[str] | None:
    """Matches an ordinary word that names a model: ``I am base``, ``as the base model``, ``base model:``."""
    if not names:
        return None
    any_of = "|".join(re.escape(name) for name in names)
    return re.compile(
        rf"(?P<said>\b(?:I\s+am|I['’]m|this\s+is)\s+(?:the\s+)?)(?:{any_of})(?=\s*(?:[.,;:!)]|$))"
        rf"|\b(?:{any_of})[\s-]+model\b|(?<=\bas\s)(?:{any_of})(?=,\s+I\b)",
        re.IGNORECASE | re.MULTILINE,
    )
