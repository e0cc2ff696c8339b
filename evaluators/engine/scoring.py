"""Scores answers: every case ends in exactly one outcome, and a crashed scorer gives a failure, never a number."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence

from evaluators.scoring.scorer import OffFormat, Scorer, Stat
from evaluators.suite import Suite
from fairtrial.domain.events import CaseOutcome
from fairtrial.domain.refusals import REFUSAL
from fairtrial.domain.run import Answer, Case, CaseResult, Score, ScoreFailure

SLOW_S = 0.001
"""If scoring takes longer than this, it moves from the event loop to a thread."""


def score_case(suite: Suite, case: Case, repeat: int, answer: Answer) -> CaseResult:
    """Apply every scorer of the case to one answer."""
    if answer.error is not None:
        return CaseResult(case, repeat, answer, "provider_error", {})
    scores: dict[str, Score | ScoreFailure] = {}
    off_format = False
    for scorer in suite.scorers_of(case):
        scores[scorer.name], off = _measure(scorer, case, answer)
        off_format = off_format or off
    return CaseResult(case, repeat, answer, _outcome(answer, scores, off_format=off_format), scores)


def _measure(scorer: Scorer, case: Case, answer: Answer) -> tuple[Score | ScoreFailure, bool]:
    """The score, and whether the answer lacks the format that the scorer needs."""
    try:
        return _sound(scorer, scorer.score(case, answer)), False
    except OffFormat as error:
        wrong = error.score
        return Score(wrong.scorer, wrong.values, {**wrong.details, "off_format": str(error)}), True
    except Exception as error:  # noqa: BLE001 - one crashing scorer must not lose the other cases
        return ScoreFailure(scorer.name, f"{type(error).__name__}: {error}"[:300]), False


def _sound(scorer: Scorer, score: Score) -> Score | ScoreFailure:
    odd = [name for name, value in score.values.items() if value is not None and not math.isfinite(value)]
    return ScoreFailure(scorer.name, f"its stat {odd[0]!r} is not a finite number") if odd else score


def refuses(answer: Answer) -> bool:
    """Whether the model refused to answer, by fields of the API or by how the answer begins."""
    if answer.refusal or answer.finish_reason == "content_filter":
        return True
    return REFUSAL.match(answer.text or "") is not None


def _outcome(answer: Answer, scores: Mapping[str, Score | ScoreFailure], *, off_format: bool) -> CaseOutcome:
    if any(isinstance(score, ScoreFailure) for score in scores.values()):
        return "judge_error"
    if refuses(answer):
        return "refused"
    if answer.finish_reason == "length":
        return "truncated"
    return "off_format" if off_format else "scored"


class Scoring:
    """Scores on the event loop while that is fast, and in a thread once it was slow."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._slow = False

    async def score(self, case: Case, repeat: int, answer: Answer) -> CaseResult:
        """See `score_case`."""
        if self._slow:
            return await asyncio.to_thread(score_case, self._suite, case, repeat, answer)
        began = time.perf_counter()
        result = score_case(self._suite, case, repeat, answer)
        self._slow = time.perf_counter() - began > SLOW_S
        return result


def metrics_of(suite: Suite, results: Sequence[CaseResult]) -> dict[str, float | None]:
    """``scorer.stat`` → its value over all scored cases, each case's repeats averaged first; ``None`` if unscored."""
    return {
        f"{scorer.name}.{stat.name}": value_of(stat, scores_of(results, scorer.name))
        for scorer in suite.scorers
        for stat in scorer.stats
    }


def scores_of(results: Sequence[CaseResult], scorer: str) -> list[list[Score]]:
    """The scores of one scorer: for each case a list of its repeats."""
    cases: dict[str, list[Score]] = {}
    for result in results:
        score = result.scores.get(scorer)
        if isinstance(score, Score):
            cases.setdefault(result.case.case_id, []).append(score)
    return list(cases.values())


def value_of(stat: Stat, cases: Sequence[Sequence[Score]]) -> float | None:
    """One statistic over cases; a corpus statistic uses all repeats together."""
    if stat.aggregate is not None:
        every = [score for repeats in cases for score in repeats]
        return stat.aggregate(every) if every else None
    means = [mean for repeats in cases if (mean := _mean(stat.name, repeats)) is not None]
    return math.fsum(means) / len(means) if means else None


def _mean(name: str, repeats: Sequence[Score]) -> float | None:
    values = [value for score in repeats if (value := score.values.get(name)) is not None]
    return math.fsum(values) / len(values) if values else None
