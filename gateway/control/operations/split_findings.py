"""A split that is not as planned, as findings: no comparison of that experiment's arms may be believed."""

from __future__ import annotations

from collections.abc import Iterator

from fairtrial.domain.plan import Experiment, Plan
from fairtrial.domain.verdict import Finding
from fairtrial.store.core.database import Database
from gateway.control.operations.check_split import SplitCheck, check_split

RULE = "units arrive by the planned split"
NEEDED = "find what loses units or counts them twice, then start the experiment anew under a new `salt`"
SMALL = 0.0001
"""Below this, a p-value is shown as a bound."""


def split_findings(database: Database, plan: Plan, candidate: str, baseline: str) -> Iterator[Finding]:
    """An INVALID finding for each experiment that has both as arms and whose split check is alarmed.

    A target is an arm as ``EXPERIMENT/VARIANT``, or as the deployment of a variant. Raises `StoreError`.
    """
    for experiment in plan.experiments.values():
        if _compares(experiment, candidate, baseline):
            check = check_split(database, experiment)
            if check.invalid:
                yield Finding(
                    RULE, f"experiment {experiment.name}", "invalid", _says(experiment.name, check), NEEDED, "srm"
                )


def _compares(experiment: Experiment, candidate: str, baseline: str) -> bool:
    """Whether the two are different arms of the experiment."""
    new, old = _arms(experiment, candidate), _arms(experiment, baseline)
    return any(one != other for one in new for other in old)


def _arms(experiment: Experiment, target: str) -> set[str]:
    return {
        variant.name
        for variant in experiment.variants
        if target in (variant.deployment, f"{experiment.name}/{variant.name}")
    }


def _says(name: str, check: SplitCheck) -> str:
    units = " / ".join(f"{arm.units:,}" for arm in check.arms)
    names = " / ".join(arm.variant for arm in check.arms)
    planned = " / ".join(f"{100 * arm.planned:g} %" for arm in check.arms)
    p = check.p or 0.0
    seen = f"p {'<' if p < SMALL else '='} {max(p, SMALL):.2g}, first seen at unit {check.crossed_at or 0:,}"
    return (
        f"sample-ratio mismatch in the experiment {name}: {units} units ({names}) where {planned} were planned "
        f"({seen}). Units get lost or are counted twice on their way into an arm, so that the arms can't be compared; "
        "no later unit takes that back"
    )
