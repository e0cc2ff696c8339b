"""Maps each type of promptfoo's assertions to a scorer. Nothing that an assertion contains is executed."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from evaluators.imports.files import is_share, listed
from evaluators.imports.imported import Outcome
from evaluators.loading.template import js_text
from fairtrial.config.file.yaml_file import parse
from fairtrial.domain.errors import ConfigError
from fairtrial.domain.limits.linear_regex import compile_regex

FIELD = re.compile(r'[\s,]*(?:"((?:[^"\\]|\\(?:["\\]|(?!["\\]))|"")*+)"\s*(?=,|$)|([^",\s][^,]*))')
"""A part of a list in one text: quoted, with its quotes escaped or doubled, or up to the next comma."""
DIFFERENT_REGEX = re.compile(r"(?<!\\)\.|\\[sSDW]|\[\^")
"""What JavaScript and RE2 read differently for line ends, for spaces beyond ASCII, and for characters beyond 0xFFFF."""
RE2_ONLY = re.compile(r"\(\?[imsUP]|\\[AzZQEpPCa]|\[\[:|\(\?-")


@dataclass(frozen=True, slots=True)
class Mapped:
    """A scorer's kind and options, with the columns of one row, and how near it is.

    ``strict``: an answer without the required form stays wrong also where the assertion is negated.
    """

    kind: str
    options: Mapping[str, Any]
    columns: Mapping[str, Any]
    outcome: Outcome = "equal"
    note: str = ""
    strict: bool = False


Mapper = Callable[[Any, Mapping[str, Any]], Mapped | str]
"""From an assertion's value and the assertion to a scorer, or to the reason why there is none."""


def _equals(value: Any, _: Mapping[str, Any]) -> Mapped | str:
    if isinstance(value, Mapping | list):
        return Mapped("json_equal", {"reference": "{}"}, {"{}": value}, strict=True)
    return Mapped("exact", {"mode": "raw", "reference": "{}"}, {"{}": js_text(value)})


def _prefix(value: Any, _: Mapping[str, Any]) -> Mapped | str:
    if not isinstance(value, str) or not value:
        return "promptfoo takes only a text that is not empty"
    return Mapped("exact", {"mode": "raw", "match": "prefix", "reference": "{}"}, {"{}": value})


def _contains(rule: str, *, case: bool) -> Mapper:
    def mapper(value: Any, _: Mapping[str, Any]) -> Mapped | str:
        if rule == "one" and (isinstance(value, bool | list | Mapping) or value == ""):
            return "promptfoo takes only a text that is not empty, or a number"
        texts = [value] if rule == "one" else comma_list(value)
        if not texts or any(isinstance(text, Mapping | list) for text in texts):
            return "its value is not a list of texts"
        column = "any_column" if rule == "any" else "all_column"
        options = {column: "{}", "words": False, "raw": True, "case": case}
        return Mapped("contains", options, {"{}": [js_text(text) for text in texts]})

    return mapper


def comma_list(value: Any) -> list[Any] | None:
    """A list, or a text that is split at its commas; quoted parts stay whole. ``None`` if a quote is not closed."""
    if isinstance(value, list) or not isinstance(value, str):
        return value if isinstance(value, list) else [value]
    parts, end = [], 0
    while value[end:].strip(" \t\r\n,"):
        match = FIELD.match(value, end)
        if match is None:
            return None
        quoted = match[1]
        parts.append(match[2].strip() if quoted is None else re.sub(r'\\(["\\])|""', lambda m: m[1] or '"', quoted))
        end = match.end()
    return parts


def _regex(value: Any, _: Mapping[str, Any]) -> Mapped | str:
    if not isinstance(value, str) or not value:
        return "promptfoo takes only a text that is not empty"
    try:
        compile_regex(value)
    except ValueError as error:
        return f"RE2 does not accept its pattern ({error})"
    notes = []
    if DIFFERENT_REGEX.search(value):
        notes.append("JavaScript reads line ends, spaces beyond ASCII and emoji differently")
    if RE2_ONLY.search(value):
        notes.append("JavaScript refuses a part of the pattern, or reads it differently")
    return Mapped("regex", {"match_column": "{}"}, {"{}": [value]}, "near" if notes else "equal", "; ".join(notes))


def _json(lenient: bool) -> Mapper:
    def mapper(value: Any, _: Mapping[str, Any]) -> Mapped | str:
        schema = _schema(value)
        if schema is None:
            return "its schema is not an object"
        notes = ["the first JSON object counts"] if lenient else []
        notes += ["schemas are read by the dialect that they name, formats are not checked"] if value else []
        options = {"schema": schema, **({"lenient": True} if lenient else {})}
        return Mapped("json_schema", options, {}, "near" if notes else "equal", "; ".join(notes), strict=True)

    return mapper


def _schema(value: Any) -> dict[str, Any] | None:
    """A JSON Schema that is written as an object, or as YAML in a text."""
    if isinstance(value, str) and value.strip():
        try:
            [value] = [document.value for document in parse(value, "schema")]
        except (ConfigError, ValueError):
            return None
    return dict(value or {}) if isinstance(value or {}, Mapping) else None


def _xml(lenient: bool) -> Mapper:
    def mapper(value: Any, _: Mapping[str, Any]) -> Mapped | str:
        if value:
            return "required elements are not imported"
        note = "document types are refused here"
        return Mapped("xml", {"lenient": True} if lenient else {}, {}, "near", note, strict=True)

    return mapper


def _rouge(value: Any, assertion: Mapping[str, Any]) -> Mapped | str:
    if not isinstance(value, str):
        return "its value is not a text"
    options = {"kinds": [1], "pass": _threshold(assertion, 0.75), "reference": "{}"}
    return Mapped("rouge", options, {"{}": value}, "near", "rouge-score's F1 of single words, not promptfoo's")


def _bleu(value: Any, assertion: Mapping[str, Any]) -> Mapped | str:
    threshold = _threshold(assertion, 0.5)
    note = f"sacrebleu's, not promptfoo's; its threshold {threshold:g} is left to the gate"
    references = [js_text(text) for text in listed(value)]
    return Mapped("bleu", {"sentence": True, "reference": "{}"}, {"{}": references}, "near", note)


def _threshold(assertion: Mapping[str, Any], otherwise: float) -> float:
    threshold = assertion.get("threshold")
    return float(threshold or 0) if is_share(threshold) else otherwise


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
"""The assertions that have a counterpart; ``not-`` negates them, except those of a form."""
WITHOUT_VALUE = frozenset({"is-json", "contains-json", "is-xml", "contains-xml"})


def mapped(kind: str, value: Any, assertion: Mapping[str, Any], *, negated: bool) -> Mapped | str:
    """The scorer of an assertion whose value is filled in, or the reason why it has none."""
    if value is None and kind not in WITHOUT_VALUE:
        return "it has no value"
    scorer = MAPPERS[kind](value, assertion)
    if isinstance(scorer, str) or not negated:
        return scorer
    if "pass" in scorer.options or kind == "bleu":
        return "a negated threshold has no counterpart"
    if scorer.strict:
        return f"here, an answer without the required form is wrong also for not-{kind}"
    return scorer
