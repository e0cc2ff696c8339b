"""Scores whether a changed copy of a case moves one field of the answer as it must."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluators.scoring.answer_text import NotJson, parse_object, same
from evaluators.scoring.scorer import ScorerType, Stat
from fairtrial.domain.run import Answer, Case, CaseResult, Score

MISSING = "(missing)"
AROUND = " \t\r\n\"'`*."


@dataclass(frozen=True, slots=True)
class Direction:
    """``held``: 1 if the field of the copy stands to that of the original as the column ``direction`` says."""

    name: str

    version = "direction/1"

    stats = (Stat("held", "proportion"),)

    def score(self, case: Case, answer: Answer) -> Score:  # noqa: ARG002 - the protocol's signature
        """Unscored, because one answer alone cannot show a direction."""
        return Score(self.name, {"held": None})

    def score_pair(self, result: CaseResult, original: CaseResult) -> Score:
        rule = result.case.fields["direction"]
        before, after = _read(original.answer.text or "", rule), _read(result.answer.text or "", rule)
        details = {"original": original.case.case_id, "before": before, "after": after, "must": rule["must"]}
        return Score(self.name, {"held": _holds(rule, before, after)}, details)


def _read(text: str, rule: Mapping[str, Any]) -> Any:
    """The value of the field, or the whole answer; `MISSING` if the answer has no such field."""
    if "field" not in rule:
        return text.strip(AROUND)
    try:
        return parse_object(text, lenient=True).get(rule["field"], MISSING)
    except NotJson:
        return MISSING


def _holds(rule: Mapping[str, Any], before: Any, after: Any) -> float | None:
    """``None`` if the original has no value to move; a copy without one is wrong."""
    must = rule["must"]
    if must == "equal":
        return float(same(after, rule["value"]))
    if before == MISSING:
        return None
    if after == MISSING:
        return 0.0
    if must in ("same", "change"):
        return float(same(before, after) == (must == "same"))
    old, new = _rank(rule, before), _rank(rule, after)
    if old is None:
        return None
    if new is None:
        return 0.0
    return float({"not lower": new >= old, "not higher": new <= old, "higher": new > old, "lower": new < old}[must])


def _rank(rule: Mapping[str, Any], value: Any) -> float | None:
    """The place of the value in the order, or the number itself."""
    order = rule.get("order")
    if order is not None:
        return next((float(at) for at, known in enumerate(order) if same(known, value)), None)
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def build(options: Mapping[str, Any], name: str) -> Direction:  # noqa: ARG001 - it has no options
    return Direction(name)


scorer = ScorerType(
    summary="A changed copy of a case moves one field of the answer as its column `direction` says.",
    options={},
    build=build,
)
"""Only the changed copies that `probes` makes have an original."""
