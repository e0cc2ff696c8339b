"""Rejects a new plan that would silently move units to other arms."""

from __future__ import annotations

from fairtrial.domain.errors import PlanRefused
from fairtrial.domain.plan import Experiment, Plan


def changed_units(old: Plan, new: Plan) -> list[str]:
    """The experiments in both plans that keep their salt but would assign some units to another arm.

    The unit's kind, the variants' names, their shares or the control has changed. A stage only adds units.
    """
    both = sorted(old.experiments.keys() & new.experiments.keys())
    return [name for name in both if _reassigns(old.experiments[name], new.experiments[name])]


def refuse_reassignment(old: Plan, new: Plan) -> None:
    """Raise `PlanRefused` with one sentence for each experiment of `changed_units`."""
    names = changed_units(old, new)
    if names:
        raise PlanRefused("\n".join(_sentence(old.experiments[name], new.experiments[name]) for name in names))


def _reassigns(old: Experiment, new: Experiment) -> bool:
    return old.salt == new.salt and _arms(old) != _arms(new)


def _arms(experiment: Experiment) -> tuple[object, ...]:
    shares = sorted((variant.name, variant.weight) for variant in experiment.variants)
    return (experiment.unit, experiment.control, shares)


def _sentence(old: Experiment, new: Experiment) -> str:
    return (
        f"experiments.{new.name}: the change from {_described(old)} to {_described(new)} would move units "
        f"to other arms during the experiment "
        f"(give it a new salt, such as salt: {new.salt}-2, which starts it anew)"
    )


def _described(experiment: Experiment) -> str:
    shares = ", ".join(f"{variant.name} {variant.weight:g}" for variant in experiment.variants)
    return f"[{shares}; control {experiment.control}, by {experiment.unit}]"
