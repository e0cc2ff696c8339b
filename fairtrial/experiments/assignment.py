"""Decides by keyed hashes who is in an experiment and which arm they get."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING

from fairtrial.domain.names.ids import keyed_hash
from fairtrial.domain.plan import Experiment

if TYPE_CHECKING:
    from fairtrial.domain.events import Reason  # events need more than the standard library

BUCKETS = 2**64
FLOAT_BITS = 53


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one unit gets in one experiment, and why.

    ``assigned`` counts in the analysis, ``served`` answers; both are variant names. ``enrol_bucket`` and ``arm_bucket``
    are in [0, 1), or ``None`` if they were not computed. ``propensity``: the share of enrolled units that get the
    assigned arm, in (0, 1]; ``None`` for a unit that is not enrolled.
    """

    assigned: str
    served: str
    reason: Reason
    enrolled: bool
    enrol_bucket: float | None = None
    arm_bucket: float | None = None
    propensity: float | None = None


def bucket(salt: str, purpose: str, unit: str) -> int:
    """One of 2**64 equally likely buckets: the first 8 bytes, big-endian, of HMAC-SHA256(salt, purpose NUL unit).

    All text is UTF-8 as it came, not normalised; a lone surrogate (legal in JSON) is encoded like any code point.
    """
    message = f"{purpose}\0{unit}".encode("utf-8", "surrogatepass")
    return int.from_bytes(keyed_hash(salt).digest(message)[:8], "big")


def assign(experiment: Experiment, unit: str | None) -> Assignment:
    """The arm of a unit: a pure function, the same on every machine, at every stage and after every restart.

    ``docs/reference/assignment.md`` describes the algorithm for other languages, and ``tests/golden/assignment.json``
    has its test vectors. It uses only the standard library, so that any Python can check them.

    ``unit``: the raw unit, not its pseudonym; ``None`` if the application sent none. A killed experiment serves the
    control but keeps counting for the assigned arm. One that is paused, ended or not started serves the control and
    counts for none. An ended one whose variant was promoted serves that variant to everyone, and counts for none. While
    a control is kept after a promotion, the promoted variant also serves requests without a unit.
    """
    if experiment.serves is not None:
        return _outside(experiment.serves, "promoted")
    if experiment.state in ("declared", "paused", "ended"):
        return _outside(experiment.control, "excluded")
    if unit is None:
        promoted = experiment.kept_control if experiment.state == "running" else None
        return _outside(experiment.control, "no_unit") if promoted is None else _outside(promoted.variant, "promoted")
    enrol = bucket(experiment.salt, "enrol", unit)
    if enrol >= threshold(experiment.stage):
        return _outside(experiment.control, "not_enrolled", enrol_bucket=_unit_interval(enrol))
    arm = bucket(experiment.salt, "arm", unit)
    chosen, weight = _chosen(experiment, arm)
    killed = experiment.state == "killed"
    return Assignment(
        assigned=chosen,
        served=experiment.control if killed else chosen,
        reason="kill" if killed else "assigned",
        enrolled=True,
        enrol_bucket=_unit_interval(enrol),
        arm_bucket=_unit_interval(arm),
        propensity=weight / 100,
    )


@lru_cache(maxsize=1024)
def threshold(percent: float) -> int:
    """How many of the 2**64 buckets make that percentage, rounded down; exact for the decimal as it is written."""
    return _exact(percent) * BUCKETS // 100


@lru_cache(maxsize=1024)
def upper_bounds(weights: Sequence[float]) -> tuple[int, ...]:
    """For arms with these percentages, in this order, the first bucket after each; the last is 2**64.

    ``weights``: a tuple of percentages that add up to 100.
    """
    sums = [sum((_exact(weight) for weight in weights[: end + 1]), Fraction()) for end in range(len(weights))]
    return (*(share * BUCKETS // 100 for share in sums[:-1]), BUCKETS)


def _chosen(experiment: Experiment, arm: int) -> tuple[str, float]:
    """The name and the weight of the arm that has this bucket."""
    kept_control = experiment.kept_control
    if kept_control is not None:
        low, high = _kept_buckets(kept_control.first, kept_control.share)
        name = experiment.control if low <= arm < high else kept_control.variant
        return name, experiment.variant(name).weight
    arms, bounds = _arms(tuple([(variant.name, variant.weight) for variant in experiment.variants]))
    return arms[bisect_right(bounds, arm)]


@lru_cache(maxsize=1024)
def _kept_buckets(first: float, share: float) -> tuple[int, int]:
    """The first bucket of a kept control, and the first one after it."""
    return _exact(first) * BUCKETS // 100, (_exact(first) + _exact(share)) * BUCKETS // 100


@lru_cache(maxsize=1024)
def _arms(variants: tuple[tuple[str, float], ...]) -> tuple[list[tuple[str, float]], tuple[int, ...]]:
    arms = sorted(variants)
    return arms, upper_bounds(tuple(weight for _, weight in arms))


def _outside(served: str, reason: Reason, *, enrol_bucket: float | None = None) -> Assignment:
    return Assignment(
        assigned=served,
        served=served,
        reason=reason,
        enrolled=False,
        enrol_bucket=enrol_bucket,
    )


def _exact(percent: float) -> Fraction:
    """The decimal as it was written: 33.3 is 333/10, not the nearest binary number."""
    return Fraction(repr(float(percent)))


def _unit_interval(value: int) -> float:
    """The bucket's place in [0, 1) by its upper 53 bits, which a double holds exactly (so it never rounds to 1)."""
    return (value >> (64 - FLOAT_BITS)) / 2.0**FLOAT_BITS
