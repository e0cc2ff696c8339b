"""Changes an experiment as a person asks, and checks what a promotion rests on."""

from dataclasses import replace
from typing import Any

from fairtrial.api.experiments import ChangeOptions
from fairtrial.domain.errors import Conflict
from fairtrial.domain.plan import Experiment, Plan
from fairtrial.experiments.lifecycle import Transition
from fairtrial.experiments.promotion import chosen_treatment, definition
from fairtrial.store.core.database import Database
from gateway.control.operations.experiments.state_change import Change, change_state
from gateway.control.operations.present import Present, Probe, Publisher, probed_weights


def change_experiment(
    database: Database,
    publisher: Publisher,
    change: Change,
    *,
    now_us: int,
    probe: Probe | None = None,
    held: str = "",
) -> Transition:
    """As `change_state`, with what a promotion rests on.

    ``probe``: asks a deployment for its weights. ``held``: what a promotion needs before it trusts the time.
    """

    def evidence(plan: Plan, experiment: Experiment) -> dict[str, Any]:
        present = Present(plan, publisher.release_gates, now_us, held=held)
        return promotion_evidence(database, experiment, change.options, present, probe, promoter=change.actor)

    return change_state(database, publisher, change, now_us=now_us, promotion_evidence=evidence)


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
    from gateway.control.operations.verdicts.release.release_check import missing_for_release  # loads the gate

    variant, plan = chosen_treatment(experiment, options.variant), present.plan
    probed = probed_weights(plan, variant.deployment, probe)
    present = replace(present, probed=probed.fingerprints)
    check = missing_for_release(database, experiment, variant.name, present, promoter=promoter)
    missing = (*check.missing, *probed.problems)
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
