"""Compiles a checked file to the plan: fills in defaults, applies the live state, computes hashes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from fairtrial.config.file import schema
from fairtrial.config.plan.hashes import analysis_hash, deployment_digest
from fairtrial.config.plan.live_state import Live, lay_over
from fairtrial.config.plan.price_book import DatedPrice, later_prices, price_book
from fairtrial.config.rules.metrics import names_of
from fairtrial.domain.metrics import CATALOGUE, DEFAULT_GUARDRAILS, stop_margin
from fairtrial.domain.plan import Deployment, Experiment, FeedbackMetric, Plan, Route, Variant
from fairtrial.domain.settings import EVERY_UNIT, Guardrail

Prompts = Mapping[tuple[str, str], str]
"""The text of each variant's system prompt, by experiment and variant."""


def compile_plan(file: schema.ProjectFile, prompts: Prompts, live: Mapping[str, Live]) -> Plan:
    """The plan of a valid file. The live state of experiments that are not in the file is ignored."""
    deployments = {
        name: _deployment(name, section, price_book(file, name, section)) for name, section in file.deployments.items()
    }
    digests = {name: deployment.digest for name, deployment in deployments.items()}
    experiments = {
        name: _frozen(_experiment(name, section, prompts, file.metrics), digests, file.metrics)
        for name, section in file.experiments.items()
    }
    routes = {name: _route(name, section) for name, section in file.routes.items()}
    plan = Plan(deployments, routes, experiments, file.capture.bodies, file.capture.retain_days)
    return lay_over(plan, live)


def _route(name: str, section: schema.RouteSection) -> Route:
    first, *others = schema.in_order(section.fallback) or (None,)
    return Route(
        name,
        section.deployment,
        section.experiment,
        first,
        section.data,
        tuple(filter(None, others)),
        section.hold,
        section.tools,
    )


def _deployment(name: str, section: schema.DeploymentSection, book: tuple[DatedPrice, ...]) -> Deployment:
    provider, _, model = section.model.partition("/")
    training = section.training
    deployment = Deployment(
        name=name,
        provider=provider,
        model=model,
        base_url=(section.base_url or "").strip().rstrip("/"),
        api_key=section.api_key,
        external=section.external,
        parent=section.parent,
        price=book[0].price,
        later_prices=later_prices(book),
        timeouts=section.timeouts,
        on_disconnect=section.on_disconnect,
        drain_seconds=section.drain_seconds,
        shutdown_date=section.shutdown_date,
        breaker=section.breaker,
        retry=section.retry,
        forward_headers=tuple(dict.fromkeys(name.lower() for name in section.forward_headers)),
        params=section.params or None,
        lineage=training and replace(training, base=training.base or section.parent or ""),
    )
    return replace(deployment, digest=deployment_digest(deployment))


def _experiment(
    name: str, section: schema.ExperimentSection, prompts: Prompts, declared: Mapping[str, schema.MetricSection]
) -> Experiment:
    enroll, primary, guardrails = section.enroll or EVERY_UNIT, section.primary, _guardrails(section)
    decided_by = {metric.metric for metric in (primary, *guardrails) if metric is not None}
    return Experiment(
        name=name,
        question=section.question,
        unit=section.unit,
        control=section.control,
        variants=tuple(
            Variant(
                key,
                variant.deployment,
                section.split[key],
                prompts.get((name, key)),
                variant.params,
                schema.in_order(variant.fallback),
            )
            for key, variant in sorted(section.variants.items())
        ),
        salt=section.salt or name,
        state="declared" if enroll.start == "manual" else "running",
        stage=enroll.stages[0],
        primary=primary,
        guardrails=guardrails,
        by_default=_by_default(section),
        enrolment=enroll,
        feedback=tuple(
            _feedback(declared_metric)
            for declared_metric in declared.values()
            if names_of(declared_metric.key) & decided_by
        ),
        max_weeks=section.max_weeks,
        looks=section.looks if "looks" in section.model_fields_set else None,
        may_equal_base=section.may_equal_base in (True, "yes"),
        shadow=section.shadow,
        sources=section.sources,
    )


def _guardrails(section: schema.ExperimentSection) -> tuple[Guardrail, ...]:
    return tuple(
        replace(guardrail, stop_margin=stop_margin(guardrail.metric, guardrail.margin, guardrail.stop_margin))
        for guardrail in section.guardrails or ()
    )


def _by_default(section: schema.ExperimentSection) -> tuple[Guardrail, ...]:
    """The guardrails of a section without the key; an empty list declares that there are none."""
    if section.guardrails is not None:
        return ()
    return tuple(Guardrail(name, CATALOGUE[name].margin, stop_margin="0") for name in DEFAULT_GUARDRAILS)


def _feedback(section: schema.MetricSection) -> FeedbackMetric:
    within = section.range or (0.0, 1.0)
    missing = section.missing or "at_random"
    return FeedbackMetric(section.key, section.kind, section.per, section.better, within, section.window, missing)


def _frozen(
    experiment: Experiment, digests: dict[str, str], declared: Mapping[str, schema.MetricSection]
) -> Experiment:
    """The experiment with its analysis hash, which covers only those declared metrics that decide it."""
    keys = {feedback.key for feedback in experiment.feedback}
    metrics: dict[str, Any] = {
        f"{metric.source}.{metric.key}": _hashed(metric) for metric in declared.values() if metric.key in keys
    }
    return replace(experiment, analysis_hash=analysis_hash(experiment, digests, metrics))


def _hashed(metric: schema.MetricSection) -> dict[str, Any]:
    """What identifies a metric. Defaults that an earlier version did not know are left out."""
    missing = None if metric.missing == "at_random" else metric.missing
    later = {"window": metric.window, "better": metric.better, "range": metric.range, "missing": missing}
    known = schema.MetricSection.model_fields
    changed = {name: value for name, value in later.items() if value != known[name].default}
    return {"kind": metric.kind, "per": metric.per, **changed}
