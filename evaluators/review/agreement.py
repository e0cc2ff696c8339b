"""Measures agreement between reviewers, and the position and length bias of their preferences."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from evaluators.comparison.presentation import MINUS
from evaluators.criteria.grammar import GateLine
from evaluators.criteria.validation import PREFERENCE, REVIEW_METRICS
from fairtrial.api.review_answers import BiasedReviewer, MetricAgreement, ReviewBias, ReviewerAgreement
from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.promises import MIN_PEOPLE, NOT_MEASURED_AGREEMENT
from fairtrial.domain.review import ARMS, DIMENSIONS, Preference, ReviewedQueue, Vote
from fairtrial.domain.verdicts.verdict import Finding
from fairtrial.stats.review.krippendorff_alpha import Quality, agreement_quality, alpha, alpha_against_rest
from fairtrial.stats.review.preference import TIE
from fairtrial.stats.review.preference_model import Judgements, preference_model
from fairtrial.stats.review.rating_table import RatingTable, Value

RatingRow = tuple[str, str, Value, str, str]
SAID: dict[Preference, str] = {"candidate": "candidate", "baseline": "baseline", "tie": "even", "both_bad": "even"}
"""A vote as a preference: "both bad" prefers neither, as in the win rate, and "can't judge" is left out."""

AGREE: dict[Quality, str] = {
    "good": "well",
    "tentative": "enough for tentative conclusions",
    "low": "little",
    "not measured": "very little",
}


def agreement_of(queues: Sequence[ReviewedQueue], metric: str) -> MetricAgreement:
    """The agreement on ``review.preference``, or on a dimension's ratings of both answers.

    Cases of one cluster are resampled together, and so are the two answers of a pair.
    """
    rows = list(_rows(queues, metric))
    table = _table(rows)
    judged: dict[str, set[str]] = {}
    for _, person, _, _, pair in rows:
        judged.setdefault(pair, set()).add(person)
    twice = [people for people in judged.values() if len(people) > 1]
    estimate = alpha(table, metric=_metric(metric))
    people = len(set().union(*twice))
    return MetricAgreement(alpha=estimate, quality=_quality(estimate, metric), pairs=len(twice), people=people)


def agreement_with_the_rest(queues: Sequence[ReviewedQueue]) -> tuple[ReviewerAgreement, ...]:
    """Each reviewer against the others, if there are three or more; of two, neither is closer to the truth."""
    names = {vote.reviewer: vote.name for queue in queues for vote in queue.votes}
    if len(names) < MIN_PEOPLE:
        return ()
    tables = {metric: _table(list(_rows(queues, metric))) for metric in REVIEW_METRICS}
    return tuple(
        ReviewerAgreement(
            reviewer=person,
            name=name,
            alphas={
                metric: alpha_against_rest(table, person, metric=_metric(metric)) for metric, table in tables.items()
            },
        )
        for person, name in sorted(names.items(), key=lambda pair: pair[::-1])
    )


def agreement_text(agreement: MetricAgreement, people: int) -> str:
    """``; over 24 shared pairs they agree well (alpha 0.81, 0.62 to 0.93)``; "" for one person."""
    if people < 2:
        return ""
    if not agreement.pairs:
        return "; no pair was judged by two people, so their agreement is unknown"
    pairs = "1 shared pair" if agreement.pairs == 1 else f"{agreement.pairs} shared pairs"
    if isinstance(agreement.alpha, NotEnough):
        return f"; their agreement cannot be estimated from {pairs}"
    value, low, high = (
        _number(number) for number in (agreement.alpha.value, agreement.alpha.low, agreement.alpha.high)
    )
    return f"; over {pairs} they agree {AGREE[agreement.quality]} (alpha {value}, {low} to {high})"


def require_agreement(line: GateLine, finding: Finding, agreement: MetricAgreement) -> Finding:
    """Turn a pass into "cannot tell" if reviewers do not agree, because guesses could produce it; a failure stands.

    The pass stands if the whole interval lies above the value of two equal models, because guesses prefer neither.
    """
    if finding.result != "pass" or agreement.quality != "not measured" or _beyond_guesses(line, finding):
        return finding
    sentence = f"{finding.says}; no line passes on ratings that agree so little"
    what = "what makes one answer better" if line.metric == PREFERENCE else "what each rating means"
    needed = f"reviewers who agree: discuss {what} over a few pairs, then fill a new review queue"
    return replace(finding, result="cannot tell", says=sentence, needed=needed)


def _beyond_guesses(line: GateLine, finding: Finding) -> bool:
    """Whether the candidate is better than the baseline, whatever the line requires."""
    evidence = finding.evidence
    if isinstance(evidence, Comparison):
        return isinstance(evidence.difference, Estimate) and evidence.difference.low > 0
    return line.metric == PREFERENCE and isinstance(evidence, Estimate) and evidence.low > TIE


def _number(value: float) -> str:
    return f"{value:.2f}".replace("-", MINUS)


def _quality(estimate: Estimate | NotEnough, metric: str) -> Quality:
    """The quality of the agreement.

    Experts may well differ in preferences, so these are "not measured" only if the whole interval is below the limit.
    """
    quality = agreement_quality(estimate)
    if metric == PREFERENCE and isinstance(estimate, Estimate) and quality == "not measured":
        return quality if estimate.high < NOT_MEASURED_AGREEMENT else "low"
    return quality


def _metric(metric: str) -> Literal["nominal", "ordinal"]:
    return "nominal" if metric == PREFERENCE else "ordinal"


def _table(rows: Sequence[RatingRow]) -> RatingTable:
    return RatingTable.of(*zip(*[row[:4] for row in rows], strict=True)) if rows else RatingTable.of([], [], [])


def _rows(queues: Sequence[ReviewedQueue], metric: str) -> Iterator[RatingRow]:
    """For each last vote of a person: what was judged, by whom, the value, its resampling group, and the pair."""
    last: dict[tuple[str, str], tuple[str, Vote]] = {}
    for queue in queues:
        for vote in queue.votes:
            last[f"{queue.queue_id}:{vote.item_id}", vote.reviewer] = f"{queue.suite}:{vote.cluster}", vote
    for (pair, person), (group, vote) in last.items():
        for part, value in _given(vote, metric):
            yield f"{pair}:{part}", person, value, group, pair


def _given(vote: Vote, metric: str) -> Iterator[tuple[str, Value]]:
    if metric == PREFERENCE:
        if vote.preference in SAID:
            yield PREFERENCE, SAID[vote.preference]
        return
    dimension = next(name for name in DIMENSIONS if metric == f"review.{name}")
    for arm in ARMS:
        mark = vote.ratings.get(arm, {}).get(dimension)
        if mark is not None:
            yield arm, mark


def estimate_bias(
    everybody: Judgements | None,
    each: Iterable[tuple[str, Judgements | None]],
    names: Mapping[str, str],
    *,
    level: float,
) -> ReviewBias:
    """Fit the model to all votes, and to each person's votes."""
    models = [(person, preference_model(votes, level=level)) for person, votes in each if votes is not None]
    return ReviewBias(
        model=None if everybody is None else preference_model(everybody, level=level),
        leanings=tuple(
            BiasedReviewer(reviewer=person, name=names[person], model=model)
            for person, model in models
            if model.position_biased
        ),
    )
