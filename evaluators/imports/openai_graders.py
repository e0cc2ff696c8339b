"""Maps the graders of an eval of OpenAI's platform to scorers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evaluators.imports.files import is_share
from evaluators.imports.imported import SuiteBuilder
from evaluators.loading.template import MISSING, has_code, places, rendered, text_or_json

ANSWER = "sample.output_text"
FIELD = "sample.output_json."
UNDOCUMENTED = "OpenAI does not document exactly how this is computed"
STRINGS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "eq": ("exact", {"mode": "raw"}),
    "ne": ("exact", {"mode": "raw", "negate": True}),
    "neq": ("exact", {"mode": "raw", "negate": True}),
    "like": ("contains", {"words": False, "raw": True, "case": True}),
    "ilike": ("contains", {"words": False, "raw": True, "case": False}),
}
"""The operation of a string check → scorer and options."""
JUDGES = ("label_model", "score_model")


def add_grader(builder: SuiteBuilder, grader: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> None:
    """Add the scorer of a grader, and list the grader."""
    kind, name = str(grader.get("type")), str(grader.get("name") or grader.get("type"))
    if kind == "string_check":
        _string_check(builder, name, grader, items)
    elif kind == "text_similarity":
        _similarity(builder, name, grader, items)
    elif kind in JUDGES:
        builder.criterion(name, grader, "missing", note="a model grades it, and suites have no judges yet")
    elif kind == "python":
        stub = builder.stub(name, str(grader.get("source", "")))
        builder.criterion(name, grader, "missing", scorer=stub, note=f"its code is not run; write scorers/{stub}.py")
    else:
        builder.criterion(name, grader, "missing", note=f"graders of the type {kind!r} have no counterpart")


def _string_check(
    builder: SuiteBuilder, name: str, grader: Mapping[str, Any], items: Sequence[Mapping[str, Any]]
) -> None:
    operation = str(grader.get("operation"))
    measured, reference = str(grader.get("input", "")), str(grader.get("reference", ""))
    if operation in ("eq", "ne", "neq") and places(reference) == [ANSWER] and places(measured) != [ANSWER]:
        measured, reference = reference, measured  # equality has no direction
    field = _field(measured)
    if operation not in STRINGS or (field is None and not _is_answer(measured)):
        note = "it does not compare the answer with a text of the row"
        return builder.criterion(name, grader, "missing", note=note)
    references = _references(reference, items)
    if references is None or (items and not references):
        note = "its reference has no counterpart" if references is None else "no row has its reference"
        return builder.criterion(name, grader, "missing", note=note)
    if field is not None:
        return _field_check(builder, name, grader, field, references)
    kind, options = STRINGS[operation]
    column = {"all_column": "{}"} if kind == "contains" else {"reference": "{}"}
    scorer = builder.scorer(name, kind, {**options, **column}, _columns(references))
    if operation == "ilike":
        note = "OpenAI does not document how case is ignored beyond ASCII: here, in lower case"
        return builder.criterion(name, grader, "near", scorer=scorer, note=note)
    return builder.criterion(name, grader, "equal", scorer=scorer)


def _field_check(
    builder: SuiteBuilder, name: str, grader: Mapping[str, Any], field: str, references: Mapping[int, str]
) -> None:
    if "." in field or grader.get("operation") != "eq":
        return builder.criterion(name, grader, "missing", note="only one field at the top, compared by eq, is imported")
    columns = {row: {"{}": {field: text}} for row, text in references.items()}
    scorer = builder.scorer(name, "fields", {"of": [field], "reference": "{}"}, columns)
    note = "the field must be a text: 5 does not equal '5'"
    return builder.criterion(name, grader, "near", scorer=scorer, note=note)


def _similarity(
    builder: SuiteBuilder, name: str, grader: Mapping[str, Any], items: Sequence[Mapping[str, Any]]
) -> None:
    metric, threshold = str(grader.get("evaluation_metric")), grader.get("pass_threshold")
    references = _references(str(grader.get("reference", "")), items)
    if not _is_answer(str(grader.get("input", ""))) or references is None:
        return builder.criterion(name, grader, "missing", note="it does not compare the answer with a text of the row")
    if items and not references:
        return builder.criterion(name, grader, "missing", note="no row has its reference")
    if threshold is not None and not is_share(threshold):
        note = f"its pass_threshold {threshold!r:.40} is not from 0 to 1"
        return builder.criterion(name, grader, "missing", note=note)
    least = {} if threshold is None else {"pass": threshold}
    columns, reference = _columns(references), {"reference": "{}"}
    if metric == "fuzzy_match":
        scorer = builder.scorer(name, "fuzzy", {**least, **reference}, columns)
        return builder.criterion(name, grader, "near", scorer=scorer, note=f"{UNDOCUMENTED}: here, rapidfuzz's ratio")
    if metric == "bleu":
        scorer = builder.scorer(name, "bleu", {"sentence": True, **reference}, columns)
        note = f"{UNDOCUMENTED}: here, sacrebleu's, with its threshold left to the gate ({threshold})"
        return builder.criterion(name, grader, "near", scorer=scorer, note=note)
    rouge = metric.removeprefix("rouge_")
    if metric != rouge and rouge in ("1", "2", "3", "4", "5", "l"):
        kinds = ["L" if rouge == "l" else int(rouge)]
        scorer = builder.scorer(name, "rouge", {"kinds": kinds, **least, **reference}, columns)
        return builder.criterion(name, grader, "near", scorer=scorer, note=f"{UNDOCUMENTED}: here, rouge-score's F1")
    return builder.criterion(name, grader, "missing", note=f"the metric {metric!r} has no counterpart")


def _is_answer(template: str) -> bool:
    return places(template) == [ANSWER] and template.strip().startswith("{{") and template.strip().endswith("}}")


def _field(template: str) -> str | None:
    """The path of the answer's JSON field that the template is, or ``None``."""
    [*rest] = places(template)
    return rest[0].removeprefix(FIELD) if len(rest) == 1 and rest[0].startswith(FIELD) else None


def _references(template: str, items: Sequence[Mapping[str, Any]]) -> dict[int, str] | None:
    """Row → its reference, without rows that lack it; ``None`` if the template is not of the row's columns."""
    if has_code(template) or not all(place.startswith("item.") for place in places(template)):
        return None
    found = {at: rendered(template, {"item": item}) for at, item in enumerate(items)}
    return {at: text_or_json(value) for at, value in found.items() if value is not MISSING and value is not None}


def _columns(references: Mapping[int, str]) -> dict[int, dict[str, str]]:
    return {row: {"{}": text} for row, text in references.items()}
