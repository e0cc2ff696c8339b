"""Changes an experiment as a person asks, and checks what a promotion rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from fairtrial.api.experiments import ChangeOptions
from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.errors import BadRequest, Conflict
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.experiments.lifecycle import ACCEPTED_UNITS
from fairtrial.experiments.promotion import chosen_treatment, definition
from fairtrial.experiments.published_state import find_experiment
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import stored_looks
from gateway.control.experiments.accept_declines import accepting_evidence
from gateway.control.experiments.state_change import Change, change_state
from gateway.control.present import Present, Probe, Publisher, probed_weights, published_plan
from gateway.control.verdicts.equality import NOT_STARTED, same_as_control

WHEN_NAMED = "at most three that together make most of a candidate's additional failures are named"


def change_experiment(
    database: Database,
    publisher: Publisher,
    change: Change,
    *,
    now_us: int,
    probe: Probe | None = None,
    held: str = "",
) -> Transition:
    """As `change_state`, with what a promotion or an acceptance of units rests on, and what a resume accepts.

    ``probe``: asks a deployment for its weights. ``held``: what a promotion needs before it trusts the time.
    """

    if change.action == "approve" and change.options.unit and change.stage is None:
        experiment = find_experiment(published_plan(publisher), change.experiment)
        change = replace(change, evidence=accepted_units(database, experiment, change.options.unit))

    if change.action in ("start", "rearm", "resume"):
        _refuse_same_model(database, publisher, change)

    def evidence(plan: Plan, experiment: Experiment) -> Mapping[str, Any] | None:
        if change.action == "resume":
            options, actor = change.options, change.actor
            return accepting_evidence(database, plan, experiment, options, by=actor, now_us=now_us)
        present = Present(plan, publisher.release_gates, now_us, held=held)
        return promotion_evidence(database, experiment, change.options, present, probe, promoter=change.actor)

    return change_state(database, publisher, change, now_us=now_us, evidence_of=evidence)


def _refuse_same_model(database: Database, publisher: Publisher, change: Change) -> None:
    """Raise `Conflict` if a treatment is known to answer as the control."""
    plan = published_plan(publisher)
    experiment = plan.experiments.get(change.experiment)
    same = [] if experiment is None else [result.words for result in same_as_control(database, plan, experiment)]
    if same:
        raise Conflict(f"experiments.{change.experiment}: can't {change.action}: {'; '.join(same)} ({NOT_STARTED})")


def accepted_units(database: Database, experiment: Experiment, units: Sequence[str]) -> dict[str, Any]:
    """The evidence of an approval that accepts these units, with their requests, which no longer change.

    Raises `BadRequest` for an empty name, `Conflict` for a unit that is not named now, and `StoreError`.
    """
    if empty := [unit for unit in units if not unit.strip()]:
        raise BadRequest(f"unit: {empty[0]!r} is empty (write a pseudonym that the experiment's status names)")
    from gateway.control.verdicts.live_evidence import stored_plan  # loads the gate

    stored = stored_plan(database, experiment)
    decisions = {} if stored is None else stored_looks.read(database, stored).decisions
    lines = [
        guardrail.by_request
        for decision in decisions.values()
        for guardrail in decision.guardrails
        if guardrail.by_request is not None
    ]
    named = [unit for line in lines for unit in line.named]
    accepted = [unit for line in lines for unit in line.accepted]
    if missing := [unit for unit in units if unit not in {one.unit for one in named}]:
        if again := [one.words for one in accepted if one.unit in missing]:
            raise Conflict(f"experiments.{experiment.name}: this was done already: {'; '.join(again)}")
        names = ", ".join({one.unit: None for one in named})
        known = f"named now: {names}" if names else f"no {experiment.unit}s are named now, because {WHEN_NAMED}"
        raise Conflict(f"experiments.{experiment.name}: {', '.join(missing)} can't be accepted ({known})")
    return {ACCEPTED_UNITS: [msgspec.to_builtins(unit) for unit in named if unit.unit in units]}


def promotion_evidence(
    database: Database,
    experiment: Experiment,
    options: ChangeOptions,
    present: Present,
    probe: Probe | None,
    *,
    promoter: str,
) -> dict[str, Any]:
    """What a promotion by ``promoter`` rests on.

    Raises `BadRequest` for an unknown variant, and `Conflict` with all that is missing. ``probe`` asks the variant's
    deployment for one answer, so that swapped weights are seen before anyone is served.
    """
    from gateway.control.verdicts.release.release_check import missing_for_release  # loads the gate

    variant, plan = chosen_treatment(experiment, options.variant), present.plan
    probed = probed_weights(plan, variant.deployment, probe)
    present = replace(present, probed=probed.fingerprints)
    check = missing_for_release(database, experiment, variant.name, present, promoter=promoter)
    results = same_as_control(database, present.plan, experiment)
    same = [result.words for result in results if result.deployment == variant.deployment]
    missing = (*check.missing, *same, *probed.problems)
    if missing and not options.override:
        listed = "".join(f"\n- {line}" for line in missing)
        raise Conflict(
            f"experiments.{experiment.name}: {variant.name} can't be promoted yet (an admin can override this):{listed}"
        )
    return {
        "variant": variant.name,
        **definition(plan, variant),
        "verdict_id": check.verdict_id,
        "override": options.override,
        "missing": list(missing),
    }
