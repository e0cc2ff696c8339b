"""Scores answers, one outcome for each case."""

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from evaluators.engine.signal_scorer import Signals, refuses_answer
from evaluators.scoring.scorer import OffFormat, Scorer, ScoresPairs, Stat, WaitsForProcess
from evaluators.suite import Suite
from fairtrial.domain.answers.signals import SIGNALS, SIGNALS_VERSION
from fairtrial.domain.run import CONTROLS, CONTROLS_VERSION, Answer, Case, CaseOutcome, CaseResult, Score, ScoreFailure

SLOW_S = 0.001
"""If scoring an answer takes more CPU time than this, the next one moves from the event loop to a thread."""


def score_case(
    suite: Suite,
    case: Case,
    repeat: int,
    answer: Answer,
    *,
    signals: Signals | None = None,
    scorers: Sequence[Scorer] | None = None,
) -> CaseResult:
    """Apply every scorer of the case, or these ``scorers``, to one answer; with ``signals``, measure those too."""
    if answer.error is not None:
        return CaseResult(case, repeat, answer, "provider_error", {})
    scores: dict[str, Score | ScoreFailure] = {}
    off_format = False
    for scorer in suite.scorers_of(case) if scorers is None else scorers:
        scores[scorer.name], off = _measure(scorer, case, answer)
        off_format = off_format or off
    refused = refuses_answer(answer) if signals is None else signals.refuses(answer)
    outcome = _outcome(answer, scores, off_format=off_format, refused=refused)
    if signals is not None:
        scores[SIGNALS], _ = _measure(signals, case, answer)
    return CaseResult(case, repeat, answer, outcome, scores)


def score_copy(suite: Suite, result: CaseResult, original: CaseResult) -> CaseResult:
    """Apply the scorers of changed copies to a scored copy and its original."""
    scores = dict(result.scores)
    for scorer in suite.scorers_of(result.case):
        if isinstance(scorer, ScoresPairs) and result.answer.error is None:
            scores[scorer.name] = _measure_pair(scorer, scorer.name, result, original)
    failed = any(isinstance(score, ScoreFailure) for score in scores.values())
    return replace(result, scores=scores, outcome="judge_error" if failed else result.outcome)


def _measure_pair(scorer: ScoresPairs, name: str, result: CaseResult, original: CaseResult) -> Score | ScoreFailure:
    if original.answer.error is not None:
        return ScoreFailure(name, f"its original {original.case.case_id} has no answer")
    try:
        return _sound(name, scorer.score_pair(result, original))
    except Exception as error:  # noqa: BLE001 - one crashing scorer must not lose the other cases
        return ScoreFailure(name, f"{type(error).__name__}: {error}"[:300])


def _measure(scorer: Scorer | Signals, case: Case, answer: Answer) -> tuple[Score | ScoreFailure, bool]:
    """The score, and whether the answer lacks the format that the scorer needs."""
    try:
        return _sound(scorer.name, scorer.score(case, answer)), False
    except OffFormat as error:
        wrong = error.score
        return Score(wrong.scorer, wrong.values, {**wrong.details, "off_format": str(error)}), True
    except Exception as error:  # noqa: BLE001 - one crashing scorer must not lose the other cases
        return ScoreFailure(scorer.name, f"{type(error).__name__}: {error}"[:300]), False


def _sound(name: str, score: Score) -> Score | ScoreFailure:
    odd = [stat for stat, value in score.values.items() if value is not None and not math.isfinite(value)]
    return ScoreFailure(name, f"its stat {odd[0]!r} is not a finite number") if odd else score


def _outcome(
    answer: Answer, scores: Mapping[str, Score | ScoreFailure], *, off_format: bool, refused: bool
) -> CaseOutcome:
    if any(isinstance(score, ScoreFailure) for score in scores.values()):
        return "judge_error"
    if refused:
        return "refused"
    if answer.finish_reason == "length":
        return "truncated"
    return "off_format" if off_format else "scored"


class Scoring:
    """Scores on the event loop while that is fast, and in a thread while the last answer took long."""

    def __init__(self, suite: Suite) -> None:
        self._suite = suite
        self._signals = Signals(suite)
        self._waits = any(isinstance(scorer, WaitsForProcess) and scorer.waits for scorer in suite.scorers)
        self._slow = self._waits

    async def score(self, case: Case, repeat: int, answer: Answer) -> CaseResult:
        """See `score_case`."""
        if self._slow:
            return await asyncio.to_thread(self._score, case, repeat, answer)
        return self._score(case, repeat, answer)

    def _score(self, case: Case, repeat: int, answer: Answer) -> CaseResult:
        began = time.thread_time()
        result = score_case(self._suite, case, repeat, answer, signals=self._signals)
        self._slow = self._waits or time.thread_time() - began > SLOW_S
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


def versions_of(suite: Suite) -> dict[str, str]:
    """The version of each scorer, of the signals and of the negative controls, as a run states them."""
    scorers = {scorer.name: scorer.version for scorer in suite.scorers}
    return {SIGNALS: SIGNALS_VERSION, CONTROLS: CONTROLS_VERSION} | scorers
