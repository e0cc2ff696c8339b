"""Scores whether a changed copy of a case gets the same answer as its original in the same run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluators.scoring.answer_text import NotJson, parse_object, same
from evaluators.scoring.scorer import ScorerType, Stat, read_choice
from fairtrial.domain.answers.signals import SIGNALS
from fairtrial.domain.run import Answer, Case, CaseResult, Score

BY = ("auto", "outcome", "answer")
MOST_SHOWN = 5
MOST_CHARS = 80


@dataclass(frozen=True, slots=True)
class Keep:
    """``flips``: 1 if the answer differs. ``by``: what is compared, as in the documentation of the option."""

    name: str
    by: str

    @property
    def version(self) -> str:
        return f"keep/1 by:{self.by}"

    stats = (Stat("flips", "proportion", higher_is_better=False),)

    def score(self, case: Case, answer: Answer) -> Score:  # noqa: ARG002 - the protocol's signature
        """Unscored, because one answer alone cannot show a flip."""
        return Score(self.name, {"flips": None})

    def score_pair(self, result: CaseResult, original: CaseResult) -> Score:
        """Unscored if both answers are off format, because two unusable answers do not show that anything was kept."""
        if result.outcome == original.outcome == "off_format":
            why = "both answers are off format"
            return Score(self.name, {"flips": None}, {"original": original.case.case_id, "unscored": why})
        details: dict[str, Any] = {"original": original.case.case_id}
        changes = self._changes(result, original)
        if changes is None:
            why = "no other scorer gives 0 or 1 on both sides"
            return Score(self.name, {"flips": None}, {**details, "unscored": why})
        if changes:
            details["changes"] = changes[:MOST_SHOWN]
        return Score(self.name, {"flips": float(bool(changes))}, details)

    def _changes(self, result: CaseResult, original: CaseResult) -> list[str] | None:
        """The differences; ``None`` if nothing can be compared."""
        if (result.outcome == "refused") != (original.outcome == "refused"):
            return [f"outcome: {original.outcome} → {result.outcome}"]
        before, after = _measured(original, labels=self.by == "auto"), _measured(result, labels=self.by == "auto")
        shared = [name for name in before if name in after and self.by != "answer"]
        if self.by == "outcome" and not shared:
            return None
        if shared:
            return [f"{name}: {before[name]} → {after[name]}" for name in shared if before[name] != after[name]]
        return _answers(original.answer.text or "", result.answer.text or "")


def _measured(result: CaseResult, *, labels: bool) -> dict[str, Any]:
    """Results of the case's other scorers: every stat of 0 or 1, and with ``labels`` the labels and wrong fields."""
    values: dict[str, Any] = {}
    for name, score in result.scores.items():
        if not isinstance(score, Score) or name == SIGNALS:
            continue
        values |= {f"{name}.{stat}": value for stat, value in score.values.items() if value in (0.0, 1.0)}
        if labels:
            if "label" in score.details:
                values[f"{name} label"] = score.details["label"]
            wrong = score.details.get("wrong")
            values |= (
                {f"{name} {at}": difference["said"] for at, difference in wrong.items()}
                if isinstance(wrong, Mapping)
                else {}
            )
    return values


def _answers(before: str, after: str) -> list[str]:
    """The differences of two answers: in fields of their JSON objects, or in words without case and punctuation."""
    try:
        old, new = parse_object(before, lenient=True), parse_object(after, lenient=True)
    except NotJson:
        return [] if _words(before) == _words(after) else [f"text: {_short(before)} → {_short(after)}"]
    fields = dict.fromkeys([*old, *new])
    return [
        f"{field}: {_short(old.get(field))} → {_short(new.get(field))}"
        for field in fields
        if not same(old.get(field), new.get(field))
    ]


def _words(text: str) -> str:
    return " ".join("".join(char if char.isalnum() else " " for char in text.casefold()).split())


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= MOST_CHARS else text[:MOST_CHARS] + "…"


def build(options: Mapping[str, Any], name: str) -> Keep:
    return Keep(name, read_choice(options, "by", BY))


scorer = ScorerType(
    summary="A changed copy of a case gets the same answer as its original in the same run.",
    options={
        "by": "What must stay the same. `outcome`: every stat of 0 or 1 of the case's other scorers. `auto`, the "
        "default, compares the labels and wrong fields that they read as well, and without such scorers the answer. "
        "`answer`: the fields of the JSON object, or else the words of the text.",
    },
    build=build,
    short="by",
)
"""Only the changed copies that `probes` makes have an original."""
