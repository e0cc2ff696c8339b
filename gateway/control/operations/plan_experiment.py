"""From an experiment of the file and what is known of its metrics to the questions and the design of its plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan

from fairtrial.config.rules.margins import parse_margin
from fairtrial.config.rules.metric_catalogue import AMOUNTS, ERRORS_AND_SAFETY, OPEN_FAMILIES, SHARES
from fairtrial.domain.errors import UsageError
from fairtrial.domain.plan import Experiment, Primary
from fairtrial.stats.planning.question import Question
from fairtrial.stats.sizes import cases_for_margin, votes

LESS_IS_BETTER = {
    "requests.error_rate",
    "requests.user_error_rate",
    "requests.rejected_rate",
    "requests.refusal_rate",
    "requests.fallback_rate",
    "requests.regenerate_rate",
    "requests.tokens",
    "cost.per_request",
    "cost.per_unit",
}
QUANTILES = ("_p50", "_p95", "_p99")
SCORED = ("judge", "safety", "requests")
"""Families that are measured on the answer, whoever saw it."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of metrics from before: ``levels`` and ``spreads`` by metric, and which are better when low."""

    levels: Mapping[str, float]
    spreads: Mapping[str, float] = field(default_factory=dict)
    lower: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """``questions``: the primary one and the guardrails that can be planned; ``left_out``: the others, and why not."""

    questions: tuple[Question, ...]
    left_out: tuple[str, ...]


def asked(experiment: Experiment, known: Known) -> Asked:
    """The questions of an experiment; raises `UsageError` for a primary metric that can't be planned."""
    primary = experiment.primary
    if primary is None:
        raise UsageError(f"{experiment.name}: has no primary metric, it only observes; there is nothing to plan")
    _refuse_reviews(primary)
    metrics = {primary.metric, *(one.metric for one in experiment.guardrails)}
    for name in sorted({*known.levels, *known.spreads, *known.lower} - metrics):
        raise UsageError(f"{name}: is no metric of {experiment.name} ({', '.join(sorted(metrics))})")
    reason = _unplannable(primary.metric, known)
    if reason:
        raise UsageError(f"{primary.metric}: {reason}")
    kind = "superior" if primary.require == "superior" else "not worse"
    questions, left_out = [_question(primary.metric, kind, primary.mde, known)], []
    for one in experiment.guardrails:
        reason = _unplannable(one.metric, known)
        if one.metric == primary.metric and kind == "superior":
            reason = "who is better is not worse; the primary question is the harder one"
        if reason:
            left_out.append(f"{one.metric}: {reason}")
        else:
            questions.append(_question(one.metric, "not worse", one.margin, known))
    return Asked(tuple(questions), tuple(left_out))


def arms(experiment: Experiment) -> tuple[float, float, int]:
    """The treatment's share of the two arms that are compared, theirs of all units, and how many treatments there are.

    With several treatments the one with the fewest units is planned for.
    """
    control = experiment.variant(experiment.control).weight
    others = [one.weight for one in experiment.variants if one.name != experiment.control]
    treatment = min(others)
    if not (control > 0 and treatment > 0):
        raise UsageError(f"{experiment.name}: an arm without units can't be compared")
    return treatment / (control + treatment), (control + treatment) / 100, len(others)


def level(text: str, metric: str) -> float:
    """A level as it is written, ``62%`` or ``1.8``; raises `UsageError`."""
    try:
        found = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        found = nan
    if not isfinite(found):
        raise UsageError(f"{metric}: {text!r} is not a level (62% is a share, 1.8 an amount)")
    return found


def planned_question(question: Question) -> str:
    """The question in words."""
    size = amount(question, question.effect)
    if question.relative:
        size += f" ({100 * question.effect / abs(question.baseline):.3g}% of today's)"
    return f"better by {size}" if question.kind == "superior" else f"not worse by {size}"


def amount(question: Question, value: float) -> str:
    """A difference on the metric's scale: points of a share, or the number."""
    if question.sd is not None:
        return f"{value:.3g}"
    points = f"{100 * value:.2g}"
    return f"{points} point{'' if points == '1' else 's'}"


def _question(metric: str, kind: str, written: str, known: Known) -> Question:
    margin, baseline = parse_margin(written), known.levels[metric]
    effect = float(margin.value) * (abs(baseline) if margin.relative else 1.0)
    if margin.relative and baseline == 0:
        raise UsageError(f"{metric}: {written} of a level of 0 is nothing; what is it really?")
    if metric not in known.spreads and not 0 < baseline < 1:
        raise UsageError(f"{metric}: {_no_share(metric, baseline)}")
    try:
        return Question(
            metric,
            "superior" if kind == "superior" else "not worse",
            baseline,
            effect,
            sd=known.spreads.get(metric),
            lower_is_better=metric in LESS_IS_BETTER or metric in known.lower or metric.startswith("safety."),
            relative=margin.relative,
            safety=metric in ERRORS_AND_SAFETY or metric.startswith("safety."),
            scored=metric.partition(".")[0] in SCORED,
        )
    except ValueError as error:
        raise UsageError(str(error)) from None


def _no_share(metric: str, level: float) -> str:
    """What is wrong with a level that lies not between 0 and 1."""
    if level in (0, 1):
        likely = "0.1%" if level == 0 else "99.9%"
        return f"{level:.0%} leaves nothing to plan by: nobody knows it so exactly; say what it may well be ({likely})"
    amount = "" if metric in SHARES else f"; for an amount say --sd {metric}=… too"
    return f"a share of {level:g} must lie between 0 and 1 (62% is 0.62){amount}"


def _unplannable(metric: str, known: Known) -> str:
    """Why a metric has no plan, or nothing."""
    if metric.endswith(QUANTILES):
        return "a quantile is not planned; its variance is not known before"
    if metric.startswith("review."):
        return "reviewers decide it, not traffic"
    if metric not in known.levels:
        example = "2.1" if metric in AMOUNTS else "1%" if metric in LESS_IS_BETTER else "62%"
        return f"what is it today? --baseline {metric}={example}"
    if metric in AMOUNTS and metric not in known.spreads:
        return f"how much does it vary from unit to unit? --sd {metric}=0.9"
    share = metric in SHARES or metric.partition(".")[0] in OPEN_FAMILIES
    return "is a share and needs no --sd" if share and metric in known.spreads else ""


def _refuse_reviews(primary: Primary) -> None:
    """Raises `UsageError` for a preference, with the votes that it takes; relative is to one half."""
    if primary.metric != "review.preference":
        return
    margin = parse_margin(primary.mde)
    size = float(margin.value) * (0.5 if margin.relative else 1.0)
    if size > 0.5:
        raise UsageError(f"review.preference: a win rate of 50% can't move by {100 * size:g} points")
    needed = votes(0.5 + size) if primary.require == "superior" else cases_for_margin(0.25, size)
    raise UsageError(f"review.preference: reviewers decide it, by about {needed:,} votes (80 % power), not traffic")
