"""Derives the statistical questions of an experiment from its metrics and from assumptions about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite, nan

from fairtrial.domain.errors import UsageError
from fairtrial.domain.metrics import CATALOGUE
from fairtrial.domain.plan import Experiment
from fairtrial.experiments.analysis.freeze import metric_plans
from fairtrial.experiments.methods.amounts import SHARED
from fairtrial.experiments.methods.method import needs_spread, question_of
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.arms.feedback import least_response
from fairtrial.stats.planning.question import Question

SHARES = {name for name, metric in CATALOGUE.items() if metric.is_share}
AMOUNTS = CATALOGUE.keys() - SHARES


@dataclass(frozen=True, slots=True)
class Assumptions:
    """``levels`` and ``spreads`` (standard deviations) by metric, and the feedback metrics that are better ``lower``.

    ``responses``: the shares of units that give feedback, by metric.
    """

    levels: Mapping[str, float]
    spreads: Mapping[str, float] = field(default_factory=dict)
    lower: Sequence[str] = ()
    responses: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MetricAssumptions(Assumptions):
    """The assumptions with what is known. ``left``: as in `Question`, by metric."""

    left: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExperimentQuestions:
    """``questions``: the primary metric and the plannable guardrails; ``left_out``: the others, with reasons.

    ``unprovable``: metrics that no number of units decides, each with the reason and a remedy.
    """

    questions: tuple[Question, ...]
    left_out: tuple[str, ...]
    unprovable: tuple[tuple[str, str], ...] = ()


def questions_of(
    experiment: Experiment, known: MetricAssumptions, *, shared_engine: bool = False
) -> ExperimentQuestions:
    """The questions of an experiment; raises `UsageError` for a primary metric that can't be planned."""
    if experiment.primary is None:
        raise UsageError(f"{experiment.name}: the experiment has no primary metric, so there is nothing to plan")
    metrics = metric_plans(experiment)
    names = {metric.metric for metric in metrics}
    for name in sorted({*known.levels, *known.spreads, *known.lower, *known.responses} - names):
        raise UsageError(f"{name}: not a metric of {experiment.name} (known: {', '.join(sorted(names))})")
    questions, left_out, unprovable = [], [], list[tuple[str, str]]()
    for metric in metrics:
        reason = _unplannable(metric, known)
        if metric.method == "quantile" and shared_engine and metric.role == "guardrail":
            unprovable.append((f"{metric.metric}: {SHARED}", "Give each arm its own engine, or remove the guardrail"))
        elif not reason:
            question = _question(metric, experiment, known)
            questions.append(question)
            unprovable += _too_little_feedback(question)
        elif metric.role == "primary":
            raise UsageError(f"{metric.metric}: {reason}")
        else:
            left_out.append(f"{metric.metric}: {reason}")
    left_out += [
        f"{guardrail.metric}: the primary metric already requires better, which includes not worse"
        for guardrail in experiment.watched
        if guardrail.metric == experiment.primary.metric and experiment.primary.require == "superior"
    ]
    return ExperimentQuestions(tuple(questions), tuple(left_out), tuple(unprovable))


@dataclass(frozen=True, slots=True)
class ArmShares:
    """``treatment``: the treatment's share of the two compared arms; ``compared``: the share of all units in them."""

    treatment: float
    compared: float
    treatments: int


def arm_shares(experiment: Experiment) -> ArmShares:
    """The arms to plan for. With several treatments, that is the one with the fewest units."""
    control = experiment.variant(experiment.control).weight
    others = [variant.weight for variant in experiment.variants if variant.name != experiment.control]
    treatment = min(others)
    if not (control > 0 and treatment > 0):
        raise UsageError(f"{experiment.name}: an arm without units can't be compared")
    return ArmShares(treatment / (control + treatment), (control + treatment) / 100, len(others))


def parse_level(text: str, metric: str) -> float:
    """A level such as ``62%`` or ``1.8``; raises `UsageError`."""
    try:
        level = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        level = nan
    if not isfinite(level):
        raise UsageError(f"{metric}: {text!r} is not a level (write a share as 62%, an amount as 1.8)")
    return level


def parse_levels(texts: Sequence[str], primary: str) -> dict[str, float]:
    """Parse texts such as ``METRIC=62%``; one without a metric is about the primary metric. Raises `UsageError`."""
    levels: dict[str, float] = {}
    for text in texts:
        metric, equals, value = text.rpartition("=")
        if equals and not metric:
            raise UsageError(f"{text!r} names no metric (leave out the = for the primary metric)")
        metric = metric if equals else primary
        if not metric:
            raise UsageError(
                f"{text!r} names no metric, and the experiment has no primary metric (write METRIC={text})"
            )
        if metric in levels:
            raise UsageError(f"{metric} is given more than once")
        levels[metric] = parse_level(value, metric)
    return levels


def describe_question(question: Question) -> str:
    """The question in words, such as ``better by 3 points``."""
    size = format_difference(question, question.effect)
    if question.relative:
        size += f" ({100 * question.effect / abs(question.baseline):.3g}% of today's)"
    aim = f"better by {size}" if question.kind == "superior" else f"not worse by {size}"
    return aim if question.response is None else f"{aim}, also in the worst case ({question.response:.0%} feedback)"


def format_difference(question: Question, value: float) -> str:
    """A difference on the metric's scale: points for a share, otherwise a number."""
    if question.sd is not None:
        return f"{value:.3g}"
    points = f"{100 * value:.2g}"
    return f"{points} point{'' if points == '1' else 's'}"


def _question(metric: MetricPlan, experiment: Experiment, known: MetricAssumptions) -> Question:
    name, baseline = metric.metric, known.levels[metric.metric]
    if metric.relative and baseline == 0:
        raise UsageError(f"{name}: {100 * metric.margin:g}% of a level of 0 is 0; give the true level")
    least = 0.0 if metric.counts_requests else None
    if name not in known.spreads and not (0 < baseline < 1 or baseline == least):
        raise UsageError(f"{name}: {_invalid_share(name, baseline)}")
    if name in known.lower:
        metric = replace(metric, better="lower")
    metric = replace(metric, response=known.responses.get(name, 1.0))
    try:
        spread, left = known.spreads.get(name), known.left.get(name, 1.0)
        return question_of(metric, experiment.unit, level=baseline, spread=spread, left=left)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _too_little_feedback(question: Question) -> list[tuple[str, str]]:
    """Why the worst case of missing feedback can't show the effect, however many units there are."""
    if question.can_be_shown or question.response is None:
        return []
    least = f"over {100 * least_response(question.effect, question.within):.1f}% must give it"
    few = f"with feedback from {question.response:.0%} of the units, missing: worst_case can't be met: {least}"
    return [(f"{question.metric}: {few}", "Collect feedback from more units, or write missing: at_random")]


def _invalid_share(metric: str, level: float) -> str:
    """Why a level is not a share between 0 and 1."""
    if level in (0, 1):
        likely = "0.1%" if level == 0 else "99.9%"
        return f"a level of exactly {level:.0%} can't be planned with; give a realistic level (such as {likely})"
    amount = "" if metric in SHARES else f"; for an amount, also give --sd {metric}=…"
    return f"a share must be between 0 and 1, not {level:g} (62% is 0.62){amount}"


def _unplannable(metric: MetricPlan, known: MetricAssumptions) -> str:
    """Why a metric can't be planned, or an empty text."""
    name = metric.metric
    if name not in known.levels:
        example = "2.1" if name in AMOUNTS else "1%" if metric.better == "lower" else "62%"
        return f"give its level today, such as --baseline {name}={example}"
    if needs_spread(metric) and name not in known.spreads:
        between, example = ("requests", "400") if metric.method == "quantile" else ("units", "0.9")
        return f"give its standard deviation between {between}, such as --sd {name}={example}"
    if metric.missing == "worst_case" and name not in known.responses:
        return f"give the share of units with this feedback, such as --response {name}=97%"
    return "it is a share, so --sd does not apply" if metric.counts_requests and name in known.spreads else ""
