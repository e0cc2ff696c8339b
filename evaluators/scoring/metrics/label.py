"""Scores classification: accuracy, macro F1, recall by label and precision, over a fixed set of labels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from evaluators.scoring.answer_text import NotJson, expected_object, parse_object
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
    reach_of_f1,
    reach_of_precision,
    reach_of_recall,
)
from evaluators.scoring.scorer import (
    Compared,
    FromCounts,
    OffFormat,
    ScorerType,
    Stat,
    read_choice,
    read_flag,
    read_texts,
    read_word,
)
from fairtrial.domain.run import Answer, Case, Score

AROUND = " \t\r\n\"'`*."


@dataclass(frozen=True, slots=True)
class Label:
    """The suite fixes the labels; any other answer counts as the label ``(off-label)``, which is always wrong.

    ``field`` is the answer's JSON field with the label, ``None`` if the whole answer is the label; ``column`` is the
    row's column with the true label, ``None`` for `expected`. The ``positive`` labels count as one class for ``recall``
    and ``precision``.
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
                aggregate=partial(macro_f1, labels=self.labels),
                parts=self._counted(macro_f1_of, self.labels),
                reach=partial(reach_of_f1, labels=self.labels),
            ),
            Stat(
                "macro_recall",
                "corpus",
                aggregate=partial(macro_recall, labels=self.labels),
                parts=self._counted(macro_recall_of, self.labels),
                reach=partial(reach_of_recall, labels=self.labels),
            ),
            Stat("off_label", "proportion", higher_is_better=False),
        ]
        if self.positive:
            stats += [
                Stat("recall", "proportion"),
                Stat(
                    "precision",
                    "corpus",
                    aggregate=partial(precision_of, positive=self.positive),
                    parts=self._counted(precision_of_pairs, self.positive),
                    reach=partial(reach_of_precision, positive=self.positive),
                ),
            ]
        return (*stats, *(Stat(f"recall.{label}", "proportion") for label in self.labels))

    @staticmethod
    def _counted(figure: OfPairs, labels: Sequence[str]) -> FromCounts:
        return FromCounts(pair_of, lambda kinds: figure(kinds, labels))

    def case_problem(self, case: Case) -> str | None:
        truth = self._truth(case)
        if truth in self.labels:
            return None
        source = f"column {self.column!r}" if self.column else "'expected'"
        return f"has the label {truth!r} in {source}, which is not one of {', '.join(self.labels)}"

    def score(self, case: Case, answer: Answer) -> Score:
        truth = self._truth(case) or OFF_LABEL
        try:
            predicted = self._said(answer.text or "")
        except NotJson as error:
            raise OffFormat(str(error), self._measure(truth, OFF_LABEL, "")) from error
        return self._measure(truth, predicted if predicted in self.labels else OFF_LABEL, predicted)

    def normalised(self, case: Case, answer: Answer) -> Compared:
        details = self.score(case, answer).details
        label, truth = str(details["label"]), str(details["expected"])
        if label == OFF_LABEL:
            why = f"{details.get('said', '')!r} is none of the labels {', '.join(self.labels)}"
        else:
            why = f"the label of the answer is {label!r}" + ("" if label == truth else f" instead of {truth!r}")
        return Compared(label, (truth,), why)

    def _said(self, text: str) -> str:
        if self.field is not None:
            value = parse_object(text, lenient=self.lenient).get(self.field)
            return value if isinstance(value, str) else ""
        word = text.strip(AROUND).casefold()
        return next((label for label in self.labels if label.casefold() == word), text.strip())

    def _truth(self, case: Case) -> str | None:
        truth = case.fields.get(self.column) if self.column else case.expected
        if self.column is None and self.field is not None and (expected := expected_object(truth)) is not None:
            truth = expected.get(self.field)
        return truth if isinstance(truth, str) else None

    def _measure(self, truth: str, label: str, predicted: str) -> Score:
        right = float(label == truth)
        values: dict[str, float | None] = {"accuracy": right, "off_label": float(label == OFF_LABEL)}
        values |= {"macro_f1": right, "macro_recall": right}
        if self.positive:
            hit = float(label in self.positive)
            values["recall"] = hit if truth in self.positive else None
            values["precision"] = float(truth in self.positive) if hit else None
        values |= {f"recall.{known}": right if known == truth else None for known in self.labels}
        off = {"said": predicted[:200]} if label == OFF_LABEL and predicted else {}
        return Score(self.name, values, {"label": label, "expected": truth, **off})


def build(options: Mapping[str, Any], name: str) -> Label:
    labels = read_texts(options, "of")
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise ValueError("of: list the labels, at least two and each once")
    read_choice(options, "other", ("wrong",))
    positive = read_texts(options, "positive")
    if strange := [label for label in positive if label not in labels]:
        raise ValueError(f"positive: {strange[0]!r} is not one of the labels ({', '.join(labels)})")
    field, column = read_word(options, "field"), read_word(options, "column")
    return Label(name, labels, field, column, positive, read_flag(options, "lenient", default=False))


scorer = ScorerType(
    summary="The answer names the right one of a fixed set of labels.",
    options={
        "of": "All labels; any other answer is off-label and wrong.",
        "other": "How off-label answers count; `wrong` is the only value.",
        "field": "The field of the JSON answer (and of the expected object) with the label. Without it the whole "
        "answer is the label; case, quotation marks, asterisks and a full stop around it are ignored.",
        "column": "The column with the true label, if it is not `expected`.",
        "positive": "Labels that count as one class for the stats `recall` and `precision`.",
        "lenient": "With `field`: `yes` takes the first JSON object in the text.",
    },
    build=build,
    short="of",
)
