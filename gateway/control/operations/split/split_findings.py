"""Turns a sample-ratio mismatch into INVALID findings, because the arms must not be compared."""

from __future__ import annotations

from collections.abc import Iterator

from fairtrial.domain.plan import Experiment, Plan
from fairtrial.domain.verdict import Finding
from fairtrial.store.core.database import Database
from gateway.control.operations.split.check_split import SplitCheck, check_split

RULE = "units follow the planned split"
NEEDED = "find out why units are lost or counted twice, then restart the experiment with a new `salt`"
SMALL = 0.0001
"""Smaller p-values are shown as a bound."""


def split_findings(database: Database, plan: Plan, candidate: str, baseline: str) -> Iterator[Finding]:
    """An INVALID finding for each experiment that compares the two and whose split was rejected.

    A target is ``EXPERIMENT/VARIANT`` or the deployment of a variant. Raises `StoreError`.
    """
    for experiment in plan.experiments.values():
        if _compares(experiment, candidate, baseline):
            check = check_split(database, experiment)
            if check.invalid:
                yield Finding(
                    RULE, f"experiment {experiment.name}", "invalid", _describe(experiment.name, check), NEEDED, "srm"
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


def _describe(name: str, check: SplitCheck) -> str:
    units = " / ".join(f"{arm.units:,}" for arm in check.arms)
    names = " / ".join(arm.variant for arm in check.arms)
    planned = " / ".join(f"{100 * arm.planned:g} %" for arm in check.arms)
    p = check.p or 0.0
    seen = f"p {'<' if p < SMALL else '='} {max(p, SMALL):.2g}, first seen at unit {check.crossed_at or 0:,}"
    return (
        f"sample-ratio mismatch in the experiment {name}: {units} units ({names}), but {planned} were planned "
        f"({seen}). Units are lost or counted twice, so the arms can't be compared; later units do not change that"
    )
