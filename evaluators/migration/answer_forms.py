"""Recognises the form of recorded answers (labels, short texts, JSON or prose) and the scorer that compares it."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.scoring.metrics.label import AROUND

Row = Mapping[str, Any]
AGREEMENT = "agreement"
"""The name of the scorer in gate lines and reports."""

MOST = 0.9
"""The share of the answers that must have a form; the others, such as a refusal among labels, are left out."""
SHORT_WORDS, SHORT_CHARACTERS = 5, 40
"""A longer text is prose, which another model words differently without being worse."""
MOST_LABELS, REPEATS = 30, 3
"""So many different answers at most are labels, and each of them occurs so often on average."""
UNEVEN = 0.5
"""If one label is more common, always answering it has a high accuracy, so that macro F1 decides."""


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """The rows of this form, the scorer with its options, and the metric of agreement, ``None`` for prose."""

    rows: Sequence[Row]
    scorer: str
    options: Mapping[str, Any]
    metric: str | None = AGREEMENT

    @property
    def entry(self) -> dict[str, Any]:
        """The entry of a suite's `score`."""
        return {self.scorer: {"name": AGREEMENT if self.metric else "similarity", **self.options}}


def form_of(rows: Sequence[Row]) -> AnswerForm:
    """The form of most references. Equal references count as prose, because agreement with them shows nothing."""
    values = [_parsed(row["expected"]) for row in rows]
    structured = [(row, value) for row, value in zip(rows, values, strict=True) if value is not None]
    short = [row for row, value in zip(rows, values, strict=True) if value is None and is_short(row["expected"])]
    form = None
    if len(structured) >= MOST * len(rows):
        form = _structured([row for row, _ in structured], [value for _, value in structured])
    elif len(short) >= MOST * len(rows):
        form = _short(short)
    return form or AnswerForm(rows, "fuzzy", {}, None)


def is_short(value: Any) -> bool:
    """Whether no text in the value, at any depth, is prose."""
    if isinstance(value, str):
        return len(value.split()) <= SHORT_WORDS and len(value.strip()) <= SHORT_CHARACTERS
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return all(map(is_short, parts))


def _parsed(text: str) -> dict[str, Any] | list[Any] | None:
    """The JSON object or array of the text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def _structured(rows: Sequence[Row], values: Sequence[Any]) -> AnswerForm | None:
    if not _differ(values):
        return None
    if all(map(is_short, values)):
        return AnswerForm(rows, "json_equal", {})
    objects = [value for value in values if isinstance(value, dict)]
    shared = set(objects[0]).intersection(*objects) if len(objects) == len(values) else ()
    fields = [name for name in shared if name != "all" and "." not in name and "$" not in name]
    fields = sorted(name for name in fields if all(is_short(value[name]) for value in values))
    if not _differ([[value[name] for name in fields] for value in values]):
        return None
    return AnswerForm(rows, "fields", {"of": fields})


def _differ(values: Sequence[Any]) -> bool:
    return len({json.dumps(value, sort_keys=True) for value in values}) > 1


def _short(rows: Sequence[Row]) -> AnswerForm | None:
    texts = [row["expected"].strip(AROUND) for row in rows]
    spellings = {text.casefold(): text for text in reversed(texts) if text}
    if len(spellings) < 2:
        return None
    if len(spellings) > min(MOST_LABELS, len(rows) / REPEATS) or any("$" in text for text in texts):
        return AnswerForm(rows, "exact", {})
    labelled = [{**row, "expected": spellings[text.casefold()]} for row, text in zip(rows, texts, strict=True) if text]
    [(_, most)] = Counter(row["expected"] for row in labelled).most_common(1)
    metric = f"{AGREEMENT}.macro_f1" if most > UNEVEN * len(labelled) else AGREEMENT
    return AnswerForm(labelled, "label", {"of": sorted(spellings.values())}, metric)
