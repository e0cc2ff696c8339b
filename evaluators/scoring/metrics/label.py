"""Labels: what the answer calls the case against what it is; accuracy, F1 and recall by label, and the confusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.scoring import confusion
from evaluators.scoring import options as read
from evaluators.scoring.confusion import (
    OFF_LABEL,
    OfPairs,
    macro_f1,
    macro_f1_of,
    macro_recall,
    macro_recall_of,
    pair_of,
    precision_of,
    precision_of_pairs,
)
from evaluators.scoring.json_answer import NotJson, expected_object, parse_object
from evaluators.scoring.scorer import Counted, OffFormat, ScorerType, Stat
from fairtrial.domain.run import Answer, Case, Score

AROUND = " \t\r\n\"'`*."


@dataclass(frozen=True, slots=True)
class Label:
    """The labels are fixed by the suite; any other answer is one bucket, ``(off-label)``, and always wrong.

    ``field`` is the JSON field of the answer that has the label, ``None`` if the whole answer is it; ``column`` is
    where a row has the truth, ``None`` for `expected`. The ``positive`` labels count as one class for ``recall`` and
    ``precision``.
    """

    name: str
    labels: tuple[str, ...]
    field: str | None
    column: str | None
    positive: tuple[str, ...]
    lenient: bool

    @property
    def version(self) -> str:
        read_from = f"field:{self.field}" if self.field else "text"
        form = " json:lenient" if self.lenient else ""
        positive = f" positive:{'|'.join(self.positive)}" if self.positive else ""
        return f"label/1 {read_from}{form} of:{'|'.join(self.labels)}{positive} off-label:wrong"

    @property
    def stats(self) -> Sequence[Stat]:
        stats = [
            Stat("accuracy", "proportion"),
            Stat(
                "macro_f1",
                "corpus",
                aggregate=self._macro_f1,
                parts=self._counted(macro_f1_of, self.labels),
                reach=self._reach_of_f1,
            ),
            Stat(
                "macro_recall",
                "corpus",
                aggregate=self._macro_recall,
                parts=self._counted(macro_recall_of, self.labels),
                reach=self._reach_of_recall,
            ),
            Stat("off_label", "proportion", higher_is_better=False),
        ]
        if self.positive:
            parts = self._counted(precision_of_pairs, self.positive)
            stats += [
                Stat("recall", "proportion"),
                Stat("precision", "corpus", aggregate=self._precision, parts=parts, reach=self._reach_of_precision),
            ]
        return (*stats, *(Stat(f"recall.{label}", "proportion") for label in self.labels))

    @staticmethod
    def _counted(figure: OfPairs, labels: Sequence[str]) -> Counted:
        return Counted(pair_of, lambda kinds: figure(kinds, labels))

    def unfit(self, case: Case) -> str | None:
        truth = self._truth(case)
        if truth in self.labels:
            return None
        source = f"column {self.column!r}" if self.column else "'expected'"
        return f"has in {source} the label {truth!r}, which is not one of {', '.join(self.labels)}"

    def score(self, case: Case, answer: Answer) -> Score:
        truth = self._truth(case) or OFF_LABEL
        try:
            said = self._said(answer.text or "")
        except NotJson as error:
            raise OffFormat(str(error), self._measure(truth, OFF_LABEL, "")) from error
        return self._measure(truth, said if said in self.labels else OFF_LABEL, said)

    def _said(self, text: str) -> str:
        if self.field is not None:
            value = parse_object(text, lenient=self.lenient).get(self.field)
            return value if isinstance(value, str) else ""
        said = text.strip(AROUND).casefold()
        return next((label for label in self.labels if label.casefold() == said), text.strip())

    def _truth(self, case: Case) -> str | None:
        truth = case.fields.get(self.column) if self.column else case.expected
        if self.column is None and self.field is not None and (expected := expected_object(truth)) is not None:
            truth = expected.get(self.field)
        return truth if isinstance(truth, str) else None

    def _measure(self, truth: str, label: str, said: str) -> Score:
        right = float(label == truth)
        values: dict[str, float | None] = {"accuracy": right, "off_label": float(label == OFF_LABEL)}
        values |= {"macro_f1": right, "macro_recall": right}
        if self.positive:
            hit = float(label in self.positive)
            values["recall"] = hit if truth in self.positive else None
            values["precision"] = float(truth in self.positive) if hit else None
        values |= {f"recall.{one}": right if one == truth else None for one in self.labels}
        off = {"said": said[:200]} if label == OFF_LABEL and said else {}
        return Score(self.name, values, {"label": label, "expected": truth, **off})

    def _macro_f1(self, scores: Sequence[Score]) -> float | None:
        return macro_f1(scores, self.labels)

    def _macro_recall(self, scores: Sequence[Score]) -> float | None:
        return macro_recall(scores, self.labels)

    def _precision(self, scores: Sequence[Score]) -> float | None:
        return precision_of(scores, self.positive)

    def _reach_of_f1(self, details: Sequence[Mapping[str, Any]]) -> float | None:
        return confusion.reach_of_f1(details, self.labels)

    def _reach_of_recall(self, details: Sequence[Mapping[str, Any]]) -> float | None:
        return confusion.reach_of_recall(details, self.labels)

    def _reach_of_precision(self, details: Sequence[Mapping[str, Any]]) -> float | None:
        return confusion.reach_of_precision(details, self.positive)


def build(options: Mapping[str, Any], name: str) -> Label:
    """One scorer from its options."""
    labels = read.texts(options, "of")
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise ValueError("of: say which labels there are, at least two and each once")
    read.choice(options, "other", ("wrong",))
    positive = read.texts(options, "positive")
    if strange := [label for label in positive if label not in labels]:
        raise ValueError(f"positive: {strange[0]!r} is not one of the labels ({', '.join(labels)})")
    field, column = read.word(options, "field"), read.word(options, "column")
    return Label(name, labels, field, column, positive, read.flag(options, "lenient", default=False))


scorer = ScorerType(
    summary="The answer names one of a fixed set of labels, and it is the right one.",
    options={
        "of": "All labels; an answer that is none of them is off-label and wrong.",
        "other": "`wrong` is what becomes of an off-label answer; the line is for the reader.",
        "field": "The field of the JSON answer (and of the expected object) that has the label; without it the whole "
        "answer is the label, whatever its case, with quotes, asterisks or a full stop around it.",
        "column": "The column that has the true label, if it isn't `expected`.",
        "positive": "Labels that count as one class for the stats `recall` and `precision`.",
        "lenient": "With `field`: `yes` takes the first JSON object in the text.",
    },
    build=build,
    short="of",
)
