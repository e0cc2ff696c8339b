"""Freezes the plan of the segment in which a control stays after a promotion."""

from __future__ import annotations

from dataclasses import dataclass, replace

from fairtrial.config.plan.live_state import Live
from fairtrial.domain.plan import Experiment
from fairtrial.domain.plan_parts.kept_control import KeptControl
from fairtrial.experiments.analysis_plan import AnalysisPlan
from fairtrial.experiments.kept_control import KeptTerms, kept_control
from fairtrial.store.core.database import Database
from gateway.control.operations.experiments.frozen_plans import DeclaredPlan, next_segment_plan
from gateway.control.operations.planning.stop_notes import kept_control_notes


@dataclass(frozen=True, slots=True)
class BegunControl:
    """What a promotion keeps, and the plan by which the guardrails go on."""

    kept: KeptControl
    plan: AnalysisPlan


def begin_kept_control(
    database: Database,
    publisher: DeclaredPlan,
    promoted: tuple[Experiment, str],
    terms: KeptTerms,
    *,
    now_us: int,
) -> BegunControl:
    """The control to keep after this variant of this experiment is ``promoted``; raises `BadRequest`.

    Its frozen plan has the same guardrails and no primary metric. Its looks begin anew.
    """
    experiment, variant = promoted
    kept = kept_control(experiment, variant, terms, now_us=now_us)
    coming = Live(None, "running", experiment.segment + 1, None, kept)
    plan = publisher.declared_plan({experiment.name: coming})
    frozen = next_segment_plan(database, plan, plan.experiments[experiment.name], now_us=now_us)
    kept = replace(kept, finds=tuple(kept_control_notes(frozen)))
    return BegunControl(kept, replace(frozen, kept_control=kept))
