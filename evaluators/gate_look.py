"""What a comparing line asks of two runs, at the first look at them and at every later one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evaluators.compare import difference_of, relative_difference
from evaluators.gate_fit import margin_of
from evaluators.gate_lines import Versus
from evaluators.measures import Measure
from evaluators.pairing import Pairs
from fairtrial.domain.estimates import Estimate, NotEnough
from fairtrial.stats.always_valid import at_least, at_most, cases_for_bound
from fairtrial.stats.paired.clustered import clustered_effect

USUAL_TAU = 0.05
"""τ where a line has no margin: five points of a share, or 5 % of the baseline's mean."""
AGAIN = "figures of all cases together, and totals, can't be looked at again"


@dataclass(frozen=True, slots=True)
class Question:
    """One line on one slice of two runs; ``later``: it is not the first look at this candidate."""

    test: Versus
    measure: Measure
    pairs: Pairs
    later: bool
    seed: int

    @property
    def relative(self) -> bool:
        """Whether the margin is a share of the baseline's figure."""
        return self.test.margin is not None and self.test.unit == "%"

    @property
    def limit(self) -> float:
        """What the judged difference must clear on the side where more is better."""
        return 0.0 if self.relative else self._direction * margin_of(self.test, self.measure)

    @property
    def tau(self) -> float | None:
        """The standard deviation of the mixture at later looks: the margin, on the measure's scale."""
        if self.measure.kind not in ("proportion", "mean"):
            return None
        of_share = self.measure.form == "share"
        if self.test.margin is None:
            return USUAL_TAU * (self.measure.scale if of_share else self._level)
        if self.relative:
            return self.test.margin / 100 * self._level
        return margin_of(self.test, self.measure)

    def at_look(self, alpha: float) -> Estimate | NotEnough:
        """The difference that decides, each of whose bounds is wrong with a chance of ``alpha``."""
        return self._later(alpha) if self.later else self._first(alpha)

    def cases_to_settle(self, judged: Estimate) -> int | None:
        """About how many cases would, at a later look; ``None`` where no number of them decides."""
        tau = self.tau
        if tau is None:
            return None
        distance = abs(judged.value * self.measure.sign - self.limit)
        spread = float(np.var(self._differences))
        return cases_for_bound(distance, variance=spread, tau=tau) if distance and spread else None

    @property
    def _direction(self) -> int:
        return 1 if self.test.question == "better" else -1

    @property
    def _factor(self) -> float:
        if not self.relative or self.test.margin is None:
            return 1.0
        return 1 + self._direction * self.measure.sign * self.test.margin / 100

    @property
    def _level(self) -> float:
        return float(np.abs(self.pairs.baseline.values).mean()) if self.pairs.n else 0.0

    @property
    def _differences(self) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return self.pairs.candidate.values - self._factor * self.pairs.baseline.values

    def _first(self, alpha: float) -> Estimate | NotEnough:
        level = 1 - 2 * alpha
        if self.relative:
            return relative_difference(self.measure, self.pairs, self._factor, level=level, seed=self.seed)
        return difference_of(self.measure, self.pairs, level=level, seed=self.seed)

    def _later(self, alpha: float) -> Estimate | NotEnough:
        tau = self.tau
        if tau is None:
            return NotEnough(AGAIN, "a candidate that was not judged before", self.pairs.n)
        if not self.pairs.n:
            return self._first(alpha)
        if tau <= 0:
            return NotEnough("the baseline's figure is 0, so that a share of it is none", "a margin in points")
        effect = clustered_effect(self._differences, self.pairs.candidate.clusters)
        low, high = at_least(effect, tau=tau, alpha=alpha), at_most(effect, tau=tau, alpha=alpha)
        if isinstance(low, NotEnough) or isinstance(high, NotEnough):
            return low if isinstance(low, NotEnough) else high
        return replace(low, high=high.high, method=low.method.replace(", one-sided", ""))
