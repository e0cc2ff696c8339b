"""Maps assertions of promptfoo to scorers. Nothing that an assertion contains is executed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.imports.builder import SuiteBuilder
from evaluators.imports.documents import listed, mapping
from evaluators.imports.imported import Outcome
from evaluators.imports.placeholders import MISSING, as_text, has_code, rendered
from fairtrial.domain.limits.linear_regex import compile_regex

CODE = ("javascript", "python", "ruby", "webhook")
JUDGES = (
    "llm-rubric",
    "model-graded",
    "factuality",
    "answer-",
    "context-",
    "g-eval",
    "similar",
    "select-best",
    "pi",
    "classifier",
    "moderation",
    "conversation-relevance",
    "search-rubric",
    "agent-rubric",
    "max-score",
)
GRADED = ("rouge-n", "not-rouge-n", "bleu", "not-bleu")
"""Assertions with a score between 0 and 1."""
DIFFERENT_REGEX = re.compile(r"(?<!\\)\.|\\[sSwWbBdD]|\$")
"""What JavaScript and RE2 read differently for some characters: line ends, spaces and letters beyond ASCII."""


@dataclass(frozen=True, slots=True)
class _Mapped:
    """A scorer's kind and options, with the columns of one row, and how near it is."""

    kind: str
    options: Mapping[str, Any]
    columns: Mapping[str, Any]
    outcome: Outcome = "equal"
    note: str = ""


Mapper = Callable[[Any, Mapping[str, Any]], _Mapped | str]
"""From an assertion's value and the assertion to a scorer, or to the reason why there is none."""


def add_assertions(
    builder: SuiteBuilder,
    row: int,
    variables: Mapping[str, Any],
    assertions: Sequence[Mapping[str, Any]],
    threshold: Any,
) -> None:
    """Add the scorers of a test's assertions, and a weighted group where the test has weights or a threshold."""
    flat = [one for written in assertions for one in _flat(written)]
    names = [_add(builder, row, variables, assertion) for assertion in flat]
    weights = [assertion.get("weight", 1) for assertion in flat]
    weighted = threshold is not None or any(weight != 1 for weight in weights)
    for written in assertions:
        if written.get("type") == "assert-set" and written.get("threshold") is not None:
            note = "its members are imported, its threshold is not"
            builder.criterion("threshold of a set", written, "missing", note=note)
    if not weighted:
        return
    original = {"threshold": threshold, "weights": weights}
    if not all(names) or not all(isinstance(weight, int | float) for weight in weights) or sum(weights) <= 0:
        note = "an assertion of the test is missing, so that its weighted mean can't be computed"
        builder.criterion("threshold of a test", original, "missing", note=note)
        return
    members = [name for name in names if name]
    group = builder.group("weighted", members, weights, 1.0 if threshold is None else threshold, {row})
    graded = any(assertion.get("type") in GRADED for assertion in flat)
    note = "here, a member with a threshold counts as 0 or 1" if graded else ""
    builder.criterion("threshold of a test", original, "near" if graded else "equal", scorer=group, note=note)


def _flat(assertion: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """An assertion set as its members."""
    if assertion.get("type") != "assert-set":
        return [assertion]
    return [mapping(one) for one in listed(assertion.get("assert"))]


def as_assertion(text: str) -> Mapping[str, Any]:
    """The assertion that a cell of a table states: ``contains: x``, ``contains-any(0.5): a, b``, or the text itself."""
    found = re.fullmatch(r"\s*((?:not-)?[a-z][a-z-]*)(?:\(([\d.]+)\))?:\s*(.*)", text, re.DOTALL)
    if found is None or found[1].removeprefix("not-") not in {*MAPPERS, *CODE, "llm-rubric", "similar", "grade"}:
        return {"type": "equals", "value": text}
    threshold = {} if found[2] is None else {"threshold": float(found[2])}
    return {"type": found[1], "value": found[3], **threshold}


def _add(builder: SuiteBuilder, row: int, variables: Mapping[str, Any], assertion: Mapping[str, Any]) -> str | None:
    """The name of the assertion's scorer, ``None`` if it is missing."""
    written = str(assertion.get("type"))
    kind = written.removeprefix("not-")
    if kind in ("latency",) and isinstance(assertion.get("threshold"), int | float):
        builder.limit(f"latency.p95 <= {assertion['threshold']:g}ms")
        note = "there, each answer has the limit; here, the 95th percentile has it, as a gate line"
        builder.criterion(written, assertion, "near", note=note)
        return None
    mapped = _mapped(builder, kind, written, variables, assertion)
    if isinstance(mapped, str):
        builder.criterion(written, assertion, "missing", note=mapped)
        return None
    negate = {"negate": True} if written != kind else {}
    wish = str(assertion.get("metric") or written).replace("-", "_")
    name = builder.scorer(wish, mapped.kind, {**mapped.options, **negate}, {row: mapped.columns})
    builder.criterion(written, assertion, mapped.outcome, scorer=name, note=mapped.note)
    return name


def _mapped(
    builder: SuiteBuilder, kind: str, written: str, variables: Mapping[str, Any], assertion: Mapping[str, Any]
) -> _Mapped | str:
    if kind in CODE:
        stub = builder.stub(str(assertion.get("metric") or kind), as_text(assertion.get("value", "")))
        return f"its code is not run; write scorers/{stub}.py"
    if kind.startswith(JUDGES):
        return "a model grades it, and suites have no judges yet"
    if assertion.get("transform") or assertion.get("contextTransform"):
        return "its transform is code"
    mapper = MAPPERS.get(kind)
    if mapper is None:
        return f"the assertion {kind!r} has no counterpart"
    value = _filled(assertion.get("value"), variables)
    if value is MISSING:
        return "its value has code, or a variable without a value"
    if isinstance(value, str) and value.startswith("file://"):
        return "its value is in a file"
    mapped = mapper(value, assertion)
    if isinstance(mapped, _Mapped) and written != kind and "pass" in mapped.options:
        return "a negated threshold has no counterpart"
    return mapped


def _filled(value: Any, variables: Mapping[str, Any]) -> Any:
    """The value with the test's variables, or `MISSING`."""
    if isinstance(value, str):
        return MISSING if has_code(value) else rendered(value, variables)
    if isinstance(value, list):
        items = [_filled(item, variables) for item in value]
        return MISSING if any(item is MISSING for item in items) else items
    return value


def _equals(value: Any, _: Mapping[str, Any]) -> _Mapped | str:
    if isinstance(value, Mapping | list):
        return _Mapped("json_equal", {"reference": "{}"}, {"{}": value})
    return _Mapped("exact", {"mode": "raw", "reference": "{}"}, {"{}": as_text(value)})


def _prefix(value: Any, _: Mapping[str, Any]) -> _Mapped | str:
    return _Mapped("exact", {"mode": "raw", "match": "prefix", "reference": "{}"}, {"{}": as_text(value)})


def _contains(rule: str, *, case: bool) -> Mapper:
    def mapper(value: Any, _: Mapping[str, Any]) -> _Mapped | str:
        texts = value if isinstance(value, list) else [as_text(value)]
        if rule != "one":
            texts = _texts(value)
        if not texts or any(isinstance(text, Mapping | list) for text in texts):
            return "its value is not a list of texts"
        column = "any_column" if rule == "any" else "all_column"
        options = {column: "{}", "words": False, "raw": True, "case": case}
        return _Mapped("contains", options, {"{}": [as_text(text) for text in texts]})

    return mapper


def _texts(value: Any) -> list[Any]:
    """A list, or a text that is split at its commas; quoted parts stay whole."""
    if isinstance(value, list):
        return value
    parts = re.findall(r'\s*("(?:[^"\\]|\\.)*"|[^,]*)\s*(?:,|$)', as_text(value))
    return [json.loads(part) if part.startswith('"') else part.strip() for part in parts if part.strip()]


def _regex(value: Any, _: Mapping[str, Any]) -> _Mapped | str:
    pattern = as_text(value)
    try:
        compile_regex(pattern)
    except ValueError as error:
        return f"RE2 does not take its pattern ({error})"
    near = DIFFERENT_REGEX.search(pattern) is not None
    note = "JavaScript reads line ends, spaces and letters beyond ASCII differently" if near else ""
    return _Mapped("regex", {"match_column": "{}"}, {"{}": [pattern]}, "near" if near else "equal", note)


def _json(lenient: bool) -> Mapper:
    def mapper(value: Any, _: Mapping[str, Any]) -> _Mapped | str:
        if value is not None and not isinstance(value, Mapping):
            return "its schema is not written in the file"
        notes = ["the first JSON object counts"] if lenient else []
        notes += ["schemas are read by the dialect that they name, formats are not checked"] if value else []
        options = {"schema": dict(value or {}), **({"lenient": True} if lenient else {})}
        return _Mapped("json_schema", options, {}, "near" if notes else "equal", "; ".join(notes))

    return mapper


def _xml(lenient: bool) -> Mapper:
    def mapper(value: Any, _: Mapping[str, Any]) -> _Mapped | str:
        if value:
            return "required elements are not imported"
        note = "document types are refused here"
        return _Mapped("xml", {"lenient": True} if lenient else {}, {}, "near", note)

    return mapper


def _rouge(value: Any, assertion: Mapping[str, Any]) -> _Mapped | str:
    options = {"kinds": [1], "pass": assertion.get("threshold", 0.75), "reference": "{}"}
    return _Mapped("rouge", options, {"{}": as_text(value)}, "near", "rouge-score's F1 of single words, not js-rouge's")


def _bleu(value: Any, assertion: Mapping[str, Any]) -> _Mapped | str:
    note = f"sacrebleu's, not promptfoo's; its threshold {assertion.get('threshold', 0.5)} is left to the gate"
    references = [as_text(text) for text in listed(value)]
    return _Mapped("bleu", {"sentence": True, "reference": "{}"}, {"{}": references}, "near", note)


MAPPERS: Mapping[str, Mapper] = {
    "equals": _equals,
    "starts-with": _prefix,
    "contains": _contains("one", case=True),
    "icontains": _contains("one", case=False),
    "contains-all": _contains("all", case=True),
    "icontains-all": _contains("all", case=False),
    "contains-any": _contains("any", case=True),
    "icontains-any": _contains("any", case=False),
    "regex": _regex,
    "is-json": _json(lenient=False),
    "contains-json": _json(lenient=True),
    "is-xml": _xml(lenient=False),
    "contains-xml": _xml(lenient=True),
    "rouge-n": _rouge,
    "bleu": _bleu,
}
"""The assertions that have a counterpart; every one may be negated by ``not-``."""
