"""Scores whether a model abstains on cases that it should not answer, and answers the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.scoring import confusion
from evaluators.scoring.answer_text import NotJson, abstention, parse_object, same
from evaluators.scoring.scorer import (
    Compared,
    FromCounts,
    ScorerType,
    Stat,
    no_truth,
    read_flag,
    read_texts,
    read_word,
    truth_of,
)
from fairtrial.domain.answers.signals import SIGNALS_VERSION
from fairtrial.domain.limits.linear_regex import compile_regex
from fairtrial.domain.run import Answer, Case, Score

ABSTAIN, ANSWER, EMPTY = "abstain", "answer", "empty"


@dataclass(frozen=True, slots=True)
class Abstains:
    """``accuracy``: 1 if an unanswerable case gets an abstention, or an answerable one an answer.

    An empty answer is neither. ``patterns`` and ``fields`` are other forms of an abstention: texts, and values of a
    JSON answer.
    """

    name: str
    column: str
    patterns: tuple[str, ...]
    fields: Mapping[str, Sequence[Any]]
    phrases: bool

    @property
    def version(self) -> str:
        forms = "".join(f" as:{pattern}" for pattern in self.patterns)
        forms += "".join(f" field:{field}={'|'.join(map(repr, values))}" for field, values in self.fields.items())
        phrases = "en" if self.phrases else "no"
        return f"abstains/1 refusals:{SIGNALS_VERSION} column:{self.column} phrases:{phrases}{forms}"

    stats = (
        Stat("accuracy", "proportion"),
        Stat("recall", "proportion"),
        Stat("coverage", "proportion"),
        Stat(
            "precision",
            "corpus",
            aggregate=lambda scores: confusion.precision_of(scores, (ABSTAIN,)),
            parts=FromCounts(confusion.pair_of, lambda kinds: confusion.precision_of_pairs(kinds, (ABSTAIN,))),
            reach=lambda details: confusion.reach_of_precision(details, (ABSTAIN,)),
        ),
    )

    def case_problem(self, case: Case) -> str | None:
        return no_truth(case, self.column)

    def score(self, case: Case, answer: Answer) -> Score:
        right = ANSWER if truth_of(case.fields.get(self.column)) else ABSTAIN
        form = self._form(answer)
        label = ABSTAIN if form else ANSWER if (answer.text or "").strip() else EMPTY
        hit = float(label == right)
        values = {
            "accuracy": hit,
            "recall": hit if right == ABSTAIN else None,
            "coverage": hit if right == ANSWER else None,
            "precision": hit if label == ABSTAIN else None,
        }
        return Score(self.name, values, {"label": label, "expected": right, **({"form": form} if form else {})})

    def normalised(self, case: Case, answer: Answer) -> Compared:
        details = self.score(case, answer).details
        forms = {ABSTAIN: f"the answer abstains ({details.get('form')})", ANSWER: "the answer does not abstain"}
        why = forms.get(details["label"], "the answer is empty")
        return Compared(
            details["label"], (details["expected"],), f"{why}, and the case calls for: {details['expected']}"
        )

    def _form(self, answer: Answer) -> str | None:
        text = answer.text or ""
        if self.fields and (field := self._field(text)):
            return f"{field}: abstains"
        if any(compile_regex(pattern, case=False).search(text) for pattern in self.patterns):
            return "as"
        return abstention(answer) if self.phrases else None

    def _field(self, text: str) -> str | None:
        try:
            fields = parse_object(text, lenient=True)
        except NotJson:
            return None
        for field, values in self.fields.items():
            if field in fields and any(same(fields[field], value) for value in values):
                return field
        return None


def build(options: Mapping[str, Any], name: str) -> Abstains:
    patterns = read_texts(options, "as")
    for pattern in patterns:
        compile_regex(pattern, case=False)
    fields = options.get("fields", {})
    if not isinstance(fields, Mapping):
        raise ValueError("fields: name the fields and their values, such as {intent: [other, null]}")
    forms = {str(field): values if isinstance(values, list) else [values] for field, values in fields.items()}
    phrases = read_flag(options, "phrases", default=True)
    if not (phrases or patterns or forms):
        raise ValueError("phrases: without the phrases, 'as' or 'fields' must say what an abstention looks like")
    return Abstains(name, read_word(options, "column", "answerable") or "", patterns, forms, phrases)


scorer = ScorerType(
    summary="The model answers answerable cases; for the others it declines, hands over, says that it does not know, "
    "or asks back.",
    options={
        "column": "The column that says whether a case can be answered (`true` or `false`); `answerable` by default.",
        "as": "Regular expressions (RE2, ignoring case) of further abstentions, such as `^escalate$`.",
        "fields": "Fields of a JSON answer with the values that mean an abstention, such as `{intent: [other, null]}`.",
        "phrases": "`no` to count only the forms of `as` and `fields`; by default English phrases count too.",
    },
    build=build,
    short="as",
)
