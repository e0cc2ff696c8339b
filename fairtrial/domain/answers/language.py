"""Detects the language of prose with py3langid, and whether an answer switches the language of its prompt.

Short texts have no language, because the model guesses at them: "billing" reads as Danish. JSON is no language; its
long texts are. The library and its model are loaded at the first text that is long enough.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

SHORTEST = 20
"""Letters. A shorter text has no known language."""
SHORTEST_DENSE = 8
"""The same for Chinese, Japanese, Korean and Thai, whose characters carry more."""
LONGEST = 2000
"""Characters that are read of a text."""
CONFIDENCE = 0.9
"""The smallest probability among `LANGUAGES` at which a language is known."""
LANGUAGES = (
    "ar", "bg", "bn", "ca", "cs", "da", "de", "el", "en", "es", "et", "fa", "fi", "fr", "gu", "he", "hi", "hr", "hu",
    "id", "it", "ja", "ka", "kn", "ko", "lt", "lv", "mk", "ml", "mr", "ms", "nl", "no", "pl", "pt", "ro", "ru",
    "sk", "sl", "sq", "sr", "sv", "sw", "ta", "te", "th", "tl", "tr", "uk", "ur", "vi", "zh",
)  # fmt: skip
SAME = {"ms": "id", "hr": "sr"}
"""Languages that a short text cannot tell apart, and the name that stands for both."""

_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|(?<!\S)\S[^\s@]*+@\S[^\s.]*+\.\S++")
"""It is linear, because an e-mail address begins with its word, and no quantifier gives back what it has."""
_DENSE = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_THOUGHT_END = "</think>"


def switches(source: str, answer: str) -> bool | None:
    """Whether an answer has another language than its source; ``None`` if either has no known language."""
    wanted = language_of(source)
    if wanted is None:
        return None
    found = language_of(answer)
    return None if found is None else found != wanted


def language_of(text: str) -> str | None:
    """The ISO 639-1 code of the text's language; ``None`` if it is too short, or uncertain."""
    prose = prose_of(text)
    if not _is_long_enough(prose):
        return None
    name, probability = identifier(LANGUAGES).classify(prose)
    return SAME.get(name, name) if probability >= CONFIDENCE else None


def prose_of(text: str) -> str:
    """The part of a text that has a language: without thoughts, code and addresses; of JSON its long texts."""
    if text.startswith("<think>"):
        text = text.partition(_THOUGHT_END)[2]
    text = text[: 4 * LONGEST].strip()
    if text[:1] in ("{", "["):
        text = _texts_of_json(text)
    return _ADDRESS.sub(" ", _CODE.sub(" ", text))[:LONGEST]


def _texts_of_json(text: str) -> str:
    try:
        return "\n".join(string for string in _strings(json.loads(text)) if _is_long_enough(string))
    except (ValueError, RecursionError):
        return text


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in _strings(part)]


def _is_long_enough(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    return letters >= SHORTEST or (letters >= SHORTEST_DENSE and len(_DENSE.findall(text)) >= SHORTEST_DENSE)


@cache
def identifier(languages: tuple[str, ...] = ()) -> Any:
    """py3langid's model, which takes half a second and 130 MB; for these languages, or for all."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    if languages:
        model.set_languages([name for name in languages if name in model.labels])
    return model
