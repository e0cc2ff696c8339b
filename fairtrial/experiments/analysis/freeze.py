"""Freezes the analysis plan of a published experiment, and lists what an edit of the file would change in it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil
from typing import Any
from urllib.parse import urlsplit

import msgspec

from fairtrial.config.plan.hashes import definition_of, digest
from fairtrial.domain.metrics import CATALOGUE, Method, parse_margin, stop_margin
from fairtrial.domain.plan import Experiment, FeedbackMetric, Plan
from fairtrial.domain.promises import REQUESTS_CAP
from fairtrial.domain.settings import Guardrail, Looks, Primary, UnitKind
from fairtrial.experiments.analysis_plan import RULES, AnalysisPlan
from fairtrial.experiments.metric_plan import MetricPlan

STATED, EARLIER, MEASURED = "stated", "the last 14 days", "the control's first units"
GIVEN = ".given"
LATER: Mapping[str, Any] = {"pause_at": None, "kill_at": None, "missing": "at_random"}
"""Keys that stored plans of earlier rules lack, with their defaults."""
MIN_DAYS = "primary.min_days"
GROWTH = ("enroll.", "max_weeks", "primary.on_worse")
"""The beginnings of frozen fields whose amendment does not change what decides, so that all units still count."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a metric before the start: the control's ``level``, the ``cap`` and the response.

    ``from_us``: if the level was measured on the experiment's own first units, from when on units decide. ``earlier``:
    as in `MetricPlan`, if amounts from before the start are kept.
    """

    level: float | None = None
    cap: float | None = None
    response: float | None = None
    from_us: int = 0
    earlier: float | msgspec.UnsetType = msgspec.UNSET


def freeze(
    plan: Plan,
    experiment: Experiment,
    from_us: int,
    known: Mapping[str, Known] | None = None,
    *,
    rules: int = RULES,
    planned: bool = True,
) -> AnalysisPlan:
    """The analysis plan of a first attempt that starts at ``from_us``; ``known``: what is known of its metrics.

    ``planned``: whether the looks are planned, which needs statistics that are slow to load.
    """
    facts = known or {}
    return AnalysisPlan(
        experiment=experiment.name,
        segment=experiment.segment,
        revision=1,
        attempt=1,
        from_us=from_us,
        started_us=from_us,
        unit=experiment.unit,
        control=experiment.control,
        shares={variant.name: variant.weight / 100 for variant in experiment.variants},
        metrics=tuple(_with_known(metric, facts.get(metric.metric, Known()), rules) for metric in _metrics(experiment)),
        enrolment=replace(experiment.enrolment, start="now"),
        min_days=min_days_of(experiment),
        max_weeks=experiment.max_weeks,
        models={variant.name: plan.deployments[variant.deployment].digest for variant in experiment.variants},
        definitions={variant.name: definition_of(plan, variant) for variant in experiment.variants},
        routes=tuple(sorted(name for name, route in plan.routes.items() if route.experiment == experiment.name)),
        rules=rules,
        on_worse=experiment.primary.on_worse if experiment.primary else "continue",
        shared_engine=shared_engine(plan, experiment),
        analysis_hash=experiment.analysis_hash,
        declared=declared_fields(experiment),
        kept_control=experiment.kept_control,
        sources={} if experiment.kept_control else dict(experiment.sources),
        planned_units=planned_units(experiment, rules) if planned and not experiment.kept_control else None,
    )


def planned_units(experiment: Experiment, rules: int = RULES) -> float | None:
    """As `units_at_the_end`; the number depends on nothing but the file, so that the planner knows it."""
    from fairtrial.experiments.analysis.planned_looks import units_at_the_end  # statistics are slow to load

    return units_at_the_end(experiment, metric_plans(experiment), min_days_of(experiment), rules)


def way_to_look(experiment: Experiment) -> Looks:
    """How control looks at the primary metric."""
    return "monitor" if planned_units(experiment) is None else "planned"


def min_days_of(experiment: Experiment) -> float:
    """The days before the primary metric can pass: those of the file, else two whole weeks."""
    stated = None if experiment.primary is None else experiment.primary.min_days
    return 14.0 if stated is None else stated


def with_level(plan: AnalysisPlan, metric: str, known: Known, *, from_us: int) -> AnalysisPlan:
    """The plan with the level of a metric that was measured on the control's first units, which then do not decide."""
    metrics = tuple(
        replace(metric_plan, level=known.level, cap=metric_plan.cap or known.cap, source=MEASURED, from_us=from_us)
        if metric_plan.metric == metric
        else metric_plan
        for metric_plan in plan.metrics
    )
    return replace(plan, metrics=metrics)


def with_earlier(first: AnalysisPlan, known: Mapping[str, Known]) -> dict[str, Known]:
    """The known facts, with the value of a user who sent nothing: no cost, or the usual cost of a request."""
    amounts = [metric.metric for metric in first.metrics if metric.method == "amount" and first.unit == "user"]
    return {
        name: replace(facts, earlier=(facts.level if CATALOGUE[name].per else 0.0) or 0.0) if name in amounts else facts
        for name, facts in known.items()
    }


def with_later_end(plan: AnalysisPlan, experiment: Experiment) -> AnalysisPlan:
    """The plan with the end of the file, if that is later; it needs no amendment if looks are allowed at any time."""
    if plan.planned_units is not None or experiment.max_weeks <= plan.max_weeks:
        return plan
    return replace(plan, max_weeks=experiment.max_weeks)


def declared_fields(experiment: Experiment) -> dict[str, Any]:
    """What the file declares and a start freezes, as flat JSON values by name."""
    declared: dict[str, Any] = {
        "salt": digest(experiment.salt),
        "unit": experiment.unit,
        "control": experiment.control,
        "split": {variant.name: variant.weight for variant in experiment.variants},
        "enroll.stages": list(experiment.enrolment.stages),
        "enroll.min_units": experiment.enrolment.min_units,
        "enroll.min_hours": experiment.enrolment.min_hours,
        "enroll.approve": list(experiment.enrolment.approve),
        "max_weeks": experiment.max_weeks,
        "looks": experiment.looks,
    }
    primary = experiment.primary
    for name, value in _written(primary).items() if primary else ():
        declared[f"primary.{name}"] = value
    for guardrail in experiment.watched:
        declared |= {f"guardrails.{guardrail.metric}.{name}": value for name, value in _written(guardrail).items()}
    declared |= {f"sources.{name}": weight for name, weight in experiment.sources.items()}
    for metric in experiment.feedback:
        declared |= {f"metrics.{metric.key}.{name}": value for name, value in _written(metric).items()}
    return declared


def _written(section: Primary | Guardrail | FeedbackMetric) -> dict[str, Any]:
    """The fields as JSON values, as a stored plan has them; without those of `LATER` that have their default."""
    fields: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(section))
    return {name: value for name, value in fields.items() if name not in LATER or value != LATER[name]}


def frozen_changes(frozen: AnalysisPlan, experiment: Experiment) -> dict[str, str]:
    """The frozen fields that an edit changes, each with ``name: before → after``. A later end may be free."""
    return {name: f"{name}: {_value(old)} → {_value(new)}" for name, old, new in _changes(frozen, experiment)}


def counts_anew(frozen: AnalysisPlan, experiment: Experiment) -> bool:
    """Whether an amendment by this edit counts only units that are first exposed after it, as a new attempt."""
    return any(not name.startswith(GROWTH) for name, _, _ in _changes(frozen, experiment))


def _changes(frozen: AnalysisPlan, experiment: Experiment) -> Iterator[tuple[str, Any, Any]]:
    before, after = frozen.declared, declared_fields(experiment)
    if before.get("looks") == "monitor" and experiment.looks is None and frozen.rules < 7:
        after["looks"] = "monitor"  # the default of rules 6
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        longer = name == "max_weeks" and frozen.planned_units is None and experiment.max_weeks >= frozen.max_weeks
        if old != new and not longer:
            yield name, old, new


def changed_models(frozen: AnalysisPlan, plan: Plan, experiment: Experiment) -> tuple[str, ...]:
    """The variants that do not serve what they served at the start."""
    now = {variant.name: definition_of(plan, variant) for variant in experiment.variants}
    return tuple(name for name, known in frozen.definitions.items() if now.get(name, known) != known)


def metric_plans(experiment: Experiment) -> tuple[MetricPlan, ...]:
    """The metrics that decide an experiment, before anything is known of them."""
    return tuple(_metrics(experiment))


def _metrics(experiment: Experiment) -> Iterator[MetricPlan]:
    """The primary metric and the guardrails; one of the primary metric is left out, because that already decides."""
    declared, primary = {metric.key: metric for metric in experiment.feedback}, experiment.primary
    if primary is not None:
        yield _metric(primary, declared, experiment.unit)
    for guardrail in experiment.watched:
        if primary is None or guardrail.metric != primary.metric:
            yield _metric(guardrail, declared, experiment.unit)


def _metric(declaration: Primary | Guardrail, declared: Mapping[str, FeedbackMetric], unit: UnitKind) -> MetricPlan:
    primary = isinstance(declaration, Primary)
    margin = parse_margin(declaration.mde if isinstance(declaration, Primary) else declaration.margin)
    stop = parse_margin("0" if isinstance(declaration, Primary) else declaration.stop_margin or "0", zero=True)
    plan = MetricPlan(
        metric=declaration.metric,
        role="primary" if primary else "guardrail",
        method="events",
        better="lower",
        require=declaration.require if isinstance(declaration, Primary) else "not_worse",
        margin=float(margin.value),
        relative=margin.relative,
        stop=float(stop.value),
        stop_relative=stop.relative,
        signal="kill" if isinstance(declaration, Primary) else declaration.signal,
        level=declaration.baseline,
        source=STATED if declaration.baseline is not None else "",
        cap=declaration.cap,
    )
    if isinstance(declaration, Guardrail):
        plan = _with_stops(plan, declaration)
    if metric := CATALOGUE.get(declaration.metric):
        method: Method = "shares" if metric.method == "events" else metric.method
        most = 1.0 if unit == "request" else REQUESTS_CAP
        cap = plan.cap or most if metric.method == "events" else plan.cap
        level = 1 - plan.level if plan.level is not None and metric.better == "higher" else plan.level
        return replace(plan, method=method, better=metric.better, within=metric.within, cap=cap, level=level)
    return _feedback(plan, declared)


def _with_stops(plan: MetricPlan, guardrail: Guardrail) -> MetricPlan:
    """The declines that pause and kill. A former ``stop_margin`` that is not its default kills.

    By default a rate of errors or of safety pauses at any decline, and everything else where it kills.
    """
    former = stop_margin(guardrail.metric, guardrail.margin, None)
    declared = guardrail.stop_margin if guardrail.stop_margin not in (None, former) else guardrail.margin
    kill = guardrail.kill_at if guardrail.kill_at is not None else declared
    default = "0" if former == "0" else kill
    stop, pause = (parse_margin(text or "0", zero=True) for text in (kill, guardrail.pause_at or default))
    return replace(
        plan,
        stop=float(stop.value),
        stop_relative=stop.relative,
        pause=float(pause.value),
        pause_relative=pause.relative,
    )


def _feedback(plan: MetricPlan, declared: Mapping[str, FeedbackMetric]) -> MetricPlan:
    key = plan.metric.removeprefix("feedback.")
    given = key not in declared and key.endswith(GIVEN)
    metric = declared[key.removesuffix(GIVEN) if given else key]
    return replace(
        plan,
        method="given" if given else "feedback",
        better="higher" if given else metric.better,
        within=(0.0, 1.0) if given else metric.within,
        window_seconds=metric.window_seconds,
        per=metric.per,
        missing=msgspec.UNSET if given else metric.missing,
    )


def _with_known(metric: MetricPlan, known: Known, rules: int) -> MetricPlan:
    plan = metric
    if metric.level is None and known.level is not None and (metric.needs_level or metric.method == "shares"):
        source = MEASURED if known.from_us else EARLIER
        plan = replace(plan, level=known.level, source=source, from_us=known.from_us)
    if metric.method == "amount" and metric.cap is None:
        cap = known.cap if known.cap is not None else None if plan.level is None else 10 * plan.level
        plan = replace(plan, cap=cap)
    if known.earlier is not msgspec.UNSET and plan.cap is not None:
        plan = replace(plan, earlier=min(known.earlier, plan.cap))
    if metric.counts_requests and metric.cap is not None and known.cap is not None and rules < 7:
        plan = replace(plan, cap=min(metric.cap, max(1.0, float(ceil(known.cap)))))
    if metric.method in ("feedback", "given") and known.response:
        plan = replace(plan, response=known.response)
    return plan


def shared_engine(plan: Plan, experiment: Experiment) -> bool:
    """Whether two variants are served by the same address, which may be one machine."""
    addresses = [urlsplit(plan.deployments[variant.deployment].base_url).netloc for variant in experiment.variants]
    return len(set(addresses)) < len(addresses)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return " / ".join(f"{name} {_value(part)}" for name, part in value.items())
    if isinstance(value, list):
        return "[" + ", ".join(_value(part) for part in value) + "]"
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else f"{value}"
