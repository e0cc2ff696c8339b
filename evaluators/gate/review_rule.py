"""Lines on blind reviews: which queues may be read, and what their votes decide by the truth table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from evaluators.criteria.grammar import GateLine, Level, Versus
from evaluators.criteria.review_validation import PREFERENCE, unfit_review
from evaluators.gate import comparison_rule, threshold_rule
from evaluators.gate.multiplicity import ALPHA, Family, Judged
from evaluators.review.agreement import agreement_of, agreement_says, measured
from evaluators.review.statistics import Votes
from evaluators.review.wording import (
    asked,
    level_says,
    more_votes,
    pairs_in_words,
    people_in_words,
    preference_says,
    pull_says,
    rating_versus_says,
    whom_says,
)
from evaluators.suite import Suite
from evaluators.trial import Trial
from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.reviews.evidence import ReviewedQueue
from fairtrial.domain.reviews.review import DIMENSIONS, Dimension
from fairtrial.domain.verdict import Finding, Result
from fairtrial.stats.review.preference import TIE

REVIEW = "blind review"


@dataclass(frozen=True, slots=True)
class Reviews:
    """What people have judged for this trial, sorted by whether it may be read.

    ``read``: all judged or closed, of the present definitions and suites; ``waiting``: still being judged;
    ``redefined``: of another definition of a target; ``outdated``: of another state of a suite that the gate has.
    """

    read: tuple[ReviewedQueue, ...]
    waiting: tuple[ReviewedQueue, ...]
    redefined: tuple[ReviewedQueue, ...]
    outdated: tuple[ReviewedQueue, ...]


def sort_reviews(trial: Trial, suites: Sequence[Suite]) -> Reviews:
    """Which queues of the two targets are evidence in this trial."""
    digests = {suite.name: suite.digest for suite in suites}
    redefined = [queue for queue in trial.reviews if not _as_defined(queue, trial)]
    defined = [queue for queue in trial.reviews if _as_defined(queue, trial)]
    outdated = [queue for queue in defined if digests.get(queue.suite, queue.suite_digest) != queue.suite_digest]
    current = [queue for queue in defined if queue not in outdated]
    read = tuple(queue for queue in current if queue.readable and queue.votes)
    waiting = tuple(queue for queue in current if not queue.readable)
    return Reviews(read, waiting, tuple(redefined), tuple(outdated))


def judge_review(rule: str, source: str, line: GateLine, reviews: Reviews, trial: Trial) -> Judged:
    """The line on the votes that may be read; what is missing is told with what to do."""
    wrong = unfit_review(line)
    family: Family | None = None if isinstance(line.test, Level) and line.test.sure else "quality"
    if wrong is not None:
        says = f"{wrong[0]} ({wrong[1]})"
        return Judged(Finding(rule, source, "invalid", says, "correct the line", line.metric), family)
    if not reviews.read:
        return Judged(_unread(rule, source, line, reviews, trial), family)
    votes = Votes(reviews.read, line.whom)
    agreement = agreement_of(reviews.read, line.metric)
    judge = _preference if line.metric == PREFERENCE else _rating

    def found(*, doubtful: bool = False) -> Finding:
        told = judge(rule, source, line, votes, trial, _Look(doubtful=doubtful))
        who = _who(votes, reviews) + agreement_says(agreement, votes.people) + whom_says(votes, line.metric)
        told = replace(told, says=told.says + who)
        told = measured(line, _enough(line, told, votes), agreement)
        return replace(told, says=told.says + _pull(told.evidence, votes)) if line.metric == PREFERENCE else told

    def fails_at(alpha: float) -> bool:
        return judge(rule, source, line, votes, trial, _Look(alpha)).result == "fail"

    return Judged(found(), family, fails_at, partial(found, doubtful=True))


@dataclass(frozen=True, slots=True)
class _Look:
    """How the votes are read: each bound is wrong with a chance of ``alpha``; ``doubtful``: a failure can't be told."""

    alpha: float = ALPHA
    doubtful: bool = False

    def level(self, test: object) -> float:
        """Of the interval: a floor asks for both of its sides together, a comparison for each."""
        return 1 - self.alpha if isinstance(test, Level) else 1 - 2 * self.alpha

    def read(self, result: Result) -> Result:
        return "cannot tell" if self.doubtful and result == "fail" else result


def shown_review(reviews: Reviews, trial: Trial, told: frozenset[str]) -> Iterator[Finding]:
    """What the votes say where no line asks: shown, and not decisive."""
    if not reviews.read:
        if reviews.waiting and not told:
            unread = _unread(PREFERENCE, REVIEW, GateLine(PREFERENCE, Versus("better", "base")), reviews, trial)
            yield replace(unread, decisive=False)
        return
    votes = Votes(reviews.read)
    if PREFERENCE not in told:
        found = votes.preference()
        agreed = agreement_says(agreement_of(reviews.read, PREFERENCE), votes.people) + whom_says(votes, PREFERENCE)
        says = preference_says(found, votes, trial) + _who(votes, reviews) + agreed + _pull(found, votes)
        yield _informative(PREFERENCE, says, found)
    for dimension in DIMENSIONS:
        metric, compared = f"review.{dimension}", votes.comparison(dimension)
        if metric not in told and compared.n:
            agreed = agreement_says(agreement_of(reviews.read, metric), votes.people) + whom_says(votes, metric)
            says = rating_versus_says(compared, trial) + _who(votes, reviews) + agreed
            yield _informative(metric, says, compared)


def _informative(metric: str, says: str, found: Comparison) -> Finding:
    says += " (shown: no line of the gate asks for it)"
    return Finding(metric, REVIEW, "cannot tell", says, "", metric, evidence=found, decisive=False)


def _preference(rule: str, source: str, line: GateLine, votes: Votes, trial: Trial, look: _Look) -> Finding:
    test = line.test
    found = votes.preference(look.level(test))
    gap = found.difference
    if isinstance(gap, NotEnough):
        says = f"{PREFERENCE} can't be told: {gap.reason}"
        return Finding(rule, source, "cannot tell", says, gap.needed, PREFERENCE, evidence=found)
    if isinstance(test, Level):
        limit = test.number / 100 if test.unit == "%" else test.number
        rate = replace(gap, value=gap.value + TIE, low=gap.low + TIE, high=gap.high + TIE)
        result, distance = look.read(threshold_rule.by_truth_table(test, rate, limit)), limit - TIE
        evidence: Comparison | Estimate = rate
    elif isinstance(test, Versus):
        distance = (test.margin or 0.0) / 100 * (1 if test.question == "better" else -1)
        result = look.read(comparison_rule.by_truth_table(gap, 1, distance))
        answer = comparison_rule.ANSWERS.get((test.question, result), "cannot tell")
        evidence = replace(found, answer=answer)
    else:
        raise TypeError(f"{rule!r} does not compare")
    says = f"{preference_says(found, votes, trial)}; {asked(line)}{_end(result)}"
    needed = more_votes(gap, distance, votes, line.metric) if result == "cannot tell" else ""
    return Finding(rule, source, result, says, needed, PREFERENCE, evidence=evidence)


def _rating(rule: str, source: str, line: GateLine, votes: Votes, _: Trial, look: _Look) -> Finding:
    test, dimension = line.test, _dimension(line)
    if isinstance(test, Level):
        level = votes.level(dimension, level=look.level(test))
        if isinstance(level, NotEnough):
            return _untold(rule, source, line, level)
        result = look.read(threshold_rule.by_truth_table(test, level, test.number))
        says = f"{level_says(line.metric, level)}; {asked(line)}{_end(result)}"
        needed = more_votes(level, test.number, votes, line.metric) if result == "cannot tell" else ""
        return Finding(rule, source, result, says, needed, line.metric, evidence=level)
    if not isinstance(test, Versus):
        raise TypeError(f"{rule!r} does not compare")
    compared = votes.comparison(dimension)
    factor = 1 + (1 if test.question == "better" else -1) * (test.margin or 0.0) / 100
    gap = votes.difference(dimension, factor, level=look.level(test))
    if isinstance(gap, NotEnough):
        return _untold(rule, source, line, gap)
    result = look.read(comparison_rule.by_truth_table(gap, 1, 0.0))
    answer = comparison_rule.ANSWERS.get((test.question, result), "cannot tell")
    says = f"{rating_versus_says(compared, None)}; {asked(line)}{_end(result)}"
    needed = more_votes(gap, 0.0, votes, line.metric) if result == "cannot tell" else ""
    return Finding(rule, source, result, says, needed, line.metric, evidence=replace(compared, answer=answer))


def _untold(rule: str, source: str, line: GateLine, why: NotEnough) -> Finding:
    says = f"{line.metric} can't be told: {why.reason}"
    return Finding(rule, source, "cannot tell", says, why.needed, line.metric, evidence=why)


def _unread(rule: str, source: str, line: GateLine, reviews: Reviews, trial: Trial) -> Finding:
    """No vote may be read: what there is instead, and what to do."""
    fill = f"fairtrial review enqueue SUITE --candidate {trial.candidate} --baseline {trial.baseline}"
    result: Result = "cannot tell"
    if reviews.waiting:
        queue = max(reviews.waiting, key=lambda one: one.settled)
        says = f"{line.metric}: {queue.settled} of {queue.items} pairs of the review {queue.title!r} are judged so far"
        left = queue.items - queue.settled
        needed = (
            f"{left} more judged pairs, or an end to it: fairtrial review close {queue.queue_id} "
            "(nothing is read before, so that nobody stops when the figures please)"
        )
    elif reviews.redefined:
        result = "invalid"
        names = f"{trial.candidate} or {trial.baseline}"
        says = f"{line.metric}: {names} is defined differently now than when people judged its answers"
        needed = fill
    elif reviews.outdated:
        says = f"{line.metric}: people judged answers to another state of suite {reviews.outdated[-1].suite}"
        needed = fill.replace("SUITE", reviews.outdated[-1].suite)
    else:
        says = f"{line.metric}: nobody has judged answers of {trial.candidate} beside those of {trial.baseline} yet"
        needed = fill
    return Finding(rule, source, result, says, needed, line.metric)


def _as_defined(queue: ReviewedQueue, trial: Trial) -> bool:
    now = trial.digests
    return (
        now.get(queue.candidate, queue.candidate_digest) == queue.candidate_digest
        and now.get(queue.baseline, queue.baseline_digest) == queue.baseline_digest
    )


def _pull(evidence: object, votes: Votes) -> str:
    """What the preference owes to the side and the length, where there is one."""
    gap = evidence.difference if isinstance(evidence, Comparison) else evidence
    return pull_says(votes.pull(gap.level), votes.people) if isinstance(gap, Estimate) else ""


def _who(votes: Votes, reviews: Reviews) -> str:
    """Whose judgement it is, and what of the plan was left out."""
    text = f"; {people_in_words(votes.people)}"
    if len(reviews.read) > 1:
        text += f" in {len(reviews.read)} reviews"
    short = [queue for queue in reviews.read if queue.judged < queue.items]
    if short:
        done, planned = sum(queue.judged for queue in short), sum(queue.items for queue in short)
        ended = all(queue.state == "closed" for queue in short)
        text += f"; closed after {done} of {planned} pairs" if ended else f"; {done} of {planned} pairs have a vote"
    awaited = sum(queue.awaited for queue in reviews.read if queue.state == "open")
    if awaited and not short:
        text += f"; {pairs_in_words(awaited)} still {'waits' if awaited == 1 else 'wait'} for a second person"
    if reviews.waiting:
        text += f"; {pairs_in_words(sum(one.items - one.settled for one in reviews.waiting))} wait in other queues"
    return text


def _enough(line: GateLine, found: Finding, votes: Votes) -> Finding:
    """``with N ratings``: a pass on less evidence than asked for can't be told yet."""
    if line.with_count is None or found.result != "pass":
        return found
    n = votes.pairs if line.with_unit == "pairs" else getattr(found.evidence, "n", 0)
    if n >= line.with_count:
        return found
    says = f"{found.says}; {n} of the {line.with_count} {line.with_unit} asked for"
    return replace(found, result="cannot tell", says=says, needed=f"{line.with_count - n} more {line.with_unit}")


def _end(result: Result) -> str:
    return {"pass": "", "fail": ": not met"}.get(result, ": cannot tell")


def _dimension(line: GateLine) -> Dimension:
    return next(one for one in DIMENSIONS if line.metric == f"review.{one}")
