"""Joins several scorers into one weighted score."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evaluators.scoring.scorer import (
    ChecksCases,
    Compared,
    OffFormat,
    Scorer,
    ScorerType,
    ShowsComparison,
    Stat,
    WaitsForProcess,
    references_of,
)
from fairtrial.domain.run import Answer, Case, Score


@dataclass(frozen=True, slots=True)
class Group:
    """``score``: the weighted mean of the members' main stats, each from 0 (worst) to 1 (best)."""

    name: str
    members: Sequence[Scorer]
    weights: Sequence[float]

    @property
    def version(self) -> str:
        members = "; ".join(f"{weight:g} x {member.version}" for member, weight in self._weighted())
        return f"group/1 of:[{members}]"

    stats = (Stat("score", "mean"),)

    def case_problem(self, case: Case) -> str | None:
        problems = (member.case_problem(case) for member in self.members if isinstance(member, ChecksCases))
        return next((problem for problem in problems if problem is not None), None)

    @property
    def waits(self) -> bool:
        return any(isinstance(member, WaitsForProcess) and member.waits for member in self.members)

    def score(self, case: Case, answer: Answer) -> Score:
        values: dict[str, float | None] = {}
        wrong: list[str] = []
        for member in self.members:
            try:
                member_score = member.score(case, answer)
            except OffFormat as error:
                member_score = error.score
                wrong.append(f"{member.name}: {error}")
            values[member.name] = _from_worst_to_best(member_score, member.stats[0])
        known = [value for value in values.values() if value is not None]
        total = sum(self.weights)  # added as the scores are, so that all members right give exactly 1
        joined = sum(value * weight for value, weight in zip(known, self.weights, strict=False)) / total
        score = Score(self.name, {"score": joined if len(known) == len(values) else None}, {"members": values})
        if wrong:
            raise OffFormat("; ".join(wrong), score)
        return score

    def normalised(self, case: Case, answer: Answer) -> Compared:
        members = self.score(case, answer).details["members"]
        clauses = []
        for member, weight in self._weighted():
            value = "unscored" if members[member.name] is None else f"{members[member.name]:.4g}"
            why = f" ({member.normalised(case, answer).why})" if isinstance(member, ShowsComparison) else ""
            clauses.append(f"{weight:g} x {member.name} {value}{why}")
        return Compared(answer.text or "", references_of(case.expected), "; ".join(clauses))

    def _weighted(self) -> Iterator[tuple[Scorer, float]]:
        return zip(self.members, self.weights, strict=True)


def _from_worst_to_best(score: Score, stat: Stat) -> float | None:
    value = score.values.get(stat.name)
    if value is None:
        return None
    return value / stat.scale if stat.higher_is_better else 1 - value / stat.scale


def build(options: Mapping[str, Any], name: str) -> Group:
    members: Sequence[Scorer] = options.get("of", ())
    if not members:
        raise ValueError("of: name the scorers of the group, such as [exact, fuzzy]")
    names = [member.name for member in members]
    if len(set(names)) < len(names):
        raise ValueError("of: two scorers have the same name; give one another 'name'")
    corpus = [member.name for member in members if member.stats[0].kind == "corpus"]
    if corpus:
        raise ValueError(f"of: {corpus[0]!r} has no score of each case")
    weights = options.get("weights") or [1.0] * len(members)
    sound = isinstance(weights, list) and len(weights) == len(members)
    if not sound or any(
        isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 < weight < 1e9 for weight in weights
    ):
        raise ValueError(f"weights: list a number above 0 for each of the {len(members)} scorers")
    return Group(name, tuple(members), tuple(map(float, weights)))


scorer = ScorerType(
    summary="The weighted mean of several scorers, each from 0 to 1. A case without a score of one member has none.",
    options={
        "of": "The members, written as in `score`.",
        "weights": "One number for each member, in their order; all equal by default.",
    },
    build=build,
    members="of",
)
