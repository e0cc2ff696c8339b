"""Adds the assertions of promptfoo's tests to a suite, with their weights, sets and thresholds."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evaluators.imports.files import is_share, listed, mapping
from evaluators.imports.imported import Outcome, SuiteBuilder
from evaluators.imports.promptfoo_mappers import MAPPERS, Mapped, mapped
from evaluators.loading.template import MISSING, in_nunjucks, text_or_json

CODE = ("javascript", "python", "ruby", "webhook")
JUDGES = frozenset(
    {
        *("agent-rubric", "answer-relevance", "classifier", "context-faithfulness", "context-recall"),
        *("context-relevance", "conversation-relevance", "factuality", "g-eval", "guardrails", "llm-rubric"),
        *("max-score", "model-graded-closedqa", "model-graded-factuality", "moderation", "pi", "search-rubric"),
        *("select-best", "similar", "similar:cosine", "similar:dot", "similar:euclidean", "trajectory:goal-success"),
    }
)
UNMAPPED = frozenset(
    {
        *("contains-html", "contains-sql", "cost", "finish-reason", "gleu", "is-html", "is-refusal", "is-sql"),
        *("is-valid-function-call", "is-valid-openai-function-call", "is-valid-openai-tools-call", "latency"),
        *("levenshtein", "meteor", "perplexity", "perplexity-score", "skill-used", "tool-call-f1"),
        *("trace-error-spans", "trace-span-count", "trace-span-duration", "word-count"),
    }
)
"""Known to promptfoo, so that a table's cell may name them."""
CELL = re.compile(r"(?:not-)?([a-z][a-z0-9:-]*?)(?:\((\d+(?:\.\d+)?)\))?(?::(.*))?", re.DOTALL)
CODE_CELLS = {"fn:": "javascript", "eval:": "javascript", "javascript:": "javascript", "python:": "python"}
GRADED = frozenset({"rouge-n", "bleu"})
"""Assertions with a score between 0 and 1."""


@dataclass(frozen=True, slots=True)
class _Member:
    """An assertion with its scorer, or without one, and its share of the test's score."""

    scorer: str | None
    weight: float
    graded: bool


def add_assertions(
    builder: SuiteBuilder, row: int, variables: Mapping[str, Any], assertions: Sequence[Any], threshold: Any
) -> None:
    """Add the scorers of a test's assertions, and weighted groups for weights and thresholds."""
    members: list[_Member] = []
    weighted = threshold is not None
    for written in assertions:
        weight = _weight(written)
        weighted = weighted or weight != 1
        if mapping(written).get("type") != "assert-set":
            members.append(_member(builder, row, variables, written, weight))
            continue
        inner = [_member(builder, row, variables, part, _weight(part)) for part in listed(written.get("assert"))]
        weighted = weighted or any(member.weight != 1 for member in inner)
        if written.get("threshold") is not None:
            _group(builder, row, str(written.get("metric") or "set"), inner, written.get("threshold"), "a set")
        total = sum(member.weight for member in inner) or 1
        members += [replace(member, weight=weight * member.weight / total) for member in inner]
    if weighted:
        _group(builder, row, "weighted", members, threshold, "a test")


def _member(builder: SuiteBuilder, row: int, variables: Mapping[str, Any], assertion: Any, weight: float) -> _Member:
    graded = str(mapping(assertion).get("type")).removeprefix("not-") in GRADED
    return _Member(_add(builder, row, variables, assertion), weight, graded)


def _weight(assertion: Any) -> float:
    """The weight as it is written; NaN for one that can't be computed with."""
    weight = mapping(assertion).get("weight", 1)
    return float(weight) if isinstance(weight, int | float) and 0 <= weight < 1e9 else math.nan


def _group(builder: SuiteBuilder, row: int, wish: str, members: Sequence[_Member], threshold: Any, of: str) -> None:
    name = f"weights of {of}" if threshold is None else f"threshold of {of}"
    stated = {} if threshold is None else {"threshold": threshold}
    original = {**stated, "weights": [member.weight for member in members]}
    counted = [member for member in members if member.weight != 0]
    names = [member.scorer for member in counted if member.scorer]
    weights = [member.weight for member in counted]
    sound = threshold is None or is_share(threshold)
    if not sound or not counted or len(names) < len(counted) or math.isnan(sum(weights)):
        note = f"an assertion of {of} has no scorer, or a number is wrong, so that the weighted mean can't be computed"
        builder.missing(name, original, note)
        return
    group = builder.group(wish, names, weights, threshold, {row})
    graded = any(member.graded for member in counted)
    outcome: Outcome = "near" if graded else "equal"
    note = "the scores of ROUGE or BLEU differ" if graded else ""
    builder.criterion(name, original, outcome, scorer=group, note=note)


def as_assertion(text: str) -> dict[str, Any]:
    """The assertion that a cell of a table states: ``contains: x``, ``rouge-n(0.5): x``, or the text itself."""
    text = text.strip()
    for prefix, kind in CODE_CELLS.items():
        if text.startswith(prefix):
            return {"type": kind, "value": text.removeprefix(prefix).strip()}
    if text.startswith("grade:"):
        return {"type": "llm-rubric", "value": text.removeprefix("grade:")}
    match = CELL.fullmatch(text)
    if text.startswith("file://"):
        return {"type": "python" if ".py" in text else "javascript", "value": text}
    if match is None or match[1] not in {*MAPPERS, *CODE, *JUDGES, *UNMAPPED}:
        return {"type": "equals", "value": text}
    value = {} if match[3] is None else {"value": match[3].strip()}
    threshold = {} if match[2] is None else {"threshold": float(match[2])}
    return {"type": ("not-" if text.startswith("not-") else "") + match[1], **value, **threshold}


def _add(builder: SuiteBuilder, row: int, variables: Mapping[str, Any], written: Any) -> str | None:
    """The name of the assertion's scorer, ``None`` if it is missing."""
    assertion = mapping(written)
    full = str(assertion.get("type", "assertion"))
    kind = full.removeprefix("not-")
    least = assertion.get("threshold")
    if full == "latency" and isinstance(least, int | float):
        builder.limit(f"latency.p95 <= {least:g}ms")
        builder.near(
            full, assertion, "there, each answer has the limit; here, the 95th percentile has it, as a gate line"
        )
        return None
    if kind in CODE:
        stub = builder.stub(str(assertion.get("metric") or kind), text_or_json(assertion.get("value", "")), {row})
        note = f"its code is not run; write scorers/{stub}.py, and add it to the suite `when: {{checks: {stub}}}`"
        builder.missing(full, assertion, note, scorer=stub)
        return None
    mapping_or_reason = _scorer_of(kind, assertion, variables, negated=full != kind)
    if isinstance(mapping_or_reason, str):
        builder.missing(full, written, mapping_or_reason)
        return None
    wish = str(assertion.get("metric") or full).replace("-", "_")
    negate = {"negate": True} if full != kind else {}
    name = builder.scorer(
        wish, mapping_or_reason.kind, {**mapping_or_reason.options, **negate}, {row: mapping_or_reason.columns}
    )
    builder.criterion(full, assertion, mapping_or_reason.outcome, scorer=name, note=mapping_or_reason.note)
    return name


def _scorer_of(kind: str, assertion: Mapping[str, Any], variables: Mapping[str, Any], *, negated: bool) -> Mapped | str:
    """The scorer of an assertion, or the reason why it has none."""
    if kind in JUDGES:
        return "a model grades it, and suites have no judges yet"
    if kind not in MAPPERS:
        return f"the assertion {kind!r} has no counterpart"
    if assertion.get("transform") or assertion.get("contextTransform"):
        return "its transform is code"
    value = assertion.get("value")
    if isinstance(value, str) and value.startswith(("file://", "package:")):
        return "its value is code, or in a file that is not read"
    value = _filled(value, variables)
    if value is MISSING:
        return "its value has code, an object, or a variable without a value"
    return mapped(kind, value, assertion, negated=negated)


def _filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """The value with the test's variables, or `MISSING`."""
    if isinstance(value, str):
        return in_nunjucks(value, variables)
    if isinstance(value, list):
        items = [_filled(item, variables) if isinstance(item, str) else item for item in value]
        return MISSING if any(item is MISSING for item in items) else items
    return value
