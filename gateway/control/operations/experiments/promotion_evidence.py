"""Collects the evidence of a promotion or a roll-back, and refuses a promotion that lacks something."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fairtrial.domain.errors import Conflict
from fairtrial.domain.plan import Experiment
from fairtrial.domain.verdicts.approvals import reads_as
from fairtrial.experiments.lifecycle import Transition, promoted_by
from fairtrial.experiments.promotion import Promotion, chosen_treatment, definition, promoted_variant
from fairtrial.store.core.database import Database
from gateway.control.operations.verdicts.present import Present
from gateway.control.operations.verdicts.release.approval_states import state_of
from gateway.control.operations.verdicts.release.release_check import missing_for_release
from gateway.control.operations.verdicts.release.vote_on_verdict import find_verdict
from gateway.control.operations.verdicts.served_weights import Probe, probed_weights


def promotion_evidence(
    database: Database,
    experiment: Experiment,
    asked: Promotion,
    present: Present,
    probe: Probe | None,
    *,
    promoter: str,
) -> dict[str, Any]:
    """What a promotion by ``promoter`` rests on.

    Raises `BadRequest` for an unknown variant, and `Conflict` with all that is missing. ``probe`` asks the variant's
    deployment for one answer, so that swapped weights are seen before anyone is served.
    """
    variant, plan = chosen_treatment(experiment, asked.variant), present.plan
    probed = probed_weights(plan, variant.deployment, probe)
    present = replace(present, probed=probed.fingerprints)
    found = missing_for_release(database, experiment, variant.name, present, promoter=promoter)
    missing = (*found.missing, *probed.problems)
    if missing and not asked.override:
        listed = "".join(f"\n- {one}" for one in missing)
        raise Conflict(
            f"experiments.{experiment.name}: {variant.name} can't be promoted yet (an admin can override this):{listed}"
        )
    return {
        "variant": variant.name,
        **definition(plan, variant),
        "verdict_id": found.verdict_id,
        "override": asked.override,
        "missing": list(missing),
    }


def read_release(
    database: Database, experiment: Experiment, asked: str | None, present: Present, *, promoter: str
) -> dict[str, Any]:
    """The newest official verdict on a variant and what a promotion by ``promoter`` still lacks, as JSON values."""
    variant = chosen_treatment(experiment, asked)
    found = missing_for_release(database, experiment, variant.name, present, promoter=promoter)
    verdict = None if found.verdict_id is None else find_verdict(database, found.verdict_id)
    return {
        "variant": variant.name,
        "verdict_id": found.verdict_id,
        "reads": None if verdict is None else reads_as(verdict.decision, state_of(database, verdict)),
        "headline": None if verdict is None else verdict.headline,
        "missing": list(found.missing),
    }


def rollback_evidence(experiment: Experiment, last: Transition | None) -> dict[str, Any]:
    """The promoted variant that the control replaces, ``None`` if there was no promotion."""
    return {"promoted": promoted_by(last) or promoted_variant(experiment)}
