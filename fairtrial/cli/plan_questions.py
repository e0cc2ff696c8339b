"""From an experiment of the file and what is known of its metrics to the questions and the design of its plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fairtrial.config.catalogue import AMOUNTS, ERRORS_AND_SAFETY, OPEN_FAMILIES, SHARES
from fairtrial.config.margins import parse_margin
from fairtrial.domain.errors import UsageError
from fairtrial.domain.plan import Experiment, Primary
from fairtrial.stats.planning.question import Question
from fairtrial.stats.planning.sizes import votes

LESS_IS_BETTER = {
    "requests.error_rate",
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
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise UsageError(f"{metric}: {text!r} is not a level (62% is a share, 1.8 an amount)") from None


def planned_question(question: Question) -> str:
    """The question in words."""
    size = amount(question, question.effect)
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
        hint = "" if metric in SHARES or metric in known.spreads else f"; for an amount say --sd {metric}=…"
        raise UsageError(f"{error}{hint}") from None


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
    if primary.metric == "review.preference":
        needed = votes(0.5 + float(parse_margin(primary.mde).value))
        raise UsageError(f"review.preference: reviewers decide it, by about {needed:,} votes (80 % power), not traffic")
