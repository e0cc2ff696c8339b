"""Rejects a new plan that would silently move units to other arms."""

from __future__ import annotations

from fairtrial.domain.errors import PlanRefused
from fairtrial.domain.plan import Experiment, Plan


def changed_units(old: Plan, new: Plan) -> list[str]:
    """The experiments in both plans that keep their declared salt but would assign some units to another arm.

    The unit's kind, the variants' names, their shares or the control has changed. A stage only adds units. A new
    segment assigns all units anew, on purpose, and is accepted if nothing else changes.
    """
    both = sorted(old.experiments.keys() & new.experiments.keys())
    return [name for name in both if _reassigns(old.experiments[name], new.experiments[name])]


def refuse_reassignment(old: Plan, new: Plan) -> None:
    """Raise `PlanRefused` with one sentence for each experiment of `changed_units`."""
    names = changed_units(old, new)
    if names:
        raise PlanRefused("\n".join(_sentence(old.experiments[name], new.experiments[name]) for name in names))


def _reassigns(old: Experiment, new: Experiment) -> bool:
    """A re-arm changes the salt by itself, so a new segment must not hide another change of the split."""
    return (old.salt == new.salt or new.segment > old.segment) and _arms(old) != _arms(new)


def _arms(experiment: Experiment) -> tuple[object, ...]:
    shares = sorted((variant.name, variant.weight) for variant in experiment.variants)
    return (experiment.unit, experiment.control, shares)


def _sentence(old: Experiment, new: Experiment) -> str:
    return (
        f"experiments.{new.name}: the change from {_described(old)} to {_described(new)} would move units "
        f"to other arms during the experiment "
        f"(give it a new salt, such as salt: {_example(new)}, which starts it anew)"
    )


def _example(new: Experiment) -> str:
    """A salt that is not the current one. The salt of a later segment is derived, so its name serves instead."""
    return f"{new.salt if new.segment == 1 else new.name}-{new.segment + 1}"


def _described(experiment: Experiment) -> str:
    shares = ", ".join(f"{variant.name} {variant.weight:g}" for variant in experiment.variants)
    return f"[{shares}; control {experiment.control}, by {experiment.unit}]"
