"""Judges lines on blind reviews: selects the readable queues and applies the truth table to their votes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from evaluators.criteria.grammar import GateLine, Threshold, VersusBaseline
from evaluators.criteria.validation import PREFERENCE, validate_review_line
from evaluators.gate import comparison_rule, threshold_rule
from evaluators.gate.external_line import ExternalLine, JudgedFamily
from evaluators.gate.multiplicity import Family, RuleResult
from evaluators.review.agreement import agreement_text, require_agreement
from evaluators.review.presentation import (
    bias_text,
    compared_in_short,
    more_votes,
    pairs_text,
    people_text,
    population_text,
    preference_in_short,
    preference_text,
    rating_comparison_text,
    rating_in_short,
    rating_text,
    requirement_text,
)
from evaluators.review.statistics import GENERAL, Votes
from evaluators.suite import Suite
from evaluators.trial import Trial
from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.promises import ALPHA
from fairtrial.domain.review import DIMENSIONS, ReviewedQueue
from fairtrial.domain.verdicts.verdict import Finding, Result
from fairtrial.domain.wording import counted
from fairtrial.stats.review.preference import TIE

REVIEW = "blind review"


@dataclass(frozen=True, slots=True)
class Reviews:
    """The review queues of this trial, sorted by whether their results may be read.

    ``read``: complete or closed, with the present definitions and suites; ``waiting``: still being judged;
    ``redefined``: of another definition of a target; ``outdated``: of another version of a suite of the gate.
    """

    read: tuple[ReviewedQueue, ...]
    waiting: tuple[ReviewedQueue, ...]
    redefined: tuple[ReviewedQueue, ...]
    outdated: tuple[ReviewedQueue, ...]


def sort_reviews(trial: Trial, suites: Sequence[Suite]) -> Reviews:
    """Sort the queues of the two targets by whether they are evidence in this trial."""
    digests = {suite.name: suite.digest for suite in suites}
    redefined = [queue for queue in trial.reviews if not _as_defined(queue, trial)]
    defined = [queue for queue in trial.reviews if _as_defined(queue, trial)]
    outdated = [queue for queue in defined if digests.get(queue.suite, queue.suite_digest) != queue.suite_digest]
    current = [queue for queue in defined if queue not in outdated]
    read = tuple(queue for queue in current if queue.readable and queue.votes)
    waiting = tuple(queue for queue in current if not queue.readable)
    return Reviews(read, waiting, tuple(redefined), tuple(outdated))


def _judge(line: ExternalLine) -> RuleResult:
    reviews = sort_reviews(line.trial, line.gate.suites)
    return judge_review(line.text, line.gate.name, line.line, reviews, line.trial, official=line.live.official)


family = JudgedFamily(REVIEW, validate_review_line, populations=True, judge=_judge)


def judge_review(
    rule: str, source: str, line: GateLine, reviews: Reviews, trial: Trial, *, official: bool
) -> RuleResult:
    """Judge the line on the readable votes; if there are none, the finding tells what to do.

    A line of the official gate speaks for reviewers in general, unless it says otherwise.
    """
    wrong = validate_review_line(line)
    family: Family | None = None if isinstance(line.test, Threshold) and line.test.sure else "quality"
    if wrong is not None:
        sentence = f"{wrong[0]} ({wrong[1]})"
        return RuleResult(Finding(rule, source, "invalid", sentence, "correct the line", line.metric), family)
    if not reviews.read:
        return RuleResult(_unread(rule, source, line, reviews, trial), family)
    votes = Votes(reviews.read, line.population or (GENERAL if official else ""))
    agreement = votes.agreement(line.metric)
    judge = _preference if line.metric == PREFERENCE else _rating

    def finding(*, doubtful: bool = False) -> Finding:
        judged = judge(rule, source, line, votes, trial, _Look(doubtful=doubtful))
        judged = replace(judged, says=judged.says + _who(votes, reviews) + _of_whom(votes, line.metric))
        n = votes.pairs if line.with_unit == "pairs" else getattr(judged.evidence, "n", 0)
        judged = require_agreement(line, threshold_rule.require_count(line, judged, n), agreement)
        if line.metric != PREFERENCE:
            return judged
        return replace(judged, says=judged.says + _bias(judged.evidence, votes))

    def fails_at(alpha: float) -> bool:
        return judge(rule, source, line, votes, trial, _Look(alpha)).result == "fail"

    return RuleResult(finding(), family, fails_at, partial(finding, doubtful=True))


@dataclass(frozen=True, slots=True)
class _Look:
    """How votes are judged: each bound is wrong with probability ``alpha``; ``doubtful``: failures become undecided."""

    alpha: float = ALPHA
    doubtful: bool = False

    def level(self, test: object) -> float:
        """The interval's level: ``alpha`` covers both sides for a threshold, but each side for a comparison."""
        return 1 - self.alpha if isinstance(test, Threshold) else 1 - 2 * self.alpha

    def read(self, result: Result) -> Result:
        return "cannot tell" if self.doubtful and result == "fail" else result


def review_information(reviews: Reviews, trial: Trial, required: frozenset[str]) -> Iterator[Finding]:
    """Informative findings on the review metrics that no line requires."""
    if not reviews.read:
        if reviews.waiting and not required:
            unread = _unread(PREFERENCE, REVIEW, GateLine(PREFERENCE, VersusBaseline("better", "base")), reviews, trial)
            yield replace(unread, decisive=False)
        return
    votes = Votes(reviews.read)
    if PREFERENCE not in required:
        comparison = votes.preference()
        whose = _who(votes, reviews) + _of_whom(votes, PREFERENCE)
        sentence = preference_text(comparison, votes, trial) + whose + _bias(comparison, votes)
        yield _informative(PREFERENCE, sentence, comparison)
    for dimension in DIMENSIONS:
        metric, compared = f"review.{dimension}", votes.comparison(dimension)
        if metric not in required and compared.n:
            whose = _who(votes, reviews) + _of_whom(votes, metric)
            sentence = rating_comparison_text(compared, trial) + whose
            yield _informative(metric, sentence, compared)


def _informative(metric: str, sentence: str, comparison: Comparison) -> Finding:
    sentence += " (informative only: no line of the gate requires it)"
    return Finding(metric, REVIEW, "cannot tell", sentence, "", metric, evidence=comparison, decisive=False)


def _preference(rule: str, source: str, line: GateLine, votes: Votes, trial: Trial, look: _Look) -> Finding:
    test = line.test
    comparison = votes.preference(look.level(test))
    gap = comparison.difference
    if isinstance(gap, NotEnough):
        sentence = f"{PREFERENCE} cannot be estimated: {gap.reason}"
        return Finding(rule, source, "cannot tell", sentence, gap.needed, PREFERENCE, evidence=comparison)
    if isinstance(test, Threshold):
        limit = test.number / 100 if test.unit == "%" else test.number
        rate = replace(gap, value=gap.value + TIE, low=gap.low + TIE, high=gap.high + TIE)
        result, distance = look.read(threshold_rule.by_truth_table(test, rate, limit)), limit - TIE
        evidence: Comparison | Estimate = rate
    elif isinstance(test, VersusBaseline):
        distance = (test.margin or 0.0) / 100 * (1 if test.question == "better" else -1)
        result = look.read(comparison_rule.by_truth_table(gap, 1, distance))
        answer = comparison_rule.ANSWERS.get((test.question, result), "cannot tell")
        evidence = replace(comparison, answer=answer)
    else:
        raise TypeError(f"{rule!r} does not compare")
    sentence = f"{preference_text(comparison, votes, trial)}; {requirement_text(line)}{threshold_rule.ENDS[result]}"
    needed = more_votes(gap, distance, votes, line.metric) if result == "cannot tell" else ""
    short = preference_in_short(comparison)
    return Finding(rule, source, result, sentence, needed, PREFERENCE, evidence=evidence, short=short)


def _rating(rule: str, source: str, line: GateLine, votes: Votes, _: Trial, look: _Look) -> Finding:
    test, dimension = line.test, next(name for name in DIMENSIONS if line.metric == f"review.{name}")
    if isinstance(test, Threshold):
        level = votes.level(dimension, level=look.level(test))
        if isinstance(level, NotEnough):
            return _not_estimated(rule, source, line, level)
        result = look.read(threshold_rule.by_truth_table(test, level, test.number))
        sentence = f"{rating_text(line.metric, level)}; {requirement_text(line)}{threshold_rule.ENDS[result]}"
        needed = more_votes(level, test.number, votes, line.metric) if result == "cannot tell" else ""
        short = rating_in_short(line.metric, level)
        return Finding(rule, source, result, sentence, needed, line.metric, evidence=level, short=short)
    if not isinstance(test, VersusBaseline):
        raise TypeError(f"{rule!r} does not compare")
    compared = votes.comparison(dimension)
    factor = 1 + (1 if test.question == "better" else -1) * (test.margin or 0.0) / 100
    gap = votes.difference(dimension, factor, level=look.level(test))
    if isinstance(gap, NotEnough):
        return _not_estimated(rule, source, line, gap)
    result = look.read(comparison_rule.by_truth_table(gap, 1, 0.0))
    answer = comparison_rule.ANSWERS.get((test.question, result), "cannot tell")
    sentence = f"{rating_comparison_text(compared, None)}; {requirement_text(line)}{threshold_rule.ENDS[result]}"
    needed = more_votes(gap, 0.0, votes, line.metric) if result == "cannot tell" else ""
    compared = replace(compared, answer=answer)
    short = compared_in_short(compared, None)
    return Finding(rule, source, result, sentence, needed, line.metric, evidence=compared, short=short)


def _not_estimated(rule: str, source: str, line: GateLine, why: NotEnough) -> Finding:
    sentence = f"{line.metric} cannot be estimated: {why.reason}"
    return Finding(rule, source, "cannot tell", sentence, why.needed, line.metric, evidence=why)


def _unread(rule: str, source: str, line: GateLine, reviews: Reviews, trial: Trial) -> Finding:
    """The finding if no vote may be read: what there is instead, and what to do."""
    fill = f"fairtrial review enqueue SUITE --candidate {trial.candidate} --baseline {trial.baseline}"
    result: Result = "cannot tell"
    if reviews.waiting:
        queue = max(reviews.waiting, key=lambda reviewed_queue: reviewed_queue.settled)
        judged = f"{queue.settled} of {pairs_text(queue.items)} of the review {queue.title!r} are judged so far"
        sentence = f"{line.metric}: {judged}"
        left = counted(queue.items - queue.settled, "more judged pair")
        enough = (
            "" if line.with_count is None else f" after the {line.with_count} {line.with_unit} that the line requires"
        )
        needed = (
            f"{left}, which are all that the review has left, or an earlier end{enough}: fairtrial review close "
            f"{queue.queue_id} (a shared pair needs two reviewers; results stay hidden until the end)"
        )
    elif reviews.redefined:
        result = "invalid"
        names = f"{trial.candidate} or {trial.baseline}"
        sentence = f"{line.metric}: the definition of {names} has changed since people judged its answers"
        needed = fill
    elif reviews.outdated:
        sentence = f"{line.metric}: people judged answers to another version of suite {reviews.outdated[-1].suite}"
        needed = fill.replace("SUITE", reviews.outdated[-1].suite)
    else:
        sentence = f"{line.metric}: nobody has compared answers of {trial.candidate} and {trial.baseline} yet"
        needed = fill
    return Finding(rule, source, result, sentence, needed, line.metric)


def _as_defined(queue: ReviewedQueue, trial: Trial) -> bool:
    now = trial.digests
    return (
        now.get(queue.candidate, queue.candidate_digest) == queue.candidate_digest
        and now.get(queue.baseline, queue.baseline_digest) == queue.baseline_digest
    )


def _bias(evidence: object, votes: Votes) -> str:
    """The text on position and length bias, if there is an estimate."""
    gap = evidence.difference if isinstance(evidence, Comparison) else evidence
    return bias_text(votes.bias(gap.level), votes.people) if isinstance(gap, Estimate) else ""


def _of_whom(votes: Votes, metric: str) -> str:
    """How well the reviewers agree, and to whom the figures generalise."""
    return agreement_text(votes.agreement(metric), votes.people) + population_text(votes, metric)


def _who(votes: Votes, reviews: Reviews) -> str:
    """How many people judged, and which part of the plan is missing."""
    text = f"; {people_text(votes.people)}"
    if len(reviews.read) > 1:
        text += f" in {len(reviews.read)} reviews"
    short = [queue for queue in reviews.read if queue.judged < queue.items]
    if short:
        done, planned = sum(queue.judged for queue in short), sum(queue.items for queue in short)
        ended = all(queue.state == "closed" for queue in short)
        text += (
            f"; closed after {done} of {pairs_text(planned)}" if ended else f"; {done} of {pairs_text(planned)} judged"
        )
    awaited = sum(queue.awaited for queue in reviews.read if queue.state == "open")
    if awaited and not short:
        text += f"; {pairs_text(awaited)} still {'needs' if awaited == 1 else 'need'} a second reviewer"
    if reviews.waiting:
        left = sum(reviewed_queue.items - reviewed_queue.settled for reviewed_queue in reviews.waiting)
        text += f"; {pairs_text(left)} in other queues not judged yet"
    return text
