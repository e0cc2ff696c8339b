"""Applies Holm's correction to the failures of a gate, with safety rules as a separate family."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fairtrial.domain.promises import ALPHA
from fairtrial.domain.verdicts.verdict import Finding

__all__ = ["ALPHA", "Family", "RuleResult", "apply_holm", "first_levels", "questions"]

Family = Literal["quality", "safety"]


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One finding with what Holm's correction needs to know of it.

    ``family`` is ``None`` for exact counts and for lines that require proof (``sure``). ``questions``: how many tests
    it stands for; a rule without a run stands for all its slices. ``fails_at(alpha)``: whether it also fails at the
    significance level ``alpha``; ``None`` for an undecided finding, whose p is 1. ``as_undecided(alpha)``: the finding
    with the result "cannot tell", and the advice for that level.
    """

    finding: Finding
    family: Family | None = None
    fails_at: Callable[[float], bool] | None = None
    as_undecided: Callable[[float], Finding] | None = None
    questions: int = 1


def apply_holm(judged: Sequence[RuleResult]) -> tuple[Finding, ...]:
    """The findings, in which a failure stands only if it is significant by Holm over its family.

    The chance that a candidate without any fault fails a rule is at most 5 %; two families share it. Passes are not
    corrected, because a candidate ships only if all rules pass.

    Source: Holm (1979), Scandinavian Journal of Statistics 6:65-70.
    """
    families = {result.family for result in judged if result.family is not None}
    shared = ALPHA / max(len(families), 1)
    standing: set[int] = set()
    for family in families:
        standing |= _standing(judged, family, shared)
    return tuple(
        result.finding
        if at in standing or not _in_question(result)
        else _doubtful(result, questions(judged, result.family), shared)
        for at, result in enumerate(judged)
    )


def first_levels(tests: Sequence[tuple[Family | None, int]]) -> list[float]:
    """The level at which the first failure of each rule stands, from its family and its number of tests.

    A family has a failure that stands exactly if one is significant at the level of Holm's first step.
    """
    families = {family for family, _ in tests if family is not None}
    total = {family: sum(count for of, count in tests if of == family) for family in families}
    return [ALPHA if family is None else ALPHA / len(families) / total[family] for family, _ in tests]


def questions(judged: Iterable[RuleResult], family: Family | None) -> int:
    """The number of tests in the family."""
    return sum(result.questions for result in judged if result.family == family)


def _in_question(result: RuleResult) -> bool:
    return result.family is not None and result.finding.result == "fail"


def _standing(judged: Sequence[RuleResult], family: Family, alpha: float) -> set[int]:
    """The indices of failures that stand: at α over all tests, then over the remaining ones, and so on."""
    left = questions(judged, family)
    waiting = {at for at, result in enumerate(judged) if result.family == family and _in_question(result)}
    standing: set[int] = set()
    while waiting:
        significant = {at for at in waiting if (fails_at := judged[at].fails_at) is not None and fails_at(alpha / left)}
        if not significant:
            break
        standing |= significant
        waiting -= significant
        left -= len(significant)
    return standing


def _doubtful(result: RuleResult, count: int, shared: float) -> Finding:
    if result.as_undecided is None:
        raise ValueError(f"{result.finding.rule!r} is tested and has no undecided form")
    finding = result.as_undecided(shared / count)
    tests = "test" if count == 1 else "tests"
    sentence = (
        f"{finding.says}; on its own it would fail, but among the {count} {tests} of this gate it may be chance (Holm)"
    )
    return replace(finding, result="cannot tell", says=sentence)
