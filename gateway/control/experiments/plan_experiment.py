"""Plans an experiment before it starts: how many units and weeks it needs, and whether it can decide anything."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import ceil

from fairtrial.domain.errors import UsageError
from fairtrial.domain.metrics import CATALOGUE
from fairtrial.domain.plan import Experiment
from fairtrial.domain.promises import ALPHA, HARM_POWER, HARM_TIMES, SEEN_WEEKS, UNEQUAL_TRAFFIC
from fairtrial.domain.settings import SPLIT
from fairtrial.domain.wording import counted
from fairtrial.experiments.analysis.freeze import metric_plans, min_days_of, planned_units
from fairtrial.experiments.analysis.slices import slice_units
from fairtrial.experiments.decision.caveat_words import UNSEEN
from fairtrial.experiments.metric_plan import MetricPlan
from fairtrial.stats.planning.question import Design, Question, Terms
from fairtrial.stats.planning.rate_courses import kill_course, pause_course
from fairtrial.stats.planning.trial import PlannedTrial, Undecidable, option, plan_trial
from gateway.control.experiments.experiment_questions import Assumptions, MetricAssumptions, arm_shares, questions_of
from gateway.control.experiments.traffic_history import NO_HISTORY, TrafficHistory
from gateway.control.source_plans import SourcesPlan, plan_sources

MOST_UNITS = 20_000.0
"""How far the courses are followed. `HARM_POWER` of the trials must stop until then for a mean to say something."""

PLANNED_SLICES, SLICE_LOSS = 8, 0.2
"""The slices, and the loss of one of them in a share, for which a plan says how many units show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest(Assumptions):
    """The assumptions of a plan. ``per_week``: new units a week in all arms, ``None`` to take it from recent traffic.

    With the ``responses`` of the primary metric, ``per_week`` counts all units. ``scorers``: those of the route.
    ``gains``: what a candidate as good as planned gains by each source, as ``shadow.NAME``.
    """

    per_week: float | None = None
    terms: Terms
    scorers: Sequence[str] = ()
    gains: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExperimentPlan:
    """``result``: the plan, or why the experiment cannot decide; ``notes`` for the reader, including ``left_out``.

    ``sources``: what pairs of answers add to the split, ``None`` without a scorer.
    """

    result: PlannedTrial | Undecidable
    notes: tuple[str, ...]
    left_out: tuple[str, ...]
    sources: SourcesPlan | None = None

    @property
    def decides_by_sources(self) -> bool:
        """Whether the declared sources decide in time, and each guardrail has its units."""
        guardrails = self.result.metrics[1:]
        decided = self.sources is not None and self.sources.weeks is not None
        return decided and all(metric.chosen.weekly[-1] >= metric.power for metric in guardrails)


def plan_experiment(
    experiment: Experiment,
    request: PlanRequest,
    read_history: Callable[[], TrafficHistory],
    *,
    shared_engine: bool = False,
) -> ExperimentPlan:
    """Plan all metrics of an experiment. Recent traffic supplies missing assumptions and is read only if needed.

    ``shared_engine``: whether its arms are served by one machine, so that latency can't be proven safe.
    Raises `UsageError` for an assumption that is missing or impossible.
    """
    notes: list[str] = []
    of_sources = {name: sd for name, sd in request.spreads.items() if name.startswith("shadow.")}
    assumptions, per_week = _assumed(experiment, request, read_history, notes)
    questions = questions_of(experiment, assumptions, shared_engine=shared_engine)
    first = replace(questions.questions[0], planned=planned_units(experiment))
    questions = replace(questions, questions=(first, *questions.questions[1:]))
    number = len(metric_plans(experiment))
    design = _design(experiment, request, per_week, notes, metrics=number)
    result = plan_trial(questions.questions, design)
    if questions.unprovable:
        result = _unprovable(result, questions.unprovable)
    result = _after_whole_weeks(result, min_days_of(experiment))
    notes += _early(experiment, request.terms.weeks)
    notes += stop_notes(experiment, questions.questions, design)
    notes += [f"not planned: {metric}" for metric in questions.left_out]
    notes += _windows(questions.questions)
    notes += [*_cold_caches(experiment), *_saved(result), *_slices(experiment, questions.questions[0])]
    notes += [
        f"{planned.question.metric}: the share of units above its cap needs more units than the mean up to it"
        for planned in result.metrics
        if planned.chosen.tail
    ]
    sources = plan_sources(
        experiment,
        result.metrics[0],
        replace(design, alpha=ALPHA / arm_shares(experiment).treatments),
        scorers=request.scorers,
        gains=request.gains,
        spreads=of_sources,
        first_week=ceil(min_days_of(experiment) / 7),
    )
    return ExperimentPlan(result, tuple(notes), questions.left_out, sources)


def _assumed(
    experiment: Experiment, request: PlanRequest, read_history: Callable[[], TrafficHistory], notes: list[str]
) -> tuple[MetricAssumptions, float | None]:
    """What is assumed of each metric, and the new units a week. Adds to ``notes`` what came from recent traffic."""
    primary = experiment.primary.metric if experiment.primary else ""
    levels = _stated(experiment) | dict(request.levels)
    worst_case = {metric.metric for metric in metric_plans(experiment) if metric.missing == "worst_case"}
    asks_response = primary in worst_case and primary not in request.responses
    has_amounts = any(metric.method == "amount" for metric in metric_plans(experiment))
    needs_history = primary and (request.per_week is None or primary not in levels or asks_response or has_amounts)
    history = read_history() if needs_history else NO_HISTORY
    stated = request.responses.get(primary)
    history = history if stated is None else history.answered_by(stated)
    per_week = history.per_week if request.per_week is None else request.per_week * (stated or 1.0)
    responses = {primary: history.answering} if history.answering is not None else {}
    metrics = {primary, *(watched.metric for watched in experiment.watched)}
    seen = {name: rate for name, rate in history.levels.items() if name in metrics - {*levels, *request.spreads}}
    notes += history.notes(per_week=request.per_week is None, all_units=stated is not None, levels=seen)
    lower = [f"feedback.{feedback.key}" for feedback in experiment.feedback if feedback.better == "lower"]
    lower += request.lower
    spreads = {name: sd for name, sd in request.spreads.items() if not name.startswith("shadow.")}
    known = MetricAssumptions(seen | levels, spreads, lower, responses | dict(request.responses))
    return _with_amounts(known, history, notes), per_week


def _cold_caches(experiment: Experiment) -> Iterator[str]:
    """What an uneven split does to the cost of a small variant, if a cost decides."""
    weights = [variant.weight for variant in experiment.variants]
    uneven = min(weights) < UNEQUAL_TRAFFIC * max(weights)
    for metric in metric_plans(experiment) if uneven else ():
        if (known := CATALOGUE.get(metric.metric)) is not None and known.family == "cost":
            yield f"{metric.metric}: a small variant has a colder cache, so it costs more by design; split evenly"


def _with_amounts(known: MetricAssumptions, history: TrafficHistory, notes: list[str]) -> MetricAssumptions:
    """The assumptions with what history shows of amounts. Adds to ``notes`` the levels that nobody stated."""
    levels, spreads = dict(known.levels), dict(known.spreads)
    for amount in history.amounts:
        if amount.metric not in levels and amount.metric not in spreads:
            levels[amount.metric] = amount.level
            level = f"{amount.level:.3g}, with a standard deviation of {amount.spread:.3g}"
            notes.append(f"{amount.metric} of the control in the last 14 days: {level}")
        spreads.setdefault(amount.metric, amount.spread)
    left = {amount.metric: 1 - amount.share for amount in history.amounts}
    return replace(known, levels=levels, spreads=spreads, left=left)


def _saved(result: PlannedTrial | Undecidable) -> Iterator[str]:
    """How many units earlier amounts save, by the same rule without them."""
    for planned in result.metrics:
        share = 1 - planned.question.left
        plain = option(replace(planned.question, left=1.0), result.design, planned.power).units
        if share and plain is not None and planned.chosen.units is not None:
            why = f"amounts of 14 earlier days explain {share:.0%} of the variance (CUPED)"
            yield f"{planned.question.metric}: {why}: {planned.chosen.units:,.0f} units instead of {plain:,.0f}"


def _slices(experiment: Experiment, primary: Question) -> Iterator[str]:
    """How large a slice by tag must be to show that it loses, if the primary metric is a share of units."""
    if primary.sd is not None or primary.rate or not SLICE_LOSS < primary.baseline <= 1:
        return
    tests = PLANNED_SLICES * len(metric_plans(experiment)) * (len(experiment.variants) - 1)
    units = slice_units(primary.baseline, loses=SLICE_LOSS, tests=tests)
    loss = f"one of {PLANNED_SLICES} slices by tag that loses {100 * SLICE_LOSS:g} points of {primary.metric} is named"
    yield f"{loss} with {units:,} {experiment.unit}s of each arm that give feedback"


def _unprovable(result: PlannedTrial | Undecidable, reasons: Sequence[tuple[str, str]]) -> Undecidable:
    """No number of units helps, so the plan is refused."""
    needed = ". ".join(dict.fromkeys(remedy for _, remedy in reasons))
    short = any(
        planned.chosen.weekly[-1] < planned.power and planned.question.can_be_shown for planned in result.metrics
    )
    too_few = [result.reason] if isinstance(result, Undecidable) and short else []
    text = "; ".join([*too_few, *(why for why, _ in reasons)])
    proposals = result.proposals if isinstance(result, Undecidable) else ()
    pairs = result.pairs if isinstance(result, Undecidable) else ()
    return Undecidable(f"{text}. {needed}", result.design, result.metrics, proposals, pairs)


def _after_whole_weeks(result: PlannedTrial | Undecidable, min_days: float) -> PlannedTrial | Undecidable:
    """The plan, which is not decided before its first whole weeks are over."""
    if isinstance(result, Undecidable):
        return result
    return replace(result, weeks=max(result.weeks, ceil(min_days / 7)))


def _early(experiment: Experiment, weeks: int) -> Iterator[str]:
    """What a plan can't see that passes early, and whether one that waits has the time."""
    days = min_days_of(experiment)
    if days < 7 * SEEN_WEEKS:
        yield f"min_days {days:g}: it may pass before {SEEN_WEEKS} whole weeks are over, so {UNSEEN}"
    if days > 7 * weeks:
        yield f"it passes after {days:g} days (min_days), but it ends after {counted(weeks, 'week')}"


def _stated(experiment: Experiment) -> dict[str, float]:
    """The levels that the file states."""
    metrics = (experiment.primary, *experiment.watched)
    return {metric.metric: metric.baseline for metric in metrics if metric is not None and metric.baseline is not None}


def _windows(questions: Sequence[Question]) -> Iterator[str]:
    """How long units wait until they count, which the weeks include."""
    for question in questions:
        if question.window_days and not question.rate:
            days = question.window_days
            text = counted(round(days), "day") if days >= 1 else f"{days * 24:.3g} hours"
            yield f"{question.metric} of a unit counts {text} after its first request; the weeks include that time"


def _design(
    experiment: Experiment, request: PlanRequest, per_week: float | None, notes: list[str], *, metrics: int
) -> Design:
    """The design of the two arms that are compared. Adds to ``notes`` what a reader must know about it."""
    if per_week is None:
        raise UsageError(f"{experiment.name}: give the number of new units a week, such as --per-week 4000")
    arms = arm_shares(experiment)
    if arms.treatments > 1:
        level = f"5 % / {arms.treatments}"
        notes.append(f"{arms.treatments} treatments: planned for the one with the fewest units, at {level} (Holm)")
    if experiment.stage < 100:
        notes.append(f"the current stage enrolls {experiment.stage:g} % of the units: --per-week counts enrolled units")
    return Design(
        per_week=per_week * arms.compared,
        share=arms.treatment,
        alpha=ALPHA * experiment.sources.get(SPLIT, 1.0) / arms.treatments,
        guardrail_alpha=ALPHA,
        metrics=metrics,
        **asdict(request.terms),
    )


def stop_notes(experiment: Experiment, questions: Sequence[Question], design: Design) -> Iterator[str]:
    """A line for each level and margin of rates at which any decline pauses."""
    metrics = {metric.metric: metric for metric in metric_plans(experiment)}
    tests = len(metrics_of(experiment)) * (len(experiment.variants) - 1)
    alpha = design.guardrail_alpha / max(1, tests)
    by: dict[str, list[str]] = {}
    for question in questions:
        if question.rate and question.guardrail and metrics[question.metric].pause == 0:
            text = _stops(question, metrics[question.metric], share=design.share, alpha=alpha)
            by.setdefault(text, []).append(question.metric)
    for text, names in by.items():
        if text:
            yield f"{' and '.join(names)}: {text}"


def metrics_of(experiment: Experiment) -> tuple[MetricPlan, ...]:
    """The guardrails among which the error probability of pauses and kills is divided."""
    return tuple(metric for metric in metric_plans(experiment) if metric.role == "guardrail")


def _stops(question: Question, metric: MetricPlan, *, share: float, alpha: float) -> str:
    """The units until the pause and the kill, or nothing where the treatment can't be so bad, or is seldom stopped."""
    bad = question.baseline if question.lower_is_better else 1 - question.baseline
    worse = round(HARM_TIMES * bad, 12)
    if not 0 < worse < 1:
        return ""
    pause = pause_course(control=bad, treatment=worse, units=MOST_UNITS, share=share, alpha=alpha)
    if pause.power[-1] < HARM_POWER:
        return ""
    kill = kill_course(
        margin=metric.stop, relative=metric.stop_relative and metric.stop > 0,
        control=bad, treatment=worse, units=MOST_UNITS, share=share, alpha=alpha,
    )  # fmt: skip
    rise = f"{HARM_TIMES} times as many bad requests ({100 * bad:.3g} → {100 * worse:.3g} %) pause it after about"
    later = f", and stop it after about {kill.mean_stop:,.0f} if it continues after the pause"
    return f"{rise} {pause.mean_stop:,.0f} units" + (later if kill.power[-1] >= HARM_POWER else "")
