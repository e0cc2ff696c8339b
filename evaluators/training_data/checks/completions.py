"""Finds completions that are empty or cut off, and prompts that are empty."""

from __future__ import annotations

import json
from collections.abc import Callable

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue, Severity
from evaluators.training_data.corpus import Corpus

MOST_END = 0.8
"""Sentences that just stop are judged only if at least this share of the texts ends with a punctuation mark."""
WORDS_OF_PROSE = 8
_ENDS = tuple(".!?…。！？؟।\"'”’»)]}>`*_:;|~")
_FENCE = "```"


def _find(corpus: Corpus) -> list[Issue]:
    found: tuple[tuple[Severity, str, Callable[[Corpus], list[int]]], ...] = (
        ("error", "{rows} with an empty completion, which teaches the model to say nothing", _empty),
        ("warning", "{rows} with a completion that is cut off, within JSON, a code block or a sentence", _cut),
        ("warning", "{rows} with an empty prompt", _without_prompt),
    )
    kinds = ("empty", "truncated", "empty prompt")
    return [
        issue
        for kind, (severity, says, rows) in zip(kinds, found, strict=True)
        for issue in corpus.issues("completions", severity, rows(corpus), says, kind=kind)
    ]


def _empty(corpus: Corpus) -> list[int]:
    return [row for row in corpus.train if not corpus.examples[row].completion.strip()]


def _without_prompt(corpus: Corpus) -> list[int]:
    return [row for row in corpus.train if not corpus.examples[row].prompt.strip()]


def _cut(corpus: Corpus) -> list[int]:
    texts = {row: corpus.examples[row].completion.strip() for row in corpus.train}
    prose = {row: text for row, text in texts.items() if is_prose(text)}
    ended = sum(text.endswith(_ENDS) for text in prose.values())
    judged = ended >= MOST_END * len(prose)
    return [row for row, text in texts.items() if is_cut_structure(text) or (judged and row in prose and _stops(text))]


def is_prose(text: str) -> bool:
    """Whether a completion is a text of sentences, rather than a label, a list, JSON or code."""
    last = text.rsplit("\n", 1)[-1].lstrip()
    structure = text.startswith(("{", "[", "<", _FENCE)) or last.startswith(("-", "*", "#", "|", "+", "1", "2", "3"))
    return not structure and len(text.split()) >= WORDS_OF_PROSE


def is_cut_structure(text: str) -> bool:
    """Whether JSON or a code block begins and does not end."""
    if text.count(_FENCE) % 2:
        return True
    if not text.startswith(("{", "[")) or text.endswith(("}", "]")):
        return False
    try:
        json.loads(text)
    except RecursionError:
        return False
    except json.JSONDecodeError as error:
        return error.pos >= len(text) or "Unterminated" in error.msg
    return False


def _stops(text: str) -> bool:
    return (
        not text.endswith(_ENDS) and (text[-1].isalpha() or text[-1] in ",-–(") and len(text.split()) >= WORDS_OF_PROSE
    )


check = Check("empty and truncated completions, empty prompts", _find)
