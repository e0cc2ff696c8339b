"""Effects without an interval, which depends on the number of looks, and the line by which effects fade."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import inf, isfinite, sqrt

import scipy  # its `special` loads at its first use, because it is slow to load

from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.domain.promises import MIN_UNITS
from fairtrial.stats.arguments import Floats, upper_share

__all__ = ["Effect", "fixed", "line_ahead"]


EVEN = 12.0
"""Degrees of freedom of clusters' sizes. With fewer, Student's quantile and the size of an unseen cluster are so large
that a score interval hardly ever decides, whatever the data show."""

LEAST = 2
"""The times through which a line can be drawn."""
AHEAD = 2
"""How many times ahead the line is read: as far as two times, which are the first that show a change."""


@dataclass(frozen=True, slots=True)
class Effect:
    """An asymptotically normal estimate, such as treatment − control, with its variance.

    ``value`` is on the metric's scale, or the log of a ratio, as ``method`` says. ``variance`` is on the squared scale.
    ``n`` counts units of analysis, and ``freedom`` is the degrees of freedom of the variance. ``not_yet`` says what a
    look during the experiment still needs before the normal approximation can be trusted, or is ``None``. ``watched``
    is the variance for repeated looks, if they need a larger one than a single look (`difference`). ``within`` is the
    possible range of the effect, −1 to 1 for a difference of rates; no interval extends beyond it. ``unseen`` is what
    repeated looks add to the variances of the lower and the upper end for units not seen yet (`mean`). Raises
    `ValueError` for a value or a variance that is not finite, or a variance below 0.

    >>> Effect(value=0.5, variance=0.04, n=40, method="mean difference").variance ** 0.5
    0.2
    """

    value: float
    variance: float
    n: int
    method: str
    freedom: float = inf
    not_yet: NotEnough | None = None
    watched: float | None = field(default=None, repr=False)
    within: tuple[float, float] = field(default=(-inf, inf), repr=False)
    unseen: tuple[float, float] = field(default=(0.0, 0.0), repr=False)

    def __post_init__(self) -> None:
        sound = 0 <= self.variance < inf and self.freedom > 0 and 0 <= min(self.unseen) <= max(self.unseen) < inf
        if not (isfinite(self.value) and sound):
            raise ValueError(
                f"{self} is not an estimate: value and variance must be finite, and the variance 0 or more"
            )

    def around(self, half: float, upper: float | None = None) -> tuple[float, float]:
        """The interval value ± ``half`` (+ ``upper``, if given), limited to the possible range."""
        least, most = self.within
        return max(least, self.value - half), min(most, self.value + (half if upper is None else upper))

    @property
    def ends(self) -> tuple[float, float]:
        """The variances of the lower and the upper end for repeated looks."""
        return self.variance + self.unseen[0], self.variance + self.unseen[1]


def fixed(effect: Effect | NotEnough, *, level: float = 0.95) -> Estimate | NotEnough:
    """The interval for a single look at a fixed sample size: value ± t √V, two-sided.

    Looking again until the interval excludes 0 invalidates its level; use `always_valid` for repeated looks. Returns
    `NotEnough` if there is no effect, or if the units show no spread.

    Source: Welch (1947), Biometrika 34:28-35, for the degrees of freedom of `mean_difference`.

    >>> print(fixed(Effect(value=0.5, variance=0.04, n=40, method="mean difference", freedom=38)))
    0.5 (0.09512 to 0.9049; 95 %, n = 40, mean difference)
    """
    upper = upper_share(level)
    if isinstance(effect, NotEnough):
        return effect
    if effect.variance <= 0:
        return no_spread(effect)
    half = float(scipy.special.stdtrit(effect.freedom, upper)) * sqrt(effect.variance)
    low, high = effect.around(half)
    return Estimate(effect.value, low, high, level, effect.n, effect.method)


def monitorable(effect: Effect | NotEnough) -> Effect | NotEnough:
    """The effect with the variance for repeated looks, or why it can't be monitored yet."""
    if isinstance(effect, NotEnough):
        return effect
    if effect.not_yet is not None:
        return effect.not_yet
    if effect.watched is not None and effect.watched > effect.variance:
        effect = replace(effect, variance=effect.watched)
    return effect if min(effect.ends) > 0 else no_spread(effect)


def no_spread(effect: Effect) -> NotEnough:
    """The answer when all units are equal, because they show nothing about variation."""
    return NotEnough("all units show the same value, as far as their sums can tell", "units that differ", effect.n)


def too_few(control: int, treatment: int, *, units: str = "units") -> NotEnough | None:
    """Why a look can't decide yet with this many units in each arm; ``None`` if it can."""
    least = min(control, treatment)
    if least >= MIN_UNITS:
        return None
    reason = f"{least} {units} in the smaller arm are too few to look at"
    return NotEnough(reason, f"{MIN_UNITS - least} more {units} in it", control + treatment)


def freedom_of(sizes: Floats) -> float:
    """Satterthwaite's degrees of freedom where the cases of a cluster move together; C − 1 for C equal clusters."""
    return float((sizes**2).sum() ** 2 / (sizes**4).sum()) - 1


def line_ahead(effects: Sequence[tuple[float, float] | None]) -> float | None:
    """The value that a straight line through these effects has two steps after the last one.

    Each effect is a value with its weight, such as its number of units; ``None`` is a time without one. The line has
    the least weighted squares. Returns ``None`` below two effects.

    Source: Draper & Smith (1998), Applied Regression Analysis, weighted least squares; Kohavi, Tang & Xu (2020),
    Trustworthy Online Controlled Experiments, on novelty effects.

    >>> round(line_ahead([(0.12, 500), (0.06, 500)]), 6), round(line_ahead([(0.12, 500), None, (0.06, 500)]), 6)
    (-0.06, 0.0)
    """
    known = [(float(at), *effect) for at, effect in enumerate(effects) if effect is not None]
    if len(known) < LEAST:
        return None
    total = sum(weight for _, _, weight in known)
    middle = sum(weight * at for at, _, weight in known) / total
    mean = sum(weight * value for _, value, weight in known) / total
    slope = sum(weight * (at - middle) * (value - mean) for at, value, weight in known)
    slope /= sum(weight * (at - middle) ** 2 for at, _, weight in known)
    return mean + slope * (len(effects) - 1 + AHEAD - middle)
