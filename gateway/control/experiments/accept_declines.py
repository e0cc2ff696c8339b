"""Finds the declines that a resume accepts, and refuses those that need an amount by name."""

from collections.abc import Mapping
from typing import Any

from fairtrial.api.experiment_answers import Offer
from fairtrial.api.experiments import ChangeOptions
from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.experiments.analysis.freeze import changed_models
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.decision.acceptance import accept, accepting, decline_at_resume, suggested
from fairtrial.experiments.decision.accepted_decline import AcceptedDecline
from fairtrial.experiments.decision.plain_declines import offered
from fairtrial.experiments.lifecycle import cause_of
from fairtrial.experiments.sums import Sums
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import analysis_plans, stored_looks, transitions


def accepting_evidence(
    database: Database, plan: Plan, experiment: Experiment, options: ChangeOptions, *, by: str, now_us: int
) -> Mapping[str, Any] | None:
    """The evidence of a resume: all declines that are accepted in the segment; ``None`` without any.

    Raises `BadRequest` and `Conflict` as `accept` does.
    """
    stored = analysis_plans.newest(database, experiment.name)
    paused = transitions.all_entered(database).get(experiment.name)
    if stored is None or stored.plan.segment != experiment.segment:
        return None
    anew = begins_anew(stored.plan, plan, experiment, paused)
    offers = offered_declines(stored.plan, stored_looks.read(database, stored).sums, paused, begins_anew=anew)
    chosen = accept(stored.plan, offers, options.accept, by=by, at_us=now_us)
    if anew:
        return None
    accepted = transitions.accepted_declines(database, experiment.name, experiment.segment)
    accepted |= {decline.key: decline for decline in chosen}
    return accepting(accepted.values())


def begins_anew(frozen: AnalysisPlan, plan: Plan, experiment: Experiment, paused: Transition | None) -> bool:
    """Whether a resume starts a new segment, in which nothing has declined yet."""
    replaced = paused is not None and cause_of(paused) in ("models", "harmed")
    return replaced or bool(changed_models(frozen, plan, experiment))


def offered_declines(
    plan: AnalysisPlan, sums: Sums, paused: Transition | None, *, begins_anew: bool
) -> tuple[AcceptedDecline, ...]:
    """What a resume accepts by default after this pause; nothing in a new segment."""
    if begins_anew or paused is None or paused.to_state != "paused":
        return ()
    return offered(plan, sums, paused.evidence or {})


def described_offers(plan: AnalysisPlan, offers: tuple[AcceptedDecline, ...]) -> tuple[Offer, ...]:
    """The declines for people, each with the amount to write if the default is not enough."""
    return tuple(
        Offer(
            metric=offer.metric,
            words=decline_at_resume(plan, offer),
            write=suggested(plan, offer) if offer.is_beyond else "",
        )
        for offer in offers
    )
