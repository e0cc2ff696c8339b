"""Rejects a new plan that would silently move units to other arms."""

from __future__ import annotations

from fairtrial.domain.plan import Experiment


def reassignment(old: Experiment, new: Experiment) -> str | None:
    """Why an experiment that keeps its declared salt would assign some units to another arm; ``None`` if it would not.

    The unit's kind, the variants' names, their shares or the control has changed. A stage only adds units. A new
    segment assigns all units anew, on purpose, and is accepted if nothing else changes.
    """
    return _sentence(old, new) if _reassigns(old, new) else None


def _reassigns(old: Experiment, new: Experiment) -> bool:
    """A re-arm changes the salt by itself, so a new segment must not hide another change of the split.

    A segment with a kept control has other shares by itself, and the segments before and after it the declared ones.
    """
    if old.kept_control is not None and new.segment != old.segment:
        return False
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
