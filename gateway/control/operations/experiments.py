"""Implements the operations on experiments."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import msgspec

from fairtrial.api import experiments
from fairtrial.api.experiment_answers import ExperimentStatus, ShownDecision
from fairtrial.api.experiment_traffic import (
    ExperimentDetails,
    ExperimentList,
    ExperimentRow,
    LiveRate,
    LiveSignals,
    Series,
    ShownVariant,
    SignalList,
    TimeWindow,
    VariantErrors,
)
from fairtrial.api.operation import Nothing, TrafficWindow
from fairtrial.api.verdict_answers import ReleaseStanding
from fairtrial.config.owner_lock import LOCAL_USER
from fairtrial.domain.accounts import may
from fairtrial.domain.answers.chat import answered_text, asked_text
from fairtrial.domain.answers.signals import switches_language
from fairtrial.domain.errors import NotAllowed, StoreError, Unavailable
from fairtrial.domain.plan import Experiment
from fairtrial.domain.settings import Looks
from fairtrial.domain.store_reports import Traffic
from fairtrial.experiments.analysis.freeze import way_to_look
from fairtrial.experiments.kill_by_file import first_line, kill_by_file
from fairtrial.experiments.published_state import find_experiment
from fairtrial.store.core.database import Database
from fairtrial.store.core.engine import EngineError, error_message
from fairtrial.store.core.query import Page, Query
from fairtrial.store.experiments import transitions as stored_transitions
from fairtrial.store.experiments.analysis_plans import frozen_plans
from fairtrial.store.traffic import answers, experiment_traffic, traffic
from fairtrial.store.traffic.answers import Exchange
from fairtrial.store.traffic.client_calls import errors_by_variant
from fairtrial.store.traffic.traffic import segment_page
from gateway.control.context import Context, EncodedAnswer, page_of
from gateway.control.experiments.states import known_experiment, read_state, read_states
from gateway.control.operations.traffic import traffic_page
from gateway.control.present import gateway_probe

MOST_SAMPLES = 200
"""Recorded exchanges of each variant whose languages are compared."""


def listing(context: Context, request: TrafficWindow) -> ExperimentList:
    page, database = traffic_page(context, request), context.database
    traffic_of = {seen.experiment: seen for seen in traffic.by_variant_in_segments(database, page)}
    published = context.owner.publisher.published
    shown = list(published.plan.experiments.values() if published else ())[page.offset : page.offset + page.limit]
    rows = [
        ExperimentRow(
            **_described(database, experiment, traffic_of.get(experiment.name)),
            srm=context.owner.split_checks.get(database, experiment),
        )
        for experiment in shown
    ]
    return ExperimentList(rows=rows, window=_window(page))


def one(context: Context, request: experiments.FiguresOf) -> ExperimentDetails:
    from gateway.control.experiments.split_checks import check_split  # loads the statistics

    experiment, page = _experiment(context, request)
    counts = traffic.by_variant(context.database, page, experiment=request.name)
    return ExperimentDetails(
        **_described(context.database, experiment, counts[0] if counts else None),
        live=_state(context, request.name),
        srm=check_split(context.database, experiment),
        window=_window(page),
    )


def _looks(database: Database, experiment: Experiment) -> Looks:
    """How control looks at the primary metric: as frozen, or before the start as the file says."""
    frozen = frozen_plans(database).get(experiment.name)
    return way_to_look(experiment) if frozen is None else frozen.way_to_look


def series(context: Context, request: experiments.FiguresOf) -> Series:
    page = _experiment(context, request)[1]
    return experiment_traffic.series(context.database, page, experiment=request.name)


def signals(context: Context, request: experiments.FiguresOf) -> SignalList:
    page = _experiment(context, request)[1]
    return SignalList(rows=live_signals(context.database, page, request.name), window=_window(page))


def errors(context: Context, request: experiments.FiguresOf) -> list[VariantErrors]:
    page = _experiment(context, request)[1]
    return errors_by_variant(context.database, page, request.name)


def states(context: Context, request: experiments.ListStates) -> list[ExperimentStatus]:
    return read_states(context.database, context.owner.plan_in_force(), all_=request.everything)


def state(context: Context, request: experiments.NameExperiment) -> ExperimentStatus:
    return _state(context, request.name)


def decision(context: Context, request: experiments.DecisionOf) -> ShownDecision:
    from gateway.control.experiments.describe_decision import describe_decision  # loads the statistics

    plan = context.owner.plan_in_force()
    experiment = known_experiment(context.database, plan, request.name)
    waits, now_us = context.owner.waits(request.name), context.owner.clock.now().now_us
    return describe_decision(context.database, experiment, waits, now_us=now_us, slices=request.slices, plan=plan)


def decisions(context: Context, request: experiments.ListStates) -> list[ShownDecision]:
    from gateway.control.experiments.describe_decision import describe_decision  # loads the statistics

    owner, database, now_us = context.owner, context.database, context.owner.clock.now().now_us
    plan = owner.plan_in_force()
    return [
        describe_decision(
            database, known_experiment(database, plan, each.name), owner.waits(each.name), now_us=now_us, plan=plan,
            slices=False, chart=False,
        )
        for each in states(context, request)
    ]  # fmt: skip


def release(context: Context, request: experiments.ReleaseOf) -> ReleaseStanding:
    from gateway.control.verdicts.release.release_check import read_release

    present = context.present()
    experiment = find_experiment(present.plan, request.name)
    return read_release(context.database, experiment, request.variant, present, promoter=context.actor)


def transitions(context: Context, request: experiments.TransitionsOf) -> Query:
    if request.name not in stored_transitions.last(context.database):
        find_experiment(context.owner.plan_in_force(), request.name)
    return stored_transitions.listing(page_of(request), request.name)


def analysis_plans(context: Context, _: Nothing) -> EncodedAnswer:
    plans = [plan.stored() for plan in frozen_plans(context.database).values()]
    return EncodedAnswer(msgspec.json.encode({"rows": plans}))


def change(context: Context, request: experiments.ChangeExperiment) -> ExperimentStatus:
    from gateway.control.experiments.change_experiment import change_experiment
    from gateway.control.experiments.state_change import Change

    if request.action == "withdraw":
        _refuse_others_than_admins(context, "withdraw", "withdraw what an attempt has proven")
    if request.override:
        _refuse_others_than_admins(context, "override", "promote what lacks something")
    if request.unit:
        _refuse_others_than_admins(context, "unit", "accept units")
    change = Change(
        request.name,
        request.action,
        context.actor,
        request.why,
        stage=request.stage,
        options=request,
    )
    owner, time = context.owner, context.owner.clock.now()
    probe = gateway_probe(owner.addresses.gateway_url, owner.database.layout)
    try:
        change_experiment(owner.database, owner.publisher, change, now_us=time.stamp_us, probe=probe, held=time.held)
        return _state(context, request.name)
    except (Unavailable, StoreError, EngineError, OSError) as error:
        if request.action == "kill":
            with suppress(OSError):
                cause = f"Control did not complete it: {first_line(error_message(error))}."
                return kill_by_file(owner.database.layout, request.name, request.why, actor=context.actor, cause=cause)
        raise


def _refuse_others_than_admins(context: Context, name: str, what: str) -> None:
    """Raise `NotAllowed` unless the caller is a person with the role admin, who then answers for it by name."""
    caller = context.caller
    if not may(caller.role, "admin", reading=False):
        raise NotAllowed(f"{name}: only an admin can {what}, but {caller.name} has the role {caller.role}")
    if not (caller.is_person or context.actor.startswith(LOCAL_USER)):
        raise NotAllowed(f"{name}: only a person can {what}: sign in, without an API key")


def _experiment(context: Context, request: experiments.FiguresOf) -> tuple[Experiment, Page]:
    """The experiment, and the time window of its figures, which begins with a re-arm at the earliest."""
    experiment = known_experiment(context.database, context.owner.plan_in_force(), request.name)
    return experiment, segment_page(context.database, traffic_page(context, request), request.name)


def _state(context: Context, name: str) -> ExperimentStatus:
    return read_state(context.database, context.owner.plan_in_force(), name)


def _window(page: Page) -> TimeWindow:
    return TimeWindow(since_us=page.since_us, until_us=page.until_us)


def _described(database: Database, experiment: Experiment, seen: Traffic | None) -> dict[str, Any]:
    """The fields of `ExperimentRow`, apart from the test of the split."""
    fields = {name: getattr(experiment, name) for name in ExperimentRow.__struct_fields__ if hasattr(experiment, name)}
    return fields | {
        "variants": tuple(
            ShownVariant(**{name: getattr(variant, name) for name in ShownVariant.__struct_fields__})
            for variant in experiment.variants
        ),
        "looks": _looks(database, experiment),
        "traffic": seen or Traffic(experiment.name, (), {}),
    }


# The rates of live answers decide nothing. Languages are detected here, on a sample of recorded texts, because the
# gateway must not spend time and memory on them.


def live_signals(database: Database, page: Page, experiment: str) -> list[LiveSignals]:
    """The signals of every variant with answers in the window. What no answer shows is unknown, and never 0."""
    counted = answers.by_variant(database, page, experiment)
    exchanges = answers.samples(database, page, experiment, most=MOST_SAMPLES) if counted else []
    signals = []
    for counts in counted:
        mine = [exchange for exchange in exchanges if exchange.variant == counts.variant]
        signals.append(
            LiveSignals(
                variant=counts.variant,
                answered=counts.answered,
                sampled=len(mine),
                refusals=_share(counts.refused, counts.refusal_known),
                format_valid=_share(counts.format_valid, counts.format_checked),
                tokens=LiveRate(counts.tokens_mean, counts.tokens_known),
                language_switch=_language_switches(mine),
            )
        )
    return signals


def _language_switches(exchanges: Iterable[Exchange]) -> LiveRate:
    known = [switched for exchange in exchanges if (switched := _switches(exchange)) is not None]
    return _share(sum(known), len(known))


def _switches(exchange: Exchange) -> bool | None:
    question, answered = asked_text(exchange.request), answered_text(exchange.response)
    return None if question is None or answered is None else switches_language(question, answered)


def _share(part: int, whole: int) -> LiveRate:
    return LiveRate(part / whole if whole else None, whole)
