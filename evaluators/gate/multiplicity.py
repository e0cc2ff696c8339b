"""Which failures of a gate are more than luck: Holm's correction over all that it asks, safety apart from the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from fairtrial.domain.verdict import Finding

ALPHA = 0.05
Family = Literal["quality", "safety"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One finding, and what Holm's correction needs of it.

    ``family``: which one it is a question of, ``None`` for what is exact or asks for proof. ``questions``: how many it
    stands for, as a rule without a run does for its slices. ``fails_at(alpha)``: whether it also fails with a chance of
    ``alpha`` to do so by luck; ``None`` for what can't be told, whose p is 1. ``doubtful()``: the finding, read as
    "cannot tell".
    """

    finding: Finding
    family: Family | None = None
    fails_at: Callable[[float], bool] | None = None
    doubtful: Callable[[], Finding] | None = None
    questions: int = 1


def corrected(judged: Sequence[Judged]) -> tuple[Finding, ...]:
    """The findings, where a failure stands only if it does so by Holm over its family.

    The chance that a candidate which fails nothing is said to fail anything is at most 5 %; the two families share it
    where there are both. What passes is not corrected, since a candidate ships only if all of it passes.

    Source: Holm (1979), Scandinavian Journal of Statistics 6:65-70.
    """
    families = {one.family for one in judged if one.family is not None}
    shared = ALPHA / max(len(families), 1)
    standing: set[int] = set()
    for family in families:
        standing |= _standing(judged, family, shared)
    return tuple(
        one.finding if at in standing or not _in_question(one) else _doubtful(one, questions(judged, one.family))
        for at, one in enumerate(judged)
    )


def questions(judged: Iterable[Judged], family: Family | None) -> int:
    """How many questions the family has."""
    return sum(one.questions for one in judged if one.family == family)


def _in_question(one: Judged) -> bool:
    return one.family is not None and one.finding.result == "fail"


def _standing(judged: Sequence[Judged], family: Family, alpha: float) -> set[int]:
    """The places of failures that stand: at α over all questions, then over those that are left, and so on."""
    left = questions(judged, family)
    waiting = {at for at, one in enumerate(judged) if one.family == family and _in_question(one)}
    standing: set[int] = set()
    while waiting:
        found = {at for at in waiting if _fails(judged[at], alpha / left)}
        if not found:
            break
        standing |= found
        waiting -= found
        left -= len(found)
    return standing


def _fails(one: Judged, alpha: float) -> bool:
    return one.fails_at is not None and one.fails_at(alpha)


def _doubtful(one: Judged, asked: int) -> Finding:
    if one.doubtful is None:
        raise ValueError(f"{one.finding.rule!r} is in question and has no other reading")
    found = one.doubtful()
    says = f"{found.says}; alone it would fail, among the {asked} questions of this gate it may be luck (Holm)"
    return replace(found, result="cannot tell", says=says)
