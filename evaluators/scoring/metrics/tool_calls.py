"""Scores which tools an answer calls, and with which arguments."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.scoring.answer_text import NotJson, canonical, parse
from evaluators.scoring.scorer import Compared, OffFormat, ScorerType, Stat, read_flag, read_texts
from fairtrial.domain.answers.chat import calls_in
from fairtrial.domain.limits.canonical_json import sha256_of_json
from fairtrial.domain.limits.json_schema import BoundedSchema
from fairtrial.domain.run import Answer, Case, Score

Call = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """``accuracy``: 1 if the calls are the expected ones; ``names``: 1 if their names are.

    ``valid``: 1 if each call is of a tool in ``schemas``, whose schema accepts its arguments.
    """

    name: str
    order: bool
    ignore: frozenset[str]
    schemas: Mapping[str, BoundedSchema]
    digest: str

    @property
    def version(self) -> str:
        ignored = f" ignore:{','.join(sorted(self.ignore))}" if self.ignore else ""
        schemas = f" schemas:{self.digest}" if self.schemas else ""
        return f"tool-calls/1 order:{'yes' if self.order else 'no'}{ignored}{schemas}"

    @property
    def stats(self) -> Sequence[Stat]:
        names = ("accuracy", "names", "valid") if self.schemas else ("accuracy", "names")
        return tuple(Stat(name, "proportion") for name in names)

    def case_problem(self, case: Case) -> str | None:
        try:
            _expected(case)
        except NotJson as error:
            return f"has no tool calls in 'expected': {error}"
        return None

    def score(self, case: Case, answer: Answer) -> Score:
        calls, expected = calls_in(answer.text or ""), _expected(case)
        try:
            right = self._comparable(calls) == self._comparable(expected)
        except NotJson as error:
            raise OffFormat(str(error), Score(self.name, {stat.name: 0.0 for stat in self.stats})) from error
        names = [[str(call["name"]) for call in each] for each in (calls, expected)]
        same_names = names[0] == names[1] if self.order else Counter(names[0]) == Counter(names[1])
        values = {"accuracy": float(right), "names": float(same_names)}
        if not self.schemas:
            return Score(self.name, values)
        wrong = next(filter(None, map(self._complaint, calls)), None)
        details = {} if wrong is None else {"wrong": wrong[:300]}
        return Score(self.name, {**values, "valid": float(wrong is None)}, details)

    def normalised(self, case: Case, answer: Answer) -> Compared:
        score, calls = self.score(case, answer), (calls_in(answer.text or ""), _expected(case))
        sides = ["; ".join(f"{name} {arguments}" for name, arguments in self._comparable(side)) for side in calls]
        if score.values["accuracy"]:
            why = "names and arguments are equal"
        else:
            why = f"the {'arguments' if score.values['names'] else 'names'} of the calls differ"
        return Compared(sides[0], (sides[1],), "; ".join((why, *map(str, score.details.values()))))

    def _comparable(self, calls: Sequence[Call]) -> list[tuple[str, str]]:
        pairs = [(str(call["name"]), canonical(call.get("arguments", {}), ignore=self.ignore)) for call in calls]
        return pairs if self.order else sorted(pairs)

    def _complaint(self, call: Call) -> str | None:
        schema = self.schemas.get(str(call["name"]))
        if schema is None:
            return f"there is no tool {call['name']!r}"
        complaint = schema.complaint(call.get("arguments"))
        return None if complaint is None else f"{call['name']} at {complaint[0]}: {complaint[1]}"


def _expected(case: Case) -> Sequence[Call]:
    """The expected calls: a list, one call, or either as JSON text; an empty list expects none."""
    value = parse(case.expected) if isinstance(case.expected, str) else case.expected
    calls = [value] if isinstance(value, dict) else value
    if not isinstance(calls, list) or not all(isinstance(call, dict) and "name" in call for call in calls):
        raise NotJson('write a list such as [{"name": "find_order", "arguments": {"id": 5}}]')
    return calls


def build(options: Mapping[str, Any], name: str) -> ToolCalls:
    schemas = options.get("schemas") or {}
    if not isinstance(schemas, Mapping) or not all(isinstance(schema, dict) for schema in schemas.values()):
        raise ValueError("schemas: map each tool to the JSON Schema of its arguments")
    compiled = {str(tool): BoundedSchema(schema) for tool, schema in schemas.items()}
    digest = sha256_of_json(schemas, ascii_only=False)[:12]
    order, ignored = read_flag(options, "order", default=False), frozenset(read_texts(options, "ignore"))
    return ToolCalls(name, order, ignored, compiled, digest)


scorer = ScorerType(
    summary="The tools that the answer calls are the expected ones, with equal arguments.",
    options={
        "order": "`yes` requires the order of `expected`; by default any order is right.",
        "ignore": "Arguments that are not compared, at any depth.",
        "schemas": "A JSON Schema of the arguments of each tool. It adds the stat `valid`; other tools are then wrong.",
    },
    build=build,
)
