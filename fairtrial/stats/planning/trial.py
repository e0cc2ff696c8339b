"""Plans a trial: what each question needs by the rule that decides it, and which changes would help."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from fairtrial.domain.promises import ALPHA
from fairtrial.stats.planning.plans import (
    EXACT,
    by_exact,
    normal_units,
    planned_looks,
    single_look,
    watched,
    with_tail,
)
from fairtrial.stats.planning.proposals import BEYOND, Option, ProposedChange, Rule, changes, pairs, whole_weeks
from fairtrial.stats.planning.question import MODES, RARE, Design, Question
from fairtrial.stats.planning.steady import passing
from fairtrial.stats.sizes import units_without_event

__all__ = ["PlannedMetric", "PlannedTrial", "Proposal", "Undecidable", "plan_trial", "rule_of", "units_needed"]

ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class PlannedMetric:
    """One question, with its requirements in the chosen mode and, for comparison, in every mode.

    ``power`` is the power that the question needs as one of all questions of the trial.

    >>> trial = plan_trial([Question("rating", "superior", 4.0, 0.2, sd=3.0)], Design(per_week=4000))
    >>> [f"{one.mode} {one.weeks}" for one in trial.metrics[0].others]
    ['monitor 3', 'planned 3', 'fixed 2']
    """

    question: Question
    power: float
    chosen: Option
    others: tuple[Option, ...] = ()


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A design with its questions, the primary one first, all of which can be decided in the available time.

    ``weeks`` is the number of whole weeks after which all of them together have the design's power.

    >>> plan_trial([Question("resolved", "superior", 0.62, 0.03)], Design(per_week=4000)).weeks
    4
    """

    design: Design
    metrics: tuple[PlannedMetric, ...]
    weeks: int

    def ships(self, week: int | None = None) -> float:
        """At least with this probability a candidate as good as planned ships by the end of the planned or a week."""
        return max(0.0, 1 - _missed(self.metrics, self.design, (week or self.weeks) - 1))


@dataclass(frozen=True, slots=True)
class Proposal:
    """A change that lets the trial be decided, as text and as a plan by the same code.

    >>> refused = plan_trial([Question("resolved", "superior", 0.62, 0.03)], Design(per_week=1800))
    >>> refused.proposals[0].change, refused.proposals[0].trial.weeks
    ('planned looks instead of watching', 6)
    """

    change: str
    trial: PlannedTrial


@dataclass(frozen=True, slots=True)
class Undecidable:
    """A trial that would probably end without an answer: the reason, the requirements, and the alternatives.

    ``metrics`` is as in `PlannedTrial`, and all ``proposals`` can be decided. ``pairs`` covers questions that can't be
    decided but can be scored without a user's reaction. It has the number of pairs of answers to the same requests that
    would decide each of them. ``ships``: at least with this probability a candidate as good as planned ships in time.

    >>> print(plan_trial([Question("solved", "superior", 0.62, 0.03)], Design(per_week=900, weeks=5)).reason)
    4,500 units in 5 weeks are too few: solved needs 13,489 units, 15 weeks (power 23% at the end, 80% wanted)
    """

    reason: str
    design: Design
    metrics: tuple[PlannedMetric, ...]
    proposals: tuple[Proposal, ...]
    pairs: tuple[tuple[str, int], ...] = ()

    @property
    def ships(self) -> float:
        return max(0.0, 1 - _missed(self.metrics, self.design, self.design.weeks - 1))


def plan_trial(questions: Sequence[Question], design: Design) -> PlannedTrial | Undecidable:
    """Plans a trial. ``questions`` are the primary one and the guardrails; all must succeed for a release.

    The trial has the design's power when the probabilities of missing a question add up to at most 1 − power; this
    needs no independence. The units of each question are those for the power 1 − β / (number of metrics). In
    ``planned`` mode the trial has a look each week, in ``fixed`` mode one at the end. Guardrails are always watched.
    Returns `Undecidable` if a candidate as good as planned does not ship with the power in the available weeks. That
    also allows for a false stop, and for an effect that seems to fade.

    Source: Schultzberg, Ankargren & Frånberg (2024), arXiv:2402.11609, for the power of a decision by several metrics.
    `rule_of` names the sources of the rules.

    >>> question = Question("feedback.resolved", "superior", baseline=0.62, effect=0.03)
    >>> for mode in ("fixed", "monitor", "planned"):
    ...     trial = plan_trial([question], Design(per_week=4000, mode=mode))
    ...     print(f"{mode}: {trial.metrics[0].chosen.units:,.0f} users, {trial.weeks} weeks")
    fixed: 8,083 users, 3 weeks
    monitor: 13,489 users, 4 weeks
    planned: 12,000 users, 3 weeks
    """
    if not questions:
        raise ValueError("a trial needs at least one question")
    metrics = _metrics(questions, design)
    if _missed(metrics, design, design.weeks - 1) <= 1 - design.power + ROUNDING:
        return _trial(metrics, design)

    def can_be_decided(change: ProposedChange) -> bool:
        power, whole = _power_each(change.questions, change.design), change.design
        tried = [PlannedMetric(each, power, option(each, whole, power, beyond=False)) for each in change.questions]
        return _missed(tried, whole, whole.weeks - 1) <= 1 - whole.power + ROUNDING

    failing = [number for number, metric in enumerate(metrics) if metric.chosen.weekly[-1] < metric.power] or [0]
    proposed = list(changes(questions, design, failing, can_be_decided))
    proposals = tuple(
        Proposal(proposal.words, _trial(_metrics(proposal.questions, proposal.design), proposal.design))
        for proposal in proposed
    )
    short = [metrics[number] for number in failing]
    shadowed = tuple(
        (metric.question.metric, n) for metric in short if (n := pairs(metric.question, design, metric.power))
    )
    return Undecidable(_reason(short, design), design, metrics, proposals, shadowed)


def _metrics(questions: Sequence[Question], design: Design) -> tuple[PlannedMetric, ...]:
    power = _power_each(questions, design)
    return tuple(
        PlannedMetric(
            question,
            power,
            option(question, design, power),
            _others(question, design, power),
        )
        for question in questions
    )


def _others(question: Question, design: Design, power: float) -> tuple[Option, ...]:
    """The question in every mode; a guardrail is always watched."""
    return () if question.guardrail else tuple(option(question, replace(design, mode=mode), power) for mode in MODES)


def _power_each(questions: Sequence[Question], design: Design) -> float:
    return 1 - (1 - design.power) / max(design.metrics, len(questions))


def held(metric: PlannedMetric, design: Design, week: int) -> float:
    """The probability that a metric has decided by the end of a week, counted from 0, but its effect seems to fade."""
    return metric.chosen.weekly[week] * (1 - passing(metric.question, design)[week])


def false_stop(metrics: Sequence[PlannedMetric]) -> float:
    """At most with this probability a harmless treatment is paused or killed."""
    return ALPHA if any(metric.question.guardrail for metric in metrics[1:]) else 0.0


def _missed(metrics: Sequence[PlannedMetric], design: Design, week: int) -> float:
    """At most with this probability nothing ships by the end of a week, counted from 0: what can prevent it, added up.

    Each question may be missed, a harmless treatment stopped, and a steady effect held because it seems to fade.
    """
    missed = sum(1 - metric.chosen.weekly[week] for metric in metrics)
    return missed + false_stop(metrics) + held(metrics[0], design, week)


def _trial(metrics: tuple[PlannedMetric, ...], design: Design) -> PlannedTrial:
    weeks = (week for week in range(design.weeks) if _missed(metrics, design, week) <= 1 - design.power + ROUNDING)
    return PlannedTrial(design, metrics, next(weeks, design.weeks - 1) + 1)


def _reason(failing: Sequence[PlannedMetric], design: Design) -> str:
    """The requirements of each question that can't be decided."""
    reasons = []
    for metric in failing:
        units, weeks = metric.chosen.units, metric.chosen.weeks
        needs = "needs many times as many" if units is None else f"needs {units:,.0f} units, {weeks:,} weeks"
        reasons.append(
            f"{metric.question.metric} {needs} (power {metric.chosen.power:.0%} at the end, {metric.power:.0%} wanted)"
        )
    return f"{design.most:,.0f} units in {design.weeks} weeks are too few: " + "; ".join(reasons)


def rule_of(question: Question, design: Design) -> Rule:
    """The rule that decides a question, as the monitor decides it. It depends only on the plan, never on the data.

    A rate of requests is decided by each unit's share of bad ones. Whether a share below 2 % becomes better is decided
    exactly, by conversions. Otherwise the mode decides, but guardrails are always watched.

    Source: Waudby-Smith & Ramdas (2024), JRSS-B 86(1); Lindon & Malek (2022), arXiv:2011.03567; Waudby-Smith et al.
    (2024), arXiv:2103.06476; O'Brien & Fleming (1979), Biometrics 35:549-556.

    >>> rule_of(Question("feedback.bought", "superior", 0.01, 0.005), Design(per_week=4000))
    'conversion e-process'
    """
    is_watched = design.mode == "monitor" or question.guardrail
    if is_watched and question.rate:
        return "shares of units"
    if is_watched and question.sd is None and question.kind == "superior" and question.baseline < RARE:
        return "conversion e-process"
    return "normal mixture" if is_watched else "O'Brien-Fleming" if design.mode == "planned" else "one look"


@lru_cache(maxsize=1024)
def option(question: Question, design: Design, power: float, *, beyond: bool = True) -> Option:
    """What the question needs for this power in the design's mode.

    ``beyond`` says whether units are also searched past the longest duration, which informs but does not change whether
    it fits.
    """
    design = replace(design, lag=question.window_days / 7)
    if question.guardrail:
        design = replace(design, alpha=design.guardrail_alpha)
    rule, multiples = rule_of(question, design), BEYOND if beyond else ()
    if design.most <= 0:  # no unit counts in time; a longer trial says how many it takes
        later = option(replace(question, window_days=0.0), design, power, beyond=beyond)
        weeks = None if later.units is None else whole_weeks(later.units, design)
        return replace(later, weeks=weeks, power=0.0, excluded=None, weekly=(0.0,) * design.weeks)
    if question.response is not None:
        return _with_worst_case(question, design, power, beyond=beyond)
    if rule in EXACT:
        return by_exact(rule, question, design, power, multiples)
    if rule == "normal mixture":
        return with_tail(watched(question, design, power), question, design, power)
    return planned_looks(question, design, power) if rule == "O'Brien-Fleming" else single_look(question, design, power)


def _with_worst_case(question: Question, design: Design, power: float, *, beyond: bool) -> Option:
    """What the units with feedback need, and the worst case of the others, both of which must agree."""
    complete = option(replace(question, response=None), design, power, beyond=beyond)
    worst = question.in_worst_case(design.share)
    if worst is None:
        none = (0.0,) * design.weeks
        return replace(
            complete,
            units=None,
            weeks=None,
            power=0.0,
            mean_stop=design.most,
            exaggeration=None,
            excluded=None,
            weekly=none,
        )
    more = option(worst, design, power, beyond=beyond)
    units = None if complete.units is None or more.units is None else max(complete.units, more.units)
    return replace(
        complete,
        units=units,
        weeks=None if units is None else whole_weeks(units, design),
        power=min(complete.power, more.power),
        mean_stop=max(complete.mean_stop, more.mean_stop),
        excluded=None,
        weekly=tuple(map(min, complete.weekly, more.weekly)),
    )


def units_needed(question: Question, *, share: float, alpha: float, power: float) -> float | None:
    """The units in both arms with which a watched question has this power, however fast they arrive.

    Page, status and plan state this number. ``None`` if no number of units that could be planned suffices.

    Source: as `rule_of`.

    >>> round(units_needed(Question("solved", "superior", 0.60, 0.10), share=0.5, alpha=0.05, power=0.9))
    1512
    """
    if question.response is not None:
        worst = question.in_worst_case(share)
        both = [replace(question, response=None), *([] if worst is None else [worst])]
        sizes = [units_needed(bound, share=share, alpha=alpha, power=power) for bound in both]
        return None if worst is None or None in sizes else max(size or 0.0 for size in sizes)
    design = Design(per_week=1.0, share=share, alpha=alpha, guardrail_alpha=alpha)
    rule = rule_of(question, design)
    if rule == "normal mixture":
        return normal_units(question, design, power)
    first = units_without_event(question.effect, alpha=alpha) / min(share, 1 - share)
    for times in (1, *BEYOND, 64, 256):
        far = replace(design, per_week=times * first / design.weeks)
        if (units := EXACT[rule][0](question, far).needed(power)) is not None:
            return units
    return None
