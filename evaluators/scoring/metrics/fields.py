"""Scores the fields of a JSON answer against those of the expected object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.scoring.answer_text import NotJson, canonical, expected_object, parse_object, same
from evaluators.scoring.scorer import Compared, OffFormat, ScorerType, Stat, read_flag, read_texts
from fairtrial.domain.run import Answer, Case, Score


@dataclass(frozen=True, slots=True)
class Fields:
    """``all``: 1 if every compared field is right; each field has a stat too. Other fields are ignored."""

    name: str
    fields: tuple[str, ...]
    lenient: bool

    @property
    def version(self) -> str:
        return f"fields/1 of:{','.join(self.fields)} json:{'lenient' if self.lenient else 'strict'}"

    @property
    def stats(self) -> Sequence[Stat]:
        return tuple(Stat(name, "proportion") for name in ("all", *self.fields))

    def case_problem(self, case: Case) -> str | None:
        expected = expected_object(case.expected)
        if expected is None:
            return "has no JSON object in 'expected'"
        absent = [field for field in self.fields if field not in expected]
        return f"has no field {absent[0]!r} in the expected object (it has: {', '.join(expected)})" if absent else None

    def score(self, case: Case, answer: Answer) -> Score:
        try:
            answered = parse_object(answer.text or "", lenient=self.lenient)
        except NotJson as error:
            wrong = Score(self.name, {"all": 0.0, **dict.fromkeys(self.fields, 0.0)})
            raise OffFormat(str(error), wrong) from error
        expected = expected_object(case.expected) or {}
        right = {field: field in answered and same(answered[field], expected.get(field)) for field in self.fields}
        values = {"all": float(all(right.values())), **{field: float(ok) for field, ok in right.items()}}
        wrong_fields = {
            field: {"said": answered.get(field, "(missing)"), "expected": expected.get(field)}
            for field, ok in right.items()
            if not ok
        }
        return Score(self.name, values, {"wrong": wrong_fields} if wrong_fields else {})

    def normalised(self, case: Case, answer: Answer) -> Compared:
        wrong = self.score(case, answer).details.get("wrong", {})
        answered, expected = parse_object(answer.text or "", lenient=self.lenient), expected_object(case.expected) or {}
        sides = [
            canonical({field: side[field] for field in self.fields if field in side}) for side in (answered, expected)
        ]
        why = "; ".join(
            f"{field} is {difference['said']!r} instead of {difference['expected']!r}"
            for field, difference in wrong.items()
        )
        return Compared(sides[0], (sides[1],), why or "every compared field is equal")


def build(options: Mapping[str, Any], name: str) -> Fields:
    fields = read_texts(options, "of")
    if not fields:
        raise ValueError("of: name the fields to compare, such as [intent, urgency]")
    if "all" in fields or any("." in field for field in fields):
        raise ValueError("of: a field can't be called 'all' or have a dot in its name")
    return Fields(name, fields, read_flag(options, "lenient", default=False))


scorer = ScorerType(
    summary="Each named field of a JSON answer equals the expected object's.",
    options={
        "of": "The fields to compare; a missing field is wrong, and `null` is a value like any other.",
        "lenient": "`yes` takes the first JSON object in the text; by default the whole answer must be an object.",
    },
    build=build,
    short="of",
)
