"""Scores whether the JSON of an answer equals the expected value, at every depth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluators.scoring.answer_text import NotJson, canonical, parse
from evaluators.scoring.scorer import Compared, OffFormat, ScorerType, Stat, read_flag, read_texts
from fairtrial.domain.run import Answer, Case, Score


@dataclass(frozen=True, slots=True)
class JsonEqual:
    """``accuracy``: 1 if both values are equal; ``true`` is not 1, but 1 equals 1.0."""

    name: str
    lenient: bool
    order: bool
    ignore: frozenset[str]

    @property
    def version(self) -> str:
        ignored = f" ignore:{','.join(sorted(self.ignore))}" if self.ignore else ""
        json_form, order = "lenient" if self.lenient else "strict", "yes" if self.order else "no"
        return f"json-equal/1 json:{json_form} order:{order}{ignored}"

    stats = (Stat("accuracy", "proportion"),)

    def case_problem(self, case: Case) -> str | None:
        try:
            _expected(case)
        except NotJson as error:
            return f"has no JSON in 'expected': {error}"
        return None

    def score(self, case: Case, answer: Answer) -> Score:
        return Score(self.name, {"accuracy": float(self._answered(answer) == self._canonical(_expected(case)))})

    def normalised(self, case: Case, answer: Answer) -> Compared:
        prediction, reference = self._answered(answer), self._canonical(_expected(case))
        why = f"the values {'are equal' if prediction == reference else 'differ'}"
        return Compared(prediction, (reference,), why)

    def _answered(self, answer: Answer) -> str:
        try:
            return self._canonical(parse(answer.text or "", lenient=self.lenient))
        except NotJson as error:
            raise OffFormat(str(error), Score(self.name, {"accuracy": 0.0})) from error

    def _canonical(self, value: Any) -> str:
        return canonical(value, order=self.order, ignore=self.ignore)


def _expected(case: Case) -> Any:
    """The expected value: JSON text, or a value of the row itself."""
    if isinstance(case.expected, str):
        return parse(case.expected)
    if case.expected is None:
        raise NotJson("it is missing")
    return case.expected


def build(options: Mapping[str, Any], name: str) -> JsonEqual:
    lenient, order = read_flag(options, "lenient", default=False), read_flag(options, "order", default=True)
    return JsonEqual(name, lenient, order, frozenset(read_texts(options, "ignore")))


scorer = ScorerType(
    summary="The JSON of the answer equals the expected value, at every depth.",
    options={
        "lenient": "`yes` takes the first JSON object in the text; by default the whole answer must be JSON.",
        "order": "`yes` (default): lists must have the same order; `no` compares them as collections.",
        "ignore": "Fields that are not compared, at any depth.",
    },
    build=build,
)
