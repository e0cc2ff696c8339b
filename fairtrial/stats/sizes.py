"""Sample sizes for a single look at two shares, two means or paired answers, with any split between the arms."""

from math import inf, isnan, sqrt

import scipy  # its `optimize` and `special` load at their first use, because they are slow to load

from fairtrial.domain.promises import ALPHA, POWER
from fairtrial.stats.arguments import Bounds

__all__ = ["size_of_means", "size_of_means_not_worse", "size_of_pairs", "size_of_shares", "worst_case_effect"]


def size_of_shares(
    control: float, treatment: float, *, alpha: float = ALPHA, power: float = POWER, share: float = 0.5
) -> float:
    """Total units in both arms that detect a difference between two shares with the two-sided pooled test.

    ``control`` and ``treatment`` are the true shares, between 0 and 1 and unequal. ``share`` is the treatment's share
    of the units. The result is not rounded; an arm's size is the result times the arm's share. Raises `ValueError` for
    shares that are equal or not between 0 and 1.

    Source: Fleiss, Tytun & Ury (1980), Biometrics 36:343-346, without their correction. For equal arms this is R's
    `power.prop.test`.

    >>> print(f"{size_of_shares(0.10, 0.11) / 2:,.1f} in each arm")
    14,750.8 in each arm
    """
    _check(power, alpha, share)
    if not (0 < control < 1 and 0 < treatment < 1 and control != treatment):
        raise ValueError(
            f"shares of {control} and {treatment} have no sample size: use two unequal ones between 0 and 1"
        )
    pooled = share * treatment + (1 - share) * control
    null = pooled * (1 - pooled) / (share * (1 - share))
    root = _z(1 - alpha / 2) * sqrt(null) + _z(power) * sqrt(variance_of_shares(control, treatment, share=share))
    return (root / (treatment - control)) ** 2


def size_of_means(effect: float, sd: float, *, alpha: float = ALPHA, power: float = POWER, share: float = 0.5) -> float:
    """Total units in both arms that detect a difference between two means with the two-sided t test.

    ``effect`` is the true difference, above 0. ``sd`` is the standard deviation of single units in both arms, on the
    same scale. The result is not rounded.

    Source: the noncentral t distribution, as in statsmodels' `TTestIndPower` and R's `power.t.test(strict = TRUE)`.

    >>> print(f"{size_of_means(1.0, 1.0, power=0.9) / 2:.3f} in each arm")
    22.021 in each arm
    """
    return _size_by_t(effect, sd, (alpha / 2, power, share), lower=True)


def size_of_means_not_worse(
    margin: float, sd: float, *, alpha: float = ALPHA, power: float = POWER, share: float = 0.5
) -> float:
    """Total units in both arms that show, one-sided, that a mean is not worse by ``margin`` if the means are equal.

    ``margin`` is above 0. ``sd`` is the standard deviation of single units, on the same scale. The result is not
    rounded.

    Source: Chow, Shao & Wang (2008), section 3.2, with the noncentral t distribution in place of the normal.

    >>> print(f"{size_of_means_not_worse(0.5, 1.0, alpha=0.025) / 2:.1f} in each arm")
    63.8 in each arm
    """
    return _size_by_t(margin, sd, (alpha, power, share), lower=False)


def size_of_pairs(
    discordant: float, difference: float, *, alpha: float = ALPHA, power: float = POWER, sides: int = 2
) -> float:
    """Pairs that detect a difference with McNemar's test, where both arms answer the same cases.

    ``discordant`` is the share of pairs on which the arms differ. ``difference`` is the difference of their success
    rates, at most ``discordant`` in size. The result is not rounded.

    Source: Connor (1987), Biometrics 43:207-211.

    >>> print(f"{size_of_pairs(0.15, 0.05):.0f} pairs")
    469 pairs
    """
    _check(power, alpha, 0.5)
    if sides not in (1, 2):
        raise ValueError(f"a test has 1 side or 2, not {sides}")
    if not 0 < abs(difference) <= discordant <= 1:
        raise ValueError(f"a difference of {difference} is not possible where {discordant} of the pairs differ")
    root = _z(1 - alpha / sides) * sqrt(discordant) + _z(power) * sqrt(discordant - difference**2)
    return (root / difference) ** 2


def units_without_event(margin: float, *, alpha: float) -> float:
    """Units that show, when none has the event, a rate below ``margin`` by Wilson's bound: z²(1 − m)/m.

    Fewer units can't show this, however rare the event and however small its variance.
    """
    return _z(1 - alpha) ** 2 * max(0.0, 1 - margin) / margin


def variance_of_shares(control: float, treatment: float, *, share: float = 0.5) -> float:
    """The variance of the difference of two shares, times the units in both arms."""
    return treatment * (1 - treatment) / share + control * (1 - control) / (1 - share)


def _size_by_t(effect: float, sd: float, wish: tuple[float, float, float], *, lower: bool) -> float:
    """Units for a t test with this error in its upper tail. ``lower`` says whether the lower tail rejects too."""
    tail, power, share = wish
    _check(power, tail, share)
    if not (0 < effect < inf and 0 < sd < inf):
        raise ValueError(f"an effect of {effect} with a standard deviation of {sd} has no size")

    def missing(units: float) -> float:
        freedom, shift = units - 2, effect / sd * sqrt(units * share * (1 - share))
        limit = float(scipy.special.stdtrit(freedom, 1 - tail))
        below = float(scipy.special.nctdtr(freedom, shift, limit))
        opposite = float(scipy.special.nctdtr(freedom, shift, -limit)) if lower and shift < FAR else 0.0
        # SciPy fails for very large shifts, which are beyond any limit.
        return 1 - (0.0 if isnan(below) else below) + opposite - power

    normal = (_z(1 - tail) + _z(power)) ** 2 * sd**2 / (effect**2 * share * (1 - share))
    if normal > MANY:
        return normal
    # The t test needs about z²/4 more units per arm, and more than that if one arm gets very few units.
    most = normal + 10 / (share * (1 - share)) + 60
    return float(scipy.optimize.brentq(missing, FEWEST, most, xtol=1e-9)) if missing(FEWEST) < 0 else FEWEST


FEWEST = 3.0
"""The fewest units that leave a degree of freedom."""
FAR = 4.0
"""Beyond this shift the other tail is negligible (1e-9), and its computation may fail."""
MANY = 1e7
"""Beyond this number of units, the t and the normal results agree to one part in ten million."""


def worst_case_effect(effect: float, *, response: float, within: Bounds = (0.0, 1.0)) -> float:
    """The effect that remains if each missing answer counts for the other side; below 0, nothing can show it.

    ``response`` is the share of units that give feedback, the same in both arms.

    Source: Horowitz & Manski (2000), JASA 95:77-84.

    >>> round(worst_case_effect(0.1, response=0.95), 6)
    0.045
    """
    return response * effect - (1 - response) * (within[1] - within[0])


def _check(power: float, alpha: float, share: float) -> None:
    if not (0 < alpha < power < 1 and 0 < share < 1):
        raise ValueError(f"power {power}, α {alpha} and share {share} must lie between 0 and 1, and power above α")


def _z(level: float) -> float:
    return float(scipy.special.ndtri(level))
