"""Derives the statistical questions of an experiment from its metrics and from assumptions about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite, nan

from fairtrial.config.rules.margins import parse_margin
from fairtrial.domain.errors import UsageError
from fairtrial.domain.metrics import CATALOGUE
from fairtrial.domain.plan import Experiment
from fairtrial.stats.planning.question import Question

SHARES = {name for name, metric in CATALOGUE.items() if metric.is_share}
AMOUNTS = CATALOGUE.keys() - SHARES
LESS_IS_BETTER = {name for name, metric in CATALOGUE.items() if metric.better == "lower"}
ERRORS_AND_SAFETY = {name for name, metric in CATALOGUE.items() if metric.safety}
QUANTILES = ("_p50", "_p95", "_p99")
SCORED = ("requests",)
"""Families that are measured on each answer rather than on users."""


@dataclass(frozen=True, slots=True)
class MetricAssumptions:
    """``levels`` and ``spreads`` (standard deviations) by metric, and the metrics that are better ``lower``."""

    levels: Mapping[str, float]
    spreads: Mapping[str, float] = field(default_factory=dict)
    lower: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ExperimentQuestions:
    """``questions``: the primary metric and the plannable guardrails; ``left_out``: the others, with reasons."""

    questions: tuple[Question, ...]
    left_out: tuple[str, ...]


def questions_of(experiment: Experiment, known: MetricAssumptions) -> ExperimentQuestions:
    """The questions of an experiment; raises `UsageError` for a primary metric that can't be planned."""
    primary = experiment.primary
    if primary is None:
        raise UsageError(f"{experiment.name}: the experiment has no primary metric, so there is nothing to plan")
    metrics = {primary.metric, *(one.metric for one in experiment.watched)}
    for name in sorted({*known.levels, *known.spreads, *known.lower} - metrics):
        raise UsageError(f"{name}: not a metric of {experiment.name} (known: {', '.join(sorted(metrics))})")
    reason = _unplannable(primary.metric, known)
    if reason:
        raise UsageError(f"{primary.metric}: {reason}")
    kind = "superior" if primary.require == "superior" else "not worse"
    questions, left_out = [_question(primary.metric, kind, primary.mde, known)], []
    for one in experiment.watched:
        reason = _unplannable(one.metric, known)
        if one.metric == primary.metric and kind == "superior":
            reason = "the primary metric already requires better, which includes not worse"
        if reason:
            left_out.append(f"{one.metric}: {reason}")
        else:
            questions.append(_question(one.metric, "not worse", one.margin, known))
    return ExperimentQuestions(tuple(questions), tuple(left_out))


@dataclass(frozen=True, slots=True)
class ArmShares:
    """``treatment``: the treatment's share of the two compared arms; ``compared``: the share of all units in them."""

    treatment: float
    compared: float
    treatments: int


def arm_shares(experiment: Experiment) -> ArmShares:
    """The arms to plan for. With several treatments, that is the one with the fewest units."""
    control = experiment.variant(experiment.control).weight
    others = [one.weight for one in experiment.variants if one.name != experiment.control]
    treatment = min(others)
    if not (control > 0 and treatment > 0):
        raise UsageError(f"{experiment.name}: an arm without units can't be compared")
    return ArmShares(treatment / (control + treatment), (control + treatment) / 100, len(others))


def parse_level(text: str, metric: str) -> float:
    """A level such as ``62%`` or ``1.8``; raises `UsageError`."""
    try:
        found = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        found = nan
    if not isfinite(found):
        raise UsageError(f"{metric}: {text!r} is not a level (write a share as 62%, an amount as 1.8)")
    return found


def describe_question(question: Question) -> str:
    """The question in words, such as ``better by 3 points``."""
    size = format_difference(question, question.effect)
    if question.relative:
        size += f" ({100 * question.effect / abs(question.baseline):.3g}% of today's)"
    return f"better by {size}" if question.kind == "superior" else f"not worse by {size}"


def format_difference(question: Question, value: float) -> str:
    """A difference on the metric's scale: points for a share, otherwise a number."""
    if question.sd is not None:
        return f"{value:.3g}"
    points = f"{100 * value:.2g}"
    return f"{points} point{'' if points == '1' else 's'}"


def _question(metric: str, kind: str, written: str, known: MetricAssumptions) -> Question:
    margin, baseline = parse_margin(written), known.levels[metric]
    effect = float(margin.value) * (abs(baseline) if margin.relative else 1.0)
    if margin.relative and baseline == 0:
        raise UsageError(f"{metric}: {written} of a level of 0 is 0; give the true level")
    if metric not in known.spreads and not 0 < baseline < 1:
        raise UsageError(f"{metric}: {_invalid_share(metric, baseline)}")
    try:
        return Question(
            metric,
            "superior" if kind == "superior" else "not worse",
            baseline,
            effect,
            sd=known.spreads.get(metric),
            lower_is_better=metric in LESS_IS_BETTER or metric in known.lower,
            relative=margin.relative,
            safety=metric in ERRORS_AND_SAFETY,
            scored=metric.partition(".")[0] in SCORED,
        )
    except ValueError as error:
        raise UsageError(str(error)) from None


def _invalid_share(metric: str, level: float) -> str:
    """Why a level is not a share between 0 and 1."""
    if level in (0, 1):
        likely = "0.1%" if level == 0 else "99.9%"
        return f"a level of exactly {level:.0%} can't be planned with; give a realistic level (such as {likely})"
    amount = "" if metric in SHARES else f"; for an amount, also give --sd {metric}=…"
    return f"a share must be between 0 and 1, not {level:g} (62% is 0.62){amount}"


def _unplannable(metric: str, known: MetricAssumptions) -> str:
    """Why a metric can't be planned, or an empty text."""
    if metric.endswith(QUANTILES):
        return "quantiles are not planned, because their variance is not known in advance"
    if metric not in known.levels:
        example = "2.1" if metric in AMOUNTS else "1%" if metric in LESS_IS_BETTER else "62%"
        return f"give its level today, such as --baseline {metric}={example}"
    if metric in AMOUNTS and metric not in known.spreads:
        return f"give its standard deviation between units, such as --sd {metric}=0.9"
    return "it is a share, so --sd does not apply" if metric in SHARES and metric in known.spreads else ""
