"""Presents blind reviews: all statistics of their votes, and the evidence in words."""

from collections.abc import Sequence
from math import ceil, sqrt

import scipy  # its `special` loads at its first use, because it is slow to load

from evaluators.comparison.presentation import MINUS, p_in_words
from evaluators.criteria.grammar import GateLine, Threshold, VersusBaseline
from evaluators.criteria.validation import PREFERENCE, REVIEW_METRICS
from evaluators.review.agreement import (
    agreement_with_the_rest,
)
from evaluators.review.statistics import AMONG, GENERAL, Votes
from evaluators.trial import Trial
from fairtrial.api.review_answers import BiasedReviewer, ReviewBias, ReviewFigures
from fairtrial.domain.estimates import Comparison, Estimate, NotEnough
from fairtrial.domain.promises import ONE_SIDED_95, POWER
from fairtrial.domain.review import DIMENSIONS, PreferenceModel, ReviewedQueue
from fairtrial.domain.wording import counted
from fairtrial.stats.intervals import quantile

HALVES = {"tie": "ties", "both_bad": "both bad"}
"""Votes for neither answer."""
MOST_REVIEWERS = 60
_POWER_Z = float(scipy.special.ndtri(POWER))
MOST = 20
"""If more than this many times the present pairs are needed, more pairs are not advised."""


def preference_text(comparison: Comparison, votes: Votes, trial: Trial) -> str:
    """``review.preference is 62.5 % (10 for tuned, 5 for base, 4 ties and 1 both bad counted as halves; bounds …)``."""
    counts = votes.counts
    parts = [f"{counts.get('candidate', 0)} for {trial.candidate}", f"{counts.get('baseline', 0)} for {trial.baseline}"]
    halves = [f"{counts[name]} {words}" for name, words in HALVES.items() if name in counts]
    if halves:
        parts.append(f"{' and '.join(halves)} counted as halves")
    if "cant_judge" in counts:
        parts.append(f"{counts['cant_judge']} 'can't judge' left out")
    if votes.equal:
        parts.append(votes.drawn)
    figures = ", ".join(parts)
    gap = comparison.difference
    if isinstance(gap, NotEnough) or comparison.candidate is None:
        reason = gap.reason if isinstance(gap, NotEnough) else "no vote"
        return f"{PREFERENCE} cannot be estimated: {reason} ({figures})"
    bounds = f"{_interval_name(gap)} {_percent(gap.low + 0.5)} and {_percent(gap.high + 0.5)}"
    return f"{preference_in_short(comparison)} ({figures}; {bounds})"


def preference_in_short(comparison: Comparison) -> str:
    """``review.preference is 62.5 %``, or nothing without votes."""
    return "" if comparison.candidate is None else f"{PREFERENCE} is {_percent(comparison.candidate)}"


def bias_text(pull: ReviewBias, people: int) -> str:
    """``; adjusted for position 60.1 % (51.0 to 68.3), for position and length 58.0 % (…); the votes of …``.

    It stands at the end of a sentence, because it does not decide.
    """
    model = pull.model
    rates = (
        [] if model is None else [("position", model.position_adjusted), ("position and length", model.length_adjusted)]
    )
    adjusted = [
        f"for {what} {_percent(rate.value)} ({100 * rate.low:.1f} to {100 * rate.high:.1f})"
        for what, rate in rates
        if isinstance(rate, Estimate)
    ]
    text = f"; adjusted {', '.join(adjusted)}" if adjusted else ""
    if model is not None and model.position_biased and not pull.leanings:
        text += f"; together, the votes {_leans(model)}"
    return text + "".join(f"; {reviewer_bias_text(leaning, people)}" for leaning in pull.leanings)


def reviewer_bias_text(leaning: BiasedReviewer, people: int) -> str:
    """``the votes of one of the 3 reviewers favour the left answer: 41 of 52 (p < 0.001); their preference is …``.

    The reviewer is not named, because a verdict is shared more widely than figures on a person should be.
    """
    who, own = "the reviewer" if people == 1 else f"one of the {people} reviewers", leaning.model
    text = f"the votes of {who} {_leans(own)}"
    if people > 1 and isinstance(own.raw, Estimate) and isinstance(own.position_adjusted, Estimate):
        text += f"; their preference is {_percent(own.raw.value)}, adjusted {_percent(own.position_adjusted.value)}"
    return text


def rating_comparison_text(comparison: Comparison, trial: Trial | None) -> str:
    """``review.tone is 4.10 against 3.80 for base over 20 ratings of both (difference +0.30; bounds …)``."""
    gap = comparison.difference
    if isinstance(gap, NotEnough) or comparison.candidate is None or comparison.baseline is None:
        reason = gap.reason if isinstance(gap, NotEnough) else "no rating"
        return f"{comparison.metric} cannot be compared: {reason}"
    bounds = f"{_interval_name(gap)} {_signed(gap.low)} and {_signed(gap.high)}"
    return f"{compared_in_short(comparison, trial)} (difference {_signed(gap.value)}; {bounds})"


def compared_in_short(comparison: Comparison, trial: Trial | None) -> str:
    """``review.tone is 4.10 against 3.80 for base over 20 ratings of both``, or nothing without ratings."""
    if comparison.candidate is None or comparison.baseline is None:
        return ""
    against = f"{comparison.baseline:.2f} for {trial.baseline if trial else 'the baseline'}"
    ratings = counted(comparison.n, "rating")
    return f"{comparison.metric} is {comparison.candidate:.2f} against {against} over {ratings} of both"


def rating_text(metric: str, estimate: Estimate) -> str:
    interval = f"95 % interval {estimate.low:.2f} to {estimate.high:.2f}"
    return f"{rating_in_short(metric, estimate)} ({counted(estimate.n, 'rating')}; {interval})"


def rating_in_short(metric: str, estimate: Estimate) -> str:
    return f"{metric} is {estimate.value:.2f}"


def requirement_text(line: GateLine) -> str:
    """``at most 5 points below an even 50 % is allowed``."""
    test = line.test
    if isinstance(test, Threshold):
        word = "at least" if test.operator == ">=" else "at most"
        unit = "" if line.metric != PREFERENCE else " %"
        number = test.number * 100 if unit and test.unit != "%" else test.number
        surely = ", with the whole interval" if test.sure else ""
        return f"{word} {number:g}{unit} is required{surely}"
    if not isinstance(test, VersusBaseline):
        return ""
    size = "" if test.margin is None else f"{test.margin:g} {'points' if test.unit == 'pp' else '%'}"
    if test.question == "not worse":
        even = "below an even 50 %" if line.metric == PREFERENCE else "worse"
        return f"at most {size} {even} is allowed"
    return f"better by {size} is required" if size else "better is required"


def more_votes(estimate: Estimate, limit: float, votes: Votes, metric: str) -> str:
    """About how many more votes would exclude the limit from the interval, if the estimate is right."""
    distance = abs(estimate.value - limit)
    half, pairs = (estimate.high - estimate.low) / 2, votes.pairs
    if distance == 0:
        return "the estimate lies exactly at the limit, so more votes would not settle it"
    if votes.in_general(metric):
        return _more_reviewers(half, distance, estimate.level, votes.reviewers(metric))
    total = ceil(pairs * (half / distance) ** 2 * _power(estimate.level))
    if total > MOST * pairs:
        return "the estimate is so close to the limit that more votes are unlikely to settle it"
    return f"about {counted(max(total - pairs, 1), 'more judged pair')} would settle it"


def _more_reviewers(half: float, distance: float, level: float, people: int) -> str:
    """The smallest number of reviewers with 80 % power, if each votes as often as the present ones."""
    upper = 1 - (1 - level) / 2
    error = half / float(scipy.special.stdtrit(people - 1, upper))
    for reviewers in range(people, MOST_REVIEWERS + 1):
        if (float(scipy.special.stdtrit(reviewers - 1, upper)) + _POWER_Z) * error * sqrt(
            people / reviewers
        ) <= distance:
            more = max(reviewers - people, 1)
            return f"about {more} more reviewer{'s' * (more > 1)}, each with as many votes, would settle it"
    return "the estimate is so close to the limit that more reviewers are unlikely to settle it"


def _leans(model: PreferenceModel) -> str:
    side, votes = ("left", model.firsts) if model.pulls_to_first else ("right", model.seconds)
    return f"favour the {side} answer: {votes} of {model.firsts + model.seconds} (p {p_in_words(model.position_p)})"


def population_text(votes: Votes, metric: str) -> str:
    """Name the reviewers to whom the figures of this metric generalise; "" if there are no figures for them."""
    if votes.in_general(metric):
        return "; valid for reviewers in general"
    return "" if votes.population == GENERAL else f"; valid {AMONG} only"


def people_text(people: int) -> str:
    return "one person judged" if people == 1 else f"{people} people judged"


def pairs_text(pairs: int) -> str:
    return "1 pair" if pairs == 1 else f"{pairs:,} pairs"


def _power(level: float) -> float:
    """The factor on the sample size that raises the power from one half to 80 %."""
    z = quantile(level)
    return ((z + _POWER_Z) / z) ** 2


def _interval_name(estimate: Estimate) -> str:
    return "one-sided 95 % bounds" if estimate.level == ONE_SIDED_95 else "95 % interval"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _signed(value: float) -> str:
    return f"{MINUS if value < 0 else '+'}{abs(value):.2f}"


def figures_of(queues: Sequence[ReviewedQueue]) -> ReviewFigures:
    """All statistics at once."""
    votes = Votes(queues)
    return ReviewFigures(
        votes=votes.n,
        pairs=votes.pairs,
        drawn=votes.drawn,
        people=votes.people,
        counts=votes.counts,
        preference=votes.preference(),
        pull=votes.bias(),
        levels={dimension: votes.level(dimension) for dimension in DIMENSIONS},
        dimensions={dimension: votes.comparison(dimension) for dimension in DIMENSIONS},
        agreement={metric: votes.agreement(metric) for metric in REVIEW_METRICS},
        each=agreement_with_the_rest(queues),
    )
